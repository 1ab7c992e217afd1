//! Caches as a scenario states them; how full one is, is the state of a simulated world.

use crate::units::{ServiceId, SimDuration};

/// What a service remembers: keys of a Zipf popularity, the least recently used forgotten first.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Name within the service.
    pub name: String,
    /// Owner.
    pub service: ServiceId,
    /// Hit ratio when warm and nothing has expired, 0 to 1: it stands for the cache's size.
    pub hit: f64,
    /// Keys that are asked for.
    pub keys: u64,
    /// Zipf's exponent: the k-th most popular key is asked for in proportion to k^-skew.
    pub skew: f64,
    /// Who shares what is remembered.
    pub scope: CacheScope,
    /// A key is forgotten this long after it was filled.
    pub ttl: Option<SimDuration>,
    /// Hit ratio at the start, 0 to 1.
    pub cold: f64,
}

/// Who shares a cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CacheScope {
    /// Each replica has its own: a new one starts cold, and each sees a part of the requests only.
    Replica,
    /// All replicas in a cluster.
    Cluster,
}
