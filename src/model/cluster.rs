//! Clusters, machines and links.

use crate::model::Distribution;
use crate::model::placement::{Score, Taint};
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
    /// Failure domains.
    pub zones: Vec<String>,
    /// How the pod scheduler chooses.
    pub scheduler: SchedulerSettings,
    /// Who adds and removes nodes, if anyone.
    pub node_autoscaler: Option<NodeAutoscaler>,
    /// What the cluster cannot exceed.
    pub limits: Limits,
    /// What a deploy takes on each host before the new process starts (orchestrators that deploy host by host).
    pub deploy_time: Option<Distribution>,
}

/// Settings of the pod scheduler.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerSettings {
    /// Scores that are summed, with upstream's weights; none: any node that fits is as good as another.
    pub scores: Vec<Score>,
    /// Whether pods of lower priority make room for those of higher.
    pub preemption: bool,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        Self {
            scores: vec![
                Score::LeastAllocated,
                Score::BalancedAllocation,
                Score::Spread,
            ],
            preemption: true,
        }
    }
}

/// Limits of a cluster. Each can bite.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// Pods a node takes at most, whatever its machine says.
    pub pods_per_node: u32,
    /// Nodes.
    pub nodes: u32,
    /// Pods with a node.
    pub pods: u32,
    /// Containers of them: one a pod.
    pub containers: u32,
    /// Addresses, one a pod with a node, if limited.
    pub ips: Option<u32>,
    /// Pods started a second, if limited.
    pub pod_launch_rate: Option<f64>,
    /// Calls to the control plane a second, if limited.
    pub api_rate: Option<f64>,
    /// Calls that it takes at once after a quiet time; `None`: two seconds' worth, as kubelet's defaults (50 a second,
    /// 100 at once).
    pub api_burst: Option<u32>,
    /// Bytes a second of all image pulls together.
    pub registry_bandwidth: f64,
}

impl Default for Limits {
    /// Upstream's documented limits, and a registry behind 1 Gbit/s.
    fn default() -> Self {
        Self {
            pods_per_node: 110,
            nodes: 5_000,
            pods: 150_000,
            containers: 300_000,
            ips: None,
            pod_launch_rate: None,
            api_rate: None,
            api_burst: None,
            registry_bandwidth: 125e6,
        }
    }
}

/// Settings of the autoscaler of nodes. Source of the defaults: kubernetes/autoscaler's FAQ.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeAutoscaler {
    /// Between two looks.
    pub scan_interval: SimDuration,
    /// Which pool grows when several would do.
    pub expander: Expander,
    /// A node goes after it was not needed for so long.
    pub scale_down_unneeded_time: SimDuration,
    /// No node goes so soon after one was added.
    pub scale_down_delay_after_add: SimDuration,
    /// No node goes so soon after a scale-down failed.
    pub scale_down_delay_after_failure: SimDuration,
    /// Requested over allocatable (the larger of CPU and memory) below which a node may be unneeded.
    pub scale_down_utilization_threshold: f64,
    /// A node that is not ready by then is given up, and its pool is left alone for a while.
    pub max_node_provision_time: SimDuration,
    /// Largest number of empty nodes removed at once.
    pub max_empty_bulk_delete: u32,
    /// Cores of all nodes together, in millicores, if limited.
    pub quota_cpu: Option<u64>,
    /// Nodes of all pools together, if limited.
    pub quota_nodes: Option<u32>,
}

/// Which pool grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expander {
    /// Any that helps, by a keyed draw.
    Random,
    /// The one that would leave the least CPU idle (and then memory).
    LeastWaste,
    /// The one in which most of the waiting pods would find room.
    MostPods,
    /// The one that needs the fewest new nodes.
    LeastNodes,
    /// The one of the highest `priority`.
    Priority,
}

/// Slow-down of pods on a crowded node, beyond the sharing of its cores: caches, memory bandwidth.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Contention {
    /// Utilisation of the node above which it begins, 0 to 1.
    pub above: f64,
    /// Share of its rate that a pod has lost when the node is full.
    pub slowdown: f64,
}

/// Who runs the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Orchestrator {
    /// Places by scheduler, scales by policy.
    Kubernetes,
    /// Hosts by hand: nothing scales, and deploys go host by host.
    FixedHosts,
    /// Mesos' Marathon: takes the first offer, starts all new instances before it stops an old one.
    Marathon,
}

impl Orchestrator {
    /// Whether autoscalers of pods and nodes exist there.
    #[must_use]
    pub fn scales(self) -> bool {
        self == Self::Kubernetes
    }
}

/// Nodes of one machine type.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Name within the cluster.
    pub name: String,
    /// What its nodes are.
    pub machine: MachineId,
    /// How many at the start; the autoscaler keeps at least these.
    pub nodes: u32,
    /// At most so many.
    pub max_nodes: u32,
    /// Until a node that was asked for is ready.
    pub boot: Distribution,
    /// Failure domains that it covers, in `Cluster::zones`: its nodes take turns.
    pub zones: Vec<usize>,
    /// Labels of its nodes, besides hostname and zone.
    pub labels: Vec<(String, String)>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// Slow-down when crowded.
    pub contention: Contention,
    /// Rank among pools for an autoscaler of nodes that goes by it: larger ones first.
    pub priority: u32,
}

impl Pool {
    /// A pool of a fixed number of nodes in the first zone.
    #[must_use]
    pub fn fixed(name: &str, machine: MachineId, nodes: u32) -> Self {
        Self {
            name: name.to_owned(),
            machine,
            nodes,
            max_nodes: nodes,
            boot: Distribution::constant(210.0),
            zones: vec![0],
            labels: Vec::new(),
            taints: Vec::new(),
            contention: Contention {
                above: 0.8,
                slowdown: 0.0,
            },
            priority: 0,
        }
    }
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
    /// Places where users are told apart: `users.eu` is `eu` here.
    pub places: Vec<String>,
    /// `(clusters + 1)^2` hops, row by origin; row and column 0 are the users. Then, place by place and cluster by
    /// cluster, the hops of those users to the cluster and back.
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

    /// Positions of the hops of the users of a place to a cluster, and back.
    #[must_use]
    pub fn of_place(&self, place: usize, cluster: usize) -> (usize, usize) {
        let first = (self.clusters + 1) * (self.clusters + 1);
        let there = first + (place * self.clusters + cluster) * 2;
        (there, there + 1)
    }

    /// The hop from one place to another.
    #[must_use]
    pub fn between(&self, from: LinkEnd, to: LinkEnd) -> &Link {
        &self.table[Self::place(from) * (self.clusters + 1) + Self::place(to)]
    }
}
