//! Queueing systems with exact stationary values: each is built as a model and simulated request by request.

use crate::model::sample::{add_journey, add_open_load, add_service, empty, work};
use crate::model::{Discipline, Distribution, Scenario};
use crate::stats::mean_interval;
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};
use crate::world::contract::{Command, DataPlane, Luck, Seen};
use crate::world::data::request::RequestPlane;

/// The kind.
pub static KIND: Kind = Kind {
    name: "queueing_exact",
    about: "Stationary values of queueing systems from textbook formulas, simulated request by request.",
    judged: "Each value is judged by the t-interval of 20 independent replications at a false-alarm rate of one in a \
             million a value.",
    stems: &["queueing_exact"],
    weight: 10,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// Independent replications of a case.
const REPLICATIONS: u32 = 20;

/// False-alarm rate of one value.
const FALSE_ALARM: f64 = 1e-6;

/// Simulated actions of one replication, besides the warm-up.
const ACTIONS: f64 = 40_000.0;

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, allowance: &Allowance) -> Result<(), Malformed> {
    if case.group != "mmc" {
        judge.fail(format!(
            "systems of the group `{}` are not built yet",
            case.group
        ));
        return Ok(());
    }
    let input = case.input()?;
    let rate = input.at("arrival_rate")?.positive()?;
    let service = input.at("service_rate")?.positive()?;
    let servers = input.at("servers")?.count()?;
    let mut scenario = empty(SimDuration::from_seconds(1.25 * ACTIONS / rate));
    let demand = vec![work(Distribution::exponential(1.0 / service))];
    let endpoint = add_service(&mut scenario, "station", servers, Discipline::Fifo, demand);
    let journey = add_journey(
        &mut scenario,
        "request",
        endpoint,
        SimDuration::from_secs(1),
    );
    add_open_load(&mut scenario, "clients", rate, journey);
    let mut found: [(&str, Vec<f64>); 3] = [
        ("mean_response", Vec::new()),
        ("mean_in_system", Vec::new()),
        ("utilization", Vec::new()),
    ];
    for replication in 0..REPLICATIONS {
        if allowance.is_over() && replication > 1 {
            judge.note("the time budget ended before the wanted precision");
            break;
        }
        let seen = play(&scenario, replication);
        let seconds = seen.end.since(seen.start).seconds();
        let times = seen
            .records
            .iter()
            .map(|record| record.ended.since(record.issued).seconds());
        found[0]
            .1
            .push(times.sum::<f64>() / seen.records.len() as f64);
        found[1]
            .1
            .push(seen.stations[0].in_flight_seconds / seconds);
        found[2]
            .1
            .push(seen.stations[0].cpu_ns as f64 * 1e-9 / seconds / f64::from(servers));
    }
    let expected = case.expected()?;
    for (name, values) in &found {
        let interval = mean_interval(values, 1.0 - FALSE_ALARM).expect("at least two replications");
        let half = interval.high - interval.estimate;
        judge.within(name, interval.estimate, expected.at(name)?.number()?, half);
    }
    Ok(())
}

/// One replication on one replica; what was seen after a fifth of the horizon.
fn play(scenario: &Scenario, replication: u32) -> Seen {
    let mut plane = RequestPlane::new(
        scenario,
        Luck {
            seed: 1,
            replication,
            stage: 0,
        },
        true,
    );
    let replica = ReplicaId(0);
    plane.command(Command::AddReplica {
        replica,
        service: ServiceId::from_index(0),
        cluster: ClusterId(0),
        speed: 1.0,
        warmup: None,
    });
    plane.command(Command::Ready { replica });
    plane.command(Command::List { replica });
    let mut seen = Seen::default();
    for end in [SimTime(scenario.horizon.0 / 5), scenario.end()] {
        plane.advance(end).expect("the system is stable");
        plane.observe(&mut seen);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;
    use std::path::Path;

    #[test]
    fn an_m_m_2_at_half_load_holds_and_a_wrong_reference_fails() {
        // Erlang C at offered load 1: p_wait = 1/3, response 1 + (1/3) / (2 - 1) = 4/3, in system 4/3.
        let file = |response: f64| {
            let text = format!(
                r#"{{"cases": [{{"id": "a", "group": "mmc", "grade": "must",
                 "input": {{"arrival_rate": 1, "service_rate": 1, "servers": 2}},
                 "expected": {{"mean_response": {response}, "mean_in_system": 1.3333333, "utilization": 0.5}}}}]}}"#
            );
            CaseFile::parse(Path::new("queueing_exact.json"), &text).unwrap()
        };
        let context = Context::new(1, None);
        assert_eq!(
            check(&file(4.0 / 3.0), &context).unwrap()[0].verdict,
            Verdict::Passed
        );
        assert_eq!(
            check(&file(1.4), &context).unwrap()[0].verdict,
            Verdict::Failed
        );
    }
}
