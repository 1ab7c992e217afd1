//! Gates: whether the new side does as well as the old one, and in which words to say so.

use super::Control;
use super::seen::Side;
use crate::model::{Comparator, Condition, Gate, MetricTerm, Scenario, Subject, Sum, Value};
use crate::units::{ServiceId, SimTime};
use crate::world::contract::{Outcome, StationSeen};
use crate::world::recorder::{GateLook, GateVerdict};

/// A gate in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct GateRun {
    /// Position in `Migration::gates`.
    pub gate: usize,
    /// Window of the look to come.
    pub window: (SimTime, SimTime),
    /// Window of the old side: the same, or the last one before it lost all its traffic.
    pub old_window: Option<(SimTime, SimTime)>,
    pub failures: u32,
    pub inconclusive: u32,
}

/// Result of one look.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Verdict {
    Pass(String),
    Fail(String),
    Inconclusive(String),
}

impl Verdict {
    fn kind(&self) -> GateVerdict {
        match self {
            Self::Pass(_) => GateVerdict::Pass,
            Self::Fail(_) => GateVerdict::Fail,
            Self::Inconclusive(_) => GateVerdict::Inconclusive,
        }
    }
}

/// Judges a look by other requests than those that were looked at (old side, new side), with every condition's numbers.
///
/// # Panics
/// The look is not of this scenario.
#[must_use]
pub fn judge_again(
    scenario: &Scenario,
    look: &GateLook,
    sides: [StationSeen; 2],
) -> (GateVerdict, String) {
    let migration = scenario.migration.as_ref();
    let gate = &migration.expect("a gate belongs to a migration").gates[look.gate];
    let request = scenario.service(look.service).resources.cpu_request.cores();
    let [old, new] = sides;
    let [old, new] = [(old, 0), (new, 1)].map(|(seen, side)| Side {
        seen,
        ready_seconds: look.ready_seconds[side],
    });
    let verdict = judge(gate, &old, &new, request);
    (verdict.kind(), values(gate, &old, &new, request))
}

impl Control<'_> {
    /// Looks at both sides over the gate's window.
    pub(super) fn look_through_gate(
        &mut self,
        service: ServiceId,
        run: &GateRun,
        gate: &Gate,
    ) -> Verdict {
        let migration = self.scenario.migration.as_ref();
        let blind = migration
            .map(|migration| [migration.from, migration.to])
            .into_iter()
            .flatten()
            .find(|cluster| !self.sees(*cluster));
        if let Some(cluster) = blind {
            let name = &self.scenario.cluster(cluster).name;
            return Verdict::Inconclusive(format!("there are no metrics of {name}"));
        }
        let (old_from, old_to) = run.old_window.unwrap_or(run.window);
        let old = self.history.side(service, 0, old_from, old_to);
        let new = self.history.side(service, 1, run.window.0, run.window.1);
        let request = self.scenario.service(service).resources.cpu_request.cores();
        let verdict = judge(gate, &old, &new, request);
        self.gate_looks.push(GateLook {
            at: self.now,
            service,
            gate: run.gate,
            windows: [(old_from, old_to), run.window],
            ready_seconds: [old.ready_seconds, new.ready_seconds],
            verdict: verdict.kind(),
            values: values(gate, &old, &new, request),
        });
        verdict
    }
}

/// Judges two sides; `request` is the CPU request of one replica in cores.
fn judge(gate: &Gate, old: &Side, new: &Side, request: f64) -> Verdict {
    for (name, side) in [("old", old), ("new", new)] {
        let requests: u64 = side.seen.ended.iter().sum();
        if requests < gate.min_requests {
            return Verdict::Inconclusive(format!(
                "{requests} requests ended on the {name} side, {} are needed",
                gate.min_requests
            ));
        }
    }
    let mut value = |term: &MetricTerm| of_sides(term, old, new, request);
    let mut told = Vec::new();
    for condition in &gate.pass {
        match condition.evaluate(&mut value) {
            Some(true) => told.push(describe(condition, &mut value)),
            Some(false) => return Verdict::Fail(describe(condition, &mut value)),
            None => {
                return Verdict::Inconclusive(format!(
                    "no value for {}",
                    describe(condition, &mut value)
                ));
            }
        }
    }
    Verdict::Pass(told.join("; "))
}

/// Every condition with its numbers, whatever the verdict.
fn values(gate: &Gate, old: &Side, new: &Side, request: f64) -> String {
    let mut value = |term: &MetricTerm| of_sides(term, old, new, request);
    let conditions = gate.pass.iter();
    let told: Vec<_> = conditions
        .map(|condition| describe(condition, &mut value))
        .collect();
    told.join("; ")
}

