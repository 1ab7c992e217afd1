//! `criticalAtOnce`: services of tier 0 between preparation and full weight at once.

use super::{Constraint, Help, Obstacle, Trial};
use crate::plan::clockwork::MoveTimes;

/// See the module.
pub(super) static CRITICAL_AT_ONCE: Constraint = Constraint {
    name: "criticalAtOnce",
    meaning: "at most so many services of tier 0 are between preparation and full weight at once",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let Some(limit) = &trial.known.migration.constraints.critical_at_once else {
        return Vec::new();
    };
    let is_critical = |service: &usize| trial.known.scenario.services[*service].tier == 0;
    if !trial.fresh.iter().any(is_critical) {
        return Vec::new();
    }
    let critical: Vec<_> = trial
        .moves
        .iter()
        .filter(|one| trial.known.scenario.services[one.service].tier == 0)
        .collect();
    // Most at once is reached when one of them begins.
    let with = |one: &MoveTimes| {
        let (start, service) = (one.prepare, one.service);
        critical.iter().copied().filter(move |other| {
            other.service == service || (other.prepare <= start && start < other.shifted)
        })
    };
    let mut most: Vec<usize> = Vec::new();
    for one in critical.iter().filter(|one| trial.inside[one.service]) {
        if with(one).count() > most.len() {
            most = with(one).map(|other| other.service).collect();
        }
    }
    if most.len() <= limit.value as usize {
        return Vec::new();
    }
    vec![Obstacle {
        path: limit.path.clone(),
        reason: format!(
            "{} of tier 0 would be in progress at once",
            trial.names(&most)
        ),
        help: Help::OtherWave,
    }]
}
