//! Load balancing among the ready replicas of one service in one cluster.
//!
//! Whose rule it is: `least-request` is Envoy's default in its gateway (two choices), `round-robin` plain Envoy's
//! and IPVS's, `random` iptables kube-proxy's. What the balancer knows and what it spreads are stated beside it.

/// Rule by which a replica is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Balancer {
    /// In turn.
    RoundRobin,
    /// Uniform.
    Random,
    /// The one with the fewest requests in flight among some drawn uniformly, or among all.
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

/// A rule with what it knows and what it spreads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Balance {
    /// The rule.
    pub rule: Balancer,
    /// Replicas that `least-request` compares; `None`: all.
    pub choices: Option<u32>,
    /// Whose turn and counts it goes by.
    pub knows: Knows,
    /// What it spreads.
    pub unit: BalanceUnit,
}

impl Balance {
    /// A rule as written by its name alone: two choices, shared knowledge, requests.
    #[must_use]
    pub const fn of(rule: Balancer) -> Self {
        Self {
            rule,
            choices: Some(2),
            knows: Knows::Shared,
            unit: BalanceUnit::Requests,
        }
    }
}

/// Whose turn and counts a balancer goes by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Knows {
    /// All callers together: one gateway, or perfect knowledge. Optimistic for sidecars.
    Shared,
    /// Each caller replica its own: a sidecar or client library. All users together are one.
    Own,
}

impl Knows {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Shared, "shared"), (Self::Own, "own")];
}

/// What a balancer spreads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BalanceUnit {
    /// Each request is placed.
    Requests,
    /// Each connection is placed; requests go where their connection goes.
    Connections,
}

impl BalanceUnit {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 2] = [
        (Self::Requests, "requests"),
        (Self::Connections, "connections"),
    ];
}
