//! Laws of all strategies, and what single ones must give on worlds that can be worked out by hand.

use super::{STRATEGIES, find};
use crate::model::{ServiceKind, Wave, WaveOrder};
use crate::plan::KnownWorld;
use crate::plan::pack::Packing;
use crate::plan::sample::world;
use crate::units::ServiceId;

/// A shop with a cycle (travel, seat), a store and a service that nobody calls.
const NAMES: [&str; 9] = [
    "front", "travel", "seat", "order", "order-db", "search", "index", "mail", "report",
];
const CALLS: [(usize, usize, f64); 9] = [
    (0, 1, 2.0),
    (1, 2, 3.0),
    (2, 1, 0.1),
    (0, 3, 1.0),
    (3, 4, 4.0),
    (0, 5, 5.0),
    (5, 6, 2.0),
    (3, 7, 0.5),
    (8, 4, 1.0),
];

fn order(name: &str, known: &KnownWorld) -> Option<Vec<String>> {
    let strategy = find(name).expect("a strategy");
    let order = (strategy.order)(known, 7).ok()?;
    Some(
        order
            .iter()
            .map(|group| known.groups[*group].name.clone())
            .collect(),
    )
}

/// The shop with its services listed in another order: `at[i]` is the new place of service `i`.
fn shuffled(at: &[usize]) -> crate::model::Scenario {
    let mut names = vec![""; NAMES.len()];
    for (old, new) in at.iter().enumerate() {
        names[*new] = NAMES[old];
    }
    // The journey enters at the first service: it stays first.
    assert_eq!(at[0], 0);
    let calls: Vec<_> = CALLS
        .iter()
        .map(|(from, to, times)| (at[*from], at[*to], *times))
        .collect();
    let mut scenario = world(&names, &calls);
    for service in &mut scenario.services {
        if service.name == "order-db" || service.name == "index" {
            service.kind = ServiceKind::Stateful;
        }
    }
    let order = ["search", "front", "index"].map(|name| {
        let at = names
            .iter()
            .position(|other| *other == name)
            .expect("a service");
        scenario.migration.as_ref().expect("a migration").moves[at]
    });
    // Two services wait for their portability tests.
    for (day, name) in [(1, "index"), (2, "front")] {
        let services = scenario.services.iter_mut();
        let at = crate::units::SimTime::ZERO + crate::units::SimDuration::from_secs(day * 86_400);
        for one in services.filter(|one| one.name == name) {
            one.portable_from = Some(at);
        }
    }
    scenario.plan.waves = vec![Wave {
        name: "one".to_owned(),
        members: order.to_vec(),
        earliest: None,
        order: WaveOrder::Given,
    }];
    scenario
}

