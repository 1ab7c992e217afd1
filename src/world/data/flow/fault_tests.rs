//! Faults, overload and steps through time in the flow plane, by hand and against the request plane.

use super::tests::{LUCK, chain, play, start};
use crate::model::fault::LinkFault;
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, set_links, work,
};
use crate::model::{
    Backoff, CallPolicy, Discipline, Distribution, OnTimeout, QueueOrder, QueueSpec, Retries,
    RetryLimit, RetryOn, Scenario, Shape,
};
use crate::units::{ReplicaId, SimDuration, SimTime};
use crate::world::contract::{Asked, Command, DataPlane, Outcome, Seen};
use crate::world::data::flow::FlowPlane;
use crate::world::data::request::RequestPlane;

fn both(scenario: &Scenario, change: &dyn Fn(&mut dyn DataPlane), until: u64) -> [Seen; 2] {
    let mut flow = FlowPlane::new(scenario, LUCK);
    let mut request = RequestPlane::new(scenario, LUCK, false);
    start(&mut flow, scenario);
    start(&mut request, scenario);
    change(&mut flow);
    change(&mut request);
    [play(&mut flow, until), play(&mut request, until)]
}

fn share(seen: &Seen, outcome: Outcome) -> f64 {
    let ended = seen.actions[0].ended;
    ended[outcome as usize] as f64 / ended.iter().sum::<u64>() as f64
}

fn mean(seen: &Seen) -> f64 {
    seen.actions[0].latency.mean().unwrap_or(0.0) * 1e-9
}

/// Hops between users and the cluster, both ways.
fn set_link(plane: &mut dyn DataPlane, state: LinkFault) {
    for hop in [1, 2] {
        plane.command(Command::SetLink { hop, state });
    }
}

#[test]
fn a_slow_and_lossy_link_delays_as_request_by_request() {
    let mut scenario = chain();
    set_links(&mut scenario, 0.005);
    let fault = LinkFault {
        factor: 4.0,
        loss: 0.05,
        cut: false,
    };
    let [flow, request] = both(&scenario, &|plane| set_link(plane, fault), 600);
    // Each way 15 ms more, and 10.8 ms of retransmissions in the mean (200 ms x 0.05 + 400 ms x 0.0025 + ...).
    let added = 2.0 * (0.015 + fault.mean_retransmission());
    let [healthy, _] = both(&scenario, &|_| {}, 600);
    assert!((mean(&flow) - mean(&healthy) - added).abs() < 0.002);
    assert!(
        (mean(&flow) / mean(&request) - 1.0).abs() < 0.03,
        "{} {}",
        mean(&flow),
        mean(&request)
    );
}

#[test]
fn over_a_cut_link_everybody_waits_for_the_connect_timeout() {
    let cut = LinkFault {
        cut: true,
        ..LinkFault::NONE
    };
    for seen in both(&chain(), &|plane| set_link(plane, cut), 60) {
        assert_eq!(share(&seen, Outcome::Unreachable), 1.0);
        assert!((mean(&seen) - 5.0).abs() < 0.05, "{}", mean(&seen));
    }
}

#[test]
fn a_bad_release_fails_its_share_of_requests() {
    let errors = |plane: &mut dyn DataPlane| {
        plane.command(Command::SetErrors {
            replica: ReplicaId(1),
            ratio: 0.2,
        });
    };
    for seen in both(&chain(), &errors, 600) {
        // 60,000 actions: five deviations of a share of 20 % are 0.8 %.
        assert!((share(&seen, Outcome::Error) - 0.2).abs() < 0.009);
    }
    let mut flow = FlowPlane::new(&chain(), LUCK);
    start(&mut flow, &chain());
    errors(&mut flow);
    flow.command(Command::SetErrors {
        replica: ReplicaId(1),
        ratio: 0.0,
    });
    assert_eq!(share(&play(&mut flow, 60), Outcome::Error), 0.0);
}

