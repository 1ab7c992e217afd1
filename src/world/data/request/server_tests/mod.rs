//! The server's side against theory: second phases, joins, orders, brokers, shared processors, caches, memory.

mod connections;
mod conservation;
mod short_ways;
mod theory;

use super::RequestPlane;
use crate::model::Endpoint;
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, step, work,
};
use crate::model::service::WarmupOver;
use crate::model::{Discipline, Distribution, Parallel, Scenario, Step, StepKind, Warmup};
use crate::units::{Bytes, ClusterId, EndpointId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{Command, DataPlane, Luck, Notice, Outcome, Seen};

fn exp(mean_seconds: f64) -> Distribution {
    Distribution::exponential(mean_seconds)
}

fn constant(seconds: f64) -> Distribution {
    Distribution::constant(seconds)
}

/// A plane with `replicas` of every service ready.
fn plane(scenario: &Scenario, replication: u32, replicas: u32) -> RequestPlane {
    let luck = Luck {
        seed: 1,
        replication,
        stage: 0,
    };
    let mut plane = RequestPlane::new(scenario, luck, true);
    for index in 0..scenario.services.len() as u32 * replicas {
        let service = ServiceId(index / replicas);
        add(&mut plane, ReplicaId(index), service, None);
    }
    plane
}

fn add(plane: &mut RequestPlane, replica: ReplicaId, service: ServiceId, warmup: Option<Warmup>) {
    plane.command(Command::AddReplica {
        replica,
        service,
        cluster: ClusterId(0),
        speed: 1.0,
        warmup,
    });
    plane.command(Command::Ready { replica });
    plane.command(Command::List { replica });
}

fn observe(plane: &mut RequestPlane, until: f64) -> Seen {
    let until = SimTime::ZERO + SimDuration::from_seconds(until);
    plane.advance(until).expect("no limit is reached");
    let mut seen = Seen::default();
    plane.observe(&mut seen);
    seen
}

/// One service that one action a `gap` calls, evenly, until `end` seconds.
fn evenly(steps: Vec<Step>, gap: f64, end: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_seconds(end));
    let endpoint = add_service(&mut scenario, "a", 1, Discipline::Infinite, steps);
    load_evenly(&mut scenario, endpoint, gap);
    scenario
}

fn load_evenly(scenario: &mut Scenario, endpoint: EndpointId, gap: f64) {
    let journey = add_journey(scenario, "j", endpoint, SimDuration::from_secs(1));
    add_open_load(scenario, "l", 1.0 / gap, journey);
    if let Some(load) = scenario.loads.last_mut()
        && let crate::model::LoadKind::Open { arrivals, .. } = &mut load.kind
    {
        *arrivals = crate::model::Arrivals::Even;
    }
}

fn latencies(seen: &Seen) -> Vec<f64> {
    let mut records = seen.records.clone();
    records.sort_by_key(|record| record.user);
    records
        .iter()
        .map(|record| record.ended.since(record.issued).seconds())
        .collect()
}

#[test]
fn the_answer_leaves_before_second_phase_work_which_keeps_the_slot() {
    // 1 s of work, the reply, 2 s of work, one slot: answers after 1 s and, for who comes 1.5 s later, 1.5 + 1 s.
    let steps = vec![
        work(constant(1.0)),
        step(StepKind::Reply(Bytes(500))),
        work(constant(2.0)),
    ];
    let mut scenario = evenly(steps, 1.5, 3.2);
    scenario.services[0].concurrency = Some(1);
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 20.0);
    assert_eq!(latencies(&seen), [1.0, 2.5]);
    assert_eq!(plane.frames.live(), 0);
    // Two requests held the slot for 3 s each, the second waited 1.5 s.
    assert!((seen.stations[0].in_flight_seconds - 7.5).abs() < 1e-9);
    // The reply has its own size: 500 bytes a request to the users.
    assert_eq!(seen.edges[0].bytes[2], 1_000);
}

