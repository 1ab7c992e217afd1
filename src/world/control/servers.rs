//! Services as queueing stations, for policies that reckon with formulas.

use crate::model::scaling::{Server, Spread};
use crate::model::{Balancer, Distribution, Scenario, Step, StepKind};
use crate::units::CacheId;

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
                let (one, variance) = work(&scenario.endpoint(*endpoint).steps, scenario);
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
                    _ if service.queue.shared => Spread::Pooled,
                    Some(Balancer::LeastRequest) | None => Spread::TwoChoices,
                    Some(Balancer::RoundRobin | Balancer::Random) => Spread::Random,
                },
            }
        })
        .collect()
}

fn note_balancers(steps: &[Step], scenario: &Scenario, rules: &mut [Option<Balancer>]) {
    for step in steps {
        if let StepKind::Call(call) | StepKind::Async(call) | StepKind::Forward(call) = &step.kind {
            let callee = scenario.endpoint(call.endpoint).service;
            rules[callee.index()].get_or_insert(call.policy.balance.rule);
        }
        for (_, inner) in step.kind.parts(&|_| 0.5) {
            note_balancers(inner, scenario, rules);
        }
    }
}

/// Mean and variance of the work of a program, all its draws independent; repeats at their mean number, caches at
/// their warm hit ratio.
fn work(steps: &[Step], scenario: &Scenario) -> (f64, f64) {
    let (mut mean, mut variance) = (0.0, 0.0);
    for step in steps {
        let parts = step.kind.parts(&|cache| warm_hits(scenario, cache));
        let inner = parts
            .iter()
            .map(|(share, inner)| (*share, work(inner, scenario)));
        let (one, spread) = match &step.kind {
            StepKind::Work(demand) => (demand.mean(), demand.variance()),
            // One of them: a mixture.
            StepKind::Choose(_) | StepKind::Cache(_) => {
                let (first, second) = inner.fold((0.0, 0.0), |(first, second), (share, (m, v))| {
                    (first + share * m, second + share * (v + m * m))
                });
                (first, second - first * first)
            }
            // All of them.
            _ => inner.fold((0.0, 0.0), |(m, v), (copies, part)| {
                (m + copies * part.0, v + copies * part.1)
            }),
        };
        let times = step.times.as_ref().map_or(1.0, Distribution::mean);
        let (done, spread) = (times * one, times * spread);
        // Done with a chance: a mixture with nothing.
        mean += step.chance * done;
        variance += step.chance * (spread + done * done) - step.chance * step.chance * done * done;
    }
    (mean, variance)
}

fn warm_hits(scenario: &Scenario, cache: CacheId) -> f64 {
    scenario.caches[cache.index()].hit
}
