//! Nothing is lost: over random scenarios with every kind of step, queue and kill, each attempt and each action ends
//! exactly once, calls that nobody waits for have their own ledger, and nothing stays behind.

use super::*;
use crate::engine::{Key, Purpose};
use crate::model::{
    Cache, CacheScope, CacheStep, Call, Connections, OnTimeout, ProcessorSpec, QueueOrder,
    SharedProcessor, Unit,
};
use crate::units::{CacheId, ProcessorId};
use proptest::prelude::*;

const DRAW: Purpose = Purpose::new("draw");

/// Draws for the making of a scenario.
struct Dice {
    key: Key,
    drawn: u64,
}

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.drawn += 1;
        self.key.index(DRAW, self.drawn, limit)
    }
}

/// Where steps stand: a loop answers no one, a branch does not forward.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Program,
    Branch,
    Loop,
}

/// Random steps of the service `caller`; calls go to services of smaller number only.
fn steps(
    dice: &mut Dice,
    scenario: &mut Scenario,
    caller: usize,
    depth: u32,
    inside: Inside,
) -> Vec<Step> {
    let count = 1 + dice.below(2);
    let mut found = Vec::new();
    for _ in 0..count {
        let kind = match dice.below(if depth == 0 { 6 } else { 10 }) {
            0 => StepKind::Work(exp(0.02)),
            1 => StepKind::Wait(exp(0.01)),
            number @ 2..=5 if caller > 0 => {
                let to = EndpointId::from_index(dice.below(caller));
                let mut policy = plain_policy();
                policy.retries.max = dice.below(2) as u32;
                if dice.below(4) == 0 {
                    policy.balance.unit = Unit::Connections;
                }
                if dice.below(4) == 0 {
                    policy.on_timeout = OnTimeout::Cancel;
                }
                if dice.below(3) == 0 {
                    policy.timeout = Some(SimDuration::from_millis(60));
                }
                let StepKind::Call(mut made) = call(scenario, Some(caller), to, policy).kind else {
                    unreachable!()
                };
                made.site = format!("{}#{}", made.site, dice.drawn);
                let made: Call = made;
                match number {
                    2 | 3 => StepKind::Call(made),
                    4 => StepKind::Async(made),
                    _ if inside != Inside::Program => StepKind::Call(made),
                    _ => StepKind::Forward(made),
                }
            }
            6 => {
                let within = [Inside::Branch, Inside::Loop][usize::from(inside == Inside::Loop)];
                let branches = steps(dice, scenario, caller, depth - 1, within);
                let most = branches.len();
                StepKind::Parallel(Parallel {
                    join: (dice.below(2) == 0).then(|| 1 + dice.below(most) as u32),
                    fanout: (dice.below(3) == 0).then(|| constant(dice.below(3) as f64)),
                    branches,
                })
            }
            7 => {
                let one = (1.0, steps(dice, scenario, caller, depth - 1, inside));
                let other = (2.0, steps(dice, scenario, caller, depth - 1, inside));
                StepKind::Choose(vec![one, other])
            }
            8 => StepKind::Cache(CacheStep {
                cache: CacheId(caller as u32),
                hit: Vec::new(),
                miss: steps(dice, scenario, caller, depth - 1, inside),
            }),
            9 => {
                found.push(Step {
                    times: Some(constant(2.0)),
                    ..step(StepKind::Do(steps(
                        dice,
                        scenario,
                        caller,
                        depth - 1,
                        Inside::Loop,
                    )))
                });
                continue;
            }
            _ if inside == Inside::Loop => StepKind::Work(exp(0.005)),
            _ => StepKind::Reply(Bytes(10)),
        };
        found.push(step(kind));
    }
    found
}

