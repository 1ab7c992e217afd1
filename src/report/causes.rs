//! What lies between the clusters and between the waves, in words for the answer's first sentence.

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

/// The time between two waves in which most is lost, and its share of all that is lost over time. A bin belongs to a
/// gap when it begins and ends in it, by the waves' means over replications.
pub fn worst_gap(result: &ExperimentResult) -> Option<(String, f64)> {
    let waves = &result.replications.first()?.waves;
    let mean_of =
        |index: usize, of: &dyn Fn(&crate::experiment::result::WaveStats) -> Option<f64>| {
            let found: Vec<f64> = result
                .replications
                .iter()
                .filter_map(|one| of(one.waves.get(index)?))
                .collect();
            (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
        };
    let bin = result.bin.seconds();
    let lost_in = |from: f64, to: f64| -> f64 {
        let lost = |row: &&SeriesRow| row.scope == "journey" && row.metric == "excess_lost_actions";
        let rows = result.series.iter().filter(lost);
        rows.flat_map(|row| row.mean.iter().enumerate())
            .filter(|(at, _)| *at as f64 * bin >= from && (*at + 1) as f64 * bin <= to)
            .filter_map(|(_, value)| *value)
            .filter(|value| *value > 0.0)
            .sum()
    };
    let all = lost_in(0.0, f64::INFINITY);
    let gaps = (1..waves.len()).filter_map(|next| {
        let from = mean_of(next - 1, &|wave| wave.end.map(|end| end.seconds()))?;
        let to = mean_of(next, &|wave| wave.start.map(|start| start.seconds()))?;
        let lost = lost_in(from, to);
        (lost > 0.0).then(|| {
            let words = format!(
                "between waves {} and {}",
                waves[next - 1].wave,
                waves[next].wave
            );
            (words, lost / all)
        })
    });
    gaps.max_by(|left, right| left.1.total_cmp(&right.1))
}
