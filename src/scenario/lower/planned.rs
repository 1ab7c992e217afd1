//! Plans against constraints: waves that a strategy makes, and waves that are written.

use super::context::Context;
use crate::model::{Scenario, WaveOrder};
use crate::plan::clockwork::{Clockwork, WaveTimes};
use crate::plan::conflict::{Conflict, explain};
use crate::plan::constraint::{Before, Trial, obstacles};
use crate::plan::{KnownWorld, NoPlan, find, make};
use crate::scenario::node::{Entry, Node, Span, Value};
use crate::units::{SimDuration, SimTime};

/// Fills in the waves of `plan.strategy`; tells what stands against them.
pub(super) fn make_waves(cx: &mut Context, scenario: &mut Scenario, root: &Node) {
    let Some(request) = scenario.plan.request.clone() else {
        return;
    };
    let place = place_at(root, "plan.strategy").unwrap_or(root.span);
    let Some(strategy) = find(&request.strategy) else {
        return;
    };
    let made = KnownWorld::new(scenario).map(|known| make(&known, strategy, &request));
    match made {
        Some(Ok(packed)) => {
            scenario.plan.waves = packed.waves;
            scenario.plan.remarks = packed.remarks;
        }
        Some(Err(NoPlan::Strategy(reason))) => cx.problem(
            "E407",
            place,
            reason,
            "this strategy does not apply here",
            "`cutover list strategies` tells what each needs",
        ),
        Some(Err(NoPlan::Stuck(stuck))) => {
            let conflict = explain(scenario, strategy, &request, &stuck.obstacles);
            tell_conflict(cx, root, place, strategy.name, conflict.as_ref(), &stuck);
        }
        None => cx.missing(
            place,
            "a plan",
            "migration",
            "map that says from where to where",
        ),
    }
}

fn tell_conflict(
    cx: &mut Context,
    root: &Node,
    place: Span,
    strategy: &str,
    conflict: Option<&Conflict>,
    stuck: &crate::plan::pack::Stuck,
) {
    let problem = conflict_problem(root, strategy, conflict, stuck, &|span| cx.place_of(span));
    cx.problem(
        "E406",
        problem.span.unwrap_or(place),
        problem.sentence,
        problem.label,
        problem.help,
    );
}

/// What is told of a conflict; the caller has the place of spans.
pub struct ConflictText {
    /// Of the first constraint in conflict.
    pub span: Option<Span>,
    /// What is wrong.
    pub sentence: String,
    /// At the place.
    pub label: String,
    /// The others by name and line, and what to do.
    pub help: String,
}

/// The words for a conflict, by name and line of each constraint.
#[must_use]
pub fn conflict_problem(
    root: &Node,
    strategy: &str,
    conflict: Option<&Conflict>,
    stuck: &crate::plan::pack::Stuck,
    place_of: &dyn Fn(Span) -> String,
) -> ConflictText {
    let first = stuck.obstacles.first();
    let reason = first.map_or_else(String::new, |obstacle| obstacle.reason.clone());
    let Some(conflict) = conflict else {
        return ConflictText {
            span: first.and_then(|obstacle| place_at(root, &obstacle.path)),
            sentence: format!("the order of `{strategy}` cannot be cut into waves"),
            label: format!("after wave {}: {reason}", stuck.waves),
            help: "other strategies keep all constraints here: `cutover compare --strategies all`"
                .to_owned(),
        };
    };
    let named: Vec<String> = conflict
        .items
        .iter()
        .map(|(path, text)| {
            // A text in words has quotes of its own.
            let text = if text.contains('`') {
                text.clone()
            } else {
                format!("`{text}`")
            };
            match place_at(root, path) {
                Some(span) => format!("{text} ({})", place_of(span)),
                None => format!("{text} (not written: the default)"),
            }
        })
        .collect();
    let span = conflict
        .items
        .iter()
        .find_map(|(path, _)| place_at(root, path));
    match named.as_slice() {
        [] => ConflictText {
            span: place_at(root, "horizon"),
            sentence: "the moves do not fit into the run".to_owned(),
            label: reason,
            help: "give it a later `horizon`, or quicker methods".to_owned(),
        },
        [one] => ConflictText {
            span,
            sentence: format!("no plan keeps {one}"),
            label: reason,
            help: "without it there is a plan: change it".to_owned(),
        },
        several => ConflictText {
            span,
            sentence: format!(
                "no plan was found that keeps all of {} constraints",
                several.len()
            ),
            label: reason,
            help: format!(
                "they conflict: {}; without any one of them there is a plan",
                several.join(", ")
            ),
        },
    }
}

