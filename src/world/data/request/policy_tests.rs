//! Client policies through every queue: what a rule makes of calls, with expectations derived from the rule.

use super::RequestPlane;
use crate::model::hedging::Hedge;
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, step,
};
use crate::model::step::Parallel;
use crate::model::throttle::Throttle;
use crate::model::{
    Arrivals, Balance, Balancer, Breaker, Budget, CallPolicy, Discipline, Distribution, Ejection,
    Fallback, Knows, LoadKind, PushBack, RetryLimit, Scenario, StepKind,
};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{Command, DataPlane, Luck, Outcome, Seen};

const MS: f64 = 1e-3;

pub(super) fn wait(seconds: f64) -> crate::model::Step {
    step(StepKind::Wait(Distribution::constant(seconds)))
}

/// `back` does `steps`; `front` makes `calls` calls of it at once by `policy`; users call `front` evenly, `rate` a
/// second, for `seconds`.
pub(super) fn fan(
    policy: &CallPolicy,
    steps: Vec<crate::model::Step>,
    calls: usize,
    rate: f64,
    seconds: u64,
) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(seconds));
    let back = add_service(&mut scenario, "back", 64, Discipline::Fifo, steps);
    let branches: Vec<_> = (0..calls)
        .map(|number| {
            let mut one = call(&mut scenario, Some(1), back, policy.clone());
            if let StepKind::Call(call) = &mut one.kind {
                call.site = format!("back.default#{number}");
            }
            one
        })
        .collect();
    let front = vec![step(StepKind::Parallel(Parallel::all(branches)))];
    let front = add_service(&mut scenario, "front", 64, Discipline::Fifo, front);
    let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "clients", rate, journey);
    scenario.loads[0].kind = LoadKind::Open {
        rate,
        arrivals: Arrivals::Even,
    };
    scenario
}

/// A plane with so many ready replicas of each service, and `gone` more of the first that are listed but gone.
pub(super) fn plane(scenario: &Scenario, replicas: u32, gone: u32) -> RequestPlane {
    let luck = Luck {
        seed: 1,
        replication: 0,
        stage: 0,
    };
    let mut plane = RequestPlane::new(scenario, luck, true);
    let mut next = 0;
    for service in 0..scenario.services.len() {
        let absent = if service == 0 { gone } else { 0 };
        for number in 0..replicas + absent {
            let replica = ReplicaId(next);
            plane.command(Command::AddReplica {
                replica,
                service: ServiceId::from_index(service),
                cluster: ClusterId(0),
                speed: 1.0,
                warmup: None,
            });
            if number < replicas {
                plane.command(Command::Ready { replica });
            }
            plane.command(Command::List { replica });
            next += 1;
        }
    }
    plane
}

pub(super) fn seen_at(plane: &mut RequestPlane, at: SimTime) -> Seen {
    plane.advance(at).expect("no limit is reached");
    let mut seen = Seen::default();
    plane.observe(&mut seen);
    seen
}

pub(super) fn play(scenario: &Scenario, replicas: u32, gone: u32) -> Seen {
    seen_at(&mut plane(scenario, replicas, gone), scenario.end())
}

pub(super) fn ended(seen: &Seen, station: usize, outcome: Outcome) -> u64 {
    seen.stations[station].ended[outcome as usize]
}

pub(super) fn all_ended(seen: &Seen, station: usize) -> u64 {
    seen.stations[station].ended.iter().sum()
}

#[test]
fn retries_amplify_by_the_geometric_sum() {
    // Each try fails with chance 1/2: 1 + 1/2 + 1/4 + 1/8 = 1.875 tries a call; the variance of the number of tries
    // is below 1.2, so that 10,000 calls deviate by less than 4.9 * sqrt(1.2 / 10,000) = 0.054 (false alarm 1e-6).
    let budget = RetryLimit::Budget(Budget {
        ratio: 1.0,
        min_concurrency: 1000,
    });
    for limit in [RetryLimit::None, budget] {
        let mut policy = plain_policy();
        policy.retries.max = 3;
        policy.retries.limit = limit;
        let mut scenario = fan(&policy, Vec::new(), 1, 100.0, 101);
        scenario.endpoints[0].error_ratio = 0.5;
        let seen = play(&scenario, 1, 0);
        let calls = seen.records.len() as f64;
        let tries = all_ended(&seen, 0) as f64 / calls;
        assert!((tries - 1.875).abs() < 0.054, "{tries} with {limit:?}");
    }
}

#[test]
fn a_hedged_call_takes_the_sooner_of_two() {
    // Exponential times of 10 ms. Hedged at once: the sooner of two, 5 ms. Hedged after 10 ms:
    // 10 (1 - 1/e) + 5 / e = 8.16 ms. Means of 10,000 calls: 4.9 * 10 / sqrt(10,000) = 0.49 ms (false alarm 1e-6).
    for (after, expected) in [(0, 5.0), (10, 8.160_6)] {
        let mut policy = plain_policy();
        policy.hedge = Some(Hedge {
            after: SimDuration::from_millis(after),
            max: 1,
        });
        let time = step(StepKind::Wait(Distribution::exponential(10.0 * MS)));
        let scenario = fan(&policy, vec![time], 1, 100.0, 101);
        let seen = play(&scenario, 4, 0);
        let times = seen
            .records
            .iter()
            .map(|record| record.ended.since(record.issued).seconds() * 1e3);
        let mean = times.sum::<f64>() / seen.records.len() as f64;
        assert!((mean - expected).abs() < 0.49, "{mean} after {after}");
        // Every second try was given up, unless its call was answered before it was sent.
        let hedges = all_ended(&seen, 0) - seen.records.len() as u64;
        assert!(ended(&seen, 0, Outcome::Cancelled).abs_diff(hedges) <= 2);
    }
}

