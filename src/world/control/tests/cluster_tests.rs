//! Pods, nodes, autoscalers, cost.

use super::pod_tests::{Alone, fault, one_cluster};
use super::*;
use crate::model::fault::FaultKind;
use crate::model::rollout::UpgradeStrategy;

#[test]
fn nodes_cost_what_the_hours_say() {
    let scenario = scenario(1);
    let (world, _) = play(&scenario, quiet, true);
    // Big bang: full weight at 12, decommission at 612, gone at 613: 2 source nodes at 1/h for 613 s, 2
    // target nodes at 2/h for the whole 2 h.
    let cost = world.summary().node_cost;
    assert!((cost[0] - 2.0 * 613.0 / 3600.0).abs() < 1e-9, "{cost:?}");
    assert!((cost[1] - 2.0 * 2.0 * 2.0).abs() < 1e-9, "{cost:?}");
    let (twin, log) = play(&scenario, quiet, false);
    assert_eq!(twin.summary().node_cost, [4.0, 0.0]);
    assert_eq!(twin.summary().complete, None);
    assert_eq!((log.events.len(), log.last.nodes), (0, vec![2, 0]));
}

#[test]
fn a_pod_without_room_says_so_as_kube_scheduler_does() {
    let mut scenario = scenario(1);
    // Nodes of 4 cores: 3 cores fit once a node, so the third pod waits.
    scenario.services[0].resources.cpu_request = Cpu(3000);
    scenario.services[0].placed[1].replicas = 3;
    let (world, log) = play(&scenario, quiet, true);
    assert_eq!(
        log.details(EventKind::PodPending),
        ["a pod of s0 is Pending in target: 0/2 nodes are available: 2 Insufficient cpu."]
    );
    assert_eq!(
        (world.summary().complete, world.summary().pending),
        (Some(false), 1)
    );
}

#[test]
fn a_pending_pod_starts_when_room_is_freed() {
    let mut scenario = scenario(2);
    // s0 fills the target; s1 scales up there only after s0 went back.
    let migration = scenario.migration.as_mut().expect("a migration");
    migration
        .gates
        .push(error_gate(GateFailure::RollBackService));
    scenario.plan.waves[0].members[0].gate = Some(0);
    scenario.plan.waves[0].order = WaveOrder::Parallel;
    scenario
        .services
        .iter_mut()
        .for_each(|service| service.resources.cpu_request = Cpu(3000));
    scenario.services[1].clusters = vec![ClusterId(0)];
    scenario.clusters[0].pools[0].nodes = 4;
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    let (world, log) = play(&scenario, target_fails, true);
    assert_eq!(log.times(EventKind::PodPending), [0.0]);
    // s0 fails at 312, has no traffic at 313, is gone at 314; s1 then starts: 50 % at 326.
    assert_eq!(log.times(EventKind::RolledBack), [314.0]);
    assert!(
        weights(&world).contains(&(326.0, 1, 0.5)),
        "{:?}",
        weights(&world)
    );
}

#[test]
fn pods_spread_over_the_emptiest_nodes() {
    let scenario = scenario(2);
    let (world, log) = play(&scenario, quiet, false);
    let added = world
        .plane()
        .commands
        .iter()
        .filter(|(_, command)| matches!(command, Command::AddReplica { .. }));
    assert_eq!(added.count(), 4);
    assert_eq!(log.last.allocatable, [Some(8000), Some(0)]);
    assert!(
        log.last
            .replicas
            .iter()
            .step_by(2)
            .all(|counts| counts.ready == 2)
    );
}

