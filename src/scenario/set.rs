//! `--set path=value`: one value of the merged tree replaced, merged or multiplied from the command line.

use crate::scenario::factor::{factor, multiplied};
use crate::scenario::merge;
use crate::scenario::node::{Entry, FileId, Node, Span, Value};
use crate::scenario::parse::parse;
use crate::scenario::path::{Step, equals_sign, steps};
use crate::scenario::problem::Problems;
use crate::scenario::render::visible;
use crate::scenario::sources::Sources;
use crate::scenario::suggest::nearest;

/// Keys that say how a scenario is put together, and so cannot be patched.
pub const FIXED: [&str; 3] = ["cutover", "include", "extends"];
/// Maps of things with names of their own: a name that is not there matches nothing. Other maps have keys of
/// the language, which may be set although only their default stands.
const NAMED: [&[&str]; 20] = [
    &["clusters"],
    &["machines"],
    &["teams"],
    &["classes"],
    &["services"],
    &["journeys"],
    &["load"],
    &["scaling"],
    &["faults"],
    &["variants"],
    &["experiments"],
    &["clusters", "*", "pools"],
    &["services", "*", "endpoints"],
    &["services", "*", "caches"],
    &["classes", "*", "endpoints"],
    &["classes", "*", "caches"],
    &["migration", "methods"],
    &["migration", "gates"],
    &["calendar", "freezes"],
    &["load", "*", "mix"],
];
/// Keys whose plain number counts things that come whole.
const WHOLE: [&str; 9] = [
    "users",
    "replicas",
    "nodes",
    "population",
    "engineers",
    "replications",
    "seed",
    "services",
    "times",
];

/// What was asked for, in parts.
struct Setting {
    steps: Vec<(Step, Span)>,
    whole: Span,
    value: Node,
    factor: Option<f64>,
}

/// Why a path matched nothing, and at which step.
struct Miss {
    step: usize,
    label: String,
    help: String,
}

/// Applies one argument `path=value` to the tree. Problems: E304 for a path that cannot be read or that matches
/// nothing, and those of YAML for the value; the tree is then unchanged.
pub fn apply(tree: &mut Node, argument: &str, sources: &mut Sources, problems: &mut Problems) {
    let file = sources.add("--set", argument);
    let Some(setting) = read(file, argument, sources, problems) else {
        return;
    };
    let mut changed = tree.clone();
    match descend(&mut changed, &setting, 0, &mut Vec::new()) {
        Ok(_) => *tree = changed,
        Err(miss) => {
            let place = setting
                .steps
                .get(miss.step)
                .map_or(setting.whole, |(_, span)| *span);
            let path = visible(sources.slice(setting.whole));
            problems.push(
                "E304",
                place,
                format!("`{path}` matches nothing"),
                miss.label,
                miss.help,
            );
        }
    }
}

fn read(
    file: FileId,
    argument: &str,
    sources: &Sources,
    problems: &mut Problems,
) -> Option<Setting> {
    let all = Span {
        file,
        offset: 0,
        length: argument.len(),
    };
    let Some(equals) = equals_sign(argument) else {
        problems.push(
            "E304",
            all,
            "no `=` in this setting",
            "path=value is needed",
            "for example `services.cart.replicas=3`",
        );
        return None;
    };
    let steps = match steps(&argument[..equals], file) {
        Ok(steps) => steps,
        Err((offset, label)) => {
            let place = Span {
                file,
                offset,
                length: usize::from(offset < equals),
            };
            problems.push(
                "E304",
                place,
                "not a path",
                label,
                "names joined by dots, `[0]` for an entry of a list, `*` for all names of a level",
            );
            return None;
        }
    };
    if let Some((Step::Key(key), span)) = steps.first()
        && FIXED.contains(&key.as_str())
    {
        problems.push(
            "E304",
            *span,
            format!("`{key}` cannot be set"),
            "says how the file is read",
            "change the file itself",
        );
        return None;
    }
    let mut value = parse(file, equals + 1, sources, problems)?;
    merge::mark(&mut value, "--set");
    let factor = value.text().and_then(factor);
    Some(Setting {
        steps,
        whole: Span {
            file,
            offset: 0,
            length: equals,
        },
        value,
        factor,
    })
}

/// Goes down from the node at `path` and changes what the rest of the steps name; answers how many places.
fn descend<'a>(
    node: &mut Node,
    setting: &'a Setting,
    at: usize,
    path: &mut Vec<&'a str>,
) -> Result<usize, Miss> {
    let Some((step, _)) = setting.steps.get(at) else {
        return change(node, setting, path);
    };
    match step {
        Step::Index(index) => item(node, setting, at, path, *index),
        Step::Every => every(node, setting, at, path),
        Step::Key(key) => {
            let last = at + 1 == setting.steps.len();
            if let Value::Map(entries) = &mut node.value
                && let Some(found) = entries.iter().position(|entry| entry.key == *key)
            {
                if last && matches!(setting.value.value, Value::Null) {
                    entries.remove(found);
                    return Ok(1);
                }
                path.push(key);
                let result = descend(&mut entries[found].value, setting, at + 1, path);
                path.pop();
                return result;
            }
            if let Some(miss) = absent(node, setting, at, path, key) {
                return Err(miss);
            }
            create(node, setting, at, path, key)
        }
    }
}

