//! Managed calls: several tries at once, or limited by what their client remembers.
//!
//! The rules are state machines of `model` (`retry`, `hedging`, `breaker`, `throttle`, `ejection`, `balancing`); this
//! file asks them at each start and end of a try and does what they say.

use crate::engine::{Key, Purpose};
use crate::model::balancing::least_loaded;
use crate::model::hedging::{HedgeStep, Hedging};
use crate::model::retry::RetryState;
use crate::model::{Balancer, Knows, RetryLimit};
use crate::world::contract::Outcome;
use crate::world::data::request::clients::verdict;
use crate::world::data::request::frame::{Flags, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::sites::Traits;

const REPLICA: Purpose = Purpose::new("replica");
const BACKOFF: Purpose = Purpose::new("backoff");

/// A managed call in progress.
#[derive(Clone, Debug, Default)]
pub struct Managed {
    /// Its client.
    client: u32,
    /// How far it is with retries.
    retry: RetryState,
    /// How far it is with hedges, when it is hedged.
    hedging: Option<Hedging>,
    /// Its tries without an end.
    tries: Vec<u32>,
    /// A retry of it counts among its client's retries.
    retrying: bool,
}

/// Managed calls; freed records are used again.
#[derive(Default)]
pub struct ManagedCalls {
    all: Vec<Managed>,
    free: Vec<u32>,
}

impl ManagedCalls {
    fn insert(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(Managed::default());
            (self.all.len() - 1) as u32
        })
    }
}

impl RequestPlane {
    /// The managed call that a frame waits for.
    fn managed(&mut self, waiter: u32) -> &mut Managed {
        let index = self.frames.cold_mut(waiter).managed;
        &mut self.managed.all[index as usize - 1]
    }

    /// The client whose call an attempt is a try of, when it is managed.
    pub(super) fn client_of(&self, slot: u32) -> Option<u32> {
        let waiter = self.frames[slot].parent;
        if waiter == NIL {
            return None;
        }
        let managed = self.frames.cold(waiter)?.managed as usize;
        (managed > 0).then(|| self.managed.all[managed - 1].client)
    }

    /// Who calls, for clients: 0 for the users, else one more than the replica.
    fn caller_of(&self, waiter: u32) -> usize {
        let frame = &self.frames[waiter];
        if frame.place == 0 {
            0
        } else {
            frame.home as usize + 1
        }
    }

    /// A managed call begins.
    pub(super) fn start_managed(&mut self, waiter: u32, site: u32) {
        let group = self.programs.sites[site as usize].client;
        let hedge = self.programs.sites[site as usize].policy.hedge;
        let client = self.clients.find(group, self.caller_of(waiter));
        self.frames[waiter].link = NIL;
        let index = self.managed.insert();
        self.frames.cold_mut(waiter).managed = index + 1;
        let call = self.managed(waiter);
        (call.client, call.retry, call.retrying) = (client, RetryState::default(), false);
        call.tries.clear();
        let now = self.now;
        self.managed(waiter).hedging = hedge.map(|rule| Hedging::start(rule, now));
        self.send_attempt(waiter);
        if hedge.is_some() {
            self.arm_hedge(waiter);
        }
    }

    fn arm_hedge(&mut self, waiter: u32) {
        // Without any delay on the way the call may have ended meanwhile.
        if !self.is_managed(waiter) {
            return;
        }
        let due = self.managed(waiter).hedging.and_then(|state| state.next_at);
        self.frames.cold_mut(waiter).backoff = match due {
            Some(at) => self.events.push(at, rank::BACKED_OFF, waiter),
            None => 0,
        };
    }

    /// Whether a call is hedged: then its back-off timer is that of the next hedge.
    pub(super) fn is_hedged(&self, waiter: u32) -> bool {
        self.frames.cold(waiter).is_some_and(|cold| {
            cold.managed > 0
                && self.managed.all[cold.managed as usize - 1]
                    .hedging
                    .is_some()
        })
    }

