//! Jobs and environments as they are read.

use crate::model::{LoadKind, Scenario, ServiceKind, WorkKind};
use crate::scenario;
use crate::units::{SimDuration, SimTime};

const HEAD: &str = "\
cutover: 1
timezone: Europe/Stockholm
start: 2026-03-28T00:00
horizon: 3d
services:
  web: {cpu: 500m, steps: [work: 1ms], placement: {priority: 7}}
  cart: {steps: [work: 1ms]}
  etl: {kind: batch, cpu: 2}
  train: {kind: batch, cpu: 4}
journeys:
  browse: {call: web}
load:
  users: {rate: 1/s, journey: browse}
";

/// The scenario, or the codes of its problems.
fn read(load: &str) -> Result<Scenario, Vec<&'static str>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("one.yaml");
    std::fs::write(&path, format!("{HEAD}{load}\n")).expect("written");
    let found = scenario::check(&path, None, &[], None);
    let codes = found.problems.list.iter().map(|problem| problem.code);
    let codes: Vec<&str> = codes.collect();
    found.scenario.ok_or(codes)
}

#[test]
fn a_graph_of_tasks_is_brought_into_an_order() {
    let text = "  night: {jobs: 4/d, deadline: 6h, tasks: {c: {run: etl, after: [b, a]}, \
        b: {run: train, work: 3h, parallelism: 8, gang: true, after: a}, a: {run: kind = batch}}}";
    let scenario = read(text).expect("no problem");
    let WorkKind::Jobs { tasks, deadline } = &scenario.work[0].kind else {
        panic!("no jobs");
    };
    assert_eq!(*deadline, Some(SimDuration::from_secs(6 * 3600)));
    let order: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(order, ["a", "b", "c"]);
    let after: Vec<&[usize]> = tasks.iter().map(|task| task.after.as_slice()).collect();
    assert_eq!(after, [&[][..], &[0], &[1, 0]]);
    assert_eq!((tasks[0].services.len(), tasks[0].work.mean()), (2, 600.0));
    assert_eq!((tasks[1].parallelism, tasks[1].gang), (8, true));
    assert_eq!(tasks[1].work.mean(), 10_800.0);
    assert_eq!(scenario.loads.len(), 1);
}

#[test]
fn jobs_by_the_clock_keep_local_time_when_summer_time_begins() {
    let scenario = read("  night: {jobs: 30 4 * * *, run: etl}").expect("no problem");
    let LoadKind::Open {
        arrivals: crate::model::Arrivals::Recorded(instants),
        ..
    } = &scenario.work[0].load.kind
    else {
        panic!("not by the clock");
    };
    // From 29 March on local time is an hour ahead: 24 h later it would be 05:30.
    let hours = [4.5, 27.5, 51.5].map(|hours| SimTime((hours * 3.6e12) as u64));
    assert_eq!(instants.as_ref(), hours);
}

#[test]
fn environments_of_ordinary_services_are_of_copies_that_nobody_calls() {
    let text = "  previews: {environments: 300/d, life: 5h, services: 2, priority: -3}";
    let scenario = read(text).expect("no problem");
    let WorkKind::Environments { services, .. } = &scenario.work[0].kind else {
        panic!("no environments");
    };
    let copies: Vec<_> = services.iter().map(|id| scenario.service(*id)).collect();
    let names: Vec<&str> = copies.iter().map(|copy| copy.name.as_str()).collect();
    assert_eq!(names, ["previews-web", "previews-cart"]);
    for copy in copies {
        assert!(copy.kind == ServiceKind::Ephemeral && copy.endpoints.is_empty() && copy.pinned);
        assert_eq!(copy.pods.placing.priority, -3);
        assert_eq!(copy.placed[0].replicas, 0);
    }
    assert_eq!(scenario.services[0].pods.placing.priority, 7);
    assert_eq!(scenario.services[4].resources.cpu_request.0, 500);
}

#[test]
fn what_cannot_be_a_job_or_an_environment_is_told() {
    for (text, codes) in [
        ("  a: {jobs: 1/h, run: web}", &["E203"][..]),
        ("  a: {jobs: 1/h}", &["E102"]),
        ("  a: {jobs: 1/h, run: elt}", &["E300"]),
        (
            "  a: {jobs: 1/h, run: etl, tasks: {b: {run: etl}}}",
            &["E103"],
        ),
        (
            "  a: {jobs: 1/h, tasks: {b: {run: etl, after: c}}}",
            &["E300"],
        ),
        (
            "  a: {jobs: 1/h, tasks: {b: {run: etl, after: c}, c: {run: etl, after: b}}}",
            &["E310"],
        ),
        ("  a: {jobs: 1/h, run: etl, parallelism: 0}", &["E203"]),
        ("  a: {jobs: 1/h, run: etl, deadline: 5}", &["E200"]),
        ("  a: {jobs: 1/h, run: etl, life: 5h}", &["E303"]),
        ("  a: {jobs: 1/h, run: etl, journey: browse}", &["E303"]),
        ("  a: {environments: 1/h, services: 2}", &["E102"]),
        ("  a: {environments: 1/h, life: 1h, services: 9}", &["E203"]),
        (
            "  a: {environments: 1/h, life: 1h, services: all}",
            &["E203"],
        ),
        ("  a: {rate: 1/h, journey: browse, deadline: 5h}", &["E303"]),
        ("  a: {jobs: 30 4 * *, run: etl}", &["E206"]),
        (
            "  a: {jobs: 1/h, run: etl}\nassert: [deadline_misses(load.users) = 0]",
            &["E110"],
        ),
        (
            "  a: {jobs: 1/h, run: etl}\nassert: [availability(load.a) = 1]",
            &["E207"],
        ),
    ] {
        assert_eq!(read(text).map(|_| ()).unwrap_err(), codes, "{text}");
    }
}
