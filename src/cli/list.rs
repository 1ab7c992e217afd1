//! `list`, `explain` and `schema`: what the program knows, from its own tables.

use serde_json::{Value, json};

use crate::cli::arguments::Listed;
use crate::cli::exit::Exit;
use crate::cli::terminal;
use crate::model::metric::METRICS;
use crate::model::scaling::POLICIES;
use crate::plan::STRATEGIES;
use crate::report::screen;
use crate::scenario::codes::{self, CODES};
use crate::scenario::keys::{self, Table};
use crate::scenario::{schema as json_schema, suggest};

/// Prints one table.
#[must_use]
pub fn list(what: Listed, json: bool) -> Exit {
    let (head, rows) = rows(what);
    if json {
        let objects: Vec<Value> = rows
            .iter()
            .map(|row| {
                head.iter()
                    .zip(row)
                    .filter(|(name, _)| !name.is_empty())
                    .map(|(name, cell)| ((*name).to_owned(), json!(cell)))
                    .collect::<serde_json::Map<_, _>>()
            })
            .map(Value::Object)
            .collect();
        terminal::say(&format!("{:#}\n", Value::Array(objects)));
    } else {
        terminal::say(&screen::table(&head, &rows));
    }
    Exit::Fine
}

fn rows(what: Listed) -> ([&'static str; 3], Vec<[String; 3]>) {
    let owned = |cells: [&str; 3]| cells.map(str::to_owned);
    match what {
        Listed::Metrics => (
            ["name", "unit", "meaning"],
            METRICS
                .iter()
                .map(|metric| {
                    let later = if metric.is_supported() {
                        ""
                    } else {
                        " (not supported yet)"
                    };
                    owned([
                        metric.name,
                        metric.unit,
                        &format!("{}{later}", metric.meaning),
                    ])
                })
                .collect(),
        ),
        Listed::Checks => (
            ["code", "problem", "what to do"],
            CODES
                .iter()
                .map(|code| owned([code.code, code.title, code.remedy]))
                .collect(),
        ),
        Listed::Strategies => (
            ["name", "order", "good when"],
            STRATEGIES
                .iter()
                .map(|one| owned([one.name, one.definition, one.good_when]))
                .collect(),
        ),
        Listed::Distributions => (
            ["form", "mean", "meaning"],
            DISTRIBUTIONS.iter().map(|row| owned(*row)).collect(),
        ),
        Listed::Methods => (["name", "parameters", "meaning"], of_table(&keys::METHOD)),
        Listed::Shapes => (["name", "parameters", "meaning"], of_table(&keys::SHAPE)),
        Listed::Faults => (["name", "parameters", "meaning"], of_table(&keys::FAULT)),
        Listed::Policies => (["name", "", "meaning"], policies()),
    }
}

fn policies() -> Vec<[String; 3]> {
    let rows = POLICIES.iter().map(|kind| [kind.name, "", kind.doc]);
    rows.map(|row| row.map(str::to_owned)).collect()
}

fn of_table(table: &Table) -> Vec<[String; 3]> {
    table
        .keys
        .iter()
        .filter(|key| key.built)
        .map(|key| [key.name, key.kind, key.doc].map(str::to_owned))
        .collect()
}

/// Forms of random quantities; each is read by a test through the scenario's own grammar.
const DISTRIBUTIONS: &[[&str; 3]] = &[
    ["5ms", "itself", "always the same"],
    [
        "exp(5ms)",
        "5ms",
        "exponential: memoryless, coefficient of variation 1",
    ],
    [
        "lognormal(5ms cv=1)",
        "5ms",
        "long right tail, as processing times have",
    ],
    [
        "gamma(5ms cv=0.5)",
        "5ms",
        "between constant and exponential when cv is below 1",
    ],
    [
        "normal(5ms sd=1ms)",
        "5ms",
        "symmetric; what falls below zero is zero",
    ],
    ["uniform(2ms..8ms)", "5ms", "anywhere in the range"],
];

/// Explains one code.
///
/// # Errors
/// No problem has that code.
pub fn explain(code: &str, json: bool) -> Result<Exit, String> {
    let Some(found) = codes::find(code) else {
        let near = suggest::nearest(&code.to_uppercase(), CODES.iter().map(|code| code.code));
        let hint = near.map_or_else(
            || "`cutover list checks` shows all".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(format!("`{code}` is no code of a problem; {hint}"));
    };
    if json {
        let answer = json!({ "code": found.code, "title": found.title, "explanation": found.explanation, "remedy": found.remedy });
        terminal::say(&format!("{answer:#}\n"));
    } else {
        let width = terminal::width();
        let text = format!(
            "{}: {}\n\n{}\n\n{}\n",
            found.code,
            found.title,
            screen::wrap(found.explanation, width),
            screen::wrap(&format!("What to do: {}", found.remedy), width)
        );
        terminal::say(&text);
    }
    Ok(Exit::Fine)
}

/// Prints the JSON Schema.
#[must_use]
pub fn schema() -> Exit {
    terminal::say(&json_schema::text());
    Exit::Fine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_distribution_is_read_by_the_scenario_language() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.yaml");
        for [form, _, _] in DISTRIBUTIONS {
            let text = format!(
                "cutover: 1\nhorizon: 1m\nservices: {{web: {{steps: [work: {form}]}}}}\n\
                 journeys: {{browse: {{call: web}}}}\nload: {{users: {{rate: 1/s, journey: browse}}}}\n"
            );
            std::fs::write(&path, text).unwrap();
            let found = crate::scenario::check(&path, None, &[], None);
            assert!(found.scenario.is_some(), "{form}: {:?}", found.problems);
        }
    }
}
