//! Short ways: a call whose every stage is the ordinary one.
//!
//! Each way asks first whether anything out of the ordinary holds and then declines without having changed anything:
//! the long way (`calls`, `execute`) does the same and more. What it does it does in the same order, so that events get
//! the same sequence numbers. The tests play whole models with the short ways shut and compare every number.
//!
//! The plane is taken apart at the top of each way, so that every record it touches is looked up once.

use crate::engine::Event;
use crate::units::{SimDuration, SimTime};
use crate::world::contract::Outcome;
use crate::world::data::request::accounts::Accounts;
use crate::world::data::request::execute::{STEP, answered, ordinal};
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL, State};
use crate::world::data::request::law::exponential;
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::program::{ANYWHERE, Op, Programs};
use crate::world::data::request::replica::Replica;
use crate::world::data::request::ways::Facts;

impl RequestPlane {
    /// Lets a frame go on that can.
    #[inline(never)]
    pub(super) fn resume(&mut self, mut slot: u32) {
        if self.short_ways && !self.frames[slot].flags.has(Flags::UNUSUAL) {
            loop {
                let frame = &mut self.frames[slot];
                match (self.programs.ops[frame.pc as usize], frame.kind) {
                    (Op::Call { site, to }, _) => {
                        frame.pc += 1;
                        if !self.call_shortly(slot, site, to) {
                            self.start_call(slot, site);
                        }
                        return;
                    }
                    (Op::End, FrameKind::Request) => match self.end_shortly(slot) {
                        // Nothing is unusual about who has its answer.
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
        }
        self.execute(slot);
    }

    /// Begins a call, by either way.
    #[inline(never)]
    pub(super) fn call(&mut self, waiter: u32, site: u32, to: u8) {
        if self.frames[waiter].flags.has(Flags::UNUSUAL) || !self.call_shortly(waiter, site, to) {
            self.start_call(waiter, site);
        }
    }

    /// Begins a call of a frame with nothing unusual; false when it must go the long way.
    #[inline(always)]
    fn call_shortly(&mut self, waiter: u32, site: u32, to: u8) -> bool {
        let to = if to == ANYWHERE {
            self.place_to_call(waiter, site)
        } else {
            to
        };
        let frame = &self.frames[waiter];
        let hop = usize::from(frame.place) * self.places + usize::from(to);
        let way = &self.ways[site as usize * (self.places * self.places) + hop];
        if !way.facts.has(Facts::CALLS) {
            return false;
        }
        let key = frame.key.call(way.name, 0, 0);
        let listed = &mut self.listed[way.station as usize];
        let Some(home) = listed.choose(way.rule, key, &self.replicas) else {
            return false;
        };
        let replica = &mut self.replicas[home as usize];
        replica.outstanding += 1;
        self.accounts.called(way.there, way.request_bytes);
        let slot = self.frames.claim();
        let mut child = Frame::new(FrameKind::Request, key, waiter, way.start, self.now);
        (child.site, child.home, child.place) = (site, home, to);
        child.flags = Flags::OUTSTANDING;
        if way.facts.has(Facts::TIMED)
            && let Some(each) = self.timers[site as usize].0
        {
            let frames = &self.frames;
            self.events
                .trim(each, |slot, sequence| frames[slot].try_timer == sequence);
            child.try_timer = self.events.push_lane(each, self.now, slot);
        }
        let frame = &mut self.frames[waiter];
        (frame.calling, frame.tries, frame.link) = (site, 0, slot);
        frame.state = State::Calling;
        if way.facts.has(Facts::WORKS) && is_free(replica) {
            replica.in_slots += 1;
            self.accounts.arrived(replica.station as usize, self.now);
            let uniform = key.uniform(STEP, ordinal(way.draw, 0));
            let demand = SimDuration::from_seconds(exponential(way.mean, uniform));
            (child.pc, child.demand, child.state) = (way.start + 1, demand, State::Working);
            let processor = &mut self.processors[home as usize];
            if !processor.is_timed() {
                self.frames[slot] = child;
                self.start_virtual_work(slot);
                return true;
            }
            if let Some(started) = processor.begin(slot, demand, self.now) {
                child.tries = started.place;
                child.link = self.events.push(started.end, rank::WORK_ENDED, slot);
            }
            self.frames[slot] = child;
        } else {
            let (at_once, hop) = (way.facts.has(Facts::AT_ONCE), usize::from(way.hop));
            self.frames[slot] = child;
            if at_once {
                self.on_arrived_last(slot);
            } else if let Some((lane, _)) = self.hops[hop].constant {
                self.events.push_lane(lane, self.now, slot);
            }
        }
        true
    }

    /// Where a call goes whose callee may be in several clusters.
    #[inline(never)]
    fn place_to_call(&self, waiter: u32, site: u32) -> u8 {
        let frame = &self.frames[waiter];
        let called = &self.programs.sites[site as usize];
        let key = frame.key.call(called.name, 0, 0);
        let station = self.station_of(called.service, frame.place, called.traits, key);
        self.listed[station].place
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
        if frame.flags != Flags::OUTSTANDING || parent == NIL {
            return Ended::No;
        }
        let replica = &mut self.replicas[frame.home as usize];
        let site = frame.site as usize;
        let waiter = &mut self.frames[parent];
        let hop = usize::from(waiter.place) * self.places + usize::from(from);
        let way = &self.ways[site * (self.places * self.places) + hop];
        if !way.facts.has(Facts::ENDS) || !replica.plain || replica.queue.first != NIL {
            return Ended::No;
        }
        if way.reply_bytes > 0 {
            self.accounts.carried(way.back, way.reply_bytes);
        }
        // Who no longer warms need not count what it served.
        replica.in_slots -= 1;
        let station = replica.station as usize;
        let at_once = way.facts.has(Facts::BACK_AT_ONCE);
        let usual = waiter.state != State::Gone && !waiter.flags.has(Flags::UNUSUAL);
        self.accounts
            .left(station, since, self.now, at_once && usual);
        if !at_once {
            let frame = &mut self.frames[slot];
            (frame.outcome, frame.state) = (Outcome::Ok, State::Replying);
            if let Some((_, lane)) = self.hops[usize::from(way.hop_back)].constant {
                self.events.push_lane(lane, self.now, slot);
            }
            Ended::Replying
        } else if !usual {
            let frame = &mut self.frames[slot];
            (frame.outcome, frame.state) = (Outcome::Ok, State::Replying);
            self.on_replied(slot);
            Ended::Replying
        } else {
            (waiter.call_timer, waiter.link) = (0, NIL);
            replica.outstanding -= 1;
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
        if let Some(started) = processor.finish(frame.tries, self.now) {
            self.job_started(started);
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
    let is_free = replica.in_slots < replica.room_while_plain;
    debug_assert!(
        !is_free || replica.queue.first == NIL,
        "nobody waits for a free slot"
    );
    is_free
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
