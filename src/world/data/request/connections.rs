//! Connections: pools of caller replicas, set-up, limits, and addresses that may be stale.
//!
//! An attempt takes a free connection of its caller's pool, or opens one, or waits. Opening is a message to the replica,
//! which refuses it or spends CPU time on it, the set-up time, and the way back; then the request itself is sent. A
//! caller that gives up lets a set-up go on, and the pool keeps the connection; an exclusive connection with an
//! unanswered request is closed. Without `connections` in the scenario nothing of this is touched.

use std::collections::VecDeque;

use crate::engine::Purpose;
use crate::model::{Connections, Unit};
use crate::units::{ServiceId, SimTime};
use crate::world::contract::Outcome;
use crate::world::data::request::frame::{Flags, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};

const CONNECT: Purpose = Purpose::new("connect");

/// Where a set-up is, in `Frame::pending` of the attempt that waits for it.
const ASKED: u16 = 0;
const WORKING: u16 = 1;
const ANSWERED: u16 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    SettingUp,
    Open,
    /// Takes no more requests.
    Closing,
    /// In no pool any more; requests on it have not ended.
    Closed,
}

#[derive(Clone, Debug)]
struct Connection {
    pool: u32,
    replica: u32,
    /// Client whose breaker counts it; `NIL`: none.
    client: u32,
    opened: SimTime,
    /// Requests on it.
    in_use: u32,
    phase: Phase,
    /// The replica counts it.
    accepted: bool,
}

/// Connections of one caller replica to one service.
#[derive(Default, Debug)]
struct Pool {
    service: u32,
    /// In the order of opening.
    open: Vec<u32>,
    /// Attempts that wait for one.
    waiting: VecDeque<u32>,
    /// Replicas of the last answer to a query for the name, and until when they are gone by.
    known: Vec<u32>,
    fresh_until: SimTime,
}

/// All pools.
#[derive(Default)]
pub struct Pools {
    all: Vec<Connection>,
    free: Vec<u32>,
    pools: Vec<Pool>,
    /// By caller replica: service and pool.
    of: Vec<Vec<(u32, u32)>>,
    /// By replica: connections that it has accepted.
    accepted: Vec<u32>,
    /// Pools in which something has become free.
    pub freed: Vec<u32>,
}

impl Pools {
    fn find(&mut self, caller: u32, service: ServiceId) -> u32 {
        let caller = caller as usize;
        if self.of.len() <= caller {
            self.of.resize_with(caller + 1, Vec::new);
        }
        let row = &mut self.of[caller];
        if let Some((_, pool)) = row.iter().find(|(other, _)| *other == service.0) {
            return *pool;
        }
        let pool = self.pools.len() as u32;
        row.push((service.0, pool));
        self.pools.push(Pool {
            service: service.0,
            ..Pool::default()
        });
        pool
    }

    fn accepted(&mut self, replica: u32) -> &mut u32 {
        let replica = replica as usize;
        if self.accepted.len() <= replica {
            self.accepted.resize(replica + 1, 0);
        }
        &mut self.accepted[replica]
    }

    fn insert(&mut self, connection: Connection) -> u32 {
        let (pool, slot) = (connection.pool, self.free.pop());
        let slot = match slot {
            Some(slot) => {
                self.all[slot as usize] = connection;
                slot
            }
            None => {
                self.all.push(connection);
                (self.all.len() - 1) as u32
            }
        };
        self.pools[pool as usize].open.push(slot);
        slot
    }

    /// Connections that are in a pool, for checks.
    #[cfg(test)]
    pub fn open(&self) -> usize {
        self.pools.iter().map(|pool| pool.open.len()).sum()
    }

    /// Connections that replicas count, for checks.
    #[cfg(test)]
    pub fn counted(&self) -> u32 {
        self.accepted.iter().sum()
    }

    /// Attempts that wait for a connection, for checks.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.pools.iter().map(|pool| pool.waiting.len()).sum()
    }
}

