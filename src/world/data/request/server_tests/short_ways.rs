//! The short ways against the long ones: whole random models give the same numbers with the short ways shut.

use super::*;
use crate::world::data::request::server_tests::conservation::scenario;
use proptest::prelude::*;

/// Everything that is seen of a model, second by second, with a kill on the way and what ran out of memory replaced.
fn played(scenario: &Scenario, seed: u64, short: bool) -> Vec<String> {
    let mut plane = plane(scenario, 0, 2);
    plane.open_short_ways(short);
    let mut next = scenario.services.len() as u32 * 2;
    let mut at = SimTime::ZERO;
    let mut all = Vec::new();
    for second in 0..8u32 {
        at += SimDuration::from_secs(1);
        if second == 2 {
            let replica = ReplicaId(seed as u32 % next);
            plane.command(Command::Kill { replica });
        }
        if second == 3 {
            let replica = ReplicaId((seed >> 32) as u32 % next);
            plane.command(Command::Drain { replica });
        }
        while let Some(notice) = plane.advance(at).expect("no limit").notice {
            all.push(format!("{notice:?}"));
            if let Notice::OutOfMemory { replica } = notice
                && next < 40
            {
                let station = plane.replicas[replica.index()].station;
                add(&mut plane, ReplicaId(next), ServiceId(station), None);
                next += 1;
            }
        }
        let mut seen = Seen::default();
        plane.observe(&mut seen);
        all.push(format!("{seen:?} {}", plane.events()));
    }
    all
}

/// Calls in a row and side by side between services of one `work` step, with time-outs that go off.
fn ordinary(seed: u64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(4));
    let mut policy = plain_policy();
    policy.per_try_timeout = Some(SimDuration::from_millis(90));
    policy.retries.max = (seed % 3) as u32;
    let leaves: Vec<_> = (0..3)
        .map(|index| {
            let steps = vec![work(exp(0.02))];
            let name = format!("leaf{index}");
            add_service(&mut scenario, &name, 1, Discipline::Fifo, steps)
        })
        .collect();
    let mut to = |index: usize| call(&mut scenario, Some(3), leaves[index], policy.clone());
    let branches = vec![to(0), to(1)];
    let steps = vec![
        to(2),
        step(StepKind::Parallel(Parallel {
            join: None,
            fanout: None,
            branches,
        })),
        work(exp(0.01)),
        to(0),
    ];
    let front = add_service(&mut scenario, "front", 2, Discipline::Fifo, steps);
    let journey = add_journey(&mut scenario, "j", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "l", 30.0, journey);
    if seed.is_multiple_of(2) {
        crate::model::sample::set_links(&mut scenario, 0.002);
    }
    if seed.is_multiple_of(3) {
        for link in &mut scenario.links.table {
            link.bandwidth = Some(1e5);
        }
        for endpoint in &mut scenario.endpoints {
            endpoint.reply = crate::units::Bytes(seed % 200);
        }
    }
    scenario
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn short_ways_change_no_number(seed in any::<u64>()) {
        for scenario in [scenario(seed), ordinary(seed)] {
            let (short, long) = (played(&scenario, seed, true), played(&scenario, seed, false));
            for (short, long) in short.iter().zip(&long) {
                assert_eq!(short, long, "seed {seed}");
            }
            assert_eq!(short.len(), long.len());
        }
    }
}
