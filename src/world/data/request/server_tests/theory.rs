//! Stationary means. Each is judged by Student's t over 12 replications at a false-alarm rate of 1e-6 (9.4 standard
//! errors of 11 degrees), after a tenth of the horizon.

use super::*;
use crate::model::Endpoint;
use crate::model::{ProcessorSpec, QueueOrder, SharedProcessor};
use crate::queueing::{mm1k_blocking, mmc_response};
use crate::units::ProcessorId;

/// Mean of a value over replications, with the half-width of its interval.
fn over_replications(value: impl Fn(u32) -> f64) -> (f64, f64) {
    let values: Vec<f64> = (0..12).map(value).collect();
    let mean = values.iter().sum::<f64>() / 12.0;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 11.0;
    (mean, 9.4 * (variance / 12.0).sqrt())
}

/// Mean latency of the actions of one load.
fn mean_latency(scenario: &Scenario, replicas: u32, load: u32) -> (f64, f64) {
    over_replications(|replication| {
        let mut plane = plane(scenario, replication, replicas);
        let seen = observe(&mut plane, scenario.horizon.seconds());
        let after = SimTime(scenario.horizon.0 / 10);
        let records = seen
            .records
            .iter()
            .filter(|r| r.issued >= after && r.load.0 == load);
        let times: Vec<f64> = records.map(|r| r.ended.since(r.issued).seconds()).collect();
        times.iter().sum::<f64>() / times.len() as f64
    })
}

fn check(found: (f64, f64), expected: f64) {
    let (mean, half) = found;
    assert!(
        (mean - expected).abs() < half,
        "{mean} +- {half}, theory {expected}"
    );
    assert!(half < 0.1 * expected, "no precision: {mean} +- {half}");
}

/// One service of one slot with Poisson arrivals.
fn single(rate: f64, steps: Vec<Step>) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(40_000));
    let endpoint = add_service(&mut scenario, "a", 1, Discipline::Infinite, steps);
    scenario.services[0].concurrency = Some(1);
    let journey = add_journey(&mut scenario, "j", endpoint, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "l", rate, journey);
    scenario
}

#[test]
fn a_server_that_walks_after_each_service_is_an_m_g_1_of_both_phases() {
    // Phases exp(1) and exp(0.5) at rate 0.4: E[S^2] = 1.25 + 1.5^2 = 3.5, W = 0.4 * 3.5 / (2 * 0.4) = 1.75.
    let steps = vec![
        work(exp(1.0)),
        step(StepKind::Reply(Bytes(1))),
        work(exp(0.5)),
    ];
    check(mean_latency(&single(0.4, steps), 1, 0), 2.75);
}

#[test]
fn priorities_shorten_the_wait_of_some_at_the_cost_of_others() {
    // Cobham's formulas, rates 0.3 (first) and 0.4, service exp(1): W0 = 0.7, W1 = 0.7 / 0.7, W2 = 0.7 / (0.7 * 0.3).
    let mut scenario = single(0.3, vec![work(exp(1.0))]);
    scenario.endpoints[0].priority = 1;
    let second = EndpointId(1);
    scenario.endpoints.push(Endpoint {
        name: "later".into(),
        priority: 0,
        ..scenario.endpoints[0].clone()
    });
    scenario.services[0].endpoints.push(second);
    let journey = add_journey(&mut scenario, "k", second, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "m", 0.4, journey);
    check(mean_latency(&scenario, 1, 0), 2.0);
    check(mean_latency(&scenario, 1, 1), 1.0 + 0.7 / 0.21);
}

#[test]
fn the_newest_first_has_the_mean_of_the_oldest_first_and_another_variance() {
    let mut scenario = single(0.7, vec![work(exp(1.0))]);
    let variance = |scenario: &Scenario| {
        let mut plane = plane(scenario, 3, 1);
        let times = latencies(&observe(&mut plane, 40_000.0));
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / times.len() as f64
    };
    let fifo = variance(&scenario);
    scenario.services[0].queue.order = QueueOrder::Lifo;
    check(mean_latency(&scenario, 1, 0), 1.0 / 0.3);
    // E[W^2] is 1 / (1 - load) times as large (Kleinrock I): 5.19 against 15.6 at load 0.7, response 11.1 against more.
    assert!(variance(&scenario) > 1.5 * fifo);
}

#[test]
fn a_bounded_room_sheds_as_an_m_m_1_k_does() {
    let mut scenario = single(0.9, vec![work(exp(1.0))]);
    scenario.services[0].queue.max = Some(3);
    let shed = over_replications(|replication| {
        let mut plane = plane(&scenario, replication, 1);
        let seen = observe(&mut plane, 40_000.0);
        let ended = &seen.stations[0].ended;
        ended[Outcome::Shed as usize] as f64 / ended.iter().sum::<u64>() as f64
    });
    check(shed, mm1k_blocking(4, 0.9, 1.0));
}

