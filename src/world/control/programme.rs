//! The programme: waves and their units from preparation to decommission, one phase after another.
//!
//! Level-triggered: `on_programme` looks at everything that could go on and goes on until nothing can.
//! Replicas may be made and gates may look during a hold; what a hold stops is a start, a new weight and
//! (freezes only) a decommission. Going back is never held.

use super::Control;
use super::agenda::Event;
use super::unit::{Phase, Unit, units_of};
use crate::model::migration::Member;
use crate::model::scaling::ScalingRule;
use crate::model::{CanaryStep, Migration, WaveOrder};
use crate::units::{ServiceId, SimDuration, SimTime, WaveId};
use crate::world::recorder::EventKind;

/// State of one wave.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WaveRun {
    pub started: Option<SimTime>,
    pub finished: Option<SimTime>,
}

/// State of the whole programme.
#[derive(Clone, Debug, Default)]
pub(super) struct Programme {
    pub waves: Vec<WaveRun>,
    pub units: Vec<Unit>,
    pub stopped: bool,
    pub rollbacks: u32,
    /// Services whose weight was changed: numbers their draws.
    pub weights_sent: Vec<u64>,
    /// When each service's weight came into effect last.
    pub weight_since: Vec<SimTime>,
    pub decommissioned: Vec<Option<SimTime>>,
    pub rolled_back: Vec<bool>,
    /// Whether a look at it is due already.
    pub woken: bool,
}

