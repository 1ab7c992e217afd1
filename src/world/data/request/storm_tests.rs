//! Retry storms: what keeps them alive and what does not; and that everything ends once under all policies together.

use super::RequestPlane;
use super::policy_tests::{all_ended, ended, plane, play};
use super::tests::{check_conservation, rough};
use crate::model::hedging::Hedge;
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, set_links, step, work,
};
use crate::model::throttle::Throttle;
use crate::model::{
    Backoff, Balancer, Breaker, Budget, CallPolicy, Deadline, Discipline, Distribution, Ejection,
    Fallback, Jitter, Knows, OnTimeout, PushBack, RetryLimit, RetryOn, Scenario, Shape, StepKind,
};
use crate::units::{SimDuration, SimTime};
use crate::world::contract::{DataPlane, Outcome, Seen};

const MS: f64 = 1e-3;

/// A server of 100 requests a second behind a queue of 50, `rate` users a second, and for ten seconds after the first
/// minute 180 more; tries are given up after 100 ms and made again up to four times in all. Returns the share of
/// actions that failed from the second minute to the fifth.
fn failed_after_a_spike(rate: f64, change: impl Fn(&mut CallPolicy)) -> f64 {
    let mut policy = plain_policy();
    policy.per_try_timeout = Some(SimDuration::from_millis(100));
    policy.retries.max = 3;
    policy.retries.backoff = Backoff {
        base: SimDuration::from_millis(10),
        max: SimDuration::from_millis(40),
        ..Backoff::ENVOY
    };
    policy.retries.when = RetryOn {
        error: false,
        ..RetryOn::ALL
    };
    change(&mut policy);
    let mut scenario = empty(SimDuration::from_secs(300));
    let demand = vec![work(Distribution::exponential(10.0 * MS))];
    let back = add_service(&mut scenario, "back", 1, Discipline::Fifo, demand);
    scenario.services[0].concurrency = Some(1);
    scenario.services[0].queue.max = Some(50);
    let onward = call(&mut scenario, Some(1), back, policy);
    let front = add_service(&mut scenario, "front", 8, Discipline::Fifo, vec![onward]);
    let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "clients", rate, journey);
    add_open_load(&mut scenario, "spike", 180.0, journey);
    let second = |seconds| SimTime::ZERO + SimDuration::from_secs(seconds);
    scenario.loads[1].shape = vec![Shape::Steps(vec![
        (second(0), 0.0),
        (second(60), 1.0),
        (second(70), 0.0),
    ])];
    let mut plane: RequestPlane = plane(&scenario, 1, 0);
    let mut seen = Seen::default();
    for at in [60, 120, 300] {
        plane.advance(second(at)).expect("no limit is reached");
        plane.observe(&mut seen);
        if at == 60 {
            let counts = &seen.actions[0].ended;
            let all: u64 = counts.iter().sum();
            assert!(
                counts[0] * 100 >= all * 95,
                "before the spike there is room"
            );
        }
    }
    let counts = &seen.actions[0].ended;
    let all: u64 = counts.iter().sum();
    1.0 - counts[Outcome::Ok as usize] as f64 / all as f64
}

#[test]
fn a_retry_storm_outlives_its_cause_above_a_load_and_not_below_it() {
    // Four tries a request: above 100 / 4 = 25 users a second they alone keep the server busy with work for nobody.
    assert!(failed_after_a_spike(45.0, |_| {}) > 0.9);
    assert!(failed_after_a_spike(15.0, |_| {}) < 0.01);
}

#[test]
fn a_budget_or_cancellation_lets_the_storm_die() {
    let budget = |policy: &mut CallPolicy| policy.retries.limit = RetryLimit::Budget(Budget::ENVOY);
    assert!(failed_after_a_spike(45.0, budget) < 0.02);
    let cancel = |policy: &mut CallPolicy| policy.on_timeout = OnTimeout::Cancel;
    assert!(failed_after_a_spike(45.0, cancel) < 0.02);
    let bucket = |policy: &mut CallPolicy| {
        policy.retries.limit = RetryLimit::Throttle(Throttle::new(10, 0.1));
    };
    assert!(failed_after_a_spike(45.0, bucket) < 0.05);
}

