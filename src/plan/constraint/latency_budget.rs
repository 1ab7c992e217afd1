//! `latencyBudget`: time that being split may add to a journey, its calls counted as if each waited for the one
//! before (parallel calls add less).

use super::{Constraint, Help, Obstacle, Trial};
use crate::model::{LatencyBudget, LinkEnd};

/// See the module.
pub(super) static LATENCY_BUDGET: Constraint = Constraint {
    name: "latencyBudget",
    meaning: "time that being split may add to a journey at any time between two moves",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let known = trial.known;
    let budgets = &known.migration.constraints.latency_budgets;
    if budgets.is_empty() {
        return Vec::new();
    }
    let (from, to) = (
        LinkEnd::Cluster(known.migration.from),
        LinkEnd::Cluster(known.migration.to),
    );
    let links = &known.scenario.links;
    let round_trip =
        links.between(from, to).one_way.mean() + links.between(to, from).one_way.mean();
    let mut added = trial.before.hops.clone();
    trial.each_changed_edge(&mut |edge, _, sign| {
        for (journey, often) in &known.edges[edge].by_journey {
            added[journey.index()] += sign * often;
        }
    });
    for hops in &mut added {
        *hops *= round_trip;
    }
    // Sums and differences of shares of calls round; a picosecond is no call.
    let most = |budget: &LatencyBudget| budget.most.seconds() + 1e-12;
    budgets
        .iter()
        .filter(|budget| added[budget.value.journey.index()] > most(&budget.value))
        .map(|budget| Obstacle {
            path: budget.path.clone(),
            reason: format!(
                "{:.1} ms would be added to `{}`",
                added[budget.value.journey.index()] * 1e3,
                known.scenario.journey(budget.value.journey).name
            ),
            help: Help::More,
        })
        .collect()
}
