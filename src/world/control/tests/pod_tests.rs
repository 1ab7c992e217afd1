//! Pods: pulls, rollouts, pre-emption, faults; and that nothing is lost whatever happens.

use proptest::prelude::*;

use super::*;
use crate::model::fault::{Fault, FaultKind, FaultTime};
use crate::model::{Amount, DisruptionBudget, Probe, RolloutStrategy};
use crate::world::control::Control;
use crate::world::control::nodes::Placement;
use crate::world::control::pods::Phase;

/// A control plane above nothing: drains end at once.
pub struct Alone<'s> {
    pub control: Control<'s>,
    pub log: Vec<(f64, Command)>,
    pub told: Vec<ProgrammeEvent>,
}

impl<'s> Alone<'s> {
    pub fn new(scenario: &'s Scenario) -> Self {
        let mut alone = Self {
            control: Control::new(scenario, LUCK, true),
            log: Vec::new(),
            told: Vec::new(),
        };
        alone.carry_out(0.0);
        alone
    }

    fn carry_out(&mut self, now: f64) {
        loop {
            let commands: Vec<Command> = self.control.take_commands().collect();
            self.told.extend(self.control.take_events());
            if commands.is_empty() {
                return;
            }
            for command in commands {
                if let Command::Drain { replica } = command {
                    let at = SimTime::ZERO + SimDuration::from_seconds(now);
                    self.control.notice(at, Notice::Drained { replica });
                }
                self.log.push((now, command));
            }
        }
    }

    /// Plays everything until then, that instant included.
    pub fn until(&mut self, end: u64) {
        let end = SimTime::ZERO + seconds(end);
        while self.control.next_time() <= end {
            let now = at(self.control.next_time());
            self.control.handle_next();
            self.carry_out(now);
        }
        self.control.now = end;
    }

    pub fn wish(&mut self, service: u32, replicas: u32) {
        self.control
            .set_desired(ServiceId(service), ClusterId(0), replicas);
        let now = at(self.control.now);
        self.carry_out(now);
    }

    pub fn times(&self, which: impl Fn(&Command) -> bool) -> Vec<f64> {
        self.log
            .iter()
            .filter(|(_, command)| which(command))
            .map(|(at, _)| *at)
            .collect()
    }

    pub fn ready(&self, service: u32) -> u32 {
        let at = self.control.at(ServiceId(service), ClusterId(0));
        self.control.deployments[at].ready
    }

    pub fn nodes_of(&self, service: u32) -> Vec<usize> {
        let at = self.control.at(ServiceId(service), ClusterId(0));
        let pods = self.control.deployments[at].pods.iter();
        pods.filter_map(|pod| match self.control.pods[*pod].placement {
            Some(Placement::Node(node)) => Some(node),
            _ => None,
        })
        .collect()
    }

    pub fn told(&self, kind: EventKind) -> Vec<(f64, &str)> {
        let events = self.told.iter().filter(|event| event.kind == kind);
        events
            .map(|event| (at(event.at), event.detail.as_str()))
            .collect()
    }
}

/// One Kubernetes cluster with `nodes` nodes of 4 cores; services of `replicas` pods that ask for `cpu` each.
pub fn one_cluster(nodes: u32, services: &[(u32, u64)]) -> Scenario {
    let mut scenario = scenario(services.len());
    scenario.migration = None;
    scenario.plan.waves.clear();
    scenario.clusters.truncate(1);
    scenario.links.clusters = 1;
    scenario.clusters[0].orchestrator = Orchestrator::Kubernetes;
    scenario.clusters[0].pools = vec![Pool::fixed("pool", MachineId(0), nodes)];
    for (service, (replicas, cpu)) in scenario.services.iter_mut().zip(services) {
        service.placed.truncate(1);
        service.placed[0].replicas = *replicas;
        service.resources.cpu_request = Cpu(*cpu);
    }
    scenario
}

pub fn fault(kind: FaultKind, start: u64, length: Option<u64>) -> Fault {
    Fault {
        name: "trouble".into(),
        when: FaultTime::At(SimTime::ZERO + seconds(start)),
        length: length.map(|length| Distribution::constant(length as f64)),
        kind,
    }
}

fn is_ready(command: &Command) -> bool {
    matches!(command, Command::Ready { .. })
}

fn is_added(command: &Command) -> bool {
    matches!(command, Command::AddReplica { .. })
}