impl RequestPlane {
    fn rule(&self, service: u32) -> &Connections {
        let rule = &self.scenario.services[service as usize].connections;
        rule.as_ref().expect("only such services have pools")
    }

    /// The connection of an attempt: 0 none, else one more than its number.
    fn connection_of(&self, slot: u32) -> u32 {
        self.frames.cold(slot).map_or(0, |cold| cold.connection)
    }

    /// Whether an attempt waits for a connection or for its set-up.
    pub(super) fn is_connecting(&self, slot: u32) -> bool {
        let frame = &self.frames[slot];
        frame.state == State::Connecting
            || (frame.state == State::Working && frame.pc == self.programs.connected)
    }

    /// Sends an attempt of a caller replica over a connection, once it has one.
    pub(super) fn send_connected(&mut self, slot: u32, caller: u32) {
        let service = self.programs.sites[self.frames[slot].site as usize].service;
        let pool = self.pools.find(caller, service);
        self.find_connection(slot, pool);
    }

    fn find_connection(&mut self, slot: u32, pool: u32) {
        if let Some(connection) = self.free_connection(slot, pool) {
            self.use_connection(slot, connection);
            return;
        }
        let limit = self.rule(self.pools.pools[pool as usize].service).pool;
        let (may_open, may_wait) = self.breaker_admits(slot);
        let room = (self.pools.pools[pool as usize].open.len() as u32) < limit;
        if !room && may_open {
            // An idle one that leads elsewhere gives way.
            let idle = |connection: &u32| {
                let connection = &self.pools.all[*connection as usize];
                connection.phase == Phase::Open && connection.in_use == 0
            };
            let found = self.pools.pools[pool as usize]
                .open
                .iter()
                .copied()
                .find(idle);
            if let Some(idle) = found {
                self.close(idle);
            }
        }
        let room = (self.pools.pools[pool as usize].open.len() as u32) < limit;
        if room && may_open {
            self.open(slot, pool);
        } else if may_wait {
            self.frames[slot].state = State::Connecting;
            self.frames[slot].link = NIL;
            self.pools.pools[pool as usize].waiting.push_back(slot);
            self.change_pending(slot, 1);
        } else {
            self.frames[slot].outcome = Outcome::CircuitOpen;
            self.frames[slot].state = State::Replying;
            self.events.push(self.now, rank::REPLIED, slot);
        }
    }

    /// A connection of the pool that can take an attempt: the least used, of equals the oldest. Closes those that are
    /// too old on the way.
    fn free_connection(&mut self, slot: u32, pool: u32) -> Option<u32> {
        let frame = &self.frames[slot];
        let (home, site) = (frame.home, frame.site as usize);
        let station = self.replicas[home as usize].station;
        let anywhere = self.programs.sites[site].policy.balance.unit == Unit::Connections;
        let rule = self.rule(self.pools.pools[pool as usize].service);
        let (streams, max_age) = (rule.streams, rule.max_age);
        if let Some(age) = max_age {
            for connection in self.pools.pools[pool as usize].open.clone() {
                let one = &mut self.pools.all[connection as usize];
                if one.phase == Phase::Open && self.now.since(one.opened) >= age {
                    one.phase = Phase::Closing;
                    if one.in_use == 0 {
                        self.close(connection);
                    }
                }
            }
        }
        let usable = |connection: &u32| {
            let one = &self.pools.all[*connection as usize];
            let leads = one.replica == home
                || (anywhere && self.replicas[one.replica as usize].station == station);
            one.phase == Phase::Open && one.in_use < streams && leads
        };
        let open = self.pools.pools[pool as usize].open.iter().copied();
        open.filter(usable)
            .min_by_key(|connection| self.pools.all[*connection as usize].in_use)
    }

