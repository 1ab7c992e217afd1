//! The packer under each constraint, the timetable and the exposure, against what can be worked out by hand.

use crate::model::{DueDate, LatencyBudget, Precedence, Scenario, WaveOrder, WaveSize, Written};
use crate::plan::clockwork::Clockwork;
use crate::plan::conflict::explain;
use crate::plan::exposure::exposure;
use crate::plan::pack::Packed;
use crate::plan::sample::{request, waves, world};
use crate::plan::{KnownWorld, NoPlan, find, make};
use crate::units::{JourneyId, ServiceId, SimDuration, SimTime};

fn written<T>(value: T, path: &str) -> Written<T> {
    Written {
        value,
        path: path.to_owned(),
        text: path.to_owned(),
    }
}

/// Eight services `a` to `h`, each calling the next once.
fn chain() -> Scenario {
    let calls: Vec<_> = (0..7).map(|at| (at, at + 1, 1.0)).collect();
    world(&["a", "b", "c", "d", "e", "f", "g", "h"], &calls)
}

fn constrain(scenario: &mut Scenario, change: impl FnOnce(&mut crate::model::Migration)) {
    change(scenario.migration.as_mut().expect("a migration"));
}

fn packed(scenario: &Scenario, strategy: &str) -> Result<Packed, NoPlan> {
    let known = KnownWorld::new(scenario).expect("a migration");
    make(&known, find(strategy).expect("a strategy"), &request())
}

fn plan(scenario: &Scenario, strategy: &str) -> Vec<Vec<String>> {
    let packed = packed(scenario, strategy).expect("a plan");
    waves(scenario, &packed.waves)
}

fn size(least: u32, most: u32) -> Option<Written<WaveSize>> {
    let most = Some(most);
    Some(written(WaveSize { least, most }, "waveSize"))
}

#[test]
fn waves_are_equal_rather_than_full() {
    let mut scenario = chain();
    constrain(&mut scenario, |migration| {
        migration.constraints.wave_size = size(1, 5)
    });
    // Eight services in waves of at most five: twice four.
    let found = plan(&scenario, "leaf-first-layered");
    assert_eq!(found, [["h", "g", "f", "e"], ["d", "c", "b", "a"]]);
    // A constraint holds for any plan, also for the one that would do everything at once.
    assert_eq!(plan(&scenario, "big-bang").len(), 2);
    assert_eq!(plan(&chain(), "big-bang").len(), 1);
}

#[test]
fn what_must_wait_lets_later_ones_pass_and_apart_closes_the_wave() {
    let mut scenario = chain();
    constrain(&mut scenario, |migration| {
        migration.constraints.wave_size = size(1, 4);
        migration.constraints.order = vec![written(
            Precedence {
                before: vec![ServiceId(0)],
                after: vec![ServiceId(7)],
            },
            "order[0]",
        )];
    });
    let found = plan(&scenario, "leaf-first-layered");
    assert_eq!(found, [vec!["g", "f", "e", "d"], vec!["c", "b", "a", "h"]]);
    constrain(&mut scenario, |migration| {
        migration.constraints.order.clear();
        migration.constraints.apart = vec![written(vec![ServiceId(7), ServiceId(5)], "apart[0]")];
    });
    let found = plan(&scenario, "leaf-first-layered");
    assert_eq!(found[0], ["h", "g"]);
    assert!(found[1].starts_with(&["f".to_owned()]));
    // A wave that must have three is not closed with two: it passes over what cannot come in.
    constrain(&mut scenario, |migration| {
        migration.constraints.wave_size = size(3, 4);
    });
    let found = plan(&scenario, "leaf-first-layered");
    assert_eq!(found, [["h", "g", "e", "d"], ["f", "c", "b", "a"]]);
    // Where nothing else may come in either there is no plan.
    constrain(&mut scenario, |migration| {
        let apart = |one: u32| written(vec![ServiceId(7), ServiceId(one)], "apart");
        migration.constraints.apart = (0..6).map(apart).collect();
    });
    assert!(matches!(
        packed(&scenario, "leaf-first-layered"),
        Err(NoPlan::Stuck(_))
    ));
}

