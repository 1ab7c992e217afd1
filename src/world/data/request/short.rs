//! Short ways: a call whose every stage is the ordinary one.
//!
//! Each way asks first whether anything out of the ordinary holds and then declines without having changed anything:
//! the long way (`calls`, `execute`) does the same and more. What it does it does in the same order, so that events get
//! the same sequence numbers. The tests play whole models with the short ways shut and compare every number.

use crate::engine::Event;
use crate::units::SimDuration;
use crate::world::contract::Outcome;
use crate::world::data::request::execute::{STEP, ordinal};
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::program::Op;
use crate::world::data::request::sites::Traits;

/// What a site may need and still be called by the short way: it matters only when a try fails.
const WHEN_FAILED: Traits = Traits::CANCELS.or(Traits::FALLBACK).or(Traits::INSTEAD);

impl RequestPlane {
    /// Opens or shuts the short ways; finds the sites whose calls may go them. Watched scenarios note more on the
    /// way.
    pub(super) fn open_short_ways(&mut self, open: bool) {
        self.short_ways = open;
        for (site, timers) in self.programs.sites.iter_mut().zip(&self.timers) {
            site.short = open
                && !self.tracks_deadlines
                && !site.brokered
                && timers.1.is_none()
                && site.traits.is_within(WHEN_FAILED);
        }
    }

    /// Begins a call; false when it must go the long way.
    #[inline]
    pub(super) fn call_shortly(&mut self, waiter: u32, site_index: u32) -> bool {
        let site = &self.programs.sites[site_index as usize];
        let frame = &self.frames[waiter];
        if !site.short || frame.flags.has(Flags::UNUSUAL) {
            return false;
        }
        let station = self.only[site.service.index()];
        if station == NIL {
            return false;
        }
        let station = station as usize;
        let (from, to) = (frame.place, self.listed[station].place);
        let hop_index = self.hop(usize::from(from), usize::from(to));
        let hop = &self.hops[hop_index];
        let (Some((lane, _)), false) = (hop.constant, hop.ns_per_byte > 0.0) else {
            return false;
        };
        let at_once = hop.at_once;
        let key = frame.key.call(site.name, 0, 0);
        let (edge, bytes, start) = (site.edge, site.request_bytes, site.start);
        let balance = site.policy.balance.rule;
        let Some(home) = self.choose_replica(station, balance, key) else {
            return false;
        };
        self.replicas[home as usize].outstanding += 1;
        let mut child = Frame::new(FrameKind::Request, key, waiter, start, self.now);
        (child.site, child.home, child.place) = (site_index, home, to);
        child.flags = Flags::OUTSTANDING;
        let slot = self.frames.insert(child);
        let frame = &mut self.frames[waiter];
        (frame.calling, frame.tries, frame.link) = (site_index, 0, slot);
        frame.state = State::Calling;
        self.accounts.edge_called_with(edge, hop_index, bytes);
        if let Some(each) = self.timers[site_index as usize].0 {
            let frames = &self.frames;
            self.events
                .trim(each, |slot, sequence| frames[slot].try_timer == sequence);
            self.frames[slot].try_timer = self.events.push_lane(each, self.now, slot);
        }
        if at_once {
            self.on_arrived_last(slot);
        } else {
            self.events.push_lane(lane, self.now, slot);
        }
        true
    }

    /// A request reaches its replica, and nothing else happens before it goes on.
    #[inline]
    pub(super) fn on_arrived_last(&mut self, slot: u32) {
        if !self.arrive_shortly(slot) {
            self.on_arrived(slot);
        }
    }

    #[inline]
    fn arrive_shortly(&mut self, slot: u32) -> bool {
        let frame = &mut self.frames[slot];
        if !self.short_ways
            || frame.home == NIL
            || frame.state == State::Gone
            || frame.flags.has(Flags::UNUSUAL)
        {
            return false;
        }
        let replica = &mut self.replicas[frame.home as usize];
        if !replica.accepting
            || replica.special
            || replica.in_slots >= replica.slots
            || replica.in_flight() >= replica.fit_memory
        {
            return false;
        }
        replica.in_slots += 1;
        frame.since = self.now;
        let (station, pc) = (replica.station as usize, frame.pc);
        self.accounts.arrived(station, self.now);
        if let Op::Work { demand, draw } = self.programs.ops[pc as usize] {
            let key = frame.key;
            let base = ordinal(draw, 0);
            let demand = self.programs.laws[demand as usize]
                .sample(|part| key.uniform(STEP, base + u64::from(part)));
            frame.pc = pc + 1;
            frame.state = State::Working;
            frame.demand = SimDuration::from_seconds(demand);
            self.start_work(slot);
        } else {
            frame.state = State::Admitted;
            self.resumed.push(slot);
        }
        true
    }

