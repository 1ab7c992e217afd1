//! Two experiments on the same luck: paired differences, a verdict in words, and the worse one's main cause.

use std::collections::BTreeMap;

use crate::experiment::gaps::lost_between;
use crate::experiment::judge::short;
use crate::experiment::result::{
    Better, Comparison, DifferenceRow, ExperimentResult, ReplicationResult,
};
use crate::model::metric::{Direction, find};
use crate::stats::paired;
use crate::world::contract::Outcome;

/// Metrics that decide, most important first: a later one speaks only when the earlier are equal or untold.
const DECIDERS: [&str; 6] = [
    "complete",
    "excess_lost_actions",
    "breach_minutes",
    "failed_requests",
    "p99",
    "cost",
];

/// Compares two experiments by pairs of equal replication numbers. Names head the sentences.
#[must_use]
pub fn compare(
    first: (&str, &ExperimentResult),
    second: (&str, &ExperimentResult),
    confidence: f64,
) -> Comparison {
    let pairs = first.1.replications.len().min(second.1.replications.len());
    let one = &first.1.replications[..pairs];
    let two = &second.1.replications[..pairs];
    let rows = difference_rows(one, two, confidence);
    let is_identical = pairs > 0 && rows.iter().all(|row| row.better == Better::Identical);
    let (better, decided_by) = if is_identical {
        (Better::Identical, None)
    } else {
        decide(&rows)
    };
    let names = (first.0, second.0);
    let verdict = sentence(
        names,
        better,
        decided_by.and_then(|at| rows.get(at)),
        confidence,
        pairs,
    );
    let worse = match better {
        Better::First => Some((second.0, two, one)),
        Better::Second => Some((first.0, one, two)),
        Better::Identical | Better::Undecided => None,
    };
    Comparison {
        first: first.0.to_owned(),
        second: second.0.to_owned(),
        confidence,
        pairs: pairs as u32,
        better,
        decided_by: decided_by.map(|at| rows[at].name.clone()),
        verdict,
        cause: worse.and_then(|(name, worse, other)| cause(name, worse, other)),
        rows,
    }
}

fn difference_rows(
    one: &[ReplicationResult],
    two: &[ReplicationResult],
    confidence: f64,
) -> Vec<DifferenceRow> {
    let (Some(first), Some(second)) = (one.first(), two.first()) else {
        return Vec::new();
    };
    let places: BTreeMap<(&str, &str), usize> = second
        .metrics
        .iter()
        .enumerate()
        .map(|(at, scalar)| ((scalar.name.as_str(), scalar.subject.as_str()), at))
        .collect();
    let mut rows = Vec::new();
    for (at, scalar) in first.metrics.iter().enumerate() {
        let key = (scalar.name.as_str(), scalar.subject.as_str());
        if let Some(&other) = places.get(&key) {
            let values: Vec<_> = one
                .iter()
                .zip(two)
                .map(|(one, two)| (one.metrics[at].value, two.metrics[other].value))
                .collect();
            rows.push(difference_row(key, &values, confidence));
        }
    }
    rows
}

fn difference_row(
    (name, subject): (&str, &str),
    values: &[(Option<f64>, Option<f64>)],
    confidence: f64,
) -> DifferenceRow {
    let metric = find(name);
    let both = values
        .iter()
        .filter_map(|(one, two)| Some(((*one)?, (*two)?)));
    let (one, two): (Vec<f64>, Vec<f64>) = both.unzip();
    let pair = paired(&one, &two, confidence);
    let is_equal = values.iter().all(|(one, two)| one == two);
    let direction = metric.map_or(Direction::Neither, |metric| metric.better);
    let better = match pair {
        _ if is_equal => Better::Identical,
        Some(pair) if pair.difference.high < 0.0 => lower_first(direction, true),
        Some(pair) if pair.difference.low > 0.0 => lower_first(direction, false),
        _ => Better::Undecided,
    };
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    DifferenceRow {
        name: name.to_owned(),
        subject: subject.to_owned(),
        unit: metric.map_or("", |metric| metric.unit).to_owned(),
        first: mean(&one),
        second: mean(&two),
        difference: mean(&one).zip(mean(&two)).map(|(one, two)| one - two),
        low: pair.map(|pair| pair.difference.low),
        high: pair.map(|pair| pair.difference.high),
        n: one.len() as u32,
        correlation: pair.and_then(|pair| pair.correlation),
        variance_ratio: pair.and_then(|pair| pair.variance_ratio),
        better,
    }
}

