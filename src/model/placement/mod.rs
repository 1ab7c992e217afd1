//! How kube-scheduler chooses a node: filters and scores as pure functions of numbers, a file a rule.
//!
//! What a pod asks of its node (`Placing`) is data here; which nodes there are and what runs on them is the
//! world's. Pods of one service have the same labels, so a selector of pods is a set of services.
//! Reference: kubernetes/kubernetes `pkg/scheduler/framework/plugins` (1.3x).

mod affinity;
mod balanced_allocation;
mod estimate;
mod least_allocated;
mod most_allocated;
mod sampling;
mod sharing;
mod spread;
mod taint;

pub use affinity::{NodeExpression, NodeTerm, Operator, matches_selector};
pub use balanced_allocation::{balanced_allocation, skips_balance};
pub use estimate::{Estimate, Room, Waiting, nodes_needed, place_on};
pub use least_allocated::least_allocated;
pub use most_allocated::most_allocated;
pub use sampling::nodes_to_find;
pub use sharing::{Demand, core_shares, share_cores};
pub use spread::{ABSENT, Domains, Tally, spread_scores, takes_part};
pub use taint::{Taint, TaintEffect, Toleration, untolerated};

use crate::units::ServiceId;

/// Largest score of one rule.
pub const MAX_SCORE: u64 = 100;
/// What a pod without a CPU request counts as in a score, millicores (upstream's `DefaultMilliCPURequest`).
pub const SCORED_CPU: u64 = 100;
/// What a pod without a memory request counts as in a score, bytes (upstream's `DefaultMemoryRequest`).
pub const SCORED_MEMORY: u64 = 200 << 20;
/// Label of a node's own name.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// Label of a node's failure domain.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// One resource of a node as a score sees it, the pod's own request included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// Requested by all pods of the node and by this one.
    pub requested: u64,
    /// What the node has.
    pub allocatable: u64,
    /// Weight of the resource among the strategy's.
    pub weight: u64,
}

impl Share {
    /// Whether the resource takes part at all: a node without it has no score for it, and an `extended` one
    /// (neither CPU nor memory) counts only when the pod asks for it.
    #[must_use]
    pub fn counts(allocatable: u64, extended: bool, asked: u64) -> bool {
        allocatable > 0 && (!extended || asked > 0)
    }
}

/// Floor of the weighted mean of scores; 0 when nothing counts.
fn weighted_mean(scores: impl Iterator<Item = (u64, u64)>) -> u64 {
    let (sum, weights) = scores.fold((0, 0), |(sum, weights), (score, weight)| {
        (sum + score * weight, weights + weight)
    });
    u64::checked_div(sum, weights).unwrap_or(0)
}

/// The first weight that is not within 1 to 100, by its position: the configuration is refused.
///
/// # Errors
/// The position of the wrong weight.
pub fn check_weights(weights: &[i64]) -> Result<(), usize> {
    match weights
        .iter()
        .position(|weight| !(1..=MAX_SCORE as i64).contains(weight))
    {
        Some(position) => Err(position),
        None => Ok(()),
    }
}

/// A score of the pod scheduler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Score {
    /// The emptiest node.
    LeastAllocated,
    /// The fullest node: bin packing.
    MostAllocated,
    /// Where CPU and memory would be used alike.
    BalancedAllocation,
    /// Where the fewest pods of its kind are.
    Spread,
}

impl Score {
    /// Names in scenarios.
    pub const NAMES: [(Self, &'static str); 4] = [
        (Self::LeastAllocated, "least-allocated"),
        (Self::MostAllocated, "most-allocated"),
        (Self::BalancedAllocation, "balanced-allocation"),
        (Self::Spread, "spread"),
    ];

    /// Weight in the sum of scores: upstream's default profile.
    #[must_use]
    pub fn weight(self) -> u64 {
        match self {
            Self::LeastAllocated | Self::MostAllocated | Self::BalancedAllocation => 1,
            Self::Spread => 2,
        }
    }
}

/// Weight of preferred node affinity, of preferred pod affinity, and of untolerated `PreferNoSchedule`
/// taints in the sum of scores: upstream's default profile.
pub const AFFINITY_WEIGHT: u64 = 2;
/// See `AFFINITY_WEIGHT`.
pub const TAINT_WEIGHT: u64 = 3;

/// What a service's pods ask of their nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placing {
    /// Labels that a node must have.
    pub node_selector: Vec<(String, String)>,
    /// Terms of which a node must match one; none: any node.
    pub node_required: Vec<NodeTerm>,
    /// Terms that a node had better match, with their weights (1 to 100).
    pub node_preferred: Vec<(u64, NodeTerm)>,
    /// Taints that are tolerated.
    pub tolerations: Vec<Toleration>,
    /// Domains in which such pods must run already.
    pub pods_required: Vec<PodTerm>,
    /// Domains in which no such pod may run.
    pub pods_excluded: Vec<PodTerm>,
    /// Domains in which such pods had better run (weight above 0), or not run (below 0).
    pub pods_preferred: Vec<(i64, PodTerm)>,
    /// Skew between domains.
    pub spread: Vec<SpreadConstraint>,
    /// A pod of higher priority is scheduled first, and evicts others when nothing else helps.
    pub priority: i32,
}

