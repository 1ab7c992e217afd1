//! The control plane above a data plane that only records: timelines and numbers derived by hand.

use std::collections::VecDeque;

use crate::model::migration::{Freeze, Member};
use crate::model::sample::{add_journey, add_open_load, add_service, cluster, empty, work};
use crate::model::scaling::ScalingRule;
use crate::model::{
    CanaryStep, Comparator, Condition, Discipline, Distribution, Gate, GateFailure, HpaSpec,
    Machine, Method, MethodKind, MetricScope, MetricTerm, Migration, Orchestrator, Pool,
    RoutingMode, ScalingPolicy, Scenario, Subject, Sum, Value, Wave, WaveOrder,
};
use crate::units::{
    Bytes, ClusterId, Cpu, Interval, MachineId, PolicyId, ReplicaId, ServiceId, SimDuration,
    SimTime,
};
use crate::world::contract::{
    Advanced, Command, DataPlane, Luck, Notice, Outcome, Seen, StationSeen, Stop,
};
use crate::world::play::World;
use crate::world::recorder::{ControlSeen, EventKind, ProgrammeEvent, Recorder};

const LUCK: Luck = Luck {
    seed: 1,
    replication: 0,
    stage: 0,
};

/// Carries nothing; drains at once; says of each station and second what the script says.
struct Script {
    now: SimTime,
    since: SimTime,
    stations: usize,
    commands: Vec<(f64, Command)>,
    notices: VecDeque<Notice>,
    /// Per second of each interval: (station, start, end) to what was seen.
    seen: fn(usize, f64, f64) -> StationSeen,
}

impl DataPlane for Script {
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop> {
        if let Some(notice) = self.notices.pop_front() {
            return Ok(Advanced {
                now: self.now,
                notice: Some(notice),
            });
        }
        self.now = until;
        Ok(Advanced {
            now: until,
            notice: None,
        })
    }

    fn command(&mut self, command: Command) {
        if let Command::Drain { replica } = command {
            self.notices.push_back(Notice::Drained { replica });
        }
        self.commands.push((at(self.now), command));
    }

    fn observe(&mut self, seen: &mut Seen) {
        let (start, end) = (self.since.seconds(), self.now.seconds());
        seen.stations = (0..self.stations)
            .map(|station| (self.seen)(station, start, end))
            .collect();
        self.since = self.now;
    }

    fn events(&self) -> u64 {
        0
    }
}

/// Seconds, to the microsecond.
fn at(time: SimTime) -> f64 {
    (time.seconds() * 1e6).round() / 1e6
}

#[derive(Default)]
struct Log {
    events: Vec<ProgrammeEvent>,
    intervals: Vec<(f64, f64)>,
    last: ControlSeen,
}

impl Recorder for Log {
    fn interval(&mut self, seen: &Seen, control: &ControlSeen) {
        self.intervals.push((at(seen.start), at(seen.end)));
        self.last = control.clone();
    }

    fn event(&mut self, event: &ProgrammeEvent) {
        self.events.push(event.clone());
    }
}

impl Log {
    fn times(&self, kind: EventKind) -> Vec<f64> {
        self.events
            .iter()
            .filter(|event| event.kind == kind)
            .map(|event| at(event.at))
            .collect()
    }

    fn details(&self, kind: EventKind) -> Vec<&str> {
        self.events
            .iter()
            .filter(|event| event.kind == kind)
            .map(|event| event.detail.as_str())
            .collect()
    }
}

fn quiet(_: usize, _: f64, _: f64) -> StationSeen {
    StationSeen::default()
}

/// A hundred requests a second at every station, a tenth of a core; the target (odd stations) fails one in five.
fn target_fails(station: usize, start: f64, end: f64) -> StationSeen {
    let mut seen = steady(station, start, end);
    if station % 2 == 1 {
        let failed = seen.ended[Outcome::Ok as usize] / 5;
        seen.ended[Outcome::Ok as usize] -= failed;
        seen.ended[Outcome::Error as usize] = failed;
    }
    seen
}

