//! What can be seen before any run: pods that fit no node, demand above capacity, gates without traffic.

use std::collections::BTreeSet;

use super::context::Context;
use super::load::mean_calls;
use crate::model::{CanaryStep, Distribution, LoadKind, MethodKind, Scenario, Step, StepKind};
use crate::scenario::node::{Entry, Node};
use crate::units::{ClusterId, ServiceId};

/// Rounds of calls that are followed: deeper chains of chances add nothing.
const DEPTH: usize = 64;

/// Warns of what cannot work.
pub(super) fn check(cx: &mut Context, scenario: &Scenario, composed: &[Entry], root: &Node) {
    check_fit(cx, scenario, composed);
    let rates = request_rates(scenario);
    check_capacity(cx, scenario, composed, &rates);
    check_gates(cx, scenario, root, &rates);
}

/// Clusters a service runs in at some time.
fn clusters_of(scenario: &Scenario, service: ServiceId) -> BTreeSet<ClusterId> {
    let mut found: BTreeSet<ClusterId> = scenario.services[service.index()]
        .clusters
        .iter()
        .copied()
        .collect();
    let moves = scenario
        .plan
        .waves
        .iter()
        .flat_map(|wave| &wave.members)
        .any(|member| member.service == service);
    if let (true, Some(migration)) = (moves, &scenario.migration) {
        found.insert(migration.to);
    }
    found
}

fn check_fit(cx: &mut Context, scenario: &Scenario, composed: &[Entry]) {
    for (index, service) in scenario.services.iter().enumerate() {
        let wanted = service.resources;
        for cluster in clusters_of(scenario, ServiceId::from_index(index)) {
            let cluster = scenario.cluster(cluster);
            let machines = cluster
                .pools
                .iter()
                .map(|pool| &scenario.machines[pool.machine.index()]);
            let fits = machines.clone().any(|machine| {
                machine.cpu >= wanted.cpu_request && machine.memory >= wanted.memory_request
            });
            if fits || cluster.pools.is_empty() {
                continue;
            }
            let cpu = machines
                .clone()
                .map(|machine| machine.cpu)
                .max()
                .unwrap_or_default();
            let memory = machines
                .map(|machine| machine.memory)
                .max()
                .unwrap_or_default();
            let mebibytes = |bytes: u64| bytes / (1 << 20);
            cx.problem(
                "W410",
                composed[index].key_span,
                format!(
                    "a pod of `{}` fits no node of cluster `{}`",
                    service.name, cluster.name
                ),
                format!(
                    "asks for {} cores and {}Mi",
                    wanted.cpu_request.cores(),
                    mebibytes(wanted.memory_request.0)
                ),
                format!(
                    "it will stay Pending: nodes have at most {} cores and {}Mi",
                    cpu.cores(),
                    mebibytes(memory.0)
                ),
            );
        }
    }
}

/// Requests a second of each endpoint at level 1, as if nothing ever waited.
fn request_rates(scenario: &Scenario) -> Vec<f64> {
    let mut rates = vec![0.0; scenario.endpoints.len()];
    for load in &scenario.loads {
        let total: f64 = load.mix.iter().map(|(_, weight)| weight).sum();
        if total <= 0.0 {
            continue;
        }
        let shortest: f64 = load
            .mix
            .iter()
            .map(|(journey, weight)| {
                weight / total * seconds(scenario, &scenario.journey(*journey).steps, DEPTH)
            })
            .sum();
        let actions = match &load.kind {
            LoadKind::Open { rate, .. } => *rate * load.mean_burst(),
            LoadKind::Sessions { rate, .. } => rate * load.mean_burst() * load.mean_session(),
            // Users who never wait are limited by the system alone: nothing can be said.
            LoadKind::Closed { users, think, .. } if think.mean() + shortest > 0.0 => {
                *users as f64 / (think.mean() + shortest)
            }
            LoadKind::Closed { .. } => 0.0,
        };
        for (journey, weight) in &load.mix {
            let mut calls = Vec::new();
            mean_calls(
                &scenario.caches,
                &scenario.journey(*journey).steps,
                actions * weight / total,
                &mut calls,
            );
            let mut now = vec![0.0; rates.len()];
            for (call, often) in calls {
                now[call.endpoint.index()] += often;
            }
            spread(scenario, now, &mut rates);
        }
    }
    rates
}

/// Adds calls, and the calls they make.
fn spread(scenario: &Scenario, mut now: Vec<f64>, rates: &mut [f64]) {
    for _ in 0..DEPTH {
        if now.iter().all(|rate| *rate < 1e-9) {
            return;
        }
        let mut next = vec![0.0; rates.len()];
        for (index, rate) in now.iter().enumerate().filter(|(_, rate)| **rate >= 1e-9) {
            rates[index] += rate;
            let mut calls = Vec::new();
            let steps = &scenario.endpoints[index].steps;
            mean_calls(&scenario.caches, steps, *rate, &mut calls);
            for (call, often) in calls {
                next[call.endpoint.index()] += often;
            }
        }
        now = next;
    }
}

