//! The JSON Schema of the scenario language, made from the tables of keys, for editors to complete and check.
//!
//! It names keys, meanings and defaults. Values are checked by `cutover validate`, whose grammars (durations,
//! distributions, conditions) no schema can say.

use serde_json::{Map, Value, json};

use crate::scenario::keys::{Key, TABLES, Table};

/// The schema (JSON Schema 2020-12).
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for table in TABLES {
        definitions.insert(definition_name(table.path), map_of(table));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cutover scenario",
        "description": "The world, what will be done to it, and what must hold.",
        "$ref": "#/$defs/scenario",
        "$defs": definitions,
    })
}

fn definition_name(path: &str) -> String {
    let name: String = path
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let words: Vec<&str> = name
        .split('-')
        .filter(|word| !word.is_empty() && *word != "NAME")
        .collect();
    if words.is_empty() {
        "scenario".to_owned()
    } else {
        words.join("-")
    }
}

fn map_of(table: &Table) -> Value {
    let built = || table.keys.iter().filter(|key| key.built);
    let properties: Map<String, Value> = built()
        .map(|key| (key.name.to_owned(), property(table, key)))
        .collect();
    let required: Vec<&str> = built()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "title": table.noun,
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": open(table),
        "required": required,
    })
}

/// Maps in which other words than the table's keys may stand: names of things, or another form of the same thing.
fn open(table: &Table) -> bool {
    matches!(table.noun, "defaults" | "rule" | "provenance" | "step")
}

fn property(table: &Table, key: &Key) -> Value {
    let mut found = Map::new();
    found.insert(
        "description".to_owned(),
        format!("{} ({})", key.doc, key.kind).into(),
    );
    if !key.default.is_empty() {
        found.insert("default".to_owned(), key.default.into());
    }
    let here = if table.path.is_empty() {
        key.name.to_owned()
    } else {
        format!("{}.{}", table.path, key.name)
    };
    let reference = |path: &str| json!({ "$ref": format!("#/$defs/{}", definition_name(path)) });
    let has = |path: &str| TABLES.iter().any(|other| other.path == path);
    // A short form (text, number, list) may stand for each map; `validate` says which.
    let short = json!({ "type": ["string", "number", "integer", "boolean", "array", "null"] });
    let named = format!("{here}.NAME");
    let listed = format!("{here}[]");
    if has(&here) {
        found.insert("anyOf".to_owned(), json!([reference(&here), short]));
    } else if has(&named) {
        let each = json!({ "anyOf": [reference(&named), short] });
        let entries = json!({ "type": "object", "additionalProperties": each });
        found.insert("anyOf".to_owned(), json!([entries, short]));
    } else if has(&listed) {
        let each = json!({ "anyOf": [reference(&listed), short] });
        found.insert(
            "anyOf".to_owned(),
            json!([{ "type": "array", "items": each }, { "not": { "type": "array" } }]),
        );
    } else if let Some(words) = key.kind.strip_prefix("one of: ") {
        let words: Vec<&str> = words
            .split([',', '|'])
            .map(|word| word.trim().trim_matches('`'))
            .collect();
        found.insert("anyOf".to_owned(), json!([{ "enum": words }, true]));
    }
    Value::Object(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenario.schema.json");
        let text = format!("{:#}\n", schema());
        if std::env::var_os("CUTOVER_UPDATE").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            text,
            "run the tests with CUTOVER_UPDATE=1"
        );
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        let schema = schema();
        let text = schema.to_string();
        let names = text
            .split("#/$defs/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let mut count = 0;
        for name in names {
            assert!(schema["$defs"][name].is_object(), "{name}");
            count += 1;
        }
        assert!(count > 10);
    }
}
