//! What rates cannot follow is named before the run, with whom it is written for, and nothing else is.

use super::tests::{SMALL, only, read};

fn of_service(more: &str) -> String {
    SMALL.replace("{steps", &format!("{{{more}, steps"))
}

fn of_users(more: &str) -> String {
    SMALL.replace("journey: j}", &format!("journey: j, {more}}}"))
}

fn with_links(text: &str, links: &str) -> String {
    format!("{text}links: {{{links}}}\n")
}

/// A scenario with one thing that is left out, and what is said of it.
fn left_out() -> Vec<(String, &'static str)> {
    let priority =
        "endpoints: {default: {steps: [work: 1ms]}, vip: {priority: 2, steps: [work: 1ms]}}";
    vec![
        (
            of_service("queue: {timeout: 1s}"),
            "the queue's timeout of `a`",
        ),
        (
            of_service("concurrency: 2, queue: {order: lifo}"),
            "the queue's order of `a`",
        ),
        (
            of_service("concurrency: 2, queue: {order: adaptive-lifo}"),
            "the queue's order of `a`",
        ),
        (
            of_service("concurrency: 2, queue: {shared: true}"),
            "the shared queue of `a`",
        ),
        (
            of_service("memory: 1Gi, memoryPerRequest: 1Mi"),
            "the memory of requests of `a`",
        ),
        (
            of_service("callers: {timeout: 1s, ejection: {consecutiveErrors: 5}}"),
            "ejection of `a`",
        ),
        (
            of_service("callers: {timeout: 1s, deadline: propagate}"),
            "the propagated deadline of `a`",
        ),
        (
            of_service("callers: {timeout: 1s, retries: {max: 2, pushback: stop}}"),
            "the push-back of `a`",
        ),
        (
            SMALL.replace("steps: [work: 1ms]", priority),
            "the priority of endpoints of `a`",
        ),
        (
            of_service("cpu: {cores: 2, discipline: preemptive}"),
            "pre-emption at the processor of `a`",
        ),
        (
            of_users("abandon: {slowerThan: 1s}").replace("rate: 5/s", "users: 5, think: 1s"),
            "leaving of `l`",
        ),
        (
            with_links(
                &of_users("from: {eu: 100%}"),
                "users.eu <-> any: {oneWay: 5ms}",
            ),
            "the place of `l`",
        ),
        (
            of_users("arrivals: {renewal: {cv: 2}}"),
            "the law of arrivals of `l`",
        ),
    ]
}

fn at(text: &str, fidelity: &str) -> String {
    format!("{text}run: {{fidelity: {fidelity}}}\n")
}

#[test]
fn what_rates_cannot_follow_is_named_with_whom_it_is_written_for() {
    for (text, what) in left_out() {
        assert_eq!(read("one.yaml", &text).1, [], "{text}");
        for fidelity in ["flow", "zoom"] {
            let row = only(&at(&text, fidelity));
            let wanted = format!("{what} is not followed at flow fidelity");
            assert_eq!((row.1.as_str(), row.2.as_str()), ("W414", wanted.as_str()));
        }
    }
}

#[test]
fn what_rates_follow_is_not_named() {
    for text in [
        SMALL.to_owned(),
        of_service("concurrency: 2, queue: {max: 8, order: fifo}"),
        of_service("cpu: {cores: 2, discipline: fifo}"),
        of_service("memory: 1Gi"),
        of_service("callers: {timeout: 1s, retries: {max: 2}}"),
        of_service("callers: {timeout: 1s, hedge: {after: 100ms}}"),
        of_service("callers: {timeout: 1s, onTimeout: cancel}"),
        SMALL.replace(
            "steps: [work: 1ms]",
            "endpoints: {default: {steps: [work: 1ms]}, vip: {priority: 0, steps: [work: 1ms]}}",
        ),
        of_users("arrivals: poisson"),
        SMALL.replace("rate: 5/s", "users: 5, think: 1s"),
        // A link's bandwidth is shared by rates, too.
        with_links(SMALL, "users <-> any: {oneWay: 1ms, bandwidth: 10kbit/s}"),
    ] {
        assert_eq!(read("one.yaml", &at(&text, "flow")).1, [], "{text}");
    }
}

#[test]
fn one_kind_is_one_warning_whoever_has_it() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let services: Vec<_> = names
        .iter()
        .map(|name| format!("{name}: {{queue: {{timeout: 1s}}, steps: [work: 1ms]}}"))
        .collect();
    let calls: Vec<_> = names.iter().map(|name| format!("call: {name}")).collect();
    let text = format!(
        "cutover: 1\nhorizon: 1h\nservices: {{{}}}\njourneys: {{j: {{steps: [{}]}}}}\nload: {{l: {{rate: 5/s, journey: j}}}}\n",
        services.join(", "),
        calls.join(", ")
    );
    let row = only(&at(&text, "flow"));
    assert_eq!(
        row.2,
        "the queue's timeout of `a`, `b`, `c`, `d` and 2 more is not followed at flow fidelity"
    );
    // Two kinds are two warnings.
    let two = of_service("concurrency: 2, queue: {timeout: 1s, order: lifo}");
    let rows = read("one.yaml", &at(&two, "flow")).1;
    assert_eq!(rows.len(), 2, "{rows:#?}");
}
