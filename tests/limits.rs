//! Limits of a cluster, one scenario each: when replicas are ready, and what the log says, by hand.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use cutover::experiment::driver::{MemoryJournal, Options, Quiet, run};
use cutover::experiment::result::ExperimentResult;
use cutover::scenario::check;
use cutover::world::recorder::EventKind;

/// `web` in one cluster, whose text is given, with what else stands in the service. A start takes 10 s. At 09:01 (60 s)
/// it is scaled to `replicas`, when that is not how it starts.
fn play(cluster: &str, service: &str, first: u32, replicas: u32) -> ExperimentResult {
    let text = format!(
        "cutover: 1
name: limits
start: 2026-11-03T09:00
timezone: Europe/Stockholm
horizon: 10m
run: {{seed: 1, replications: 1, fidelity: request}}
output: {{resolution: 1s}}
clusters:
  here: {cluster}
services:
  web: {{replicas: {first}, cpu: 100m, memory: 100Mi, startup: 10s, scaling: clock, steps: [work: 1ms], {service}}}
journeys:
  page: {{call: web}}
load:
  visitors: {{rate: 1/s, journey: page}}
scaling:
  clock: {{scheduled: [{{cron: 1 9 * * *, replicas: {replicas}}}, {{cron: 0 9 * * *, replicas: {first}}}]}}
"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("limits.yaml");
    std::fs::write(&path, text).expect("written");
    let checked = check(&path, None, &[], None);
    let problems = format!("{:#?}", checked.problems.list);
    let scenario = checked.scenario.unwrap_or_else(|| panic!("{problems}"));
    run(
        &scenario,
        Options { threads: 1 },
        &mut MemoryJournal::default(),
        &Quiet,
        &AtomicBool::new(false),
    )
}

/// Ready replicas as the looks at multiples of 15 s find them (a bin has what its end finds), against the instants at which one more is ready.
fn becomes_ready(result: &ExperimentResult, first: usize, times: impl Iterator<Item = u32>) {
    let row = result
        .series
        .iter()
        .find(|row| row.metric == "replicas" && row.name == "web")
        .expect("a row of ready replicas");
    let times: Vec<u32> = times.collect();
    for second in (15..600).step_by(15) {
        let expected = first + times.iter().filter(|at| **at < second).count();
        let found = row.mean[second as usize - 15].expect("a value");
        assert_eq!(found, expected as f64, "at {second} s");
    }
}

fn told(result: &ExperimentResult, kind: EventKind) -> Vec<(f64, &str)> {
    let events = result.replications[0].programme.iter();
    events
        .filter(|event| event.kind == kind)
        .map(|event| {
            (
                (event.at.seconds() * 1e6).round() / 1e6,
                event.detail.as_str(),
            )
        })
        .collect()
}

const POOL: &str = "pools: {general: {cpu: 4, memory: 16Gi, nodes: 4}}";

#[test]
fn addresses() {
    // Twelve pods, five addresses: seven wait, and more nodes would not help them.
    let cluster = "{pools: {general: {cpu: 4, memory: 16Gi, nodes: 1..9}}, clusterAutoscaler: {}, limits: {ips: 5}}";
    let result = play(cluster, "image: 0B", 12, 12);
    becomes_ready(&result, 5, std::iter::empty());
    assert_eq!(
        told(&result, EventKind::PodPending),
        [(
            0.0,
            "a pod of web is Pending in here: failed to assign an IP address: all 5 of the cluster are in use (ips: 5)"
        )]
    );
    assert_eq!(told(&result, EventKind::NodesAdded), []);
    assert_eq!(
        told(&result, EventKind::NodesShort),
        [(
            10.0,
            "here cannot grow: failed to assign an IP address: all 5 of the cluster are in use (ips: 5)"
        )]
    );
}

#[test]
fn pods_of_a_node() {
    // Four nodes of at most two pods, whatever their machine says.
    let cluster = format!("{{{POOL}, limits: {{podsPerNode: 2}}}}");
    let result = play(&cluster, "image: 0B", 12, 12);
    becomes_ready(&result, 8, std::iter::empty());
    assert_eq!(
        told(&result, EventKind::PodPending),
        [(
            0.0,
            "a pod of web is Pending in here: 0/4 nodes are available: 4 Too many pods."
        )]
    );
}

#[test]
fn nodes() {
    // A pool may have nine nodes, the cluster three; forty pods of 100m fit on a node: 130 need four.
    let cluster = "{pools: {general: {cpu: 4, memory: 16Gi, nodes: 1..9, boot: 100s}}, clusterAutoscaler: {}, limits: {nodes: 3}}";
    let result = play(cluster, "image: 0B", 40, 130);
    assert_eq!(
        told(&result, EventKind::NodesAdded),
        [(60.0, "2 nodes are added to pool general of here")]
    );
    assert_eq!(
        told(&result, EventKind::NodesShort),
        [(
            70.0,
            "here cannot grow: pool general: the cluster has its 3 nodes"
        )]
    );
    // Asked for at 60 s, there at 160 s, started at 170 s.
    becomes_ready(&result, 40, std::iter::repeat_n(170, 80));
}

#[test]
fn launches() {
    // Eleven pods are asked for at 60 s: at one in two seconds the last is launched 20 s later.
    let cluster = format!("{{{POOL}, limits: {{podLaunchRate: 0.5/s}}}}");
    let result = play(&cluster, "image: 0B", 1, 12);
    becomes_ready(&result, 1, (0..11).map(|pod| 70 + 2 * pod));
    assert_eq!(
        told(&result, EventKind::StartsHeld),
        [(
            60.0,
            "10 pod starts in here, web's first, wait for their launch (podLaunchRate 0.5/s): the last for 20.0 s"
        )]
    );
}

#[test]
fn calls() {
    // Eleven starts are 33 calls: nine at once, then one a second. Three start at once, the last 24 s later.
    let cluster = format!("{{{POOL}, limits: {{apiRate: 1/s, apiBurst: 9}}}}");
    let result = play(&cluster, "image: 0B", 1, 12);
    becomes_ready(
        &result,
        1,
        (0..11).map(|pod: u32| 70 + 3 * pod.saturating_sub(2)),
    );
    assert_eq!(
        told(&result, EventKind::StartsHeld),
        [(
            60.0,
            "8 pod starts in here, web's first, wait for calls to the control plane (apiRate 1/s, apiBurst 9): the last \
             for 24.0 s"
        )]
    );
}

#[test]
fn the_registry() {
    // One pod a node: four nodes pull 1 GB at 100 MB/s together, 40 s; the fifth has the image since the start.
    let cluster = "{pools: {general: {cpu: 4, memory: 16Gi, nodes: 5}}, limits: {podsPerNode: 2, registryBandwidth: 100MB/s}}";
    let result = play(cluster, "image: 1GB", 1, 10);
    // The pod beside the first starts at once; four pulls and their pods' neighbours at 100 s.
    becomes_ready(&result, 1, std::iter::once(70).chain([110; 8]));
    assert_eq!(
        told(&result, EventKind::StartsHeld),
        [(
            60.0,
            "4 image pulls in here share the registry (registryBandwidth 100 MB/s), the last of them web's: it takes \
             40.0 s"
        )]
    );
}
