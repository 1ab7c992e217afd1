//! Files to trees: what is read, whether it may be, and the names people see. Knows no merge and no meaning.

use crate::scenario::node::{FileId, Node, Span, Value};
use crate::scenario::parse::parse;
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::render::visible;
use crate::scenario::sources::Sources;
use crate::scenario::suggest::nearest;
use std::io::Read;
use std::path::Path;

/// The largest file that is read, in bytes: a scenario of 1,200 services is below a megabyte.
pub const MAXIMUM_BYTES: u64 = 64 << 20;

/// Reads a file into a tree and keeps its text in `sources`, under the path as given. `None` when it cannot be
/// used; then `problems` says why (E001, E002, E003, E004, E005, E006, E007, E010, E104; W001 is a warning).
pub fn read_tree(path: &Path, sources: &mut Sources, problems: &mut Problems) -> Option<Node> {
    let name = path.display().to_string();
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err((code, sentence, help)) => {
            problems.list.push(Problem {
                code,
                sentence,
                span: None,
                label: String::new(),
                help,
            });
            if sources.is_empty() {
                sources.add(name, "");
            }
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => read_text(&name, text, sources, problems),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[at];
            let file = sources.add(name, String::from_utf8_lossy(error.as_bytes()));
            let sentence = format!("not UTF-8: byte {} of the file is 0x{byte:02x}", at + 1);
            problems.push(
                "E002",
                Span {
                    file,
                    offset: at,
                    length: 3,
                },
                sentence,
                "no character of UTF-8 begins so",
                "save the file as UTF-8",
            );
            None
        }
    }
}

