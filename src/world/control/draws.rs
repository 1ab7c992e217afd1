//! Draws of the control plane, keyed by (cluster, service, ordinal, purpose): world.md, Randomness.

use crate::engine::{Key, Purpose, hash64};
use crate::model::{Distribution, Scenario};
use crate::units::{ClusterId, ServiceId, SimDuration};
use crate::world::contract::Luck;

/// From process start to ready.
pub(super) const STARTUP: Purpose = Purpose::new("startup");
/// Work on a host before a new version's process starts.
pub(super) const DEPLOY: Purpose = Purpose::new("deploy");
/// Between two ordinary deploys of a service.
const DEPLOY_GAP: Purpose = Purpose::new("deploy gap");
/// Until a fault begins again.
pub(super) const FAULT_GAP: Purpose = Purpose::new("fault gap");
/// How long a fault lasts.
pub(super) const FAULT_LENGTH: Purpose = Purpose::new("fault length");
/// Which nodes a fault breaks.
const VICTIM: Purpose = Purpose::new("victim");
/// Until callers learn of a ready pod.
pub(super) const LIST: Purpose = Purpose::new("list");
/// Until callers learn that a pod goes.
pub(super) const DELIST: Purpose = Purpose::new("delist");
/// Until callers use a new weight.
pub(super) const WEIGHT: Purpose = Purpose::new("weight");
/// Until a node that was asked for is ready.
const BOOT: Purpose = Purpose::new("boot");
/// Which pool grows.
const POOL: Purpose = Purpose::new("pool");
/// Settles equal scores of nodes.
const TIE: Purpose = Purpose::new("tie");

#[derive(Clone, Debug)]
pub(super) struct Draws {
    /// By `service * clusters + cluster`.
    keys: Vec<Key>,
    clusters: usize,
    root: Key,
    /// By cluster.
    places: Vec<Key>,
    /// By service, whatever its clusters.
    services: Vec<Key>,
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
        let services = scenario.services.iter();
        Self {
            keys,
            clusters: clusters.len(),
            root,
            places: clusters,
            services: services
                .map(|service| {
                    root.part(hash64("service"))
                        .part(hash64(&service.draw_name))
                })
                .collect(),
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

    /// Gap before a service's next ordinary deploy, in mean gaps (exponential).
    pub fn deploy_gap(&self, service: ServiceId, ordinal: u64) -> f64 {
        -libm::log1p(-self.services[service.index()].uniform(DEPLOY_GAP, ordinal))
    }

    /// Boot of the node that the cluster's autoscaler asked for at that turn.
    pub fn boot(&self, law: &Distribution, cluster: ClusterId, asked: u64) -> SimDuration {
        let key = self.places[cluster.index()].nth(asked);
        SimDuration::from_seconds(law.sample(|draw| key.uniform(BOOT, u64::from(draw))))
    }

    /// Settles which of several pools grows at that look.
    pub fn pool(&self, cluster: ClusterId, pool: usize, look: u64) -> u64 {
        self.places[cluster.index()]
            .nth(look)
            .bits(POOL, pool as u64)
    }

    fn fault_key(&self, name: &str, turn: u64) -> Key {
        self.root.part(hash64("fault")).part(hash64(name)).nth(turn)
    }

    /// A time of a fault's turn.
    pub fn fault(
        &self,
        law: &Distribution,
        name: &str,
        turn: u64,
        purpose: Purpose,
    ) -> SimDuration {
        let key = self.fault_key(name, turn);
        SimDuration::from_seconds(law.sample(|draw| key.uniform(purpose, u64::from(draw))))
    }

    /// Order in which a fault's turn breaks nodes.
    pub fn victim(&self, name: &str, turn: u64, node: usize) -> u64 {
        self.fault_key(name, turn).bits(VICTIM, node as u64)
    }
}