/// Why `key` may not be made where it does not stand; `None` when it may.
fn absent(node: &Node, setting: &Setting, at: usize, path: &[&str], key: &str) -> Option<Miss> {
    let parent = if path.is_empty() {
        "the scenario".to_owned()
    } else {
        format!("`{}`", visible(&path.join(".")))
    };
    let label = format!("no `{}` in {parent}", visible(key));
    let named = NAMED.iter().any(|names| {
        names.len() == path.len()
            && names
                .iter()
                .zip(path)
                .all(|(name, part)| *name == "*" || name == part)
    });
    // The cluster that is there when none is written.
    let implied = path == ["clusters"] && key == "default";
    let deeper = setting.steps[at + 1..]
        .iter()
        .any(|(step, _)| !matches!(step, Step::Key(_)));
    let multiplies =
        setting.factor.is_some() && path.first().copied() != Some("factors") && key != "factors";
    if (named && !implied) || deeper || multiplies || matches!(node.value, Value::List(_)) {
        let near = nearest(key, node.entries().iter().map(|entry| entry.key.as_str()));
        let help = match near {
            Some(near) => format!("did you mean `{}`?", visible(&near)),
            None if multiplies && !named => {
                "a factor multiplies what is written: write the value itself".to_owned()
            }
            None => String::new(),
        };
        return Some(Miss {
            step: at,
            label,
            help,
        });
    }
    None
}

fn create<'a>(
    node: &mut Node,
    setting: &'a Setting,
    at: usize,
    path: &mut Vec<&'a str>,
    key: &'a str,
) -> Result<usize, Miss> {
    let span = setting.steps[at].1;
    let empty = |span| Node {
        value: Value::Map(Vec::new()),
        span,
        origin: "--set".to_owned(),
    };
    if matches!(setting.value.value, Value::Null) {
        return Ok(1);
    }
    let mut made = empty(span);
    path.push(key);
    let result = descend(&mut made, setting, at + 1, path);
    path.pop();
    let count = result?;
    if !matches!(node.value, Value::Map(_)) {
        *node = empty(span);
    }
    if let Value::Map(entries) = &mut node.value {
        entries.push(Entry {
            key: key.to_owned(),
            key_span: span,
            value: made,
        });
    }
    Ok(count)
}

fn item<'a>(
    node: &mut Node,
    setting: &'a Setting,
    at: usize,
    path: &mut Vec<&'a str>,
    index: usize,
) -> Result<usize, Miss> {
    let miss = |label: String| Miss {
        step: at,
        label,
        help: "entries of a list are counted from 0".to_owned(),
    };
    let Value::List(items) = &mut node.value else {
        return Err(miss("not a list".to_owned()));
    };
    if index >= items.len() {
        let label = items.len().checked_sub(1).map_or_else(
            || "the list is empty".to_owned(),
            |last| format!("the last entry is [{last}]"),
        );
        return Err(miss(label));
    }
    if at + 1 == setting.steps.len() && matches!(setting.value.value, Value::Null) {
        items.remove(index);
        return Ok(1);
    }
    path.push("[]");
    let result = descend(&mut items[index], setting, at + 1, path);
    path.pop();
    result
}

