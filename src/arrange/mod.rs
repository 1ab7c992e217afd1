//! The pure optimisation engine: orders on arrays of numbers, without any type of the model.
//!
//! `graph` and `problem` say what is arranged and what it costs; `construct` makes orders at once; `sum_state` and
//! `peak_state` give exact deltas to the local searches (`anneal`, `descent`, `multilevel`, `neighbourhood`);
//! `exact` has dynamic programmes, `bound` lower bounds, `schedule` resources and calendars. No clock, no hash
//! order: a budget in evaluations gives the same order on any machine.

mod anneal;
pub mod bound;
mod brief;
pub mod construct;
mod control;
mod descent;
mod draws;
pub mod exact;
mod graph;
mod moves;
mod multilevel;
mod neighbourhood;
mod peak_state;
mod problem;
pub mod schedule;
mod solve;
mod sum_state;
#[cfg(test)]
mod tests;

pub use anneal::{Best, Cooling, anneal};
pub use control::{Control, Found};
pub use descent::descend;
pub use draws::Draws;
pub use graph::Graph;
pub use moves::Moves;
pub use multilevel::cycle;
pub use neighbourhood::{WINDOW, polish_peak, polish_sum, replace_cluster};
pub use peak_state::PeakState;
pub use problem::{Peak, Problem};
pub use solve::{EXACT, Objective, Session};
pub use sum_state::SumState;
