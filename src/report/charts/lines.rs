//! Panels of lines over the local clock, one above another, with the waves behind them.
//!
//! The legend stands between title and panels, never on the curves.

use crate::model::LocalClock;
use crate::report::charts::axis;
use crate::report::charts::picture::{Anchor, Ink, Picture};
use crate::report::charts::style;

/// A wave as drawn: name, start and end in seconds since the start, and whether it went back.
#[derive(Clone, Debug)]
pub struct WaveSpan {
    /// Name.
    pub name: String,
    /// First instant.
    pub start: f64,
    /// Last instant.
    pub end: f64,
    /// It was rolled back.
    pub rolled_back: bool,
}

/// What all charts of a run have in common.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// Civil time.
    pub clock: &'a LocalClock,
    /// End of the run, seconds.
    pub horizon: f64,
    /// Waves of the first replication.
    pub waves: Vec<WaveSpan>,
    /// Line under each title: scenario, replications, level.
    pub source: String,
}

/// A curve; bin `i` is drawn at its middle.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its colour.
    pub ink: Ink,
    /// Stroke width, points.
    pub width: f64,
    /// Value of each bin.
    pub mean: Vec<Option<f64>>,
    /// Interval of each bin, drawn as a band.
    pub band: Vec<Option<(f64, f64)>>,
    /// Filled down to zero.
    pub filled: bool,
}

/// One set of axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What and in which unit, above the axes.
    pub label: String,
    /// Writes a value of the axis.
    pub unit: fn(f64) -> String,
    /// Curves in the order painted.
    pub lines: Vec<Line>,
    /// Levels that matter: value and name.
    pub limits: Vec<(f64, String)>,
    /// Highest value shown at least.
    pub at_least: f64,
    /// No value can be higher, and neither is the axis.
    pub at_most: f64,
}

/// A whole chart.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// The finding.
    pub title: String,
    /// Names of the curves.
    pub legend: Vec<(Ink, String)>,
    /// Width of a bin, seconds.
    pub bin: f64,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

const LEFT: f64 = 92.0;
const RIGHT: f64 = 28.0;

/// Height of a panel's axes by number of panels.
fn panel_height(count: usize) -> f64 {
    match count {
        0 | 1 => 340.0,
        2 => 210.0,
        _ => 150.0,
    }
}

/// Draws the chart.
#[must_use]
pub fn draw(chart: &LineChart, frame: &Frame) -> Picture {
    let height = panel_height(chart.panels.len());
    let gap = 44.0;
    let title = style::wrap(&chart.title, style::TITLE, style::WIDTH - 60.0);
    let head = 26.0 + title.len() as f64 * 27.0 + 22.0 + 30.0;
    let strip = if frame.waves.is_empty() { 0.0 } else { 22.0 };
    let total = head + strip + chart.panels.len() as f64 * (height + gap) + 34.0;
    let mut picture = Picture::new(style::WIDTH, total);
    style::heading(&mut picture, &title, &frame.source);
    legend(
        &mut picture,
        &chart.legend,
        !frame.waves.is_empty(),
        head - 18.0,
    );
    for (index, panel) in chart.panels.iter().enumerate() {
        let top = head + strip + gap * 0.6 + index as f64 * (height + gap);
        let axes = Axes {
            left: LEFT,
            right: style::WIDTH - RIGHT,
            top,
            bottom: top + height,
            horizon: frame.horizon,
        };
        waves(&mut picture, frame, &axes, index == 0);
        let place = PanelPlace {
            // The first panel's label makes room for the names of the waves.
            label_y: top - if index == 0 { 12.0 + strip } else { 12.0 },
            times: index + 1 == chart.panels.len(),
        };
        draw_panel(&mut picture, panel, chart.bin, frame, &axes, &place);
    }
    let last = format!("local time, {}", frame.clock.timezone);
    picture.text(
        (style::WIDTH - RIGHT, total - 12.0),
        style::SMALL,
        style::MUTED,
        Anchor::Right,
        last,
    );
    picture
}

/// A rectangle of a picture with its scale of time.
pub struct Axes {
    /// Left edge.
    pub left: f64,
    /// Right edge.
    pub right: f64,
    /// Upper edge.
    pub top: f64,
    /// Lower edge.
    pub bottom: f64,
    /// Seconds at the right edge.
    pub horizon: f64,
}

impl Axes {
    /// Place of an instant in seconds.
    #[must_use]
    pub fn x(&self, seconds: f64) -> f64 {
        self.left + (self.right - self.left) * (seconds / self.horizon).clamp(0.0, 1.0)
    }

    /// Place of a value when the upper edge is `top`.
    fn y(&self, value: f64, top: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * (value / top).clamp(0.0, 1.0)
    }
}

fn legend(picture: &mut Picture, entries: &[(Ink, String)], with_waves: bool, y: f64) {
    let mut x = 30.0;
    for (ink, name) in entries {
        picture.rectangle((x, y - 2.0), (x + 22.0, y + 2.0), *ink, 1.0);
        picture.text(
            (x + 29.0, y),
            style::LABEL,
            style::TEXT,
            Anchor::Left,
            name.as_str(),
        );
        x += 29.0 + Picture::text_width(name, style::LABEL) + 24.0;
    }
    if with_waves {
        picture.rectangle(
            (x, y - 7.0),
            (x + 22.0, y + 7.0),
            style::WAVE,
            style::WAVE_ALPHA,
        );
        picture.text(
            (x + 29.0, y),
            style::LABEL,
            style::TEXT,
            Anchor::Left,
            "wave in progress",
        );
    }
}