/// Tells what a written plan breaks.
pub(super) fn check_written(cx: &mut Context, scenario: &Scenario, root: &Node) {
    if scenario.plan.request.is_some() || scenario.plan.waves.is_empty() {
        return;
    }
    let Some(known) = KnownWorld::new(scenario) else {
        return;
    };
    let timetable = Clockwork::of_plan(&known, &scenario.plan.waves);
    let mut before = Before::new(&known, vec![false; scenario.services.len()]);
    let mut placed = 0;
    for (index, wave) in scenario.plan.waves.iter().enumerate() {
        let services: Vec<usize> = wave.members.iter().map(|one| one.service.index()).collect();
        placed += services.len();
        let times = timetable.waves.get(index).copied().unwrap_or(WaveTimes {
            start: SimTime::ZERO,
            end: SimTime::ZERO,
        });
        let mut inside = vec![false; scenario.services.len()];
        for service in &services {
            inside[*service] = true;
        }
        let trial = Trial {
            known: &known,
            before: &before,
            wave: &services,
            fresh: &services,
            inside: &inside,
            order: wave.order,
            times,
            moves: &timetable.moves[..placed.min(timetable.moves.len())],
            complete: true,
            last: index + 1 == scenario.plan.waves.len(),
        };
        let node = root
            .get("plan")
            .and_then(|plan| plan.get("waves"))
            .and_then(|waves| waves.items().get(index));
        let place = node.map_or(root.span, |node| {
            node.get("move").map_or(node.span, |names| names.span)
        });
        for obstacle in obstacles(&trial) {
            // The run shows what a plan does that is late: a warning is for the reader, not a refusal.
            let code = match obstacle.path.as_str() {
                "horizon" => continue,
                path if path.contains(".deadline") || path.starts_with("teams.") => "W405",
                _ => "E405",
            };
            let at = place_at(root, &obstacle.path).map(|span| cx.place_of(span));
            let key = obstacle
                .path
                .rsplit_once("constraints.")
                .map_or(obstacle.path.as_str(), |(_, key)| key);
            let help = match at {
                Some(at) => {
                    format!("`{key}` ({at}) asks for it: change the wave, or the constraint")
                }
                None => format!("`{key}` asks for it: change the wave, or the constraint"),
            };
            cx.problem(
                code,
                place,
                format!("wave `{}`: {}", wave.name, obstacle.reason),
                "this wave",
                help,
            );
        }
        let mut moved = std::mem::take(&mut before.moved);
        for service in services {
            moved[service] = true;
        }
        before = Before::new(&known, moved);
    }
}

/// A tree with the waves that a strategy made in place of the strategy. Instants count from the start: they have
/// no hour that exists twice.
pub(super) fn with_waves(mut tree: Node, scenario: &Scenario) -> Node {
    let Value::Map(entries) = &mut tree.value else {
        return tree;
    };
    let Some(plan) = entries.iter_mut().find(|entry| entry.key == "plan") else {
        return tree;
    };
    let origin = plan
        .value
        .get("strategy")
        .and_then(Node::text)
        .map_or_else(String::new, |name| format!("strategy {name}"));
    let span = plan.value.span;
    let node = |value: Value| Node {
        value,
        span,
        origin: origin.clone(),
    };
    let text = |text: &str| {
        node(Value::Scalar {
            text: text.to_owned(),
            quoted: false,
        })
    };
    let entry = |key: &str, value: Node| Entry {
        key: key.to_owned(),
        key_span: span,
        value,
    };
    let waves = scenario.plan.waves.iter().map(|wave| {
        let names = wave
            .members
            .iter()
            .map(|member| text(&scenario.service(member.service).name));
        let mut entries = vec![
            entry("name", text(&wave.name)),
            entry("move", node(Value::List(names.collect()))),
        ];
        if let Some(earliest) = wave.earliest {
            let minutes = earliest.0 / SimDuration::from_secs(60).0;
            entries.push(entry("earliest", text(&format!("+{minutes}m"))));
        }
        if wave.order == WaveOrder::Parallel {
            entries.push(entry("order", text("parallel")));
        }
        node(Value::Map(entries))
    });
    let waves = node(Value::List(waves.collect()));
    plan.value.value = Value::Map(vec![entry("waves", waves)]);
    tree
}

/// Where the value at a path such as `migration.constraints.order[0]` stands.
#[must_use]
pub fn place_at(root: &Node, path: &str) -> Option<Span> {
    let mut node = root;
    let mut place = None;
    for part in path.split('.') {
        let (key, index) = match part.split_once('[') {
            Some((key, index)) => (
                key,
                Some(index.trim_end_matches(']').parse::<usize>().ok()?),
            ),
            None => (part, None),
        };
        let entry = node.entry(key)?;
        node = &entry.value;
        place = Some(match node.text() {
            Some(_) => node.span,
            None => entry.key_span,
        });
        if let Some(index) = index {
            node = node.items().get(index)?;
            place = Some(node.span);
        }
    }
    place
}