#[test]
fn an_autoscaler_follows_the_trace_derived_by_hand() {
    fn busy(station: usize, start: f64, end: f64) -> StationSeen {
        let mut seen = steady(station, start, end);
        // 2 replicas of 1 core: 90 % until 60 s, then 10 % of one core in all.
        let cores = if end < 60.5 { 1.8 } else { 0.1 };
        seen.cpu_ns = (cores * (end - start) * 1e9) as u64;
        seen
    }
    let mut scenario = scenario(1);
    scenario.clusters[0].orchestrator = Orchestrator::Kubernetes;
    let spec = HpaSpec {
        min_replicas: 1,
        max_replicas: 3,
        metrics: vec![MetricSpec {
            source: MetricSource::Resource(Resource::Cpu),
            target: MetricTarget::Utilization(50),
        }],
        behavior: None,
    };
    scenario.scaling = vec![ScalingPolicy {
        name: "web".into(),
        rule: ScalingRule::Hpa(spec),
        beside: None,
    }];
    scenario.services[0].placed[0].scaling = Some(PolicyId(0));
    let (_, log) = play(&scenario, busy, false);
    // At 15 s: ceil(1.8 x 2) = 4, at most 3. The last wish above 1 is made at 60 s; 300 s later it lapses:
    // the first sync after 360 s is at 375 s.
    let scaled: Vec<_> = log
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Scaled)
        .map(|event| (at(event.at), event.value))
        .collect();
    assert_eq!(scaled, [(15.0, Some(3.0)), (375.0, Some(1.0))]);
    assert_eq!(
        log.details(EventKind::Scaled)[0],
        "s0 in source: 2 to 3 replicas, CPU 90 % of request, target 50 %"
    );
}

#[test]
fn a_terminating_pod_serves_until_callers_know_and_its_hook_is_over() {
    let mut scenario = scenario(1);
    scenario.services[0].pre_stop = seconds(5);
    let (world, _) = play(&scenario, quiet, true);
    let of_first: Vec<_> = world
        .plane()
        .commands
        .iter()
        .filter_map(|(at, command)| match command {
            Command::Delist {
                replica: ReplicaId(0),
            } => Some((*at, "delist")),
            Command::Drain {
                replica: ReplicaId(0),
            } => Some((*at, "drain")),
            Command::Kill {
                replica: ReplicaId(0),
            } => Some((*at, "kill")),
            _ => None,
        })
        .collect();
    assert_eq!(
        of_first,
        [(613.0, "delist"), (617.0, "drain"), (617.0, "kill")]
    );
}

/// When the pods of a new version that comes at 100 s are made, and the fewest ready ones meanwhile. A start takes 10 s.
fn deploys(orchestrator: Orchestrator, change: impl Fn(&mut Scenario)) -> (Vec<f64>, u32) {
    let mut scenario = one_cluster(4, &[(4, 1000)]);
    scenario.clusters[0].orchestrator = orchestrator;
    change(&mut scenario);
    let kind = FaultKind::Release {
        service: ServiceId(0),
        errors: 0.0,
        work: 1.0,
        rollback: None,
    };
    scenario.faults = vec![fault(kind, 100, None)];
    let mut alone = Alone::new(&scenario);
    let mut fewest = u32::MAX;
    for second in 0..600 {
        alone.until(second);
        fewest = fewest.min(alone.ready(0));
    }
    let mut added = alone.times(|command| matches!(command, Command::AddReplica { .. }));
    added.retain(|at| *at > 0.0);
    (added, fewest)
}

#[test]
fn each_orchestrator_deploys_in_its_own_way() {
    // Marathon: all new ones first.
    let plain = deploys(Orchestrator::Marathon, |_| {});
    assert_eq!(plain, (vec![100.0; 4], 4));
    // Half of four must stay and none is added: two at a time.
    let halves = deploys(Orchestrator::Marathon, |scenario| {
        scenario.services[0].pods.upgrade = Some(UpgradeStrategy {
            minimum_health: 0.5,
            maximum_over: 0.0,
        });
    });
    assert_eq!(halves, (vec![100.0, 100.0, 110.0, 110.0], 2));
    // Hosts by hand: one after the other, with a minute of work on each.
    let by_hand = deploys(Orchestrator::FixedHosts, |scenario| {
        scenario.clusters[0].deploy_time = Some(Distribution::constant(60.0));
    });
    assert_eq!(by_hand, (vec![100.0, 170.0, 240.0, 310.0], 3));
}
