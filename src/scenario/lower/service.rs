//! Services: resources, slots, life of replicas, and their endpoints.

use super::compose::texts;
use super::context::{Context, ServiceNames};
use super::scaling::named_or_inline;
use super::steps::{CallRecord, MESSAGE, Program};
use super::work::{is_guest, refuse_in_guest};
use super::{policy, queue};
use crate::model::scaling::ScalingRule;
use crate::model::service::WarmupOver;
use crate::model::{
    Cache, CallPolicy, Cluster, Distribution, Endpoint, Placed, PodRules, ScalingPolicy, Service,
    ServiceKind, Warmup,
};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::{Bytes, ClusterId, EndpointId, ServiceId, SimDuration, TeamId};

/// Notes the names of all services and endpoints, so that calls can go forward.
pub(super) fn note_names(cx: &mut Context, composed: &[Entry]) {
    let (mut next, mut next_cache) = (0, 0);
    for entry in composed {
        cx.check_name(&entry.key, entry.key_span);
        let mut endpoints = Vec::new();
        let mut add = |name: &str| {
            endpoints.push((name.to_owned(), EndpointId::from_index(next)));
            next += 1;
        };
        if let Some(map) = entry.value.get("endpoints") {
            for endpoint in map
                .entries()
                .iter()
                .filter(|endpoint| !endpoint.key.starts_with("x-"))
            {
                add(&endpoint.key);
            }
        } else if entry.value.get("steps").is_some() {
            add("default");
        }
        let callers = match entry.value.get("callers") {
            Some(node) => {
                cx.check_keys(
                    node,
                    &[&keys::CALL_POLICY],
                    &format!("`callers` of service `{}`", entry.key),
                );
                if let Some(steps) = node.get("fallback").filter(|steps| steps.text().is_none()) {
                    cx.wrong_shape(
                        steps,
                        "`fallback` of all callers",
                        "`degraded` or `none`; steps stand on a call",
                    );
                }
                policy::over(cx, &CallPolicy::built_in(), node)
            }
            None => CallPolicy::built_in(),
        };
        let draw_name = entry
            .value
            .get("was")
            .and_then(Node::text)
            .unwrap_or(&entry.key)
            .to_owned();
        cx.names.services.push(ServiceNames {
            name: entry.key.clone(),
            draw_name,
            endpoints,
            caches: super::caches::note_names(entry, &mut next_cache),
            callers,
            connects: entry.value.get("connections").is_some(),
        });
    }
    check_former_names(cx, composed);
}

fn check_former_names(cx: &mut Context, composed: &[Entry]) {
    for (index, entry) in composed.iter().enumerate() {
        let Some(was) = entry.value.get("was") else {
            continue;
        };
        let draw_name = cx.names.services[index].draw_name.clone();
        let other = cx
            .names
            .services
            .iter()
            .enumerate()
            .find(|(other, names)| *other != index && names.draw_name == draw_name);
        if let Some((_, other)) = other {
            let name = other.name.clone();
            cx.problem(
                "E306",
                was.span,
                format!("two services draw as `{draw_name}`"),
                format!("`{name}` does already"),
                "give each its own former name, or none",
            );
        }
    }
}

/// Everything that services become.
pub(super) struct Lowered {
    pub services: Vec<Service>,
    pub endpoints: Vec<Endpoint>,
    pub caches: Vec<Cache>,
    pub calls: Vec<CallRecord>,
}

/// Reads all composed services.
pub(super) fn services(
    cx: &mut Context,
    composed: &[Entry],
    clusters: &[Cluster],
    policies: &mut Vec<ScalingPolicy>,
) -> Lowered {
    let mut lowered = Lowered {
        services: Vec::new(),
        endpoints: Vec::new(),
        caches: Vec::new(),
        calls: Vec::new(),
    };
    let labels = super::pods::labels(composed);
    for (index, entry) in composed.iter().enumerate() {
        let owner = format!("service `{}`", entry.key);
        cx.check_keys(&entry.value, &[&keys::SERVICE], &owner);
        let id = ServiceId::from_index(index);
        endpoints(cx, entry, id, &mut lowered);
        lowered.caches.extend(super::caches::read(cx, entry, id));
        let mut service = service(cx, entry, id, clusters, policies);
        service.pods = super::pods::rules(cx, &entry.value, &labels);
        lowered.services.push(service);
    }
    let owners: Vec<_> = lowered.endpoints.iter().map(|one| one.service).collect();
    super::connections::note_edges(cx, &lowered.services, &owners);
    lowered
}

