//! Differences of two systems that saw the same luck.

use super::{Interval, Moments, mean_interval};

/// A paired difference, first minus second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Paired {
    /// Pairs.
    pub n: u32,
    /// Mean of the first.
    pub first: f64,
    /// Mean of the second.
    pub second: f64,
    /// Mean difference with its t-interval; a point when all differences are equal.
    pub difference: Interval,
    /// Correlation of the pairs; `None` when one side does not vary.
    pub correlation: Option<f64>,
    /// (variance of first + variance of second) / variance of the difference: how many times more
    /// independent replications would be needed. `None` when the difference does not vary.
    pub variance_ratio: Option<f64>,
}

/// Difference of values at the same positions; `None` below two pairs.
///
/// # Panics
/// When the two samples differ in size.
#[must_use]
pub fn paired(first: &[f64], second: &[f64], confidence: f64) -> Option<Paired> {
    assert_eq!(first.len(), second.len(), "pairs have two members");
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let difference = mean_interval(&differences, confidence)?;
    let (one, two) = (Moments::of(first), Moments::of(second));
    let spread = Moments::of(&differences).variance;
    let deviations = (one.variance * two.variance).sqrt();
    let correlation = (deviations > 0.0).then(|| {
        // var(a - b) = var a + var b - 2 cov.
        ((one.variance + two.variance - spread) / (2.0 * deviations)).clamp(-1.0, 1.0)
    });
    Some(Paired {
        n: one.n,
        first: one.mean,
        second: two.mean,
        difference,
        correlation,
        variance_ratio: (spread > 0.0).then(|| (one.variance + two.variance) / spread),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_by_hand() {
        // Differences -1, -1, -1, -2: mean -1.25, variance 0.25, error 0.25, t(0.975, 3) = 3.182.
        let found = paired(&[1.0, 2.0, 3.0, 4.0], &[2.0, 3.0, 4.0, 6.0], 0.95).expect("four");
        assert!((found.difference.estimate + 1.25).abs() < 1e-12);
        assert!((found.difference.high - (-1.25 + 3.182_446 * 0.25)).abs() < 1e-5);
        // var 5/3 and 35/12: sum 55/12 over 1/4 is 18.33; covariance (55/12 - 1/4) / 2 = 13/6.
        assert!((found.variance_ratio.expect("varies") - 55.0 / 3.0).abs() < 1e-9);
        let wanted = (13.0 / 6.0) / (5.0 / 3.0 * 35.0 / 12.0_f64).sqrt();
        assert!((found.correlation.expect("varies") - wanted).abs() < 1e-9);
    }

    #[test]
    fn equal_samples_differ_by_exactly_nothing() {
        let found = paired(&[1.0, 5.0, 2.0], &[1.0, 5.0, 2.0], 0.95).expect("three");
        assert_eq!(found.difference.low, 0.0);
        assert_eq!(found.difference.high, 0.0);
        assert_eq!(found.variance_ratio, None);
        assert!((found.correlation.expect("varies") - 1.0).abs() < 1e-12);
    }
}