pub(super) fn scenario(seed: u64) -> Scenario {
    let mut dice = Dice {
        key: Key::root(seed, 0, 0),
        drawn: 0,
    };
    let mut scenario = empty(SimDuration::from_secs(4));
    for (name, discipline) in [("host", Discipline::Fifo), ("pod", Discipline::FairShare)] {
        scenario.processors.push(SharedProcessor {
            name: name.into(),
            spec: ProcessorSpec {
                cores: 2,
                discipline,
                quota: None,
            },
            speed: 1.0,
        });
    }
    let services = 3;
    for index in 0..services {
        scenario.caches.push(Cache {
            name: "c".into(),
            service: ServiceId(index),
            hit: 0.5,
            keys: 50,
            skew: 1.0,
            scope: CacheScope::Replica,
            ttl: (dice.below(2) == 0).then(|| SimDuration::from_millis(500)),
            cold: 0.1,
        });
    }
    for index in 0..services as usize {
        let inner = steps(&mut dice, &mut scenario, index, 1, Inside::Program);
        let disciplines = [
            Discipline::Fifo,
            Discipline::ProcessorSharing,
            Discipline::Preemptive,
        ];
        let discipline = disciplines[dice.below(3)];
        let endpoint = add_service(&mut scenario, &format!("s{index}"), 2, discipline, inner);
        scenario.endpoints[endpoint.index()].error_ratio = [0.0, 0.2][dice.below(2)];
        scenario.endpoints[endpoint.index()].priority = dice.below(2) as i32;
        let service = &mut scenario.services[index];
        service.concurrency = [None, Some(2), Some(3)][dice.below(3)];
        service.queue.max = [None, Some(2)][dice.below(2)];
        service.queue.order = [
            QueueOrder::Fifo,
            QueueOrder::Lifo,
            QueueOrder::AdaptiveLifo { above: 1 },
        ][dice.below(3)];
        service.queue.timeout =
            [None, Some(constant(0.03)), Some(exp(0.03))][dice.below(3)].clone();
        service.queue.shared = dice.below(3) == 0;
        service.shared_processor =
            [None, Some(ProcessorId(0)), Some(ProcessorId(1))][dice.below(3)];
        // A broker that hands everything back at once to workers without a limit kills them for ever.
        if dice.below(3) == 0 {
            service.connections = Some(Box::new(Connections {
                max: [None, Some(2)][dice.below(2)],
                setup: exp(0.003),
                work: [constant(0.0), exp(0.002)][dice.below(2)].clone(),
                pool: 1 + dice.below(3) as u32,
                streams: 1 + dice.below(2) as u32,
                max_age: [None, Some(SimDuration::from_millis(400))][dice.below(2)],
                resolve: None,
            }));
        }
        let bounded = service.concurrency.is_some() || !service.queue.shared;
        if dice.below(4) == 0 && bounded {
            service.memory_per_request = Bytes(10);
            service.resources.memory_limit = Some(Bytes(60));
        }
    }
    for index in 0..services {
        let name = format!("l{index}");
        let journey = add_journey(
            &mut scenario,
            &name,
            EndpointId(index),
            SimDuration::from_secs(1),
        );
        add_open_load(&mut scenario, &name, 6.0, journey);
    }
    if dice.below(2) == 0 {
        crate::model::sample::set_links(&mut scenario, 0.002);
    }
    // Some messages share wires: a hundred bytes take 10 or 1 ms alone.
    let bandwidth = [None, None, Some(1e4), Some(1e5)][dice.below(4)];
    for link in &mut scenario.links.table {
        link.bandwidth = bandwidth;
    }
    for endpoint in &mut scenario.endpoints {
        endpoint.reply = Bytes([0, 100][dice.below(2)]);
    }
    scenario
}

/// Plays, kills a replica of each service on the way, replaces those that ran out of memory, and drains.
fn check(seed: u64) {
    let scenario = scenario(seed);
    let mut plane = plane(&scenario, 0, 2);
    let mut next = scenario.services.len() as u32 * 2;
    let mut at = SimTime::ZERO;
    let mut seen = Seen::default();
    let (mut issued, mut ended, mut calls, mut attempts) = (0, 0, 0, 0);
    let (mut sent, mut finished) = (0, 0);
    let mut lost = Vec::new();
    for second in 0..400u32 {
        at += SimDuration::from_secs(1);
        for station in lost.drain(..) {
            add(&mut plane, ReplicaId(next), ServiceId(station), None);
            next += 1;
        }
        if second == 2 {
            plane.command(Command::Kill {
                replica: ReplicaId(seed as u32 % 6),
            });
            add(
                &mut plane,
                ReplicaId(next),
                ServiceId(seed as u32 % 6 / 2),
                None,
            );
            next += 1;
        }
        while let Some(notice) = plane.advance(at).expect("no limit").notice {
            if let Notice::OutOfMemory { replica } = notice {
                lost.push(plane.replicas[replica.index()].station);
            }
        }
        plane.observe(&mut seen);
        issued += seen.actions.iter().map(|a| a.issued).sum::<u64>();
        ended += seen.actions.iter().flat_map(|a| a.ended).sum::<u64>();
        calls += seen.edges.iter().flat_map(|e| &e.calls).sum::<u64>();
        attempts += seen.stations.iter().flat_map(|s| s.ended).sum::<u64>();
        sent += seen.stations.iter().map(|s| s.async_sent).sum::<u64>();
        finished += seen
            .stations
            .iter()
            .flat_map(|s| s.async_ended)
            .sum::<u64>();
        if second > 4 && plane.frames.live() == 0 {
            break;
        }
    }
    assert_eq!(plane.frames.live(), 0, "seed {seed}: frames stay behind");
    assert!(issued > 0);
    assert_eq!(issued, ended, "seed {seed}: actions");
    assert_eq!(sent, finished, "seed {seed}: calls that nobody waits for");
    // Requests that orphans or async work forwarded have no caller whose attempt could end.
    assert!(
        attempts + sent <= calls,
        "seed {seed}: {attempts} + {sent} of {calls}"
    );
    assert!(
        plane
            .replicas
            .iter()
            .all(|replica| !replica.alive || replica.in_flight() == 0)
    );
    assert_eq!(plane.pools.waiting(), 0, "seed {seed}");
    assert!(
        plane.pools.counted() as usize <= plane.pools.open(),
        "seed {seed}"
    );
    let outstanding: u32 = plane
        .replicas
        .iter()
        .map(|replica| replica.outstanding)
        .sum();
    assert_eq!(
        outstanding, 0,
        "seed {seed}: the balancer still counts attempts"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_action_attempt_and_async_call_ends_exactly_once(seed in any::<u64>()) {
        check(seed);
    }
}
