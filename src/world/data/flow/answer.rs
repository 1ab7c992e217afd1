//! When an answer has changed enough for its callers to be told.

use crate::world::data::flow::program::Answer;

/// Times that moved by less than this share, and probabilities by less than `SHARE`, are the same.
const TIME: f64 = 1e-3;
const SHARE: f64 = 1e-6;

impl Answer {
    /// Whether who waits for it notices the step from `before`.
    pub fn differs(&self, before: &Self) -> bool {
        let moved = |new: f64, old: f64, share: f64| (new - old).abs() > share * old.abs();
        moved(self.time.mean, before.time.mean, TIME)
            || moved(self.time.variance, before.time.variance, 10.0 * TIME)
            || self
                .outcomes
                .iter()
                .zip(&before.outcomes)
                .any(|(new, old)| (new - old).abs() > SHARE)
    }
}
