//! Queueing systems with exact stationary values: each is built as a model and simulated request by request.

mod forks;
mod measure;
mod networks;
mod rooms;
mod systems;
mod values;

use serde_json::Value;

use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "queueing_exact",
    about: "Stationary values of queueing systems from textbook formulas, simulated request by request: waiting, \
            response and its percentiles, numbers in the system, blocking, networks, fork-join, retries.",
    judged: "A value is found over 32 independent replications after the first quarter of each and judged by its \
             Student interval (sectioning); a percentile by the share of requests on both sides of it. The false-alarm \
             rate is 0.1 % over the whole table, divided evenly among its values (Bonferroni). A case is played until \
             each half-width is at most 2 % of its value, or for 4 million actions, or until the time budget ends, which leaves undecided \
             (with a note) what is then less precise and outside its interval. \
             Where the reference is an approximation, its stated error (5 %) is added.",
    stems: &["queueing_exact"],
    weight: 10,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// False-alarm rate over the whole table.
const FALSE_ALARM: f64 = 1e-3;

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    let confidence = 1.0 - FALSE_ALARM / expected_values(&file.root).max(1) as f64;
    context.each(file, KIND.ungraded, |case, judge, allowance| {
        one(case, confidence, measure::MOST_ACTIONS, judge, allowance)
    })
}

fn one(
    case: &Case,
    confidence: f64,
    most_actions: f64,
    judge: &mut Judge,
    allowance: &Allowance,
) -> Result<(), Malformed> {
    match systems::build(case)? {
        Ok(system) => measure::judge(&system, confidence, most_actions, judge, allowance),
        Err(reason) => judge.fail(reason),
    }
    Ok(())
}

/// Numbers under `expected` in all cases.
fn expected_values(root: &Value) -> usize {
    fn numbers(value: &Value) -> usize {
        match value {
            Value::Number(_) => 1,
            Value::Array(items) => items.iter().map(numbers).sum(),
            Value::Object(members) => members.values().map(numbers).sum(),
            _ => 0,
        }
    }
    let cases = root.get("cases").and_then(Value::as_array);
    cases.map_or(0, |cases| {
        cases
            .iter()
            .filter_map(|case| case.get("expected"))
            .map(numbers)
            .sum()
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
