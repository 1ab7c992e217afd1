//! Clusters, pools, machines and links.

use super::compose::things;
use super::context::Context;
use super::orchestrator;
use super::selector::glob;
use crate::model::scaling::HpaController;
use crate::model::{Cluster, Distribution, Link, Links, Machine, Orchestrator, Pool};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Span};
use crate::units::{Bytes, Cpu, MachineId, PolicyId, SimDuration};

/// Reads `machines`; inline ones are added by pools.
pub(super) fn machines(cx: &mut Context, root: &Node) -> Vec<Machine> {
    let entries = things(cx, root.get("machines"), None, "machine");
    let mut found = Vec::new();
    for entry in &entries {
        cx.define("machine", entry);
        cx.names.machines.push(entry.key.clone());
        cx.check_keys(
            &entry.value,
            &[&keys::MACHINE],
            &format!("machine `{}`", entry.key),
        );
        found.push(machine(cx, entry.key.clone(), &entry.value));
    }
    found
}

fn machine(cx: &mut Context, name: String, node: &Node) -> Machine {
    Machine {
        name,
        cpu: node
            .get("cpu")
            .and_then(|cpu| cx.cpu(cpu, "cpu"))
            .unwrap_or(Cpu(1000)),
        memory: node
            .get("memory")
            .and_then(|memory| cx.bytes(memory, "memory"))
            .unwrap_or(Bytes(1 << 30)),
        pods: cx.count_or(node, "pods", 110),
        price_per_hour: node
            .get("price")
            .and_then(|price| cx.money_per_hour(price, "price"))
            .unwrap_or(0.0),
        speed: node
            .get("speed")
            .and_then(|speed| cx.factor(speed, "speed"))
            .unwrap_or(1.0),
    }
}

/// The clusters' entries, `like` followed; names are noted.
pub(super) fn cluster_entries(cx: &mut Context, root: &Node) -> Vec<Entry> {
    let entries = things(cx, root.get("clusters"), None, "cluster");
    for entry in &entries {
        cx.define("cluster", entry);
        cx.names.clusters.push(entry.key.clone());
    }
    if entries.is_empty() {
        cx.names.clusters.push("default".to_owned());
    }
    entries
}

/// Reads `clusters`. Policies must be known.
pub(super) fn clusters(
    cx: &mut Context,
    root: &Node,
    entries: &[Entry],
    machines: &mut Vec<Machine>,
) -> Vec<Cluster> {
    let pool_defaults = root
        .get("defaults")
        .and_then(|defaults| defaults.get("pool"));
    if entries.is_empty() {
        cx.names.pools.push(Vec::new());
        let empty = Node {
            value: crate::scenario::node::Value::Map(Vec::new()),
            span: root.span,
            origin: String::new(),
        };
        return vec![cluster(cx, "default", &empty, None, machines)];
    }
    let mut found = Vec::new();
    for entry in entries {
        cx.check_keys(
            &entry.value,
            &[&keys::CLUSTER],
            &format!("cluster `{}`", entry.key),
        );
        found.push(cluster(
            cx,
            &entry.key,
            &entry.value,
            pool_defaults,
            machines,
        ));
    }
    found
}

/// Settings of the autoscaling controller.
fn controller(cx: &mut Context, hpa: Option<&Node>) -> HpaController {
    let default = HpaController::default();
    HpaController {
        tolerance: hpa
            .and_then(|hpa| hpa.get("tolerance"))
            .and_then(|text| cx.ratio(text, "tolerance"))
            .unwrap_or(default.tolerance),
        downscale_stabilization: cx.duration_in(
            hpa,
            "downscaleStabilization",
            default.downscale_stabilization,
        ),
        initial_readiness_delay: cx.duration_in(
            hpa,
            "initialReadinessDelay",
            default.initial_readiness_delay,
        ),
        cpu_initialization_period: cx.duration_in(
            hpa,
            "cpuInitializationPeriod",
            default.cpu_initialization_period,
        ),
        ..default
    }
}

