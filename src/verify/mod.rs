//! Validation: facts with known answers, from case files, checked against the code that simulates.
//!
//! A *kind* is a family of facts with a checker, one file each beside the table [`KINDS`]. A case file holds cases
//! with an id, a group and a grade: `must` decides whether the validation passes, `compare` is reported, `excluded`
//! is counted and not run. Checkers build a model and run the product's own code; none has a second implementation
//! of what it checks. Tolerances are stated by each kind ([`Kind::judged`]), never widened for one case.

mod arrangements;
mod case_file;
mod context;
mod csrflp_precedence;
mod cutwidth_small;
mod deployment_pdb;
mod formula_graphs;
mod hpa_behavior;
mod hpa_case;
mod hpa_reconcile;
mod hpa_replica_calculator;
mod judge;
mod lqn_cases;
mod migration_graphs;
mod minla_nugent;
mod minla_petit;
mod psplib;
mod queueing_exact;
mod resilience;
mod scheduler_scores;
mod srflp;
pub mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use case_file::{Case, CaseFile, Field, Malformed, read_text};
pub use context::{Allowance, Context};
pub use judge::{CaseResult, Grade, Judge, Verdict};

/// A family of facts and its checker.
#[derive(Debug)]
pub struct Kind {
    /// Name on the command line: that of its main case file.
    pub name: &'static str,
    /// What it checks, one sentence.
    pub about: &'static str,
    /// How a value found is judged against the expected one: tolerance, false-alarm rate. Sentences.
    pub judged: &'static str,
    /// Case files it reads, without `.json`; a file `STEM-anything.json` or `STEM_anything.json` is read too.
    pub stems: &'static [&'static str],
    /// Share of a time budget, relative to other kinds; 0 for kinds done in an instant.
    pub weight: u32,
    /// Grade of cases that carry none.
    pub ungraded: Grade,
    /// Doubtful references, with the argument; written into `docs/validation.md`.
    pub remarks: &'static [&'static str],
    /// Checks all cases of one file, results in the file's order. Start with [`Context::each`].
    pub check: Check,
}

/// Checks one file.
///
/// # Errors
/// Every place where the file is not of the kind's form.
pub type Check = fn(&CaseFile, &Context) -> Result<Vec<CaseResult>, Vec<Malformed>>;

/// All kinds, in order of their report.
pub static KINDS: &[&Kind] = &[
    &queueing_exact::KIND,
    &lqn_cases::KIND,
    &resilience::KIND,
    &scheduler_scores::KIND,
    &deployment_pdb::KIND,
    &formula_graphs::KIND,
    &migration_graphs::KIND,
    &minla_nugent::KIND,
    &minla_petit::KIND,
    &cutwidth_small::KIND,
    &srflp::KIND,
    &csrflp_precedence::KIND,
    &psplib::KIND,
    &hpa_replica_calculator::KIND,
    &hpa_behavior::KIND,
    &hpa_reconcile::KIND,
];

/// What to validate.
#[derive(Clone, Debug)]
pub struct Request {
    /// Folder of case files.
    pub cases: PathBuf,
    /// `KIND` or `KIND:TEXT` (only cases whose id or group contains the text); empty is all.
    pub only: Vec<String>,
    /// Time for everything together; without it each kind works to its stated precision.
    pub budget: Option<Duration>,
    /// Threads; verdicts depend on it only under a budget.
    pub threads: usize,
}

/// What one kind found.
#[derive(Debug)]
pub struct KindReport {
    /// Which kind.
    pub kind: &'static Kind,
    /// Names of the files read.
    pub files: Vec<String>,
    /// In order of the files, then of their cases.
    pub results: Vec<CaseResult>,
}

/// What a validation found.
#[derive(Debug)]
pub struct Report {
    /// By kind, those with a case file in the folder only.
    pub kinds: Vec<KindReport>,
    /// JSON files that no kind reads.
    pub unread: Vec<String>,
}

impl Report {
    /// Whether every `must` case passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        let mut results = self.kinds.iter().flat_map(|kind| &kind.results);
        results.all(|case| case.grade != Grade::Must || case.verdict != Verdict::Failed)
    }
}

