//! Latency laws by three numbers, and keyed noise for counts.
//!
//! A law is a fixed part plus a gamma with the remaining mean and the variance (quantiles by Wilson and Hilferty
//! 1931); heavier tails than exponential are a mixture of two exponentials with balanced means.

use crate::engine::{Key, Purpose};
use crate::model::distribution::special::{normal_cdf, normal_quantile};

/// Mean and variance of a time in seconds, and a part of it that never varies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Mean, seconds.
    pub mean: f64,
    /// Variance, seconds squared.
    pub variance: f64,
    /// No value is shorter than this, seconds.
    pub shift: f64,
}

impl Moments {
    /// A time with this mean and squared coefficient of variation; fixed when that is zero.
    pub fn new(mean: f64, scv: f64) -> Self {
        let variance = if mean > 0.0 { scv * mean * mean } else { 0.0 };
        Self {
            mean,
            variance,
            shift: if variance > 0.0 { 0.0 } else { mean },
        }
    }

    /// One after the other, independent.
    pub fn then(self, next: Self) -> Self {
        Self {
            mean: self.mean + next.mean,
            variance: self.variance + next.variance,
            shift: self.shift + next.shift,
        }
    }

    /// `parts` with probabilities that add to one.
    pub fn mixture(parts: &[(f64, Self)]) -> Self {
        let mean: f64 = parts.iter().map(|(share, part)| share * part.mean).sum();
        let second: f64 = parts
            .iter()
            .map(|(share, part)| share * (part.variance + part.mean * part.mean))
            .sum();
        let shift = parts
            .iter()
            .filter(|(share, _)| *share > 0.0)
            .map(|(_, part)| part.shift)
            .fold(f64::INFINITY, f64::min);
        Self {
            mean,
            variance: (second - mean * mean).max(0.0),
            shift: if shift.is_finite() { shift } else { 0.0 },
        }
    }

