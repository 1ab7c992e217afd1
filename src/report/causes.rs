//! What is behind losses: between the clusters, between the waves, at the services; in words for the first sentence.

use std::collections::BTreeMap;

use crate::experiment::gaps::lost_between;
use crate::experiment::result::{EventKind, ExperimentResult, ReplicationResult, SeriesRow};
use crate::model::{LinkEnd, Scenario};
use crate::report::number;

/// A link used above this share of its bandwidth is told: a message takes five times as long on it.
const FULL: f64 = 0.8;

/// The most bytes a second that cross between the clusters, both ways, in the mean over replications.
fn peak_crossing(result: &ExperimentResult) -> Option<f64> {
    let crossing = |row: &&SeriesRow| row.scope == "run" && row.metric == "cross_bytes";
    let row = result.series.iter().find(crossing)?;
    Some(row.mean.iter().flatten().copied().fold(0.0, f64::max))
}

/// Bytes a second that the link between the clusters carries each way, the lesser of both; `None`: any number.
pub fn bandwidth(scenario: &Scenario) -> Option<f64> {
    let migration = scenario.migration.as_ref()?;
    let (from, to) = (
        LinkEnd::Cluster(migration.from),
        LinkEnd::Cluster(migration.to),
    );
    let ways = [
        scenario.links.between(from, to).bandwidth,
        scenario.links.between(to, from).bandwidth,
    ];
    ways.into_iter().flatten().reduce(f64::min)
}

/// That the link between the clusters is full.
pub fn full_link(scenario: &Scenario, result: &ExperimentResult) -> Option<String> {
    let (peak, most) = (peak_crossing(result)?, bandwidth(scenario)?);
    (peak > FULL * most).then(|| {
        format!(
            "up to {}/s cross between the clusters, over a link of {}/s each way",
            number::bytes(peak),
            number::bytes(most)
        )
    })
}

/// What calls between two clusters add: a request and its reply each take the link once.
pub fn longer_way(scenario: &Scenario, result: &ExperimentResult) -> Option<String> {
    let migration = scenario.migration.as_ref()?;
    let link = scenario.links.between(
        LinkEnd::Cluster(migration.from),
        LinkEnd::Cluster(migration.to),
    );
    let added = 2.0 * link.one_way.mean();
    let calls = result.metric("cross_calls", "")?.estimate.mean;
    let calls = calls.filter(|calls| *calls >= 1.0)?;
    (added > 0.0).then(|| {
        format!(
            "{} calls cross between the clusters, {} longer each",
            number::plain(calls),
            number::duration(added)
        )
    })
}

/// The time between two waves in which most is lost, and its share of `lost`, the mean over replications.
pub fn worst_gap(result: &ExperimentResult, lost: f64) -> Option<(String, f64)> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for replication in &result.replications {
        for (gap, lost) in lost_between(replication) {
            *sums.entry(gap).or_default() += lost;
        }
    }
    let (gap, sum) = sums
        .into_iter()
        .max_by(|left, right| left.1.total_cmp(&right.1))?;
    let mean = sum / result.replications.len() as f64;
    (mean > 0.0).then(|| (gap, (mean / lost).min(1.0)))
}

/// Mean over replications, summed in their order.
pub fn average(result: &ExperimentResult, value: impl Fn(&ReplicationResult) -> f64) -> f64 {
    result.replications.iter().map(value).sum::<f64>() / result.replications.len() as f64
}

/// The service whose attempts are refused or killed most, in words, and how many in the mean.
pub fn failing_service(result: &ExperimentResult) -> Option<(String, f64)> {
    let first = result.replications.first()?;
    let refused = |one: &ReplicationResult, index: usize, outcome: usize| {
        one.services
            .get(index)
            .and_then(|service| service.outcomes.get(outcome))
            .copied()
            .unwrap_or(0) as f64
    };
    // Shed, no ready replica, unreachable, killed: what the callee's side did, not what a callee's callee did.
    let words = [
        (3, "refuses"),
        (4, "has no ready replica for"),
        (5, "is gone for"),
        (6, "drops"),
    ];
    let mut worst: Option<(f64, usize, &str)> = None;
    for index in 0..first.services.len() {
        for (outcome, word) in words {
            let requests = average(result, |one| refused(one, index, outcome));
            if requests >= 1.0 && worst.is_none_or(|(most, _, _)| requests > most) {
                worst = Some((requests, index, word));
            }
        }
    }
    let (requests, index, word) = worst?;
    let service = &first.services[index];
    let why = if word == "is gone for" {
        let is_scaled = first.programme.iter().any(|event| {
            event.kind == EventKind::Scaled
                && event
                    .detail
                    .starts_with(&format!("{} in {}:", service.service, service.cluster))
        });
        if is_scaled {
            ": the autoscaler stops a replica before its callers know"
        } else {
            ": a replica stops before its callers know"
        }
    } else {
        ""
    };
    let words = format!(
        "{} in {} {word} {} requests{why}",
        service.service,
        service.cluster,
        number::plain(requests)
    );
    Some((words, requests))
}

/// Utilisation from which a service is called the bottleneck.
pub const BUSY: f64 = 0.85;

/// CPU used over CPU requested of a station in its busiest bin, the mean over replications.
fn peak_use(result: &ExperimentResult, index: usize) -> f64 {
    average(result, |one| {
        let service = one.services.get(index);
        service
            .and_then(|service| service.peak_utilisation)
            .unwrap_or(0.0)
    })
}

pub fn busiest_service(scenario: &Scenario, result: &ExperimentResult) -> Option<String> {
    let first = result.replications.first()?;
    let peak = |index: usize| peak_use(result, index);
    let busiest =
        (0..first.services.len()).max_by(|left, right| peak(*left).total_cmp(&peak(*right)))?;
    let first_of = |kind| first.programme.iter().find(|event| event.kind == kind);
    if peak(busiest) < BUSY {
        let Some(held) = first_of(EventKind::PodPending) else {
            return first_of(EventKind::StartsHeld).map(|event| event.detail.clone());
        };
        let service = held
            .service
            .map(|service| scenario.service(service).name.clone())?;
        return Some(format!(
            "a replica of {service} finds no node: {}",
            held.detail
        ));
    }
    let service = &first.services[busiest];
    let held = first.programme.iter().find(|event| {
        let of = event.service.map(|of| &scenario.service(of).name);
        event.kind == EventKind::StartsHeld && of == Some(&service.service)
    });
    Some(format!(
        "{} in {} uses {:.0} % of its requested CPU at its peak{}",
        service.service,
        service.cluster,
        peak(busiest) * 100.0,
        held.map_or(String::new(), |event| format!(", and {}", event.detail))
    ))
}
