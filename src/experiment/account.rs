//! Sums over the looks of a world for one subject within one scope, and the metrics that follow from them.

use crate::experiment::pulses::Pulses;
use crate::experiment::works::WorkSum;
use crate::model::{Scenario, Subject};
use crate::sketch::JourneySketch;
use crate::sketch::LatencySketch;
use crate::units::{ClusterId, JourneyId, LoadId, ServiceId, SimTime, WorkId};
use crate::world::contract::{OUTCOMES, Outcome, Seen};

/// What an account sums over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// All users, all stations.
    Run,
    /// Actions of one journey.
    Journey(JourneyId),
    /// Actions of one load.
    Load(LoadId),
    /// Jobs or environments of one source.
    Work(WorkId),
    /// Attempts at one service.
    Service(ServiceId),
    /// All stations and nodes of one cluster.
    Cluster(ClusterId),
}

impl Whose {
    /// From a resolved subject of an assertion; `None` for subjects that are not summed (gates, teams, `*`).
    #[must_use]
    pub fn of(subject: Option<Subject>) -> Option<Self> {
        match subject {
            None | Some(Subject::Wave(_)) => Some(Self::Run),
            Some(Subject::Journey(id)) => id.map(Self::Journey),
            Some(Subject::Load(id)) => id.map(Self::Load),
            Some(Subject::Work(id)) => id.map(Self::Work),
            Some(Subject::Service(id)) => id.map(Self::Service),
            Some(Subject::Cluster(id)) => id.map(Self::Cluster),
            Some(Subject::Old | Subject::New | Subject::Team(_) | Subject::Pool(_)) => None,
        }
    }
}

/// Sums; see the module's text.
#[derive(Clone, Debug)]
pub struct Account {
    whose: Whose,
    cluster: Option<ClusterId>,
    slots: Slots,
    /// Simulated seconds looked at.
    pub seconds: f64,
    /// Actions issued.
    pub issued: u64,
    /// Actions, or attempts of a service, by how they ended.
    pub ended: [u64; OUTCOMES],
    /// Good actions.
    pub good: u64,
    /// Actions that met each objective (a journey's account only).
    pub objectives_met: Vec<u64>,
    /// Latency of actions.
    pub actions: JourneySketch,
    /// Latency at stations.
    pub stations: LatencySketch,
    /// CPU time used, seconds.
    pub cpu_seconds: f64,
    /// CPU time for callers that had given up, seconds.
    pub wasted_seconds: f64,
    /// Request-seconds at the replicas.
    pub in_flight_seconds: f64,
    /// Looks into caches, and hits.
    pub cache_looks: [u64; 2],
    /// Connections accepted, and refused.
    pub connections: [u64; 2],
    /// Calls that nobody waits for: sent, and ended well.
    pub async_calls: [u64; 2],
    /// CPU requested by ready replicas (a cluster: allocatable), core-seconds.
    pub room_seconds: f64,
    /// Ready replicas, replica-seconds.
    pub ready_seconds: f64,
    /// Replicas wished for, replica-seconds.
    pub desired_seconds: f64,
    /// Most ready replicas, pods without a node, and nodes, at any look.
    pub most: Most,
    /// Attempts between two clusters.
    pub cross_calls: u64,
    /// Bytes between two clusters.
    pub cross_bytes: u64,
    /// Jobs or environments (a source's account only).
    pub work: WorkSum,
}

/// Positions in a look of what belongs to the account, found once: a look costs what it has to add.
#[derive(Clone, Debug, Default)]
struct Slots {
    actions: Vec<u32>,
    stations: Vec<u32>,
    edges: Vec<u32>,
}