fn lower_first(direction: Direction, first_is_lower: bool) -> Better {
    match (direction, first_is_lower) {
        (Direction::Neither, _) => Better::Undecided,
        (Direction::Lower, true) | (Direction::Higher, false) => Better::First,
        (Direction::Lower, false) | (Direction::Higher, true) => Better::Second,
    }
}

/// The first decider of the whole run that tells them apart: its verdict and position.
fn decide(rows: &[DifferenceRow]) -> (Better, Option<usize>) {
    for name in DECIDERS {
        let of = |row: &DifferenceRow| row.name == name && row.subject.is_empty();
        let Some(at) = rows.iter().position(of) else {
            continue;
        };
        if matches!(rows[at].better, Better::First | Better::Second) {
            return (rows[at].better, Some(at));
        }
    }
    (Better::Undecided, None)
}

fn sentence(
    (first, second): (&str, &str),
    better: Better,
    row: Option<&DifferenceRow>,
    confidence: f64,
    pairs: usize,
) -> String {
    let level = format!("{} %", short_percent(confidence));
    let (winner, loser) = match better {
        Better::First => (first, second),
        Better::Second => (second, first),
        Better::Identical => {
            return format!(
                "`{first}` and `{second}` are identical: the same results in each of {pairs} replications."
            );
        }
        Better::Undecided => {
            return format!(
                "undecided: `{first}` and `{second}` are not told apart by {pairs} pairs at {level}."
            );
        }
    };
    let Some(row) = row else {
        return format!("`{winner}` is better.");
    };
    let (Some(difference), Some(low), Some(high)) = (row.difference, row.low, row.high) else {
        return format!("`{winner}` is better.");
    };
    let amount = with_half_width(difference.abs(), (high - low) / 2.0);
    let what = match row.name.as_str() {
        "complete" => format!("{loser} completes less often"),
        "excess_lost_actions" => format!("{loser} loses {amount} more actions"),
        "breach_minutes" => format!("{loser} has {amount} more breach minutes"),
        "failed_requests" => format!("{loser} has {amount} more failed requests"),
        "p99" => format!("the p99 of {loser} is {amount} s longer"),
        "cost" => format!("{loser} costs {amount} more"),
        other => format!("{other} differs by {amount}"),
    };
    format!("`{winner}` is better: {what} ({level}).")
}

