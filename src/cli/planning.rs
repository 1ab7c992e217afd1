//! What every command needs before it makes plans of its own: a scenario that can be planned, its objective, and
//! what is asked of strategies.

use std::path::Path;

use crate::cli::arguments::{Changes, Settings};
use crate::cli::exit::Exit;
use crate::cli::run::apply;
use crate::cli::scenario_file;
use crate::experiment::goal::{GoalPart, parts};
use crate::model::{PlanRequest, Scenario};
use crate::plan::KnownWorld;
use crate::units::SimTime;

/// Code of a scenario for which no plan keeps all constraints.
pub const INFEASIBLE: &str = "E406";

/// How a command ends whose scenario has these problems: infeasible is an answer, anything else wrong input.
#[must_use]
pub fn refused(codes: &[&str]) -> Exit {
    if !codes.is_empty() && codes.iter().all(|code| *code == INFEASIBLE) {
        Exit::No
    } else {
        Exit::WrongInput
    }
}

/// Reads a scenario whose plans are to be ranked by its objective; `Err(exit)` inside when its problems were told.
///
/// # Errors
/// The scenario has no objective.
pub fn ranked(
    path: &Path,
    changes: &Changes,
    settings: &Settings,
) -> Result<Result<(Scenario, Vec<GoalPart>), Exit>, String> {
    let (scenario, codes) = scenario_file::check_for_plans(path, changes);
    let Some(mut scenario) = scenario else {
        return Ok(Err(refused(&codes)));
    };
    apply(settings, &mut scenario);
    let goal = parts(&scenario);
    if goal.is_empty() {
        return Err(format!(
            "{} has no objective, and none is chosen for you: write for example `objective: {{minimise: \
             [cross_calls, makespan]}}`",
            path.display()
        ));
    }
    Ok(Ok((scenario, goal)))
}

/// What planners may know of a scenario, and what is asked of them where it names no strategy.
///
/// # Errors
/// The scenario has no migration.
pub fn known<'s>(
    path: &Path,
    scenario: &'s Scenario,
) -> Result<(KnownWorld<'s>, PlanRequest), String> {
    let known = KnownWorld::new(scenario)
        .ok_or_else(|| format!("{} has no `migration`", path.display()))?;
    let request = scenario.plan.request.clone().unwrap_or(PlanRequest {
        strategy: String::new(),
        every: None,
        seed: scenario.run.seed,
        start: SimTime::ZERO,
    });
    Ok((known, request))
}
