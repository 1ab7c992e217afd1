//! One sentence that answers "what will the users notice if we do it like this?", with numbers and the cause.

use crate::experiment::result::{Estimate, ExperimentResult, StopReason, WaveOutcome};
use crate::model::Scenario;
use crate::report::causes::{
    BUSY, average, busiest_service, failing_service, full_link, longer_way, worst_gap,
};
use crate::report::{number, standing, waits};

/// The sentence.
#[must_use]
pub fn sentence(scenario: &Scenario, result: &ExperimentResult) -> String {
    if result.replications.is_empty() {
        return "Nothing is known: no replication was finished.".to_owned();
    }
    if let StopReason::Failed(reason) = &result.stop {
        return format!("The run could not go on: {reason}.");
    }
    let moves = scenario.migration.is_some() && !scenario.plan.waves.is_empty();
    if !moves {
        return standing::sentence(scenario, result);
    }
    let lost = mean(result, "excess_lost_actions");
    let issued: f64 = average(result, |one| {
        one.journeys
            .iter()
            .map(|journey| journey.intended as f64)
            .sum()
    });
    let programme = programme(scenario, result);
    match lost {
        None => {
            format!("What users lose by the migration is not known (no twin ran); {programme}.")
        }
        Some(lost) if lost < 0.5 => format!(
            "Users notice nothing: of {} actions a run, {} fail or come late because of the migration; {programme}.",
            number::plain(issued),
            if lost == 0.0 {
                "none".to_owned()
            } else {
                format!("{} on average", number::plain(lost))
            },
        ),
        Some(lost) => format!("{}; {programme}.", losses(scenario, result, lost, issued)),
    }
}

fn mean(result: &ExperimentResult, name: &str) -> Option<f64> {
    result.metric(name, "").and_then(|row| row.estimate.mean)
}

/// `123 ± 4`, without its unit.
fn with_interval(estimate: &Estimate) -> String {
    match (estimate.mean, estimate.low, estimate.high) {
        (Some(mean), Some(low), Some(high)) if high > low => {
            format!(
                "{} ± {}",
                number::plain(mean),
                number::plain((high - low) / 2.0)
            )
        }
        (Some(mean), _, _) => number::plain(mean),
        _ => "n/a".to_owned(),
    }
}

fn losses(scenario: &Scenario, result: &ExperimentResult, lost: f64, issued: f64) -> String {
    let interval = result
        .metric("excess_lost_actions", "")
        .map_or_else(String::new, |row| with_interval(&row.estimate));
    let mut words = format!(
        "Users lose {interval} of {} actions because of the migration",
        number::plain(issued)
    );
    if let Some((name, share, minutes)) = worst_journey(result, lost) {
        words += &format!(", {} of them in {name}", number::percent(share));
        if minutes >= 0.5 {
            words += &format!(" (SLO broken for {} min)", number::plain(minutes));
        }
    }
    let wave = worst_wave(result, lost);
    let during = wave.map_or(0.0, |(_, share)| share);
    if let Some((gap, share)) = worst_gap(result, lost).filter(|(_, share)| *share > during) {
        words += &format!(", {} {gap}", number::percent(share));
    } else if let Some((wave, share)) = wave {
        words += &format!(", {} during wave {wave}", number::percent(share));
    }
    if let Some(cause) = cause(scenario, result) {
        words += &format!(": {cause}");
    }
    words
}

/// The journey that loses most: name, share of all losses, breach minutes.
fn worst_journey(result: &ExperimentResult, lost: f64) -> Option<(&str, f64, f64)> {
    let first = result.replications.first()?;
    let of = |index: usize| {
        average(result, |one| {
            one.journeys
                .get(index)
                .and_then(|journey| journey.excess_lost)
                .unwrap_or(0.0)
        })
    };
    let worst = (0..first.journeys.len()).max_by(|left, right| of(*left).total_cmp(&of(*right)))?;
    let minutes = average(result, |one| {
        one.journeys
            .get(worst)
            .map_or(0.0, |journey| journey.breach_minutes)
    });
    Some((
        first.journeys[worst].journey.as_str(),
        (of(worst) / lost).min(1.0),
        minutes,
    ))
}

/// The wave during which most is lost: name and share of all losses.
fn worst_wave(result: &ExperimentResult, lost: f64) -> Option<(&str, f64)> {
    let first = result.replications.first()?;
    let of = |index: usize| {
        average(result, |one| {
            one.waves
                .get(index)
                .and_then(|wave| wave.excess_lost)
                .unwrap_or(0.0)
        })
    };
    let worst = (0..first.waves.len()).max_by(|left, right| of(*left).total_cmp(&of(*right)))?;
    (of(worst) > 0.0).then(|| {
        (
            first.waves[worst].wave.as_str(),
            (of(worst) / lost).min(1.0),
        )
    })
}

