//! `compare`: variants, plans or scenarios on the same random numbers, with a verdict in words.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::arguments::{Changes, Compare};
use crate::cli::exit::Exit;
use crate::cli::run::{Bar, apply, threads, with_fidelity};
use crate::cli::scenario_file::{self, Checked};
use crate::cli::{estimate, interrupt, terminal};
use crate::experiment::compare::compare as told_apart;
use crate::experiment::driver::{self, MemoryJournal, Options};
use crate::experiment::economy::{Economy, economy};
use crate::experiment::result::{Better, Comparison, DifferenceRow, ExperimentResult, StopReason};
use crate::report::{answer, number, screen};

/// The scenario as written, among variants and plans.
const BASE: &str = "base";

/// A larger saving only says that a metric hardly varies.
const MOST_BELIEVABLE: f64 = 1e4;

/// One of the things compared.
struct Candidate {
    name: String,
    scenario: PathBuf,
    changes: Changes,
    /// Whether it is a scaling policy, which its name is.
    is_policy: bool,
}

/// Compares; the exit code is 1 when nothing could be told apart.
///
/// # Errors
/// There are fewer than two things to compare.
pub fn compare(arguments: &Compare) -> Result<Exit, String> {
    if !arguments.strategies.is_empty() {
        return crate::cli::league::strategies(arguments);
    }
    let candidates = candidates(arguments)?;
    let mut played: Vec<(Candidate, Checked, ExperimentResult)> = Vec::new();
    for candidate in candidates {
        let changes = with_fidelity(&candidate.changes, &arguments.settings);
        let checked = if !candidate.is_policy {
            scenario_file::check(&candidate.scenario, &changes)
        } else {
            scenario_file::check_with_policy(&candidate.scenario, &changes.sets, &candidate.name)?
        };
        let Some(mut checked) = checked else {
            return Ok(Exit::WrongInput);
        };
        apply(&arguments.settings, &mut checked.scenario);
        let threads = threads(&arguments.settings);
        terminal::remark(&format!(
            "{}: {}",
            candidate.name,
            estimate::line(&checked.scenario, threads, 0)
        ));
        let bar = Bar::new(&candidate.name);
        let result = driver::run(
            &checked.scenario,
            Options { threads },
            &mut MemoryJournal::default(),
            &bar,
            interrupt::asked(),
        );
        drop(bar);
        if result.stop == StopReason::Cancelled {
            terminal::remark("interrupted: nothing is compared");
            return Ok(Exit::Interrupted);
        }
        if let StopReason::Failed(reason) = &result.stop {
            terminal::complain(&format!("{}: {reason}", candidate.name));
            return Ok(Exit::No);
        }
        played.push((candidate, checked, result));
    }
    if !arguments.policies.is_empty() {
        return tell_economy(arguments, &played);
    }
    let (first, rest) = played.split_first().ok_or("nothing to compare")?;
    let comparisons: Vec<Comparison> = rest
        .iter()
        .map(|other| {
            told_apart(
                (&first.0.name, &first.2),
                (&other.0.name, &other.2),
                first.2.confidence,
            )
        })
        .collect();
    if arguments.json {
        let answer = serde_json::to_value(&comparisons).map_err(|error| error.to_string())?;
        terminal::say(&format!("{answer:#}\n"));
    } else {
        for comparison in &comparisons {
            terminal::say(&words(comparison, first.1.scenario.currency.as_deref()));
        }
        for (candidate, checked, result) in &played {
            let sentence = format!(
                "{}: {}",
                candidate.name,
                answer::sentence(&checked.scenario, result)
            );
            terminal::say(&format!("{}\n", screen::wrap(&sentence, terminal::width())));
        }
    }
    let undecided = comparisons
        .iter()
        .any(|comparison| comparison.better == Better::Undecided);
    Ok(if undecided { Exit::No } else { Exit::Fine })
}

