//! `latencyBudget`: time that being split may add to a journey, its calls counted as if each waited for the one
//! before (parallel calls add less).

use super::{Constraint, Help, Obstacle, Trial};
use crate::model::LinkEnd;

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
    let sides = trial.sides();
    let mut added = vec![0.0; known.actions.len()];
    for edge in known
        .edges
        .iter()
        .filter(|edge| sides[edge.caller] != sides[edge.callee])
    {
        for (journey, often) in &edge.by_journey {
            added[journey.index()] += often * round_trip;
        }
    }
    budgets
        .iter()
        .filter(|budget| added[budget.value.journey.index()] > budget.value.most.seconds())
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
