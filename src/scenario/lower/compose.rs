//! Composition of named things: `like`, `defaults`, classes and rules, weakest first, by JSON Merge Patch.

use super::context::Context;
use super::selector::attributes;
use crate::scenario::grammar::Selector;
use crate::scenario::merge;
use crate::scenario::node::{Entry, Node, Value};

/// A copy of `base` patched with `patch`.
fn merge(base: &Node, patch: &Node) -> Node {
    let mut merged = base.clone();
    let span = patch.span;
    merge::patch(&mut merged, patch.clone());
    // Problems with the whole are shown where it is written, not where its defaults are.
    merged.span = span;
    merged
}

/// A copy with its origin.
fn mark(node: &Node, origin: &str) -> Node {
    let mut marked = node.clone();
    merge::mark(&mut marked, origin);
    marked
}

fn without(node: &Node, key: &str) -> Node {
    let mut node = node.clone();
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|entry| entry.key != key);
    }
    node
}

/// Follows `like` within `siblings`.
fn expand_like(cx: &mut Context, siblings: &[Entry], entry: &Entry, depth: usize) -> Node {
    let Some(like) = entry.value.get("like") else {
        return entry.value.clone();
    };
    let own = without(&entry.value, "like");
    let name = like.text().unwrap_or_default();
    let Some(other) = siblings.iter().find(|other| other.key == name) else {
        cx.unknown(
            "E300",
            like,
            &format!("`{}` is like unknown `{name}`", entry.key),
            "no such sibling",
            siblings.iter().map(|other| other.key.as_str()),
        );
        return own;
    };
    if depth > siblings.len() {
        cx.problem(
            "E303",
            like.span,
            format!("`{}` is like itself", entry.key),
            "this comes back to where it started",
            "write one of them out",
        );
        return own;
    }
    let base = expand_like(cx, siblings, other, depth + 1);
    merge(&mark(&base, &format!("like {name}")), &own)
}

/// The things of one map with `like` followed and their defaults beneath.
pub(super) fn things(
    cx: &mut Context,
    map: Option<&Node>,
    defaults: Option<&Node>,
    kind: &str,
) -> Vec<Entry> {
    let Some(map) = map else { return Vec::new() };
    let siblings = map.entries();
    let mut found = Vec::with_capacity(siblings.len());
    for entry in siblings.iter().filter(|entry| !entry.key.starts_with("x-")) {
        let own = expand_like(cx, siblings, entry, 0);
        let value = match defaults {
            Some(defaults) if matches!(own.value, Value::Map(_)) => {
                merge(&mark(defaults, &format!("defaults.{kind}")), &own)
            }
            _ => own,
        };
        found.push(Entry {
            key: entry.key.clone(),
            key_span: entry.key_span,
            value,
        });
    }
    found
}

/// A node's text or texts.
pub(super) fn texts(node: &Node) -> Vec<&Node> {
    match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        _ => vec![node],
    }
}

struct Rule<'a> {
    selector: Selector,
    set: &'a Node,
    index: usize,
    hits: usize,
    written: &'a Node,
}

/// Every service with defaults, classes and rules beneath what is written on it.
pub(super) fn services(cx: &mut Context, root: &Node) -> Vec<Entry> {
    let defaults = root
        .get("defaults")
        .and_then(|defaults| defaults.get("service"));
    let classes: &[Entry] = root.get("classes").map_or(&[], Node::entries);
    let mut rules = rules(cx, root);
    let written = things(cx, root.get("services"), None, "service");
    let mut composed = Vec::with_capacity(written.len());
    for entry in written {
        if !matches!(entry.value.value, Value::Map(_)) {
            cx.wrong_shape(&entry.value, &format!("service `{}`", entry.key), "a map");
            continue;
        }
        let value = compose_service(cx, &entry, defaults, classes, &mut rules);
        composed.push(Entry { value, ..entry });
    }
    for rule in rules.iter().filter(|rule| rule.hits == 0) {
        if let Some(place) = rule.written.get("where") {
            cx.problem(
                "W303",
                place.span,
                format!("rule {} picks no service", rule.index + 1),
                "nothing is like this",
                "",
            );
        }
    }
    composed
}

fn rules<'a>(cx: &mut Context, root: &'a Node) -> Vec<Rule<'a>> {
    let mut found = Vec::new();
    for (index, written) in root
        .get("rules")
        .map_or(&[][..], Node::items)
        .iter()
        .enumerate()
    {
        let (Some(place), Some(set)) = (written.get("where"), written.get("set")) else {
            continue;
        };
        let Some(selector) = cx.selector(place) else {
            continue;
        };
        found.push(Rule {
            selector,
            set,
            index,
            hits: 0,
            written,
        });
    }
    found
}

fn compose_service(
    cx: &mut Context,
    entry: &Entry,
    defaults: Option<&Node>,
    classes: &[Entry],
    rules: &mut [Rule],
) -> Node {
    let own = &entry.value;
    let empty = Node {
        value: Value::Map(Vec::new()),
        span: own.span,
        origin: String::new(),
    };
    let base = defaults.map_or_else(
        || empty.clone(),
        |defaults| mark(defaults, "defaults.service"),
    );
    // Rules match on what stands without them.
    let seen = with_classes(cx, &base, &merge(&base, own), classes);
    let seen = merge(&seen, own);
    let mut ruled = empty.clone();
    for rule in rules.iter_mut() {
        if rule.selector.matches(&attributes(cx, &entry.key, &seen)) {
            rule.hits += 1;
            ruled = merge(&ruled, &mark(rule.set, &format!("rules[{}]", rule.index)));
        }
    }
    let top = merge(&merge(&base, &ruled), own);
    let classed = with_classes(cx, &base, &top, classes);
    merge(&merge(&classed, &ruled), own)
}

/// `base` with the classes that `top` names merged over it.
fn with_classes(cx: &mut Context, base: &Node, top: &Node, classes: &[Entry]) -> Node {
    let mut result = base.clone();
    for name in top.get("class").map(texts).unwrap_or_default() {
        let Some(text) = name.text() else {
            cx.wrong_shape(name, "a class", "its name");
            continue;
        };
        match classes.iter().find(|class| class.key == text) {
            Some(class) => {
                cx.using("class", text);
                result = merge(&result, &mark(&class.value, &format!("classes.{text}")));
            }
            None => cx.unknown(
                "E300",
                name,
                &format!("unknown class `{text}`"),
                "no such class",
                classes.iter().map(|class| class.key.as_str()),
            ),
        }
    }
    result
}
