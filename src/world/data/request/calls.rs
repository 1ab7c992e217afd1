//! Calls: choosing cluster and replica, arrival, replies, timeouts and retries.
//!
//! Each attempt ends exactly once for its caller: with its reply, or at a timeout; then it goes on as an orphan
//! whose end nobody sees.

use crate::engine::{Event, Key, Lane, Purpose};
use crate::model::balancing::least_loaded;
use crate::model::routing::{CallerSide, target_share};
use crate::model::{Balancer, RoutingMode};
use crate::units::{ClusterId, ServiceId, SimDuration};
use crate::world::contract::Outcome;
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::sites::Traits;

const CLUSTER: Purpose = Purpose::new("cluster");
pub(super) const REPLICA: Purpose = Purpose::new("replica");
const BACKOFF: Purpose = Purpose::new("backoff");

impl RequestPlane {
    /// A frame begins a call.
    pub(super) fn start_call(&mut self, waiter: u32, site: u32) {
        let frame = &mut self.frames[waiter];
        (frame.calling, frame.tries) = (site, 0);
        frame.state = State::Calling;
        let limit = self.timers[site as usize].1;
        if self.tracks_deadlines {
            self.set_call_deadline(waiter, limit.map(Lane::delay));
        }
        if let Some(lane) = limit
            && self.is_needed(waiter, lane.delay())
        {
            let frames = &self.frames;
            self.events
                .trim(lane, |slot, sequence| frames[slot].call_timer == sequence);
            self.frames[waiter].call_timer = self.events.push_lane(lane, self.now, waiter);
        }
        if self.programs.sites[site as usize]
            .traits
            .has(Traits::MANAGED)
        {
            self.start_managed(waiter, site);
        } else {
            self.send_attempt(waiter);
        }
    }

    pub(super) fn send_attempt(&mut self, waiter: u32) {
        let frame = &self.frames[waiter];
        let (site_index, attempt, from) = (frame.calling, frame.tries, frame.place);
        let site = &self.programs.sites[site_index as usize];
        let repeat = self.frames.repeat(waiter);
        let key = self.frames[waiter].key.call(site.name, repeat, attempt);
        let (service, edge, bytes, balance, traits) = (
            site.service,
            site.edge,
            site.request_bytes,
            site.policy.balance.rule,
            site.traits,
        );
        let brokered = site.brokered;
        let mut child = Frame::new(FrameKind::Request, key, waiter, site.start, self.now);
        child.site = site_index;
        let station = self.station_of(service, from, traits, key);
        let managed = traits.has(Traits::MANAGED);
        let caller = self.frames[waiter].home;
        let connected = from > 0 && traits.has(Traits::CONNECTED);
        let chosen = if brokered {
            Ok(NIL)
        } else if connected && traits.has(Traits::RESOLVES) && !managed {
            let known = self.addresses(caller, service, station);
            let chosen = self.choose_of(&known, balance, key);
            chosen.ok_or(Outcome::NoReadyReplica)
        } else if managed {
            self.choose_managed(waiter, site_index, station, key)
        } else {
            let chosen = self.choose_replica(station, balance, key);
            chosen.ok_or(Outcome::NoReadyReplica)
        };
        child.place = self.listed[station].place;
        if let Ok(replica) = chosen
            && replica != NIL
        {
            child.home = replica;
            child.flags.set(Flags::OUTSTANDING);
            self.replicas[replica as usize].outstanding += 1;
        }
        let to = usize::from(child.place);
        let slot = self.frames.insert(child);
        if self.frames[waiter].flags.has(Flags::TRACED) {
            self.trace_call(waiter, slot);
        }
        let frame = &mut self.frames[waiter];
        frame.state = State::Calling;
        if managed {
            self.try_begun(waiter, slot, chosen.is_ok());
        } else {
            frame.link = slot;
        }
        let each = self.timers[site_index as usize].0;
        if self.tracks_deadlines {
            let at = self.deadline_of_try(waiter, traits, each.map(Lane::delay));
            self.set_deadline(slot, at);
        }
        let hop = self.hop(usize::from(from), to);
        self.accounts.edge_called(edge, hop);
        if let Err(refused) = chosen {
            // The caller's side knows at once that nobody is listed, or that it must not call.
            self.frames[slot].outcome = refused;
            self.frames[slot].state = State::Replying;
            self.events.push(self.now, rank::REPLIED, slot);
            return;
        }
        if !connected {
            self.accounts.edge_carried(edge, hop, bytes);
        }
        if let Some(lane) = each
            && self.is_needed(waiter, lane.delay())
        {
            let frames = &self.frames;
            self.events
                .trim(lane, |slot, sequence| frames[slot].try_timer == sequence);
            self.frames[slot].try_timer = self.events.push_lane(lane, self.now, slot);
        }
        if connected {
            self.frames.cold_mut(slot).from = from;
            self.send_connected(slot, caller);
            return;
        }
        self.travel(slot, usize::from(from), to, bytes, rank::ARRIVED);
    }