/// Reads a text that is already in memory, as [`read_tree`] does a file.
pub fn read_text(
    name: &str,
    text: String,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Node> {
    let file = sources.add(name, text);
    let tree = parse(file, 0, sources, problems)?;
    match tree.value {
        Value::Map(_) => Some(tree),
        Value::Null => {
            let place = Span {
                file,
                offset: 0,
                length: 0,
            };
            problems.push(
                "E007",
                place,
                "nothing in it: `cutover init` writes a starter",
                "empty",
                "",
            );
            None
        }
        _ => {
            let place = first_line(file, tree.span, sources);
            problems.push(
                "E104",
                place,
                "a scenario is a map of keys",
                "no key here",
                "`cutover init` writes a starter",
            );
            None
        }
    }
}

fn first_line(file: FileId, span: Span, sources: &Sources) -> Span {
    let length = sources.slice(span).lines().next().map_or(0, str::len);
    Span {
        file,
        offset: span.offset,
        length,
    }
}

type Refusal = (&'static str, String, Option<String>);

fn read_bytes(path: &Path) -> Result<Vec<u8>, Refusal> {
    let name = visible(&path.display().to_string());
    if path.is_dir() {
        let help = format!("name a file in it, for example `{name}/scenario.yaml`");
        return Err(("E001", format!("`{name}` is a directory"), Some(help)));
    }
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            ("E001", format!("`{name}` does not exist"), neighbour(path))
        }
        _ => ("E001", format!("`{name}` cannot be read: {error}"), None),
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAXIMUM_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAXIMUM_BYTES {
        let sentence = format!("`{name}` is larger than {} MiB", MAXIMUM_BYTES >> 20);
        return Err((
            "E006",
            sentence,
            Some("no scenario is so large: is this the right file?".to_owned()),
        ));
    }
    Ok(bytes)
}

/// A file beside the missing one with nearly its name.
fn neighbour(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(wanted, names.iter().map(String::as_str))?;
    Some(format!(
        "did you mean `{}`?",
        visible(&path.with_file_name(near).display().to_string())
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The tree of a text that must be fine.
    pub(crate) fn tree(text: &str) -> Node {
        let (node, problems, _) = read(text);
        assert!(!problems.has_errors(), "{text}: {:?}", problems.list);
        node.expect("a tree")
    }

    pub(crate) fn read(text: &str) -> (Option<Node>, Problems, Sources) {
        let (mut sources, mut problems) = (Sources::default(), Problems::default());
        let node = read_text("test.yaml", text.to_owned(), &mut sources, &mut problems);
        (node, problems, sources)
    }

    fn codes(text: &str) -> Vec<&'static str> {
        read(text)
            .1
            .list
            .iter()
            .map(|problem| problem.code)
            .collect()
    }

    #[test]
    fn every_key_and_scalar_knows_its_place() {
        let text = "a:\n  - {b: 'é', c: x y}\n  - off\n";
        let (node, _, sources) = read(text);
        let node = node.expect("a tree");
        let item = &node.get("a").expect("a").items()[0];
        let entry = item.entry("c").expect("c");
        assert_eq!(
            (
                sources.slice(entry.key_span),
                sources.slice(entry.value.span)
            ),
            ("c", "x y")
        );
        assert_eq!(sources.place(entry.value.span), (2, 17));
        assert_eq!(sources.slice(item.span), "{b: 'é', c: x y}");
        assert_eq!(node.get("a").expect("a").items()[1].text(), Some("off"));
    }

    #[test]
    fn a_block_map_ends_with_its_last_value() {
        let (node, _, sources) = read("a:\n  b: 1\n  c: 2\n\n\nd: 3\n");
        let span = node.expect("a tree").get("a").expect("a").span;
        assert_eq!(sources.slice(span), "b: 1\n  c: 2");
    }

    #[test]
    fn numbers_keep_their_text_and_nothing_is_null() {
        let node = tree("{a: 010, b: 1_000, c: ~, d: , e: '~', f: off}");
        let texts: Vec<_> = node
            .entries()
            .iter()
            .map(|entry| entry.value.text())
            .collect();
        assert_eq!(
            texts,
            [
                Some("010"),
                Some("1_000"),
                None,
                None,
                Some("~"),
                Some("off")
            ]
        );
    }

    #[test]
    fn an_empty_text_says_so() {
        for text in ["", "\n\n", "# only a comment\n", "---\n", "null"] {
            assert_eq!(codes(text), ["E007"], "{text:?}");
        }
    }

    #[test]
    fn a_list_or_a_word_is_no_scenario() {
        assert_eq!(codes("- a\n- b\n"), ["E104"]);
        assert_eq!(codes("hello"), ["E104"]);
    }

    #[test]
    fn tabs_are_named_as_such() {
        for text in [
            "a:\n  b: 1\n\tc: 2\n",
            "a:\n\tb: 1\n",
            "a:\n  - x\n  \t- y\n",
        ] {
            assert_eq!(codes(text), ["E003"], "{text:?}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_names_its_path_and_first_place() {
        let (node, problems, _) = read("services:\n  cart: {}\n  web: {}\n  cart: {}\n");
        assert!(node.is_none());
        assert_eq!(
            problems.list[0].sentence,
            "`services.cart` is defined twice"
        );
        assert_eq!(problems.list[0].label, "first defined at 2:3");
    }

    #[test]
    fn the_path_of_a_key_inside_a_list_has_its_index() {
        let (_, problems, _) = read("plan: {waves: [{name: a}, {name: b, name: c}]}");
        assert_eq!(
            problems.list[0].sentence,
            "`plan.waves[1].name` is defined twice"
        );
    }

    #[test]
    fn tags_and_merge_keys_are_refused_and_anchors_expanded_with_a_warning() {
        assert_eq!(codes("a: !ruby/object x\n"), ["E010"]);
        assert_eq!(codes("a: &x {b: 1}\nc: {<<: *x}\n"), ["W001", "E010"]);
        let (node, problems, sources) = read("a: &x {b: 1}\nc: *x\n");
        assert_eq!(
            problems
                .list
                .iter()
                .map(|problem| problem.code)
                .collect::<Vec<_>>(),
            ["W001"]
        );
        let copied = node
            .expect("a tree")
            .get("c")
            .and_then(|c| c.get("b").cloned())
            .expect("copied");
        assert_eq!(
            (copied.text(), sources.place(copied.span)),
            (Some("1"), (2, 4))
        );
    }

    #[test]
    fn a_comma_in_a_distribution_is_found_and_the_rest_still_read() {
        let (node, problems, sources) = read(
            "a: {work: lognormal(5ms, cv=1.5, max=1s), next: 1}\nb: [exp(2ms, max=3ms), exp(1ms)]\n",
        );
        let found: Vec<_> = problems
            .list
            .iter()
            .map(|problem| (problem.code, sources.place(problem.span.expect("a place"))))
            .collect();
        assert_eq!(found, [("E204", (1, 24)), ("E204", (2, 12))]);
        let node = node.expect("a tree");
        assert_eq!(
            node.get("a").and_then(|a| a.get("work")?.text()),
            Some("lognormal(5ms cv=1.5 max=1s)")
        );
        assert_eq!(node.get("a").and_then(|a| a.get("next")?.text()), Some("1"));
        assert_eq!(node.get("b").map(|b| b.items().len()), Some(2));
    }

    #[test]
    fn a_colon_in_a_distribution_is_explained() {
        let (_, problems, _) = read("a:\n  work: lognormal(mean: 5ms, cv: 1.5)\n");
        assert_eq!(problems.list[0].code, "E004");
        assert!(
            problems.list[0]
                .help
                .as_deref()
                .unwrap_or("")
                .contains("key=value")
        );
    }

    #[test]
    fn depth_is_bounded_however_it_is_made() {
        assert_eq!(codes(&"[".repeat(10 << 20)), ["E006"]);
        assert_eq!(codes(&"{a: ".repeat(1 << 20)), ["E006"]);
        assert_eq!(codes(&"- ".repeat(1 << 20)), ["E006"]);
        let block: String = (0..300)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect();
        assert_eq!(codes(&block), ["E006"]);
        let chain: String = (1..200)
            .map(|step| format!("k{step}: &a{step} [*a{}]\n", step - 1))
            .collect();
        assert!(codes(&format!("k0: &a0 [x]\n{chain}")).contains(&"E006"));
    }

    #[test]
    fn an_alias_bomb_stops_at_the_limit() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for step in 1..12 {
            let last = format!("*a{}", step - 1);
            text.push_str(&format!(
                "a{step}: &a{step} [{}]\n",
                [last.as_str(); 9].join(", ")
            ));
        }
        assert!(codes(&text).contains(&"E006"));
    }

    #[test]
    fn strange_texts_give_problems_and_no_panic() {
        for text in [
            "a: *a",
            "a: &a [*a]",
            "? [a]\n: b",
            "a: b: c",
            "\u{feff}a: 1",
            "a: \u{1b}[31m",
            "{",
            "a: 'x",
            "%YAML 3.0\n---\na: 1",
            "a: 1\n---\nb: 2",
            "é: [",
            "\u{85}",
            "a: |\n  x(",
            "(,",
            "[a(, b)",
        ] {
            let (node, problems, sources) = read(text);
            assert!(node.is_some() || problems.has_errors(), "{text:?}");
            let shown = crate::scenario::render::render(&problems, &sources, 100, true);
            assert!(!shown.contains('\u{1b}'), "{text:?}");
        }
    }
}
