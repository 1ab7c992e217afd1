//! Histograms that merge exactly.

mod log_linear;

pub use log_linear::{JourneySketch, LatencySketch, LogLinear};
