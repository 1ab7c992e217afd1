//! The timetable of a plan as bars: the chart of a run's waves, drawn before any run.

use crate::report::charts::axis::local_time;
use crate::report::charts::gantt::{Gantt, Row, Stage, draw};
use crate::report::charts::lines::Frame;
use crate::report::charts::picture::Picture;
use crate::report::plan::Planned;
use crate::units::{Interval, SimTime};

/// Rows up to which every service has its own; beyond, every wave.
const ROWS: usize = 80;

/// Draws the timetable.
#[must_use]
pub fn picture(plan: &Planned) -> Picture {
    let scenario = plan.known.scenario;
    let horizon = scenario.horizon.seconds();
    let last = plan.timetable.end().seconds().min(horizon);
    let shown = (last * 1.04).min(horizon).max(60.0);
    let span = |interval: &Interval| {
        (
            interval.start.seconds().min(shown),
            interval.end.seconds().min(shown),
        )
    };
    let inside = |(from, to): &(f64, f64)| to > from;
    let chart = Gantt {
        title: format!(
            "{} waves by {}, done by {}",
            plan.waves.len(),
            plan.by,
            local_time(&scenario.clock, last, horizon.max(90_000.0))
        ),
        windows: scenario
            .calendar
            .windows
            .as_ref()
            .map(|windows| windows.iter().map(span).filter(inside).collect()),
        freezes: scenario
            .calendar
            .freezes
            .iter()
            .filter(|freeze| !freeze.is_closed_hours())
            .map(|freeze| (freeze.name.clone(), span(&freeze.interval)))
            .filter(|(_, span)| inside(span))
            .map(|(name, (from, to))| (name, from, to))
            .collect(),
        rows: if plan.timetable.moves.len() > ROWS {
            by_wave(plan)
        } else {
            by_service(plan)
        },
    };
    let frame = Frame {
        clock: &scenario.clock,
        horizon: shown,
        waves: Vec::new(),
        source: format!(
            "{} · as planned: every delay at its mean, nothing goes wrong",
            scenario.title
        ),
    };
    draw(&chart, &frame)
}

fn by_service(plan: &Planned) -> Vec<Row> {
    let row = |one: &crate::plan::clockwork::MoveTimes| Row {
        wave: plan.waves[one.wave].name.clone(),
        service: plan.known.name(one.service).to_owned(),
        bars: vec![
            (
                Stage::Prepare,
                one.prepare.seconds(),
                one.shift_start().seconds(),
            ),
            (
                Stage::Shift,
                one.shift_start().seconds(),
                one.shifted.seconds(),
            ),
            (Stage::Soak, one.shifted.seconds(), one.done.seconds()),
        ],
        holds: Vec::new(),
        signs: Vec::new(),
    };
    plan.timetable
        .moves
        .iter()
        .filter(|one| one.done != SimTime::NEVER)
        .map(row)
        .collect()
}

fn by_wave(plan: &Planned) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, wave) in plan.waves.iter().enumerate() {
        let moves = || plan.timetable.moves.iter().filter(|one| one.wave == index);
        let bounds =
            |from: &dyn Fn(&crate::plan::clockwork::MoveTimes) -> SimTime,
             to: &dyn Fn(&crate::plan::clockwork::MoveTimes) -> SimTime| {
                let first = moves().map(from).min().unwrap_or(SimTime::ZERO);
                let last = moves().map(to).max().unwrap_or(first);
                (first.seconds(), last.seconds())
            };
        let (prepare, _) = bounds(&|one| one.prepare, &|one| one.prepare);
        let (shift, shifted) = bounds(&|one| one.shift_start(), &|one| one.shifted);
        let (_, done) = bounds(&|one| one.done, &|one| one.done);
        rows.push(Row {
            wave: wave.name.clone(),
            service: format!("{} services", wave.members.len()),
            bars: vec![
                (Stage::Prepare, prepare, shift),
                (Stage::Shift, shift, shifted),
                (Stage::Soak, shifted, done),
            ],
            holds: Vec::new(),
            signs: Vec::new(),
        });
    }
    rows
}
