//! The control plane above the request plane.

use super::*;
use crate::model::sample::{call, plain_policy, set_links};
use crate::world::contract::OUTCOMES;
use crate::world::data::request::RequestPlane;

/// Attempts by outcome and cluster, actions by outcome.
#[derive(Default)]
struct Tally {
    stations: [[u64; OUTCOMES]; 2],
    actions: [u64; OUTCOMES],
    issued: u64,
    events: Vec<ProgrammeEvent>,
}

impl Recorder for Tally {
    fn interval(&mut self, seen: &Seen, _: &ControlSeen) {
        for (at, station) in seen.stations.iter().enumerate() {
            (0..OUTCOMES)
                .for_each(|outcome| self.stations[at % 2][outcome] += station.ended[outcome]);
        }
        for actions in &seen.actions {
            (0..OUTCOMES).for_each(|outcome| self.actions[outcome] += actions.ended[outcome]);
            self.issued += actions.issued;
        }
    }

    fn event(&mut self, event: &ProgrammeEvent) {
        self.events.push(event.clone());
    }
}

/// Front calls back; 40 requests a second; a canary of 50 % for 5 minutes, then all.
fn pair() -> Scenario {
    let mut scenario = scenario(2);
    scenario.horizon = seconds(3600);
    set_links(&mut scenario, 0.001);
    let back = scenario.services[1].endpoints[0];
    let step = call(&mut scenario, Some(0), back, plain_policy());
    scenario.endpoints[0].steps.push(step);
    scenario.loads.truncate(1);
    scenario.loads[0].kind = crate::model::LoadKind::Open {
        rate: 40.0,
        arrivals: crate::model::Arrivals::Poisson,
    };
    set_method(
        &mut scenario,
        vec![CanaryStep::SetWeight(0.5), CanaryStep::Pause(seconds(300))],
    );
    scenario
}

fn play_requests(scenario: &Scenario) -> (Tally, crate::world::control::Summary) {
    let plane = RequestPlane::new(scenario, LUCK, false);
    let (mut world, mut tally) = (World::new(scenario, plane, LUCK, true), Tally::default());
    world
        .advance_to(scenario.end(), &mut tally)
        .expect("no limit is near");
    (tally, world.summary())
}

#[test]
fn an_orderly_migration_loses_no_request_in_any_routing_mode() {
    for mode in [
        RoutingMode::Weighted,
        RoutingMode::LocalFirst,
        RoutingMode::CallerFollows,
    ] {
        let mut scenario = pair();
        scenario.migration.as_mut().expect("a migration").routing = mode;
        let (tally, summary) = play_requests(&scenario);
        assert_eq!(summary.complete, Some(true), "{mode:?}");
        let ended: u64 = tally.actions.iter().sum();
        assert_eq!(
            tally.actions[Outcome::Ok as usize],
            ended,
            "{mode:?} {:?}",
            tally.actions
        );
        assert!(
            tally.issued - ended < 10 && ended > 140_000,
            "{mode:?} {ended}"
        );
        assert!(tally.stations[1][Outcome::Ok as usize] > 0, "{mode:?}");
    }
}

#[test]
fn a_gate_on_a_bad_target_rolls_back_and_the_source_serves_on() {
    let mut scenario = pair();
    // The target is twenty times slower, so its mean latency breaks the gate.
    scenario.machines[1].speed = 0.05;
    let mut gate = error_gate(GateFailure::RollBackGroup);
    let mean = |subject| {
        Sum::Value(Value::Metric(MetricTerm {
            name: "mean".into(),
            subject: Some(subject),
            scope: MetricScope::default(),
        }))
    };
    let twice = Sum::Multiply(
        Box::new(Sum::Value(Value::Number(2.0))),
        Box::new(mean(Subject::Old)),
    );
    gate.pass = vec![Condition::Compare(
        mean(Subject::New),
        Comparator::LessOrEqual,
        twice,
    )];
    scenario
        .migration
        .as_mut()
        .expect("a migration")
        .gates
        .push(gate);
    scenario.plan.waves[0]
        .members
        .iter_mut()
        .for_each(|member| member.gate = Some(0));
    let (tally, summary) = play_requests(&scenario);
    assert_eq!((summary.complete, summary.rollbacks), (Some(false), 2));
    assert_eq!(summary.services[0].runs_in, [ClusterId(0)]);
    let failed: Vec<_> = tally
        .events
        .iter()
        .filter(|event| event.kind == EventKind::GateFailed)
        .collect();
    assert!(
        failed[0]
            .detail
            .starts_with("s0: gate healthy failed: mean(new) "),
        "{}",
        failed[0].detail
    );
    assert_eq!(
        tally.actions.iter().sum::<u64>(),
        tally.actions[Outcome::Ok as usize]
    );
}
