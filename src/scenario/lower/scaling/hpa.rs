//! HorizontalPodAutoscaler specs as they are pasted.

use super::{check_order, reading};
use crate::model::scaling::hpa::{
    Behavior, HpaSpec, MetricSource, MetricSpec, MetricTarget, RateLimit, RatePolicy, Resource,
    ScalingRules, Select,
};
use crate::scenario::grammar::parse_kubernetes_quantity;
use crate::scenario::keys;
use crate::scenario::lower::context::Context;
use crate::scenario::node::{Node, Value};
use crate::units::SimDuration;

/// Sources by their `type`, and the key of their map.
const SOURCES: [(&str, &str); 5] = [
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("Pods", "pods"),
    ("Object", "object"),
    ("External", "external"),
];

/// Reads a spec. `owner` is whose `hpa` it is.
pub(super) fn read(cx: &mut Context, node: &Node, owner: &str) -> Option<HpaSpec> {
    let owner = format!("`hpa` of {owner}");
    // All is read before anything is given up, so that all problems are told.
    let mut fine = cx.check_keys(node, &[&keys::HPA], &owner);
    let min_replicas = cx.count_or(node, "minReplicas", 1);
    let max_replicas = cx.count_or(node, "maxReplicas", 1);
    check_order(
        cx,
        node,
        ("minReplicas", min_replicas),
        ("maxReplicas", max_replicas),
    );
    if let (0, Some(max)) = (max_replicas, node.get("maxReplicas")) {
        cx.problem(
            "E203",
            max.span,
            "`maxReplicas` is 0",
            "at least 1 is needed",
            "",
        );
    }
    let metrics = metrics(cx, node, &owner);
    let behavior = node.get("behavior").map(|inner| behavior(cx, inner));
    fine &= !matches!(behavior, Some(None));
    let spec = HpaSpec {
        min_replicas,
        max_replicas,
        metrics: metrics?,
        behavior: behavior.flatten(),
    };
    if let (0, false, Some(min)) = (min_replicas, spec.may_be_zero(), node.get("minReplicas")) {
        cx.problem(
            "E203",
            min.span,
            "`minReplicas` is 0 without an object or external metric",
            "without pods their metrics cannot be read",
            "write 1, or add a metric of type Object or External",
        );
    }
    fine.then_some(spec)
}

fn metrics(cx: &mut Context, node: &Node, owner: &str) -> Option<Vec<MetricSpec>> {
    let cpu = |percent: u32| {
        vec![MetricSpec {
            source: MetricSource::Resource(Resource::Cpu),
            target: MetricTarget::Utilization(percent),
        }]
    };
    let old = node.get("targetCPUUtilizationPercentage");
    match (old, node.get("metrics")) {
        (Some(first), Some(second)) => {
            let at = cx.place_of(first.span);
            cx.problem(
                "E103",
                second.span,
                format!("{owner} has both `targetCPUUtilizationPercentage` and `metrics`"),
                format!("already said ({at})"),
                "keep one of them",
            );
            None
        }
        (Some(percent), None) => per_cent(cx, percent, "targetCPUUtilizationPercentage").map(cpu),
        (None, Some(list)) => {
            let Value::List(items) = &list.value else {
                cx.wrong_shape(list, "`metrics`", "a list");
                return None;
            };
            if items.is_empty() {
                return Some(cpu(80));
            }
            // All are read, so that all problems are told.
            let found: Vec<_> = items.iter().map(|item| metric(cx, item)).collect();
            found.into_iter().collect()
        }
        (None, None) => {
            cx.defaulted += 1;
            Some(cpu(80))
        }
    }
}

fn metric(cx: &mut Context, node: &Node) -> Option<MetricSpec> {
    if !cx.check_keys(node, &[&keys::HPA_METRIC], "a metric") {
        return None;
    }
    let words = SOURCES.map(|(word, key)| ((word, key), word));
    let (kind, key) = cx.word(node.get("type")?, "type", &words, &[])?;
    let Some(inner) = node.get(key) else {
        cx.missing(node.span, &format!("a metric of type {kind}"), key, "map");
        return None;
    };
    for (_, other) in SOURCES.iter().filter(|(_, other)| *other != key) {
        if let Some(entry) = node.entry(other) {
            cx.problem(
                "E103",
                entry.key_span,
                format!("`{other}` in a metric of type {kind}"),
                format!("its map is `{key}`"),
                "make another metric of it",
            );
        }
    }
    if !cx.check_keys(inner, &[&keys::HPA_SOURCE], &format!("`{key}`")) {
        return None;
    }
    let is_resource = kind.ends_with("Resource");
    let source = if is_resource {
        let words = [(Resource::Cpu, "cpu"), (Resource::Memory, "memory")];
        let Some(name) = inner.get("name") else {
            cx.missing(inner.span, &format!("`{key}`"), "name", "resource");
            return None;
        };
        let resource = cx.word(name, "resource", &words, &[])?;
        if kind == "Resource" {
            MetricSource::Resource(resource)
        } else {
            MetricSource::ContainerResource(resource)
        }
    } else {
        let Some(metric) = inner.get("metric") else {
            cx.missing(inner.span, &format!("`{key}`"), "metric", "map");
            return None;
        };
        if !cx.check_keys(metric, &[&keys::HPA_METRIC_NAME], "`metric`") {
            return None;
        }
        let name = metric.get("name")?;
        let text = name.text().unwrap_or_default().to_owned();
        let reading = reading(cx, name, "name", &text)?;
        match kind {
            "Pods" => MetricSource::Pods(reading),
            "Object" => MetricSource::Object(reading),
            _ => MetricSource::External(reading),
        }
    };
    let fits: &[&str] = match kind {
        "Resource" | "ContainerResource" => &["Utilization", "AverageValue"],
        "Pods" => &["AverageValue"],
        _ => &["AverageValue", "Value"],
    };
    let target = target(cx, inner.get("target")?, kind, fits)?;
    Some(MetricSpec { source, target })
}

