//! Windows of requests beside the flow plane: a row for what opens them, a column for a measure, a mark for a subject.
//!
//! The chart answers how far the flow plane is from requests where somebody looked. Windows that the same thing opens in
//! several replications are one row.

use std::collections::BTreeMap;

use crate::experiment::result::{ExperimentResult, ProbeStats};
use crate::model::Scenario;
use crate::report::charts::axis::{local_time, value_ticks};
use crate::report::charts::picture::{Anchor, Ink, Picture};
use crate::report::charts::style;
use crate::report::probes::{Compared, compared_in};

/// Rows at most: those with the most requests.
const ROWS: usize = 24;
const ROW: f64 = 30.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 40.0;
/// Between two columns.
const GAP: f64 = 58.0;
/// Smallest and largest error that an axis ends with.
const LEAST: f64 = 0.10;
const MOST: f64 = 0.60;
/// Fewer answers than these are marked, but do not stretch an axis.
const MANY: f64 = 1_000.0;

type Pair = Option<(f64, f64)>;
/// A measure: its name, and how to read it.
type Measure = (&'static str, fn(&Compared) -> Pair);

const MEASURES: [Measure; 3] = [
    ("mean", |one| one.mean),
    ("p95", |one| one.p95),
    ("p99", |one| one.p99),
];

/// Windows that the same thing opened.
struct Row {
    name: String,
    subjects: Vec<Compared>,
    requests: f64,
    first: (u32, f64),
}

/// Draws the windows of a run; `None` without any.
#[must_use]
pub fn chart(scenario: &Scenario, result: &ExperimentResult) -> Option<Picture> {
    let (rows, dropped) = rows(scenario, result)?;
    let top = 26.0 + 27.0 + 22.0 + 62.0;
    let bottom = top + ROW * rows.len() as f64;
    let mut picture = Picture::new(style::WIDTH, bottom + 74.0);
    let title = style::wrap(
        "How far is flow from requests where it was looked at?",
        style::TITLE,
        style::WIDTH - 60.0,
    );
    style::heading(&mut picture, &title, &finding(&rows, dropped));
    let width = (style::WIDTH - LEFT - RIGHT - 2.0 * GAP) / 3.0;
    for (index, row) in rows.iter().enumerate() {
        let y = top + ROW * (index as f64 + 0.5);
        if index % 2 == 0 {
            let from = (20.0, y - ROW / 2.0);
            let to = (style::WIDTH - 20.0, y + ROW / 2.0);
            picture.rectangle(from, to, style::GRID, 0.35);
        }
        let name = Picture::fit(&row.name, style::LABEL, LEFT - 56.0);
        picture.text((30.0, y), style::LABEL, style::TEXT, Anchor::Left, name);
    }
    for (column, measure) in MEASURES.iter().enumerate() {
        let left = LEFT + column as f64 * (width + GAP);
        draw_column(
            &mut picture,
            &rows,
            *measure,
            (left, left + width),
            (top, bottom),
        );
    }
    legend(&mut picture, bottom + 52.0);
    Some(picture)
}

fn rows(scenario: &Scenario, result: &ExperimentResult) -> Option<(Vec<Row>, usize)> {
    let mut found: BTreeMap<&str, Vec<(u32, &ProbeStats)>> = BTreeMap::new();
    for one in &result.replications {
        for probe in &one.probes.rows {
            let place = found.entry(probe.why.as_str()).or_default();
            place.push((one.replication, probe));
        }
    }
    let row = |(why, probes): (&str, Vec<(u32, &ProbeStats)>)| {
        let mut starts: Vec<_> = probes
            .iter()
            .map(|(replication, probe)| (*replication, probe.start))
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let (replication, start) = starts[0];
        let start = start.seconds();
        let when = local_time(&scenario.clock, start, scenario.horizon.seconds());
        let name = match starts.len() {
            1 => format!("{when}  {why}"),
            windows => format!("{why} ({windows} windows)"),
        };
        let subjects = compared_in(probes.iter().map(|(_, probe)| *probe));
        let services = subjects.iter().filter(|one| !is_journey(one));
        Row {
            name,
            requests: services.map(|one| one.ended).sum(),
            subjects,
            first: (replication, start),
        }
    };
    let mut rows: Vec<Row> = found.into_iter().map(row).collect();
    let dropped = rows.len().saturating_sub(ROWS);
    rows.sort_by(|left, right| right.requests.total_cmp(&left.requests));
    rows.truncate(ROWS);
    rows.sort_by(|left, right| {
        let (left, right) = (left.first, right.first);
        left.0.cmp(&right.0).then(left.1.total_cmp(&right.1))
    });
    (!rows.is_empty()).then_some((rows, dropped))
}

fn is_journey(one: &Compared) -> bool {
    one.subject.starts_with("journey")
}

fn error(pair: Pair) -> Option<f64> {
    pair.map(|(flow, request)| flow / request.max(1e-12) - 1.0)
}

/// Mean error over services, each counted by its requests; `None`: nobody was answered.
fn overall<'r>(rows: impl Iterator<Item = &'r Row>, read: fn(&Compared) -> Pair) -> Option<f64> {
    let (mut weight, mut sum) = (0.0, 0.0);
    for one in rows.flat_map(|row| &row.subjects) {
        if let (false, Some(error)) = (is_journey(one), error(read(one))) {
            weight += one.ended;
            sum += one.ended * error;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// The answer in a line.
fn finding(rows: &[Row], dropped: usize) -> String {
    let parts = MEASURES.iter().filter_map(|(name, read)| {
        let error = overall(rows.iter(), *read)?;
        Some(format!("{name} {:+.1} %", error * 100.0))
    });
    let parts: Vec<_> = parts.collect();
    let mut text = format!(
        "flow against request by request, services weighted by their requests: {}",
        parts.join(", ")
    );
    if dropped > 0 {
        text += &format!(" · {dropped} rows with fewer requests are in probes.csv");
    }
    text
}

/// Where an axis ends: what is known well lies within.
fn reach(rows: &[Row], read: fn(&Compared) -> Pair) -> f64 {
    let subjects = rows.iter().flat_map(|row| &row.subjects);
    let known = subjects.filter(|one| one.ended >= MANY);
    let most = known
        .filter_map(|one| error(read(one)))
        .fold(LEAST, |most, error| most.max(error.abs()));
    most.min(MOST)
}

fn draw_column(
    picture: &mut Picture,
    rows: &[Row],
    (name, read): Measure,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) {
    let ticks = value_ticks(reach(rows, read), 2);
    let most = ticks.last().copied().unwrap_or(LEAST);
    let middle = f64::midpoint(left, right);
    let half = (right - left) / 2.0 - 12.0;
    let x = |error: f64| middle + half * (error / most).clamp(-1.0, 1.0);
    picture.text(
        (middle, top - 38.0),
        style::LABEL,
        style::TEXT,
        Anchor::Middle,
        name,
    );
    for (index, tick) in ticks.iter().enumerate() {
        for tick in [-*tick, *tick].into_iter().skip(usize::from(index == 0)) {
            let ink = if index == 0 {
                style::MUTED
            } else {
                style::GRID
            };
            picture.path(vec![(x(tick), top), (x(tick), bottom + 4.0)], ink, 1.0);
            let text = if index == 0 {
                "as requests".to_owned()
            } else {
                format!("{:+.0} %", tick * 100.0)
            };
            for y in [top - 14.0, bottom + 16.0] {
                picture.text(
                    (x(tick), y),
                    style::SMALL,
                    style::MUTED,
                    Anchor::Middle,
                    text.as_str(),
                );
            }
        }
    }
    for (index, row) in rows.iter().enumerate() {
        let y = top + ROW * (index as f64 + 0.5);
        for wanted in [false, true] {
            for one in row.subjects.iter().filter(|one| is_journey(one) == wanted) {
                let Some(error) = error(read(one)) else {
                    continue;
                };
                let share = one.ended / row.requests.max(1.0);
                let size = if wanted {
                    4.5
                } else {
                    2.5 + 3.5 * share.min(1.0).sqrt()
                };
                let ink = if wanted { style::TARGET } else { style::FREEZE };
                mark(picture, (x(error), y), size, ink, error / most);
            }
        }
        if let Some(error) = overall(std::iter::once(row), read) {
            let x = x(error);
            picture.path(
                vec![(x, y - ROW * 0.36), (x, y + ROW * 0.36)],
                style::TEXT,
                2.5,
            );
        }
    }
}

/// A disc, or where the axis ends a tip that points beyond.
fn mark(picture: &mut Picture, (x, y): (f64, f64), size: f64, ink: Ink, place: f64) {
    if place.abs() > 1.0 {
        let tip = x + place.signum() * size * 1.6;
        let points = vec![(tip, y), (x, y - size), (x, y + size)];
        picture.polygon(points, ink, 0.9);
        return;
    }
    let corner = |index: u32| {
        let angle = f64::from(index) * std::f64::consts::PI / 8.0;
        (x + size * libm::cos(angle), y + size * libm::sin(angle))
    };
    picture.polygon((0..16).map(corner).collect(), ink, 0.8);
}

fn legend(picture: &mut Picture, y: f64) {
    let mut at = 30.0;
    let entries: [(Option<Ink>, &str); 3] = [
        (
            Some(style::FREEZE),
            "a service in a cluster (larger: more requests)",
        ),
        (Some(style::TARGET), "a journey"),
        (None, "all services, weighted by requests"),
    ];
    for (ink, text) in entries {
        match ink {
            Some(ink) => mark(picture, (at + 5.0, y), 4.5, ink, 0.0),
            None => picture.path(
                vec![(at + 5.0, y - 8.0), (at + 5.0, y + 8.0)],
                style::TEXT,
                2.5,
            ),
        }
        picture.text(
            (at + 16.0, y),
            style::SMALL,
            style::TEXT,
            Anchor::Left,
            text,
        );
        at += 44.0 + Picture::text_width(text, style::SMALL);
    }
    let beyond = "a tip points to what lies beyond the axis";
    picture.text((at, y), style::SMALL, style::MUTED, Anchor::Left, beyond);
}
