//! The control plane above a data plane that only records: timelines and numbers derived by hand.

mod cluster_tests;
mod node_tests;
mod plane_tests;
mod pod_tests;
mod programme_tests;
mod scaling_tests;
mod work_tests;

use std::collections::VecDeque;

use crate::model::migration::{Freeze, Member};
use crate::model::sample::{add_journey, add_open_load, add_service, cluster, empty, work};
use crate::model::scaling::ScalingRule;
use crate::model::scaling::hpa::{HpaSpec, MetricSource, MetricSpec, MetricTarget, Resource};
use crate::model::{
    CanaryStep, Comparator, Condition, Discipline, Distribution, Gate, GateFailure, Machine,
    Method, MethodKind, MetricScope, MetricTerm, Migration, Orchestrator, Pool, RoutingMode,
    ScalingPolicy, Scenario, Subject, Sum, Value, Wave, WaveOrder,
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

pub const LUCK: Luck = Luck {
    seed: 1,
    replication: 0,
    stage: 0,
};

/// Carries nothing; drains at once; says of each station and second what the script says.
pub struct Script {
    now: SimTime,
    since: SimTime,
    stations: usize,
    pub commands: Vec<(f64, Command)>,
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
        seen.full = true;
        self.since = self.now;
    }

    fn events(&self) -> u64 {
        0
    }
}

/// Seconds, to the microsecond.
pub fn at(time: SimTime) -> f64 {
    (time.seconds() * 1e6).round() / 1e6
}

#[derive(Default)]
pub struct Log {
    pub events: Vec<ProgrammeEvent>,
    pub intervals: Vec<(f64, f64)>,
    pub last: ControlSeen,
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
    pub fn times(&self, kind: EventKind) -> Vec<f64> {
        self.events
            .iter()
            .filter(|event| event.kind == kind)
            .map(|event| at(event.at))
            .collect()
    }

    pub fn details(&self, kind: EventKind) -> Vec<&str> {
        self.events
            .iter()
            .filter(|event| event.kind == kind)
            .map(|event| event.detail.as_str())
            .collect()
    }
}

pub fn quiet(_: usize, _: f64, _: f64) -> StationSeen {
    StationSeen::default()
}

/// A hundred requests a second at every station, a tenth of a core; the target (odd stations) fails one in five.
pub fn target_fails(station: usize, start: f64, end: f64) -> StationSeen {
    let mut seen = steady(station, start, end);
    if station % 2 == 1 {
        let failed = seen.ended[Outcome::Ok as usize] / 5;
        seen.ended[Outcome::Ok as usize] -= failed;
        seen.ended[Outcome::Error as usize] = failed;
    }
    seen
}

pub fn steady(_: usize, start: f64, end: f64) -> StationSeen {
    let mut seen = StationSeen::default();
    seen.ended[Outcome::Ok as usize] = (100.0 * (end - start)).round() as u64;
    seen.latency
        .record_many(5_000_000, (100.0 * (end - start)).round() as u64);
    seen.cpu_ns = (0.1 * (end - start) * 1e9) as u64;
    seen
}

pub fn seconds(count: u64) -> SimDuration {
    SimDuration::from_secs(count)
}

pub fn span(from: u64, to: u64) -> Interval {
    Interval {
        start: SimTime::ZERO + seconds(from),
        end: SimTime::ZERO + seconds(to),
    }
}

/// `services` services with 2 replicas of 1 core in `source` (2 nodes of 4 cores, fixed hosts, 1 an hour each);
/// `target` has 2 nodes of 4 cores at 2 an hour each. One wave moves all, in order, by big bang.
pub fn scenario(services: usize) -> Scenario {
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
        scenario.clusters[index].pools = vec![Pool::fixed("pool", machine, 2)];
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
        reserve: 1.0,
        together: Vec::new(),
        overlap: 1,
        parallel_moves: None,
        deadline: None,
        constraints: crate::model::Constraints::default(),
        moves: Vec::new(),
    });
    scenario.plan.waves = vec![Wave {
        name: "all".into(),
        members: (0..services).map(member).collect(),
        earliest: None,
        order: WaveOrder::Given,
    }];
    scenario
}

pub fn set_method(scenario: &mut Scenario, steps: Vec<CanaryStep>) {
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.methods[0].kind = MethodKind::Canary(steps);
}

pub fn error_gate(fail: GateFailure) -> Gate {
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

pub fn play(
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

pub fn weights(world: &World<'_, Script>) -> Vec<(f64, u32, f64)> {
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
