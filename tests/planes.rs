//! The flow plane against the request plane on the shipped scenarios.
//!
//! Compared are means over a few replications: attempts and CPU time per service and cluster, CPU time per cluster,
//! requested-CPU utilisation, calls and crossing calls per caller and callee. They agree when they are within 2 % or,
//! where counts are so small that chance alone moves them more, within five standard deviations of the difference of
//! two compound Poisson counts.
//! One action makes its calls to a service in a bunch, so such a count of `n` has a variance of `n` times the mean
//! size of the bunch that a call is in (`Bunches`). Seeds are fixed; for others,
//! were the planes equal in the mean, one comparison would fail by chance with a probability below 6e-7, and all of
//! the about 100 here with one below 6e-5. Latency is not compared here: see `docs/fidelity.md` for its deviations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};
use cutover::experiment::result::{ExperimentResult, GateVerdict, StopReason, Verdict};
use cutover::model::load::Arrivals;
use cutover::model::rates::{endpoint_rates, journey_rates, quiet_responses};
use cutover::model::scenario::Fidelity;
use cutover::model::{Distribution, LoadKind, Scenario};
use cutover::scenario::check;
use cutover::units::{SimDuration, SimTime};

/// Widest relative deviation.
const WITHIN: f64 = 0.02;
/// Standard deviations that count as chance.
const CHANCE: f64 = 5.0;
/// By service: calls in the bunch of a call that one action makes, mean over calls, and that of all calls together last.
/// An action that makes `m` calls on average counts `m` times with `m`; who is called in some actions only has bunches
/// of one at least.
struct Bunches(BTreeMap<String, f64>, f64);

impl Bunches {
    fn of(scenario: &Scenario) -> Self {
        let rates = journey_rates(
            scenario,
            SimTime::ZERO + SimDuration(scenario.horizon.0 / 2),
            &quiet_responses(scenario),
        );
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        let mut all = (0.0, 0.0);
        for (journey, rate) in rates.iter().enumerate() {
            let mut alone = vec![0.0; rates.len()];
            alone[journey] = 1.0;
            let mut calls: BTreeMap<String, f64> = BTreeMap::new();
            for (endpoint, mean) in scenario
                .endpoints
                .iter()
                .zip(endpoint_rates(scenario, &alone))
            {
                let name = &scenario.service(endpoint.service).name;
                *calls.entry(name.clone()).or_default() += mean;
            }
            let total: f64 = calls.values().sum();
            all = (all.0 + rate * total, all.1 + rate * total * total);
            for (name, mean) in calls {
                let sum = sums.entry(name).or_default();
                *sum = (sum.0 + rate * mean, sum.1 + rate * mean * mean);
            }
        }
        let bunch = |(calls, squares): (f64, f64)| {
            if calls > 0.0 {
                (squares / calls).max(1.0)
            } else {
                1.0
            }
        };
        let sums = sums.into_iter();
        Self(
            sums.map(|(name, sum)| (name, bunch(sum))).collect(),
            bunch(all),
        )
    }

    fn of_service(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(1.0)
    }
}

/// Variance of a demand over its squared mean, plus one; all demands are at most exponential. Between endpoints
/// of one service the demands differ by little against that.
const DEMAND: f64 = 2.0;

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(file)
}

fn play(path: &Path, fidelity: Fidelity, replications: u32) -> ExperimentResult {
    let sets = [format!("run.replications={replications}")];
    let checked = check(path, None, &sets, None);
    let mut scenario = checked.scenario.expect("a shipped scenario has no problem");
    scenario.run.fidelity = fidelity;
    run(
        &scenario,
        Options { threads: 2 },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    )
}

/// Sums over replications: a quantity by its name, with the number of random events that it is made of.
#[derive(Default)]
struct Totals {
    /// Each with the number of independent events that it is made of.
    sums: BTreeMap<String, (f64, f64)>,
}

impl Totals {
    fn of(result: &ExperimentResult, bunches: &Bunches) -> Self {
        let mut totals = Self::default();
        for replication in &result.replications {
            for service in &replication.services {
                let (name, attempts) = (
                    format!("{} in {}", service.service, service.cluster),
                    service.attempts as f64,
                );
                let bunches_ended = attempts / bunches.of_service(&service.service);
                totals.add(format!("attempts {name}"), attempts, bunches_ended);
                // CPU varies with the number and the demand of each.
                let events = bunches_ended / DEMAND;
                totals.add(format!("cpu {name}"), service.cpu_seconds, events);
                totals.add(
                    format!("cpu of cluster {}", service.cluster),
                    service.cpu_seconds,
                    attempts / bunches.1 / DEMAND,
                );
                if let Some(ratio) = service.utilisation {
                    totals.add(format!("utilisation {name}"), ratio, events);
                }
            }
            for edge in &replication.edges {
                let name = format!("{} -> {}", edge.caller, edge.callee);
                let (calls, crossing) = (edge.calls as f64, edge.crossing_calls as f64);
                let bunch = bunches.of_service(&edge.callee);
                totals.add(format!("calls {name}"), calls, calls / bunch);
                totals.add(format!("crossing calls {name}"), crossing, crossing / bunch);
                totals.add("crossing calls".to_owned(), crossing, crossing / bunches.1);
            }
        }
        totals
    }