fn short_percent(confidence: f64) -> String {
    let text = format!("{:.1}", confidence * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `3,200 ± 400`: both rounded to two digits of the half-width.
fn with_half_width(value: f64, half: f64) -> String {
    if half <= 0.0 || !half.is_finite() {
        return grouped(value);
    }
    if half < 1.0 {
        return format!("{} ± {}", short(value), short(half));
    }
    let mut unit = 1.0;
    while half / unit >= 100.0 {
        unit *= 10.0;
    }
    let round = |number: f64| (number / unit).round() * unit;
    if half < 10.0 {
        return format!("{value:.0} ± {half:.1}");
    }
    format!("{} ± {}", grouped(round(value)), grouped(round(half)))
}

/// A whole number with thousands apart; small ones with digits.
fn grouped(value: f64) -> String {
    if value.abs() < 10.0 {
        return short(value);
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn largest(sums: BTreeMap<String, f64>) -> Option<(String, f64)> {
    sums.into_iter()
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .filter(|(_, sum)| *sum > 0.0)
}

/// Main cause of the worse one's losses: how actions ended, at which service, in which wave.
fn cause(name: &str, worse: &[ReplicationResult], other: &[ReplicationResult]) -> Option<String> {
    let mut causes: BTreeMap<String, f64> = BTreeMap::new();
    for (of, sign) in [(worse, 1.0), (other, -1.0)] {
        let losses = of
            .iter()
            .flat_map(|r| &r.journeys)
            .flat_map(|j| &j.lost_by_cause);
        for (cause, lost) in losses {
            *causes.entry(cause.clone()).or_default() += sign * lost;
        }
    }
    let total: f64 = causes.values().filter(|lost| **lost > 0.0).sum();
    let (cause, lost) = largest(causes)?;
    let share = format!("{:.0} %", lost / total * 100.0);
    let how = match cause.as_str() {
        "late" => "is answered too late",
        "never issued" => "is never asked for, as its users still wait",
        "ok" => "is answered, but misses an objective",
        "error" => "ends in an error",
        "timeout" => "is given up by its caller",
        "shed" => "is refused at a full queue",
        "no ready replica" => "finds no ready replica",
        "unreachable" => "reaches a replica that is gone",
        "killed" => "is lost with a stopped replica",
        other => other,
    };
    let mut text = format!("{share} of what {name} loses more {how}");
    if let Some(place) = worst_place(&cause, worse, other) {
        text += &place;
    }
    let mut waves: BTreeMap<String, f64> = BTreeMap::new();
    for wave in worse.iter().flat_map(|replication| &replication.waves) {
        *waves.entry(wave.wave.clone()).or_default() += wave.excess_lost.unwrap_or(0.0);
    }
    let mut places: BTreeMap<String, f64> = waves
        .into_iter()
        .map(|(wave, lost)| (format!("while wave `{wave}` was in progress"), lost))
        .collect();
    for (gap, lost) in worse.iter().flat_map(lost_between) {
        *places.entry(gap).or_default() += lost;
    }
    if let Some((place, lost)) = largest(places) {
        let mean = lost / worse.len() as f64;
        text += &format!("; {} lost actions a run ended {place}", grouped(mean));
    }
    Some(text + ".")
}

/// A peak of CPU over what is requested that may explain a loss.
const BUSY: f64 = 0.7;

/// The service and cluster with the most extra attempts of that outcome; for slowness, the busiest.
fn worst_place(
    cause: &str,
    worse: &[ReplicationResult],
    other: &[ReplicationResult],
) -> Option<String> {
    let outcome = Outcome::ALL
        .iter()
        .position(|outcome| outcome.name() == cause);
    let mut places: BTreeMap<String, f64> = BTreeMap::new();
    let mut peaks: BTreeMap<String, f64> = BTreeMap::new();
    for (of, sign) in [(worse, 1.0), (other, -1.0)] {
        for station in of.iter().flat_map(|replication| &replication.services) {
            let place = format!("`{}` in `{}`", station.service, station.cluster);
            if let Some(outcome) = outcome {
                let count = station.outcomes.get(outcome).copied().unwrap_or(0);
                *places.entry(place.clone()).or_default() += sign * count as f64;
            }
            if sign > 0.0 {
                let peak = peaks.entry(place).or_default();
                *peak = peak.max(station.peak_utilisation.unwrap_or(0.0));
            }
        }
    }
    if let Some((place, _)) = largest(places) {
        let peak = peaks.get(&place).copied().unwrap_or(0.0);
        return Some(if peak > BUSY {
            format!(
                ", most at {place} (its CPU peaks at {:.0} % of what it requests)",
                peak * 100.0
            )
        } else {
            format!(", most at {place}")
        });
    }
    let (place, peak) = largest(peaks)?;
    Some(format!(
        "; the busiest is {place}, at {:.0} % of the CPU it requests",
        peak * 100.0
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_sentences_are_rounded_to_their_half_width() {
        assert_eq!(with_half_width(3_217.0, 412.0), "3,220 ± 410");
        assert_eq!(with_half_width(1_234_567.0, 34_567.0), "1,235,000 ± 35,000");
        assert_eq!(with_half_width(52.4, 3.2), "52 ± 3.2");
    }

    #[test]
    fn copies_are_identical_and_a_worse_one_is_named() {
        let result = |lost: f64| {
            let replication = |number: u32| ReplicationResult {
                replication: number,
                metrics: vec![crate::experiment::result::Scalar {
                    name: "excess_lost_actions".to_owned(),
                    subject: String::new(),
                    value: Some(lost + f64::from(number)),
                }],
                ..ReplicationResult::default()
            };
            ExperimentResult {
                scenario: "shop".to_owned(),
                seed: 1,
                confidence: 0.95,
                stop: crate::experiment::result::StopReason::Replications,
                replications: (0..4).map(replication).collect(),
                metrics: Vec::new(),
                terms: Vec::new(),
                assertions: Vec::new(),
                bin: crate::units::SimDuration::ZERO,
                series: Vec::new(),
                digest: String::new(),
            }
        };
        let same = compare(("a", &result(5.0)), ("b", &result(5.0)), 0.95);
        assert_eq!(same.better, Better::Identical);
        let other = compare(("a", &result(5.0)), ("b", &result(3_000.0)), 0.95);
        assert_eq!(other.better, Better::First);
        assert!(
            other
                .verdict
                .starts_with("`a` is better: b loses 2,995 more actions"),
            "{}",
            other.verdict
        );
    }
}
