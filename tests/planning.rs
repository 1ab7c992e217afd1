//! Planning from files: the real topologies against what is documented of them, generated programmes, and the
//! commands as users meet them.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use cutover::model::Scenario;
use cutover::plan::KnownWorld;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

fn cutover(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("cutover").expect("the program is built");
    command.current_dir(folder).env("COLUMNS", "100");
    command
}

fn shipped(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(name);
    let found = cutover::scenario::check(&path, None, &[], None);
    assert!(found.problems.list.is_empty(), "{:?}", found.problems.list);
    found.scenario.expect("a scenario without problems")
}

/// Sources of FudanSELab/train-ticket at 813dd01e: 37 services, 92 calls, fan-in at most 10 (station), fan-out at most
/// 12 (preserve, preserve-other), 12 leaves, height 5, one cycle of three services.
#[test]
fn train_ticket_is_as_its_sources_say() {
    let scenario = shipped("train-ticket.yaml");
    let known = KnownWorld::new(&scenario).expect("a migration");
    assert_eq!(scenario.services.len(), 37);
    assert_eq!(known.edges.len(), 92);
    let count = |of: &dyn Fn(&cutover::plan::KnownEdge) -> usize, name: &str| {
        let service = scenario
            .services
            .iter()
            .position(|one| one.name == name)
            .expect("there");
        known
            .edges
            .iter()
            .filter(|edge| of(edge) == service)
            .count()
    };
    assert_eq!(count(&|edge| edge.callee, "station"), 10);
    assert_eq!(count(&|edge| edge.caller, "preserve"), 12);
    assert_eq!(count(&|edge| edge.caller, "preserve-other"), 12);
    let leaves = known
        .graph
        .callees
        .iter()
        .filter(|callees| callees.is_empty())
        .count();
    assert_eq!(leaves, 12);
    assert_eq!(known.graph.heights().into_iter().max(), Some(5));
    let mut sizes = [0; 37];
    for component in known.graph.components() {
        sizes[component] += 1;
    }
    sizes.sort_unstable();
    assert_eq!(sizes[sizes.len() - 1], 3);
    assert_eq!(sizes.iter().filter(|size| **size > 1).count(), 1);
}

/// DeathStarBench: Hotel has 22 components and 21 calls, a tree; Social Network 28 components.
#[test]
fn hotel_and_social_network_have_their_components() {
    let hotel = shipped("hotel.yaml");
    let known = KnownWorld::new(&hotel).expect("a migration");
    assert_eq!((hotel.services.len(), known.edges.len()), (22, 21));
    let social = shipped("social-network.yaml");
    let known = KnownWorld::new(&social).expect("a migration");
    assert_eq!((social.services.len(), known.edges.len()), (28, 40));
    // The mix: 60 home, 30 timeline, 10 compose of four actions a second.
    assert!((known.actions[0] - 2.4).abs() < 1e-9);
    assert!((known.actions[1] - 1.2).abs() < 1e-9);
}

#[test]
fn a_generated_programme_is_a_scenario_and_its_hidden_calls_are_not_known() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path();
    let make = |file: &str, hidden: &str| {
        cutover(place)
            .args([
                "generate",
                "--services",
                "60",
                "--teams",
                "6",
                "--seed",
                "3",
            ])
            .args(["--hidden-edges", hidden, "--out", file])
            .assert()
            .code(0)
            .stderr(contains("calls a service"));
    };
    make("open.yaml", "0%");
    make("hidden.yaml", "30%");
    cutover(place)
        .args(["generate", "--services", "60", "--out", "open.yaml"])
        .assert()
        .code(2)
        .stderr(contains("was left alone"));
    let edges = |file: &str| {
        let found = cutover::scenario::check(&place.join(file), None, &[], None);
        let scenario = found
            .scenario
            .unwrap_or_else(|| panic!("{:?}", found.problems.list));
        assert_eq!(scenario.services.len(), 60);
        KnownWorld::new(&scenario).expect("a migration").edges.len()
    };
    let (open, hidden) = (edges("open.yaml"), edges("hidden.yaml"));
    // 30 % of some 150 calls, those to stores left out: at least a tenth is hidden, at most two fifths.
    assert!(
        hidden * 10 < open * 9 && hidden * 10 > open * 6,
        "{open} {hidden}"
    );
    cutover(place)
        .args([
            "plan",
            "open.yaml",
            "--strategy",
            "by-team",
            "--out",
            "plan.yaml",
        ])
        .assert()
        .code(0)
        .stdout(contains("60 services"));
    for file in [
        "plan.ics",
        "plan.gantt.svg",
        "plan.gantt.png",
        "plan.graph.svg",
        "plan.graph.png",
    ] {
        assert!(place.join(file).is_file(), "{file}");
    }
    cutover(place)
        .args(["validate", "open.yaml", "--plan", "plan.yaml"])
        .assert()
        .code(0);
    // A person's edit is not written over.
    fs::write(place.join("plan.yaml"), "cutover: 1\nplan: {waves: []}\n").expect("written");
    cutover(place)
        .args([
            "plan",
            "open.yaml",
            "--strategy",
            "by-team",
            "--out",
            "plan.yaml",
        ])
        .assert()
        .code(2)
        .stderr(contains("was left alone"));
}

