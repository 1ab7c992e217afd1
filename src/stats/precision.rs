//! When to stop: half-widths relative to the mean, or within a margin.

use super::{Moments, mean_interval, student_quantile};

/// Half-width of the t-interval over the absolute mean; `None` below two values or at mean 0.
#[must_use]
pub fn half_width_ratio(values: &[f64], confidence: f64) -> Option<f64> {
    let interval = mean_interval(values, confidence)?;
    (interval.estimate != 0.0)
        .then(|| (interval.high - interval.estimate) / interval.estimate.abs())
}

/// Whether the half-width is within `margin` (in the metric's unit), or within `ratio` of the true mean.
///
/// Law's rule: the half-width over the *estimated* mean must be at most ratio / (1 + ratio), so that the
/// error relative to the true mean is at most `ratio`. Values that do not vary are precise.
#[must_use]
pub fn is_precise(values: &[f64], confidence: f64, ratio: f64, margin: Option<f64>) -> bool {
    let Some(interval) = mean_interval(values, confidence) else {
        return false;
    };
    let half = interval.high - interval.estimate;
    half == 0.0
        || margin.is_some_and(|margin| half <= margin)
        || half <= ratio / (1.0 + ratio) * interval.estimate.abs()
}

/// Replications after which the one-sided bound at `confidence` would clear a limit that lies `distance`
/// from the mean, if mean and spread stay as they are; `None` without spread or distance.
#[must_use]
pub fn needed_replications(values: &[f64], confidence: f64, distance: f64) -> Option<u64> {
    let moments = Moments::of(values);
    let deviation = moments.variance.sqrt();
    if moments.n < 2 || deviation <= 0.0 || distance <= 0.0 {
        return None;
    }
    let steps = student_quantile(confidence, moments.n - 1) * deviation / distance;
    let needed = (steps * steps).ceil().max(f64::from(moments.n) + 1.0);
    (needed < 1e12).then_some(needed as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_relative_to_the_true_mean_or_within_the_margin() {
        // Half-width 2.776 * sqrt(0.5) = 1.963 around 3: ratio 0.654, and 0.654 = r / (1 + r) at r = 1.893.
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!((half_width_ratio(&values, 0.95).expect("five") - 0.654_4).abs() < 1e-3);
        assert!(!is_precise(&values, 0.95, 1.88, None));
        assert!(is_precise(&values, 0.95, 1.90, None));
        assert!(is_precise(&values, 0.95, 0.01, Some(1.97)));
        assert!(!is_precise(&[1.0], 0.95, 10.0, None));
        assert!(is_precise(&[0.0, 0.0], 0.95, 0.01, None));
    }

    #[test]
    fn needed_replications_by_hand() {
        // t(0.95, 4) = 2.132, deviation 1.5811, distance 0.5: (6.742)^2 = 45.4.
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(needed_replications(&values, 0.95, 0.5), Some(46));
        assert_eq!(needed_replications(&values, 0.95, 0.0), None);
    }
}
