//! The same control code over both planes: what autoscalers and gates decide, and latencies, on the shipped scenarios.
//!
//! Replications of both planes are two samples. A decision is a change of the wished number of replicas, or a gate's
//! verdict. Compared are, for each service and cluster (each gate by its service):
//! - the number of decisions in a replication, and the mean and the largest number of ready replicas, by the difference
//!   of means: at most `WITHIN` of the larger, or one, or five standard errors of the difference;
//! - the numbers wished for, over all decisions, by the two-sample test of Kolmogorov and Smirnov at 0.1 %
//!   (decisions of one replication depend on one another, and the planes share their loads, so that it errs on the side
//!   of not seeing chance).
//!
//! Mean latency at the replicas is compared where a processor is 30 to 90 % used and nine in ten attempts end ok.
//! Percentiles are printed with their errors, not judged: `docs/fidelity.md` has this table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};
use cutover::experiment::result::{ExperimentResult, StopReason};
use cutover::model::Scenario;
use cutover::model::scenario::{Fidelity, Replications};
use cutover::scenario::check;
use cutover::units::SimDuration;
use cutover::world::recorder::EventKind;

/// Relative difference of means that is none.
const WITHIN: f64 = 0.05;
/// Standard errors that count as chance.
const CHANCE: f64 = 5.0;
/// Mean latency within this share.
const LATENCY: f64 = 0.10;
/// Share of attempts that end ok where a latency is judged: an overload's is that of its queue.
const ENDED_OK: f64 = 0.9;
/// Where some replicas of a service are overloaded and others are not: the flow plane lets all of them fall behind.
const UNEQUAL: [&str; 1] = ["policies/noisy-neighbour.yaml"];
/// Attempts that make a latency worth comparing.
const ATTEMPTS: u64 = 20_000;

/// Scenarios in which somebody decides, with their replications.
const SCENARIOS: [(&str, u32); 13] = [
    ("online-boutique.yaml", 2),
    ("chain-3.yaml", 10),
    ("starter.yaml", 5),
    ("policies/bad-release.yaml", 5),
    ("policies/cold-start.yaml", 8),
    ("policies/fighting.yaml", 8),
    ("policies/flash-crowd.yaml", 8),
    ("policies/noisy-neighbour.yaml", 5),
    ("policies/predictive.yaml", 4),
    ("policies/quota-exhausted.yaml", 5),
    ("policies/slow-nodes.yaml", 5),
    ("policies/thrashing.yaml", 6),
    ("policies/wrong-metric.yaml", 6),
];

fn read(file: &str, replications: u32) -> Scenario {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(file);
    let mut scenario = check(&path, None, &[], None)
        .scenario
        .expect("a shipped scenario has no problem");
    scenario.run.replications = Replications::Fixed(replications);
    // Decisions and latencies of the whole horizon.
    scenario.run.warmup = SimDuration::ZERO;
    scenario
}

fn play(scenario: &Scenario, fidelity: Fidelity) -> ExperimentResult {
    let mut scenario = scenario.clone();
    scenario.run.fidelity = fidelity;
    let result = run(
        &scenario,
        Options { threads: 2 },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    );
    assert_eq!(result.stop, StopReason::Replications);
    result
}

/// By name: a value for each replication, and all numbers wished for.
#[derive(Default)]
struct Decisions {
    counts: BTreeMap<String, Vec<f64>>,
    wishes: BTreeMap<String, Vec<f64>>,
}