    /// So many times as long.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            mean: self.mean * factor,
            variance: self.variance * factor * factor,
            shift: self.shift * factor,
        }
    }

    /// This with probability `share`, else nothing.
    pub fn sometimes(self, share: f64) -> Self {
        if share >= 1.0 {
            self
        } else {
            Self::mixture(&[(share, self), (1.0 - share, Self::default())])
        }
    }

    /// A random number of these in sequence.
    pub fn repeated(self, mean: f64, variance: f64) -> Self {
        Self {
            mean: mean * self.mean,
            variance: mean * self.variance + variance * self.mean * self.mean,
            shift: if variance > 0.0 {
                0.0
            } else {
                mean * self.shift
            },
        }
    }

    /// Probability of at most `time`.
    pub fn at_most(self, time: f64) -> f64 {
        let (excess, shape) = self.excess();
        if time < self.shift {
            return 0.0;
        }
        if shape > 1e9 {
            return f64::from(u8::from(time >= self.mean));
        }
        let scaled = (time - self.shift) / excess;
        if shape < 0.99 {
            let (share, first, second) = balanced(1.0 / shape);
            return 1.0
                - share * libm::exp(-scaled / first)
                - (1.0 - share) * libm::exp(-scaled / second);
        }
        let spread = 1.0 / (9.0 * shape);
        normal_cdf((libm::cbrt(scaled) - 1.0 + spread) / libm::sqrt(spread))
    }

    /// The `ratio` quantile, seconds.
    pub fn quantile(self, ratio: f64) -> f64 {
        let (excess, shape) = self.excess();
        if shape > 1e9 {
            return self.mean;
        }
        if shape >= 0.99 {
            let spread = 1.0 / (9.0 * shape);
            let root = (1.0 - spread + normal_quantile(ratio) * libm::sqrt(spread)).max(0.0);
            return self.shift + excess * root * root * root;
        }
        // The log of the tail is convex, so Newton's steps from the left never overshoot.
        let (share, first, second) = balanced(1.0 / shape);
        let (wanted, mut scaled) = (libm::log((1.0 - ratio).max(1e-15)), 0.0);
        for _ in 0..30 {
            let one = share * libm::exp(-scaled / first);
            let other = (1.0 - share) * libm::exp(-scaled / second);
            let step =
                (libm::log(one + other) - wanted) * (one + other) / (one / first + other / second);
            scaled += step;
            if step <= 1e-7 * scaled {
                break;
            }
        }
        self.shift + excess * scaled
    }

    /// Cut at `limit`: the probability of being longer, and what remains.
    pub fn cut(self, limit: f64) -> (f64, Self) {
        // A limit far in the tail does not bind; the test is cheap and keeps the common case exact.
        let reach = self.mean + 12.0 * libm::sqrt(self.variance);
        if limit > reach && self.mean.is_finite() {
            return (0.0, self);
        }
        const SLICES: u32 = 32;
        let (mut mean, mut second) = (0.0, 0.0);
        for slice in 0..SLICES {
            let time = self
                .quantile((f64::from(slice) + 0.5) / f64::from(SLICES))
                .min(limit);
            mean += time / f64::from(SLICES);
            second += time * time / f64::from(SLICES);
        }
        let variance = (second - mean * mean).max(0.0);
        (
            1.0 - self.at_most(limit),
            Self {
                mean,
                variance,
                shift: self.shift.min(limit),
            },
        )
    }

    /// When `needed` of independent times are over, by slices of their joint law.
    pub fn ordered(parts: &[Self], needed: usize) -> Self {
        if parts.len() <= 1 {
            return parts.first().copied().unwrap_or_default();
        }
        let mut shifts: Vec<_> = parts.iter().map(|part| part.shift).collect();
        shifts.sort_by(f64::total_cmp);
        let low = shifts[needed.clamp(1, parts.len()) - 1];
        let high = parts
            .iter()
            .map(|part| part.quantile(0.9999))
            .fold(low, f64::max);
        const SLICES: u32 = 256;
        let step = (high - low) / f64::from(SLICES);
        // E[T] and E[T^2] / 2 as integrals of the tail and of t times the tail.
        let (mut mean, mut half_second) = (low, 0.5 * low * low);
        for slice in 0..SLICES {
            let time = low + (f64::from(slice) + 0.5) * step;
            let over: Vec<_> = parts.iter().map(|part| part.at_most(time)).collect();
            let tail = 1.0 - at_least(needed, &over);
            mean += tail * step;
            half_second += time * tail * step;
        }
        Self {
            mean,
            variance: (2.0 * half_second - mean * mean).max(0.0),
            shift: low,
        }
    }

    /// Mean of the varying part and its gamma shape.
    fn excess(self) -> (f64, f64) {
        let excess = self.mean - self.shift;
        if self.variance <= 1e-24 || excess <= 0.0 {
            (excess, f64::INFINITY)
        } else {
            (excess, excess * excess / self.variance)
        }
    }
}

/// Probability that at least `needed` of independent events happen.
pub fn at_least(needed: usize, chances: &[f64]) -> f64 {
    if needed >= chances.len() {
        return chances.iter().product();
    }
    // By number of events so far, `needed` or more in one.
    let mut counts = vec![0.0; needed + 1];
    counts[0] = 1.0;
    for chance in chances {
        for count in (0..=needed).rev() {
            let stays = if count == needed { 1.0 } else { 1.0 - chance };
            let comes = if count > 0 {
                counts[count - 1] * chance
            } else {
                0.0
            };
            counts[count] = counts[count] * stays + comes;
        }
    }
    counts[needed]
}

/// Two exponentials of equal contribution with mean one and the given squared coefficient of variation:
/// share of the first and both means.
fn balanced(scv: f64) -> (f64, f64, f64) {
    let share = 0.5 * (1.0 + libm::sqrt((scv - 1.0) / (scv + 1.0)));
    (share, 0.5 / share, 0.5 / (1.0 - share))
}

/// A Poisson count by inversion of one keyed uniform; normal approximation above a mean of 64.
pub fn poisson(mean: f64, key: Key, purpose: Purpose, ordinal: u64) -> u64 {
    if mean.is_nan() || mean <= 0.0 {
        return 0;
    }
    let uniform = key.uniform(purpose, ordinal);
    if mean > 64.0 {
        return (mean + normal_quantile(uniform) * libm::sqrt(mean) + 0.5).max(0.0) as u64;
    }
    let (mut count, mut term) = (0u64, libm::exp(-mean));
    let mut sum = term;
    while uniform > sum && count < 1_000 {
        count += 1;
        term *= mean / count as f64;
        sum += term;
    }
    count
}

