//! Load balancing among the ready replicas of one service in one cluster.

/// Rule by which a replica is chosen. Whose rule it is: `least-request` is Envoy's default in its gateway
/// (two choices), `round-robin` plain Envoy's and IPVS's, `random` iptables kube-proxy's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Balancer {
    /// In turn, one counter for all callers of a service in a cluster.
    RoundRobin,
    /// Uniform.
    Random,
    /// The less loaded of two drawn uniformly; counts in flight are shared by all callers.
    LeastRequest,
}

impl Balancer {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::LeastRequest, "least-request"),
        (Self::RoundRobin, "round-robin"),
        (Self::Random, "random"),
    ];
}
