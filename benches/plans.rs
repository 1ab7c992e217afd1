//! Plans under constraints: our search, and the packer as a judge for other tools (`benches/peers/plans.py`).
//!
//!     cargo build --release --bench plans
//!     plans write DIR          writes generated programmes with teams, windows, precedence and headroom
//!     plans model FILE         the programme as numbers, for solvers: groups, traffic, teams, waves
//!     plans serve FILE         reads orders of move groups, one JSON list a line, and answers with the cost of the plan
//!     plans ours FILE..        our search at the budgets of the comparison, one line of JSON a run
//!
//! A cost is the first part of the scenario's objective as the graph sees it. An order that cannot be packed costs more the
//! earlier it gets stuck. Times are processor seconds of this thread.

use std::io::{BufRead, Write};
use std::path::Path;

use cutover::generate::{Layer, Wish, make, text};
use cutover::model::{PlanRequest, Scenario};
use cutover::plan::pack::{Packing, pack, wave_services};
use cutover::plan::{KnownWorld, goal};
use cutover::search::climb::{Budget, climb};
use cutover::search::named;
use cutover::units::SimTime;
use serde_json::{Value, json};

const SEEDS: u64 = 10;
/// Packed orders, as evaluations.
const ORDERS: [u64; 2] = [200, 1_000];
/// Processor seconds.
const MOMENTS: [f64; 2] = [1.0, 5.0];
/// What an order that cannot be packed costs at least.
const STUCK: f64 = 1e15;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write", folder] => write(Path::new(folder)),
        ["model", file] => println!("{}", with(file, 1, model)),
        ["serve", file] => with(file, 1, serve),
        ["ours", files @ ..] => files.iter().for_each(|file| ours(file)),
        _ => eprintln!("write DIR, model FILE, serve FILE or ours FILE.."),
    }
}