#[test]
fn who_has_waited_too_long_is_shed_as_in_an_m_m_1_with_impatience() {
    // Barrer 1957: virtual waits have density rate * p0 * exp(-0.2 x) up to 2, exp(-x) beyond; p0 = 0.350266,
    // lost p0 * 0.8 * exp(-0.4) = 0.187833.
    let mut scenario = single(0.8, vec![work(exp(1.0))]);
    scenario.services[0].queue.timeout = Some(constant(2.0));
    let shed = over_replications(|replication| {
        let mut plane = plane(&scenario, replication, 1);
        let seen = observe(&mut plane, 40_000.0);
        let ended = &seen.stations[0].ended;
        ended[Outcome::Shed as usize] as f64 / ended.iter().sum::<u64>() as f64
    });
    check(shed, 0.187_833);
}

#[test]
fn one_queue_before_three_replicas_is_an_m_m_3() {
    let mut scenario = single(2.4, vec![work(exp(1.0))]);
    scenario.services[0].queue.shared = true;
    scenario.horizon = SimDuration::from_secs(20_000);
    check(mean_latency(&scenario, 3, 0), mmc_response(3, 2.4, 1.0));
}

#[test]
fn a_quorum_of_exponentials_is_an_order_statistic() {
    // The second of three: 1/3 + 1/2.
    let parallel = Parallel {
        join: Some(2),
        ..Parallel::all(vec![work(exp(1.0)), work(exp(1.0)), work(exp(1.0))])
    };
    let mut scenario = single(0.5, vec![step(StepKind::Parallel(parallel))]);
    scenario.services[0].concurrency = None;
    check(mean_latency(&scenario, 1, 0), 1.0 / 3.0 + 0.5);
}

/// Two services of exp(1) and exp(2) on one shared core, at rates 0.3 and 0.2: load 0.7.
fn sharing(discipline: Discipline) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(80_000));
    scenario.processors.push(SharedProcessor {
        name: "host".into(),
        spec: ProcessorSpec {
            cores: 1,
            discipline,
            quota: None,
        },
        speed: 1.0,
    });
    for (name, mean, rate) in [("a", 1.0, 0.3), ("b", 2.0, 0.2)] {
        let endpoint = add_service(
            &mut scenario,
            name,
            1,
            Discipline::Fifo,
            vec![work(exp(mean))],
        );
        let journey = add_journey(&mut scenario, name, endpoint, SimDuration::from_secs(1));
        add_open_load(&mut scenario, name, rate, journey);
    }
    for service in &mut scenario.services {
        service.shared_processor = Some(ProcessorId(0));
    }
    scenario
}

#[test]
fn services_share_a_processor_as_its_discipline_says() {
    // Processor sharing: each demand / (1 - 0.7).
    let shared = sharing(Discipline::ProcessorSharing);
    check(mean_latency(&shared, 1, 0), 1.0 / 0.3);
    check(mean_latency(&shared, 1, 1), 2.0 / 0.3);
    // In order of arrival: W = (0.3 * 2 + 0.2 * 8) / (2 * 0.3) = 11/3 for both.
    let fifo = sharing(Discipline::Fifo);
    check(mean_latency(&fifo, 1, 0), 1.0 + 11.0 / 3.0);
    check(mean_latency(&fifo, 1, 1), 2.0 + 11.0 / 3.0);
    check(mean_latency(&sharing(Discipline::Infinite), 1, 1), 2.0);
}

#[test]
fn a_larger_share_is_faster_and_work_is_conserved() {
    let mut scenario = sharing(Discipline::FairShare);
    scenario.services[0].resources.cpu_request.0 = 4_000;
    scenario.services[1].resources.cpu_request.0 = 1_000;
    let (first, second) = (mean_latency(&scenario, 1, 0), mean_latency(&scenario, 1, 1));
    // Faster than under equal sharing, the other slower.
    assert!(
        first.0 + first.1 < 1.0 / 0.3 && second.0 - second.1 > 2.0 / 0.3,
        "{first:?} {second:?}"
    );
    // CPU time is the demand of what came: 0.7 cores in all.
    let used = over_replications(|replication| {
        let mut plane = plane(&scenario, replication, 1);
        let seen = observe(&mut plane, 80_000.0);
        seen.stations
            .iter()
            .map(|station| station.cpu_ns as f64 * 1e-9)
            .sum::<f64>()
            / 80_000.0
    });
    check(used, 0.7);
}
