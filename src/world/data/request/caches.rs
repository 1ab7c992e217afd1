//! What caches have seen: requests since they were empty, and during one time to live.

use crate::model::{Cache, CacheScope, Scenario};
use crate::queueing::{CacheCurve, Memory};
use crate::units::{SimDuration, SimTime};
use crate::world::data::request::plane::RequestPlane;

/// Parts into which a time to live is counted.
const PARTS: usize = 16;

/// A cache of a service, ready for use.
pub struct Store {
    curve: CacheCurve,
    /// Requests that it remembers, and that it starts with.
    size: f64,
    start: f64,
    ttl: Option<SimDuration>,
    scope: CacheScope,
    clusters: usize,
    /// Where a window of requests starts from another state: replicas with smaller numbers were there before, and by
    /// cluster what their stores have seen.
    warm: Option<(u32, Box<[f64]>)>,
    /// By replica or by cluster, as far as any was used.
    states: Vec<Option<Seen>>,
}

/// Requests that one store has seen.
#[derive(Clone, Debug)]
struct Seen {
    since_empty: f64,
    asked: u64,
    recent: Recent,
}

/// Requests during the last time to live, in parts of it.
#[derive(Clone, Debug, Default)]
struct Recent {
    counts: [u32; PARTS],
    /// The part counted now, from time zero.
    part: u64,
    total: u64,
}

impl Recent {
    fn add(&mut self, part: u64) {
        // Parts that have passed since the last request are empty again.
        for passed in (self.part + 1..=part).take(PARTS) {
            let place = &mut self.counts[(passed % PARTS as u64) as usize];
            self.total -= u64::from(*place);
            *place = 0;
        }
        self.part = part;
        self.counts[(part % PARTS as u64) as usize] += 1;
        self.total += 1;
    }
}

impl Store {
    /// The caches of a scenario, as they start.
    pub fn all(scenario: &Scenario) -> Vec<Self> {
        let clusters = scenario.clusters.len();
        let one = |cache: &Cache| {
            let curve = CacheCurve::new(cache.keys, cache.skew);
            Self {
                size: curve.remembered_by_hit_ratio(cache.hit),
                start: curve.remembered_by_hit_ratio(cache.cold),
                ttl: cache.ttl,
                scope: cache.scope,
                clusters,
                warm: None,
                states: Vec::new(),
                curve,
            }
        };
        scenario.caches.iter().map(one).collect()
    }

    /// Counts a request of a replica at a station; the hit ratio before it.
    fn look_up(&mut self, replica: u32, station: u32, now: SimTime) -> f64 {
        let place = match self.scope {
            CacheScope::Replica => replica as usize,
            CacheScope::Cluster => station as usize % self.clusters,
        };
        if self.states.len() <= place {
            self.states.resize_with(place + 1, || None);
        }
        let before = self
            .warm
            .as_ref()
            .filter(|(replicas, _)| self.scope == CacheScope::Cluster || replica < *replicas);
        let start = before.map_or(self.start, |(_, by_cluster)| {
            by_cluster[station as usize % self.clusters]
        });
        let state = self.states[place].get_or_insert_with(|| Seen {
            since_empty: start,
            asked: 0,
            recent: Recent::default(),
        });
        let ttl = self.ttl.map(|ttl| {
            state.recent.add(now.0 / (ttl.0 / PARTS as u64).max(1));
            // Nothing has expired while all requests are recent ones.
            if state.recent.total > state.asked {
                f64::INFINITY
            } else {
                state.recent.total as f64 * PARTS as f64 / (PARTS as f64 - 0.5)
            }
        });
        let memory = Memory {
            size: self.size,
            since_empty: state.since_empty,
            ttl,
        };
        let hit = memory.hit_ratio(&self.curve);
        state.since_empty += 1.0;
        state.asked += 1;
        hit
    }
}

impl RequestPlane {
    /// Caches start as `states` says (requests seen since they were empty, by `cache * clusters + cluster`), those of
    /// replicas from number `replicas` on as ever.
    pub fn warm_caches(&mut self, replicas: u32, states: &[f64]) {
        for (store, states) in self.caches.iter_mut().zip(states.chunks(self.places - 1)) {
            store.warm = Some((replicas, states.into()));
        }
    }

    /// Whether a frame's look into a cache hits, `uniform` being its draw: a higher hit ratio only adds hits.
    pub(super) fn look_up(&mut self, slot: u32, cache: u32, uniform: f64) -> bool {
        let home = self.frames[slot].home;
        let station = self.replicas[home as usize].station;
        let hit = self.caches[cache as usize].look_up(home, station, self.now);
        let seen = &mut self.accounts.stations[station as usize];
        seen.cache_looks += 1;
        seen.cache_hits += u64::from(uniform < hit);
        uniform < hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_the_last_time_to_live_are_counted_in_parts() {
        let mut recent = Recent::default();
        for part in [0, 0, 3, 15] {
            recent.add(part);
        }
        assert_eq!(recent.total, 4);
        recent.add(16);
        assert_eq!(recent.total, 3);
        recent.add(1_000);
        assert_eq!(recent.total, 1);
    }
}
