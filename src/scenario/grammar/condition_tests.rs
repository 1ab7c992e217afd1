//! Scaling by a factor; conditions of the examples, and the wrong ones of the fixture.

use super::tests::{refused, row, stockholm};
use super::*;
use crate::model::{Comparator, Condition, SpanScope, Subject, Sum, Value};

fn names(place: ConditionPlace) -> Names {
    Names {
        journeys: vec!["buy".to_owned()],
        services: vec!["cart".to_owned()],
        clusters: vec!["source".to_owned(), "target".to_owned()],
        teams: Vec::new(),
        waves: vec!["front".to_owned()],
        loads: Vec::new(),
        work: Vec::new(),
        clock: stockholm(),
        currency: Some("USD".to_owned()),
        place,
    }
}

fn assertion(text: &str) -> Parsed<crate::model::Assertion> {
    let tree = parse_assertion(text)?;
    resolve_assertion(
        &tree,
        text,
        "shop.yaml:1",
        &names(ConditionPlace::Assertion),
    )
}

fn gate(text: &str) -> Parsed<Condition> {
    resolve_condition(&parse_condition(text)?, &names(ConditionPlace::Gate))
}

#[test]
fn assertions_of_the_examples_are_read() {
    // A scope may stand with its metric or behind the comparison.
    let found = assertion("p99(journey.buy) during wave.front < 3s").unwrap();
    let behind = assertion(
        "p99(journey.buy) < 3s during wave.front with 95% confidence because it loses the order",
    )
    .unwrap();
    assert_eq!(found.condition, behind.condition);
    let found = behind;
    assert_eq!(found.confidence, Some(0.95));
    assert_eq!(found.because.as_deref(), Some("it loses the order"));
    let Condition::Compare(Sum::Value(Value::Metric(term)), Comparator::Less, right) =
        found.condition
    else {
        panic!("a comparison of a metric");
    };
    assert_eq!(right, Sum::Value(Value::Number(3.0)));
    assert!(matches!(term.scope.during, Some(SpanScope::Wave(_))));
    assert!(matches!(term.subject, Some(Subject::Journey(Some(_)))));
    for text in [
        "mean(journey.buy) in 16.2ms..16.6ms",
        "error_ratio(journey.buy) = 0",
        "breach_minutes(journey.*) <= 10",
        "availability(journey.buy) >= 99.9% with 95% confidence",
        "rollbacks = 0",
        "makespan <= 8h",
        "cost <= 5 USD",
        "nodes(cluster.target) <= 40 and not (rollbacks > 2 or cost > 1k USD)",
    ] {
        assert!(assertion(text).is_ok(), "{text}: {:?}", assertion(text));
    }
    for text in [
        "error_ratio(new) <= error_ratio(old) + 0.5%",
        "p95(new) <= 1.5 * p95(old) + 10ms",
        "p99(new) <= 1.2 * p99(old)",
    ] {
        assert!(gate(text).is_ok(), "{text}: {:?}", gate(text));
    }
}

#[test]
fn wrong_conditions_of_the_fixture_are_answered_as_the_table_says() {
    row(
        assertion("p99(journey.buy) < 500"),
        ("E202", 19, 3),
        [
            "a time is compared with a plain number",
            "`p99` is a time",
            "write `500ms` or `500s`",
        ],
    );
    row(
        assertion("p99(jurney.buy) < 500ms with 95% confidence"),
        ("E207", 4, 6),
        [
            "unknown subject `jurney`",
            "expected journey, service, cluster, team, wave, pool, link or load",
            "did you mean `journey.buy`?",
        ],
    );
    refused(
        assertion("p99(journey.by) < 1s"),
        "E300",
        "unknown journey `by`",
    );
    refused(
        assertion("avilability(journey.buy) > 0.9"),
        "E301",
        "`availability`",
    );
    refused(
        assertion("availability(journey.buy) >= 99"),
        "E202",
        "did you mean `99%`?",
    );
    refused(assertion("cost <= 5 EUR"), "E208", "two currencies");
    refused(
        assertion("cost <= baseline + 2%"),
        "E110",
        "`baseline` is not supported",
    );
    refused(
        assertion("error_ratio(old) < 1%"),
        "E207",
        "only a gate has sides",
    );
    refused(gate("rollbacks = 0"), "E207", "");
    refused(
        assertion("p99(journey.buy) + cost < 3s"),
        "E202",
        "added to",
    );
    refused(assertion("p99(journey.buy) <"), "E206", "ends too early");
    refused(assertion(&"(".repeat(10_000)), "E206", "");
}

#[test]
fn a_percentage_added_to_a_time_is_relative_and_to_a_ratio_absolute() {
    let evaluated = |text: &str, metric: f64| {
        let Condition::Compare(_, _, right) = gate(text).unwrap() else {
            panic!("a comparison");
        };
        right.evaluate(&mut |_| Some(metric)).unwrap()
    };
    // 2 s and a half of it; 3 % and two points.
    assert_eq!(evaluated("p95(new) <= p95(old) + 50%", 2.0), 3.0);
    let ratio = evaluated("error_ratio(new) <= error_ratio(old) + 2%", 0.03);
    assert!((ratio - 0.05).abs() < 1e-15);
}

#[test]
fn scaling_leaves_shapes_and_weights_alone() {
    for (text, scaled) in [
        ("100/s", "150/s"),
        ("1m30s", "1.5m45s"),
        ("lognormal(4ms cv=1.2)", "lognormal(6ms cv=1.2)"),
        ("lognormal(p50=2ms p99=40ms)", "lognormal(p50=3ms p99=60ms)"),
        (
            "mix(90% exp(2ms) | 10% exp(50ms))",
            "mix(90% exp(3ms) | 10% exp(75ms))",
        ),
        ("100m..200m", "150m..300m"),
        ("x2", "x3"),
        ("0.1 USD/h", "0.15 USD/h"),
    ] {
        assert_eq!(scale_text(text, 1.5).as_deref(), Ok(scaled));
    }
    refused(scale_text("stateless", 2.0), "E206", "no number");
}
