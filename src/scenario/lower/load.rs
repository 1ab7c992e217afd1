//! Journeys, loads and shapes.

use super::callee::resolve;
use super::compose::things;
use super::context::Context;
use super::steps::Program;
use crate::model::{
    Arrivals, Cache, Call, Distribution, Journey, Load, LoadKind, Shape, Step, StepKind,
};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::{JourneyId, SimDuration, SimTime};

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
    for entry in &entries {
        cx.check_name(&entry.key, entry.key_span);
        cx.names.loads.push(entry.key.clone());
        let owner = format!("load `{}`", entry.key);
        if !cx.check_keys(&entry.value, &[&keys::LOAD], &owner)
            && !matches!(entry.value.value, Value::Map(_))
        {
            continue;
        }
        let kind = kind(cx, &entry.value, &owner);
        let mix = mix(cx, entry, &owner, journeys);
        let shape = entry
            .value
            .get("shape")
            .map(|shape| shapes(cx, shape, &owner))
            .unwrap_or_default();
        if let Some(kind) = kind {
            found.push(Load {
                name: entry.key.clone(),
                kind,
                mix,
                shape,
            });
        }
    }
    found
}

const KINDS: [&str; 7] = [
    "users",
    "rate",
    "sessions",
    "population",
    "replay",
    "jobs",
    "environments",
];

fn kind(cx: &mut Context, node: &Node, owner: &str) -> Option<LoadKind> {
    let standing: Vec<&Entry> = node
        .entries()
        .iter()
        .filter(|entry| KINDS.contains(&entry.key.as_str()))
        .collect();
    if let [first, second, ..] = standing.as_slice() {
        tell_two_kinds(cx, owner, first, second);
    }
    let Some(first) = standing.first() else {
        cx.problem(
            "E102",
            node.span,
            format!("{owner} does not say how many come"),
            "one of `users`, `rate` or `sessions` is needed",
            "`users: 100` wait and think; `rate: 5/s` arrive and do not wait",
        );
        return None;
    };
    let think = node
        .get("think")
        .and_then(|text| cx.distribution(text, "think"))
        .unwrap_or(Distribution::constant(0.0));
    let unused = match first.key.as_str() {
        "users" => vec!["length", "arrivals"],
        "rate" => vec!["think", "length"],
        "sessions" => vec!["arrivals"],
        _ => Vec::new(),
    };
    for key in unused {
        if let Some(entry) = node.entry(key) {
            cx.problem(
                "E303",
                entry.key_span,
                format!("`{key}` of {owner} is not used"),
                format!("means nothing with `{}`", first.key),
                "remove it",
            );
        }
    }
    Some(match first.key.as_str() {
        "users" => LoadKind::Closed {
            users: cx.count(&first.value, "users")?,
            think,
        },
        "rate" => {
            let words = [(Arrivals::Poisson, "poisson"), (Arrivals::Even, "even")];
            let arrivals = node.get("arrivals").and_then(|word| match &word.value {
                Value::Map(entries) => {
                    let name = entries
                        .first()
                        .map_or("arrivals", |entry| entry.key.as_str())
                        .to_owned();
                    cx.unbuilt(&name, word.span);
                    None
                }
                _ => cx.word(word, "arrivals", &words, &["renewal", "bursts"]),
            });
            LoadKind::Open {
                rate: cx.rate(&first.value, "rate")?,
                arrivals: arrivals.unwrap_or(Arrivals::Poisson),
            }
        }
        "sessions" => LoadKind::Sessions {
            rate: cx.rate(&first.value, "sessions")?,
            length: node
                .get("length")
                .and_then(|text| cx.distribution_of_counts(text, "length"))
                .unwrap_or(Distribution::constant(1.0)),
            think,
        },
        _ => return None,
    })
}

fn tell_two_kinds(cx: &mut Context, owner: &str, first: &Entry, second: &Entry) {
    let meaning = |key: &str| match key {
        "users" => "`users` (people who wait and think)".to_owned(),
        "rate" => "`rate` (arrivals that do not wait)".to_owned(),
        "sessions" => "`sessions` (people who come, do some actions and leave)".to_owned(),
        other => format!("`{other}`"),
    };
    let kind = |key: &str| match key {
        "users" | "population" => "closed load",
        "rate" | "replay" => "open load",
        "sessions" => "load of sessions",
        _ => "another load",
    };
    let at = cx.place_of(first.key_span);
    let past = if kind(&first.key) == "closed load" {
        "already closed by"
    } else {
        "already said by"
    };
    cx.problem(
        "E103",
        second.key_span,
        format!("{owner} has both `{}` and `{}`", first.key, second.key),
        format!("{}, {past} `{}` ({at})", kind(&second.key), first.key),
        format!("keep {} or {}", meaning(&first.key), meaning(&second.key)),
    );
}

