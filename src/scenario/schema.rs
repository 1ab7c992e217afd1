//! The JSON Schema (2020-12) of the scenario language, written from the tables of keys: completes and checks in
//! editors. Looser than the program where a key takes several forms; the program has the last word.

use crate::scenario::keys::{CALL_POLICY, Key, SERVICE, STEP, TABLES, Table};
use serde_json::{Map, Value, json};

/// Maps of named things that also have a short form: a word or a list instead of a map.
const SHORT: [&str; 4] = ["endpoints", "freezes", "scaling", "methods"];

/// The whole schema.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for table in TABLES {
        definitions.insert(definition(table), object(table));
    }
    definitions.insert(
        "scalar".to_owned(),
        json!({ "type": ["string", "number", "boolean", "null"] }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cutover scenario",
        "description": "What is, what will be done and what must hold, for the rehearsal of a migration",
        "$ref": "#/$defs/scenario",
        "$defs": definitions,
    })
}

/// The schema as the file in the documentation has it: indented, with a line break at its end.
#[must_use]
pub fn text() -> String {
    // Maps of strings and numbers always have a JSON form.
    format!("{:#}\n", schema())
}

/// `services.NAME.steps[]` becomes `services.NAME.steps`, which needs no escapes in a reference.
fn definition(table: &Table) -> String {
    if table.path.is_empty() {
        return table.noun.to_owned();
    }
    table.path.replace("[]", "").replace("\"A <-> B\"", "NAME")
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A map with the keys of a table; own keys begin with `x-`.
fn object(table: &Table) -> Value {
    let mut properties = Map::new();
    for key in table.keys {
        properties.insert(key.name.to_owned(), property(table, key));
    }
    if table.path == STEP.path {
        for key in CALL_POLICY
            .keys
            .iter()
            .filter(|key| STEP.key(key.name).is_none())
        {
            properties.insert(key.name.to_owned(), property(&CALL_POLICY, key));
        }
    }
    let mut object = json!({
        "title": table.noun,
        "type": "object",
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    });
    // A file that extends or is included need not say what the other does, nor does a patch or class.
    let required: Vec<_> = table
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    if !required.is_empty() && !table.path.is_empty() && table.path != SERVICE.path {
        object["required"] = json!(required);
    }
    object
}

fn property(table: &Table, key: &Key) -> Value {
    let mut schema = if key.built {
        form(table, key)
    } else {
        json!({ "not": {} })
    };
    let state = match (key.built, key.ignored) {
        (false, _) => "; not supported yet",
        (true, true) => "; read and not modelled",
        _ => "",
    };
    schema["description"] = json!(format!("{} ({}){state}", key.doc, key.kind));
    if !key.default.is_empty() {
        schema["default"] = json!(key.default);
    }
    schema
}

/// What may stand under a key: by the table that describes it, or by the words of its kind.
fn form(table: &Table, key: &Key) -> Value {
    let here = if table.path.is_empty() {
        key.name.to_owned()
    } else {
        format!("{}.{}", table.path, key.name)
    };
    let child = |end: &str| {
        let path = format!("{here}{end}");
        TABLES
            .iter()
            .find(|table| table.path == path)
            .map(|table| reference(&definition(table)))
    };
    if let Some(inner) = child("") {
        return if key.kind == "map" {
            json!({ "allOf": [inner] })
        } else {
            json!({ "anyOf": [inner, reference("scalar"), { "type": "array" }] })
        };
    }
    if let Some(inner) = child(".NAME").or_else(|| child(".\"A <-> B\"")) {
        let inner = if SHORT.contains(&key.name) {
            json!({ "anyOf": [inner, { "type": ["string", "array"] }] })
        } else {
            inner
        };
        return json!({ "type": "object", "additionalProperties": inner });
    }
    if let Some(inner) = child("[]") {
        return json!({ "type": "array", "items": inner });
    }
    if key.name == "behavior" {
        // One table serves both directions.
        let direction = reference("scaling.NAME.hpa.behavior.scaleDown");
        return json!({ "type": "object", "properties": { "scaleUp": direction.clone(), "scaleDown": direction } });
    }
    by_kind(key.kind)
}

fn by_kind(kind: &str) -> Value {
    if let Some(words) = kind.strip_prefix("one of: ") {
        return json!({ "enum": words.split(", ").collect::<Vec<_>>() });
    }
    match kind {
        "list of steps" => json!({ "type": "array", "items": reference("services.NAME.steps") }),
        "keys of a service" => json!({ "allOf": [reference("services.NAME")] }),
        "map of classes" => {
            json!({ "type": "object", "additionalProperties": reference("services.NAME") })
        }
        "call policy" => json!({ "allOf": [reference("services.NAME.callers")] }),
        "true or false" => json!({ "type": "boolean" }),
        "integer" | "seconds" => json!({ "type": "integer" }),
        // A kind with a choice of forms is checked by the program alone.
        kind if kind.contains(" or ")
            || kind.contains(", ")
            || kind.starts_with("pasted")
            || kind.starts_with("keys of") =>
        {
            json!({})
        }
        kind if kind == "map" || kind.starts_with("map of") || kind.starts_with('{') => {
            json!({ "type": "object" })
        }
        kind if kind == "list" || kind.starts_with("list ") => json!({ "type": "array" }),
        "breaker" | "scaling" | "policy" | "gate" | "method" | "link" => {
            json!({ "type": ["string", "object"] })
        }
        _ => json!({ "type": ["string", "number"] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_committed_schema_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenario.schema.json");
        if std::env::var_os("CUTOVER_WRITE_SCHEMA").is_some() {
            std::fs::create_dir_all(path.parent().expect("docs")).expect("docs can be made");
            std::fs::write(&path, text()).expect("the schema can be written");
        }
        let committed =
            std::fs::read_to_string(&path).expect("docs/scenario.schema.json is committed");
        assert!(
            committed == text(),
            "out of date: run this test with CUTOVER_WRITE_SCHEMA=1 and commit the file"
        );
    }

    #[test]
    fn every_reference_has_its_definition() {
        let text = text();
        let schema = schema();
        for part in text.split("\"#/$defs/").skip(1) {
            let name = part.split('"').next().expect("a name");
            assert!(schema["$defs"].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_table_of_keys_can_be_reached() {
        let text = text();
        for table in TABLES {
            let name = definition(table);
            assert!(
                text.contains(&format!("\"#/$defs/{name}\"")),
                "nothing refers to {name}"
            );
        }
    }
}