#[test]
fn every_strategy_gives_a_permutation_whatever_order_services_are_listed_in() {
    let plain = shuffled(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let mixed = shuffled(&[0, 7, 3, 8, 1, 2, 5, 4, 6]);
    let (plain, mixed) = (
        KnownWorld::new(&plain).expect("a migration"),
        KnownWorld::new(&mixed).expect("a migration"),
    );
    for strategy in STRATEGIES {
        let first = order(strategy.name, &plain).expect(strategy.name);
        assert_eq!(
            first,
            order(strategy.name, &plain).expect(strategy.name),
            "{}",
            strategy.name
        );
        let mut sorted = first.clone();
        sorted.sort();
        let mut all = NAMES.map(str::to_owned).to_vec();
        all.sort();
        assert_eq!(sorted, all, "{}", strategy.name);
        // Equal cuts are resolved by name: sums in another order may differ in the last bit only.
        let second = order(strategy.name, &mixed).expect(strategy.name);
        assert_eq!(first, second, "{}", strategy.name);
    }
}

#[test]
fn the_table_is_sorted_and_says_everything() {
    let names: Vec<&str> = super::names().collect();
    assert!(names.is_sorted());
    for strategy in STRATEGIES {
        for text in [strategy.definition, strategy.good_when, strategy.reference] {
            assert!(!text.is_empty(), "{}", strategy.name);
        }
        assert_eq!(
            strategy.packing == Packing::OneWave,
            strategy.name == "big-bang"
        );
    }
}

#[test]
fn callees_move_before_callers_in_leaf_first_orders_and_cycles_stay_together() {
    let scenario = shuffled(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let known = KnownWorld::new(&scenario).expect("a migration");
    for name in ["leaf-first-layered", "leaf-first-best-ties"] {
        let order = order(name, &known).expect(name);
        let at = |name: &str| order.iter().position(|other| other == name).expect("there");
        for (caller, callee, _) in CALLS {
            let in_cycle = |at: usize| NAMES[at] == "travel" || NAMES[at] == "seat";
            if !(in_cycle(caller) && in_cycle(callee)) {
                assert!(at(NAMES[callee]) < at(NAMES[caller]), "{name}: {order:?}");
            }
        }
        assert_eq!(at("travel").abs_diff(at("seat")), 1, "{name}: {order:?}");
    }
}

#[test]
fn exact_dp_finds_the_least_total_of_known_graphs() {
    // A path of n has total n - 1 and a star of n floor(n^2 / 4), when each edge weighs 1.
    let path: Vec<(usize, usize, f64)> = (0..7).map(|at| (at, at + 1, 1.0)).collect();
    let star: Vec<(usize, usize, f64)> = (1..8).map(|at| (0, at, 1.0)).collect();
    for (calls, least) in [(path, 7.0), (star, 16.0)] {
        let scenario = world(&["a", "b", "c", "d", "e", "f", "g", "h"], &calls);
        let known = KnownWorld::new(&scenario).expect("a migration");
        let order = (find("exact-dp").expect("a strategy").order)(&known, 1).expect("few groups");
        assert!((known.graph.cuts(&order).0 - least).abs() < 1e-9, "{least}");
        for strategy in STRATEGIES {
            if let Ok(other) = (strategy.order)(&known, 1) {
                assert!(
                    known.graph.cuts(&other).0 >= least - 1e-9,
                    "{}",
                    strategy.name
                );
            }
        }
    }
}

#[test]
fn a_free_order_costs_no_more_than_one_that_keeps_callees_first() {
    let scenario = shuffled(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let known = KnownWorld::new(&scenario).expect("a migration");
    let cost = |name: &str| {
        let order = (find(name).expect("a strategy").order)(&known, 1).expect(name);
        known.graph.cuts(&order).0
    };
    assert!(cost("exact-dp") <= cost("leaf-first-best-ties"));
    assert!(cost("leaf-first-best-ties") <= cost("leaf-first-layered"));
}

#[test]
fn hidden_calls_are_not_seen_and_groups_move_as_one() {
    let mut scenario = world(&["a", "b", "c"], &[(0, 1, 2.0), (0, 2, 3.0)]);
    if let crate::model::StepKind::Call(call) = &mut scenario.endpoints[0].steps[2].kind {
        call.hidden = true;
    }
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.together = vec![vec![ServiceId(0), ServiceId(1)]];
    let known = KnownWorld::new(&scenario).expect("a migration");
    assert_eq!(known.edges.len(), 1);
    assert!((known.edges[0].calls - 2.0).abs() < 1e-12);
    assert_eq!(known.services[2].requests, 0.0);
    let groups: Vec<_> = known
        .groups
        .iter()
        .map(|group| group.services.clone())
        .collect();
    assert_eq!(groups, vec![vec![0, 1], vec![2]]);
    assert!(known.graph.neighbours[0].is_empty());
}

#[test]
fn wave_flow_moves_a_cluster_whole_and_never_cuts_more_than_it_must() {
    // Two cliques of four with weight 5 inside, joined by one call of weight 1; waves of four.
    let mut calls = vec![(0, 4, 1.0)];
    for first in [0, 4] {
        for a in first..first + 4 {
            calls.extend((a + 1..first + 4).map(|b| (a, b, 5.0)));
        }
    }
    let mut scenario = world(&["a", "b", "c", "d", "e", "f", "g", "h"], &calls);
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.constraints.wave_size = Some(crate::model::constraint::Written {
        value: crate::model::WaveSize {
            least: 1,
            most: Some(4),
        },
        path: String::new(),
        text: String::new(),
    });
    let known = KnownWorld::new(&scenario).expect("a migration");
    let order = order("wave-flow", &known).expect("it always applies");
    let mut first = order[..4].to_vec();
    first.sort();
    let clusters = [["a", "b", "c", "d"], ["e", "f", "g", "h"]];
    assert!(
        clusters.iter().any(|cluster| first == *cluster),
        "{order:?}"
    );
}

#[test]
fn every_strategy_orders_1200_services_or_says_why_not() {
    // A layered world: each service calls two of the next hundred.
    let names: Vec<String> = (0..1_200).map(|at| format!("s{at:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let calls: Vec<_> = (0..1_200usize)
        .flat_map(|at| {
            [
                (at, at * 7 % 97 + at + 1, 0.6),
                (at, at * 13 % 89 + at + 2, 0.4),
            ]
        })
        .filter(|(_, callee, _)| *callee < 1_200)
        .collect();
    let scenario = world(&names, &calls);
    let known = KnownWorld::new(&scenario).expect("a migration");
    for strategy in STRATEGIES {
        // Work, not time, is bounded here: the slowest are quadratic in groups, at most.
        if let Ok(order) = (strategy.order)(&known, 1) {
            assert_eq!(order.len(), 1_200, "{}", strategy.name);
        }
    }
}
