//! The rules of the migration: methods, gates, phases and constraints.

use super::compose::things;
use super::context::Context;
use crate::model::{
    CanaryStep, Gate, GateFailure, Method, MethodKind, Migration, RoutingMode, Written,
};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::{ClusterId, ServiceId, SimDuration};

/// A move group and where it stands, for messages.
pub(super) struct Group {
    pub members: Vec<ServiceId>,
    pub place: crate::scenario::node::Span,
    pub written: Written<Vec<ServiceId>>,
}

/// What the plan needs besides the rules themselves.
pub(super) struct Rules {
    pub migration: Migration,
    pub groups: Vec<Group>,
    /// The method of services that name none.
    pub default_method: usize,
    /// The gate of services that name none.
    pub default_gate: Option<usize>,
}

const OUTCOMES: [(GateFailure, &str); 5] = [
    (GateFailure::RollBackService, "roll-back-service"),
    (GateFailure::RollBackGroup, "roll-back-group"),
    (GateFailure::RollBackWave, "roll-back-wave"),
    (GateFailure::StopProgramme, "stop-programme"),
    (GateFailure::Hold, "hold"),
];

/// Notes where services start, before they are read.
pub(super) fn note_home(cx: &mut Context, root: &Node) {
    cx.home = match root
        .get("migration")
        .and_then(|migration| migration.get("from"))
    {
        Some(from) => cx
            .names
            .clusters
            .iter()
            .position(|name| Some(name.as_str()) == from.text())
            .map(ClusterId::from_index),
        None if cx.names.clusters.len() == 1 => Some(ClusterId(0)),
        None => None,
    };
}

/// Reads `migration`, but for its gates' conditions (waves and journeys must be known for those: the plan's
/// names are noted before).
pub(super) fn read(cx: &mut Context, root: &Node, composed: &[Entry]) -> Option<Rules> {
    let node = root.get("migration")?;
    if !cx.check_keys(node, &[&keys::MIGRATION], "the migration")
        && !matches!(node.value, Value::Map(_))
    {
        return None;
    }
    let from = node.get("from").and_then(|from| cx.cluster(from));
    let to = node.get("to").and_then(|to| match &to.value {
        Value::List(items) if items.len() == 1 => cx.cluster(&items[0]),
        Value::List(_) => {
            cx.problem(
                "E110",
                to.span,
                "more than one target is not supported yet",
                "one cluster is expected",
                "",
            );
            None
        }
        _ => cx.cluster(to),
    });
    if let (Some(from), Some(to), Some(place)) = (from, to, node.get("to"))
        && from == to
    {
        cx.problem(
            "E203",
            place.span,
            "the migration goes nowhere",
            "the same cluster as `from`",
            "",
        );
    }
    let gates = gates(cx, node);
    let mut methods = methods(cx, node);
    if !methods.iter().any(|method| method.name == "big-bang") {
        cx.names.methods.push("big-bang".to_owned());
        methods.push(Method {
            name: "big-bang".to_owned(),
            kind: MethodKind::BigBang,
        });
    }
    let known = cx.names.methods.clone();
    let default_method = node
        .get("method")
        .and_then(|method| cx.find("method", method, &known))
        .or_else(|| known.iter().position(|name| name == "big-bang"))
        .unwrap_or(0);
    let known = cx.names.gates.clone();
    let default_gate = node
        .get("gate")
        .and_then(|gate| cx.find("gate", gate, &known));
    let words = [
        (RoutingMode::Weighted, "weighted"),
        (RoutingMode::LocalFirst, "local-first"),
        (RoutingMode::CallerFollows, "caller-follows"),
    ];
    let routing = node
        .get("routing")
        .and_then(|word| cx.word(word, "routing", &words, &[]));
    let prepare = node.get("prepare");
    if let Some(prepare) = prepare {
        cx.check_keys(prepare, &[&keys::PREPARE], "`prepare`");
    }
    let soak = cx.duration_in(Some(node), "soak", SimDuration::from_secs(3600));
    let keep = cx.duration_in(Some(node), "keep", soak);
    let constraints = node.get("constraints");
    if let Some(constraints) = constraints {
        cx.check_keys(constraints, &[&keys::CONSTRAINTS], "`constraints`");
    }
    let groups = groups(cx, constraints);
    let mut kept = super::constraint::read(cx, constraints, composed);
    kept.together = groups.iter().map(|group| group.written.clone()).collect();
    // The programme as a whole is late after the last of them.
    let deadline = kept
        .deadlines
        .iter()
        .filter(|deadline| deadline.value.services.is_none())
        .map(|deadline| deadline.value.by)
        .max();
    let parallel_moves = constraints
        .and_then(|map| map.get("parallelMoves"))
        .and_then(|text| cx.small_count(text, "parallelMoves"));
    let migration = Migration {
        from: from.unwrap_or(ClusterId(0)),
        to: to.unwrap_or(ClusterId(0)),
        methods,
        gates,
        routing: routing.unwrap_or(RoutingMode::Weighted),
        prepare_scale: prepare
            .and_then(|map| map.get("scale"))
            .and_then(|text| cx.ratio(text, "scale"))
            .unwrap_or(1.0),
        freeze_hpa: prepare
            .and_then(|map| map.get("freezeHpa"))
            .and_then(|word| cx.truth(word, "freezeHpa"))
            .unwrap_or(false),
        prepare_warm: cx.duration_in(prepare, "warm", SimDuration::ZERO),
        soak,
        keep: keep.max(soak),
        reserve: node
            .get("reserve")
            .and_then(|text| cx.probability(text, "reserve"))
            .unwrap_or(1.0),
        together: groups.iter().map(|group| group.members.clone()).collect(),
        overlap: constraints
            .map_or(1, |map| cx.count_or(map, "overlap", 1))
            .max(1),
        parallel_moves,
        deadline,
        constraints: kept,
        moves: Vec::new(),
    };
    Some(Rules {
        migration,
        groups,
        default_method,
        default_gate,
    })
}

