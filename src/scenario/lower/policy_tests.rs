//! Call policies as written: their values, and the mistakes they invite.

use super::tests::read;
use crate::model::{
    Breaker, Budget, CallPolicy, Deadline, Ejection, Fallback, Jitter, Knows, Locality, OnTimeout,
    PushBack, RetryLimit, StepKind,
};
use crate::units::SimDuration;

/// A scenario in which `front` calls `back` by these `callers` and this call.
fn text(callers: &str, call: &str) -> String {
    format!(
        "cutover: 1\nhorizon: 1m\nservices:\n  front: {{steps: [{call}]}}\n  back: {{steps: [work: 1ms], callers: \
         {callers}}}\njourneys: {{request: {{call: front}}}}\nload: {{clients: {{rate: 1/s, journey: request}}}}\n"
    )
}

fn policy(callers: &str) -> CallPolicy {
    let (scenario, rows) = read("policy.yaml", &text(callers, "call: back"));
    assert!(rows.is_empty(), "{rows:?}");
    let scenario = scenario.expect("a scenario without problems has a model");
    let StepKind::Call(call) = &scenario.endpoints[0].steps[0].kind else {
        panic!("the step is a call");
    };
    call.policy.clone()
}

#[test]
fn policies_are_read_with_their_owners_defaults() {
    assert_eq!(policy("{timeout: 15s}"), CallPolicy::built_in());
    let read =
        policy("{deadline: propagate, onTimeout: cancel, locality: cluster, fallback: degraded}");
    assert_eq!(read.deadline, Deadline::Propagate);
    assert_eq!(read.on_timeout, OnTimeout::Cancel);
    assert_eq!(read.locality, Locality::Cluster);
    assert_eq!(read.fallback, Fallback::Degraded);
    assert!(read.cancels());
    assert_eq!(policy("{breaker: {}}").breaker, Some(Breaker::ENVOY));
    let ejection = policy("{ejection: {}}").ejection.expect("it is written");
    let envoy = Ejection {
        success_rate: None,
        ..Ejection::ENVOY
    };
    assert_eq!(ejection, envoy);
    let balance = policy("{balance: {rule: least-request, choices: all, knows: own}}").balance;
    assert_eq!((balance.choices, balance.knows), (None, Knows::Own));
    let hedge = policy("{hedge: {after: 50ms}}")
        .hedge
        .expect("it is written");
    assert_eq!((hedge.after, hedge.max), (SimDuration::from_millis(50), 1));
}

#[test]
fn retries_are_read_and_capped_as_grpc_caps_them() {
    let retries =
        policy("{retries: {max: 9, jitter: grpc, multiplier: 1.6, backoff: 100ms..1s}}").retries;
    assert_eq!(retries.max, 4, "five attempts at most");
    assert_eq!(retries.backoff.jitter, Jitter::Grpc);
    assert!((retries.backoff.multiplier - 1.6).abs() < 1e-12);
    assert_eq!(policy("{retries: 9}").retries.max, 9);
    let budget = policy("{retries: {max: 1, budget: 20%}}").retries.limit;
    assert_eq!(budget, RetryLimit::Budget(Budget::ENVOY));
    let stop = policy("{retries: {max: 1, pushback: stop}}")
        .retries
        .push_back;
    assert_eq!(stop, Some(PushBack::Stop));
    let RetryLimit::Throttle(throttle) =
        policy("{retries: {max: 1, throttle: {tokens: 10, ratio: 0.1}}}")
            .retries
            .limit
    else {
        panic!("a throttle is written");
    };
    assert_eq!((throttle.max_milli, throttle.ratio_milli), (10_000, 100));
}

#[test]
fn a_fallback_on_a_call_has_steps_with_names_of_their_own() {
    let call = "{call: back, fallback: [wait: 1ms, call: back]}, call: back";
    let (scenario, rows) = read("policy.yaml", &text("{retries: 1}", call));
    assert!(rows.is_empty(), "{rows:?}");
    let scenario = scenario.expect("a scenario without problems has a model");
    let steps = &scenario.endpoints[0].steps;
    let (StepKind::Call(first), StepKind::Call(second)) = (&steps[0].kind, &steps[1].kind) else {
        panic!("both are calls");
    };
    assert_eq!(first.fallback.len(), 2);
    assert_eq!(
        second.site, "back.default#2",
        "the call after it keeps its name"
    );
}

#[test]
fn mistakes_in_policies_are_told() {
    for (callers, call, code, part) in [
        (
            "{hedge: {after: 1ms}, retries: 1}",
            "call: back",
            "E103",
            "both hedged and retried",
        ),
        (
            "{retries: {max: 1, multiplier: 3}}",
            "call: back",
            "E203",
            "always doubles",
        ),
        (
            "{retries: {max: 1, budget: 20%, throttle: {tokens: 4, ratio: 1}}}",
            "call: back",
            "E103",
            "both a budget and a throttle",
        ),
        (
            "{balance: {choices: 1}}",
            "call: back",
            "E203",
            "`choices` is below 2",
        ),
        (
            "{balance: {unit: connections}}",
            "call: back",
            "E203",
            "connections to `back` are balanced",
        ),
        ("{locality: zone}", "call: back", "E110", "`zone`"),
        (
            "{fallback: [wait: 1ms]}",
            "call: back",
            "E104",
            "`fallback` of all callers",
        ),
        ("{ejection: {panik: 1%}}", "call: back", "E101", "panik"),
        (
            "{retries: {max: 1, jitter: ful}}",
            "call: back",
            "E301",
            "ful",
        ),
    ] {
        let (_, rows) = read("policy.yaml", &text(callers, call));
        let told = rows.iter().any(|row| row.1 == code && row.2.contains(part));
        assert!(told, "{callers}: {rows:?}");
    }
}
