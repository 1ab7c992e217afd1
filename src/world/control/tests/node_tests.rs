//! The autoscaler of nodes: growing, quotas, shrinking under budgets; crowded nodes.

use super::pod_tests::{Alone, check_books, one_cluster};
use super::*;
use crate::model::placement::{HOSTNAME, PodTerm};
use crate::model::{Amount, Contention, DisruptionBudget, Expander, NodeAutoscaler};
use crate::world::contract::ReplicaSeen;
use crate::world::control::nodes::NodeState;

fn autoscaler() -> NodeAutoscaler {
    NodeAutoscaler {
        scan_interval: seconds(10),
        expander: Expander::LeastWaste,
        scale_down_unneeded_time: seconds(600),
        scale_down_delay_after_add: seconds(600),
        scale_down_delay_after_failure: seconds(180),
        scale_down_utilization_threshold: 0.5,
        max_node_provision_time: seconds(900),
        max_empty_bulk_delete: 10,
        quota_cpu: None,
        quota_nodes: None,
    }
}

/// A pool of 1 to 4 nodes of 4 cores.
fn growing(services: &[(u32, u64)]) -> Scenario {
    let mut scenario = one_cluster(1, services);
    scenario.clusters[0].node_autoscaler = Some(autoscaler());
    scenario.clusters[0].pools[0].max_nodes = 4;
    scenario.horizon = seconds(20_000);
    scenario
}

#[test]
fn a_pool_grows_for_pods_that_wait_and_shrinks_when_they_are_gone() {
    let scenario = growing(&[(1, 3000)]);
    let mut alone = Alone::new(&scenario);
    alone.until(5);
    alone.wish(0, 3);
    alone.until(1000);
    // Seen at 10 s, ready 210 s later; the processes start in 10 s.
    assert_eq!(
        alone.told(EventKind::NodesAdded),
        [(10.0, "2 nodes are added to pool pool of source")]
    );
    let ready = alone.times(|command| matches!(command, Command::Ready { .. }));
    assert_eq!(ready, [0.0, 230.0, 230.0]);
    alone.wish(0, 1);
    alone.until(3000);
    // Unneeded from the look at 1010 s on (the pods are gone at 1001), away 600 s later, both at once.
    assert_eq!(
        alone.told(EventKind::NodesRemoved),
        [(
            1610.0,
            "2 nodes of source are removed: they were not needed"
        )]
    );
    assert_eq!(alone.control.nodes.held(ClusterId(0)), 1);
    check_books(&alone.control).expect("the books agree");
}

#[test]
fn a_quota_stops_growth_and_says_so_once() {
    let mut scenario = growing(&[(1, 3000)]);
    let settings = scenario.clusters[0]
        .node_autoscaler
        .as_mut()
        .expect("there is one");
    settings.quota_cpu = Some(8000);
    let mut alone = Alone::new(&scenario);
    alone.wish(0, 3);
    alone.until(1000);
    assert_eq!(alone.ready(0), 2);
    assert_eq!(
        alone.told(EventKind::NodesShort),
        [(
            20.0,
            "source cannot grow: pool pool: the quota of 8 cores is used up"
        )]
    );
}

#[test]
fn a_node_that_does_not_come_is_given_up_and_its_pool_left_alone() {
    let mut scenario = growing(&[(1, 3000)]);
    scenario.clusters[0].pools[0].boot = Distribution::constant(5000.0);
    let mut alone = Alone::new(&scenario);
    alone.wish(0, 2);
    alone.until(1800);
    // Asked for at 10 s, given up after 900 s at the look at 920 s; asked for again 300 s later.
    let added: Vec<f64> = alone
        .told(EventKind::NodesAdded)
        .iter()
        .map(|told| told.0)
        .collect();
    assert_eq!(added, [10.0, 1220.0]);
}

#[test]
fn the_expander_takes_the_pool_that_wastes_least() {
    let mut scenario = growing(&[(1, 3000)]);
    scenario.machines[1].cpu = Cpu(32_000);
    let mut large = Pool::fixed("large", MachineId(1), 0);
    large.max_nodes = 3;
    scenario.clusters[0].pools.push(large);
    let mut alone = Alone::new(&scenario);
    alone.wish(0, 2);
    alone.until(20);
    assert_eq!(
        alone.told(EventKind::NodesAdded),
        [(10.0, "1 nodes are added to pool pool of source")]
    );
}

#[test]
fn each_expander_takes_the_pool_that_it_prefers() {
    // Eight pods of 3 cores. `pool` has 4-core nodes, one pod each, and may get 3; `large` has 32-core nodes, ten pods each;
    // `middle` 8-core nodes, two pods each.
    let chosen = |expander| {
        let mut scenario = growing(&[(1, 3000)]);
        scenario.machines[1].cpu = Cpu(32_000);
        let mut middle = scenario.machines[1].clone();
        middle.cpu = Cpu(8000);
        scenario.machines.push(middle);
        for (name, machine, priority, most) in [("large", 1, 3, 3), ("middle", 2, 7, 4)] {
            let mut pool = Pool::fixed(name, MachineId(machine), 0);
            (pool.max_nodes, pool.priority) = (most, priority);
            scenario.clusters[0].pools.push(pool);
        }
        let settings = scenario.clusters[0].node_autoscaler.as_mut();
        settings.expect("there is one").expander = expander;
        let mut alone = Alone::new(&scenario);
        alone.wish(0, 9);
        alone.until(10);
        alone.told(EventKind::NodesAdded)[0].1.to_owned()
    };
    let added =
        |count: u32, pool: &str| format!("{count} nodes are added to pool {pool} of source");
    assert_eq!(chosen(Expander::LeastNodes), added(1, "large"));
    assert_eq!(chosen(Expander::Priority), added(4, "middle"));
    // All eight fit in `large` and in `middle`, three in `pool`.
    let most = chosen(Expander::MostPods);
    assert!(
        most == added(1, "large") || most == added(4, "middle"),
        "{most}"
    );
}

