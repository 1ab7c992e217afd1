//! Faults: when, how long, what.

use super::compose::{texts, things};
use super::context::Context;
use super::orchestrator::positive_rate;
use crate::model::fault::{Fault, FaultKind, FaultTime, LinkFault};
use crate::model::{Cluster, LinkEnd, Links};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node};
use crate::units::{ClusterId, ServiceId};

/// Reads `faults`. Clusters and services must be known.
pub(super) fn faults(cx: &mut Context, root: &Node, clusters: &[Cluster]) -> Vec<Fault> {
    let mut found = Vec::new();
    for entry in &things(cx, root.get("faults"), None, "fault") {
        cx.check_name(&entry.key, entry.key_span);
        let owner = format!("fault `{}`", entry.key);
        if !cx.check_keys(&entry.value, &[&keys::FAULT], &owner) {
            continue;
        }
        let when = when(cx, &entry.value, &owner);
        let length = entry
            .value
            .get("for")
            .and_then(|text| cx.distribution(text, "for"));
        let kind = cx
            .exactly_one(&entry.value, &owner, &keys::FAULT_KINDS)
            .cloned()
            .and_then(|written| kind(cx, &written, clusters));
        if let (Some(FaultTime::Every(_)), None, Some(every)) =
            (&when, &length, entry.value.entry("every"))
        {
            cx.problem(
                "E102",
                every.key_span,
                format!("{owner} happens again and again, but does not end"),
                "`for` is needed here",
                "add `for:` with a duration",
            );
        }
        if let (Some(when), Some(kind)) = (when, kind) {
            found.push(Fault {
                name: entry.key.clone(),
                when,
                length,
                kind,
            });
        }
    }
    found
}

fn when(cx: &mut Context, node: &Node, owner: &str) -> Option<FaultTime> {
    let written = cx.exactly_one(node, owner, &["at", "every"])?;
    if written.key == "at" {
        return cx.instant(&written.value, "at").map(FaultTime::At);
    }
    let every = cx.distribution(&written.value, "every")?;
    if every.mean() <= 0.0 {
        cx.problem(
            "E203",
            written.value.span,
            "`every` is 0",
            "it would never stop",
            "write for example `exp(7d)`",
        );
        return None;
    }
    Some(FaultTime::Every(every))
}

fn kind(cx: &mut Context, written: &Entry, clusters: &[Cluster]) -> Option<FaultKind> {
    let node = &written.value;
    let tables = [
        &keys::FAULT_NODE,
        &keys::FAULT_ZONE,
        &keys::CLUSTER_FAULT,
        &keys::LINK_FAULT,
        &keys::PART_FAULT,
        &keys::PART_FAULT,
        &keys::REGISTRY_FAULT,
        &keys::NEIGHBOUR,
        &keys::SLOW,
        &keys::FAILING,
        &keys::RELEASE,
        &keys::LIMIT_FAULT,
    ];
    let place = keys::FAULT_KINDS
        .iter()
        .position(|name| *name == written.key)?;
    let owner = format!("`{}`", written.key);
    if !cx.check_keys(node, &[tables[place]], &owner) {
        return None;
    }
    let factor = |cx: &mut Context, key: &str, default: f64| {
        node.get(key)
            .and_then(|text| cx.factor(text, key))
            .unwrap_or(default)
    };
    let share = |cx: &mut Context, key: &str, default: f64| {
        node.get(key)
            .and_then(|text| cx.probability(text, key))
            .unwrap_or(default)
    };
    Some(match written.key.as_str() {
        "node" => {
            let (cluster, pool) = pool(cx, written, clusters)?;
            FaultKind::Node {
                cluster,
                pool,
                count: cx.count_or(node, "count", 1),
            }
        }
        "zone" => {
            let cluster = cluster(cx, written)?;
            let zones = clusters.get(cluster.index())?.zones.clone();
            FaultKind::Zone {
                cluster,
                zone: cx.find("zone", node.get("name")?, &zones)?,
            }
        }
        "cluster" => FaultKind::Cluster {
            cluster: cx.cluster(node.get("name")?)?,
        },
        "link" => FaultKind::Link {
            hops: hops(cx, node.get("between")?)?,
            state: LinkFault {
                factor: factor(cx, "oneWay", 1.0),
                loss: share(cx, "loss", 0.0),
                cut: node
                    .get("cut")
                    .and_then(|word| cx.truth(word, "cut"))
                    .unwrap_or(false),
            },
        },
        "control-plane" => FaultKind::ControlPlane {
            cluster: cluster(cx, written)?,
        },
        "metrics" => FaultKind::Metrics {
            cluster: cluster(cx, written)?,
        },
        "registry" => FaultKind::Registry {
            cluster: cluster(cx, written)?,
            bandwidth: cx.bandwidth(node.get("bandwidth")?, "bandwidth")?,
        },
        "neighbour" => {
            let (cluster, pool) = pool(cx, written, clusters)?;
            let slowdown = share(cx, "slowdown", 0.0);
            if slowdown >= 1.0 {
                cx.problem(
                    "E203",
                    node.get("slowdown")?.span,
                    "`slowdown` leaves nothing",
                    "below 100%",
                    "for nodes that do not work at all there is `node`",
                );
                return None;
            }
            FaultKind::Neighbour {
                cluster,
                pool,
                slowdown,
            }
        }
        "slow" => FaultKind::Slow {
            service: service(cx, node)?,
            factor: factor(cx, "factor", 1.0),
        },
        "failing" => FaultKind::Failing {
            service: service(cx, node)?,
            errors: share(cx, "errors", 0.2),
        },
        "release" => FaultKind::Release {
            service: service(cx, node)?,
            errors: share(cx, "errors", 0.0),
            work: factor(cx, "work", 1.0),
            rollback: node
                .get("rollback")
                .and_then(|text| cx.duration(text, "rollback")),
        },
        _ => FaultKind::Limit {
            cluster: cluster(cx, written)?,
            pod_launch_rate: positive_rate(cx, node, "podLaunchRate"),
            api_rate: positive_rate(cx, node, "apiRate"),
        },
    })
}

