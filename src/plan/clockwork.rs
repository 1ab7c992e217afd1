//! When each service would prepare, shift and be done, if nothing went wrong and every delay took its mean.
//!
//! The same rules as the programme of the simulated world: waves start in order under `overlap`, earliest
//! instants, change windows and freezes; members of a group shift one after another and soak together; teams
//! and `parallelMoves` limit what is in progress. Rollbacks, waiting for nodes and gates that look twice are
//! what only the simulation knows.

use crate::model::migration::Member;
use crate::model::{CanaryStep, Wave, WaveOrder};
use crate::plan::KnownWorld;
use crate::units::{ServiceId, SimDuration, SimTime};

/// When one service moves.
#[derive(Clone, PartialEq, Debug)]
pub struct MoveTimes {
    /// Position in `Scenario::services`.
    pub service: usize,
    /// Position of its wave.
    pub wave: usize,
    /// Its target replicas begin to be made.
    pub prepare: SimTime,
    /// Weights on the target, each from when it reaches the callers; the first begins the shift.
    pub weights: Vec<(SimTime, f64)>,
    /// The last weight is there.
    pub shifted: SimTime,
    /// Its source replicas are stopped.
    pub done: SimTime,
}

impl MoveTimes {
    /// The first weight is sent; the end of the preparation.
    #[must_use]
    pub fn shift_start(&self) -> SimTime {
        self.weights.first().map_or(self.shifted, |(at, _)| *at)
    }
}

/// When a wave runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaveTimes {
    /// Its first service begins to prepare.
    pub start: SimTime,
    /// Its last service is done.
    pub end: SimTime,
}

/// The timetable of a plan. Instants after the horizon are [`SimTime::NEVER`] when the calendar has no window
/// for them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Timetable {
    /// Moves in the order placed.
    pub moves: Vec<MoveTimes>,
    /// Waves in order.
    pub waves: Vec<WaveTimes>,
}

impl Timetable {
    /// The move of a service, if it moves.
    #[must_use]
    pub fn of(&self, service: usize) -> Option<&MoveTimes> {
        self.moves.iter().find(|one| one.service == service)
    }

    /// Moves by service.
    #[must_use]
    pub fn by_service(&self, services: usize) -> Vec<Option<&MoveTimes>> {
        let mut found = vec![None; services];
        for one in &self.moves {
            found[one.service] = Some(one);
        }
        found
    }

    /// When the last service is done.
    #[must_use]
    pub fn end(&self) -> SimTime {
        self.waves
            .iter()
            .map(|wave| wave.end)
            .max()
            .unwrap_or(SimTime::ZERO)
    }
}

/// A unit that has been placed: services with one outcome.
#[derive(Clone, Debug)]
struct Placed {
    wave: usize,
    /// Of which teams.
    teams: Vec<usize>,
    /// From preparation ...
    start: SimTime,
    /// ... over the last weight ...
    shifted: SimTime,
    /// ... to the end of the old side.
    over: SimTime,
    /// Moves before it, to take it back.
    first_move: usize,
}

/// Builds a timetable wave by wave, unit by unit; the last unit can be taken back.
pub struct Clockwork<'k, 'a> {
    known: &'k KnownWorld<'a>,
    timetable: Timetable,
    units: Vec<Placed>,
    /// Ends of the shifts of each team's units, latest first.
    team_ends: Vec<Vec<SimTime>>,
    /// When units were over, latest first; kept when `parallelMoves` asks for it.
    ends: Vec<SimTime>,
    /// Steps of methods that were met: method, gate, steps.
    steps: Vec<(usize, Option<usize>, Vec<CanaryStep>)>,
    /// Earliest start and order of the wave that is open.
    open: Option<(SimTime, WaveOrder)>,
}

impl<'k, 'a> Clockwork<'k, 'a> {
    /// Nothing placed yet.
    #[must_use]
    pub fn new(known: &'k KnownWorld<'a>) -> Self {
        Self {
            known,
            timetable: Timetable::default(),
            units: Vec::new(),
            team_ends: vec![Vec::new(); known.scenario.teams.len()],
            ends: Vec::new(),
            steps: Vec::new(),
            open: None,
        }
    }