fn waves(picture: &mut Picture, frame: &Frame, axes: &Axes, named: bool) {
    let mut free_from = axes.left;
    for wave in &frame.waves {
        let (from, to) = (
            axes.x(wave.start),
            axes.x(wave.end).max(axes.x(wave.start) + 1.5),
        );
        let ink = if wave.rolled_back {
            style::BAD
        } else {
            style::WAVE
        };
        picture.rectangle((from, axes.top), (to, axes.bottom), ink, style::WAVE_ALPHA);
        picture.path(vec![(from, axes.top), (from, axes.bottom)], ink, 1.0);
        let name = Picture::fit(&wave.name, style::SMALL, (to - from).max(52.0));
        let width = Picture::text_width(&name, style::SMALL);
        if named && from >= free_from && from + width <= axes.right {
            picture.text(
                (from, axes.top - 10.0),
                style::SMALL,
                ink,
                Anchor::Left,
                name,
            );
            free_from = from + width + 8.0;
        }
    }
}

/// What differs between the panels of a chart.
struct PanelPlace {
    /// Height of the label's middle.
    label_y: f64,
    /// The times are written below this one.
    times: bool,
}

fn draw_panel(
    picture: &mut Picture,
    panel: &Panel,
    bin: f64,
    frame: &Frame,
    axes: &Axes,
    place: &PanelPlace,
) {
    let highest = panel
        .lines
        .iter()
        .flat_map(|line| {
            line.mean
                .iter()
                .flatten()
                .copied()
                .chain(line.band.iter().flatten().map(|band| band.1))
        })
        .chain(panel.limits.iter().map(|limit| limit.0 * 1.1))
        .fold(panel.at_least, f64::max);
    let rows = if axes.bottom - axes.top > 250.0 { 6 } else { 4 };
    let mut ticks = axis::value_ticks(highest, rows);
    ticks.retain(|tick| *tick <= panel.at_most);
    let top = ticks.last().copied().unwrap_or(1.0);
    for tick in &ticks {
        let y = axes.y(*tick, top);
        picture.path(vec![(axes.left, y), (axes.right, y)], style::GRID, 1.0);
        picture.text(
            (axes.left - 8.0, y),
            style::SMALL,
            style::MUTED,
            Anchor::Right,
            (panel.unit)(*tick),
        );
    }
    for (seconds, label) in axis::time_ticks(frame.clock, frame.horizon, 13) {
        let x = axes.x(seconds);
        picture.path(
            vec![(x, axes.bottom), (x, axes.bottom + 5.0)],
            style::MUTED,
            1.0,
        );
        if place.times {
            picture.text(
                (x, axes.bottom + 15.0),
                style::SMALL,
                style::MUTED,
                Anchor::Middle,
                label,
            );
        }
    }
    picture.path(
        vec![(axes.left, axes.bottom), (axes.right, axes.bottom)],
        style::MUTED,
        1.0,
    );
    picture.text(
        (axes.left, place.label_y),
        style::LABEL,
        style::TEXT,
        Anchor::Left,
        panel.label.as_str(),
    );
    for line in &panel.lines {
        curve(picture, line, bin, axes, top);
    }
    for (value, name) in &panel.limits {
        let y = axes.y(*value, top);
        picture.dashed((axes.left, y), (axes.right, y), style::BAD, 1.6);
        // Its name stands above the axes, so that no curve runs through it.
        picture.text(
            (axes.right, place.label_y),
            style::LABEL,
            style::BAD,
            Anchor::Right,
            format!("– –  {name}"),
        );
    }
}

/// Runs of consecutive bins that have a value: a gap stays a gap.
fn runs<T: Copy>(values: &[Option<T>]) -> Vec<Vec<(usize, T)>> {
    let mut all: Vec<Vec<(usize, T)>> = Vec::new();
    let mut open = false;
    for (index, value) in values.iter().enumerate() {
        match (value, open) {
            (Some(value), true) => all.last_mut().expect("a run is open").push((index, *value)),
            (Some(value), false) => {
                all.push(vec![(index, *value)]);
                open = true;
            }
            (None, _) => open = false,
        }
    }
    all
}

fn curve(picture: &mut Picture, line: &Line, bin: f64, axes: &Axes, top: f64) {
    let x = |index: usize| axes.x((index as f64 + 0.5) * bin);
    for run in runs(&line.band) {
        let upper = run
            .iter()
            .map(|(index, band)| (x(*index), axes.y(band.1, top)));
        let lower = run
            .iter()
            .rev()
            .map(|(index, band)| (x(*index), axes.y(band.0, top)));
        picture.polygon(upper.chain(lower).collect(), line.ink, 0.22);
    }
    for run in runs(&line.mean) {
        let points: Vec<(f64, f64)> = run
            .iter()
            .map(|(index, value)| (x(*index), axes.y(*value, top)))
            .collect();
        if line.filled {
            let (first, end) = (points[0].0, points[points.len() - 1].0);
            let mut area = points.clone();
            area.extend([(end, axes.bottom), (first, axes.bottom)]);
            picture.polygon(area, line.ink, 0.14);
        }
        if let [(only, y)] = points[..] {
            picture.path(vec![(only - 1.5, y), (only + 1.5, y)], line.ink, line.width);
        }
        picture.path(points, line.ink, line.width);
    }
}