impl Slots {
    fn of(scenario: &Scenario, whose: Whose, cluster: Option<ClusterId>) -> Self {
        let (clusters, journeys) = (scenario.clusters.len(), scenario.journeys.len());
        let here = |at: &usize| cluster.is_none_or(|only| only.index() == *at);
        let positions = |all: usize, mine: &dyn Fn(usize) -> bool| {
            (0..all as u32)
                .filter(|position| mine(*position as usize))
                .collect()
        };
        Self {
            actions: positions(scenario.loads.len() * journeys, &|at| match whose {
                Whose::Journey(id) => id.index() == at % journeys,
                Whose::Load(id) => id.index() == at / journeys,
                Whose::Run => true,
                Whose::Service(_) | Whose::Cluster(_) | Whose::Work(_) => false,
            }),
            stations: match whose {
                Whose::Service(id) => (0..clusters)
                    .filter(here)
                    .map(|at| (id.index() * clusters + at) as u32)
                    .collect(),
                Whose::Run | Whose::Cluster(_) => {
                    positions(scenario.services.len() * clusters, &|at| {
                        here(&(at % clusters))
                    })
                }
                Whose::Journey(_) | Whose::Load(_) | Whose::Work(_) => Vec::new(),
            },
            edges: match whose {
                Whose::Run => positions(scenario.edges.len(), &|_| true),
                Whose::Service(id) => {
                    positions(scenario.edges.len(), &|at| scenario.edges[at].callee == id)
                }
                Whose::Journey(_) | Whose::Load(_) | Whose::Work(_) | Whose::Cluster(_) => {
                    Vec::new()
                }
            },
        }
    }
}

/// Largest numbers at any look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Most {
    /// Ready replicas.
    pub ready: u32,
    /// Pods without a node.
    pub pending: u32,
    /// Nodes held.
    pub nodes: u32,
}

impl Most {
    /// Keeps the larger of each.
    pub fn raise(&mut self, other: Self) {
        self.ready = self.ready.max(other.ready);
        self.pending = self.pending.max(other.pending);
        self.nodes = self.nodes.max(other.nodes);
    }

    /// Adds each.
    pub fn add(&mut self, other: Self) {
        self.ready += other.ready;
        self.pending += other.pending;
        self.nodes += other.nodes;
    }
}

impl Account {
    /// An empty account.
    #[must_use]
    pub fn new(scenario: &Scenario, whose: Whose, cluster: Option<ClusterId>) -> Self {
        let cluster = match whose {
            Whose::Cluster(id) => Some(id),
            _ => cluster,
        };
        Self::empty(whose, cluster, Slots::of(scenario, whose, cluster))
    }

    fn empty(whose: Whose, cluster: Option<ClusterId>, slots: Slots) -> Self {
        Self {
            whose,
            cluster,
            slots,
            seconds: 0.0,
            issued: 0,
            ended: [0; OUTCOMES],
            good: 0,
            objectives_met: Vec::new(),
            actions: JourneySketch::default(),
            stations: LatencySketch::default(),
            cpu_seconds: 0.0,
            wasted_seconds: 0.0,
            in_flight_seconds: 0.0,
            cache_looks: [0; 2],
            connections: [0; 2],
            async_calls: [0; 2],
            room_seconds: 0.0,
            ready_seconds: 0.0,
            desired_seconds: 0.0,
            most: Most::default(),
            cross_calls: 0,
            cross_bytes: 0,
            work: WorkSum::default(),
        }
    }

    /// Forgets everything and keeps its buffers.
    pub fn clear(&mut self) {
        let (mut actions, mut stations, mut work) = (
            std::mem::take(&mut self.actions),
            std::mem::take(&mut self.stations),
            std::mem::take(&mut self.work),
        );
        actions.clear();
        stations.clear();
        work.clear();
        let slots = std::mem::take(&mut self.slots);
        *self = Self {
            actions,
            stations,
            work,
            ..Self::empty(self.whose, self.cluster, slots)
        };
    }

    /// All that ended.
    #[must_use]
    pub fn total_ended(&self) -> u64 {
        self.ended.iter().sum()
    }

    /// Adds a full look; `pulses` has what the looks since the last full one brought, this one included.
    pub fn add(&mut self, scenario: &Scenario, seen: &Seen, pulses: &Pulses) {
        self.seconds += pulses.seconds;
        if let Whose::Work(id) = self.whose {
            self.work.add(&pulses.work[id.index()]);
            return;
        }
        self.add_actions(seen, pulses);
        self.add_stations(scenario, seen, pulses);
        self.add_edges(scenario, seen);
    }

