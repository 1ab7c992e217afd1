//! What the orchestrator knows of a service's pods: placement, image, probe, rollout, budget, deploys.

use super::compose::texts;
use super::context::Context;
use crate::model::placement::{
    NodeExpression, NodeTerm, Operator, Placing, PodTerm, SpreadConstraint, TaintEffect, Toleration,
};
use crate::model::{Amount, DisruptionBudget, PodRules, Probe, RolloutStrategy, UpgradeStrategy};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::{Bytes, ServiceId, SimDuration};

/// Image when none is written.
const IMAGE: Bytes = Bytes(200 << 20);

/// Labels of each service's pods: `app` with its name, and its own labels.
pub(super) fn labels(composed: &[Entry]) -> Vec<Vec<(String, String)>> {
    let of = |entry: &Entry| {
        let mut found = vec![("app".to_owned(), entry.key.clone())];
        let written = entry.value.get("labels").map_or(&[][..], Node::entries);
        for label in written {
            if let Some(text) = label.value.text() {
                found.retain(|(key, _)| *key != label.key);
                found.push((label.key.clone(), text.to_owned()));
            }
        }
        found
    };
    composed.iter().map(of).collect()
}

/// Reads the pod rules of a service; `labels` are those of all services' pods.
pub(super) fn rules(cx: &mut Context, node: &Node, labels: &[Vec<(String, String)>]) -> PodRules {
    PodRules {
        placing: node
            .get("placement")
            .map(|placement| placing(cx, placement, labels))
            .unwrap_or_default(),
        image: node
            .get("image")
            .and_then(|image| cx.bytes(image, "image"))
            .unwrap_or(IMAGE),
        probe: node.get("readinessProbe").and_then(|node| probe(cx, node)),
        strategy: node.get("strategy").and_then(|node| strategy(cx, node)),
        upgrade: node
            .get("strategy")
            .and_then(|node| upgrade(cx, node.get("upgradeStrategy")?)),
        budget: node
            .get("disruptionBudget")
            .and_then(|node| budget(cx, node)),
        deploys: node
            .get("deploys")
            .and_then(|rate| cx.rate(rate, "deploys"))
            .unwrap_or(0.0),
    }
}

fn seconds(cx: &mut Context, map: &Node, key: &str, default: f64) -> SimDuration {
    let written = map.get(key).and_then(|text| cx.plain_number(text, key));
    SimDuration::from_seconds(written.unwrap_or(default))
}

fn probe(cx: &mut Context, node: &Node) -> Option<Probe> {
    if !cx.check_keys(node, &[&keys::PROBE], "`readinessProbe`") {
        return None;
    }
    Some(Probe {
        initial_delay: seconds(cx, node, "initialDelaySeconds", 0.0),
        period: seconds(cx, node, "periodSeconds", 10.0),
        success_threshold: cx.count_or(node, "successThreshold", 1),
    })
}

fn amount(cx: &mut Context, node: &Node, key: &str) -> Option<Amount> {
    let found = node.text().and_then(Amount::parse);
    if found.is_none() {
        let shown = node.text().unwrap_or("this").escape_default().to_string();
        cx.problem(
            "E203",
            node.span,
            format!("`{key}: {shown}` is neither a count nor a percentage"),
            "as in a manifest: a whole number, or whole per cent",
            "write for example `1` or `25%`",
        );
    }
    found
}