    /// The timetable of a whole plan.
    #[must_use]
    pub fn of_plan(known: &'k KnownWorld<'a>, waves: &[Wave]) -> Timetable {
        let mut clockwork = Self::new(known);
        for wave in waves {
            clockwork.open_wave(wave.earliest.unwrap_or(SimTime::ZERO), wave.order);
            for unit in units_of(known, &wave.members) {
                clockwork.add(&unit);
            }
            clockwork.close_wave();
        }
        clockwork.timetable
    }

    /// What has been placed.
    #[must_use]
    pub fn timetable(&self) -> &Timetable {
        &self.timetable
    }

    /// What has been placed, to keep.
    #[must_use]
    pub fn into_timetable(self) -> Timetable {
        self.timetable
    }

    /// Opens the next wave, not before `earliest` and not before the waves before let it.
    pub fn open_wave(&mut self, earliest: SimTime, order: WaveOrder) {
        let mut ends: Vec<SimTime> = self.timetable.waves.iter().map(|wave| wave.end).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let overlap = self.known.migration.overlap.max(1) as usize;
        let free = ends.get(overlap - 1).copied().unwrap_or(SimTime::ZERO);
        let in_order = self
            .timetable
            .waves
            .last()
            .map_or(SimTime::ZERO, |wave| wave.start);
        self.open = Some((earliest.max(free).max(in_order), order));
    }

    /// The earliest instant at which the open wave may start.
    ///
    /// # Panics
    /// When no wave is open.
    #[must_use]
    pub fn wave_floor(&self) -> SimTime {
        self.open.expect("a wave is open").0
    }

    /// Adds a unit to the open wave; when its last service is done.
    ///
    /// # Panics
    /// When no wave is open.
    pub fn add(&mut self, members: &[Member]) -> SimTime {
        let wave = self.timetable.waves.len();
        let teams = self.teams(members);
        let first_move = self.timetable.moves.len();
        let unit_start = self.unit_start(members, &teams);
        let mut now = unit_start;
        for (index, member) in members.iter().enumerate() {
            if index > 0 {
                now = self.next_open(now, member.service, true);
            }
            let times = self.shift(*member, wave, now);
            now = times.shifted;
            self.timetable.moves.push(times);
        }
        let migration = self.known.migration;
        let over = later(now, migration.soak.max(migration.keep));
        for one in &mut self.timetable.moves[first_move..] {
            one.done = over;
        }
        for team in &teams {
            insert(&mut self.team_ends[*team], now);
        }
        if migration.parallel_moves.is_some() {
            insert(&mut self.ends, over);
        }
        self.units.push(Placed {
            wave,
            teams,
            start: unit_start,
            shifted: now,
            over,
            first_move,
        });
        over
    }

    /// When the first of these would prepare if they were added to the open wave now.
    ///
    /// # Panics
    /// When no wave is open.
    #[must_use]
    pub fn start_of(&self, members: &[Member]) -> SimTime {
        self.unit_start(members, &self.teams(members))
    }

    fn unit_start(&self, members: &[Member], teams: &[usize]) -> SimTime {
        let (floor, order) = self.open.expect("a wave is open");
        let wave = self.timetable.waves.len();
        let mut start = floor;
        if order == WaveOrder::Given
            && let Some(before) = self.units.last().filter(|unit| unit.wave == wave)
        {
            start = start.max(before.shifted);
        }
        start = start.max(self.when_free(teams));
        self.next_open(start, members[0].service, true)
    }

    /// The first instant from `at` on at which the calendar lets each of these services start; `at` itself when there
    /// is none.
    #[must_use]
    pub fn open_for_all(&self, at: SimTime, services: &[usize]) -> SimTime {
        let mut open = at;
        loop {
            let next = services.iter().fold(open, |open, service| {
                self.next_open(open, ServiceId::from_index(*service), true)
            });
            if next == SimTime::NEVER {
                return at;
            }
            if next == open {
                return open;
            }
            open = next;
        }
    }

    /// Takes the last unit back.
    pub fn undo(&mut self) {
        if let Some(unit) = self.units.pop() {
            self.timetable.moves.truncate(unit.first_move);
            for team in &unit.teams {
                remove(&mut self.team_ends[*team], unit.shifted);
            }
            if self.known.migration.parallel_moves.is_some() {
                remove(&mut self.ends, unit.over);
            }
        }
    }

