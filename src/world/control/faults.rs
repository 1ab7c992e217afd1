//! Faults: what breaks, whom it hits, and how it is put right again.
//!
//! A node that breaks takes its pods' processes with it at once; callers still choose them until the node is
//! found unreachable, and their pods are replaced when its taint is no longer tolerated. Both times are
//! Kubernetes' defaults. A node that comes back earlier starts its pods' processes again.
//! The twin has no faults.

use std::collections::BTreeSet;

use super::Control;
use super::agenda::Event;
use super::nodes::{NodeState, Placement};
use super::pods::Phase;
use crate::model::fault::{Fault, FaultKind, FaultTime, LinkFault};
use crate::units::{ClusterId, ServiceId, SimDuration};
use crate::world::contract::Command;
use crate::world::recorder::EventKind;

/// Until a node that does not answer is found unreachable, and its pods' addresses go
/// (`node-monitor-grace-period`, 40 s until 1.31).
const UNREACHABLE_AFTER: SimDuration = SimDuration::from_secs(40);
/// From then until its pods are evicted (the default toleration of `node.kubernetes.io/unreachable`).
const EVICTED_AFTER: SimDuration = SimDuration::from_secs(300);

/// What of a cluster does not work: how many faults hold it down.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outage {
    /// Nothing is scheduled, scaled or rolled out.
    pub control_plane: u32,
    /// Autoscalers and gates see nothing.
    pub metrics: u32,
}

/// A version that works badly.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Flaw {
    pub errors: f64,
    pub work: f64,
}

/// State of faults.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// By fault: how often it began.
    begun: Vec<u64>,
    /// Nodes that a fault broke, with the number of faults that hold each down; by cluster and node.
    broken: std::collections::BTreeMap<(ClusterId, usize), u32>,
    /// Which nodes each running fault broke.
    victims: Vec<Vec<usize>>,
    /// Faults that run now.
    running: BTreeSet<usize>,
    /// By fault: version that runs before its bad one.
    before: Vec<u32>,
    /// Versions that work badly.
    pub(super) flaws: std::collections::BTreeMap<(ServiceId, u32), Flaw>,
}

impl<'s> Control<'s> {
    /// Plans the first time of each fault.
    pub(super) fn start_faults(&mut self) {
        let count = self.scenario.faults.len();
        self.faults.begun = vec![0; count];
        self.faults.victims = vec![Vec::new(); count];
        self.faults.before = vec![0; count];
        for fault in 0..count {
            self.plan_fault(fault);
        }
    }

    fn plan_fault(&mut self, index: usize) {
        let fault: &'s Fault = &self.scenario.faults[index];
        let at = match &fault.when {
            FaultTime::At(at) if self.faults.begun[index] == 0 => *at,
            FaultTime::At(_) => return,
            FaultTime::Every(gap) => {
                let turn = self.faults.begun[index];
                self.now
                    + self
                        .draws
                        .fault(gap, &fault.name, turn, super::draws::FAULT_GAP)
            }
        };
        if at < self.scenario.end() {
            self.agenda.add(at, Event::Fault(index));
        }
    }

    pub(super) fn on_fault(&mut self, index: usize) {
        let fault: &'s Fault = &self.scenario.faults[index];
        let turn = self.faults.begun[index];
        self.faults.begun[index] += 1;
        self.faults.running.insert(index);
        self.tell(
            EventKind::FaultStarted,
            None,
            None,
            None,
            format!("fault {} begins", fault.name),
        );
        self.change(index, &fault.kind, true);
        if let Some(law) = &fault.length {
            let length = self
                .draws
                .fault(law, &fault.name, turn, super::draws::FAULT_LENGTH);
            self.agenda.add(self.now + length, Event::FaultOver(index));
        }
        self.wake_programme();
    }

