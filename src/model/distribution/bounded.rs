//! The uniform and triangular distributions.

/// Uniform between two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Uniform {
    pub low: f64,
    pub high: f64,
}

impl Uniform {
    pub fn quantile(self, u: f64) -> f64 {
        self.low + u * (self.high - self.low)
    }

    pub fn cdf(self, x: f64) -> f64 {
        ((x - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    pub fn variance(self) -> f64 {
        let width = self.high - self.low;
        width * width / 12.0
    }
}

/// Triangular by least, likeliest and most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Triangular {
    pub low: f64,
    pub mode: f64,
    pub high: f64,
}

impl Triangular {
    pub fn quantile(self, u: f64) -> f64 {
        let width = self.high - self.low;
        let rising = self.mode - self.low;
        if u * width < rising {
            self.low + libm::sqrt(u * width * rising)
        } else {
            self.high - libm::sqrt((1.0 - u) * width * (self.high - self.mode))
        }
    }

    pub fn cdf(self, x: f64) -> f64 {
        let width = self.high - self.low;
        if x <= self.low {
            0.0
        } else if x >= self.high {
            1.0
        } else if x < self.mode {
            (x - self.low) * (x - self.low) / (width * (self.mode - self.low))
        } else {
            1.0 - (self.high - x) * (self.high - x) / (width * (self.high - self.mode))
        }
    }

    pub fn mean(self) -> f64 {
        (self.low + self.mode + self.high) / 3.0
    }

    pub fn variance(self) -> f64 {
        let (a, b, c) = (self.low, self.high, self.mode);
        (a * a + b * b + c * c - a * b - a * c - b * c) / 18.0
    }
}
