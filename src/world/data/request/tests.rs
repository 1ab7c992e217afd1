use super::RequestPlane;
use crate::model::distribution::Part;
use crate::model::sample::{
    add_journey, add_open_load, add_service, add_users, call, empty, plain_policy, set_links,
    set_quota, step, work,
};
use crate::model::{
    Balancer, CallPolicy, Discipline, Distribution, Parallel, Scenario, Step, StepKind,
};
use crate::queueing::mmc_response;
use crate::units::{ReplicaId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{ActionRecord, Command, DataPlane, Luck, Outcome, Seen};

const MS: f64 = 1e-3;

fn exp(mean_seconds: f64) -> Distribution {
    Distribution::exponential(mean_seconds)
}

/// Starts `replicas` of every service in the first cluster and plays to the horizon.
pub(super) fn play(scenario: &Scenario, replication: u32, replicas: u32) -> Seen {
    let mut plane = RequestPlane::new(
        scenario,
        Luck {
            seed: 1,
            replication,
            stage: 0,
        },
        true,
    );
    let mut id = 0;
    for service in 0..scenario.services.len() {
        for _ in 0..replicas {
            let (replica, service, cluster) = (
                ReplicaId(id),
                ServiceId::from_index(service),
                crate::units::ClusterId(0),
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
            id += 1;
        }
    }
    plane.advance(scenario.end()).expect("no limit is reached");
    let mut seen = Seen::default();
    plane.observe(&mut seen);
    seen
}

/// Mean latency in milliseconds after a warm-up of a tenth of the horizon, over 12 replications, with the
/// half-width of its interval: Student's t with 11 degrees at a two-sided error of 1e-6 is 9.4.
fn mean_latency(scenario: &Scenario, replicas: u32) -> (f64, f64) {
    let means: Vec<f64> = (0..12)
        .map(|replication| {
            let seen = play(scenario, replication, replicas);
            let after = SimTime(scenario.horizon.0 / 10);
            let times: Vec<f64> = seen
                .records
                .iter()
                .filter(|r| r.issued >= after)
                .map(|r| r.ended.since(r.issued).seconds() * 1e3)
                .collect();
            times.iter().sum::<f64>() / times.len() as f64
        })
        .collect();
    let mean = means.iter().sum::<f64>() / 12.0;
    let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 11.0;
    (mean, 9.4 * (variance / 12.0).sqrt())
}

/// False alarm of each check: 1e-6; the interval must also be tight enough to mean something (5 %).
pub(super) fn check(scenario: &Scenario, replicas: u32, theory_ms: f64) {
    let (mean, half) = mean_latency(scenario, replicas);
    assert!(
        (mean - theory_ms).abs() <= half,
        "{mean} ± {half} ms, theory {theory_ms} ms"
    );
    assert!(half < 0.05 * theory_ms, "half-width {half} of {theory_ms}");
}

/// One station under Poisson load, an hour.
fn station(cores: u32, discipline: Discipline, demand: Distribution, rate: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(3600));
    let endpoint = add_service(&mut scenario, "s", cores, discipline, vec![work(demand)]);
    let journey = add_journey(
        &mut scenario,
        "request",
        endpoint,
        SimDuration::from_secs(1),
    );
    add_open_load(&mut scenario, "clients", rate, journey);
    scenario
}

#[test]
fn one_fifo_server_is_m_m_1() {
    // 1 / (1/8 - 0.075) ms = 20 ms.
    check(&station(1, Discipline::Fifo, exp(8.0 * MS), 75.0), 1, 20.0);
}

#[test]
fn four_fifo_servers_are_m_m_c() {
    let theory = mmc_response(4, 300.0, 0.01) * 1e3;
    check(
        &station(4, Discipline::Fifo, exp(10.0 * MS), 300.0),
        1,
        theory,
    );
}

#[test]
fn a_constant_demand_waits_half_as_long() {
    // Pollaczek-Khinchine: 8 + 0.6 * 8 / (2 * 0.4) = 14 ms.
    check(
        &station(1, Discipline::Fifo, Distribution::constant(8.0 * MS), 75.0),
        1,
        14.0,
    );
}

#[test]
fn sharing_depends_on_the_mean_demand_only() {
    check(
        &station(
            1,
            Discipline::ProcessorSharing,
            Distribution::constant(8.0 * MS),
            75.0,
        ),
        1,
        20.0,
    );
    check(
        &station(
            1,
            Discipline::ProcessorSharing,
            Distribution::of(Part::hyperexponential(8.0 * MS, 2.0)),
            75.0,
        ),
        1,
        20.0,
    );
}

#[test]
fn a_chain_of_three_takes_16_42_ms() {
    let mut scenario = empty(SimDuration::from_secs(600));
    let s3 = add_service(
        &mut scenario,
        "s3",
        2,
        Discipline::Fifo,
        vec![work(exp(5.0 * MS))],
    );
    let to_s3 = call(&mut scenario, Some(1), s3, plain_policy());
    let s2 = add_service(
        &mut scenario,
        "s2",
        2,
        Discipline::Fifo,
        vec![work(exp(3.0 * MS)), to_s3],
    );
    let to_s2 = call(&mut scenario, Some(2), s2, plain_policy());
    let s1 = add_service(
        &mut scenario,
        "s1",
        2,
        Discipline::Fifo,
        vec![work(exp(2.0 * MS)), to_s2],
    );
    let journey = add_journey(&mut scenario, "request", s1, SimDuration::from_millis(50));
    add_open_load(&mut scenario, "clients", 100.0, journey);
    set_links(&mut scenario, 1.0 * MS);
    // M/M/2 sojourns at rho 0.1, 0.15, 0.25: D / (1 - rho^2), and six hops of 1 ms.
    check(&scenario, 1, 2.0 / 0.99 + 3.0 / 0.9775 + 5.0 / 0.9375 + 6.0);
}

#[test]
fn a_fork_of_two_waits_for_the_slower() {
    // Two M/M/1 queues fed by the same arrivals: (12 - rho) / 8 times the M/M/1 sojourn (Flatto and Hahn 1984).
    let mut scenario = empty(SimDuration::from_secs(600));
    let a = add_service(
        &mut scenario,
        "a",
        1,
        Discipline::Fifo,
        vec![work(exp(10.0 * MS))],
    );
    let b = add_service(
        &mut scenario,
        "b",
        1,
        Discipline::Fifo,
        vec![work(exp(10.0 * MS))],
    );
    let branches = vec![
        call(&mut scenario, Some(2), a, plain_policy()),
        call(&mut scenario, Some(2), b, plain_policy()),
    ];
    let front = add_service(
        &mut scenario,
        "front",
        1,
        Discipline::Fifo,
        vec![step(StepKind::Parallel(Parallel::all(branches)))],
    );
    let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "clients", 50.0, journey);
    check(&scenario, 1, (12.0 - 0.5) / 8.0 * 20.0);
}

