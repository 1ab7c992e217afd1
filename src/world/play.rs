//! A world: the control plane above a data plane, played forward together.
//!
//! At equal times the control plane acts before the data plane. What happens is told to a `Recorder`.

use crate::model::Scenario;
use crate::units::SimTime;
use crate::world::contract::{DataPlane, Luck, Seen, Stop};
use crate::world::control::{Control, Summary};
use crate::world::recorder::{ControlSeen, Recorder};

/// One simulated world.
pub struct World<'s, P> {
    control: Control<'s>,
    plane: P,
    now: SimTime,
    seen_until: SimTime,
    next_look: SimTime,
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
            seen: Seen::default(),
            shown: ControlSeen::default(),
        };
        world.carry_out();
        world
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
                    self.look(recorder);
                }
                self.control.handle_next();
                self.carry_out();
                self.tell(recorder);
                continue;
            }
            let target = until.min(self.control.next_time()).min(self.next_look);
            let advanced = self.plane.advance(target)?;
            self.now = advanced.now;
            if let Some(notice) = advanced.notice {
                self.control.notice(self.now, notice);
                self.carry_out();
                self.tell(recorder);
            }
            if self.now >= self.next_look {
                self.look(recorder);
                self.next_look = self.control.next_look(self.now);
            }
        }
        self.look(recorder);
        Ok(())
    }

    /// Ends an interval, unless it would be empty.
    fn look(&mut self, recorder: &mut impl Recorder) {
        if self.seen_until == self.now {
            return;
        }
        self.plane.observe(&mut self.seen);
        self.seen.start = self.seen_until;
        self.seen.end = self.now;
        self.seen_until = self.now;
        self.control.saw(&self.seen);
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
}
