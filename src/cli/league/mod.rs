//! `compare --strategies`: named strategies on the scenario's objective, on common random numbers.

mod files;
mod words;

use crate::cli::arguments::{Changes, Compare};
use crate::cli::exit::Exit;
use crate::cli::run::{Bar, threads, with_fidelity};
use crate::cli::{interrupt, planning, terminal};
use crate::experiment::forecast::forecast;
use crate::experiment::goal::{GoalPart, Told};
use crate::model::{Replications, Scenario};
use crate::plan::{KnownWorld, STRATEGIES, Strategy, find};
use crate::report::number;
use crate::search::evaluator::Bench;
use crate::search::evaluator::simulation::Simulation;
use crate::search::stages::{Standing, Tournament, different_plans, screening, tournament};
use crate::search::{Candidate, made};
use crate::stats::spearman;

/// Replications when the scenario asks for a precision: what is precise is the difference, not each value.
const REPLICATIONS: u32 = 20;

/// Plans that were played against one another.
struct League<'s> {
    scenario: &'s Scenario,
    known: &'s KnownWorld<'s>,
    goal: Vec<GoalPart>,
    strategies: Vec<&'static Strategy>,
    plans: Vec<Candidate>,
    found: Tournament,
    different: usize,
}

impl League<'_> {
    fn name(&self, standing: &Standing) -> &str {
        &self.plans[standing.place.entrant].by
    }

    /// Spearman's rank correlation of the graph's estimate with the means of the objective's first part.
    fn rank_correlation(&self) -> Option<f64> {
        let pairs: Vec<(f64, f64)> = self
            .plans
            .iter()
            .zip(&self.found.means)
            .filter_map(|(plan, mean)| Some((plan.outlook.parts.first().copied()?, *mean)))
            .filter(|(_, mean)| mean.is_finite())
            .collect();
        let (graph, mean): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        spearman(&graph, &mean)
    }

    /// Whether it leads or is not told apart from the leader.
    fn is_among_best(standing: &Standing) -> bool {
        standing.is_final && !matches!(standing.place.told, Told::Worse(_))
    }
}

/// Compares strategies; the exit code is 1 when none has a plan.
///
/// # Errors
/// The scenario has no objective, a name is unknown, or a file cannot be written.
pub fn strategies(arguments: &Compare) -> Result<Exit, String> {
    let [path] = &arguments.scenarios[..] else {
        return Err("`--strategies` are of one scenario; several were given".to_owned());
    };
    let all = arguments.strategies.iter().any(|name| name == "all");
    let wanted = wanted(&arguments.strategies, all)?;
    let changes = Changes {
        sets: arguments.sets.clone(),
        ..Changes::default()
    };
    let changes = with_fidelity(&changes, &arguments.settings);
    let (scenario, goal) = match planning::ranked(path, &changes, &arguments.settings)? {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let (known, request) = planning::known(path, &scenario)?;
    let (mut strategies, mut plans) = (Vec::new(), Vec::new());
    for (strategy, found) in made(&known, &request, &wanted, &|| {}) {
        match found {
            Ok(plan) => {
                strategies.push(strategy);
                plans.push(plan);
            }
            Err(reason) => terminal::remark(&format!(
                "{}: has no plan here: {}",
                strategy.name,
                words::of(&reason)
            )),
        }
    }
    if plans.is_empty() {
        terminal::complain("no strategy has a plan that keeps all constraints");
        return Ok(Exit::No);
    }
    let listed: Vec<&Candidate> = plans.iter().collect();
    let different = different_plans(&listed);
    let Some(found) = play(arguments, &scenario, &goal, &listed, different) else {
        terminal::remark("interrupted: nothing is compared");
        return Ok(Exit::Interrupted);
    };
    let league = League {
        scenario: &scenario,
        known: &known,
        goal,
        strategies,
        plans,
        found,
        different,
    };
    if let Some(out) = &arguments.out {
        files::write(out, path, &league)?;
    }
    if arguments.json {
        terminal::say(&format!("{:#}\n", words::as_json(&league)));
    } else {
        terminal::say(&words::words(&league));
    }
    Ok(Exit::Fine)
}

fn wanted(names: &[String], all: bool) -> Result<Vec<&'static Strategy>, String> {
    if all {
        return Ok(STRATEGIES.to_vec());
    }
    let strategy = |name: &String| {
        find(name).ok_or_else(|| {
            format!(
                "`{name}` is no strategy: `cutover list strategies` names all {}",
                STRATEGIES.len()
            )
        })
    };
    names.iter().map(strategy).collect()
}

fn play(
    arguments: &Compare,
    scenario: &Scenario,
    goal: &[GoalPart],
    plans: &[&Candidate],
    different: usize,
) -> Option<Tournament> {
    let replications = match scenario.run.replications {
        Replications::Fixed(number) => number,
        Replications::Precision { max, .. } => max.min(REPLICATIONS),
    }
    .max(1);
    let first = screening(different, replications).filter(|_| !arguments.in_full);
    let threads = threads(&arguments.settings);
    let each = forecast(scenario).cpu_seconds;
    let time = |plays: f64| number::duration((each * plays / threads as f64).max(1.0));
    let least = f64::from(replications);
    terminal::remark(&match first {
        Some(first) => format!(
            "{} plans, {different} of them different: {first} replications each, then {replications} fresh ones for those \
             that may be best: about {}, and {} for each of these, on {threads} threads",
            plans.len(),
            time(f64::from(first) * different as f64),
            time(least)
        ),
        None => format!(
            "{} plans, {different} of them different: {replications} replications each: about {} on {threads} threads",
            plans.len(),
            time(least * different as f64)
        ),
    });
    let bar = Bar::new("plans");
    let bench = Simulation(Bench {
        scenario,
        goal,
        threads,
        progress: &bar,
        cancel: interrupt::asked(),
    });
    tournament(&bench, plans, first, replications, scenario.run.confidence)
}
