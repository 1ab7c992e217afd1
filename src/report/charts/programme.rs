//! The Gantt chart's rows, read from the programme's log of the first replication.

use crate::experiment::result::{EventKind, ExperimentResult, ReplicationResult, WaveOutcome};
use crate::model::Scenario;
use crate::report::charts::axis::local_time;
use crate::report::charts::gantt::{Gantt, Row, Sign, Stage};
use crate::units::{Interval, ServiceId};

/// The chart; `None` without a plan.
#[must_use]
pub fn gantt(scenario: &Scenario, result: &ExperimentResult) -> Option<Gantt> {
    let first = result.replications.first()?;
    if scenario.plan.waves.is_empty() {
        return None;
    }
    let span = |interval: &Interval| (interval.start.seconds(), interval.end.seconds());
    let mut rows = Vec::new();
    for wave in &scenario.plan.waves {
        for member in &wave.members {
            rows.push(row(scenario, first, member.service, &wave.name));
        }
    }
    let written = scenario.calendar.freezes.iter();
    let freezes = written
        .filter(|freeze| !freeze.is_closed_hours())
        .map(|freeze| {
            let (from, to) = span(&freeze.interval);
            (freeze.name.clone(), from, to)
        });
    Some(Gantt {
        title: title(scenario, result),
        windows: scenario
            .calendar
            .windows
            .as_ref()
            .map(|windows| windows.iter().map(span).collect()),
        freezes: freezes.collect(),
        rows,
    })
}

fn row(scenario: &Scenario, first: &ReplicationResult, service: ServiceId, wave: &str) -> Row {
    let mut row = Row {
        wave: wave.to_owned(),
        service: scenario.service(service).name.clone(),
        bars: Vec::new(),
        holds: Vec::new(),
        signs: Vec::new(),
    };
    let mut stage: Option<(Stage, f64)> = None;
    let mut hold: Option<f64> = None;
    for event in first
        .programme
        .iter()
        .filter(|event| event.service == Some(service))
    {
        let at = event.at.seconds();
        let next = match event.kind {
            EventKind::PrepareStarted => Some(Some(Stage::Prepare)),
            EventKind::ShiftStarted => Some(Some(Stage::Shift)),
            EventKind::SoakStarted => Some(Some(Stage::Soak)),
            EventKind::RollbackStarted => Some(Some(Stage::Rollback)),
            EventKind::RolledBack | EventKind::Decommissioned => Some(None),
            _ => None,
        };
        if let Some(next) = next {
            if let Some((open, from)) = stage.take() {
                row.bars.push((open, from, at));
            }
            stage = next.map(|next| (next, at));
        }
        match event.kind {
            EventKind::GatePassed => row.signs.push((Sign::Passed, at)),
            EventKind::GateFailed => row.signs.push((Sign::Failed, at)),
            EventKind::GateInconclusive => row.signs.push((Sign::Inconclusive, at)),
            EventKind::Decommissioned => row.signs.push((Sign::Done, at)),
            EventKind::HoldStarted => hold = Some(at),
            EventKind::HoldEnded => row.holds.extend(hold.take().map(|from| (from, at))),
            _ => {}
        }
    }
    let end = scenario.horizon.seconds();
    row.bars.extend(stage.map(|(open, from)| (open, from, end)));
    row.holds.extend(hold.map(|from| (from, end)));
    row
}

fn title(scenario: &Scenario, result: &ExperimentResult) -> String {
    let Some(first) = result.replications.first() else {
        return String::new();
    };
    let count = first.waves.len();
    let done = first
        .waves
        .iter()
        .filter(|wave| wave.outcome == WaveOutcome::Done)
        .count();
    let end = first.waves.iter().filter_map(|wave| wave.end).max();
    let when =
        end.map(|end| local_time(&scenario.clock, end.seconds(), scenario.horizon.seconds()));
    let mut words = match (done == count, when) {
        (true, Some(when)) => match count {
            1 => format!("The one wave is done by {when}"),
            2 => format!("Both waves are done by {when}"),
            _ => format!("All {count} waves are done by {when}"),
        },
        _ => format!("{done} of {count} waves are done at the end"),
    };
    let rolled: Vec<&str> = first
        .waves
        .iter()
        .filter(|wave| wave.rollbacks > 0)
        .map(|wave| wave.wave.as_str())
        .collect();
    match rolled[..] {
        [] => words += ", without a rollback",
        [one] => words += &format!("; wave {one} is rolled back"),
        ref several => {
            words += &format!(
                "; {} waves are rolled back, first {}",
                several.len(),
                several[0]
            )
        }
    }
    let failed = first
        .programme
        .iter()
        .find(|event| event.kind == EventKind::GateFailed);
    if let Some(event) = failed
        && let Some(service) = event.service
    {
        words += &format!(
            " (gate of {}: {})",
            scenario.service(service).name,
            event.detail
        );
    }
    words
}
