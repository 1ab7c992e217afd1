//! What lies between the clusters and between the waves, in words for the answer's first sentence.

use std::collections::BTreeMap;

use crate::experiment::gaps::lost_between;
use crate::experiment::result::{ExperimentResult, SeriesRow};
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
