//! Estimates with intervals: means, proportions, paired differences, pooled quantiles, precision.
//!
//! Numbers in, numbers out: nothing here knows what was measured. Quantiles of t and the normal come from
//! `statrs`, rounded so that they are the same on every machine.

mod interval;
mod paired;
mod precision;
mod rank;

pub use interval::{
    Interval, Moments, mean_interval, normal_quantile, sectioned, student_quantile, wilson,
};
pub use paired::{Paired, paired};
pub use precision::{half_width_ratio, is_precise, needed_replications};
pub use rank::spearman;
