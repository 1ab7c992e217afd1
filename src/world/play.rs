//! A world: the control plane above a data plane, played forward together.
//!
//! At equal times the control plane acts before the data plane. What happens is told to a `Recorder`.

use crate::model::Scenario;
use crate::units::{SimDuration, SimTime};
use crate::world::contract::{Asked, DataPlane, Luck, Seen, Stop};
use crate::world::control::{Control, Summary};
use crate::world::recorder::{ControlSeen, Recorder};

/// Users' actions are shown by the minute at least.
const MINUTE: SimDuration = SimDuration::from_secs(60);

/// One simulated world.
pub struct World<'s, P> {
    control: Control<'s>,
    plane: P,
    now: SimTime,
    seen_until: SimTime,
    next_look: SimTime,
    /// Full looks are taken at multiples of this (zero: always), and at every change of the programme.
    full_every: SimDuration,
    /// Whether the recorder's sums begin and end with waves.
    full_at_changes: bool,
    next_full: SimTime,
    seen: Seen,
    shown: ControlSeen,
}

impl<'s, P: DataPlane> World<'s, P> {
    /// The world at time zero. Without `migrate` it is the twin: no plan, the target's nodes are not held.
    #[must_use]
    pub fn new(scenario: &'s Scenario, plane: P, luck: Luck, migrate: bool) -> Self {
        let control = Control::new(scenario, luck, migrate);
        let next_look = control.next_look(SimTime::ZERO);
        let mut world = Self {
            control,
            plane,
            now: SimTime::ZERO,
            seen_until: SimTime::ZERO,
            next_look,
            full_every: SimDuration::ZERO,
            full_at_changes: true,
            next_full: SimTime::ZERO,
            seen: Seen::default(),
            shown: ControlSeen::default(),
        };
        world.carry_out();
        world
    }

    /// Takes pulses where a full look is not asked for (`contract::Seen::full`): full looks at multiples of `period`,
    /// while a node is crowded, and `at_changes` at every change of the programme. The recorder's bins and windows
    /// must end there.
    #[must_use]
    pub fn with_full_looks(mut self, period: SimDuration, at_changes: bool) -> Self {
        (self.full_every, self.next_full) = (period, SimTime::ZERO + period);
        self.full_at_changes = at_changes;
        self
    }

    /// Plays everything before `until`, and ends the last interval there.
    ///
    /// # Errors
    /// The data plane cannot go on: a limit was reached, or time stands still.
    pub fn advance_to(&mut self, until: SimTime, recorder: &mut impl Recorder) -> Result<(), Stop> {
        self.tell(recorder);
        while self.now < until {
            if self.control.next_time() <= self.now {
                if self.control.next_is_programme() {
                    self.look(recorder, self.full_at_changes);
                }
                self.control.handle_next();
                self.carry_out();
                self.tell(recorder);
                continue;
            }
            let mut target = until.min(self.control.next_time()).min(self.next_look);
            if self.full_every > SimDuration::ZERO {
                target = target.min(self.next_full);
            }
            let advanced = self.plane.advance(target)?;
            self.now = advanced.now;
            if let Some(notice) = advanced.notice {
                self.control.notice(self.now, notice);
                self.carry_out();
                self.tell(recorder);
            }
            if self.now >= self.next_look || self.now == self.next_full {
                let full = self.is_full_due();
                self.look(recorder, full);
                self.next_look = self.control.next_look(self.now);
            }
        }
        let full = self.is_full_due();
        self.look(recorder, full);
        Ok(())
    }

    fn is_full_due(&mut self) -> bool {
        let due = self.now >= self.next_full;
        if due && self.full_every > SimDuration::ZERO {
            self.next_full = SimTime((self.now.0 / self.full_every.0 + 1) * self.full_every.0);
        }
        due || self.full_every == SimDuration::ZERO || self.control.needs_full_looks()
    }

    /// Ends an interval, unless it would be empty.
    fn look(&mut self, recorder: &mut impl Recorder, full: bool) {
        if self.seen_until == self.now {
            return;
        }
        if full {
            self.plane.observe(&mut self.seen);
        } else {
            let (cpu, all) = (self.control.looked_at(), self.control.watched());
            // Actions are judged minute by minute.
            let actions = self.now.0.is_multiple_of(MINUTE.0);
            self.plane
                .pulse(&mut self.seen, Asked { cpu, all, actions });
        }
        self.seen.start = self.seen_until;
        self.seen.end = self.now;
        self.seen_until = self.now;
        self.control.add_work(&mut self.seen);
        self.control.charge_crowds(&mut self.seen);
        self.control.saw(&self.seen);
        self.carry_out();
        self.control.show(self.now, &mut self.shown);
        recorder.interval(&self.seen, &self.shown);
    }

    fn carry_out(&mut self) {
        for command in self.control.take_commands() {
            self.plane.command(command);
        }
    }

    fn tell(&mut self, recorder: &mut impl Recorder) {
        for event in self.control.take_events() {
            recorder.event(&event);
        }
        for look in self.control.take_gate_looks() {
            recorder.gate_look(&look);
        }
        for record in self.control.take_work_records() {
            recorder.work(&record);
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The programme's result until now.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.control.summary(self.now)
    }

    /// Events that the data plane handled.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.plane.events()
    }

    /// The data plane.
    pub fn plane(&self) -> &P {
        &self.plane
    }

    /// The data plane, to take what it has collected.
    pub fn plane_mut(&mut self) -> &mut P {
        &mut self.plane
    }
}
