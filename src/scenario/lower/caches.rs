//! Caches of services, and the processors that services share.

use super::context::Context;
use crate::model::{Cache, CacheScope, Discipline, ProcessorSpec, SharedProcessor};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node};
use crate::units::{CacheId, ProcessorId, ServiceId};

/// Keys when none are written.
const KEYS: u64 = 10_000;

/// Notes the names of a service's caches; ids count up over all services.
pub(super) fn note_names(service: &Entry, next: &mut usize) -> Vec<(String, CacheId)> {
    let entries = service.value.get("caches").map_or(&[][..], Node::entries);
    let written = entries.iter().filter(|cache| !cache.key.starts_with("x-"));
    written
        .map(|cache| {
            *next += 1;
            (cache.key.clone(), CacheId::from_index(*next - 1))
        })
        .collect()
}

/// Reads the caches of one service, in the order of their ids.
pub(super) fn read(cx: &mut Context, service: &Entry, id: ServiceId) -> Vec<Cache> {
    let entries = service.value.get("caches").map_or(&[][..], Node::entries);
    let written = entries.iter().filter(|cache| !cache.key.starts_with("x-"));
    written
        .map(|cache| one(cx, cache, &service.key, id))
        .collect()
}

fn one(cx: &mut Context, entry: &Entry, service: &str, id: ServiceId) -> Cache {
    let node = &entry.value;
    let owner = format!("cache `{}` of service `{service}`", entry.key);
    cx.check_name(&entry.key, entry.key_span);
    if cx.check_keys(node, &[&keys::CACHE], &owner) && node.get("hit").is_none() {
        cx.missing(entry.key_span, &owner, "hit", "ratio");
    }
    let hit = node
        .get("hit")
        .and_then(|text| cx.probability(text, "hit"))
        .unwrap_or(1.0);
    let cold = node
        .get("cold")
        .and_then(|text| cx.probability(text, "cold"))
        .unwrap_or(0.0);
    if let Some(place) = node.get("cold").filter(|_| cold > hit) {
        cx.problem(
            "E203",
            place.span,
            "the cache is warmer when it is cold",
            format!("`cold` is above `hit`, {}%", hit * 100.0),
            "`cold` is the hit ratio of a cache that has just started",
        );
    }
    let keys = node.get("keys").and_then(|text| cx.count(text, "keys"));
    if let (Some(0), Some(place)) = (keys, node.get("keys")) {
        cx.problem(
            "E203",
            place.span,
            "`keys` is 0",
            "nothing could ever be asked for",
            "write at least 1",
        );
    }
    let skew = node
        .get("skew")
        .and_then(|text| cx.plain_number(text, "skew"));
    let scopes = [
        (CacheScope::Replica, "replica"),
        (CacheScope::Cluster, "cluster"),
    ];
    Cache {
        name: entry.key.clone(),
        service: id,
        hit,
        keys: keys.unwrap_or(KEYS).max(1),
        skew: skew.unwrap_or(1.0),
        scope: node
            .get("scope")
            .and_then(|word| cx.word(word, "scope", &scopes, &[]))
            .unwrap_or(CacheScope::Replica),
        ttl: node
            .get("ttl")
            .and_then(|text| cx.positive_duration(text, "ttl")),
        cold,
    }
}

/// Reads `processors`.
pub(super) fn processors(cx: &mut Context, root: &Node) -> Vec<SharedProcessor> {
    let entries = root.get("processors").map_or(&[][..], Node::entries);
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
        cx.check_name(&entry.key, entry.key_span);
        cx.define("processor", entry);
        cx.names.processors.push(entry.key.clone());
        found.push(processor(cx, entry));
    }
    found
}

fn processor(cx: &mut Context, entry: &Entry) -> SharedProcessor {
    let node = &entry.value;
    let owner = format!("processor `{}`", entry.key);
    let read = cx.check_keys(node, &[&keys::PROCESSOR], &owner);
    let disciplines = [
        (Discipline::FairShare, "fair-share"),
        (Discipline::ProcessorSharing, "processor-sharing"),
        (Discipline::Fifo, "fifo"),
        (Discipline::Infinite, "infinite"),
    ];
    let discipline = node
        .get("discipline")
        .and_then(|word| cx.word(word, "discipline", &disciplines, &[]))
        .unwrap_or(Discipline::FairShare);
    let cores = node
        .get("cores")
        .and_then(|text| cx.small_count(text, "cores"));
    match (cores, node.get("cores")) {
        (None, None) if read && discipline != Discipline::Infinite => {
            cx.missing(entry.key_span, &owner, "cores", "count");
        }
        (Some(0), Some(place)) => cx.problem(
            "E203",
            place.span,
            "`cores` is 0",
            "no work could ever be done",
            "write at least 1",
        ),
        (Some(_), Some(place)) if discipline == Discipline::Infinite => cx.problem(
            "E203",
            place.span,
            "an infinite processor has a number of cores",
            "each job has one of its own",
            "remove `cores`, or write another `discipline`",
        ),
        _ => {}
    }
    let cores = match discipline {
        Discipline::Infinite => u32::MAX,
        _ => cores.unwrap_or(1).max(1),
    };
    SharedProcessor {
        name: entry.key.clone(),
        spec: ProcessorSpec {
            cores,
            discipline,
            quota: None,
        },
        speed: node
            .get("speed")
            .and_then(|text| cx.factor(text, "speed"))
            .unwrap_or(1.0),
    }
}

/// The shared processor that a service names. Only its CPU request counts there, as its share.
pub(super) fn shared(cx: &mut Context, node: &Node) -> Option<ProcessorId> {
    let name = node.get("processor")?;
    let known = cx.names.processors.clone();
    let found = cx.find("processor", name, &known)?;
    let cpu = node.get("cpu");
    let limited = cpu.is_some_and(|cpu| match cpu.text() {
        Some(text) => !text.ends_with(".."),
        None => cpu.entries().iter().any(|entry| entry.key != "request"),
    });
    let pasted = node
        .get("resources")
        .and_then(|resources| resources.get("limits"))
        .and_then(|limits| limits.entry("cpu"));
    let place = pasted
        .map(|entry| entry.key_span)
        .or(cpu.filter(|_| limited).map(|cpu| cpu.span));
    if let Some(place) = place {
        let at = cx.place_of(name.span);
        cx.problem(
            "E103",
            place,
            "a CPU limit on a shared processor is not simulated",
            format!(
                "it runs on a shared processor ({at}), where only the request counts, as its share"
            ),
            "write the request alone, for example `cpu: 500m..`",
        );
    }
    Some(ProcessorId::from_index(found))
}
