//! What the flow plane leaves out of a scenario, named one by one: nothing is ignored in silence.

use std::collections::BTreeSet;

use super::context::Context;
use crate::model::load::Arrivals;
use crate::model::rates::{Leaf, walk};
use crate::model::{Call, Deadline, Discipline, LoadKind, QueueOrder, Scenario};
use crate::scenario::node::Node;
use crate::scenario::problem::Problem;

/// Code of all these warnings.
const LEFT_OUT: &str = "W414";

/// Names listed in one warning.
const LISTED: usize = 4;

/// Warns of each rule that rates cannot follow, with whom it is written for.
pub(super) fn check(cx: &mut Context, scenario: &Scenario, root: &Node) {
    if !scenario.run.fidelity.has_rates() {
        return;
    }
    let span = root.get("run").map_or(root.span, |run| {
        run.entry("fidelity")
            .map_or(run.span, |entry| entry.key_span)
    });
    for (what, instead, whose) in left_out(scenario) {
        let names: Vec<String> = whose
            .iter()
            .take(LISTED)
            .map(|name| format!("`{name}`"))
            .collect();
        let more = match whose.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        cx.problem(
            LEFT_OUT,
            span,
            format!(
                "{what} of {}{more} is not followed at flow fidelity",
                names.join(", ")
            ),
            instead,
            "where it decides, run with `fidelity: request`",
        );
    }
}

/// Where a problem is and what kind of problem: each is told once. What rates cannot follow is told at one place, kind by
/// kind.
pub(super) fn place_and_kind(
    problem: &Problem,
) -> Option<(u32, usize, usize, &'static str, String)> {
    let span = problem.span?;
    let kind = if problem.code == LEFT_OUT {
        problem.label.clone()
    } else {
        String::new()
    };
    Some((span.file.0, span.offset, span.length, problem.code, kind))
}

/// Each rule that is left out: what it is, what happens instead, and whose it is (services or loads).
fn left_out(scenario: &Scenario) -> Vec<(&'static str, &'static str, BTreeSet<&str>)> {
    let callees = |test: &dyn Fn(&Call) -> bool| {
        let mut found = BTreeSet::new();
        let endpoints = scenario.endpoints.iter().map(|one| &one.steps[..]);
        let journeys = scenario.journeys.iter().map(|one| &one.steps[..]);
        for steps in endpoints.chain(journeys) {
            walk(scenario, steps, 1.0, &mut |leaf, _| {
                if let Leaf::Call(call) = leaf
                    && test(call)
                {
                    let service = scenario.endpoint(call.endpoint).service;
                    found.insert(scenario.service(service).name.as_str());
                }
            });
        }
        found
    };
    let services = |test: &dyn Fn(&crate::model::Service) -> bool| -> BTreeSet<&str> {
        let all = scenario.services.iter().filter(|service| test(service));
        all.map(|service| service.name.as_str()).collect()
    };
    let loads = |test: &dyn Fn(&crate::model::Load) -> bool| -> BTreeSet<&str> {
        let all = scenario.loads.iter().filter(|load| test(load));
        all.map(|load| load.name.as_str()).collect()
    };
    let priorities: BTreeSet<&str> = scenario
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.priority != 0)
        .map(|endpoint| scenario.service(endpoint.service).name.as_str())
        .collect();
    let rules = [
        (
            "ejection",
            "callers go on choosing replicas that fail",
            callees(&|call| call.policy.ejection.is_some()),
        ),
        (
            "the push-back",
            "retries pause as if nothing were said",
            callees(&|call| call.policy.retries.push_back.is_some()),
        ),
        (
            "the propagated deadline",
            "each call has its own timeout only, and takes its work back",
            callees(&|call| call.policy.deadline == Deadline::Propagate),
        ),
        (
            "the queue's order",
            "who came first is next",
            services(&|service| service.queue.order != QueueOrder::Fifo),
        ),
        ("the priority of endpoints", "all wait alike", priorities),
        (
            "the queue's timeout",
            "requests wait until their callers give up",
            services(&|service| service.queue.timeout.is_some()),
        ),
        (
            "the shared queue",
            "each replica has its own",
            services(&|service| service.queue.shared),
        ),
        (
            "pre-emption at the processor",
            "jobs wait in order of arrival",
            services(&|service| service.processor.discipline == Discipline::Preemptive),
        ),
        (
            "the memory of requests",
            "no replica runs out of memory",
            services(&|service| service.memory_per_request.0 > 0),
        ),
        (
            "leaving",
            "users stay whatever they get",
            loads(&|load| load.abandon.is_some()),
        ),
        (
            "the place",
            "users are nowhere in particular",
            loads(&|load| !load.from.is_empty()),
        ),
        (
            "the law of arrivals",
            "they come as if by chance (Poisson)",
            loads(&|load| {
                matches!(
                    &load.kind,
                    LoadKind::Open { arrivals, .. } | LoadKind::Sessions { arrivals, .. }
                        if !matches!(arrivals, Arrivals::Poisson)
                )
            }),
        ),
    ];
    rules
        .into_iter()
        .filter(|(_, _, whose)| !whose.is_empty())
        .collect()
}
