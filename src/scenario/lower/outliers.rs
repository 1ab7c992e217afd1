//! Breakers and ejection: what a client keeps between its calls.

use super::context::Context;
use crate::model::ejection::{FailurePercentage, SuccessRate};
use crate::model::{Breaker, Ejection};
use crate::scenario::keys;
use crate::scenario::node::Node;

/// `breaker`.
pub(super) fn breaker(cx: &mut Context, node: &Node) -> Option<Breaker> {
    if !cx.check_keys(node, &[&keys::BREAKER], "`breaker`") {
        return None;
    }
    let base = Breaker::ENVOY;
    Some(Breaker {
        max_connections: cx.count_or(node, "maxConnections", base.max_connections),
        max_in_flight: cx.count_or(node, "maxInFlight", base.max_in_flight),
        max_pending: cx.count_or(node, "maxPending", base.max_pending),
        max_retries: cx.count_or(node, "maxRetries", base.max_retries),
    })
}

/// `ejection`. Success rate and failure percentage are judged only where they are written.
pub(super) fn ejection(cx: &mut Context, node: &Node) -> Option<Ejection> {
    if !cx.check_keys(node, &[&keys::EJECTION], "`ejection`") {
        return None;
    }
    let base = Ejection::ENVOY;
    let map = Some(node);
    let ratio = |cx: &mut Context, key: &str, default: f64| {
        node.get(key)
            .and_then(|text| cx.probability(text, key))
            .unwrap_or(default)
    };
    let max_time = node
        .get("maxTime")
        .filter(|node| node.origin != super::resolved::DEFAULT);
    Some(Ejection {
        consecutive_errors: cx.count_or(node, "consecutiveErrors", base.consecutive_errors),
        consecutive_gateway_errors: cx.count_or(
            node,
            "consecutiveGatewayErrors",
            base.consecutive_gateway_errors,
        ),
        interval: cx.positive_duration_in(map, "interval", base.interval),
        base_time: cx.positive_duration_in(map, "baseTime", base.base_time),
        max_time: max_time.and_then(|text| cx.positive_duration(text, "maxTime")),
        max_ejected: ratio(cx, "maxEjected", base.max_ejected),
        always_one: node
            .get("alwaysOne")
            .and_then(|word| cx.truth(word, "alwaysOne"))
            .unwrap_or(base.always_one),
        panic: ratio(cx, "panic", base.panic),
        success_rate: node
            .get("successRate")
            .and_then(|node| success_rate(cx, node)),
        failure_percentage: node
            .get("failurePercentage")
            .and_then(|node| failure_percentage(cx, node)),
    })
}

fn success_rate(cx: &mut Context, node: &Node) -> Option<SuccessRate> {
    let base = SuccessRate::ENVOY;
    if !cx.check_keys(node, &[&keys::SUCCESS_RATE], "`successRate`") {
        return None;
    }
    Some(SuccessRate {
        stdev_factor: cx.count_or(node, "stdevFactor", base.stdev_factor),
        min_hosts: cx.count_or(node, "minHosts", base.min_hosts),
        min_requests: u64::from(cx.count_or(node, "minRequests", base.min_requests as u32)),
    })
}

fn failure_percentage(cx: &mut Context, node: &Node) -> Option<FailurePercentage> {
    let base = FailurePercentage::ENVOY;
    if !cx.check_keys(node, &[&keys::FAILURE_PERCENTAGE], "`failurePercentage`") {
        return None;
    }
    Some(FailurePercentage {
        threshold: node
            .get("threshold")
            .and_then(|text| cx.probability(text, "threshold"))
            .unwrap_or(base.threshold),
        min_hosts: cx.count_or(node, "minHosts", base.min_hosts),
        min_requests: u64::from(cx.count_or(node, "minRequests", base.min_requests as u32)),
    })
}