impl Placing {
    /// Whether a node with these labels and taints may ever carry such a pod; `Err`: why not, in
    /// kube-scheduler's words.
    ///
    /// # Errors
    /// An untolerated taint, or labels that do not match.
    pub fn allows(&self, labels: &[(String, String)], taints: &[Taint]) -> Result<(), String> {
        if let Some(taint) = untolerated(taints, &self.tolerations) {
            return Err(format!(
                "node(s) had untolerated taint {{{}: {}}}",
                taint.key, taint.value
            ));
        }
        let selected = matches_selector(&self.node_selector, labels);
        let required = &self.node_required;
        if !selected || !(required.is_empty() || required.iter().any(|term| term.matches(labels))) {
            return Err("node(s) didn't match Pod's node affinity/selector".to_owned());
        }
        Ok(())
    }
}

/// A set of pods and the domain in which they are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTerm {
    /// Services whose pods the selector picks, in order.
    pub services: Vec<ServiceId>,
    /// Label of the nodes whose values are the domains.
    pub topology_key: String,
}

/// `topologySpreadConstraints`: how evenly a service's pods lie over domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadConstraint {
    /// Label of the nodes whose values are the domains.
    pub topology_key: String,
    /// Largest difference between a domain's pods and those of the emptiest domain, at least 1.
    pub max_skew: u32,
    /// Whether a node that would break it is out of the question.
    pub required: bool,
    /// Below this many domains the emptiest counts as having none (`DoNotSchedule` only).
    pub min_domains: Option<u32>,
    /// `nodeAffinityPolicy: Honor`: only nodes that the pod's selector and affinity admit have domains (upstream's
    /// default).
    pub honours_affinity: bool,
    /// `nodeTaintsPolicy: Honor`: nodes with taints that the pod does not tolerate have none. By default they do: a zone
    /// that only has such nodes, or cordoned ones, counts as empty.
    pub honours_taints: bool,
    /// Services whose pods are counted, in order.
    pub services: Vec<ServiceId>,
}

impl SpreadConstraint {
    /// Upstream's built-in constraints for pods that state none: hosts with a skew of 3, zones with 5,
    /// both only preferred.
    #[must_use]
    pub fn built_in(service: ServiceId) -> Vec<Self> {
        let constraint = |topology_key: &str, max_skew| Self {
            topology_key: topology_key.to_owned(),
            max_skew,
            required: false,
            min_domains: None,
            honours_affinity: true,
            honours_taints: false,
            services: vec![service],
        };
        vec![constraint(HOSTNAME, 3), constraint(ZONE, 5)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_outside_1_to_100_is_named_by_its_position() {
        assert_eq!(check_weights(&[1, 100]), Ok(()));
        assert_eq!(check_weights(&[1, 0]), Err(1));
        assert_eq!(check_weights(&[-1, 1]), Err(0));
        assert_eq!(check_weights(&[1, 101]), Err(1));
    }

    #[test]
    fn the_first_reason_is_the_taint_and_then_the_labels() {
        let labels = [("disk".to_owned(), "ssd".to_owned())];
        let taints = [Taint {
            key: "gpu".into(),
            value: "yes".into(),
            effect: TaintEffect::NoSchedule,
        }];
        let mut placing = Placing {
            node_selector: vec![("disk".into(), "hdd".into())],
            ..Placing::default()
        };
        let told = placing.allows(&labels, &taints).expect_err("tainted");
        assert_eq!(told, "node(s) had untolerated taint {gpu: yes}");
        placing.tolerations = vec![Toleration {
            key: Some("gpu".into()),
            value: None,
            effect: None,
        }];
        let told = placing.allows(&labels, &taints).expect_err("wrong disk");
        assert_eq!(told, "node(s) didn't match Pod's node affinity/selector");
        placing.node_selector = vec![("disk".into(), "ssd".into())];
        assert_eq!(placing.allows(&labels, &taints), Ok(()));
    }
}