impl Decisions {
    fn of(scenario: &Scenario, result: &ExperimentResult) -> Self {
        let mut found = Self::default();
        let all = result.replications.len();
        for (number, replication) in result.replications.iter().enumerate() {
            for event in &replication.programme {
                let what = match event.kind {
                    EventKind::Scaled => "scalings",
                    EventKind::GatePassed => "gates passed",
                    EventKind::GateFailed => "gates failed",
                    EventKind::GateInconclusive => "gates inconclusive",
                    _ => continue,
                };
                let service = event
                    .service
                    .map_or("-", |id| scenario.service(id).name.as_str());
                let name = format!("{what} of {service}");
                let counts = found.counts.entry(name.clone());
                counts.or_insert_with(|| vec![0.0; all])[number] += 1.0;
                if event.kind == EventKind::Scaled {
                    let wishes = found.wishes.entry(name).or_default();
                    wishes.extend(event.value);
                }
            }
            for service in &replication.services {
                let name =
                    |what: &str| format!("{what} of {} in {}", service.service, service.cluster);
                let counts = found.counts.entry(name("mean replicas"));
                counts.or_insert_with(|| vec![0.0; all])[number] = service.replicas_mean;
                let counts = found.counts.entry(name("most replicas"));
                counts.or_insert_with(|| vec![0.0; all])[number] = f64::from(service.replicas_max);
            }
        }
        found
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Standard error of a mean, squared.
fn error(values: &[f64]) -> f64 {
    let (n, middle) = (values.len() as f64, mean(values));
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    squares / (n - 1.0).max(1.0) / n.max(1.0)
}

/// Largest distance of two empirical distributions, and what chance alone exceeds in one of a thousand pairs.
fn kolmogorov_smirnov(one: &[f64], other: &[f64]) -> (f64, f64) {
    let below = |sample: &[f64], at: f64| {
        sample.iter().filter(|value| **value <= at).count() as f64 / sample.len() as f64
    };
    let steps = one.iter().chain(other);
    let distance = steps
        .map(|at| (below(one, *at) - below(other, *at)).abs())
        .fold(0.0, f64::max);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let critical = (-(0.001_f64 / 2.0).ln() / 2.0).sqrt() * ((n + m) / (n * m)).sqrt();
    (distance, critical)
}

fn decisions_apart(file: &str, request: &Decisions, flow: &Decisions) -> Vec<String> {
    let mut apart = Vec::new();
    let names: std::collections::BTreeSet<_> =
        request.counts.keys().chain(flow.counts.keys()).collect();
    for name in names {
        let nothing = vec![0.0];
        let wanted = request.counts.get(name).unwrap_or(&nothing);
        let had = flow.counts.get(name).unwrap_or(&nothing);
        let (left, right) = (mean(wanted), mean(had));
        let chance = CHANCE * (error(wanted) + error(had)).sqrt();
        let least = if name.contains("mean replicas") {
            0.2
        } else {
            1.0
        };
        let allowed = (WITHIN * left.max(right)).max(least).max(chance);
        if name.contains("scalings") || name.contains("gates") {
            println!("| {file} | {name} | {left:.2} | {right:.2} |");
        }
        if (left - right).abs() > allowed {
            apart.push(format!(
                "{file}: {name}: {left:.3} against {right:.3} in flow"
            ));
        }
    }
    for (name, wanted) in &request.wishes {
        let had = flow.wishes.get(name).cloned().unwrap_or_default();
        if had.is_empty() {
            continue;
        }
        let (distance, critical) = kolmogorov_smirnov(wanted, &had);
        println!("| {file} | numbers wished for, {name} | D {distance:.2} | of {critical:.2} |");
        if distance > critical {
            apart.push(format!(
                "{file}: {name}: D = {distance:.3} above {critical:.3}"
            ));
        }
    }
    apart
}

/// Means over replications of a service in a cluster: use of its processors, mean, p95, p99, share of ok, attempts.
fn latencies(scenario: &Scenario, result: &ExperimentResult) -> BTreeMap<String, [f64; 6]> {
    let mut found: BTreeMap<String, [f64; 6]> = BTreeMap::new();
    let count = result.replications.len() as f64;
    let measured = scenario.horizon.seconds() - scenario.run.warmup.seconds();
    for replication in &result.replications {
        for stats in &replication.services {
            let service = scenario
                .services
                .iter()
                .find(|one| one.name == stats.service);
            let processor = &service.expect("a known service").processor;
            let cores = f64::from(processor.cores);
            let cap = processor.quota.map_or(cores, |quota| {
                cores.min(quota.budget.seconds() / quota.period.seconds())
            });
            let room = stats.replicas_mean * cap * measured;
            let row = found
                .entry(format!("{} in {}", stats.service, stats.cluster))
                .or_default();
            let values = [
                stats.cpu_seconds / room.max(1e-9),
                stats.mean.unwrap_or(0.0),
                stats.p95.unwrap_or(0.0),
                stats.p99.unwrap_or(0.0),
                stats.outcomes[0] as f64 / stats.attempts.max(1) as f64,
                stats.attempts as f64,
            ];
            for (sum, value) in row.iter_mut().zip(values) {
                *sum += value / count;
            }
        }
    }
    found
}

fn latencies_apart(
    file: &str,
    request: &BTreeMap<String, [f64; 6]>,
    flow: &BTreeMap<String, [f64; 6]>,
) -> Vec<String> {
    let mut apart = Vec::new();
    for (name, wanted) in request {
        let had = flow.get(name).copied().unwrap_or_default();
        if wanted[5] < ATTEMPTS as f64 || wanted[1] <= 0.0 {
            continue;
        }
        let off = |at: usize| (had[at] / wanted[at].max(1e-12) - 1.0) * 100.0;
        let judged =
            (0.3..0.9).contains(&wanted[0]) && wanted[4] > ENDED_OK && !UNEQUAL.contains(&file);
        println!(
            "| {file} | {name} | {:.0} % | {:.2} ms | {:+.0} % | {:+.0} % | {:+.0} % | {} |",
            wanted[0] * 100.0,
            wanted[1] * 1e3,
            off(1),
            off(2),
            off(3),
            if judged { "judged" } else { "" },
        );
        if judged && off(1).abs() > LATENCY * 100.0 {
            apart.push(format!("{file}: latency of {name}: {:+.1} %", off(1)));
        }
    }
    apart
}

#[test]
#[cfg_attr(debug_assertions, ignore = "millions of requests: for a release build")]
fn autoscalers_and_gates_decide_alike_over_both_planes() {
    let only = std::env::var("CUTOVER_ONLY").ok();
    let mut apart = Vec::new();
    for (file, replications) in SCENARIOS {
        if only
            .as_ref()
            .is_some_and(|only| !file.contains(only.as_str()))
        {
            continue;
        }
        let scenario = read(file, replications);
        let request = play(&scenario, Fidelity::Request);
        let flow = play(&scenario, Fidelity::Flow);
        let decided = |result| Decisions::of(&scenario, result);
        apart.extend(decisions_apart(file, &decided(&request), &decided(&flow)));
        let (request, flow) = (latencies(&scenario, &request), latencies(&scenario, &flow));
        apart.extend(latencies_apart(file, &request, &flow));
    }
    assert!(apart.is_empty(), "{apart:#?}");
}
