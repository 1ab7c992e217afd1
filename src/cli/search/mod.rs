//! `search`: the best plan within a budget, with what is guaranteed and what is not.

mod words;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cli::arguments::{Changes, Evaluator, Search};
use crate::cli::exit::Exit;
use crate::cli::run::{Bar, threads};
use crate::cli::{interrupt, planning, scenario_file, terminal};
use crate::experiment::goal::GoalPart;
use crate::model::{PlanRequest, Scenario, WaveOrder};
use crate::plan::KnownWorld;
use crate::plan::goal::is_better;
use crate::report::number;
use crate::report::plan::{Planned, file};
use crate::search::climb::{Budget, Climbed, climb};
use crate::search::evaluator::flow::Flow;
use crate::search::evaluator::graph::Graph;
use crate::search::evaluator::simulation::Simulation;
use crate::search::evaluator::{self, Bench};
use crate::search::stages::{Tournament, confirm, different_plans, halve, screening};
use crate::search::{Candidate, decode, named};
use crate::stats::spearman;
use words::{as_json, graph_only, words};

/// Plans that the graph stage hands over.
const KEEP: usize = 6;
/// The same when the graph does not rank plans as the simulation does.
const KEEP_WIDE: usize = 18;
/// Replications of the first round of halving.
const FIRST: u32 = 3;
/// Plans that are confirmed, besides the best named strategy.
const FINALISTS: usize = 3;
/// Rank correlation below which the graph is not informative.
const INFORMATIVE: f64 = 0.5;
/// Evaluations when no budget is given.
const EVALUATIONS: u64 = 10_000_000;

/// Searches; the exit code is 1 when no plan keeps all constraints.
///
/// # Errors
/// The scenario has no migration or objective, the budget cannot be read, or a file cannot be written.
pub fn search(arguments: &Search) -> Result<Exit, String> {
    let (scenario, goal) =
        match planning::ranked(&arguments.scenario, &arguments.changes, &arguments.settings)? {
            Ok(found) => found,
            Err(exit) => return Ok(exit),
        };
    let limit = limit(&arguments.budget)?;
    let (known, request) = planning::known(&arguments.scenario, &scenario)?;
    let begun = Instant::now();
    let first = Cell::new(None);
    let mut strategies = named(&known, &request, &|| {
        first.set(first.get().or(Some(begun.elapsed())));
    });
    if let Some(first) = first.get() {
        terminal::remark(&format!(
            "first plan that keeps all constraints after {:.2} s, all named strategies after {:.2} s",
            first.as_secs_f64(),
            begun.elapsed().as_secs_f64()
        ));
    }
    if strategies.is_empty() {
        terminal::complain("no strategy has a plan that keeps all constraints");
        return Ok(Exit::No);
    }
    if let Some(path) = &arguments.resume {
        strategies.push((resumed(arguments, &known, &request, path)?, true));
    }
    let starts: Vec<Candidate> = strategies.iter().map(|(one, _)| one.clone()).collect();
    let climbed = climb_within(&known, &request, &starts, &limit);
    if arguments.evaluator == Evaluator::Graph {
        let Some(best) = climbed.best.first() else {
            return Ok(Exit::No);
        };
        keep(arguments, &known, best)?;
        terminal::say(&graph_only(&goal, &climbed, &strategies));
        return Ok(Exit::Fine);
    }
    let simulated = simulate(arguments, &scenario, &goal, &strategies, &climbed);
    let Some(found) = simulated else {
        // The incumbent of the graph is kept when the simulation is interrupted.
        if let Some(best) = climbed.best.first() {
            keep(arguments, &known, best)?;
            terminal::remark(
                "interrupted: the best plan of the graph is kept, nothing is confirmed",
            );
        }
        return Ok(Exit::Interrupted);
    };
    keep(
        arguments,
        &known,
        &found.plans[found.judged.standings[0].place.entrant],
    )?;
    if arguments.json {
        terminal::say(&format!("{:#}\n", as_json(&goal, &climbed, &found)));
    } else {
        terminal::say(&words(&scenario, &goal, &climbed, &found, &limit));
    }
    Ok(Exit::Fine)
}

/// A budget: evaluations, or time.
enum Limit {
    Evaluations(u64),
    Time(Duration),
}

