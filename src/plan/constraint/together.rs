//! `together`: the services of a move group go in one wave. Plans that are made keep groups whole by making;
//! what is judged here are written plans, and groups of which a part cannot move.

use super::{Constraint, Help, Obstacle, Trial};

/// See the module.
pub(super) static TOGETHER: Constraint = Constraint {
    name: "together",
    meaning: "the services of a move group go in one wave, with one outcome",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let mut found = Vec::new();
    for group in &trial.known.migration.constraints.together {
        let members = || group.value.iter().map(|one| one.index());
        if !members().any(|member| trial.inside[member]) {
            continue;
        }
        let stays: Vec<usize> = members()
            .filter(|member| !trial.known.services[*member].moves)
            .collect();
        if !stays.is_empty() {
            found.push(Obstacle {
                path: group.path.clone(),
                reason: format!("{} of the group cannot move", trial.names(&stays)),
                help: Help::Nothing,
            });
        }
    }
    found
}