fn strategy(cx: &mut Context, node: &Node) -> Option<RolloutStrategy> {
    if !cx.check_keys(node, &[&keys::STRATEGY], "`strategy`") {
        return None;
    }
    // Marathon's words alone leave other orchestrators their own way.
    let own = ["type", "rollingUpdate"]
        .iter()
        .any(|key| node.get(key).is_some());
    if !own && node.get("upgradeStrategy").is_some() {
        return None;
    }
    let kinds = [(false, "RollingUpdate"), (true, "Recreate")];
    let recreate = node
        .get("type")
        .and_then(|word| cx.word(word, "type", &kinds, &[]))
        .unwrap_or(false);
    let bounds = node.get("rollingUpdate");
    if recreate {
        if let Some(entry) = node.entry("rollingUpdate") {
            cx.problem(
                "E103",
                entry.key_span,
                "`rollingUpdate` stands with `type: Recreate`",
                "all old pods go before a new one is made",
                "remove one of them",
            );
        }
        return Some(RolloutStrategy::Recreate);
    }
    let mut of = |key: &str| {
        let bounds = bounds?;
        bounds.get(key).and_then(|text| amount(cx, text, key))
    };
    let quarter = Amount::Percent(25);
    let (max_surge, max_unavailable) = (
        of("maxSurge").unwrap_or(quarter),
        of("maxUnavailable").unwrap_or(quarter),
    );
    if let Some(bounds) = bounds {
        cx.check_keys(bounds, &[&keys::ROLLING_UPDATE], "`rollingUpdate`");
    }
    Some(RolloutStrategy::RollingUpdate {
        max_surge,
        max_unavailable,
    })
}

/// `upgradeStrategy` as in a Marathon application.
fn upgrade(cx: &mut Context, map: &Node) -> Option<UpgradeStrategy> {
    if !cx.check_keys(map, &[&keys::UPGRADE_STRATEGY], "`upgradeStrategy`") {
        return None;
    }
    let mut share = |key: &str| {
        map.get(key)
            .map_or(Some(1.0), |text| cx.probability(text, key))
    };
    Some(UpgradeStrategy {
        minimum_health: share("minimumHealthCapacity")?,
        maximum_over: share("maximumOverCapacity")?,
    })
}

fn budget(cx: &mut Context, node: &Node) -> Option<DisruptionBudget> {
    if !cx.check_keys(node, &[&keys::DISRUPTION_BUDGET], "`disruptionBudget`") {
        return None;
    }
    let which = cx.exactly_one(
        node,
        "`disruptionBudget`",
        &["minAvailable", "maxUnavailable"],
    )?;
    let found = amount(cx, &which.value, &which.key)?;
    Some(if which.key == "minAvailable" {
        DisruptionBudget::MinAvailable(found)
    } else {
        DisruptionBudget::MaxUnavailable(found)
    })
}

/// A map of labels, their values as text.
pub(super) fn label_map(cx: &mut Context, node: &Node, what: &str) -> Vec<(String, String)> {
    if !matches!(node.value, Value::Map(_)) {
        cx.wrong_shape(node, what, "a map of labels");
    }
    let mut found = Vec::new();
    for entry in node.entries() {
        match entry.value.text() {
            Some(text) => found.push((entry.key.clone(), text.to_owned())),
            None => cx.wrong_shape(&entry.value, &format!("label `{}`", entry.key), "text"),
        }
    }
    found
}

fn placing(cx: &mut Context, node: &Node, labels: &[Vec<(String, String)>]) -> Placing {
    let mut placing = Placing::default();
    if !cx.check_keys(node, &[&keys::PLACEMENT], "`placement`") {
        return placing;
    }
    if let Some(selector) = node.get("nodeSelector") {
        placing.node_selector = label_map(cx, selector, "`nodeSelector`");
    }
    for item in node.get("tolerations").map_or(&[][..], Node::items) {
        placing.tolerations.extend(toleration(cx, item));
    }
    if let Some(affinity) = node.get("affinity")
        && cx.check_keys(affinity, &[&keys::AFFINITY], "`affinity`")
    {
        node_affinity(cx, affinity.get("nodeAffinity"), &mut placing);
        for (key, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
            pod_affinity(cx, affinity.get(key), sign, labels, &mut placing);
        }
    }
    let constraints = node.get("topologySpreadConstraints");
    for item in constraints.map_or(&[][..], Node::items) {
        placing.spread.extend(spread(cx, item, labels));
    }
    if let Some(priority) = node.get("priority") {
        match priority.text().and_then(|text| text.parse().ok()) {
            Some(number) => placing.priority = number,
            None => cx.wrong_shape(priority, "`priority`", "an integer"),
        }
    }
    placing
}