    /// The replica for a try of a managed call, or why there is none.
    pub(super) fn choose_managed(
        &mut self,
        waiter: u32,
        site: u32,
        station: usize,
        key: Key,
    ) -> Result<u32, Outcome> {
        let (client, open) = {
            let call = self.managed(waiter);
            (call.client, call.tries.len())
        };
        let policy = &self.programs.sites[site as usize].policy;
        let known = &mut self.clients[client];
        if let Some(breaker) = &policy.breaker
            && !known.flight.admits_request(breaker)
        {
            return Err(Outcome::CircuitOpen);
        }
        let cluster = usize::from(self.listed[station].place) - 1;
        let mut usable = std::mem::take(&mut self.usable);
        usable.clear();
        let (from, home) = (self.frames[waiter].place, self.frames[waiter].home);
        let called = &self.programs.sites[site as usize];
        if from > 0 && called.traits.has(Traits::RESOLVES) {
            let service = called.service;
            usable.extend(self.addresses(home, service, station));
        } else {
            let listed = &self.listed[station].replicas;
            usable.extend(listed.iter().map(|replica| replica.0));
        }
        let everyone = usable.clone();
        let policy = &self.programs.sites[site as usize].policy;
        let known = &mut self.clients[client];
        if let Some(rule) = &policy.ejection {
            let detector = &mut known.detectors[cluster];
            detector.catch_up(rule, usable.len(), self.now);
            if detector.ejected() > 0 {
                let total = usable.len();
                usable.retain(|replica| !detector.is_ejected(*replica as usize));
                if rule.is_panic(total, usable.len()) {
                    usable.clone_from(&everyone);
                }
            }
        }
        if open > 0 {
            // Hedges go to replicas that have none of the call's tries, while there are such.
            let tries = std::mem::take(&mut self.managed(waiter).tries);
            let taken = |replica: u32| tries.iter().any(|slot| self.frames[*slot].home == replica);
            if usable.iter().any(|replica| !taken(*replica)) {
                usable.retain(|replica| !taken(*replica));
            }
            self.managed(waiter).tries = tries;
        }
        let chosen = self.choose_usable(client, site, station, &usable, key);
        self.usable = usable;
        chosen.ok_or(Outcome::NoReadyReplica)
    }

    fn choose_usable(
        &mut self,
        client: u32,
        site: u32,
        station: usize,
        usable: &[u32],
        key: Key,
    ) -> Option<u32> {
        let count = usable.len();
        if count <= 1 {
            return usable.first().copied();
        }
        let balance = self.programs.sites[site as usize].policy.balance;
        let own = balance.knows == Knows::Own;
        let index = match balance.rule {
            Balancer::Random => key.index(REPLICA, 0, count),
            Balancer::RoundRobin => {
                let cluster = usize::from(self.listed[station].place) - 1;
                let turn = if own {
                    &mut self.clients[client].turns[cluster]
                } else {
                    &mut self.listed[station].turn
                };
                *turn = (*turn + 1) % count;
                *turn
            }
            Balancer::LeastRequest => {
                let known = &self.clients[client];
                let load = |index: usize| {
                    let replica = usable[index];
                    if own {
                        known.load(replica)
                    } else {
                        self.replicas[replica as usize].outstanding
                    }
                };
                let draw = |ordinal| key.index(REPLICA, ordinal, count);
                least_loaded(count, balance.choices, draw, load)
            }
        };
        Some(usable[index])
    }

    /// A try of a managed call was made; `sent`: to a replica.
    pub(super) fn try_begun(&mut self, waiter: u32, slot: u32, sent: bool) {
        let call = self.managed(waiter);
        call.tries.push(slot);
        let client = call.client;
        if sent {
            let home = self.frames[slot].home;
            let known = &mut self.clients[client];
            known.flight.requests += 1;
            known.change_load(home, 1);
        }
    }

    /// A try of a managed call has ended for its caller; before it is forgotten.
    pub(super) fn try_ended(&mut self, waiter: u32, slot: u32, outcome: Outcome) {
        let site = self.frames[waiter].calling as usize;
        let call = self.managed(waiter);
        call.tries.retain(|other| *other != slot);
        let client = call.client;
        let retrying = std::mem::take(&mut call.retrying);
        let frame = &self.frames[slot];
        let (home, sent) = (frame.home, frame.flags.has(Flags::OUTSTANDING));
        let policy = &self.programs.sites[site].policy;
        let known = &mut self.clients[client];
        known.flight.retries -= u32::from(retrying);
        if let (RetryLimit::Throttle(rule), Some(bucket)) =
            (policy.retries.limit, known.bucket.as_mut())
        {
            if verdict(outcome) == Some(crate::model::ejection::Verdict::Success) {
                bucket.succeeded(rule);
            } else if outcome.is_retried(policy.retries.when) {
                bucket.failed();
            }
        }
        if !sent {
            return;
        }
        known.flight.requests -= 1;
        known.change_load(home, -1);
        if let (Some(rule), Some(verdict)) = (&policy.ejection, verdict(outcome)) {
            let station = self.replicas[home as usize].station as usize;
            let cluster = usize::from(self.listed[station].place) - 1;
            let total = self.listed[station].replicas.len();
            let detector = &mut known.detectors[cluster];
            detector.catch_up(rule, total, self.now);
            detector.ended(rule, home as usize, verdict, total, self.now);
        }
    }

    /// Another frame takes the place of a try.
    pub(super) fn replace_try(&mut self, waiter: u32, from: u32, to: u32) {
        if self
            .frames
            .cold(waiter)
            .is_none_or(|cold| cold.managed == 0)
        {
            self.frames[waiter].link = to;
            return;
        }
        let tries = &mut self.managed(waiter).tries;
        for slot in tries.iter_mut().filter(|slot| **slot == from) {
            *slot = to;
        }
    }

    /// Whether the client's bucket and limits let one more retry or hedge go.
    fn lets_retry(&self, waiter_client: u32, site: usize) -> bool {
        let policy = &self.programs.sites[site].policy;
        let known = &self.clients[waiter_client];
        match (policy.retries.limit, known.bucket) {
            (RetryLimit::Throttle(rule), Some(bucket)) => bucket.allows_retry(rule),
            _ => true,
        }
    }