fn candidates(arguments: &Compare) -> Result<Vec<Candidate>, String> {
    let candidate =
        |name: String, scenario: &Path, variant: Option<String>, plan: Option<PathBuf>| Candidate {
            name,
            scenario: scenario.to_owned(),
            changes: Changes {
                variant,
                plan,
                sets: arguments.sets.clone(),
            },
            is_policy: !arguments.policies.is_empty(),
        };
    let [scenario] = &arguments.scenarios[..] else {
        let of_one = [&arguments.variants, &arguments.policies]
            .iter()
            .any(|names| !names.is_empty());
        if of_one || !arguments.plans.is_empty() {
            return Err(
                "`--variants`, `--policies` and `--plans` are of one scenario; several were given"
                    .to_owned(),
            );
        }
        let each = arguments
            .scenarios
            .iter()
            .map(|path| candidate(path.display().to_string(), path, None, None));
        return Ok(each.collect());
    };
    if !arguments.policies.is_empty() {
        if arguments.policies.len() < 2 {
            return Err("`--policies` needs two or more names".to_owned());
        }
        let each = arguments.policies.iter();
        return Ok(each
            .map(|name| candidate(name.clone(), scenario, None, None))
            .collect());
    }
    if !arguments.plans.is_empty() {
        let mut plans = arguments.plans.clone();
        if plans.len() == 1 {
            plans.insert(0, PathBuf::from(BASE));
        }
        let each = plans.into_iter().map(|plan| {
            let name = plan.display().to_string();
            candidate(name.clone(), scenario, None, (name != BASE).then_some(plan))
        });
        return Ok(each.collect());
    }
    let mut names = arguments.variants.clone();
    if names.is_empty() {
        names = scenario_file::variants(scenario);
        names.insert(0, BASE.to_owned());
    } else if names.len() == 1 {
        names.insert(0, BASE.to_owned());
    }
    if names.len() < 2 && scenario.is_file() {
        return Err(format!(
            "{} has no variants: write `variants:` into it, give `--plans`, or give a second scenario",
            scenario.display()
        ));
    }
    Ok(names
        .into_iter()
        .map(|name| candidate(name.clone(), scenario, (name != BASE).then_some(name), None))
        .collect())
}

/// Who keeps the objectives for least, with intervals of the paired differences.
fn tell_economy(
    arguments: &Compare,
    played: &[(Candidate, Checked, ExperimentResult)],
) -> Result<Exit, String> {
    let results: Vec<_> = played
        .iter()
        .map(|(candidate, _, result)| (candidate.name.as_str(), result))
        .collect();
    let confidence = results[0].1.confidence;
    let found = economy(&results, confidence);
    let exit = if found.is_clear { Exit::Fine } else { Exit::No };
    if arguments.json {
        let policies = found.policies.iter().map(|policy| {
            json!({
                "name": policy.name,
                "keeps_objectives": policy.keeps(),
                "burn_rate": policy.burn_rate,
                "spent": policy.spent,
                "difference": policy.difference.map(|(mean, low, high)| json!([mean, low, high])),
            })
        });
        let answer = json!({
            "spent_on": found.spent_on,
            "winner": found.winner.map(|winner| &found.policies[winner].name),
            "is_clear": found.is_clear,
            "pairs": found.pairs,
            "confidence": found.confidence,
            "policies": policies.collect::<Vec<_>>(),
        });
        terminal::say(&format!("{answer:#}\n"));
        return Ok(exit);
    }
    let currency = played[0].1.scenario.currency.as_deref();
    let unit = if found.spent_on == "cost" {
        currency.unwrap_or("money")
    } else {
        "replica-hours"
    };
    let sentence = economy_words(&found, unit);
    terminal::say(&format!(
        "{}\n\n",
        screen::wrap(&sentence, terminal::width())
    ));
    let rows: Vec<[String; 4]> = found
        .policies
        .iter()
        .map(|policy| {
            let burn = policy.burn_rate.map_or_else(String::new, number::plain);
            [
                policy.name.clone(),
                format!(
                    "{} ({burn})",
                    if policy.keeps() { "kept" } else { "missed" }
                ),
                policy.spent.map_or_else(String::new, |spent| {
                    format!("{} {unit}", number::plain(spent))
                }),
                policy
                    .difference
                    .map_or_else(String::new, |(mean, low, high)| {
                        let half = number::plain((high - low) / 2.0);
                        format!("{} ± {half} {unit}", number::plain(mean))
                    }),
            ]
        })
        .collect();
    let head = [
        "policy",
        "objectives (burn rate)",
        "spent",
        "more than the winner",
    ];
    terminal::say(&screen::table(&head, &rows));
    terminal::say(&format!(
        "{} pairs on the same random numbers, {:.0} % intervals\n",
        found.pairs,
        found.confidence * 100.0
    ));
    Ok(exit)
}