fn service(
    cx: &mut Context,
    entry: &Entry,
    id: ServiceId,
    clusters: &[Cluster],
    policies: &mut Vec<ScalingPolicy>,
) -> Service {
    let node = &entry.value;
    let teams = cx.names.teams.clone();
    let team = node
        .get("team")
        .and_then(|team| cx.find("team", team, &teams))
        .map(TeamId::from_index);
    let kinds = [
        (ServiceKind::Stateless, "stateless"),
        (ServiceKind::Stateful, "stateful"),
        (ServiceKind::Batch, "batch"),
        (ServiceKind::Ephemeral, "ephemeral"),
    ];
    let kind = node
        .get("kind")
        .and_then(|kind| cx.word(kind, "kind", &kinds, &[]));
    let (resources, processor) = super::resources::read(cx, node);
    let grace = node
        .get("terminationGracePeriodSeconds")
        .and_then(|text| cx.plain_number(text, "terminationGracePeriodSeconds"));
    let at = home(cx, entry);
    Service {
        name: entry.key.clone(),
        title: node
            .get("title")
            .and_then(Node::text)
            .unwrap_or(&entry.key)
            .to_owned(),
        draw_name: cx.names.services[id.index()].draw_name.clone(),
        team,
        tier: tier(cx, node),
        kind: kind.unwrap_or(ServiceKind::Stateless),
        pinned: node
            .get("pinned")
            .and_then(|word| cx.truth(word, "pinned"))
            .unwrap_or(false),
        labels: labels(node),
        effort_days: node
            .get("effort")
            .and_then(|text| cx.effort(text, "effort")),
        portable_from: node
            .get("portable")
            .and_then(|text| cx.instant(text, "portable")),
        placed: placed(cx, entry, &at, clusters, policies),
        clusters: at,
        resources,
        processor,
        shared_processor: super::caches::shared(cx, node),
        concurrency: node
            .get("concurrency")
            .and_then(|text| queue::unlimited_or_count(cx, text, "concurrency")),
        queue: queue::read(cx, node),
        connections: super::connections::read(cx, node, id),
        memory_per_request: node
            .get("memoryPerRequest")
            .and_then(|text| cx.bytes(text, "memoryPerRequest"))
            .unwrap_or(Bytes(0)),
        startup: node
            .get("startup")
            .and_then(|text| cx.distribution(text, "startup"))
            .unwrap_or(Distribution::constant(10.0)),
        warmup: node.get("warmup").and_then(|warmup| warmup_of(cx, warmup)),
        termination_grace: SimDuration::from_seconds(grace.unwrap_or(30.0)),
        pre_stop: node
            .get("lifecycle")
            .map_or(SimDuration::ZERO, |lifecycle| pre_stop(cx, lifecycle)),
        pods: PodRules::default(),
        endpoints: cx.names.services[id.index()]
            .endpoints
            .iter()
            .map(|(_, endpoint)| *endpoint)
            .collect(),
    }
}

/// Labels with a single value, as written.
fn labels(node: &Node) -> Vec<(String, String)> {
    let entries = node.get("labels").map_or(&[][..], Node::entries);
    entries
        .iter()
        .filter_map(|label| Some((label.key.clone(), label.value.text()?.to_owned())))
        .collect()
}

fn tier(cx: &mut Context, node: &Node) -> u8 {
    let Some(tier) = node.get("tier") else {
        return 2;
    };
    match tier.text().and_then(|text| text.parse::<u8>().ok()) {
        Some(number) if number <= 3 => number,
        _ => {
            let shown = tier.text().unwrap_or_default().to_owned();
            cx.problem(
                "E203",
                tier.span,
                format!("`tier: {}` is no tier", shown.escape_default()),
                "0, 1, 2 or 3; 0 is the most critical",
                "",
            );
            2
        }
    }
}

