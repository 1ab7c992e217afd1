//! What was expected since time zero, where somebody compares spans of the flow plane with requests.

use crate::world::contract::{OUTCOMES, Outcome};
use crate::world::data::flow::expected::Mixed;

/// Expectations of one station, or of one load on one journey.
#[derive(Clone, Copy, Debug, Default)]
pub struct Total {
    /// Attempts, or actions, by outcome.
    pub ended: [f64; OUTCOMES],
    /// Their latencies.
    pub(super) latency: Mixed,
}

/// Expectations of everything.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// By `service * clusters + cluster`.
    pub stations: Vec<Total>,
    /// By `load * journeys + journey`.
    pub actions: Vec<Total>,
}

impl Total {
    pub(super) fn add(&mut self, ended: &[f64; OUTCOMES], latency: &Mixed) {
        for (sum, part) in self.ended.iter_mut().zip(ended) {
            *sum += part;
        }
        self.latency.merge(latency);
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.add(&other.ended, &other.latency);
    }

    /// What has come since `before` was read.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut ended = self.ended;
        for (sum, part) in ended.iter_mut().zip(before.ended) {
            *sum = (*sum - part).max(0.0);
        }
        Self {
            ended,
            latency: self.latency.since(&before.latency),
        }
    }

    /// All that ended.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.ended.iter().sum()
    }

    /// Share that did not end ok; `None`: nothing ended.
    #[must_use]
    pub fn error_ratio(&self) -> Option<f64> {
        let all = self.count();
        (all > 0.0).then(|| 1.0 - self.ended[Outcome::Ok as usize] / all)
    }

    /// Mean latency, seconds; `None`: nobody was answered.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.latency.weight() > 0.0).then(|| self.latency.law().mean)
    }

    /// A quantile of the latencies, seconds; `None`: nobody was answered.
    #[must_use]
    pub fn quantile(&self, ratio: f64) -> Option<f64> {
        (self.latency.weight() > 0.0).then(|| self.latency.law().quantile(ratio))
    }
}
