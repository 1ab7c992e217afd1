//! The pod scheduler against a plain walk, by hand, and by conservation of room.

use proptest::prelude::*;

use super::*;
use crate::model::placement::{
    HOSTNAME, NodeExpression, NodeTerm, Operator, PodTerm, SpreadConstraint, Taint, TaintEffect,
    ZONE,
};
use crate::model::sample::{add_service, cluster, empty};
use crate::model::{Discipline, Machine, Pool, Scenario};
use crate::units::{Bytes, Cpu, MachineId, SimDuration};

const HERE: ClusterId = ClusterId(0);

/// A scenario of one cluster with nodes of that size, and services that ask for (CPU, memory).
fn scenario(nodes: u32, (cpu, memory, pods): (u64, u64, u32), asks: &[(u64, u64)]) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(60));
    scenario.clusters = vec![cluster("only")];
    scenario.machines = vec![Machine {
        name: "m".into(),
        cpu: Cpu(cpu),
        memory: Bytes(memory),
        pods,
        price_per_hour: 1.0,
        speed: 1.0,
    }];
    scenario.clusters[0].pools = vec![Pool::fixed("p", MachineId(0), nodes)];
    for (index, (cpu, memory)) in asks.iter().enumerate() {
        add_service(
            &mut scenario,
            &format!("s{index}"),
            1,
            Discipline::Fifo,
            Vec::new(),
        );
        let resources = &mut scenario.services[index].resources;
        (resources.cpu_request, resources.memory_request) = (Cpu(*cpu), Bytes(*memory));
    }
    scenario
}

fn held(scenario: &Scenario) -> Nodes {
    let mut nodes = Nodes::new(scenario);
    nodes.hold(HERE, SimTime::ZERO);
    nodes
}

fn place(nodes: &mut Nodes, service: u32, pod: usize) -> Option<usize> {
    let service = ServiceId(service);
    let found = nodes.choose(HERE, service, |node| {
        (node as u64).wrapping_mul(0x9e37_79b9)
    });
    let Some(Placement::Node(node)) = found else {
        return None;
    };
    nodes.take(HERE, Placement::Node(node), service, pod);
    Some(node)
}

#[test]
fn every_reason_is_counted_and_sorted_as_text() {
    let scenario = scenario(2, (1000, 1000, 1), &[(600, 600), (1200, 600)]);
    let mut nodes = held(&scenario);
    assert!(place(&mut nodes, 0, 0).is_some());
    assert_eq!(place(&mut nodes, 1, 1), None);
    assert_eq!(
        nodes.explain(HERE, ServiceId(1)),
        "0/2 nodes are available: 1 Insufficient memory, 1 Too many pods, 2 Insufficient cpu."
    );
}

#[test]
fn a_pod_goes_where_most_is_left() {
    let scenario = scenario(2, (1000, 1000, 10), &[(200, 200)]);
    let mut nodes = held(&scenario);
    let first = place(&mut nodes, 0, 0).expect("room");
    // Equal nodes: the tie decides. Then the other one is emptier, whatever the tie says.
    assert_eq!(place(&mut nodes, 0, 1), Some(1 - first));
}

