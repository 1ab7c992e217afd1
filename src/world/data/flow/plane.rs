//! Steps of the flow plane through time, the control plane's commands, and observation.

mod draw;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::engine::{Key, hash64};
use crate::model::{LinkFault, Scenario};
use crate::queueing::StationTable;
use crate::units::{ReplicaId, SimDuration, SimTime};
use crate::world::contract::{
    Advanced, Asked, Command, DataPlane, LOOK, Luck, Notice, Outcome, Seen, StationSeen, Stop,
};
use crate::world::data::flow::caches::Caches;
use crate::world::data::flow::expected::Expected;
use crate::world::data::flow::levels::Levels;
use crate::world::data::flow::network::Network;
use crate::world::data::flow::point::{Around, Point};
use crate::world::data::flow::program::Route;
use crate::world::data::flow::replicas::Replicas;
use crate::world::data::flow::totals::Totals;

/// Shortest step at which warming and backlogs are followed.
const FINE: SimDuration = SimDuration::from_secs(1);

/// The flow plane of one replication.
pub struct FlowPlane {
    scenario: Scenario,
    key: Key,
    network: Network,
    point: Point,
    expected: Expected,
    replicas: Replicas,
    routes: Vec<Option<Route>>,
    /// By hop: what is wrong with it; empty until something is.
    links: Vec<LinkFault>,
    caches: Caches,
    /// Draining replicas with the instant when they are idle, in order.
    draining: Vec<(SimTime, ReplicaId)>,
    notices: VecDeque<Notice>,
    now: SimTime,
    since: SimTime,
    full_since: SimTime,
    levels: Levels,
    looks: u64,
    /// What a pulse leaves out is blank in the observer's buffers, but for these stations.
    is_blank: bool,
    shown: Vec<u32>,
    /// The observer's buffers have actions.
    shows_actions: bool,
    /// What pulses have shown of watched stations since the last full look.
    glanced: BTreeMap<u32, StationSeen>,
}

impl FlowPlane {
    /// A plane without replicas at time zero.
    #[must_use]
    pub fn new(scenario: &Scenario, luck: Luck) -> Self {
        Self {
            key: Key::root(luck.seed, luck.stage, luck.replication).part(hash64("flow")),
            network: Network::new(scenario),
            point: Point::new(scenario),
            expected: Expected::new(scenario),
            replicas: Replicas::new(scenario.services.len() * scenario.clusters.len()),
            routes: vec![None; scenario.services.len()],
            links: Vec::new(),
            caches: Caches::new(scenario),
            draining: Vec::new(),
            notices: VecDeque::new(),
            now: SimTime::ZERO,
            since: SimTime::ZERO,
            full_since: SimTime::ZERO,
            levels: Levels::new(scenario),
            looks: 0,
            is_blank: false,
            shown: Vec::new(),
            shows_actions: true,
            glanced: BTreeMap::new(),
            scenario: scenario.clone(),
        }
    }

    /// The same with the waits of stations as they were measured, by service.
    #[must_use]
    pub fn with_tables(mut self, tables: Vec<Option<Arc<StationTable>>>) -> Self {
        self.network.tables = tables;
        self
    }

    /// The same, keeping what is expected for `totals`.
    #[must_use]
    pub fn with_totals(mut self) -> Self {
        self.expected.keep();
        self
    }

    /// All that was expected since time zero; empty without `with_totals`.
    pub fn totals(&mut self) -> Totals {
        let (point, around, expected) = self.parts(self.now);
        point.gather_all(&around, expected);
        let mut totals = expected.totals();
        for (station, total) in totals.stations.iter_mut().enumerate() {
            total
                .latency
                .set_shift(point.response(&around, station).shift);
        }
        let journeys = point.journeys.len();
        for (slot, total) in totals.actions.iter_mut().enumerate() {
            total
                .latency
                .set_shift(point.journeys[slot % journeys].time.shift);
        }
        totals
    }

