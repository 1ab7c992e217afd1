//! Windows against whole runs, and what they start from.

use crate::experiment::driver::{MemoryJournal, Options, Quiet, run};
use crate::experiment::result::{ExperimentResult, ProbeStats};
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, cluster, empty, plain_policy, work,
};
use crate::model::scenario::{Fidelity, WindowKind, Zoom};
use crate::model::{Discipline, Distribution, Replications, Scenario, Shape};
use crate::units::{SimDuration, SimTime};
use std::sync::atomic::AtomicBool;

/// A front end of two replicas that calls a store, 60 actions a second: processors 60 and 48 % used.
fn shop(horizon: u64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(horizon));
    scenario.clusters = vec![cluster("only")];
    let store = add_service(
        &mut scenario,
        "store",
        1,
        Discipline::ProcessorSharing,
        vec![work(Distribution::exponential(0.008))],
    );
    let to_store = call(&mut scenario, Some(1), store, plain_policy());
    let front = add_service(
        &mut scenario,
        "front",
        1,
        Discipline::ProcessorSharing,
        vec![work(Distribution::exponential(0.02)), to_store],
    );
    scenario.services[1].placed[0].replicas = 2;
    let limit = SimDuration::from_secs(10);
    let visit = add_journey(&mut scenario, "visit", front, limit);
    add_open_load(&mut scenario, "users", 60.0, visit);
    scenario
}

fn zoomed(mut scenario: Scenario, windows: Vec<WindowKind>, length: u64, most: u32) -> Scenario {
    scenario.run.fidelity = Fidelity::Zoom;
    scenario.run.zoom = Zoom {
        windows,
        length: SimDuration::from_secs(length),
        most,
    };
    scenario
}

fn played(scenario: &Scenario, replications: u32) -> ExperimentResult {
    let mut scenario = scenario.clone();
    scenario.run.replications = Replications::Fixed(replications);
    run(
        &scenario,
        Options { threads: 1 },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    )
}

fn of<'r>(result: &'r ExperimentResult, name: &str) -> Vec<&'r ProbeStats> {
    let probes = result.replications.iter().flat_map(|one| &one.probes.rows);
    probes.filter(|probe| probe.name == name).collect()
}

/// Mean and half-width of the 99.9 % t-interval of 12 values (11 degrees of freedom: 4.437).
fn interval(values: &[f64]) -> (f64, f64) {
    assert_eq!(values.len(), 12);
    let mean = values.iter().sum::<f64>() / 12.0;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, 4.437 * (square / 11.0 / 12.0).sqrt())
}

#[test]
fn windows_of_a_stationary_system_are_what_whole_runs_are() {
    // Twelve windows of ten minutes beside twelve runs of the same ten minutes after as long a lead-in: intervals of
    // the means that do not overlap at 99.9 % each have a false-alarm rate below 1e-3 for each of the six comparisons.
    let stationary = shop(4 * 3600);
    let windows = played(&zoomed(stationary, vec![WindowKind::Sampled], 600, 3), 4);
    assert!(
        windows
            .replications
            .iter()
            .all(|one| one.probes.opened == 3)
    );
    let mut whole = shop(780);
    whole.run.warmup = SimDuration::from_secs(180);
    let whole = played(&whole, 12);
    type Run = fn(&crate::experiment::result::ServiceStats) -> Option<f64>;
    type Window = fn(&ProbeStats) -> Option<f64>;
    for service in ["front", "store"] {
        let reads: [(Run, Window); 3] = [
            (|one| one.mean, |one| one.request.mean),
            (|one| one.p95, |one| one.request.p95),
            (|one| one.p99, |one| one.request.p99),
        ];
        for (by_run, by_window) in reads {
            let in_windows: Vec<f64> = of(&windows, service)
                .iter()
                .filter_map(|probe| by_window(probe))
                .collect();
            let in_runs: Vec<f64> = whole
                .replications
                .iter()
                .flat_map(|one| &one.services)
                .filter(|one| one.service == service)
                .filter_map(by_run)
                .collect();
            let ((left, wide), (right, wide_too)) = (interval(&in_windows), interval(&in_runs));
            assert!(
                (left - right).abs() <= wide + wide_too,
                "{service}: {left} +- {wide} in windows, {right} +- {wide_too} in runs"
            );
        }
    }
    // What the flow plane expected of the same windows: 60 a second for 600 seconds, and M/G/1-PS means within 10 %.
    for probe in of(&windows, "store") {
        assert!((probe.flow.ended - 36_000.0).abs() < 1.0, "{probe:?}");
        let theory = 0.008 / (1.0 - 0.48);
        assert!((probe.flow.mean.unwrap() / theory - 1.0).abs() < 0.1);
    }
}

#[test]
fn a_window_in_an_overload_starts_with_its_backlog() {
    // From minute 20 to 40 twice as many come as can be served: at the window in minute 35 the store has been falling
    // behind for 15 minutes, by 250 - 125 a second.
    let mut scenario = shop(3600);
    scenario.services[1].placed[0].replicas = 20;
    scenario.services[0].processor.discipline = Discipline::Fifo;
    scenario.loads[0].shape = vec![Shape::Steps(vec![
        (SimTime::ZERO, 1.0),
        (SimTime::ZERO + SimDuration::from_secs(1200), 250.0 / 60.0),
        (SimTime::ZERO + SimDuration::from_secs(2400), 0.1),
    ])];
    let mut planned = zoomed(scenario, vec![WindowKind::Sampled], 300, 12);
    planned.run.max_in_flight = 1_000_000;
    let result = played(&planned, 1);
    let late = of(&result, "store").into_iter().find(|probe| {
        probe.start >= SimTime::ZERO + SimDuration::from_secs(1500)
            && probe.start < SimTime::ZERO + SimDuration::from_secs(2000)
    });
    let late = late.expect("12 times over an hour leave no eight minutes without a window");
    // Behind by 125 a second since minute 20: who is answered in the window has waited for half as long as that, as
    // one of two comes through: the wait of who ends at t is (t - 1200) / 2.
    let middle = late.start.seconds() + 150.0;
    let wanted = (middle - 1200.0) / 2.0;
    let found = late.request.mean.unwrap();
    assert!((found / wanted - 1.0).abs() < 0.1, "{found} for {wanted}");
    assert_eq!(late.flaw, None);
}

#[test]
fn windows_change_nothing_and_are_bounded() {
    let shaped = |mut scenario: Scenario| {
        scenario.loads[0].shape = vec![Shape::Daily {
            peak_second: 43_200.0,
            low: 0.5,
        }];
        scenario
    };
    let mut plain = shaped(shop(2 * 86_400));
    plain.run.fidelity = Fidelity::Flow;
    let zoom = zoomed(
        shaped(shop(2 * 86_400)),
        vec![WindowKind::DailyPeak],
        120,
        1,
    );
    let (plain, zoom) = (played(&plain, 1), played(&zoom, 1));
    // The highest level of each day opens one; one of them is played.
    assert_eq!(zoom.replications[0].probes.opened, 2);
    let mut starts: Vec<_> = zoom.replications[0]
        .probes
        .rows
        .iter()
        .map(|probe| (probe.start.seconds() % 86_400.0, probe.why.as_str()))
        .collect();
    starts.dedup();
    assert_eq!(starts.len(), 1);
    assert!((starts[0].0 - 43_200.0).abs() <= 300.0 && starts[0].1 == "daily peak");
    for (left, right) in plain.metrics.iter().zip(&zoom.metrics) {
        assert_eq!(left, right);
    }
}
