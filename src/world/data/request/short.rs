//! Short ways: a call whose every stage is the ordinary one.
//!
//! Each way asks first whether anything out of the ordinary holds and then declines without having changed anything:
//! the long way (`calls`, `execute`) does the same and more. What it does it does in the same order, so that events get
//! the same sequence numbers. The tests play whole models with the short ways shut and compare every number.
//!
//! The plane is taken apart at the top of each way, so that every record it touches is looked up once.

use crate::engine::Event;
use crate::units::{ServiceId, SimDuration, SimTime};
use crate::world::contract::Outcome;
use crate::world::data::request::accounts::Accounts;
use crate::world::data::request::execute::{STEP, answered, ordinal};
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::program::{Op, Programs};
use crate::world::data::request::replica::Replica;
use crate::world::data::request::sites::Traits;

/// What a site may need and still be called by the short way: it matters only when a try fails.
const WHEN_FAILED: Traits = Traits::CANCELS.or(Traits::FALLBACK).or(Traits::INSTEAD);

impl RequestPlane {
    /// Opens or shuts the short ways; finds the sites whose calls may go them. Watched scenarios note more on the
    /// way.
    pub(super) fn open_short_ways(&mut self, open: bool) {
        self.short_ways = open;
        for (site, timers) in self.programs.sites.iter_mut().zip(&self.timers) {
            let short = open
                && !self.tracks_deadlines
                && !site.brokered
                && timers.1.is_none()
                && site.traits.is_within(WHEN_FAILED);
            site.station = if short {
                self.only[site.service.index()]
            } else {
                NIL
            };
        }
    }

    /// Calls of a service go the long way from now on.
    pub(super) fn shut_short_ways_to(&mut self, service: ServiceId) {
        let sites = self.programs.sites.iter_mut();
        for site in sites.filter(|site| site.service == service) {
            site.station = NIL;
        }
    }

    /// Lets a frame go on that can.
    #[inline(never)]
    pub(super) fn resume(&mut self, mut slot: u32) {
        loop {
            let frame = &mut self.frames[slot];
            if !self.short_ways || frame.flags.has(Flags::UNUSUAL) {
                break;
            }
            match (self.programs.ops[frame.pc as usize], frame.kind) {
                (Op::Call { site }, _) => {
                    frame.pc += 1;
                    if !self.call_shortly(slot, site) {
                        self.start_call(slot, site);
                    }
                    return;
                }
                (Op::End, FrameKind::Request) => match self.end_shortly(slot) {
                    Ended::Answered { waiter } => slot = waiter,
                    Ended::Replying => return,
                    Ended::No => break,
                },
                (Op::End, FrameKind::Action) => {
                    let outcome = answered(frame.flags);
                    self.end_action(slot, outcome);
                    return;
                }
                _ => break,
            }
        }
        self.execute(slot);
    }

    /// Begins a call, by either way.
    #[inline(never)]
    pub(super) fn call(&mut self, waiter: u32, site: u32) {
        if !self.call_shortly(waiter, site) {
            self.start_call(waiter, site);
        }
    }

    /// Begins a call; false when it must go the long way.
    #[inline(always)]
    fn call_shortly(&mut self, waiter: u32, site_index: u32) -> bool {
        let Self {
            programs, frames, ..
        } = self;
        let site = &programs.sites[site_index as usize];
        let frame = &frames[waiter];
        if frame.flags.has(Flags::UNUSUAL) {
            return false;
        }
        let Some(listed) = self.listed.get_mut(site.station as usize) else {
            return false;
        };
        let to = listed.place;
        let hop_index = usize::from(frame.place) * self.places + usize::from(to);
        let hop = &self.hops[hop_index];
        let (Some((lane, _)), NIL) = (hop.constant, hop.wire) else {
            return false;
        };
        let key = frame.key.call(site.name, 0, 0);
        let Some(home) = listed.choose(site.rule, key, &self.replicas) else {
            return false;
        };
        let replica = &mut self.replicas[home as usize];
        replica.outstanding += 1;
        self.accounts
            .edge_called_with(site.edge, hop_index, site.request_bytes);
        let mut child = Frame::new(FrameKind::Request, key, waiter, site.start, self.now);
        (child.site, child.home, child.place) = (site_index, home, to);
        child.flags = Flags::OUTSTANDING;
        let admitted = hop.at_once
            && is_free(replica)
            && admit(programs, &mut self.accounts, replica, &mut child, self.now);
        let slot = frames.insert(child);
        let frame = &mut frames[waiter];
        (frame.calling, frame.tries, frame.link) = (site_index, 0, slot);
        frame.state = State::Calling;
        if let Some(each) = self.timers[site_index as usize].0 {
            self.events
                .trim(each, |slot, sequence| frames[slot].try_timer == sequence);
            frames[slot].try_timer = self.events.push_lane(each, self.now, slot);
        }
        if admitted {
            self.start_own_work(slot);
        } else if hop.at_once {
            self.on_arrived_last(slot);
        } else {
            self.events.push_lane(lane, self.now, slot);
        }
        true
    }

    /// A request reaches its replica, and nothing else happens before it goes on.
    #[inline(always)]
    pub(super) fn on_arrived_last(&mut self, slot: u32) {
        if !self.arrive_shortly(slot) {
            self.on_arrived(slot);
        }
    }

