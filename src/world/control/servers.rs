//! Services as queueing stations, for policies that reckon with formulas.

use crate::model::scaling::{Server, Spread};
use crate::model::{Balancer, Distribution, Scenario, Step, StepKind};

/// A replica of each service.
pub(super) fn of(scenario: &Scenario) -> Vec<Server> {
    let mut rules: Vec<Option<Balancer>> = vec![None; scenario.services.len()];
    for endpoint in &scenario.endpoints {
        note_balancers(&endpoint.steps, scenario, &mut rules);
    }
    let services = scenario.services.iter().zip(rules);
    services
        .map(|(service, rule)| {
            let endpoints = service.endpoints.iter();
            let (mut mean, mut second) = (0.0, 0.0);
            for endpoint in endpoints {
                let (one, variance) = work(&scenario.endpoint(*endpoint).steps);
                mean += one;
                second += variance + one * one;
            }
            let n = service.endpoints.len().max(1) as f64;
            let (mean, second) = (mean / n, second / n);
            let variation = if mean > 0.0 {
                (second / (mean * mean) - 1.0).max(0.0)
            } else {
                1.0
            };
            Server {
                request_cores: service.resources.cpu_request.cores(),
                servers: service.processor.cores,
                speed: 1.0,
                squared_variation: variation,
                spread: match rule {
                    Some(Balancer::LeastRequest) | None => Spread::TwoChoices,
                    Some(Balancer::RoundRobin | Balancer::Random) => Spread::Random,
                },
            }
        })
        .collect()
}

fn note_balancers(steps: &[Step], scenario: &Scenario, rules: &mut [Option<Balancer>]) {
    for step in steps {
        match &step.kind {
            StepKind::Call(call) => {
                let callee = scenario.endpoint(call.endpoint).service;
                rules[callee.index()].get_or_insert(call.policy.balance);
            }
            StepKind::Parallel(inner) | StepKind::Do(inner) => {
                note_balancers(inner, scenario, rules);
            }
            StepKind::Choose(choices) => {
                for (_, inner) in choices {
                    note_balancers(inner, scenario, rules);
                }
            }
            StepKind::Work(_) | StepKind::Wait(_) => {}
        }
    }
}

/// Mean and variance of the work of a program, all its draws independent; repeats at their mean number.
fn work(steps: &[Step]) -> (f64, f64) {
    let (mut mean, mut variance) = (0.0, 0.0);
    for step in steps {
        let (one, spread) = match &step.kind {
            StepKind::Work(demand) => (demand.mean(), variance_of(demand)),
            StepKind::Parallel(inner) | StepKind::Do(inner) => work(inner),
            StepKind::Choose(choices) => {
                let total: f64 = choices.iter().map(|(weight, _)| weight).sum();
                let (mut first, mut second) = (0.0, 0.0);
                for (weight, inner) in choices {
                    let (m, v) = work(inner);
                    first += weight / total * m;
                    second += weight / total * (v + m * m);
                }
                (first, second - first * first)
            }
            StepKind::Wait(_) | StepKind::Call(_) => (0.0, 0.0),
        };
        let times = step.times.as_ref().map_or(1.0, Distribution::mean);
        let (done, spread) = (times * one, times * spread);
        // Done with a chance: a mixture with nothing.
        mean += step.chance * done;
        variance += step.chance * (spread + done * done) - step.chance * step.chance * done * done;
    }
    (mean, variance)
}

fn variance_of(demand: &Distribution) -> f64 {
    demand.variance()
}
