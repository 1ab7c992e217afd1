//! Distributions sampled by inversion: one uniform a variate.
//!
//! Every variate is a pure function of one number in (0, 1), so that a draw is named by its key and two
//! runs share it; there is no rejection. All functions come from `libm`, whose results are the same on every
//! machine. Nothing here reads scenario text.

mod bounded;
mod counts;
mod exponential;
mod gamma;
pub mod logarithm;
mod normal;
mod part;
mod percentiles;
pub mod special;
mod tail;

#[cfg(test)]
mod tail_tests;
#[cfg(test)]
mod tests;

pub use part::Part;

/// A sum of independent parts (`1ms + exp(2ms)`), in the unit of its use: seconds, or a count.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Sum of the constant parts.
    constant: f64,
    parts: Vec<Part>,
}

impl Distribution {
    /// Always `value`.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self {
            constant: value,
            parts: Vec::new(),
        }
    }

    /// The sum of independent parts; none is always 0.
    #[must_use]
    pub fn sum_of(parts: Vec<Part>) -> Self {
        let constants = parts.iter().filter_map(Part::as_constant);
        Self {
            constant: constants.sum(),
            parts: parts
                .iter()
                .filter(|part| part.as_constant().is_none())
                .cloned()
                .collect(),
        }
    }

    /// One part alone.
    #[must_use]
    pub fn of(part: Part) -> Self {
        Self::sum_of(vec![part])
    }

    /// Exponential with this mean.
    #[must_use]
    pub fn exponential(mean: f64) -> Self {
        Self::of(Part::exponential(mean))
    }

    /// The constant, when it is one.
    #[must_use]
    pub fn as_constant(&self) -> Option<f64> {
        self.parts.is_empty().then_some(self.constant)
    }

    /// The mean, when it is one exponential part and nothing else.
    #[must_use]
    pub fn as_exponential(&self) -> Option<f64> {
        match self.parts.as_slice() {
            [part] if self.constant == 0.0 => part.as_exponential(),
            _ => None,
        }
    }

    /// Its random parts.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Mean; infinite when it does not exist.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.constant + self.parts.iter().map(Part::mean).sum::<f64>()
    }

    /// Variance; infinite when it does not exist.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.parts.iter().map(Part::variance).sum()
    }

    /// Squared coefficient of variation; 0 when the mean is 0.
    #[must_use]
    pub fn scv(&self) -> f64 {
        let mean = self.mean();
        if mean == 0.0 {
            return 0.0;
        }
        self.variance() / (mean * mean)
    }

    /// A variate; `uniform(j)` gives the j-th uniform in (0, 1), one for each random part.
    #[inline]
    pub fn sample(&self, mut uniform: impl FnMut(u32) -> f64) -> f64 {
        match self.parts.as_slice() {
            [] => self.constant,
            [part] => self.constant + part.variate(uniform(0)),
            parts => {
                let mut sum = self.constant;
                for (index, part) in (0..).zip(parts) {
                    sum += part.variate(uniform(index));
                }
                sum
            }
        }
    }

    /// How many uniforms a variate takes.
    #[must_use]
    pub fn uniforms(&self) -> usize {
        self.parts.len()
    }
}
