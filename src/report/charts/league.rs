//! Plans by an objective: a point with its interval each, the leader at the top.

use crate::report::charts::axis::value_ticks;
use crate::report::charts::picture::{Anchor, Picture};
use crate::report::charts::style;
use crate::stats::Interval;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name of the plan.
    pub name: String,
    /// Mean with its interval.
    pub value: Option<Interval>,
    /// Not told apart from the leader, or the leader itself.
    pub leads: bool,
    /// It searches by itself, or was searched.
    pub searches: bool,
}

/// The whole chart.
#[derive(Clone, Debug)]
pub struct League {
    /// The finding.
    pub title: String,
    /// Under the title.
    pub source: String,
    /// What is drawn, with its unit.
    pub axis: String,
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// Labels of values.
    pub label: fn(f64) -> String,
}

const ROW: f64 = 25.0;
const LEFT: f64 = 230.0;

/// Draws the chart.
#[must_use]
pub fn draw(chart: &League) -> Picture {
    let title = style::wrap(&chart.title, style::TITLE, style::WIDTH - 60.0);
    let top = 26.0 + title.len() as f64 * 27.0 + 44.0;
    let bottom = top + ROW * chart.rows.len() as f64;
    let mut picture = Picture::new(style::WIDTH, bottom + 62.0);
    style::heading(&mut picture, &title, &chart.source);
    let highest = chart
        .rows
        .iter()
        .filter_map(|row| row.value)
        .map(|value| value.high.max(value.estimate))
        .fold(0.0, f64::max);
    let ticks = value_ticks(highest.max(1e-9), 8);
    let most = ticks.last().copied().unwrap_or(1.0);
    let right = style::WIDTH - 110.0;
    let x = |value: f64| LEFT + (right - LEFT) * (value / most).clamp(0.0, 1.0);
    for tick in &ticks {
        picture.path(
            vec![(x(*tick), top), (x(*tick), bottom + 5.0)],
            style::GRID,
            1.0,
        );
        picture.text(
            (x(*tick), bottom + 18.0),
            style::SMALL,
            style::MUTED,
            Anchor::Middle,
            (chart.label)(*tick),
        );
    }
    for (index, row) in chart.rows.iter().enumerate() {
        let y = top + ROW * (index as f64 + 0.5);
        let ink = match (row.leads, row.searches) {
            (true, _) => style::GOOD,
            (false, true) => style::WAVE,
            (false, false) => style::TARGET,
        };
        let name = Picture::fit(&row.name, style::LABEL, LEFT - 50.0);
        picture.text(
            (LEFT - 14.0, y),
            style::LABEL,
            style::TEXT,
            Anchor::Right,
            name,
        );
        let Some(value) = row.value else {
            picture.text(
                (LEFT + 8.0, y),
                style::SMALL,
                style::MUTED,
                Anchor::Left,
                "no value in some replication",
            );
            continue;
        };
        picture.path(vec![(LEFT, y), (x(value.estimate), y)], style::GRID, 6.0);
        picture.path(vec![(x(value.low), y), (x(value.high), y)], ink, 2.5);
        for end in [value.low, value.high] {
            picture.path(vec![(x(end), y - 6.0), (x(end), y + 6.0)], ink, 2.0);
        }
        let (centre, half) = (x(value.estimate), 3.0);
        picture.rectangle(
            (centre - half, y - half),
            (centre + half, y + half),
            ink,
            1.0,
        );
        let text = (chart.label)(value.estimate);
        picture.text(
            (x(value.high) + 12.0, y),
            style::SMALL,
            style::TEXT,
            Anchor::Left,
            text,
        );
    }
    let legend = [
        (style::GOOD, "leads, or is not told apart from the leader"),
        (style::WAVE, "searches by itself"),
        (style::TARGET, "other named strategies"),
    ];
    let mut at = LEFT;
    let y = bottom + 44.0;
    for (ink, text) in legend {
        picture.rectangle((at, y - 5.0), (at + 10.0, y + 5.0), ink, 1.0);
        picture.text(
            (at + 16.0, y),
            style::SMALL,
            style::TEXT,
            Anchor::Left,
            text,
        );
        at += 40.0 + Picture::text_width(text, style::SMALL);
    }
    picture.text(
        (right, y),
        style::SMALL,
        style::MUTED,
        Anchor::Right,
        chart.axis.as_str(),
    );
    picture
}
