//! Nodes: room for pods, what they cost, and the pod scheduler's choice among them.
//!
//! One `Fleet` a cluster. Every node that a pool may ever have has its slot (a dense number) from the start;
//! which slots are held changes. Columns of numbers, not records: the scheduler walks them.

mod explain;
mod prepared;
mod scheduling;
#[cfg(test)]
mod tests;

use crate::model::placement::Room;
use crate::model::{Contention, Scenario};
use crate::units::{ClusterId, ServiceId, SimTime};

use explain::most_pods;
use prepared::{Class, Prepared, classes, prepare};
use scheduling::Block;

/// Where a pod may run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Placement {
    /// The cluster has unlimited room.
    Anywhere,
    /// On that node.
    Node(usize),
}

/// Life of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NodeState {
    /// Not there.
    Absent,
    /// Asked for, paid, not ready yet.
    Booting,
    /// Takes pods.
    Ready,
    /// Takes no new pods: it is being emptied.
    Cordoned,
    /// Broken: still paid, its pods do not run.
    Down,
}

/// The nodes of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    classes: Vec<Class>,
    /// Class of each node.
    class_of: Vec<u32>,
    state: Vec<NodeState>,
    free_cpu: Vec<u64>,
    free_memory: Vec<u64>,
    free_pods: Vec<u32>,
    /// Requests as scores count them (pods without requests count too).
    scored_cpu: Vec<u64>,
    scored_memory: Vec<u64>,
    /// How often each node's room has changed.
    changes: Vec<u32>,
    /// Pods on each node, in no order.
    pods: Vec<Vec<u32>>,
    /// Nodes of each service's pods, in no order, with repetition.
    running: Vec<Vec<u32>>,
    /// What each service asks for, ready for the scheduler.
    prepared: Vec<Prepared>,
    blocks: Vec<Block>,
    /// Ready nodes by class, and all of them.
    ready_in_class: Vec<u32>,
    ready: u32,
    /// Where the next round of sampling starts.
    start: usize,
    /// Pods with a node.
    placed: u32,
    most_pods: u32,
    /// What is said when there are so many: the reason, and the limit's key.
    full: String,
    held: u32,
    held_cpu: u64,
    price_per_second: f64,
    cost: f64,
    cost_counted: SimTime,
    scratch: scheduling::Scratch,
    domains: Vec<crate::model::placement::Domains>,
}

impl Fleet {
    fn new(scenario: &Scenario, cluster: ClusterId) -> Self {
        let place = scenario.cluster(cluster);
        let (classes, class_of) = classes(scenario, place);
        let nodes = class_of.len();
        let (domains, prepared) = prepare(scenario, place, &classes, &class_of);
        let (most_pods, full) = most_pods(&place.limits);
        let mut fleet = Self {
            state: vec![NodeState::Absent; nodes],
            free_cpu: class_of
                .iter()
                .map(|class| classes[*class as usize].cpu)
                .collect(),
            free_memory: class_of
                .iter()
                .map(|class| classes[*class as usize].memory)
                .collect(),
            free_pods: class_of
                .iter()
                .map(|class| classes[*class as usize].pods)
                .collect(),
            scored_cpu: vec![0; nodes],
            scored_memory: vec![0; nodes],
            changes: vec![0; nodes],
            pods: vec![Vec::new(); nodes],
            running: vec![Vec::new(); scenario.services.len()],
            prepared,
            blocks: Vec::new(),
            ready_in_class: vec![0; classes.len()],
            ready: 0,
            start: 0,
            placed: 0,
            most_pods,
            full,
            held: 0,
            held_cpu: 0,
            price_per_second: 0.0,
            cost: 0.0,
            cost_counted: SimTime::ZERO,
            scratch: scheduling::Scratch::default(),
            domains,
            classes,
            class_of,
        };
        fleet.build_blocks();
        fleet
    }

    fn class(&self, node: usize) -> &Class {
        &self.classes[self.class_of[node] as usize]
    }