fn limit(text: &Option<String>) -> Result<Limit, String> {
    let Some(text) = text else {
        return Ok(Limit::Evaluations(EVALUATIONS));
    };
    if let Ok(duration) = crate::scenario::grammar::parse_duration(text, "budget") {
        return Ok(Limit::Time(Duration::from_nanos(duration.0)));
    }
    crate::scenario::grammar::parse_count(text, "budget")
        .map(Limit::Evaluations)
        .map_err(|_| {
            format!("`{text}` is no budget: write a time such as `30s`, or a number of evaluations such as `20k`")
        })
}

fn climb_within(
    known: &KnownWorld,
    request: &PlanRequest,
    starts: &[Candidate],
    limit: &Limit,
) -> Climbed {
    let begun = Instant::now();
    let bar = terminal::progress("graph");
    let shown = Cell::new(0_u64);
    let (since, costing) = (Cell::new(begun), Cell::new(Duration::ZERO));
    let share = |spent: u64| match limit {
        Limit::Evaluations(most) => spent as f64 / (*most).max(1) as f64,
        Limit::Time(most) => begun.elapsed().as_secs_f64() / most.as_secs_f64().max(1e-9),
    };
    let climbed = climb(
        known,
        request,
        starts,
        KEEP_WIDE,
        &Budget {
            evaluations: match limit {
                Limit::Evaluations(most) => *most,
                Limit::Time(_) => u64::MAX,
            },
            stop: &|spent| {
                let part = (share(spent) * 1_000.0) as u64;
                if part > shown.replace(part) {
                    bar.set_position(part.min(1_000));
                }
                interrupt::asked().load(std::sync::atomic::Ordering::Relaxed)
            },
            spent: &share,
            told: &|costed| match costed {
                None => since.set(Instant::now()),
                Some(_) => costing.set(costing.get() + since.get().elapsed()),
            },
        },
    );
    bar.finish_and_clear();
    if climbed.moves > 0 {
        terminal::remark(&format!(
            "{} changes costed at {:.1} M a second; {} orders packed; {:.1} s in all",
            number::plain(climbed.moves as f64),
            climbed.moves as f64 / costing.get().as_secs_f64().max(1e-9) / 1e6,
            number::plain(climbed.packed as f64),
            begun.elapsed().as_secs_f64()
        ));
    }
    climbed
}

/// A plan file as a start.
fn resumed(
    arguments: &Search,
    known: &KnownWorld,
    request: &PlanRequest,
    path: &std::path::Path,
) -> Result<Candidate, String> {
    let changes = Changes {
        plan: Some(path.to_owned()),
        ..arguments.changes.clone()
    };
    let scenario = scenario_file::check(&arguments.scenario, &changes)
        .ok_or_else(|| format!("{} cannot be resumed", path.display()))?
        .scenario;
    let mut order: Vec<usize> = Vec::new();
    for member in scenario.plan.waves.iter().flat_map(|wave| &wave.members) {
        if let Some(group) = known.group_of[member.service.index()]
            && !order.contains(&group)
        {
            order.push(group);
        }
    }
    let rest = (0..known.groups.len()).filter(|group| !order.contains(group));
    let order: Vec<usize> = order.iter().copied().chain(rest).collect();
    let wave_order = scenario
        .plan
        .waves
        .first()
        .map_or(WaveOrder::Given, |wave| wave.order);
    decode(known, request, order, wave_order)
        .map(|one| Candidate {
            by: path.display().to_string(),
            ..one
        })
        .ok_or_else(|| format!("{} keeps not all constraints any more", path.display()))
}

/// What the simulation says.
struct Simulated {
    /// Plans that were confirmed.
    plans: Vec<Candidate>,
    judged: Tournament,
    replications: u32,
    /// Plans of the first round.
    tried: usize,
    rank: Option<f64>,
    widened: bool,
    /// Best named strategy that does not search, among the confirmed.
    rival: Option<usize>,
    /// What judged plans before the confirmation, and what its values hold for.
    halved_by: (&'static str, &'static str),
}

