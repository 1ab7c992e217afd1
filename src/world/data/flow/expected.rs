//! Expectations gathered since the last observation, and the observation drawn from them.

use crate::engine::{Key, Purpose};
use crate::model::{ObjectiveKind, Scenario};
use crate::sketch::LogLinear;
use crate::units::SimDuration;
use crate::world::contract::{ActionsSeen, EdgeSeen, OUTCOMES, Outcome, Seen, StationSeen};
use crate::world::data::flow::law::{Moments, binomial, poisson};

const ENDED: Purpose = Purpose::new("flow ended");
const ARRIVED: Purpose = Purpose::new("flow arrived");
const CALLS: Purpose = Purpose::new("flow calls");
const ISSUED: Purpose = Purpose::new("flow issued");
const MET: Purpose = Purpose::new("flow objectives");
const LATENCY: Purpose = Purpose::new("flow latency");

/// Most points that a sample of latencies is spread over.
const POINTS: u64 = 256;

/// A weighted sum of latency laws.
#[derive(Clone, Copy, Debug)]
pub struct Mixed {
    weight: f64,
    sum: f64,
    square: f64,
    shift: f64,
}

impl Default for Mixed {
    fn default() -> Self {
        Self {
            weight: 0.0,
            sum: 0.0,
            square: 0.0,
            shift: f64::INFINITY,
        }
    }
}

impl Mixed {
    /// Adds `weight` requests of this law.
    pub fn add(&mut self, weight: f64, law: Moments) {
        if weight > 0.0 {
            self.weight += weight;
            self.sum += weight * law.mean;
            self.square += weight * (law.variance + law.mean * law.mean);
            self.shift = self.shift.min(law.shift);
        }
    }

    /// The law of all.
    pub fn law(&self) -> Moments {
        if self.weight <= 0.0 {
            return Moments::default();
        }
        let mean = self.sum / self.weight;
        Moments {
            mean,
            variance: (self.square / self.weight - mean * mean).max(0.0),
            shift: self.shift.min(mean),
        }
    }
}

/// Expectations of one station.
#[derive(Clone, Debug, Default)]
pub struct StationExpected {
    /// Attempts by outcome.
    pub ended: [f64; OUTCOMES],
    /// Attempts that reached a replica.
    pub arrived: f64,
    /// CPU for callers that had given up, nanoseconds.
    pub wasted_cpu_ns: f64,
    /// Request-seconds.
    pub in_flight_seconds: f64,
    /// Response.
    pub latency: Mixed,
}

/// Expectations of one load on one journey.
#[derive(Clone, Debug, Default)]
pub struct ActionsExpected {
    /// Issued.
    pub issued: f64,
    /// By outcome.
    pub ended: [f64; OUTCOMES],
    /// To the end.
    pub latency: Mixed,
}

/// All expectations of an interval.
#[derive(Clone, Debug)]
pub struct Expected {
    /// By station.
    pub stations: Vec<StationExpected>,
    /// By edge, then `from place * places + to place`: attempts, bytes.
    pub edges: Vec<Vec<(f64, f64)>>,
    /// By `load * journeys + journey`.
    pub actions: Vec<ActionsExpected>,
}