    /// Changes a node's state, and with it who may use it and what is paid.
    fn set_state(&mut self, node: usize, state: NodeState, now: SimTime) {
        let before = std::mem::replace(&mut self.state[node], state);
        let class = self.class_of[node] as usize;
        let is_ready = |state| state == NodeState::Ready;
        if is_ready(before) != is_ready(state) {
            let change = if is_ready(state) { 1 } else { u32::MAX };
            self.ready = self.ready.wrapping_add(change);
            self.ready_in_class[class] = self.ready_in_class[class].wrapping_add(change);
        }
        let is_held = |state| state != NodeState::Absent;
        if is_held(before) != is_held(state) {
            self.count_cost(now);
            let (cpu, price) = (
                self.classes[class].cpu,
                self.classes[class].price_per_second,
            );
            if is_held(state) {
                self.held += 1;
                self.held_cpu += cpu;
                self.price_per_second += price;
            } else {
                self.held -= 1;
                self.held_cpu -= cpu;
                self.price_per_second -= price;
                if self.held == 0 {
                    // What is left of many additions and subtractions would be paid for ever.
                    self.price_per_second = 0.0;
                }
            }
        }
        self.rebuild_block(node);
    }

    fn count_cost(&mut self, now: SimTime) {
        self.cost += self.price_per_second * now.since(self.cost_counted).seconds();
        self.cost_counted = now;
    }

    /// Takes room for one pod on a node.
    fn take(&mut self, node: usize, service: ServiceId, pod: usize) {
        let asked = &self.prepared[service.index()];
        self.free_cpu[node] -= asked.cpu;
        self.free_memory[node] -= asked.memory;
        self.free_pods[node] -= 1;
        self.scored_cpu[node] += asked.scored_cpu;
        self.scored_memory[node] += asked.scored_memory;
        self.pods[node].push(pod as u32);
        self.running[service.index()].push(node as u32);
        self.placed += 1;
        self.changes[node] += 1;
        self.rebuild_block(node);
    }

    /// Gives the room of one pod back.
    fn release(&mut self, node: usize, service: ServiceId, pod: usize) {
        let asked = &self.prepared[service.index()];
        self.free_cpu[node] += asked.cpu;
        self.free_memory[node] += asked.memory;
        self.free_pods[node] += 1;
        self.scored_cpu[node] -= asked.scored_cpu;
        self.scored_memory[node] -= asked.scored_memory;
        remove(&mut self.pods[node], pod as u32);
        remove(&mut self.running[service.index()], node as u32);
        self.placed -= 1;
        self.changes[node] += 1;
        self.rebuild_block(node);
    }
}

fn remove(list: &mut Vec<u32>, item: u32) {
    let place = list.iter().position(|other| *other == item);
    list.swap_remove(place.expect("what is given back was taken"));
}

/// The nodes of every cluster.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    fleets: Vec<Fleet>,
}

impl Nodes {
    /// No node is held yet.
    pub fn new(scenario: &Scenario) -> Self {
        let clusters = (0..scenario.clusters.len()).map(ClusterId::from_index);
        Self {
            fleets: clusters
                .map(|cluster| Fleet::new(scenario, cluster))
                .collect(),
        }
    }

    fn fleet(&self, cluster: ClusterId) -> &Fleet {
        &self.fleets[cluster.index()]
    }

    fn fleet_mut(&mut self, cluster: ClusterId) -> &mut Fleet {
        &mut self.fleets[cluster.index()]
    }

    /// Holds (pays for) the nodes that each pool starts with, from now on; only the first call does anything
    /// to a slot that was never given back.
    pub fn hold(&mut self, cluster: ClusterId, now: SimTime) {
        let fleet = self.fleet_mut(cluster);
        for node in 0..fleet.state.len() {
            if fleet.state[node] == NodeState::Absent && fleet.class(node).starts.contains(&node) {
                fleet.set_state(node, NodeState::Ready, now);
            }
        }
    }

    /// Gives back the nodes that carry no pod; how many.
    pub fn give_back_empty(&mut self, cluster: ClusterId, now: SimTime) -> u32 {
        let fleet = self.fleet_mut(cluster);
        let mut given = 0;
        for node in 0..fleet.state.len() {
            if fleet.state[node] != NodeState::Absent && fleet.pods[node].is_empty() {
                fleet.set_state(node, NodeState::Absent, now);
                given += 1;
            }
        }
        given
    }

