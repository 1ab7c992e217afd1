//! Time integrals of what jobs and environments hold.

use crate::units::SimTime;
use crate::world::recorder::WorkTotals;

/// A level and its integral over time.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::world::control) struct Meter {
    level: f64,
    sum: f64,
    since: SimTime,
}

impl Meter {
    /// The level changes by that much.
    pub fn change(&mut self, by: f64, now: SimTime) {
        self.sum = self.at(now);
        self.since = now;
        // What many additions leave of a level that is back at zero would be counted for ever.
        let level = self.level + by;
        self.level = if level.abs() < 1e-9 { 0.0 } else { level };
    }

    #[cfg(test)]
    pub fn level(&self) -> f64 {
        self.level
    }

    /// The integral until `now`.
    pub fn at(&self, now: SimTime) -> f64 {
        self.sum + self.level * now.since(self.since).seconds()
    }

    /// The integral since the last call.
    pub fn take(&mut self, now: SimTime) -> f64 {
        let sum = self.at(now);
        (self.sum, self.since) = (0.0, now);
        sum
    }
}

/// What one source holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ledger {
    /// Jobs or environments that have come and not gone.
    pub alive: Meter,
    /// Cores requested by its pods that have a node.
    pub cores: Meter,
    /// Price of its pods' share of their nodes, per second.
    pub price: Meter,
    /// CPU-seconds of work that was lost.
    pub lost: f64,
}

impl Ledger {
    pub fn totals(&self, now: SimTime) -> WorkTotals {
        WorkTotals {
            alive_seconds: self.alive.at(now),
            core_seconds: self.cores.at(now),
            cost: self.price.at(now),
            lost_seconds: self.lost,
        }
    }
}
