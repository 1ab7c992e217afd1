//! Requests that fork and join, as scenarios.

use crate::model::sample::{add_open_load, add_service, call, plain_policy, step};
use crate::model::step::Parallel;
use crate::model::{Discipline, Scenario, StepKind};
use crate::units::{EndpointId, JourneyId};
use crate::verify::case_file::Case;
use crate::verify::queueing_exact::measure::Found;
use crate::verify::queueing_exact::systems::{
    Built, add_station, endless, law, system, values, visit,
};
use crate::verify::queueing_exact::values::{action_mean, action_quantile};

/// `front` calls each of `branches` at once and waits for all.
pub(super) fn forked(scenario: &mut Scenario, branches: &[EndpointId]) -> JourneyId {
    let front = scenario.services.len();
    let calls = branches
        .iter()
        .map(|branch| call(scenario, Some(front), *branch, plain_policy()))
        .collect();
    let fork = step(StepKind::Parallel(Parallel {
        branches: calls,
        join: None,
        fanout: None,
    }));
    let front = add_service(scenario, "front", 1, Discipline::Fifo, vec![fork]);
    visit(scenario, front, "request")
}

pub(super) fn fork_join(case: &Case) -> Built {
    let input = case.input()?;
    let (rate, mu) = (
        input.at("arrival_rate")?.positive()?,
        input.at("service_rate")?.positive()?,
    );
    let mut scenario = endless();
    let branches: Vec<EndpointId> = (0..input.at("branches")?.count()?)
        .map(|number| add_station(&mut scenario, &format!("b{number}"), 1, law(1.0 / mu, 1.0)))
        .collect();
    let journey = forked(&mut scenario, &branches);
    add_open_load(&mut scenario, "clients", rate, journey);
    // Nelson and Tantawi state their error below 5 %.
    let slack = if case.group.contains("approx") {
        0.05
    } else {
        0.0
    };
    let values = values(case, |name, _| match name {
        "mean_response" => Some(Found::Mean(action_mean(), slack)),
        "lower_bound_no_queue" => Some(Found::AtLeast(action_mean())),
        _ => None,
    })?;
    system(scenario, rate * branches.len() as f64, values)
}

/// Branches that take time but nobody's processor: infinitely many servers.
pub(super) fn fan_out(case: &Case) -> Built {
    let input = case.input()?;
    let mean = input.at("branch_mean")?.positive()?;
    let mut scenario = endless();
    let branches: Vec<EndpointId> = (0..input.at("branches")?.count()?)
        .map(|number| {
            let wait = vec![step(StepKind::Wait(law(mean, 1.0)))];
            add_service(
                &mut scenario,
                &format!("b{number}"),
                1,
                Discipline::Fifo,
                wait,
            )
        })
        .collect();
    let journey = forked(&mut scenario, &branches);
    add_open_load(&mut scenario, "clients", 1.0, journey);
    let values = values(case, |name, expected| match name {
        "mean_max" => Some(Found::Mean(action_mean(), 0.0)),
        _ => {
            let probability = name
                .strip_prefix('p')?
                .strip_suffix("_max")?
                .parse::<f64>()
                .ok()?;
            Some(action_quantile(probability / 100.0, expected))
        }
    })?;
    system(scenario, branches.len() as f64, values)
}