fn groups(cx: &mut Context, constraints: Option<&Node>) -> Vec<Group> {
    let Some(node) = constraints.and_then(|map| map.get("together")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, item) in node.items().iter().enumerate() {
        if !matches!(item.value, Value::List(_)) {
            cx.wrong_shape(item, "a group of `together`", "a list of services");
            continue;
        }
        let members: Vec<ServiceId> = item
            .items()
            .iter()
            .filter_map(|name| cx.service(name))
            .collect();
        let key = format!("together[{index}]");
        found.push(Group {
            written: super::constraint::written(members.clone(), &key, item),
            members,
            place: item.span,
        });
    }
    if !matches!(node.value, Value::List(_)) {
        cx.wrong_shape(node, "`together`", "a list of lists of services");
    }
    found
}

fn methods(cx: &mut Context, node: &Node) -> Vec<Method> {
    let entries = things(cx, node.get("methods"), None, "method");
    let mut found = Vec::new();
    for entry in &entries {
        cx.define("method", entry);
        cx.names.methods.push(entry.key.clone());
        // A method that cannot be read keeps its name, so that references to it are silent.
        let kind = method(cx, entry).unwrap_or(MethodKind::BigBang);
        found.push(Method {
            name: entry.key.clone(),
            kind,
        });
    }
    found
}

