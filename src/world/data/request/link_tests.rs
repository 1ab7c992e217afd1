//! Wires and places of users.

use super::tests::{check, play};
use crate::model::sample::{add_journey, add_open_load, add_service, empty, set_links, step};
use crate::model::{Discipline, Distribution, Link, Scenario, StepKind};
use crate::units::{Bytes, SimDuration};

/// Requests of a megabyte at `rate` a second to a service that only waits for `wait` seconds.
fn messages(rate: f64, wait: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(1_800));
    let steps = vec![step(StepKind::Wait(Distribution::constant(wait)))];
    let endpoint = add_service(&mut scenario, "s", 1, Discipline::Fifo, steps);
    scenario.endpoints[0].reply = Bytes(0);
    let journey = add_journey(
        &mut scenario,
        "request",
        endpoint,
        SimDuration::from_secs(1),
    );
    let StepKind::Call(call) = &mut scenario.journeys[0].steps[0].kind else {
        unreachable!("the journey calls")
    };
    call.sends = Bytes(1_000_000);
    add_open_load(&mut scenario, "clients", rate, journey);
    scenario
}

#[test]
fn messages_share_a_wire_as_jobs_share_a_processor() {
    // A megabyte takes 10 ms alone at 100 MB/s. 50 a second keep the wire half busy: M/G/1 processor sharing takes
    // 10 / (1 - 0.5) = 20 ms whatever the law; then 2 ms there, 5 ms of waiting, and 2 ms back.
    let mut scenario = messages(50.0, 5e-3);
    set_links(&mut scenario, 2e-3);
    for link in &mut scenario.links.table {
        link.bandwidth = Some(100e6);
    }
    check(&scenario, 1, 29.0);
}

#[test]
fn a_wire_without_company_takes_size_over_bandwidth() {
    // One message in ten seconds: 10 ms, and 1 ms each way.
    let mut scenario = messages(0.1, 0.0);
    set_links(&mut scenario, 1e-3);
    for link in &mut scenario.links.table {
        link.bandwidth = Some(100e6);
    }
    let seen = play(&scenario, 0, 1);
    let alone = |record: &&crate::world::contract::ActionRecord| {
        record.ended.since(record.issued) == SimDuration::from_millis(12)
    };
    let count = seen.records.iter().filter(alone).count();
    // Two meet within 10 ms with chance 0.002: of 180 none or one.
    assert!(
        count + 4 >= seen.records.len() && count > 100,
        "{count} of {}",
        seen.records.len()
    );
}

#[test]
fn users_pay_the_links_of_their_place() {
    let mut scenario = messages(20.0, 0.0);
    scenario.links.places = vec!["eu".into(), "us".into()];
    let link = |seconds: f64| Link {
        one_way: Distribution::constant(seconds),
        bandwidth: None,
        egress_per_byte: 0.0,
        name: "place".into(),
    };
    // To the cluster and back, place by place: 10 and 11 ms from eu, 40 and 42 ms from us.
    for seconds in [10e-3, 11e-3, 40e-3, 42e-3] {
        scenario.links.table.push(link(seconds));
    }
    scenario.loads[0].from = vec![(0, 0.6), (1, 0.4)];
    let seen = play(&scenario, 0, 1);
    let times = |milliseconds: u64| {
        let wanted = SimDuration::from_millis(milliseconds);
        let is = |record: &&crate::world::contract::ActionRecord| {
            record.ended.since(record.issued) == wanted
        };
        seen.records.iter().filter(is).count()
    };
    let (eu, us) = (times(21), times(82));
    assert_eq!(eu + us, seen.records.len());
    // 36 000 arrivals, 60 % from eu: deviation 93; 4.9 of them, false alarm 1e-6.
    let share = 0.6 * seen.records.len() as f64;
    assert!(
        (eu as f64 - share).abs() < 4.9 * 93.0,
        "{eu} of {}",
        seen.records.len()
    );
}
