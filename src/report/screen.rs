//! The first screen: the sentence, the table, the assertions, where the numbers come from, theory, charts.

use std::fmt::Write;

use crate::experiment::result::{ExperimentResult, MetricRow, StopReason, Verdict};
use crate::model::{Provenance, Scenario};
use crate::report::{number, probes, waits};

/// A closed-form number beside the simulated one.
#[derive(Clone, Debug)]
pub struct TheoryRow {
    /// What: `journey.buy mean`.
    pub what: String,
    /// By theory, in seconds.
    pub theory: f64,
    /// Simulated, in seconds: mean and interval.
    pub simulated: Option<(f64, f64, f64)>,
}

/// Theory for a scenario, or why there is none.
#[derive(Clone, Debug)]
pub enum Theory {
    /// The model has a closed form.
    Rows(Vec<TheoryRow>),
    /// Why it has none.
    None(String),
}

/// Metrics of the whole run that the table always shows, in this order, when they are known.
const SHOWN: [&str; 9] = [
    "excess_lost_actions",
    "excess_lost_per_million",
    "breach_minutes",
    "users_affected",
    "availability",
    "complete",
    "makespan",
    "double_running_cost",
    "cross_calls",
];
/// Metrics of each journey that the table shows.
const SHOWN_OF_JOURNEYS: [&str; 3] = ["availability", "p99", "mean"];
/// Metrics of each source of jobs or environments that the table shows.
const SHOWN_OF_WORK: [&str; 7] = [
    "ended",
    "mean",
    "room_wait",
    "gang_wait",
    "deadline_misses",
    "no_room",
    "lost_work",
];
/// Most journeys in the table.
const MOST_JOURNEYS: usize = 8;

/// The whole screen as text. `width` in characters.
#[must_use]
pub fn first(
    scenario: &Scenario,
    result: &ExperimentResult,
    answer: &str,
    theory: &Theory,
    width: usize,
) -> String {
    let mut text = wrap(answer, width.clamp(40, 110));
    text.push_str("\n\n");
    text += &metrics(scenario, result);
    text += &assertions(result);
    text += &waits::screen(scenario, result, width.clamp(40, 110));
    text += &theory_lines(theory);
    if scenario.run.fidelity.has_rates() {
        text += &windows(result);
    }
    let count = result.replications.len();
    let plural = if count == 1 { "" } else { "s" };
    let enough = if count < 2 {
        "; no intervals from a single one"
    } else {
        ""
    };
    writeln!(
        text,
        "{count} replication{plural}, seed {}, {:.0} % intervals{enough}",
        result.seed,
        result.confidence * 100.0
    )
    .expect("writing to a string succeeds");
    text += &stop(&result.stop);
    text += &provenance(&scenario.provenance);
    text
}

fn stop(stop: &StopReason) -> String {
    match stop {
        StopReason::Replications | StopReason::Precision => String::new(),
        StopReason::MaxReplications => {
            "the wanted precision was not reached within `maxReplications`\n".to_owned()
        }
        StopReason::Cancelled => "interrupted: what is finished is kept\n".to_owned(),
        StopReason::Failed(reason) => format!("stopped: {reason}\n"),
    }
}

/// Where the scenario's numbers come from.
#[must_use]
pub fn provenance(found: &Provenance) -> String {
    format!(
        "numbers in the scenario: {} measured, {} documented, {} assumed, {} by default\n",
        found.measured, found.documented, found.assumed, found.defaulted
    )
}

fn metrics(scenario: &Scenario, result: &ExperimentResult) -> String {
    let mut rows: Vec<[String; 3]> = Vec::new();
    let mut add = |row: &MetricRow| {
        let is_idle = row.name == "cross_calls" && scenario.migration.is_none();
        if row.estimate.mean.is_none() || is_idle {
            return;
        }
        let name = if row.subject.is_empty() {
            row.name.clone()
        } else {
            format!("{} {}", row.subject, row.name)
        };
        let (value, unit) =
            number::estimate(&row.estimate, &row.unit, scenario.currency.as_deref());
        rows.push([name.replace('_', " "), value, unit]);
    };
    SHOWN
        .iter()
        .filter_map(|name| result.metric(name, ""))
        .for_each(&mut add);
    for journey in scenario.journeys.iter().take(MOST_JOURNEYS) {
        let subject = format!("journey.{}", journey.name);
        SHOWN_OF_JOURNEYS
            .iter()
            .filter_map(|name| result.metric(name, &subject))
            .for_each(&mut add);
    }
    for work in scenario.work.iter().take(MOST_JOURNEYS) {
        let subject = format!("load.{}", work.name);
        SHOWN_OF_WORK
            .iter()
            .filter_map(|name| result.metric(name, &subject))
            .for_each(&mut add);
    }
    table(&["metric", "value", "unit"], &rows)
}

