//! What a validation found as a table for people, as JSON and as `docs/validation.md`.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::report::screen;
use crate::verify::judge::{CaseResult, Grade, Verdict};
use crate::verify::{KindReport, Report};

/// Counts of a set of cases.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Counts {
    /// All.
    pub cases: usize,
    /// Whose checks all held.
    pub passed: usize,
    /// The others that were run.
    pub failed: usize,
    /// Failed cases of grade `must`.
    pub must_failed: usize,
    /// Not run.
    pub excluded: usize,
    /// Values compared.
    pub checks: u64,
    /// Largest distance over tolerance; `None` when nothing was compared by number.
    pub worst: Option<f64>,
}

impl Counts {
    /// Counts cases.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut counts = Self::default();
        for result in results {
            counts.cases += 1;
            counts.checks += u64::from(result.checks);
            match result.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Excluded => counts.excluded += 1,
                Verdict::Failed => {
                    counts.failed += 1;
                    counts.must_failed += usize::from(result.grade == Grade::Must);
                }
            }
            if let Some(deviation) = result.deviation {
                counts.worst = Some(counts.worst.unwrap_or(0.0).max(deviation));
            }
        }
        counts
    }

    fn cells(self, name: &str) -> [String; 6] {
        [
            name.to_owned(),
            self.cases.to_string(),
            self.passed.to_string(),
            self.failed.to_string(),
            self.excluded.to_string(),
            worst(self.worst),
        ]
    }
}

/// A deviation in units of its tolerance.
fn worst(deviation: Option<f64>) -> String {
    match deviation {
        None => "exact".to_owned(),
        Some(value) if !value.is_finite() => "beyond any".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0} of tolerance"),
        Some(value) => format!("{value:.2} of tolerance"),
    }
}

const HEAD: [&str; 6] = [
    "kind",
    "cases",
    "passed",
    "failed",
    "excluded",
    "worst deviation",
];

/// The table by kind, each failure, and the verdict.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut rows: Vec<[String; 6]> = report
        .kinds
        .iter()
        .map(|kind| Counts::of(&kind.results).cells(kind.kind.name))
        .collect();
    let all = Counts::of(report.kinds.iter().flat_map(|kind| &kind.results));
    if rows.len() > 1 {
        rows.push(all.cells("all"));
    }
    let mut text = screen::table(&HEAD, &rows);
    for kind in &report.kinds {
        for case in &kind.results {
            if case.verdict == Verdict::Failed {
                let grade = if case.grade == Grade::Must {
                    "failed"
                } else {
                    "differs (compare)"
                };
                let _ = writeln!(text, "\n{grade}: {} {}", kind.kind.name, case.id);
                for reason in &case.reasons {
                    let _ = writeln!(text, "  {reason}");
                }
            }
            if let Some(note) = &case.note {
                let _ = writeln!(text, "\nnote: {} {}: {note}", kind.kind.name, case.id);
            }
        }
    }
    for file in &report.unread {
        let _ = writeln!(
            text,
            "\nnot read: {file}: no kind reads a file of this name"
        );
    }
    let verdict = if report.passed() {
        format!(
            "every case that must hold holds ({} values compared)",
            all.checks
        )
    } else {
        format!("{} that must hold failed", counted(all.must_failed, "case"))
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// All of it, for programs.
#[must_use]
pub fn json(report: &Report) -> Value {
    let kinds: Vec<Value> = report
        .kinds
        .iter()
        .map(|kind| {
            let counts = Counts::of(&kind.results);
            json!({
                "kind": kind.kind.name,
                "files": kind.files,
                "cases": counts.cases,
                "passed": counts.passed,
                "failed": counts.failed,
                "mustFailed": counts.must_failed,
                "excluded": counts.excluded,
                "checks": counts.checks,
                "worstDeviation": counts.worst.filter(|worst| worst.is_finite()),
                "results": kind.results,
            })
        })
        .collect();
    json!({ "passed": report.passed(), "kinds": kinds, "notRead": report.unread })
}

/// The page `docs/validation.md`; the same for the same results.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut page = String::from(
        "# Validation\n\n\
         Written by `cutover verify --write`; do not edit. Facts with known answers (`tests/cases/`) are checked\n\
         against the code that simulates: a model is built for each case and run. `must` cases decide the exit code,\n\
         `compare` cases are reported, `excluded` ones are counted and not run. A deviation is the distance between\n\
         found and expected over the tolerance that the kind states: above 1 the case fails.\n\n",
    );
    markdown(
        &mut page,
        "kind",
        report
            .kinds
            .iter()
            .map(|kind| (kind.kind.name, Counts::of(&kind.results))),
    );
    for kind in &report.kinds {
        section(&mut page, kind);
    }
    page
}