#[test]
fn taints_and_labels_send_pods_to_their_pool() {
    let mut scenario = scenario(1, (1000, 1000, 10), &[(100, 100), (100, 100)]);
    let mut gpu = Pool::fixed("gpu", MachineId(0), 1);
    gpu.labels = vec![("kind".into(), "gpu".into())];
    gpu.taints = vec![Taint {
        key: "gpu".into(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
    }];
    scenario.clusters[0].pools.push(gpu);
    scenario.services[1].pods.placing.node_required = vec![NodeTerm {
        expressions: vec![NodeExpression {
            key: "kind".into(),
            operator: Operator::In,
            values: vec!["gpu".into()],
        }],
    }];
    let mut nodes = held(&scenario);
    assert_eq!([0, 1, 2].map(|pod| place(&mut nodes, 0, pod)), [Some(0); 3]);
    assert_eq!(place(&mut nodes, 1, 3), None);
    assert_eq!(
        nodes.explain(HERE, ServiceId(1)),
        "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, \
         1 node(s) had untolerated taint {gpu: }."
    );
}

#[test]
fn anti_affinity_keeps_pods_apart_both_ways() {
    let mut scenario = scenario(2, (1000, 1000, 10), &[(100, 100), (100, 100)]);
    scenario.services[0].pods.placing.pods_excluded = vec![PodTerm {
        services: vec![ServiceId(0), ServiceId(1)],
        topology_key: HOSTNAME.into(),
    }];
    let mut nodes = held(&scenario);
    let first = place(&mut nodes, 0, 0).expect("room");
    let second = place(&mut nodes, 0, 1).expect("room");
    assert_ne!(first, second);
    assert_eq!(place(&mut nodes, 0, 2), None);
    assert_eq!(
        nodes.explain(HERE, ServiceId(0)),
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."
    );
    // The other service has no rule of its own: those that run keep it out.
    assert_eq!(place(&mut nodes, 1, 3), None);
    assert_eq!(
        nodes.explain(HERE, ServiceId(1)),
        "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules."
    );
}

#[test]
fn affinity_follows_and_the_first_of_its_kind_is_free() {
    let mut scenario = scenario(3, (1000, 1000, 10), &[(100, 100), (100, 100)]);
    let near = |service| PodTerm {
        services: vec![ServiceId(service)],
        topology_key: HOSTNAME.into(),
    };
    scenario.services[0].pods.placing.pods_required = vec![near(0)];
    scenario.services[1].pods.placing.pods_required = vec![near(0)];
    let mut nodes = held(&scenario);
    assert_eq!(place(&mut nodes, 1, 0), None);
    let first = place(&mut nodes, 0, 1).expect("the first may go anywhere");
    assert_eq!(place(&mut nodes, 0, 2), Some(first));
    assert_eq!(place(&mut nodes, 1, 3), Some(first));
}

#[test]
fn a_binding_spread_keeps_the_skew_between_zones() {
    let mut scenario = scenario(3, (1000, 1000, 10), &[(100, 100)]);
    scenario.clusters[0].zones = vec!["a".into(), "b".into()];
    // Nodes 0 and 2 in zone a, 1 in zone b: the third pod must wait for none, the fourth goes to b again.
    scenario.clusters[0].pools[0].zones = vec![0, 1];
    scenario.services[0].pods.placing.spread = vec![SpreadConstraint {
        topology_key: ZONE.into(),
        max_skew: 1,
        required: true,
        min_domains: None,
        honours_affinity: true,
        honours_taints: false,
        services: vec![ServiceId(0)],
    }];
    let mut nodes = held(&scenario);
    let mut zones = [0_u32, 0];
    for pod in 0..9 {
        let node = place(&mut nodes, 0, pod).expect("room");
        zones[node % 2] += 1;
        assert!(zones[0].abs_diff(zones[1]) <= 1, "{zones:?}");
    }
    nodes.set_state(HERE, 1, NodeState::Cordoned, SimTime::ZERO);
    // Five in a, four in b, whose node is cordoned: it still counts, and a sixth in a would be a skew of two.
    assert_eq!(zones, [5, 4]);
    assert_eq!(place(&mut nodes, 0, 9), None);
    assert_eq!(
        nodes.explain(HERE, ServiceId(0)),
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints."
    );
    // A constraint that honours taints leaves it out.
    scenario.services[0].pods.placing.spread[0].honours_taints = true;
    let mut nodes = held(&scenario);
    for pod in 0..9 {
        place(&mut nodes, 0, pod).expect("room");
    }
    nodes.set_state(HERE, 1, NodeState::Cordoned, SimTime::ZERO);
    assert!(place(&mut nodes, 0, 9).is_some());
}

#[test]
fn a_zone_of_nodes_that_are_not_tolerated_counts_as_empty() {
    // Zone a has two nodes, zone b one that only others tolerate: kube-scheduler's default counts it.
    let wanted = |honours_taints: bool| {
        let mut scenario = scenario(2, (1000, 1000, 10), &[(100, 100)]);
        let here = &mut scenario.clusters[0];
        here.zones = vec!["a".into(), "b".into()];
        let mut other = here.pools[0].clone();
        (other.name, other.zones, other.nodes, other.max_nodes) = ("other".into(), vec![1], 1, 1);
        other.taints = vec![Taint {
            key: "dedicated".into(),
            value: "search".into(),
            effect: TaintEffect::NoSchedule,
        }];
        here.pools[0].zones = vec![0];
        here.pools.push(other);
        scenario.services[0].pods.placing.spread = vec![SpreadConstraint {
            topology_key: ZONE.into(),
            max_skew: 2,
            required: true,
            min_domains: None,
            honours_affinity: true,
            honours_taints,
            services: vec![ServiceId(0)],
        }];
        let mut nodes = held(&scenario);
        (0..5)
            .filter(|pod| place(&mut nodes, 0, *pod).is_some())
            .count()
    };
    assert_eq!((wanted(false), wanted(true)), (2, 5));
}

#[test]
fn limits_of_the_cluster_stop_the_scheduler() {
    let mut scenario = scenario(2, (1000, 1000, 10), &[(1, 1)]);
    scenario.clusters[0].limits.ips = Some(3);
    let mut nodes = held(&scenario);
    let placed: Vec<bool> = (0..4)
        .map(|pod| place(&mut nodes, 0, pod).is_some())
        .collect();
    assert_eq!(placed, [true, true, true, false]);
    assert_eq!(
        nodes.explain(HERE, ServiceId(0)),
        "failed to assign an IP address: all 3 of the cluster are in use (ips: 3)"
    );
}

#[test]
fn only_as_many_nodes_are_scored_as_upstream_would() {
    // 1,000 nodes: 420 are looked at, from where the last cycle stopped; the tie then picks among them.
    let scenario = scenario(1000, (1000, 1000, 10), &[(100, 100)]);
    let mut nodes = held(&scenario);
    let high = |nodes: &mut Nodes| match nodes.choose(HERE, ServiceId(0), |node| node as u64) {
        Some(Placement::Node(node)) => node,
        _ => usize::MAX,
    };
    assert_eq!(high(&mut nodes), 419);
    assert_eq!(high(&mut nodes), 839);
    // 840 to 999, then 0 to 259.
    assert_eq!(high(&mut nodes), 999);
}

#[test]
fn cost_runs_while_a_node_is_held() {
    let scenario = scenario(2, (1000, 1000, 10), &[]);
    let hour = |hours: u64| SimTime::ZERO + SimDuration::from_secs(3600 * hours);
    let mut nodes = held(&scenario);
    nodes.set_state(HERE, 0, NodeState::Absent, hour(3));
    nodes.set_state(HERE, 1, NodeState::Down, hour(4));
    // Node 0 for 3 h; node 1 goes on being paid while it is down.
    assert!((nodes.cost(HERE, hour(10)) - 13.0).abs() < 1e-9);
    assert_eq!((nodes.held(HERE), nodes.allocatable(HERE)), (1, Some(1000)));
}

/// The plain walk: every node in turn, no blocks; the first that fit, as many as upstream looks for.
fn walk(fleet: &Fleet, service: usize) -> (Vec<usize>, usize) {
    let asked = &fleet.prepared[service];
    let nodes = fleet.state.len();
    let wanted = crate::model::placement::nodes_to_find(fleet.ready as usize);
    let (mut found, mut looked) = (Vec::new(), 0);
    while looked < nodes && found.len() < wanted {
        let node = (fleet.start + looked) % nodes;
        let used: u64 = fleet.pods[node].len() as u64;
        let fits = fleet.state[node] == NodeState::Ready
            && fleet.free_cpu[node] >= asked.cpu
            && fleet.free_memory[node] >= asked.memory
            && used < u64::from(fleet.class(node).pods);
        if fits {
            found.push(node);
        }
        looked += 1;
    }
    (found, (fleet.start + looked) % nodes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever comes and goes, room is neither lost nor made, no node is overfull, and the indexed scheduler
    /// looks at the same nodes as the plain walk.
    #[test]
    fn room_is_conserved_and_the_index_changes_nothing(
        nodes in 1_u32..300,
        asks in proptest::collection::vec((1_u64..900, 1_u64..900), 1..5),
        actions in proptest::collection::vec((any::<u32>(), any::<u32>(), 0_u8..8), 0..150),
    ) {
        let scenario = scenario(nodes, (2000, 2000, 6), &asks);
        let mut all = held(&scenario);
        let mut placed: Vec<(usize, u32, usize)> = Vec::new();
        for (pod, (pick, other, kind)) in actions.into_iter().enumerate() {
            match kind {
                0 if !placed.is_empty() => {
                    let (node, service, pod) = placed.swap_remove(pick as usize % placed.len());
                    all.free(HERE, Placement::Node(node), ServiceId(service), pod);
                }
                1 => {
                    let node = (other % nodes) as usize;
                    let state = if pick % 2 == 0 { NodeState::Cordoned } else { NodeState::Ready };
                    all.set_state(HERE, node, state, SimTime::ZERO);
                }
                _ => {
                    let service = pick % asks.len() as u32;
                    let (found, next) = walk(&all.fleets[0], service as usize);
                    // Who remembers no score chooses the same node, by the same scores.
                    let mut anew = all.clone();
                    anew.fleets[0].scratch = Default::default();
                    let chosen_anew = place(&mut anew, service, pod);
                    let chosen = place(&mut all, service, pod);
                    prop_assert_eq!(chosen, chosen_anew);
                    if found.len() > 1 {
                        let totals = |nodes: &Nodes| nodes.fleets[0].scratch.totals.clone();
                        prop_assert_eq!(totals(&all), totals(&anew));
                    }
                    prop_assert_eq!(chosen.is_some(), !found.is_empty());
                    prop_assert_eq!(all.fleets[0].start, next);
                    if let Some(node) = chosen {
                        prop_assert!(found.contains(&node));
                        prop_assert_eq!(&all.fleets[0].scratch.found, &found);
                        placed.push((node, service, pod));
                    }
                }
            }
            let fleet = &all.fleets[0];
            prop_assert_eq!(fleet.placed as usize, placed.len());
            for node in 0..nodes as usize {
                let here: Vec<u32> = placed.iter().filter(|one| one.0 == node).map(|one| one.1).collect();
                let cpu: u64 = here.iter().map(|service| asks[*service as usize].0).sum();
                let memory: u64 = here.iter().map(|service| asks[*service as usize].1).sum();
                prop_assert_eq!((fleet.free_cpu[node], fleet.free_memory[node]), (2000 - cpu, 2000 - memory));
                prop_assert_eq!(fleet.free_pods[node] as usize, 6 - here.len());
            }
        }
    }
}
