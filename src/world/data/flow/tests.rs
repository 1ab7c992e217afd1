//! Expectations of the flow plane derived by hand.

use crate::model::sample::{
    add_journey, add_open_load, add_service, add_users, call, cluster, empty, plain_policy,
    set_links, set_quota, work,
};
use crate::model::{Discipline, Distribution, RoutingMode, Scenario};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{Command, DataPlane, Luck, Notice, Outcome, Seen};
use crate::world::data::flow::FlowPlane;
use crate::world::data::request::RequestPlane;

pub(super) const LUCK: Luck = Luck {
    seed: 11,
    replication: 0,
    stage: 0,
};

pub(super) fn chain() -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(3600));
    set_links(&mut scenario, 0.001);
    let last = add_service(
        &mut scenario,
        "s3",
        2,
        Discipline::Fifo,
        vec![work(Distribution::exponential(0.005))],
    );
    let onward = call(&mut scenario, Some(1), last, plain_policy());
    let middle = add_service(
        &mut scenario,
        "s2",
        2,
        Discipline::Fifo,
        vec![work(Distribution::exponential(0.003)), onward],
    );
    let onward = call(&mut scenario, Some(2), middle, plain_policy());
    let first = add_service(
        &mut scenario,
        "s1",
        2,
        Discipline::Fifo,
        vec![work(Distribution::exponential(0.002)), onward],
    );
    let journey = add_journey(
        &mut scenario,
        "request",
        first,
        SimDuration::from_millis(50),
    );
    add_open_load(&mut scenario, "clients", 100.0, journey);
    scenario
}

/// One listed replica of every service in every cluster, in order of service and cluster.
pub(super) fn start(plane: &mut impl DataPlane, scenario: &Scenario) {
    let mut next = 0;
    for service in 0..scenario.services.len() {
        for cluster in 0..scenario.clusters.len() {
            let replica = ReplicaId(next);
            next += 1;
            let (service, cluster) = (
                ServiceId::from_index(service),
                ClusterId::from_index(cluster),
            );
            plane.command(Command::AddReplica {
                replica,
                service,
                cluster,
                speed: 1.0,
                warmup: None,
            });
            plane.command(Command::Ready { replica });
            plane.command(Command::List { replica });
        }
    }
}

pub(super) fn play(plane: &mut impl DataPlane, until: u64) -> Seen {
    let mut seen = Seen::default();
    while plane
        .advance(SimTime::ZERO + SimDuration::from_secs(until))
        .unwrap()
        .now
        .0
        < until * 1_000_000_000
    {}
    plane.observe(&mut seen);
    seen
}

#[test]
fn the_chain_answers_in_the_mean_of_theory() {
    let scenario = chain();
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    let seen = play(&mut plane, 600);
    let mean = seen.actions[0].latency.mean().unwrap() * 1e-9;
    assert!((mean / 0.016_422 - 1.0).abs() < 0.01, "{mean}");
    // 60,000 expected; 5 standard deviations: false alarm 6e-7.
    assert!(seen.actions[0].ended[0].abs_diff(60_000) < 1_225);
    // 100/s of 2, 3 and 5 ms: 60,000 ms each times the demand, spread below 1 % (5 deviations of 0.6 %).
    for (station, demand) in [(0, 0.005), (1, 0.003), (2, 0.002)] {
        let cores = seen.stations[station].cpu_ns as f64 * 1e-9 / 600.0;
        assert!((cores / (100.0 * demand) - 1.0).abs() < 0.03, "{cores}");
    }
}

