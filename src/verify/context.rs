//! What a checker may use: threads and time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::verify::case_file::{Case, CaseFile, Malformed};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// Threads and time of a validation.
#[derive(Debug)]
pub struct Context {
    threads: usize,
    /// End of everything, and of the kind in work.
    until: Option<Instant>,
    kind_until: Option<Instant>,
}

/// Time for one case.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    until: Option<Instant>,
}

impl Allowance {
    /// No end.
    pub const FULL: Self = Self { until: None };

    /// Until then.
    #[must_use]
    pub const fn until(end: Instant) -> Self {
        Self { until: Some(end) }
    }

    /// Whether the case should come to an end with what it has.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Whether it has an end.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.until.is_some()
    }

    /// Time left; `None` is without end.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.until
            .map(|until| until.saturating_duration_since(Instant::now()))
    }
}

impl Context {
    /// Begins now.
    #[must_use]
    pub fn new(threads: usize, budget: Option<Duration>) -> Self {
        Self {
            threads: threads.max(1),
            until: budget.map(|budget| Instant::now() + budget),
            kind_until: None,
        }
    }

    /// Begins a kind with `weight` of the `rest` that is still to come, itself included.
    pub fn begin(&mut self, weight: u32, rest: u32) {
        self.kind_until = self.until.filter(|_| weight > 0).map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            Instant::now() + left * weight / rest.max(1)
        });
    }

    /// Checks each case over the threads; results in the file's order. Excluded cases are counted, not run.
    /// `check` fills the judge it is given and may find the case malformed. `ungraded` is the grade of cases that
    /// carry none.
    ///
    /// # Errors
    /// What `check` found malformed, in the file's order.
    pub fn each<F>(
        &self,
        file: &CaseFile,
        ungraded: Grade,
        check: F,
    ) -> Result<Vec<CaseResult>, Vec<Malformed>>
    where
        F: Fn(&Case, &mut Judge, &Allowance) -> Result<(), Malformed> + Sync,
    {
        let done: Vec<Mutex<Option<Result<CaseResult, Malformed>>>> =
            file.cases.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = file.cases.get(index) else {
                return;
            };
            let grade = case.grade.unwrap_or(ungraded);
            let result = if grade == Grade::Excluded {
                Ok(Judge::excluded(case))
            } else {
                let mut judge = Judge::new(case, grade);
                let allowance = self.allowance(file.cases.len() - index);
                check(case, &mut judge, &allowance).map(|()| judge.finish())
            };
            *done[index].lock().expect("no checker panicked") = Some(result);
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(file.cases.len()) {
                scope.spawn(work);
            }
            work();
        });
        let (mut results, mut problems) = (Vec::new(), Vec::new());
        for slot in done {
            match slot
                .into_inner()
                .expect("no checker panicked")
                .expect("every case was checked")
            {
                Ok(result) => results.push(result),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(results)
        } else {
            Err(problems)
        }
    }

    /// As [`Context::each`], for kinds whose cases stand alone: a case that is malformed fails, and says why; the others
    /// are judged.
    ///
    /// # Errors
    /// None.
    pub fn each_alone<F>(
        &self,
        file: &CaseFile,
        ungraded: Grade,
        check: F,
    ) -> Result<Vec<CaseResult>, Vec<Malformed>>
    where
        F: Fn(&Case, &mut Judge, &Allowance) -> Result<(), Malformed> + Sync,
    {
        self.each(file, ungraded, |case, judge, allowance| {
            if let Err(malformed) = check(case, judge, allowance) {
                judge.fail(malformed.to_string());
            }
            Ok(())
        })
    }

    /// An equal share of what is left for each of `cases` cases that are not begun.
    fn allowance(&self, cases: usize) -> Allowance {
        let share = |until: Instant| {
            let left = until.saturating_duration_since(Instant::now());
            let rounds = cases.div_ceil(self.threads).max(1);
            Instant::now() + left / u32::try_from(rounds).unwrap_or(u32::MAX)
        };
        Allowance {
            until: self.kind_until.map(share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn file(count: usize) -> CaseFile {
        let cases: Vec<String> = (0..count)
            .map(|index| {
                let grade = if index % 10 == 3 { "excluded" } else { "must" };
                format!(r#"{{"id": "c{index}", "grade": "{grade}", "expected": {index}}}"#)
            })
            .collect();
        CaseFile::parse(
            Path::new("a.json"),
            &format!(r#"{{"cases": [{}]}}"#, cases.join(",")),
        )
        .unwrap()
    }

    #[test]
    fn results_stand_in_the_files_order_for_any_number_of_threads() {
        let file = file(100);
        let run = |threads| {
            Context::new(threads, None)
                .each(&file, Grade::Must, |case, judge, _| {
                    judge.within("value", case.expected()?.number()?, 50.0, 40.0);
                    Ok(())
                })
                .unwrap()
        };
        let one = run(1);
        assert_eq!(one, run(8));
        assert_eq!(one[0].id, "c0");
        assert_eq!(
            one.iter()
                .filter(|case| case.grade == Grade::Excluded)
                .count(),
            10
        );
        assert!(
            one.iter()
                .all(|case| case.grade != Grade::Excluded || case.checks == 0)
        );
    }

    #[test]
    fn every_malformed_case_is_named() {
        let file = file(20);
        let problems = Context::new(2, None)
            .each(&file, Grade::Must, |case, _, _| {
                case.expected()?.text().map(|_| ())
            })
            .unwrap_err();
        assert_eq!(problems.len(), 18);
        let alone = Context::new(2, None).each_alone(&file, Grade::Must, |case, judge, _| {
            judge.equal("is text", &case.expected()?.text()?, &"");
            Ok(())
        });
        let alone = alone.unwrap();
        assert_eq!(
            alone[0].reasons,
            ["a.json: cases[0] (c0): expected: found 0, expected text"]
        );
        assert_eq!(
            problems[0].to_string(),
            "a.json: cases[0] (c0): expected: found 0, expected text"
        );
    }
}
