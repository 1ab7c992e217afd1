//! Call policies: built-in, then `defaults`, then the callee's `callers`, then the step.

use super::context::Context;
use crate::model::{Balancer, CallPolicy, OnTimeout, Retries, RetryOn};
use crate::scenario::keys;
use crate::scenario::node::{Node, Value};
use crate::units::SimDuration;

/// What holds when nothing is written: Envoy's 15 s over all tries, no retries, two-choice least request.
pub(super) fn built_in() -> CallPolicy {
    CallPolicy {
        timeout: Some(SimDuration::from_secs(15)),
        per_try_timeout: None,
        on_timeout: OnTimeout::LetRun,
        retries: Retries {
            max: 0,
            backoff_base: SimDuration::from_millis(25),
            backoff_max: SimDuration::from_millis(250),
            when: RetryOn {
                error: true,
                timeout: true,
                shed: true,
            },
        },
        balance: Balancer::LeastRequest,
    }
}

/// `base` with what a map says over it; keys that are no policy's are not looked at.
pub(super) fn over(cx: &mut Context, base: &CallPolicy, node: &Node) -> CallPolicy {
    let mut policy = base.clone();
    if let Some(timeout) = node.get("timeout") {
        if timeout.text() == Some("never") {
            policy.timeout = None;
        } else if let Some(duration) = cx.positive_duration(timeout, "timeout") {
            policy.timeout = Some(duration);
        }
    }
    if let Some(duration) = node
        .get("perTryTimeout")
        .and_then(|text| cx.positive_duration(text, "perTryTimeout"))
    {
        policy.per_try_timeout = Some(duration);
    }
    if let Some(word) = node.get("onTimeout") {
        cx.word(
            word,
            "onTimeout",
            &[(OnTimeout::LetRun, "let-run")],
            &["cancel"],
        );
    }
    if let Some(balance) = node.get("balance") {
        if let Value::Map(_) = balance.value {
            cx.unbuilt("balance", balance.span);
        } else if let Some(rule) = cx.word(balance, "balance", &Balancer::ALL, &[]) {
            policy.balance = rule;
        }
    }
    if let Some(retries) = node.get("retries") {
        policy.retries = read_retries(cx, &policy.retries, retries);
    }
    policy
}

fn read_retries(cx: &mut Context, base: &Retries, node: &Node) -> Retries {
    let mut retries = base.clone();
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    if node.text().is_some() {
        retries.max = cx.count(node, "retries").map_or(0, small);
        return retries;
    }
    if !cx.check_keys(node, &[&keys::RETRIES], "`retries`") {
        return retries;
    }
    retries.max = node
        .get("max")
        .and_then(|max| cx.count(max, "max"))
        .map_or(0, small);
    if let Some((first, last)) = node
        .get("backoff")
        .and_then(|text| cx.duration_range(text, "backoff"))
    {
        retries.backoff_base = first.unwrap_or(SimDuration::ZERO);
        retries.backoff_max = last
            .unwrap_or(SimDuration::from_millis(250))
            .max(retries.backoff_base);
    }
    if let Some(jitter) = node.get("jitter") {
        cx.word(jitter, "jitter", &[((), "full")], &["none", "equal"]);
    }
    if let Some(when) = node.get("when") {
        let mut chosen = RetryOn {
            error: false,
            timeout: false,
            shed: false,
        };
        for item in super::compose::texts(when) {
            match cx.word(
                item,
                "outcome",
                &[(0, "error"), (1, "timeout"), (2, "shed")],
                &[],
            ) {
                Some(0) => chosen.error = true,
                Some(1) => chosen.timeout = true,
                Some(_) => chosen.shed = true,
                None => {}
            }
        }
        retries.when = chosen;
    }
    retries
}
