//! Crowded nodes: pods that want more than their node has share it, and slow one another.
//!
//! What a pod wants is what its processes kept busy in the last interval; the node's cores go round by request
//! (`model::placement::share_cores`). Nothing is computed where nobody can want more than was set aside for
//! it; while a node is crowded it is looked at every second, otherwise at every look.

use std::collections::BTreeMap;

use super::Control;
use super::nodes::Placement;
use super::pods::Phase;
use crate::model::placement::{Demand, core_shares, share_cores};
use crate::model::scenario::Fidelity;
use crate::model::{Scenario, Service};
use crate::units::{ClusterId, SimDuration, SimTime};
use crate::world::contract::Seen;

/// Between two looks at a crowded node.
const SECOND: SimDuration = SimDuration::from_secs(1);

/// Crowds of all clusters.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowds {
    /// By cluster: whether its nodes can be crowded at all.
    possible: Vec<bool>,
    /// By pod: its share of the rate that it would have alone, and of the cores that it wants; absent is 1.
    factors: BTreeMap<usize, (f64, f64)>,
    /// Whether crowded nodes are looked at every second: rates over minutes have no such detail.
    every_second: bool,
    /// Whether a node is near its limits now.
    busy: bool,
    /// When replicas were seen last.
    looked: SimTime,
}

impl Crowds {
    /// Nobody has worked yet.
    pub fn new(scenario: &Scenario) -> Self {
        // A pod may use more than it asked for when its limit is above its request, or it has none.
        let bursts = |service: &Service| {
            let most = service
                .resources
                .cpu_limit
                .map_or(u64::from(service.processor.cores) * 1000, |limit| {
                    limit.0.min(u64::from(service.processor.cores) * 1000)
                });
            most > service.resources.cpu_request.0
        };
        let any = scenario.services.iter().any(bursts);
        let possible = scenario.clusters.iter().map(|cluster| {
            any && !cluster.pools.is_empty()
                || cluster
                    .pools
                    .iter()
                    .any(|pool| pool.contention.slowdown > 0.0)
        });
        Self {
            possible: possible.collect(),
            every_second: scenario.run.fidelity == Fidelity::Request,
            ..Self::default()
        }
    }

    /// A pod's share of the rate that it would have alone.
    pub fn factor(&self, pod: usize) -> f64 {
        self.factors.get(&pod).map_or(1.0, |(rate, _)| *rate)
    }

    /// When a crowded node is to be looked at again.
    pub fn next_look(&self, at: SimTime) -> Option<SimTime> {
        (self.busy && self.every_second).then(|| at + SECOND)
    }
}

impl Control<'_> {
    /// A process that waits for its turn on a crowded node is busy and uses no CPU: what is seen of its service is put
    /// right before anybody reads it. (Rates over minutes are not: a full look there has more than one interval.)
    pub fn charge_crowds(&self, seen: &mut Seen) {
        if self.crowds.factors.is_empty() || !self.crowds.every_second {
            return;
        }
        for replica in &seen.replicas {
            let pod = self.replicas[replica.replica.index()];
            let Some((_, share)) = self.crowds.factors.get(&pod) else {
                continue;
            };
            let at = self.at(self.pods[pod].service, self.pods[pod].cluster);
            if let Some(station) = seen.stations.get_mut(at) {
                let waited = (replica.cpu_ns as f64 * (1.0 - share)) as u64;
                station.cpu_ns = station.cpu_ns.saturating_sub(waited);
            }
        }
    }

    /// Shares out the nodes after an interval.
    pub(super) fn share_nodes(&mut self, seen: &Seen) {
        // A pulse says nothing of replicas; the next full look then has all since the last one.
        if !self.crowds.possible.contains(&true) || !seen.full {
            return;
        }
        let since = std::mem::replace(&mut self.crowds.looked, seen.end);
        let seconds = seen.end.since(since).seconds();
        if seconds <= 0.0 {
            return;
        }
        let mut wanted: BTreeMap<(ClusterId, usize), Vec<(usize, Demand)>> = BTreeMap::new();
        for replica in &seen.replicas {
            let pod = self.replicas[replica.replica.index()];
            let facts = &self.pods[pod];
            let lives = matches!(facts.phase, Phase::Ready | Phase::Terminating);
            if let (true, true, Some(Placement::Node(node))) = (
                lives,
                self.crowds.possible[facts.cluster.index()],
                facts.placement,
            ) {
                let demand = Demand {
                    cores: replica.cpu_ns as f64 * 1e-9 / seconds,
                    weight: self
                        .scenario
                        .service(facts.service)
                        .resources
                        .cpu_request
                        .cores(),
                };
                wanted
                    .entry((facts.cluster, node))
                    .or_default()
                    .push((pod, demand));
            }
        }
        for (pod, place, demand) in self.run_demands() {
            if self.crowds.possible[place.0.index()] {
                wanted.entry(place).or_default().push((pod, demand));
            }
        }
        let before = std::mem::take(&mut self.crowds.factors);
        self.crowds.busy = false;
        for ((cluster, node), pods) in wanted {
            let (cores, contention) = self.nodes.crowding(cluster, node);
            let sum: f64 = pods.iter().map(|(_, demand)| demand.cores).sum();
            // An average over a longer look hides peaks: well before the node is full it is looked at often.
            self.crowds.busy |= sum > contention.above.min(0.8) * cores;
            let demands: Vec<Demand> = pods.iter().map(|(_, demand)| *demand).collect();
            let shares = core_shares(cores, &demands);
            let rates = share_cores(cores, &demands, contention);
            for ((pod, _), (rate, share)) in pods.iter().zip(rates.into_iter().zip(shares)) {
                if rate < 1.0 {
                    self.crowds.factors.insert(*pod, (rate, share));
                }
            }
        }
        let changed: Vec<usize> = before
            .keys()
            .chain(self.crowds.factors.keys())
            .copied()
            .filter(|pod| before.get(pod) != self.crowds.factors.get(pod))
            .collect();
        for pod in changed {
            self.refresh_pod(pod);
        }
    }
}