    /// The station that serves a call from a place.
    #[inline]
    pub(super) fn station_of(
        &self,
        service: ServiceId,
        from: u8,
        traits: Traits,
        key: Key,
    ) -> usize {
        match self.only[service.index()] {
            NIL => {
                let cluster = self.choose_cluster(service, from, traits, key);
                self.station(service, cluster)
            }
            only => only as usize,
        }
    }

    /// The cluster that serves a call: `u < share` on the call's own number.
    fn choose_cluster(&self, service: ServiceId, from: u8, traits: Traits, key: Key) -> ClusterId {
        let described = &self.scenario.services[service.index()];
        let own = (from > 0).then(|| ClusterId(u32::from(from) - 1));
        if let Some(own) = own
            && traits.has(Traits::LOCAL)
            && !self.listed[self.station(service, own)].replicas.is_empty()
        {
            return own;
        }
        let (Some(route), Some(migration)) =
            (self.routes[service.index()], &self.scenario.migration)
        else {
            // In several clusters without a migration: the caller's own, else the first that is listed.
            let ready = |cluster: &ClusterId| {
                !self.listed[self.station(service, *cluster)]
                    .replicas
                    .is_empty()
            };
            return own
                .filter(|own| described.clusters.contains(own) && ready(own))
                .or_else(|| described.clusters.iter().copied().find(ready))
                .unwrap_or(described.clusters[0]);
        };
        let side = match own {
            None => CallerSide::Users,
            Some(own) if own == migration.to => CallerSide::Target,
            Some(_) => CallerSide::Source,
        };
        let share = target_share(route.mode, side, route.callers_share, route.weight);
        let to_target = key.uniform(CLUSTER, 0) < share;
        let (chosen, other) = if to_target {
            (migration.to, migration.from)
        } else {
            (migration.from, migration.to)
        };
        // Weights are obeyed to the letter; modes that prefer the own side spill over when it has nobody ready.
        let empty = self.listed[self.station(service, chosen)]
            .replicas
            .is_empty();
        if empty && route.mode != RoutingMode::Weighted {
            other
        } else {
            chosen
        }
    }

    pub(super) fn choose_replica(
        &mut self,
        station: usize,
        balance: Balancer,
        key: Key,
    ) -> Option<u32> {
        self.listed[station].choose(balance, key, &self.replicas)
    }

    /// One of these replicas; a turn in the order of the draws, since nobody keeps one.
    pub(super) fn choose_of(&self, known: &[u32], balance: Balancer, key: Key) -> Option<u32> {
        let count = known.len();
        if count <= 1 {
            return known.first().copied();
        }
        let draw = |ordinal| key.index(REPLICA, ordinal, count);
        let load = |index: usize| self.replicas[known[index] as usize].outstanding;
        Some(match balance {
            Balancer::Random | Balancer::RoundRobin => known[draw(0)],
            Balancer::LeastRequest => known[least_loaded(count, Some(2), draw, load)],
        })
    }