    /// Closes the open wave.
    ///
    /// # Panics
    /// When no wave is open.
    pub fn close_wave(&mut self) -> WaveTimes {
        let (floor, _) = self.open.take().expect("a wave is open");
        let wave = self.timetable.waves.len();
        let units = || self.units.iter().filter(|unit| unit.wave == wave);
        let times = WaveTimes {
            start: units().map(|unit| unit.start).min().unwrap_or(floor),
            end: units().map(|unit| unit.over).max().unwrap_or(floor),
        };
        self.timetable.waves.push(times);
        times
    }

    /// Teams that own members.
    fn teams(&self, members: &[Member]) -> Vec<usize> {
        let mut teams: Vec<usize> = members
            .iter()
            .filter_map(|member| self.known.scenario.service(member.service).team)
            .map(|team| team.index())
            .collect();
        teams.sort_unstable();
        teams.dedup();
        teams
    }

    /// From when on fewer moves than allowed are in progress: of each of these teams, and of all.
    fn when_free(&self, teams: &[usize]) -> SimTime {
        let nth_last = |ends: &[SimTime], most: u32| {
            let at = most.max(1) as usize - 1;
            ends.get(at).copied().unwrap_or(SimTime::ZERO)
        };
        let mut free = SimTime::ZERO;
        for team in teams {
            let most = self.known.scenario.teams[*team].moves;
            free = free.max(nth_last(&self.team_ends[*team], most));
        }
        if let Some(most) = self.known.migration.parallel_moves {
            free = free.max(nth_last(&self.ends, most));
        }
        free
    }

    /// One member's preparation and shift from `start` on.
    fn shift(&mut self, member: Member, wave: usize, start: SimTime) -> MoveTimes {
        let (scenario, migration) = (self.known.scenario, self.known.migration);
        let service = scenario.service(member.service);
        let target = scenario.cluster(migration.to);
        let propagation = SimDuration::from_seconds(target.propagation.mean());
        let mut now = later(start, SimDuration::from_seconds(service.startup.mean()));
        now = later(later(now, propagation), migration.prepare_warm);
        let mut weights = Vec::new();
        let at = self.steps_of(member);
        for step in &self.steps[at].2 {
            match step {
                CanaryStep::SetWeight(weight) => {
                    now = later(self.next_open(now, member.service, false), propagation);
                    weights.push((now, *weight));
                }
                CanaryStep::Pause(length) => now = later(now, *length),
                CanaryStep::Analysis(gate) => {
                    now = later(
                        later(now, migration.gates[*gate].window),
                        target.metrics_delay,
                    );
                }
            }
        }
        MoveTimes {
            service: member.service.index(),
            wave,
            prepare: start,
            weights,
            shifted: now,
            done: now,
        }
    }

    /// Where in `steps` a member's are.
    fn steps_of(&mut self, member: Member) -> usize {
        let known = |one: &(usize, Option<usize>, Vec<CanaryStep>)| {
            (one.0, one.1) == (member.method, member.gate)
        };
        if let Some(at) = self.steps.iter().position(known) {
            return at;
        }
        let steps = self.known.migration.shift_steps(member);
        self.steps.push((member.method, member.gate, steps));
        self.steps.len() - 1
    }

    /// The first instant from `at` on at which the calendar lets this service start, or take a new weight.
    fn next_open(&self, at: SimTime, service: ServiceId, start: bool) -> SimTime {
        let hours = &self.known.tables.hours;
        hours.next(self.known.scenario, at, service, start)
    }
}

/// Puts an instant among others, latest first.
fn insert(ends: &mut Vec<SimTime>, end: SimTime) {
    let at = ends.partition_point(|other| *other > end);
    ends.insert(at, end);
}

/// Takes it out again.
fn remove(ends: &mut Vec<SimTime>, end: SimTime) {
    let at = ends.partition_point(|other| *other > end);
    ends.remove(at);
}

/// An instant later; never stays never.
fn later(at: SimTime, length: SimDuration) -> SimTime {
    if at == SimTime::NEVER {
        at
    } else {
        at + length
    }
}

/// The units of a wave's members: move groups in the order of their first members.
#[must_use]
pub fn units_of(known: &KnownWorld, members: &[Member]) -> Vec<Vec<Member>> {
    let mut units: Vec<(Option<usize>, Vec<Member>)> = Vec::new();
    for member in members {
        let group = known.group_of[member.service.index()];
        match units
            .iter_mut()
            .find(|(other, _)| group.is_some() && *other == group)
        {
            Some((_, unit)) => unit.push(*member),
            None => units.push((group, vec![*member])),
        }
    }
    units.into_iter().map(|(_, unit)| unit).collect()
}
