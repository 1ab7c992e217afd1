//! From a scenario file to a checked scenario, or to its problems on the terminal; `validate`.

use std::path::{Path, PathBuf};

use crate::cli::arguments::{Changes, Validate};
use crate::cli::exit::Exit;
use crate::cli::terminal;
use crate::model::Scenario;
use crate::report::folder::{Input, sha256};
use crate::scenario::node::FileId;
use crate::scenario::problem::Problems;
use crate::scenario::sources::Sources;
use crate::scenario::{self, echo, load, lower, render};

/// A scenario that may be run.
pub struct Checked {
    /// As read.
    pub scenario: Scenario,
    /// The whole scenario as resolved, with origins.
    pub resolved: String,
    /// Files that were read, in the order read; the scenario's own first.
    pub files: Vec<PathBuf>,
}

/// What reading and checking found.
struct Read {
    scenario: Option<Scenario>,
    resolved: Option<String>,
    problems: Problems,
    sources: Sources,
}

fn read(path: &Path, changes: &Changes) -> Read {
    let variant = changes.variant.as_deref();
    let found = scenario::check(path, variant, &changes.sets, changes.plan.as_deref());
    let tree = found.tree.filter(|_| found.scenario.is_some());
    let resolved = tree.map(|tree| echo::echo(&lower::resolved(&tree, &found.sources)));
    Read {
        scenario: found.scenario,
        resolved,
        problems: found.problems,
        sources: found.sources,
    }
}

/// Reads and checks; shows warnings and problems on standard error. `None` when it cannot be run.
#[must_use]
pub fn check(path: &Path, changes: &Changes) -> Option<Checked> {
    let found = read(path, changes);
    show(&found.problems, &found.sources);
    let files = file_names(&found.sources);
    let scenario = found.scenario?;
    Some(Checked {
        scenario,
        resolved: found.resolved.unwrap_or_default(),
        files,
    })
}

/// As [`check`], with the codes of the errors when it cannot be run: whether the answer is "no" or the input wrong.
#[must_use]
pub fn check_for_plan(path: &Path, changes: &Changes) -> (Option<Scenario>, Vec<&'static str>) {
    let found = read(path, changes);
    show(&found.problems, &found.sources);
    let codes = found.problems.list.iter().map(|problem| problem.code);
    let errors = codes.filter(|code| code.starts_with('E')).collect();
    (found.scenario, errors)
}

/// Reads and checks with a scaling policy in the place of every other.
///
/// # Errors
/// Nothing in the scenario is scaled.
pub fn check_with_policy(
    path: &Path,
    sets: &[String],
    chosen: &str,
) -> Result<Option<Checked>, String> {
    let (found, places) = scenario::check_with_policy(path, sets, chosen);
    show(&found.problems, &found.sources);
    if places == 0 && found.scenario.is_some() {
        return Err(format!(
            "nothing in {} says how it scales: write `scaling: {chosen}` on a service",
            path.display()
        ));
    }
    let files = file_names(&found.sources);
    Ok(found.scenario.map(|scenario| Checked {
        scenario,
        resolved: String::new(),
        files,
    }))
}

/// As [`check_for_plan`], for commands that make plans of their own: a scenario whose own strategy has no plan is
/// read with the first other one that has.
#[must_use]
pub fn check_for_plans(path: &Path, changes: &Changes) -> (Option<Scenario>, Vec<&'static str>) {
    let found = read(path, changes);
    let errors: Vec<&'static str> = found
        .problems
        .list
        .iter()
        .map(|problem| problem.code)
        .filter(|code| code.starts_with('E'))
        .collect();
    let only_about_plan = errors.iter().all(|code| matches!(*code, "E406" | "E407"));
    if found.scenario.is_none() && only_about_plan {
        for name in crate::plan::names() {
            let mut other = changes.clone();
            other.sets.push(format!("plan.strategy={name}"));
            if let Some(scenario) = read(path, &other).scenario {
                return (Some(scenario), Vec::new());
            }
        }
    }
    show(&found.problems, &found.sources);
    (found.scenario, errors)
}

fn show(problems: &Problems, sources: &Sources) {
    if !problems.list.is_empty() {
        terminal::remark(
            render::render(
                problems,
                sources,
                terminal::width(),
                !terminal::is_watched(),
            )
            .trim_end(),
        );
    }
}

/// Names of the scenario's variants, in the order written; none when the scenario cannot be read.
#[must_use]
pub fn variants(path: &Path) -> Vec<String> {
    let loaded = load(path, None, &[], None);
    let entries = loaded
        .tree
        .as_ref()
        .and_then(|tree| tree.get("variants"))
        .map_or(&[][..], |variants| variants.entries());
    entries
        .iter()
        .map(|entry| entry.key.clone())
        .filter(|name| !name.starts_with("x-"))
        .collect()
}

/// The files among the sources; arguments are none.
fn file_names(sources: &Sources) -> Vec<PathBuf> {
    let names = (0..sources.len()).map(|index| sources.name(FileId(index as u32)));
    names
        .map(PathBuf::from)
        .filter(|path| path.is_file())
        .collect()
}