    /// A request's work has ended, and nothing else happens before it goes on.
    #[inline]
    pub(super) fn work_ended_last(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let over = matches!(self.programs.ops[frame.pc as usize], Op::End);
        if !(over && frame.kind == FrameKind::Request && self.end_shortly(slot)) {
            self.work_ended(slot);
        }
    }

    /// A request's program has come to its end; false when it must end the long way.
    #[inline]
    pub(super) fn end_shortly(&mut self, slot: u32) -> bool {
        let frame = &self.frames[slot];
        let (home, parent, since) = (frame.home, frame.parent, frame.since);
        if frame.flags != Flags::OUTSTANDING || parent == NIL || !self.short_ways {
            return false;
        }
        let site = &self.programs.sites[frame.site as usize];
        let replica = &self.replicas[home as usize];
        if site.error_ratio > 0.0
            || self.faults.any_errors()
            || replica.warming
            || replica.draining
            || replica.special
            || replica.queue.first != NIL
        {
            return false;
        }
        let waiter = &self.frames[parent];
        let hop_index = self.hop(usize::from(frame.place), usize::from(waiter.place));
        let hop = &self.hops[hop_index];
        let (Some((_, lane)), false) = (hop.constant, hop.ns_per_byte > 0.0) else {
            return false;
        };
        let at_once = hop.at_once;
        if site.reply_bytes > 0 {
            self.accounts
                .edge_carried(site.edge, hop_index, site.reply_bytes);
        }
        let replica = &mut self.replicas[home as usize];
        replica.in_slots -= 1;
        replica.served += 1;
        let station = replica.station as usize;
        self.accounts.left(station, since, self.now);
        let frame = &mut self.frames[slot];
        (frame.outcome, frame.state) = (Outcome::Ok, State::Replying);
        if at_once {
            self.on_replied_last(slot);
        } else {
            self.events.push_lane(lane, self.now, slot);
        }
        true
    }

    /// A reply reaches its caller, and nothing else happens before that goes on.
    #[inline]
    pub(super) fn on_replied_last(&mut self, slot: u32) {
        if !self.reply_shortly(slot) {
            self.on_replied(slot);
        }
    }

    #[inline]
    fn reply_shortly(&mut self, slot: u32) -> bool {
        let frame = &self.frames[slot];
        let parent = frame.parent;
        if parent == NIL
            || !self.short_ways
            || frame.flags != Flags::OUTSTANDING
            || frame.outcome != Outcome::Ok
        {
            return false;
        }
        let (home, site) = (frame.home, frame.site);
        let waiter = &mut self.frames[parent];
        if waiter.state == State::Gone || waiter.flags.has(Flags::UNUSUAL) {
            return false;
        }
        (waiter.call_timer, waiter.link) = (0, NIL);
        let replica = &mut self.replicas[home as usize];
        replica.outstanding -= 1;
        let station = replica.station as usize;
        debug_assert_eq!(
            self.programs.sites[site as usize].service.index(),
            station / self.scenario.clusters.len(),
            "an unusual frame is answered by another service"
        );
        self.accounts.stations[station].ended[Outcome::Ok as usize] += 1;
        self.frames.remove_usual(slot);
        self.resumed.push(parent);
        true
    }

    /// A job that has an event of its own has ended, unless its processor was stopped or changed its rate.
    #[inline]
    pub(super) fn on_work_ended(&mut self, event: Event) {
        let frame = &self.frames[event.slot];
        if frame.state != State::Working || frame.link != event.sequence {
            return;
        }
        let index = self.replicas[frame.home as usize].processor;
        if let Some((next, end)) = self.processors[index as usize].finish(event.slot, self.now) {
            self.frames[next].link = self.events.push(end, rank::WORK_ENDED, next);
        }
        self.work_ended_last(event.slot);
    }
}