#[test]
fn a_node_pulls_an_image_once_and_pulls_share_the_registry() {
    let mut scenario = one_cluster(2, &[(1, 1000)]);
    // 125 MB at 125 MB/s: a second alone.
    scenario.services[0].pods.image = Bytes(125_000_000);
    let mut alone = Alone::new(&scenario);
    // The first pod's node has the image; three more: one beside it, two on the other node, one pull.
    alone.wish(0, 4);
    alone.until(100);
    assert_eq!(alone.times(is_ready), [0.0, 10.0, 11.0, 11.0]);
}

#[test]
fn a_probe_finds_a_pod_ready_at_its_own_times() {
    let mut scenario = one_cluster(1, &[(1, 1000)]);
    scenario.services[0].pods.probe = Some(Probe {
        initial_delay: seconds(3),
        period: seconds(5),
        success_threshold: 1,
    });
    let mut alone = Alone::new(&scenario);
    alone.wish(0, 2);
    alone.until(100);
    // Able to serve after 10 s; probes at 3, 8, 13 s.
    assert_eq!(alone.times(is_ready), [0.0, 13.0]);
}

#[test]
fn launches_are_limited() {
    let mut scenario = one_cluster(2, &[(1, 1000)]);
    scenario.clusters[0].limits.pod_launch_rate = Some(0.5);
    let mut alone = Alone::new(&scenario);
    alone.wish(0, 4);
    alone.until(100);
    assert_eq!(alone.times(is_ready), [0.0, 10.0, 12.0, 14.0]);
}

#[test]
fn a_bad_release_rolls_out_and_back_within_its_bounds() {
    let mut scenario = one_cluster(3, &[(4, 1000)]);
    let kind = FaultKind::Release {
        service: ServiceId(0),
        errors: 0.5,
        work: 2.0,
        rollback: Some(seconds(300)),
    };
    scenario.faults = vec![fault(kind, 100, None)];
    let mut alone = Alone::new(&scenario);
    // 25 % of 4: one more, one less. At 100 the new version gets one pod, an old one goes, and another new one
    // comes. At 110 both are ready: two old ones go (3 must be available), two new ones come. At 120 the last.
    alone.until(99);
    for second in 100..140 {
        alone.until(second);
        let at = alone.control.at(ServiceId(0), ClusterId(0));
        let deployment = &alone.control.deployments[at];
        assert!(deployment.ready >= 3, "{second}: {deployment:?}");
        assert!(deployment.staying() <= 5, "{second}: {deployment:?}");
    }
    let added = |alone: &Alone, from: f64| -> Vec<f64> {
        alone
            .times(is_added)
            .into_iter()
            .filter(|at| *at >= from)
            .collect()
    };
    assert_eq!(added(&alone, 1.0), [100.0, 100.0, 110.0, 110.0]);
    let flawed = alone.times(|command| {
        matches!(command, Command::SetErrors { ratio, .. } if (*ratio - 0.5).abs() < 1e-9)
    });
    assert_eq!(flawed.len(), 4);
    let slow = alone.times(|command| {
        matches!(command, Command::AddReplica { speed, .. } if (*speed - 0.5).abs() < 1e-9)
    });
    assert_eq!(slow.len(), 4);
    alone.until(500);
    assert_eq!(added(&alone, 399.0), [400.0, 400.0, 410.0, 410.0]);
    assert_eq!((alone.ready(0), alone.times(is_added).len()), (4, 12));
    let told = alone.told(EventKind::DeployStarted);
    assert_eq!(
        told,
        [
            (100.0, "version 1 of s0 is rolled out"),
            (400.0, "version 0 of s0 is rolled out")
        ]
    );
}

#[test]
fn recreate_waits_until_all_old_pods_are_gone() {
    let mut scenario = one_cluster(3, &[(2, 1000)]);
    scenario.services[0].pods.strategy = Some(RolloutStrategy::Recreate);
    let kind = FaultKind::Release {
        service: ServiceId(0),
        errors: 0.0,
        work: 1.0,
        rollback: None,
    };
    scenario.faults = vec![fault(kind, 100, None)];
    let mut alone = Alone::new(&scenario);
    alone.until(200);
    // Callers learn after a second; then the idle pods go, and the new ones come.
    assert_eq!(alone.times(is_added), [0.0, 0.0, 101.0, 101.0]);
}

