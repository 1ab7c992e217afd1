//! Connections: set-up, pools, limits, what a balancer spreads, storms, and names that are resolved.

use super::*;
use crate::model::sample::set_links;
use crate::model::{Arrivals, Connections, LoadKind, Resolve, Unit};
use crate::queueing::mmc_response;

fn plain() -> Connections {
    Connections {
        max: None,
        setup: constant(0.0),
        work: constant(0.0),
        pool: 100,
        streams: 1,
        max_age: None,
        resolve: None,
    }
}

/// `front` calls `back`, which does `steps`; one action a `gap`, evenly, until `end` seconds. Front is the second service.
fn pair(steps: Vec<Step>, connections: Connections, gap: f64, end: f64) -> Scenario {
    pair_with(steps, connections, plain_policy(), gap, end)
}

fn pair_with(
    steps: Vec<Step>,
    connections: Connections,
    policy: crate::model::CallPolicy,
    gap: f64,
    end: f64,
) -> Scenario {
    let mut scenario = empty(SimDuration::from_seconds(end));
    let back = add_service(&mut scenario, "back", 1, Discipline::Infinite, steps);
    scenario.services[0].connections = Some(Box::new(connections));
    let calls = vec![call(&mut scenario, Some(1), back, policy)];
    let front = add_service(&mut scenario, "front", 1, Discipline::Infinite, calls);
    load_evenly(&mut scenario, front, gap);
    scenario
}

/// Opened and refused at a service.
fn counted(seen: &Seen, service: usize) -> (u64, u64) {
    let station = &seen.stations[service];
    (station.connections_opened, station.connections_refused)
}

#[test]
fn the_first_request_pays_the_set_up_and_the_next_finds_the_connection() {
    // 10 ms a way between services and to the users: 20 ms for the users' hop, then a round trip of 20 ms, 3 ms of work,
    // 7 ms of set-up, a round trip of 20 ms and 100 ms: 170 ms; the second request 140 ms.
    let mut scenario = pair(
        vec![step(StepKind::Wait(constant(0.1)))],
        Connections {
            setup: constant(0.007),
            work: constant(0.003),
            ..plain()
        },
        1.0,
        2.5,
    );
    set_links(&mut scenario, 0.01);
    let inside = scenario
        .links
        .between(
            crate::model::LinkEnd::Cluster(ClusterId(0)),
            crate::model::LinkEnd::Cluster(ClusterId(0)),
        )
        .one_way
        .mean();
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 10.0);
    let found = latencies(&seen);
    let second = 0.02 + 2.0 * inside + 0.1;
    let first = second + 2.0 * inside + 0.01;
    assert!(
        (found[0] - first).abs() < 1e-6 && (found[1] - second).abs() < 1e-6,
        "{found:?}"
    );
    assert_eq!(counted(&seen, 0), (1, 0));
    // The work of the set-up is the callee's.
    assert_eq!(seen.stations[0].cpu_ns, 3_000_000);
    assert_eq!((plane.pools.open(), plane.pools.counted()), (1, 1));
}

#[test]
fn a_pool_of_one_serves_one_after_the_other_in_order() {
    // Three at once (a fan-out of the front), one connection, 1 s each: 1, 2, 3 s; the action has all after 3 s.
    let mut scenario = pair(
        vec![step(StepKind::Wait(constant(1.0)))],
        Connections { pool: 1, ..plain() },
        1.0,
        1.5,
    );
    let one = scenario.endpoints[1].steps.clone();
    let Parallel { branches, .. } = Parallel::all(vec![
        step(StepKind::Do(one.clone())),
        step(StepKind::Do(one.clone())),
        step(StepKind::Do(one)),
    ]);
    scenario.endpoints[1].steps = vec![step(StepKind::Parallel(Parallel::all(branches)))];
    let mut plane = plane(&scenario, 0, 1);
    observe(&mut plane, 2.5);
    assert_eq!(plane.pools.waiting(), 1);
    let seen = observe(&mut plane, 10.0);
    assert_eq!(latencies(&seen), [3.0]);
    assert_eq!(plane.pools.open(), 1);
}

#[test]
fn a_pool_of_c_connections_waits_as_an_m_m_c() {
    // Poisson arrivals at one caller, exponential answers: the pool is an M/M/3 queue (Erlang C). Judged by Student's t
    // over 12 replications at a false-alarm rate of 1e-6.
    let mut scenario = pair(
        vec![step(StepKind::Wait(exp(1.0)))],
        Connections { pool: 3, ..plain() },
        1.0 / 2.4,
        20_000.0,
    );
    if let LoadKind::Open { arrivals, .. } = &mut scenario.loads[0].kind {
        *arrivals = Arrivals::Poisson;
    }
    let means: Vec<f64> = (0..12)
        .map(|replication| {
            let mut plane = plane(&scenario, replication, 1);
            let times = latencies(&observe(&mut plane, 20_000.0));
            times[2_000..].iter().sum::<f64>() / (times.len() - 2_000) as f64
        })
        .collect();
    let mean = means.iter().sum::<f64>() / 12.0;
    let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 11.0;
    let half = 9.4 * (variance / 12.0).sqrt();
    let expected = mmc_response(3, 2.4, 1.0);
    assert!(
        (mean - expected).abs() < half && half < 0.15 * expected,
        "{mean} {half} {expected}"
    );
}

