//! Journeys and loads.

use super::arrivals::{abandon, from, kind};
use super::callee::resolve;
use super::compose::things;
use super::context::Context;
use super::shape::shapes;
use super::steps::Program;
use super::walk::walk;
use super::work::{is_work, refuse_in_users_load};
use crate::model::{Cache, Call, Distribution, Journey, Load, Step, StepKind, Walk};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::JourneyId;

/// Reads `journeys`.
pub(super) fn journeys(cx: &mut Context, root: &Node) -> Vec<Journey> {
    let defaults = root
        .get("defaults")
        .and_then(|defaults| defaults.get("journey"));
    let entries = things(cx, root.get("journeys"), defaults, "journey");
    let mut found = Vec::new();
    for entry in &entries {
        cx.define("journey", entry);
        cx.names.journeys.push(entry.key.clone());
        found.push(journey(cx, entry));
    }
    found
}

fn journey(cx: &mut Context, entry: &Entry) -> Journey {
    let owner = format!("journey `{}`", entry.key);
    let node = &entry.value;
    let mut program = Program::new(None, None, owner.clone());
    let mut steps = Vec::new();
    if cx.check_keys(node, &[&keys::JOURNEY], &owner) || matches!(node.value, Value::Map(_)) {
        match cx.exactly_one(node, &owner, &["call", "steps"]) {
            Some(only) if only.key == "call" => {
                let list = Node {
                    value: Value::List(vec![call_step(&only.value, only)]),
                    span: only.value.span,
                    origin: String::new(),
                };
                steps = program.steps(cx, &list, true);
            }
            Some(list) => steps = program.steps(cx, &list.value, true),
            None => {}
        }
    }
    if let Some(breach) = node.get("breach") {
        cx.check_keys(breach, &[&keys::BREACH], &format!("`breach` of {owner}"));
    }
    let breach = node.get("breach");
    let slo = node
        .get("slo")
        .map(super::compose::texts)
        .unwrap_or_default();
    Journey {
        name: entry.key.clone(),
        steps,
        slo: slo
            .into_iter()
            .filter_map(|text| cx.objective(text))
            .collect(),
        breach_burn: breach
            .and_then(|breach| breach.get("burn"))
            .and_then(|text| cx.plain_number(text, "burn"))
            .unwrap_or(14.4),
        breach_min_count: breach
            .and_then(|breach| breach.get("minCount"))
            .and_then(|text| cx.count(text, "minCount"))
            .unwrap_or(100),
    }
}

/// `call: X` as the step `{call: X}`.
fn call_step(callee: &Node, entry: &Entry) -> Node {
    let call = Entry {
        key: "call".to_owned(),
        key_span: entry.key_span,
        value: callee.clone(),
    };
    Node {
        value: Value::Map(vec![call]),
        span: callee.span,
        origin: String::new(),
    }
}

/// Reads `load`; a load's own `call` becomes a journey with its name.
pub(super) fn loads(cx: &mut Context, root: &Node, journeys: &mut Vec<Journey>) -> Vec<Load> {
    let entries = things(cx, root.get("load"), None, "load");
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| !is_work(entry)) {
        cx.check_name(&entry.key, entry.key_span);
        cx.names.loads.push(entry.key.clone());
        let owner = format!("load `{}`", entry.key);
        refuse_in_users_load(cx, entry, &owner);
        if !cx.check_keys(&entry.value, &[&keys::LOAD], &owner)
            && !matches!(entry.value.value, Value::Map(_))
        {
            continue;
        }
        let (kind, recorded) = kind(cx, &entry.value, &owner);
        let (mix, walk) = mix(cx, entry, &owner, journeys);
        let mut shape = entry
            .value
            .get("shape")
            .map(|shape| shapes(cx, shape, &owner))
            .unwrap_or_default();
        shape.extend(recorded);
        let abandon = abandon(cx, &entry.value, &owner);
        let from = from(cx, &entry.value, &owner);
        if let Some(kind) = kind {
            found.push(Load {
                name: entry.key.clone(),
                kind,
                mix,
                walk,
                shape,
                abandon,
                from,
            });
        }
    }
    found
}