#[test]
fn closed_users_obey_littles_law() {
    // 1 user: 10 ms of work and 90 ms of thought, 600 s: 6000 actions on average; the count of a renewal
    // process has deviation sqrt(n) * cv with cv^2 = (0.01^2 + 0.09^2) / 0.1^2 = 0.82: 70, and 4.9 of them 343.
    let mut scenario = empty(SimDuration::from_secs(600));
    let endpoint = add_service(
        &mut scenario,
        "s",
        1,
        Discipline::Fifo,
        vec![work(exp(10.0 * MS))],
    );
    let journey = add_journey(
        &mut scenario,
        "request",
        endpoint,
        SimDuration::from_secs(1),
    );
    add_users(&mut scenario, "users", 1, exp(90.0 * MS), journey);
    let count = play(&scenario, 0, 1).records.len() as f64;
    assert!((count - 6000.0).abs() < 343.0, "{count}");
}

/// Ends of actions by (user, ordinal), for comparing runs.
fn by_action(seen: &Seen) -> Vec<(u64, u32, SimDuration)> {
    let mut all: Vec<_> = seen
        .records
        .iter()
        .map(|r: &ActionRecord| (r.user, r.ordinal, r.ended.since(r.issued)))
        .collect();
    all.sort_unstable();
    all
}

