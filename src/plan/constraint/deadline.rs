//! `deadline`: what must be decommissioned by when. One with a price may be missed, at that price.

use super::{Constraint, Help, Obstacle, Trial};

/// Path under which the end of the run stands as the deadline of everything.
pub(super) const HORIZON: &str = "horizon";

/// See the module.
pub(super) static DEADLINE: Constraint = Constraint {
    name: "deadline",
    meaning: "services are decommissioned by then, all before the end of the run",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let late = |by, of: &dyn Fn(usize) -> bool| -> Vec<usize> {
        trial
            .own_moves()
            .iter()
            .filter(|one| one.done > by && of(one.service))
            .map(|one| one.service)
            .collect()
    };
    let mut found = Vec::new();
    for deadline in &trial.known.migration.constraints.deadlines {
        if deadline.value.price_per_second.is_some() {
            continue;
        }
        let is_of = |service: usize| {
            deadline
                .value
                .services
                .as_ref()
                .is_none_or(|services| services.iter().any(|one| one.index() == service))
        };
        let services = late(deadline.value.by, &is_of);
        if !services.is_empty() {
            found.push(Obstacle {
                path: deadline.path.clone(),
                reason: format!("{} would be done too late", trial.names(&services)),
                help: Help::Nothing,
            });
        }
    }
    let services = late(trial.known.scenario.end(), &|_| true);
    if !services.is_empty() {
        found.push(Obstacle {
            path: HORIZON.to_owned(),
            reason: format!(
                "{} would be done after the end of the run",
                trial.names(&services)
            ),
            help: Help::Nothing,
        });
    }
    found
}
