//! The plan: explicit waves, their members, and what no plan may do.

use std::collections::BTreeMap;

use super::context::Context;
use super::migration::Rules;
use super::selector::picked;
use crate::model::migration::Member;
use crate::model::{Calendar, Plan, Wave, WaveOrder};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Span, Value};
use crate::units::ServiceId;

/// Where a service is moved: wave and place.
type Moves = BTreeMap<ServiceId, (usize, Span)>;

/// Notes the names of the waves, so that conditions may speak of them.
pub(super) fn note_names(cx: &mut Context, root: &Node) {
    let waves = root.get("plan").and_then(|plan| plan.get("waves"));
    for (index, wave) in waves.map_or(&[][..], Node::items).iter().enumerate() {
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
    let items = node.get("waves").map_or(&[][..], Node::items);
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
    Plan { waves }
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