fn simulate(
    arguments: &Search,
    scenario: &Scenario,
    goal: &[GoalPart],
    strategies: &[(Candidate, bool)],
    climbed: &Climbed,
) -> Option<Simulated> {
    let bar = Bar::new("simulation");
    let bench = || Bench {
        scenario,
        goal,
        threads: threads(&arguments.settings),
        progress: &bar,
        cancel: interrupt::asked(),
    };
    let simulation = Simulation(bench());
    let flow = Flow(bench());
    let halving: &dyn evaluator::Evaluator = match arguments.evaluator {
        Evaluator::Flow => &flow,
        Evaluator::Graph => &Graph,
        Evaluator::Simulation => &simulation,
    };
    let confidence = scenario.run.confidence;
    let mut ranked: Vec<&(Candidate, bool)> = strategies.iter().collect();
    ranked.sort_by(|a, b| {
        let (a, b) = (&a.0.outlook.parts, &b.0.outlook.parts);
        is_better(b, a).cmp(&is_better(a, b))
    });
    let shortlist = |wide: bool| -> Vec<&Candidate> {
        let keep = if wide { KEEP_WIDE } else { KEEP };
        let mut list: Vec<&Candidate> = climbed.best.iter().take(keep).collect();
        // The best named ones, and some from all ranks: they show whether the graph ranks as the simulation does.
        let step = if wide {
            1
        } else {
            ranked.len().div_ceil(4).max(1)
        };
        let spread = ranked
            .iter()
            .enumerate()
            .filter(|(at, _)| *at < 3 || at % step == 0);
        for (_, (one, _)) in spread {
            if !list.iter().any(|other| other.is_same(one)) {
                list.push(one);
            }
        }
        list
    };
    let spread = |list: &[&Candidate], means: &[f64]| {
        let pairs = list.iter().zip(means).filter(|(_, mean)| mean.is_finite());
        let (graph, mean): (Vec<f64>, Vec<f64>) = pairs
            .map(|(one, mean)| (one.outlook.parts.first().copied().unwrap_or(0.0), *mean))
            .unzip();
        spearman(&graph, &mean)
    };
    let mut list = shortlist(false);
    let (mut left, mut means) = halve(halving, &list, FIRST, FINALISTS, confidence)?;
    let mut rank = spread(&list, &means);
    let widened = rank.is_some_and(|rank| rank < INFORMATIVE);
    if widened {
        terminal::remark(&format!(
            "the graph is not informative here (Spearman {:.2}): the rest goes into simulation",
            rank.unwrap_or(0.0)
        ));
        list = shortlist(true);
        (left, means) = halve(halving, &list, FIRST, FINALISTS, confidence)?;
        rank = spread(&list, &means);
    }
    let tried = list.len();
    let mut plans: Vec<Candidate> = left.iter().map(|at| list[*at].clone()).collect();
    let rivals: Vec<&Candidate> = ranked
        .iter()
        .filter(|one| !one.1)
        .map(|one| &one.0)
        .collect();
    // The best named strategy by simulation where it was simulated, else by the graph.
    let by_means = rivals
        .iter()
        .filter_map(|one| {
            let at = list.iter().position(|other| other.by == one.by)?;
            Some((*one, means.get(at).copied()?))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(one, _)| one);
    let wanted: Vec<&Candidate> = if arguments.against_all {
        ranked.iter().map(|one| &one.0).collect()
    } else {
        by_means.or(rivals.first().copied()).into_iter().collect()
    };
    for one in wanted {
        if !plans.iter().any(|plan| plan.by == one.by) {
            plans.push(one.clone());
        }
    }
    let rival = by_means.and_then(|one| plans.iter().position(|plan| plan.by == one.by));
    let replications = arguments.confirm.max(2);
    let listed: Vec<&Candidate> = plans.iter().collect();
    // Few finalists are all compared to the end; of many the worse are told apart with few replications.
    let first = screening(different_plans(&listed), replications).filter(|_| arguments.against_all);
    let judged = confirm(&simulation, &listed, first, replications, confidence)?;
    Some(Simulated {
        plans,
        judged,
        replications,
        tried,
        rank,
        widened,
        rival,
        halved_by: (halving.name(), halving.holds()),
    })
}

/// Writes the chosen plan, when asked to.
fn keep(arguments: &Search, known: &KnownWorld, best: &Candidate) -> Result<(), String> {
    let Some(out) = &arguments.out else {
        return Ok(());
    };
    let planned = Planned::new(known, format!("`{}`", best.by), &best.waves, Vec::new());
    let text = file::text(&planned, &arguments.scenario.display().to_string());
    let path: PathBuf = out.clone();
    let is_ours = std::fs::read_to_string(&path).map_or(true, |old| {
        old == text || arguments.resume.as_ref() == Some(&path)
    });
    if !is_ours {
        return Err(format!(
            "{} exists with another plan and was left alone; give another name",
            path.display()
        ));
    }
    std::fs::write(&path, text)
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    terminal::remark(&format!("{} is written", path.display()));
    Ok(())
}