const SMALL: &str = "\
cutover: 1
name: small
horizon: 2h
run: {seed: 1, replications: 3, fidelity: flow}
clusters: {old: {}, new: {}}
links: {old <-> new: {oneWay: 2ms}}
defaults: {service: {replicas: 2}}
services:
  web: {steps: [work: exp(2ms), call: cart, {call: shop, times: 3}]}
  cart: {steps: [work: exp(2ms), call: store]}
  shop: {steps: [work: exp(2ms)]}
  store: {kind: stateful, steps: [work: exp(1ms)]}
journeys: {browse: {call: web, slo: [99% under 200ms]}}
load: {users: {rate: 5/s, journey: browse}}
migration:
  from: old
  to: new
  soak: 1m
  constraints:
    waveSize: 1
    order: [web before cart]
plan: {strategy: greedy-min-cut}
objective: {minimise: [cross_calls, makespan]}
";

fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("small.yaml"), text).expect("written");
    folder
}

#[test]
fn an_infeasible_scenario_names_the_constraints_that_conflict() {
    let text = SMALL.replace(
        "order: [web before cart]",
        "order: [web before cart, cart before store, store before web, shop before web]",
    );
    let folder = folder_with(&text);
    cutover(folder.path())
        .args(["plan", "small.yaml", "--strategy", "by-api"])
        .assert()
        .code(1)
        .stderr(
            contains("E406")
                .and(contains("web before cart"))
                .and(contains("cart before store"))
                .and(contains("store before web"))
                .and(contains("shop before web` (").not()),
        );
    // For a run the same is wrong input.
    cutover(folder.path())
        .args(["run", "small.yaml"])
        .assert()
        .code(2);
}

#[test]
fn a_written_plan_is_held_to_the_constraints() {
    let text = SMALL.replace(
        "plan: {strategy: greedy-min-cut}",
        "plan: {waves: [{move: [cart]}, {move: [web]}, {move: [shop, store]}]}",
    );
    let folder = folder_with(&text);
    cutover(folder.path())
        .args(["validate", "small.yaml"])
        .assert()
        .code(2)
        .stderr(
            contains("E405")
                .and(contains("`web` must move before `cart`"))
                .and(contains("2 services in a wave that takes 1")),
        );
}

#[test]
fn strategies_are_compared_and_the_search_is_no_worse_and_repeats() {
    let folder = folder_with(SMALL);
    let place = folder.path();
    cutover(place)
        .args([
            "compare",
            "small.yaml",
            "--strategies",
            "all",
            "--out",
            "league",
        ])
        .assert()
        .code(0)
        .stdout(contains("leads").and(contains("Spearman")));
    assert!(place.join("league/league.png").is_file());
    let search = |out: &str| {
        cutover(place)
            .args(["search", "small.yaml", "--budget", "300", "--confirm", "3"])
            .args(["--out", out, "--json"])
            .assert()
            .code(0)
            .get_output()
            .stdout
            .clone()
    };
    assert_eq!(search("one.yaml"), search("two.yaml"));
    assert_eq!(
        fs::read(place.join("one.yaml")).expect("written"),
        fs::read(place.join("two.yaml")).expect("written")
    );
    cutover(place)
        .args(["validate", "small.yaml", "--plan", "one.yaml"])
        .assert()
        .code(0);
}