fn section(page: &mut String, kind: &KindReport) {
    let _ = write!(
        page,
        "\n## {}\n\n{}\n\n{}\n\n",
        kind.kind.name, kind.kind.about, kind.kind.judged
    );
    let mut groups: Vec<&str> = Vec::new();
    for result in &kind.results {
        if !groups.contains(&result.group.as_str()) {
            groups.push(&result.group);
        }
    }
    let rows = groups.iter().map(|group| {
        let of_group = kind.results.iter().filter(|result| result.group == **group);
        (
            if group.is_empty() { "all" } else { *group },
            Counts::of(of_group),
        )
    });
    markdown(page, "group", rows);
    let failed: Vec<&CaseResult> = kind
        .results
        .iter()
        .filter(|result| result.verdict == Verdict::Failed)
        .collect();
    if !failed.is_empty() {
        page.push_str("\nNot within tolerance:\n\n");
        for result in failed {
            let grade = if result.grade == Grade::Must {
                "must"
            } else {
                "compare"
            };
            let _ = writeln!(
                page,
                "- `{}` ({grade}): {}",
                result.id,
                result.reasons.join("; ")
            );
        }
    }
    let noted = kind
        .results
        .iter()
        .filter_map(|result| Some((&result.id, result.note.as_ref()?)));
    for (index, (id, note)) in noted.enumerate() {
        if index == 0 {
            page.push_str("\nNotes:\n\n");
        }
        let _ = writeln!(page, "- `{id}`: {note}");
    }
    if !kind.kind.remarks.is_empty() {
        page.push_str("\nOn the references:\n\n");
        for remark in kind.kind.remarks {
            let _ = writeln!(page, "- {remark}");
        }
    }
}

fn markdown<'a>(page: &mut String, head: &str, rows: impl Iterator<Item = (&'a str, Counts)>) {
    let _ = writeln!(
        page,
        "| {head} | cases | passed | failed | excluded | values compared | worst deviation |"
    );
    page.push_str("|---|---|---|---|---|---|---|\n");
    for (name, counts) in rows {
        let _ = writeln!(
            page,
            "| {name} | {} | {} | {} | {} | {} | {} |",
            counts.cases,
            counts.passed,
            counts.failed,
            counts.excluded,
            counts.checks,
            worst(counts.worst)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::KINDS;

    fn case(id: &str, grade: Grade, verdict: Verdict, deviation: Option<f64>) -> CaseResult {
        let failed = u32::from(verdict == Verdict::Failed);
        CaseResult {
            id: id.into(),
            group: "g".into(),
            grade,
            verdict,
            checks: 2,
            failed_checks: failed,
            deviation,
            reasons: (0..failed)
                .map(|_| "mean: found 3, expected 2 ± 0.1".into())
                .collect(),
            note: None,
        }
    }

    fn report(results: Vec<CaseResult>) -> Report {
        let kinds = vec![KindReport {
            kind: KINDS[0],
            files: vec!["a.json".into()],
            results,
        }];
        Report {
            kinds,
            unread: Vec::new(),
        }
    }

    #[test]
    fn only_failed_must_cases_decide() {
        let compared = report(vec![
            case("a", Grade::Must, Verdict::Passed, Some(0.5)),
            case("b", Grade::Compare, Verdict::Failed, Some(3.0)),
            case("c", Grade::Excluded, Verdict::Excluded, None),
        ]);
        assert!(compared.passed());
        let counts = Counts::of(&compared.kinds[0].results);
        assert_eq!(
            (counts.cases, counts.passed, counts.failed, counts.excluded),
            (3, 1, 1, 1)
        );
        assert_eq!(counts.worst, Some(3.0));
        let text = text(&compared);
        assert!(
            text.contains("3.00 of tolerance") && text.contains("differs (compare)"),
            "{text}"
        );
        let failed = report(vec![case("a", Grade::Must, Verdict::Failed, Some(1.2))]);
        assert!(!failed.passed());
        assert!(page(&failed).contains("- `a` (must): mean: found 3, expected 2 ± 0.1"));
    }
}