fn steady(_: usize, start: f64, end: f64) -> StationSeen {
    let mut seen = StationSeen::default();
    seen.ended[Outcome::Ok as usize] = (100.0 * (end - start)).round() as u64;
    seen.latency
        .record_many(5_000_000, (100.0 * (end - start)).round() as u64);
    seen.cpu_ns = (0.1 * (end - start) * 1e9) as u64;
    seen
}

fn seconds(count: u64) -> SimDuration {
    SimDuration::from_secs(count)
}

fn span(from: u64, to: u64) -> Interval {
    Interval {
        start: SimTime::ZERO + seconds(from),
        end: SimTime::ZERO + seconds(to),
    }
}

/// `services` services with 2 replicas of 1 core in `source` (2 nodes of 4 cores, fixed hosts, 1 an hour each);
/// `target` has 2 nodes of 4 cores at 2 an hour each. One wave moves all, in order, by big bang.
fn scenario(services: usize) -> Scenario {
    let mut scenario = empty(seconds(7200));
    scenario.clusters = vec![cluster("source"), cluster("target")];
    scenario.clusters[0].orchestrator = Orchestrator::FixedHosts;
    for (index, price) in [1.0, 2.0].into_iter().enumerate() {
        scenario.machines.push(Machine {
            name: format!("machine-{index}"),
            cpu: Cpu(4000),
            memory: Bytes(8 << 30),
            pods: 110,
            price_per_hour: price,
            speed: 1.0,
        });
        let machine = MachineId::from_index(index);
        scenario.clusters[index].pools = vec![Pool {
            name: "pool".into(),
            machine,
            nodes: 2,
        }];
    }
    for index in 0..services {
        let steps = vec![work(Distribution::constant(0.001))];
        let endpoint = add_service(
            &mut scenario,
            &format!("s{index}"),
            1,
            Discipline::Fifo,
            steps,
        );
        scenario.services[index]
            .placed
            .iter_mut()
            .for_each(|placed| placed.replicas = 2);
        let journey = add_journey(&mut scenario, &format!("j{index}"), endpoint, seconds(1));
        add_open_load(&mut scenario, &format!("l{index}"), 10.0, journey);
    }
    let member = |index| Member {
        service: ServiceId::from_index(index),
        method: 0,
        gate: None,
    };
    scenario.migration = Some(Migration {
        from: ClusterId(0),
        to: ClusterId(1),
        methods: vec![Method {
            name: "big-bang".into(),
            kind: MethodKind::BigBang,
        }],
        gates: Vec::new(),
        routing: RoutingMode::Weighted,
        prepare_scale: 1.0,
        freeze_hpa: false,
        prepare_warm: SimDuration::ZERO,
        soak: seconds(600),
        keep: seconds(600),
        together: Vec::new(),
        overlap: 1,
        parallel_moves: None,
        deadline: None,
    });
    scenario.plan.waves = vec![Wave {
        name: "all".into(),
        members: (0..services).map(member).collect(),
        earliest: None,
        order: WaveOrder::Given,
    }];
    scenario
}

fn set_method(scenario: &mut Scenario, steps: Vec<CanaryStep>) {
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.methods[0].kind = MethodKind::Canary(steps);
}

fn error_gate(fail: GateFailure) -> Gate {
    let metric = |subject| {
        Sum::Value(Value::Metric(MetricTerm {
            name: "error_ratio".into(),
            subject: Some(subject),
            scope: MetricScope::default(),
        }))
    };
    let allowed = Sum::Add(
        Box::new(metric(Subject::Old)),
        Box::new(Sum::Value(Value::Number(0.005))),
    );
    Gate {
        name: "healthy".into(),
        window: seconds(300),
        interval: seconds(60),
        min_requests: 50,
        pass: vec![Condition::Compare(
            metric(Subject::New),
            Comparator::LessOrEqual,
            allowed,
        )],
        failure_limit: 0,
        inconclusive_limit: 1,
        fail,
        inconclusive: GateFailure::Hold,
    }
}

