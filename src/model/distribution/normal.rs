//! The normal and lognormal distributions.

use crate::model::distribution::special::{normal_cdf, normal_quantile};

/// Normal, before it is cut at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Normal {
    pub mean: f64,
    pub deviation: f64,
}

impl Normal {
    pub fn quantile(self, u: f64) -> f64 {
        self.mean + self.deviation * normal_quantile(u)
    }

    pub fn cdf(self, x: f64) -> f64 {
        normal_cdf((x - self.mean) / self.deviation)
    }
}

/// Lognormal by the mean and deviation of the logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lognormal {
    pub mu: f64,
    pub sigma: f64,
}

impl Lognormal {
    /// By mean and coefficient of variation.
    pub fn from_mean(mean: f64, cv: f64) -> Self {
        let variance = libm::log1p(cv * cv);
        Self {
            mu: libm::log(mean) - 0.5 * variance,
            sigma: libm::sqrt(variance),
        }
    }

    /// Through two percentiles, each a probability with its value.
    pub fn through(low: (f64, f64), high: (f64, f64)) -> Self {
        let (low_z, high_z) = (normal_quantile(low.0), normal_quantile(high.0));
        let sigma = (libm::log(high.1) - libm::log(low.1)) / (high_z - low_z);
        Self {
            mu: libm::log(low.1) - sigma * low_z,
            sigma,
        }
    }

    #[inline]
    pub fn quantile(self, u: f64) -> f64 {
        libm::exp(self.mu + self.sigma * normal_quantile(u))
    }

    pub fn cdf(self, x: f64) -> f64 {
        if x <= 0.0 {
            0.0
        } else {
            normal_cdf((libm::log(x) - self.mu) / self.sigma)
        }
    }

    pub fn mean(self) -> f64 {
        libm::exp(self.mu + 0.5 * self.sigma * self.sigma)
    }

    pub fn variance(self) -> f64 {
        let mean = self.mean();
        mean * mean * libm::expm1(self.sigma * self.sigma)
    }
}
