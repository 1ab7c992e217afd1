//! Scaling policies.

use super::compose::things;
use super::context::Context;
use crate::model::scaling::ScalingRule;
use crate::model::{HpaSpec, ScalingPolicy};
use crate::scenario::keys;
use crate::scenario::node::{Node, Value};
use crate::units::{PolicyId, SimDuration};

/// Reads the named policies.
pub(super) fn policies(cx: &mut Context, root: &Node) -> Vec<ScalingPolicy> {
    let entries = things(cx, root.get("scaling"), None, "scaling");
    let mut found = Vec::new();
    for entry in &entries {
        cx.define("scaling policy", entry);
        cx.names.policies.push(entry.key.clone());
        let rule = rule(cx, &entry.value, &format!("scaling policy `{}`", entry.key))
            .unwrap_or(ScalingRule::Same);
        found.push(ScalingPolicy {
            name: entry.key.clone(),
            rule,
        });
    }
    found
}

/// A policy by name, or inline: that one is added under the name `owner`.
pub(super) fn named_or_inline(
    cx: &mut Context,
    node: &Node,
    owner: &str,
    policies: &mut Vec<ScalingPolicy>,
) -> Option<PolicyId> {
    if node.text().is_some() {
        let known = cx.names.policies.clone();
        return cx
            .find("scaling policy", node, &known)
            .map(PolicyId::from_index);
    }
    let rule = rule(cx, node, &format!("`scaling` of service `{owner}`"))?;
    let same = policies
        .iter()
        .position(|policy| policy.name == owner && policy.rule == rule);
    Some(PolicyId::from_index(same.unwrap_or_else(|| {
        policies.push(ScalingPolicy {
            name: owner.to_owned(),
            rule,
        });
        policies.len() - 1
    })))
}

fn rule(cx: &mut Context, node: &Node, owner: &str) -> Option<ScalingRule> {
    if !cx.check_keys(node, &[&keys::SCALING], owner) {
        return None;
    }
    let entry = cx.exactly_one(node, owner, &["static", "hpa"])?;
    if entry.key == "static" {
        if entry.value.text() == Some("same") {
            return Some(ScalingRule::Same);
        }
        return cx
            .small_count(&entry.value, "static")
            .map(ScalingRule::Static);
    }
    hpa(cx, &entry.value, owner).map(ScalingRule::Hpa)
}

fn hpa(cx: &mut Context, node: &Node, owner: &str) -> Option<HpaSpec> {
    let owner = format!("`hpa` of {owner}");
    if !cx.check_keys(node, &[&keys::HPA], &owner) {
        return None;
    }
    let min_replicas = cx.count_or(node, "minReplicas", 1);
    let max_replicas = cx.count_or(node, "maxReplicas", 1);
    if max_replicas < min_replicas
        && let Some(max) = node.get("maxReplicas")
    {
        cx.problem(
            "E203",
            max.span,
            "`maxReplicas` is below `minReplicas`",
            format!("{max_replicas} < {min_replicas}"),
            "",
        );
    }
    let percent = match (
        node.get("targetCPUUtilizationPercentage"),
        node.get("metrics"),
    ) {
        (Some(first), Some(second)) => {
            let at = cx.place_of(first.span);
            cx.problem(
                "E103",
                second.span,
                format!("{owner} has both `targetCPUUtilizationPercentage` and `metrics`"),
                format!("already said ({at})"),
                "keep one of them",
            );
            80.0
        }
        (Some(percent), None) => cx
            .plain_number(percent, "targetCPUUtilizationPercentage")
            .unwrap_or(80.0),
        (None, Some(metrics)) => cpu_metric(cx, metrics).unwrap_or(80.0),
        (None, None) => {
            cx.defaulted += 1;
            80.0
        }
    };
    Some(HpaSpec {
        min_replicas,
        max_replicas,
        target_utilisation: percent / 100.0,
        downscale_stabilization: node
            .get("behavior")
            .and_then(|behavior| behavior_of(cx, behavior)),
    })
}

fn behavior_of(cx: &mut Context, node: &Node) -> Option<SimDuration> {
    let mut window = None;
    for entry in node.entries() {
        match entry.key.as_str() {
            "scaleDown" => {
                cx.check_keys(&entry.value, &[&keys::HPA_BEHAVIOR], "`scaleDown`");
                let seconds = entry.value.get("stabilizationWindowSeconds");
                window = seconds
                    .and_then(|seconds| cx.plain_number(seconds, "stabilizationWindowSeconds"))
                    .map(SimDuration::from_seconds);
            }
            "scaleUp" => cx.unbuilt("scaleUp", entry.key_span),
            _ => cx.problem(
                "E101",
                entry.key_span,
                format!("unknown key `{}` in `behavior`", entry.key.escape_default()),
                "not a key of behavior",
                "",
            ),
        }
    }
    window
}

/// The one CPU utilisation of an `autoscaling/v2` list, in per cent.
fn cpu_metric(cx: &mut Context, node: &Node) -> Option<f64> {
    let Value::List(items) = &node.value else {
        cx.wrong_shape(node, "`metrics`", "a list");
        return None;
    };
    let [metric] = items.as_slice() else {
        cx.problem(
            "E110",
            node.span,
            "an hpa with other than one metric is not supported yet",
            "exactly one CPU metric is simulated",
            "keep the CPU utilisation",
        );
        return None;
    };
    let target = metric
        .get("resource")
        .and_then(|resource| resource.get("target"));
    let word = |node: Option<&Node>| node.and_then(|node| node.text().map(str::to_owned));
    let is_cpu = word(metric.get("type")).as_deref() == Some("Resource")
        && word(
            metric
                .get("resource")
                .and_then(|resource| resource.get("name")),
        )
        .as_deref()
            == Some("cpu")
        && word(target.and_then(|target| target.get("type"))).as_deref() == Some("Utilization");
    let average = target.and_then(|target| target.get("averageUtilization"));
    match (is_cpu, average) {
        (true, Some(average)) => cx.plain_number(average, "averageUtilization"),
        _ => {
            let form = "write `{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 65}}}`";
            cx.problem(
                "E110",
                metric.span,
                "this metric is not supported yet",
                "only the average CPU utilisation is simulated",
                form,
            );
            None
        }
    }
}