/// One server of 100 requests a second with 50 places, whose callers give up after 100 ms and try up to three times
/// more; five times the load for ten seconds after a minute.
fn storm(rate: f64, on_timeout: OnTimeout) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(300));
    let back = add_service(
        &mut scenario,
        "back",
        1,
        Discipline::Fifo,
        vec![work(Distribution::exponential(0.01))],
    );
    scenario.services[0].concurrency = Some(1);
    scenario.services[0].queue = QueueSpec {
        max: Some(50),
        order: QueueOrder::Fifo,
        ..QueueSpec::UNLIMITED
    };
    let policy = CallPolicy {
        per_try_timeout: Some(SimDuration::from_millis(100)),
        timeout: Some(SimDuration::from_secs(5)),
        on_timeout,
        retries: Retries {
            max: 3,
            backoff: Backoff::ENVOY,
            when: RetryOn {
                error: false,
                ..RetryOn::ALL
            },
            limit: RetryLimit::None,
            push_back: None,
        },
        ..plain_policy()
    };
    let onward = call(&mut scenario, Some(1), back, policy);
    let front = add_service(&mut scenario, "front", 8, Discipline::Fifo, vec![onward]);
    let journey = add_journey(&mut scenario, "j", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "l", rate, journey);
    scenario.loads[0].shape = vec![Shape::Spike {
        at: SimTime::ZERO + SimDuration::from_secs(60),
        peak: 225.0 / rate,
        ramp: SimDuration::ZERO,
        length: SimDuration::from_secs(10),
    }];
    scenario
}

/// Share of actions that did not end ok: before the spike, and long after it.
fn failing(scenario: &Scenario) -> [f64; 2] {
    let mut plane = FlowPlane::new(scenario, LUCK);
    start(&mut plane, scenario);
    let before = 1.0 - share(&play(&mut plane, 60), Outcome::Ok);
    play(&mut plane, 120);
    [before, 1.0 - share(&play(&mut plane, 300), Outcome::Ok)]
}

#[test]
fn a_storm_of_retries_outlives_its_cause_where_it_can_feed_itself() {
    // 4 x 45 tries a second are more than 100: it stays. 4 x 15 are fewer: it starves. Work that is taken back is not
    // done for nobody: what is served in time is served.
    let [before, after] = failing(&storm(45.0, OnTimeout::LetRun));
    assert!(before < 0.02 && after > 0.9, "{before} {after}");
    let [before, after] = failing(&storm(15.0, OnTimeout::LetRun));
    assert!(before < 0.01 && after < 0.01, "{before} {after}");
    let [before, after] = failing(&storm(45.0, OnTimeout::Cancel));
    assert!(before < 0.02 && after < 0.02, "{before} {after}");
}

#[test]
fn nothing_is_found_again_while_nothing_changes() {
    let mut scenario = chain();
    scenario.loads[0].shape = vec![Shape::Steps(vec![(
        SimTime::ZERO + SimDuration::from_secs(1800),
        1.5,
    )])];
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    play(&mut plane, 60);
    let settled = plane.found();
    // Looks every 15 s for half an hour find nothing again.
    for look in 5..=120 {
        play(&mut plane, 15 * look);
    }
    assert_eq!(plane.found(), settled);
    play(&mut plane, 1_815);
    let after_the_step = plane.found();
    assert!(after_the_step > settled);
    play(&mut plane, 3_600);
    assert_eq!(plane.found(), after_the_step);
}

#[test]
fn watched_stations_are_shown_in_pulses_and_again_in_the_next_full_look() {
    let scenario = chain();
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    let mut seen = Seen::default();
    let (mut arrived, mut latencies) = (0, 0);
    for look in 1..=4 {
        let until = SimTime::ZERO + SimDuration::from_secs(15 * look);
        while plane.advance(until).expect("no limit").now < until {}
        let asked = Asked {
            cpu: &[1],
            all: &[1],
            actions: false,
        };
        plane.pulse(&mut seen, asked);
        assert!(!seen.full && seen.stations[0].arrived == 0);
        // 1,500 expected: six deviations are 232.
        assert!(seen.stations[1].arrived.abs_diff(1_500) < 232);
        arrived += seen.stations[1].arrived;
        latencies += seen.stations[1].latency.count();
    }
    plane.pulse(&mut seen, Asked::default());
    assert_eq!(seen.stations[1].arrived, 0);
    let full = play(&mut plane, 60);
    assert_eq!(full.stations[1].arrived, arrived);
    assert_eq!(full.stations[1].latency.count(), latencies);
    assert!(full.stations[0].arrived.abs_diff(6_000) < 465);
}
