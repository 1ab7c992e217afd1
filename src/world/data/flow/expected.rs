//! Expectations gathered since the last observation, and the observation drawn from them.

use crate::engine::{Key, Purpose, hash64};
use crate::model::{Journey, ObjectiveKind, Scenario};
use crate::world::contract::{ActionsSeen, EdgeSeen, OUTCOMES, Outcome, Seen, StationSeen};
use crate::world::data::flow::clients::patience;
use crate::world::data::flow::law::{Moments, binomial, poisson};
use crate::world::data::flow::sample::{Sampler, Shapes};
use crate::world::data::flow::totals::{Total, Totals};

const ENDED: Purpose = Purpose::new("flow ended");
const ARRIVED: Purpose = Purpose::new("flow arrived");
const CALLS: Purpose = Purpose::new("flow calls");
const LOOKS: Purpose = Purpose::new("flow cache looks");
const ISSUED: Purpose = Purpose::new("flow issued");
const MET: Purpose = Purpose::new("flow objectives");

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

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.weight += other.weight;
        self.sum += other.sum;
        self.square += other.square;
        self.shift = self.shift.min(other.shift);
    }

    /// What has come since `before`; nothing in it is shorter than now.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            weight: (self.weight - before.weight).max(0.0),
            sum: (self.sum - before.sum).max(0.0),
            square: (self.square - before.square).max(0.0),
            shift: self.shift,
        }
    }

    /// How many.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// No value is shorter than this.
    pub fn set_shift(&mut self, shift: f64) {
        self.shift = shift;
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
    /// Looks into its caches, and hits among them.
    pub cache_looks: f64,
    /// See `cache_looks`.
    pub cache_hits: f64,
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
    /// Ended ok within each objective's limit.
    pub met: Vec<f64>,
    /// To the end, since the last full look.
    pub latency: Mixed,
    /// Drawn since the last full look.
    unsampled: u64,
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
    names: Names,
    /// By service: whether work goes on, and is answered, after its callers have given up.
    runs_on: Vec<bool>,
    shapes: Shapes,
    /// What was drawn and forgotten, where somebody wants to know.
    kept: Option<Box<Totals>>,
}

/// What draws are keyed by.
#[derive(Clone, Debug)]
struct Names {
    stations: Vec<u64>,
    edges: Vec<u64>,
    actions: Vec<(u64, u64)>,
}

impl Expected {
    /// Nothing yet.
    pub fn new(scenario: &Scenario) -> Self {
        let clusters = scenario.clusters.len();
        let places = clusters + 1;
        let name = |service: usize| hash64(&scenario.services[service].draw_name);
        Self {
            stations: vec![StationExpected::default(); scenario.services.len() * clusters],
            edges: vec![vec![(0.0, 0.0); places * places]; scenario.edges.len()],
            actions: (0..scenario.loads.len())
                .flat_map(|_| &scenario.journeys)
                .map(|journey| ActionsExpected {
                    met: vec![0.0; journey.slo.len()],
                    ..ActionsExpected::default()
                })
                .collect(),
            runs_on: patience(scenario).iter().map(Option::is_none).collect(),
            shapes: Shapes::default(),
            kept: None,
            names: Names {
                stations: (0..scenario.services.len() * clusters)
                    .map(|station| name(station / clusters))
                    .collect(),
                edges: scenario
                    .edges
                    .iter()
                    .map(|edge| {
                        let caller = edge.caller.map_or(hash64(""), |id| name(id.index()));
                        caller.rotate_left(1) ^ name(edge.callee.index())
                    })
                    .collect(),
                actions: scenario
                    .loads
                    .iter()
                    .flat_map(|load| {
                        let journeys = scenario.journeys.iter();
                        journeys.map(|journey| (hash64(&load.name), hash64(&journey.name)))
                    })
                    .collect(),
            },
        }
    }

    /// Keeps what is drawn and forgotten from now on.
    pub fn keep(&mut self) {
        self.kept = Some(Box::new(Totals {
            stations: vec![Total::default(); self.stations.len()],
            actions: vec![Total::default(); self.actions.len()],
        }));
    }

