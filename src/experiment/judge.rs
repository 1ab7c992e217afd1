//! Judges assertions by the estimates of the terms they read.
//!
//! Without `with` the estimate decides. With it, the condition must hold with every term at the worse end of
//! its one-sided bound (pass), or fail with every term at the better end (fail); between them it is undecided.

use crate::experiment::estimate::estimate;
use crate::experiment::result::{AssertionResult, ReplicationResult, TermEstimate, Verdict};
use crate::experiment::terms::{expand, term_text};
use crate::model::metric::{MergeRule, find};
use crate::model::{Assertion, Condition, MetricTerm, Scenario, Sum};
use crate::stats::{Moments, needed_replications, paired, student_quantile};
use crate::units::text::shown;

/// The replications as assertions read them.
pub struct Judge<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The terms, in the order of `ReplicationResult::terms`.
    pub terms: &'a [MetricTerm],
    /// The replications.
    pub replications: &'a [ReplicationResult],
}

impl Judge<'_> {
    /// All assertions, in the order written.
    #[must_use]
    pub fn all(&self) -> Vec<AssertionResult> {
        self.scenario
            .assertions
            .iter()
            .map(|assertion| self.assertion(assertion))
            .collect()
    }

    /// Values of a term over the replications.
    fn values(&self, term: &MetricTerm) -> Vec<Option<f64>> {
        let position = self.terms.iter().position(|known| known == term);
        self.replications
            .iter()
            .map(|replication| replication.terms.get(position?).copied().flatten())
            .collect()
    }

    fn estimate(&self, term: &MetricTerm) -> TermEstimate {
        let metric = find(&term.name);
        let rule = metric.map_or(MergeRule::Mean, |metric| metric.merge);
        TermEstimate {
            text: term_text(term, self.scenario),
            name: term.name.clone(),
            unit: metric.map_or("", |metric| metric.unit).to_owned(),
            estimate: estimate(&self.values(term), rule, self.scenario.run.confidence),
        }
    }

    fn mean(&self, term: &MetricTerm) -> Option<f64> {
        let values: Vec<f64> = self.values(term).into_iter().flatten().collect();
        (!values.is_empty()).then(|| Moments::of(&values).mean)
    }

    fn assertion(&self, assertion: &Assertion) -> AssertionResult {
        let instances = expand(&assertion.condition, self.scenario);
        let mut terms: Vec<TermEstimate> = Vec::new();
        let mut details = Vec::new();
        let (mut failed, mut open, mut needed) = (false, false, None);
        let mut fails_run = false;
        for condition in &instances {
            let mut found = Vec::new();
            condition.metrics(&mut found);
            for term in &found {
                let estimate = self.estimate(term);
                if !terms.contains(&estimate) {
                    terms.push(estimate);
                }
            }
            match condition.evaluate(&mut |term| self.mean(term)) {
                None => {
                    open = true;
                    let absent = found.iter().filter(|term| self.mean(term).is_none());
                    let names: Vec<_> = absent.map(|term| term_text(term, self.scenario)).collect();
                    details.push(format!("no evidence: {} was not seen", names.join(", ")));
                }
                Some(holds) => {
                    let decided = match assertion.confidence {
                        None => Some(holds),
                        Some(confidence) => self.with_confidence(condition, confidence),
                    };
                    match decided {
                        Some(true) => {}
                        Some(false) => {
                            failed = true;
                            details.push(self.found(&found, instances.len() == 1));
                        }
                        None => {
                            (open, fails_run) = (true, true);
                            let confidence = assertion.confidence.unwrap_or(0.5);
                            needed = needed.max(self.needed(condition, confidence));
                            details.push(format!(
                                "undecided: {}",
                                self.found(&found, instances.len() == 1)
                            ));
                        }
                    }
                }
            }
        }
        let verdict = match (failed, open) {
            (true, _) => Verdict::Fail,
            (false, true) => Verdict::Undecided,
            (false, false) => Verdict::Pass,
        };
        if verdict == Verdict::Pass {
            let mut found = Vec::new();
            instances.iter().for_each(|part| part.metrics(&mut found));
            found.truncate(3);
            details.push(self.found(&found, instances.len() == 1));
        }
        AssertionResult {
            text: assertion.text.clone(),
            place: assertion.place.clone(),
            because: assertion.because.clone(),
            confidence: assertion.confidence,
            verdict,
            fails_run: failed || fails_run,
            detail: details.join("; "),
            terms,
            needed_replications: needed,
        }
    }

    /// What was found of some terms: with their names, unless there is only one and its condition stands `alone`.
    fn found(&self, terms: &[&MetricTerm], alone: bool) -> String {
        let value = |term: &MetricTerm| {
            let unit = find(&term.name).map_or("", |metric| metric.unit);
            let currency = self.scenario.currency.as_deref();
            let shown = |mean| shown(mean, unit, currency);
            self.mean(term).map(shown)
        };
        if let ([only], true) = (terms, alone) {
            return value(only).unwrap_or_else(|| "not seen".to_owned());
        }
        let one = |term: &&MetricTerm| {
            let text = term_text(term, self.scenario);
            value(term).map_or_else(
                || format!("{text} was not seen"),
                |value| format!("{text} is {value}"),
            )
        };
        terms.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Truth of one comparison on the paired difference of its two sides, at one-sided confidence.
    fn with_confidence(&self, condition: &Condition, confidence: f64) -> Option<bool> {
        match condition {
            Condition::And(parts) => {
                let found = parts
                    .iter()
                    .map(|part| self.with_confidence(part, confidence));
                all(&found.collect::<Vec<_>>())
            }
            Condition::Or(parts) => {
                let found = parts
                    .iter()
                    .map(|part| self.with_confidence(part, confidence).map(|truth| !truth));
                all(&found.collect::<Vec<_>>()).map(|truth| !truth)
            }
            Condition::Not(part) => self.with_confidence(part, confidence).map(|truth| !truth),
            Condition::Compare(left, comparator, right) => {
                let differences = self.differences(left, right);
                let (low, high) = bounds(&differences, confidence)?;
                let (at_low, at_high) = (comparator.holds(low, 0.0), comparator.holds(high, 0.0));
                (at_low == at_high).then_some(at_low)
            }
            Condition::In(sum, from, to) => {
                let none = Sum::Value(crate::model::Value::Number(0.0));
                let (low, high) = bounds(&self.differences(sum, &none), confidence)?;
                if *from <= low && high <= *to {
                    Some(true)
                } else if high < *from || low > *to {
                    Some(false)
                } else {
                    None
                }
            }
        }
    }

    fn differences(&self, left: &Sum, right: &Sum) -> Vec<f64> {
        (0..self.replications.len())
            .filter_map(|at| {
                let mut value = |term: &MetricTerm| {
                    let position = self.terms.iter().position(|known| known == term)?;
                    self.replications[at].terms.get(position).copied().flatten()
                };
                Some(left.evaluate(&mut value)? - right.evaluate(&mut value)?)
            })
            .collect()
    }

    fn needed(&self, condition: &Condition, confidence: f64) -> Option<u64> {
        match condition {
            Condition::Compare(left, _, right) => {
                let differences = self.differences(left, right);
                let distance = Moments::of(&differences).mean.abs();
                needed_replications(&differences, confidence, distance)
            }
            Condition::And(parts) | Condition::Or(parts) => parts
                .iter()
                .filter_map(|part| self.needed(part, confidence))
                .max(),
            Condition::Not(part) => self.needed(part, confidence),
            Condition::In(..) => None,
        }
    }

    /// Whether each asserted term is precise enough, within `ratio` of its mean or its margin.
    #[must_use]
    pub fn is_precise(&self, ratio: f64) -> bool {
        let confidence = self.scenario.run.confidence;
        self.terms.iter().all(|term| {
            let values: Vec<f64> = self.values(term).into_iter().flatten().collect();
            if values.is_empty() {
                // Never seen: more replications of the same are no evidence either.
                return true;
            }
            let margins = &self.scenario.run.margins;
            let margin = margins.iter().find(|(name, _, _)| *name == term.name);
            let margin = margin.map(|(_, size, relative)| {
                let scale = if *relative {
                    Moments::of(&values).mean.abs()
                } else {
                    1.0
                };
                size * scale
            });
            crate::stats::is_precise(&values, confidence, ratio, margin)
        }) && self.confident_assertions_are_decided()
    }

    fn confident_assertions_are_decided(&self) -> bool {
        self.scenario.assertions.iter().all(|assertion| {
            assertion.confidence.is_none()
                || self.assertion(assertion).needed_replications.is_none()
        })
    }
}

fn all(found: &[Option<bool>]) -> Option<bool> {
    if found.contains(&Some(false)) {
        Some(false)
    } else if found.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// One-sided bounds below and above the mean; `None` below two values.
fn bounds(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let zeros = vec![0.0; values.len()];
    let pair = paired(values, &zeros, 0.5)?;
    let half = student_quantile(confidence, pair.n - 1) * Moments::of(values).standard_error();
    Some((pair.first - half, pair.first + half))
}

/// Four significant digits, for sentences.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1e-3 || value == 0.0 {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}
