//! The small languages inside scalars: quantities, civil times, names, selectors, distributions, conditions.
//!
//! Pure functions from the text of one scalar to a typed value or a [`GrammarError`] with offsets into that
//! text. Nothing here knows a file, a tree or another key: the caller turns an error into a problem with
//! [`GrammarError::problem`]. References are checked only in conditions.

pub mod civil;
pub mod condition;
mod cron;
pub mod distribution;
mod money;
mod name;
mod number;
mod pasted;
mod quantity;
mod range;
mod resource;
mod scale;
mod selector;
mod slo;

pub use civil::{
    Clock, Weekly, join_intervals, parse_date_time, parse_horizon, parse_instant, parse_span,
    parse_start, parse_time_of_day, parse_timezone, parse_weekly, parse_windows,
};
pub use condition::{
    ConditionPlace, Names, parse_assertion, parse_condition, resolve_assertion, resolve_condition,
};
pub use cron::{Cron, parse_cron};
pub use distribution::{DistributionUnit, parse_distribution};
pub use money::{Money, MoneyPer, parse_effort, parse_money, require_currency};
pub use name::{NAME_LENGTH, Reference, parse_name, parse_reference, parse_word, suggest_name};
pub use pasted::{parse_kubernetes_quantity, parse_percentile_target, parse_reading};
pub use quantity::{
    parse_count, parse_duration, parse_factor, parse_probability, parse_rate, parse_ratio,
    parse_weight,
};
pub use range::{parse_bytes_range, parse_count_range, parse_cpu_range, parse_duration_range};
pub use resource::{parse_bandwidth, parse_bytes, parse_cpu};
pub use scale::scale_text;
pub use selector::{Attributes, Selector, parse_selector};
pub use slo::{parse_objective, parse_warmup_over};

use crate::scenario::node::Span;
use crate::scenario::problem::Problem;

/// What is wrong with the text of a scalar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrammarError {
    /// `E200` and the like.
    pub code: &'static str,
    /// First byte in the scalar's text.
    pub offset: usize,
    /// Number of bytes; may reach one past the text's end.
    pub length: usize,
    /// What is wrong, in a sentence without a full stop.
    pub sentence: String,
    /// What the caret says.
    pub label: String,
    /// What to do; empty when there is nothing to add.
    pub help: String,
}

/// A value or what is wrong with its text.
pub type Parsed<T> = Result<T, GrammarError>;

impl GrammarError {
    /// An error over a whole text.
    #[must_use]
    pub fn whole(
        code: &'static str,
        text: &str,
        sentence: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            code,
            offset: 0,
            length: text.len().max(1),
            sentence: sentence.into(),
            label: label.into(),
            help: help.into(),
        }
    }

    /// The same error over another part of the text.
    #[must_use]
    pub fn at(mut self, offset: usize, length: usize) -> Self {
        self.offset = offset;
        self.length = length.max(1);
        self
    }

    /// The same error in a text in which this one's starts at `offset`.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.offset += offset;
        self
    }

    /// The problem at a scalar's place.
    #[must_use]
    pub fn problem(self, span: Span) -> Problem {
        Problem {
            code: self.code,
            sentence: self.sentence,
            span: Some(span.part(self.offset, self.length)),
            label: self.label,
            help: (!self.help.is_empty()).then_some(self.help),
        }
    }
}

/// "`what` is not supported yet", for what the language has and this program does not.
pub(crate) fn unsupported(text: &str, what: &str) -> GrammarError {
    GrammarError::whole(
        "E110",
        text,
        format!("{what} is not supported yet"),
        "not built yet",
        "",
    )
}

#[cfg(test)]
mod condition_tests;
#[cfg(test)]
mod tests;
