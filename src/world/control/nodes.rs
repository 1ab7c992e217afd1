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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::sample::{cluster, empty};
    use crate::model::{Machine, Pool};
    use crate::units::{Bytes, Cpu, MachineId, SimDuration};

    fn resources(cpu: u64, memory: u64) -> Resources {
        Resources {
            cpu_request: Cpu(cpu),
            cpu_limit: None,
            memory_request: Bytes(memory),
            memory_limit: None,
        }
    }

    fn nodes(count: u32, cpu: u64, memory: u64, pods: u32) -> Nodes {
        let mut scenario = empty(SimDuration::from_secs(60));
        scenario.clusters = vec![cluster("only")];
        let (cpu, memory) = (Cpu(cpu), Bytes(memory));
        scenario.machines = vec![Machine {
            name: "m".into(),
            cpu,
            memory,
            pods,
            price_per_hour: 1.0,
            speed: 1.0,
        }];
        scenario.clusters[0].pools = vec![Pool {
            name: "p".into(),
            machine: MachineId(0),
            nodes: count,
        }];
        let mut nodes = Nodes::new(&scenario);
        nodes.hold(ClusterId(0), SimTime::ZERO);
        nodes
    }

    #[test]
    fn every_reason_is_counted_and_sorted_as_text() {
        let mut nodes = nodes(2, 1000, 1000, 1);
        let small = resources(600, 600);
        nodes.place(ClusterId(0), &small, |_| 0).expect("room");
        let large = resources(1200, 600);
        let told = nodes
            .place(ClusterId(0), &large, |_| 0)
            .expect_err("too large");
        assert_eq!(
            told,
            "0/2 nodes are available: 1 Insufficient memory, 1 Too many pods, 2 Insufficient cpu."
        );
    }

    #[test]
    fn a_pod_goes_where_most_is_left() {
        let mut nodes = nodes(2, 1000, 1000, 10);
        let pod = resources(200, 200);
        let mut place =
            |tie: u64| nodes.place(ClusterId(0), &pod, |node| if node == 0 { tie } else { 5 });
        // Equal nodes: the tie decides. Then the other one is emptier, whatever the tie says.
        assert_eq!(place(9), Ok(Placement::Node(0, 1.0)));
        assert_eq!(place(9), Ok(Placement::Node(1, 1.0)));
    }

    proptest! {
        #[test]
        fn no_node_is_ever_overfull_and_freed_room_is_whole(
            pods in proptest::collection::vec((0u64..800, 0u64..800, any::<u64>()), 0..60)
        ) {
            let mut nodes = nodes(3, 2000, 2000, 8);
            let mut placed = Vec::new();
            for (cpu, memory, tie) in pods {
                let asked = resources(cpu, memory);
                if let Ok(placement) = nodes.place(ClusterId(0), &asked, |node| tie ^ node as u64) {
                    placed.push((placement, asked));
                }
                for node in &nodes.clusters[0] {
                    prop_assert!(node.used_cpu <= node.cpu && node.used_memory <= node.memory && node.used_pods <= node.pods);
                }
            }
            for (placement, asked) in placed {
                nodes.free(ClusterId(0), placement, &asked);
            }
            prop_assert!(nodes.clusters[0].iter().all(|node| (node.used_cpu, node.used_memory, node.used_pods) == (0, 0, 0)));
        }
    }
}
