//! The Weibull and Pareto distributions.

/// Weibull by shape and scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weibull {
    pub shape: f64,
    pub scale: f64,
}

impl Weibull {
    /// By mean and shape.
    pub fn from_mean(mean: f64, shape: f64) -> Self {
        Self {
            shape,
            scale: mean / libm::tgamma(1.0 + 1.0 / shape),
        }
    }

    pub fn quantile(self, u: f64) -> f64 {
        self.scale * libm::pow(-libm::log1p(-u), 1.0 / self.shape)
    }

    pub fn cdf(self, x: f64) -> f64 {
        if x <= 0.0 {
            0.0
        } else {
            -libm::expm1(-libm::pow(x / self.scale, self.shape))
        }
    }

    pub fn mean(self) -> f64 {
        self.scale * libm::tgamma(1.0 + 1.0 / self.shape)
    }

    pub fn variance(self) -> f64 {
        let mean = self.mean();
        self.scale * self.scale * libm::tgamma(1.0 + 2.0 / self.shape) - mean * mean
    }
}

/// Pareto by tail index and least value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pareto {
    pub alpha: f64,
    pub least: f64,
}

impl Pareto {
    /// By mean and tail index above 1.
    pub fn from_mean(mean: f64, alpha: f64) -> Self {
        Self {
            alpha,
            least: mean * (alpha - 1.0) / alpha,
        }
    }

    pub fn quantile(self, u: f64) -> f64 {
        self.least * libm::exp(-libm::log1p(-u) / self.alpha)
    }

    pub fn cdf(self, x: f64) -> f64 {
        if x <= self.least {
            0.0
        } else {
            1.0 - libm::pow(self.least / x, self.alpha)
        }
    }

    pub fn mean(self) -> f64 {
        self.alpha * self.least / (self.alpha - 1.0)
    }

    /// Infinite up to a tail index of 2.
    pub fn variance(self) -> f64 {
        if self.alpha <= 2.0 {
            return f64::INFINITY;
        }
        let mean = self.mean();
        mean * mean / (self.alpha * (self.alpha - 2.0))
    }
}