/// Programmes whose order matters: a leaf before some of the entries that call it, small waves, one every week.
fn write(folder: &Path) {
    for (services, teams, seed) in [(60, 8, 1), (120, 15, 2), (200, 25, 3)] {
        let made = make(&Wish {
            name: format!("programme-{services}"),
            services,
            teams,
            seed,
            hidden: 0.1,
            pods: services * 4,
        });
        let mut rules = Vec::new();
        for (number, entry) in made.services.iter().enumerate() {
            let is_entry = entry.layer == Layer::Entry;
            for call in entry.calls.iter().filter(|call| is_entry && !call.hidden) {
                let callee = &made.services[call.to];
                if callee.layer == Layer::Leaf && !callee.store && number % 2 == 0 {
                    rules.push(format!("{} before {}", callee.name, entry.name));
                }
            }
        }
        let most = services / 10;
        let text = text(&made).replace(
            "    headroom: 10%\n",
            &format!("    headroom: 10%\n    order: [{}]\n", rules.join(", ")),
        );
        let (before, after) = text.split_once("    waveSize: ").expect("there is one");
        let (_, after) = after.split_once('\n').expect("more follows");
        let text = format!("{before}    waveSize: 1..{most}\n{after}");
        let path = folder.join(format!("programme-{services}.yaml"));
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn with<T>(file: &str, seed: u64, act: impl FnOnce(&KnownWorld, &PlanRequest) -> T) -> T {
    let found = cutover::scenario::check(Path::new(file), None, &[], None);
    let scenario: Scenario = found
        .scenario
        .unwrap_or_else(|| panic!("{:?}", found.problems.list));
    let known = KnownWorld::new(&scenario).expect("it migrates");
    let request = PlanRequest {
        seed,
        ..scenario.plan.request.clone().unwrap_or(PlanRequest {
            strategy: String::new(),
            every: None,
            seed,
            start: SimTime::ZERO,
        })
    };
    act(&known, &request)
}

fn cost(known: &KnownWorld, request: &PlanRequest, order: &[usize]) -> f64 {
    match pack(known, order, Packing::Waves, request) {
        Ok(packed) => goal::outlook(known, &packed.timetable).parts[0],
        Err(stuck) => STUCK / (1 + stuck.waves) as f64,
    }
}

fn serve(known: &KnownWorld, request: &PlanRequest) {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let order: Vec<usize> = serde_json::from_str(&line).expect("a list of groups");
        let cost = cost(known, request, &order);
        writeln!(out, "{}", json!([cost, processor_seconds()])).expect("somebody reads");
        out.flush().expect("somebody reads");
    }
}

fn model(known: &KnownWorld, request: &PlanRequest) -> Value {
    // Waves as a named order has them: when each starts, and what each team has done by then.
    let order: Vec<usize> = (0..known.groups.len()).collect();
    let starts = named(known, request, &|| {});
    let best = starts
        .iter()
        .filter(|one| one.0.waves.len() > 1)
        .max_by_key(|one| one.0.waves.len())
        .expect("some strategy has a plan");
    let waves = &best.0.timetable.waves;
    let labour = known.tables.labour.iter();
    let team = |group: usize| -> Vec<(usize, f64)> {
        let services = known.groups[group].services.iter();
        services
            .filter_map(|service| {
                let team = known.scenario.services[*service].team?;
                Some((team.index(), known.tables.effort[*service]))
            })
            .collect()
    };
    let constraints = &known.migration.constraints;
    let group = |service: &cutover::units::ServiceId| known.group_of[service.index()];
    let before: Vec<(usize, usize)> = constraints
        .order
        .iter()
        .flat_map(|rule| {
            let first = rule.value.before.iter().filter_map(group);
            first.flat_map(move |one| {
                rule.value
                    .after
                    .iter()
                    .filter_map(group)
                    .map(move |two| (one, two))
            })
        })
        .collect();
    json!({
        "groups": order.iter().map(|group| known.groups[*group].services.len()).collect::<Vec<_>>(),
        "critical": order.iter().map(|group| usize::from(known.groups[*group].tier == 0)).collect::<Vec<_>>(),
        "critical_at_once": constraints.critical_at_once.as_ref().map(|one| one.value),
        "efforts": order.iter().map(|group| team(*group)).collect::<Vec<_>>(),
        "before": before,
        "traffic": order.iter().flat_map(|one| {
            let others = known.graph.neighbours[*one].iter();
            others.filter(move |other| other.0 > *one).map(move |other| json!([one, other.0, other.1]))
        }).collect::<Vec<_>>(),
        "wave_services": wave_services(known),
        "wave_seconds": waves.iter().map(|wave| wave.start.seconds()).collect::<Vec<_>>(),
        "done": labour.map(|labour| waves.iter().map(|wave| labour.done_by(wave.start)).collect::<Vec<_>>()).collect::<Vec<_>>(),
    })
}

fn ours(file: &str) {
    for seed in 1..=SEEDS {
        with(file, seed, |known, request| {
            let say = |orders: Option<u64>, moment: Option<f64>| {
                let begin = processor_seconds();
                let starts: Vec<_> = named(known, request, &|| {})
                    .into_iter()
                    .map(|one| one.0)
                    .collect();
                let each = 10 * known.groups.len() as u64;
                // Each named order was packed in both ways.
                let evaluations = orders.map_or(u64::MAX, |orders| {
                    orders.saturating_sub(2 * starts.len() as u64) * each
                });
                let spent = |spent: u64| match moment {
                    Some(moment) => (processor_seconds() - begin) / moment,
                    None => spent as f64 / evaluations.max(1) as f64,
                };
                let climbed = climb(
                    known,
                    request,
                    &starts,
                    1,
                    &Budget {
                        evaluations,
                        stop: &|done| moment.is_some() && spent(done) >= 1.0,
                        spent: &spent,
                        told: &|_| {},
                    },
                );
                let name = Path::new(file)
                    .file_stem()
                    .expect("a file")
                    .to_string_lossy()
                    .into_owned();
                println!(
                    "{}",
                    json!({"instance": name, "method": "cutover", "seed": seed, "evaluations": orders, "moment": moment,
                           "seconds": processor_seconds() - begin, "cost": climbed.best[0].outlook.parts[0]})
                );
            };
            for orders in ORDERS {
                say(Some(orders), None);
            }
            for moment in MOMENTS {
                say(None, Some(moment));
            }
        });
    }
}

/// Processor time of this thread so far, from Linux' account of it.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split_whitespace().next();
    let nanoseconds: f64 = first.and_then(|one| one.parse().ok()).expect("a number");
    nanoseconds / 1e9
}