fn warmup_of(cx: &mut Context, node: &Node) -> Option<Warmup> {
    if node.text() == Some("none") {
        return None;
    }
    if !cx.check_keys(node, &[&keys::WARMUP], "`warmup`") {
        return None;
    }
    let from = node
        .get("from")
        .and_then(|text| cx.probability(text, "from"))?;
    let over = node.get("over").and_then(|text| cx.warmup_over(text))?;
    if from <= 0.0 && over != WarmupOver::Requests(0) {
        let place = node.get("from")?.span;
        cx.problem(
            "E203",
            place,
            "`from` is 0",
            "a replica that does nothing never warms",
            "write for example `10%`",
        );
        return None;
    }
    Some(Warmup { from, over })
}

fn pre_stop(cx: &mut Context, lifecycle: &Node) -> SimDuration {
    if !cx.check_keys(lifecycle, &[&keys::LIFECYCLE], "`lifecycle`") {
        return SimDuration::ZERO;
    }
    let Some(hook) = lifecycle.get("preStop") else {
        return SimDuration::ZERO;
    };
    for entry in hook.entries().iter().filter(|entry| entry.key != "sleep") {
        cx.unbuilt(&entry.key, entry.key_span);
    }
    let seconds = hook.get("sleep").and_then(|sleep| sleep.get("seconds"));
    let seconds = seconds.and_then(|seconds| cx.plain_number(seconds, "seconds"));
    SimDuration::from_seconds(seconds.unwrap_or(0.0))
}

/// Where a service runs at the start.
fn home(cx: &mut Context, entry: &Entry) -> Vec<ClusterId> {
    if let Some(cluster) = entry.value.get("cluster") {
        let mut found: Vec<ClusterId> = texts(cluster)
            .into_iter()
            .filter_map(|name| cx.cluster(name))
            .collect();
        found.dedup();
        return found;
    }
    match cx.home {
        Some(home) => {
            let name = cx.names.clusters[home.index()].clone();
            cx.using("cluster", &name);
            vec![home]
        }
        None => {
            let owner = format!("service `{}`", entry.key);
            if cx.names.clusters.len() > 1 && !cx.problems.has_errors() {
                cx.missing(
                    entry.key_span,
                    &owner,
                    "cluster",
                    "name: there are several, and no migration says where from",
                );
            }
            Vec::new()
        }
    }
}

fn placed(
    cx: &mut Context,
    entry: &Entry,
    at: &[ClusterId],
    clusters: &[Cluster],
    policies: &mut Vec<ScalingPolicy>,
) -> Vec<Placed> {
    let node = &entry.value;
    let inside = node.get("in");
    check_overrides(cx, inside);
    let own_replicas = node
        .get("replicas")
        .and_then(|text| cx.small_count(text, "replicas"));
    let own_scaling = node
        .get("scaling")
        .and_then(|policy| named_or_inline(cx, policy, &entry.key, policies));
    let mut found = Vec::with_capacity(clusters.len());
    if is_guest(node) {
        let none = Placed {
            replicas: 0,
            scaling: None,
        };
        return vec![none; clusters.len()];
    }
    for (index, cluster) in clusters.iter().enumerate() {
        let here = inside.and_then(|map| map.get(&cluster.name));
        let replicas_here = here
            .and_then(|map| map.get("replicas"))
            .and_then(|text| cx.small_count(text, "replicas"));
        let scaling_here = here
            .and_then(|map| map.get("scaling"))
            .and_then(|policy| named_or_inline(cx, policy, &entry.key, policies));
        let scaling = scaling_here.or(own_scaling).or(cluster.scaling);
        // Fixed hosts never scale; a fixed number still says how many there are.
        let scaling = scaling.filter(|policy| {
            cluster.orchestrator.scales() || !policies[policy.index()].rule.is_active()
        });
        let fixed = scaling.and_then(|policy| match policies[policy.index()].rule {
            ScalingRule::Static(fixed) => Some(fixed.replicas),
            _ => None,
        });
        let replicas = replicas_here.or(fixed).or(own_replicas).unwrap_or(1);
        let may_sleep = scaling.is_some_and(|policy| policies[policy.index()].rule.bounds().0 == 0)
            && scaling.is_some_and(|policy| policies[policy.index()].rule.is_active());
        if replicas == 0 && !may_sleep && at.contains(&ClusterId::from_index(index)) {
            let place = here
                .and_then(|map| map.get("replicas"))
                .or(node.get("replicas"))
                .map_or(entry.key_span, |node| node.span);
            cx.problem(
                "E203",
                place,
                format!("service `{}` has 0 replicas where it runs", entry.key),
                "nobody would answer",
                "write at least 1",
            );
        }
        found.push(Placed { replicas, scaling });
    }
    found
}

