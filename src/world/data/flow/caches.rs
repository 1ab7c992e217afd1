//! Caches in the mean: how far each has warmed, in requests, by the same function as request by request.

use crate::model::rates::mean_repeats;
use crate::model::{Cache, CacheScope, Scenario, Step, StepKind};
use crate::queueing::{CacheCurve, Memory};
use crate::world::contract::LOOK;

/// A hit ratio that moved by less is told to nobody.
const HIT: f64 = 0.002;
/// While hit ratios move by more within a full step, steps are fine.
const QUICK: f64 = 0.01;

/// A cache in every cluster.
#[derive(Clone, Debug)]
struct Store {
    service: usize,
    curve: CacheCurve,
    /// Requests that it remembers, and that it starts with.
    size: f64,
    start: f64,
    /// Seconds.
    ttl: Option<f64>,
    scope: CacheScope,
    /// By cluster: requests since it was empty, in the mean over replicas where each has its own.
    since_empty: Vec<f64>,
    /// By cluster: its hit ratio after the last step.
    last: Vec<f64>,
    /// By endpoint of the service: its position, and looks in one run of its program.
    looks: Vec<(usize, f64)>,
}

/// All caches of a scenario.
#[derive(Clone, Debug)]
pub struct Caches {
    stores: Vec<Store>,
    clusters: usize,
    /// By cache times clusters: hit ratio as told.
    pub hits: Vec<f64>,
    /// Some hit ratio moves quickly.
    quick: bool,
}

impl Caches {
    /// As they start.
    pub fn new(scenario: &Scenario) -> Self {
        let clusters = scenario.clusters.len();
        let stores: Vec<Store> = scenario
            .caches
            .iter()
            .enumerate()
            .map(|(index, cache)| store(scenario, index, cache))
            .collect();
        let hits = stores
            .iter()
            .flat_map(|store| vec![store.hit(0, 0.0); clusters])
            .collect();
        Self {
            stores,
            clusters,
            hits,
            quick: false,
        }
    }

    /// Requests since it was empty, of each cache in each cluster.
    pub fn states(&self) -> Vec<f64> {
        let stores = self.stores.iter();
        stores
            .flat_map(|store| store.since_empty.iter().copied())
            .collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty()
    }

    /// Whether some hit ratio moves quickly.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// Looks into the caches of a service in a cluster a second, and hits among them.
    pub fn looks(&self, service: usize, cluster: usize, rate: impl Fn(usize) -> f64) -> (f64, f64) {
        let (mut looks, mut hits) = (0.0, 0.0);
        for (index, store) in self.stores.iter().enumerate() {
            if store.service == service {
                let here = store.looked(cluster, self.clusters, &rate);
                looks += here;
                hits += here * self.hits[index * self.clusters + cluster];
            }
        }
        (looks, hits)
    }

    /// A replica begins to take requests where `before` did: its own caches are cold.
    pub fn add_replica(&mut self, service: usize, cluster: usize, before: f64) {
        for store in &mut self.stores {
            if store.service == service && store.scope == CacheScope::Replica {
                let mean = &mut store.since_empty[cluster];
                *mean = (*mean * before + store.start) / (before + 1.0);
            }
        }
    }

    /// Services that have caches, once for each.
    pub fn services(&self) -> impl Iterator<Item = usize> + '_ {
        self.stores.iter().map(|store| store.service)
    }

    /// Follows `seconds` of requests; `moved` is told of services in clusters whose hit ratio is another now.
    pub fn warm(
        &mut self,
        seconds: f64,
        rate: impl Fn(usize) -> f64,
        usable: impl Fn(usize) -> f64,
        mut moved: impl FnMut(usize, usize),
    ) {
        self.quick = false;
        for (index, store) in self.stores.iter_mut().enumerate() {
            for cluster in 0..self.clusters {
                let looks = store.looked(cluster, self.clusters, &rate);
                let stores = match store.scope {
                    CacheScope::Cluster => 1.0,
                    CacheScope::Replica => usable(store.service * self.clusters + cluster).max(1.0),
                };
                let each = looks / stores;
                if store.since_empty[cluster] < f64::MAX {
                    store.since_empty[cluster] += each * seconds;
                }
                let hit = store.hit(cluster, each);
                let told = &mut self.hits[index * self.clusters + cluster];
                let apart = (hit - *told).abs();
                let moves = (hit - std::mem::replace(&mut store.last[cluster], hit)).abs();
                self.quick |= moves * LOOK.seconds() > QUICK * seconds;
                if apart > HIT {
                    *told = hit;
                    moved(store.service, cluster);
                }
            }
        }
    }
}

impl Store {
    /// Looks a second in a cluster.
    fn looked(&self, cluster: usize, clusters: usize, rate: &impl Fn(usize) -> f64) -> f64 {
        let of = |(endpoint, looks): &(usize, f64)| rate(endpoint * clusters + cluster) * looks;
        self.looks.iter().map(of).sum()
    }

    /// Hit ratio under so many looks a second at one store.
    fn hit(&self, cluster: usize, each: f64) -> f64 {
        let since_empty = self.since_empty[cluster];
        let memory = Memory {
            size: self.size,
            since_empty,
            // Nothing has expired before a time to live has passed.
            ttl: self.ttl.map(|ttl| {
                let during = each * ttl;
                if since_empty - self.start <= during {
                    f64::INFINITY
                } else {
                    during
                }
            }),
        };
        memory.hit_ratio(&self.curve)
    }
}

fn store(scenario: &Scenario, index: usize, cache: &Cache) -> Store {
    let curve = CacheCurve::new(cache.keys, cache.skew);
    let start = curve.remembered_by_hit_ratio(cache.cold);
    let service = cache.service.index();
    let endpoints = scenario.services[service].endpoints.iter();
    Store {
        service,
        size: curve.remembered_by_hit_ratio(cache.hit),
        start,
        ttl: cache.ttl.map(crate::units::SimDuration::seconds),
        scope: cache.scope,
        since_empty: vec![start; scenario.clusters.len()],
        last: vec![cache.cold; scenario.clusters.len()],
        looks: endpoints
            .map(|endpoint| {
                let steps = &scenario.endpoint(*endpoint).steps;
                (endpoint.index(), looks(scenario, steps, index))
            })
            .filter(|(_, looks)| *looks > 0.0)
            .collect(),
        curve,
    }
}

/// Looks into a cache in one run of a program; what is inside other caches' branches counts as when they are warm.
fn looks(scenario: &Scenario, steps: &[Step], cache: usize) -> f64 {
    let hit = |id: crate::units::CacheId| scenario.caches[id.index()].hit;
    let of = |step: &Step| {
        let own = match &step.kind {
            StepKind::Cache(look) if look.cache.index() == cache => 1.0,
            _ => 0.0,
        };
        let inner = step.kind.parts(&hit);
        let within = inner
            .into_iter()
            .map(|(share, steps)| share * looks(scenario, steps, cache));
        mean_repeats(step) * (own + within.sum::<f64>())
    };
    steps.iter().map(of).sum()
}