/// `validate`: problems of each file; exit code 2 when any has an error.
#[must_use]
pub fn validate(arguments: &Validate) -> Exit {
    let mut exit = Exit::Fine;
    let mut answers = Vec::new();
    let mut changes = arguments.changes.clone();
    let plane = arguments.fidelity.map(|plane| plane.name());
    changes
        .sets
        .extend(plane.map(|name| format!("run.fidelity={name}")));
    for path in &arguments.scenarios {
        let found = read(path, &changes);
        let wrong =
            found.scenario.is_none() || (arguments.strict && !found.problems.list.is_empty());
        if wrong {
            exit = Exit::WrongInput;
        }
        if arguments.json {
            answers.push(render::to_json(&found.problems, &found.sources));
            continue;
        }
        show(&found.problems, &found.sources);
        match (&found.scenario, &found.resolved) {
            (Some(_), Some(resolved)) if arguments.resolved => terminal::say(resolved),
            (Some(scenario), _) if !wrong => {
                let text = contents(scenario, found.problems.list.len());
                terminal::say(&format!("{}: {text}\n", path.display()))
            }
            _ => {}
        }
    }
    if arguments.json {
        let answer = if answers.len() == 1 {
            answers.remove(0)
        } else {
            serde_json::Value::Array(answers)
        };
        terminal::say(&format!("{answer:#}\n"));
    }
    exit
}

/// What a scenario without errors holds, and how many warnings it has.
fn contents(scenario: &Scenario, warnings: usize) -> String {
    let count = |number: usize, one: &str, many: &str| {
        format!("{number} {}", if number == 1 { one } else { many })
    };
    let problems = match warnings {
        0 => "no problems".to_owned(),
        some => format!("no errors, {}", count(some, "warning", "warnings")),
    };
    format!(
        "{problems}; {}, {}, {}, {}",
        count(scenario.services.len(), "service", "services"),
        count(scenario.journeys.len(), "journey", "journeys"),
        count(scenario.clusters.len(), "cluster", "clusters"),
        count(scenario.plan.waves.len(), "wave", "waves"),
    )
}

/// SHA-256 of the scenario as resolved, with the recorded data that it names.
pub fn digest(checked: &Checked) -> String {
    let mut bytes = checked.resolved.clone().into_bytes();
    let is_data = |path: &&PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("csv" | "json"))
    };
    for path in checked.files.iter().filter(is_data) {
        // What cannot be read any more was read a moment ago; its copy will be refused.
        bytes.extend(std::fs::read(path).unwrap_or_default());
    }
    sha256(&bytes)
}

/// A file to be copied into `inputs/`.
pub struct InputFile {
    /// Name below `inputs/`, and digest.
    pub input: Input,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The files that were read, named by their places relative to the folder they have in common, so that what one
/// says about another still holds among the copies.
///
/// # Errors
/// A file has gone since it was read.
pub fn inputs(files: &[PathBuf]) -> Result<Vec<InputFile>, String> {
    let gone = |path: &Path, error: std::io::Error| {
        format!("{} cannot be read again: {error}", path.display())
    };
    let mut whole = Vec::new();
    for path in files {
        let found = path.canonicalize().map_err(|error| gone(path, error))?;
        if !whole.contains(&found) {
            whole.push(found);
        }
    }
    let common = whole.iter().skip(1).fold(
        whole
            .first()
            .and_then(|path| path.parent())
            .map(Path::to_owned),
        |common, path| {
            common.map(|common| {
                common
                    .ancestors()
                    .find(|above| path.starts_with(above))
                    .unwrap_or(Path::new("/"))
                    .to_owned()
            })
        },
    );
    let common = common.unwrap_or_default();
    let copy = |path: &PathBuf| {
        let bytes = std::fs::read(path).map_err(|error| gone(path, error))?;
        let file = path
            .strip_prefix(&common)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned();
        Ok(InputFile {
            input: Input {
                file,
                sha256: sha256(&bytes),
            },
            bytes,
        })
    };
    whole.iter().map(copy).collect()
}

/// Name of a file below `inputs/`, among those that `inputs` made from `files`.
#[must_use]
pub fn input_name(path: &Path, made: &[InputFile]) -> Option<String> {
    let whole = path.canonicalize().ok()?;
    let fitting = made.iter().filter(|one| whole.ends_with(&one.input.file));
    fitting
        .max_by_key(|one| one.input.file.len())
        .map(|one| one.input.file.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_keep_their_places_relative_to_each_other() {
        let place = tempfile::tempdir().unwrap();
        for name in ["shared/base.yaml", "shop/main.yaml"] {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        let files = [
            place.path().join("shop/main.yaml"),
            place.path().join("shop/../shared/base.yaml"),
        ];
        let names: Vec<_> = inputs(&files)
            .unwrap()
            .into_iter()
            .map(|one| one.input.file)
            .collect();
        assert_eq!(names, ["shop/main.yaml", "shared/base.yaml"]);
        let alone: Vec<_> = inputs(&files[..1])
            .unwrap()
            .into_iter()
            .map(|one| one.input.file)
            .collect();
        assert_eq!(alone, ["main.yaml"]);
    }
}
