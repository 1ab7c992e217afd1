//! Where the numbers of a composed scenario come from: measured, documented, or assumed.

use super::context::Context;
use super::selector::glob;
use crate::model::Provenance;
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Span, Value};

/// Sections whose numbers describe the world; the plan, the calendar and the question are decisions.
const SECTIONS: [&str; 6] = ["clusters", "machines", "links", "teams", "journeys", "load"];

/// A path of `provenance`, and what it says.
pub(super) struct Pattern {
    parts: Vec<String>,
    /// `measured` or `documented`.
    pub key: &'static str,
    /// Where the numbers are from.
    pub source: String,
    place: Span,
    path: String,
}

/// Counts the numbers; those of classes, defaults and rules once for each service that has them.
pub(super) fn count(cx: &mut Context, root: &Node, composed: &[Entry]) -> Provenance {
    if let Some(node) = root.get("provenance") {
        cx.check_keys(node, &[&keys::PROVENANCE], "`provenance`");
        for entry in node
            .entries()
            .iter()
            .flat_map(|group| group.value.entries())
        {
            if entry.value.text().is_none() {
                cx.wrong_shape(&entry.value, "a source", "a text");
            }
        }
    }
    let patterns = patterns(root);
    for pattern in patterns
        .iter()
        .filter(|pattern| !exists(root, composed, &pattern.parts))
    {
        let sentence = format!("`{}` matches nothing", pattern.path.escape_default());
        cx.problem(
            "E304",
            pattern.place,
            sentence,
            "no such path in this scenario",
            "dots between names, `*` for all names at a level",
        );
    }
    let mut counted = Provenance {
        defaulted: cx.defaulted,
        ..Provenance::default()
    };
    numbers(
        root,
        composed,
        &mut |path, origin| match source_of(&patterns, path, origin).map(|pattern| pattern.key) {
            Some("measured") => counted.measured += 1,
            Some(_) => counted.documented += 1,
            None => counted.assumed += 1,
        },
    );
    counted
}

/// What `provenance` says, in the order written.
pub(super) fn patterns(root: &Node) -> Vec<Pattern> {
    let mut found = Vec::new();
    for key in ["measured", "documented"] {
        for entry in root
            .get("provenance")
            .and_then(|node| node.get(key))
            .map_or(&[][..], Node::entries)
        {
            let source = entry.value.text().unwrap_or_default().to_owned();
            found.push(Pattern {
                parts: split(&entry.key),
                key,
                source,
                place: entry.key_span,
                path: entry.key.clone(),
            });
        }
    }
    found
}

/// Calls `visit(path, origin)` for each number.
pub(super) fn numbers(root: &Node, composed: &[Entry], visit: &mut dyn FnMut(&[String], &str)) {
    for section in SECTIONS {
        if let Some(node) = root.get(section) {
            walk(node, &mut vec![section.to_owned()], visit);
        }
    }
    for service in composed {
        walk(
            &service.value,
            &mut vec!["services".to_owned(), service.key.clone()],
            visit,
        );
    }
}

/// The pattern that covers a number by its path, or by where it came from. The last wins, as with rules.
pub(super) fn source_of<'a>(
    patterns: &'a [Pattern],
    path: &[String],
    origin: &str,
) -> Option<&'a Pattern> {
    let mut original = split(origin);
    original.extend(path.iter().skip(2).cloned());
    let covers = |pattern: &Pattern, path: &[String]| {
        pattern.parts.len() <= path.len()
            && pattern
                .parts
                .iter()
                .zip(path)
                .all(|(wanted, part)| glob(wanted, part))
    };
    patterns
        .iter()
        .rev()
        .find(|pattern| covers(pattern, path) || (!origin.is_empty() && covers(pattern, &original)))
}

fn split(path: &str) -> Vec<String> {
    path.split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn walk(node: &Node, path: &mut Vec<String>, visit: &mut dyn FnMut(&[String], &str)) {
    match &node.value {
        Value::Null => {}
        Value::Scalar { text, quoted } => {
            if !quoted && is_number(text) {
                visit(path, &node.origin);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                walk(item, path, visit);
                path.pop();
            }
        }
        Value::Map(entries) => {
            let silent = |key: &str| ["title", "notes"].contains(&key) || key.starts_with("x-");
            for entry in entries.iter().filter(|entry| !silent(&entry.key)) {
                path.push(entry.key.clone());
                walk(&entry.value, path, visit);
                path.pop();
            }
        }
    }
}

fn exists(root: &Node, composed: &[Entry], parts: &[String]) -> bool {
    let in_services = match parts {
        [first, name, rest @ ..] if first == "services" => composed
            .iter()
            .any(|service| glob(name, &service.key) && below(&service.value, rest)),
        _ => false,
    };
    in_services || below(root, parts)
}

fn below(node: &Node, parts: &[String]) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return true;
    };
    let mut entries = node
        .entries()
        .iter()
        .filter(|entry| glob(first, &entry.key));
    let mut items = node
        .items()
        .iter()
        .enumerate()
        .filter(|(index, _)| glob(first, &index.to_string()));
    entries.any(|entry| below(&entry.value, rest)) || items.any(|(_, item)| below(item, rest))
}

/// A quantity, a distribution or a plain number.
fn is_number(text: &str) -> bool {
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    begins(text.trim_start_matches(['-', '+', 'x', '.']))
        || (text.ends_with(')') && text.contains('('))
}