    /// All that was expected since it is kept.
    pub fn totals(&self) -> Totals {
        let mut totals = self.kept.as_deref().cloned().unwrap_or_default();
        for (total, expected) in totals.stations.iter_mut().zip(&self.stations) {
            total.add(&expected.ended, &expected.latency);
        }
        for (total, expected) in totals.actions.iter_mut().zip(&self.actions) {
            total.add(&expected.ended, &expected.latency);
        }
        totals
    }

    /// Key of the draws of one station in the look of `key`.
    pub fn station_key(&self, key: Key, station: usize, cluster: usize) -> Key {
        key.part(self.names.stations[station]).nth(cluster as u64)
    }

    /// Draws one station and forgets it.
    pub fn draw_one(&mut self, station: usize, cluster: usize, key: Key, seen: &mut StationSeen) {
        let key = self.station_key(key, station, cluster);
        if let Some(kept) = &mut self.kept {
            let expected = &self.stations[station];
            kept.stations[station].add(&expected.ended, &expected.latency);
        }
        let clusters = self.stations.len() / self.runs_on.len().max(1);
        let runs_on = self.runs_on[station / clusters];
        let expected = &mut self.stations[station];
        draw_station(expected, key, runs_on, &mut self.shapes, seen);
    }

    /// Draws a full look and forgets it; `key` is that of this interval.
    pub fn draw(&mut self, scenario: &Scenario, key: Key, seen: &mut Seen) {
        let clusters = scenario.clusters.len();
        seen.stations
            .resize(self.stations.len(), StationSeen::default());
        for (index, seen) in seen.stations.iter_mut().enumerate() {
            self.draw_one(index, index % clusters, key, seen);
        }
        seen.edges.resize(self.edges.len(), EdgeSeen::default());
        for (index, seen) in seen.edges.iter_mut().enumerate() {
            let (expected, key) = (&mut self.edges[index], key.part(self.names.edges[index]));
            seen.calls.clear();
            seen.bytes.clear();
            for (pair, (calls, _)) in expected.iter().enumerate() {
                seen.calls.push(poisson(*calls, key, CALLS, pair as u64));
                seen.bytes.push(0);
            }
            draw_bytes(expected, clusters + 1, seen);
            expected.fill((0.0, 0.0));
        }
        self.draw_actions(scenario, key, seen);
        for (index, (expected, seen)) in self.actions.iter_mut().zip(&mut seen.actions).enumerate()
        {
            if let Some(kept) = &mut self.kept {
                kept.actions[index].add(&[0.0; OUTCOMES], &expected.latency);
            }
            if expected.unsampled > 0 {
                let sampler = Sampler::new(expected.latency.law(), &mut self.shapes);
                let count = std::mem::take(&mut expected.unsampled);
                sampler.draw(count, key.nth(count), &mut seen.latency);
            }
            expected.latency = Mixed::default();
        }
    }

    /// Draws how actions ended and forgets that; their latencies are kept for the next full look.
    pub fn draw_actions(&mut self, scenario: &Scenario, key: Key, seen: &mut Seen) {
        let journeys = scenario.journeys.len();
        seen.actions
            .resize(self.actions.len(), ActionsSeen::default());
        for (index, (expected, seen)) in self.actions.iter_mut().zip(&mut seen.actions).enumerate()
        {
            seen.latency.clear();
            if expected.issued <= 0.0 {
                (seen.issued, seen.good, seen.ended) = (0, 0, [0; OUTCOMES]);
                seen.objectives_met.clear();
                seen.objectives_met.resize(expected.met.len(), 0);
                continue;
            }
            if let Some(kept) = &mut self.kept {
                kept.actions[index].add(&expected.ended, &Mixed::default());
            }
            let (load, journey) = self.names.actions[index];
            let key = key.part(load).part(journey);
            draw_counts(expected, &scenario.journeys[index % journeys], key, seen);
        }
    }
}

