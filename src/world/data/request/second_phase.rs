//! Answers before the end of a program: second-phase work, forwarding, and calls that nobody waits for.
//!
//! The slot of the slab that a caller knows stays with the caller's side: it becomes the answer on its way, or the
//! request at the endpoint it is forwarded to, with its timers. What the replica goes on with moves to a new slot.

use crate::units::SimTime;
use crate::world::contract::Outcome;
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::sites::Traits;

impl RequestPlane {
    /// The request that a frame works for; `NIL` for a user action.
    pub(super) fn request_of(&self, slot: u32) -> u32 {
        let mut at = slot;
        loop {
            let frame = &self.frames[at];
            match frame.kind {
                FrameKind::Request => return at,
                FrameKind::Action => return NIL,
                FrameKind::Branch | FrameKind::Join => {
                    if frame.parent == NIL {
                        return NIL;
                    }
                    at = frame.parent;
                }
            }
        }
    }

    /// A `reply` step: the answer leaves now. Returns the frame that goes on with the program.
    pub(super) fn reply(&mut self, slot: u32, bytes: u64) -> u32 {
        let request = self.request_of(slot);
        if request == NIL || self.frames[request].flags.has(Flags::SETTLED) {
            return slot;
        }
        let outcome = self.own_outcome(request);
        let rest = self.answer(request, outcome, bytes, request == slot);
        if request == slot { rest } else { slot }
    }

    /// Sends a request's answer while its slot is still held. `alone`: no other frame refers to the request, so
    /// that the answer keeps the attempt's timers; otherwise an answer on its way is no longer given up. Returns
    /// the frame that stands for the request at its replica from now on.
    pub(super) fn answer(
        &mut self,
        request: u32,
        outcome: Outcome,
        bytes: u64,
        alone: bool,
    ) -> u32 {
        self.note_answer(request);
        self.record_latency(request);
        let traced = self.frames[request].flags.has(Flags::TRACED);
        if traced {
            self.trace_end(request, outcome);
        }
        let frame = &self.frames[request];
        if frame.parent == NIL {
            if frame.flags.has(Flags::ASYNC) {
                self.count_async(request, outcome);
            }
            self.forget_outstanding(request);
            self.release_connection(request);
            self.settle(request);
            return request;
        }
        let alone = alone && !frame.flags.has(Flags::DETACHED);
        let (message, rest) = if alone {
            (request, self.move_away(request))
        } else {
            let mut message = self.frames[request].clone();
            message.become_messenger();
            let (parent, message) = (message.parent, self.frames.insert(message));
            self.move_connection(request, message);
            self.replace_try(parent, request, message);
            if traced {
                self.trace_killed(request, message);
            }
            let frame = &mut self.frames[request];
            frame.parent = NIL;
            frame.try_timer = 0;
            frame.flags.clear(Flags::OUTSTANDING);
            (message, request)
        };
        self.settle(rest);
        self.frames[message].outcome = outcome;
        self.send_answer(message, bytes);
        rest
    }

    fn settle(&mut self, request: u32) {
        let flags = &mut self.frames[request].flags;
        flags.set(Flags::SETTLED);
        flags.set(Flags::DETACHED);
        // A trace shows what a caller waits for.
        flags.clear(Flags::TRACED);
    }

    /// Gives what a request does at its replica a new slot; the old one keeps caller, timers and balancer's count.
    fn move_away(&mut self, request: u32) -> u32 {
        let mut rest = self.frames[request].clone();
        rest.become_messenger();
        rest.parent = NIL;
        rest.flags.clear(Flags::OUTSTANDING);
        let rest = self.frames.insert(rest);
        self.frames.move_cold(request, rest);
        // The caller's side keeps the connection.
        self.move_connection(rest, request);
        self.move_marks(request, rest);
        if self.tracks_deadlines {
            self.set_deadline(rest, SimTime::NEVER);
        }
        rest
    }

    /// Whether who goes on at a replica does so after whom it answers, when both want the same processor now.
    pub(super) fn yields(&self, slot: u32) -> bool {
        let frame = &self.frames[slot];
        frame.place > 0 && self.replicas[frame.home as usize].yields
    }

    /// Lets a frame go on at this instant, after the answers that arrive now.
    pub(super) fn go_on_later(&mut self, slot: u32) {
        self.frames[slot].state = State::Waiting;
        self.frames[slot].link = self.events.push(self.now, rank::WAITED, slot);
    }

