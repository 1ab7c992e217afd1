//! How many come, how arrivals are spread, and when users give up.

use super::context::Context;
use super::recording;
use crate::model::{Abandon, Arrivals, Distribution, LoadKind, Shape};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};

const KINDS: [&str; 7] = [
    "users",
    "rate",
    "sessions",
    "population",
    "replay",
    "jobs",
    "environments",
];

/// How many come; a replay of recorded rates also gives the shape that it follows.
pub(super) fn kind(
    cx: &mut Context,
    node: &Node,
    owner: &str,
) -> (Option<LoadKind>, Option<Shape>) {
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
            "one of `users`, `rate`, `sessions`, `jobs` or `environments` is needed",
            "`users: 100` wait and think; `rate: 5/s` arrive and do not wait",
        );
        return (None, None);
    };
    let think = node
        .get("think")
        .and_then(|text| cx.distribution(text, "think"))
        .unwrap_or(Distribution::constant(0.0));
    let unused: &[&str] = match first.key.as_str() {
        "users" | "population" => &["length", "arrivals"],
        "rate" | "replay" => &["think", "length", "spawn", "abandon", "walk"],
        "sessions" => &["spawn"],
        _ => &[],
    };
    for key in unused
        .iter()
        .copied()
        .chain((first.key != "population").then_some("online"))
    {
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
    let arrivals = arrivals(cx, node).unwrap_or(Arrivals::Poisson);
    if first.key == "replay" {
        return replay(cx, node, &first.value, arrivals);
    }
    let spawn = node
        .get("spawn")
        .and_then(|rate| positive_rate(cx, rate, "spawn"));
    let kind = match first.key.as_str() {
        "users" => cx
            .count(&first.value, "users")
            .map(|users| LoadKind::Closed {
                users,
                think,
                spawn,
            }),
        "population" => population(cx, node, &first.value, owner).map(|users| LoadKind::Closed {
            users,
            think,
            spawn,
        }),
        "rate" => cx
            .rate(&first.value, "rate")
            .map(|rate| LoadKind::Open { rate, arrivals }),
        "sessions" => {
            let written = node
                .get("length")
                .and_then(|text| cx.distribution_of_counts(text, "length"));
            // Without a walk, which has its own end, a session is one action.
            let walks = node.get("walk").is_some();
            let length = written.or((!walks).then(|| Distribution::constant(1.0)));
            cx.rate(&first.value, "sessions")
                .map(|rate| LoadKind::Sessions {
                    rate,
                    arrivals,
                    length,
                    think,
                })
        }
        _ => None,
    };
    (kind, None)
}

/// Users online at the peak: a share of the population.
fn population(cx: &mut Context, node: &Node, value: &Node, owner: &str) -> Option<u64> {
    let people = cx.count(value, "population");
    let Some(online) = node.get("online") else {
        cx.missing(
            node.span,
            owner,
            "online",
            "share of the population at the peak",
        );
        return None;
    };
    let online = cx.probability(online, "online")?;
    Some((people? as f64 * online + 0.5) as u64)
}

fn positive_rate(cx: &mut Context, node: &Node, key: &str) -> Option<f64> {
    let rate = cx.rate(node, key)?;
    if rate <= 0.0 {
        cx.problem(
            "E203",
            node.span,
            format!("`{key}` is 0"),
            "nobody would ever come",
            "",
        );
        return None;
    }
    Some(rate)
}

/// `arrivals`, if written.
pub(super) fn arrivals(cx: &mut Context, node: &Node) -> Option<Arrivals> {
    #[derive(Clone, Copy)]
    enum Plain {
        Poisson,
        Even,
    }
    let word = node.get("arrivals")?;
    if !matches!(word.value, Value::Map(_)) {
        let words = [(Plain::Poisson, "poisson"), (Plain::Even, "even")];
        return Some(match cx.word(word, "arrivals", &words, &[])? {
            Plain::Poisson => Arrivals::Poisson,
            Plain::Even => Arrivals::Even,
        });
    }
    cx.check_keys(word, &[&keys::ARRIVALS], "`arrivals`")
        .then_some(())?;
    let entry = cx.exactly_one(word, "`arrivals`", &["renewal", "bursts"])?;
    let value = &entry.value;
    if entry.key == "renewal" {
        cx.check_keys(value, &[&keys::RENEWAL], "`renewal`")
            .then_some(())?;
        let cv = value.get("cv")?;
        return Some(Arrivals::renewal(cx.plain_number(cv, "cv")?));
    }
    cx.check_keys(value, &[&keys::BURSTS], "`bursts`")
        .then_some(())?;
    let factor = cx.factor(value.get("factor")?, "factor");
    let length = long(cx, value.get("for")?, "for");
    let pause = long(cx, value.get("every")?, "every");
    Some(Arrivals::Bursts {
        factor: factor?,
        length: length?,
        pause: pause?,
    })
}