#[test]
fn hedges_go_to_other_replicas_and_losers_free_their_slots() {
    let mut policy = plain_policy();
    policy.balance = Balance::of(Balancer::RoundRobin);
    policy.hedge = Some(Hedge {
        after: SimDuration::from_millis(1),
        max: 1,
    });
    let scenario = fan(&policy, vec![wait(10.0 * MS)], 1, 1.0, 2);
    let mut plane = plane(&scenario, 2, 0);
    let seen = seen_at(&mut plane, SimTime::ZERO + SimDuration::from_millis(1005));
    assert_eq!(seen.stations[0].arrived, 2);
    let busy = plane.replicas.iter().map(|replica| replica.in_slots);
    assert_eq!(busy.collect::<Vec<_>>()[..2], [1, 1]);
    let seen = seen_at(
        &mut plane,
        SimTime::ZERO + SimDuration::from_millis(1010) + SimDuration(1),
    );
    assert_eq!(ended(&seen, 0, Outcome::Ok), 1);
    assert_eq!(ended(&seen, 0, Outcome::Cancelled), 1);
    assert_eq!(plane.frames.live(), 0);
}

#[test]
fn a_breaker_refuses_exactly_what_is_above_its_limit() {
    let mut policy = plain_policy();
    policy.fallback = Fallback::Degraded;
    policy.breaker = Some(Breaker {
        max_in_flight: 4,
        ..Breaker::ENVOY
    });
    let seen = play(&fan(&policy, vec![wait(10.0 * MS)], 10, 1.0, 2), 1, 0);
    assert_eq!(ended(&seen, 0, Outcome::Ok), 4);
    assert_eq!(ended(&seen, 0, Outcome::CircuitOpen), 6);
    assert_eq!(ended(&seen, 1, Outcome::Degraded), 1);
}

#[test]
fn a_budget_lets_its_minimum_of_retries_go() {
    // 20 calls fail at once; 20 % of the 19, 18, 17 still active are 3: three retries, and no more while they last.
    let mut policy = plain_policy();
    policy.retries.max = 1;
    policy.retries.limit = RetryLimit::Budget(Budget::ENVOY);
    let mut scenario = fan(&policy, vec![wait(10.0 * MS)], 20, 1.0, 2);
    scenario.endpoints[0].error_ratio = 1.0;
    assert_eq!(all_ended(&play(&scenario, 1, 0), 0), 23);
}

#[test]
fn a_breaker_limits_retries_when_there_is_no_budget() {
    let mut policy = plain_policy();
    policy.retries.max = 1;
    policy.breaker = Some(Breaker {
        max_retries: 2,
        ..Breaker::ENVOY
    });
    let mut scenario = fan(&policy, vec![wait(10.0 * MS)], 20, 1.0, 2);
    scenario.endpoints[0].error_ratio = 1.0;
    assert_eq!(all_ended(&play(&scenario, 1, 0), 0), 22);
}

#[test]
fn an_empty_bucket_ends_retries() {
    // Four tokens: the first failure leaves 3 (more than half: a retry), the second 2, and then no call is retried.
    let mut policy = plain_policy();
    policy.retries.max = 5;
    policy.retries.limit = RetryLimit::Throttle(Throttle::new(4, 0.1));
    let mut scenario = fan(&policy, Vec::new(), 1, 1.0, 21);
    scenario.endpoints[0].error_ratio = 1.0;
    let seen = play(&scenario, 1, 0);
    assert_eq!(all_ended(&seen, 0), seen.records.len() as u64 + 1);
}

#[test]
fn a_callee_that_sheds_sets_the_pause_or_forbids_the_retry() {
    // Of two calls at once one is shed and asked to come back after 500 ms, when there is room.
    let at_once = |push_back| {
        let mut policy = plain_policy();
        policy.retries.max = 1;
        policy.retries.push_back = Some(push_back);
        let mut scenario = fan(&policy, vec![wait(100.0 * MS)], 2, 1.0, 2);
        scenario.services[0].concurrency = Some(1);
        scenario.services[0].queue.max = Some(0);
        play(&scenario, 1, 0)
    };
    let seen = at_once(PushBack::After(SimDuration::from_millis(500)));
    let record = seen.records[0];
    assert_eq!(record.outcome, Outcome::Ok);
    assert_eq!(
        record.ended.since(record.issued),
        SimDuration::from_millis(600)
    );
    let seen = at_once(PushBack::Stop);
    assert_eq!(all_ended(&seen, 0), 2);
    assert_eq!(ended(&seen, 0, Outcome::Shed), 1);
}