fn service(cx: &mut Context, node: &Node) -> Option<ServiceId> {
    cx.service(node.get("service")?)
}

/// The cluster written, or the only one.
fn cluster(cx: &mut Context, written: &Entry) -> Option<ClusterId> {
    match written.value.get("cluster") {
        Some(name) => cx.cluster(name),
        None if cx.names.clusters.len() == 1 => Some(ClusterId(0)),
        None => {
            let owner = format!("`{}`", written.key);
            cx.missing(
                written.key_span,
                &owner,
                "cluster",
                "name: there are several",
            );
            None
        }
    }
}

/// A pool and its cluster: the one written, or the only one with such a pool.
fn pool(cx: &mut Context, written: &Entry, clusters: &[Cluster]) -> Option<(ClusterId, usize)> {
    let name = written.value.get("pool")?;
    if written.value.get("cluster").is_none() {
        let text = name.text().unwrap_or_default();
        let found: Vec<(usize, usize)> = clusters
            .iter()
            .enumerate()
            .filter_map(|(index, cluster)| {
                let pool = cluster.pools.iter().position(|pool| pool.name == text)?;
                Some((index, pool))
            })
            .collect();
        if let [(cluster, pool)] = found.as_slice() {
            return Some((ClusterId::from_index(*cluster), *pool));
        }
    }
    let cluster = cluster(cx, written)?;
    let pools: Vec<String> = clusters
        .get(cluster.index())?
        .pools
        .iter()
        .map(|pool| pool.name.clone())
        .collect();
    Some((cluster, cx.find("pool", name, &pools)?))
}

/// Both hops between two places.
fn hops(cx: &mut Context, node: &Node) -> Option<Vec<usize>> {
    let ends = texts(node);
    let [from, to] = ends.as_slice() else {
        cx.wrong_shape(node, "`between`", "a list of two places");
        return None;
    };
    let end = |cx: &mut Context, node: &Node| {
        if node.text() == Some("users") {
            Some(LinkEnd::Users)
        } else {
            cx.cluster(node).map(LinkEnd::Cluster)
        }
    };
    let (from, to) = (end(cx, from)?, end(cx, to)?);
    let places = cx.names.clusters.len() + 1;
    let hop = |from, to| Links::place(from) * places + Links::place(to);
    let mut found = vec![hop(from, to), hop(to, from)];
    found.dedup();
    Some(found)
}
