//! The plan: explicit waves, their members, and what no plan may do.

use std::collections::BTreeMap;

use super::context::Context;
use super::migration::Rules;
use super::selector::picked;
use crate::model::migration::Member;
use crate::model::{Calendar, Plan, PlanRequest, Wave, WaveOrder};
use crate::plan;
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Span, Value};
use crate::units::{ServiceId, SimTime};

/// Where a service is moved: wave and place.
type Moves = BTreeMap<ServiceId, (usize, Span)>;

/// Notes the names of the waves, so that conditions may speak of them.
pub(super) fn note_names(cx: &mut Context, root: &Node) {
    let waves = root.get("plan").map_or(&[][..], waves_of);
    for (index, wave) in waves.iter().enumerate() {
        let name = wave
            .get("name")
            .and_then(Node::text)
            .map_or_else(|| (index + 1).to_string(), str::to_owned);
        if let Some(node) = wave.get("name") {
            cx.check_name(&name, node.span);
            if cx.names.waves.contains(&name) {
                cx.problem(
                    "E306",
                    node.span,
                    format!("two waves are called `{name}`"),
                    "the second of that name",
                    "rename one",
                );
            }
        }
        cx.names.waves.push(name);
    }
}

/// How strongly something is said: a plan file over a variant over the scenario.
fn rank(node: &Node) -> u8 {
    let from = |prefix: &str| node.origin.starts_with(prefix);
    match () {
        () if from("--set") => 4,
        () if from("plan file") => 3,
        () if from("variant") => 2,
        () if node.origin.is_empty() => 1,
        () => 0,
    }
}

/// Whether the waves are computed, by a strategy that is said more strongly than the waves that are written.
pub(super) fn is_computed(plan: &Node) -> bool {
    plan.get("strategy").is_some_and(|strategy| {
        strategy.text() != Some("manual")
            && plan
                .get("waves")
                .is_none_or(|waves| rank(waves) <= rank(strategy))
    })
}

/// Waves that are written and count.
fn waves_of(plan: &Node) -> &[Node] {
    if is_computed(plan) {
        return &[];
    }
    plan.get("waves").map_or(&[][..], Node::items)
}

/// Reads `plan`.
pub(super) fn read(
    cx: &mut Context,
    root: &Node,
    rules: Option<&Rules>,
    composed: &[Entry],
    calendar: &Calendar,
) -> Plan {
    let Some(node) = root.get("plan") else {
        return Plan::default();
    };
    if !cx.check_keys(node, &[&keys::PLAN], "the plan") && !matches!(node.value, Value::Map(_)) {
        return Plan::default();
    }
    let items = waves_of(node);
    let Some(rules) = rules else {
        if root.get("migration").is_none() && !items.is_empty() {
            cx.missing(
                node.span,
                "the scenario with this plan",
                "migration",
                "map that says from where to where",
            );
        }
        return Plan::default();
    };
    let mut moves = Moves::new();
    let mut waves = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let wave = wave(cx, item, index, rules, composed, &mut moves);
        check_freezes(cx, item, &wave, calendar);
        waves.push(wave);
    }
    check_groups(cx, rules, &moves);
    Plan {
        waves,
        request: request(cx, node),
        remarks: Vec::new(),
    }
}

/// `strategy` and its settings.
fn request(cx: &mut Context, node: &Node) -> Option<PlanRequest> {
    let Some(strategy) = node.get("strategy") else {
        for key in ["every", "seed", "start"] {
            if let Some(entry) = node.entry(key) {
                cx.problem(
                    "E102",
                    entry.key_span,
                    format!("`{key}` without `strategy`"),
                    "it is about waves that a strategy makes",
                    "add `strategy:`; `cutover list strategies` names them",
                );
            }
        }
        return None;
    };
    let words: Vec<((), &str)> = plan::names().map(|name| ((), name)).collect();
    cx.word(strategy, "strategy", &words, &[])?;
    if let (Some(waves), false) = (node.entry("waves"), strategy.text() == Some("manual")) {
        match rank(strategy).cmp(&rank(&waves.value)) {
            std::cmp::Ordering::Greater => {}
            std::cmp::Ordering::Less => return None,
            std::cmp::Ordering::Equal => {
                let at = cx.place_of(strategy.span);
                cx.problem(
                    "E103",
                    waves.key_span,
                    "the plan has both `strategy` and `waves`",
                    format!("the waves are made by `strategy` ({at})"),
                    "keep one of them; `strategy: manual` cuts written waves anew",
                );
                return None;
            }
        }
    }
    let seed = node.get("seed").and_then(|seed| cx.count(seed, "seed"));
    Some(PlanRequest {
        strategy: strategy.text().unwrap_or_default().to_owned(),
        every: node
            .get("every")
            .and_then(|every| cx.positive_duration(every, "every")),
        seed: seed.unwrap_or(1),
        start: node
            .get("start")
            .and_then(|start| cx.instant(start, "start"))
            .unwrap_or(SimTime::ZERO),
    })
}

