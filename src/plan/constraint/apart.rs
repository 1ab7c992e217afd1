//! `apart`: no two services of a set move in one wave.

use super::{Constraint, Help, Obstacle, Trial};

/// See the module.
pub(super) static APART: Constraint = Constraint {
    name: "apart",
    meaning: "no two services of a set move in one wave",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let sets = &trial.known.migration.constraints.apart;
    let of = |set: &Vec<crate::units::ServiceId>| -> Vec<usize> {
        if set.iter().filter(|one| trial.inside[one.index()]).count() < 2 {
            return Vec::new();
        }
        let wave = trial.wave.iter().copied();
        wave.filter(|service| set.iter().any(|one| one.index() == *service))
            .collect()
    };
    sets.iter()
        .map(|set| (set, of(&set.value)))
        .filter(|(_, both)| both.len() > 1)
        .map(|(set, both)| Obstacle {
            path: set.path.clone(),
            reason: format!("{} are kept apart", trial.names(&both)),
            help: Help::OtherWave,
        })
        .collect()
}
