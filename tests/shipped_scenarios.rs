//! Every scenario that is shipped is read without a problem, each variant too.

use std::path::Path;

use std::sync::atomic::AtomicBool;

use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};
use cutover::model::scenario::Fidelity;
use cutover::scenario::lower::{lower, lower_changed};
use cutover::scenario::{Loaded, load};

fn check(file: &str, variant: Option<&str>) -> cutover::model::Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(file);
    let Loaded {
        tree,
        sources,
        mut problems,
    } = load(&path, variant, &[], None);
    let scenario = tree.and_then(|tree| lower(&tree, &sources, &mut problems));
    assert!(problems.list.is_empty(), "{file}: {:#?}", problems.list);
    scenario.expect("a scenario without problems has a model")
}

#[test]
fn shipped_scenarios_have_no_problems() {
    assert_eq!(check("chain-3.yaml", None).services.len(), 3);
    assert_eq!(check("starter.yaml", None).services.len(), 2);
    for variant in [
        None,
        Some("below-threshold"),
        Some("budget"),
        Some("cancel"),
    ] {
        assert_eq!(check("metastable.yaml", variant).services.len(), 2);
    }
    // Ten services and their store, as the application's manifest has them without its load generator.
    assert_eq!(check("online-boutique.yaml", None).services.len(), 11);
}

/// Scenarios that show one thing each; what they are warned about is what they show.
#[test]
fn scenarios_of_policies_are_read_with_each_variant() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/policies");
    let expected = [("never-fits", &["W410"][..])];
    for (name, variants) in [
        ("bad-release", &[][..]),
        ("never-fits", &[]),
        ("noisy-neighbour", &["spread"]),
        ("quota-exhausted", &["more-pods"]),
        ("slow-nodes", &["least-request"]),
        ("zone-fault", &["no-retries"]),
    ] {
        for variant in std::iter::once(None).chain(variants.iter().copied().map(Some)) {
            let path = folder.join(format!("{name}.yaml"));
            let Loaded {
                tree,
                sources,
                mut problems,
            } = load(&path, variant, &[], None);
            let scenario = tree.and_then(|tree| lower(&tree, &sources, &mut problems));
            assert!(scenario.is_some(), "{name}: {:#?}", problems.list);
            let codes: Vec<&str> = problems.list.iter().map(|problem| problem.code).collect();
            let allowed = expected.iter().find(|(other, _)| *other == name);
            assert_eq!(
                codes,
                allowed.map_or(&[][..], |(_, codes)| *codes),
                "{name}"
            );
        }
    }
}

/// What rates over minutes do not show: requests that fill a shared node within seconds.
const NOT_BY_RATES: [&str; 1] = ["noisy-neighbour"];