    fn add(&mut self, name: String, value: f64, events: f64) {
        let sum = self.sums.entry(name).or_default();
        sum.0 += value;
        sum.1 += events;
    }
}

/// What is further apart than allowed, in words.
fn apart(request: &Totals, flow: &Totals) -> Vec<String> {
    let mut found = Vec::new();
    for name in flow.sums.keys() {
        if !request.sums.contains_key(name) {
            found.push(format!("{name}: only in the flow plane"));
        }
    }
    for (name, (wanted, events)) in &request.sums {
        let (had, _) = flow.sums.get(name).copied().unwrap_or_default();
        // Both sides vary, hence twice.
        let chance = CHANCE * (2.0 / events.max(1.0)).sqrt();
        let (share, allowed) = (had / wanted.max(1e-12) - 1.0, WITHIN.max(chance));
        if *wanted == 0.0 && had == 0.0 {
            continue;
        }
        println!(
            "{name}: {wanted:.6} {had:.6} {:+.2} % of {:.1} %",
            share * 100.0,
            allowed * 100.0
        );
        if share.abs() > allowed {
            found.push(format!(
                "{name}: {had} against {wanted}, {:.2} % apart",
                share * 100.0
            ));
        }
    }
    found
}

fn agree(file: &str, replications: u32) {
    let path = shipped(file);
    let request = play(&path, Fidelity::Request, replications);
    let flow = play(&path, Fidelity::Flow, replications);
    assert_eq!(request.stop, StopReason::Replications);
    assert_eq!(flow.stop, StopReason::Replications);
    let outcomes = |result: &ExperimentResult| -> Vec<_> {
        let waves = |replication: &cutover::experiment::result::ReplicationResult| {
            replication
                .waves
                .iter()
                .map(|wave| wave.outcome)
                .collect::<Vec<_>>()
        };
        result.replications.iter().map(waves).collect()
    };
    assert_eq!(outcomes(&request), outcomes(&flow), "{file}: waves");
    let scenario = check(&path, None, &[], None).scenario;
    let bunches = Bunches::of(&scenario.expect("a shipped scenario has no problem"));
    let (request, flow) = (Totals::of(&request, &bunches), Totals::of(&flow, &bunches));
    assert!(!request.sums.is_empty());
    let apart = apart(&request, &flow);
    assert!(apart.is_empty(), "{file}: {apart:#?}");
}

#[test]
fn the_planes_agree_on_a_chain() {
    agree("chain-3.yaml", 20);
}

#[test]
fn the_planes_agree_on_a_migration_of_two_services() {
    agree("starter.yaml", 2);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "millions of requests: for a release build")]
fn the_planes_agree_on_the_boutique() {
    agree("online-boutique.yaml", 10);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "millions of requests: for a release build")]
fn the_planes_agree_on_the_other_migrations() {
    agree("hotel.yaml", 10);
    agree("social-network.yaml", 10);
    agree("train-ticket.yaml", 10);
    agree("narrow-link.yaml", 4);
    agree("policies/quota-exhausted.yaml", 4);
    agree("policies/gang-training.yaml", 1);
}

/// Left out are what only requests can play (`noisy-neighbour`), and `cold-start`, whose tries again come later than its
/// pods: see `docs/fidelity.md`.
#[test]
#[cfg_attr(debug_assertions, ignore = "millions of requests: for a release build")]
fn the_planes_agree_on_the_policies() {
    for name in [
        "bad-release",
        "fighting",
        "flash-crowd",
        "never-fits",
        "predictive",
        "slow-nodes",
        "thrashing",
        "wrong-metric",
        "zone-fault",
    ] {
        agree(&format!("policies/{name}.yaml"), 4);
    }
}

