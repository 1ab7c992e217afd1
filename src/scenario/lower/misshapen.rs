//! Values of another shape than their key wants.

use crate::scenario::node::{Node, Value};

/// What a value must be by its key's kind, if it is of another shape: nothing that was written may be lost because a
/// reader looks for entries in a list, or for a word in a map. Kinds that name alternatives are left to the reader.
pub(super) fn misshapen(node: &Node, kind: &str) -> Option<&'static str> {
    let wanted = match kind.split(' ').next().unwrap_or_default() {
        _ if kind.contains(" or ") => return None,
        "map" | "keys" => "a map",
        "list" => "a list",
        "pasted" if kind == "pasted list" => "a list",
        "text" | "name" | "word" | "label" | "count" | "ratio" | "integer" | "bytes"
        | "seconds" | "CPU" => "a single value",
        _ => return None,
    };
    let fits = match &node.value {
        Value::Null => true,
        Value::Map(_) => wanted == "a map",
        Value::List(_) => wanted == "a list",
        Value::Scalar { .. } => wanted == "a single value",
    };
    (!fits).then_some(wanted)
}
