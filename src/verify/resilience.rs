//! Retry, hedging, throttling, budget, ejection, panic and back-off rules of Envoy, Istio, gRPC and AWS.
//!
//! Each case is put to the state machines of `model` that the request plane runs; what a rule makes of whole calls
//! (tries sent, time left) is played by the request plane itself.

use crate::model::breaker::{Breaker, Budget};
use crate::model::ejection::{Detector, Ejection, FailurePercentage, SuccessRate, Verdict};
use crate::model::retry::{Backoff, Jitter, PushBack, RetryState, grpc_attempts};
use crate::model::throttle::{Bucket, Throttle};
use crate::model::{CallPolicy, Retries};
use crate::units::{SimDuration, SimTime};
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

mod hedges;
mod plays;

/// The kind.
pub static KIND: Kind = Kind {
    name: "resilience",
    about: "Client policies to the documented semantics of Envoy, Istio, gRPC and AWS.",
    judged: "Counts, verdicts and times are compared exactly (to a nanosecond, or to 1e-8 of the value where the case \
             is rounded).",
    stems: &["resilience"],
    weight: 0,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    let (input, expected) = (case.input()?, case.expected()?);
    match case.group.as_str() {
        "grpc_retry_throttling" => throttling(&input, &expected, judge),
        "grpc_backoff" => grpc_backoff(&input, &expected, judge),
        "grpc_attempts" => attempts(&input, &expected, judge),
        "grpc_hedging" => hedges::check(&input, &expected, judge),
        "grpc_pushback" => push_back(&input, &expected, judge),
        "envoy_backoff" => envoy_backoff(&input, &expected, judge),
        "envoy_timeout" => plays::envoy_timeout(&input, &expected, judge),
        "envoy_retry_budget" => budget(&input, &expected, judge),
        "envoy_defaults" => defaults(&expected, judge, envoy_default),
        "istio_defaults" => defaults(&expected, judge, istio_default),
        "envoy_ejection_time" => ejection_time(&input, &expected, judge),
        "envoy_success_rate" => success_rate(&input, &expected, judge),
        "envoy_panic" => panic_mode(&input, &expected, judge),
        "aws_backoff" => aws_backoff(&input, &expected, judge),
        group => {
            judge.fail(format!("no rule is known for the group `{group}`"));
            Ok(())
        }
    }
}

/// A number that may be rounded in its case.
fn near(judge: &mut Judge, what: &str, found: f64, expected: f64) {
    judge.within(what, found, expected, 2e-9 + 1e-8 * expected.abs());
}

fn milliseconds(field: &Field) -> Result<SimDuration, Malformed> {
    Ok(SimDuration::from_seconds(field.number()? * 1e-3))
}

fn seconds(field: &Field) -> Result<SimDuration, Malformed> {
    Ok(SimDuration::from_seconds(field.number()?))
}

fn throttling(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rule = Throttle::new(
        input.at("max_tokens")?.count()?,
        input.at("token_ratio")?.positive()?,
    );
    let mut bucket = Bucket::new(rule);
    let outcomes = input.at("outcomes")?;
    let trace = expected.at("trace")?.items()?;
    judge.equal("steps", &trace.len(), &outcomes.text()?.chars().count());
    for (step, outcome) in trace.iter().zip(outcomes.text()?.chars()) {
        match outcome {
            'F' => bucket.failed(),
            'S' => bucket.succeeded(rule),
            _ => return Err(outcomes.wrong("outcomes `F` and `S`")),
        }
        let tokens = bucket.tokens_milli as f64 / 1000.0;
        near(judge, "tokens", tokens, step.at("tokens_after")?.number()?);
        let allowed = step.at("retry_allowed")?.truth()?;
        judge.equal("retry allowed", &bucket.allows_retry(rule), &allowed);
    }
    Ok(())
}

