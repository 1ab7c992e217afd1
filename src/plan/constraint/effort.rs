//! Effort: a team does the work of moving its services before they move, in its working hours, with the people
//! who are there and the share of their time that is for the migration.

use super::{Constraint, Help, Obstacle, Trial};
use crate::model::Team;
use crate::units::{Interval, SimTime};

/// Hours of a person-day.
const DAY: f64 = 8.0 * 3_600.0;

/// See the module.
pub(super) static EFFORT: Constraint = Constraint {
    name: "effort",
    meaning: "a team has done the work of moving its services before they move",
    judge,
};

fn judge(trial: &Trial) -> Vec<Obstacle> {
    let services = &trial.known.scenario.services;
    let effort = |service: usize| services[service].effort_days.unwrap_or(0.0);
    let mut found = Vec::new();
    for team in &trial.known.scenario.teams {
        let own = |service: &usize| services[*service].team == Some(team.id);
        let now: Vec<usize> = trial
            .wave
            .iter()
            .copied()
            .filter(|service| own(service))
            .collect();
        let needed: f64 = now.iter().map(|service| effort(*service)).sum();
        if needed <= 0.0 {
            continue;
        }
        let before: f64 = (0..services.len())
            .filter(|service| trial.moved[*service] && own(service))
            .map(effort)
            .sum();
        let first = trial
            .own_moves()
            .iter()
            .filter(|one| now.contains(&one.service))
            .map(|one| one.prepare)
            .min()
            .unwrap_or(trial.times.start);
        let ready = ready_at(team, before + needed);
        if ready > first {
            found.push(Obstacle {
                path: format!("teams.{}", team.name),
                reason: format!(
                    "team `{}` has not done the {} person-days for {} by then",
                    team.name,
                    ((before + needed) * 10.0).round() / 10.0,
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

/// When a team has done so many person-days of work since the start; [`SimTime::NEVER`] when not within the run.
#[must_use]
pub fn ready_at(team: &Team, days: f64) -> SimTime {
    let mut left = days * DAY;
    for part in team.working.iter().flat_map(|hours| pieces(team, *hours)) {
        let people = people(team, part.start);
        let rate = people * team.capacity;
        let work = rate * part.length().seconds();
        if rate > 0.0 && work >= left {
            return part.start + crate::units::SimDuration::from_seconds(left / rate);
        }
        left -= work;
    }
    if left <= 0.0 {
        SimTime::ZERO
    } else {
        SimTime::NEVER
    }
}

/// People of a team who are there.
fn people(team: &Team, at: SimTime) -> f64 {
    let away: u32 = team
        .leave
        .iter()
        .filter(|leave| leave.interval.contains(at))
        .map(|leave| leave.people)
        .sum();
    f64::from(team.engineers.saturating_sub(away))
}

/// Working hours cut where somebody leaves or comes back.
fn pieces(team: &Team, hours: Interval) -> Vec<Interval> {
    let mut cuts: Vec<SimTime> = team
        .leave
        .iter()
        .flat_map(|leave| [leave.interval.start, leave.interval.end])
        .filter(|at| hours.contains(*at))
        .collect();
    cuts.extend([hours.start, hours.end]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2)
        .map(|pair| Interval {
            start: pair[0],
            end: pair[1],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Leave;
    use crate::units::{SimDuration, TeamId};

    #[test]
    fn work_is_done_in_working_hours_by_those_who_are_there() {
        let hour = |hour: u64| SimTime::ZERO + SimDuration::from_secs(hour * 3_600);
        let interval = |start, end| Interval {
            start: hour(start),
            end: hour(end),
        };
        let team = Team {
            name: "cart".to_owned(),
            engineers: 4,
            id: TeamId(0),
            moves: 1,
            capacity: 0.5,
            price_per_day: 0.0,
            working: vec![interval(9, 17), interval(33, 41)],
            leave: vec![Leave {
                interval: interval(13, 48),
                people: 2,
            }],
        };
        // 4 people at half their time do 2 person-hours an hour: half a person-day (4 h) takes 2 h.
        assert_eq!(ready_at(&team, 0.5), hour(11));
        // Until 13 o'clock 8 person-hours are done; then 1 an hour: 12 by 17, 13 by 10 the next day.
        assert_eq!(ready_at(&team, 13.0 / 8.0), hour(34));
        assert_eq!(ready_at(&team, 100.0), SimTime::NEVER);
        assert_eq!(ready_at(&team, 0.0), hour(9));
    }
}