#[test]
fn a_pod_of_higher_priority_evicts_the_cheapest_victims() {
    let mut scenario = one_cluster(2, &[(2, 3000), (1, 1000), (0, 3500)]);
    scenario.services[2].pods.placing.priority = 10;
    scenario.services[1].pods.placing.priority = 5;
    let mut alone = Alone::new(&scenario);
    alone.until(50);
    let small = alone.nodes_of(1)[0];
    alone.wish(2, 1);
    alone.until(100);
    // Both nodes carry 3 of 4 cores of priority 0; on one there is a pod of priority 5 besides, which would have
    // to go too. The other node's victim is cheaper.
    assert_eq!(alone.nodes_of(2), [1 - small]);
    assert_eq!(
        alone.told(EventKind::PodEvicted),
        [(50.0, "a pod of s0 makes room for s2")]
    );
    assert_eq!((alone.ready(0), alone.ready(1), alone.ready(2)), (1, 1, 1));
    let at = alone.control.at(ServiceId(0), ClusterId(0));
    assert_eq!(alone.control.deployments[at].pending, 1);
}

#[test]
fn pods_of_a_broken_node_are_replaced_when_its_taint_is_tolerated_no_longer() {
    let mut scenario = one_cluster(2, &[(2, 1000)]);
    let kind = FaultKind::Node {
        cluster: ClusterId(0),
        pool: 0,
        count: 1,
    };
    scenario.faults = vec![fault(kind.clone(), 100, Some(600))];
    let mut alone = Alone::new(&scenario);
    alone.until(1000);
    assert_eq!(
        alone.times(|command| matches!(command, Command::Crash { .. })),
        [100.0]
    );
    assert_eq!(
        alone.times(|command| matches!(command, Command::Delist { .. })),
        [140.0]
    );
    assert_eq!(alone.times(is_added), [0.0, 0.0, 440.0]);
    assert_eq!(alone.ready(0), 2);
    // A node that is back before that starts its pods again where they were.
    scenario.faults = vec![fault(kind, 100, Some(60))];
    let mut alone = Alone::new(&scenario);
    alone.until(1000);
    assert_eq!(alone.times(is_added), [0.0, 0.0, 160.0]);
    assert_eq!(alone.times(is_ready), [0.0, 0.0, 170.0]);
    let mut nodes = alone.nodes_of(0);
    nodes.sort_unstable();
    assert_eq!(nodes, [0, 1]);
}

#[test]
fn nothing_moves_while_the_control_plane_is_down() {
    let mut scenario = one_cluster(2, &[(2, 1000)]);
    let kind = FaultKind::ControlPlane {
        cluster: ClusterId(0),
    };
    scenario.faults = vec![fault(kind, 100, Some(50))];
    let mut alone = Alone::new(&scenario);
    alone.until(120);
    alone.wish(0, 3);
    alone.until(149);
    assert_eq!(alone.times(is_added), [0.0, 0.0]);
    alone.until(200);
    assert_eq!(alone.times(is_added), [0.0, 0.0, 150.0]);
}

#[test]
fn limits_and_registry_are_as_the_faults_that_run_say() {
    let mut scenario = one_cluster(2, &[(1, 1000)]);
    scenario.services[0].pods.image = Bytes(125_000_000);
    let slow = FaultKind::Registry {
        cluster: ClusterId(0),
        bandwidth: 12_500_000.0,
    };
    scenario.faults = vec![fault(slow, 0, Some(5))];
    let mut alone = Alone::new(&scenario);
    alone.until(0);
    alone.wish(0, 2);
    alone.until(100);
    // A tenth of the bandwidth for 5 s: half of the image; the rest takes half a second.
    assert_eq!(alone.times(is_ready), [0.0, 15.5]);
}

#[test]
fn a_slow_service_and_a_neighbour_slow_their_pods() {
    let mut scenario = one_cluster(1, &[(1, 1000)]);
    let slow = FaultKind::Slow {
        service: ServiceId(0),
        factor: 4.0,
    };
    let neighbour = FaultKind::Neighbour {
        cluster: ClusterId(0),
        pool: 0,
        slowdown: 0.2,
    };
    scenario.faults = vec![fault(slow, 10, Some(20)), fault(neighbour, 20, Some(20))];
    let mut alone = Alone::new(&scenario);
    alone.until(100);
    let rates: Vec<(f64, f64)> = alone
        .log
        .iter()
        .filter_map(|(at, command)| match command {
            Command::SetRate { speed, .. } => Some((*at, (speed * 1e6).round() / 1e6)),
            _ => None,
        })
        .collect();
    assert_eq!(rates, [(10.0, 0.25), (20.0, 0.2), (30.0, 0.8), (40.0, 1.0)]);
}

