//! Clusters, machines and links.

use crate::model::Distribution;
use crate::model::scaling::HpaController;
use crate::units::{Bytes, ClusterId, Cpu, MachineId, PolicyId, SimDuration};

/// A place where services run.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// DNS-1123 label.
    pub name: String,
    /// Set of default policies.
    pub orchestrator: Orchestrator,
    /// Node pools; empty: unlimited room at no cost.
    pub pools: Vec<Pool>,
    /// What a service scales by here unless it says otherwise.
    pub scaling: Option<PolicyId>,
    /// Until an endpoint's change reaches its callers.
    pub propagation: Distribution,
    /// How often the autoscaler looks.
    pub hpa_sync_period: SimDuration,
    /// Settings of the autoscaling controller.
    pub hpa: HpaController,
    /// Interval of the metrics pipeline.
    pub metrics_resolution: SimDuration,
    /// Time until an interval's metrics can be read.
    pub metrics_delay: SimDuration,
    /// Pods a node takes at most, whatever its machine says.
    pub pods_per_node: u32,
}

/// Who runs the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Orchestrator {
    /// Places by scheduler, scales by policy.
    Kubernetes,
    /// Hosts by hand: nothing scales.
    FixedHosts,
}

/// Nodes of one machine type.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Name within the cluster.
    pub name: String,
    /// What its nodes are.
    pub machine: MachineId,
    /// How many.
    pub nodes: u32,
}

/// A machine type: what one node can allocate, and its price.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Name, or `cluster/pool` for an inline one.
    pub name: String,
    /// Allocatable CPU.
    pub cpu: Cpu,
    /// Allocatable memory.
    pub memory: Bytes,
    /// Pods at most.
    pub pods: u32,
    /// Price of one node per hour, in the scenario's currency.
    pub price_per_hour: f64,
    /// Processing speed; 1 is nominal.
    pub speed: f64,
}

/// One end of a hop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum LinkEnd {
    /// The users, outside every cluster.
    Users,
    /// A cluster.
    Cluster(ClusterId),
}

/// A directed hop between two places (or within one cluster).
#[derive(Clone, Debug)]
pub struct Link {
    /// Delay one way.
    pub one_way: Distribution,
    /// Bytes per second, if limited: each message takes its size over this in addition.
    pub bandwidth: Option<f64>,
    /// Price of a byte, in the scenario's currency.
    pub egress_per_byte: f64,
    /// As written in the file, for reports: `source <-> target`.
    pub name: String,
}

/// The hop between any two places, resolved ("most specific wins") into a full table.
#[derive(Clone, Debug)]
pub struct Links {
    /// Number of clusters.
    pub clusters: usize,
    /// `(clusters + 1)^2` hops, row by origin; row and column 0 are the users.
    pub table: Vec<Link>,
}

impl Links {
    /// Position of a place in the table's rows and columns.
    #[inline]
    #[must_use]
    pub fn place(end: LinkEnd) -> usize {
        match end {
            LinkEnd::Users => 0,
            LinkEnd::Cluster(cluster) => cluster.index() + 1,
        }
    }

    /// The hop from one place to another.
    #[must_use]
    pub fn between(&self, from: LinkEnd, to: LinkEnd) -> &Link {
        &self.table[Self::place(from) * (self.clusters + 1) + Self::place(to)]
    }
}
