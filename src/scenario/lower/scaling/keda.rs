//! ScaledObject specs as they are pasted.

use super::hpa::{behavior, seconds_up_to};
use super::{check_order, clock, reading};
use crate::model::scaling::hpa::{HpaSpec, MetricSource, MetricSpec, MetricTarget, Resource};
use crate::model::scaling::{
    Fallback, FallbackBehavior, Keda, Quantity, Reading, Trigger, TriggerKind,
};
use crate::scenario::grammar::parse_kubernetes_quantity;
use crate::scenario::keys;
use crate::scenario::lower::context::Context;
use crate::scenario::node::{Node, Value};
use crate::units::SimDuration;

/// Longest interval that is read, seconds: a week.
const WEEK: u64 = 604_800;

pub(super) fn read(cx: &mut Context, node: &Node, owner: &str) -> Option<Keda> {
    let owner = format!("`keda` of {owner}");
    if !cx.check_keys(node, &[&keys::KEDA], &owner) {
        return None;
    }
    let min_replicas = cx.count_or(node, "minReplicaCount", 0);
    let max_replicas = cx.count_or(node, "maxReplicaCount", 100);
    check_order(
        cx,
        node,
        ("minReplicaCount", min_replicas),
        ("maxReplicaCount", max_replicas),
    );
    let idle_replicas = node
        .get("idleReplicaCount")
        .and_then(|text| cx.small_count(text, "idleReplicaCount"));
    if let (Some(idle), Some(place)) = (idle_replicas, node.get("idleReplicaCount"))
        && idle >= min_replicas
    {
        cx.problem(
            "E203",
            place.span,
            "`idleReplicaCount` is not below `minReplicaCount`",
            format!("{idle} >= {min_replicas}"),
            "leave it out",
        );
    }
    if let (Some(idle @ 1..), Some(place)) = (idle_replicas, node.get("idleReplicaCount")) {
        cx.problem(
            "E203",
            place.span,
            "`idleReplicaCount` is not 0",
            format!("the autoscaler that KEDA makes would undo {idle} at once"),
            "write 0 or leave it out",
        );
    }
    let fallback = match node.get("fallback") {
        Some(map) => Some(fallback(cx, map)?),
        None => None,
    };
    let list = node.get("triggers")?;
    let Value::List(items) = &list.value else {
        cx.wrong_shape(list, "`triggers`", "a list");
        return None;
    };
    if items.is_empty() {
        cx.problem(
            "E102",
            list.span,
            "`triggers` is empty",
            "at least one is needed",
            "",
        );
        return None;
    }
    let found: Vec<_> = items.iter().map(|item| trigger(cx, item)).collect();
    let found: Vec<_> = found.into_iter().collect::<Option<_>>()?;
    let (triggers, metrics) = found.into_iter().unzip();
    Some(Keda {
        hpa: HpaSpec {
            min_replicas: min_replicas.max(1),
            max_replicas: max_replicas.max(1),
            metrics,
            behavior: own_behavior(cx, node)?,
        },
        min_replicas,
        idle_replicas,
        polling: seconds_in(cx, node, "pollingInterval", 30)?,
        cooldown: seconds_in(cx, node, "cooldownPeriod", 300)?,
        initial_cooldown: match node.get("initialCooldownPeriod") {
            Some(text) => seconds_up_to(cx, text, "initialCooldownPeriod", 0, WEEK)?,
            None => SimDuration::ZERO,
        },
        fallback,
        triggers,
    })
}

fn seconds_in(cx: &mut Context, node: &Node, key: &str, default: u64) -> Option<SimDuration> {
    match node.get(key) {
        Some(text) => seconds_up_to(cx, text, key, 1, WEEK),
        None => Some(SimDuration::from_secs(default)),
    }
}

/// `fallback`.
fn fallback(cx: &mut Context, map: &Node) -> Option<Fallback> {
    if !cx.check_keys(map, &[&keys::KEDA_FALLBACK], "`fallback`") {
        return None;
    }
    let words = [
        (FallbackBehavior::Static, "static"),
        (FallbackBehavior::Current, "currentReplicas"),
        (FallbackBehavior::CurrentIfHigher, "currentReplicasIfHigher"),
        (FallbackBehavior::CurrentIfLower, "currentReplicasIfLower"),
    ];
    let behavior = match map.get("behavior") {
        Some(word) => cx.word(word, "behavior", &words, &[])?,
        None => FallbackBehavior::Static,
    };
    Some(Fallback {
        failures: cx.small_count(map.get("failureThreshold")?, "failureThreshold")?,
        replicas: cx.small_count(map.get("replicas")?, "replicas")?,
        behavior,
    })
}

/// The `behavior` of the autoscaler that KEDA makes, if one is written; `None` at a problem.
#[expect(
    clippy::option_option,
    reason = "the outer one is a problem that was told"
)]
fn own_behavior(
    cx: &mut Context,
    node: &Node,
) -> Option<Option<crate::model::scaling::hpa::Behavior>> {
    let Some(advanced) = node.get("advanced") else {
        return Some(None);
    };
    cx.check_keys(advanced, &[&keys::KEDA_ADVANCED], "`advanced`");
    let Some(config) = advanced.get("horizontalPodAutoscalerConfig") else {
        return Some(None);
    };
    cx.check_keys(
        config,
        &[&keys::KEDA_HPA],
        "`horizontalPodAutoscalerConfig`",
    );
    match config.get("behavior") {
        Some(inner) => behavior(cx, inner).map(Some),
        None => Some(None),
    }
}