fn mix(
    cx: &mut Context,
    entry: &Entry,
    owner: &str,
    journeys: &mut Vec<Journey>,
) -> Vec<(JourneyId, f64)> {
    let node = &entry.value;
    if node.entry("walk").is_some() {
        return Vec::new();
    }
    let Some(what) = cx.exactly_one(node, owner, &["call", "journey", "mix"]) else {
        return Vec::new();
    };
    let known = cx.names.journeys.clone();
    match what.key.as_str() {
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
                return Vec::new();
            }
            if resolve(cx, &what.value, owner).is_none() {
                return Vec::new();
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
    }
}

fn shapes(cx: &mut Context, node: &Node, owner: &str) -> Vec<Shape> {
    let Value::List(items) = &node.value else {
        cx.wrong_shape(node, &format!("`shape` of {owner}"), "a list");
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| shape(cx, item, owner))
        .collect()
}

fn shape(cx: &mut Context, node: &Node, owner: &str) -> Option<Shape> {
    let owner = format!("a shape of {owner}");
    if !cx.check_keys(node, &[&keys::SHAPE], &owner) {
        return None;
    }
    let entry = cx.exactly_one(node, &owner, &["daily", "weekly", "ramp", "steps", "spike"])?;
    let value = &entry.value;
    match entry.key.as_str() {
        "daily" => {
            cx.check_keys(value, &[&keys::DAILY], "`daily`")
                .then_some(())?;
            let peak_second = cx.time_of_day(value.get("peak")?, "peak");
            let low = cx.probability(value.get("low")?, "low");
            Some(Shape::Daily {
                peak_second: peak_second?,
                low: low?,
            })
        }
        "weekly" => weekly(cx, value),
        "ramp" => {
            cx.check_keys(value, &[&keys::RAMP], "`ramp`")
                .then_some(())?;
            let from = cx.level(value.get("from")?, "from");
            let to = cx.level(value.get("to")?, "to");
            let at = value
                .get("at")
                .map_or(Some(SimTime::ZERO), |at| cx.instant(at, "at"));
            let length = cx.duration(value.get("for")?, "for");
            Some(Shape::Ramp {
                from: from?,
                to: to?,
                at: at?,
                length: length?,
            })
        }
        "steps" => {
            let mut steps = Vec::new();
            for item in value.items() {
                if cx.check_keys(item, &[&keys::LEVEL], "a level of `steps`") {
                    let at = item.get("at").and_then(|at| cx.instant(at, "at"));
                    let level = item.get("level").and_then(|level| cx.level(level, "level"));
                    steps.extend(at.zip(level));
                }
            }
            steps.sort_by_key(|(at, _)| *at);
            Some(Shape::Steps(steps))
        }
        _ => {
            cx.check_keys(value, &[&keys::SPIKE], "`spike`")
                .then_some(())?;
            let at = cx.instant(value.get("at")?, "at");
            let peak = cx.level(value.get("peak")?, "peak");
            let ramp = value
                .get("ramp")
                .map_or(Some(SimDuration::ZERO), |ramp| cx.duration(ramp, "ramp"));
            let length = cx.duration(value.get("for")?, "for");
            Some(Shape::Spike {
                at: at?,
                peak: peak?,
                ramp: ramp?,
                length: length?,
            })
        }
    }
}

fn weekly(cx: &mut Context, node: &Node) -> Option<Shape> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    if !matches!(node.value, Value::Map(_)) {
        cx.wrong_shape(node, "`weekly`", "a map of days");
        return None;
    }
    let mut levels = [1.0; 7];
    for entry in node.entries() {
        match DAYS.iter().position(|day| *day == entry.key) {
            Some(day) => levels[day] = cx.level(&entry.value, &entry.key).unwrap_or(1.0),
            None => cx.problem(
                "E301",
                entry.key_span,
                format!("unknown day `{}`", entry.key.escape_default()),
                "expected mon, tue, wed, thu, fri, sat or sun",
                "",
            ),
        }
    }
    Some(Shape::Weekly(levels))
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
