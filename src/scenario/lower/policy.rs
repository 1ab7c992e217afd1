//! Call policies: built-in, then `defaults`, then the callee's `callers`, then the step.

use super::context::Context;
use crate::model::breaker::{Budget, RetryLimit};
use crate::model::retry::{Jitter, PushBack, grpc_attempts};
use crate::model::throttle::Throttle;
use crate::model::{
    Balance, Balancer, CallPolicy, Deadline, Fallback, Hedge, Knows, Locality, OnTimeout, Retries,
    RetryOn, Unit,
};
use crate::scenario::keys;
use crate::scenario::node::{Node, Value};
use crate::units::SimDuration;

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
    let words = (
        node.get("deadline")
            .and_then(|word| cx.word(word, "deadline", &Deadline::ALL, &[])),
        node.get("onTimeout")
            .and_then(|word| cx.word(word, "onTimeout", &OnTimeout::ALL, &[])),
        node.get("locality")
            .and_then(|word| cx.word(word, "locality", &Locality::ALL, &["zone"])),
    );
    policy.deadline = words.0.unwrap_or(policy.deadline);
    policy.on_timeout = words.1.unwrap_or(policy.on_timeout);
    policy.locality = words.2.unwrap_or(policy.locality);
    if let Some(balance) = node.get("balance") {
        policy.balance = read_balance(cx, policy.balance, balance);
    }
    if let Some(retries) = node.get("retries") {
        policy.retries = read_retries(cx, &policy.retries, retries);
    }
    if let Some(hedge) = node.get("hedge") {
        policy.hedge = read_hedge(cx, hedge).or(policy.hedge);
        if policy.hedge.is_some() && policy.retries.max > 0 {
            cx.problem(
                "E103",
                hedge.span,
                "a call is both hedged and retried",
                "gRPC takes one of the two policies for a call",
                "keep `hedge` or `retries`",
            );
        }
    }
    if let Some(breaker) = node.get("breaker") {
        policy.breaker = super::outliers::breaker(cx, breaker).or(policy.breaker);
    }
    if let Some(ejection) = node.get("ejection") {
        policy.ejection = super::outliers::ejection(cx, ejection).or(policy.ejection);
    }
    if let Some(fallback) = node.get("fallback").filter(|node| node.text().is_some()) {
        let words = [(Fallback::Degraded, "degraded"), (Fallback::None, "none")];
        let found = cx.word(fallback, "fallback", &words, &[]);
        policy.fallback = found.unwrap_or(policy.fallback);
    }
    policy
}

fn read_balance(cx: &mut Context, base: Balance, node: &Node) -> Balance {
    if !matches!(node.value, Value::Map(_)) {
        let rule = cx.word(node, "balance", &Balancer::ALL, &[]);
        return rule.map_or(base, Balance::of);
    }
    let mut balance = base;
    if !cx.check_keys(node, &[&keys::BALANCE], "`balance`") {
        return balance;
    }
    if let Some(rule) = node
        .get("rule")
        .and_then(|word| cx.word(word, "rule", &Balancer::ALL, &[]))
    {
        balance.rule = rule;
    }
    if let Some(choices) = node.get("choices") {
        balance.choices = if choices.text() == Some("all") {
            None
        } else {
            let count = cx.small_count(choices, "choices");
            if count.is_some_and(|count| count < 2) {
                cx.problem(
                    "E203",
                    choices.span,
                    "`choices` is below 2",
                    "nothing would be compared",
                    "write `rule: random` for a single draw",
                );
            }
            count.or(balance.choices)
        };
    }
    if let Some(knows) = node
        .get("knows")
        .and_then(|word| cx.word(word, "knows", &Knows::ALL, &[]))
    {
        balance.knows = knows;
    }
    if let Some(unit) = node
        .get("unit")
        .and_then(|word| cx.word(word, "unit", &Unit::ALL, &[]))
    {
        balance.unit = unit;
    }
    balance
}

