//! A resolved tree as canonical YAML with the origin of each value as a comment. Reading it gives the same tree.

use crate::scenario::lower::DEFAULT;
use crate::scenario::node::{Node, Value};
use crate::scenario::render::visible;

/// Writes the tree in block style, two blanks per level, one value per line, texts in quotes only where they were
/// or must be. A value that nobody wrote has its origin behind it, once for all that lies below.
#[must_use]
pub fn echo(tree: &Node) -> String {
    let mut text = String::new();
    match &tree.value {
        Value::Map(entries) if !entries.is_empty() => {
            write_map(tree, 0, &tree.origin, false, &mut text)
        }
        Value::List(items) if !items.is_empty() => write_list(tree, 0, &tree.origin, &mut text),
        _ => {
            text.push_str(&flat(tree));
            text.push('\n');
        }
    }
    text
}

fn write_map(node: &Node, indent: usize, origin: &str, first_in_line: bool, text: &mut String) {
    for (index, entry) in node.entries().iter().enumerate() {
        if index > 0 || !first_in_line {
            push_indent(indent, text);
        }
        // What nobody wrote is shown, and stays unwritten.
        if index > 0 && entry.value.origin == DEFAULT {
            let value = entry.value.text().unwrap_or_default();
            text.push_str(&format!("# {}: {value}  # default\n", entry.key));
            continue;
        }
        text.push_str(&key(&entry.key));
        text.push(':');
        let inner = comment_origin(&entry.value, origin);
        match &entry.value.value {
            Value::Map(entries) if !entries.is_empty() => {
                end_line(&entry.value, origin, text);
                write_map(&entry.value, indent + 1, inner, false, text);
            }
            Value::List(items) if !items.is_empty() => {
                end_line(&entry.value, origin, text);
                write_list(&entry.value, indent + 1, inner, text);
            }
            _ => {
                text.push(' ');
                text.push_str(&flat(&entry.value));
                end_line(&entry.value, origin, text);
            }
        }
    }
}

fn write_list(node: &Node, indent: usize, origin: &str, text: &mut String) {
    for item in node.items() {
        push_indent(indent, text);
        text.push('-');
        let inner = comment_origin(item, origin);
        match &item.value {
            Value::Map(entries) if !entries.is_empty() => {
                // The origin goes on a line of its own level, as the first key shares the line of the hyphen.
                if inner == origin {
                    text.push(' ');
                    write_map(item, indent + 1, inner, true, text);
                } else {
                    end_line(item, origin, text);
                    write_map(item, indent + 1, inner, false, text);
                }
            }
            Value::List(items) if !items.is_empty() => {
                end_line(item, origin, text);
                write_list(item, indent + 1, inner, text);
            }
            _ => {
                text.push(' ');
                text.push_str(&flat(item));
                end_line(item, origin, text);
            }
        }
    }
}

/// What holds for the values below: an empty origin means written, and says nothing of them.
fn comment_origin<'a>(node: &'a Node, outer: &'a str) -> &'a str {
    if node.origin.is_empty() {
        outer
    } else {
        &node.origin
    }
}

fn end_line(node: &Node, outer: &str, text: &mut String) {
    if !node.origin.is_empty() && node.origin != outer {
        text.push_str("  # ");
        text.push_str(&visible(&node.origin));
    }
    text.push('\n');
}

fn push_indent(indent: usize, text: &mut String) {
    for _ in 0..indent {
        text.push_str("  ");
    }
}

fn flat(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Map(_) => "{}".to_owned(),
        Value::List(_) => "[]".to_owned(),
        Value::Scalar { text, quoted } if !*quoted && plain(text) => text.clone(),
        Value::Scalar { text, .. } => in_quotes(text),
    }
}

fn key(text: &str) -> String {
    let simple = text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && !text.ends_with(' ')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || " -_./*<>".contains(letter));
    if simple && !matches!(text, "null" | "Null" | "NULL") {
        text.to_owned()
    } else {
        in_quotes(text)
    }
}

/// Whether a text that was written without quotes can be so again, in a line of its own.
fn plain(text: &str) -> bool {
    let safe_start = text
        .starts_with(|letter: char| letter.is_alphanumeric() || "+./_$(<=^~;\\".contains(letter))
        || (text.starts_with(['-', ':', '?'])
            && text[1..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '.'));
    safe_start
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(char::is_control)
        && visible(text) == text
        && !matches!(text, "~" | "null" | "Null" | "NULL" | "---" | "...")
        && !text.starts_with("--- ")
        && !text.starts_with("... ")
}

/// Double quotes, in which every character can be written.
fn in_quotes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter if visible(letter.encode_utf8(&mut [0; 4])).len() != letter.len_utf8() => {
                quoted.push_str(&format!("\\U{:08x}", u32::from(letter)))
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::merge::{mark, patch, same};
    use crate::scenario::read::tests::tree;
    use proptest::prelude::*;

    #[test]
    fn it_is_block_style_with_origins() {
        let mut node = tree(
            "{run: {seed: 1}, assert: [a < 5ms, {x: 'off', y: []}], b: , links: {a -> b: {rtt: 1ms}}}",
        );
        let mut change = tree("{run: {warmup: 1m, limits: {events: 5, memory: 4Gi}}}");
        mark(&mut change, "variant fast");
        patch(&mut node, change);
        let expected = "run:
  seed: 1
  warmup: 1m  # variant fast
  limits:  # variant fast
    events: 5
    memory: 4Gi
assert:
  - a < 5ms
  - x: \"off\"
    y: []
b: null
links:
  a -> b:
    rtt: 1ms
";
        assert_eq!(echo(&node), expected);
        assert!(same(&tree(&echo(&node)), &node));
    }

    fn nodes() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            "[ -~]{0,12}",
            "\\PC{0,6}",
            Just("~".to_owned()),
            Just("- a".to_owned()),
            Just("a\u{1b}\nb".to_owned())
        ];
        let leaf = word.prop_map(|text| serde_json::to_string(&text).expect("texts are JSON"));
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[{}]", items.join(", "))),
                prop::collection::btree_map("\\PC{0,8}", inner, 0..5).prop_map(|map| {
                    let entries: Vec<_> = map
                        .into_iter()
                        .map(|(key, value)| {
                            format!("{}: {value}", serde_json::to_string(&key).expect("JSON"))
                        })
                        .collect();
                    format!("{{{}}}", entries.join(", "))
                }),
            ]
        })
    }

    /// The same tree without the quotes, where a text can stand without: canonical form must cope with both.
    fn unquoted(node: &mut Node) {
        match &mut node.value {
            Value::Scalar { text, quoted } => *quoted = !plain(text),
            Value::List(items) => items.iter_mut().for_each(unquoted),
            Value::Map(entries) => entries
                .iter_mut()
                .for_each(|entry| unquoted(&mut entry.value)),
            Value::Null => {}
        }
    }

    proptest! {
        #[test]
        fn reading_the_echo_gives_the_same_tree(text in nodes(), origins in any::<bool>()) {
            let mut node = tree(&format!("{{root: {text}}}"));
            if origins {
                mark(&mut node, "default:\nKubernetes # v1");
            }
            prop_assert!(same(&tree(&echo(&node)), &node), "{}", echo(&node));
            unquoted(&mut node);
            prop_assert!(same(&tree(&echo(&node)), &node), "{}", echo(&node));
        }
    }
}
