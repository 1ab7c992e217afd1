//! `plan`: waves by a named strategy, as a file that can be edited and run, with charts and a calendar.

use std::path::{Path, PathBuf};

use crate::cli::arguments::Plan;
use crate::cli::exit::Exit;
use crate::cli::planning::refused;
use crate::cli::{scenario_file, terminal};
use crate::model::Scenario;
use crate::plan::KnownWorld;
use crate::report::charts::picture::Picture;
use crate::report::plan::{Planned, answer, calendar, file, gantt, graph};

/// Makes a plan; the exit code is 1 when none keeps all constraints.
///
/// # Errors
/// The strategy is unknown, or a file cannot be written.
pub fn plan(arguments: &Plan) -> Result<Exit, String> {
    let mut changes = arguments.changes.clone();
    if let Some(strategy) = &arguments.strategy {
        changes.sets.push(request(strategy, arguments));
    }
    let (scenario, codes) = scenario_file::check_for_plan(&arguments.scenario, &changes);
    let Some(scenario) = scenario else {
        return Ok(refused(&codes));
    };
    let Some(known) = KnownWorld::new(&scenario) else {
        return Err(format!(
            "{} has no `migration`: nothing moves",
            arguments.scenario.display()
        ));
    };
    let (by, remarks) = origin(&scenario)?;
    let planned = Planned::new(&known, by, &scenario.plan.waves, remarks);
    if let Some(out) = &arguments.out {
        write_all(out, &arguments.scenario, &planned, arguments.no_charts)?;
    }
    if arguments.json {
        terminal::say(&format!("{:#}\n", answer::json(&planned)));
    } else {
        terminal::say(&answer::words(&planned, terminal::width()));
        if arguments.out.is_none() {
            terminal::say(&format!(
                "\n{}",
                file::text(&planned, &arguments.scenario.display().to_string())
            ));
        }
    }
    Ok(Exit::Fine)
}

/// The change of the scenario that asks for a strategy.
fn request(strategy: &str, arguments: &Plan) -> String {
    let mut parts = vec![format!("strategy: {strategy}")];
    if let Some(every) = &arguments.every {
        parts.push(format!("every: {every}"));
    }
    if let Some(seed) = arguments.seed {
        parts.push(format!("seed: {seed}"));
    }
    format!("plan={{{}}}", parts.join(", "))
}

/// Where the waves come from, and why they are cut as they are.
fn origin(scenario: &Scenario) -> Result<(String, Vec<String>), String> {
    match &scenario.plan.request {
        Some(request) => {
            Ok((format!("`{}`", request.strategy), scenario.plan.remarks.clone()))
        }
        None if scenario.plan.waves.is_empty() => Err(
            "no strategy: give `--strategy NAME`, or write `plan: {strategy: NAME}`; `cutover list strategies` \
             names them"
                .to_owned(),
        ),
        None => Ok(("the written plan".to_owned(), Vec::new())),
    }
}

/// Writes `plan.yaml` and, beside it, its calendar and charts. A plan that somebody may have edited is left alone.
fn write_all(
    out: &Path,
    scenario: &Path,
    planned: &Planned,
    no_charts: bool,
) -> Result<(), String> {
    let text = file::text(planned, &scenario.display().to_string());
    let beside = |ending: &str| -> PathBuf {
        let stem = out.file_stem().unwrap_or_default().to_string_lossy();
        out.with_file_name(format!("{stem}{ending}"))
    };
    match std::fs::read_to_string(out) {
        Ok(old) if old == text => {}
        Ok(_) => {
            return Err(format!(
                "{} exists with another plan and was left alone; give another name",
                out.display()
            ));
        }
        Err(_) => write(out, text.as_bytes())?,
    }
    write(&beside(".ics"), calendar::text(planned).as_bytes())?;
    terminal::remark(&format!(
        "{} and {} are written",
        out.display(),
        beside(".ics").display()
    ));
    if no_charts {
        return Ok(());
    }
    let charts: [(&str, Picture); 2] = [
        (".gantt", gantt::picture(planned)),
        (".graph", graph::picture(planned)),
    ];
    for (name, picture) in charts {
        write(&beside(&format!("{name}.svg")), picture.svg()?.as_bytes())?;
        picture.write_png(&beside(&format!("{name}.png")))?;
    }
    terminal::remark(&format!(
        "charts: {} and {}",
        beside(".gantt.png").display(),
        beside(".graph.png").display()
    ));
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes)
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
