//! Nodes: room for pods, the pod scheduler's choice, and what nodes cost.

use crate::model::{Resources, Scenario};
use crate::units::{ClusterId, SimTime};

/// One machine.
#[derive(Clone, Debug)]
struct Node {
    cpu: u64,
    memory: u64,
    pods: u32,
    used_cpu: u64,
    used_memory: u64,
    used_pods: u32,
    speed: f64,
    price_per_hour: f64,
    held_since: Option<SimTime>,
    given_back: Option<SimTime>,
}

impl Node {
    fn is_held(&self) -> bool {
        self.held_since.is_some() && self.given_back.is_none()
    }

    fn cost(&self, now: SimTime) -> f64 {
        let Some(since) = self.held_since else {
            return 0.0;
        };
        let until = self.given_back.unwrap_or(now);
        self.price_per_hour * until.since(since).seconds() / 3600.0
    }

    /// Score of kube-scheduler's `LeastAllocated` plus `NodeResourcesBalancedAllocation`, each 0 to 100.
    fn score(&self, resources: &Resources) -> u64 {
        let (cpu, memory) = (
            self.used_cpu + resources.cpu_request.0,
            self.used_memory + resources.memory_request.0,
        );
        let free =
            |used: u64, all: u64| ((all - used.min(all)) * 100).checked_div(all).unwrap_or(0);
        let least_allocated = (free(cpu, self.cpu) + free(memory, self.memory)) / 2;
        let share = |used: u64, all: u64| {
            if all == 0 {
                1.0
            } else {
                used as f64 / all as f64
            }
        };
        // The standard deviation of two fractions is half their distance.
        let deviation = (share(cpu, self.cpu) - share(memory, self.memory)).abs() / 2.0;
        least_allocated + ((1.0 - deviation) * 100.0) as u64
    }
}

/// Where a pod may run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Placement {
    /// The cluster has unlimited room.
    Anywhere,
    /// On that node, with its speed.
    Node(usize, f64),
}

/// The nodes of every cluster.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    clusters: Vec<Vec<Node>>,
}

impl Nodes {
    /// No node is held yet.
    pub fn new(scenario: &Scenario) -> Self {
        let clusters = scenario.clusters.iter().map(|cluster| {
            let nodes = cluster.pools.iter().flat_map(|pool| {
                let machine = &scenario.machines[pool.machine.index()];
                let node = Node {
                    cpu: machine.cpu.0,
                    memory: machine.memory.0,
                    pods: machine.pods.min(cluster.pods_per_node),
                    used_cpu: 0,
                    used_memory: 0,
                    used_pods: 0,
                    speed: machine.speed,
                    price_per_hour: machine.price_per_hour,
                    held_since: None,
                    given_back: None,
                };
                std::iter::repeat_n(node, pool.nodes as usize)
            });
            nodes.collect()
        });
        Self {
            clusters: clusters.collect(),
        }
    }

    /// Holds (pays for) every node of the cluster from now on.
    pub fn hold(&mut self, cluster: ClusterId, now: SimTime) {
        for node in &mut self.clusters[cluster.index()] {
            node.held_since.get_or_insert(now);
        }
    }

    /// Gives back the nodes that carry no pod; how many.
    pub fn give_back_empty(&mut self, cluster: ClusterId, now: SimTime) -> u32 {
        let mut given = 0;
        for node in &mut self.clusters[cluster.index()] {
            if node.is_held() && node.used_pods == 0 {
                node.given_back = Some(now);
                given += 1;
            }
        }
        given
    }

    /// Takes room for one pod, or says why there is none, in kube-scheduler's words. `tie` settles equal scores.
    pub fn place(
        &mut self,
        cluster: ClusterId,
        resources: &Resources,
        tie: impl Fn(usize) -> u64,
    ) -> Result<Placement, String> {
        let nodes = &mut self.clusters[cluster.index()];
        if nodes.is_empty() {
            return Ok(Placement::Anywhere);
        }
        let (mut best, mut held) = (None, 0);
        let (mut pods, mut cpu, mut memory) = (0, 0, 0);
        for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.is_held()) {
            held += 1;
            let full = node.used_pods >= node.pods;
            let no_cpu = node.used_cpu + resources.cpu_request.0 > node.cpu;
            let no_memory = node.used_memory + resources.memory_request.0 > node.memory;
            pods += u32::from(full);
            cpu += u32::from(no_cpu);
            memory += u32::from(no_memory);
            if !(full || no_cpu || no_memory) {
                best = best.max(Some((node.score(resources), tie(index), index)));
            }
        }
        let Some((_, _, index)) = best else {
            return Err(reason(held, pods, cpu, memory));
        };
        let node = &mut nodes[index];
        node.used_cpu += resources.cpu_request.0;
        node.used_memory += resources.memory_request.0;
        node.used_pods += 1;
        Ok(Placement::Node(index, node.speed))
    }

    /// Gives the room of one pod back.
    pub fn free(&mut self, cluster: ClusterId, placement: Placement, resources: &Resources) {
        if let Placement::Node(index, _) = placement {
            let node = &mut self.clusters[cluster.index()][index];
            node.used_cpu -= resources.cpu_request.0;
            node.used_memory -= resources.memory_request.0;
            node.used_pods -= 1;
        }
    }

    /// Nodes held now.
    pub fn held(&self, cluster: ClusterId) -> u32 {
        let held = self.clusters[cluster.index()]
            .iter()
            .filter(|node| node.is_held())
            .count();
        u32::try_from(held).expect("pools count their nodes in 32 bits")
    }

    /// Cost so far, in the scenario's currency.
    pub fn cost(&self, cluster: ClusterId, now: SimTime) -> f64 {
        self.clusters[cluster.index()]
            .iter()
            .map(|node| node.cost(now))
            .sum()
    }

    /// CPU of the nodes held now in millicores; `None`: unlimited room.
    pub fn allocatable(&self, cluster: ClusterId) -> Option<u64> {
        let nodes = &self.clusters[cluster.index()];
        (!nodes.is_empty()).then(|| {
            nodes
                .iter()
                .filter(|node| node.is_held())
                .map(|node| node.cpu)
                .sum()
        })
    }
}

/// As `kubectl describe pod` shows it: reasons with their counts, sorted as text.
fn reason(held: u32, pods: u32, cpu: u32, memory: u32) -> String {
    if held == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let found = [
        (pods, "Too many pods"),
        (cpu, "Insufficient cpu"),
        (memory, "Insufficient memory"),
    ];
    let mut reasons: Vec<_> = found
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    reasons.sort();
    format!("0/{held} nodes are available: {}.", reasons.join(", "))
}
