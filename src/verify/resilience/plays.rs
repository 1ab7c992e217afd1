//! What rules make of whole calls, played by the request plane.

use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, step,
};
use crate::model::{
    Arrivals, CallPolicy, Discipline, Distribution, Jitter, LoadKind, Scenario, StepKind,
};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration};
use crate::verify::case_file::{Field, Malformed};
use crate::verify::judge::Judge;
use crate::world::contract::{Command, DataPlane, Luck, Outcome, Seen};
use crate::world::data::request::RequestPlane;

use super::near;

/// `back` waits `wait` and fails, `front` calls it by `policy`; one action in all, at one second.
fn pair(policy: CallPolicy, wait: SimDuration, errors: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(3600));
    let waiting = step(StepKind::Wait(Distribution::constant(wait.seconds())));
    let back = add_service(&mut scenario, "back", 1, Discipline::Fifo, vec![waiting]);
    let onward = call(&mut scenario, Some(1), back, policy);
    let front = add_service(&mut scenario, "front", 1, Discipline::Fifo, vec![onward]);
    let journey = add_journey(&mut scenario, "request", front, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "clients", 1.0, journey);
    scenario.loads[0].kind = LoadKind::Open {
        rate: 1.0 / 2000.0,
        arrivals: Arrivals::Even,
    };
    scenario.endpoints[0].error_ratio = errors;
    scenario
}

/// Plays with so many replicas of each service.
fn play(scenario: &Scenario, replicas: u32) -> Seen {
    let luck = Luck {
        seed: 1,
        replication: 0,
        stage: 0,
    };
    let mut plane = RequestPlane::new(scenario, luck, true);
    let mut next = 0;
    for service in 0..scenario.services.len() {
        for _ in 0..replicas {
            let replica = ReplicaId(next);
            plane.command(Command::AddReplica {
                replica,
                service: ServiceId::from_index(service),
                cluster: ClusterId(0),
                speed: 1.0,
                warmup: None,
            });
            plane.command(Command::Ready { replica });
            plane.command(Command::List { replica });
            next += 1;
        }
    }
    plane.advance(scenario.end()).expect("no limit is reached");
    let mut seen = Seen::default();
    plane.observe(&mut seen);
    seen
}

/// Tries of a call that always fails.
pub fn tries_of_a_failing_call(retries: u32) -> u64 {
    let mut policy = plain_policy();
    policy.retries.max = retries;
    policy.retries.backoff.jitter = Jitter::Grpc;
    let seen = play(&pair(policy, SimDuration::ZERO, 1.0), 1);
    seen.stations[0].ended.iter().sum()
}

/// A limit on all tries leaves later tries and their pauses what the first has not used: the call ends when it is
/// used up, whatever is under way.
pub fn envoy_timeout(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let timeout = input.at("route_timeout_s")?.positive()?;
    let first = input.at("first_attempt_s")?.number()?;
    let mut policy = plain_policy();
    policy.timeout = Some(SimDuration::from_seconds(timeout));
    policy.per_try_timeout = input
        .maybe("per_try_timeout_s")
        .map(|field| field.positive().map(SimDuration::from_seconds))
        .transpose()?;
    policy.retries.max = 1000;
    let seen = play(&pair(policy, SimDuration::from_seconds(first), 1.0), 1);
    let Some(record) = seen.records.first() else {
        judge.fail("the call has not ended");
        return Ok(());
    };
    let took = record.ended.since(record.issued).seconds();
    let left = (took - first).max(0.0);
    let wanted = expected
        .at("time_left_for_retry_incl_backoff_s")?
        .number()?;
    near(judge, "time left after the first try", left, wanted);
    let timed_out = record.outcome != Outcome::Ok && took <= timeout + 1e-9;
    judge.holds(timed_out, || format!("the call took {took} s"));
    Ok(())
}

/// Whether replicas that ejection leaves out get traffic once too few are left.
pub fn all_get_traffic_in_panic() -> bool {
    let rule = crate::model::Ejection::ENVOY;
    rule.is_panic(10, 4) && !rule.is_panic(10, 5)
}
