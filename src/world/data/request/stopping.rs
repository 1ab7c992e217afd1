//! Replicas that are stopped: what they hold ends as killed, or goes back to its broker.

use crate::units::{ReplicaId, SimTime};
use crate::world::contract::Outcome;
use crate::world::data::request::frame::{Flags, FrameKind, NIL, State};
use crate::world::data::request::plane::RequestPlane;
use crate::world::data::request::replica::Queue;

impl RequestPlane {
    /// Forgets a frame whose replica was stopped under it, now that nothing more comes back to it.
    pub(super) fn drop_gone(&mut self, slot: u32) {
        let parent = self.frames[slot].parent;
        let kind = self.frames[slot].kind;
        if kind == FrameKind::Branch {
            self.end_branch(slot, true);
        } else {
            debug_assert_eq!(parent, NIL, "the caller of a stopped request was told");
            self.frames.remove(slot);
        }
    }

    /// Stops a replica: what it holds ends as killed, and callers no longer choose it.
    pub(super) fn kill(&mut self, id: ReplicaId) {
        let station = self.replicas[id.index()].station as usize;
        self.listed[station].replicas.retain(|other| *other != id);
        self.crash(id);
    }

    /// Stops a replica whose callers do not know yet.
    pub(super) fn crash(&mut self, id: ReplicaId) {
        let now = self.now;
        let replica = &mut self.replicas[id.index()];
        if !replica.alive {
            return;
        }
        replica.alive = false;
        replica.accepting = false;
        replica.draining = false;
        replica.settle();
        let used = self.cpu_used(id.0);
        let replica = &mut self.replicas[id.index()];
        let cpu_ns = used - replica.cpu_seen;
        replica.cpu_seen = used;
        replica.in_slots = 0;
        replica.room = None;
        let on_processor = if replica.hosted {
            self.leave_host(id.0)
        } else {
            let processor = &mut self.processors[id.index()];
            processor.armed = (0, SimTime::NEVER);
            processor.clear(now)
        };
        self.stop_pulling(id.0);
        self.drop_stopped(id.0);
        self.replicas[id.index()].queue = Queue::EMPTY;
        let station = self.replicas[id.index()].station as usize;
        self.accounts.stations[station].cpu_ns += cpu_ns;
        let failed = self.break_connections(id.0);
        self.end_all_at(id, station, &on_processor);
        for attempt in failed {
            self.send_reply(attempt);
        }
        self.pull_redelivered();
    }

    /// CPU time that a replica has used, nanoseconds.
    pub(super) fn cpu_used(&self, replica: u32) -> u64 {
        let home = &self.replicas[replica as usize];
        if home.hosted {
            home.cpu_done
        } else {
            self.processors[replica as usize].cpu_ns_at(self.now)
        }
    }

    /// Frees the requests in a replica's queue that were stopped while they waited.
    fn drop_stopped(&mut self, home: u32) {
        let mut next = self.replicas[home as usize].queue.first;
        while next != NIL {
            let slot = next;
            next = self.frames[slot].link;
            if self.frames[slot].state == State::Gone {
                self.frames.remove(slot);
            }
        }
    }

    fn end_all_at(&mut self, id: ReplicaId, station: usize, on_processor: &[u32]) {
        let (mut idle, mut messages) = (Vec::new(), Vec::new());
        for slot in 0..self.frames.slots() as u32 {
            let frame = &self.frames[slot];
            // At the users' place, home is a user.
            let elsewhere = frame.home != id.0 || frame.place == 0;
            if elsewhere
                || matches!(
                    frame.state,
                    State::Connecting
                        | State::Travelling
                        | State::Replying
                        | State::Gone
                        | State::Free
                )
            {
                continue;
            }
            // Nothing more comes back to a frame that was queued or on the processor.
            let waits = matches!(frame.state, State::Queued | State::Lingering);
            if waits || on_processor.contains(&slot) {
                idle.push(slot);
            }
            if self.abandons(slot) {
                self.stop_steps(slot);
                idle.push(slot);
            }
            let frame = &self.frames[slot];
            let settled = frame.flags.has(Flags::SETTLED);
            if frame.kind == FrameKind::Request {
                self.accounts.went(station, self.now);
                if !settled && !self.redeliver(slot) {
                    messages.push(self.killed_message(slot));
                }
            } else if frame.kind == FrameKind::Join && settled {
                self.frames[slot].parent = NIL;
            }
            let frame = &mut self.frames[slot];
            frame.state = State::Gone;
            frame.call_timer = 0;
        }
        for slot in idle {
            self.drop_gone(slot);
        }
        // Only now that all are known as gone: a message may arrive at once, and at one of them.
        for message in messages {
            self.send_reply(message);
        }
    }

    /// The failure of a stopped request for its caller, in a frame of its own.
    fn killed_message(&mut self, slot: u32) -> u32 {
        let mut messenger = self.frames[slot].clone();
        let frame = &mut self.frames[slot];
        frame.parent = NIL;
        frame.flags.clear(Flags::OUTSTANDING);
        frame.try_timer = 0;
        messenger.outcome = Outcome::Killed;
        // Its failure is as good as on its way: no timer any more.
        messenger.state = State::Replying;
        messenger.become_messenger();
        let parent = messenger.parent;
        let messenger = self.frames.insert(messenger);
        self.move_connection(slot, messenger);
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_killed(slot, messenger);
        }
        if parent != NIL {
            self.replace_try(parent, slot, messenger);
        }
        messenger
    }
}