fn assertions(result: &ExperimentResult) -> String {
    if result.assertions.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 3]> = result
        .assertions
        .iter()
        .map(|assertion| {
            let verdict = match (assertion.verdict, assertion.fails_run) {
                (Verdict::Pass, _) => "holds",
                (Verdict::Fail, _) => "FAILS",
                (Verdict::Undecided, true) => "UNDECIDED",
                (Verdict::Undecided, false) => "no evidence",
            };
            [
                assertion.text.clone(),
                verdict.to_owned(),
                shortened(&assertion.detail),
            ]
        })
        .collect();
    table(&["assertion", "verdict", "found"], &rows)
}

/// Windows of requests beside the flow plane.
fn windows(result: &ExperimentResult) -> String {
    let Some((rows, sentence)) = probes::screen(result) else {
        return wrap(probes::NOT_MEASURED, 110) + "\n";
    };
    let heads = ["flow / requests", "ended", "mean", "p95", "p99", "not ok"];
    let lines = sentence.lines().map(|line| wrap(line, 110) + "\n");
    table(&heads, &rows) + &lines.collect::<String>()
}

/// What was found for many subjects is cut; `summary.json` has all of it.
fn shortened(detail: &str) -> String {
    const MOST: usize = 90;
    if detail.chars().count() <= MOST {
        return detail.to_owned();
    }
    detail.chars().take(MOST - 1).collect::<String>() + "…"
}

fn theory_lines(theory: &Theory) -> String {
    match theory {
        Theory::None(why) => format!("theory: {why}\n"),
        Theory::Rows(found) => {
            let rows: Vec<[String; 3]> = found
                .iter()
                .map(|row| {
                    let simulated = row.simulated.map_or_else(
                        || "n/a".to_owned(),
                        |(mean, low, high)| {
                            format!(
                                "{} ({} to {})",
                                milliseconds(mean),
                                milliseconds(low),
                                milliseconds(high)
                            )
                        },
                    );
                    [row.what.clone(), milliseconds(row.theory), simulated]
                })
                .collect();
            table(&["theory beside simulation", "theory", "simulated"], &rows)
        }
    }
}

/// Milliseconds with two decimals: theory and simulation are told apart by the fourth digit.
fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}

/// Columns padded to their widest cell, and an empty line after. Empty when there are no rows.
#[must_use]
pub fn table<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let wide = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(wide).collect();
    let line = |cells: [&str; N]| {
        let padded: Vec<String> = (0..N)
            .map(|column| {
                format!(
                    "{}{}",
                    cells[column],
                    " ".repeat(widths[column] - cells[column].chars().count())
                )
            })
            .collect();
        format!("  {}\n", padded.join("  ").trim_end())
    };
    let mut text = line(*head);
    let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    writeln!(text, "  {}", rules.join("  ")).expect("writing to a string succeeds");
    for row in rows {
        text += &line(std::array::from_fn(|column| row[column].as_str()));
    }
    text + "\n"
}

/// The text in lines of at most `width` characters; a per cent sign stays with its number.
#[must_use]
pub fn wrap(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    let glued = text.replace(" %", "\u{a0}%");
    for word in glued.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("starts with one line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n").replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_heads() {
        let rows = [
            ["availability".to_owned(), "99.9".to_owned()],
            ["p99".to_owned(), "1".to_owned()],
        ];
        let expected = "  metric        value\n  ────────────  ─────\n  availability  99.9\n  p99           1\n\n";
        assert_eq!(table(&["metric", "value"], &rows), expected);
    }

    #[test]
    fn long_sentences_are_broken_between_words() {
        assert_eq!(
            wrap("Users notice nothing at all", 12),
            "Users notice\nnothing at\nall"
        );
    }
}
