//! Systems as models, one function a group.

use crate::model::distribution::Part;
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, empty, plain_policy, work,
};
use crate::model::{Discipline, Distribution, Journey, Scenario};
use crate::units::{EndpointId, JourneyId, SimDuration};
use crate::verify::case_file::{Case, Field, Malformed};
use crate::verify::queueing_exact::forks::{fan_out, fork_join};
use crate::verify::queueing_exact::measure::{Found, System, Value};
use crate::verify::queueing_exact::networks::{closed, jackson};
use crate::verify::queueing_exact::rooms::{impatient, priorities, retrial};
use crate::verify::queueing_exact::values::{self, Station, all_ended, ended, of_station};
use crate::world::contract::Outcome;

/// A system, or why the kind cannot build it.
pub type Built = Result<Result<System, String>, Malformed>;

/// A horizon that no run reaches: 30 simulated years.
pub(super) fn endless() -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(30 * 365 * 86_400));
    scenario.run.max_in_flight = 4_000_000;
    scenario
}

/// Builds the system of a case.
pub fn build(case: &Case) -> Built {
    match case.group.as_str() {
        "mmc" | "md1_distribution" | "mg1_fcfs" | "erlang_b" | "mmck" => one_station(case),
        "mg1_ps" => sharing(case),
        "jackson_open" => jackson(case),
        "closed_network" => closed(case),
        "fork_join_2_exact" | "fork_join_nelson_tantawi_approx" => fork_join(case),
        "fan_out_no_queueing" => fan_out(case),
        "retry_amplification" => retries(case),
        "mm1_priority_nonpreemptive" | "mm1_priority_preemptive_resume" => priorities(case),
        "erlang_a" => impatient(case),
        "mm1_retrial" => retrial(case),
        other => Ok(Err(format!("systems of the group `{other}` are not built"))),
    }
}

/// Values of a case, each found as `find` says by its name.
pub(super) fn values(
    case: &Case,
    find: impl Fn(&str, f64) -> Option<Found>,
) -> Result<Result<Vec<Value>, String>, Malformed> {
    let mut found = Vec::new();
    for (name, field) in case.expected()?.members()? {
        let expected = field.number()?;
        match find(name, expected) {
            Some(how) => found.push(Value {
                name: name.to_owned(),
                expected,
                found: how,
            }),
            None => {
                return Ok(Err(format!(
                    "`{name}` is no value that a `{}` has",
                    case.group
                )));
            }
        }
    }
    Ok(Ok(found))
}

pub(super) fn system(scenario: Scenario, rate: f64, values: Result<Vec<Value>, String>) -> Built {
    Ok(values.map(|values| System {
        scenario,
        rate,
        values,
    }))
}

/// A law by mean and squared coefficient of variation: constant, Erlang or gamma, exponential, hyperexponential
/// with balanced means.
pub(super) fn law(mean: f64, scv: f64) -> Distribution {
    let stages = 1.0 / scv;
    if scv == 0.0 {
        Distribution::constant(mean)
    } else if scv == 1.0 {
        Distribution::exponential(mean)
    } else if scv > 1.0 {
        Distribution::of(Part::hyperexponential(mean, scv.sqrt()))
    } else if (stages - stages.round()).abs() < 1e-9 {
        Distribution::of(Part::erlang(mean, stages.round() as u32))
    } else {
        Distribution::of(Part::gamma(mean, scv.sqrt()))
    }
}

/// A law by the name that cases give it.
pub(super) fn law_named(field: &Field<'_>, mean: f64) -> Result<Distribution, Malformed> {
    let name = field.text()?;
    let scv = match name {
        "deterministic" => Some(0.0),
        "exponential" => Some(1.0),
        _ => match (
            name.strip_prefix("hyperexp_cv2_"),
            name.strip_prefix("erlang"),
        ) {
            (Some(scv), _) => scv.parse().ok().filter(|scv: &f64| *scv > 1.0),
            (_, Some(stages)) => stages
                .parse()
                .ok()
                .filter(|k: &f64| *k >= 1.0)
                .map(|k| 1.0 / k),
            _ => None,
        },
    };
    let scv =
        scv.ok_or_else(|| field.wrong("deterministic, exponential, erlangK or hyperexp_cv2_V"))?;
    Ok(law(mean, scv))
}

/// A service with as many worker slots as servers, so that who waits does so in the waiting room.
pub(super) fn add_station(
    scenario: &mut Scenario,
    name: &str,
    servers: u32,
    demand: Distribution,
) -> EndpointId {
    let endpoint = add_service(
        scenario,
        name,
        servers,
        Discipline::Fifo,
        vec![work(demand)],
    );
    let service = scenario.services.last_mut().expect("just added");
    service.concurrency = Some(servers);
    endpoint
}

pub(super) fn visit(scenario: &mut Scenario, endpoint: EndpointId, name: &str) -> JourneyId {
    add_journey(scenario, name, endpoint, SimDuration::from_secs(1))
}

