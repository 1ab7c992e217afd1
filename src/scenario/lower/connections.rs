//! Connections of a service: set-up, pools, limits, and name resolution.

use super::callee;
use super::context::Context;
use super::queue::unlimited_or_count;
use crate::model::{Connections, Distribution, Resolve};
use crate::scenario::keys;
use crate::scenario::node::{Node, Value};
use crate::units::{ServiceId, SimDuration};

/// Reads `connections` of a service.
pub(super) fn read(cx: &mut Context, node: &Node, of: ServiceId) -> Option<Box<Connections>> {
    let node = node.get("connections")?;
    if !cx.check_keys(node, &[&keys::CONNECTIONS], "`connections`")
        && !matches!(node.value, Value::Map(_))
    {
        return None;
    }
    let seconds = |cx: &mut Context, key: &str| {
        let read = node.get(key).and_then(|text| cx.distribution(text, key));
        read.unwrap_or(Distribution::constant(0.0))
    };
    let (setup, work) = (seconds(cx, "setup"), seconds(cx, "work"));
    let max = node
        .get("max")
        .and_then(|text| unlimited_or_count(cx, text, "max"));
    let mut some = |key: &str, otherwise: u32| {
        let Some(text) = node.get(key) else {
            return otherwise;
        };
        let count = cx.small_count(text, key).unwrap_or(otherwise);
        if count == 0 {
            let label = "no request could ever be sent";
            cx.problem("E203", text.span, format!("`{key}` is 0"), label, "");
        }
        count.max(1)
    };
    let (pool, streams) = (some("pool", 100), some("streams", 1));
    Some(Box::new(Connections {
        max,
        setup,
        work,
        pool,
        streams,
        max_age: node
            .get("maxAge")
            .and_then(|text| cx.positive_duration(text, "maxAge")),
        resolve: node
            .get("resolve")
            .and_then(|resolve| read_resolve(cx, resolve, of)),
    }))
}

fn read_resolve(cx: &mut Context, node: &Node, of: ServiceId) -> Option<Resolve> {
    if !cx.check_keys(node, &[&keys::RESOLVE], "`resolve`") && !matches!(node.value, Value::Map(_))
    {
        return None;
    }
    let Some(name) = node.get("via") else {
        cx.missing(node.span, "`resolve`", "via", "an endpoint");
        return None;
    };
    let (service, via) = callee::resolve(cx, name, "`resolve`")?;
    if service == of {
        cx.problem(
            "E203",
            name.span,
            "a service that resolves its own name",
            "nobody could ever reach it",
            "name the service that answers, such as a DNS server",
        );
        return None;
    }
    let queries = match node.get("queries") {
        Some(text) => cx.small_count(text, "queries").unwrap_or(1).max(1),
        None => 1,
    };
    let ttl = node
        .get("ttl")
        .and_then(|text| cx.positive_duration(text, "ttl"));
    Some(Resolve {
        via,
        ttl: ttl.unwrap_or(SimDuration::from_secs(30)),
        queries,
        policy: cx.names.services[service.index()].callers.clone(),
    })
}

/// Notes the calls of resolutions as edges: callers of a service whose name is resolved call who answers.
pub(super) fn note_edges(
    cx: &mut Context,
    services: &[crate::model::Service],
    owners: &[ServiceId],
) {
    for edge in cx.edges.clone() {
        let called = services[edge.callee.index()].connections.as_deref();
        let via = called.and_then(|connections| connections.resolve.as_ref());
        if let (Some(caller), Some(resolve)) = (edge.caller, via) {
            cx.edge(Some(caller), owners[resolve.via.index()]);
        }
    }
}
