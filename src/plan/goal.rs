//! What a plan's timetable and exposure say about the scenario's objective, before any simulation.
//!
//! Only what follows from traffic, prices and times: crossing calls and bytes, egress, makespan, lateness, moves.
//! What comes from queues, failures and gates (latencies, breach minutes, rollbacks) the graph cannot see.

use crate::model::{Goal, MetricTerm};
use crate::plan::KnownWorld;
use crate::plan::clockwork::Timetable;
use crate::plan::exposure::{Exposure, exposure};
use crate::units::SimTime;

/// The objective as far as the graph sees it: one number a part, in order of importance.
#[derive(Clone, PartialEq, Debug)]
pub struct Outlook {
    /// By part; a priced objective has one part, the sum.
    pub parts: Vec<f64>,
    /// Names of metrics that the graph cannot see, which are not in `parts`.
    pub unseen: Vec<String>,
}

/// Estimates the objective of a plan. Without an objective: crossing calls, for information only.
#[must_use]
pub fn outlook(known: &KnownWorld, timetable: &Timetable) -> Outlook {
    let found = exposure(known, timetable);
    let mut unseen = Vec::new();
    let mut see = |term: &MetricTerm| {
        let value = metric(known, term, timetable, &found);
        if value.is_none() {
            unseen.push(term.name.clone());
        }
        value
    };
    let parts = match &known.scenario.goal {
        None => vec![found.calls],
        Some(Goal::InOrder(terms)) => terms.iter().filter_map(&mut see).collect(),
        Some(Goal::Priced(terms)) => {
            let sum = terms
                .iter()
                .filter_map(|(term, price)| Some(see(term)? * price))
                .sum();
            vec![sum]
        }
    };
    Outlook { parts, unseen }
}

/// Whether the first is better: by the first part that differs by more than rounding.
#[must_use]
pub fn is_better(first: &[f64], second: &[f64]) -> bool {
    for (one, two) in first.iter().zip(second) {
        let room = 1e-9 * one.abs().max(two.abs());
        if (one - two).abs() > room {
            return one < two;
        }
    }
    false
}

/// A metric of the whole run by the timetable; `None` for what the graph cannot see.
fn metric(
    known: &KnownWorld,
    term: &MetricTerm,
    timetable: &Timetable,
    found: &Exposure,
) -> Option<f64> {
    let scope = &term.scope;
    if term.subject.is_some() || scope.cluster.is_some() || scope.during.is_some() {
        return None;
    }
    let end = timetable.end();
    let start = timetable
        .waves
        .first()
        .map_or(SimTime::ZERO, |wave| wave.start);
    match (term.name.as_str(), scope.over) {
        ("cross_calls", Some(over)) => Some(found.peak_calls * known.peak_level * over.seconds()),
        ("cross_calls", None) => Some(found.calls),
        ("cross_bytes", None) => Some(found.bytes),
        ("egress_cost", None) => Some(found.egress_cost),
        ("makespan", None) => Some(end.since(start).seconds()),
        ("lateness", None) => {
            let by = known.migration.deadline.unwrap_or(known.scenario.end());
            Some(end.since(by).seconds())
        }
        ("moves", None) => Some(timetable.moves.len() as f64),
        _ => None,
    }
}