/// What the shipped scenarios of overload and retries assert holds at flow fidelity, too: a storm of retries outlives
/// its cause, starves below its threshold, and is prevented by a budget and by taking work back.
#[test]
fn metastable_states_have_the_same_verdicts_in_the_flow_plane() {
    every_assertion_holds_by_rates(
        "metastable.yaml",
        &[
            None,
            Some("below-threshold"),
            Some("budget"),
            Some("cancel"),
        ],
    );
}

/// A link that a migration fills delays its messages, and loses their callers where they do not fit: as by requests.
#[test]
fn a_narrow_link_has_the_same_verdicts_in_the_flow_plane() {
    every_assertion_holds_by_rates("narrow-link.yaml", &[None, Some("together"), Some("wider")]);
}

fn every_assertion_holds_by_rates(file: &str, variants: &[Option<&str>]) {
    for variant in variants {
        let checked = check(&shipped(file), *variant, &[], None);
        let mut scenario = checked.scenario.expect("a shipped scenario has no problem");
        scenario.run.fidelity = Fidelity::Flow;
        let result = run(
            &scenario,
            Options { threads: 2 },
            &mut MemoryJournal::default(),
            &Quiet,
            &AtomicBool::new(false),
        );
        for assertion in &result.assertions {
            let verdict = assertion.verdict;
            assert_eq!(
                verdict,
                Verdict::Pass,
                "{variant:?} {}: {}",
                assertion.text,
                assertion.detail
            );
        }
    }
}

#[test]
fn the_flow_plane_plays_every_shipped_scenario_to_its_end() {
    let folder = shipped("");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("scenarios are shipped")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 3);
    for file in files {
        let result = play(&file, Fidelity::Flow, 1);
        assert_eq!(result.stop, StopReason::Replications, "{}", file.display());
        assert_eq!(result.replications.len(), 1);
        let actions: u64 = result.replications[0]
            .journeys
            .iter()
            .map(|journey| journey.issued)
            .sum();
        assert!(actions > 0, "{}: no action", file.display());
    }
}

/// The gates of the starter, looked through in windows of requests: `change` makes the scenario.
fn gates_in_windows(change: impl Fn(&mut cutover::model::Scenario)) -> ExperimentResult {
    let sets = [
        "run.replications=1".to_owned(),
        "run.zoom={windows: [gates]}".to_owned(),
        "migration.gates.healthy.pass=[p95(old) <= 100ms]".to_owned(),
    ];
    let checked = check(&shipped("starter.yaml"), None, &sets, None);
    let mut scenario = checked.scenario.expect("a shipped scenario has no problem");
    scenario.run.fidelity = Fidelity::Zoom;
    change(&mut scenario);
    run(
        &scenario,
        Options { threads: 1 },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    )
}

#[test]
fn a_gate_is_judged_by_the_requests_of_its_window_too() {
    let result = gates_in_windows(|_| {});
    let one = &result.replications[0];
    assert_eq!((one.probes.looked, one.probes.gates.len()), (2, 2));
    for gate in &one.probes.gates {
        assert_eq!(
            (gate.flow, gate.request),
            (GateVerdict::Pass, GateVerdict::Pass),
            "{gate:?}"
        );
        assert_eq!(gate.flaw, None);
        // Five minutes of the window, and no more of it than those, lie under the look.
        assert!(gate.at >= gate.start && gate.at.since(gate.start).seconds() <= 900.0);
    }
}

#[test]
fn a_gate_that_requests_would_fail_is_told() {
    // Every 80 s a burst of 20 s asks half of 1,000 * 5 ms = 2.5 cores of the old side, which has two: its callers wait
    // for seconds. Rates see their mean, which asks for 0.8 of them (W414: the law of arrivals).
    let result = gates_in_windows(|scenario| {
        scenario.loads[0].shape.clear();
        scenario.loads[0].kind = LoadKind::Open {
            rate: 100.0,
            arrivals: Arrivals::Bursts {
                factor: 10.0,
                length: Distribution::constant(20.0),
                pause: Distribution::constant(60.0),
            },
        };
    });
    let one = &result.replications[0];
    let other: Vec<_> = one
        .probes
        .gates
        .iter()
        .filter(|gate| gate.service == "web")
        .collect();
    assert!(!other.is_empty(), "{:?}", one.probes.gates);
    for gate in other {
        assert_eq!(
            (gate.flow, gate.request),
            (GateVerdict::Pass, GateVerdict::Fail),
            "{gate:?}"
        );
    }
    let (_, sentence) = cutover::report::probes::screen(&result).expect("windows were played");
    assert!(sentence.contains("otherwise: healthy of web"), "{sentence}");
    assert!(
        sentence.contains("is pass by flow (p95(old) "),
        "{sentence}"
    );
}