impl Control<'_> {
    /// Sets up the plan; nothing starts before the first look at time zero.
    pub(super) fn start_programme(&mut self, migration: &Migration) {
        for (index, wave) in self.scenario.plan.waves.iter().enumerate() {
            self.programme.waves.push(WaveRun::default());
            self.programme
                .units
                .extend(units_of(WaveId::from_index(index), wave, migration));
            if let Some(earliest) = wave.earliest {
                self.agenda.add(earliest, Event::Programme);
            }
        }
        let (mut change, end) = (SimTime::ZERO, self.scenario.end());
        while let Some(next) = self
            .scenario
            .calendar
            .next_change(change)
            .filter(|next| *next < end)
        {
            self.agenda.add(next, Event::Programme);
            change = next;
        }
        self.track_next_wave();
        self.agenda.add(SimTime::ZERO, Event::Programme);
    }

    /// Gates look back: a wave's services are remembered from the start of the wave before.
    fn track_next_wave(&mut self) {
        if let Some(next) = self
            .programme
            .waves
            .iter()
            .position(|wave| wave.started.is_none())
        {
            for member in &self.scenario.plan.waves[next].members {
                if self.has_gate(*member) {
                    self.track(member.service);
                }
            }
        }
    }

    fn has_gate(&self, member: Member) -> bool {
        let steps = self.scenario.migration.iter();
        steps
            .flat_map(|migration| migration.shift_steps(member))
            .any(|step| matches!(step, CanaryStep::Analysis(_)))
    }

    /// Lets the programme look at itself at this instant, once.
    pub(super) fn wake_programme(&mut self) {
        if !self.programme.woken && !self.programme.waves.is_empty() {
            self.programme.woken = true;
            self.agenda.add(self.now, Event::Programme);
        }
    }

    pub(super) fn on_programme(&mut self) {
        self.programme.woken = false;
        let scenario = self.scenario;
        let Some(migration) = scenario
            .migration
            .as_ref()
            .filter(|_| !self.programme.waves.is_empty())
        else {
            return;
        };
        loop {
            let mut moved = false;
            for unit in 0..self.programme.units.len() {
                while self.advance_unit(unit, migration) {
                    moved = true;
                }
            }
            moved |= self.finish_waves() | self.start_next_wave(migration);
            if !moved {
                break;
            }
        }
    }

    fn finish_waves(&mut self) -> bool {
        let mut any = false;
        for index in 0..self.programme.waves.len() {
            let WaveRun { started, finished } = self.programme.waves[index];
            let wave = WaveId::from_index(index);
            let mut units = self.programme.units.iter().filter(|unit| unit.wave == wave);
            if let (Some(started), None, true) = (started, finished, units.all(Unit::is_over)) {
                self.programme.waves[index].finished = Some(self.now);
                let detail = format!(
                    "wave {} is over after {:.1} min",
                    self.scenario.plan.waves[index].name,
                    self.now.since(started).seconds() / 60.0
                );
                self.tell(EventKind::WaveFinished, Some(wave), None, None, detail);
                any = true;
            }
        }
        any
    }

    fn start_next_wave(&mut self, migration: &Migration) -> bool {
        let Some(index) = self
            .programme
            .waves
            .iter()
            .position(|wave| wave.started.is_none())
        else {
            return false;
        };
        let active = self.active_waves().count();
        let wave = &self.scenario.plan.waves[index];
        let early = wave.earliest.is_some_and(|earliest| self.now < earliest);
        let calendar = &self.scenario.calendar;
        // Starts when at least one member may; the others hold by themselves.
        let open = wave
            .members
            .iter()
            .any(|member| calendar.is_open(self.now, member.service));
        if self.programme.stopped
            || active >= migration.overlap.max(1) as usize
            || early
            || !(open || wave.members.is_empty())
        {
            return false;
        }
        self.programme.waves[index].started = Some(self.now);
        self.nodes.hold(migration.to, self.now);
        let names: Vec<_> = wave
            .members
            .iter()
            .map(|member| self.scenario.service(member.service).name.as_str())
            .collect();
        let detail = format!("wave {} starts: {}", wave.name, names.join(", "));
        self.tell(
            EventKind::WaveStarted,
            Some(WaveId::from_index(index)),
            None,
            None,
            detail,
        );
        self.track_next_wave();
        true
    }

    /// Waves that have begun and not ended.
    pub(super) fn active_waves(&self) -> impl Iterator<Item = WaveId> {
        let waves = self.programme.waves.iter().enumerate();
        waves
            .filter(|(_, wave)| wave.started.is_some() && wave.finished.is_none())
            .map(|(index, _)| WaveId::from_index(index))
    }

    /// Takes a unit one phase further; whether it could.
    fn advance_unit(&mut self, index: usize, migration: &Migration) -> bool {
        let due = self.now >= self.programme.units[index].until;
        match self.programme.units[index].phase {
            Phase::Waiting => self.begin_unit(index, migration),
            Phase::Preparing => self.check_prepared(index, migration),
            Phase::Stepping => self.take_step(index, migration),
            Phase::Warming | Phase::Pausing if due => self.enter(index, Phase::Stepping, None),
            Phase::Propagating if due => {
                self.weights_arrive(index, migration);
                self.enter(index, Phase::Stepping, None)
            }
            Phase::Analysing if due => self.judge_gate(index, migration),
            Phase::Soaking if due => self.begin_decommission(index, migration),
            Phase::Decommissioning => self.check_decommissioned(index, migration),
            Phase::Restoring => self.check_restored(index, migration),
            Phase::Returning if due => self.remove_target(index, migration),
            Phase::Removing => self.check_removed(index, migration),
            _ => false,
        }
    }

    /// Enters a phase, which ends by itself after `length` if given.
    pub(super) fn enter(
        &mut self,
        index: usize,
        phase: Phase,
        length: Option<SimDuration>,
    ) -> bool {
        let unit = &mut self.programme.units[index];
        unit.phase = phase;
        unit.until = length.map_or(SimTime::NEVER, |length| self.now + length);
        if length.is_some() {
            self.agenda.add(unit.until, Event::Programme);
        }
        true
    }

    fn begin_unit(&mut self, index: usize, migration: &Migration) -> bool {
        let unit = &self.programme.units[index];
        let wave = unit.wave;
        if self.programme.waves[wave.index()].started.is_none() {
            return false;
        }
        let in_order = self.scenario.plan.waves[wave.index()].order == WaveOrder::Given;
        let before = self.programme.units[..index]
            .iter()
            .filter(|other| other.wave == wave);
        if in_order && !before.into_iter().all(Unit::lets_next_begin) {
            return false;
        }
        let running = self
            .programme
            .units
            .iter()
            .filter(|unit| unit.is_running())
            .count();
        if migration
            .parallel_moves
            .is_some_and(|most| running >= most as usize)
        {
            return false;
        }
        if self.is_team_busy(index) {
            return false;
        }
        self.prepare(index, 0, migration)
    }

    /// Whether a team of the unit has as many moves between preparation and the last weight as it takes at once.
    fn is_team_busy(&self, index: usize) -> bool {
        let teams = |unit: &Unit| -> Vec<_> {
            let owners = unit.members.iter();
            owners
                .filter_map(|member| self.scenario.service(member.service).team)
                .collect()
        };
        let moving: Vec<_> = self
            .programme
            .units
            .iter()
            .filter(|unit| unit.is_running() && !unit.lets_next_begin())
            .map(teams)
            .collect();
        teams(&self.programme.units[index]).into_iter().any(|team| {
            let most = self.scenario.team(team).moves as usize;
            moving.iter().filter(|teams| teams.contains(&team)).count() >= most
        })
    }

    /// Begins with a member, unless the calendar says no.
    pub(super) fn prepare(&mut self, index: usize, member: usize, migration: &Migration) -> bool {
        self.programme.units[index].current = member;
        let Member { service, .. } = self.programme.units[index].members[member];
        if self.is_held(index, service, member == 0) {
            return false;
        }
        let wanted = self.replicas_to_prepare(service, migration);
        let unit = &mut self.programme.units[index];
        unit.steps = migration.shift_steps(unit.members[member]);
        (unit.position, unit.prepared) = (0, wanted);
        let facts = self.scenario.service(service);
        let detail = format!(
            "{}: {wanted} replicas are made in {}",
            facts.name,
            self.scenario.cluster(migration.to).name
        );
        self.tell_unit(
            index,
            EventKind::PrepareStarted,
            Some(service),
            Some(f64::from(wanted)),
            detail,
        );
        self.enter(index, Phase::Preparing, None);
        self.set_desired(service, migration.to, wanted);
        true
    }

    /// `prepare.scale` of the source's replicas (or of those written for the target, if another number is),
    /// within the policy's bounds.
    fn replicas_to_prepare(&self, service: ServiceId, migration: &Migration) -> u32 {
        // Jobs bring their pods when they come.
        if self.is_guest(service) {
            return 0;
        }
        let placed = &self.scenario.service(service).placed;
        let source = self.deployments[self.at(service, migration.from)].desired;
        let (written, there) = (
            placed[migration.from.index()].replicas,
            placed[migration.to.index()].replicas,
        );
        let base = if there == 0 || there == written {
            source
        } else {
            there
        };
        // The subtraction keeps 0.7 * 10 from becoming 8 by the last bit. Casts saturate.
        let scaled = ((f64::from(base) * migration.prepare_scale - 1e-9).ceil() as u32).max(1);
        match self.rule(service, migration.to) {
            Some(ScalingRule::Same(_)) => source.max(1),
            Some(rule) => rule.initial(scaled).max(1),
            None => scaled,
        }
    }

    /// Whether the calendar holds the unit now; says so once. A `start` is held by every freeze, a running
    /// step only by those that do not let running steps finish.
    pub(super) fn is_held(&mut self, index: usize, service: ServiceId, start: bool) -> bool {
        let calendar = &self.scenario.calendar;
        let freeze = calendar
            .freeze_at(self.now, service)
            .filter(|freeze| start || !freeze.running_finish);
        let reason = match freeze {
            Some(freeze) => Some(format!("freeze {}", freeze.name)),
            None if !calendar.in_window(self.now) => Some("the next change window".to_owned()),
            None => None,
        };
        self.note_hold(index, service, reason)
    }

    /// Writes the start and the end of a hold into the log; whether it holds.
    pub(super) fn note_hold(
        &mut self,
        index: usize,
        service: ServiceId,
        reason: Option<String>,
    ) -> bool {
        let name = &self.scenario.service(service).name;
        let held = reason.is_some();
        match (reason, self.programme.units[index].holding) {
            (Some(reason), false) => {
                let detail = format!("{name} waits: {reason}");
                self.tell_unit(index, EventKind::HoldStarted, Some(service), None, detail);
            }
            (None, true) => {
                self.tell_unit(
                    index,
                    EventKind::HoldEnded,
                    Some(service),
                    None,
                    format!("{name} goes on"),
                );
            }
            _ => {}
        }
        self.programme.units[index].holding = held;
        held
    }
}
