//! Assertions and the conditions of gates.
//!
//! First the text becomes a tree that looks nothing up; then [`resolve_condition`] finds metrics, subjects
//! and spans by name and checks that time is compared with time. What is true is decided elsewhere.

mod dimension;
mod parse;
mod resolve;
mod subject;
mod tree;

pub use parse::{parse_assertion, parse_condition};
pub use resolve::{resolve_assertion, resolve_condition};
pub use tree::{AssertionTree, ConditionTree, MetricTree, Operator, SumTree, Word};

use crate::scenario::grammar::Clock;

/// What conditions may refer to. Positions are the ids.
#[derive(Clone, Debug)]
pub struct Names {
    /// Journeys.
    pub journeys: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Clusters.
    pub clusters: Vec<String>,
    /// Teams.
    pub teams: Vec<String>,
    /// Waves of the plan.
    pub waves: Vec<String>,
    /// Loads of users.
    pub loads: Vec<String>,
    /// Loads of jobs or environments.
    pub work: Vec<String>,
    /// For spans.
    pub clock: Clock,
    /// The scenario's currency, when it writes money elsewhere.
    pub currency: Option<String>,
    /// Where the condition stands.
    pub place: ConditionPlace,
}

/// Where a condition stands, and so what it may speak of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConditionPlace {
    /// Under `assert`: journeys, services and so on, but no sides.
    Assertion,
    /// Under a gate's `pass`: `old` and `new` only.
    Gate,
}