/// How each service moves unless its wave says otherwise.
pub(super) fn own_moves(cx: &mut Context, rules: &Rules, composed: &[Entry]) -> Vec<Member> {
    let (methods, gates) = (cx.names.methods.clone(), cx.names.gates.clone());
    let position = |node: Option<&Node>, known: &[String]| {
        let text = node.and_then(Node::text)?;
        known.iter().position(|name| name == text)
    };
    let each = composed.iter().enumerate().map(|(index, entry)| Member {
        service: ServiceId::from_index(index),
        method: position(entry.value.get("method"), &methods).unwrap_or(rules.default_method),
        gate: position(entry.value.get("gate"), &gates).or(rules.default_gate),
    });
    each.collect()
}

fn wave(
    cx: &mut Context,
    node: &Node,
    index: usize,
    rules: &Rules,
    composed: &[Entry],
    moves: &mut Moves,
) -> Wave {
    let name = cx.names.waves[index].clone();
    let owner = format!("wave `{name}`");
    cx.check_keys(node, &[&keys::WAVE], &owner);
    let mut members = Vec::new();
    for (service, place) in node
        .get("move")
        .map(|names| members_of(cx, names, composed))
        .unwrap_or_default()
    {
        if let Some((other, first)) = moves.get(&service) {
            let at = cx.place_of(*first);
            let (service, other) = (
                cx.names.services[service.index()].name.clone(),
                cx.names.waves[*other].clone(),
            );
            cx.problem(
                "E402",
                place,
                format!("service `{service}` moves twice"),
                format!("moved by wave `{other}` ({at}) already"),
                "remove it from one of the two waves",
            );
            continue;
        }
        moves.insert(service, (index, place));
        members.push(member(cx, node, service, rules, composed));
    }
    check_overrides(cx, node, &members);
    let words = [
        (WaveOrder::Given, "given"),
        (WaveOrder::Parallel, "parallel"),
    ];
    Wave {
        name,
        members,
        earliest: node
            .get("earliest")
            .and_then(|at| cx.instant(at, "earliest")),
        order: node
            .get("order")
            .and_then(|word| cx.word(word, "order", &words, &[]))
            .unwrap_or(WaveOrder::Given),
    }
}

fn members_of(cx: &mut Context, node: &Node, composed: &[Entry]) -> Vec<(ServiceId, Span)> {
    match &node.value {
        Value::List(items) => items
            .iter()
            .filter_map(|item| cx.service(item).map(|service| (service, item.span)))
            .collect(),
        Value::Scalar { text, .. } => {
            if composed.iter().any(|service| service.key == *text) {
                return cx
                    .service(node)
                    .map(|service| (service, node.span))
                    .into_iter()
                    .collect();
            }
            let Some(selector) = cx.selector(node) else {
                return Vec::new();
            };
            picked(cx, &selector, composed)
                .into_iter()
                .map(|index| (ServiceId::from_index(index), node.span))
                .collect()
        }
        _ => {
            cx.wrong_shape(node, "`move`", "a list of services");
            Vec::new()
        }
    }
}

