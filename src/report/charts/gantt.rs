//! The programme as bars over the local clock: preparing, shifting and soaking of each service, with change
//! windows, freezes, gates and rollbacks.

use crate::report::charts::axis;
use crate::report::charts::lines::{Axes, Frame};
use crate::report::charts::picture::{Anchor, Ink, Picture};
use crate::report::charts::style;

/// What a service goes through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Target replicas are being made.
    Prepare,
    /// Weights rise.
    Shift,
    /// All on the target, watched.
    Soak,
    /// Going back.
    Rollback,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Prepare, Self::Shift, Self::Soak, Self::Rollback];

    fn ink(self) -> Ink {
        match self {
            Self::Prepare => style::SOURCE,
            Self::Shift => style::TARGET,
            Self::Soak => style::GOOD,
            Self::Rollback => style::BAD,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Shift => "shift",
            Self::Soak => "soak and keep",
            Self::Rollback => "rollback",
        }
    }
}

/// Ends of gates and of services.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// A gate passed.
    Passed,
    /// A gate failed.
    Failed,
    /// A gate could not tell.
    Inconclusive,
    /// Decommissioned on the source.
    Done,
}

/// One service's row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its wave.
    pub wave: String,
    /// Its name.
    pub service: String,
    /// Stages: which, from, to (seconds).
    pub bars: Vec<(Stage, f64, f64)>,
    /// Instants when it was held: from, to.
    pub holds: Vec<(f64, f64)>,
    /// Marks.
    pub signs: Vec<(Sign, f64)>,
}

