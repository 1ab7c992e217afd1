//! What is lost while no wave is in progress: services that were moved and those that were not call across the link.

use std::collections::BTreeMap;

use crate::experiment::result::ReplicationResult;
use crate::units::SimTime;

/// A gap between two waves that follow one another in the plan, in words.
fn words(before: &str, after: &str) -> String {
    format!("between waves {before} and {after}")
}

/// Excess lost actions of one replication by the gap in which they ended, gaps by their words. A bin of the time
/// series belongs to a gap when it begins and ends in it.
#[must_use]
pub fn lost_between(replication: &ReplicationResult) -> BTreeMap<String, f64> {
    let bin = replication.bin.0;
    let lost_in = |from: SimTime, to: SimTime| -> f64 {
        let rows = replication.series.iter();
        let rows = rows.filter(|row| row.scope == "journey" && row.metric == "excess_lost_actions");
        rows.flat_map(|row| row.values.iter().enumerate())
            .filter(|(at, _)| *at as u64 * bin >= from.0 && (*at as u64 + 1) * bin <= to.0)
            .filter_map(|(_, lost)| *lost)
            .sum()
    };
    let pairs = replication.waves.windows(2);
    let gaps = pairs.filter_map(|pair| {
        let (from, to) = (pair[0].end?, pair[1].start?);
        let lost = lost_in(from, to);
        Some((words(&pair[0].wave, &pair[1].wave), lost))
    });
    gaps.filter(|(_, lost)| *lost > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::result::{Series, WaveStats};
    use crate::units::SimDuration;

    #[test]
    fn whole_bins_between_two_waves_count() {
        let minute = |minute: u64| Some(SimTime::ZERO + SimDuration::from_secs(60 * minute));
        let wave = |name: &str, start, end| WaveStats {
            wave: name.to_owned(),
            start,
            end,
            ..WaveStats::default()
        };
        let replication = ReplicationResult {
            waves: vec![
                wave(
                    "a",
                    minute(1),
                    Some(SimTime::ZERO + SimDuration::from_secs(150)),
                ),
                wave("b", minute(5), minute(6)),
                wave("c", None, None),
            ],
            // A loss of 2^i in minute i: minutes 3 and 4 lie between 2:30 and 5:00.
            series: vec![Series {
                scope: "journey".to_owned(),
                name: "j".to_owned(),
                cluster: String::new(),
                metric: "excess_lost_actions".to_owned(),
                values: (0..8).map(|at| Some(f64::from(1 << at))).collect(),
            }],
            bin: SimDuration::from_secs(60),
            ..ReplicationResult::default()
        };
        let found = lost_between(&replication);
        assert_eq!(found.len(), 1);
        assert_eq!(found["between waves a and b"], 24.0);
    }
}
