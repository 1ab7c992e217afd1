//! Counts: Poisson and geometric, both from 0 on.

/// Poisson with this mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Poisson {
    pub mean: f64,
}

impl Poisson {
    /// Search upwards from 0, or from ten deviations below the mean; cost grows with the deviation.
    pub fn quantile(self, u: f64) -> f64 {
        let start = (self.mean - 10.0 * libm::sqrt(self.mean)).max(0.0).floor();
        let mut count = start;
        let mut chance = self.chance(count);
        let mut reached = chance;
        // Beyond this the chances no longer change the sum, whatever u is.
        let end = self.mean + 20.0 * libm::sqrt(self.mean) + 40.0;
        while reached < u && count < end {
            count += 1.0;
            chance *= self.mean / count;
            reached += chance;
        }
        count
    }

    pub fn cdf(self, x: f64) -> f64 {
        let mut sum = 0.0;
        let mut count = 0.0;
        let mut chance = libm::exp(-self.mean);
        let last = x.min(self.mean + 20.0 * libm::sqrt(self.mean) + 40.0);
        while count <= last {
            sum += if chance > 0.0 {
                chance
            } else {
                self.chance(count)
            };
            count += 1.0;
            chance *= self.mean / count;
        }
        sum.min(1.0)
    }

    fn chance(self, count: f64) -> f64 {
        libm::exp(count * libm::log(self.mean) - self.mean - libm::lgamma(count + 1.0))
    }
}

/// Geometric with this mean: k with chance p (1-p)^k, from 0 on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Geometric {
    pub mean: f64,
}

impl Geometric {
    /// Logarithm of 1 - p = mean / (1 + mean).
    fn log_failure(self) -> f64 {
        -libm::log1p(1.0 / self.mean)
    }

    pub fn quantile(self, u: f64) -> f64 {
        // The smallest k with 1 - (1-p)^(k+1) >= u.
        ((libm::log1p(-u) / self.log_failure()).ceil() - 1.0).max(0.0)
    }

    pub fn cdf(self, x: f64) -> f64 {
        if x < 0.0 {
            0.0
        } else {
            -libm::expm1((x.floor() + 1.0) * self.log_failure())
        }
    }

    pub fn variance(self) -> f64 {
        self.mean * (1.0 + self.mean)
    }
}