fn one_station(case: &Case) -> Built {
    let input = case.input()?;
    let servers = input
        .maybe("servers")
        .map_or(Ok(1), |servers| servers.count())?;
    let (rate, demand) = match case.group.as_str() {
        "md1_distribution" => (
            input.at("arrival_rate")?.positive()?,
            law(input.at("service_time")?.positive()?, 0.0),
        ),
        "mg1_fcfs" => {
            let mean = input.at("mean_service")?.positive()?;
            let scv = input.at("service_cv2")?.number()?;
            (input.at("arrival_rate")?.positive()?, law(mean, scv))
        }
        "erlang_b" => {
            let mean = input.at("service_mean")?.positive()?;
            (input.at("offered_load")?.positive()? / mean, law(mean, 1.0))
        }
        _ => {
            let mean = 1.0 / input.at("service_rate")?.positive()?;
            (input.at("arrival_rate")?.positive()?, law(mean, 1.0))
        }
    };
    let places = match case.group.as_str() {
        "erlang_b" => Some(0),
        "mmck" => {
            let capacity = input.at("capacity_total")?;
            let places = capacity.count()?.checked_sub(servers);
            Some(places.ok_or_else(|| capacity.wrong("at least as many as servers"))?)
        }
        _ => None,
    };
    let mut scenario = endless();
    let endpoint = add_station(&mut scenario, "station", servers, demand);
    scenario.services[0].queue.max = places;
    let journey = visit(&mut scenario, endpoint, "request");
    add_open_load(&mut scenario, "clients", rate, journey);
    let station = Station { number: 0, servers };
    let mean_wait = case
        .expected()?
        .maybe("mean_wait")
        .map(|mean| mean.number())
        .transpose()?;
    let values = values(case, |name, expected| {
        of_station(station, name, expected, mean_wait)
    })?;
    system(scenario, rate, values)
}

/// Processor sharing. What a job of size 2 takes is seen on jobs of that size: one in a hundred, and the others as
/// much rarer as keeps the load.
fn sharing(case: &Case) -> Built {
    let input = case.input()?;
    let mean = input.at("mean_service")?.positive()?;
    let rate = input.at("arrival_rate")?.positive()?;
    let demand = law_named(&input.at("service_distribution")?, mean)?;
    let probe = 2.0 * mean;
    let mut scenario = endless();
    let jobs = add_service(
        &mut scenario,
        "station",
        1,
        Discipline::ProcessorSharing,
        vec![work(demand)],
    );
    let mut endpoint = scenario.endpoints[0].clone();
    (endpoint.name, endpoint.steps) = ("probe".into(), vec![work(Distribution::constant(probe))]);
    scenario.endpoints.push(endpoint);
    let probes = EndpointId::from_index(1);
    scenario.services[0].endpoints.push(probes);
    let (job, tagged) = (
        visit(&mut scenario, jobs, "job"),
        visit(&mut scenario, probes, "tagged"),
    );
    let often = rate / 100.0;
    add_open_load(&mut scenario, "jobs", rate - 2.0 * often, job);
    add_open_load(&mut scenario, "probes", often, tagged);
    let station = Station {
        number: 0,
        servers: 1,
    };
    let values = values(case, |name, expected| match name {
        "mean_slowdown" => {
            let slowdown = |span: &_| values::response(span) / span.demand.seconds();
            Some(Found::Mean(values::mean(0, slowdown), 0.0))
        }
        "response_of_job_size_2" => Some(Found::Mean(values::mean(1, values::response), 0.0)),
        _ => of_station(station, name, expected, None),
    })?;
    system(scenario, rate, values)
}

/// A chain whose last service fails by chance, each call of it retried.
fn retries(case: &Case) -> Built {
    let input = case.input()?;
    let chance = input.at("attempt_failure_probability")?.number()?;
    let attempts = input.at("max_attempts")?.count()?.max(1);
    let depth = input
        .maybe("call_depth")
        .map_or(Ok(1), |depth| depth.count())?
        .max(1);
    let mut policy = plain_policy();
    policy.retries.max = attempts - 1;
    let mut scenario = endless();
    // The deepest is the first service, so that callees exist before their callers.
    let mut below: Option<EndpointId> = None;
    for level in 0..depth as usize {
        let steps = match below {
            None => vec![work(Distribution::constant(1e-6))],
            Some(callee) => vec![call(&mut scenario, Some(level), callee, policy.clone())],
        };
        below = Some(add_service(
            &mut scenario,
            &format!("s{level}"),
            1,
            Discipline::Fifo,
            steps,
        ));
    }
    scenario.endpoints[0].error_ratio = chance;
    let top = below.expect("at least one");
    let steps = vec![call(&mut scenario, None, top, policy)];
    let journey = Journey {
        name: "request".into(),
        steps,
        slo: Vec::new(),
        breach_burn: 14.4,
        breach_min_count: 100,
    };
    scenario.journeys.push(journey);
    let rate = 0.1;
    add_open_load(&mut scenario, "clients", rate, JourneyId::from_index(0));
    let values = values(case, |name, _| match name {
        "mean_attempts" | "attempts_at_deepest_service" => {
            let tries = |look: &super::measure::Look<'_>| {
                (look.seen.stations[0].arrived as f64, all_ended(look))
            };
            Some(Found::Mean(values::ratio(tries), 0.0))
        }
        "final_failure_probability" => {
            let failed =
                |look: &super::measure::Look<'_>| (ended(look, Outcome::Error), all_ended(look));
            Some(Found::Share(values::ratio(failed)))
        }
        _ => None,
    })?;
    system(
        scenario,
        rate * f64::from(attempts).powi(depth as i32),
        values,
    )
}
