//! Faults at request level: by hand, and one statistical test with its false-alarm rate.

use super::RequestPlane;
use crate::model::fault::LinkFault;
use crate::model::sample::{add_journey, add_open_load, add_service, empty, set_links, work};
use crate::model::{Arrivals, Discipline, Distribution, LoadKind, Scenario};
use crate::units::{Bytes, ClusterId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{Command, DataPlane, Luck, Notice, Outcome, Seen};

/// One service of many cores: 10 ms of work, 1 ms each way; an arrival every 1 / rate seconds.
fn scenario(rate: f64, seconds: u64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(seconds));
    let steps = vec![work(Distribution::constant(0.010))];
    let endpoint = add_service(&mut scenario, "s", 64, Discipline::Fifo, steps);
    let journey = add_journey(&mut scenario, "j", endpoint, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "l", rate, journey);
    scenario.loads[0].kind = LoadKind::Open {
        rate,
        arrivals: Arrivals::Even,
    };
    set_links(&mut scenario, 0.001);
    scenario
}

fn plane(scenario: &Scenario) -> RequestPlane {
    let luck = Luck {
        seed: 1,
        replication: 0,
        stage: 0,
    };
    let mut plane = RequestPlane::new(scenario, luck, true);
    let replica = ReplicaId(0);
    plane.command(Command::AddReplica {
        replica,
        service: ServiceId(0),
        cluster: ClusterId(0),
        speed: 1.0,
        warmup: None,
    });
    plane.command(Command::Ready { replica });
    plane.command(Command::List { replica });
    plane
}

fn until(plane: &mut RequestPlane, seconds: f64) -> Seen {
    let end = SimTime::ZERO + SimDuration::from_seconds(seconds);
    let mut seen = Seen::default();
    plane.advance(end).expect("no limit is reached");
    plane.observe(&mut seen);
    seen
}

fn times(seen: &Seen) -> Vec<f64> {
    let records = seen.records.iter();
    records
        .map(|record| (record.ended.since(record.issued).seconds() * 1e6).round() / 1e3)
        .collect()
}

/// Hops users -> cluster and back.
fn set_both(plane: &mut RequestPlane, state: LinkFault) {
    for hop in [1, 2] {
        plane.command(Command::SetLink { hop, state });
    }
}

#[test]
fn a_slow_link_delays_both_ways_and_is_put_right() {
    let scenario = scenario(1.0, 100);
    let mut plane = plane(&scenario);
    let slow = LinkFault {
        factor: 10.0,
        ..LinkFault::NONE
    };
    assert!(
        times(&until(&mut plane, 10.5))
            .iter()
            .all(|time| *time == 12.0)
    );
    set_both(&mut plane, slow);
    assert!(
        times(&until(&mut plane, 20.5))
            .iter()
            .all(|time| *time == 30.0)
    );
    set_both(&mut plane, LinkFault::NONE);
    let after = times(&until(&mut plane, 30.5));
    assert!(
        after.len() >= 9 && after.iter().all(|time| *time == 12.0),
        "{after:?}"
    );
}

#[test]
fn over_a_cut_link_nobody_is_reached() {
    let scenario = scenario(1.0, 100);
    let mut plane = plane(&scenario);
    set_both(
        &mut plane,
        LinkFault {
            cut: true,
            ..LinkFault::NONE
        },
    );
    let seen = until(&mut plane, 50.5);
    // Those of the first 45 s have waited their 5 s for a connection.
    assert!(seen.records.len() >= 44);
    assert!(times(&seen).iter().all(|time| *time == 5000.0));
    assert!(
        seen.records
            .iter()
            .all(|record| record.outcome == Outcome::Unreachable)
    );
}

#[test]
fn lost_messages_come_later_as_often_as_the_loss_says() {
    let scenario = scenario(20.0, 1000);
    let mut plane = plane(&scenario);
    set_both(
        &mut plane,
        LinkFault {
            loss: 0.1,
            ..LinkFault::NONE
        },
    );
    let seen = until(&mut plane, 1000.0);
    let late = times(&seen).iter().filter(|time| **time > 12.0).count() as f64;
    let count = seen.records.len() as f64;
    // 1 - 0.9^2 = 19 % are late; 20,000 actions, deviation 0.28 %: five of them is one false alarm in two million.
    assert!((late / count - 0.19).abs() < 5.0 * (0.19 * 0.81 / count).sqrt());
}

#[test]
fn requests_at_a_failing_replica_fail_as_often_as_told() {
    let scenario = scenario(20.0, 1000);
    let mut plane = plane(&scenario);
    plane.command(Command::SetErrors {
        replica: ReplicaId(0),
        ratio: 0.25,
    });
    let seen = until(&mut plane, 1000.0);
    let failed = seen.stations[0].ended[Outcome::Error as usize] as f64;
    let count = seen.records.len() as f64;
    // Deviation 0.31 %: five of them is one false alarm in two million.
    assert!((failed / count - 0.25).abs() < 5.0 * (0.25 * 0.75 / count).sqrt());
    plane.command(Command::SetErrors {
        replica: ReplicaId(0),
        ratio: 0.0,
    });
    assert_eq!(
        until(&mut plane, 1000.0).stations[0].ended[Outcome::Error as usize],
        0
    );
}

#[test]
fn callers_choose_a_crashed_replica_until_it_is_delisted() {
    let scenario = scenario(10.0, 100);
    let mut plane = plane(&scenario);
    until(&mut plane, 10.0);
    plane.command(Command::Crash {
        replica: ReplicaId(0),
    });
    let ended = until(&mut plane, 20.0).stations[0].ended;
    assert!(ended[Outcome::Unreachable as usize] >= 99, "{ended:?}");
    plane.command(Command::Delist {
        replica: ReplicaId(0),
    });
    let ended = until(&mut plane, 30.0).stations[0].ended;
    assert!(ended[Outcome::NoReadyReplica as usize] >= 99, "{ended:?}");
    assert!(ended[Outcome::Unreachable as usize] <= 1, "{ended:?}");
}

#[test]
fn one_request_too_many_for_its_memory_ends_a_replica() {
    let mut scenario = scenario(250.0, 100);
    // At 250/s and 10 ms two or three are in flight: the third is one too many.
    scenario.services[0].memory_per_request = Bytes(100);
    scenario.services[0].resources.memory_limit = Some(Bytes(250));
    let mut plane = plane(&scenario);
    let advanced = plane.advance(scenario.end()).expect("no limit is reached");
    assert_eq!(
        advanced.notice,
        Some(Notice::OutOfMemory {
            replica: ReplicaId(0)
        })
    );
    let mut seen = Seen::default();
    let end = advanced.now + SimDuration::from_millis(100);
    plane.advance(end).expect("no limit is reached");
    plane.observe(&mut seen);
    // Arrivals every 4 ms: the third comes while two are held. All three are killed.
    assert_eq!(seen.stations[0].ended[Outcome::Killed as usize], 3);
    assert_eq!(seen.stations[0].ended[Outcome::Ok as usize], 0);
}
