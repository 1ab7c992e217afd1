//! Our search at the budgets of `benches/peers`: `cargo bench --bench arrange > ours.jsonl`.
//!
//! One line of JSON a run: instance, method, seed, evaluations, processor seconds of the thread, cost.

use cutover::arrange::{Control, Graph, Objective, Problem, Session};
use serde_json::{Value, json};

const SEEDS: u64 = 10;

fn main() {
    for (name, problem) in problems() {
        for seed in 1..=SEEDS {
            for evaluations in [200, 1_000, 5_000, 20_000, 100_000, 1_000_000] {
                let start = processor_seconds();
                // The exact programme would take over below 21 items; here only the search is measured.
                let mut session = Session::searching(&problem, Objective::Sum, seed);
                let control = Control::evaluations(evaluations);
                session.run(&problem, f64::NEG_INFINITY, &control);
                say(&name, seed, control.spent(), start, session.cost);
            }
        }
    }
}

fn say(instance: &str, seed: u64, evaluations: u64, start: f64, cost: f64) {
    println!(
        "{}",
        json!({"instance": instance, "method": "cutover", "seed": seed, "evaluations": evaluations,
               "seconds": processor_seconds() - start, "cost": cost})
    );
}

/// Processor time of this thread so far, from Linux' account of it.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split_whitespace().next();
    let nanoseconds: f64 = first.and_then(|one| one.parse().ok()).expect("a number");
    nanoseconds / 1e9
}

fn read(path: &str) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn whole(value: &Value) -> u32 {
    value.as_u64().expect("a whole number") as u32
}

fn problems() -> Vec<(String, Problem)> {
    let edge = |edge: &Value| {
        let weight = edge.get(2).and_then(Value::as_f64).unwrap_or(1.0);
        (whole(&edge[0]), whole(&edge[1]), weight)
    };
    let mut problems = Vec::new();
    for case in list(&read("tests/cases/srflp.json")["instances"]) {
        if ["N30-3", "AKV60_1"].contains(&case["name"].as_str().unwrap_or_default()) {
            let lengths: Vec<f64> = list(&case["lengths"])
                .iter()
                .filter_map(Value::as_f64)
                .collect();
            let edges: Vec<_> = list(&case["weights"]).iter().map(edge).collect();
            problems.push((
                case["name"].as_str().unwrap_or_default().to_owned(),
                Problem::with_durations(Graph::new(lengths.len(), &edges), lengths),
            ));
        }
    }
    for case in list(&read("tests/cases/migration_graphs.json")["cases"]) {
        let name = case["id"].as_str().unwrap_or_default();
        if [
            "hotel.unit",
            "social-network.grouped",
            "social-network.unit",
            "train-ticket.unit",
        ]
        .contains(&name)
        {
            let edges: Vec<_> = list(&case["calls"]).iter().map(edge).collect();
            let nodes = list(&case["services"]).len();
            problems.push((name.to_owned(), Problem::unit(Graph::new(nodes, &edges))));
        }
    }
    for case in list(&read("tests/cases/minla_petit.json")["instances"]) {
        let name = case["name"].as_str().unwrap_or_default();
        if ["gd96b", "gd96d"].contains(&name) {
            let edges: Vec<_> = list(&case["edges"]).iter().map(edge).collect();
            let graph = Graph::new(whole(&case["n"]) as usize, &edges);
            problems.push((name.to_owned(), Problem::unit(graph)));
        }
    }
    problems
}
