//! What every wave that is tried would otherwise work out anew: who calls whom by service, open hours, the work
//! that teams can have done, and what services take in the target.

use crate::model::{Migration, Scenario, Team};
use crate::plan::known::{KnownEdge, KnownService};
use crate::units::{Interval, ServiceId, SimDuration, SimTime};

/// Hours of a person-day.
const DAY: f64 = 8.0 * 3_600.0;

/// Facts that hold for all plans of a scenario.
#[derive(Clone, Debug)]
pub struct Tables {
    /// For each service the positions in `KnownWorld::edges` of its calls, as caller or callee.
    pub edges_of: Vec<Vec<u32>>,
    /// When changes may be made.
    pub hours: OpenHours,
    /// By team.
    pub labour: Vec<Labour>,
    /// Effort of each service, person-days.
    pub effort: Vec<f64>,
    /// Requests of each service when it is prepared in the target: cores and bytes.
    pub taken: Vec<(f64, f64)>,
}

impl Tables {
    pub(super) fn new(
        scenario: &Scenario,
        migration: &Migration,
        services: &[KnownService],
        edges: &[KnownEdge],
    ) -> Self {
        let mut edges_of = vec![Vec::new(); services.len()];
        for (index, edge) in edges.iter().enumerate() {
            edges_of[edge.caller].push(index as u32);
            edges_of[edge.callee].push(index as u32);
        }
        let effort = scenario.services.iter();
        Self {
            edges_of,
            hours: OpenHours::new(scenario),
            labour: scenario.teams.iter().map(Labour::new).collect(),
            effort: effort.map(|one| one.effort_days.unwrap_or(0.0)).collect(),
            taken: (0..services.len())
                .map(|service| super::constraint::taken(scenario, migration, service))
                .collect(),
        }
    }
}

/// Change windows, merged and sorted, with the freezes that hold each service.
#[derive(Clone, Debug)]
pub struct OpenHours {
    windows: Option<Vec<Interval>>,
    /// By service: positions in `Calendar::freezes`.
    freezes: Vec<Vec<u32>>,
}

impl OpenHours {
    fn new(scenario: &Scenario) -> Self {
        let mut freezes = vec![Vec::new(); scenario.services.len()];
        for (at, freeze) in scenario.calendar.freezes.iter().enumerate() {
            match &freeze.services {
                Some(services) => {
                    for service in services {
                        freezes[service.index()].push(at as u32);
                    }
                }
                None => freezes.iter_mut().for_each(|held| held.push(at as u32)),
            }
        }
        Self {
            windows: scenario.calendar.windows.as_deref().map(merged),
            freezes,
        }
    }

    /// The first instant from `at` on at which a service may start to move (or, without `start`, take a new
    /// weight); [`SimTime::NEVER`] when there is none.
    #[must_use]
    pub fn next(
        &self,
        scenario: &Scenario,
        mut at: SimTime,
        service: ServiceId,
        start: bool,
    ) -> SimTime {
        loop {
            at = match &self.windows {
                Some(windows) => next_inside(windows, at),
                None => at,
            };
            let freezes = self.freezes[service.index()].iter();
            let until = freezes
                .map(|at| &scenario.calendar.freezes[*at as usize])
                .filter(|freeze| freeze.interval.contains(at) && (start || !freeze.running_finish))
                .map(|freeze| freeze.interval.end)
                .max();
            match until {
                Some(end) if at != SimTime::NEVER => at = end,
                _ => return at,
            }
        }
    }
}

/// Intervals as the disjoint ones that they cover together, in order; empty ones cover nothing.
fn merged(intervals: &[Interval]) -> Vec<Interval> {
    let mut sorted: Vec<Interval> = intervals
        .iter()
        .copied()
        .filter(|one| one.start < one.end)
        .collect();
    sorted.sort_by_key(|one| (one.start, one.end));
    let mut found: Vec<Interval> = Vec::with_capacity(sorted.len());
    for one in sorted {
        match found.last_mut().filter(|last| one.start <= last.end) {
            Some(last) => last.end = last.end.max(one.end),
            None => found.push(one),
        }
    }
    found
}

/// The first instant from `at` on inside one of the disjoint, sorted intervals.
fn next_inside(windows: &[Interval], at: SimTime) -> SimTime {
    let next = windows.partition_point(|window| window.end <= at);
    windows
        .get(next)
        .map_or(SimTime::NEVER, |window| at.max(window.start))
}

/// The work that a team can have done for the migration over time.
#[derive(Clone, Debug)]
pub struct Labour {
    /// From when on work is done, its end, person-seconds a second, and person-seconds done before.
    pieces: Vec<(SimTime, SimTime, f64, f64)>,
}

impl Labour {
    /// Working hours times the people who are there and their share for the migration.
    #[must_use]
    pub fn new(team: &Team) -> Self {
        let mut pieces = Vec::new();
        let mut done = 0.0;
        for part in team.working.iter().flat_map(|hours| cut(team, *hours)) {
            let rate = people(team, part.start) * team.capacity;
            if rate > 0.0 {
                pieces.push((part.start, part.end, rate, done));
                done += rate * part.length().seconds();
            }
        }
        Self { pieces }
    }