/// Each shows one thing, and what cures it: both are asserted, as written and by rates.
#[test]
fn every_scenario_of_policies_holds_with_each_variant() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/policies");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    let mut wrong = Vec::new();
    for file in &files {
        let name = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name");
        let tree = load(file, None, &[], None).tree.expect("a tree");
        let variants = tree
            .get("variants")
            .map_or(&[][..], |variants| variants.entries());
        let variants = variants.iter().map(|entry| Some(entry.key.as_str()));
        for variant in std::iter::once(None).chain(variants) {
            let Loaded {
                tree,
                sources,
                mut problems,
            } = load(file, variant, &[], None);
            // What a variant no longer uses is used by the base.
            let read = if variant.is_some() {
                lower_changed
            } else {
                lower
            };
            let written = tree.and_then(|tree| read(&tree, &sources, &mut problems));
            let written = written.expect("a scenario without errors has a model");
            let mut by_rates = written.clone();
            by_rates.run.fidelity = Fidelity::Flow;
            let both = [("as written", written), ("by rates", by_rates)];
            for (how, scenario) in &both {
                if *how == "by rates" && NOT_BY_RATES.contains(&name) {
                    continue;
                }
                let result = run(
                    scenario,
                    Options { threads: 2 },
                    &mut MemoryJournal::default(),
                    &Quiet,
                    &AtomicBool::new(false),
                );
                for assertion in result.assertions.iter().filter(|one| one.fails_run) {
                    wrong.push(format!(
                        "{name} {variant:?} {how}: {} ({})",
                        assertion.text, assertion.detail
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_noon_variant_moves_all_services_at_once_with_the_freeze_lifted() {
    let base = check("online-boutique.yaml", None);
    let noon = check("online-boutique.yaml", Some("noon-at-once"));
    assert_eq!(base.calendar.freezes.len(), 1);
    assert_eq!(base.plan.waves.len(), 4);
    assert_eq!(noon.calendar.freezes.len(), 0);
    assert_eq!(noon.plan.waves.len(), 1);
    assert_eq!(noon.plan.waves[0].members.len(), 11);
    // Noon is five hours after the start at seven.
    assert_eq!(
        noon.plan.waves[0].earliest.map(|at| at.seconds()),
        Some(5.0 * 3_600.0)
    );
}

/// The user task's calls by edge, from the load generator's weights: 17.947 in all (341 calls in 19 tasks).
#[test]
fn the_boutique_makes_the_calls_of_its_program() {
    use cutover::model::{Parallel, Scenario, Step, StepKind};
    fn calls(scenario: &Scenario, steps: &[Step], entry: bool) -> f64 {
        steps
            .iter()
            .map(|step| {
                let times = step.times.as_ref().map_or(1.0, |times| times.mean()) * step.chance;
                times
                    * match &step.kind {
                        StepKind::Call(call) => {
                            let endpoint = scenario.endpoint(call.endpoint);
                            f64::from(u8::from(!entry)) + calls(scenario, &endpoint.steps, false)
                        }
                        StepKind::Do(inner)
                        | StepKind::Parallel(Parallel {
                            branches: inner, ..
                        }) => calls(scenario, inner, entry),
                        _ => 0.0,
                    }
            })
            .sum()
    }
    let scenario = check("online-boutique.yaml", None);
    let load = &scenario.loads[0];
    let weights: f64 = load.mix.iter().map(|(_, weight)| weight).sum();
    let total: f64 = load
        .mix
        .iter()
        .map(|(journey, weight)| weight * calls(&scenario, &scenario.journey(*journey).steps, true))
        .sum();
    assert!(
        (total / weights - 341.0 / 19.0).abs() < 1e-9,
        "{}",
        total / weights
    );
}

/// Two hours of the boutique, before anything moves, and all of the chain: one replication each, counted.
#[test]
fn the_forecast_of_events_is_right_within_30_percent() {
    use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};
    use cutover::experiment::forecast::forecast;
    use cutover::model::{Plan, Replications};
    use cutover::units::SimDuration;
    for (file, seconds) in [("chain-3.yaml", 600), ("online-boutique.yaml", 1_200)] {
        let mut scenario = check(file, None);
        scenario.horizon = SimDuration::from_secs(seconds);
        scenario.run.replications = Replications::Fixed(1);
        scenario.plan = Plan::default();
        scenario.migration = None;
        scenario.assertions.clear();
        let guessed = forecast(&scenario).events;
        let result = run(
            &scenario,
            Options { threads: 1 },
            &mut MemoryJournal::default(),
            &Quiet,
            &std::sync::atomic::AtomicBool::new(false),
        );
        let counted = result.replications[0].events as f64;
        let ratio = guessed / counted;
        assert!(
            (0.77..1.3).contains(&ratio),
            "{file}: {guessed} for {counted}"
        );
    }
}

/// CPU time as measured in release builds: 58 s for 650 million events, 0.76 s for 12.4 million.
#[test]
fn the_forecast_of_time_is_right_within_30_percent() {
    use cutover::experiment::forecast::forecast;
    for (file, events_a_second) in [("chain-3.yaml", 16.3e6), ("online-boutique.yaml", 11.2e6)] {
        let found = forecast(&check(file, None));
        let ratio = found.cpu_seconds / (found.events / events_a_second);
        assert!((0.77..1.3).contains(&ratio), "{file}: {ratio}");
    }
}

#[test]
fn scenarios_of_policies_and_their_variants_have_no_problems() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/policies");
    let files = std::fs::read_dir(folder).expect("shipped").map(|entry| {
        let name = entry.expect("readable").file_name();
        format!("policies/{}", name.to_string_lossy())
    });
    let mut seen = 0;
    // The pod that never fits is warned about: the test above holds that.
    let clean = |file: &String| file.ends_with(".yaml") && !file.ends_with("never-fits.yaml");
    for file in files.filter(clean) {
        let _ = check(&file, None);
        seen += 1;
    }
    assert!(seen >= 5, "{seen} scenarios");
}