impl Expected {
    /// Nothing yet.
    pub fn new(scenario: &Scenario) -> Self {
        let places = scenario.clusters.len() + 1;
        Self {
            stations: vec![
                StationExpected::default();
                scenario.services.len() * scenario.clusters.len()
            ],
            edges: vec![vec![(0.0, 0.0); places * places]; scenario.edges.len()],
            actions: vec![
                ActionsExpected::default();
                scenario.loads.len() * scenario.journeys.len()
            ],
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.stations.fill(StationExpected::default());
        self.edges.iter_mut().for_each(|edge| edge.fill((0.0, 0.0)));
        self.actions.fill(ActionsExpected::default());
    }

    /// Draws what would have been seen; `key` is that of this interval.
    pub fn draw(&self, scenario: &Scenario, key: Key, seen: &mut Seen) {
        let clusters = scenario.clusters.len();
        seen.stations
            .resize(self.stations.len(), StationSeen::default());
        for (index, (expected, seen)) in self.stations.iter().zip(&mut seen.stations).enumerate() {
            let service = &scenario.services[index / clusters];
            let key = key
                .part(crate::engine::hash64(&service.draw_name))
                .nth((index % clusters) as u64);
            draw_station(expected, key, seen);
        }
        seen.edges.resize(self.edges.len(), EdgeSeen::default());
        for (index, (expected, seen)) in self.edges.iter().zip(&mut seen.edges).enumerate() {
            let key = key.part(edge_name(scenario, index));
            seen.calls.clear();
            seen.bytes.clear();
            for (pair, (calls, _)) in expected.iter().enumerate() {
                seen.calls.push(poisson(*calls, key, CALLS, pair as u64));
                seen.bytes.push(0);
            }
            draw_bytes(expected, clusters + 1, seen);
        }
        let journeys = scenario.journeys.len();
        seen.actions
            .resize(self.actions.len(), ActionsSeen::default());
        for (index, (expected, seen)) in self.actions.iter().zip(&mut seen.actions).enumerate() {
            let (load, journey) = (
                &scenario.loads[index / journeys],
                &scenario.journeys[index % journeys],
            );
            let key = key
                .part(crate::engine::hash64(&load.name))
                .part(crate::engine::hash64(&journey.name));
            draw_actions(expected, journey, key, seen);
        }
    }
}

fn edge_name(scenario: &Scenario, edge: usize) -> u64 {
    let edge = &scenario.edges[edge];
    let caller = edge
        .caller
        .map_or("", |caller| &scenario.service(caller).draw_name);
    crate::engine::hash64(caller).rotate_left(1)
        ^ crate::engine::hash64(&scenario.service(edge.callee).draw_name)
}

/// Bytes follow the drawn number of calls: a message's size does not vary. Replies travel against their calls.
fn draw_bytes(expected: &[(f64, f64)], places: usize, seen: &mut EdgeSeen) {
    for from in 0..places {
        for to in 0..places {
            let (there, back) = (from * places + to, to * places + from);
            let luck = |pair: usize, calls: u64| {
                if expected[pair].0 > 0.0 {
                    calls as f64 / expected[pair].0
                } else {
                    1.0
                }
            };
            // With calls both ways the luck of the larger flow decides.
            let pair = if expected[there].0 >= expected[back].0 {
                there
            } else {
                back
            };
            seen.bytes[there] = (expected[there].1 * luck(pair, seen.calls[pair]) + 0.5) as u64;
        }
    }
}

fn draw_station(expected: &StationExpected, key: Key, seen: &mut StationSeen) {
    for outcome in Outcome::ALL {
        seen.ended[outcome as usize] =
            poisson(expected.ended[outcome as usize], key, ENDED, outcome as u64);
    }
    // Those that ended at a replica arrived there: one luck for both, as far as the expectations agree.
    let answered: f64 = expected.ended[0] + expected.ended[1] + expected.ended[2];
    let drawn = seen.ended[0] + seen.ended[1] + seen.ended[2];
    seen.arrived = if answered > 0.0 {
        (expected.arrived * drawn as f64 / answered + 0.5) as u64
    } else {
        poisson(expected.arrived, key, ARRIVED, 0)
    };
    seen.wasted_cpu_ns = expected.wasted_cpu_ns as u64;
    seen.in_flight_seconds = expected.in_flight_seconds;
    seen.latency.clear();
    spread(
        expected.latency.law(),
        seen.ended[0] + seen.ended[1],
        key,
        &mut seen.latency,
    );
}

fn draw_actions(
    expected: &ActionsExpected,
    journey: &crate::model::Journey,
    key: Key,
    seen: &mut ActionsSeen,
) {
    let mut total = 0;
    for outcome in Outcome::ALL {
        seen.ended[outcome as usize] =
            poisson(expected.ended[outcome as usize], key, ENDED, outcome as u64);
        total += seen.ended[outcome as usize];
    }
    let all: f64 = expected.ended.iter().sum();
    seen.issued = if all > 0.0 {
        (expected.issued * total as f64 / all + 0.5) as u64
    } else {
        poisson(expected.issued, key, ISSUED, 0)
    };
    let (law, ok) = (expected.latency.law(), seen.ended[0]);
    let answered = ok + seen.ended[Outcome::Degraded as usize];
    // One uniform for all objectives: a looser limit is never met by fewer.
    let within = |limit: SimDuration| binomial(ok, law.at_most(limit.seconds()), key, MET, 0);
    seen.objectives_met.clear();
    seen.objectives_met
        .extend(journey.slo.iter().map(|objective| match objective.kind {
            ObjectiveKind::Ok => ok,
            ObjectiveKind::OkOrDegraded => answered,
            ObjectiveKind::Under(limit) => within(limit),
        }));
    let kinds = || journey.slo.iter().map(|objective| objective.kind);
    let tolerant =
        kinds().next().is_some() && kinds().all(|kind| kind == ObjectiveKind::OkOrDegraded);
    seen.good = journey
        .limit()
        .map_or(if tolerant { answered } else { ok }, within);
    seen.latency.clear();
    spread(law, total, key, &mut seen.latency);
}

/// A sample of `count` latencies: each drawn while they are few, else in equal slices of the law.
fn spread<const BITS: u32>(law: Moments, count: u64, key: Key, sketch: &mut LogLinear<BITS>) {
    let points = count.min(POINTS);
    for point in 0..points {
        let uniform = key.uniform(LATENCY, point);
        let ratio = if count <= POINTS {
            uniform
        } else {
            (point as f64 + uniform) / points as f64
        };
        let times = count / points + u64::from(point < count % points);
        sketch.record_many(SimDuration::from_seconds(law.quantile(ratio)).0, times);
    }
}