    #[inline(always)]
    fn arrive_shortly(&mut self, slot: u32) -> bool {
        let Self {
            programs, frames, ..
        } = self;
        let frame = &mut frames[slot];
        if !self.short_ways || frame.state == State::Gone || frame.flags.has(Flags::UNUSUAL) {
            return false;
        }
        // Requests on their way to a broker have no replica.
        let Some(replica) = self.replicas.get_mut(frame.home as usize) else {
            return false;
        };
        if !is_free(replica) {
            return false;
        }
        if admit(programs, &mut self.accounts, replica, frame, self.now) {
            self.start_own_work(slot);
        } else {
            replica.in_slots += 1;
            frame.since = self.now;
            frame.state = State::Admitted;
            self.accounts.arrived(replica.station as usize, self.now);
            self.resumed.push(slot);
        }
        true
    }

    /// A request's program has come to its end.
    #[inline(always)]
    fn end_shortly(&mut self, slot: u32) -> Ended {
        let frame = &self.frames[slot];
        let (parent, since, from) = (frame.parent, frame.since, frame.place);
        if frame.flags != Flags::OUTSTANDING || parent == NIL || !self.short_ways {
            return Ended::No;
        }
        let site = &self.programs.sites[frame.site as usize];
        let replica = &mut self.replicas[frame.home as usize];
        if site.error_ratio > 0.0
            || self.faults.any_errors()
            || !replica.plain
            || replica.queue.first != NIL
        {
            return Ended::No;
        }
        let waiter = &mut self.frames[parent];
        let hop_index = usize::from(from) * self.places + usize::from(waiter.place);
        let hop = &self.hops[hop_index];
        let (Some((_, lane)), NIL) = (hop.constant, hop.wire) else {
            return Ended::No;
        };
        if site.reply_bytes > 0 {
            self.accounts
                .edge_carried(site.edge, hop_index, site.reply_bytes);
        }
        // Who no longer warms need not count what it served.
        replica.in_slots -= 1;
        let station = replica.station as usize;
        self.accounts.left(station, since, self.now);
        if !hop.at_once {
            let frame = &mut self.frames[slot];
            (frame.outcome, frame.state) = (Outcome::Ok, State::Replying);
            self.events.push_lane(lane, self.now, slot);
            Ended::Replying
        } else if waiter.state == State::Gone || waiter.flags.has(Flags::UNUSUAL) {
            let frame = &mut self.frames[slot];
            (frame.outcome, frame.state) = (Outcome::Ok, State::Replying);
            self.on_replied(slot);
            Ended::Replying
        } else {
            (waiter.call_timer, waiter.link) = (0, NIL);
            replica.outstanding -= 1;
            self.accounts.answered(station);
            self.frames.remove_usual(slot);
            Ended::Answered { waiter: parent }
        }
    }

    /// A reply reaches its caller, and nothing else happens before that goes on.
    #[inline(always)]
    pub(super) fn on_replied_last(&mut self, slot: u32) {
        if !self.reply_shortly(slot) {
            self.on_replied(slot);
        }
    }

    #[inline(always)]
    fn reply_shortly(&mut self, slot: u32) -> bool {
        let frame = &self.frames[slot];
        let (parent, home) = (frame.parent, frame.home);
        if parent == NIL
            || !self.short_ways
            || frame.flags != Flags::OUTSTANDING
            || frame.outcome != Outcome::Ok
        {
            return false;
        }
        let waiter = &mut self.frames[parent];
        if waiter.state == State::Gone || waiter.flags.has(Flags::UNUSUAL) {
            return false;
        }
        (waiter.call_timer, waiter.link) = (0, NIL);
        let replica = &mut self.replicas[home as usize];
        replica.outstanding -= 1;
        self.accounts.answered(replica.station as usize);
        self.frames.remove_usual(slot);
        self.resume(parent);
        true
    }

    /// A job that has an event of its own has ended, unless its processor was stopped or changed its rate.
    #[inline(always)]
    pub(super) fn on_work_ended(&mut self, event: Event) {
        let frame = &self.frames[event.slot];
        if frame.state != State::Working || frame.link != event.sequence {
            return;
        }
        let processor = &mut self.processors[frame.home as usize];
        if let Some((next, end)) = processor.finish(event.slot, self.now) {
            self.frames[next].link = self.events.push(end, rank::WORK_ENDED, next);
        }
        let frame = &self.frames[event.slot];
        if frame.kind == FrameKind::Request && frame.parent != NIL {
            self.resume(event.slot);
        } else {
            self.work_ended(event.slot);
        }
    }
}

/// How the short way to end a request came out.
enum Ended {
    /// It must end the long way.
    No,
    /// Its reply is on its way, or was dealt with.
    Replying,
    /// Its caller has the answer and goes on.
    Answered { waiter: u32 },
}

/// Whether a request that comes gets a worker slot at once and nothing else is to be seen to.
#[inline(always)]
fn is_free(replica: &Replica) -> bool {
    debug_assert_eq!(replica.plain, replica.is_plain(), "settled at each change");
    // While somebody waits no slot is free, so that those in slots are all that are in flight.
    replica.plain
        && replica.in_slots < replica.slots
        && replica.in_slots < replica.fit_memory
        && replica.queue.first == NIL
}

/// Gives a request that arrives a worker slot and draws its work; false when its program does not begin with work.
#[inline(always)]
fn admit(
    programs: &Programs,
    accounts: &mut Accounts,
    replica: &mut Replica,
    frame: &mut Frame,
    now: SimTime,
) -> bool {
    let Op::Work { demand, draw } = programs.ops[frame.pc as usize] else {
        return false;
    };
    replica.in_slots += 1;
    accounts.arrived(replica.station as usize, now);
    let key = frame.key;
    let base = ordinal(draw, 0);
    let demand =
        programs.laws[demand as usize].sample(|part| key.uniform(STEP, base + u64::from(part)));
    frame.pc += 1;
    frame.since = now;
    frame.state = State::Working;
    frame.demand = SimDuration::from_seconds(demand);
    true
}