    fn add_actions(&mut self, seen: &Seen, pulses: &Pulses) {
        for index in &self.slots.actions {
            let Some(actions) = pulses.actions.get(*index as usize) else {
                continue;
            };
            self.issued += actions.issued;
            self.good += actions.good;
            for (sum, count) in self.ended.iter_mut().zip(actions.ended) {
                *sum += count;
            }
            if let Some(seen) = seen.actions.get(*index as usize) {
                self.actions.merge(&seen.latency);
            }
            if matches!(self.whose, Whose::Journey(_)) {
                self.objectives_met.resize(
                    self.objectives_met.len().max(actions.objectives_met.len()),
                    0,
                );
                for (sum, count) in self.objectives_met.iter_mut().zip(&actions.objectives_met) {
                    *sum += count;
                }
            }
        }
    }

    fn add_stations(&mut self, scenario: &Scenario, seen: &Seen, pulses: &Pulses) {
        let clusters = scenario.clusters.len();
        let of_service = matches!(self.whose, Whose::Service(_));
        let counts_attempts = matches!(self.whose, Whose::Service(_) | Whose::Cluster(_));
        for index in &self.slots.stations {
            let index = *index as usize;
            let pulse = &pulses.stations[index];
            self.cpu_seconds += pulse.cpu_ns as f64 * 1e-9;
            self.ready_seconds += pulse.ready_seconds;
            self.desired_seconds += pulse.desired_seconds;
            if of_service {
                let service = &scenario.services[index / clusters];
                self.room_seconds += pulse.ready_seconds * service.resources.cpu_request.cores();
            }
            let Some(station) = seen.stations.get(index) else {
                continue;
            };
            self.wasted_seconds += station.wasted_cpu_ns as f64 * 1e-9;
            self.in_flight_seconds += station.in_flight_seconds;
            let pairs = [
                (
                    &mut self.cache_looks,
                    station.cache_looks,
                    station.cache_hits,
                ),
                (
                    &mut self.connections,
                    station.connections_opened,
                    station.connections_refused,
                ),
                (
                    &mut self.async_calls,
                    station.async_sent,
                    station.async_ended[Outcome::Ok as usize],
                ),
            ];
            for (sum, first, second) in pairs {
                *sum = [sum[0] + first, sum[1] + second];
            }
            if of_service {
                self.stations.merge(&station.latency);
            }
            if counts_attempts {
                for (sum, count) in self.ended.iter_mut().zip(station.ended) {
                    *sum += count;
                }
            }
        }
        self.most.raise(self.most_of(clusters, pulses));
        if let Whose::Cluster(id) = self.whose {
            self.room_seconds += pulses.clusters[id.index()].1;
        }
    }

    fn most_of(&self, clusters: usize, pulses: &Pulses) -> Most {
        let nodes = self.cluster.map_or(pulses.run.nodes, |cluster| {
            pulses.clusters[cluster.index()].0.nodes
        });
        let pods = match (self.whose, self.cluster) {
            (Whose::Service(id), Some(at)) => {
                pulses.stations[id.index() * clusters + at.index()].most
            }
            (Whose::Service(id), None) => pulses.services[id.index()],
            (Whose::Run, None) => pulses.run,
            (Whose::Run | Whose::Cluster(_), Some(at)) => pulses.clusters[at.index()].0,
            (Whose::Cluster(id), None) => pulses.clusters[id.index()].0,
            (Whose::Journey(_) | Whose::Load(_) | Whose::Work(_), _) => Most::default(),
        };
        Most { nodes, ..pods }
    }

    fn add_edges(&mut self, scenario: &Scenario, seen: &Seen) {
        for edge in &self.slots.edges {
            let Some(totals) = seen.edges.get(*edge as usize) else {
                continue;
            };
            let (calls, bytes) = crossing(scenario.clusters.len(), &totals.calls, &totals.bytes);
            self.cross_calls += calls;
            self.cross_bytes += bytes;
        }
    }