/// The whole chart.
#[derive(Clone, Debug)]
pub struct Gantt {
    /// The finding.
    pub title: String,
    /// Change windows, when there are any.
    pub windows: Option<Vec<(f64, f64)>>,
    /// Freezes: name, from, to.
    pub freezes: Vec<(String, f64, f64)>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

const WHITE: Ink = plotters::style::RGBColor(255, 255, 255);
const ROW: f64 = 27.0;
const LEFT: f64 = 250.0;

/// Draws the chart.
#[must_use]
pub fn draw(chart: &Gantt, frame: &Frame) -> Picture {
    let title = style::wrap(&chart.title, style::TITLE, style::WIDTH - 60.0);
    let head = 26.0 + title.len() as f64 * 27.0 + 22.0 + 34.0;
    let top = head + 24.0;
    let bottom = top + ROW * chart.rows.len().max(1) as f64;
    let mut picture = Picture::new(style::WIDTH, bottom + 62.0);
    style::heading(&mut picture, &title, &frame.source);
    legend(&mut picture, chart, head - 22.0);
    let axes = Axes {
        left: LEFT,
        right: style::WIDTH - 28.0,
        top,
        bottom,
        horizon: frame.horizon,
    };
    calendar(&mut picture, chart, &axes);
    for (seconds, label) in axis::time_ticks(frame.clock, frame.horizon, 12) {
        let x = axes.x(seconds);
        picture.path(
            vec![(x, axes.top), (x, axes.bottom + 5.0)],
            style::GRID,
            1.0,
        );
        picture.text(
            (x, axes.bottom + 16.0),
            style::SMALL,
            style::MUTED,
            Anchor::Middle,
            label,
        );
    }
    let mut wave = "";
    for (index, row) in chart.rows.iter().enumerate() {
        let middle = top + ROW * (index as f64 + 0.5);
        if row.wave != wave {
            wave = &row.wave;
            picture.path(
                vec![(30.0, middle - ROW / 2.0), (axes.right, middle - ROW / 2.0)],
                style::MUTED,
                1.0,
            );
            picture.text(
                (30.0, middle),
                style::SMALL,
                style::MUTED,
                Anchor::Left,
                Picture::fit(wave, style::SMALL, 78.0),
            );
        }
        let name = Picture::fit(&row.service, style::LABEL, LEFT - 128.0);
        picture.text(
            (LEFT - 10.0, middle),
            style::LABEL,
            style::TEXT,
            Anchor::Right,
            name,
        );
        draw_row(&mut picture, row, &axes, middle);
    }
    picture.path(
        vec![(30.0, axes.bottom), (axes.right, axes.bottom)],
        style::MUTED,
        1.0,
    );
    let last = format!("local time, {}", frame.clock.timezone);
    picture.text(
        (axes.right, bottom + 44.0),
        style::SMALL,
        style::MUTED,
        Anchor::Right,
        last,
    );
    picture
}

fn calendar(picture: &mut Picture, chart: &Gantt, axes: &Axes) {
    if let Some(windows) = &chart.windows {
        for (from, to) in windows {
            picture.rectangle(
                (axes.x(*from), axes.top),
                (axes.x(*to), axes.bottom),
                style::GOOD,
                0.08,
            );
        }
    }
    let mut free_from = axes.left;
    for (name, from, to) in &chart.freezes {
        let (left, right) = (axes.x(*from), axes.x(*to));
        picture.rectangle((left, axes.top), (right, axes.bottom), style::FREEZE, 0.28);
        let name = Picture::fit(name, style::SMALL, (right - left).max(90.0));
        let width = Picture::text_width(&name, style::SMALL);
        if left >= free_from && left + width <= axes.right {
            picture.text(
                (left, axes.top - 10.0),
                style::SMALL,
                style::MUTED,
                Anchor::Left,
                name,
            );
            free_from = left + width + 8.0;
        }
    }
}

fn draw_row(picture: &mut Picture, row: &Row, axes: &Axes, middle: f64) {
    for (stage, from, to) in &row.bars {
        let (left, right) = (axes.x(*from), axes.x(*to).max(axes.x(*from) + 2.0));
        picture.rectangle(
            (left, middle - 7.0),
            (right, middle + 7.0),
            stage.ink(),
            0.85,
        );
    }
    for (from, to) in &row.holds {
        picture.rectangle(
            (axes.x(*from), middle - 3.0),
            (axes.x(*to), middle + 3.0),
            WHITE,
            0.75,
        );
    }
    for (sign, at) in &row.signs {
        draw_sign(picture, *sign, (axes.x(*at), middle));
    }
}

fn draw_sign(picture: &mut Picture, sign: Sign, (x, y): (f64, f64)) {
    let diamond = |half: f64| vec![(x, y - half), (x + half, y), (x, y + half), (x - half, y)];
    match sign {
        Sign::Passed | Sign::Failed | Sign::Inconclusive => {
            let ink = match sign {
                Sign::Passed => style::GOOD,
                Sign::Failed => style::BAD,
                _ => style::MUTED,
            };
            picture.polygon(diamond(9.0), WHITE, 1.0);
            picture.polygon(diamond(7.0), ink, 1.0);
        }
        Sign::Done => {
            picture.rectangle((x - 2.0, y - 10.0), (x + 2.0, y + 10.0), style::TEXT, 1.0);
        }
    }
}

fn legend(picture: &mut Picture, chart: &Gantt, y: f64) {
    let mut x = 30.0;
    let name = |picture: &mut Picture, x: &mut f64, text: &str| {
        picture.text(
            (*x + 26.0, y),
            style::LABEL,
            style::TEXT,
            Anchor::Left,
            text,
        );
        *x += 26.0 + Picture::text_width(text, style::LABEL) + 20.0;
    };
    let used = |stage: Stage| {
        chart
            .rows
            .iter()
            .any(|row| row.bars.iter().any(|bar| bar.0 == stage))
    };
    for stage in Stage::ALL.into_iter().filter(|stage| used(*stage)) {
        picture.rectangle((x, y - 7.0), (x + 20.0, y + 7.0), stage.ink(), 0.85);
        name(picture, &mut x, stage.name());
    }
    for (sign, text) in [
        (Sign::Passed, "gate passed"),
        (Sign::Failed, "gate failed"),
        (Sign::Inconclusive, "gate inconclusive"),
        (Sign::Done, "decommissioned"),
    ] {
        if chart
            .rows
            .iter()
            .any(|row| row.signs.iter().any(|found| found.0 == sign))
        {
            draw_sign(picture, sign, (x + 10.0, y));
            name(picture, &mut x, text);
        }
    }
    if chart.rows.iter().any(|row| !row.holds.is_empty()) {
        picture.rectangle((x, y - 7.0), (x + 20.0, y + 7.0), Stage::Shift.ink(), 0.85);
        picture.rectangle((x + 3.0, y - 3.0), (x + 17.0, y + 3.0), WHITE, 0.75);
        name(picture, &mut x, "held");
    }
    if chart.windows.is_some() {
        picture.rectangle((x, y - 7.0), (x + 20.0, y + 7.0), style::GOOD, 0.13);
        name(picture, &mut x, "change window");
    }
    if !chart.freezes.is_empty() {
        picture.rectangle((x, y - 7.0), (x + 20.0, y + 7.0), style::FREEZE, 0.4);
        name(picture, &mut x, "freeze");
    }
}
