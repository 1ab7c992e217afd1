//! Distributions sampled by inversion: one uniform a variate.

/// A sum of independent parts (`1ms + exp(2ms)`), in the unit of its use: seconds, or a count.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    constant: f64,
}

impl Distribution {
    /// Always `value`.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self { constant: value }
    }

    /// The constant, when it is one.
    #[must_use]
    pub fn as_constant(&self) -> Option<f64> {
        Some(self.constant)
    }

    /// Mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.constant
    }

    /// Squared coefficient of variation.
    #[must_use]
    pub fn scv(&self) -> f64 {
        0.0
    }

    /// A variate; `uniform(j)` gives the j-th uniform in (0, 1).
    #[inline]
    pub fn sample(&self, _uniform: impl FnMut(u32) -> f64) -> f64 {
        self.constant
    }
}
