//! Effort: a team does the work of moving its services before they move, in its working hours, with the people
//! who are there and the share of their time that is for the migration.

use super::{Constraint, Help, Obstacle, Trial};
use crate::units::SimTime;

/// See the module.
pub(super) static EFFORT: Constraint = Constraint {
    name: "effort",
    meaning: "a team has done the work of moving its services before they move",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let (known, tables) = (trial.known, &trial.known.tables);
    let team_of = |service: usize| known.scenario.services[service].team;
    // Teams of this wave with the work that it asks of them, in the order of teams.
    let mut needed: Vec<(usize, f64)> = Vec::new();
    for service in trial.wave {
        let Some(team) = team_of(*service).map(|team| team.index()) else {
            continue;
        };
        match needed.iter_mut().find(|(other, _)| *other == team) {
            Some((_, days)) => *days += tables.effort[*service],
            None => needed.push((team, tables.effort[*service])),
        }
    }
    needed.sort_unstable_by_key(|(team, _)| *team);
    let mut found = Vec::new();
    for (position, needed) in needed.into_iter().filter(|(_, days)| *days > 0.0) {
        let team = &known.scenario.teams[position];
        let own = |service: usize| team_of(service) == Some(team.id);
        let days = trial.before.effort[position] + needed;
        let first = trial
            .own_moves()
            .iter()
            .filter(|one| own(one.service))
            .map(|one| one.prepare)
            .min()
            .unwrap_or(trial.times.start);
        let ready = tables.labour[position].ready_at(days);
        if ready > first {
            let wave = trial.wave.iter().copied();
            let now: Vec<usize> = wave.filter(|service| own(*service)).collect();
            found.push(Obstacle {
                path: format!("teams.{}", team.name),
                reason: format!(
                    "team `{}` has not done the {} person-days for {} by then",
                    team.name,
                    (days * 10.0).round() / 10.0,
                    trial.names(&now)
                ),
                help: if ready == SimTime::NEVER {
                    Help::Nothing
                } else {
                    Help::NotBefore(ready)
                },
            });
        }
    }
    found
}