#[test]
fn a_reply_inside_a_branch_answers_for_its_request() {
    // One branch replies after 1 s, the other works 3 s, then 1 s more: answered at 1 s, over at 4 s.
    let branches = vec![
        step(StepKind::Do(vec![
            work(constant(1.0)),
            step(StepKind::Reply(Bytes(1))),
        ])),
        work(constant(3.0)),
    ];
    let steps = vec![
        step(StepKind::Parallel(Parallel::all(branches))),
        work(constant(1.0)),
    ];
    let mut plane = plane(&evenly(steps, 5.0, 5.5), 0, 1);
    let seen = observe(&mut plane, 5.0 + 3.5);
    assert_eq!(latencies(&seen), [1.0]);
    assert!(plane.frames.live() > 0);
    let rest = observe(&mut plane, 10.0);
    assert_eq!(plane.frames.live(), 0);
    let held = seen.stations[0].in_flight_seconds + rest.stations[0].in_flight_seconds;
    assert!((held - 4.0).abs() < 1e-9, "{held}");
}

/// Front works 1 s and hands over to back, which works 2 s; front goes on for 4 s.
fn handing_over() -> Scenario {
    let mut scenario = empty(SimDuration::from_seconds(10.5));
    let back = add_service(
        &mut scenario,
        "back",
        1,
        Discipline::Infinite,
        vec![work(constant(2.0))],
    );
    let made = call(&mut scenario, Some(1), back, plain_policy());
    let StepKind::Call(made) = made.kind else {
        unreachable!()
    };
    let steps = vec![
        work(constant(1.0)),
        step(StepKind::Forward(made)),
        work(constant(4.0)),
    ];
    let front = add_service(&mut scenario, "front", 1, Discipline::Infinite, steps);
    load_evenly(&mut scenario, front, 10.0);
    scenario
}

#[test]
fn who_a_request_is_forwarded_to_answers_its_caller() {
    let mut plane = plane(&handing_over(), 0, 1);
    let seen = observe(&mut plane, 30.0);
    assert_eq!(latencies(&seen), [3.0]);
    assert_eq!(plane.frames.live(), 0);
    // Each attempt ended once where it was answered or handed over; front's slot was held 5 s.
    assert_eq!(seen.stations[0].ended[0], 1);
    assert_eq!(seen.stations[1].ended[0], 1);
    assert!((seen.stations[1].in_flight_seconds - 5.0).abs() < 1e-9);
}

#[test]
fn a_timeout_binds_across_a_forwarding() {
    let mut scenario = handing_over();
    let StepKind::Call(made) = &mut scenario.journeys[0].steps[0].kind else {
        unreachable!()
    };
    made.policy.timeout = Some(SimDuration::from_millis(2_500));
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 30.0);
    assert_eq!(latencies(&seen), [2.5]);
    assert_eq!(seen.records[0].outcome, Outcome::Timeout);
    assert_eq!(plane.frames.live(), 0);
}

#[test]
fn calls_that_nobody_waits_for_have_a_ledger_of_their_own() {
    let mut scenario = empty(SimDuration::from_seconds(10.5));
    let log = add_service(
        &mut scenario,
        "log",
        1,
        Discipline::Fifo,
        vec![work(constant(3.0))],
    );
    scenario.services[0].concurrency = Some(1);
    scenario.services[0].queue.max = Some(0);
    let made = call(&mut scenario, Some(1), log, plain_policy());
    let StepKind::Call(made) = made.kind else {
        unreachable!()
    };
    let steps = vec![
        step(StepKind::Async(made.clone())),
        step(StepKind::Async(crate::model::Call {
            site: "second".into(),
            ..made
        })),
        work(constant(1.0)),
    ];
    let front = add_service(&mut scenario, "front", 1, Discipline::Infinite, steps);
    load_evenly(&mut scenario, front, 10.0);
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 30.0);
    assert_eq!(latencies(&seen), [1.0]);
    let log = &seen.stations[0];
    assert_eq!(
        (log.async_sent, log.async_ended.iter().sum::<u64>()),
        (2, 2)
    );
    assert_eq!(log.async_ended[Outcome::Ok as usize], 1);
    assert_eq!(log.async_ended[Outcome::Shed as usize], 1);
    assert_eq!(log.ended.iter().sum::<u64>(), 0);
    assert_eq!(log.wasted_cpu_ns, 0);
    assert_eq!(plane.frames.live(), 0);
}

#[test]
fn a_quorum_goes_on_and_its_stragglers_keep_the_slot() {
    let branches = [1.0, 3.0, 7.0].map(|time| work(constant(time))).to_vec();
    let parallel = Parallel {
        join: Some(2),
        ..Parallel::all(branches)
    };
    let mut scenario = evenly(vec![step(StepKind::Parallel(parallel))], 4.0, 8.5);
    scenario.services[0].concurrency = Some(1);
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 40.0);
    // The first answers after 3 s and holds its slot for 7 s; the second comes 4 s after it and waits for 3 s.
    assert_eq!(latencies(&seen), [3.0, 6.0]);
    assert_eq!(plane.frames.live(), 0);
    // Each straggler's 4 s after the join, in all 7 s of work, are of no use to anybody.
    assert_eq!(seen.stations[0].wasted_cpu_ns, 14_000_000_000);
}