/// Compares the range of each pause, and that draws reach from its low end to its high end.
fn ranges(
    judge: &mut Judge,
    rule: Backoff,
    nth: &[u32],
    expected: &[Field],
    unit: f64,
) -> Result<(), Malformed> {
    judge.equal("pauses", &expected.len(), &nth.len());
    for (n, range) in nth.iter().zip(expected) {
        let ends = range.items()?;
        let (low, high) = (ends[0].number()?, ends.get(1).unwrap_or(&ends[0]).number()?);
        let previous = rule.base;
        let (least, most) = rule.range(*n, previous);
        near(judge, "least", least.seconds() / unit, low);
        near(judge, "most", most.seconds() / unit, high);
        let drawn = |uniform| rule.pause(*n, previous, uniform).seconds() / unit;
        near(judge, "drawn at 0", drawn(0.0), low);
        near(judge, "drawn at a half", drawn(0.5), 0.5 * (low + high));
        near(judge, "drawn below 1", drawn(1.0 - 1e-12), high);
    }
    Ok(())
}

fn grpc_backoff(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rule = Backoff {
        base: seconds(&input.at("initial_backoff_s")?)?,
        max: seconds(&input.at("max_backoff_s")?)?,
        multiplier: input.at("multiplier")?.positive()?,
        jitter: Jitter::Grpc,
    };
    let nth: Vec<u32> = (1..=input.at("retries")?.count()?).collect();
    let expected = expected.at("delay_ranges_s")?.items()?;
    ranges(judge, rule, &nth, &expected, 1.0)
}

fn envoy_backoff(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rule = Backoff {
        base: milliseconds(&input.at("base_ms")?)?,
        max: milliseconds(&input.at("max_ms")?)?,
        ..Backoff::ENVOY
    };
    let bounds = expected.at("delay_exclusive_upper_ms")?.items()?;
    let retries = input.at("retries")?.count()?;
    judge.equal("pauses", &(bounds.len() as u32), &retries);
    for (n, bound) in (1..).zip(&bounds) {
        let bound_ms = bound.number()?;
        let (least, most) = rule.range(n, SimDuration::ZERO);
        near(judge, "least", least.seconds(), 0.0);
        near(judge, "bound", most.seconds() * 1e3, bound_ms);
        let longest = rule.pause(n, SimDuration::ZERO, 1.0 - 1e-9);
        judge.holds(longest.seconds() * 1e3 < bound_ms, || {
            format!("a pause of {} s reaches its bound", longest.seconds())
        });
    }
    Ok(())
}

fn attempts(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let configured = input.at("max_attempts_configured")?.count()?;
    let found = grpc_attempts(configured);
    if let Some(valid) = expected.maybe("valid") {
        judge.equal("valid", &found.is_some(), &valid.truth()?);
    }
    if let Some(sent) = expected.maybe("max_rpcs_sent") {
        let tries = found.map(|attempts| plays::tries_of_a_failing_call(attempts - 1));
        judge.equal("tries sent", &tries, &Some(sent.whole()?));
    }
    Ok(())
}

fn push_back(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let value = input.at("pushback_ms")?.value;
    // A text that is no integer is as unreadable as on the wire.
    let read = value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let said = PushBack::from_milliseconds(read);
    let base = input
        .maybe("initial_backoff_s")
        .map_or(Ok(SimDuration::from_millis(100)), |field| seconds(&field))?;
    let rule = Retries {
        max: 4,
        backoff: Backoff {
            base,
            max: SimDuration::from_secs(3600),
            multiplier: 2.0,
            jitter: Jitter::Grpc,
        },
        ..CallPolicy::built_in().retries
    };
    // Two ordinary failures before it: what follows the push-back does not go on from them.
    let mut state = RetryState::default();
    (0..2).for_each(|_| {
        state.next(&rule, None, 0.5);
    });
    let pause = state.next(&rule, Some(said), 0.5);
    for key in expected.value.as_object().into_iter().flatten() {
        let field = expected.at(key.0)?;
        match key.0.as_str() {
            "retry_delay_ms" => match pause {
                Some(pause) => near(judge, "pause", pause.seconds() * 1e3, field.number()?),
                None => judge.fail("the call is not retried"),
            },
            "next_backoff_index" => {
                judge.equal(
                    "next pause",
                    &u64::from(state.backoffs + 1),
                    &field.whole()?,
                );
                let next = state
                    .next(&rule, None, 0.5)
                    .map_or(0.0, SimDuration::seconds);
                near(judge, "pause after it", next, base.seconds());
            }
            key if key.starts_with("retr") => {
                judge.equal("retried", &pause.is_some(), &field.truth()?);
            }
            key => judge.fail(format!("`{key}` is nothing that a push-back is known by")),
        }
    }
    Ok(())
}

