//! Judging a case: each value found against the expected one, with its tolerance.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::verify::case_file::{Case, Field};

/// What a case counts for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Decides whether the validation passes.
    Must,
    /// Reported only.
    Compare,
    /// Counted, not run.
    Excluded,
}

/// How a case ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every check held.
    Passed,
    /// At least one did not.
    Failed,
    /// Not run.
    Excluded,
}

/// What became of one case.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CaseResult {
    /// Of the case.
    pub id: String,
    /// Of the case.
    pub group: String,
    /// What it counts for.
    pub grade: Grade,
    /// How it ended.
    pub verdict: Verdict,
    /// Values compared.
    pub checks: u32,
    /// Of these, that did not hold.
    pub failed_checks: u32,
    /// Largest distance from an expected value over its tolerance; `None` when nothing was compared by number.
    pub deviation: Option<f64>,
    /// One sentence for each failed check.
    pub reasons: Vec<String>,
    /// What a reader should know besides, such as that a budget ended the case early.
    pub note: Option<String>,
}

/// Collects the checks of one case.
#[derive(Clone, Debug)]
pub struct Judge {
    result: CaseResult,
}

impl Judge {
    /// Begins with no check.
    #[must_use]
    pub fn new(case: &Case, grade: Grade) -> Self {
        Self {
            result: CaseResult {
                id: case.id.clone(),
                group: case.group.clone(),
                grade,
                verdict: Verdict::Passed,
                checks: 0,
                failed_checks: 0,
                deviation: None,
                reasons: Vec::new(),
                note: None,
            },
        }
    }

    /// `found` must lie within `tolerance` (0 or more) of `expected`; a found NaN never does.
    pub fn within(&mut self, what: &str, found: f64, expected: f64, tolerance: f64) {
        let distance = (found - expected).abs();
        let deviation = if distance == 0.0 {
            0.0
        } else {
            distance / tolerance
        };
        let deviation = if deviation.is_nan() {
            f64::INFINITY
        } else {
            deviation
        };
        self.result.deviation = Some(self.result.deviation.unwrap_or(0.0).max(deviation));
        self.count(deviation <= 1.0, || {
            format!(
                "{what}: found {}, expected {} ± {}",
                short(found),
                short(expected),
                short(tolerance)
            )
        });
    }

    /// `found` must equal `expected`.
    pub fn equal<T: PartialEq + Debug + ?Sized>(&mut self, what: &str, found: &T, expected: &T) {
        self.count(found == expected, || {
            format!("{what}: found {found:?}, expected {expected:?}")
        });
    }

    /// `holds`; else `reason` is why the case fails.
    pub fn holds(&mut self, holds: bool, reason: impl FnOnce() -> String) {
        self.count(holds, reason);
    }

    /// The case fails for a reason that is no comparison, such as a form that the kind does not know.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.count(false, || reason.into());
    }

    /// Fails for each member of what is expected that the kind does not know: it would pass unseen.
    pub fn knows(&mut self, expected: &Field, keys: &[&str]) {
        let members = expected.value.as_object().into_iter().flatten();
        for (key, _) in members.filter(|(key, _)| !keys.contains(&key.as_str())) {
            self.fail(format!(
                "`{key}` is expected, which this kind does not know; it knows {}",
                keys.join(", ")
            ));
        }
    }

    /// Fails for each member of an input, or of an item of a list of inputs, that the kind does not read: the case would
    /// be judged without it. What is null is not given; a `note` is for people.
    pub fn reads(&mut self, input: &Field, keys: &[&str]) {
        for item in input.value.as_array().into_iter().flatten() {
            let item = Field {
                value: item,
                place: input.place.clone(),
            };
            self.reads(&item, keys);
        }
        for (key, value) in input.value.as_object().into_iter().flatten() {
            if !value.is_null() && key != "note" && !keys.contains(&key.as_str()) {
                self.fail(format!(
                    "{}: `{key}` is given, which this kind does not read; it reads {}",
                    input.place,
                    keys.join(", ")
                ));
            }
        }
    }

    /// The same for the object, or the objects of a list, under `key`, if there is something.
    pub fn reads_in(&mut self, input: &Field, key: &str, keys: &[&str]) {
        if let Some(inner) = input.maybe(key) {
            self.reads(&inner, keys);
        }
    }

    /// Checks that did not hold so far.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.result.failed_checks
    }

    /// Adds a remark that does not change the verdict.
    pub fn note(&mut self, text: impl Into<String>) {
        self.result.note = Some(text.into());
    }

    fn count(&mut self, holds: bool, reason: impl FnOnce() -> String) {
        self.result.checks += 1;
        if !holds {
            self.result.failed_checks += 1;
            self.result.verdict = Verdict::Failed;
            self.result.reasons.push(reason());
        }
    }

    /// The result. A case without any check fails: it says nothing.
    #[must_use]
    pub fn finish(mut self) -> CaseResult {
        if self.result.checks == 0 {
            self.fail("nothing was checked");
        }
        self.result
    }

    /// The result of a case that is not run.
    #[must_use]
    pub fn excluded(case: &Case) -> CaseResult {
        let mut judge = Self::new(case, Grade::Excluded);
        judge.result.verdict = Verdict::Excluded;
        judge.result
    }
}

/// A number for people: six significant digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (5 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::CaseFile;
    use std::path::Path;

    fn judge() -> Judge {
        let file = CaseFile::parse(
            Path::new("a.json"),
            r#"{"cases": [{"id": "a", "group": "g"}]}"#,
        )
        .unwrap();
        Judge::new(&file.cases[0], Grade::Must)
    }

    #[test]
    fn a_case_fails_with_found_expected_and_tolerance() {
        let mut judge = judge();
        judge.within("mean wait", 1.05, 1.0, 0.1);
        judge.within("mean response", 2.3, 2.0, 0.1);
        judge.equal("replicas", &3, &3);
        let result = judge.finish();
        assert_eq!(result.verdict, Verdict::Failed);
        assert_eq!((result.checks, result.failed_checks), (3, 1));
        assert!((result.deviation.unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(
            result.reasons,
            ["mean response: found 2.3, expected 2 ± 0.1"]
        );
    }

    #[test]
    fn nothing_found_and_nothing_checked_fail() {
        let mut nan = judge();
        nan.within("mean", f64::NAN, 1.0, 0.1);
        assert_eq!(nan.finish().verdict, Verdict::Failed);
        assert_eq!(judge().finish().verdict, Verdict::Failed);
    }

    #[test]
    fn what_is_given_and_not_read_fails_by_name() {
        let text = r#"{"cases": [{"input": {"pods": [{"name": "a"}, {"name": "b", "zone": "x"}], "note": "hm",
            "speed": null}}]}"#;
        let file = CaseFile::parse(Path::new("a.json"), text).unwrap();
        let input = file.cases[0].input().unwrap();
        let mut judge = judge();
        judge.equal("something", &1, &1);
        judge.reads(&input, &["pods"]);
        assert_eq!(judge.failures(), 0);
        judge.reads_in(&input, "pods", &["name"]);
        judge.reads_in(&input, "nodes", &["name"]);
        assert_eq!(
            judge.finish().reasons,
            [
                "a.json: cases[0] (0): input.pods: `zone` is given, which this kind does not read; it reads name"
            ]
        );
    }

    #[test]
    fn an_exact_value_needs_no_tolerance() {
        let mut exact = judge();
        exact.within("count", 5.0, 5.0, 0.0);
        assert_eq!(exact.finish().verdict, Verdict::Passed);
    }
}