/// Mean time of steps when nothing waits, links left out; calls to `depth`.
fn seconds(scenario: &Scenario, steps: &[Step], depth: usize) -> f64 {
    if depth == 0 {
        return 0.0;
    }
    steps
        .iter()
        .map(|step| {
            let once = match &step.kind {
                StepKind::Work(time) | StepKind::Wait(time) => time.mean(),
                StepKind::Call(call) | StepKind::Forward(call) => {
                    seconds(scenario, &scenario.endpoint(call.endpoint).steps, depth - 1)
                }
                StepKind::Async(_) => 0.0,
                StepKind::Parallel(parallel) => parallel
                    .branches
                    .iter()
                    .map(|branch| seconds(scenario, std::slice::from_ref(branch), depth))
                    .fold(0.0, f64::max),
                kind => kind
                    .parts(&|cache| scenario.caches[cache.index()].hit)
                    .iter()
                    .map(|(share, inner)| share * seconds(scenario, inner, depth))
                    .sum(),
            };
            once * step.chance * step.times.as_ref().map_or(1.0, Distribution::mean)
        })
        .sum()
}

/// CPU time of one request's own work.
fn work(scenario: &Scenario, steps: &[Step]) -> f64 {
    let own = |step: &Step| match &step.kind {
        StepKind::Work(time) => time.mean(),
        kind => kind
            .parts(&|cache| scenario.caches[cache.index()].hit)
            .iter()
            .map(|(share, inner)| share * work(scenario, inner))
            .sum(),
    };
    steps
        .iter()
        .map(|step| own(step) * step.chance * step.times.as_ref().map_or(1.0, Distribution::mean))
        .sum()
}

fn check_capacity(cx: &mut Context, scenario: &Scenario, composed: &[Entry], rates: &[f64]) {
    for (index, service) in scenario.services.iter().enumerate() {
        if service.shared_processor.is_some() {
            continue;
        }
        let needed: f64 = service
            .endpoints
            .iter()
            .map(|endpoint| {
                rates[endpoint.index()] * work(scenario, &scenario.endpoint(*endpoint).steps)
            })
            .sum();
        let one = service
            .processor
            .quota
            .map_or(f64::from(service.processor.cores), |quota| {
                quota.budget.seconds() / quota.period.seconds()
            });
        let replicas: u32 = service
            .clusters
            .iter()
            .map(|cluster| {
                let placed = service.placed[cluster.index()];
                match placed.scaling.map(|policy| &scenario.policy(policy).rule) {
                    Some(rule) if rule.is_active() => rule.bounds().1.max(placed.replicas),
                    _ => placed.replicas,
                }
            })
            .sum();
        let has = one * f64::from(replicas);
        if needed > has && replicas > 0 {
            cx.problem(
                "W411",
                composed[index].key_span,
                format!(
                    "`{}` needs {} cores at the peak and has {}",
                    service.name,
                    short(needed),
                    short(has)
                ),
                format!("{replicas} x {} cores where it starts", short(one)),
                "more replicas, a higher limit, or less load",
            );
        }
    }
}

fn short(number: f64) -> String {
    if number >= 0.1 {
        format!("{}", (number * 10.0).round() / 10.0)
    } else {
        format!("{number:.3}")
    }
}

fn check_gates(cx: &mut Context, scenario: &Scenario, root: &Node, rates: &[f64]) {
    let Some(migration) = &scenario.migration else {
        return;
    };
    let mut told = BTreeSet::new();
    for member in scenario.plan.waves.iter().flat_map(|wave| &wave.members) {
        let service = scenario.service(member.service);
        let rate: f64 = service
            .endpoints
            .iter()
            .map(|endpoint| rates[endpoint.index()])
            .sum();
        let mut looks = Vec::new();
        let mut weight: f64 = 1.0;
        if let MethodKind::Canary(steps) = &migration.methods[member.method].kind {
            weight = 0.0;
            for step in steps {
                match step {
                    CanaryStep::SetWeight(next) => weight = *next,
                    CanaryStep::Analysis(gate) => looks.push((*gate, weight)),
                    CanaryStep::Pause(_) => {}
                }
            }
        }
        looks.extend(member.gate.map(|gate| (gate, weight)));
        for (position, weight) in looks {
            let gate = &migration.gates[position];
            // After the last weight only the new side has requests.
            let share = if weight >= 1.0 {
                1.0
            } else {
                weight.min(1.0 - weight)
            };
            let seen = rate * share * gate.window.seconds();
            if seen >= gate.min_requests as f64 || !told.insert((position, member.service)) {
                continue;
            }
            let place = root
                .get("migration")
                .and_then(|migration| migration.get("gates"))
                .and_then(|gates| gates.entry(&gate.name))
                .map(|entry| {
                    entry
                        .value
                        .entry("minRequests")
                        .map_or(entry.key_span, |key| key.value.span)
                });
            if let Some(place) = place {
                cx.problem(
                    "W412",
                    place,
                    format!(
                        "gate `{}` cannot see {} requests of each side of `{}`",
                        gate.name, gate.min_requests, service.name
                    ),
                    format!("about {} in its window at the peak", seen.floor()),
                    "a longer `window`, a smaller `minRequests`, or a weight nearer to 50",
                );
            }
        }
    }
}
