//! What a scenario means as rates over its call graph: mean calls and entry rates of endpoints.
//!
//! First moments only, without retries, time-outs or routing: the flow plane adds those, theory refuses them.

use crate::model::{Call, Load, LoadKind, LocalClock, Scenario, Step, StepKind};
use crate::queueing::visits;
use crate::units::SimTime;

/// A step that does something itself, met by `walk`.
#[derive(Clone, Copy, Debug)]
pub enum Leaf<'a> {
    /// Demand on the processor, in seconds.
    Work(&'a crate::model::Distribution),
    /// Time off the processor, in seconds.
    Wait(&'a crate::model::Distribution),
    /// A call.
    Call(&'a Call),
}

/// Mean number of times a step is done each time the program reaches it.
#[must_use]
pub fn mean_repeats(step: &Step) -> f64 {
    step.chance
        * step
            .times
            .as_ref()
            .map_or(1.0, |times| times.mean().max(0.0))
}

/// Meets every leaf of a program with the mean number of times it is done in one run of the program; calls that
/// are not waited for are met too. Caches are warm.
pub fn walk<'a>(
    scenario: &'a Scenario,
    steps: &'a [Step],
    factor: f64,
    meet: &mut dyn FnMut(Leaf<'a>, f64),
) {
    for step in steps {
        let factor = factor * mean_repeats(step);
        match &step.kind {
            StepKind::Work(demand) => meet(Leaf::Work(demand), factor),
            StepKind::Wait(length) => meet(Leaf::Wait(length), factor),
            StepKind::Call(call) | StepKind::Async(call) | StepKind::Forward(call) => {
                meet(Leaf::Call(call), factor);
            }
            kind => {
                for (share, steps) in kind.parts(&|cache| scenario.caches[cache.index()].hit) {
                    walk(scenario, steps, factor * share, meet);
                }
            }
        }
    }
}

/// Mean calls of each endpoint in one run of a program, summed by endpoint, in the order of first meeting.
#[must_use]
pub fn program_calls(scenario: &Scenario, steps: &[Step]) -> Vec<(usize, f64)> {
    let mut found: Vec<(usize, f64)> = Vec::new();
    walk(scenario, steps, 1.0, &mut |leaf, factor| {
        if let Leaf::Call(call) = leaf {
            let endpoint = call.endpoint.index();
            match found.iter_mut().find(|(known, _)| *known == endpoint) {
                Some((_, mean)) => *mean += factor,
                None => found.push((endpoint, factor)),
            }
        }
    });
    found
}

/// Mean calls `(caller endpoint, callee endpoint, calls a request)` of the whole graph.
#[must_use]
pub fn endpoint_calls(scenario: &Scenario) -> Vec<(usize, usize, f64)> {
    let mut calls = Vec::new();
    for (caller, endpoint) in scenario.endpoints.iter().enumerate() {
        calls.extend(
            program_calls(scenario, &endpoint.steps)
                .into_iter()
                .map(|(callee, mean)| (caller, callee, mean)),
        );
    }
    calls
}

/// Actions per second of one load at `at`, all journeys together. `response` is the mean time of an action in
/// seconds, averaged over the mix: only closed loads depend on it, by `users / (think + response)`.
#[must_use]
pub fn load_rate(load: &Load, clock: &LocalClock, at: SimTime, response: f64) -> f64 {
    let level = load.level(at, clock);
    match &load.kind {
        LoadKind::Open { rate, .. } => rate * level * load.mean_burst(),
        LoadKind::Closed {
            users,
            think,
            spawn,
        } => {
            // As many as have a number below the level: the request plane wakes these.
            let wanted = (*users as f64 * level).ceil();
            let users = spawn.map_or(wanted, |rate| wanted.min(rate * at.seconds()));
            let cycle = think.mean() + response;
            // A cycle without length has no rate; the shortest is one nanosecond.
            if users == 0.0 {
                0.0
            } else {
                users / cycle.max(1e-9)
            }
        }
        LoadKind::Sessions { rate, .. } => rate * level * load.mean_burst() * load.mean_session(),
    }
}

/// Share of each journey in a load's mix, by journey.
#[must_use]
pub fn mix_shares(load: &Load, journeys: usize) -> Vec<f64> {
    let total: f64 = load.mix.iter().map(|(_, weight)| weight).sum();
    let mut shares = vec![0.0; journeys];
    for (journey, weight) in &load.mix {
        shares[journey.index()] += weight / total;
    }
    shares
}

/// Actions per second by journey at `at`; `response` gives each journey's mean response in seconds.
#[must_use]
pub fn journey_rates(scenario: &Scenario, at: SimTime, response: &[f64]) -> Vec<f64> {
    let mut rates = vec![0.0; scenario.journeys.len()];
    for load in &scenario.loads {
        let shares = mix_shares(load, rates.len());
        let mean: f64 = shares
            .iter()
            .zip(response)
            .map(|(share, response)| share * response)
            .sum();
        let rate = load_rate(load, &scenario.clock, at, mean);
        for (sum, share) in rates.iter_mut().zip(&shares) {
            *sum += rate * share;
        }
    }
    rates
}

/// Requests per second at each endpoint, given actions per second by journey; no retries.
#[must_use]
pub fn endpoint_rates(scenario: &Scenario, journeys: &[f64]) -> Vec<f64> {
    let n = scenario.endpoints.len();
    let mut entries = vec![0.0; n];
    for (journey, rate) in scenario.journeys.iter().zip(journeys) {
        for (endpoint, mean) in program_calls(scenario, &journey.steps) {
            entries[endpoint] += rate * mean;
        }
    }
    visits(&entries, &endpoint_calls(scenario), n)
}

/// Mean processor demand of one request to each endpoint, own work only, in seconds at nominal speed.
#[must_use]
pub fn endpoint_demands(scenario: &Scenario) -> Vec<f64> {
    scenario
        .endpoints
        .iter()
        .map(|endpoint| {
            let mut demand = 0.0;
            walk(scenario, &endpoint.steps, 1.0, &mut |leaf, factor| {
                if let Leaf::Work(work) = leaf {
                    demand += factor * work.mean();
                }
            });
            demand
        })
        .collect()
}

/// Mean time of one run of each journey when nobody else is there, in seconds: all work and waits of its calls one
/// after another, without the network. Calls in parallel count in full.
#[must_use]
pub fn quiet_responses(scenario: &Scenario) -> Vec<f64> {
    let own = |steps: &[Step]| {
        let mut seconds = 0.0;
        walk(scenario, steps, 1.0, &mut |leaf, factor| {
            if let Leaf::Work(length) | Leaf::Wait(length) = leaf {
                seconds += factor * length.mean();
            }
        });
        seconds
    };
    let at_endpoints: Vec<f64> = scenario
        .endpoints
        .iter()
        .map(|one| own(&one.steps))
        .collect();
    let alone = |journey: usize| {
        let mut rates = vec![0.0; scenario.journeys.len()];
        rates[journey] = 1.0;
        let visits = endpoint_rates(scenario, &rates);
        let calls: f64 = visits
            .iter()
            .zip(&at_endpoints)
            .map(|(many, each)| many * each)
            .sum();
        own(&scenario.journeys[journey].steps) + calls
    };
    (0..scenario.journeys.len()).map(alone).collect()
}

/// Cores that each service uses on average at `at`: requests per second times demand, over its endpoints.
/// Closed loads count with a response of zero, the most they can ask for.
#[must_use]
pub fn service_cores(scenario: &Scenario, at: SimTime) -> Vec<f64> {
    let rates = endpoint_rates(
        scenario,
        &journey_rates(scenario, at, &vec![0.0; scenario.journeys.len()]),
    );
    let mut cores = vec![0.0; scenario.services.len()];
    for ((endpoint, rate), demand) in scenario
        .endpoints
        .iter()
        .zip(&rates)
        .zip(endpoint_demands(scenario))
    {
        if *rate > 0.0 && demand > 0.0 {
            cores[endpoint.service.index()] += rate * demand;
        }
    }
    cores
}