#[test]
fn without_an_objective_none_is_chosen() {
    let text = SMALL.replace("objective: {minimise: [cross_calls, makespan]}\n", "");
    let folder = folder_with(&text);
    for command in [
        &["search", "small.yaml"][..],
        &["compare", "small.yaml", "--strategies", "all"][..],
    ] {
        cutover(folder.path())
            .args(command)
            .assert()
            .code(2)
            .stderr(contains("none is chosen for you"));
    }
}

/// When a service starts to prepare in the plan that its strategy makes, in minutes.
fn prepared(place: &Path, service: &str) -> f64 {
    let found = cutover::scenario::check(&place.join("small.yaml"), None, &[], None);
    let scenario = found
        .scenario
        .unwrap_or_else(|| panic!("{:?}", found.problems.list));
    let known = KnownWorld::new(&scenario).expect("a migration");
    let times = cutover::plan::clockwork::Clockwork::of_plan(&known, &scenario.plan.waves);
    let position = scenario.services.iter().position(|one| one.name == service);
    let times = times.of(position.expect("there")).expect("it moves");
    times.prepare.seconds() / 60.0
}

#[test]
fn a_team_has_windows_of_its_own_and_a_service_a_portability_test() {
    let dated = SMALL
        .replace(
            "horizon: 2h\n",
            "timezone: UTC\nstart: 2026-11-03T07:00\nhorizon: 2h\n",
        )
        .replace("  web: {", "  web: {team: shops, ")
        .replace("  shop: {", "  shop: {portable: 2026-11-03T07:50, ");
    let text = format!("{dated}teams: {{shops: {{windows: [Tue 08:00-08:30]}}}}\n");
    let folder = folder_with(&text);
    let start = prepared(folder.path(), "web");
    assert!((60.0..90.0).contains(&start), "{start}");
    let start = prepared(folder.path(), "shop");
    // It comes after `web` in the order, which waits for longer.
    assert!((50.0..70.0).contains(&start), "{start}");
    // `store` is held by nobody but comes in a wave of its own: the first.
    assert!(prepared(folder.path(), "store") < 1.0);
    // Outside the run neither is ever open: the one that stands against a plan is named with its line.
    for (old, new, name) in [
        (
            "Tue 08:00-08:30",
            "Wed 08:00-08:30",
            "the windows of team `shops`",
        ),
        (
            "2026-11-03T07:50",
            "2026-11-03T08:59:59",
            "`portable` of `shop`",
        ),
    ] {
        let folder = folder_with(&text.replace(old, new));
        cutover(folder.path())
            .args(["plan", "small.yaml"])
            .assert()
            .code(1)
            .stderr(
                contains("E406")
                    .and(contains(name))
                    .and(contains("small.yaml:")),
            );
    }
}

#[test]
fn a_search_on_the_graph_says_what_it_did_and_what_the_plan_is_worth() {
    let folder = folder_with(SMALL);
    cutover(folder.path())
        .args([
            "search",
            "small.yaml",
            "--budget",
            "2k",
            "--evaluator",
            "graph",
        ])
        .assert()
        .code(0)
        .stdout(contains("changes were costed").and(contains("nothing was simulated")))
        .stderr(contains("first plan that keeps all constraints after"));
    cutover(folder.path())
        .args(["search", "small.yaml", "--budget", "1k", "--confirm", "4"])
        .assert()
        .code(0)
        .stdout(
            contains("to the chosen one")
                .and(contains("confirmed on 4 fresh replications"))
                .and(contains("halved by `simulation`"))
                .and(contains("Spearman").or(contains("too few plans")))
                .and(contains(
                    "nothing is guaranteed of plans that were not simulated",
                ))
                .and(contains("+-").not())
                .and(contains("±").or(contains("same results"))),
        );
}
