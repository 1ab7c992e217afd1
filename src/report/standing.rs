//! The answer for a scenario in which nothing moves: how well it serves, when worst, and what is behind it.

use crate::experiment::result::{ExperimentResult, ReplicationResult, SeriesRow};
use crate::model::Scenario;
use crate::report::causes::{BUSY, average, busiest_service, failing_service};
use crate::report::charts::axis::local_time;
use crate::report::number;

/// Below this share of good actions the answer says what is behind it.
const WELL: f64 = 0.999;

/// The sentence.
#[must_use]
pub fn sentence(scenario: &Scenario, result: &ExperimentResult) -> String {
    let sum = |count: fn(&ReplicationResult) -> u64| average(result, |one| count(one) as f64);
    let good = sum(|one| one.journeys.iter().map(|journey| journey.good).sum());
    // Users who are kept from acting are missing among the issued: the twin's actions count then.
    let wanted = sum(|one| {
        let wanted = one.journeys.iter();
        wanted
            .map(|journey| journey.intended.max(journey.issued))
            .sum()
    });
    let ratio = good / wanted.max(1.0);
    let share = if wanted > 0.0 {
        number::percent(ratio)
    } else {
        "n/a".to_owned()
    };
    let with_objectives = scenario
        .journeys
        .iter()
        .any(|journey| !journey.slo.is_empty());
    let what = if with_objectives {
        "meet their objectives"
    } else {
        "succeed"
    };
    let slow = slowest(scenario, result).map_or_else(String::new, |(name, p99)| {
        format!(
            "; the slowest journey, {name}, answers 99 % of its actions within {}",
            number::duration(p99)
        )
    });
    let (mut worst, mut behind) = (String::new(), String::new());
    if wanted > 0.0 && ratio < WELL {
        let found = worst_bin(scenario, result);
        behind = cause(
            scenario,
            result,
            found.as_ref().map(|(bin, _)| *bin),
            wanted - good,
        );
        worst = found.map_or_else(String::new, |(_, words)| words);
    }
    format!(
        "Nothing moves: {share} of {} user actions a run {what}{worst}{slow}{behind}.",
        number::plain(wanted)
    )
}

/// The journey with the highest p99, and that, seconds.
fn slowest<'a>(scenario: &'a Scenario, result: &ExperimentResult) -> Option<(&'a str, f64)> {
    let p99 = |name: &str| {
        let row = result.metric("p99", &format!("journey.{name}"));
        row.and_then(|row| row.estimate.mean).or_else(|| {
            let all = result.replications.iter();
            let values: Vec<f64> = all
                .filter_map(|one| one.journeys.iter().find(|stats| stats.journey == name)?.p99)
                .collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        })
    };
    scenario
        .journeys
        .iter()
        .filter_map(|journey| Some((journey.name.as_str(), p99(&journey.name)?)))
        .max_by(|left, right| left.1.total_cmp(&right.1))
}

/// The bin in which the lowest share of a journey's actions is good, and that in words.
fn worst_bin(scenario: &Scenario, result: &ExperimentResult) -> Option<(usize, String)> {
    let of_journeys = |row: &&SeriesRow| row.scope == "journey" && row.metric == "availability";
    let mut worst: Option<(f64, usize, &SeriesRow)> = None;
    for row in result.series.iter().filter(of_journeys) {
        for (bin, value) in row.mean.iter().enumerate() {
            if let Some(value) = value
                && worst.is_none_or(|(least, ..)| *value < least)
            {
                worst = Some((*value, bin, row));
            }
        }
    }
    let (least, bin, row) = worst?;
    let at = bin as f64 * result.bin.seconds();
    let when = local_time(&scenario.clock, at, scenario.horizon.seconds());
    let which = if scenario.journeys.len() > 1 {
        format!(" of {}", row.name)
    } else {
        String::new()
    };
    let words = format!(", fewest{which} at {when} ({})", number::percent(least));
    Some((bin, words))
}

/// What is behind the actions that were not good: whoever refuses at least half as many requests, and who was busiest
/// in the worst bin; a service whose callees are slow refuses with its own processor at rest.
fn cause(scenario: &Scenario, result: &ExperimentResult, bin: Option<usize>, bad: f64) -> String {
    let refused = failing_service(result).filter(|(_, requests)| *requests >= bad / 2.0);
    let busiest = bin.and_then(|bin| busiest_then(result, bin));
    match (refused, busiest) {
        (Some((words, _)), Some((place, _))) if words.starts_with(&place) => format!("; {words}"),
        (Some((words, _)), Some((_, busy))) => format!("; {words}; {busy}"),
        (Some((words, _)), None) => format!("; {words}"),
        (None, Some((_, busy))) => format!("; {busy}"),
        (None, None) => {
            busiest_service(scenario, result).map_or_else(String::new, |words| format!("; {words}"))
        }
    }
}

/// Where most of the requested CPU is used in a bin, if that is much: the place, and in words.
fn busiest_then(result: &ExperimentResult, bin: usize) -> Option<(String, String)> {
    let of_services = |row: &&SeriesRow| row.scope == "service" && row.metric == "cpu_utilisation";
    let (share, row) = result
        .series
        .iter()
        .filter(of_services)
        .filter_map(|row| Some((row.mean.get(bin).copied().flatten()?, row)))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .filter(|(share, _)| *share >= BUSY)?;
    let place = format!("{} in {}", row.name, row.cluster);
    let words = format!(
        "{place} uses {:.0} % of its requested CPU then",
        share * 100.0
    );
    Some((place, words))
}