#[test]
fn a_quorum_fails_once_it_cannot_be_met() {
    // Two of three must succeed; two call a service that fails at once, one works for 5 s.
    let mut scenario = empty(SimDuration::from_seconds(10.5));
    let broken = add_service(
        &mut scenario,
        "broken",
        1,
        Discipline::Infinite,
        vec![work(constant(1.0))],
    );
    scenario.endpoints[0].error_ratio = 1.0;
    let one = call(&mut scenario, Some(1), broken, plain_policy());
    let parallel = Parallel {
        join: Some(2),
        ..Parallel::all(vec![one.clone(), work(constant(5.0)), one])
    };
    let front = add_service(
        &mut scenario,
        "front",
        1,
        Discipline::Infinite,
        vec![step(StepKind::Parallel(parallel))],
    );
    load_evenly(&mut scenario, front, 10.0);
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 30.0);
    assert_eq!(latencies(&seen), [1.0]);
    assert_eq!(seen.records[0].outcome, Outcome::Error);
    assert_eq!(plane.frames.live(), 0);
}

#[test]
fn a_fan_out_copies_its_branches_with_draws_of_their_own() {
    // The longest of four exponentials of mean 1: 1 + 1/2 + 1/3 + 1/4. 20,000 actions: deviation
    // sqrt(1 + 1/4 + 1/9 + 1/16) / 141 = 0.0084; within five of them, false alarm 6e-7.
    let parallel = Parallel {
        fanout: Some(constant(4.0)),
        ..Parallel::all(vec![work(exp(1.0))])
    };
    let mut plane = plane(
        &evenly(vec![step(StepKind::Parallel(parallel))], 1.0, 20_000.5),
        0,
        1,
    );
    let times = latencies(&observe(&mut plane, 20_100.0));
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    assert!((mean - 25.0 / 12.0).abs() < 0.042, "{mean}");
}

#[test]
fn a_fan_out_of_none_goes_on() {
    let parallel = Parallel {
        fanout: Some(constant(0.0)),
        ..Parallel::all(vec![work(constant(1.0))])
    };
    let steps = vec![step(StepKind::Parallel(parallel)), work(constant(0.5))];
    let mut plane = plane(&evenly(steps, 1.0, 1.5), 0, 1);
    assert_eq!(latencies(&observe(&mut plane, 9.0)), [0.5]);
}

#[test]
fn memory_in_flight_above_the_limit_kills_the_replica_with_all_it_holds() {
    let mut scenario = evenly(vec![work(constant(10.0))], 1.0, 3.5);
    scenario.services[0].memory_per_request = Bytes(40);
    scenario.services[0].resources.memory_limit = Some(Bytes(100));
    let mut plane = plane(&scenario, 0, 1);
    // The third request needs 120 bytes.
    let told = plane
        .advance(SimTime(20_000_000_000))
        .expect("no limit")
        .notice;
    assert_eq!(
        told,
        Some(Notice::OutOfMemory {
            replica: ReplicaId(0)
        })
    );
    assert_eq!(plane.now.seconds(), 3.0);
    let seen = observe(&mut plane, 20.0);
    assert!(
        seen.records
            .iter()
            .all(|record| record.outcome == Outcome::Killed)
    );
    assert_eq!(latencies(&seen), [2.0, 1.0, 0.0]);
    assert_eq!(plane.frames.live(), 0);
}

#[test]
fn warming_by_time_goes_on_while_a_request_runs() {
    // From half speed to full over 10 s: 10 s of work done 7.5 s by then, the rest at full speed: 12.5 s.
    let mut scenario = evenly(vec![work(constant(10.0))], 1.0, 1.5);
    scenario.services[0].processor.discipline = Discipline::ProcessorSharing;
    let mut plane = plane(&scenario, 0, 0);
    plane.advance(SimTime(999_999_999)).expect("no limit");
    let warmup = Warmup {
        from: 0.5,
        over: WarmupOver::Time(SimDuration::from_secs(10)),
    };
    add(&mut plane, ReplicaId(0), ServiceId(0), Some(warmup));
    let times = latencies(&observe(&mut plane, 30.0));
    // The rate is brought up to date a hundred times, each time to where the ramp is: 0.025 s of work is missed.
    assert!((times[0] - 12.525).abs() < 0.01, "{times:?}");
}

