//! The exponential distribution.

use crate::model::distribution::logarithm::ln_one_plus;

/// Exponential with this mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exponential {
    pub mean: f64,
}

impl Exponential {
    /// For u in (0, 1).
    #[inline]
    pub fn quantile(self, u: f64) -> f64 {
        -self.mean * ln_one_plus(-u)
    }

    pub fn cdf(self, x: f64) -> f64 {
        if x <= 0.0 {
            0.0
        } else {
            -libm::expm1(-x / self.mean)
        }
    }
}

/// Weights and means of the two exponentials of a hyperexponential with balanced means (each branch carries
/// half of the mean), by mean and coefficient of variation above 1. Source: Allen, Probability, Statistics
/// and Queueing Theory, 3.2.9.
pub(super) fn balanced_branches(mean: f64, cv: f64) -> [(f64, f64); 2] {
    let scv = cv * cv;
    let p = 0.5 * (1.0 + libm::sqrt((scv - 1.0) / (scv + 1.0)));
    [(p, mean / (2.0 * p)), (1.0 - p, mean / (2.0 * (1.0 - p)))]
}