fn trigger(cx: &mut Context, node: &Node) -> Option<(Trigger, MetricSpec)> {
    if !cx.check_keys(node, &[&keys::KEDA_TRIGGER], "a trigger") {
        return None;
    }
    let words = ["queue", "prometheus", "cron", "cpu"].map(|word| (word, word));
    let kind = cx.word(
        node.get("type")?,
        "type",
        &words,
        &["memory", "kafka", "rabbitmq"],
    )?;
    let metadata = node.get("metadata")?;
    if !matches!(metadata.value, Value::Map(_)) {
        cx.wrong_shape(metadata, "`metadata`", "a map");
        return None;
    }
    match kind {
        "queue" => value_trigger(
            cx,
            node,
            metadata,
            ["service", "length", "activationLength"],
        ),
        "prometheus" => value_trigger(
            cx,
            node,
            metadata,
            ["query", "threshold", "activationThreshold"],
        ),
        "cron" => {
            known(
                cx,
                metadata,
                &["timezone", "start", "end", "desiredReplicas"],
            );
            let replicas = needed(cx, metadata, "desiredReplicas")?;
            let replicas = cx.small_count(replicas, "desiredReplicas")?;
            needed(cx, metadata, "start")?;
            needed(cx, metadata, "end")?;
            let spans = clock::spans(cx, metadata)?;
            let nothing = Reading {
                quantity: Quantity::Requests,
                service: None,
            };
            let kind = TriggerKind::Cron { spans, replicas };
            let metric = MetricSpec {
                source: MetricSource::External(nothing),
                target: MetricTarget::AverageValue(1000),
            };
            Some((
                Trigger {
                    activation: 0,
                    kind,
                },
                metric,
            ))
        }
        _ => {
            known(cx, metadata, &["value", "type", "containerName"]);
            let place = needed(cx, metadata, "value")?;
            let percent = cx.plain_number(place, "value")?;
            let metric = MetricSpec {
                source: MetricSource::Resource(Resource::Cpu),
                target: MetricTarget::Utilization((percent as u32).max(1)),
            };
            let kind = TriggerKind::Resource;
            Some((
                Trigger {
                    activation: 0,
                    kind,
                },
                metric,
            ))
        }
    }
}

/// A trigger with a value: whose, its threshold, and its activation threshold.
fn value_trigger(
    cx: &mut Context,
    node: &Node,
    metadata: &Node,
    [what, threshold, activation]: [&str; 3],
) -> Option<(Trigger, MetricSpec)> {
    known(
        cx,
        metadata,
        &[what, threshold, activation, "serverAddress"],
    );
    let place = needed(cx, metadata, what)?;
    let text = place.text().unwrap_or_default().to_owned();
    let text = if what == "query" {
        text
    } else {
        // The queue of a service: its name alone is written.
        format!("queue_length(service.{text})")
    };
    let reading = reading(cx, place, what, &text)?;
    let number = needed(cx, metadata, threshold)?;
    let target = cx.scalar(number, threshold, |text, key, _| {
        parse_kubernetes_quantity(text, key)
    })?;
    if target == 0 {
        cx.problem(
            "E203",
            number.span,
            format!("`{threshold}` is 0"),
            "above 0",
            "",
        );
        return None;
    }
    let least = match metadata.get(activation) {
        Some(text) => cx.scalar(text, activation, |text, key, _| {
            parse_kubernetes_quantity(text, key)
        })?,
        None => 0,
    };
    let words = [(true, "AverageValue"), (false, "Value")];
    let average = match node.get("metricType") {
        Some(word) => cx.word(word, "metricType", &words, &[])?,
        None => true,
    };
    let metric = MetricSpec {
        source: MetricSource::External(reading),
        target: if average {
            MetricTarget::AverageValue(target)
        } else {
            MetricTarget::Value(target)
        },
    };
    let trigger = Trigger {
        activation: least,
        kind: TriggerKind::Value,
    };
    Some((trigger, metric))
}

fn needed<'n>(cx: &mut Context, metadata: &'n Node, key: &str) -> Option<&'n Node> {
    let found = metadata.get(key);
    if found.is_none() {
        cx.missing(metadata.span, "`metadata` of the trigger", key, "value");
    }
    found
}

/// Keys of `metadata`, which depend on the trigger's type.
fn known(cx: &mut Context, metadata: &Node, keys: &[&str]) {
    for entry in metadata.entries() {
        if entry.key == "serverAddress" && keys.contains(&"serverAddress") {
            cx.problem(
                "W104",
                entry.key_span,
                "`serverAddress` is not modelled",
                "read over",
                "",
            );
        } else if !keys.contains(&entry.key.as_str()) && !entry.key.starts_with("x-") {
            let near = crate::scenario::suggest::nearest(&entry.key, keys.iter().copied());
            let help = near.map(|name| format!("did you mean `{name}`?"));
            cx.problem(
                "E101",
                entry.key_span,
                format!("unknown key `{}` in `metadata`", entry.key.escape_default()),
                format!("not a key of this trigger; known are {}", keys.join(", ")),
                help.unwrap_or_default(),
            );
        }
    }
}