    /// A try of a managed call has failed: another one, patience, or the call fails.
    pub(super) fn managed_failed(&mut self, waiter: u32, outcome: Outcome) {
        let site = self.frames[waiter].calling as usize;
        let policy = &self.programs.sites[site].policy;
        let (hedge, retried) = (policy.hedge, outcome.is_retried(policy.retries.when));
        let push_back = policy
            .retries
            .push_back
            .filter(|_| outcome == Outcome::Shed);
        let client = self.managed(waiter).client;
        let allowed = self.lets_retry(client, site);
        if !retried {
            self.give_up(waiter, outcome);
            return;
        }
        if let Some(rule) = hedge {
            let now = self.now;
            let state = self.managed(waiter).hedging.as_mut();
            let step = state
                .expect("a hedged call has a state")
                .failed(rule, push_back, allowed, now);
            self.hedge_step(waiter, step, outcome);
            return;
        }
        self.retry_managed(waiter, outcome, allowed);
    }

    fn retry_managed(&mut self, waiter: u32, outcome: Outcome, allowed: bool) {
        let repeat = self.frames.repeat(waiter);
        let frame = &self.frames[waiter];
        let site = &self.programs.sites[frame.calling as usize];
        let key = frame.key.call(site.name, repeat, frame.tries);
        let rule = &site.policy.retries;
        let push_back = rule.push_back.filter(|_| outcome == Outcome::Shed);
        let index = self.frames.cold_mut(waiter).managed as usize - 1;
        let call = &mut self.managed.all[index];
        let flight = &mut self.clients[call.client].flight;
        let admitted = allowed && flight.admits_retry(site.policy.breaker.as_ref(), &rule.limit);
        let pause = if admitted {
            call.retry.next(rule, push_back, key.uniform(BACKOFF, 0))
        } else {
            None
        };
        let Some(pause) = pause else {
            self.give_up(waiter, outcome);
            return;
        };
        flight.retries += 1;
        call.retrying = true;
        let frame = &mut self.frames[waiter];
        frame.tries = frame.tries.saturating_add(1);
        frame.state = State::BackingOff;
        self.frames.cold_mut(waiter).backoff =
            self.events.push(self.now + pause, rank::BACKED_OFF, waiter);
    }

    /// The delay to the next hedge is over.
    pub(super) fn hedge_due(&mut self, waiter: u32) {
        let site = self.frames[waiter].calling as usize;
        let Some(rule) = self.programs.sites[site].policy.hedge else {
            return;
        };
        let client = self.managed(waiter).client;
        let (allowed, now) = (self.lets_retry(client, site), self.now);
        let state = self.managed(waiter).hedging.as_mut();
        let step = state
            .expect("a hedged call has a state")
            .due(rule, allowed, now);
        self.hedge_step(waiter, step, Outcome::Error);
    }

    fn hedge_step(&mut self, waiter: u32, step: HedgeStep, outcome: Outcome) {
        match step {
            HedgeStep::Send => {
                let frame = &mut self.frames[waiter];
                frame.tries = frame.tries.saturating_add(1);
                self.send_attempt(waiter);
                self.arm_hedge(waiter);
            }
            HedgeStep::Wait => self.arm_hedge(waiter),
            HedgeStep::Fail => self.give_up(waiter, outcome),
        }
    }

    fn give_up(&mut self, waiter: u32, outcome: Outcome) {
        self.frames[waiter].call_timer = 0;
        self.close_managed(waiter);
        self.call_failed(waiter, outcome);
    }

    /// A managed call is over: its other tries are cancelled, its record is freed.
    pub(super) fn close_managed(&mut self, waiter: u32) {
        let index = std::mem::take(&mut self.frames.cold_mut(waiter).managed);
        if index == 0 {
            return;
        }
        self.frames.cold_mut(waiter).managed = index;
        while let Some(slot) = self.managed(waiter).tries.last().copied() {
            self.orphan(slot, Outcome::Cancelled);
            self.stop(slot);
        }
        let call = self.managed(waiter);
        let (client, retrying) = (call.client, std::mem::take(&mut call.retrying));
        self.clients[client].flight.retries -= u32::from(retrying);
        let cold = self.frames.cold_mut(waiter);
        (cold.managed, cold.backoff) = (0, 0);
        self.managed.free.push(index - 1);
    }

    /// Number of managed calls in progress, for checks.
    #[cfg(test)]
    pub(super) fn managed_in_progress(&self) -> usize {
        self.managed.all.len() - self.managed.free.len()
    }

    /// Gives up on every try of a managed call whose time is over.
    pub(super) fn time_out_managed(&mut self, waiter: u32) {
        while let Some(slot) = self.managed(waiter).tries.last().copied() {
            self.orphan(slot, Outcome::Timeout);
        }
        self.close_managed(waiter);
    }
}