    /// A `forward` step. Returns the frame that goes on with the program.
    pub(super) fn forward(&mut self, slot: u32, site: u32) -> u32 {
        let request = self.request_of(slot);
        if request == NIL || self.frames[request].flags.has(Flags::SETTLED) {
            return slot;
        }
        self.note_answer(request);
        self.record_latency(request);
        let key = {
            let name = self.programs.sites[site as usize].name;
            let repeat = self.frames.repeat(slot);
            self.frames[slot].key.call(name, repeat, 0)
        };
        // As far as its first callee is concerned the attempt has ended well.
        let first = &self.frames[request];
        let is_async = first.flags.has(Flags::ASYNC);
        let traced = first.flags.has(Flags::TRACED);
        if traced {
            self.trace_end(request, Outcome::Ok);
        }
        let first = &self.frames[request];
        if first.parent != NIL {
            self.count_ended(request, Outcome::Ok);
        }
        self.forget_outstanding(request);
        self.release_connection(request);
        if let Some(client) = self.client_of(request) {
            self.clients[client].change_load(self.frames[request].home, -1);
        }
        let rest = self.move_away(request);
        if request != slot || self.frames[rest].flags.has(Flags::DETACHED) {
            self.frames.adopt(request, rest);
        }
        self.settle(rest);
        self.frames[rest].flags.clear(Flags::ASYNC);
        let (from, home) = (self.frames[request].place, self.frames[request].home);
        let start = self.programs.sites[site as usize].start;
        let handed = &mut self.frames[request];
        let (parent, try_timer) = (handed.parent, handed.try_timer);
        *handed = Frame::new(FrameKind::Request, key, parent, start, self.now);
        handed.try_timer = try_timer;
        if is_async {
            handed.flags.set(Flags::ASYNC);
        }
        if traced {
            handed.flags.set(Flags::TRACED);
        }
        self.send_on(request, site, (from, home));
        if request == slot { rest } else { slot }
    }

    /// An `async` step.
    pub(super) fn send_async(&mut self, slot: u32, site: u32) {
        let repeat = self.frames.repeat(slot);
        let frame = &self.frames[slot];
        let (from, home, called) = (frame.place, frame.home, &self.programs.sites[site as usize]);
        let key = frame.key.call(called.name, repeat, 0);
        let mut sent = Frame::new(FrameKind::Request, key, NIL, called.start, self.now);
        sent.flags.set(Flags::ASYNC);
        let station = self.station_of(called.service, from, called.traits, key);
        self.accounts.stations[station].async_sent += 1;
        let sent = self.frames.insert(sent);
        if self.tracks_deadlines {
            self.set_deadline(sent, SimTime::NEVER);
        }
        self.send_on(sent, site, (from, home));
    }

    /// Chooses a replica for a request and sends it there.
    fn send_on(&mut self, slot: u32, site: u32, (from, caller): (u8, u32)) {
        let called = &self.programs.sites[site as usize];
        let (service, edge, bytes) = (called.service, called.edge, called.request_bytes);
        let (balance, brokered) = (called.policy.balance.rule, called.brokered);
        let traits = called.traits;
        let key = self.frames[slot].key;
        let station = self.station_of(service, from, traits, key);
        let connected = from > 0 && traits.has(Traits::CONNECTED);
        let chosen = if brokered {
            Some(NIL)
        } else if connected && traits.has(Traits::RESOLVES) {
            let known = self.addresses(caller, service, station);
            self.choose_of(&known, balance, key)
        } else {
            self.choose_replica(station, balance, key)
        };
        let place = self.listed[station].place;
        let frame = &mut self.frames[slot];
        (frame.site, frame.place) = (site, place);
        let hop = self.hop(usize::from(from), usize::from(place));
        self.accounts.edge_called(edge, hop);
        let Some(replica) = chosen else {
            self.frames[slot].outcome = Outcome::NoReadyReplica;
            self.send_answer(slot, 0);
            return;
        };
        if replica != NIL {
            let frame = &mut self.frames[slot];
            frame.home = replica;
            frame.flags.set(Flags::OUTSTANDING);
            self.replicas[replica as usize].outstanding += 1;
            if let Some(client) = self.client_of(slot) {
                self.clients[client].change_load(replica, 1);
            }
        }
        if connected {
            self.frames.cold_mut(slot).from = from;
            self.send_connected(slot, caller);
            return;
        }
        self.accounts.edge_carried(edge, hop, bytes);
        self.travel(
            slot,
            usize::from(from),
            usize::from(place),
            bytes,
            rank::ARRIVED,
        );
    }

    /// A request that is settled, or whose stragglers keep its slot, comes to the end of its program.
    pub(super) fn end_detached(&mut self, slot: u32, outcome: Outcome) {
        if !self.frames[slot].flags.has(Flags::SETTLED) {
            let bytes = self.programs.sites[self.frames[slot].site as usize].reply_bytes;
            self.answer(slot, outcome, bytes, false);
        }
        if self
            .frames
            .cold(slot)
            .is_some_and(|cold| cold.stragglers > 0)
        {
            self.frames[slot].state = State::Lingering;
        } else {
            self.leave(slot);
        }
    }

    /// A request gives its slot back and is forgotten.
    pub(super) fn leave(&mut self, slot: u32) {
        self.note_leave(slot);
        let home = self.frames[slot].home;
        let station = self.replicas[home as usize].station as usize;
        self.accounts.went(station, self.now);
        self.frames.remove(slot);
        self.release_slot(home);
    }

    /// A request that nobody waits for has ended: in its own ledger.
    pub(super) fn count_async(&mut self, slot: u32, outcome: Outcome) {
        let frame = &self.frames[slot];
        let service = self.programs.sites[frame.site as usize].service;
        let clusters = self.scenario.clusters.len();
        let station = service.index() * clusters + usize::from(frame.place) - 1;
        self.accounts.stations[station].async_ended[outcome as usize] += 1;
    }

    fn record_latency(&mut self, request: u32) {
        let frame = &self.frames[request];
        let (home, since) = (frame.home, frame.since);
        let station = self.replicas[home as usize].station as usize;
        self.accounts.stations[station]
            .latency
            .record(self.now.since(since).0);
    }
}