/// `front` calls `extra` (when asked for) and then `back`, with random replicas.
fn two_tiers(extra: bool, back_name: &str) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(60));
    let back = add_service(
        &mut scenario,
        back_name,
        64,
        Discipline::Fifo,
        vec![work(exp(5.0 * MS))],
    );
    let mut steps: Vec<Step> = vec![work(exp(1.0 * MS))];
    if extra {
        let endpoint = add_service(&mut scenario, "extra", 64, Discipline::Fifo, Vec::new());
        steps.push(call(&mut scenario, Some(2), endpoint, plain_policy()));
        steps.push(call(&mut scenario, Some(2), back, plain_policy()));
    } else {
        steps.push(call(&mut scenario, Some(1), back, plain_policy()));
    }
    let front = add_service(&mut scenario, "front", 64, Discipline::Fifo, steps);
    let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "clients", 50.0, journey);
    scenario
}

#[test]
fn an_added_service_moves_nobody_elses_draws() {
    // With more servers than requests nobody waits, and the added service takes no time: equal to the nanosecond.
    assert_eq!(
        by_action(&play(&two_tiers(false, "back"), 0, 1)),
        by_action(&play(&two_tiers(true, "back"), 0, 1))
    );
}

#[test]
fn a_renamed_service_keeps_its_luck_under_its_former_name() {
    let mut renamed = two_tiers(false, "back");
    renamed.services[0].name = "rear".into();
    assert_eq!(
        by_action(&play(&two_tiers(false, "back"), 0, 1)),
        by_action(&play(&renamed, 0, 1))
    );
    assert_ne!(
        by_action(&play(&two_tiers(false, "back"), 0, 1)),
        by_action(&play(&two_tiers(false, "other"), 0, 1))
    );
}

/// A service that is overloaded, with timeouts, retries, a bounded queue, two replicas and a kill half-way.
pub(super) fn rough(retries: u32, balance: Balancer, timeout_ms: u64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(30));
    let policy = CallPolicy {
        timeout: Some(SimDuration::from_millis(timeout_ms * 2)),
        per_try_timeout: Some(SimDuration::from_millis(timeout_ms)),
        balance: crate::model::Balance::of(balance),
        ..plain_policy()
    };
    let policy = CallPolicy {
        retries: crate::model::Retries {
            max: retries,
            ..policy.retries.clone()
        },
        ..policy
    };
    let back = add_service(
        &mut scenario,
        "back",
        1,
        Discipline::ProcessorSharing,
        vec![work(exp(8.0 * MS))],
    );
    let branches = vec![
        call(&mut scenario, Some(1), back, policy.clone()),
        call(&mut scenario, Some(1), back, policy),
    ];
    let front = add_service(
        &mut scenario,
        "front",
        2,
        Discipline::Fifo,
        vec![
            work(exp(1.0 * MS)),
            step(StepKind::Parallel(Parallel::all(branches))),
        ],
    );
    scenario.services[0].concurrency = Some(4);
    scenario.services[0].queue.max = Some(3);
    scenario.services[1].concurrency = Some(40);
    set_quota(&mut scenario, 0, 900);
    let journey = add_journey(
        &mut scenario,
        "request",
        front,
        SimDuration::from_millis(100),
    );
    add_users(&mut scenario, "users", 30, exp(100.0 * MS), journey);
    set_links(&mut scenario, 0.5 * MS);
    scenario
}

