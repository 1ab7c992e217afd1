//! Intervals of means, of proportions and of pooled quantiles.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// An estimate with its two-sided interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether it holds `value`.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Number, mean and variance of a sample.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Moments {
    /// Size of the sample.
    pub n: u32,
    /// Mean; 0 when empty.
    pub mean: f64,
    /// Sample variance (divisor n - 1); 0 below two values.
    pub variance: f64,
}

impl Moments {
    /// Of the values in their order: two passes, so that close values lose no digits.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let n = u32::try_from(values.len()).expect("fewer than 2^32 replications");
        if n == 0 {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / f64::from(n);
        let variance = if n < 2 {
            0.0
        } else {
            let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
            squares / f64::from(n - 1)
        };
        Self { n, mean, variance }
    }

    /// Standard error of the mean.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        if self.n == 0 {
            0.0
        } else {
            (self.variance / f64::from(self.n)).sqrt()
        }
    }
}

/// Rounds to ten significant digits: `statrs` uses the platform's logarithm, whose last bits differ.
fn same_everywhere(value: f64) -> f64 {
    format!("{value:.9e}")
        .parse()
        .expect("a formatted number can be read")
}

/// Quantile of Student's t with `freedom` degrees of freedom at probability `p` (0 < p < 1).
///
/// # Panics
/// When `freedom` is 0.
#[must_use]
pub fn student_quantile(p: f64, freedom: u32) -> f64 {
    let student = StudentsT::new(0.0, 1.0, f64::from(freedom)).expect("at least one degree");
    same_everywhere(student.inverse_cdf(p))
}

/// Quantile of the standard normal distribution at probability `p` (0 < p < 1).
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    same_everywhere(Normal::standard().inverse_cdf(p))
}

/// Mean with its t-interval at `confidence` (0.95: two-sided 95 %); `None` below two values.
#[must_use]
pub fn mean_interval(values: &[f64], confidence: f64) -> Option<Interval> {
    let moments = Moments::of(values);
    if moments.n < 2 {
        return None;
    }
    let half = student_quantile(0.5 + confidence / 2.0, moments.n - 1) * moments.standard_error();
    Some(Interval {
        estimate: moments.mean,
        low: moments.mean - half,
        high: moments.mean + half,
    })
}

/// Wilson's score interval of a proportion: `hits` of `n`; `None` when `n` is 0.
#[must_use]
pub fn wilson(hits: u32, n: u32, confidence: f64) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let (z, count) = (normal_quantile(0.5 + confidence / 2.0), f64::from(n));
    let share = f64::from(hits) / count;
    let (z2, scale) = (z * z, 1.0 + z * z / count);
    let middle = (share + z2 / (2.0 * count)) / scale;
    let half = z / scale * (share * (1.0 - share) / count + z2 / (4.0 * count * count)).sqrt();
    // With no hit (or no miss) the end lies at 0 (or 1) exactly; the formula misses it by rounding.
    Some(Interval {
        estimate: share,
        low: if hits == 0 { 0.0 } else { middle - half },
        high: if hits == n { 1.0 } else { middle + half },
    })
}

/// Sectioning: interval of a quantile over all requests of all replications.
///
/// `pooled` is the quantile of the merged sample, `sections` that of each replication. The variance is taken
/// around the pooled value, t has R - 1 degrees. `None` below two replications.
#[must_use]
pub fn sectioned(pooled: f64, sections: &[f64], confidence: f64) -> Option<Interval> {
    let n = u32::try_from(sections.len()).expect("fewer than 2^32 replications");
    if n < 2 {
        return None;
    }
    let squares: f64 = sections.iter().map(|x| (x - pooled) * (x - pooled)).sum();
    let error = (squares / (f64::from(n) * f64::from(n - 1))).sqrt();
    let half = student_quantile(0.5 + confidence / 2.0, n - 1) * error;
    Some(Interval {
        estimate: pooled,
        low: pooled - half,
        high: pooled + half,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn close(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{found} for {wanted}");
    }

    #[test]
    fn quantiles_are_those_of_printed_tables() {
        // Student's t, two-sided 95 %: the usual printed table.
        close(student_quantile(0.975, 1), 12.706, 5e-4);
        close(student_quantile(0.975, 9), 2.262, 5e-4);
        close(student_quantile(0.975, 30), 2.042, 5e-4);
        close(student_quantile(0.95, 4), 2.132, 5e-4);
        close(normal_quantile(0.975), 1.959_964, 1e-6);
    }

    #[test]
    fn mean_interval_by_hand() {
        // 1..5: mean 3, variance 2.5, standard error sqrt(0.5), t(0.975, 4) = 2.776.
        let found = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).expect("five values");
        close(found.estimate, 3.0, 1e-12);
        close(found.high, 3.0 + 2.776_445 * 0.5_f64.sqrt(), 1e-5);
        close(found.low, 3.0 - 2.776_445 * 0.5_f64.sqrt(), 1e-5);
        assert!(mean_interval(&[1.0], 0.95).is_none());
    }

    #[test]
    fn wilson_by_hand() {
        // 1 of 10 at 95 %: Wilson's interval is 0.0179 to 0.4042 (Brown, Cai and DasGupta's formula).
        let found = wilson(1, 10, 0.95).expect("ten");
        close(found.low, 0.017_88, 2e-5);
        close(found.high, 0.404_15, 2e-5);
        let none = wilson(0, 10, 0.95).expect("ten");
        assert_eq!(none.low, 0.0);
        close(none.high, 0.277_53, 2e-5);
        assert_eq!(wilson(10, 10, 0.95).expect("ten").high, 1.0);
        assert!(wilson(0, 0, 0.95).is_none());
    }

    #[test]
    fn sectioning_takes_the_spread_around_the_pooled_value() {
        // Sections 1 and 3 around 2.5: squares 2.25 + 0.25 = 2.5 over 2 * 1.
        let found = sectioned(2.5, &[1.0, 3.0], 0.95).expect("two sections");
        close(found.high, 2.5 + 12.706_2 * 1.25_f64.sqrt(), 1e-3);
    }

    #[test]
    fn a_95_percent_interval_of_exponential_means_covers_about_95_percent() {
        // Means of 200 exponential values are close to normal. Of 4,000 intervals the number that covers is
        // binomial(4000, 0.95) up to that: 3,800 +- 13.8. Within 6 standard deviations (and 20 for the skew)
        // a false alarm is rarer than 1 in a million; the seed is fixed besides.
        let mut random = rand::rngs::StdRng::seed_from_u64(11);
        let mut covered = 0;
        for _ in 0..4_000 {
            let means: Vec<f64> = (0..10)
                .map(|_| {
                    let total: f64 = (0..200)
                        .map(|_| -libm::log(1.0 - random.random::<f64>()))
                        .sum();
                    total / 200.0
                })
                .collect();
            let interval = mean_interval(&means, 0.95).expect("ten means");
            covered += i32::from(interval.contains(1.0));
        }
        assert!((covered - 3_800).abs() < 103, "{covered} of 4000");
    }

    #[test]
    fn wilson_covers_at_least_about_its_level() {
        // Exact coverage at n = 20, p = 0.1 by summing the binomial: Wilson's is 0.957.
        let (n, p): (u32, f64) = (20, 0.1);
        let (mut coverage, mut probability) = (0.0, libm::pow(1.0 - p, f64::from(n)));
        for hits in 0..=n {
            if wilson(hits, n, 0.95).expect("twenty").contains(p) {
                coverage += probability;
            }
            probability *= f64::from(n - hits) / f64::from(hits + 1) * p / (1.0 - p);
        }
        close(coverage, 0.957, 0.001);
    }
}
