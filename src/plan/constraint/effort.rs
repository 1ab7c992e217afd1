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
    let teams = trial.fresh.iter().filter_map(|service| team_of(*service));
    let mut teams: Vec<usize> = teams.map(|team| team.index()).collect();
    teams.sort_unstable();
    teams.dedup();
    let mut found = Vec::new();
    for position in teams {
        let team = &known.scenario.teams[position];
        let own = |service: usize| team_of(service) == Some(team.id);
        let theirs = trial.wave.iter().filter(|service| own(**service));
        let needed: f64 = theirs.map(|service| tables.effort[*service]).sum();
        if needed <= 0.0 {
            continue;
        }
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
