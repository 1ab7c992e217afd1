//! Calendar and teams.

use super::compose::things;
use super::context::Context;
use super::selector::picked;
use crate::model::{Calendar, Freeze, Team};
use crate::scenario::grammar::join_intervals;
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node};
use crate::units::{Interval, ServiceId, TeamId};

/// Reads `teams`.
pub(super) fn teams(cx: &mut Context, root: &Node) -> Vec<Team> {
    let defaults = root
        .get("defaults")
        .and_then(|defaults| defaults.get("team"));
    let entries = things(cx, root.get("teams"), defaults, "team");
    let mut found = Vec::new();
    for entry in &entries {
        cx.define("team", entry);
        cx.names.teams.push(entry.key.clone());
        cx.check_keys(
            &entry.value,
            &[&keys::TEAM],
            &format!("team `{}`", entry.key),
        );
        let engineers = cx.count_or(&entry.value, "engineers", 5);
        found.push(Team {
            name: entry.key.clone(),
            engineers,
            id: TeamId::from_index(found.len()),
        });
    }
    found
}

/// Reads `calendar`.
pub(super) fn calendar(cx: &mut Context, root: &Node, services: &[Entry]) -> Calendar {
    let Some(node) = root.get("calendar") else {
        return Calendar::default();
    };
    cx.check_keys(node, &[&keys::CALENDAR], "the calendar");
    let windows = node
        .get("windows")
        .and_then(|windows| windows_of(cx, windows));
    let freezes = things(cx, node.get("freezes"), None, "freeze");
    let freezes = freezes
        .iter()
        .filter_map(|entry| freeze(cx, entry, services))
        .collect();
    Calendar { windows, freezes }
}

fn windows_of(cx: &mut Context, node: &Node) -> Option<Vec<Interval>> {
    if node.text() == Some("always") {
        return None;
    }
    let items = if node.text().is_some() {
        std::slice::from_ref(node)
    } else {
        node.items()
    };
    let mut found: Vec<Interval> = Vec::new();
    for item in items {
        found.extend(cx.window(item).unwrap_or_default());
    }
    Some(join_intervals(found))
}

fn freeze(cx: &mut Context, entry: &Entry, services: &[Entry]) -> Option<Freeze> {
    cx.check_name(&entry.key, entry.key_span);
    let node = &entry.value;
    let (span, selector, running_finish) = if node.text().is_some() {
        (node, None, false)
    } else {
        cx.check_keys(node, &[&keys::FREEZE], &format!("freeze `{}`", entry.key));
        let running = node
            .get("running")
            .and_then(|word| cx.word(word, "running", &[(false, "hold"), (true, "finish")], &[]));
        let selector = node.get("where").and_then(|place| cx.selector(place));
        (node.get("span")?, selector, running.unwrap_or(false))
    };
    let interval = cx.span(span)?;
    let picked = selector.map(|selector| {
        picked(cx, &selector, services)
            .into_iter()
            .map(ServiceId::from_index)
            .collect()
    });
    Some(Freeze {
        name: entry.key.clone(),
        interval,
        services: picked,
        running_finish,
    })
}
