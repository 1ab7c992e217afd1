//! What the callers of each service have in common, read from the scenario once.

use crate::model::rates::{Leaf, endpoint_calls, endpoint_rates, mix_shares, program_calls, walk};
use crate::model::{Call, Load, LoadKind, RetryLimit, Scenario, Step};

/// By service: how long its callers wait, seconds, when all of them take back the work that they gave up on.
pub fn patience(scenario: &Scenario) -> Vec<Option<f64>> {
    // By service: the longest limit so far; `Err` once some caller waits without end or lets its work run.
    let mut found: Vec<Option<Result<f64, ()>>> = vec![None; scenario.services.len()];
    for steps in programs(scenario) {
        each_call(scenario, steps, &mut |call| {
            let policy = &call.policy;
            let limits = policy.per_try_timeout.into_iter().chain(policy.timeout);
            let limit = limits.min().filter(|_| policy.cancels());
            let place = &mut found[scenario.endpoint(call.endpoint).service.index()];
            *place = Some(match (*place, limit) {
                (Some(Err(())), _) | (_, None) => Err(()),
                (before, Some(limit)) => {
                    let before = before.and_then(Result::ok).unwrap_or(0.0);
                    Ok(limit.seconds().max(before))
                }
            });
        });
    }
    found
        .into_iter()
        .map(|one| one.and_then(Result::ok))
        .collect()
}

/// By source (endpoints, then journeys): services that it calls, with its part of all calls to each, in the mean over
/// the scenario's loads at level 1.
pub fn caller_shares(scenario: &Scenario) -> Vec<Vec<(u32, f64)>> {
    let mut journeys = vec![0.0; scenario.journeys.len()];
    for load in &scenario.loads {
        let rate = base_rate(load);
        for (sum, share) in journeys
            .iter_mut()
            .zip(mix_shares(load, scenario.journeys.len()))
        {
            *sum += rate * share;
        }
    }
    let mut rates = endpoint_rates(scenario, &journeys);
    rates.extend(journeys);
    let mut calls: Vec<Vec<(u32, f64)>> = Vec::with_capacity(rates.len());
    let mut totals = vec![0.0; scenario.services.len()];
    for (steps, rate) in programs(scenario).zip(rates) {
        let mut own: Vec<(u32, f64)> = Vec::new();
        for (endpoint, mean) in program_calls(scenario, steps) {
            let service = scenario.endpoints[endpoint].service.0;
            let made = mean * rate;
            if !made.is_finite() {
                continue;
            }
            totals[service as usize] += made;
            match own.iter_mut().find(|(known, _)| *known == service) {
                Some((_, sum)) => *sum += made,
                None => own.push((service, made)),
            }
        }
        calls.push(own);
    }
    for (service, sum) in calls.iter_mut().flatten() {
        let total: f64 = totals[*service as usize];
        *sum = if total > 0.0 { *sum / total } else { 1.0 };
    }
    calls
}

/// Actions a second at level 1, of closed users as if they never waited for an answer.
fn base_rate(load: &Load) -> f64 {
    match &load.kind {
        LoadKind::Open { rate, .. } | LoadKind::Sessions { rate, .. } => *rate,
        LoadKind::Closed { users, think, .. } => *users as f64 / think.mean().max(1e-3),
    }
}

/// By source: whether limits on what is under way make its calls depend on its rate.
pub fn limited(scenario: &Scenario) -> Vec<bool> {
    programs(scenario)
        .map(|steps| {
            let mut found = false;
            each_call(scenario, steps, &mut |call| {
                let policy = &call.policy;
                found |= policy.breaker.is_some()
                    || matches!(policy.retries.limit, RetryLimit::Budget(_));
            });
            found
        })
        .collect()
}

/// By service: loads of closed users that come to it, with the square of their part of all its requests at the base
/// rate of every load.
pub fn crowds(scenario: &Scenario) -> Vec<Vec<(u32, f64)>> {
    let services = scenario.services.len();
    let closed = |load: &Load| matches!(load.kind, LoadKind::Closed { .. });
    if !scenario.loads.iter().any(closed) {
        return vec![Vec::new(); services];
    }
    let mut all = vec![0.0; services];
    let mut own = Vec::new();
    for (index, load) in scenario.loads.iter().enumerate() {
        let mut journeys = mix_shares(load, scenario.journeys.len());
        let rate = base_rate(load);
        journeys.iter_mut().for_each(|share| *share *= rate);
        let mut to = vec![0.0; services];
        for (endpoint, rate) in scenario
            .endpoints
            .iter()
            .zip(endpoint_rates(scenario, &journeys))
        {
            if rate.is_finite() {
                to[endpoint.service.index()] += rate;
            }
        }
        all.iter_mut().zip(&to).for_each(|(sum, rate)| *sum += rate);
        if closed(load) {
            own.push((index as u32, to));
        }
    }
    let of_service = |service: usize| {
        own.iter()
            .filter(|(_, to)| to[service] > 0.0)
            .map(|(load, to)| (*load, (to[service] / all[service]).powi(2)))
            .collect()
    };
    (0..services).map(of_service).collect()
}

/// By service: whether an endpoint that calls it belongs to a service with a limited number of slots.
pub fn slotted(scenario: &Scenario) -> Vec<bool> {
    let mut found = vec![false; scenario.services.len()];
    for (caller, callee, _) in endpoint_calls(scenario) {
        let of = |endpoint: usize| scenario.endpoints[endpoint].service.index();
        if scenario.services[of(caller)].concurrency.is_some() {
            found[of(callee)] = true;
        }
    }
    found
}

/// Programs of endpoints, then of journeys.
fn programs(scenario: &Scenario) -> impl Iterator<Item = &[Step]> {
    let endpoints = scenario.endpoints.iter().map(|one| &one.steps[..]);
    let journeys = scenario.journeys.iter().map(|one| &one.steps[..]);
    endpoints.chain(journeys)
}

fn each_call<'a>(scenario: &'a Scenario, steps: &'a [Step], meet: &mut dyn FnMut(&'a Call)) {
    walk(scenario, steps, 1.0, &mut |leaf, _| {
        if let Leaf::Call(call) = leaf {
            meet(call);
        }
    });
}
