//! Steps of the flow plane through time, the control plane's commands, and observation.

use std::collections::VecDeque;

use crate::engine::{Key, Purpose, hash64};
use crate::model::Scenario;
use crate::units::{ReplicaId, SimDuration, SimTime};
use crate::world::contract::{
    Advanced, Command, DataPlane, LOOK, Luck, Notice, Outcome, ReplicaSeen, Seen, StationSeen, Stop,
};
use crate::world::data::flow::expected::Expected;
use crate::world::data::flow::law::{normal_quantile, poisson};
use crate::world::data::flow::network::Network;
use crate::world::data::flow::point::{Around, Point};
use crate::world::data::flow::program::Route;
use crate::world::data::flow::replicas::Replicas;

const CPU: Purpose = Purpose::new("flow cpu");
const IN_FLIGHT: Purpose = Purpose::new("flow in flight");

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
    /// Draining replicas with the instant when they are idle, in order.
    draining: Vec<(SimTime, ReplicaId)>,
    notices: VecDeque<Notice>,
    now: SimTime,
    since: SimTime,
    /// By load: level of the current point.
    levels: Vec<f64>,
    looks: u64,
    /// What a pulse leaves out is blank in the observer's buffers.
    is_blank: bool,
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
            draining: Vec::new(),
            notices: VecDeque::new(),
            now: SimTime::ZERO,
            since: SimTime::ZERO,
            levels: vec![-1.0; scenario.loads.len()],
            looks: 0,
            is_blank: false,
            scenario: scenario.clone(),
        }
    }

    /// The point and what surrounds it, now, with the load of `at`.
    fn parts(&mut self, at: SimTime) -> (&mut Point, Around<'_>, &mut Expected) {
        (
            &mut self.point,
            Around {
                scenario: &self.scenario,
                network: &self.network,
                routes: &self.routes,
                now: self.now,
                at,
            },
            &mut self.expected,
        )
    }

    /// One step: the point of its middle holds for all of it.
    fn step(&mut self, until: SimTime) {
        let seconds = until.since(self.now).seconds();
        let middle = self.now + SimDuration(until.since(self.now).0 / 2);
        for load in 0..self.levels.len() {
            let level = self.scenario.loads[load].level(middle, &self.scenario.clock);
            // Half a per cent of level is below the noise of what is observed.
            if (level - self.levels[load]).abs() > 0.005 * self.levels[load].abs() {
                self.levels[load] = level;
                self.point.mark_load(load);
            }
        }
        self.warm(middle, seconds);
        let (point, around, expected) = self.parts(middle);
        point.solve(&around, expected);
        self.follow_backlog(middle, seconds);
        self.now = until;
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

    /// Draws the CPU of every station since the last look.
    fn draw_cpu(&mut self, key: Key, seen: &mut Seen) {
        let clusters = self.scenario.clusters.len();
        let length = self.now.since(self.since).0 as f64;
        seen.stations
            .resize(self.point.stations.len(), StationSeen::default());
        for (station, seen) in seen.stations.iter_mut().enumerate() {
            self.point.gather_cpu(self.now, station);
            let (cpu, jobs) = std::mem::take(&mut self.point.gathered.cpu[station]);
            if cpu <= 0.0 {
                seen.cpu_ns = 0;
                continue;
            }
            // A sum of `jobs` random demands that come in bunches: its spread is that of a compound Poisson count.
            let bunch = self.network.bunches[station / clusters];
            let scv = self.point.offered[station].scv;
            let relative = libm::sqrt((bunch + scv) / jobs.max(1e-9));
            let key = self.expected.station_key(key, station, station % clusters);
            let luck = (1.0 + relative * normal_quantile(key.uniform(CPU, 0))).max(0.0);
            // Luck cannot make processors busier than always.
            let processor = &self.scenario.services[station / clusters].processor;
            let cores = f64::from(processor.cores);
            let cap = processor.quota.map_or(cores, |quota| {
                cores.min(quota.budget.seconds() / quota.period.seconds())
            });
            let most = (cap * self.point.serving[station].usable * length).max(cpu);
            seen.cpu_ns = (cpu * luck).min(most) as u64;
        }
    }

    /// Shares each station's CPU among its replicas, with the spread that the balancer leaves.
    fn draw_replicas(&mut self, key: Key, seen: &mut Seen) {
        seen.replicas.clear();
        let clusters = self.scenario.clusters.len();
        for (index, replica) in self.replicas.all.iter().enumerate() {
            if !replica.alive {
                continue;
            }
            let station = replica.station;
            let (offered, serving) = (self.point.offered[station], self.point.serving[station]);
            let works = replica.listed && replica.accepting && serving.usable > 0.0;
            let key = key.nth(index as u64);
            let (mut cpu_ns, mut in_flight) = (0, 0);
            if works {
                let mean = seen.stations[station].cpu_ns as f64 / serving.usable;
                let length = self.now.since(self.since).seconds();
                let jobs = offered.jobs / serving.usable * length;
                let relative = libm::sqrt((1.0 + offered.scv) / jobs.max(1e-9)).min(1.0);
                let luck = (1.0 + relative * normal_quantile(key.uniform(CPU, 1))).max(0.0);
                cpu_ns = (mean * luck) as u64;
                let processor = &self.scenario.services[station / clusters].processor;
                let most = f64::from(processor.cores) * length * 1e9;
                cpu_ns = cpu_ns.min(most.max(mean) as u64);
                let (_, around, _) = self.parts_of(self.now);
                let held =
                    offered.requests * self.point.response(&around, station).mean / serving.usable;
                in_flight = poisson(held, key, IN_FLIGHT, 0) as u32;
            }
            seen.replicas.push(ReplicaSeen {
                replica: ReplicaId::from_index(index),
                cpu_ns,
                in_flight,
            });
        }
    }

    fn parts_of(&self, at: SimTime) -> (&Point, Around<'_>, &Expected) {
        (
            &self.point,
            Around {
                scenario: &self.scenario,
                network: &self.network,
                routes: &self.routes,
                now: self.now,
                at,
            },
            &self.expected,
        )
    }

    /// Requests that each replica of the station holds, and the instant when they are done with some certainty.
    fn held(&self, station: usize) -> (f64, SimTime) {
        let (point, around, _) = self.parts_of(self.now);
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
        let idle = if found.listed {
            self.held(found.station).1
        } else {
            self.now
        };
        self.change(replica, |replica| replica.accepting = false);
        let place = self.draining.partition_point(|(other, _)| *other <= idle);
        self.draining.insert(place, (idle, replica));
    }

    fn kill(&mut self, replica: ReplicaId) {
        let found = &self.replicas.all[replica.index()];
        if found.alive && found.accepting && found.listed {
            let (held, idle) = self.held(found.station);
            if idle > self.now {
                let station = found.station;
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
            let fine = self.replicas.is_warming() || !self.point.overloaded.is_empty();
            let grid = if fine { FINE.0 } else { LOOK.0 };
            let mut end = SimTime((self.now.0 / grid + 1) * grid).min(until);
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
            Command::Ready { replica } => self.change(replica, |replica| {
                (replica.accepting, replica.warm_since) = (true, now);
            }),
            Command::List { replica } => self.change(replica, |replica| replica.listed = true),
            Command::Delist { replica } => self.change(replica, |replica| replica.listed = false),
            Command::SetRate { replica, speed } => {
                self.change(replica, |replica| replica.speed = speed);
            }
            Command::Drain { replica } => self.drain(replica),
            Command::Kill { replica } => self.kill(replica),
            Command::Crash { replica } => self.change(replica, |replica| replica.accepting = false),
            Command::SetErrors { .. } | Command::SetLink { .. } => {
                unreachable!("scenarios with such faults are refused at flow fidelity")
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
        self.draw_cpu(key, seen);
        self.draw_replicas(key, seen);
        seen.records.clear();
        (self.since, self.is_blank) = (self.now, false);
        self.looks += 1;
    }

    fn pulse(&mut self, seen: &mut Seen) {
        (seen.full, seen.start, seen.end) = (false, self.since, self.now);
        let key = self.key.nth(self.now.0).nth(self.looks);
        let (point, around, expected) = self.parts(self.now);
        point.gather_actions(&around, expected);
        self.expected.draw_actions(&self.scenario, key, seen);
        if !self.is_blank {
            seen.stations.clear();
            seen.edges.clear();
            seen.replicas.clear();
            seen.records.clear();
            self.is_blank = true;
        }
        self.draw_cpu(key, seen);
        self.since = self.now;
        self.looks += 1;
    }

    fn events(&self) -> u64 {
        0
    }
}

#[cfg(test)]
impl FlowPlane {
    /// The point as it is, and as it is when everything is found anew from it.
    pub(super) fn mended_and_found_anew(&mut self) -> (Point, Point) {
        let mended = self.point.clone();
        let (mut point, mut expected) = (self.point.clone(), self.expected.clone());
        let around = Around {
            scenario: &self.scenario,
            network: &self.network,
            routes: &self.routes,
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
