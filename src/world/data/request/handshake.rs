//! How connections come about: set-up, refusal, and the addresses that callers go by.

use super::{ANSWERED, ASKED, CONNECT, Connection, Phase, WORKING};
use crate::engine::Event;
use crate::model::fault::CONNECT_TIMEOUT;
use crate::units::{ServiceId, SimDuration};
use crate::world::contract::Outcome;
use crate::world::data::request::frame::{Flags, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};

impl RequestPlane {
    /// A connection is opened for an attempt, which waits for it.
    pub(in crate::world::data::request) fn open(&mut self, slot: u32, pool: u32) {
        let client = self.client_of(slot);
        if let Some(client) = client {
            self.clients[client].flight.connections += 1;
        }
        let connection = self.pools.insert(Connection {
            pool,
            replica: self.frames[slot].home,
            client: client.unwrap_or(NIL),
            opened: self.now,
            in_use: 1,
            phase: Phase::SettingUp,
            accepted: false,
        });
        self.frames.cold_mut(slot).connection = connection + 1;
        let frame = &mut self.frames[slot];
        (frame.state, frame.pending) = (State::Connecting, ASKED);
        match self.one_way(slot, true) {
            Some(delay) => {
                let due = self.events.push(self.now + delay, rank::CONNECT, slot);
                self.frames[slot].link = due;
            }
            None => {
                let frame = &mut self.frames[slot];
                (frame.outcome, frame.state) = (Outcome::Unreachable, State::Replying);
                let at = self.now + CONNECT_TIMEOUT;
                self.events.push(at, rank::REPLIED, slot);
            }
        }
    }

    /// Time of a bare message of a set-up over the link; `None` when it is cut.
    fn one_way(&self, slot: u32, there: bool) -> Option<SimDuration> {
        let frame = &self.frames[slot];
        let from = usize::from(self.frames.cold(slot).map_or(0, |cold| cold.from));
        let (from, to) = match (from, usize::from(frame.place)) {
            (from, to) if there => (from, to),
            (from, to) => (to, from),
        };
        let link = &self.scenario.links.table[self.hop(from, to)];
        let base = u64::from(there) << 8;
        let part = |part: u32| frame.key.uniform(CONNECT, base + u64::from(part));
        let seconds = link.one_way.sample(part);
        match self.faults.link(self.hop(from, to)) {
            None => Some(SimDuration::from_seconds(seconds)),
            Some(fault) if fault.cut => None,
            Some(fault) => {
                let uniform = frame.key.uniform(CONNECT, base + 255);
                Some(Self::faulty_delay(fault, seconds, uniform))
            }
        }
    }

    /// A message of a set-up arrives.
    pub(in crate::world::data::request) fn on_connect(&mut self, event: Event) {
        let slot = event.slot;
        let frame = &self.frames[slot];
        if frame.state != State::Connecting || frame.link != event.sequence {
            return;
        }
        if frame.pending == ASKED {
            self.accept(slot);
        } else {
            self.connected(slot);
        }
    }

    /// A replica is asked for a connection.
    fn accept(&mut self, slot: u32) {
        let connection = self.connection_of(slot) as usize - 1;
        let home = self.frames[slot].home;
        let service = self.pools.pools[self.pools.all[connection].pool as usize].service;
        let max = self.rule(service).max.unwrap_or(u32::MAX);
        let station = self.replicas[home as usize].station as usize;
        if self.pools.all[connection].phase == Phase::Closed {
            self.refuse(slot);
            return;
        }
        if !self.replicas[home as usize].accepting || *self.pools.accepted(home) >= max {
            self.accounts.stations[station].connections_refused += 1;
            self.refuse(slot);
            return;
        }
        *self.pools.accepted(home) += 1;
        self.pools.all[connection].accepted = true;
        self.accounts.stations[station].connections_opened += 1;
        let key = self.frames[slot].key;
        let part = |part: u32| key.uniform(CONNECT, (2 << 8) + u64::from(part));
        let demand = SimDuration::from_seconds(self.rule(service).work.sample(part));
        if demand.0 == 0 {
            self.answer_connect(slot);
            return;
        }
        let frame = &mut self.frames[slot];
        (frame.pc, frame.pending) = (self.programs.connected, WORKING);
        (frame.state, frame.demand) = (State::Working, demand);
        self.start_work(slot);
    }

