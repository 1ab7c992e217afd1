//! `portable`: a service starts to move no earlier than it has passed its portability test.

use super::{Constraint, Help, Obstacle, Trial};

/// See the module.
pub(super) static PORTABLE: Constraint = Constraint {
    name: "portable",
    meaning: "a service has passed its portability test before it starts to move",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let services = &trial.known.scenario.services;
    let from = |service: usize| services[service].portable_from;
    if !trial.fresh.iter().any(|service| from(*service).is_some()) {
        return Vec::new();
    }
    let own = trial.own_moves().iter();
    own.filter(|one| trial.fresh.contains(&one.service))
        .filter_map(|one| Some((one.service, from(one.service)?, one.prepare)))
        .filter(|(_, passed, start)| passed > start)
        .map(|(service, passed, _)| Obstacle {
            path: format!("services.{}.portable", trial.known.name(service)),
            reason: format!(
                "`{}` has not passed its portability test by then",
                trial.known.name(service)
            ),
            help: Help::NotBefore(passed),
        })
        .collect()
}
