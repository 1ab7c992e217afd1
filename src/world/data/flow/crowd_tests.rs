//! Callers all of whose slots are in use, against the request plane.

use super::tests::{LUCK, play};
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, work,
};
use crate::model::{Discipline, Distribution, QueueOrder, QueueSpec, Scenario};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration};
use crate::world::contract::{Command, DataPlane, Outcome};
use crate::world::data::flow::FlowPlane;
use crate::world::data::request::RequestPlane;

/// A service of 16 slots a replica, of which each request holds one while it works for `own` seconds and while
/// stores of four cores work 0.3 s for it. What finds 20 waiting is refused.
fn slots(own: f64, rate: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(2000));
    let store = add_service(
        &mut scenario,
        "store",
        4,
        Discipline::ProcessorSharing,
        vec![work(Distribution::exponential(0.3))],
    );
    let onward = call(&mut scenario, Some(1), store, plain_policy());
    let steps = vec![work(Distribution::exponential(own)), onward];
    let web = add_service(&mut scenario, "web", 4, Discipline::ProcessorSharing, steps);
    scenario.services[1].concurrency = Some(16);
    scenario.services[1].queue = QueueSpec {
        max: Some(20),
        order: QueueOrder::Fifo,
        ..QueueSpec::UNLIMITED
    };
    let journey = add_journey(&mut scenario, "j", web, SimDuration::from_secs(5));
    add_open_load(&mut scenario, "l", rate, journey);
    scenario
}

/// Actions a second that end ok, with eight stores and `front` replicas before them.
fn served(mut plane: impl DataPlane, front: u32) -> f64 {
    for replica in 0..8 + front {
        let added = Command::AddReplica {
            replica: ReplicaId(replica),
            service: ServiceId(u32::from(replica >= 8)),
            cluster: ClusterId(0),
            speed: 1.0,
            warmup: None,
        };
        plane.command(added);
        let replica = ReplicaId(replica);
        plane.command(Command::Ready { replica });
        plane.command(Command::List { replica });
    }
    let seen = play(&mut plane, 2000);
    seen.actions[0].ended[Outcome::Ok as usize] as f64 / 2000.0
}

#[test]
fn full_callers_press_on_a_busy_callee_as_request_by_request() {
    // Utilisation of the stores, request by request: 48, 87, 97, 99, 80 and 75 %. Each side serves over 100,000
    // actions: what tells them apart is the approximation.
    for (front, own, rate, within) in [
        (1, 0.01, 150.0, 0.01),
        (2, 0.01, 150.0, 0.05),
        (3, 0.01, 150.0, 0.05),
        (4, 0.01, 150.0, 0.03),
        (2, 0.05, 150.0, 0.02),
        (2, 0.01, 80.0, 0.02),
    ] {
        let scenario = slots(own, rate);
        let flow = served(FlowPlane::new(&scenario, LUCK), front);
        let request = served(RequestPlane::new(&scenario, LUCK, false), front);
        assert!(
            (flow / request - 1.0).abs() < within,
            "{front} {own} {rate}: {flow} {request}"
        );
    }
}