/// A distribution of durations that has a length.
pub(super) fn long(cx: &mut Context, node: &Node, key: &str) -> Option<Distribution> {
    let law = cx.distribution(node, key)?;
    if law.mean() <= 0.0 {
        cx.problem(
            "E203",
            node.span,
            format!("`{key}` is 0"),
            "a time above 0 is needed",
            "",
        );
        return None;
    }
    Some(law)
}

/// `abandon`, if written.
pub(super) fn abandon(cx: &mut Context, node: &Node, owner: &str) -> Option<Abandon> {
    let node = node.get("abandon")?;
    let owner = format!("`abandon` of {owner}");
    cx.check_keys(node, &[&keys::ABANDON], &owner)
        .then_some(())?;
    let slower_than = node
        .get("slowerThan")
        .and_then(|limit| cx.duration(limit, "slowerThan"));
    let after_failures = node
        .get("afterFailures")
        .and_then(|count| cx.small_count(count, "afterFailures"));
    if node.get("slowerThan").is_none() && node.get("afterFailures").is_none() {
        cx.missing(
            node.span,
            &owner,
            "slowerThan",
            "a time, or `afterFailures`",
        );
        return None;
    }
    if let (Some(entry), None) = (node.entry("chance"), node.get("slowerThan")) {
        cx.problem(
            "E303",
            entry.key_span,
            format!("`chance` of {owner} is not used"),
            "means nothing without `slowerThan`",
            "remove it",
        );
    }
    Some(Abandon {
        slower_than,
        chance: node
            .get("chance")
            .and_then(|chance| cx.probability(chance, "chance"))
            .unwrap_or(1.0),
        after_failures: after_failures.map(|count| count.max(1)),
    })
}

/// Recorded arrivals: single instants, or rates that the arrival process follows.
fn replay(
    cx: &mut Context,
    node: &Node,
    value: &Node,
    arrivals: Arrivals,
) -> (Option<LoadKind>, Option<Shape>) {
    if !cx.check_keys(value, &[&keys::REPLAY], "`replay`") {
        return (None, None);
    }
    if recording::has_values(cx, value) {
        let Some(rates) = recording::values(cx, value, "replay") else {
            return (None, None);
        };
        let kind = LoadKind::Open {
            rate: 1.0,
            arrivals,
        };
        return (Some(kind), Some(Shape::Series(rates.into())));
    }
    for key in ["arrivals", "shape"] {
        if let Some(entry) = node.entry(key) {
            cx.problem(
                "E303",
                entry.key_span,
                format!("`{key}` is not used by a replay of single arrivals"),
                "each arrival has its recorded instant",
                "remove it, or name a `column` with rates",
            );
        }
    }
    let Some(instants) = recording::instants(cx, value) else {
        return (None, None);
    };
    let rates = recording::counted(&instants);
    let kind = LoadKind::Open {
        rate: 1.0,
        arrivals: Arrivals::Recorded(instants.into()),
    };
    (Some(kind), Some(Shape::Series(rates.into())))
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

/// `from: {eu: 60%, us: 40%}`: places with shares that add to 1.
pub(super) fn from(cx: &mut Context, node: &Node, owner: &str) -> Vec<(usize, f64)> {
    let Some(node) = node.get("from") else {
        return Vec::new();
    };
    if !matches!(node.value, Value::Map(_)) {
        cx.wrong_shape(
            node,
            &format!("`from` of {owner}"),
            "a map of places with shares",
        );
        return Vec::new();
    }
    let mut found = Vec::new();
    for entry in node.entries() {
        cx.check_name(&entry.key, entry.key_span);
        let share = cx.probability(&entry.value, &entry.key);
        let place = cx.names.places.iter().position(|place| *place == entry.key);
        found.extend(place.zip(share));
    }
    let sum: f64 = found.iter().map(|(_, share)| share).sum();
    if found.len() == node.entries().len() && (sum - 1.0).abs() > 1e-6 {
        cx.problem(
            "E203",
            node.span,
            format!("shares of `from` add to {:.4} %", sum * 100.0),
            "they must add to 100 %",
            "",
        );
    }
    if cx.names.places.len() > MOST_PLACES {
        cx.problem(
            "E203",
            node.span,
            format!("{} places of users", cx.names.places.len()),
            format!("at most {MOST_PLACES} can be told apart"),
            "join some of them",
        );
    }
    found
}

/// Places of users that can be told apart.
const MOST_PLACES: usize = 200;
