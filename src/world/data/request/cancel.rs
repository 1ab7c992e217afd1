//! Stopping work whose caller has given up: what waits is dropped, what runs is taken off its processor, slots are
//! free at once, and so on for all calls below. Only one timer stands for a whole tree: that of its root.

use crate::units::{ReplicaId, SimDuration, SimTime};
use crate::world::contract::{Notice, Outcome};
use crate::world::data::request::frame::{Flags, FrameKind, NIL, State};
use crate::world::data::request::plane::RequestPlane;
use crate::world::data::request::sites::Traits;

impl RequestPlane {
    /// Stops a try that nobody waits for any more, and all that it has called. A message on its way is dropped when
    /// it arrives; an answer on its way is not looked at.
    pub(super) fn stop(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let home = frame.home;
        if frame.flags.has(Flags::TRACED) {
            self.trace_end(slot, Outcome::Cancelled);
        }
        if self.is_connecting(slot) {
            // A set-up goes on: the pool keeps the connection.
            return;
        }
        let state = self.frames[slot].state;
        match state {
            State::Replying | State::Gone | State::Free | State::Connecting => {}
            State::Travelling => self.frames[slot].state = State::Gone,
            State::Queued if self.leave_room(slot) => self.frames.remove(slot),
            State::Queued => {
                // It stays in the queue's list and is freed when its turn comes.
                self.frames[slot].state = State::Gone;
                let replica = &mut self.replicas[home as usize];
                let station = replica.station as usize;
                self.accounts.went(station, self.now);
                if replica.alive {
                    replica.queue.length -= 1;
                    if replica.draining && replica.in_flight() == 0 {
                        let replica = ReplicaId(home);
                        self.notices.push_back(Notice::Drained { replica });
                    }
                } else {
                    self.frames.remove(slot);
                }
            }
            _ => {
                self.stop_steps(slot);
                let replica = &self.replicas[home as usize];
                let (station, alive) = (replica.station as usize, replica.alive);
                self.accounts.went(station, self.now);
                self.let_stragglers_go(slot);
                self.frames.remove(slot);
                if alive {
                    self.release_slot(home);
                }
            }
        }
    }

    /// Stops what a frame does now, so that nothing comes back to it.
    pub(super) fn stop_steps(&mut self, slot: u32) {
        self.frames[slot].call_timer = 0;
        // It may be about to go on at this instant.
        self.resumed.retain(|other| *other != slot);
        match self.frames[slot].state {
            State::Working => self.stop_work(slot),
            // The event that ends it no longer finds itself remembered.
            State::Waiting => self.frames[slot].link = NIL,
            State::Calling | State::BackingOff => self.abandon_call(slot),
            State::Joining => {
                let mut branch = self.frames[slot].link;
                while branch != NIL {
                    let next = self.frames[branch].neighbours().1;
                    if self.frames[branch].flags.has(Flags::TRACED) {
                        self.trace_end(branch, Outcome::Cancelled);
                    }
                    self.stop_steps(branch);
                    self.frames.remove(branch);
                    branch = next;
                }
                self.frames[slot].link = NIL;
            }
            _ => {}
        }
    }

    /// A caller is no longer there: its tries are nobody's, and stop if their caller's policy says so.
    fn abandon_call(&mut self, waiter: u32) {
        if self
            .frames
            .cold(waiter)
            .is_some_and(|cold| cold.managed > 0)
        {
            self.close_managed(waiter);
            return;
        }
        if self.frames[waiter].state == State::BackingOff {
            self.frames.cold_mut(waiter).backoff = 0;
        } else if self.frames[waiter].link != NIL {
            self.orphan(self.frames[waiter].link, Outcome::Cancelled);
        }
        self.frames[waiter].link = NIL;
    }

    /// Whether a frame's call is abandoned when its replica is stopped, instead of being waited for.
    pub(super) fn abandons(&self, slot: u32) -> bool {
        let frame = &self.frames[slot];
        matches!(frame.state, State::Calling | State::BackingOff)
            && self.programs.sites[frame.calling as usize]
                .traits
                .has(Traits::MANAGED.or(Traits::CANCELS))
    }

    /// Puts a new branch before its parent's others, so that they can be found.
    pub(super) fn link_branch(&mut self, parent: u32, branch: u32) {
        let first = std::mem::replace(&mut self.frames[parent].link, branch);
        self.frames[branch].set_neighbours(NIL, first);
        if first != NIL {
            let next = self.frames[first].neighbours().1;
            self.frames[first].set_neighbours(branch, next);
        }
    }

    /// Takes a branch that has ended out of its parent's list.
    pub(super) fn unlink_branch(&mut self, parent: u32, branch: u32) {
        debug_assert!(matches!(
            self.frames[branch].kind,
            FrameKind::Branch | FrameKind::Join
        ));
        let (previous, next) = self.frames[branch].neighbours();
        if previous == NIL {
            self.frames[parent].link = next;
        } else {
            let before = self.frames[previous].neighbours().0;
            self.frames[previous].set_neighbours(before, next);
        }
        if next != NIL {
            let after = self.frames[next].neighbours().1;
            self.frames[next].set_neighbours(previous, after);
        }
    }

    /// Instant at which the work of a frame will be stopped for its caller; `NEVER` when nobody would.
    #[inline]
    pub(super) fn deadline(&self, slot: u32) -> SimTime {
        let at = self.deadlines.get(slot as usize);
        at.map_or(SimTime::NEVER, |deadlines| deadlines.own)
    }

    /// Sets the deadline of a frame that has just been made.
    #[inline]
    pub(super) fn set_deadline(&mut self, slot: u32, own: SimTime) {
        let index = slot as usize;
        if self.deadlines.len() <= index {
            self.deadlines.resize(index + 1, Deadlines::default());
        }
        self.deadlines[index].own = own;
    }

    /// Whether a timer of this length would go off before the deadline of the frame that would arm it.
    #[inline]
    pub(super) fn is_needed(&self, waiter: u32, delay: SimDuration) -> bool {
        !self.tracks_deadlines || self.now + delay < self.deadline(waiter)
    }

    /// Deadline of a try made now by a call whose tries have so much time each, all together until `all`.
    #[inline]
    pub(super) fn deadline_of_try(
        &self,
        waiter: u32,
        traits: Traits,
        each: Option<SimDuration>,
    ) -> SimTime {
        if !traits.has(Traits::DEADLINE) {
            return SimTime::NEVER;
        }
        let all = self.deadlines.get(waiter as usize);
        let all = all.map_or(SimTime::NEVER, |deadlines| deadlines.call);
        each.map_or(all, |each| all.min(self.now + each))
    }

    /// Notes until when the call that a frame makes now may take.
    #[inline]
    pub(super) fn set_call_deadline(&mut self, waiter: u32, limit: Option<SimDuration>) {
        let own = self.deadline(waiter);
        let call = limit.map_or(own, |limit| own.min(self.now + limit));
        let index = waiter as usize;
        if self.deadlines.len() <= index {
            self.deadlines.resize(index + 1, Deadlines::default());
        }
        self.deadlines[index].call = call;
    }
}

/// Deadlines of a frame, in scenarios that pass them on.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    own: SimTime,
    call: SimTime,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            own: SimTime::NEVER,
            call: SimTime::NEVER,
        }
    }
}