#[test]
fn a_latency_budget_keeps_a_journey_from_being_split_twice() {
    // Each split adds two hops of 1 ms to the visit: 3 ms allow one split at a time.
    let mut scenario = chain();
    constrain(&mut scenario, |migration| {
        migration.constraints.wave_size = size(1, 2);
        migration.constraints.latency_budgets = vec![written(
            LatencyBudget {
                journey: JourneyId(0),
                most: SimDuration::from_millis(3),
            },
            "latencyBudget.visit",
        )];
    });
    let packed = packed(&scenario, "leaf-first-layered").expect("a path has such an order");
    let known = KnownWorld::new(&scenario).expect("a migration");
    let found = exposure(&known, &packed.timetable);
    assert!(
        found.added_latency[0] <= 0.003 + 1e-12,
        "{:?}",
        found.added_latency
    );
    // High traffic first moves by name here, every service having the same rate: also a path.
    assert!(plan(&scenario, "high-traffic-first").len() >= 4);
}

#[test]
fn exposure_is_weight_times_distance_in_time() {
    // One service a second, each edge one call a second: an edge between neighbours crosses for one second,
    // h to a in order; a path of eight has 7 calls in all.
    let mut scenario = chain();
    constrain(&mut scenario, |migration| {
        migration.constraints.wave_size = size(1, 8)
    });
    let packed = packed(&scenario, "leaf-first-layered").expect("a plan");
    assert_eq!(packed.waves.len(), 1);
    assert_eq!(packed.waves[0].order, WaveOrder::Given);
    let known = KnownWorld::new(&scenario).expect("a migration");
    // Prepare takes the propagation second, and the weight another: two seconds from one to the next.
    let found = exposure(&known, &packed.timetable);
    assert!((found.calls - 14.0).abs() < 1e-6, "{}", found.calls);
    assert!((found.peak_calls - 1.0).abs() < 1e-9);
    // Each call sends 1000 bytes and gets 1000 back.
    assert!((found.bytes - 28_000.0).abs() < 1e-3);
    let bang = make(&known, find("big-bang").expect("a strategy"), &request()).expect("a plan");
    assert!(exposure(&known, &bang.timetable).calls.abs() < 1e-9);
}

#[test]
fn a_conflict_is_explained_by_constraints_that_conflict_and_no_others() {
    let mut scenario = chain();
    constrain(&mut scenario, |migration| {
        let order = |first, second| Precedence {
            before: vec![ServiceId(first)],
            after: vec![ServiceId(second)],
        };
        migration.constraints.wave_size = size(1, 3);
        migration.constraints.order = vec![
            written(order(0, 1), "order[0]"),
            written(order(1, 2), "order[1]"),
            written(order(2, 0), "order[2]"),
            written(order(5, 6), "order[3]"),
        ];
    });
    let strategy = find("greedy-min-cut").expect("a strategy");
    let Err(NoPlan::Stuck(stuck)) = packed(&scenario, "greedy-min-cut") else {
        panic!("a circle cannot be kept");
    };
    let conflict = explain(&scenario, strategy, &request(), &stuck.obstacles).expect("a conflict");
    let paths: Vec<&str> = conflict
        .items
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(paths, ["order[0]", "order[1]", "order[2]"]);
}