    /// Whether the breaker of an attempt's client lets it open a connection, and wait for one.
    fn breaker_admits(&self, slot: u32) -> (bool, bool) {
        let Some(client) = self.client_of(slot) else {
            return (true, true);
        };
        let site = self.frames[slot].site as usize;
        let flight = &self.clients[client].flight;
        let breaker = self.programs.sites[site].policy.breaker.as_ref();
        breaker.map_or((true, true), |breaker| {
            (
                flight.admits_connection(breaker),
                flight.admits_pending(breaker),
            )
        })
    }

    fn change_pending(&mut self, slot: u32, change: i32) {
        if let Some(client) = self.client_of(slot) {
            let flight = &mut self.clients[client].flight;
            flight.pending = flight.pending.saturating_add_signed(change);
        }
    }

    /// Sends an attempt over a connection that is open.
    fn use_connection(&mut self, slot: u32, connection: u32) {
        let one = &mut self.pools.all[connection as usize];
        one.in_use += 1;
        let replica = one.replica;
        self.frames.cold_mut(slot).connection = connection + 1;
        if self.frames[slot].home != replica {
            self.change_home(slot, replica);
        }
        self.send_request(slot);
    }

    /// An attempt goes to the replica that its connection leads to.
    fn change_home(&mut self, slot: u32, replica: u32) {
        let old = self.frames[slot].home;
        if self.frames[slot].flags.has(Flags::OUTSTANDING) {
            self.replicas[old as usize].outstanding -= 1;
            self.replicas[replica as usize].outstanding += 1;
            if let Some(client) = self.client_of(slot) {
                self.clients[client].change_load(old, -1);
                self.clients[client].change_load(replica, 1);
            }
        }
        self.frames[slot].home = replica;
    }

    /// The request itself leaves its caller.
    fn send_request(&mut self, slot: u32) {
        let frame = &mut self.frames[slot];
        frame.state = State::Travelling;
        frame.link = NIL;
        let (site, to) = (frame.site as usize, usize::from(frame.place));
        let from = usize::from(self.frames.cold(slot).map_or(0, |cold| cold.from));
        let site = &self.programs.sites[site];
        let (edge, bytes) = (site.edge, site.request_bytes);
        let hop = self.hop(from, to);
        self.accounts.edge_carried(edge, hop, bytes);
        self.travel(slot, from, to, bytes, rank::ARRIVED);
    }

    /// An attempt that has a connection has ended for its caller, answered or refused.
    pub(super) fn release_connection(&mut self, slot: u32) {
        let number = self.connection_of(slot);
        if number == 0 {
            return;
        }
        self.frames.cold_mut(slot).connection = 0;
        let connection = number - 1;
        let one = &mut self.pools.all[connection as usize];
        one.in_use -= 1;
        let pool = one.pool;
        match one.phase {
            Phase::Closed if one.in_use == 0 => self.pools.free.push(connection),
            Phase::SettingUp => self.close(connection),
            Phase::Closing if one.in_use == 0 => self.close(connection),
            _ => {}
        }
        self.pools.freed.push(pool);
    }

    /// A caller gives up on an attempt. Returns whether the attempt is gone with that: it had not been sent.
    pub(super) fn abandon_connection(&mut self, slot: u32) -> bool {
        let number = self.connection_of(slot);
        if self.is_connecting(slot) {
            if number > 0 {
                return false;
            }
            let frame = &self.frames[slot];
            let service = self.programs.sites[frame.site as usize].service;
            for pool in self
                .pools
                .pools
                .iter_mut()
                .filter(|pool| pool.service == service.0)
            {
                pool.waiting.retain(|other| *other != slot);
            }
            self.change_pending(slot, -1);
            return true;
        }
        if number > 0 {
            let one = &self.pools.all[number as usize - 1];
            let service = self.pools.pools[one.pool as usize].service;
            if self.rule(service).streams == 1 && one.phase != Phase::Closed {
                self.close(number - 1);
            }
            self.release_connection(slot);
        }
        false
    }