/// All names of a level; those in which the rest of the path matches nothing are passed over.
fn every<'a>(
    node: &mut Node,
    setting: &'a Setting,
    at: usize,
    path: &mut Vec<&'a str>,
) -> Result<usize, Miss> {
    let mut count = 0;
    let mut first = None;
    let children: Vec<&mut Node> = match &mut node.value {
        Value::Map(entries) => entries.iter_mut().map(|entry| &mut entry.value).collect(),
        Value::List(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    path.push("*");
    for child in children {
        match descend(child, setting, at + 1, path) {
            Ok(places) => count += places,
            Err(miss) => first = first.or(Some(miss)),
        }
    }
    path.pop();
    if count > 0 {
        return Ok(count);
    }
    Err(first.unwrap_or_else(|| Miss {
        step: at,
        label: "no names at this level".to_owned(),
        help: String::new(),
    }))
}

fn change(node: &mut Node, setting: &Setting, path: &[&str]) -> Result<usize, Miss> {
    let Some(by) = setting.factor else {
        merge::patch(node, setting.value.clone());
        return Ok(1);
    };
    // An empty map here was just made: there is nothing yet to multiply, and the factor itself is the value.
    if matches!(&node.value, Value::Map(entries) if entries.is_empty()) {
        *node = setting.value.clone();
        return Ok(1);
    }
    let whole = path.last().is_some_and(|key| WHOLE.contains(key));
    let Some(text) = node.text().and_then(|text| multiplied(text, by, whole)) else {
        let help = "a factor multiplies a number, a quantity or a distribution".to_owned();
        return Err(Miss {
            step: setting.steps.len() - 1,
            label: "cannot be multiplied".to_owned(),
            help,
        });
    };
    let quoted = matches!(node.value, Value::Scalar { quoted: true, .. });
    *node = Node {
        value: Value::Scalar { text, quoted },
        span: setting.value.span,
        origin: format!("--set x{by}"),
    };
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read::tests::tree;

    fn set(text: &str, argument: &str) -> (Node, Vec<String>) {
        let (mut sources, mut problems) = (Sources::default(), Problems::default());
        let mut node = tree(text);
        apply(&mut node, argument, &mut sources, &mut problems);
        let found = problems
            .list
            .iter()
            .map(|problem| format!("{} {} | {:?}", problem.code, problem.label, problem.help))
            .collect();
        (node, found)
    }

    #[test]
    fn values_are_replaced_merged_removed_and_multiplied() {
        for (text, argument, result) in [
            (
                "{services: {cart: {replicas: 1}}}",
                "services.cart.replicas=3",
                "{services: {cart: {replicas: 3}}}",
            ),
            (
                "{services: {cart: {}}}",
                "services.cart.replicas=3",
                "{services: {cart: {replicas: 3}}}",
            ),
            (
                "{run: {seed: 1}}",
                "run={seed: 2, warmup: 1m}",
                "{run: {seed: 2, warmup: 1m}}",
            ),
            (
                "{a: 1}",
                "factors.load=x1.2",
                "{a: 1, factors: {load: x1.2}}",
            ),
            (
                "{factors: {load: x1.2}}",
                "factors.load=x2",
                "{factors: {load: x2.4}}",
            ),
            (
                "{plan: {waves: [{earliest: 1}, {earliest: 2, name: b}]}}",
                "plan.waves[1].earliest=null",
                "{plan: {waves: [{earliest: 1}, {name: b}]}}",
            ),
            (
                "{load: {a: {users: 25}, b: {rate: 5/s}}}",
                "load.*.users=x1.5",
                "{load: {a: {users: 38}, b: {rate: 5/s}}}",
            ),
            (
                "{services: {a: {steps: [{work: exp(2ms)}]}}}",
                "services.*.steps[0].work=x0.5",
                "{services: {a: {steps: [{work: exp(1ms)}]}}}",
            ),
            (
                "{links: {a -> b: {rtt: 1ms}}}",
                "links.\"a -> b\".rtt=4ms",
                "{links: {a -> b: {rtt: 4ms}}}",
            ),
            (
                "{services: {a: {cpu: 2}}}",
                "services.a.cpu.cores=4",
                "{services: {a: {cpu: {cores: 4}}}}",
            ),
        ] {
            let (node, problems) = set(text, argument);
            assert!(problems.is_empty(), "{argument}: {problems:?}");
            assert!(merge::same(&node, &tree(result)), "{argument}: {node:?}");
        }
    }

    #[test]
    fn a_path_that_matches_nothing_says_where_it_ends() {
        for (text, argument, message) in [
            (
                "{services: {cart: {}}}",
                "services.catr.replicas=3",
                "E304 no `catr` in `services` | Some(\"did you mean `cart`?\")",
            ),
            (
                "{load: {a: {rate: 1/s}}}",
                "load.*.users=x1.5",
                "E304 no `users` in `load.*` | Some(\"a factor multiplies what is written: write the value itself\")",
            ),
            (
                "{plan: {waves: [a]}}",
                "plan.waves[1]=b",
                "E304 the last entry is [0] | Some(\"entries of a list are counted from 0\")",
            ),
            (
                "{name: shop}",
                "name=x2",
                "E304 cannot be multiplied | Some(\"a factor multiplies a number, a quantity or a distribution\")",
            ),
            (
                "{a: 1}",
                "cutover=2",
                "E304 says how the file is read | Some(\"change the file itself\")",
            ),
        ] {
            assert_eq!(set(text, argument).1, [message], "{argument}");
        }
    }

    #[test]
    fn arguments_that_are_no_setting_are_refused() {
        for argument in [
            "",
            "a",
            "=1",
            "a..b=1",
            "a[x]=1",
            "a[0=1",
            "\"a=1",
            "a\"b=1",
            &"a.".repeat(1000),
            "a={",
            "a[0]b=1",
        ] {
            assert!(!set("{a: 1}", argument).1.is_empty(), "{argument:?}");
        }
    }
}