fn cluster(
    cx: &mut Context,
    name: &str,
    node: &Node,
    pool_defaults: Option<&Node>,
    machines: &mut Vec<Machine>,
) -> Cluster {
    let words = [
        (Orchestrator::Kubernetes, "kubernetes"),
        (Orchestrator::FixedHosts, "fixed-hosts"),
        (Orchestrator::Marathon, "marathon"),
    ];
    let orchestrator = node
        .get("orchestrator")
        .and_then(|word| cx.word(word, "orchestrator", &words, &[]));
    let zones = orchestrator::zones(cx, node);
    let pools = pools(cx, name, node, pool_defaults, &zones, machines);
    check_ranges(cx, node, &pools);
    if let Some(hpa) = node.get("hpa") {
        cx.check_keys(
            hpa,
            &[&keys::CLUSTER_HPA],
            &format!("`hpa` of cluster `{name}`"),
        );
    }
    if let Some(metrics) = node.get("metrics") {
        cx.check_keys(
            metrics,
            &[&keys::METRICS],
            &format!("`metrics` of cluster `{name}`"),
        );
    }
    let policies = cx.names.policies.clone();
    let scaling = node
        .get("scaling")
        .and_then(|policy| cx.find("scaling policy", policy, &policies))
        .map(PolicyId::from_index);
    let hpa = node.get("hpa");
    let metrics = node.get("metrics");
    Cluster {
        name: name.to_owned(),
        orchestrator: orchestrator.unwrap_or(Orchestrator::Kubernetes),
        pools,
        scaling,
        propagation: node
            .get("propagation")
            .and_then(|text| cx.distribution(text, "propagation"))
            .unwrap_or(Distribution::constant(1.0)),
        hpa_sync_period: cx.positive_duration_in(hpa, "syncPeriod", SimDuration::from_secs(15)),
        hpa: controller(cx, hpa),
        metrics_resolution: cx.positive_duration_in(
            metrics,
            "resolution",
            SimDuration::from_secs(15),
        ),
        metrics_delay: cx.duration_in(metrics, "delay", SimDuration::ZERO),
        zones,
        scheduler: orchestrator::scheduler(cx, node),
        node_autoscaler: orchestrator::node_autoscaler(cx, node),
        limits: orchestrator::limits(cx, name, node),
        deploy_time: orchestrator::deploy_time(cx, node),
    }
}

/// A number of nodes that changes needs somebody who changes it.
fn check_ranges(cx: &mut Context, node: &Node, pools: &[Pool]) {
    if node.get("clusterAutoscaler").is_some() {
        return;
    }
    for pool in pools.iter().filter(|pool| pool.max_nodes > pool.nodes) {
        let written = node.get("pools").and_then(|pools| pools.get(&pool.name));
        if let Some(nodes) = written.and_then(|written| written.get("nodes")) {
            cx.problem(
                "W413",
                nodes.span,
                format!("nobody adds nodes to pool `{}`", pool.name),
                format!("it stays at {}", pool.nodes),
                "give the cluster a `clusterAutoscaler: {}`, or write a fixed number",
            );
        }
    }
}

fn pools(
    cx: &mut Context,
    cluster: &str,
    node: &Node,
    defaults: Option<&Node>,
    zones: &[String],
    machines: &mut Vec<Machine>,
) -> Vec<Pool> {
    let entries = things(cx, node.get("pools"), defaults, "pool");
    let mut found = Vec::new();
    for entry in &entries {
        cx.check_name(&entry.key, entry.key_span);
        let owner = format!("pool `{}`", entry.key);
        cx.check_keys(&entry.value, &[&keys::POOL], &owner);
        let (nodes, max_nodes) = orchestrator::node_counts(cx, &entry.value);
        let (labels, taints) = orchestrator::marks(cx, &entry.value);
        let machine = match entry.value.get("machine") {
            Some(name) => {
                let known = cx.names.machines.clone();
                cx.find("machine", name, &known).map(MachineId::from_index)
            }
            None => {
                for key in ["cpu", "memory"] {
                    if entry.value.get(key).is_none() {
                        cx.missing(
                            entry.key_span,
                            &owner,
                            key,
                            "size, or `machine:` with the name of a machine",
                        );
                    }
                }
                machines.push(machine(
                    cx,
                    format!("{cluster}/{}", entry.key),
                    &entry.value,
                ));
                Some(MachineId::from_index(machines.len() - 1))
            }
        };
        // A pool whose machine is unknown stays in the names; the scenario is refused anyway.
        found.push(Pool {
            name: entry.key.clone(),
            machine: machine.unwrap_or(MachineId(0)),
            nodes,
            max_nodes,
            boot: orchestrator::boot(cx, &entry.value),
            zones: orchestrator::pool_zones(cx, &entry.value, zones),
            labels,
            taints,
            contention: orchestrator::contention(cx, &entry.value),
            priority: cx.count_or(&entry.value, "priority", 0),
        });
    }
    cx.names
        .pools
        .push(found.iter().map(|pool| pool.name.clone()).collect());
    found
}

struct Written {
    from: String,
    to: String,
    both: bool,
    link: Link,
}

/// Resolves `links` into the full table: users first, then clusters.
pub(super) fn links(cx: &mut Context, root: &Node) -> Links {
    let mut default = Link {
        one_way: Distribution::constant(250e-6),
        bandwidth: None,
        egress_per_byte: 0.0,
        name: "default".to_owned(),
    };
    cx.names.places = user_places(root);
    let mut written = Vec::new();
    for entry in root.get("links").map_or(&[][..], Node::entries) {
        if entry.key.starts_with("x-") {
            continue;
        }
        let link = link(cx, entry, &default);
        if entry.key == "default" {
            default = link;
        } else if let Some((from, to, both)) = ends(cx, &entry.key, entry.key_span) {
            written.push(Written {
                from,
                to,
                both,
                link,
            });
        }
    }
    let clusters = cx.names.clusters.clone();
    let names: Vec<&str> = std::iter::once(USERS)
        .chain(clusters.iter().map(String::as_str))
        .collect();
    let mut table = Vec::with_capacity(names.len() * names.len());
    let between = |from: &str, to: &str| {
        let best = written
            .iter()
            .filter_map(|link| fit(link, from, to).map(|score| (score, link)))
            .max_by_key(|(score, _)| *score);
        best.map_or_else(|| default.clone(), |(_, link)| link.link.clone())
    };
    for from in &names {
        table.extend(names.iter().map(|to| between(from, to)));
    }
    for place in &cx.names.places {
        let place = format!("{USERS}.{place}");
        for cluster in &clusters {
            table.push(between(&place, cluster));
            table.push(between(cluster, &place));
        }
    }
    Links {
        clusters: clusters.len(),
        places: cx.names.places.clone(),
        table,
    }
}