    /// A set-up has failed: its caller finds nobody.
    fn refuse(&mut self, slot: u32) {
        let frame = &mut self.frames[slot];
        frame.pending = 0;
        frame.outcome = Outcome::Unreachable;
        self.send_reply(slot);
    }

    /// The replica's part of a set-up is done.
    pub(in crate::world::data::request) fn answer_connect(&mut self, slot: u32) {
        let connection = self.connection_of(slot) as usize - 1;
        let service = self.pools.pools[self.pools.all[connection].pool as usize].service;
        let key = self.frames[slot].key;
        let part = |part: u32| key.uniform(CONNECT, (3 << 8) + u64::from(part));
        let setup = SimDuration::from_seconds(self.rule(service).setup.sample(part));
        let back = self.one_way(slot, false).unwrap_or(CONNECT_TIMEOUT);
        let due = self
            .events
            .push(self.now + setup + back, rank::CONNECT, slot);
        let frame = &mut self.frames[slot];
        (frame.state, frame.pending, frame.link) = (State::Connecting, ANSWERED, due);
    }

    /// A connection is there: its request is sent, unless its caller has given up.
    fn connected(&mut self, slot: u32) {
        let connection = self.connection_of(slot) - 1;
        let one = &mut self.pools.all[connection as usize];
        let frame = &mut self.frames[slot];
        frame.pending = 0;
        frame.pc = self.programs.sites[frame.site as usize].start;
        if one.phase == Phase::Closed {
            (frame.outcome, frame.state) = (Outcome::Unreachable, State::Replying);
            self.events.push(self.now, rank::REPLIED, slot);
            return;
        }
        if one.phase == Phase::SettingUp {
            one.phase = Phase::Open;
        }
        // Who gave up is counted no more; an orphan that forwards still is.
        if !frame.flags.has(Flags::OUTSTANDING) {
            self.release_connection(slot);
            self.frames.remove(slot);
        } else {
            self.send_request(slot);
        }
    }

    /// Replicas of a station that a caller knows: those of its last answer where names are resolved, else all listed.
    pub(in crate::world::data::request) fn addresses(
        &mut self,
        caller: u32,
        service: ServiceId,
        station: usize,
    ) -> Vec<u32> {
        let pool = self.pools.find(caller, service) as usize;
        let known = self.pools.pools[pool].known.iter().copied();
        let here = |replica: &u32| self.replicas[*replica as usize].station as usize == station;
        known.filter(here).collect()
    }

    /// Whether a caller has to ask for the name of a service before it calls it.
    pub(in crate::world::data::request) fn must_resolve(
        &mut self,
        slot: u32,
        service: ServiceId,
    ) -> bool {
        let frame = &self.frames[slot];
        if frame.place == 0 {
            return false;
        }
        let pool = self.pools.find(frame.home, service) as usize;
        let rule = self.rule(service.0);
        let (streams, age) = (rule.streams, rule.max_age.unwrap_or(SimDuration(u64::MAX)));
        let pool = &self.pools.pools[pool];
        let free = |connection: &u32| {
            let one = &self.pools.all[*connection as usize];
            one.phase == Phase::Open && one.in_use < streams && self.now.since(one.opened) < age
        };
        self.now >= pool.fresh_until && !pool.open.iter().any(free)
    }

    /// A caller has an answer: the replicas that are listed now.
    pub(in crate::world::data::request) fn resolved(&mut self, slot: u32, service: ServiceId) {
        let home = self.frames[slot].home;
        let pool = self.pools.find(home, service) as usize;
        let rule = self.rule(service.0).resolve.as_ref();
        let ttl = rule.map_or(SimDuration::ZERO, |rule| rule.ttl);
        let clusters = self.scenario.clusters.len();
        let stations = service.index() * clusters..(service.index() + 1) * clusters;
        let listed = self.listed[stations].iter();
        let replicas = listed.flat_map(|station| station.replicas.iter().map(|one| one.0));
        let pool = &mut self.pools.pools[pool];
        pool.known = replicas.collect();
        pool.fresh_until = self.now + ttl;
    }
}
