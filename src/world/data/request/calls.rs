//! Calls: choosing cluster and replica, arrival, replies, timeouts and retries.
//!
//! Each attempt ends exactly once for its caller: with its reply, or at a timeout; then it goes on as an orphan
//! whose end nobody sees.

use crate::engine::{Event, Key, Purpose};
use crate::model::routing::{CallerSide, target_share};
use crate::model::{Balancer, RoutingMode};
use crate::units::{ClusterId, ServiceId, SimDuration};
use crate::world::contract::Outcome;
use crate::world::data::request::frame::{Frame, FrameKind, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};

const CLUSTER: Purpose = Purpose::new("cluster");
const REPLICA: Purpose = Purpose::new("replica");
const BACKOFF: Purpose = Purpose::new("backoff");

impl RequestPlane {
    /// A frame begins a call.
    pub(super) fn start_call(&mut self, waiter: u32, site: u32) {
        let frame = &mut self.frames[waiter];
        (frame.calling, frame.tries) = (site, 0);
        frame.state = State::Calling;
        if let Some(lane) = self.timers[site as usize].1 {
            let frames = &self.frames;
            self.events
                .trim(lane, |slot, sequence| frames[slot].call_timer == sequence);
            self.frames[waiter].call_timer = self.events.push_lane(lane, self.now, waiter);
        }
        self.send_attempt(waiter);
    }

    fn send_attempt(&mut self, waiter: u32) {
        let frame = &self.frames[waiter];
        let (site_index, attempt, from) = (frame.calling, frame.tries, frame.place);
        let site = &self.programs.sites[site_index as usize];
        let key = frame.key.call(site.name, frame.repeat(), attempt);
        let (service, edge, bytes, balance) = (
            site.service,
            site.edge,
            site.request_bytes,
            site.policy.balance,
        );
        let start = self.programs.endpoints[site.endpoint.index()];
        let mut child = Frame::new(FrameKind::Request, key, waiter, start, self.now);
        child.site = site_index;
        let cluster = self.choose_cluster(service, from, key);
        let chosen = self.choose_replica(service, cluster, balance, key);
        child.place = cluster.0 as u8 + 1;
        if let Some(replica) = chosen {
            child.home = replica;
            child.outstanding = true;
            self.replicas[replica as usize].outstanding += 1;
        }
        let to = usize::from(child.place);
        let slot = self.frames.insert(child);
        self.frames[waiter].child = slot;
        self.frames[waiter].state = State::Calling;
        let places = self.scenario.clusters.len() + 1;
        self.accounts.edges[edge.index()].calls[usize::from(from) * places + to] += 1;
        if chosen.is_none() {
            // The caller's side knows at once that nobody is listed.
            self.frames[slot].outcome = Outcome::NoReadyReplica;
            self.frames[slot].state = State::Replying;
            self.events.push(self.now, rank::REPLIED, slot);
            return;
        }
        self.accounts.edges[edge.index()].bytes[usize::from(from) * places + to] += bytes;
        if let Some(lane) = self.timers[site_index as usize].0 {
            let frames = &self.frames;
            self.events
                .trim(lane, |slot, sequence| frames[slot].try_timer == sequence);
            self.frames[slot].try_timer = self.events.push_lane(lane, self.now, slot);
        }
        self.travel(slot, usize::from(from), to, bytes, rank::ARRIVED);
    }