fn play(
    scenario: &Scenario,
    seen: fn(usize, f64, f64) -> StationSeen,
    migrate: bool,
) -> (World<'_, Script>, Log) {
    let plane = Script {
        now: SimTime::ZERO,
        since: SimTime::ZERO,
        stations: scenario.services.len() * scenario.clusters.len(),
        commands: Vec::new(),
        notices: VecDeque::new(),
        seen,
    };
    let (mut world, mut log) = (World::new(scenario, plane, LUCK, migrate), Log::default());
    world
        .advance_to(scenario.end(), &mut log)
        .expect("the script never stops");
    (world, log)
}

fn weights(world: &World<'_, Script>) -> Vec<(f64, u32, f64)> {
    let sent = world
        .plane()
        .commands
        .iter()
        .filter_map(|(at, command)| match command {
            Command::SetRouting {
                service, weight, ..
            } if *at > 0.0 => Some((*at, service.0, *weight)),
            _ => None,
        });
    sent.collect()
}

#[test]
fn a_canary_keeps_the_timetable_derived_by_hand() {
    let mut scenario = scenario(1);
    let gate = error_gate(GateFailure::RollBackGroup);
    scenario
        .migration
        .as_mut()
        .expect("a migration")
        .gates
        .push(gate);
    let step = [
        CanaryStep::SetWeight(0.1),
        CanaryStep::Pause(seconds(300)),
        CanaryStep::SetWeight(0.5),
    ];
    set_method(
        &mut scenario,
        step.into_iter().chain([CanaryStep::Analysis(0)]).collect(),
    );
    let (world, log) = play(&scenario, steady, true);
    // Prepared at 0; started after 10 s, listed after 1 s more; each weight takes 1 s to reach the callers;
    // 10 % in effect at 12, pause to 312, 50 % at 313, gate to 613, all at 614, soak to 1214.
    assert_eq!(
        weights(&world),
        vec![(12.0, 0, 0.1), (313.0, 0, 0.5), (614.0, 0, 1.0)]
    );
    assert_eq!(log.times(EventKind::PrepareStarted), [0.0]);
    assert_eq!(log.times(EventKind::ShiftStarted), [11.0]);
    assert_eq!(log.times(EventKind::GateStarted), [313.0]);
    assert_eq!(log.times(EventKind::GatePassed), [613.0]);
    assert_eq!(log.times(EventKind::SoakStarted), [614.0]);
    assert_eq!(log.times(EventKind::DecommissionStarted), [1214.0]);
    // The pods drain at once, and go when callers know, 1 s later.
    assert_eq!(log.times(EventKind::Decommissioned), [1215.0,]);
    assert_eq!(log.times(EventKind::WaveFinished), [1215.0]);
    let summary = world.summary();
    assert_eq!(
        (summary.complete, summary.makespan),
        (Some(true), Some(seconds(1215)))
    );
    assert_eq!(summary.services[0].runs_in, [ClusterId(1)]);
    assert_eq!(summary.rollbacks, 0);
}

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
fn a_failing_gate_takes_its_group_back_and_no_other() {
    let mut scenario = scenario(3);
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.gates.push(error_gate(GateFailure::RollBackGroup));
    migration.together = vec![vec![ServiceId(0), ServiceId(1)]];
    // Only the second member has a gate; the third service stands alone.
    scenario.plan.waves[0].members[1].gate = Some(0);
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    let (world, log) = play(&scenario, target_fails, true);
    let summary = world.summary();
    let back: Vec<_> = summary
        .services
        .iter()
        .map(|state| state.rolled_back)
        .collect();
    assert_eq!((back, summary.rollbacks), (vec![true, true, false], 1));
    assert_eq!(summary.complete, Some(false));
    assert_eq!(summary.makespan, None);
    assert_eq!(summary.services[0].runs_in, [ClusterId(0)]);
    assert_eq!(summary.services[2].runs_in, [ClusterId(1)]);
    // Listed at 11, 50 % at 12, all at 13; the second: listed at 24, 50 % at 25, its gate to 325.
    assert_eq!(log.times(EventKind::GateFailed), [325.0]);
    assert_eq!(
        log.details(EventKind::GateFailed),
        ["s1: gate healthy failed: error_ratio(new) 20.00 %, allowed <= 0.50 %"]
    );
    assert_eq!(weights(&world)[3..5], [(326.0, 0, 0.0), (326.0, 1, 0.0)]);
    assert_eq!(log.times(EventKind::RolledBack), [327.0, 327.0]);
}