fn effect(cx: &mut Context, node: &Node) -> Option<TaintEffect> {
    node.get("effect")
        .and_then(|word| cx.word(word, "effect", &TaintEffect::NAMES, &[]))
}

fn toleration(cx: &mut Context, node: &Node) -> Option<Toleration> {
    if !cx.check_keys(node, &[&keys::TOLERATION], "a toleration") {
        return None;
    }
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let exists = node
        .get("operator")
        .and_then(|word| {
            let words = [(false, "Equal"), (true, "Exists")];
            cx.word(word, "operator", &words, &["Lt", "Gt"])
        })
        .unwrap_or(false);
    if !exists
        && node.get("key").is_none()
        && node
            .get("operator")
            .is_none_or(|one| one.text() == Some("Equal"))
    {
        cx.problem(
            "E102",
            node.span,
            "a toleration of any key is not `Exists`",
            "neither `key` nor `operator: Exists`",
            "write `operator: Exists`, as the API server demands",
        );
    }
    let value = (!exists).then(|| text("value").unwrap_or_default());
    Some(Toleration {
        key: text("key"),
        value,
        effect: effect(cx, node),
    })
}

/// A taint of a pool's nodes.
pub(super) fn taint(cx: &mut Context, node: &Node) -> Option<crate::model::placement::Taint> {
    if !cx.check_keys(node, &[&keys::TAINT], "a taint") {
        return None;
    }
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    Some(crate::model::placement::Taint {
        key: text("key")?,
        value: text("value").unwrap_or_default(),
        effect: effect(cx, node)?,
    })
}

fn expressions(cx: &mut Context, list: Option<&Node>) -> Vec<NodeExpression> {
    let mut found = Vec::new();
    for item in list.map_or(&[][..], Node::items) {
        if !cx.check_keys(item, &[&keys::EXPRESSION], "an expression") {
            continue;
        }
        let operator = item
            .get("operator")
            .and_then(|word| cx.word(word, "operator", &Operator::NAMES, &[]));
        if let (Some(key), Some(operator)) = (item.get("key").and_then(Node::text), operator) {
            found.push(NodeExpression {
                key: key.to_owned(),
                operator,
                values: item.get("values").map(texts_of).unwrap_or_default(),
            });
        }
    }
    found
}