fn ejecting(gone: f64, panic: f64) -> CallPolicy {
    CallPolicy {
        balance: Balance::of(Balancer::RoundRobin),
        ejection: Some(Ejection {
            max_ejected: gone,
            panic,
            success_rate: None,
            ..Ejection::ENVOY
        }),
        ..plain_policy()
    }
}

#[test]
fn a_replica_that_is_gone_is_ejected_for_longer_each_time() {
    // 100 calls a second, in turn to 5 replicas of which one is gone: five failures in a row eject it within 0.3 s
    // of its return. Sweeps come every 10 s: out at 0.3, back at 40; out for 60 s, back at 110; for 90 s, back at
    // 210; for 120 s, back after the end at 300 s. Four times five failures.
    let scenario = fan(&ejecting(0.2, 0.5), Vec::new(), 1, 100.0, 300);
    let seen = play(&scenario, 4, 1);
    assert_eq!(ended(&seen, 0, Outcome::Unreachable), 20);
}

#[test]
fn in_panic_all_replicas_get_traffic() {
    // Three of four are gone. Once ejected, a quarter is usable: below a threshold of 50 % all get traffic again,
    // without a threshold only the good one does.
    let failed = |panic| {
        let seen = play(&fan(&ejecting(1.0, panic), Vec::new(), 1, 100.0, 21), 1, 3);
        ended(&seen, 0, Outcome::Unreachable)
    };
    // In turn: five failures each, and no more until the end at 21 s.
    assert_eq!(failed(0.0), 15);
    let all = failed(0.5);
    // At most two are out without panic (half are usable then); the third failing one stays in or brings panic.
    assert!(all > 1000, "{all}");
}

#[test]
fn a_fallback_makes_a_failure_a_degraded_answer() {
    let mut policy = plain_policy();
    policy.fallback = Fallback::Degraded;
    let mut scenario = fan(&policy, Vec::new(), 2, 10.0, 2);
    scenario.endpoints[0].error_ratio = 1.0;
    let seen = play(&scenario, 1, 0);
    assert!(!seen.records.is_empty());
    assert!(
        seen.records
            .iter()
            .all(|record| record.outcome == Outcome::Degraded)
    );
    assert_eq!(
        ended(&seen, 1, Outcome::Degraded),
        seen.records.len() as u64
    );
    assert_eq!(seen.actions[0].good, 0, "slow, failed or degraded is bad");
}

#[test]
fn steps_take_the_place_of_a_failed_call_and_leave_later_draws_alone() {
    let run = |fails: f64| {
        let mut scenario = empty(SimDuration::from_secs(20));
        let back = add_service(&mut scenario, "back", 64, Discipline::Fifo, Vec::new());
        scenario.endpoints[0].error_ratio = fails;
        let mut first = call(&mut scenario, Some(1), back, plain_policy());
        if let StepKind::Call(call) = &mut first.kind {
            call.fallback = vec![wait(1.0 * MS), wait(2.0 * MS)];
        }
        let after = step(StepKind::Wait(Distribution::exponential(5.0 * MS)));
        let front = add_service(
            &mut scenario,
            "front",
            64,
            Discipline::Fifo,
            vec![first, after],
        );
        let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
        add_open_load(&mut scenario, "clients", 20.0, journey);
        let mut records = play(&scenario, 1, 0).records;
        records.sort_by_key(|record| record.user);
        records
    };
    let (fine, failing) = (run(0.0), run(1.0));
    assert_eq!(fine.len(), failing.len());
    for (fine, failing) in fine.iter().zip(&failing) {
        assert_eq!(fine.outcome, Outcome::Ok);
        assert_eq!(failing.outcome, Outcome::Degraded);
        // 3 ms instead of the call, and the same draw after it.
        let longer = failing.ended.since(failing.issued).0 - fine.ended.since(fine.issued).0;
        assert_eq!(longer, 3_000_000);
    }
}

#[test]
fn what_a_balancer_knows_shows_in_how_evenly_it_spreads() {
    // Two callers' replicas, each in turn over two replicas: shared turns alternate over all calls.
    let spread = |knows| {
        let mut policy = plain_policy();
        policy.balance = Balance {
            knows,
            ..Balance::of(Balancer::RoundRobin)
        };
        let mut scenario = fan(&policy, vec![wait(0.4)], 1, 2.0, 3);
        if let StepKind::Call(call) = &mut scenario.journeys[0].steps[0].kind {
            call.policy.balance = Balance::of(Balancer::RoundRobin);
        }
        let mut plane = plane(&scenario, 2, 0);
        // Two calls half a second apart, from different caller replicas: to different replicas when turns are shared.
        let mut homes = Vec::new();
        for ms in [600, 1100] {
            plane
                .advance(SimTime::ZERO + SimDuration::from_millis(ms))
                .expect("no limit");
            homes.push(plane.replicas[0].in_slots);
        }
        homes
    };
    assert_eq!(spread(Knows::Shared), [0, 1]);
    assert_eq!(spread(Knows::Own), [0, 0]);
}