#[test]
fn a_deadline_that_the_moves_cannot_meet_is_named() {
    let mut scenario = chain();
    constrain(&mut scenario, |migration| {
        migration.soak = SimDuration::from_secs(3_600);
        migration.keep = SimDuration::from_secs(3_600);
        migration.constraints.wave_size = size(1, 1);
        migration.constraints.deadlines = vec![written(
            DueDate {
                by: SimTime::ZERO + SimDuration::from_secs(4 * 3_600),
                services: None,
                price_per_second: None,
            },
            "deadline",
        )];
    });
    // Eight waves of an hour each, one after another, do not fit into four hours; two a wave would.
    let Err(NoPlan::Stuck(stuck)) = packed(&scenario, "by-api") else {
        panic!("eight hours do not fit into four");
    };
    let strategy = find("by-api").expect("a strategy");
    let conflict = explain(&scenario, strategy, &request(), &stuck.obstacles).expect("a conflict");
    let paths: Vec<&str> = conflict
        .items
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(paths.contains(&"deadline"), "{paths:?}");
    assert!(
        paths.contains(&"waveSize") || paths.contains(&"migration.constraints.overlap"),
        "{paths:?}"
    );
}

#[test]
fn waves_wait_for_one_another_and_for_the_calendar() {
    let mut scenario = chain();
    let hour = |hour: u64| SimTime::ZERO + SimDuration::from_secs(hour * 3_600);
    scenario.calendar.windows = Some(vec![
        crate::units::Interval {
            start: hour(9),
            end: hour(10),
        },
        crate::units::Interval {
            start: hour(33),
            end: hour(34),
        },
    ]);
    constrain(&mut scenario, |migration| {
        migration.keep = SimDuration::from_secs(7_200);
        migration.constraints.wave_size = size(1, 4);
    });
    let packed = packed(&scenario, "leaf-first-layered").expect("a plan");
    let known = KnownWorld::new(&scenario).expect("a migration");
    assert_eq!(Clockwork::of_plan(&known, &packed.waves), packed.timetable);
    // The first wave starts with the window; the old side of its last service stays for two hours, past the window.
    let starts: Vec<SimTime> = packed
        .timetable
        .waves
        .iter()
        .map(|wave| wave.start)
        .collect();
    assert_eq!(starts, [hour(9), hour(33)]);
    let done = packed.timetable.waves[0].end;
    assert_eq!(done, hour(9) + SimDuration::from_secs(8 + 7_200));
}

#[test]
fn a_service_moves_no_earlier_than_it_is_portable_and_the_gated_order_goes_by_that() {
    let mut scenario = chain();
    let day = |day: u64| SimTime::ZERO + SimDuration::from_secs(day * 86_400);
    // `a`, with the least cut of all, passes last; `d` a day before it.
    scenario.services[0].portable_from = Some(day(9));
    scenario.services[3].portable_from = Some(day(8));
    constrain(&mut scenario, |migration| {
        migration.constraints.wave_size = size(1, 2)
    });
    for strategy in ["leaf-first-layered", "root-first", "portability-gated"] {
        let packed = packed(&scenario, strategy).expect("a plan");
        for (service, by) in [(0, day(9)), (3, day(8))] {
            let start = packed.timetable.of(service).expect("it moves").prepare;
            assert!(start >= by, "{strategy}: {service} at {start:?}");
        }
    }
    let found = plan(&scenario, "portability-gated").concat();
    assert_eq!(found[6..], ["d", "a"], "{found:?}");
    // A run of a week has no plan; what stands against it is named.
    scenario.horizon = SimDuration::from_secs(7 * 86_400);
    let known = KnownWorld::new(&scenario).expect("a migration");
    let strategy = find("root-first").expect("a strategy");
    let Err(NoPlan::Stuck(stuck)) = make(&known, strategy, &request()) else {
        panic!("nine days are more than a week");
    };
    let conflict = explain(&scenario, strategy, &request(), &stuck.obstacles).expect("a conflict");
    let paths: Vec<&str> = conflict.items.iter().map(|one| one.0.as_str()).collect();
    assert!(
        paths == ["services.a.portable", "services.d.portable"]
            || paths == ["services.a.portable"]
            || paths == ["services.d.portable"],
        "{paths:?}"
    );
    // Without tests to pass the order has no meaning.
    assert!(matches!(
        packed_without_gates(),
        Err(NoPlan::Strategy(reason)) if reason.contains("portable")
    ));
}

fn packed_without_gates() -> Result<Packed, NoPlan> {
    packed(&chain(), "portability-gated")
}
