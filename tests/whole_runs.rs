//! The benchmarks' scenarios give the exact means of queueing theory, through the product's own path.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};
use cutover::experiment::result::{ExperimentResult, ReplicationResult};

fn play(file: &str, horizon: &str, replications: u32, threads: usize) -> ExperimentResult {
    let sets = [
        format!("horizon={horizon}"),
        format!("run.replications={replications}"),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let checked = cutover::scenario::check(&path, None, &sets, None);
    run(
        &checked.scenario.expect("the benchmark is a right scenario"),
        Options { threads },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    )
}

/// The mean over 12 replications lies within the interval around the exact one: Student's t with 11 degrees at a
/// two-sided false alarm of 1e-6 is 9.4. The interval must be narrower than a tenth to mean something.
fn check(
    file: &str,
    horizon: &str,
    exact_ms: f64,
    mean: impl Fn(&ReplicationResult) -> Option<f64>,
) {
    let result = play(file, horizon, 12, 1);
    let means: Vec<f64> = result
        .replications
        .iter()
        .map(|one| mean(one).expect("requests ended") * 1e3)
        .collect();
    let count = means.len() as f64;
    let average = means.iter().sum::<f64>() / count;
    let variance = means.iter().map(|m| (m - average).powi(2)).sum::<f64>() / (count - 1.0);
    let half = 9.4 * (variance / count).sqrt();
    assert!(
        (average - exact_ms).abs() < half && half < 0.1 * exact_ms,
        "{file}: {average} ± {half} ms, exact {exact_ms} ms"
    );
}

fn response(one: &ReplicationResult) -> Option<f64> {
    one.journeys[0].mean
}

#[test]
fn one_server_at_80_percent_answers_in_five_service_times() {
    // M/M/1: 1 / (1 - 0.8). Half a minute of simulated time is warm enough to start from empty.
    check("benches/w1.yaml", "400s", 5.0, response);
}

#[test]
fn eight_servers_at_80_percent_answer_in_1_286() {
    // M/M/8: Erlang's C for 6.4 erlangs is 0.4576, and 1 + 0.4576 / (8 - 6.4).
    check("benches/w2.yaml", "40s", 1.0 + 0.4576 / 1.6, response);
}

#[test]
fn ten_stations_in_a_row_answer_in_13_572() {
    // Burke: each is an M/M/4 at 70 %; Erlang's C for 2.8 erlangs is 0.42866: 10 * (1 + 0.42866 / 1.2).
    check(
        "benches/w3.yaml",
        "60s",
        10.0 * (1.0 + 0.42866 / 1.2),
        response,
    );
}

#[test]
fn a_leaf_of_the_tree_answers_in_1_357() {
    // Poisson arrivals split at random over replicas: an M/M/4 at 70 % each; `s4` calls nobody.
    check("benches/w4.yaml", "10s", 1.0 + 0.42866 / 1.2, |one| {
        let leaf = one.services.iter().find(|row| row.service == "s4")?;
        leaf.mean
    });
}

#[test]
fn two_threads_give_the_results_of_one() {
    let digest = |threads| play("benches/w4.yaml", "2s", 4, threads).digest;
    assert_eq!(digest(1), digest(2));
}