#[test]
fn a_pod_that_runs_out_of_memory_restarts_later_each_time() {
    let scenario = one_cluster(1, &[(1, 1000)]);
    let mut alone = Alone::new(&scenario);
    for crash in 0..3 {
        let end = [100, 200, 300][crash];
        alone.until(end);
        let replica = ReplicaId::from_index(crash);
        let now = SimTime::ZERO + seconds(end);
        alone.control.notice(now, Notice::OutOfMemory { replica });
        alone.carry_out(end as f64);
        assert_eq!(alone.ready(0), 0);
    }
    alone.until(400);
    // At once, after 10 s, after 20 s; 10 s to start; out of the callers' lists meanwhile.
    assert_eq!(alone.times(is_added), [0.0, 100.0, 210.0, 320.0]);
    assert_eq!(alone.times(is_ready), [0.0, 110.0, 220.0, 330.0]);
    let listed = alone.times(|command| matches!(command, Command::List { .. }));
    assert_eq!(listed, [0.0, 111.0, 221.0, 331.0]);
    assert_eq!(alone.told(EventKind::PodCrashed).len(), 3);
    check_books(&alone.control).expect("the books agree");
}

/// Every pod is in one place of the books, and the books agree with one another.
pub fn check_books(control: &Control<'_>) -> Result<(), TestCaseError> {
    let clusters = control.scenario.clusters.len();
    for (at, deployment) in control.deployments.iter().enumerate() {
        let of = |phase: Phase| {
            let pods = deployment
                .pods
                .iter()
                .filter(|pod| control.pods[**pod].phase == phase);
            pods.count() as u32
        };
        prop_assert_eq!(deployment.pending, of(Phase::Pending));
        prop_assert_eq!(deployment.starting, of(Phase::Starting));
        prop_assert_eq!(deployment.ready, of(Phase::Ready));
        prop_assert_eq!(deployment.lost, of(Phase::Lost));
        prop_assert_eq!(deployment.terminating, of(Phase::Terminating));
        prop_assert_eq!(of(Phase::Gone), 0);
        let queue = &control.queues[at % clusters];
        let waiting = queue
            .hungry()
            .find(|(service, _)| service.index() == at / clusters);
        prop_assert_eq!(waiting.map_or(0, |(_, pods)| pods), deployment.pending);
    }
    for cluster in 0..clusters {
        let cluster = ClusterId::from_index(cluster);
        for node in 0..control.nodes.slots(cluster) {
            let (all, free) = (
                control.nodes.empty_room(cluster, node),
                control.nodes.free_room(cluster, node),
            );
            let (mut cpu, mut pods) = (0, 0);
            for pod in &control.pods {
                if pod.cluster == cluster
                    && pod.phase != Phase::Gone
                    && pod.placement == Some(Placement::Node(node))
                {
                    cpu += control
                        .scenario
                        .service(pod.service)
                        .resources
                        .cpu_request
                        .0;
                    pods += 1;
                }
            }
            prop_assert_eq!(all.cpu - free.cpu, cpu);
            prop_assert_eq!(all.pods - free.pods, pods);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Sizes change, versions roll, nodes break and come back, a control plane goes away: no pod is ever in two
    /// states or none, room is conserved, and in the end there is what was wished for.
    #[test]
    fn nothing_is_lost_whatever_happens(
        actions in proptest::collection::vec((0_u32..3, 0_u32..6, 0_u8..4, 1_u64..90), 1..25),
        down in 50_u64..600,
    ) {
        let mut scenario = one_cluster(4, &[(2, 500), (3, 900), (1, 1500)]);
        scenario.services[2].pods.placing.priority = 1;
        scenario.services[1].pods.budget = Some(DisruptionBudget::MinAvailable(Amount::Count(1)));
        let node = FaultKind::Node { cluster: ClusterId(0), pool: 0, count: 2 };
        let plane = FaultKind::ControlPlane { cluster: ClusterId(0) };
        scenario.faults = vec![fault(node, 100, Some(down)), fault(plane, 150, Some(40))];
        let mut alone = Alone::new(&scenario);
        let mut wished = [2, 3, 1];
        let mut now = 0;
        for (service, size, kind, pause) in actions {
            if kind == 0 {
                alone.control.deploy(ServiceId(service), None);
            } else {
                alone.wish(service, size);
                wished[service as usize] = size;
            }
            check_books(&alone.control)?;
            now += pause;
            alone.until(now);
            check_books(&alone.control)?;
        }
        alone.until(now + 3000);
        check_books(&alone.control)?;
        for (service, wished) in wished.into_iter().enumerate() {
            let at = alone.control.at(ServiceId::from_index(service), ClusterId(0));
            let deployment = &alone.control.deployments[at];
            prop_assert_eq!(deployment.staying(), wished);
            prop_assert_eq!(deployment.sets.len(), 1);
            prop_assert_eq!(deployment.terminating + deployment.lost + deployment.starting, 0);
        }
    }
}