#[test]
fn a_slow_subtree_is_not_slow_again_when_it_is_retried() {
    // The time is spent two calls below the one that is retried: with draws keyed by a call's own attempt only, each
    // try would meet the same slow one, up to the last of 200 retries. Fresh draws exceed 30 ms with chance
    // p = exp(-6) = 0.00248: p / (1 - p) * 100,000 = 248.5 timeouts, deviation 15.8, within 4.9 of them (false alarm
    // 1e-6).
    let mut scenario = empty(SimDuration::from_secs(1000));
    let slow = step(StepKind::Wait(Distribution::exponential(5.0 * MS)));
    let back = add_service(&mut scenario, "back", 1, Discipline::Fifo, vec![slow]);
    let to_back = call(&mut scenario, Some(1), back, plain_policy());
    let middle = add_service(&mut scenario, "middle", 1, Discipline::Fifo, vec![to_back]);
    let mut policy = plain_policy();
    policy.per_try_timeout = Some(SimDuration::from_millis(30));
    policy.retries.max = 200;
    let to_middle = call(&mut scenario, Some(2), middle, policy);
    let front = add_service(&mut scenario, "front", 1, Discipline::Fifo, vec![to_middle]);
    let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "clients", 100.0, journey);
    let seen = play(&scenario, 3, 0);
    let calls = all_ended(&seen, 2) as f64;
    let expected = calls * 0.002_485;
    let timeouts = ended(&seen, 1, Outcome::Timeout) as f64;
    assert!(
        (timeouts - expected).abs() < 4.9 * expected.sqrt(),
        "{timeouts} of {calls}"
    );
}

/// The rough scenario with a mix of policies, by number.
fn roughest(number: u32) -> Scenario {
    let balancer = Balancer::ALL[number as usize % 3].0;
    let bit = |at: u32| number >> at & 1 == 1;
    let mut scenario = rough(
        if bit(0) { 2 } else { 0 },
        balancer,
        [5, 20, 200][number as usize / 3 % 3],
    );
    let limits = [
        RetryLimit::None,
        RetryLimit::Budget(Budget::ENVOY),
        RetryLimit::Throttle(Throttle::new(10, 0.1)),
    ];
    let change = |policy: &mut CallPolicy| {
        policy.on_timeout = if bit(1) {
            OnTimeout::Cancel
        } else {
            OnTimeout::LetRun
        };
        policy.deadline = if bit(2) {
            Deadline::Propagate
        } else {
            Deadline::Ignore
        };
        policy.retries.limit = limits[number as usize % 3];
        policy.retries.backoff.jitter = Jitter::ALL[number as usize % 6].0;
        policy.retries.push_back = bit(3).then_some(PushBack::After(SimDuration::from_millis(3)));
        policy.hedge = (!bit(0) && bit(3)).then_some(Hedge {
            after: SimDuration::from_millis(2),
            max: 2,
        });
        policy.breaker = bit(4).then_some(Breaker {
            max_in_flight: 6,
            max_retries: 1,
            ..Breaker::ENVOY
        });
        policy.ejection = bit(5).then_some(Ejection {
            consecutive_errors: 2,
            interval: SimDuration::from_millis(500),
            base_time: SimDuration::from_secs(1),
            max_ejected: 0.5,
            ..Ejection::ENVOY
        });
        policy.balance.knows = if bit(6) { Knows::Own } else { Knows::Shared };
        policy.fallback = if bit(4) == bit(5) {
            Fallback::Degraded
        } else {
            Fallback::None
        };
    };
    let journey = &mut scenario.journeys[0].steps;
    for step in journey.iter_mut() {
        if let StepKind::Call(call) = &mut step.kind {
            change(&mut call.policy);
            call.policy.timeout = Some(SimDuration::from_millis(60));
        }
    }
    for endpoint in &mut scenario.endpoints {
        for step in &mut endpoint.steps {
            if let StepKind::Parallel(parallel) = &mut step.kind {
                for branch in &mut parallel.branches {
                    if let StepKind::Call(call) = &mut branch.kind {
                        change(&mut call.policy);
                    }
                }
            }
        }
    }
    scenario.endpoints[0].error_ratio = 0.05;
    set_links(&mut scenario, 0.3 * MS);
    scenario
}

#[test]
fn everything_ends_exactly_once_under_all_policies_together() {
    let mut causes = [0u64; crate::world::contract::OUTCOMES];
    for number in 0..128 {
        let mut scenario = roughest(number);
        scenario.horizon = SimDuration::from_secs(6);
        let seen = check_conservation(&scenario);
        for station in &seen.stations {
            let counts = station.ended.iter().zip(&mut causes);
            counts.for_each(|(count, sum)| *sum += count);
        }
    }
    for outcome in [
        Outcome::Ok,
        Outcome::Error,
        Outcome::Timeout,
        Outcome::Shed,
        Outcome::Killed,
        Outcome::Degraded,
        Outcome::CircuitOpen,
        Outcome::Cancelled,
    ] {
        assert!(
            causes[outcome as usize] > 0,
            "{} never happened",
            outcome.name()
        );
    }
}