/// The users as an end of a link; those of a place are `users.PLACE`.
const USERS: &str = "users";

/// Places that `from` of any load names, in order of their first mention.
fn user_places(root: &Node) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    let loads = root.get("load").map_or(&[][..], Node::entries);
    for from in loads.iter().filter_map(|load| load.value.get("from")) {
        for entry in from.entries() {
            if !places.contains(&entry.key) {
                places.push(entry.key.clone());
            }
        }
    }
    places
}

/// How specifically a written link fits a hop; `None`: it does not.
fn fit(link: &Written, from: &str, to: &str) -> Option<u32> {
    let of_users = |name: &str| name == USERS || name.starts_with("users.");
    let end = |pattern: &str, name: &str| match pattern {
        pattern if pattern == name => Some(3),
        USERS if of_users(name) => Some(2),
        "any" => Some(0),
        pattern if pattern.contains('*') && !of_users(name) && glob(pattern, name) => Some(1),
        _ => None,
    };
    // A link names two places: hops inside one cluster are the default's unless written as such.
    if from == to && link.from != link.to {
        return None;
    }
    let one = |a: &str, b: &str| {
        end(a, from)
            .zip(end(b, to))
            .map(|(left, right)| left + right)
    };
    let forward = one(&link.from, &link.to);
    let backward = if link.both {
        one(&link.to, &link.from)
    } else {
        None
    };
    // A link in one direction beats one for both.
    forward
        .max(backward)
        .map(|score| score * 2 + u32::from(!link.both))
}

fn ends(cx: &mut Context, key: &str, span: Span) -> Option<(String, String, bool)> {
    let split = key
        .split_once(" <-> ")
        .map(|(a, b)| (a, b, true))
        .or_else(|| key.split_once(" -> ").map(|(a, b)| (a, b, false)));
    let Some((from, to, both)) = split else {
        cx.problem(
            "E205",
            span,
            format!("`{}` is not a link", key.escape_default()),
            "two places are needed",
            "write `A <-> B`, `A -> B` or `default`",
        );
        return None;
    };
    let mut fine = true;
    for (end, offset) in [(from, 0), (to, key.len() - to.len())] {
        let known = end == "users"
            || end == "any"
            || (end.contains('*') && cx.names.clusters.iter().any(|name| glob(end, name)));
        let place = end.strip_prefix("users.");
        if place.is_some_and(|place| cx.names.places.iter().any(|name| name == place)) {
            continue;
        }
        if end.contains('/') {
            cx.unbuilt(end, span.part(offset, end.len()));
            fine = false;
        } else if let (false, Some(_)) = (known, cx.names.clusters.iter().find(|name| *name == end))
        {
            cx.using("cluster", end);
        } else if !known {
            let known: Vec<String> = cx
                .names
                .clusters
                .iter()
                .cloned()
                .chain([USERS.to_owned(), "any".to_owned()])
                .chain(
                    cx.names
                        .places
                        .iter()
                        .map(|place| format!("{USERS}.{place}")),
                )
                .collect();
            let help = crate::scenario::suggest::nearest(end, known.iter().map(String::as_str));
            let help = help
                .map(|name| format!("did you mean `{name}`?"))
                .unwrap_or_default();
            cx.problem(
                "E300",
                span.part(offset, end.len()),
                format!("link to unknown cluster `{}`", end.escape_default()),
                "no such cluster",
                help,
            );
            fine = false;
        }
    }
    fine.then(|| (from.to_owned(), to.to_owned(), both))
}

fn link(cx: &mut Context, entry: &Entry, default: &Link) -> Link {
    let node = &entry.value;
    let owner = format!("link `{}`", entry.key);
    cx.check_keys(node, &[&keys::LINK], &owner);
    let delay = cx.exactly_one(node, &owner, &["oneWay", "rtt"]);
    let one_way = delay.and_then(|delay| {
        if delay.key == "rtt" {
            cx.half_distribution(&delay.value, "rtt")
        } else {
            cx.distribution(&delay.value, "oneWay")
        }
    });
    Link {
        one_way: one_way.unwrap_or_else(|| default.one_way.clone()),
        bandwidth: node
            .get("bandwidth")
            .and_then(|text| cx.bandwidth(text, "bandwidth")),
        egress_per_byte: node
            .get("egress")
            .and_then(|text| cx.money_per_byte(text, "egress"))
            .unwrap_or(0.0),
        name: entry.key.clone(),
    }
}
