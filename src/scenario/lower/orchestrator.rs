//! Settings of a cluster's pod scheduler, autoscaler of nodes and limits; zones, labels and taints of its pools.

use super::compose::texts;
use super::context::Context;
use super::pods::{label_map, taint};
use crate::model::placement::{Score, Taint};
use crate::model::{Contention, Distribution, Expander, Limits, NodeAutoscaler, SchedulerSettings};
use crate::scenario::keys;
use crate::scenario::node::Node;
use crate::units::SimDuration;

/// `zones`: one, `a`, unless written.
pub(super) fn zones(cx: &mut Context, node: &Node) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for zone in node.get("zones").map_or(Vec::new(), texts) {
        let Some(name) = zone.text() else {
            cx.wrong_shape(zone, "a zone", "a name");
            continue;
        };
        cx.check_name(name, zone.span);
        if found.iter().any(|other| other == name) {
            cx.problem(
                "E005",
                zone.span,
                format!("zone `{}` stands twice", name.escape_default()),
                "a second time",
                "",
            );
        } else {
            found.push(name.to_owned());
        }
    }
    if found.is_empty() {
        found.push("a".to_owned());
    }
    found
}

/// Positions of a pool's zones among its cluster's: all unless written.
pub(super) fn pool_zones(cx: &mut Context, node: &Node, zones: &[String]) -> Vec<usize> {
    match node.get("zones") {
        Some(written) => texts(written)
            .into_iter()
            .filter_map(|zone| cx.find("zone", zone, zones))
            .collect(),
        None => (0..zones.len()).collect(),
    }
}

/// `nodes` of a pool: fewest and most.
pub(super) fn node_counts(cx: &mut Context, node: &Node) -> (u32, u32) {
    let Some(nodes) = node.get("nodes") else {
        return (3, 3);
    };
    let Some((first, last)) = nodes.text().and_then(|text| text.split_once("..")) else {
        let count = cx.small_count(nodes, "nodes").unwrap_or(3);
        return (count, count);
    };
    match (first.parse::<u32>(), last.parse::<u32>()) {
        (Ok(first), Ok(last)) if first <= last && last > 0 => (first, last),
        _ => {
            cx.problem(
                "E203",
                nodes.span,
                format!(
                    "`nodes: {}` is no range of counts",
                    nodes.text().unwrap_or_default().escape_default()
                ),
                "fewest..most",
                "write for example `2..8`",
            );
            (1, 1)
        }
    }
}

/// Labels and taints of a pool's nodes.
pub(super) fn marks(cx: &mut Context, node: &Node) -> (Vec<(String, String)>, Vec<Taint>) {
    let labels = node
        .get("labels")
        .map(|labels| label_map(cx, labels, "`labels`"))
        .unwrap_or_default();
    let taints = node.get("taints").map_or(&[][..], Node::items);
    (
        labels,
        taints.iter().filter_map(|one| taint(cx, one)).collect(),
    )
}

/// `contention` of a pool.
pub(super) fn contention(cx: &mut Context, node: &Node) -> Contention {
    let map = node
        .get("contention")
        .filter(|map| cx.check_keys(map, &[&keys::CONTENTION], "`contention`"));
    let mut ratio = |key: &str, default: f64| {
        map.and_then(|map| map.get(key))
            .and_then(|text| cx.probability(text, key))
            .unwrap_or(default)
    };
    Contention {
        above: ratio("above", 0.8),
        slowdown: ratio("slowdown", 0.0),
    }
}

/// `boot` of a pool.
pub(super) fn boot(cx: &mut Context, node: &Node) -> Distribution {
    node.get("boot")
        .and_then(|text| cx.distribution(text, "boot"))
        .unwrap_or(Distribution::constant(210.0))
}

/// `deploy.time` of a cluster.
pub(super) fn deploy_time(cx: &mut Context, node: &Node) -> Option<Distribution> {
    let map = node.get("deploy")?;
    cx.check_keys(map, &[&keys::DEPLOY], "`deploy`");
    cx.distribution(map.get("time")?, "time")
}

/// `scheduler` of a cluster.
pub(super) fn scheduler(cx: &mut Context, node: &Node) -> SchedulerSettings {
    let mut settings = SchedulerSettings::default();
    let Some(map) = node.get("scheduler") else {
        return settings;
    };
    if !cx.check_keys(map, &[&keys::SCHEDULER], "`scheduler`") {
        return settings;
    }
    if let Some(list) = map.get("score") {
        settings.scores = texts(list)
            .into_iter()
            .filter_map(|word| cx.word(word, "score", &Score::NAMES, &[]))
            .collect();
        settings.scores.dedup();
    }
    if let Some(word) = map.get("preemption") {
        settings.preemption = cx.truth(word, "preemption").unwrap_or(true);
    }
    settings
}

