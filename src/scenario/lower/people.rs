//! Calendar and teams.

use super::compose::things;
use super::context::Context;
use super::selector::picked;
use crate::model::migration::CLOSED;
use crate::model::{Calendar, Freeze, Leave, Team};
use crate::scenario::grammar::{self, join_intervals};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::{Interval, ServiceId, SimTime, TeamId};

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
        let team = team(cx, root, entry, TeamId::from_index(found.len()));
        found.push(team);
    }
    found
}

/// Hours that people work when nobody says otherwise.
const WORKING_HOURS: &str = "Mon-Fri 09:00-17:00";

fn team(cx: &mut Context, root: &Node, entry: &Entry, id: TeamId) -> Team {
    let node = &entry.value;
    let zone = cx.clock.zone.clone();
    if let Some(text) = node.get("timezone")
        && let Some(zone) = cx.scalar(text, "timezone", |text, _, _| grammar::parse_timezone(text))
    {
        cx.clock.zone = zone;
    }
    let hours = node.get("workingHours").or_else(|| {
        let calendar = root.get("calendar");
        calendar.and_then(|calendar| calendar.get("workingHours"))
    });
    let working = match hours {
        Some(hours) => windows_of(cx, hours).unwrap_or_else(|| vec![whole(cx)]),
        None => grammar::parse_windows(WORKING_HOURS, &cx.clock).unwrap_or_default(),
    };
    cx.clock.zone = zone;
    let mut leave = Vec::new();
    for away in node.get("leave").map_or(&[][..], Node::entries) {
        let span = Node {
            value: Value::Scalar {
                text: away.key.clone(),
                quoted: false,
            },
            span: away.key_span,
            origin: String::new(),
        };
        let (Some(interval), Some(people)) = (cx.span(&span), cx.small_count(&away.value, "leave"))
        else {
            continue;
        };
        leave.push(Leave { interval, people });
    }
    let moves = cx.count_or(node, "moves", 1);
    if let (0, Some(moves)) = (moves, node.get("moves")) {
        cx.problem(
            "E203",
            moves.span,
            "`moves` is 0",
            "this team could never move anything",
            "pin its services instead: `pinned: true`",
        );
    }
    Team {
        name: entry.key.clone(),
        engineers: cx.count_or(node, "engineers", 5),
        id,
        moves,
        capacity: node
            .get("capacity")
            .and_then(|text| cx.probability(text, "capacity"))
            .unwrap_or(0.2),
        price_per_day: node
            .get("price")
            .and_then(|text| cx.money_per_person_day(text, "price"))
            .unwrap_or(0.0),
        working,
        leave,
    }
}

/// The whole run.
fn whole(cx: &Context) -> Interval {
    Interval {
        start: SimTime::ZERO,
        end: SimTime::ZERO + cx.horizon,
    }
}

/// The time outside a team's own `windows`.
fn closed_hours(cx: &mut Context, team: &Node) -> Vec<Interval> {
    let Some(windows) = team.get("windows") else {
        return Vec::new();
    };
    let zone = cx.clock.zone.clone();
    if let Some(Ok(zone)) = team
        .get("timezone")
        .and_then(Node::text)
        .map(grammar::parse_timezone)
    {
        cx.clock.zone = zone;
    }
    let open = windows_of(cx, windows);
    cx.clock.zone = zone;
    let run = whole(cx);
    let Some(open) = open else {
        return Vec::new();
    };
    let ends = std::iter::once(run.start).chain(open.iter().map(|window| window.end));
    let starts = open.iter().map(|window| window.start);
    ends.zip(starts.chain(std::iter::once(run.end)))
        .map(|(start, end)| Interval { start, end })
        .filter(|closed| closed.start < closed.end)
        .collect()
}

/// Freezes of a team are freezes of its services, called `team/freeze`; so is the time outside its windows.
fn team_freezes(cx: &mut Context, root: &Node, services: &[Entry]) -> Vec<Freeze> {
    let defaults = root
        .get("defaults")
        .and_then(|defaults| defaults.get("team"));
    let teams = things(cx, root.get("teams"), defaults, "team");
    let mut found = Vec::new();
    for team in &teams {
        let own: Vec<ServiceId> = services
            .iter()
            .enumerate()
            .filter(|(_, service)| {
                service.value.get("team").and_then(Node::text) == Some(team.key.as_str())
            })
            .map(|(index, _)| ServiceId::from_index(index))
            .collect();
        let closed = closed_hours(cx, &team.value);
        found.extend(closed.into_iter().map(|interval| Freeze {
            name: format!("{}/{CLOSED}", team.key),
            interval,
            services: Some(own.clone()),
            running_finish: false,
        }));
        for entry in &things(cx, team.value.get("freezes"), None, "freeze") {
            let Some(mut freeze) = freeze(cx, entry, services) else {
                continue;
            };
            freeze.name = format!("{}/{}", team.key, freeze.name);
            freeze.services = Some(match freeze.services {
                Some(some) => some.into_iter().filter(|one| own.contains(one)).collect(),
                None => own.clone(),
            });
            found.push(freeze);
        }
    }
    found
}

/// Reads `calendar`.
pub(super) fn calendar(cx: &mut Context, root: &Node, services: &[Entry]) -> Calendar {
    let of_teams = team_freezes(cx, root, services);
    let Some(node) = root.get("calendar") else {
        return Calendar {
            windows: None,
            freezes: of_teams,
        };
    };
    cx.check_keys(node, &[&keys::CALENDAR], "the calendar");
    let windows = node
        .get("windows")
        .and_then(|windows| windows_of(cx, windows));
    let freezes = things(cx, node.get("freezes"), None, "freeze");
    let freezes = freezes
        .iter()
        .filter_map(|entry| freeze(cx, entry, services))
        .chain(of_teams)
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