fn budget(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rule = Budget {
        ratio: input.at("budget_percent")?.number()? / 100.0,
        min_concurrency: input.at("min_retry_concurrency")?.count()?,
    };
    let limit = rule.limit(
        input.at("active_requests")?.count()?,
        input.at("pending_requests")?.count()?,
    );
    judge.equal("retry limit", &limit, &expected.at("retry_limit")?.count()?);
    Ok(())
}

/// Compares every number that a case expects with ours of that name.
fn defaults(
    expected: &Field,
    judge: &mut Judge,
    ours: fn(&str) -> Option<f64>,
) -> Result<(), Malformed> {
    for (key, value) in expected.value.as_object().into_iter().flatten() {
        match (value.as_f64(), ours(key)) {
            (Some(wanted), Some(found)) => near(judge, key, found, wanted),
            (Some(_), None) => judge.fail(format!("no default is known as `{key}`")),
            // A sentence: said in words, shown by what happens.
            (None, _) if key == "below_threshold" => {
                judge.holds(plays::all_get_traffic_in_panic(), || {
                    "an ejected replica gets no traffic below the threshold".to_owned()
                });
            }
            (None, _) => judge.fail(format!("`{key}` is no number")),
        }
    }
    Ok(())
}

fn envoy_default(key: &str) -> Option<f64> {
    let (breaker, ejection) = (Breaker::ENVOY, Ejection::ENVOY);
    let enforced = |is: bool| if is { 100.0 } else { 0.0 };
    Some(match key {
        "max_connections" => f64::from(breaker.max_connections),
        "max_pending_requests" => f64::from(breaker.max_pending),
        "max_requests" => f64::from(breaker.max_in_flight),
        "max_retries" => f64::from(breaker.max_retries),
        "retry_budget_percent" | "budget_percent" => Budget::ENVOY.ratio * 100.0,
        "min_retry_concurrency" => f64::from(Budget::ENVOY.min_concurrency),
        "panic_threshold_percent_healthy" => ejection.panic * 100.0,
        "consecutive_5xx" => f64::from(ejection.consecutive_errors),
        "interval_s" => ejection.interval.seconds(),
        "base_ejection_time_s" => ejection.base_time.seconds(),
        "max_ejection_time_s" => ejection.time(u32::MAX).seconds(),
        "max_ejection_percent" => ejection.max_ejected * 100.0,
        "enforcing_consecutive_5xx" => enforced(ejection.consecutive_errors > 0),
        "enforcing_consecutive_gateway_failure" => {
            enforced(ejection.consecutive_gateway_errors > 0)
        }
        "enforcing_success_rate" => enforced(ejection.success_rate.is_some()),
        "enforcing_failure_percentage" => enforced(ejection.failure_percentage.is_some()),
        "success_rate_minimum_hosts" => f64::from(SuccessRate::ENVOY.min_hosts),
        "success_rate_request_volume" => SuccessRate::ENVOY.min_requests as f64,
        "success_rate_stdev_factor" => f64::from(SuccessRate::ENVOY.stdev_factor),
        "failure_percentage_threshold" => FailurePercentage::ENVOY.threshold * 100.0,
        "failure_percentage_minimum_hosts" => f64::from(FailurePercentage::ENVOY.min_hosts),
        "failure_percentage_request_volume" => FailurePercentage::ENVOY.min_requests as f64,
        "route_timeout_s" | "timeout_s" => CallPolicy::built_in().timeout?.seconds(),
        "base_interval_ms" => Backoff::ENVOY.base.seconds() * 1e3,
        "max_interval_ms" => Backoff::ENVOY.max.seconds() * 1e3,
        _ => return None,
    })
}