/// Method and gate: the wave's for this service, else the wave's for all, else the service's, else the rule's.
fn member(
    cx: &mut Context,
    wave: &Node,
    service: ServiceId,
    rules: &Rules,
    composed: &[Entry],
) -> Member {
    let entry = &composed[service.index()];
    let said = |key: &str| -> Option<Node> {
        let own = entry.value.get(key);
        match wave.get(key) {
            Some(node) if matches!(node.value, Value::Map(_)) => {
                node.get(&entry.key).or(own).cloned()
            }
            Some(node) => Some(node.clone()),
            None => own.cloned(),
        }
    };
    if let Some(pinned) = entry.value.get("pinned")
        && pinned.text() == Some("true")
    {
        let at = cx.place_of(pinned.span);
        let place = wave.get("move").map_or(wave.span, |names| names.span);
        cx.problem(
            "E404",
            place,
            format!("service `{}` is pinned and moves", entry.key),
            format!("`pinned: true` stands at {at}"),
            "remove one of the two",
        );
    }
    let known = cx.names.methods.clone();
    let method = said("method")
        .and_then(|node| cx.find("method", &node, &known))
        .unwrap_or(rules.default_method);
    let known = cx.names.gates.clone();
    let gate = said("gate")
        .and_then(|node| cx.find("gate", &node, &known))
        .or(rules.default_gate);
    Member {
        service,
        method,
        gate,
    }
}

/// `method: {service: method}` names members of the wave.
fn check_overrides(cx: &mut Context, wave: &Node, members: &[Member]) {
    for key in ["method", "gate"] {
        for entry in wave.get(key).map_or(&[][..], Node::entries) {
            let is_member = members
                .iter()
                .any(|member| cx.names.services[member.service.index()].name == entry.key);
            let is_service = cx
                .names
                .services
                .iter()
                .any(|service| service.name == entry.key);
            // A member that is missing because something else is wrong is not told again.
            let is_silent = is_service && cx.problems.has_errors();
            if !is_member && !is_silent {
                cx.problem(
                    "E300",
                    entry.key_span,
                    format!("`{}` is no member of this wave", entry.key.escape_default()),
                    format!("its {key} is given here"),
                    "only members of the wave may stand here",
                );
            }
        }
    }
}

fn check_groups(cx: &mut Context, rules: &Rules, moves: &Moves) {
    for group in &rules.groups {
        let placed: Vec<(ServiceId, usize, Span)> = group
            .members
            .iter()
            .filter_map(|member| {
                moves
                    .get(member)
                    .map(|(wave, place)| (*member, *wave, *place))
            })
            .collect();
        let Some((first, first_wave, first_place)) =
            placed.iter().min_by_key(|(_, wave, _)| *wave).copied()
        else {
            continue;
        };
        let all: Vec<String> = group
            .members
            .iter()
            .map(|member| cx.names.services[member.index()].name.clone())
            .collect();
        let at_group = cx.place_of(group.place);
        let help = format!(
            "`constraints.together` ({at_group}) keeps them in one wave: move them together, or remove the group"
        );
        for (_, wave, place) in placed.iter().filter(|(_, wave, _)| *wave != first_wave) {
            let at = cx.place_of(first_place);
            let sentence = format!(
                "wave `{}` splits the group {}",
                cx.names.waves[*wave],
                all.join(", ")
            );
            let label = format!(
                "`{}` moves in wave `{}` ({at})",
                cx.names.services[first.index()].name,
                cx.names.waves[first_wave]
            );
            cx.problem("E401", *place, sentence, label, help.clone());
        }
        for member in group
            .members
            .iter()
            .filter(|member| !moves.contains_key(member))
        {
            let stays = cx.names.services[member.index()].name.clone();
            let sentence = format!(
                "wave `{}` splits the group {}",
                cx.names.waves[first_wave],
                all.join(", ")
            );
            cx.problem(
                "E401",
                first_place,
                sentence,
                format!("`{stays}` does not move"),
                help.clone(),
            );
        }
    }
}

/// A wave that may not start before an instant within a freeze of all its members.
fn check_freezes(cx: &mut Context, node: &Node, wave: &Wave, calendar: &Calendar) {
    let (Some(at), Some(place)) = (wave.earliest, node.get("earliest")) else {
        return;
    };
    let held = wave
        .members
        .iter()
        .find_map(|member| calendar.freeze_at(at, member.service));
    if let Some(freeze) = held {
        let end = cx.civil(freeze.interval.end);
        cx.problem(
            "E403",
            place.span,
            format!("wave `{}` starts in freeze `{}`", wave.name, freeze.name),
            format!("nothing may start before {end}"),
            format!("write `{end}` or later, or lift the freeze"),
        );
    }
}
