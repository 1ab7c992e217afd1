//! Steps of the flow plane through time, and the control plane's commands.

use std::collections::VecDeque;

use crate::engine::{Key, Purpose, hash64};
use crate::model::service::WarmupOver;
use crate::model::{Scenario, Warmup};
use crate::units::{ReplicaId, SimDuration, SimTime};
use crate::world::contract::{
    Advanced, Command, DataPlane, LOOK, Luck, Notice, Outcome, ReplicaSeen, Seen, Stop,
};
use crate::world::data::flow::expected::Expected;
use crate::world::data::flow::law::{normal_quantile, poisson};
use crate::world::data::flow::program::Route;
use crate::world::data::flow::solve::{Fixed, Point};
use crate::world::data::flow::station::Serving;

const CPU: Purpose = Purpose::new("flow cpu");
const IN_FLIGHT: Purpose = Purpose::new("flow in flight");

/// Shortest step at which warming and backlogs are followed.
const FINE: SimDuration = SimDuration::from_secs(1);

#[derive(Clone, Debug)]
struct Replica {
    station: usize,
    speed: f64,
    warmup: Option<Warmup>,
    warm_since: SimTime,
    served: f64,
    accepting: bool,
    listed: bool,
    alive: bool,
    cpu_ns: f64,
    jobs: f64,
}

/// The flow plane of one replication.
pub struct FlowPlane {
    scenario: Scenario,
    key: Key,
    fixed: Fixed,
    point: Point,
    expected: Expected,
    replicas: Vec<Replica>,
    routes: Vec<Option<Route>>,
    serving: Vec<Serving>,
    /// By station: requests behind.
    backlog: Vec<f64>,
    /// Draining replicas with the instant when they are idle, in order.
    draining: Vec<(SimTime, ReplicaId)>,
    notices: VecDeque<Notice>,
    now: SimTime,
    since: SimTime,
    /// By load: level of the current point.
    levels: Vec<f64>,
    stale: bool,
    looks: u64,
}

impl FlowPlane {
    /// A plane without replicas at time zero.
    #[must_use]
    pub fn new(scenario: &Scenario, luck: Luck) -> Self {
        let stations = scenario.services.len() * scenario.clusters.len();
        Self {
            key: Key::root(luck.seed, luck.stage, luck.replication).part(hash64("flow")),
            fixed: Fixed::new(scenario),
            point: Point::new(scenario),
            expected: Expected::new(scenario),
            replicas: Vec::new(),
            routes: vec![None; scenario.services.len()],
            serving: vec![Serving::default(); stations],
            backlog: vec![0.0; stations],
            draining: Vec::new(),
            notices: VecDeque::new(),
            now: SimTime::ZERO,
            since: SimTime::ZERO,
            levels: vec![-1.0; scenario.loads.len()],
            stale: true,
            looks: 0,
            scenario: scenario.clone(),
        }
    }

    /// One step: the point at its middle holds for all of it.
    fn step(&mut self, until: SimTime) {
        let length = until.since(self.now);
        let middle = self.now + SimDuration(length.0 / 2);
        let warming = self.update_serving(middle);
        let mut changed = self.stale || warming || self.backlog.iter().any(|behind| *behind > 0.0);
        for (load, level) in self.scenario.loads.iter().zip(&mut self.levels) {
            let new = load.level(middle, &self.scenario.clock);
            // Half a per cent of level is below the noise of what is observed.
            if (new - *level).abs() > 0.005 * level.abs() {
                *level = new;
                changed = true;
            }
        }
        if changed {
            self.point.solve(
                &self.scenario,
                &self.fixed,
                &self.routes,
                &self.serving,
                &self.backlog,
                middle,
            );
            self.stale = false;
        }
        self.gather(length.seconds());
        self.follow_backlog(length.seconds());
        self.now = until;
    }

    /// Who serves at `at`; whether anyone's rate still rises.
    fn update_serving(&mut self, at: SimTime) -> bool {
        let mut warming = false;
        self.serving.fill(Serving::default());
        for replica in &mut self.replicas {
            if !(replica.alive && replica.listed) {
                continue;
            }
            let serving = &mut self.serving[replica.station];
            serving.listed += 1.0;
            if replica.accepting {
                let factor = warm_factor(replica, at);
                warming |= factor < 1.0;
                serving.usable += 1.0;
                serving.rate += replica.speed * factor;
            }
        }
        for serving in &mut self.serving {
            if serving.usable > 0.0 {
                serving.rate /= serving.usable;
            }
        }
        warming
    }

