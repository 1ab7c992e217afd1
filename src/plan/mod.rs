//! Planning: from what planners see of a scenario to waves, under constraints, by a named strategy.
//!
//! Strategies order move groups; one packer cuts any order into waves under the same constraints, so that only
//! the order differs. A timetable says when each service would prepare, shift and be done if nothing went wrong;
//! an exposure says what would cross the link meanwhile. All are first moments: nothing here draws luck of users
//! or waits in queues. The simulation judges plans, this makes them.

pub mod arranged;
pub mod clockwork;
pub mod conflict;
pub mod constraint;
pub mod exposure;
pub mod goal;
pub mod graph;
pub mod known;
pub mod pack;
pub mod strategy;
pub mod tables;
pub mod why;

pub use known::{Group, KnownEdge, KnownService, KnownWorld};
pub use strategy::{STRATEGIES, Strategy, find, names};

use crate::model::PlanRequest;
use pack::{Packed, Stuck};

/// Why a strategy made no plan.
#[derive(Clone, PartialEq, Debug)]
pub enum NoPlan {
    /// The strategy does not apply, in words.
    Strategy(String),
    /// Its order could not be cut into waves.
    Stuck(Stuck),
}

/// Orders the groups by a strategy and cuts the order into waves.
///
/// # Errors
/// The strategy does not apply to this scenario, or no wave can take what is left.
pub fn make(
    known: &KnownWorld,
    strategy: &Strategy,
    request: &PlanRequest,
) -> Result<Packed, NoPlan> {
    let order = (strategy.order)(known, request.seed).map_err(NoPlan::Strategy)?;
    pack::pack(known, &order, strategy.packing, request).map_err(NoPlan::Stuck)
}

#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;
