//! `linkUse`: split calls take at most a share of the link's bandwidth, at the peak of the load.

use super::{Constraint, Help, Obstacle, Trial, link_bytes};
use crate::model::LinkEnd;

/// Share of the bandwidth when nothing is written. Only plans that are made are held to it.
const SHARE: f64 = 0.8;

/// See the module.
pub(super) static LINK_USE: Constraint = Constraint {
    name: "linkUse",
    meaning: "split calls take at most a share of the link's bandwidth at the peak of the load",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let known = trial.known;
    let written = known.migration.constraints.link_use.as_ref();
    if written.is_none() && trial.complete {
        return Vec::new();
    }
    let (from, to) = (
        LinkEnd::Cluster(known.migration.from),
        LinkEnd::Cluster(known.migration.to),
    );
    let links = &known.scenario.links;
    let limits = [
        (
            links.between(from, to).bandwidth,
            &links.between(from, to).name,
        ),
        (
            links.between(to, from).bandwidth,
            &links.between(to, from).name,
        ),
    ];
    if limits.iter().all(|(bandwidth, _)| bandwidth.is_none()) {
        return Vec::new();
    }
    let mut used = trial.before.link;
    trial.each_changed_edge(&mut |edge, caller_on_target, sign| {
        let bytes = link_bytes(&known.edges[edge], caller_on_target);
        used[0] += sign * bytes[0];
        used[1] += sign * bytes[1];
    });
    let share = written.map_or(SHARE, |share| share.value);
    let mut found = Vec::new();
    for ((bandwidth, name), used) in limits.into_iter().zip(used) {
        let used = used * known.peak_level;
        if let Some(limit) = bandwidth
            .map(|all| all * share)
            .filter(|limit| used > *limit)
        {
            found.push(Obstacle {
                path: written.map_or_else(|| format!("links.{name}"), |share| share.path.clone()),
                reason: format!(
                    "split calls would take {} of the {} they may",
                    rate(used),
                    rate(limit)
                ),
                help: Help::More,
            });
        }
    }
    found
}

/// Bytes a second in the unit that leaves a digit before the point.
fn rate(bytes: f64) -> String {
    match bytes {
        most if most >= 1e6 => format!("{:.1} MB/s", bytes / 1e6),
        some if some >= 1e3 => format!("{:.1} kB/s", bytes / 1e3),
        _ => format!("{bytes:.1} B/s"),
    }
}