    /// Whether some station or link has more to do than it can, or is behind.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        !self.point.overloaded.is_empty() || self.point.wires.is_behind()
    }

    /// Requests that each cache has seen since it was empty, by `cache * clusters + cluster`.
    #[must_use]
    pub fn cache_states(&self) -> Vec<f64> {
        self.caches.states()
    }

    /// The point and what surrounds it, now, with the load of `at`.
    fn parts(&mut self, at: SimTime) -> (&mut Point, Around<'_>, &mut Expected) {
        (
            &mut self.point,
            Around {
                scenario: &self.scenario,
                network: &self.network,
                routes: &self.routes,
                links: &self.links,
                caches: &self.caches,
                now: self.now,
                at,
            },
            &mut self.expected,
        )
    }

    /// One step: the point of its middle holds for all of it. It is cut short where something begins to fall behind.
    fn step(&mut self, until: SimTime) {
        let middle = self.now + SimDuration(until.since(self.now).0 / 2);
        let point = &mut self.point;
        self.levels
            .moved(&self.scenario, middle, |load| point.mark_load(load));
        self.warm(middle, until.since(self.now).seconds());
        let (point, around, expected) = self.parts(middle);
        point.solve(&around, expected);
        let until = if self.is_overloaded() {
            until.min(SimTime((self.now.0 / FINE.0 + 1) * FINE.0))
        } else {
            until
        };
        let seconds = until.since(self.now).seconds();
        self.follow_backlog(middle, seconds);
        self.point.wires.follow(seconds);
        self.now = until;
        self.warm_caches(middle, seconds);
    }

    fn warm(&mut self, at: SimTime, seconds: f64) {
        if !self.replicas.is_warming() {
            return;
        }
        let mut moved = Vec::new();
        let point = &self.point;
        self.replicas.warm(
            at,
            seconds,
            |station| point.offered[station].requests / point.serving[station].usable.max(1.0),
            |station| moved.push(station),
        );
        for station in moved {
            self.serve(station);
        }
    }

    fn warm_caches(&mut self, at: SimTime, seconds: f64) {
        if self.caches.is_empty() {
            return;
        }
        // The step that ends had the ratios with which it began.
        let clusters = self.scenario.clusters.len();
        let (point, around, expected) = self.parts(at);
        for service in around.caches.services() {
            for cluster in 0..clusters {
                point.gather_station(&around, service * clusters + cluster, expected);
            }
        }
        let point = &self.point;
        let mut moved = Vec::new();
        self.caches.warm(
            seconds,
            |node| point.sources[node].rate,
            |station| point.serving[station].usable,
            |service, cluster| moved.push(service * clusters + cluster),
        );
        for station in moved {
            let (point, around, _) = self.parts(at);
            point.mark_station(&around, station);
        }
    }

    /// The station's replicas changed.
    fn serve(&mut self, station: usize) {
        let serving = self.replicas.serving(station);
        let (point, around, expected) = self.parts(self.now);
        let before = point.serving[station];
        if serving == before {
            return;
        }
        point.gather_station(&around, station, expected);
        point.serving[station] = serving;
        point.mark_station(&around, station);
        let reached = |serving: &super::station::Serving| {
            (
                serving.listed > 0.0,
                serving.usable / serving.listed.max(1.0),
            )
        };
        if reached(&serving) != reached(&before) {
            point.mark_callers(&around, station / around.scenario.clusters.len());
        }
    }

    /// Requests beyond a station's capacity wait; a full waiting room takes no more.
    fn follow_backlog(&mut self, at: SimTime, seconds: f64) {
        let clusters = self.scenario.clusters.len();
        let overloaded: Vec<u32> = self.point.overloaded.iter().copied().collect();
        for station in overloaded {
            let index = station as usize;
            let (point, serving) = (self.point.stations[index], self.point.serving[index]);
            let service = &self.scenario.services[index / clusters];
            let before = self.point.backlog[index];
            let mut behind = before;
            if serving.usable <= 0.0 {
                behind = 0.0;
            } else if point.capacity.is_finite() {
                let excess = self.point.offered[index].requests - point.capacity;
                behind = (behind + excess * seconds).max(0.0);
                if let (Some(_), Some(places)) = (service.concurrency, service.queue.max) {
                    behind = behind.min(f64::from(places) * serving.usable);
                }
            }
            self.point.backlog[index] = behind;
            if behind != before {
                let (point, around, _) = self.parts(at);
                point.mark_station(&around, index);
            }
        }
    }

    /// Requests that each replica of the station holds, and the instant when they are done with some certainty.
    fn held(&mut self, station: usize) -> (f64, SimTime) {
        let (point, around, _) = self.parts(self.now);
        let serving = point.serving[station];
        if serving.usable <= 0.0 {
            return (0.0, self.now);
        }
        let law = point.response(&around, station);
        let held = point.offered[station].requests * law.mean / serving.usable;
        let idle = if held < 0.05 {
            self.now
        } else {
            // What it holds ends within its response's long tail.
            self.now + SimDuration::from_seconds(law.mean + 2.0 * libm::sqrt(law.variance))
        };
        (held, idle)
    }

    fn change(&mut self, replica: ReplicaId, change: impl FnOnce(&mut super::replicas::Replica)) {
        let station = self.replicas.change(replica, change);
        self.serve(station);
    }

    fn drain(&mut self, replica: ReplicaId) {
        let found = &self.replicas.all[replica.index()];
        let station = found.station;
        let idle = if found.listed {
            self.held(station).1
        } else {
            self.now
        };
        self.change(replica, |replica| replica.accepting = false);
        let place = self.draining.partition_point(|(other, _)| *other <= idle);
        self.draining.insert(place, (idle, replica));
    }

    fn kill(&mut self, replica: ReplicaId) {
        let found = &self.replicas.all[replica.index()];
        let station = found.station;
        if found.alive && found.accepting && found.listed {
            let (held, idle) = self.held(station);
            if idle > self.now {
                self.expected.stations[station].ended[Outcome::Killed as usize] += held;
            }
        }
        self.change(replica, |replica| {
            (replica.alive, replica.accepting) = (false, false);
        });
        self.draining.retain(|(_, other)| *other != replica);
    }
}