#[test]
fn both_planes_agree_on_throughput_utilisation_and_latency() {
    let scenario = chain();
    let mut flow = FlowPlane::new(&scenario, LUCK);
    let mut request = RequestPlane::new(&scenario, LUCK, false);
    start(&mut flow, &scenario);
    start(&mut request, &scenario);
    let (flow, request) = (play(&mut flow, 3600), play(&mut request, 3600));
    let close = |left: f64, right: f64, what: &str| {
        assert!((left / right - 1.0).abs() < 0.02, "{what}: {left} {right}")
    };
    // Each side has 360,000 requests: relative standard deviation 0.17 %, CPU 0.24 %; 2 % is beyond 5 deviations.
    close(
        flow.actions[0].ended[0] as f64,
        request.actions[0].ended[0] as f64,
        "throughput",
    );
    for station in 0..3 {
        close(
            flow.stations[station].cpu_ns as f64,
            request.stations[station].cpu_ns as f64,
            "CPU",
        );
        close(
            flow.stations[station].in_flight_seconds,
            request.stations[station].in_flight_seconds,
            "in flight",
        );
    }
    let quantile = |seen: &Seen, ratio| seen.actions[0].latency.quantile(ratio).unwrap() as f64;
    for ratio in [0.5, 0.9, 0.99] {
        let (left, right) = (quantile(&flow, ratio), quantile(&request, ratio));
        assert!(
            (left / right - 1.0).abs() < 0.05,
            "quantile {ratio}: {left} {right}"
        );
    }
}

#[test]
fn closed_users_come_as_often_as_thinking_and_waiting_allow() {
    let mut scenario = empty(SimDuration::from_secs(600));
    let endpoint = add_service(
        &mut scenario,
        "s",
        1,
        Discipline::ProcessorSharing,
        vec![work(Distribution::constant(0.001))],
    );
    let journey = add_journey(&mut scenario, "j", endpoint, SimDuration::from_secs(1));
    add_users(
        &mut scenario,
        "users",
        100,
        Distribution::constant(1.0),
        journey,
    );
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    let seen = play(&mut plane, 600);
    // 100 / (1 + 0.0011) a second, 5 standard deviations.
    assert!((seen.actions[0].issued as f64 - 59_934.0).abs() < 1_225.0);
}

#[test]
fn weights_send_their_share_across() {
    let mut scenario = chain();
    scenario.clusters = vec![cluster("source"), cluster("target")];
    set_links(&mut scenario, 0.001);
    scenario.migration = Some(migration());
    scenario
        .services
        .iter_mut()
        .for_each(|service| service.placed.push(service.placed[0]));
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    for (service, weight) in [(0, 0.25), (1, 0.0), (2, 0.0)] {
        let service = ServiceId(service);
        plane.command(Command::SetRouting {
            service,
            mode: RoutingMode::Weighted,
            weight,
            callers_share: 0.0,
        });
    }
    let seen = play(&mut plane, 600);
    // Edge 0 is s2 to s3, all callers in the source (place 1): a quarter of 60,000 goes to place 2.
    assert!(seen.edges[0].calls[3 + 2].abs_diff(15_000) < 620);
    assert!(seen.edges[0].calls[3 + 1].abs_diff(45_000) < 1_070);
    // Requests of 1 kB go over with their calls, the replies come back.
    assert_eq!(seen.edges[0].bytes[3 + 2], seen.edges[0].bytes[2 * 3 + 1]);
    assert!(seen.edges[0].bytes[3 + 2].abs_diff(1000 * seen.edges[0].calls[3 + 2]) <= 1000);
}

pub(super) fn migration() -> crate::model::Migration {
    crate::model::Migration {
        from: ClusterId(0),
        to: ClusterId(1),
        methods: Vec::new(),
        gates: Vec::new(),
        routing: RoutingMode::Weighted,
        prepare_scale: 1.0,
        freeze_hpa: false,
        prepare_warm: SimDuration::ZERO,
        soak: SimDuration::ZERO,
        keep: SimDuration::ZERO,
        reserve: 1.0,
        together: Vec::new(),
        overlap: 1,
        parallel_moves: None,
        deadline: None,
        constraints: crate::model::Constraints::default(),
        moves: Vec::new(),
    }
}