#[test]
fn a_gate_without_evidence_waits_and_then_holds() {
    let mut scenario = scenario(1);
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.gates.push(error_gate(GateFailure::RollBackWave));
    scenario.plan.waves[0].members[0].gate = Some(0);
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    let (world, log) = play(&scenario, quiet, true);
    assert_eq!(log.times(EventKind::GateInconclusive), [312.0, 372.0]);
    assert_eq!(log.times(EventKind::HoldStarted), [372.0]);
    assert_eq!(world.summary().services[0].weight, 0.5);
}

#[test]
fn a_gate_that_stops_the_programme_lets_no_other_wave_start() {
    let mut scenario = scenario(2);
    scenario
        .migration
        .as_mut()
        .expect("a migration")
        .gates
        .push(error_gate(GateFailure::StopProgramme));
    scenario.plan.waves[0].members[0].gate = Some(0);
    let second = scenario.plan.waves[0].members.pop().expect("two members");
    let mut wave = scenario.plan.waves[0].clone();
    wave.members = vec![second];
    scenario.plan.waves.push(wave);
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    let (world, log) = play(&scenario, target_fails, true);
    let summary = world.summary();
    assert!(
        summary.stopped
            && summary.waves[0].finished.is_some()
            && summary.waves[1].started.is_none()
    );
    assert_eq!(log.times(EventKind::ProgrammeStopped), [312.0]);
}

#[test]
fn a_freeze_holds_the_next_weight_and_windows_hold_the_start() {
    let mut scenario = scenario(1);
    set_method(
        &mut scenario,
        vec![CanaryStep::SetWeight(0.1), CanaryStep::Pause(seconds(300))],
    );
    scenario.calendar.windows = Some(vec![span(100, 5000)]);
    scenario.calendar.freezes = vec![Freeze {
        name: "lunch".into(),
        interval: span(200, 1000),
        services: None,
        running_finish: false,
    }];
    let (world, log) = play(&scenario, quiet, true);
    // Starts at 100: 10 % at 112, pause to 412; the freeze lasts to 1000.
    assert_eq!(log.times(EventKind::WaveStarted), [100.0]);
    assert_eq!(
        (
            log.times(EventKind::HoldStarted),
            log.times(EventKind::HoldEnded)
        ),
        (vec![412.0], vec![1000.0])
    );
    assert_eq!(
        log.details(EventKind::HoldStarted),
        ["s0 waits: freeze lunch"]
    );
    assert_eq!(weights(&world), vec![(112.0, 0, 0.1), (1001.0, 0, 1.0)]);
    scenario.calendar.freezes[0].running_finish = true;
    let (world, log) = play(&scenario, quiet, true);
    assert!(log.times(EventKind::HoldStarted).is_empty());
    assert_eq!(weights(&world)[1], (413.0, 0, 1.0));
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
        target_utilisation: 0.5,
        downscale_stabilization: None,
    };
    scenario.scaling = vec![ScalingPolicy {
        name: "web".into(),
        rule: ScalingRule::Hpa(spec),
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

#[test]
fn intervals_are_whole_and_no_longer_than_a_look() {
    let scenario = scenario(2);
    let (_, log) = play(&scenario, quiet, true);
    let mut before = 0.0;
    for (start, end) in &log.intervals {
        assert_eq!(*start, before);
        assert!(end > start && end - start <= 15.0);
        before = *end;
    }
    assert_eq!(before, 7200.0);
}

#[test]
fn the_same_luck_gives_the_same_log() {
    let mut scenario = scenario(3);
    scenario
        .services
        .iter_mut()
        .for_each(|service| service.startup = Distribution::constant(3.0));
    let (one, two) = (
        play(&scenario, steady, true).1,
        play(&scenario, steady, true).1,
    );
    assert_eq!(one.events, two.events);
}