fn istio_default(key: &str) -> Option<f64> {
    let (breaker, ejection) = (Breaker::ISTIO, Ejection::ENVOY);
    Some(match key {
        "http1_max_pending_requests" => f64::from(breaker.max_pending),
        "http2_max_requests" => f64::from(breaker.max_in_flight),
        "max_retries" => f64::from(breaker.max_retries),
        "tcp_max_connections" => f64::from(breaker.max_connections),
        "tcp_connect_timeout_s" => Breaker::ISTIO_CONNECT_TIMEOUT.seconds(),
        "consecutive_errors" | "consecutive_5xx_errors" => f64::from(ejection.consecutive_errors),
        "consecutive_gateway_errors" => f64::from(ejection.consecutive_gateway_errors),
        "interval_s" => ejection.interval.seconds(),
        "base_ejection_time_s" => ejection.base_time.seconds(),
        "max_ejection_percent" => ejection.max_ejected * 100.0,
        _ => return None,
    })
}

fn ejection_time(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rule = Ejection {
        base_time: seconds(&input.at("base_ejection_time_s")?)?,
        max_time: input
            .maybe("max_ejection_time_s")
            .map(|field| seconds(&field))
            .transpose()?,
        ..Ejection::ENVOY
    };
    let found = rule.time(input.at("ejections_in_a_row")?.count()?);
    let wanted = expected.at("ejection_time_s")?.number()?;
    near(judge, "ejection time", found.seconds(), wanted);
    Ok(())
}

fn success_rate(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rule = SuccessRate {
        stdev_factor: input.at("stdev_factor")?.count()?,
        min_hosts: input.at("minimum_hosts")?.count()?,
        min_requests: input.at("request_volume")?.whole()?,
    };
    let rates = input.at("success_rates_percent")?.items()?;
    let volumes = input.at("request_volumes")?.items()?;
    let (mut enough, mut detector) = (Vec::new(), Detector::default());
    let ejection = Ejection {
        consecutive_errors: 0,
        max_ejected: 1.0,
        success_rate: Some(rule),
        ..Ejection::ENVOY
    };
    let total = rates.len();
    detector.catch_up(&ejection, total, SimTime::ZERO);
    for (host, (rate, volume)) in rates.iter().zip(&volumes).enumerate() {
        let (rate, volume) = (rate.number()?, volume.whole()?);
        if volume >= rule.min_requests {
            enough.push(rate);
        }
        let succeeded = (rate * volume as f64 / 100.0).round() as u64;
        for request in 0..volume {
            let verdict = if request < succeeded {
                Verdict::Success
            } else {
                Verdict::Error
            };
            detector.ended(&ejection, host, verdict, total, SimTime::ZERO);
        }
    }
    let threshold = rule.threshold(&enough);
    let evaluated = expected.at("evaluated")?.truth()?;
    judge.equal("evaluated", &threshold.is_some(), &evaluated);
    if let Some(threshold) = threshold {
        for (key, found) in [
            ("mean", threshold.mean),
            ("population_stdev", threshold.deviation),
            ("threshold", threshold.least),
        ] {
            if let Some(wanted) = expected.maybe(key) {
                near(judge, key, found, wanted.number()?);
            }
        }
    }
    detector.catch_up(&ejection, total, SimTime::ZERO + ejection.interval);
    let found: Vec<u64> = (0..total)
        .filter(|host| detector.is_ejected(*host))
        .map(|host| host as u64)
        .collect();
    let mut wanted = Vec::new();
    for host in expected.at("ejected_hosts")?.items()? {
        wanted.push(host.whole()?);
    }
    judge.equal("ejected", &found, &wanted);
    Ok(())
}