    /// The value of a metric that these sums give alone; `None`: no evidence, or not of this kind.
    #[must_use]
    pub fn value(&self, scenario: &Scenario, name: &str) -> Option<f64> {
        if let Whose::Work(_) = self.whose {
            return self.work.value(name, self.seconds);
        }
        let ended = self.total_ended();
        let failed = ended - self.ended[0];
        let of_users = matches!(self.whose, Whose::Run | Whose::Journey(_) | Whose::Load(_));
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        if let Some(ratio) = crate::model::metric::percentile(name) {
            let nanoseconds = if of_users {
                self.actions.quantile(ratio)
            } else {
                self.stations.quantile(ratio)
            };
            return nanoseconds.map(|value| value as f64 * 1e-9);
        }
        match name {
            "error_ratio" => share(failed as f64, ended as f64),
            "mean" if of_users => self.actions.mean().map(|value| value * 1e-9),
            "mean" => self.stations.mean().map(|value| value * 1e-9),
            "requests" if of_users => Some(self.issued as f64),
            "requests" => Some(ended as f64),
            "failed_requests" => Some(failed as f64),
            "wasted_work" => Some(self.wasted_seconds),
            "cross_calls" => Some(self.cross_calls as f64),
            "cross_bytes" => Some(self.cross_bytes as f64),
            "queue_length" => share(self.in_flight_seconds, self.seconds),
            "cpu_utilisation" => share(self.cpu_seconds, self.room_seconds),
            "replicas" => Some(f64::from(self.most.ready)),
            "replica_hours" => Some(self.ready_seconds / 3600.0),
            "pending_pods" => Some(f64::from(self.most.pending)),
            "nodes" => Some(f64::from(self.most.nodes)),
            "availability" => share(self.good as f64, ended as f64),
            "burn_rate" => self.burn_rate(scenario, ended),
            "error_budget" => self.burn_rate(scenario, ended).map(|burn| 1.0 - burn),
            _ => None,
        }
    }

    /// Worst burn rate of a journey's objectives when `intended` actions were meant.
    #[must_use]
    pub fn burn_rate(&self, scenario: &Scenario, intended: u64) -> Option<f64> {
        let Whose::Journey(id) = self.whose else {
            return None;
        };
        burn_rate(
            scenario,
            id,
            self.total_ended(),
            intended,
            &self.objectives_met,
        )
    }
}

/// Worst burn rate: (share of intended actions that missed an objective) / (1 - target).
///
/// Actions that were meant and did not end are bad too, as far as they are more than the noise between two
/// counts of that size (four deviations): users who merely act some seconds later have missed nothing.
#[must_use]
pub fn burn_rate(
    scenario: &Scenario,
    journey: JourneyId,
    ended: u64,
    intended: u64,
    met: &[u64],
) -> Option<f64> {
    let whole = intended.max(ended);
    if whole == 0 {
        return None;
    }
    let noise = 4.0 * (intended as f64).sqrt();
    let missing = (intended.saturating_sub(ended) as f64 - noise).max(0.0);
    scenario
        .journey(journey)
        .slo
        .iter()
        .enumerate()
        .map(|(index, objective)| {
            let bad = ended.saturating_sub(met.get(index).copied().unwrap_or(0));
            // A target of 100 % leaves no budget: any bad action burns it a billion times over.
            (bad as f64 + missing) / whole as f64 / (1.0 - objective.target).max(1e-9)
        })
        .reduce(f64::max)
}

/// Calls and bytes between two different clusters; place 0 is the users.
#[must_use]
pub fn crossing(clusters: usize, calls: &[u64], bytes: &[u64]) -> (u64, u64) {
    let places = clusters + 1;
    let between = |table: &[u64]| {
        (1..places)
            .flat_map(|from| (1..places).map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
            .filter_map(|(from, to)| table.get(from * places + to))
            .sum()
    };
    (between(calls), between(bytes))
}

/// Whether an instant lies in a span that may still be open.
#[must_use]
pub fn within(span: Option<(SimTime, SimTime)>, at: SimTime) -> bool {
    span.is_some_and(|(start, end)| start <= at && at < end)
}
