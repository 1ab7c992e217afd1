//! Scaling policies.

mod clock;
mod forecast;
mod hpa;
mod keda;
#[cfg(test)]
mod tests;

pub(super) use clock::firings;

use super::compose::things;
use super::context::Context;
use crate::model::ScalingPolicy;
use crate::model::scaling::{Fixed, Quantity, Reading, Same, ScalingRule, Scheduled};
use crate::scenario::grammar::parse_reading;
use crate::scenario::keys;
use crate::scenario::node::Node;
use crate::units::{PolicyId, ServiceId};

/// Keys of which exactly one stands.
const KINDS: [&str; 6] = [
    "static",
    "hpa",
    "keda",
    "scheduled",
    "predictive",
    "queueing",
];

/// Reads the named policies.
pub(super) fn policies(cx: &mut Context, root: &Node) -> Vec<ScalingPolicy> {
    let entries = things(cx, root.get("scaling"), None, "scaling");
    let mut found = Vec::new();
    for entry in &entries {
        cx.define("scaling policy", entry);
        cx.names.policies.push(entry.key.clone());
        let owner = format!("scaling policy `{}`", entry.key);
        let read = policy(cx, &entry.value, &owner);
        let (rule, beside) = read.unwrap_or((ScalingRule::Same(Same), None));
        found.push(ScalingPolicy {
            name: entry.key.clone(),
            rule,
            beside,
        });
    }
    found
}

/// The policy of a file that is replayed: a manifest, its `spec`, or an entry of `scaling`.
pub(super) fn of_file(cx: &mut Context, root: &Node) -> Option<ScalingRule> {
    let kind = root.get("kind").and_then(Node::text);
    let spec = root.get("spec").unwrap_or(root);
    match kind {
        Some("ScaledObject") => keda::read(cx, spec, "the file").map(ScalingRule::Keda),
        Some("HorizontalPodAutoscaler") => hpa::read(cx, spec, "the file").map(ScalingRule::Hpa),
        Some(_) => {
            let node = root.get("kind")?;
            let words = [((), "HorizontalPodAutoscaler"), ((), "ScaledObject")];
            cx.word(node, "kind", &words, &[]);
            None
        }
        None if spec.get("maxReplicas").is_some() => {
            hpa::read(cx, spec, "the file").map(ScalingRule::Hpa)
        }
        None if spec.get("triggers").is_some() => {
            keda::read(cx, spec, "the file").map(ScalingRule::Keda)
        }
        None => policy(cx, spec, "the file").map(|(rule, _)| rule),
    }
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
    let (rule, beside) = policy(cx, node, &format!("`scaling` of service `{owner}`"))?;
    let same = policies
        .iter()
        .position(|policy| policy.name == owner && policy.rule == rule && policy.beside == beside);
    Some(PolicyId::from_index(same.unwrap_or_else(|| {
        policies.push(ScalingPolicy {
            name: owner.to_owned(),
            rule,
            beside,
        });
        policies.len() - 1
    })))
}

/// One policy: a rule for the number of replicas; a timetable may stand beside an autoscaler.
pub(super) fn policy(
    cx: &mut Context,
    node: &Node,
    owner: &str,
) -> Option<(ScalingRule, Option<Scheduled>)> {
    if !cx.check_keys(node, &[&keys::SCALING], owner) {
        return None;
    }
    let with_timetable = ["hpa", "keda"].iter().any(|kind| node.get(kind).is_some());
    let beside = match node.get("scheduled").filter(|_| with_timetable) {
        Some(inner) => Some(clock::scheduled(cx, inner, owner)?),
        None => None,
    };
    let kinds: Vec<&str> = KINDS
        .into_iter()
        .filter(|kind| beside.is_none() || *kind != "scheduled")
        .collect();
    let entry = cx.exactly_one(node, owner, &kinds)?;
    let inner = &entry.value;
    let rule = match entry.key.as_str() {
        "static" if inner.text() == Some("same") => Some(ScalingRule::Same(Same)),
        "static" => cx
            .small_count(inner, "static")
            .map(|replicas| ScalingRule::Static(Fixed { replicas })),
        "hpa" => hpa::read(cx, inner, owner).map(ScalingRule::Hpa),
        "keda" => keda::read(cx, inner, owner).map(ScalingRule::Keda),
        "scheduled" => clock::scheduled(cx, inner, owner).map(ScalingRule::Scheduled),
        "predictive" => forecast::predictive(cx, inner, owner).map(ScalingRule::Predictive),
        _ => forecast::queueing(cx, inner, owner).map(ScalingRule::Queueing),
    };
    Some((rule?, beside))
}

/// What a metric reads: a quantity of a service, or a column of the recording that is replayed (then the number of the
/// service is that of the column). `text` is the name as the grammar wants it, `node` where it stands.
fn reading(cx: &mut Context, node: &Node, key: &str, text: &str) -> Option<Reading> {
    let Some(columns) = cx.columns.clone() else {
        let services: Vec<_> = cx.names.services.iter().map(|s| s.name.clone()).collect();
        let written = node.text().unwrap_or_default().len();
        return cx.scalar(node, key, |_, _, _| {
            parse_reading(text, &services).map_err(|mut error| {
                // A name that was put into a call stands at the start of what is written.
                let shift = text.len().saturating_sub(written + 1);
                if text.len() > written {
                    error.offset = error.offset.saturating_sub(shift);
                }
                error
            })
        });
    };
    let written = node.text()?;
    let found = match columns.as_slice() {
        // The answer to a query that aggregates has no name.
        [only] if only == "value" => Some(0),
        _ => columns
            .iter()
            .position(|known| known == written || known == text),
    };
    if found.is_none() {
        cx.unknown(
            "E300",
            node,
            &format!("the recording has no column `{}`", written.escape_default()),
            &format!("it has {}", columns.join(", ")),
            columns.iter().map(String::as_str),
        );
    }
    Some(Reading {
        quantity: Quantity::Requests,
        service: Some(ServiceId::from_index(found?)),
    })
}

/// `min` and `max` of our own policies.
fn bounds(cx: &mut Context, node: &Node) -> (u32, u32) {
    let min = cx.count_or(node, "min", 1);
    let max = cx.count_or(node, "max", 1);
    check_order(cx, node, ("min", min), ("max", max));
    (min, max)
}

/// The larger bound is not below the smaller one.
fn check_order(cx: &mut Context, node: &Node, min: (&str, u32), max: (&str, u32)) {
    if let (true, Some(place)) = (max.1 < min.1, node.get(max.0)) {
        cx.problem(
            "E203",
            place.span,
            format!("`{}` is below `{}`", max.0, min.0),
            format!("{} < {}", max.1, min.1),
            "",
        );
    }
}