    pub(super) fn on_fault_over(&mut self, index: usize) {
        let fault: &'s Fault = &self.scenario.faults[index];
        self.faults.running.remove(&index);
        self.tell(
            EventKind::FaultEnded,
            None,
            None,
            None,
            format!("fault {} is over", fault.name),
        );
        self.change(index, &fault.kind, false);
        self.plan_fault(index);
        self.wake_programme();
    }

    /// Begins a fault, or puts it right.
    fn change(&mut self, index: usize, kind: &'s FaultKind, begins: bool) {
        match kind {
            FaultKind::Node {
                cluster,
                pool,
                count,
            } => {
                let name = &self.scenario.faults[index].name;
                let turn = self.faults.begun[index];
                let mut nodes: Vec<usize> = (0..self.nodes.slots(*cluster))
                    .filter(|node| {
                        self.nodes.address(*cluster, *node).0 == *pool
                            && self.nodes.state(*cluster, *node) == NodeState::Ready
                    })
                    .collect();
                nodes.sort_by_key(|node| self.draws.victim(name, turn, *node));
                nodes.truncate(*count as usize);
                self.break_nodes(index, *cluster, nodes, begins);
            }
            FaultKind::Zone { cluster, zone } => {
                let nodes = (0..self.nodes.slots(*cluster))
                    .filter(|node| self.nodes.address(*cluster, *node).1 == *zone)
                    .collect();
                self.break_nodes(index, *cluster, nodes, begins);
            }
            FaultKind::Cluster { cluster } => {
                self.outage(*cluster, begins, true, true);
                let nodes = (0..self.nodes.slots(*cluster)).collect();
                self.break_nodes(index, *cluster, nodes, begins);
                if self.nodes.slots(*cluster) == 0 {
                    self.break_unplaced(*cluster, begins);
                }
            }
            FaultKind::ControlPlane { cluster } => self.outage(*cluster, begins, true, false),
            FaultKind::Metrics { cluster } => self.outage(*cluster, begins, false, true),
            FaultKind::Link { hops, .. } => {
                for hop in hops {
                    let state = self.link_state(*hop);
                    self.commands.push(Command::SetLink { hop: *hop, state });
                }
            }
            FaultKind::Registry { cluster, .. } => {
                let bandwidth = self.bandwidth_now(*cluster);
                self.set_registry_bandwidth(*cluster, bandwidth);
            }
            FaultKind::Limit { cluster, .. } => self.limits_now(*cluster),
            FaultKind::Neighbour { cluster, pool, .. } => {
                for node in 0..self.nodes.slots(*cluster) {
                    if self.nodes.address(*cluster, node).0 == *pool {
                        self.refresh_node(*cluster, node);
                    }
                }
            }
            FaultKind::Slow { service, .. } | FaultKind::Failing { service, .. } => {
                self.refresh_service(*service);
            }
            FaultKind::Release {
                service,
                errors,
                work,
                rollback,
            } if begins => {
                self.faults.before[index] = self.revisions[service.index()];
                let flaw = Flaw {
                    errors: *errors,
                    work: *work,
                };
                let next = self.latest[service.index()] + 1;
                self.faults.flaws.insert((*service, next), flaw);
                self.deploy(*service, None);
                if let Some(rollback) = rollback {
                    self.agenda
                        .add(self.now + *rollback, Event::RollBackRelease(index, next));
                }
            }
            // What was rolled out stays until it is rolled back, or replaced.
            FaultKind::Release { .. } => {}
        }
    }

    /// The version before a bad release is rolled out again, if nothing newer came meanwhile.
    pub(super) fn on_roll_back_release(&mut self, index: usize, revision: u32) {
        if let FaultKind::Release { service, .. } = &self.scenario.faults[index].kind
            && self.revisions[service.index()] == revision
        {
            self.deploy(*service, Some(self.faults.before[index]));
        }
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &'s FaultKind> + use<'_, 's> {
        let faults = &self.scenario.faults;
        self.faults.running.iter().map(|fault| &faults[*fault].kind)
    }