impl DataPlane for FlowPlane {
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop> {
        while self.notices.is_empty() && self.now < until {
            // Steps end on a fixed grid, so that the operating point does not depend on who looks when.
            let fine = self.replicas.is_warming() || self.caches.is_quick() || self.is_overloaded();
            let grid = if fine { FINE.0 } else { LOOK.0 };
            let mut end = SimTime((self.now.0 / grid + 1) * grid).min(until);
            end = end.min(self.levels.next_break(&self.scenario, self.now));
            if let Some((idle, _)) = self.draining.first() {
                end = end.min((*idle).max(self.now));
            }
            if end > self.now {
                self.step(end);
            }
            while self
                .draining
                .first()
                .is_some_and(|(idle, _)| *idle <= self.now)
            {
                let (_, replica) = self.draining.remove(0);
                self.notices.push_back(Notice::Drained { replica });
            }
        }
        Ok(Advanced {
            now: self.now,
            notice: self.notices.pop_front(),
        })
    }

    fn command(&mut self, command: Command) {
        let (clusters, now) = (self.scenario.clusters.len(), self.now);
        match command {
            Command::AddReplica {
                replica,
                service,
                cluster,
                speed,
                warmup,
            } => {
                assert_eq!(
                    replica.index(),
                    self.replicas.all.len(),
                    "replica ids count up without holes"
                );
                let station = service.index() * clusters + cluster.index();
                self.replicas.add(station, speed, warmup, now);
            }
            Command::Ready { replica } => {
                let station = self.replicas.all[replica.index()].station;
                let before = self.point.serving[station].usable;
                self.caches
                    .add_replica(station / clusters, station % clusters, before);
                self.change(replica, |replica| {
                    (replica.accepting, replica.warm_since) = (true, now);
                });
            }
            Command::List { replica } => self.change(replica, |replica| replica.listed = true),
            Command::Delist { replica } => self.change(replica, |replica| replica.listed = false),
            Command::SetRate { replica, speed } => {
                self.change(replica, |replica| replica.speed = speed);
            }
            Command::Drain { replica } => self.drain(replica),
            Command::Kill { replica } => self.kill(replica),
            Command::Crash { replica } => self.change(replica, |replica| replica.accepting = false),
            Command::SetErrors { replica, ratio } => {
                self.change(replica, |replica| replica.errors = ratio);
            }
            Command::SetLink { hop, state } => {
                self.links
                    .resize(self.scenario.links.table.len(), LinkFault::NONE);
                self.links[hop] = state;
                let (point, around, _) = self.parts(now);
                point.mark_place(&around, hop / (clusters + 1));
                point.mark_place(&around, hop % (clusters + 1));
            }
            Command::SetRouting {
                service,
                mode,
                weight,
                callers_share,
            } => {
                self.routes[service.index()] = Some(Route {
                    mode,
                    weight,
                    callers_share,
                });
                let (point, around, _) = self.parts(now);
                point.mark_callers(&around, service.index());
            }
        }
    }