/// `limits` of a cluster.
pub(super) fn limits(cx: &mut Context, name: &str, node: &Node) -> Limits {
    let mut limits = Limits::default();
    let Some(map) = node.get("limits") else {
        return limits;
    };
    if !cx.check_keys(
        map,
        &[&keys::LIMITS],
        &format!("`limits` of cluster `{name}`"),
    ) {
        return limits;
    }
    limits.pods_per_node = cx.count_or(map, "podsPerNode", limits.pods_per_node);
    limits.nodes = cx.count_or(map, "nodes", limits.nodes);
    limits.pods = cx.count_or(map, "pods", limits.pods);
    limits.containers = cx.count_or(map, "containers", limits.containers);
    limits.ips = map.get("ips").and_then(|text| cx.small_count(text, "ips"));
    limits.pod_launch_rate = positive_rate(cx, map, "podLaunchRate");
    limits.api_rate = positive_rate(cx, map, "apiRate");
    limits.api_burst = map
        .get("apiBurst")
        .and_then(|text| cx.small_count(text, "apiBurst"));
    if let Some(text) = map.get("registryBandwidth") {
        limits.registry_bandwidth = cx
            .bandwidth(text, "registryBandwidth")
            .unwrap_or(limits.registry_bandwidth);
    }
    limits
}

/// A rate above zero, a second.
pub(super) fn positive_rate(cx: &mut Context, map: &Node, key: &str) -> Option<f64> {
    let node = map.get(key)?;
    let rate = cx.rate(node, key)?;
    if rate <= 0.0 {
        cx.problem(
            "E203",
            node.span,
            format!("`{key}` is 0"),
            "nothing would ever start",
            "",
        );
        return None;
    }
    Some(rate)
}

/// `clusterAutoscaler` of a cluster.
pub(super) fn node_autoscaler(cx: &mut Context, node: &Node) -> Option<NodeAutoscaler> {
    let map = node.get("clusterAutoscaler")?;
    if !cx.check_keys(map, &[&keys::CLUSTER_AUTOSCALER], "`clusterAutoscaler`") {
        return None;
    }
    if let Some(mode) = map.get("mode") {
        cx.word(mode, "mode", &[((), "cluster-autoscaler")], &["karpenter"]);
    }
    let expanders = [
        (Expander::Random, "random"),
        (Expander::LeastWaste, "least-waste"),
        (Expander::MostPods, "most-pods"),
        (Expander::LeastNodes, "least-nodes"),
        (Expander::Priority, "priority"),
    ];
    let later = ["price"];
    let expander = map
        .get("expander")
        .and_then(|word| cx.word(word, "expander", &expanders, &later));
    let quota = map
        .get("quota")
        .filter(|quota| cx.check_keys(quota, &[&keys::QUOTA], "`quota`"));
    let minutes = |minutes: u64| SimDuration::from_secs(60 * minutes);
    Some(NodeAutoscaler {
        scan_interval: cx.positive_duration_in(
            Some(map),
            "scanInterval",
            SimDuration::from_secs(10),
        ),
        expander: expander.unwrap_or(Expander::Random),
        scale_down_unneeded_time: cx.duration_in(Some(map), "scaleDownUnneededTime", minutes(10)),
        scale_down_delay_after_add: cx.duration_in(
            Some(map),
            "scaleDownDelayAfterAdd",
            minutes(10),
        ),
        scale_down_delay_after_failure: cx.duration_in(
            Some(map),
            "scaleDownDelayAfterFailure",
            minutes(3),
        ),
        scale_down_utilization_threshold: map
            .get("scaleDownUtilizationThreshold")
            .and_then(|text| cx.probability(text, "scaleDownUtilizationThreshold"))
            .unwrap_or(0.5),
        max_node_provision_time: cx.positive_duration_in(
            Some(map),
            "maxNodeProvisionTime",
            minutes(15),
        ),
        max_empty_bulk_delete: cx.count_or(map, "maxEmptyBulkDelete", 10),
        quota_cpu: quota
            .and_then(|quota| quota.get("cpu"))
            .and_then(|text| cx.cpu(text, "cpu"))
            .map(|cpu| cpu.0),
        quota_nodes: quota
            .and_then(|quota| quota.get("nodes"))
            .and_then(|text| cx.small_count(text, "nodes")),
    })
}