#[test]
fn a_broker_keeps_requests_while_nobody_is_ready_and_delivers_again_what_was_not_answered() {
    let mut scenario = evenly(vec![work(constant(2.0))], 1.0, 2.5);
    scenario.services[0].concurrency = Some(1);
    scenario.services[0].queue.shared = true;
    let mut plane = plane(&scenario, 0, 0);
    plane.advance(SimTime(5_000_000_000)).expect("no limit");
    add(&mut plane, ReplicaId(0), ServiceId(0), None);
    // Killed in the middle of the first request: the next replica begins it again.
    plane.advance(SimTime(6_000_000_000)).expect("no limit");
    plane.command(Command::Kill {
        replica: ReplicaId(0),
    });
    plane.advance(SimTime(7_000_000_000)).expect("no limit");
    add(&mut plane, ReplicaId(1), ServiceId(0), None);
    let seen = observe(&mut plane, 30.0);
    assert!(
        seen.records
            .iter()
            .all(|record| record.outcome == Outcome::Ok)
    );
    // Issued at 1 and 2 s; answered at 9 and 11 s.
    assert_eq!(latencies(&seen), [8.0, 9.0]);
    assert_eq!(plane.frames.live(), 0);
    assert!((seen.stations[0].in_flight_seconds - 17.0).abs() < 1e-9);
}

#[test]
fn a_cache_is_cold_at_a_new_replica_and_warms_to_its_ratio() {
    let mut scenario = evenly(Vec::new(), 0.01, 400.0);
    scenario.caches.push(crate::model::Cache {
        name: "hot".into(),
        service: ServiceId(0),
        hit: 0.9,
        keys: 500,
        skew: 1.0,
        scope: crate::model::CacheScope::Replica,
        ttl: None,
        cold: 0.0,
    });
    let look = crate::model::CacheStep {
        cache: crate::units::CacheId(0),
        hit: Vec::new(),
        miss: vec![step(StepKind::Wait(constant(0.001)))],
    };
    scenario.endpoints[0].steps = vec![step(StepKind::Cache(look))];
    let mut plane = plane(&scenario, 0, 1);
    let ratio =
        |seen: &Seen| seen.stations[0].cache_hits as f64 / seen.stations[0].cache_looks as f64;
    let cold = ratio(&observe(&mut plane, 0.5));
    observe(&mut plane, 200.0);
    let warm = ratio(&observe(&mut plane, 399.0));
    assert!(cold < 0.6, "{cold}");
    // 19,900 looks: deviation 0.0021, five of them.
    assert!((warm - 0.9).abs() < 0.0107, "{warm}");
    // A second replica takes half of the requests and begins cold.
    let mut diluted = self::plane(&scenario, 0, 1);
    observe(&mut diluted, 200.0);
    add(&mut diluted, ReplicaId(1), ServiceId(0), None);
    let after = ratio(&observe(&mut diluted, 202.0));
    assert!(after < 0.8, "{after}");
}

#[test]
fn endpoints_of_larger_priority_go_first() {
    // Both wait for the slot that the first holds; the later one has the larger priority.
    let mut scenario = evenly(vec![work(constant(10.0))], 1.0, 3.5);
    scenario.services[0].concurrency = Some(1);
    let second = EndpointId::from_index(scenario.endpoints.len());
    scenario.endpoints.push(Endpoint {
        name: "urgent".into(),
        priority: 5,
        ..scenario.endpoints[0].clone()
    });
    scenario.services[0].endpoints.push(second);
    let journey = add_journey(&mut scenario, "u", second, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "m", 1.0 / 2.5, journey);
    if let crate::model::LoadKind::Open { arrivals, .. } = &mut scenario.loads[1].kind {
        *arrivals = crate::model::Arrivals::Even;
    }
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 100.0);
    let mut ends: Vec<(f64, u32)> = seen
        .records
        .iter()
        .map(|record| ((record.ended.seconds() * 1e3).round() / 1e3, record.load.0))
        .collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Load 0 comes at 1, 2, 3 s; load 1 at 2.5 s.
    assert_eq!(ends, [(11.0, 0), (21.0, 1), (31.0, 0), (41.0, 0)]);
}
