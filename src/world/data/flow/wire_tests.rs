//! Links with a bandwidth in the flow plane, by formula and against the request plane.

use super::tests::{LUCK, play, start};
use crate::model::sample::{add_journey, add_open_load, add_service, empty, set_links, step};
use crate::model::{Discipline, Distribution, Scenario, Shape, StepKind};
use crate::units::{Bytes, SimDuration, SimTime};
use crate::world::contract::Seen;
use crate::world::data::flow::FlowPlane;
use crate::world::data::request::RequestPlane;

/// Messages of a megabyte at `rate` a second over a wire of 100 MB/s: 10 ms each alone; 1 ms each way.
fn messages(rate: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(3_600));
    let steps = vec![step(StepKind::Wait(Distribution::constant(0.0)))];
    let endpoint = add_service(&mut scenario, "s", 1, Discipline::Fifo, steps);
    scenario.endpoints[0].reply = Bytes(0);
    let limit = SimDuration::from_secs(1);
    let journey = add_journey(&mut scenario, "request", endpoint, limit);
    let StepKind::Call(call) = &mut scenario.journeys[0].steps[0].kind else {
        unreachable!("the journey calls")
    };
    call.sends = Bytes(1_000_000);
    add_open_load(&mut scenario, "clients", rate, journey);
    set_links(&mut scenario, 1e-3);
    for link in &mut scenario.links.table {
        link.bandwidth = Some(100e6);
    }
    scenario
}

fn mean(seen: &Seen) -> f64 {
    seen.actions[0].latency.mean().expect("messages came") * 1e-9
}

fn quantile(seen: &Seen, ratio: f64) -> f64 {
    let found = seen.actions[0].latency.quantile(ratio);
    found.expect("messages came") as f64 * 1e-9
}

#[test]
fn messages_share_a_wire_as_the_formula_and_the_requests_have_it() {
    for load in [0.3, 0.6, 0.8] {
        let scenario = messages(100.0 * load);
        let mut flow = FlowPlane::new(&scenario, LUCK);
        let mut request = RequestPlane::new(&scenario, LUCK, false);
        start(&mut flow, &scenario);
        start(&mut request, &scenario);
        let (flow, request) = (play(&mut flow, 3_600), play(&mut request, 3_600));
        // M/G/1 processor sharing, whatever the law: 10 ms / (1 - load), and 2 ms of delay. Sampled to half a per cent.
        let wanted = 0.010 / (1.0 - load) + 0.002;
        assert!(
            (mean(&flow) / wanted - 1.0).abs() < 0.01,
            "{load}: {}",
            mean(&flow)
        );
        // A mean over n messages varies by about sqrt(2 / n) / (1 - load): 1.3 % at 0.8, five of them.
        let apart = mean(&flow) / mean(&request) - 1.0;
        assert!(apart.abs() < 0.065, "{load}: {apart}");
        // Equal messages: the formula's variance is interpolated, and the law is fitted.
        let apart = quantile(&flow, 0.95) / quantile(&request, 0.95) - 1.0;
        assert!(apart.abs() < 0.12, "{load}: p95 {apart}");
    }
}

#[test]
fn what_exceeds_a_wire_piles_up_and_drains() {
    // 108 a second for a minute are 8 % more than the wire carries, then it is half busy.
    let mut scenario = messages(108.0);
    let minute = SimTime::ZERO + SimDuration::from_secs(60);
    scenario.loads[0].shape = vec![Shape::Steps(vec![
        (SimTime::ZERO, 1.0),
        (minute, 50.0 / 108.0),
    ])];
    let mut flow = FlowPlane::new(&scenario, LUCK);
    start(&mut flow, &scenario);
    play(&mut flow, 50);
    assert!(flow.is_overloaded());
    // An overloaded M/G/1 with sharing (Jean-Marie and Robert 1994): the number grows by a a second, where a = rate
    // (1 - exp(-10 ms a)) = 15.2, and who comes at t leaves at t exp(10 ms a): 55 s x 0.164 = 9.0 s.
    let late = mean(&play(&mut flow, 60));
    assert!((late / 9.0 - 1.0).abs() < 0.15, "{late}");
    // 4.8 s of work behind are done after 9.6 s with half of the wire; then 20 ms and 2 ms.
    play(&mut flow, 75);
    assert!(!flow.is_overloaded());
    let after = mean(&play(&mut flow, 300));
    assert!((after / 0.022 - 1.0).abs() < 0.02, "{after}");
    let mut request = RequestPlane::new(&scenario, LUCK, false);
    start(&mut request, &scenario);
    play(&mut request, 80);
    let after = mean(&play(&mut request, 300));
    // 11,000 messages: relative deviation sqrt(2 / 11000) / 0.5 = 2.7 %, four of them.
    assert!((after / 0.022 - 1.0).abs() < 0.11, "{after}");
}

/// Without a bandwidth nothing is kept, and a wire that is as good as idle delays by its size alone.
#[test]
fn an_idle_wire_takes_size_over_bandwidth() {
    let mut scenario = messages(0.1);
    let mut flow = FlowPlane::new(&scenario, LUCK);
    start(&mut flow, &scenario);
    let alone = mean(&play(&mut flow, 3_600));
    assert!((alone / 0.012 - 1.0).abs() < 0.01, "{alone}");
    for link in &mut scenario.links.table {
        link.bandwidth = None;
    }
    let mut flow = FlowPlane::new(&scenario, LUCK);
    start(&mut flow, &scenario);
    let free = mean(&play(&mut flow, 3_600));
    assert!((free / 0.002 - 1.0).abs() < 0.01, "{free}");
}