    /// A request reaches its replica.
    pub(super) fn on_arrived(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let home = frame.home;
        if frame.state == State::Gone {
            self.frames.remove(slot);
            return;
        }
        if home == NIL {
            self.arrive_at_broker(slot);
            return;
        }
        let replica = &mut self.replicas[home as usize];
        if !replica.accepting {
            self.frames[slot].outcome = Outcome::Unreachable;
            self.send_reply(slot);
            return;
        }
        if replica.in_flight() >= replica.fit_memory {
            self.doomed.push(home);
        }
        let replica = &mut self.replicas[home as usize];
        if replica.special {
            self.arrive_specially(slot);
            return;
        }
        let full = replica.in_slots >= replica.slots;
        if full && replica.queue.length >= replica.places {
            self.frames[slot].outcome = Outcome::Shed;
            self.send_reply(slot);
            return;
        }
        let station = replica.station as usize;
        let frame = &mut self.frames[slot];
        frame.since = self.now;
        if full {
            frame.state = State::Queued;
            frame.link = NIL;
            if replica.queue.last == NIL {
                replica.queue.first = slot;
            } else {
                self.frames[replica.queue.last].link = slot;
            }
            replica.queue.last = slot;
            replica.queue.length += 1;
        } else {
            replica.in_slots += 1;
            frame.state = State::Admitted;
            self.resumed.push(slot);
        }
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_arrival(slot);
        }
        self.accounts.arrived(station, self.now);
    }

    /// A reply reaches its caller.
    pub(super) fn on_replied(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let (waiter, outcome) = (frame.parent, frame.outcome);
        self.release_connection(slot);
        if waiter == NIL {
            if self.frames[slot].flags.has(Flags::ASYNC) {
                self.count_async(slot, outcome);
            }
            self.forget_outstanding(slot);
            self.frames.remove(slot);
            return;
        }
        let managed = self.is_managed(waiter);
        if managed {
            self.try_ended(waiter, slot, outcome);
        }
        self.forget_outstanding(slot);
        self.count_ended(slot, outcome);
        self.frames.remove(slot);
        let answered = matches!(outcome, Outcome::Ok | Outcome::Degraded);
        if answered && self.frames[waiter].state != State::Gone {
            if managed {
                self.close_managed(waiter);
            }
            let frame = &mut self.frames[waiter];
            (frame.call_timer, frame.link) = (0, NIL);
            if outcome == Outcome::Degraded {
                frame.flags.set(Flags::DEGRADED);
            }
            self.resumed.push(waiter);
        } else {
            self.attempt_failed(waiter, outcome);
        }
    }

    pub(super) fn count_ended(&mut self, slot: u32, outcome: Outcome) {
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_call_end(slot, outcome);
        }
        let frame = &self.frames[slot];
        let service = self.programs.sites[frame.site as usize].service;
        let station = self.station(service, ClusterId(u32::from(frame.place) - 1));
        self.accounts.stations[station].ended[outcome as usize] += 1;
    }

    /// Whether a frame waits for a managed call.
    #[inline]
    pub(super) fn is_managed(&self, waiter: u32) -> bool {
        let cold = self.frames.cold(waiter);
        cold.is_some_and(|cold| cold.managed > 0)
    }

    /// The balancer stops counting an attempt.
    pub(super) fn forget_outstanding(&mut self, slot: u32) {
        let frame = &mut self.frames[slot];
        if frame.flags.has(Flags::OUTSTANDING) {
            frame.flags.clear(Flags::OUTSTANDING);
            self.replicas[frame.home as usize].outstanding -= 1;
        }
    }

    /// The try a waiter waited for failed: another one, or the waiter fails.
    fn attempt_failed(&mut self, waiter: u32, outcome: Outcome) {
        let repeat = self.frames.repeat(waiter);
        let frame = &mut self.frames[waiter];
        frame.link = NIL;
        if frame.state == State::Gone {
            self.drop_gone(waiter);
            return;
        }
        if self.is_managed(waiter) {
            self.managed_failed(waiter, outcome);
            return;
        }
        let frame = &mut self.frames[waiter];
        let retries = &self.programs.sites[frame.calling as usize].policy.retries;
        if !outcome.is_retried(retries.when) || u32::from(frame.tries) >= retries.max {
            frame.call_timer = 0;
            self.call_failed(waiter, outcome);
            return;
        }
        let backoff = retries.backoff;
        let site = &self.programs.sites[frame.calling as usize];
        let key = frame.key.call(site.name, repeat, frame.tries);
        let nth = u32::from(frame.tries) + 1;
        let pause = backoff.pause(nth, SimDuration::ZERO, key.uniform(BACKOFF, 0));
        frame.tries += 1;
        frame.state = State::BackingOff;
        self.frames.cold_mut(waiter).backoff =
            self.events.push(self.now + pause, rank::BACKED_OFF, waiter);
    }

    /// A back-off is over: the next try.
    pub(super) fn on_backed_off(&mut self, event: Event) {
        let waiter = event.slot;
        if self.frames.cold(waiter).map(|cold| cold.backoff) != Some(event.sequence) {
            return;
        }
        self.frames.cold_mut(waiter).backoff = 0;
        if self.frames[waiter].state == State::Gone {
            self.drop_gone(waiter);
        } else if self.is_hedged(waiter) {
            self.hedge_due(waiter);
        } else {
            self.send_attempt(waiter);
        }
    }

    /// One try took too long.
    pub(super) fn on_try_timeout(&mut self, event: Event) {
        let slot = event.slot;
        if self.frames[slot].try_timer != event.sequence {
            return;
        }
        self.frames[slot].try_timer = 0;
        let waiter = self.orphan(slot, Outcome::Timeout);
        self.attempt_failed(waiter, Outcome::Timeout);
    }

    /// All tries together took too long.
    pub(super) fn on_call_timeout(&mut self, event: Event) {
        let waiter = event.slot;
        if self.frames[waiter].call_timer != event.sequence {
            return;
        }
        self.frames[waiter].call_timer = 0;
        if self.is_managed(waiter) {
            self.time_out_managed(waiter);
        } else if self.frames[waiter].state == State::BackingOff {
            self.frames.cold_mut(waiter).backoff = 0;
        } else if self.frames[waiter].link != NIL {
            self.orphan(self.frames[waiter].link, Outcome::Timeout);
        }
        self.frames[waiter].link = NIL;
        self.call_failed(waiter, Outcome::Timeout);
    }

    /// A call has failed for good: its caller fails too, or goes on with a fallback.
    pub(super) fn call_failed(&mut self, waiter: u32, outcome: Outcome) {
        let frame = &mut self.frames[waiter];
        let traits = self.programs.sites[frame.calling as usize].traits;
        if !traits.has(Traits::FALLBACK) {
            self.fail(waiter, outcome);
            return;
        }
        frame.flags.set(Flags::DEGRADED);
        // The operation after the call leads past what is done instead.
        frame.pc += u32::from(traits.has(Traits::INSTEAD));
        self.resumed.push(waiter);
    }

    /// The caller gives up on a try; the callee goes on, or stops. Returns the caller.
    pub(super) fn orphan(&mut self, slot: u32, outcome: Outcome) -> u32 {
        let waiter = self.frames[slot].parent;
        if self.is_managed(waiter) {
            self.try_ended(waiter, slot, outcome);
        }
        self.count_ended(slot, outcome);
        self.forget_outstanding(slot);
        let unsent = self.abandon_connection(slot);
        let frame = &mut self.frames[slot];
        frame.parent = NIL;
        frame.try_timer = 0;
        if unsent {
            self.frames.remove(slot);
            return waiter;
        }
        let site = self.frames[waiter].calling as usize;
        if self.programs.sites[site].traits.has(Traits::CANCELS) {
            self.stop(slot);
        }
        waiter
    }
}