fn of_sides(term: &MetricTerm, old: &Side, new: &Side, request: f64) -> Option<f64> {
    match term.subject {
        Some(Subject::Old) => metric(&term.name, old, request),
        Some(Subject::New) => metric(&term.name, new, request),
        _ => None,
    }
}

/// A metric of one side: seconds, ratios from 0 to 1, counts; `None`: no evidence.
fn metric(name: &str, side: &Side, request: f64) -> Option<f64> {
    let seen = &side.seen;
    let requests: u64 = seen.ended.iter().sum();
    let failed = requests - seen.ended[Outcome::Ok as usize];
    match name {
        "requests" => Some(requests as f64),
        "failed_requests" => Some(failed as f64),
        "error_ratio" => (requests > 0).then(|| failed as f64 / requests as f64),
        "mean" => seen.latency.mean().map(|nanoseconds| nanoseconds * 1e-9),
        "cpu_utilisation" => {
            let asked = side.ready_seconds * request;
            (asked > 0.0).then(|| seen.cpu_ns as f64 * 1e-9 / asked)
        }
        _ => {
            let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
            seen.latency
                .quantile(percent / 100.0)
                .map(|nanoseconds| nanoseconds as f64 * 1e-9)
        }
    }
}

/// A condition with the numbers on both sides of each comparison.
fn describe(condition: &Condition, value: &mut dyn FnMut(&MetricTerm) -> Option<f64>) -> String {
    let join =
        |parts: &[Condition], word: &str, value: &mut dyn FnMut(&MetricTerm) -> Option<f64>| {
            parts
                .iter()
                .map(|part| describe(part, value))
                .collect::<Vec<_>>()
                .join(word)
        };
    match condition {
        Condition::Or(parts) => join(parts, " or ", value),
        Condition::And(parts) => join(parts, " and ", value),
        Condition::Not(part) => format!("not ({})", describe(part, value)),
        Condition::Compare(left, comparator, right) => {
            let unit = unit(left).or_else(|| unit(right));
            let allowed = number(right.evaluate(value), unit);
            format!(
                "{} {}, allowed {} {allowed}",
                words(left),
                number(left.evaluate(value), unit),
                symbol(*comparator)
            )
        }
        Condition::In(sum, low, high) => {
            let unit = unit(sum);
            let found = number(sum.evaluate(value), unit);
            format!(
                "{} {found}, allowed {} to {}",
                words(sum),
                number(Some(*low), unit),
                number(Some(*high), unit)
            )
        }
    }
}

fn symbol(comparator: Comparator) -> &'static str {
    match comparator {
        Comparator::Less => "<",
        Comparator::LessOrEqual => "<=",
        Comparator::Greater => ">",
        Comparator::GreaterOrEqual => ">=",
        Comparator::Equal => "=",
        Comparator::NotEqual => "!=",
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Seconds,
    Ratio,
    Count,
}

fn unit(sum: &Sum) -> Option<Unit> {
    let mut metrics = Vec::new();
    sum.metrics(&mut metrics);
    metrics.first().map(|term| match term.name.as_str() {
        "error_ratio" | "cpu_utilisation" => Unit::Ratio,
        "requests" | "failed_requests" => Unit::Count,
        _ => Unit::Seconds,
    })
}

fn number(value: Option<f64>, unit: Option<Unit>) -> String {
    match (value, unit) {
        (None, _) => "no value".to_owned(),
        (Some(value), Some(Unit::Seconds)) if value < 1.0 => format!("{:.1} ms", value * 1e3),
        (Some(value), Some(Unit::Seconds)) => format!("{value:.2} s"),
        (Some(value), Some(Unit::Ratio)) => format!("{:.2} %", value * 100.0),
        (Some(value), _) => format!("{value}"),
    }
}

fn words(sum: &Sum) -> String {
    match sum {
        Sum::Value(Value::Number(number)) => format!("{number}"),
        Sum::Value(Value::Metric(term)) => match term.subject {
            Some(Subject::Old) => format!("{}(old)", term.name),
            Some(Subject::New) => format!("{}(new)", term.name),
            _ => term.name.clone(),
        },
        Sum::Add(left, right) => format!("{} + {}", words(left), words(right)),
        Sum::Subtract(left, right) => format!("{} - {}", words(left), words(right)),
        Sum::Multiply(left, right) => format!("{} * {}", words(left), words(right)),
        Sum::Divide(left, right) => format!("{} / {}", words(left), words(right)),
    }
}