    /// When so many person-days are done; [`SimTime::NEVER`] when not within the run.
    #[must_use]
    pub fn ready_at(&self, days: f64) -> SimTime {
        let work = days * DAY;
        let next = self.pieces.partition_point(|(_, _, _, done)| *done <= work);
        let Some((start, end, rate, done)) = next.checked_sub(1).map(|at| self.pieces[at]) else {
            return if work <= 0.0 {
                SimTime::ZERO
            } else {
                SimTime::NEVER
            };
        };
        // The piece before ends with the same work done: work of exactly so much is ready at its end.
        if work == done && next >= 2 {
            return self.pieces[next - 2].1;
        }
        let ready = start + SimDuration::from_seconds((work - done) / rate);
        if next == self.pieces.len() && ready > end {
            SimTime::NEVER
        } else {
            ready
        }
    }
}

impl Labour {
    /// Person-days that are done by an instant.
    #[must_use]
    pub fn done_by(&self, at: SimTime) -> f64 {
        let begun = self.pieces.partition_point(|piece| piece.0 <= at);
        begun.checked_sub(1).map_or(0.0, |last| {
            let (start, end, rate, done) = self.pieces[last];
            (done + rate * at.min(end).since(start).seconds()) / DAY
        })
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
fn cut(team: &Team, hours: Interval) -> Vec<Interval> {
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
    use crate::model::{Freeze, Leave};
    use crate::units::TeamId;

    fn hour(hour: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(hour * 3_600)
    }

    fn interval(start: u64, end: u64) -> Interval {
        Interval {
            start: hour(start),
            end: hour(end),
        }
    }

    #[test]
    fn work_is_done_in_working_hours_by_those_who_are_there() {
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
        let labour = Labour::new(&team);
        // 4 people at half their time do 2 person-hours an hour: half a person-day (4 h) takes 2 h.
        assert_eq!(labour.ready_at(0.5), hour(11));
        // Until 13 o'clock 8 person-hours are done; then 1 an hour: 12 by 17, 13 by 10 the next day.
        assert_eq!(labour.ready_at(1.0), hour(13));
        assert_eq!(labour.ready_at(12.0 / 8.0), hour(17));
        assert_eq!(labour.ready_at(13.0 / 8.0), hour(34));
        assert_eq!(labour.ready_at(20.0 / 8.0), hour(41));
        assert_eq!(labour.ready_at(20.1 / 8.0), SimTime::NEVER);
        assert_eq!(labour.ready_at(0.0), hour(9));
        let done = [
            (8, 0.0),
            (9, 0.0),
            (11, 0.5),
            (13, 1.0),
            (20, 1.5),
            (34, 13.0 / 8.0),
            (99, 2.5),
        ];
        for (at, days) in done {
            assert!((labour.done_by(hour(at)) - days).abs() < 1e-12, "{at}");
        }
    }

    #[test]
    fn open_hours_are_those_that_a_step_through_all_changes_finds() {
        let mut scenario = crate::plan::sample::world(&["a", "b"], &[(0, 1, 1.0)]);
        scenario.calendar.windows = Some(vec![
            interval(30, 40),
            interval(9, 15),
            interval(12, 17),
            interval(17, 18),
        ]);
        let freeze = |span, services, running_finish| Freeze {
            name: "freeze".to_owned(),
            interval: span,
            services,
            running_finish,
        };
        scenario.calendar.freezes = vec![
            freeze(interval(10, 11), None, true),
            freeze(interval(11, 13), Some(vec![ServiceId(1)]), false),
            freeze(interval(29, 31), None, false),
        ];
        let hours = OpenHours::new(&scenario);
        let calendar = &scenario.calendar;
        // The slow twin: from change to change until nothing stands against it.
        let slow = |mut at: SimTime, service: ServiceId, start: bool| loop {
            let held = calendar.freezes.iter().any(|freeze| {
                let its = freeze.services.as_ref();
                freeze.interval.contains(at)
                    && (start || !freeze.running_finish)
                    && its.is_none_or(|services| services.contains(&service))
            });
            if !held && calendar.in_window(at) {
                return at;
            }
            match calendar.next_change(at) {
                Some(next) => at = next,
                None => return SimTime::NEVER,
            }
        };
        for half_hours in 0..100_u64 {
            let at = SimTime::ZERO + SimDuration::from_secs(half_hours * 1_800);
            for (service, start) in [(0, true), (0, false), (1, true), (1, false)] {
                let service = ServiceId(service);
                assert_eq!(
                    hours.next(&scenario, at, service, start),
                    slow(at, service, start)
                );
            }
        }
        assert_eq!(
            hours.next(&scenario, hour(40), ServiceId(0), true),
            SimTime::NEVER
        );
    }
}