fn method(cx: &mut Context, entry: &Entry) -> Option<MethodKind> {
    let owner = format!("method `{}`", entry.key);
    if entry.value.text() == Some("big-bang") {
        return Some(MethodKind::BigBang);
    }
    if !cx.check_keys(&entry.value, &[&keys::METHOD], &owner) {
        return None;
    }
    let kind = cx.exactly_one(&entry.value, &owner, &["big-bang", "canary"])?;
    if kind.key == "big-bang" {
        return Some(MethodKind::BigBang);
    }
    if !cx.check_keys(
        &kind.value,
        &[&keys::CANARY],
        &format!("`canary` of {owner}"),
    ) {
        return None;
    }
    let steps = kind.value.get("steps")?;
    let mut found = Vec::new();
    for step in steps.items() {
        found.extend(canary_step(cx, step, &owner));
    }
    let rises = |steps: &[CanaryStep]| {
        steps
            .iter()
            .any(|step| matches!(step, CanaryStep::SetWeight(_)))
    };
    if !rises(&found) && !matches!(steps.value, Value::List(_)) {
        cx.wrong_shape(steps, &format!("`steps` of {owner}"), "a list");
    }
    Some(MethodKind::Canary(found))
}

fn canary_step(cx: &mut Context, node: &Node, owner: &str) -> Option<CanaryStep> {
    let owner = format!("a step of {owner}");
    if !cx.check_keys(node, &[&keys::CANARY_STEP], &owner) {
        return None;
    }
    let entry = cx.exactly_one(node, &owner, &["setWeight", "pause", "analysis"])?;
    match entry.key.as_str() {
        "setWeight" => {
            let percent = cx.plain_number(&entry.value, "setWeight")?;
            if percent > 100.0 {
                cx.problem(
                    "E203",
                    entry.value.span,
                    format!("`setWeight: {percent}` is above 100"),
                    "per cent of the requests",
                    "",
                );
                return None;
            }
            Some(CanaryStep::SetWeight(percent / 100.0))
        }
        "pause" => match entry.value.get("duration") {
            Some(duration) => cx
                .argo_duration(duration, "duration")
                .map(CanaryStep::Pause),
            None => {
                cx.problem(
                    "E110",
                    entry.value.span,
                    "a pause without `duration` is not supported yet",
                    "waits for a human",
                    "write for example `pause: {duration: 5m}`",
                );
                None
            }
        },
        _ => {
            let known = cx.names.gates.clone();
            if !matches!(entry.value.value, Value::Scalar { .. }) {
                cx.problem(
                    "E110",
                    entry.value.span,
                    "analysis templates are not supported yet",
                    "the name of a gate is expected",
                    "",
                );
                return None;
            }
            cx.find("gate", &entry.value, &known)
                .map(CanaryStep::Analysis)
        }
    }
}

fn gates(cx: &mut Context, node: &Node) -> Vec<Gate> {
    let entries = things(cx, node.get("gates"), None, "gate");
    for entry in &entries {
        cx.define("gate", entry);
        cx.names.gates.push(entry.key.clone());
    }
    entries.iter().map(|entry| gate(cx, entry)).collect()
}

fn gate(cx: &mut Context, entry: &Entry) -> Gate {
    let node = &entry.value;
    cx.check_keys(node, &[&keys::GATE], &format!("gate `{}`", entry.key));
    let pass = node
        .get("pass")
        .map(super::compose::texts)
        .unwrap_or_default();
    let pass = pass
        .into_iter()
        .filter_map(|text| cx.condition(text))
        .collect();
    let fail = node
        .get("fail")
        .and_then(|word| cx.word(word, "fail", &OUTCOMES, &[]));
    let inconclusive = node
        .get("inconclusive")
        .and_then(|word| cx.word(word, "inconclusive", &OUTCOMES, &[]));
    Gate {
        name: entry.key.clone(),
        window: cx.positive_duration_in(Some(node), "window", SimDuration::from_secs(300)),
        interval: cx.positive_duration_in(Some(node), "interval", SimDuration::from_secs(60)),
        min_requests: node
            .get("minRequests")
            .and_then(|text| cx.count(text, "minRequests"))
            .unwrap_or(100),
        pass,
        failure_limit: cx.count_or(node, "failureLimit", 0),
        inconclusive_limit: cx.count_or(node, "inconclusiveLimit", 3),
        fail: fail.unwrap_or(GateFailure::RollBackService),
        inconclusive: inconclusive.unwrap_or(GateFailure::Hold),
    }
}
