//! Samples of a latency law: its quantiles are tabulated once, and a sample is drawn as counts of strata.
//!
//! The counts of the strata are multinomial, so every quantile of a sample has the noise of an order statistic of a
//! sample of that size; within a stratum the values are spread evenly.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::{Key, Purpose};
use crate::sketch::LogLinear;
use crate::units::SimDuration;
use crate::world::data::flow::law::{Moments, binomial};

const LATENCY: Purpose = Purpose::new("flow latency");

/// Bounds of the strata, finer towards the tail.
const EDGES: [f64; 19] = [
    0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999,
    0.999_7, 1.0,
];
/// Step of the shapes that are tabulated, as a logarithm.
const STEP: f64 = 0.02;
const STRATA: usize = EDGES.len() - 1;
/// Values of a stratum.
const INSIDE: usize = 8;
/// Samples up to this size are drawn one by one.
const FEW: u64 = 64;

/// Tables of quantiles by shape, shared by all laws: laws of one shape differ by a shift and a factor only.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    /// By the squared coefficient of variation, in steps of 2 %.
    known: BTreeMap<i32, Arc<[f64]>>,
}

impl Shapes {
    fn of(&mut self, scv: f64) -> &Arc<[f64]> {
        // A shape is known by the nearest step: at most 1 % away.
        let step = (libm::log(scv.clamp(1e-6, 1e6)) / STEP).round() as i32;
        self.known.entry(step).or_insert_with(|| {
            table(if scv <= 1e-6 {
                0.0
            } else {
                libm::exp(f64::from(step) * STEP)
            })
        })
    }
}

/// Quantiles of a law of mean one.
fn table(scv: f64) -> Arc<[f64]> {
    let unit = Moments {
        mean: 1.0,
        variance: scv,
        shift: 0.0,
    };
    let mut scaled = Vec::with_capacity(STRATA * INSIDE);
    let mut mean = 0.0;
    for edges in EDGES.windows(2) {
        let width = edges[1] - edges[0];
        for inside in 0..INSIDE {
            let value = unit.quantile(edges[0] + width * (inside as f64 + 0.5) / INSIDE as f64);
            scaled.push(value);
            mean += value * width / INSIDE as f64;
        }
    }
    // What the last value of the tail stands for lies beyond it: all are stretched to the law's mean.
    if mean > 0.0 {
        scaled.iter_mut().for_each(|value| *value /= mean);
    }
    scaled.into()
}

/// Draws samples of one law.
#[derive(Clone, Debug)]
pub struct Sampler {
    law: Moments,
    /// Quantiles of the varying part, its mean being one.
    scaled: Arc<[f64]>,
}

impl Sampler {
    /// Samples are those of `law`.
    pub fn new(law: Moments, shapes: &mut Shapes) -> Self {
        let varying = law.mean - law.shift;
        let scv = if varying > 0.0 {
            law.variance / (varying * varying)
        } else {
            0.0
        };
        Self {
            law,
            scaled: Arc::clone(shapes.of(scv)),
        }
    }

    #[inline]
    fn nanoseconds(&self, position: usize) -> u64 {
        let varying = (self.law.mean - self.law.shift).max(0.0);
        SimDuration::from_seconds(self.law.shift + self.scaled[position] * varying).0
    }

    /// Records `count` latencies.
    pub fn draw<const BITS: u32>(&self, count: u64, key: Key, sketch: &mut LogLinear<BITS>) {
        if count <= FEW {
            for ordinal in 0..count {
                let uniform = key.uniform(LATENCY, ordinal);
                let stratum = EDGES
                    .partition_point(|edge| *edge <= uniform)
                    .clamp(1, STRATA)
                    - 1;
                let (low, high) = (EDGES[stratum], EDGES[stratum + 1]);
                let inside = ((uniform - low) / (high - low) * INSIDE as f64) as usize;
                sketch.record(self.nanoseconds(stratum * INSIDE + inside.min(INSIDE - 1)));
            }
            return;
        }
        let (mut left, mut share_left) = (count, 1.0);
        for (stratum, edges) in EDGES.windows(2).enumerate() {
            let share = edges[1] - edges[0];
            let here = if stratum + 1 == STRATA {
                left
            } else {
                let ratio = (share / share_left).min(1.0);
                binomial(left, ratio, key, LATENCY, stratum as u64)
            };
            (left, share_left) = (left - here, share_left - share);
            for inside in 0..INSIDE {
                let more = here % INSIDE as u64 > inside as u64;
                let times = here / INSIDE as u64 + u64::from(more);
                if times > 0 {
                    sketch.record_many(self.nanoseconds(stratum * INSIDE + inside), times);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::JourneySketch;

    fn exponential() -> Moments {
        Moments {
            mean: 0.01,
            variance: 0.0001,
            shift: 0.0,
        }
    }

    #[test]
    fn a_large_sample_has_the_laws_mean_and_quantiles() {
        let sampler = Sampler::new(exponential(), &mut Shapes::default());
        let mut sketch = JourneySketch::default();
        sampler.draw(4_000_000, Key(3), &mut sketch);
        assert_eq!(sketch.count(), 4_000_000);
        let mean = sketch.mean().expect("not empty") * 1e-9;
        assert!((mean / 0.01 - 1.0).abs() < 0.005, "{mean}");
        for ratio in [0.5, 0.9, 0.99] {
            let wanted = -libm::log(1.0 - ratio) * 0.01;
            let found = sketch.quantile(ratio).expect("not empty") as f64 * 1e-9;
            // A quantile at the edge of a stratum is read half a value lower, and the law is an approximation: within 4 %.
            assert!((found / wanted - 1.0).abs() < 0.04, "{ratio}: {found}");
        }
    }

    #[test]
    fn the_share_below_a_quantile_has_binomial_noise() {
        // Of 2,000 samples of 1,000, the count at most the 90 % edge has mean 900 and variance 90: the estimate of
        // the variance has a relative deviation of sqrt(2 / 2000) = 3.2 %; five of them: false alarm 6e-7.
        let sampler = Sampler::new(exponential(), &mut Shapes::default());
        let edge = SimDuration::from_seconds(exponential().quantile(0.9)).0;
        let (mut sum, mut square) = (0.0, 0.0);
        for sample in 0..2_000 {
            let mut sketch = JourneySketch::default();
            sampler.draw(1_000, Key(9).nth(sample), &mut sketch);
            let below = sketch.count_at_most(edge) as f64;
            sum += below;
            square += below * below;
        }
        let mean = sum / 2_000.0;
        let variance = square / 2_000.0 - mean * mean;
        assert!(
            (mean - 900.0).abs() < 5.0 * (90.0_f64 / 2_000.0).sqrt() + 1.0,
            "{mean}"
        );
        assert!((variance / 90.0 - 1.0).abs() < 0.16, "{variance}");
    }
}