fn panic_mode(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rule = Ejection {
        panic: input.at("panic_threshold_percent")?.number()? / 100.0,
        ..Ejection::ENVOY
    };
    let hosts = input.at("hosts")?.count()? as usize;
    let healthy = input.at("healthy")?.count()? as usize;
    let wanted = expected.at("panic")?.truth()?;
    judge.equal("panic", &rule.is_panic(hosts, healthy), &wanted);
    Ok(())
}

fn aws_backoff(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let with = |jitter| -> Result<Backoff, Malformed> {
        Ok(Backoff {
            base: milliseconds(&input.at("base_ms")?)?,
            max: milliseconds(&input.at("cap_ms")?)?,
            multiplier: 2.0,
            jitter,
        })
    };
    let mut nth = Vec::new();
    for attempt in input.at("attempts")?.items()? {
        nth.push(attempt.count()?);
    }
    if let Some(pauses) = expected.maybe("exponential_ms") {
        for (n, pause) in nth.iter().zip(pauses.items()?) {
            let found = with(Jitter::None)?.pause(*n, SimDuration::ZERO, 0.5);
            near(judge, "exponential", found.seconds() * 1e3, pause.number()?);
        }
    }
    for (key, jitter) in [
        ("full_jitter_range_ms", Jitter::AwsFull),
        ("equal_jitter_range_ms", Jitter::Equal),
    ] {
        if let Some(wanted) = expected.maybe(key) {
            ranges(judge, with(jitter)?, &nth, &wanted.items()?, 1e-3)?;
        }
    }
    if let Some(means) = expected.maybe("full_jitter_mean_ms") {
        for (n, mean) in nth.iter().zip(means.items()?) {
            let found = with(Jitter::AwsFull)?.mean_pause(*n);
            near(judge, "mean", found.seconds() * 1e3, mean.number()?);
        }
    }
    if expected.maybe("decorrelated").is_some() {
        decorrelated(judge, with(Jitter::Decorrelated)?);
    }
    Ok(())
}

/// Each pause is drawn between the base and three times the one before, and cut at the cap.
fn decorrelated(judge: &mut Judge, rule: Backoff) {
    let (base, cap) = (rule.base.seconds(), rule.max.seconds());
    let mut previous = base;
    for (n, uniform) in (1..).zip([0.9, 0.1, 0.7, 0.999, 0.999, 0.999, 0.0]) {
        let found = rule.pause(n, SimDuration::from_seconds(previous), uniform);
        let drawn = base + uniform * (3.0 * previous - base).max(0.0);
        near(judge, "decorrelated", found.seconds(), drawn.min(cap));
        previous = found.seconds();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;
    use std::path::Path;

    #[test]
    fn every_shipped_case_that_decides_passes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/resilience.json");
        let file = CaseFile::read(Path::new(path)).unwrap();
        let results = check(&file, &Context::new(1, None)).unwrap();
        let failed: Vec<_> = results
            .iter()
            .filter(|case| case.grade == Grade::Must && case.verdict != Verdict::Passed)
            .map(|case| (&case.id, &case.reasons))
            .collect();
        assert!(failed.is_empty(), "{failed:#?}");
        assert!(results.len() > 30);
    }

    #[test]
    fn a_wrong_expectation_fails() {
        let text = r#"{"cases": [
            {"id": "a", "group": "envoy_retry_budget", "input": {"active_requests": 100, "pending_requests": 0,
             "budget_percent": 25, "min_retry_concurrency": 3}, "expected": {"retry_limit": 26}},
            {"id": "b", "group": "grpc_hedging", "input": {"max_attempts": 3, "hedging_delay_ms": 100},
             "expected": {"sent_at_ms": [0, 100, 201]}},
            {"id": "c", "group": "grpc_attempts", "input": {"max_attempts_configured": 9},
             "expected": {"max_rpcs_sent": 9}}]}"#;
        let file = CaseFile::parse(Path::new("resilience.json"), text).unwrap();
        let results = check(&file, &Context::new(1, None)).unwrap();
        assert!(results.iter().all(|case| case.verdict == Verdict::Failed));
    }
}