    /// The cluster that serves a call: `u < share` on the call's own number.
    fn choose_cluster(&self, service: ServiceId, from: u8, key: Key) -> ClusterId {
        let described = &self.scenario.services[service.index()];
        let own = (from > 0).then(|| ClusterId(u32::from(from) - 1));
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

    fn choose_replica(
        &mut self,
        service: ServiceId,
        cluster: ClusterId,
        balance: Balancer,
        key: Key,
    ) -> Option<u32> {
        let station = self.station(service, cluster);
        let listed = &mut self.listed[station];
        let count = listed.replicas.len();
        if count <= 1 {
            return listed.replicas.first().map(|replica| replica.0);
        }
        Some(match balance {
            Balancer::RoundRobin => {
                listed.turn = (listed.turn + 1) % count;
                listed.replicas[listed.turn].0
            }
            Balancer::Random => listed.replicas[key.index(REPLICA, 0, count)].0,
            Balancer::LeastRequest => {
                let first = listed.replicas[key.index(REPLICA, 0, count)].0;
                let second = listed.replicas[key.index(REPLICA, 1, count)].0;
                let load = |replica: u32| self.replicas[replica as usize].outstanding;
                if load(second) < load(first) {
                    second
                } else {
                    first
                }
            }
        })
    }

    /// A request reaches its replica.
    pub(super) fn on_arrived(&mut self, slot: u32) {
        let home = self.frames[slot].home;
        let replica = &mut self.replicas[home as usize];
        if !replica.accepting {
            self.frames[slot].outcome = Outcome::Unreachable;
            self.send_reply(slot);
            return;
        }
        let full = replica.slots.is_some_and(|slots| replica.in_slots >= slots);
        if full
            && replica
                .places
                .is_some_and(|places| replica.queue.2 >= places)
        {
            self.frames[slot].outcome = Outcome::Shed;
            self.send_reply(slot);
            return;
        }
        let (service, cluster) = (replica.service, replica.cluster);
        let frame = &mut self.frames[slot];
        frame.since = self.now;
        if full {
            frame.state = State::Queued;
            frame.next = NIL;
            if replica.queue.1 == NIL {
                replica.queue.0 = slot;
            } else {
                self.frames[replica.queue.1].next = slot;
            }
            replica.queue.1 = slot;
            replica.queue.2 += 1;
        } else {
            replica.in_slots += 1;
            self.resumed.push(slot);
        }
        let station = self.station(service, cluster);
        self.accounts.stations[station].arrived += 1;
        self.accounts.change_present(station, 1, self.now);
    }

    /// A reply reaches its caller.
    pub(super) fn on_replied(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let (waiter, outcome) = (frame.parent, frame.outcome);
        self.forget_outstanding(slot);
        if waiter == NIL {
            self.frames.remove(slot);
            return;
        }
        self.count_ended(slot, outcome);
        self.frames.remove(slot);
        if outcome == Outcome::Ok && self.frames[waiter].state != State::Gone {
            self.frames[waiter].call_timer = 0;
            self.resumed.push(waiter);
        } else {
            self.attempt_failed(waiter, outcome);
        }
    }

    fn count_ended(&mut self, slot: u32, outcome: Outcome) {
        let frame = &self.frames[slot];
        let service = self.programs.sites[frame.site as usize].service;
        let station = self.station(service, ClusterId(u32::from(frame.place) - 1));
        self.accounts.stations[station].ended[outcome as usize] += 1;
    }

    /// The balancer stops counting an attempt.
    pub(super) fn forget_outstanding(&mut self, slot: u32) {
        let frame = &mut self.frames[slot];
        if frame.outstanding {
            frame.outstanding = false;
            self.replicas[frame.home as usize].outstanding -= 1;
        }
    }

    /// The try a waiter waited for failed: another one, or the waiter fails.
    fn attempt_failed(&mut self, waiter: u32, outcome: Outcome) {
        let frame = &mut self.frames[waiter];
        frame.child = NIL;
        if frame.state == State::Gone {
            self.drop_gone(waiter);
            return;
        }
        let retries = &self.programs.sites[frame.calling as usize].policy.retries;
        if !outcome.is_retried(retries.when) || u32::from(frame.tries) >= retries.max {
            frame.call_timer = 0;
            self.fail(waiter, outcome);
            return;
        }
        // Envoy's rule: uniform between zero and base * (2^n - 1), at most the longest.
        let doubled = retries
            .backoff_base
            .0
            .saturating_mul((1u64 << (u32::from(frame.tries) + 1).min(40)) - 1);
        let longest = doubled.min(retries.backoff_max.0);
        let site = &self.programs.sites[frame.calling as usize];
        let key = frame.key.call(site.name, frame.repeat(), frame.tries);
        let pause = SimDuration((key.uniform(BACKOFF, 0) * longest as f64) as u64 + 1);
        frame.tries += 1;
        frame.state = State::BackingOff;
        frame.backoff = self.events.push(self.now + pause, rank::BACKED_OFF, waiter);
    }

    /// A back-off is over: the next try.
    pub(super) fn on_backed_off(&mut self, event: Event) {
        let waiter = event.slot;
        if self.frames[waiter].backoff != event.sequence {
            return;
        }
        self.frames[waiter].backoff = 0;
        if self.frames[waiter].state == State::Gone {
            self.drop_gone(waiter);
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
        let waiter = self.orphan(slot);
        self.attempt_failed(waiter, Outcome::Timeout);
    }

    /// All tries together took too long.
    pub(super) fn on_call_timeout(&mut self, event: Event) {
        let waiter = event.slot;
        if self.frames[waiter].call_timer != event.sequence {
            return;
        }
        self.frames[waiter].call_timer = 0;
        self.frames[waiter].backoff = 0;
        if self.frames[waiter].child != NIL {
            self.orphan(self.frames[waiter].child);
        }
        self.frames[waiter].child = NIL;
        self.fail(waiter, Outcome::Timeout);
    }

    /// The caller gives up on a try; the callee goes on. Returns the caller.
    fn orphan(&mut self, slot: u32) -> u32 {
        let waiter = self.frames[slot].parent;
        self.count_ended(slot, Outcome::Timeout);
        self.forget_outstanding(slot);
        let frame = &mut self.frames[slot];
        frame.parent = NIL;
        frame.try_timer = 0;
        waiter
    }
}