    /// What is wrong with a hop: the slowest, the lossiest, and cut when anything cuts it.
    fn link_state(&self, hop: usize) -> LinkFault {
        let mut sum = LinkFault::NONE;
        for kind in self.running() {
            if let FaultKind::Link { hops, state } = kind
                && hops.contains(&hop)
            {
                sum.factor *= state.factor;
                sum.loss = 1.0 - (1.0 - sum.loss) * (1.0 - state.loss);
                sum.cut |= state.cut;
            }
        }
        sum
    }

    fn bandwidth_now(&self, cluster: ClusterId) -> f64 {
        let written = self.scenario.cluster(cluster).limits.registry_bandwidth;
        self.running().fold(written, |least, kind| match kind {
            FaultKind::Registry {
                cluster: other,
                bandwidth,
            } if *other == cluster => least.min(*bandwidth),
            _ => least,
        })
    }

    fn limits_now(&mut self, cluster: ClusterId) {
        let tighter = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let written = &self.scenario.cluster(cluster).limits;
        let (mut launches, mut calls) = (written.pod_launch_rate, written.api_rate);
        for kind in self.running() {
            if let FaultKind::Limit {
                cluster: other,
                pod_launch_rate,
                api_rate,
            } = kind
                && *other == cluster
            {
                launches = tighter(launches, *pod_launch_rate);
                calls = tighter(calls, *api_rate);
            }
        }
        let now = self.now;
        let launching = &mut self.launching[cluster.index()];
        launching.count_calls(now);
        let limits = &mut launching.limits;
        (limits.pod_launch_rate, limits.api_rate) = (launches, calls);
    }

    fn outage(&mut self, cluster: ClusterId, begins: bool, control_plane: bool, metrics: bool) {
        let change = |count: &mut u32, hit: bool| {
            if hit {
                *count = if begins { *count + 1 } else { *count - 1 };
            }
        };
        let outage = &mut self.outages[cluster.index()];
        change(&mut outage.control_plane, control_plane);
        change(&mut outage.metrics, metrics);
        if !begins && control_plane && outage.control_plane == 0 {
            for event in std::mem::take(&mut self.stalled[cluster.index()]) {
                self.agenda.add(self.now, event);
            }
            for service in self.services() {
                self.reconcile(service, cluster);
            }
            self.retry_pending(cluster);
        }
    }

    /// Whether an event has to wait until the cluster's control plane answers again.
    pub(super) fn stalls(&mut self, cluster: ClusterId, event: Event) -> bool {
        let down = self.outages[cluster.index()].control_plane > 0;
        if down {
            self.stalled[cluster.index()].push(event);
        }
        down
    }

    fn break_nodes(&mut self, fault: usize, cluster: ClusterId, nodes: Vec<usize>, begins: bool) {
        if begins {
            for node in &nodes {
                let holds = self.faults.broken.entry((cluster, *node)).or_insert(0);
                *holds += 1;
                let works = matches!(
                    self.nodes.state(cluster, *node),
                    NodeState::Ready | NodeState::Cordoned
                );
                if *holds == 1 && works {
                    self.node_breaks(cluster, *node);
                }
            }
            self.faults.victims[fault] = nodes;
            return;
        }
        for node in std::mem::take(&mut self.faults.victims[fault]) {
            let holds = self.faults.broken.entry((cluster, node)).or_insert(1);
            *holds -= 1;
            if *holds == 0 {
                self.faults.broken.remove(&(cluster, node));
                if self.nodes.state(cluster, node) == NodeState::Down {
                    self.node_returns(cluster, node);
                }
            }
        }
    }

    /// Whether a fault holds a node down that has just booted.
    pub(super) fn is_broken(&self, cluster: ClusterId, node: usize) -> bool {
        self.faults.broken.contains_key(&(cluster, node))
    }

    fn node_breaks(&mut self, cluster: ClusterId, node: usize) {
        self.nodes
            .set_state(cluster, node, NodeState::Down, self.now);
        for pod in self.pods_on(cluster, node) {
            self.lose(pod);
        }
    }

