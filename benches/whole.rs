//! Whole runs through the product's own path (scenario file, check, experiment, statistics) on one thread:
//! `cargo bench --bench whole -- [NAME[:PATH=VALUE]...] [--rounds N]`.
//!
//! For each round and run a line: user actions and events per CPU-second of this process, where the events of an
//! action are those a hand-written loop has (2 for W1 and W2, 11 for W3, 31 for W4 and W5, 10 for chain-3), the mean
//! response, and peak memory. Rounds alternate the runs, so that their ratios suffer least from a busy machine.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};
use cutover::model::Scenario;

/// Name, file, events an action has in a hand-written loop, and its exact mean response in milliseconds, if any.
const RUNS: [(&str, &str, f64, Option<f64>); 6] = [
    ("w1", "benches/w1.yaml", 2.0, Some(5.0)),
    ("w2", "benches/w2.yaml", 2.0, Some(1.286)),
    ("w3", "benches/w3.yaml", 11.0, Some(13.572)),
    ("w4", "benches/w4.yaml", 31.0, None),
    ("w5", "benches/w5.yaml", 31.0, None),
    ("chain-3", "scenarios/chain-3.yaml", 10.0, Some(16.422)),
];

/// User and system CPU time of this process in seconds, to a hundredth (Linux).
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(f64::NAN)
    };
    (ticks(11) + ticks(12)) / 100.0
}

/// Peak memory of this process in MB (Linux).
fn peak_megabytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    peak.unwrap_or(f64::NAN) / 1024.0
}

struct Bench {
    label: String,
    events: f64,
    exact: Option<f64>,
    scenario: Scenario,
}

/// `w4:horizon=20s:defaults.service.replicas=100` as a bench.
fn bench(label: &str) -> Bench {
    let mut parts = label.split(':');
    let name = parts.next().unwrap_or_default();
    let (_, file, events, exact) = RUNS
        .into_iter()
        .find(|run| run.0 == name)
        .unwrap_or_else(|| panic!("`{name}` is none of w1 w2 w3 w4 w5 chain-3"));
    let mut sets: Vec<String> = parts.map(str::to_string).collect();
    sets.push("run.replications=1".into());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let checked = cutover::scenario::check(&path, None, &sets, None);
    let scenario = checked
        .scenario
        .unwrap_or_else(|| panic!("`cutover validate {file}` tells what is wrong with {sets:?}"));
    Bench {
        label: label.to_string(),
        events,
        exact,
        scenario,
    }
}

fn measure(bench: &Bench) {
    let before = cpu_seconds();
    let result = run(
        &bench.scenario,
        Options { threads: 1 },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    );
    let seconds = cpu_seconds() - before;
    let journeys = || result.replications.iter().flat_map(|one| &one.journeys);
    let actions: u64 = journeys().map(|journey| journey.issued).sum();
    let mean = journeys()
        .find_map(|journey| journey.mean)
        .map_or(f64::NAN, |mean| mean * 1e3);
    println!(
        "{} {seconds:.2} s, {:.0} actions/s, {:.2} M events/s, mean {mean:.3} ms{}, peak {:.1} MB",
        bench.label,
        actions as f64 / seconds,
        actions as f64 * bench.events / seconds * 1e-6,
        bench
            .exact
            .map_or(String::new(), |exact| format!(" (exact {exact})")),
        peak_megabytes()
    );
}

fn main() {
    let mut labels: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let mut rounds = 1;
    if let Some(at) = labels.iter().position(|argument| argument == "--rounds") {
        rounds = labels
            .get(at + 1)
            .and_then(|n| n.parse().ok())
            .expect("--rounds N");
        labels.drain(at..at + 2);
    }
    if labels.is_empty() {
        labels = RUNS.iter().map(|run| run.0.to_string()).collect();
    }
    let benches: Vec<_> = labels.iter().map(|label| bench(label)).collect();
    for _ in 0..rounds {
        benches.iter().for_each(measure);
    }
}