    /// Changes a node's state.
    pub fn set_state(&mut self, cluster: ClusterId, node: usize, state: NodeState, now: SimTime) {
        self.fleet_mut(cluster).set_state(node, state, now);
    }

    /// A node's state.
    pub fn state(&self, cluster: ClusterId, node: usize) -> NodeState {
        self.fleet(cluster).state[node]
    }

    /// Number of slots.
    pub fn slots(&self, cluster: ClusterId) -> usize {
        self.fleet(cluster).state.len()
    }

    /// Pods on a node, in no order.
    pub fn pods(&self, cluster: ClusterId, node: usize) -> &[u32] {
        &self.fleet(cluster).pods[node]
    }

    /// Pool and zone of a node.
    pub fn address(&self, cluster: ClusterId, node: usize) -> (usize, usize) {
        let class = self.fleet(cluster).class(node);
        (class.pool, class.zone)
    }

    /// Processing speed of a node.
    pub fn speed(&self, cluster: ClusterId, placement: Placement) -> f64 {
        match placement {
            Placement::Anywhere => 1.0,
            Placement::Node(node) => self.fleet(cluster).class(node).speed,
        }
    }

    /// Cores of a node, and what a crowd does there.
    pub fn crowding(&self, cluster: ClusterId, node: usize) -> (f64, Contention) {
        let class = self.fleet(cluster).class(node);
        (class.cpu as f64 / 1000.0, class.contention)
    }

    /// Room of a node without pods.
    pub fn empty_room(&self, cluster: ClusterId, node: usize) -> Room {
        let class = self.fleet(cluster).class(node);
        Room {
            cpu: class.cpu,
            memory: class.memory,
            pods: class.pods,
        }
    }

    /// Room that is free on a node.
    pub fn free_room(&self, cluster: ClusterId, node: usize) -> Room {
        let fleet = self.fleet(cluster);
        Room {
            cpu: fleet.free_cpu[node],
            memory: fleet.free_memory[node],
            pods: fleet.free_pods[node],
        }
    }

    /// Requested over allocatable, of CPU or memory, whichever is more.
    pub fn utilisation(&self, cluster: ClusterId, node: usize) -> f64 {
        let (all, free) = (
            self.empty_room(cluster, node),
            self.free_room(cluster, node),
        );
        let share = |free: u64, all: u64| {
            if all == 0 {
                0.0
            } else {
                (all - free) as f64 / all as f64
            }
        };
        share(free.cpu, all.cpu).max(share(free.memory, all.memory))
    }

    /// Nodes of the cluster in that state.
    pub fn count(&self, cluster: ClusterId, state: NodeState) -> u32 {
        let states = self.fleet(cluster).state.iter();
        states.filter(|other| **other == state).count() as u32
    }

    /// Nodes of a pool that are held.
    pub fn held_in(&self, cluster: ClusterId, pool: usize) -> u32 {
        let fleet = self.fleet(cluster);
        let of_pool = (0..fleet.state.len()).filter(|node| fleet.class(*node).pool == pool);
        of_pool
            .filter(|node| fleet.state[*node] != NodeState::Absent)
            .count() as u32
    }

    /// Slots of a pool whose nodes are not there, in order.
    pub fn absent(&self, cluster: ClusterId, pool: usize) -> Vec<usize> {
        let fleet = self.fleet(cluster);
        (0..fleet.state.len())
            .filter(|node| {
                fleet.state[*node] == NodeState::Absent && fleet.class(*node).pool == pool
            })
            .collect()
    }

    /// A slot of a pool that stands for all its nodes.
    pub fn template(&self, cluster: ClusterId, pool: usize) -> Option<usize> {
        let fleet = self.fleet(cluster);
        (0..fleet.state.len()).find(|node| fleet.class(*node).pool == pool)
    }

    /// The first other ready node that admits the service's pods and suits.
    pub fn find_other(
        &self,
        cluster: ClusterId,
        node: usize,
        service: ServiceId,
        suits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let fleet = self.fleet(cluster);
        (0..fleet.state.len()).find(|other| {
            *other != node
                && fleet.state[*other] == NodeState::Ready
                && self.admits(cluster, *other, service)
                && suits(*other)
        })
    }