/// How many of `count` succeed, each with probability `share`, from one keyed uniform: Poisson where successes or
/// failures are rare, else the normal approximation.
pub fn binomial(count: u64, share: f64, key: Key, purpose: Purpose, ordinal: u64) -> u64 {
    const RARE: f64 = 12.0;
    let total = count as f64;
    if share <= 0.0 || count == 0 {
        return 0;
    }
    if share >= 1.0 {
        return count;
    }
    if total * share < RARE {
        return poisson(total * share, key, purpose, ordinal).min(count);
    }
    if total * (1.0 - share) < RARE {
        return count - poisson(total * (1.0 - share), key, purpose, ordinal).min(count);
    }
    let spread = libm::sqrt(total * share * (1.0 - share));
    let drawn = total * share + normal_quantile(key.uniform(purpose, ordinal)) * spread;
    ((drawn + 0.5).max(0.0) as u64).min(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_met_within_a_per_cent() {
        let law = Moments {
            mean: 1.0,
            variance: 1.0,
            shift: 0.0,
        };
        for ratio in [0.5, 0.9, 0.99] {
            let wanted = -libm::log(1.0 - ratio);
            assert!(
                (law.quantile(ratio) / wanted - 1.0).abs() < 0.015,
                "{ratio}"
            );
            assert!((law.at_most(wanted) - ratio).abs() < 0.005);
        }
    }

    #[test]
    fn heavy_tails_keep_their_moments() {
        let law = Moments {
            mean: 1.0,
            variance: 4.0,
            shift: 0.0,
        };
        for ratio in [0.01, 0.5, 0.9, 0.999] {
            assert!((law.at_most(law.quantile(ratio)) - ratio).abs() < 1e-6);
        }
        let (share, first, second) = balanced(4.0);
        let mean = share * first + (1.0 - share) * second;
        let scv = 2.0 * (share * first * first + (1.0 - share) * second * second) - 1.0;
        assert!((mean - 1.0).abs() < 1e-12 && (scv - 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_longer_of_two_exponentials_takes_one_and_a_half() {
        let law = Moments {
            mean: 1.0,
            variance: 1.0,
            shift: 0.0,
        };
        assert!((Moments::ordered(&[law, law], 2).mean - 1.5).abs() < 0.02);
    }

    #[test]
    fn extreme_ratios_stay_finite_where_counts_and_times_are_drawn() {
        // A uniform is never 0 or 1 but may come within 2^-53 of both: 8.2 standard deviations, no further.
        let edge = f64::from_bits(1.0_f64.to_bits() - 1);
        for law in [(1.0, 0.01), (1.0, 1.0), (1.0, 30.0)] {
            let law = Moments {
                mean: law.0,
                variance: law.1,
                shift: 0.0,
            };
            for ratio in [0.0, 1e-300, 1.0 - edge, edge] {
                let time = law.quantile(ratio);
                assert!(time.is_finite() && time >= 0.0, "{law:?} {ratio}: {time}");
            }
            // The cube root of Wilson and Hilferty leaves 0.4 % below zero at the exponential.
            assert!(law.at_most(0.0) < 0.005 && law.at_most(1e6) == 1.0);
        }
        assert!(normal_quantile(edge) < 8.3 && normal_quantile(1.0 - edge) > -8.3);
        let drawn = |ordinal| poisson(1e9, Key(5), Purpose::new("p"), ordinal) as f64;
        // 2,000 draws of a mean of 1e9: none beyond 8.3 deviations of 31,623.
        assert!((0..2_000).all(|ordinal| (drawn(ordinal) - 1e9).abs() < 262_500.0));
    }

    #[test]
    fn poisson_counts_have_their_mean() {
        // 4,000 draws: within 5 standard errors, false alarm 6e-7 each.
        for mean in [0.3, 7.0, 63.0, 500.0] {
            let sum: u64 = (0..4_000)
                .map(|i| poisson(mean, Key(7), Purpose::new("p"), i))
                .sum();
            assert!(
                (sum as f64 / 4_000.0 - mean).abs() < 5.0 * (mean / 4_000.0).sqrt(),
                "{mean}"
            );
        }
    }
}
