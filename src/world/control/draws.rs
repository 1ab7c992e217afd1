//! Draws of the control plane, keyed by (cluster, service, ordinal, purpose): world.md, Randomness.

use crate::engine::{Key, Purpose, hash64};
use crate::model::{Distribution, Scenario};
use crate::units::{ClusterId, ServiceId, SimDuration};
use crate::world::contract::Luck;

/// From process start to ready.
pub(super) const STARTUP: Purpose = Purpose::new("startup");
/// Until callers learn of a ready pod.
pub(super) const LIST: Purpose = Purpose::new("list");
/// Until callers learn that a pod goes.
pub(super) const DELIST: Purpose = Purpose::new("delist");
/// Until callers use a new weight.
pub(super) const WEIGHT: Purpose = Purpose::new("weight");
/// Settles equal scores of nodes.
const TIE: Purpose = Purpose::new("tie");

#[derive(Clone, Debug)]
pub(super) struct Draws {
    /// By `service * clusters + cluster`.
    keys: Vec<Key>,
    clusters: usize,
}

impl Draws {
    pub fn new(scenario: &Scenario, luck: Luck) -> Self {
        let root = Key::root(luck.seed, luck.stage, luck.replication).part(hash64("control"));
        let clusters: Vec<_> = scenario
            .clusters
            .iter()
            .map(|cluster| root.part(hash64(&cluster.name)))
            .collect();
        let keys = scenario
            .services
            .iter()
            .flat_map(|service| {
                clusters
                    .iter()
                    .map(|cluster| cluster.part(hash64(&service.draw_name)))
            })
            .collect();
        Self {
            keys,
            clusters: clusters.len(),
        }
    }

    fn key(&self, cluster: ClusterId, service: ServiceId, ordinal: u64) -> Key {
        self.keys[service.index() * self.clusters + cluster.index()].nth(ordinal)
    }

    pub fn duration(
        &self,
        distribution: &Distribution,
        cluster: ClusterId,
        service: ServiceId,
        ordinal: u64,
        purpose: Purpose,
    ) -> SimDuration {
        let key = self.key(cluster, service, ordinal);
        SimDuration::from_seconds(distribution.sample(|draw| key.uniform(purpose, u64::from(draw))))
    }

    /// Settles equal scores: the hash of (pod, node).
    pub fn tie(&self, cluster: ClusterId, service: ServiceId, ordinal: u64, node: usize) -> u64 {
        self.key(cluster, service, ordinal).bits(TIE, node as u64)
    }
}