/// Plays with a kill at half time and no new actions in the last seconds; checks that everything ends once.
pub(super) fn check_conservation(scenario: &Scenario) -> Seen {
    // Let what is in flight at the end run out: users who come then find the level at zero.
    let mut scenario = scenario.clone();
    let levels = vec![(SimTime::ZERO, 1.0), (scenario.end(), 0.0)];
    scenario.loads[0].shape = vec![crate::model::Shape::Steps(levels)];
    let mut plane = RequestPlane::new(
        &scenario,
        Luck {
            seed: 3,
            replication: 0,
            stage: 0,
        },
        true,
    );
    for id in 0..4u32 {
        let (replica, service) = (ReplicaId(id), ServiceId(id / 2));
        plane.command(Command::AddReplica {
            replica,
            service,
            cluster: crate::units::ClusterId(0),
            speed: 1.0,
            warmup: None,
        });
        plane.command(Command::Ready { replica });
        plane.command(Command::List { replica });
    }
    plane
        .advance(SimTime(scenario.horizon.0 / 2))
        .expect("no limit");
    plane.command(Command::Kill {
        replica: ReplicaId(1),
    });
    plane.command(Command::Kill {
        replica: ReplicaId(3),
    });
    plane.advance(scenario.end()).expect("no limit");
    plane
        .advance(scenario.end() + SimDuration::from_secs(60))
        .expect("no limit");
    assert_eq!(plane.frames.live(), 0, "a frame was left behind");
    assert_eq!(plane.managed_in_progress(), 0, "a call was left behind");
    let idle = |client: &super::clients::Client| client.flight == Default::default();
    assert!(
        plane.clients.all().iter().all(idle),
        "a client counts wrong"
    );
    let mut seen = Seen::default();
    plane.observe(&mut seen);
    let (issued, ended) = seen.actions.iter().fold((0, 0), |sum, a| {
        (sum.0 + a.issued, sum.1 + a.ended.iter().sum::<u64>())
    });
    assert_eq!(issued, ended, "each user action ends exactly once");
    let attempts: u64 = seen.edges.iter().flat_map(|edge| &edge.calls).sum();
    let outcomes: u64 = seen.stations.iter().flat_map(|station| station.ended).sum();
    assert_eq!(attempts, outcomes, "each attempt ends exactly once");
    assert!(
        plane
            .replicas
            .iter()
            .all(|replica| replica.outstanding == 0 && replica.in_flight() == 0)
    );
    seen
}

#[test]
fn each_attempt_and_each_action_ends_exactly_once() {
    let mut causes = [0u64; crate::world::contract::OUTCOMES];
    for retries in [0, 1, 3] {
        for balance in [
            Balancer::RoundRobin,
            Balancer::Random,
            Balancer::LeastRequest,
        ] {
            for timeout in [5, 20, 200] {
                let seen = check_conservation(&rough(retries, balance, timeout));
                for station in &seen.stations {
                    station
                        .ended
                        .iter()
                        .zip(&mut causes)
                        .for_each(|(count, sum)| *sum += count);
                }
            }
        }
    }
    for outcome in [
        Outcome::Ok,
        Outcome::Error,
        Outcome::Timeout,
        Outcome::Shed,
        Outcome::Killed,
    ] {
        assert!(
            causes[outcome as usize] > 0,
            "{} never happened",
            outcome.name()
        );
    }
}

#[test]
fn users_without_thought_or_work_end_with_an_error_that_names_the_service() {
    let mut scenario = empty(SimDuration::from_secs(1));
    let endpoint = add_service(&mut scenario, "idle", 1, Discipline::Fifo, Vec::new());
    let journey = add_journey(
        &mut scenario,
        "request",
        endpoint,
        SimDuration::from_secs(1),
    );
    add_users(
        &mut scenario,
        "users",
        3,
        Distribution::constant(0.0),
        journey,
    );
    let mut plane = RequestPlane::new(
        &scenario,
        Luck {
            seed: 1,
            replication: 0,
            stage: 0,
        },
        false,
    );
    plane.command(Command::AddReplica {
        replica: ReplicaId(0),
        service: ServiceId(0),
        cluster: crate::units::ClusterId(0),
        speed: 1.0,
        warmup: None,
    });
    plane.command(Command::Ready {
        replica: ReplicaId(0),
    });
    plane.command(Command::List {
        replica: ReplicaId(0),
    });
    let stop = plane
        .advance(scenario.end())
        .expect_err("time stands still");
    assert!(stop.to_string().contains("idle"), "{stop}");
}