#[test]
fn a_replica_refuses_more_than_it_accepts() {
    // Two at once, one accepted: the other's caller finds nobody.
    let scenario = pair(
        vec![step(StepKind::Wait(constant(5.0)))],
        Connections {
            max: Some(1),
            ..plain()
        },
        1.0,
        2.5,
    );
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 20.0);
    assert_eq!(counted(&seen, 0), (1, 1));
    assert_eq!(seen.stations[0].ended[Outcome::Unreachable as usize], 1);
    assert_eq!(seen.stations[0].ended[Outcome::Ok as usize], 1);
    assert_eq!(plane.frames.live(), 0);
}

#[test]
fn requests_follow_their_connection_where_connections_are_balanced() {
    // One caller, streams for all: a second replica gets nothing. By requests each gets its share.
    let share = |unit: Unit| {
        let mut policy = plain_policy();
        policy.balance.unit = unit;
        let rule = Connections {
            streams: 100,
            ..plain()
        };
        let steps = vec![step(StepKind::Wait(constant(0.01)))];
        let mut scenario = pair_with(steps, rule, policy, 0.05, 50.0);
        let mut plane = {
            scenario.horizon = SimDuration::from_secs(60);
            let mut plane = RequestPlane::new(
                &scenario,
                Luck {
                    seed: 1,
                    replication: 0,
                    stage: 0,
                },
                true,
            );
            add(&mut plane, ReplicaId(0), ServiceId(0), None);
            add(&mut plane, ReplicaId(1), ServiceId(1), None);
            plane
        };
        observe(&mut plane, 10.0);
        add(&mut plane, ReplicaId(2), ServiceId(0), None);
        let seen = observe(&mut plane, 40.0);
        let busy = plane.replicas[2].served as f64;
        (busy / seen.stations[0].arrived as f64, counted(&seen, 0).0)
    };
    assert_eq!(share(Unit::Connections), (0.0, 0));
    let (of_requests, opened) = share(Unit::Requests);
    assert!((of_requests - 0.5).abs() < 0.1, "{of_requests}");
    assert_eq!(
        opened, 1,
        "one stream-carrying connection to the new replica"
    );
}

#[test]
fn old_connections_are_opened_anew() {
    // One request a second, 3 s of age: every third request opens one.
    let rule = Connections {
        max_age: Some(SimDuration::from_secs(3)),
        ..plain()
    };
    let mut plane = plane(
        &pair(vec![step(StepKind::Wait(constant(0.1)))], rule, 1.0, 9.5),
        0,
        1,
    );
    let seen = observe(&mut plane, 20.0);
    assert_eq!(counted(&seen, 0), (3, 0));
    assert_eq!((plane.pools.open(), plane.pools.counted()), (1, 1));
}

#[test]
fn a_time_out_costs_an_exclusive_connection_and_no_shared_one() {
    for (streams, opened) in [(1, 3), (10, 1)] {
        let mut policy = plain_policy();
        policy.timeout = Some(SimDuration::from_millis(500));
        let steps = vec![step(StepKind::Wait(constant(0.8)))];
        let rule = Connections { streams, ..plain() };
        let mut plane = plane(&pair_with(steps, rule, policy, 1.0, 3.5), 0, 1);
        let seen = observe(&mut plane, 20.0);
        assert_eq!(seen.stations[0].ended[Outcome::Timeout as usize], 3);
        assert_eq!(counted(&seen, 0), (opened, 0), "{streams} streams");
        assert_eq!(plane.frames.live(), 0);
    }
}

