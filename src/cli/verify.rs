//! `verify`: reruns the validation, prints its table and renews its page.

use std::path::Path;

use crate::cli::arguments::Verify;
use crate::cli::exit::Exit;
use crate::cli::run::default_threads;
use crate::cli::terminal;
use crate::scenario::grammar::parse_duration;
use crate::units::SimDuration;
use crate::verify::{self, Request, table};

/// The page that `--write` renews.
const PAGE: &str = "docs/validation.md";

/// Validates; the exit code is 1 when a case that must hold failed.
///
/// # Errors
/// The case files cannot be used, or the page cannot be written.
pub fn verify(arguments: &Verify) -> Result<Exit, String> {
    let budget = arguments.budget.as_deref().map(duration).transpose()?;
    let request = Request {
        cases: arguments.cases.clone(),
        only: arguments.only.clone(),
        budget: budget.map(|budget| std::time::Duration::from_nanos(budget.0)),
        threads: arguments.threads.map_or_else(default_threads, usize::from),
    };
    if arguments.write && !Path::new("docs").is_dir() {
        return Err(format!(
            "cannot write {PAGE}: there is no folder docs here; start in the project's folder"
        ));
    }
    let report = verify::run(&request).map_err(|problems| problems.join("\nerror: "))?;
    if arguments.json {
        terminal::say(&format!("{:#}\n", table::json(&report)));
    } else {
        terminal::say(&table::text(&report));
    }
    if arguments.write {
        std::fs::write(PAGE, table::page(&report))
            .map_err(|error| format!("cannot write {PAGE}: {error}"))?;
        terminal::remark(&format!("written: {PAGE}"));
    }
    Ok(if report.passed() {
        Exit::Fine
    } else {
        Exit::No
    })
}

fn duration(text: &str) -> Result<SimDuration, String> {
    let parsed = parse_duration(text, "--budget")
        .map_err(|error| format!("--budget: {}", error.sentence))?;
    if parsed.0 == 0 {
        Err("--budget: found 0, expected a time such as 5m".to_owned())
    } else {
        Ok(parsed)
    }
}
