//! The one rule of composition, JSON Merge Patch (RFC 7396): maps merge, `null` removes, anything else
//! replaces. Every node keeps the place of the file it came from.

use crate::scenario::node::{Entry, Node, Value};
use std::collections::BTreeMap;

/// Patches `base` with `patch`. Keys that stay keep their order, new ones follow in the patch's.
pub fn patch(base: &mut Node, patch: Node) {
    let Value::Map(changes) = patch.value else {
        *base = patch;
        return;
    };
    if !matches!(base.value, Value::Map(_)) {
        base.value = Value::Map(Vec::new());
        base.span = patch.span;
        base.origin.clone_from(&patch.origin);
    } else if base.origin != patch.origin {
        // What comes from two places has no origin of its own: its values have theirs.
        base.origin.clear();
    }
    let Value::Map(entries) = &mut base.value else {
        return;
    };
    let places: BTreeMap<String, usize> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.key.clone(), index))
        .collect();
    let mut removed = Vec::new();
    for change in changes {
        match (
            places.get(&change.key),
            matches!(change.value.value, Value::Null),
        ) {
            (Some(&index), true) => removed.push(index),
            (Some(&index), false) => {
                let entry = &mut entries[index];
                if !matches!(change.value.value, Value::Map(_)) {
                    entry.key_span = change.key_span;
                }
                self::patch(&mut entry.value, change.value);
            }
            (None, true) => {}
            (None, false) => entries.push(Entry {
                value: without_nulls(change.value),
                ..change
            }),
        }
    }
    if !removed.is_empty() {
        let mut index = 0;
        entries.retain(|_| {
            index += 1;
            !removed.contains(&(index - 1))
        });
    }
}

/// A patch that lands where nothing was: what it would have removed is not there.
fn without_nulls(node: Node) -> Node {
    let mut clean = Node {
        value: Value::Map(Vec::new()),
        span: node.span,
        origin: node.origin.clone(),
    };
    patch(&mut clean, node);
    clean
}

/// Marks everything in `node` as coming from `origin`, for the resolved echo.
pub fn mark(node: &mut Node, origin: &str) {
    node.origin = origin.to_owned();
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| mark(item, origin)),
        Value::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| mark(&mut entry.value, origin)),
        Value::Null | Value::Scalar { .. } => {}
    }
}

/// Whether two trees say the same: keys in order, texts and quotes; places and origins do not count.
#[must_use]
pub fn same(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Value::Null, Value::Null) => true,
        (
            Value::Scalar {
                text: left,
                quoted: one,
            },
            Value::Scalar {
                text: right,
                quoted: other,
            },
        ) => left == right && one == other,
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| left.key == right.key && same(&left.value, &right.value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read::tests::tree;

    /// The examples of RFC 7396, appendix A, as far as a scenario can hold them.
    #[test]
    fn the_examples_of_the_standard_hold() {
        for (base, change, result) in [
            ("{a: b}", "{a: c}", "{a: c}"),
            ("{a: b}", "{b: c}", "{a: b, b: c}"),
            ("{a: b}", "{a: null}", "{}"),
            ("{a: b, b: c}", "{a: null}", "{b: c}"),
            ("{a: [b]}", "{a: c}", "{a: c}"),
            ("{a: c}", "{a: [b]}", "{a: [b]}"),
            ("{a: {b: c}}", "{a: {b: d, c: null}}", "{a: {b: d}}"),
            ("{a: [{b: c}]}", "{a: [1]}", "{a: [1]}"),
            ("{a: foo}", "{a: {b: 1}}", "{a: {b: 1}}"),
            ("{}", "{a: {bb: {ccc: null}}}", "{a: {bb: {}}}"),
        ] {
            let mut node = tree(base);
            patch(&mut node, tree(change));
            assert!(
                same(&node, &tree(result)),
                "{base} + {change} is not {result}: {node:?}"
            );
        }
    }

    #[test]
    fn a_node_keeps_the_place_of_its_file() {
        let mut node = tree("{a: {x: 1}, b: 2}");
        let mut change = tree("{a: {y: 3}}");
        let place = change.get("a").and_then(|a| a.get("y")).map(|y| y.span);
        mark(&mut change, "variant fast");
        patch(&mut node, change);
        let added = node.get("a").and_then(|a| a.get("y"));
        assert_eq!(added.map(|y| y.span), place);
        assert_eq!(added.map(|y| y.origin.as_str()), Some("variant fast"));
        assert_eq!(node.get("b").map(|b| b.origin.as_str()), Some(""));
    }
}
