//! A cold cache after a cutover, and what a station that is behind passes on, against the request plane.

use super::tests::{LUCK, migration, play, start};
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, cluster, empty, plain_policy, set_links, step,
    work,
};
use crate::model::step::CacheStep;
use crate::model::{Cache, CacheScope, Discipline, Distribution, RoutingMode, Scenario, StepKind};
use crate::units::{CacheId, ServiceId, SimDuration};
use crate::world::contract::{Command, DataPlane, Luck, Seen};
use crate::world::data::flow::FlowPlane;
use crate::world::data::request::RequestPlane;

/// A store behind a cache of 20,000 keys that hits nine times of ten when warm, 40 reads a second, in two clusters.
fn reads() -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(7_200));
    scenario.clusters = vec![cluster("source"), cluster("target")];
    set_links(&mut scenario, 0.001);
    let fast = |mean| vec![work(Distribution::exponential(mean))];
    let store = add_service(&mut scenario, "store", 2, Discipline::Fifo, fast(0.02));
    let miss = vec![call(&mut scenario, Some(1), store, plain_policy())];
    let look = step(StepKind::Cache(CacheStep {
        cache: CacheId(0),
        hit: Vec::new(),
        miss,
    }));
    let mut steps = fast(0.002);
    steps.push(look);
    let front = add_service(&mut scenario, "front", 2, Discipline::Fifo, steps);
    scenario.caches.push(Cache {
        name: "hot".into(),
        service: ServiceId(1),
        hit: 0.9,
        keys: 20_000,
        skew: 0.9,
        scope: CacheScope::Cluster,
        ttl: None,
        cold: 0.0,
    });
    let limit = SimDuration::from_secs(1);
    let journey = add_journey(&mut scenario, "read", front, limit);
    add_open_load(&mut scenario, "users", 40.0, journey);
    scenario.migration = Some(migration());
    scenario
}

fn cut_over(plane: &mut impl DataPlane) {
    for service in [0, 1] {
        plane.command(Command::SetRouting {
            service: ServiceId(service),
            mode: RoutingMode::LocalFirst,
            weight: 1.0,
            callers_share: 1.0,
        });
    }
}

/// Five minutes each after the cutover of minute 30: looks, hits, and reads of the store in the target.
fn recovery(mut plane: impl DataPlane, scenario: &Scenario) -> Vec<[f64; 3]> {
    start(&mut plane, scenario);
    play(&mut plane, 1_800);
    cut_over(&mut plane);
    let part = |seen: &Seen| {
        let [store, front] = [1, 3].map(|station| &seen.stations[station]);
        [
            front.cache_looks as f64,
            front.cache_hits as f64,
            store.arrived as f64,
        ]
    };
    (1..=9)
        .map(|part_of| part(&play(&mut plane, 1_800 + 300 * part_of)))
        .collect()
}

#[test]
fn a_cold_cache_recovers_after_a_cutover_as_request_by_request() {
    const RUNS: u32 = 6;
    let scenario = reads();
    let sums = |make: &dyn Fn(Luck) -> Vec<[f64; 3]>| {
        let mut sums = vec![[0.0; 3]; 9];
        for replication in 0..RUNS {
            let found = make(Luck {
                replication,
                ..LUCK
            });
            for (sum, part) in sums.iter_mut().zip(found) {
                sum.iter_mut()
                    .zip(part)
                    .for_each(|(sum, part)| *sum += part);
            }
        }
        sums
    };
    let flow = sums(&|luck| recovery(FlowPlane::new(&scenario, luck), &scenario));
    let request = sums(&|luck| recovery(RequestPlane::new(&scenario, luck, false), &scenario));
    for (part, (flow, request)) in flow.iter().zip(&request).enumerate() {
        // 72,000 looks a part: five deviations of a hit ratio are at most 0.009 a side.
        let (left, right) = (flow[1] / flow[0], request[1] / request[0]);
        assert!((left - right).abs() < 0.02, "{part}: {left} {right}");
        // 29,000 reads of the store at first, 7,000 at the end: five deviations of both are 4 to 8 %.
        let apart = flow[2] / request[2] - 1.0;
        let allowed = 0.02 + 5.0 * (2.0 / request[2]).sqrt();
        assert!(apart.abs() < allowed, "{part}: store {apart}");
    }
    // It recovers: the store has less than half of its first load at the end.
    assert!(flow[8][2] < 0.5 * flow[0][2], "{flow:?}");
}

/// A station that is asked for 150 a second and can do 100 passes on 100, and goes on when nobody comes any more.
#[test]
fn a_station_that_is_behind_passes_on_what_it_finishes() {
    let mut scenario = empty(SimDuration::from_secs(600));
    let fast = vec![work(Distribution::constant(0.001))];
    let store = add_service(&mut scenario, "store", 1, Discipline::Fifo, fast);
    let onward = call(&mut scenario, Some(1), store, plain_policy());
    let steps = vec![work(Distribution::constant(0.01)), onward];
    let front = add_service(&mut scenario, "front", 1, Discipline::Fifo, steps);
    let journey = add_journey(&mut scenario, "j", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "l", 150.0, journey);
    let minute = crate::units::SimTime::ZERO + SimDuration::from_secs(60);
    scenario.loads[0].shape = vec![crate::model::Shape::Steps(vec![
        (crate::units::SimTime::ZERO, 1.0),
        (minute, 40.0 / 150.0),
    ])];
    let mut flow = FlowPlane::new(&scenario, LUCK);
    let mut request = RequestPlane::new(&scenario, LUCK, false);
    start(&mut flow, &scenario);
    start(&mut request, &scenario);
    for (until, wanted) in [
        (10, 1_000.0),
        (60, 5_000.0),
        // 3,000 are behind and 40 a second come: 100 a second until second 110.
        (100, 4_000.0),
        (130, 1_800.0),
        (300, 6_800.0),
    ] {
        let flow = play(&mut flow, until).stations[0].arrived as f64;
        let request = play(&mut request, until).stations[0].arrived as f64;
        // Counts of the flow plane are drawn; the requests' number behind at second 60 varies by 95.
        let chance = 5.0 * (wanted + 95.0 * 95.0_f64).sqrt();
        assert!(
            (flow - wanted).abs() < 0.02 * wanted + 5.0 * wanted.sqrt(),
            "{until}: {flow} for {wanted}"
        );
        assert!(
            (request - wanted).abs() < 0.02 * wanted + chance,
            "{until}: {request} for {wanted}"
        );
    }
}