    fn observe(&mut self, seen: &mut Seen) {
        (seen.full, seen.start, seen.end) = (true, self.since, self.now);
        let key = self.key.nth(self.now.0).nth(self.looks);
        let (point, around, expected) = self.parts(self.now);
        point.gather_all(&around, expected);
        self.expected.draw(&self.scenario, key, seen);
        for (station, glanced) in std::mem::take(&mut self.glanced) {
            seen.stations[station as usize].add_all_but_cpu(&glanced);
        }
        self.draw_cpu(key, seen, 0..self.point.stations.len() as u32);
        self.draw_replicas(key, seen);
        seen.records.clear();
        seen.shown.clear();
        (self.since, self.full_since) = (self.now, self.now);
        (self.is_blank, self.shows_actions) = (false, true);
        self.looks += 1;
    }

    fn pulse(&mut self, seen: &mut Seen, asked: Asked<'_>) {
        (seen.full, seen.start, seen.end) = (false, self.since, self.now);
        let key = self.key.nth(self.now.0).nth(self.looks);
        let (point, around, expected) = self.parts(self.now);
        for station in asked.all {
            point.gather_whole_station(&around, *station as usize, expected);
        }
        if asked.actions {
            point.gather_actions(&around, expected);
            self.expected.draw_actions(&self.scenario, key, seen);
        } else if self.shows_actions {
            seen.actions.clear();
        }
        self.shows_actions = asked.actions;
        if !self.is_blank {
            seen.stations.clear();
            seen.edges.clear();
            seen.replicas.clear();
            seen.records.clear();
            self.is_blank = true;
            self.shown.clear();
        }
        seen.shown.clear();
        seen.shown.extend_from_slice(asked.cpu);
        self.draw_watched(key, seen, asked.all);
        self.draw_cpu(key, seen, asked.cpu.iter().copied());
        self.since = self.now;
        self.looks += 1;
    }

    fn events(&self) -> u64 {
        0
    }
}

#[cfg(test)]
impl FlowPlane {
    /// Stations and answers found so far.
    pub(super) fn found(&self) -> u64 {
        self.point.found
    }

    /// The point as it is, and as it is when everything is found anew from it.
    pub(super) fn mended_and_found_anew(&mut self) -> (Point, Point) {
        let mended = self.point.clone();
        let (mut point, mut expected) = (self.point.clone(), self.expected.clone());
        let around = Around {
            scenario: &self.scenario,
            network: &self.network,
            routes: &self.routes,
            links: &self.links,
            caches: &self.caches,
            now: self.now,
            at: self.now,
        };
        for _ in 0..5 {
            point.mark_all(&around);
            point.solve(&around, &mut expected);
        }
        (mended, point)
    }
}