/// Bytes follow the drawn number of calls: a message's size does not vary. Replies travel against their calls.
fn draw_bytes(expected: &[(f64, f64)], places: usize, seen: &mut EdgeSeen) {
    for from in 0..places {
        for to in 0..places {
            let (there, back) = (from * places + to, to * places + from);
            if expected[there].1 <= 0.0 {
                continue;
            }
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

fn draw_station(
    expected: &mut StationExpected,
    key: Key,
    runs_on: bool,
    shapes: &mut Shapes,
    seen: &mut StationSeen,
) {
    for outcome in Outcome::ALL {
        seen.ended[outcome as usize] =
            poisson(expected.ended[outcome as usize], key, ENDED, outcome as u64);
    }
    // Those that ended at a replica arrived there: one luck for both, as far as the expectations agree.
    let at_replica = [
        Outcome::Ok,
        Outcome::Error,
        Outcome::Timeout,
        Outcome::Degraded,
    ];
    let answered: f64 = at_replica
        .iter()
        .map(|outcome| expected.ended[*outcome as usize])
        .sum();
    let drawn: u64 = at_replica
        .iter()
        .map(|outcome| seen.ended[*outcome as usize])
        .sum();
    seen.arrived = if answered > 0.0 {
        (expected.arrived * drawn as f64 / answered + 0.5) as u64
    } else {
        poisson(expected.arrived, key, ARRIVED, 0)
    };
    seen.wasted_cpu_ns = expected.wasted_cpu_ns as u64;
    seen.in_flight_seconds = expected.in_flight_seconds;
    seen.cache_looks = poisson(expected.cache_looks, key, LOOKS, 0);
    let ratio = expected.cache_hits / expected.cache_looks.max(1e-9);
    seen.cache_hits = binomial(seen.cache_looks, ratio, key, LOOKS, 1);
    seen.latency.clear();
    let answers = if runs_on {
        drawn
    } else {
        drawn - seen.ended[Outcome::Timeout as usize]
    };
    if answers > 0 {
        let sampler = Sampler::new(expected.latency.law(), shapes);
        sampler.draw(answers, key, &mut seen.latency);
    }
    *expected = StationExpected::default();
}

fn draw_counts(
    expected: &mut ActionsExpected,
    journey: &Journey,
    key: Key,
    seen: &mut ActionsSeen,
) {
    let mean_ok = expected.ended[Outcome::Ok as usize];
    let mut all = 0.0;
    for outcome in Outcome::ALL {
        let mean = std::mem::take(&mut expected.ended[outcome as usize]);
        all += mean;
        seen.ended[outcome as usize] = poisson(mean, key, ENDED, outcome as u64);
    }
    let total: u64 = seen.ended.iter().sum();
    let ok = seen.ended[Outcome::Ok as usize];
    let answered = ok + seen.ended[Outcome::Degraded as usize];
    // One uniform for all objectives: a looser limit is never met by fewer.
    let within = |met: f64| {
        let share = if mean_ok > 0.0 { met / mean_ok } else { 0.0 };
        binomial(ok, share.min(1.0), key, MET, 0)
    };
    let count = |kind: ObjectiveKind, met: f64| match kind {
        ObjectiveKind::Ok => ok,
        ObjectiveKind::OkOrDegraded => answered,
        ObjectiveKind::Under(_) => within(met),
    };
    seen.objectives_met.clear();
    let objectives = journey.slo.iter().zip(&mut expected.met);
    seen.objectives_met
        .extend(objectives.map(|(objective, met)| count(objective.kind, std::mem::take(met))));
    // The hardest objective decides; without one only a full answer is good.
    seen.good = seen.objectives_met.iter().copied().min().unwrap_or(ok);
    let issued = std::mem::take(&mut expected.issued);
    seen.issued = if all > 0.0 {
        (issued * total as f64 / all + 0.5) as u64
    } else {
        poisson(issued, key, ISSUED, 0)
    };
    expected.unsampled += total;
}