    /// Adds what is expected of `seconds` at the current point.
    fn gather(&mut self, seconds: f64) {
        let clusters = self.scenario.clusters.len();
        let places = clusters + 1;
        // Rate of attempts whose callers give up: their work is wasted.
        let mut late = vec![0.0; self.expected.stations.len()];
        for call in &self.point.calls {
            let station = self.scenario.endpoints[call.endpoint].service.index() * clusters
                + call.places.1
                - 1;
            let expected = &mut self.expected.stations[station];
            for (sum, rate) in expected.ended.iter_mut().zip(&call.ended) {
                *sum += rate * seconds;
            }
            expected.arrived += call.arrived * seconds;
            late[station] += call.ended[Outcome::Timeout as usize];
            let (from, to) = call.places;
            let edge = &mut self.expected.edges[call.edge];
            edge[from * places + to].0 += call.attempts * seconds;
            edge[from * places + to].1 += call.bytes.0 * seconds;
            edge[to * places + from].1 += call.bytes.1 * seconds;
        }
        for (station, expected) in self.expected.stations.iter_mut().enumerate() {
            let offered = &self.point.offered[station];
            let response = self.point.response[station];
            if offered.requests > 0.0 {
                let demand = self.point.stations[station].cores / offered.requests;
                expected.wasted_cpu_ns +=
                    late[station].min(offered.requests) * demand * seconds * 1e9;
                expected.in_flight_seconds += offered.requests * response.mean * seconds;
                expected.latency.add(offered.requests * seconds, response);
            }
        }
        let journeys = self.scenario.journeys.len();
        for (index, expected) in self.expected.actions.iter_mut().enumerate() {
            let issued = self.point.actions[index] * seconds;
            let answer = &self.point.journeys[index % journeys];
            expected.issued += issued;
            for (sum, share) in expected.ended.iter_mut().zip(&answer.outcomes) {
                *sum += issued * share;
            }
            expected.latency.add(issued, answer.time);
        }
        for replica in &mut self.replicas {
            let serving = self.serving[replica.station];
            if replica.alive && replica.listed && replica.accepting {
                let offered = &self.point.offered[replica.station];
                replica.cpu_ns +=
                    self.point.stations[replica.station].cores / serving.usable * seconds * 1e9;
                replica.jobs += offered.jobs / serving.usable * seconds;
                replica.served += offered.requests / serving.usable * seconds;
            }
        }
    }

    /// Requests beyond a station's capacity wait; a full waiting room takes no more.
    fn follow_backlog(&mut self, seconds: f64) {
        let clusters = self.scenario.clusters.len();
        for (station, behind) in self.backlog.iter_mut().enumerate() {
            let point = &self.point.stations[station];
            let serving = self.serving[station];
            let service = &self.scenario.services[station / clusters];
            if serving.usable <= 0.0 {
                *behind = 0.0;
            } else if point.capacity.is_finite() {
                *behind = (*behind
                    + (self.point.offered[station].requests - point.capacity) * seconds)
                    .max(0.0);
                if let (Some(_), Some(places)) = (service.concurrency, service.queue.max) {
                    *behind = behind.min(f64::from(places) * serving.usable);
                }
            }
        }
    }

    fn draw_replicas(&mut self, key: Key, seen: &mut Seen) {
        let clusters = self.scenario.clusters.len();
        seen.replicas.clear();
        seen.stations
            .iter_mut()
            .for_each(|station| station.cpu_ns = 0);
        for (index, replica) in self.replicas.iter_mut().enumerate() {
            let offered = &self.point.offered[replica.station];
            let key = key.nth(index as u64);
            // A sum of `jobs` random demands: its spread is that of a compound Poisson count.
            let relative = if replica.jobs > 0.0 {
                libm::sqrt((1.0 + offered.scv) / replica.jobs)
            } else {
                0.0
            };
            let luck = (1.0 + relative * normal_quantile(key.uniform(CPU, 0))).max(0.0);
            // Luck cannot make a processor busier than always.
            let processor = &self.scenario.services[replica.station / clusters].processor;
            let cores = f64::from(processor.cores);
            let cap = processor.quota.map_or(cores, |quota| {
                cores.min(quota.budget.seconds() / quota.period.seconds())
            });
            let most = (cap * seen.end.since(seen.start).0 as f64).max(replica.cpu_ns);
            let cpu_ns = (replica.cpu_ns * luck).min(most) as u64;
            seen.stations[replica.station].cpu_ns += cpu_ns;
            (replica.cpu_ns, replica.jobs) = (0.0, 0.0);
            if replica.alive {
                let serving = self.serving[replica.station];
                let here = if replica.listed && replica.accepting && serving.usable > 0.0 {
                    offered.requests * self.point.response[replica.station].mean / serving.usable
                } else {
                    0.0
                };
                seen.replicas.push(ReplicaSeen {
                    replica: ReplicaId::from_index(index),
                    cpu_ns,
                    in_flight: poisson(here, key, IN_FLIGHT, 0) as u32,
                });
            }
        }
    }