    pub(super) fn pods_on(&self, cluster: ClusterId, node: usize) -> Vec<usize> {
        let pods = self.nodes.pods(cluster, node).iter();
        let mut found: Vec<usize> = pods.map(|pod| *pod as usize).collect();
        found.sort_unstable();
        found
    }

    /// A pod's process is gone with its node; nobody knows yet.
    fn lose(&mut self, pod: usize) {
        let (service, cluster, phase) = (
            self.pods[pod].service,
            self.pods[pod].cluster,
            self.pods[pod].phase,
        );
        let at = self.at(service, cluster);
        let now = self.now;
        match phase {
            Phase::Ready => {
                let deployment = &mut self.deployments[at];
                deployment.set_ready(deployment.ready - 1, now);
                deployment.listed -= u32::from(self.pods[pod].listed);
                deployment.lost += 1;
            }
            Phase::Starting => {
                self.deployments[at].starting -= 1;
                self.deployments[at].lost += 1;
            }
            Phase::Terminating => {
                // It was on its way out: its address goes when the others' do.
                if let Some(replica) = self.pods[pod].replica {
                    self.commands.push(Command::Crash { replica });
                }
                return;
            }
            Phase::Pending | Phase::Lost | Phase::Gone => return,
        }
        self.set_phase(pod, Phase::Lost);
        self.pods[pod].restarts += 1;
        let restarts = self.pods[pod].restarts;
        if let Some(replica) = self.pods[pod].replica {
            self.commands.push(Command::Crash { replica });
        }
        let unreachable = now + UNREACHABLE_AFTER;
        self.agenda
            .add(unreachable, Event::Unreachable(pod, restarts));
        self.agenda
            .add(unreachable + EVICTED_AFTER, Event::EvictLost(pod, restarts));
        if self.is_guest(service) {
            self.guest_lost(pod, phase);
        }
    }

    pub(super) fn on_unreachable(&mut self, pod: usize, restarts: u32) {
        let down = matches!(self.pods[pod].phase, Phase::Lost | Phase::Starting);
        if down && self.pods[pod].restarts == restarts {
            self.on_delisted(pod);
        }
    }

    pub(super) fn on_evict_lost(&mut self, pod: usize, restarts: u32) {
        if self.pods[pod].phase == Phase::Lost && self.pods[pod].restarts == restarts {
            self.evict(pod);
        }
    }

    fn node_returns(&mut self, cluster: ClusterId, node: usize) {
        self.nodes
            .set_state(cluster, node, NodeState::Ready, self.now);
        for pod in self.pods_on(cluster, node) {
            self.restart_lost(pod);
        }
        self.retry_pending(cluster);
    }

    /// Pods of a cluster without nodes.
    fn break_unplaced(&mut self, cluster: ClusterId, begins: bool) {
        for pod in 0..self.pods.len() {
            let unplaced = self.pods[pod].placement == Some(Placement::Anywhere);
            if self.pods[pod].cluster == cluster && unplaced {
                if begins {
                    self.lose(pod);
                } else {
                    self.restart_lost(pod);
                }
            }
        }
    }

    /// The process of a lost pod starts again where it was.
    fn restart_lost(&mut self, pod: usize) {
        if self.pods[pod].phase != Phase::Lost {
            return;
        }
        let at = self.at(self.pods[pod].service, self.pods[pod].cluster);
        self.on_delisted(pod);
        if let Some(replica) = self.pods[pod].replica {
            self.commands.push(Command::Kill { replica });
        }
        self.deployments[at].lost -= 1;
        self.deployments[at].starting += 1;
        self.set_phase(pod, Phase::Starting);
        if !self.is_guest(self.pods[pod].service) {
            self.add_replica(pod, true);
        }
        self.launch(pod);
    }

    /// Whether a gate can see the cluster's metrics.
    pub(super) fn sees(&self, cluster: ClusterId) -> bool {
        self.outages[cluster.index()].metrics == 0
    }
}
