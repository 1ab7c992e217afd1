//! Assertions and gate conditions as syntax trees with resolved subjects.

use crate::units::{
    ClusterId, Interval, JourneyId, LoadId, PoolId, ServiceId, SimDuration, TeamId, WaveId, WorkId,
};

/// A condition that must hold, with the confidence asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// As written.
    pub text: String,
    /// `file:line`, for reports.
    pub place: String,
    /// What must hold.
    pub condition: Condition,
    /// `with RATIO confidence`: the one-sided bound decides instead of the estimate.
    pub confidence: Option<f64>,
    /// `because TEXT`.
    pub because: Option<String>,
}

/// A truth value over metrics.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// One of them.
    Or(Vec<Condition>),
    /// All of them.
    And(Vec<Condition>),
    /// Not.
    Not(Box<Condition>),
    /// A comparison.
    Compare(Sum, Comparator, Sum),
    /// Within a closed range, in the metric's unit.
    In(Sum, f64, f64),
}

/// Comparison operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
}

/// An arithmetic expression. Times are in seconds, ratios from 0 to 1, money in the scenario's currency.
#[derive(Clone, Debug, PartialEq)]
pub enum Sum {
    /// A value.
    Value(Value),
    /// Left plus right.
    Add(Box<Sum>, Box<Sum>),
    /// Left minus right.
    Subtract(Box<Sum>, Box<Sum>),
    /// Left times right.
    Multiply(Box<Sum>, Box<Sum>),
    /// Left over right.
    Divide(Box<Sum>, Box<Sum>),
}

/// A value in an expression. (`q + 2%` on a quantity that is no ratio is parsed into `q * 1.02`.)
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A constant in its dimension's base unit.
    Number(f64),
    /// A metric.
    Metric(MetricTerm),
}

/// A metric of a subject within a scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricTerm {
    /// Name in `model::metric::METRICS`; percentiles as written: `p99`, `p99.9`.
    pub name: String,
    /// Whose; `None`: the whole run.
    pub subject: Option<Subject>,
    /// Where and when.
    pub scope: MetricScope,
}

/// What a metric is about. `None` in place of an id is `*`: each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Gate: the side being left.
    Old,
    /// Gate: the side being moved to.
    New,
    /// A journey.
    Journey(Option<JourneyId>),
    /// A service.
    Service(Option<ServiceId>),
    /// A cluster.
    Cluster(Option<ClusterId>),
    /// A team.
    Team(Option<TeamId>),
    /// A wave.
    Wave(Option<WaveId>),
    /// A pool of a cluster.
    Pool(Option<(ClusterId, PoolId)>),
    /// A load.
    Load(Option<LoadId>),
    /// A load of jobs or environments.
    Work(Option<WorkId>),
}

/// Where and when a metric is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricScope {
    /// `in CLUSTER`.
    pub cluster: Option<ClusterId>,
    /// `during ...`.
    pub during: Option<SpanScope>,
    /// `over DURATION`: the worst such aligned window.
    pub over: Option<SimDuration>,
}

/// A span of `during`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpanScope {
    /// From the wave's start to its last decommission or rollback.
    Wave(WaveId),
    /// Fixed instants (also `first` and `last`): start and end.
    Fixed(crate::units::SimTime, crate::units::SimTime),
}

impl SpanScope {
    /// The fixed interval, unless it depends on a wave.
    #[must_use]
    pub fn fixed(&self) -> Option<Interval> {
        match self {
            Self::Wave(_) => None,
            Self::Fixed(start, end) => Some(Interval {
                start: *start,
                end: *end,
            }),
        }
    }
}

impl Condition {
    /// Every metric it reads, in order of appearance.
    pub fn metrics<'a>(&'a self, found: &mut Vec<&'a MetricTerm>) {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().for_each(|part| part.metrics(found)),
            Self::Not(part) => part.metrics(found),
            Self::Compare(left, _, right) => {
                left.metrics(found);
                right.metrics(found);
            }
            Self::In(sum, _, _) => sum.metrics(found),
        }
    }

    /// Truth given each metric's value; `None` when it turns on a metric that is absent.
    #[must_use]
    pub fn evaluate(&self, value: &mut dyn FnMut(&MetricTerm) -> Option<f64>) -> Option<bool> {
        match self {
            Self::Or(parts) => {
                let results: Vec<_> = parts.iter().map(|part| part.evaluate(value)).collect();
                if results.contains(&Some(true)) {
                    Some(true)
                } else if results.contains(&None) {
                    None
                } else {
                    Some(false)
                }
            }
            Self::And(parts) => {
                let results: Vec<_> = parts.iter().map(|part| part.evaluate(value)).collect();
                if results.contains(&Some(false)) {
                    Some(false)
                } else if results.contains(&None) {
                    None
                } else {
                    Some(true)
                }
            }
            Self::Not(part) => part.evaluate(value).map(|truth| !truth),
            Self::Compare(left, comparator, right) => {
                let (left, right) = (left.evaluate(value)?, right.evaluate(value)?);
                Some(comparator.holds(left, right))
            }
            Self::In(sum, low, high) => {
                let found = sum.evaluate(value)?;
                Some(*low <= found && found <= *high)
            }
        }
    }
}

impl Comparator {
    /// Whether `left` stands so to `right`.
    #[must_use]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}

impl Sum {
    /// Every metric it reads.
    pub fn metrics<'a>(&'a self, found: &mut Vec<&'a MetricTerm>) {
        match self {
            Self::Value(Value::Metric(term)) => found.push(term),
            Self::Value(Value::Number(_)) => {}
            Self::Add(left, right)
            | Self::Subtract(left, right)
            | Self::Multiply(left, right)
            | Self::Divide(left, right) => {
                left.metrics(found);
                right.metrics(found);
            }
        }
    }

    /// Its number; `None` when a metric is absent or the result is not finite.
    #[must_use]
    pub fn evaluate(&self, value: &mut dyn FnMut(&MetricTerm) -> Option<f64>) -> Option<f64> {
        let result = match self {
            Self::Value(Value::Metric(term)) => value(term)?,
            Self::Value(Value::Number(number)) => *number,
            Self::Add(left, right) => left.evaluate(value)? + right.evaluate(value)?,
            Self::Subtract(left, right) => left.evaluate(value)? - right.evaluate(value)?,
            Self::Multiply(left, right) => left.evaluate(value)? * right.evaluate(value)?,
            Self::Divide(left, right) => left.evaluate(value)? / right.evaluate(value)?,
        };
        result.is_finite().then_some(result)
    }
}
