//! The resolved tree: services composed, provenance by the paths of now, defaults beside what is written.
//!
//! Drawn by `scenario::echo`, which writes defaults as comments; reading that gives the same model.

use super::provenance::{numbers, patterns, source_of};
use crate::scenario::keys::{TABLES, Table};
use crate::scenario::node::{Entry, Node, Span, Value};

/// Origin of a value that nobody wrote.
pub const DEFAULT: &str = "default";

/// Sections that are composed away, or rewritten.
const DROPPED: [&str; 6] = [
    "defaults",
    "rules",
    "extends",
    "include",
    "provenance",
    "variants",
];

/// The whole tree. `is_used` tells which names of a kind are referred to: others would be errors alone.
pub(super) fn tree(root: &Node, composed: &[Entry], is_used: &dyn Fn(&str, &str) -> bool) -> Node {
    let kept = |kind: &str, node: &Node| {
        let mut node = node.clone();
        if let Value::Map(entries) = &mut node.value {
            entries.retain(|entry| is_used(kind, &entry.key) || entry.key.starts_with("x-"));
        }
        node
    };
    let mut entries = Vec::new();
    for entry in root.entries() {
        let value = match entry.key.as_str() {
            key if DROPPED.contains(&key) => continue,
            "services" => Node {
                value: Value::Map(composed.to_vec()),
                ..entry.value.clone()
            },
            "classes" => emptied(&kept("class", &entry.value)),
            "scaling" => kept("scaling policy", &entry.value),
            "processors" => kept("processor", &entry.value),
            "machines" => kept("machine", &entry.value),
            "migration" => migration(&entry.value, &kept),
            _ => entry.value.clone(),
        };
        entries.push(Entry {
            value,
            ..entry.clone()
        });
    }
    entries.extend(provenance(root, composed));
    let mut tree = Node {
        value: Value::Map(entries),
        ..root.clone()
    };
    add_defaults(&mut tree, &mut Vec::new());
    tree
}

fn migration(node: &Node, kept: &dyn Fn(&str, &Node) -> Node) -> Node {
    let mut node = node.clone();
    if let Value::Map(parts) = &mut node.value {
        for part in parts.iter_mut() {
            match part.key.as_str() {
                "methods" => part.value = kept("method", &part.value),
                "gates" => part.value = kept("gate", &part.value),
                _ => {}
            }
        }
    }
    node
}

/// Classes stay as words, for selectors: their keys are written out on the services.
fn emptied(classes: &Node) -> Node {
    let mut classes = classes.clone();
    if let Value::Map(entries) = &mut classes.value {
        for entry in entries.iter_mut() {
            entry.value.value = Value::Map(Vec::new());
        }
    }
    classes
}

/// Paths of the numbers with a source, as they are in the resolved tree.
fn provenance(root: &Node, composed: &[Entry]) -> Option<Entry> {
    let written = root.entry("provenance")?;
    let patterns = patterns(root);
    let mut parts: [(&str, Vec<Entry>); 2] = [("measured", Vec::new()), ("documented", Vec::new())];
    let place = written.key_span;
    numbers(root, composed, &mut |path, origin| {
        if let Some(pattern) = source_of(&patterns, path, origin) {
            let value = scalar(&pattern.source, true, place, "");
            let index = usize::from(pattern.key == "documented");
            parts[index].1.push(Entry {
                key: path.join("."),
                key_span: place,
                value,
            });
        }
    });
    let map = |entries: Vec<Entry>| Node {
        value: Value::Map(entries),
        span: place,
        origin: String::new(),
    };
    let standing: Vec<Entry> = parts
        .into_iter()
        .filter(|(_, entries)| !entries.is_empty())
        .map(|(key, entries)| Entry {
            key: key.to_owned(),
            key_span: place,
            value: map(entries),
        })
        .collect();
    (!standing.is_empty()).then(|| Entry {
        value: map(standing),
        ..written.clone()
    })
}

fn scalar(text: &str, quoted: bool, span: Span, origin: &str) -> Node {
    Node {
        value: Value::Scalar {
            text: text.to_owned(),
            quoted,
        },
        span,
        origin: origin.to_owned(),
    }
}

/// Adds the defaults of every map that has a table and something written.
fn add_defaults(node: &mut Node, path: &mut Vec<String>) {
    let span = node.span;
    match &mut node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries.iter_mut() {
                path.push(entry.key.clone());
                add_defaults(&mut entry.value, path);
                path.pop();
            }
            for key in table_of(path).map_or(&[][..], |table| table.keys) {
                let is_open = key.built && !key.ignored && !key.default.is_empty();
                if is_open && entries.iter().all(|entry| entry.key != key.name) {
                    let value = scalar(key.default, false, span, DEFAULT);
                    entries.push(Entry {
                        key: key.name.to_owned(),
                        key_span: span,
                        value,
                    });
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(index.to_string());
                add_defaults(item, path);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The table of the map at a path; items of lists have none: their defaults are noise.
fn table_of(path: &[String]) -> Option<&'static Table> {
    TABLES.iter().copied().find(|table| {
        let parts: Vec<&str> = if table.path.is_empty() {
            Vec::new()
        } else {
            table.path.split('.').collect()
        };
        let fits = |(part, own): (&&str, &String)| *part == "NAME" || *part == own;
        !table.path.contains(['[', '"'])
            && parts.len() == path.len()
            && parts.iter().zip(path).all(fits)
    })
}