fn mix(
    cx: &mut Context,
    entry: &Entry,
    owner: &str,
    journeys: &mut Vec<Journey>,
) -> (Vec<(JourneyId, f64)>, Option<Walk>) {
    let node = &entry.value;
    let Some(what) = cx.exactly_one(node, owner, &["call", "journey", "mix", "walk"]) else {
        return (Vec::new(), None);
    };
    let known = cx.names.journeys.clone();
    let mix = match what.key.as_str() {
        "walk" => {
            return match walk(cx, node, what, owner, &known) {
                Some(walk) => (visited(&walk), Some(walk)),
                None => (Vec::new(), None),
            };
        }
        "journey" => cx
            .find("journey", &what.value, &known)
            .map(|index| (JourneyId::from_index(index), 1.0))
            .into_iter()
            .collect(),
        "call" => {
            if let Some(other) = known.iter().position(|name| *name == entry.key) {
                let name = known[other].clone();
                cx.problem(
                    "E306",
                    what.key_span,
                    format!("{owner} calls, and a journey is called `{name}` too"),
                    "its action would have the same name",
                    format!("write `journey: {name}`, or rename one"),
                );
                return (Vec::new(), None);
            }
            if resolve(cx, &what.value, owner).is_none() {
                return (Vec::new(), None);
            }
            let list = Node {
                value: Value::List(vec![call_step(&what.value, what)]),
                span: what.value.span,
                origin: String::new(),
            };
            let steps = Program::new(None, None, owner.to_owned()).steps(cx, &list, true);
            cx.names.journeys.push(entry.key.clone());
            journeys.push(Journey {
                name: entry.key.clone(),
                steps,
                slo: Vec::new(),
                breach_burn: 14.4,
                breach_min_count: 100,
            });
            vec![(JourneyId::from_index(journeys.len() - 1), 1.0)]
        }
        _ => {
            let mut found = Vec::new();
            if !matches!(what.value.value, Value::Map(_)) {
                cx.wrong_shape(
                    &what.value,
                    &format!("`mix` of {owner}"),
                    "a map of journeys with weights",
                );
            }
            for part in what.value.entries() {
                let name = Node {
                    value: Value::Scalar {
                        text: part.key.clone(),
                        quoted: false,
                    },
                    span: part.key_span,
                    origin: String::new(),
                };
                let journey = cx.find("journey", &name, &known);
                let weight = cx.weight(&part.value, &part.key);
                if let (Some(journey), Some(weight)) = (journey, weight) {
                    found.push((JourneyId::from_index(journey), weight));
                }
            }
            found
        }
    };
    (mix, None)
}

/// Expected actions of each journey in one session of a walk.
fn visited(walk: &Walk) -> Vec<(JourneyId, f64)> {
    let visits = walk.visits();
    let pairs = walk.nodes.iter().copied().zip(visits);
    pairs.filter(|(_, visits)| *visits > 0.0).collect()
}

/// Every call of some steps, nested ones too, with how often it is made on average.
/// Caches are warm.
pub(super) fn mean_calls<'a>(
    caches: &[Cache],
    steps: &'a [Step],
    times: f64,
    found: &mut Vec<(&'a Call, f64)>,
) {
    for step in steps {
        let often = times * step.chance * step.times.as_ref().map_or(1.0, Distribution::mean);
        match &step.kind {
            StepKind::Call(call) | StepKind::Async(call) | StepKind::Forward(call) => {
                found.push((call, often));
            }
            kind => {
                for (share, inner) in kind.parts(&|cache| caches[cache.index()].hit) {
                    mean_calls(caches, inner, often * share, found);
                }
            }
        }
    }
}