fn check_overrides(cx: &mut Context, inside: Option<&Node>) {
    let Some(inside) = inside else { return };
    for entry in inside.entries() {
        let known = cx.names.clusters.clone();
        if known.contains(&entry.key) {
            cx.using("cluster", &entry.key);
        } else {
            let key = Node {
                value: Value::Scalar {
                    text: entry.key.clone(),
                    quoted: false,
                },
                span: entry.key_span,
                origin: String::new(),
            };
            cx.find("cluster", &key, &known);
        }
        for part in entry.value.entries() {
            if ["replicas", "scaling"].contains(&part.key.as_str()) || part.key.starts_with("x-") {
                continue;
            }
            if keys::SERVICE.key(&part.key).is_some() {
                cx.problem(
                    "E110",
                    part.key_span,
                    format!("`{}` in one cluster only is not supported yet", part.key),
                    "only `replicas` and `scaling` may differ between clusters",
                    "write it on the service",
                );
            } else {
                let owner = format!("`in` for cluster `{}`", entry.key);
                let table: [&keys::Table; 1] = [&keys::SERVICE];
                let alone = Node {
                    value: Value::Map(vec![part.clone()]),
                    span: entry.value.span,
                    origin: String::new(),
                };
                cx.check_keys(&alone, &table, &owner);
            }
        }
    }
}

fn endpoints(cx: &mut Context, entry: &Entry, id: ServiceId, lowered: &mut Lowered) {
    let node = &entry.value;
    if let (Some(_), Some(steps)) = (node.get("endpoints"), node.entry("steps")) {
        let at = node
            .entry("endpoints")
            .map(|entry| cx.place_of(entry.key_span))
            .unwrap_or_default();
        cx.problem(
            "E103",
            steps.key_span,
            format!("service `{}` has both `endpoints` and `steps`", entry.key),
            format!("already said by `endpoints` ({at})"),
            "put these steps under an endpoint's name",
        );
    }
    let names = cx.names.services[id.index()].endpoints.clone();
    if is_guest(node) {
        refuse_in_guest(cx, entry);
        return;
    }
    if names.is_empty() && !cx.has_problem_within(entry) {
        cx.missing(
            entry.key_span,
            &format!("service `{}`", entry.key),
            "steps",
            "list of steps, or `endpoints`",
        );
    }
    for (name, endpoint) in names {
        let written = node.get("endpoints").and_then(|map| map.entry(&name));
        let owner = match written {
            Some(written) => {
                cx.check_name(&name, written.key_span);
                format!("endpoint `{}.{name}`", entry.key)
            }
            None => format!("service `{}`", entry.key),
        };
        let mut program = Program::new(Some(id), Some(endpoint), owner.clone());
        let value = written.map(|written| &written.value).or(node.get("steps"));
        let (mut error_ratio, mut priority) = (0.0, 0);
        let steps = match value {
            Some(map) if matches!(map.value, Value::Map(_)) => {
                cx.check_keys(map, &[&keys::ENDPOINT], &owner);
                if let Some(access) = map.get("access") {
                    cx.word(access, "access", &[((), "read"), ((), "write")], &[]);
                }
                error_ratio = map
                    .get("errors")
                    .and_then(|text| cx.probability(text, "errors"))
                    .unwrap_or(0.0);
                priority = map
                    .get("priority")
                    .and_then(|text| queue::priority(cx, text))
                    .unwrap_or(0);
                map.get("steps")
                    .map(|steps| program.read(cx, steps))
                    .unwrap_or_default()
            }
            Some(list) => program.read(cx, list),
            None => Vec::new(),
        };
        lowered.calls.append(&mut program.calls);
        lowered.endpoints.push(Endpoint {
            service: id,
            name,
            steps,
            error_ratio,
            reply: program.reply.unwrap_or(MESSAGE),
            priority,
        });
    }
}
