//! The resolved echo: the composed scenario as YAML in canonical form, each value with its origin, defaults as
//! comments. Reading it gives the same model.

use std::fmt::Write as _;

use super::provenance::{numbers, patterns, source_of};
use crate::scenario::keys::{TABLES, Table};
use crate::scenario::node::{Entry, Node, Value};

/// Sections that are composed away, or rewritten.
const DROPPED: [&str; 7] = [
    "classes",
    "defaults",
    "rules",
    "extends",
    "include",
    "provenance",
    "variants",
];

/// Writes a scenario whose services are composed. `is_used` tells which names of a kind are referred to.
pub(super) fn write(
    root: &Node,
    composed: &[Entry],
    is_used: &dyn Fn(&str, &str) -> bool,
) -> String {
    let mut writer = Writer {
        text: String::new(),
    };
    for entry in root
        .entries()
        .iter()
        .filter(|entry| !DROPPED.contains(&entry.key.as_str()))
    {
        match entry.key.as_str() {
            "services" => {
                let services = Node {
                    value: Value::Map(composed.iter().map(without_class).collect()),
                    ..entry.value.clone()
                };
                writer.entry("services", &services, 0, &mut Vec::new(), "");
            }
            "scaling" => writer.entry(
                "scaling",
                &pruned(&entry.value, "scaling policy", is_used),
                0,
                &mut Vec::new(),
                "",
            ),
            "machines" => writer.entry(
                "machines",
                &pruned(&entry.value, "machine", is_used),
                0,
                &mut Vec::new(),
                "",
            ),
            "migration" => {
                let mut migration = entry.value.clone();
                if let Value::Map(parts) = &mut migration.value {
                    for part in parts.iter_mut() {
                        match part.key.as_str() {
                            "methods" => part.value = pruned(&part.value, "method", is_used),
                            "gates" => part.value = pruned(&part.value, "gate", is_used),
                            _ => {}
                        }
                    }
                }
                writer.entry("migration", &migration, 0, &mut Vec::new(), "");
            }
            key => writer.entry(key, &entry.value, 0, &mut Vec::new(), ""),
        }
    }
    provenance(&mut writer, root, composed);
    writer.text
}

/// `class` stays as a word for selectors only while classes do; here its keys are written out.
fn without_class(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    if let Value::Map(parts) = &mut entry.value.value {
        parts.retain(|part| part.key != "class");
    }
    entry
}

fn pruned(node: &Node, kind: &str, is_used: &dyn Fn(&str, &str) -> bool) -> Node {
    let mut node = node.clone();
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|entry| is_used(kind, &entry.key) || entry.key.starts_with("x-"));
    }
    node
}

/// Paths of numbers with a source, as they are now.
fn provenance(writer: &mut Writer, root: &Node, composed: &[Entry]) {
    let patterns = patterns(root);
    let mut lines: [Vec<(String, String)>; 2] = [Vec::new(), Vec::new()];
    numbers(root, composed, &mut |path, origin| {
        if let Some(pattern) = source_of(&patterns, path, origin) {
            lines[usize::from(pattern.key == "documented")]
                .push((path.join("."), pattern.source.clone()));
        }
    });
    if lines.iter().all(Vec::is_empty) {
        return;
    }
    writer.text.push_str("provenance:\n");
    for (key, lines) in ["measured", "documented"]
        .into_iter()
        .zip(lines)
        .filter(|(_, lines)| !lines.is_empty())
    {
        let _ = writeln!(writer.text, "  {key}:");
        for (path, source) in lines {
            let _ = writeln!(
                writer.text,
                "    {}: {}",
                quoted(&path, true),
                quoted(&source, true)
            );
        }
    }
}

struct Writer {
    text: String,
}

impl Writer {
    fn entry(&mut self, key: &str, node: &Node, depth: usize, path: &mut Vec<String>, above: &str) {
        let indent = "  ".repeat(depth);
        let comment = if node.origin == above || node.origin.is_empty() {
            String::new()
        } else {
            format!("  # {}", node.origin)
        };
        let key_text = quoted(key, false);
        path.push(key.to_owned());
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                let _ = writeln!(self.text, "{indent}{key_text}:{comment}");
                self.map(entries, depth + 1, path, &node.origin);
            }
            Value::List(items) if !items.is_empty() => {
                let _ = writeln!(self.text, "{indent}{key_text}:{comment}");
                self.list(items, depth + 1, path, &node.origin);
            }
            _ => {
                let _ = writeln!(self.text, "{indent}{key_text}: {}{comment}", leaf(node));
            }
        }
        path.pop();
    }

    fn map(&mut self, entries: &[Entry], depth: usize, path: &mut Vec<String>, above: &str) {
        for entry in entries {
            self.entry(&entry.key, &entry.value, depth, path, above);
        }
        let Some(table) = table_of(path) else { return };
        for key in table
            .keys
            .iter()
            .filter(|key| key.built && !key.default.is_empty() && !key.ignored)
        {
            if entries.iter().all(|entry| entry.key != key.name) {
                let _ = writeln!(
                    self.text,
                    "{}# default: {}: {}",
                    "  ".repeat(depth),
                    key.name,
                    key.default
                );
            }
        }
    }

    fn list(&mut self, items: &[Node], depth: usize, path: &mut Vec<String>, above: &str) {
        for (index, item) in items.iter().enumerate() {
            let indent = "  ".repeat(depth);
            path.push(index.to_string());
            match &item.value {
                Value::Map(entries) if !entries.is_empty() => {
                    // The first key stands after the dash: written at its depth, then its indent is replaced.
                    let start = self.text.len();
                    self.map(entries, depth + 1, path, above);
                    self.text
                        .replace_range(start..start + indent.len() + 2, &format!("{indent}- "));
                }
                Value::List(inner) if !inner.is_empty() => {
                    let start = self.text.len();
                    self.list(inner, depth + 1, path, above);
                    self.text
                        .replace_range(start..start + indent.len() + 2, &format!("{indent}- "));
                }
                _ => {
                    let _ = writeln!(self.text, "{indent}- {}", leaf(item));
                }
            }
            path.pop();
        }
    }
}

/// The table of the map at a path; steps and shapes have none: their defaults are noise.
fn table_of(path: &[String]) -> Option<&'static Table> {
    TABLES.iter().copied().find(|table| {
        let parts: Vec<&str> = table.path.split('.').collect();
        let is_list = table.path.contains("[]") || table.path.contains('"');
        !is_list
            && parts.len() == path.len()
            && parts
                .iter()
                .zip(path)
                .all(|(part, own)| *part == "NAME" || part == own)
    })
}

fn leaf(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar { text, quoted: was } => quoted(text, *was),
        Value::List(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}

/// A scalar as it can stand in a block: in quotes when it was, or when YAML would read it otherwise.
fn quoted(text: &str, was_quoted: bool) -> String {
    let odd = |c: char| c.is_control() || "\u{feff}\u{2028}\u{2029}\u{85}".contains(c);
    let plain = !text.is_empty()
        && !was_quoted
        && !text.chars().any(odd)
        && !text.starts_with(|c: char| {
            "!&*-?:,[]{}#|>@`\"'% ".contains(c)
                && !(c == '-' && text.len() > 1 && !text.starts_with("- "))
        })
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #");
    if plain {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if odd(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
