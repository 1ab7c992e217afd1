//! `waveSize`: services of a wave, at least and at most. The last wave may have fewer.

use super::{Constraint, Help, Obstacle, Trial};

/// See the module.
pub(super) static WAVE_SIZE: Constraint = Constraint {
    name: "waveSize",
    meaning: "services of a wave, at least and at most; the last wave may have fewer",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let Some(size) = &trial.known.migration.constraints.wave_size else {
        return Vec::new();
    };
    let count = trial.wave.len();
    let obstacle = |reason: String, help| Obstacle {
        path: size.path.clone(),
        reason,
        help,
    };
    if let Some(most) = size.value.most.filter(|most| count > *most as usize) {
        return vec![obstacle(
            format!("{count} services in a wave that takes {most}"),
            Help::OtherWave,
        )];
    }
    let least = size.value.least as usize;
    if !trial.last && count < least {
        return vec![obstacle(
            format!("{count} services in a wave that takes at least {least}"),
            Help::More,
        )];
    }
    Vec::new()
}
