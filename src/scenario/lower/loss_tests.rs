//! Nothing that is written is lost: a map, a list or a value where another shape belongs is told, wherever it stands.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::scenario;

/// Codes of the errors in a scenario; JSON is YAML.
fn errors(folder: &Path, tree: &Value) -> Vec<String> {
    let path = folder.join("one.yaml");
    std::fs::write(&path, tree.to_string()).expect("written");
    let found = scenario::check(&path, None, &[], None);
    let problems = found.problems.list.iter();
    problems
        .filter(|problem| !problem.code.starts_with('W'))
        .map(|problem| problem.code.to_string())
        .collect()
}

/// Pointers to every value below the root.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(items) => (0..)
            .zip(items)
            .map(|(i, v): (i32, _)| (i.to_string(), v))
            .collect(),
        _ => return,
    };
    for (key, child) in children {
        let pointer = format!("{at}/{key}");
        pointers(child, &pointer, found);
        found.push(pointer);
    }
}

#[test]
fn a_value_of_another_shape_is_told_wherever_it_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for name in [
        "online-boutique",
        "narrow-link",
        "policies/zone-fault",
        "policies/gang-training",
    ] {
        let text = std::fs::read_to_string(root.join(format!("{name}.yaml"))).expect("shipped");
        let tree: Value = serde_saphyr::from_str(&text).expect("YAML");
        assert_eq!(errors(folder.path(), &tree), Vec::<String>::new(), "{name}");
        let mut all = Vec::new();
        pointers(&tree, "", &mut all);
        let mut silent = Vec::new();
        for pointer in all {
            let others = match tree.pointer(&pointer).expect("it is there") {
                Value::Null => continue,
                Value::Object(_) => [json!(["zzz"]), json!("zzz")],
                Value::Array(_) => [json!({"zzz": 1}), json!("zzz")],
                _ => [json!({"zzz": 1}), json!(["zzz"])],
            };
            for other in others {
                let mut changed = tree.clone();
                *changed.pointer_mut(&pointer).expect("it is there") = other.clone();
                if errors(folder.path(), &changed).is_empty() {
                    silent.push(format!("{pointer} = {other}"));
                }
            }
        }
        assert!(
            silent.is_empty(),
            "{name} takes in silence:\n{}",
            silent.join("\n")
        );
    }
}
