//! `criticalAtOnce`: services of tier 0 between preparation and full weight at once.

use super::{Constraint, Help, Obstacle, Trial};

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
    if !trial.wave.iter().any(is_critical) {
        return Vec::new();
    }
    let critical: Vec<_> = trial
        .moves
        .iter()
        .filter(|one| trial.known.scenario.services[one.service].tier == 0)
        .collect();
    // Most at once is reached when one of them begins.
    let mut most: Vec<usize> = Vec::new();
    for one in critical
        .iter()
        .filter(|one| trial.wave.contains(&one.service))
    {
        let at_once: Vec<usize> = critical
            .iter()
            .filter(|other| {
                other.service == one.service
                    || (other.prepare <= one.prepare && one.prepare < other.shifted)
            })
            .map(|other| other.service)
            .collect();
        if at_once.len() > most.len() {
            most = at_once;
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