#[test]
fn without_a_listed_replica_every_action_ends_so() {
    let scenario = chain();
    let mut plane = FlowPlane::new(&scenario, LUCK);
    let seen = play(&mut plane, 60);
    let actions = &seen.actions[0];
    assert_eq!(
        actions.ended.iter().sum::<u64>(),
        actions.ended[Outcome::NoReadyReplica as usize]
    );
    assert!(actions.ended[Outcome::NoReadyReplica as usize].abs_diff(6_000) < 390);
    assert_eq!(actions.good, 0);
}

#[test]
fn overload_piles_up_at_the_rate_of_the_excess() {
    let mut scenario = empty(SimDuration::from_secs(600));
    let endpoint = add_service(
        &mut scenario,
        "s",
        1,
        Discipline::Fifo,
        vec![work(Distribution::constant(0.01))],
    );
    let journey = add_journey(&mut scenario, "j", endpoint, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "l", 150.0, journey);
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    play(&mut plane, 60);
    let seen = play(&mut plane, 61);
    // 50 a second too many for 60 s: 3,000 behind at 100 a second is a wait of 30 s.
    let mean = seen.stations[0].latency.mean().unwrap() * 1e-9;
    assert!((mean - 30.0).abs() < 2.0, "{mean}");
    // The processor is busy all the time and no more.
    assert!(seen.stations[0].cpu_ns as f64 <= 1.5e9);
}

#[test]
fn a_draining_replica_without_work_is_idle_at_once() {
    let scenario = chain();
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    play(&mut plane, 60);
    plane.command(Command::Delist {
        replica: ReplicaId(0),
    });
    plane.command(Command::Drain {
        replica: ReplicaId(0),
    });
    let advanced = plane
        .advance(SimTime::ZERO + SimDuration::from_secs(120))
        .unwrap();
    assert_eq!(
        advanced.notice,
        Some(Notice::Drained {
            replica: ReplicaId(0)
        })
    );
    assert!(advanced.now.seconds() < 61.0);
}

#[test]
fn the_same_luck_gives_the_same_observation() {
    let scenario = chain();
    let run = || {
        let mut plane = FlowPlane::new(&scenario, LUCK);
        start(&mut plane, &scenario);
        play(&mut plane, 60)
    };
    let (first, second) = (run(), run());
    assert_eq!(first.actions[0].latency, second.actions[0].latency);
    assert_eq!(first.stations[1].cpu_ns, second.stations[1].cpu_ns);
}

/// Users browse a page of nine catalogue calls and a basket under a CPU quota, both split over two clusters.
fn shop() -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(3600));
    scenario.clusters = vec![cluster("source"), cluster("target")];
    set_links(&mut scenario, 0.002);
    let work_of = |mean| vec![work(Distribution::exponential(mean))];
    let catalogue = add_service(
        &mut scenario,
        "catalogue",
        1,
        Discipline::ProcessorSharing,
        work_of(0.0015),
    );
    let basket = add_service(
        &mut scenario,
        "basket",
        1,
        Discipline::ProcessorSharing,
        work_of(0.005),
    );
    set_quota(&mut scenario, 1, 200);
    let mut nine = call(&mut scenario, Some(2), catalogue, plain_policy());
    nine.times = Some(Distribution::constant(9.0));
    let mut once = call(&mut scenario, Some(2), basket, plain_policy());
    once.chance = 0.25;
    let mut steps = work_of(0.002);
    steps.extend([nine, once]);
    let front = add_service(
        &mut scenario,
        "front",
        2,
        Discipline::ProcessorSharing,
        steps,
    );
    let journey = add_journey(
        &mut scenario,
        "browse",
        front,
        SimDuration::from_millis(200),
    );
    add_users(
        &mut scenario,
        "users",
        300,
        Distribution::exponential(5.0),
        journey,
    );
    scenario.migration = Some(migration());
    scenario
}