fn target(cx: &mut Context, node: &Node, kind: &str, fits: &[&str]) -> Option<MetricTarget> {
    if !cx.check_keys(node, &[&keys::HPA_TARGET], "`target`") {
        return None;
    }
    let all = [
        ("averageUtilization", "Utilization"),
        ("averageValue", "AverageValue"),
        ("value", "Value"),
    ];
    let words = all.map(|(key, word)| ((key, word), word));
    let place = node.get("type")?;
    let (key, word) = cx.word(place, "type", &words, &[])?;
    if !fits.contains(&word) {
        cx.problem(
            "E202",
            place.span,
            format!("a metric of type {kind} has no target of type {word}"),
            format!("expected {}", fits.join(" or ")),
            "",
        );
        return None;
    }
    let Some(number) = node.get(key) else {
        cx.missing(
            node.span,
            &format!("a target of type {word}"),
            key,
            "number",
        );
        return None;
    };
    if word == "Utilization" {
        return per_cent(cx, number, key).map(MetricTarget::Utilization);
    }
    let milli = cx.scalar(number, key, |text, key, _| {
        parse_kubernetes_quantity(text, key)
    })?;
    if milli == 0 {
        cx.problem("E203", number.span, format!("`{key}` is 0"), "above 0", "");
        return None;
    }
    Some(if word == "Value" {
        MetricTarget::Value(milli)
    } else {
        MetricTarget::AverageValue(milli)
    })
}

fn per_cent(cx: &mut Context, node: &Node, key: &str) -> Option<u32> {
    let percent = cx.plain_number(node, key)?;
    if percent < 1.0 || percent.fract() != 0.0 || percent > 1e6 {
        cx.problem(
            "E203",
            node.span,
            format!("`{key}` must be a whole number of per cent"),
            "1 or more",
            "",
        );
        return None;
    }
    Some(percent as u32)
}

/// `behavior` with the API server's defaults.
pub(super) fn behavior(cx: &mut Context, node: &Node) -> Option<Behavior> {
    let fine = cx.check_keys(node, &[&keys::HPA_BEHAVIOR], "`behavior`");
    let up = direction(
        cx,
        node.get("scaleUp"),
        "scaleUp",
        ScalingRules::default_up(),
    );
    let down = direction(
        cx,
        node.get("scaleDown"),
        "scaleDown",
        ScalingRules::default_down(),
    );
    let behavior = Behavior {
        up: up?,
        down: down?,
    };
    fine.then_some(behavior)
}

fn direction(
    cx: &mut Context,
    node: Option<&Node>,
    key: &str,
    mut rules: ScalingRules,
) -> Option<ScalingRules> {
    let Some(node) = node else { return Some(rules) };
    if !cx.check_keys(node, &[&keys::HPA_RULES], &format!("`{key}`")) {
        return None;
    }
    if let Some(seconds) = node.get("stabilizationWindowSeconds") {
        rules.window = Some(seconds_up_to(
            cx,
            seconds,
            "stabilizationWindowSeconds",
            0,
            3600,
        )?);
    }
    let words = [
        (Select::Max, "Max"),
        (Select::Min, "Min"),
        (Select::Disabled, "Disabled"),
    ];
    if let Some(word) = node.get("selectPolicy") {
        rules.select = cx.word(word, "selectPolicy", &words, &[])?;
    }
    if let Some(tolerance) = node.get("tolerance") {
        let milli = cx.scalar(tolerance, "tolerance", |text, key, _| {
            parse_kubernetes_quantity(text, key)
        })?;
        rules.tolerance = Some(milli as f64 / 1000.0);
    }
    if let Some(list) = node.get("policies") {
        let found: Vec<_> = list.items().iter().map(|item| rate(cx, item)).collect();
        if found.is_empty() {
            cx.wrong_shape(list, "`policies`", "a list of at least one policy");
            return None;
        }
        rules.policies = found.into_iter().collect::<Option<_>>()?;
    }
    Some(rules)
}

fn rate(cx: &mut Context, node: &Node) -> Option<RatePolicy> {
    if !cx.check_keys(node, &[&keys::HPA_RATE], "a policy") {
        return None;
    }
    let words = [(true, "Pods"), (false, "Percent")];
    let pods = cx.word(node.get("type")?, "type", &words, &[])?;
    let place = node.get("value")?;
    let value = cx.small_count(place, "value")?;
    if value == 0 {
        cx.problem(
            "E203",
            place.span,
            "`value` is 0",
            "1 or more",
            "to forbid this direction write `selectPolicy: Disabled`",
        );
        return None;
    }
    let period = seconds_up_to(cx, node.get("periodSeconds")?, "periodSeconds", 1, 1800)?;
    Some(RatePolicy {
        limit: if pods {
            RateLimit::Pods(value)
        } else {
            RateLimit::Percent(value)
        },
        period,
    })
}

/// Whole seconds within the API server's bounds.
pub(super) fn seconds_up_to(
    cx: &mut Context,
    node: &Node,
    key: &str,
    least: u64,
    most: u64,
) -> Option<SimDuration> {
    let seconds = cx.plain_number(node, key)?;
    if seconds.fract() != 0.0 || seconds < least as f64 || seconds > most as f64 {
        cx.problem(
            "E203",
            node.span,
            format!("`{key}` is out of range"),
            format!("whole seconds, {least} to {most}"),
            "",
        );
        return None;
    }
    Some(SimDuration::from_secs(seconds as u64))
}
