//! Keys of the server's side: what they become, and what is told of mistakes.

use super::tests::{model, read};
use crate::model::{CacheScope, Discipline, QueueOrder, StepKind};
use crate::scenario::read::read_text;
use crate::units::{Bytes, EndpointId, ProcessorId, SimDuration};

const SERVERS: &str = "
cutover: 1
horizon: 1h
processors: {host: {cores: 4}, wire: {discipline: infinite, speed: x2}}
services:
  front:
    processor: host
    cpu: 500m..
    memory: 1Gi
    memoryPerRequest: 1Mi
    concurrency: 8
    queue: {order: adaptive-lifo, timeout: 200ms, max: 50}
    caches: {hot: {hit: 92%, keys: 50k, skew: 0.9, ttl: 10m}}
    endpoints:
      query:
        priority: 3
        steps:
          - work: 1ms
          - cache: hot
            miss: [call: index]
          - parallel: [call: index, wait: 2ms]
            join: 1
            fanout: 2
          - reply: 20kB
          - async: log
      pass: [forward: index]
  index: {processor: wire, cpu: 1.., queue: {shared: true, order: lifo}, steps: [work: 2ms, reply: 3kB]}
  log:
    connections: {max: 50, setup: 5ms, work: 2ms, pool: 8, streams: 4, maxAge: 5m, resolve: {via: index, ttl: 10s, queries: 2}}
    callers: {balance: {unit: connections}}
    steps: [work: 1ms]
journeys: {j: {call: front.query}, k: {call: front.pass}}
load: {l: {rate: 5/s, mix: {j: 1, k: 1}}}
";

#[test]
fn servers_read_as_written() {
    let scenario = model("a.yaml", SERVERS);
    let front = &scenario.services[0];
    assert_eq!(front.shared_processor, Some(ProcessorId(0)));
    assert_eq!(
        scenario.processors[0].spec.discipline,
        Discipline::FairShare
    );
    assert_eq!(
        (
            scenario.processors[0].spec.cores,
            scenario.processors[1].speed
        ),
        (4, 2.0)
    );
    assert_eq!(front.memory_per_request, Bytes(1 << 20));
    assert_eq!(front.queue.order, QueueOrder::AdaptiveLifo { above: 8 });
    assert_eq!(
        front.queue.timeout,
        Some(crate::model::Distribution::constant(0.2))
    );
    assert!(scenario.services[1].queue.shared);
    let connections = scenario.services[2].connections.as_ref().expect("given");
    assert_eq!(
        (connections.max, connections.pool, connections.streams),
        (Some(50), 8, 4)
    );
    assert_eq!(
        (connections.setup.mean(), connections.work.mean()),
        (0.005, 0.002)
    );
    assert_eq!(connections.max_age, Some(SimDuration::from_secs(300)));
    let resolve = connections.resolve.as_ref().expect("given");
    assert_eq!(
        (resolve.via, resolve.ttl, resolve.queries),
        (EndpointId(2), SimDuration::from_secs(10), 2)
    );
    assert_eq!(
        scenario.edges.len(),
        3,
        "front calls index and log, users front; front asks index for log's name as it calls it"
    );
    let hot = &scenario.caches[0];
    assert_eq!(
        (hot.hit, hot.keys, hot.skew, hot.cold),
        (0.92, 50_000, 0.9, 0.0)
    );
    assert_eq!(
        (hot.scope, hot.ttl),
        (CacheScope::Replica, Some(SimDuration::from_secs(600)))
    );
    let query = &scenario.endpoints[0];
    assert_eq!((query.priority, query.reply), (3, Bytes(20_000)));
    let kinds: Vec<&StepKind> = query.steps.iter().map(|step| &step.kind).collect();
    assert!(
        matches!(kinds[1], StepKind::Cache(look) if look.hit.is_empty() && look.miss.len() == 1)
    );
    assert!(
        matches!(kinds[2], StepKind::Parallel(all) if all.join == Some(1) && all.copies() == 2.0)
    );
    assert!(matches!(kinds[3], StepKind::Reply(Bytes(20_000))));
    assert!(matches!(kinds[4], StepKind::Async(_)));
    assert!(matches!(
        scenario.endpoints[1].steps[0].kind,
        StepKind::Forward(_)
    ));
    // A reply at the end only says how large it is.
    let index = &scenario.endpoints[2];
    assert_eq!((index.steps.len(), index.reply), (1, Bytes(3_000)));
}

#[test]
fn the_resolved_echo_of_servers_reads_to_the_same_model() {
    let mut sources = crate::scenario::sources::Sources::default();
    let mut problems = crate::scenario::problem::Problems::default();
    let tree =
        read_text("a.yaml", SERVERS.to_owned(), &mut sources, &mut problems).expect("a tree");
    let echo = crate::scenario::echo::echo(&super::resolved(&tree, &sources));
    let shown = |text: &str| {
        let scenario = model("a.yaml", text);
        format!("{:?} {:?}", scenario.services, scenario.endpoints)
    };
    assert_eq!(shown(&echo), shown(SERVERS), "{echo}");
}

#[test]
fn each_mistake_about_servers_has_its_code() {
    for (from, to, code) in [
        ("cores: 4", "discipline: fifo", "E102"),
        (
            "discipline: infinite",
            "discipline: infinite, cores: 2",
            "E203",
        ),
        ("processor: host", "processor: hots", "E300"),
        ("cpu: 500m..", "cpu: 500m", "E103"),
        ("order: adaptive-lifo", "order: random", "E301"),
        ("order: adaptive-lifo", "lifoAbove: 3", "E101"),
        ("hit: 92%", "hit: 120%", "E203"),
        ("hit: 92%", "hit: 92%, cold: 95%", "E203"),
        ("keys: 50k", "keys: 0", "E203"),
        ("cache: hot", "cache: cold", "E300"),
        ("horizon: 1h", "horizon: 1h\nrun: {fidelity: flow}", "E110"),
        ("pool: 8", "pool: 0", "E203"),
        // One mistake hides no other.
        ("streams: 4, maxAge: 5m", "stremas: 4, maxAge: 5", "E200"),
        ("via: index", "via: indxe", "E300"),
        ("via: index", "via: log", "E203"),
        ("resolve: {via: index, ", "resolve: {", "E102"),
        (
            "    connections: {max: 50",
            "    x-connections: {max: 50",
            "E203",
        ),
        ("join: 1", "join: 5", "E203"),
        ("join: 1", "join: 0", "E203"),
        ("priority: 3", "priority: 0.5", "E203"),
        ("- async: log", "- reply: 1kB", "E203"),
        ("[forward: index]", "[{forward: index, times: 2}]", "E203"),
        (
            "[forward: index]",
            "[parallel: [forward: index, {work: 1ms}]]",
            "E203",
        ),
        ("[forward: index]", "[{work: 1ms, join: 2}]", "E101"),
        ("[forward: index]", "[{work: 1ms, sends: 2kB}]", "E101"),
        (
            "j: {call: front.query}",
            "j: {steps: [forward: front.query]}",
            "E101",
        ),
        (
            "processors: {host",
            "processors: {spare: {cores: 1}, host",
            "E303",
        ),
    ] {
        assert!(SERVERS.contains(from), "{from}");
        let (_, rows) = read("one.yaml", &SERVERS.replace(from, to));
        assert!(rows.iter().any(|row| row.1 == code), "{to}: {rows:#?}");
    }
}
