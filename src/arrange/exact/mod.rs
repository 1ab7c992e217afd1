//! Dynamic programmes that prove optima of small problems.

mod ideals;
mod subset;
mod waves;

pub use ideals::{ideals, ideals_within};
pub use subset::{MOST_ITEMS, subset_peak, subset_sum};
pub use waves::{WaveOptimum, WaveRule, waves_peak, waves_sum};

/// A proved optimum and an order that has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Optimum {
    /// Value of the objective.
    pub cost: f64,
    /// An order of that value, the first found.
    pub order: Vec<u32>,
}