    /// The connection of an attempt becomes that of the frame that stands for it from now on.
    pub(super) fn move_connection(&mut self, from: u32, to: u32) {
        let number = self.connection_of(from);
        if number > 0 {
            let caller = self.frames.cold(from).map_or(0, |cold| cold.from);
            self.frames.cold_mut(from).connection = 0;
            let cold = self.frames.cold_mut(to);
            (cold.connection, cold.from) = (number, caller);
        }
    }

    /// Takes a connection out of its pool; its record is free once no request is on it.
    fn close(&mut self, connection: u32) {
        let one = &mut self.pools.all[connection as usize];
        if one.phase == Phase::Closed {
            return;
        }
        one.phase = Phase::Closed;
        let (pool, replica, client) = (one.pool, one.replica, one.client);
        let (accepted, unused) = (std::mem::take(&mut one.accepted), one.in_use == 0);
        if client != NIL {
            self.clients[client].flight.connections -= 1;
        }
        if accepted {
            *self.pools.accepted(replica) -= 1;
        }
        self.pools.pools[pool as usize]
            .open
            .retain(|other| *other != connection);
        if unused {
            self.pools.free.push(connection);
        }
        self.pools.freed.push(pool);
    }

    /// Gives what has become free in pools to those who wait.
    pub(super) fn serve_pools(&mut self) {
        while let Some(pool) = self.pools.freed.pop() {
            let waiting = self.pools.pools[pool as usize].waiting.len();
            for _ in 0..waiting {
                let Some(slot) = self.pools.pools[pool as usize].waiting.pop_front() else {
                    break;
                };
                self.change_pending(slot, -1);
                self.find_connection(slot, pool);
                let last = self.pools.pools[pool as usize].waiting.back();
                if last == Some(&slot) {
                    // Still none: it stays the first.
                    self.pools.pools[pool as usize].waiting.rotate_right(1);
                    break;
                }
            }
        }
    }

    /// A replica drains: its connections take no more requests.
    pub(super) fn close_to(&mut self, replica: u32) {
        for connection in 0..self.pools.all.len() as u32 {
            let one = &mut self.pools.all[connection as usize];
            if one.replica == replica && one.phase == Phase::Open {
                one.phase = Phase::Closing;
                if one.in_use == 0 {
                    self.close(connection);
                }
            }
        }
    }

    /// A replica was stopped: connections from and to it are no more. Answers attempts whose set-up it was busy with.
    pub(super) fn break_connections(&mut self, replica: u32) -> Vec<u32> {
        if self.pools.pools.is_empty() {
            return Vec::new();
        }
        let mut failed = Vec::new();
        for slot in 0..self.frames.slots() as u32 {
            let frame = &self.frames[slot];
            let here = frame.home == replica && frame.place > 0;
            if here && frame.state == State::Working && frame.pc == self.programs.connected {
                let frame = &mut self.frames[slot];
                (frame.outcome, frame.state) = (Outcome::Unreachable, State::Replying);
                frame.pending = 0;
                failed.push(slot);
            }
        }
        for connection in 0..self.pools.all.len() as u32 {
            if self.pools.all[connection as usize].replica == replica {
                self.close(connection);
            }
        }
        let own = self
            .pools
            .of
            .get(replica as usize)
            .cloned()
            .unwrap_or_default();
        for (_, pool) in own {
            for slot in std::mem::take(&mut self.pools.pools[pool as usize].waiting) {
                self.change_pending(slot, -1);
                let frame = &mut self.frames[slot];
                (frame.outcome, frame.state) = (Outcome::Cancelled, State::Replying);
                self.events.push(self.now, rank::REPLIED, slot);
            }
            for connection in self.pools.pools[pool as usize].open.clone() {
                let one = &mut self.pools.all[connection as usize];
                if one.in_use == 0 || one.phase == Phase::SettingUp {
                    self.close(connection);
                } else {
                    one.phase = Phase::Closing;
                }
            }
        }
        failed
    }
}

#[path = "handshake.rs"]
mod handshake;
