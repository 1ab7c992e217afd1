//! Conditions as written: words with their offsets, nothing looked up.

use crate::model::Comparator;

/// A word with its offset in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// As written.
    pub text: String,
    /// First byte.
    pub offset: usize,
}

/// A condition with `with` and `because`.
#[derive(Clone, PartialEq, Debug)]
pub struct AssertionTree {
    /// What must hold.
    pub condition: ConditionTree,
    /// `with RATIO confidence`.
    pub confidence: Option<f64>,
    /// `because TEXT`.
    pub because: Option<String>,
}

/// A truth value.
#[derive(Clone, PartialEq, Debug)]
pub enum ConditionTree {
    /// One of them.
    Or(Vec<ConditionTree>),
    /// All of them.
    And(Vec<ConditionTree>),
    /// Not.
    Not(Box<ConditionTree>),
    /// A comparison.
    Compare(SumTree, Comparator, SumTree),
    /// `sum in low..high`.
    In(SumTree, Word, Word),
}

/// An arithmetic expression.
#[derive(Clone, PartialEq, Debug)]
pub enum SumTree {
    /// A number or quantity.
    Quantity(Word),
    /// A metric.
    Metric(MetricTree),
    /// Two of them joined.
    Join(Box<SumTree>, Operator, Box<SumTree>),
}

/// Arithmetic operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// A metric with its subject and scopes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricTree {
    /// Its name.
    pub name: Word,
    /// What stands in parentheses.
    pub subject: Option<Word>,
    /// `in CLUSTER`.
    pub cluster: Option<Word>,
    /// `during SPAN`.
    pub during: Option<Word>,
    /// `over DURATION`.
    pub over: Option<Word>,
}

impl Word {
    /// First byte and number of bytes.
    #[must_use]
    pub fn extent(&self) -> (usize, usize) {
        (self.offset, self.text.len())
    }
}

impl SumTree {
    /// First byte and number of bytes, from the first word to the last.
    #[must_use]
    pub fn extent(&self) -> (usize, usize) {
        match self {
            Self::Quantity(word) => word.extent(),
            Self::Metric(metric) => metric.name.extent(),
            Self::Join(left, _, right) => {
                let (start, _) = left.extent();
                let (last, length) = right.extent();
                (start, last + length - start)
            }
        }
    }

    /// Gives each metric the scopes it does not write itself.
    pub(super) fn add_scope(&mut self, scope: &MetricTree) {
        match self {
            Self::Quantity(_) => {}
            Self::Metric(metric) => {
                for (own, given) in [
                    (&mut metric.cluster, &scope.cluster),
                    (&mut metric.during, &scope.during),
                    (&mut metric.over, &scope.over),
                ] {
                    if own.is_none() {
                        own.clone_from(given);
                    }
                }
            }
            Self::Join(left, _, right) => {
                left.add_scope(scope);
                right.add_scope(scope);
            }
        }
    }
}
