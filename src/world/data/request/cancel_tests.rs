//! Work that stops when its caller has given up, and deadlines that say when.

use super::policy_tests::{ended, fan, plane, play, seen_at, wait};
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, step, work,
};
use crate::model::step::Parallel;
use crate::model::{
    Arrivals, CallPolicy, Deadline, Discipline, Distribution, LoadKind, OnTimeout, Scenario,
    StepKind,
};
use crate::units::{SimDuration, SimTime};
use crate::world::contract::{DataPlane, Outcome};

#[test]
fn cancelled_work_frees_its_slot_at_once() {
    // Ten calls of 1 s of work on one core, one slot: at 100 ms all are given up. One had worked 100 ms for nothing.
    let mut policy = plain_policy();
    policy.timeout = Some(SimDuration::from_millis(100));
    let run = |on_timeout| {
        let policy = CallPolicy {
            on_timeout,
            ..policy.clone()
        };
        let demand = vec![work(Distribution::constant(1.0))];
        let mut scenario = fan(&policy, demand, 10, 1.0, 2);
        scenario.services[0].concurrency = Some(1);
        let mut plane = plane(&scenario, 1, 0);
        let seen = seen_at(&mut plane, SimTime::ZERO + SimDuration::from_millis(1101));
        (seen, plane.replicas[0].in_flight(), plane.frames.live())
    };
    let (seen, in_flight, live) = run(OnTimeout::Cancel);
    assert_eq!(ended(&seen, 0, Outcome::Timeout), 10);
    assert_eq!((in_flight, live), (0, 0));
    assert_eq!(seen.stations[0].cpu_ns, 100_000_000);
    assert_eq!(seen.stations[0].wasted_cpu_ns, 100_000_000);
    let (seen, in_flight, _) = run(OnTimeout::LetRun);
    assert_eq!(ended(&seen, 0, Outcome::Timeout), 10);
    assert_eq!(in_flight, 10);
}

/// users -> front -> middle -> back by the given deadline rule; `back` works 1 s, the users wait 50 ms.
fn chain(deadline: Deadline, inner_ms: u64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(10));
    let policy = |ms| CallPolicy {
        timeout: Some(SimDuration::from_millis(ms)),
        deadline,
        ..plain_policy()
    };
    let demand = vec![work(Distribution::constant(1.0))];
    let back = add_service(&mut scenario, "back", 1, Discipline::Fifo, demand);
    let to_back = call(&mut scenario, Some(1), back, policy(inner_ms));
    let branches = vec![to_back.clone(), wait(3.0)];
    let middle = vec![step(StepKind::Parallel(Parallel::all(branches)))];
    let middle = add_service(&mut scenario, "middle", 1, Discipline::Fifo, middle);
    let to_middle = call(&mut scenario, Some(2), middle, policy(inner_ms));
    let front = add_service(&mut scenario, "front", 1, Discipline::Fifo, vec![to_middle]);
    let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
    if let StepKind::Call(call) = &mut scenario.journeys[0].steps[0].kind {
        call.policy = policy(50);
    }
    add_open_load(&mut scenario, "clients", 1.0, journey);
    scenario.loads[0].kind = LoadKind::Open {
        rate: 1.0,
        arrivals: Arrivals::Even,
    };
    scenario
}

#[test]
fn a_deadline_stops_all_work_below_with_the_timer_of_its_root_alone() {
    let scenario = chain(Deadline::Propagate, 1000);
    let mut plane = plane(&scenario, 1, 0);
    plane
        .advance(SimTime::ZERO + SimDuration::from_millis(1010))
        .expect("no limit");
    // The next arrival, the branch's wait, the work, and one timer for three calls.
    assert_eq!(plane.events.len(), 4);
    let seen = seen_at(&mut plane, SimTime::ZERO + SimDuration::from_millis(1051));
    assert_eq!(ended(&seen, 2, Outcome::Timeout), 1);
    assert_eq!(ended(&seen, 1, Outcome::Cancelled), 1);
    assert_eq!(ended(&seen, 0, Outcome::Cancelled), 1);
    assert_eq!(seen.stations[0].cpu_ns, 50_000_000);
    assert_eq!(plane.frames.live(), 0);
    assert!(
        plane
            .replicas
            .iter()
            .all(|replica| replica.in_flight() == 0)
    );
}

#[test]
fn a_shorter_timeout_below_a_deadline_still_goes_off() {
    let seen = play(&chain(Deadline::Propagate, 20), 1, 0);
    assert!(ended(&seen, 0, Outcome::Timeout) + ended(&seen, 1, Outcome::Timeout) > 0);
    assert_eq!(ended(&seen, 2, Outcome::Timeout), 0);
    assert!(ended(&seen, 2, Outcome::Error) > 0);
}

#[test]
fn without_propagation_the_work_goes_on() {
    let seen = play(&chain(Deadline::Ignore, 1000), 1, 0);
    assert_eq!(ended(&seen, 0, Outcome::Cancelled), 0);
    assert!(seen.stations[0].cpu_ns > 5_000_000_000);
}