    /// Puts a pod where the scheduler chose.
    pub fn take(
        &mut self,
        cluster: ClusterId,
        placement: Placement,
        service: ServiceId,
        pod: usize,
    ) {
        let fleet = self.fleet_mut(cluster);
        match placement {
            Placement::Node(node) => fleet.take(node, service, pod),
            Placement::Anywhere => fleet.placed += 1,
        }
    }

    /// Gives the room of one pod back.
    pub fn free(
        &mut self,
        cluster: ClusterId,
        placement: Placement,
        service: ServiceId,
        pod: usize,
    ) {
        let fleet = self.fleet_mut(cluster);
        match placement {
            Placement::Node(node) => fleet.release(node, service, pod),
            Placement::Anywhere => fleet.placed -= 1,
        }
    }

    /// How many more pods the cluster's limits admit, whatever its nodes are, and what is said when none.
    pub fn admitted(&self, cluster: ClusterId) -> (u32, &str) {
        let fleet = self.fleet(cluster);
        (fleet.most_pods.saturating_sub(fleet.placed), &fleet.full)
    }

    /// Nodes held now.
    pub fn held(&self, cluster: ClusterId) -> u32 {
        self.fleet(cluster).held
    }

    /// Cost so far, in the scenario's currency.
    pub fn cost(&self, cluster: ClusterId, now: SimTime) -> f64 {
        let fleet = self.fleet(cluster);
        fleet.cost + fleet.price_per_second * now.since(fleet.cost_counted).seconds()
    }

    /// Price of a pod's share of a node per second, half by CPU and half by memory.
    pub fn price_of(&self, cluster: ClusterId, node: usize, cpu: u64, memory: u64) -> f64 {
        let class = self.fleet(cluster).class(node);
        let share = |asked: u64, all: u64| asked as f64 / all.max(1) as f64;
        class.price_per_second * 0.5 * (share(cpu, class.cpu) + share(memory, class.memory))
    }

    /// CPU of the nodes held now in millicores; `None`: unlimited room.
    pub fn allocatable(&self, cluster: ClusterId) -> Option<u64> {
        let fleet = self.fleet(cluster);
        (!fleet.state.is_empty()).then_some(fleet.held_cpu)
    }
}

/// Room of a node when a pod is added to it, and others are taken away in thought; may be negative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spare {
    cpu: i128,
    memory: i128,
    pods: i64,
}

impl Spare {
    /// With the room of another pod's request.
    pub fn with(self, asked: (u64, u64)) -> Self {
        Self {
            cpu: self.cpu + i128::from(asked.0),
            memory: self.memory + i128::from(asked.1),
            pods: self.pods + 1,
        }
    }

    /// Without it.
    pub fn without(self, asked: (u64, u64)) -> Self {
        Self {
            cpu: self.cpu - i128::from(asked.0),
            memory: self.memory - i128::from(asked.1),
            pods: self.pods - 1,
        }
    }

    /// Whether nothing is overdrawn.
    pub fn is_enough(self) -> bool {
        self.cpu >= 0 && self.memory >= 0 && self.pods >= 0
    }
}

impl Nodes {
    /// Whether labels and taints let the service's pods onto the node.
    pub fn admits(&self, cluster: ClusterId, node: usize, service: ServiceId) -> bool {
        let fleet = self.fleet(cluster);
        fleet.prepared[service.index()].refused[fleet.class_of[node] as usize].is_none()
    }

    /// Room left on a node with one more pod of the service.
    pub fn spare(&self, cluster: ClusterId, node: usize, service: ServiceId) -> Spare {
        let fleet = self.fleet(cluster);
        let asked = &fleet.prepared[service.index()];
        Spare {
            cpu: i128::from(fleet.free_cpu[node]) - i128::from(asked.cpu),
            memory: i128::from(fleet.free_memory[node]) - i128::from(asked.memory),
            pods: i64::from(fleet.free_pods[node]) - 1,
        }
    }
}