#[test]
fn a_replica_that_comes_back_meets_all_its_callers_at_once() {
    // Five callers with a connection each, 10 ms of work for a set-up on one core: after the only replica is replaced,
    // five set-ups queue at the new one.
    let rule = Connections {
        work: constant(0.01),
        ..plain()
    };
    let steps = vec![step(StepKind::Wait(constant(0.1)))];
    let mut scenario = pair(steps, rule, 0.2, 12.0);
    scenario.services[0].processor.discipline = Discipline::Fifo;
    let luck = Luck {
        seed: 1,
        replication: 0,
        stage: 0,
    };
    let mut plane = RequestPlane::new(&scenario, luck, true);
    add(&mut plane, ReplicaId(0), ServiceId(0), None);
    for replica in 1..=5 {
        add(&mut plane, ReplicaId(replica), ServiceId(1), None);
    }
    let before = observe(&mut plane, 5.0);
    assert!(counted(&before, 0).0 >= 4, "{:?}", counted(&before, 0));
    plane.command(Command::Kill {
        replica: ReplicaId(0),
    });
    assert_eq!(plane.pools.counted(), 0);
    add(&mut plane, ReplicaId(6), ServiceId(0), None);
    let after = observe(&mut plane, 11.0);
    assert!(counted(&after, 0).0 >= 4);
    let (opened, cpu) = (counted(&after, 0).0, after.stations[0].cpu_ns);
    assert_eq!(cpu, opened * 10_000_000);
}

/// The pair, with a third service that answers for the name of the first.
fn resolving(ttl: f64, queries: u32) -> Scenario {
    // No connection outlives its request, so that each call looks for an address.
    let rule = Connections {
        max_age: Some(SimDuration(1)),
        ..plain()
    };
    let steps = vec![step(StepKind::Wait(constant(0.1)))];
    let mut scenario = pair(steps, rule, 1.0, 9.5);
    let answers = vec![step(StepKind::Wait(constant(0.001)))];
    let via = add_service(&mut scenario, "dns", 1, Discipline::Infinite, answers);
    // An edge from front to dns.
    call(&mut scenario, Some(1), via, plain_policy());
    let rule = scenario.services[0].connections.as_mut().expect("given");
    rule.resolve = Some(Resolve {
        via,
        ttl: SimDuration::from_seconds(ttl),
        queries,
        policy: plain_policy(),
    });
    scenario
}

#[test]
fn a_name_is_asked_for_once_a_time_to_live() {
    // Nine actions, one a second; an answer of 2 queries holds 3.5 s: asked for at 1, 5 and 9 s.
    let mut plane = plane(&resolving(3.5, 2), 0, 1);
    let seen = observe(&mut plane, 20.0);
    assert_eq!(seen.stations[2].arrived, 6);
    assert_eq!(seen.stations[0].ended[Outcome::Ok as usize], 9);
    let found = latencies(&seen);
    assert!(
        (found[0] - 0.102).abs() < 1e-9 && (found[1] - 0.1).abs() < 1e-9,
        "{found:?}"
    );
}

#[test]
fn a_stale_answer_leads_to_a_replica_that_is_gone() {
    // Asked for at 1 s for 100 s; the replica is replaced at 4.5 s: all later calls go to the old address.
    let mut plane = plane(&resolving(100.0, 1), 0, 1);
    observe(&mut plane, 4.5);
    plane.command(Command::Kill {
        replica: ReplicaId(0),
    });
    add(&mut plane, ReplicaId(3), ServiceId(0), None);
    let seen = observe(&mut plane, 20.0);
    assert_eq!(seen.stations[0].ended[Outcome::Unreachable as usize], 5);
    assert_eq!(seen.stations[0].ended[Outcome::Ok as usize], 0);
    // With a short time to live they find the new one.
    let mut fresh = self::plane(&resolving(0.5, 1), 0, 1);
    observe(&mut fresh, 4.5);
    fresh.command(Command::Kill {
        replica: ReplicaId(0),
    });
    add(&mut fresh, ReplicaId(3), ServiceId(0), None);
    let seen = observe(&mut fresh, 20.0);
    assert_eq!(seen.stations[0].ended[Outcome::Ok as usize], 5);
}

#[test]
fn a_breaker_limits_what_its_client_has_open_and_waiting() {
    // Three at once, one connection and one that waits: the third is refused; the second follows the first.
    let mut policy = plain_policy();
    policy.breaker = Some(crate::model::Breaker {
        max_connections: 1,
        max_pending: 1,
        ..crate::model::Breaker::ISTIO
    });
    let steps = vec![step(StepKind::Wait(constant(1.0)))];
    let mut scenario = pair_with(steps, plain(), policy, 1.0, 1.5);
    let one = step(StepKind::Do(scenario.endpoints[1].steps.clone()));
    let three = Parallel::all(vec![one.clone(), one.clone(), one]);
    scenario.endpoints[1].steps = vec![step(StepKind::Parallel(three))];
    let mut plane = plane(&scenario, 0, 1);
    let seen = observe(&mut plane, 10.0);
    let ended = &seen.stations[0].ended;
    assert_eq!(
        (
            ended[Outcome::Ok as usize],
            ended[Outcome::CircuitOpen as usize]
        ),
        (2, 1)
    );
    assert_eq!(counted(&seen, 0), (1, 0));
    assert_eq!(plane.frames.live(), 0);
}