    /// When a replica that drains from now on is idle: what it holds ends within its response's long tail.
    fn idle_at(&self, replica: &Replica) -> SimTime {
        let law = self.point.response[replica.station];
        let serving = self.serving[replica.station];
        let held = if replica.listed && serving.usable > 0.0 {
            self.point.offered[replica.station].requests * law.mean / serving.usable
        } else {
            0.0
        };
        if held < 0.05 {
            self.now
        } else {
            self.now + SimDuration::from_seconds(law.mean + 2.0 * libm::sqrt(law.variance))
        }
    }
}

fn warm_factor(replica: &mut Replica, at: SimTime) -> f64 {
    let Some(warmup) = replica.warmup else {
        return 1.0;
    };
    let done = match warmup.over {
        WarmupOver::Time(length) => {
            at.since(replica.warm_since).seconds() / length.seconds().max(1e-9)
        }
        WarmupOver::Requests(count) => replica.served / count.max(1) as f64,
    };
    if done >= 1.0 {
        replica.warmup = None;
    }
    warmup.from + (1.0 - warmup.from) * done.min(1.0)
}

impl DataPlane for FlowPlane {
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop> {
        while self.notices.is_empty() && self.now < until {
            // Steps end on a fixed grid, so that the operating point does not depend on who looks when.
            let fine = self
                .replicas
                .iter()
                .any(|replica| replica.alive && replica.listed && replica.warmup.is_some())
                || self.backlog.iter().any(|behind| *behind > 0.0);
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
        self.stale = true;
        let clusters = self.scenario.clusters.len();
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
                    self.replicas.len(),
                    "replica ids count up without holes"
                );
                self.replicas.push(Replica {
                    station: service.index() * clusters + cluster.index(),
                    speed,
                    warmup,
                    warm_since: self.now,
                    served: 0.0,
                    accepting: false,
                    listed: false,
                    alive: true,
                    cpu_ns: 0.0,
                    jobs: 0.0,
                });
            }
            Command::Ready { replica } => {
                let replica = &mut self.replicas[replica.index()];
                (replica.accepting, replica.warm_since) = (true, self.now);
            }
            Command::List { replica } => self.replicas[replica.index()].listed = true,
            Command::Delist { replica } => self.replicas[replica.index()].listed = false,
            Command::SetRate { replica, speed } => self.replicas[replica.index()].speed = speed,
            Command::Drain { replica } => {
                let idle = self.idle_at(&self.replicas[replica.index()]);
                self.replicas[replica.index()].accepting = false;
                let place = self.draining.partition_point(|(other, _)| *other <= idle);
                self.draining.insert(place, (idle, replica));
            }
            Command::Kill { replica } => {
                let idle = self.idle_at(&self.replicas[replica.index()]);
                let gone = &mut self.replicas[replica.index()];
                if gone.alive && gone.accepting && idle > self.now {
                    let response = self.point.response[gone.station].mean;
                    let held = self.point.offered[gone.station].requests * response
                        / self.serving[gone.station].usable.max(1.0);
                    self.expected.stations[gone.station].ended[Outcome::Killed as usize] += held;
                }
                (gone.alive, gone.accepting) = (false, false);
                self.draining.retain(|(_, other)| *other != replica);
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
            }
        }
    }

    fn observe(&mut self, seen: &mut Seen) {
        (seen.full, seen.start, seen.end) = (true, self.since, self.now);
        let key = self.key.nth(self.now.0).nth(self.looks);
        self.expected.draw(&self.scenario, key, seen);
        self.draw_replicas(key, seen);
        seen.records.clear();
        self.expected.clear();
        self.since = self.now;
        self.looks += 1;
    }

    fn events(&self) -> u64 {
        0
    }
}
