//! `order`: what moves before what. In one wave only when its services go one after another, in that order.

use super::{Constraint, Help, Obstacle, Trial};
use crate::model::WaveOrder;

/// See the module.
pub(super) static ORDER: Constraint = Constraint {
    name: "order",
    meaning: "each of the first has its full weight before each of the second begins",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let position = |service: usize| trial.wave.iter().position(|one| *one == service);
    let group = |service: usize| trial.known.group_of[service];
    let mut found = Vec::new();
    for rule in &trial.known.migration.constraints.order {
        let followers = rule.value.after.iter().map(|one| one.index());
        for after in followers.filter(|after| trial.fresh.contains(after)) {
            let missing: Vec<usize> = rule
                .value
                .before
                .iter()
                .map(|one| one.index())
                .filter(|before| {
                    trial.known.services[*before].moves && !trial.before.moved[*before]
                })
                .filter(|before| {
                    let in_order = trial.order == WaveOrder::Given
                        || (group(*before).is_some() && group(*before) == group(after));
                    !(in_order && position(*before).is_some_and(|at| Some(at) < position(after)))
                })
                .collect();
            // Of a selector those that stay are passed over; a rule of none but such can never be kept.
            let stays = |before: &usize| {
                let facts = &trial.known.services[*before];
                !facts.moves && !facts.stays_on_target
            };
            let before: Vec<usize> = rule.value.before.iter().map(|one| one.index()).collect();
            if !before.is_empty() && before.iter().all(stays) {
                found.push(Obstacle {
                    path: rule.path.clone(),
                    reason: format!(
                        "{} must move before `{}`, but stays where it is",
                        trial.names(&before),
                        trial.known.name(after)
                    ),
                    help: Help::Nothing,
                });
                break;
            }
            if missing.is_empty() {
                continue;
            }
            found.push(Obstacle {
                path: rule.path.clone(),
                reason: format!(
                    "{} must move before `{}`",
                    trial.names(&missing),
                    trial.known.name(after)
                ),
                help: Help::Wait,
            });
            break;
        }
    }
    found
}