fn read_hedge(cx: &mut Context, node: &Node) -> Option<Hedge> {
    if !cx.check_keys(node, &[&keys::HEDGE], "`hedge`") {
        return None;
    }
    let after = node
        .get("after")
        .and_then(|text| cx.duration(text, "after"))?;
    let max = cx.count_or(node, "max", 1);
    Some(Hedge { after, max })
}

fn read_retries(cx: &mut Context, base: &Retries, node: &Node) -> Retries {
    let mut retries = base.clone();
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    if node.text().is_some() {
        retries.max = cx.count(node, "retries").map_or(0, small);
        cap_attempts(&mut retries);
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
        retries.backoff.base = first.unwrap_or(SimDuration::ZERO);
        retries.backoff.max = last
            .unwrap_or(SimDuration::from_millis(250))
            .max(retries.backoff.base);
    }
    if let Some(jitter) = node
        .get("jitter")
        .and_then(|word| cx.word(word, "jitter", &Jitter::ALL, &[]))
    {
        retries.backoff.jitter = jitter;
    }
    read_multiplier(cx, &mut retries, node);
    read_limit(cx, &mut retries, node);
    if let Some(push_back) = node.get("pushback") {
        retries.push_back = if push_back.text() == Some("stop") {
            Some(PushBack::Stop)
        } else {
            cx.duration(push_back, "pushback").map(PushBack::After)
        };
    }
    if let Some(when) = node.get("when") {
        retries.when = read_when(cx, when);
    }
    cap_attempts(&mut retries);
    retries
}

/// A gRPC client never makes more than five tries.
fn cap_attempts(retries: &mut Retries) {
    if retries.backoff.jitter == Jitter::Grpc
        && let Some(attempts) = grpc_attempts(retries.max.saturating_add(1))
    {
        retries.max = attempts - 1;
    }
}

fn read_multiplier(cx: &mut Context, retries: &mut Retries, node: &Node) {
    let Some(written) = node.get("multiplier") else {
        return;
    };
    let Some(multiplier) = cx.weight(written, "multiplier") else {
        return;
    };
    if retries.backoff.jitter != Jitter::Grpc && multiplier != 2.0 {
        cx.problem(
            "E203",
            written.span,
            "this jitter always doubles",
            "only gRPC's back-off has another growth",
            "write `jitter: grpc`, or leave `multiplier` out",
        );
        return;
    }
    retries.backoff.multiplier = multiplier;
}

fn read_limit(cx: &mut Context, retries: &mut Retries, node: &Node) {
    if let (Some(budget), Some(_)) = (node.entry("budget"), node.entry("throttle")) {
        cx.problem(
            "E103",
            budget.key_span,
            "retries have both a budget and a throttle",
            "the one is Envoy's, the other gRPC's",
            "keep one of them",
        );
    }
    if let Some(budget) = node.get("budget") {
        let mut found = Budget::ENVOY;
        let ratio = if matches!(budget.value, Value::Map(_)) {
            cx.check_keys(budget, &[&keys::BUDGET], "`budget`");
            found.min_concurrency = cx.count_or(budget, "minConcurrency", found.min_concurrency);
            budget.get("ratio")
        } else {
            Some(budget)
        };
        if let Some(ratio) = ratio.and_then(|text| cx.probability(text, "budget")) {
            found.ratio = ratio;
        }
        retries.limit = RetryLimit::Budget(found);
    }
    if let Some(throttle) = node.get("throttle") {
        cx.check_keys(throttle, &[&keys::THROTTLE], "`throttle`");
        let tokens = throttle
            .get("tokens")
            .and_then(|text| cx.small_count(text, "tokens"));
        let ratio = throttle
            .get("ratio")
            .and_then(|text| cx.weight(text, "ratio"));
        if let (Some(tokens), Some(ratio)) = (tokens, ratio) {
            retries.limit = RetryLimit::Throttle(Throttle::new(tokens, ratio));
        }
    }
}

fn read_when(cx: &mut Context, when: &Node) -> RetryOn {
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
    chosen
}