/// Runs the validation.
///
/// # Errors
/// The folder or a file cannot be read, a file is malformed, `only` names no kind, or nothing is left to check.
pub fn run(request: &Request) -> Result<Report, Vec<String>> {
    let wanted = wanted(&request.only)?;
    let (found, unread) = files(&request.cases)?;
    let (mut chosen, mut problems) = (Vec::new(), Vec::new());
    for (kind, filter) in wanted {
        let mut read = Vec::new();
        for path in found.iter().filter(|(owner, _)| owner.name == kind.name) {
            match CaseFile::read(&path.1) {
                Ok(file) => read.push(file.filtered(filter.as_deref())),
                Err(malformed) => problems.extend(malformed.iter().map(ToString::to_string)),
            }
        }
        if !read.is_empty() {
            chosen.push((kind, read));
        }
    }
    if problems.is_empty() && chosen.is_empty() {
        problems.push(format!(
            "{} holds no case file of {}; expected names such as {}.json",
            request.cases.display(),
            if request.only.is_empty() {
                "any kind".to_owned()
            } else {
                request.only.join(", ")
            },
            KINDS[0].stems[0]
        ));
    }
    let mut context = Context::new(request.threads, request.budget);
    let mut kinds = Vec::new();
    for (index, (kind, read)) in chosen.iter().enumerate() {
        let rest: u32 = chosen[index..].iter().map(|(kind, _)| kind.weight).sum();
        context.begin(kind.weight, rest);
        let mut report = KindReport {
            kind,
            files: Vec::new(),
            results: Vec::new(),
        };
        for file in read {
            report.files.push(file.name.clone());
            match (kind.check)(file, &context) {
                Ok(results) => report.results.extend(results),
                Err(malformed) => problems.extend(malformed.iter().map(ToString::to_string)),
            }
        }
        kinds.push(report);
    }
    if problems.is_empty() {
        Ok(Report { kinds, unread })
    } else {
        Err(problems)
    }
}

/// Kinds asked for, each with the text its cases must contain.
fn wanted(only: &[String]) -> Result<Vec<(&'static Kind, Option<String>)>, Vec<String>> {
    if only.is_empty() {
        return Ok(KINDS.iter().map(|kind| (*kind, None)).collect());
    }
    let (mut wanted, mut problems) = (Vec::new(), Vec::new());
    for text in only {
        let (name, filter) = match text.split_once(':') {
            Some((name, filter)) => (name, Some(filter.to_owned())),
            None => (text.as_str(), None),
        };
        match KINDS.iter().find(|kind| kind.name == name) {
            Some(kind) => wanted.push((*kind, filter)),
            None => {
                let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
                problems.push(format!(
                    "`{name}` is no kind of case; there are {}",
                    names.join(", ")
                ));
            }
        }
    }
    if problems.is_empty() {
        Ok(wanted)
    } else {
        Err(problems)
    }
}

/// Case files with their kinds, and the names of files without one.
type Found = (Vec<(&'static Kind, PathBuf)>, Vec<String>);

/// Case files of a folder with their kinds, by name, and the names of the JSON files without one.
fn files(folder: &Path) -> Result<Found, Vec<String>> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        vec![format!(
            "cannot read the folder of case files {}: {error}; name one with --cases",
            folder.display()
        )]
    })?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort();
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        match owner(&stem) {
            Some(kind) => found.push((kind, path)),
            None => unread.push(format!("{stem}.json")),
        }
    }
    Ok((found, unread))
}

/// The kind whose stem the name starts with; the longest stem wins.
fn owner(name: &str) -> Option<&'static Kind> {
    let reads = |stem: &str| {
        name.strip_prefix(stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '.']))
    };
    KINDS
        .iter()
        .flat_map(|kind| kind.stems.iter().map(move |stem| (*kind, *stem)))
        .filter(|(_, stem)| reads(stem))
        .max_by_key(|(_, stem)| stem.len())
        .map(|(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_named_after_a_file_it_reads_and_no_stem_has_two_owners() {
        for (index, kind) in KINDS.iter().enumerate() {
            assert!(kind.stems.contains(&kind.name), "{}", kind.name);
            for other in &KINDS[index + 1..] {
                assert!(
                    other.stems.iter().all(|stem| !kind.stems.contains(stem)),
                    "{}",
                    other.name
                );
            }
        }
    }

    #[test]
    fn a_longer_name_of_the_same_stem_is_read_by_the_same_kind() {
        assert_eq!(owner("queueing_exact-more").unwrap().name, "queueing_exact");
        assert!(owner("queueing_exactly").is_none());
        assert!(owner("queueing").is_none());
    }
}