#[test]
fn a_node_is_needed_while_its_pod_may_not_join_the_others() {
    // Two pods of a core on two nodes of four: each node is a quarter full, and has room for the other's pod.
    let removed = |apart: bool| {
        let mut scenario = growing(&[(1, 1000)]);
        if apart {
            scenario.services[0].pods.placing.pods_excluded = vec![PodTerm {
                services: vec![ServiceId(0)],
                topology_key: HOSTNAME.into(),
            }];
        }
        let mut alone = Alone::new(&scenario);
        alone
            .control
            .nodes
            .set_state(ClusterId(0), 1, NodeState::Ready, SimTime::ZERO);
        alone.wish(0, 2);
        alone.until(5000);
        assert_eq!(alone.ready(0), 2);
        (
            alone.told(EventKind::NodesRemoved).len(),
            alone.told(EventKind::PodEvicted).len(),
        )
    };
    assert_eq!(removed(true), (0, 0));
    assert_eq!(removed(false), (1, 1));
}

#[test]
fn a_budget_holds_a_node_until_its_pods_may_go() {
    let mut scenario = growing(&[(2, 1500), (1, 2000)]);
    scenario.clusters[0].pools[0].nodes = 2;
    // Two pods of 1.5 cores and one of 2 on two nodes of 4: one node is below half, but both pods must stay.
    scenario.services[0].pods.budget = Some(DisruptionBudget::MinAvailable(Amount::Count(2)));
    scenario.clusters[0].pools[0].nodes = 2;
    let mut alone = Alone::new(&scenario);
    alone.wish(1, 0);
    // The pool may shrink to its least only: give it a node more than that.
    alone
        .control
        .nodes
        .set_state(ClusterId(0), 2, NodeState::Ready, SimTime::ZERO);
    alone.until(3000);
    assert_eq!(alone.told(EventKind::NodesRemoved).len(), 1);
    assert_eq!(alone.told(EventKind::PodEvicted).len(), 0);
    assert_eq!(
        (alone.control.nodes.held(ClusterId(0)), alone.ready(0)),
        (2, 2)
    );
}

#[test]
fn a_node_with_pods_is_emptied_and_removed() {
    let mut scenario = growing(&[(3, 1000)]);
    scenario.services[0].pods.budget = Some(DisruptionBudget::MaxUnavailable(Amount::Count(1)));
    let mut alone = Alone::new(&scenario);
    alone
        .control
        .nodes
        .set_state(ClusterId(0), 1, NodeState::Ready, SimTime::ZERO);
    alone.wish(0, 5);
    alone.until(20);
    alone.wish(0, 2);
    alone.until(3000);
    assert_eq!(alone.control.nodes.held(ClusterId(0)), 1);
    assert_eq!(alone.ready(0), 2);
    check_books(&alone.control).expect("the books agree");
}

#[test]
fn pods_of_a_crowded_node_share_it_by_their_requests() {
    let mut scenario = one_cluster(1, &[(1, 1000), (1, 3000)]);
    scenario.clusters[0].pools[0].contention = Contention {
        above: 0.5,
        slowdown: 0.0,
    };
    for service in &mut scenario.services {
        service.processor.cores = 4;
    }
    let mut alone = Alone::new(&scenario);
    let used = |end: u64, first: f64, second: f64| Seen {
        full: true,
        start: SimTime::ZERO + seconds(end - 1),
        end: SimTime::ZERO + seconds(end),
        replicas: [first, second]
            .iter()
            .enumerate()
            .map(|(replica, cores)| ReplicaSeen {
                replica: ReplicaId::from_index(replica),
                cpu_ns: (cores * 1e9) as u64,
                in_flight: 0,
            })
            .collect(),
        ..Seen::default()
    };
    // Both want 4 of 4 cores: a quarter and three quarters.
    alone.control.saw(&used(1, 4.0, 4.0));
    let rates: Vec<f64> = alone
        .control
        .take_commands()
        .filter_map(|command| match command {
            Command::SetRate { speed, .. } => Some(speed),
            _ => None,
        })
        .collect();
    assert_eq!(rates, [0.25, 0.75]);
    // Looked at again after a second, and put right when it is quiet.
    assert_eq!(
        alone.control.next_look(SimTime::ZERO),
        SimTime::ZERO + seconds(1)
    );
    alone.control.saw(&used(2, 0.5, 0.5));
    assert_eq!(alone.control.take_commands().count(), 2);
    assert_eq!(
        alone.control.next_look(SimTime::ZERO),
        SimTime::ZERO + seconds(15)
    );
}
