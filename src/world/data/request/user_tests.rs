//! Walks, users who give up, users who appear one after the other.

use super::tests::play;
use crate::model::sample::{add_journey, add_open_load, add_service, add_users, empty, work};
use crate::model::{Abandon, Arrivals, Discipline, Distribution, LoadKind, Scenario, Walk};
use crate::units::{JourneyId, SimDuration};
use crate::world::contract::ActionRecord;

/// Two journeys to a service that works a constant time, fast enough for anybody.
fn shop(horizon: u64, milliseconds: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(horizon));
    let demand = vec![work(Distribution::constant(milliseconds * 1e-3))];
    let endpoint = add_service(&mut scenario, "s", 1_000, Discipline::Fifo, demand);
    add_journey(&mut scenario, "browse", endpoint, SimDuration::from_secs(1));
    add_journey(&mut scenario, "buy", endpoint, SimDuration::from_secs(1));
    scenario
}

fn add_sessions(scenario: &mut Scenario, rate: f64, length: Option<Distribution>) {
    add_open_load(scenario, "clients", rate, JourneyId::from_index(0));
    scenario.loads[0].kind = LoadKind::Sessions {
        rate,
        arrivals: Arrivals::Poisson,
        length,
        think: Distribution::exponential(0.5),
    };
}

fn begun(records: &[ActionRecord]) -> f64 {
    records.iter().filter(|record| record.ordinal == 0).count() as f64
}

#[test]
fn a_walk_visits_as_often_as_the_fundamental_matrix_says() {
    // Browse repeats with 1/2, buys with 1/4; buying goes back with 1/3: 2.4 and 0.6 visits a session. The number of
    // actions of a session has a variance below 9, so that over 20 000 sessions means have deviations below 0.0213:
    // 4.9 of them, false alarm 1e-6 each.
    let mut scenario = shop(10_000, 1.0);
    add_sessions(&mut scenario, 2.0, None);
    scenario.loads[0].walk = Some(Walk {
        nodes: vec![JourneyId(0), JourneyId(1)],
        start: vec![(0, 1.0)],
        next: vec![vec![(0, 0.5), (1, 0.25)], vec![(0, 1.0 / 3.0)]],
    });
    let seen = play(&scenario, 0, 1);
    let sessions = begun(&seen.records);
    assert!((19_000.0..21_000.0).contains(&sessions));
    for (journey, visits) in [(0, 2.4), (1, 0.6)] {
        let of_journey = |record: &&ActionRecord| record.journey == JourneyId(journey);
        let found = seen.records.iter().filter(of_journey).count() as f64 / sessions;
        assert!(
            (found - visits).abs() < 4.9 * 0.0213,
            "{found}, not {visits}"
        );
    }
}

#[test]
fn who_finds_it_slow_leaves_by_chance() {
    // Sessions of five actions, each too slow, half of the users leave after each: 1 + 1/2 + ... + 1/16 = 1.9375 actions,
    // with a variance below 1.7: 4.9 deviations over 5 000 sessions are 0.09.
    let mut scenario = shop(10_000, 10.0);
    add_sessions(&mut scenario, 0.5, Some(Distribution::constant(5.0)));
    scenario.loads[0].abandon = Some(Abandon {
        slower_than: Some(SimDuration::from_millis(5)),
        chance: 0.5,
        after_failures: None,
    });
    let seen = play(&scenario, 0, 1);
    let actions = seen.records.len() as f64 / begun(&seen.records);
    assert!((actions - 1.9375).abs() < 0.09, "{actions}");
    // Each session ends by leaving, or with its fifth action.
    let ends = |record: &&ActionRecord| record.left || record.ordinal == 4;
    let ended = seen.records.iter().filter(ends).count() as f64;
    assert!(
        begun(&seen.records) - ended <= 20.0,
        "only the last are under way"
    );
}

#[test]
fn after_two_failures_in_a_row_a_user_is_gone_for_good() {
    let mut scenario = shop(1_000, 1.0);
    scenario.endpoints[0].error_ratio = 1.0;
    add_users(
        &mut scenario,
        "members",
        50,
        Distribution::exponential(5.0),
        JourneyId(0),
    );
    scenario.loads[0].abandon = Some(Abandon {
        slower_than: None,
        chance: 1.0,
        after_failures: Some(2),
    });
    let seen = play(&scenario, 0, 1);
    assert_eq!(seen.records.len(), 100);
    assert!(
        seen.records
            .iter()
            .all(|record| record.left == (record.ordinal == 1))
    );
}

#[test]
fn users_appear_one_after_the_other() {
    // One every ten seconds; each thinks for nine before the first action too.
    let mut scenario = shop(100, 1.0);
    add_users(
        &mut scenario,
        "members",
        50,
        Distribution::constant(0.0),
        JourneyId(0),
    );
    scenario.loads[0].kind = LoadKind::Closed {
        users: 50,
        think: Distribution::constant(9.0),
        spawn: Some(0.1),
    };
    let seen = play(&scenario, 0, 1);
    for user in 0..9 {
        let first = seen
            .records
            .iter()
            .find(|record| record.user == user && record.ordinal == 0);
        let issued = first.expect("it came").issued.seconds();
        assert!(
            (issued - (10.0 * user as f64 + 9.0)).abs() < 1e-9,
            "user {user} at {issued}"
        );
    }
}
