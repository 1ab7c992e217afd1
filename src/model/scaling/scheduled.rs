//! `scheduled`: replicas by the clock.
//!
//! Good where the load keeps a timetable that people know. A firing sets the number once, as a CronJob with `kubectl
//! scale` does; between firings, and before the first that is known, the number stays as it is. Beside another policy
//! it therefore sets what the other then changes: an autoscaler undoes it at its next sync. Firings are computed where the scenario is read, with the
//! zone's own rules (a local time that daylight saving skips fires later by the length of the gap, one that
//! comes twice fires once).

use super::hpa::pods::Moment;
use super::{HpaController, Observation, Rule, Wish};

/// An entry's firing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Firing {
    /// When.
    pub at: Moment,
    /// Replicas from then on.
    pub replicas: u32,
}

/// A timetable.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// In order of time; of entries that fire at once the one written last holds.
    pub firings: Vec<Firing>,
}

impl Rule for Scheduled {
    /// Firings that are past.
    type Memory = usize;

    fn memory(&self) -> usize {
        0
    }

    fn bounds(&self) -> (u32, u32) {
        let numbers = self.firings.iter().map(|firing| firing.replicas);
        (
            numbers.clone().min().unwrap_or(0),
            numbers.max().unwrap_or(u32::MAX),
        )
    }

    fn desired(&self, past: &mut usize, _: &HpaController, seen: &Observation) -> Wish {
        let now = Moment::from(seen.at);
        let mut fired = None;
        while let Some(next) = self.firings.get(*past).filter(|next| next.at <= now) {
            fired = Some(next.replicas);
            *past += 1;
        }
        match fired {
            Some(replicas) => Wish::new(replicas, "schedule"),
            None => Wish::new(seen.current, "between firings"),
        }
    }
}