fn economy_words(found: &Economy, unit: &str) -> String {
    let Some(winner) = found.winner else {
        return "No policy keeps the objectives: none wins on cost.".to_owned();
    };
    let best = &found.policies[winner];
    let missed: Vec<_> = found
        .policies
        .iter()
        .filter(|policy| !policy.keeps())
        .map(|policy| policy.name.as_str())
        .collect();
    let mut words = format!(
        "{} keeps the objectives for least: {} {unit}",
        best.name,
        best.spent.map_or_else(String::new, number::plain)
    );
    if !found.is_clear {
        words += " (another that keeps them is not told apart)";
    }
    if !missed.is_empty() {
        words += &format!(
            "; {} miss{} them",
            missed.join(", "),
            if missed.len() == 1 { "es" } else { "" }
        );
    }
    words + "."
}

/// Verdict, cause and table.
fn words(comparison: &Comparison, currency: Option<&str>) -> String {
    let mut text = screen::wrap(&comparison.verdict, terminal::width());
    if let Some(cause) = &comparison.cause {
        text.push('\n');
        text += &screen::wrap(cause, terminal::width());
    }
    text += "\n\n";
    // Metrics that are the same in both tell nothing apart.
    let rows: Vec<[String; 5]> = comparison
        .rows
        .iter()
        .filter(|row| {
            row.subject.is_empty() && row.better != Better::Identical && row.difference.is_some()
        })
        .map(|row| cells(row, comparison, currency))
        .collect();
    text += &screen::table(
        &[
            "metric",
            &comparison.first,
            &comparison.second,
            "difference",
            "better",
        ],
        &rows,
    );
    let savings: Vec<f64> = comparison
        .rows
        .iter()
        .filter_map(|row| row.variance_ratio)
        .filter(|ratio| *ratio < MOST_BELIEVABLE)
        .collect();
    let saved = savings.iter().copied().fold(f64::NAN, f64::max);
    text += &format!(
        "{} pairs on the same random numbers, {:.0} % intervals",
        comparison.pairs,
        comparison.confidence * 100.0
    );
    if saved.is_finite() && saved > 1.0 {
        text += &format!(
            "; pairing saved up to {} times as many replications",
            number::plain(saved)
        );
    }
    text + "\n\n"
}

fn cells(row: &DifferenceRow, comparison: &Comparison, currency: Option<&str>) -> [String; 5] {
    let largest = [row.first, row.second]
        .into_iter()
        .flatten()
        .map(f64::abs)
        .fold(0.0, f64::max);
    let (factor, unit) = number::shown_unit(&row.unit, largest, currency);
    let show = |value: Option<f64>| {
        value.map_or_else(String::new, |value| {
            format!("{} {unit}", number::plain(value * factor))
        })
    };
    let difference = match (row.difference, row.low, row.high) {
        (Some(difference), Some(low), Some(high)) if high > low => {
            format!(
                "{} ± {} {unit}",
                number::plain(difference * factor),
                number::plain((high - low) / 2.0 * factor)
            )
        }
        (difference, _, _) => show(difference),
    };
    let better = match row.better {
        Better::First => comparison.first.clone(),
        Better::Second => comparison.second.clone(),
        Better::Identical => "same".to_owned(),
        Better::Undecided => "not told apart".to_owned(),
    };
    [
        row.name.replace('_', " "),
        show(row.first),
        show(row.second),
        difference,
        better,
    ]
}
