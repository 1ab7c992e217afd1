//! How long requests hold the slots of stations that wait for others, found without swinging.
//!
//! A caller with all slots in use sends slots / hold, and hold grows with what it sends: near its callee's capacity a
//! whole step overshoots, and whole steps back and forth never meet. A station that swings takes smaller steps: half as
//! large each time that it turns and comes back more than half the way (relaxation of a fixed point's iteration).

use std::collections::BTreeSet;

/// Smallest part of a step.
const LEAST: f64 = 1.0 / 256.0;

/// Steps of one station.
#[derive(Clone, Copy, Debug)]
struct Steps {
    /// The search that they belong to.
    search: u64,
    /// Part of each step that is taken.
    share: f64,
    /// The last one asked for, seconds.
    last: f64,
}

/// Steps of all stations.
#[derive(Clone, Debug)]
pub struct Holds {
    steps: Vec<Steps>,
    search: u64,
    /// Stations that have not taken all of their last step.
    under_way: BTreeSet<u32>,
}

impl Holds {
    /// Nobody has moved.
    pub fn new(stations: usize) -> Self {
        let steps = Steps {
            search: 0,
            share: 1.0,
            last: 0.0,
        };
        Self {
            steps: vec![steps; stations],
            search: 0,
            under_way: BTreeSet::new(),
        }
    }

    /// A new point is looked for: whole steps again.
    pub fn begin(&mut self) {
        self.search += 1;
        self.under_way.clear();
    }

    /// Stations that have to be found once more.
    pub fn take(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.under_way)
    }

    /// The hold to go on with, where it was `before` and would now be `wanted`; within `tolerance` of that it is taken.
    pub fn follow(&mut self, station: usize, before: f64, wanted: f64, tolerance: f64) -> f64 {
        let step = wanted - before;
        if before <= 0.0 || step.abs() <= tolerance * wanted {
            return wanted;
        }
        let steps = &mut self.steps[station];
        if steps.search != self.search {
            *steps = Steps {
                search: self.search,
                share: 1.0,
                last: 0.0,
            };
        }
        if step * steps.last < 0.0 && step.abs() > 0.5 * steps.last.abs() {
            steps.share = (0.5 * steps.share).max(LEAST);
        }
        steps.last = step;
        if steps.share < 1.0 {
            self.under_way.insert(station as u32);
        }
        before + steps.share * step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hold in slots / hold of `slots` before one exponential server: 1 / (1 - rate).
    fn settle(slots: f64, sweeps: usize) -> f64 {
        let mut holds = Holds::new(1);
        holds.begin();
        let mut hold = 1.01 * slots;
        for _ in 0..sweeps {
            let rate = (slots / hold).min(0.999);
            hold = holds.follow(0, hold, 1.0 / (1.0 - rate), 1e-6);
        }
        hold
    }

    #[test]
    fn a_caller_of_a_full_station_settles_where_whole_steps_would_swing() {
        // hold (1 - slots / hold) = 1, so that hold = 1 + slots; the slope there is -slots.
        for slots in [0.5, 2.0, 8.0, 32.0] {
            let found = settle(slots, 60);
            assert!(
                (found / (1.0 + slots) - 1.0).abs() < 1e-3,
                "{slots}: {found}"
            );
        }
        let mut whole = 1.01 * 8.0;
        for _ in 0..200 {
            whole = 1.0 / (1.0 - (8.0f64 / whole).min(0.999));
        }
        assert!((whole / 9.0 - 1.0).abs() > 0.5, "{whole}");
    }

    #[test]
    fn who_does_not_swing_takes_whole_steps() {
        let mut holds = Holds::new(1);
        holds.begin();
        assert_eq!(holds.follow(0, 1.0, 2.0, 1e-3), 2.0);
        assert_eq!(holds.follow(0, 2.0, 3.0, 1e-3), 3.0);
        assert!(holds.take().is_empty());
        assert_eq!(holds.follow(0, 3.0, 2.0, 1e-3), 2.5);
        assert_eq!(holds.take().len(), 1);
        holds.begin();
        assert_eq!(holds.follow(0, 2.5, 2.0, 1e-3), 2.0);
    }
}