#[test]
fn both_planes_agree_on_a_shop_that_is_being_moved() {
    let scenario = shop();
    let mut flow = FlowPlane::new(&scenario, LUCK);
    let mut request = RequestPlane::new(&scenario, LUCK, false);
    let split = |plane: &mut dyn DataPlane, mode| {
        for (service, weight, callers_share) in [(0, 0.3, 0.6), (1, 0.8, 0.6), (2, 0.6, 0.0)] {
            let service = ServiceId(service);
            plane.command(Command::SetRouting {
                service,
                mode,
                weight,
                callers_share,
            });
        }
    };
    start(&mut flow, &scenario);
    start(&mut request, &scenario);
    let mut until = 0;
    for mode in [
        RoutingMode::Weighted,
        RoutingMode::LocalFirst,
        RoutingMode::CallerFollows,
    ] {
        split(&mut flow, mode);
        split(&mut request, mode);
        until += 1200;
        let (flow, request) = (play(&mut flow, until), play(&mut request, until));
        let close = |left: f64, right: f64, within: f64, what: &str| {
            assert!(
                (left / right - 1.0).abs() < within,
                "{mode:?} {what}: {left} {right}"
            );
        };
        // About 70,000 actions a side: standard deviation 0.4 %; four of both sides' are 2 %.
        close(
            flow.actions[0].ended[0] as f64,
            request.actions[0].ended[0] as f64,
            0.02,
            "throughput",
        );
        for (edge, (left, right)) in flow.edges.iter().zip(&request.edges).enumerate() {
            let total: u64 = right.calls.iter().sum();
            for (pair, (left, right)) in left.calls.iter().zip(&right.calls).enumerate() {
                let apart = left.abs_diff(*right) as f64 / total as f64;
                assert!(
                    apart < 0.02,
                    "{mode:?} edge {edge} pair {pair}: {left} {right}"
                );
            }
        }
        for (station, (left, right)) in flow.stations.iter().zip(&request.stations).enumerate() {
            let cores = |ns: u64| ns as f64 / 1200e9;
            assert!(
                (cores(left.cpu_ns) - cores(right.cpu_ns)).abs() < 0.02,
                "{mode:?} station {station}"
            );
        }
        let mean = |seen: &Seen| seen.actions[0].latency.mean().unwrap();
        close(mean(&flow), mean(&request), 0.1, "mean response");
        let tail = |seen: &Seen| seen.actions[0].latency.quantile(0.95).unwrap() as f64;
        close(tail(&flow), tail(&request), 0.2, "p95");
    }
}

/// What is mended piece by piece against what is found anew, after each of many changes: the slow twin.
#[test]
fn a_mended_point_is_the_point_found_anew() {
    let scenario = shop();
    let mut plane = FlowPlane::new(&scenario, LUCK);
    start(&mut plane, &scenario);
    let clusters = scenario.clusters.len() as u32;
    for change in 0..40_u32 {
        let service = ServiceId(change % 3);
        match change % 4 {
            0 => plane.command(Command::SetRouting {
                service,
                mode: RoutingMode::Weighted,
                weight: f64::from(change % 10) / 10.0,
                callers_share: 0.5,
            }),
            1 => plane.command(Command::SetRate {
                replica: ReplicaId(change % (3 * clusters)),
                speed: 0.5 + f64::from(change % 7) / 4.0,
            }),
            2 => plane.command(Command::Delist {
                replica: ReplicaId(change % (3 * clusters)),
            }),
            _ => plane.command(Command::List {
                replica: ReplicaId((change - 1) % (3 * clusters)),
            }),
        }
        play(&mut plane, u64::from(change + 1) * 20);
        let (mended, anew) = plane.mended_and_found_anew();
        let near = |left: f64, right: f64, what: &str| {
            let apart = (left - right).abs();
            assert!(
                apart <= 0.01 * right.abs() + 1e-6,
                "change {change}, {what}: {left} {right}"
            );
        };
        for (left, right) in mended.sources.iter().zip(&anew.sources) {
            near(left.rate, right.rate, "rate");
        }
        for (left, right) in mended.answers.iter().zip(&anew.answers) {
            near(left.time.mean, right.time.mean, "response");
            near(left.outcomes[0], right.outcomes[0], "ok");
        }
        for (left, right) in mended.stations.iter().zip(&anew.stations) {
            near(left.cores, right.cores, "cores");
        }
    }
}
