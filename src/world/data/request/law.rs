//! Distributions as operations draw from them.

use crate::model::Distribution;
use crate::model::distribution::logarithm::ln_one_plus;

/// A distribution as operations draw from it: the commonest one without a look at its parts.
#[derive(Clone, Debug)]
pub enum Law {
    /// One exponential part and nothing else, by mean.
    Exponential(f64),
    /// Any.
    General(Distribution),
}

impl Law {
    /// Of a distribution.
    pub fn of(distribution: &Distribution) -> Self {
        distribution
            .as_exponential()
            .map_or_else(|| Self::General(distribution.clone()), Self::Exponential)
    }

    /// A variate; `uniform(j)` gives the j-th uniform in (0, 1). The same number as the distribution's own.
    #[inline(always)]
    pub fn sample(&self, mut uniform: impl FnMut(u32) -> f64) -> f64 {
        match self {
            Self::Exponential(mean) => exponential(*mean, uniform(0)),
            Self::General(distribution) => any(distribution, uniform),
        }
    }
}

/// An exponential variate by its mean and a uniform in (0, 1).
#[inline(always)]
pub fn exponential(mean: f64, uniform: f64) -> f64 {
    -mean * ln_one_plus(-uniform)
}

/// A variate of a distribution with any parts, kept out of the callers' way.
#[inline(never)]
fn any(distribution: &Distribution, uniform: impl FnMut(u32) -> f64) -> f64 {
    distribution.sample(uniform)
}
