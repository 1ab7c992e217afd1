//! The house rules that a compiler does not hold: layers, file lengths, forbidden words in the core.

use std::fs;
use std::path::{Path, PathBuf};

/// Layer and what it may use, as in docs/architecture.md. `cli` may use all.
const LAYERS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("queueing", &["units"]),
    ("sketch", &["units"]),
    ("engine", &["units"]),
    ("arrange", &["engine"]),
    ("model", &["units", "queueing", "sketch"]),
    ("generate", &["units", "engine"]),
    ("plan", &["units", "queueing", "engine", "arrange", "model"]),
    ("world", &["units", "queueing", "sketch", "engine", "model"]),
    ("stations", &["units", "queueing", "model", "world"]),
    ("stats", &["units", "sketch"]),
    (
        "experiment",
        &[
            "units", "queueing", "sketch", "engine", "model", "world", "stations", "stats",
        ],
    ),
    (
        "search",
        &["units", "engine", "model", "plan", "stats", "experiment"],
    ),
    ("scenario", &["units", "queueing", "model", "plan"]),
    ("import", &["units", "model"]),
    (
        "report",
        &["units", "sketch", "model", "plan", "stats", "experiment"],
    ),
    (
        "verify",
        &[
            "units",
            "arrange",
            "queueing",
            "sketch",
            "engine",
            "model",
            "world",
            "stats",
            "experiment",
            "scenario",
            "import",
            "report",
        ],
    ),
];

/// Modules whose results must not depend on machine, time or hash order.
const CORE: &[&str] = &[
    "units", "queueing", "sketch", "engine", "arrange", "model", "plan", "generate", "world",
    "stations", "stats",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("folder exists") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The code of a file without its unit tests (which stand at the end).
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("readable source");
    text.split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
        .to_string()
}

fn is_test_file(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.ends_with("tests.rs")
        || name == "sample.rs"
        || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn modules_use_only_the_layers_below_them() {
    let mut wrong = Vec::new();
    for (layer, allowed) in LAYERS {
        for path in sources(&root().join("src").join(layer)) {
            if is_test_file(&path) {
                continue;
            }
            for (number, line) in code(&path).lines().enumerate() {
                if line.trim_start().starts_with("//") {
                    continue;
                }
                for used in line.split("crate::").skip(1) {
                    let used: String = used
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    let known = LAYERS.iter().any(|(name, _)| *name == used) || used == "cli";
                    if known && used != *layer && !allowed.contains(&used.as_str()) {
                        wrong.push(format!(
                            "{}:{}: `{layer}` must not know `{used}`",
                            path.display(),
                            number + 1
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long: Vec<_> = ["src", "tests", "benches"]
        .iter()
        .filter(|folder| root().join(folder).is_dir())
        .flat_map(|folder| sources(&root().join(folder)))
        .filter_map(|path| {
            let lines = fs::read_to_string(&path)
                .expect("readable source")
                .lines()
                .count();
            (lines > 500).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_core_has_no_clock_no_global_generator_and_no_hash_order() {
    let forbidden = [
        "Instant::now",
        "SystemTime",
        "thread_rng",
        "rand::rng()",
        "HashMap",
        "HashSet",
        "println!",
        "eprintln!",
    ];
    let mut wrong = Vec::new();
    for layer in CORE {
        for path in sources(&root().join("src").join(layer)) {
            for (number, line) in code(&path)
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                for word in forbidden.iter().filter(|word| line.contains(**word)) {
                    wrong.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The platform's libm differs from machine to machine in the last bits: the core calls `libm` by name, or what is
/// exact by IEEE 754 (`sqrt`).
#[test]
fn the_core_calls_no_transcendental_function_of_the_platform() {
    let forbidden = [
        ".ln()",
        ".ln_1p()",
        ".log(",
        ".log10()",
        ".log2()",
        ".exp()",
        ".exp2()",
        ".exp_m1()",
        ".powf(",
        ".sin()",
        ".cos()",
        ".tan()",
        ".asin()",
        ".acos()",
        ".atan()",
        ".atan2(",
        ".sinh()",
        ".cosh()",
        ".tanh()",
        ".cbrt()",
        ".hypot(",
        "f64::ln",
        "f64::exp",
        "f64::powf",
    ];
    let mut wrong = Vec::new();
    for layer in CORE.iter().chain(&["experiment"]) {
        for path in sources(&root().join("src").join(layer)) {
            if is_test_file(&path) {
                continue;
            }
            for (number, line) in code(&path).lines().enumerate() {
                if line.trim_start().starts_with("//") {
                    continue;
                }
                for word in forbidden.iter().filter(|word| line.contains(**word)) {
                    wrong.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