/// How actions are lost, and the service behind it.
fn cause(scenario: &Scenario, result: &ExperimentResult) -> Option<String> {
    let mut causes: Vec<(String, f64)> = Vec::new();
    for (cause, actions) in result
        .replications
        .iter()
        .flat_map(|one| &one.journeys)
        .flat_map(|journey| &journey.lost_by_cause)
    {
        match causes.iter_mut().find(|found| found.0 == *cause) {
            Some(found) => found.1 += actions,
            None => causes.push((cause.clone(), *actions)),
        }
    }
    let all: f64 = causes.iter().map(|cause| cause.1).sum();
    let (name, actions) = causes
        .into_iter()
        .max_by(|left, right| left.1.total_cmp(&right.1))
        .filter(|cause| cause.1 > 0.0)?;
    let how = match name.as_str() {
        "late" => "answers come too late",
        "never issued" => "users are kept from acting",
        "ok" => "answers come too late",
        "error" => "calls fail",
        "timeout" => "callers give up waiting",
        "shed" => "full queues refuse requests",
        "no ready replica" => "no replica is ready",
        "unreachable" => "requests reach replicas that are gone",
        "killed" => "replicas are stopped while they work",
        other => other,
    };
    let share = if all > 0.0 && actions / all < 0.995 {
        format!(" ({} of the losses)", number::percent(actions / all))
    } else {
        String::new()
    };
    let behind = match name.as_str() {
        "late" | "ok" | "timeout" | "never issued" => full_link(scenario, result)
            .or_else(|| busiest_in_wave(scenario, result))
            .or_else(|| busiest_service(scenario, result))
            .or_else(|| longer_way(scenario, result)),
        _ => failing_service(result)
            .map(|(words, _)| words)
            .or_else(|| busiest_service(scenario, result)),
    };
    Some(behind.map_or_else(
        || format!("{how}{share}"),
        |behind| format!("{how}{share}; {behind}"),
    ))
}

/// The service that uses most of the CPU it may use while the wave that loses most is in progress, in words.
fn busiest_in_wave(scenario: &Scenario, result: &ExperimentResult) -> Option<String> {
    let mean = |found: Vec<f64>| {
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    let (wave, _) = worst_wave(result, 1.0)?;
    let waves = || {
        let all = result.replications.iter().flat_map(|one| &one.waves);
        all.filter(|found| found.wave == wave)
    };
    let start = mean(
        waves()
            .filter_map(|wave| Some(wave.start?.seconds()))
            .collect(),
    )?;
    let end = mean(
        waves()
            .filter_map(|wave| Some(wave.end?.seconds()))
            .collect(),
    )?;
    let bin = result.bin.seconds();
    let peak_of = |values: &[Option<f64>]| {
        values
            .iter()
            .enumerate()
            .filter(|(at, _)| (start..end).contains(&(*at as f64 * bin)))
            .filter_map(|(_, value)| *value)
            .fold(0.0, f64::max)
    };
    let mut busiest: Option<(f64, f64, String)> = None;
    for row in &result.series {
        if row.scope != "service" || row.metric != "cpu_utilisation" {
            continue;
        }
        let Some(service) = scenario.services.iter().find(|one| one.name == row.name) else {
            continue;
        };
        let resources = &service.resources;
        let limit = resources.cpu_limit.map_or(1.0, |limit| {
            limit.cores() / resources.cpu_request.cores().max(1e-9)
        });
        let peak = peak_of(&row.mean);
        let share = peak / limit.max(1e-9);
        if peak >= BUSY && busiest.as_ref().is_none_or(|most| share > most.1) {
            let place = if row.cluster.is_empty() {
                row.name.clone()
            } else {
                format!("{} in {}", row.name, row.cluster)
            };
            busiest = Some((peak, share, place));
        }
    }
    let (peak, share, place) = busiest?;
    let of_limit = if (share - peak).abs() > 1e-9 {
        format!(" ({:.0} % of its limit)", share * 100.0)
    } else {
        String::new()
    };
    Some(format!(
        "the busiest service then, {place}, uses up to {:.0} % of its requested CPU{of_limit}",
        peak * 100.0
    ))
}

/// How the programme goes, in words.
fn programme(scenario: &Scenario, result: &ExperimentResult) -> String {
    let total = scenario.plan.waves.len();
    let done = average(result, |one| {
        one.waves
            .iter()
            .filter(|wave| wave.outcome == WaveOutcome::Done)
            .count() as f64
    });
    let rollbacks = average(result, |one| {
        one.waves.iter().map(|wave| f64::from(wave.rollbacks)).sum()
    });
    let end = average(result, |one| {
        one.waves
            .iter()
            .filter_map(|wave| wave.end)
            .max()
            .map_or(0.0, |end| end.seconds())
    });
    let noun = if total == 1 { "wave" } else { "waves" };
    let mut words = if done >= total as f64 - 1e-9 {
        let when = crate::report::charts::axis::local_time(
            &scenario.clock,
            end,
            scenario.horizon.seconds(),
        );
        match total {
            1 => format!("its only wave is done by {when}"),
            2 => format!("both waves are done by {when}"),
            _ => format!("all {total} waves are done by {when}"),
        }
    } else {
        let held = waits::at_the_end(scenario, result);
        let why = held.map_or_else(String::new, |held| format!(": {held}"));
        format!(
            "only {} of {total} {noun} get done{why}",
            number::plain(done)
        )
    };
    if rollbacks > 0.0 {
        let noun = if rollbacks == 1.0 {
            "rollback"
        } else {
            "rollbacks"
        };
        words += &format!(" with {} {noun} on average", number::plain(rollbacks));
    }
    words
}
