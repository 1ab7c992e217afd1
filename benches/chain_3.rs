//! chain-3 through the real product path on one thread: `cargo bench --bench chain_3`.
//!
//! Prints requests per CPU-second (bar: 600,000) for two run lengths, and the peak memory after each: it must not
//! grow with the length.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};

/// User and system CPU time of this process in seconds, and its peak memory in MB (Linux).
fn usage() -> (f64, f64) {
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
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    (
        (ticks(11) + ticks(12)) / 100.0,
        peak.unwrap_or(f64::NAN) / 1024.0,
    )
}

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/chain-3.yaml");
    for horizon in ["100m", "1000m"] {
        let sets = [
            format!("horizon={horizon}"),
            "run.replications=1".to_string(),
        ];
        let checked = cutover::scenario::check(&path, None, &sets, None);
        let scenario = checked.scenario.expect("the shipped scenario is right");
        let mut rates = Vec::new();
        for _ in 0..5 {
            let (before, _) = usage();
            let cancel = AtomicBool::new(false);
            let result = run(
                &scenario,
                Options { threads: 1 },
                &mut MemoryJournal::default(),
                &Quiet,
                &cancel,
            );
            let requests: u64 = result
                .replications
                .iter()
                .flat_map(|one| &one.journeys)
                .map(|journey| journey.issued)
                .sum();
            rates.push(requests as f64 / (usage().0 - before));
        }
        rates.sort_by(f64::total_cmp);
        println!(
            "horizon {horizon}: median {:.0} requests per CPU-second ({:.0} to {:.0}), peak memory {:.1} MB",
            rates[2],
            rates[0],
            rates[4],
            usage().1
        );
    }
}