fn texts_of(node: &Node) -> Vec<String> {
    texts(node)
        .into_iter()
        .filter_map(|item| item.text().map(str::to_owned))
        .collect()
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

fn node_affinity(cx: &mut Context, node: Option<&Node>, placing: &mut Placing) {
    let Some(node) = node else { return };
    if !cx.check_keys(node, &[&keys::AFFINITY_RULES], "`nodeAffinity`") {
        return;
    }
    let terms = node
        .get(REQUIRED)
        .and_then(|required| required.get("nodeSelectorTerms"));
    for term in terms.map_or(&[][..], Node::items) {
        placing.node_required.push(NodeTerm {
            expressions: expressions(cx, term.get("matchExpressions")),
        });
    }
    for item in node.get(PREFERRED).map_or(&[][..], Node::items) {
        let weight = affinity_weight(cx, item);
        let term = item
            .get("preference")
            .and_then(|preference| preference.get("matchExpressions"));
        placing.node_preferred.push((
            weight,
            NodeTerm {
                expressions: expressions(cx, term),
            },
        ));
    }
}

fn affinity_weight(cx: &mut Context, item: &Node) -> u64 {
    let weight = item
        .get("weight")
        .and_then(|text| cx.count(text, "weight"))
        .unwrap_or(1);
    if !(1..=100).contains(&weight) {
        let place = item.get("weight").map_or(item.span, |node| node.span);
        cx.problem(
            "E203",
            place,
            format!("`weight: {weight}` is out of range"),
            "1 to 100",
            "",
        );
    }
    weight
}

fn pod_affinity(
    cx: &mut Context,
    node: Option<&Node>,
    sign: i64,
    labels: &[Vec<(String, String)>],
    placing: &mut Placing,
) {
    let Some(node) = node else { return };
    if !cx.check_keys(node, &[&keys::AFFINITY_RULES], "pod affinity") {
        return;
    }
    for item in node.get(REQUIRED).map_or(&[][..], Node::items) {
        if let Some(term) = pod_term(cx, item, labels) {
            if sign > 0 {
                placing.pods_required.push(term);
            } else {
                placing.pods_excluded.push(term);
            }
        }
    }
    for item in node.get(PREFERRED).map_or(&[][..], Node::items) {
        let weight = affinity_weight(cx, item).min(100) as i64;
        let term = item
            .get("podAffinityTerm")
            .and_then(|term| pod_term(cx, term, labels));
        placing
            .pods_preferred
            .extend(term.map(|term| (sign * weight, term)));
    }
}

fn pod_term(cx: &mut Context, node: &Node, labels: &[Vec<(String, String)>]) -> Option<PodTerm> {
    if !cx.check_keys(node, &[&keys::POD_TERM], "a term of pod affinity") {
        return None;
    }
    Some(PodTerm {
        services: selected(cx, node.get("labelSelector"), labels),
        topology_key: node.get("topologyKey")?.text()?.to_owned(),
    })
}

/// Services whose pods a label selector picks; none without a selector, all with an empty one.
fn selected(
    cx: &mut Context,
    selector: Option<&Node>,
    labels: &[Vec<(String, String)>],
) -> Vec<ServiceId> {
    let Some(selector) = selector else {
        return Vec::new();
    };
    if !cx.check_keys(selector, &[&keys::LABEL_SELECTOR], "`labelSelector`") {
        return Vec::new();
    }
    let pairs = selector
        .get("matchLabels")
        .map(|map| label_map(cx, map, "`matchLabels`"))
        .unwrap_or_default();
    let expressions = expressions(cx, selector.get("matchExpressions"));
    let picked: Vec<ServiceId> = (0..labels.len())
        .filter(|service| {
            let own = &labels[*service];
            pairs.iter().all(|pair| own.contains(pair))
                && expressions.iter().all(|one| one.matches(own))
        })
        .map(ServiceId::from_index)
        .collect();
    if picked.is_empty() {
        cx.problem(
            "W303",
            selector.span,
            "this selector picks no service's pods",
            "pods carry `app: NAME` and the `labels` of their service",
            "",
        );
    }
    picked
}

/// A policy of which nodes count, `Honor` or `Ignore`.
fn honours(cx: &mut Context, node: &Node, key: &str, default: bool) -> bool {
    let words = [(true, "Honor"), (false, "Ignore")];
    node.get(key)
        .and_then(|word| cx.word(word, key, &words, &[]))
        .unwrap_or(default)
}

fn spread(
    cx: &mut Context,
    node: &Node,
    labels: &[Vec<(String, String)>],
) -> Option<SpreadConstraint> {
    if !cx.check_keys(
        node,
        &[&keys::SPREAD_CONSTRAINT],
        "a topology spread constraint",
    ) {
        return None;
    }
    let words = [(true, "DoNotSchedule"), (false, "ScheduleAnyway")];
    let max_skew = cx.small_count(node.get("maxSkew")?, "maxSkew")?;
    if max_skew == 0 {
        cx.problem(
            "E203",
            node.get("maxSkew")?.span,
            "`maxSkew` is 0",
            "at least 1, as in a manifest",
            "",
        );
    }
    Some(SpreadConstraint {
        topology_key: node.get("topologyKey")?.text()?.to_owned(),
        max_skew: max_skew.max(1),
        required: cx.word(
            node.get("whenUnsatisfiable")?,
            "whenUnsatisfiable",
            &words,
            &[],
        )?,
        min_domains: node
            .get("minDomains")
            .and_then(|text| cx.small_count(text, "minDomains")),
        honours_affinity: honours(cx, node, "nodeAffinityPolicy", true),
        honours_taints: honours(cx, node, "nodeTaintsPolicy", false),
        services: selected(cx, node.get("labelSelector"), labels),
    })
}
