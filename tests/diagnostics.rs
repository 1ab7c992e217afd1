//! Problems as people see them: one mistake per fixture, and texts that no tool should fall over.

use cutover::scenario::problem::Problems;
use cutover::scenario::sources::Sources;
use cutover::scenario::{check, echo, load, merge, render};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    // Relative, as `cargo test` runs in the package's folder: the name as given is the name that is printed.
    Path::new("tests/fixtures/diagnostics").join(name)
}

/// Problems of reading alone, before any meaning.
fn reading(name: &str) -> (Problems, Sources) {
    let loaded = load(&fixture(name), None, &[], None);
    (loaded.problems, loaded.sources)
}

/// The report with the folder of the fixtures taken off, as for somebody who works in it.
fn report(problems: &Problems, sources: &Sources) -> String {
    render::render(problems, sources, 100, true).replace("tests/fixtures/diagnostics/", "")
}

/// `file:line:column code sentence | label | help`, one problem a line.
fn rows(problems: &Problems, sources: &Sources) -> Vec<String> {
    render::sorted(problems, sources)
        .into_iter()
        .map(|problem| {
            let place = problem
                .span
                .map(|span| format!("{}:{}", sources.name(span.file), sources.point(span)));
            let place = place.unwrap_or_default();
            let help = problem.help.clone().unwrap_or_default();
            format!(
                "{place} {} {} | {} | {help}",
                problem.code, problem.sentence, problem.label
            )
            .replace("tests/fixtures/diagnostics/", "")
        })
        .collect()
}

fn report_of(name: &str) -> String {
    let (problems, sources) = reading(name);
    report(&problems, &sources)
}

fn rows_of(name: &str) -> Vec<String> {
    let (problems, sources) = reading(name);
    rows(&problems, &sources)
}

#[test]
fn a_comma_in_a_distribution_is_drawn_as_the_reference_prints_it() {
    let expected = "\
E204

  x a comma inside a distribution ends the YAML value
   ,-[flow.yaml:2:43]
 1 | services:
 2 |   s1: {cpu: 2, steps: [work: lognormal(5ms, cv=1.5)]}
   :                                           |
   :                                           `-- the value stops here
   `----
  help: arguments are separated by spaces: `lognormal(5ms cv=1.5)`

1 problem in flow.yaml; nothing was run
";
    assert_eq!(report_of("flow.yaml"), expected);
}

#[test]
fn files_with_one_mistake_give_one_problem_at_its_place() {
    for (name, expected) in [
        (
            "tab.yaml",
            "tab.yaml:3:1 E003 a tab cannot indent YAML | tab | use spaces; two per level",
        ),
        (
            "twice.yaml",
            "twice.yaml:4:3 E005 `services.cart` is defined twice | first defined at 2:3 | merge the two, or rename one",
        ),
        (
            "empty.yaml",
            "empty.yaml:1:1 E007 nothing in it: `cutover init` writes a starter | empty | ",
        ),
        (
            "latin.yaml",
            "latin.yaml:2:10 E002 not UTF-8: byte 21 of the file is 0xe9 | no character of UTF-8 begins so | save the file as UTF-8",
        ),
        (
            "itself.yaml",
            "itself.yaml:2:10 E008 `itself.yaml` extends itself | this very file | remove `extends`, or name another file",
        ),
        (
            "ring-a.yaml",
            "ring-b.yaml:2:10 E008 `ring-a.yaml` extends itself | ring-a.yaml -> ring-b.yaml -> ring-a.yaml | remove `extends`, or name another file",
        ),
        (
            "outside.yaml",
            "outside.yaml:2:10 E009 `../../../Cargo.toml` lies outside the folder of the scenario | not below this file or the root scenario | move or copy the file into the folder",
        ),
        (
            "tag.yaml",
            "tag.yaml:2:7 E010 tags are not read | a tag | remove it: every key knows the type of its value",
        ),
        (
            "anchor.yaml",
            "anchor.yaml:2:21 W001 anchor `&small` is invisible in the resolved scenario | expanded when read | share values by name instead: `classes`, `defaults` or `like`",
        ),
        (
            "include.yaml",
            "parts/b.yaml:2:3 E011 `services.cart` is defined in two parts | first defined at parts/a.yaml:2:3 | remove one of the two, or let the file `extends` a base that it changes",
        ),
        (
            "emty.yaml",
            " E001 `emty.yaml` does not exist |  | did you mean `empty.yaml`?",
        ),
        (
            "parts",
            " E001 `parts` is a directory |  | name a file in it, for example `parts/scenario.yaml`",
        ),
    ] {
        assert_eq!(rows_of(name), [expected], "{name}");
    }
}

#[test]
fn what_yaml_refuses_otherwise_is_e004_with_a_hint() {
    let found = rows_of("unclosed.yaml");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("E004") && found[0].contains("is not closed"),
        "{found:?}"
    );
}

#[test]
fn a_base_a_variant_a_plan_file_and_settings_grow_stronger_in_this_order() {
    let sets = ["services.cart.cpu=x4".to_owned()];
    let loaded = load(
        &fixture("more.yaml"),
        Some("big"),
        &sets,
        Some(&fixture("plan.yaml")),
    );
    assert!(
        loaded.problems.list.is_empty(),
        "{}",
        report(&loaded.problems, &loaded.sources)
    );
    let tree = loaded.tree.expect("a tree");
    let text = echo::echo(&tree).replace("tests/fixtures/diagnostics/", "");
    let expected = "\
cutover: 1
name: more
run:  # extends base.yaml
  seed: 1
  replications: 10
services:
  cart:
    cpu: 4  # --set x4
    replicas: 9  # variant big
variants:
  big:
    services:
      cart:
        replicas: 9
  broken:
    cutover: 2
plan:  # plan file plan.yaml
  waves:
    - name: one
      move:
        - cart
";
    assert_eq!(text, expected);
    let (mut sources, mut problems) = (Default::default(), Default::default());
    let again =
        cutover::scenario::read::read_text("scenario.yaml", text, &mut sources, &mut problems)
            .expect("a tree");
    assert!(merge::same(&tree, &again));
}

#[test]
fn a_variant_that_is_unknown_or_changes_the_language_is_refused() {
    let unknown = load(&fixture("more.yaml"), Some("bog"), &[], None);
    assert_eq!(
        rows(&unknown.problems, &unknown.sources),
        ["more.yaml:7:1 E300 unknown variant `bog` | not among these | did you mean `big`?"]
    );
    let broken = load(&fixture("more.yaml"), Some("broken"), &[], None);
    assert_eq!(
        rows(&broken.problems, &broken.sources),
        [
            "more.yaml:9:12 E304 `cutover` cannot be set by a variant | says how the file is read | change the file itself"
        ]
    );
}

#[test]
fn a_plan_file_has_only_a_plan() {
    let loaded = load(
        &fixture("more.yaml"),
        None,
        &[],
        Some(&fixture("plan-with-services.yaml")),
    );
    assert_eq!(
        rows(&loaded.problems, &loaded.sources),
        [
            "plan-with-services.yaml:2:1 E101 unknown key `services` in a plan file | not a key of a plan file | a plan file has only `plan`"
        ]
    );
}

#[test]
fn a_setting_is_shown_with_its_own_text() {
    let loaded = load(
        &fixture("more.yaml"),
        None,
        &["services.crat.cpu=2".to_owned()],
        None,
    );
    let text = report(&loaded.problems, &loaded.sources);
    assert!(
        text.contains(",-[--set:1:10]")
            && text.contains("no `crat` in `services`")
            && text.contains("did you mean `cart`?"),
        "{text}"
    );
}

#[test]
fn problems_have_the_same_fields_in_json() {
    let (problems, sources) = reading("twice.yaml");
    let json = render::to_json(&problems, &sources);
    assert_eq!(json["errors"], 1);
    let problem = &json["problems"][0];
    assert_eq!(
        (
            problem["code"].as_str(),
            problem["line"].as_u64(),
            problem["column"].as_u64(),
            problem["length"].as_u64()
        ),
        (Some("E005"), Some(4), Some(3), Some(4))
    );
    assert_eq!(problem["help"], "merge the two, or rename one");
}

#[test]
fn the_shops_problems_are_drawn_as_the_reference_prints_them() {
    let checked = check(Path::new("tests/fixtures/shop.yaml"), None, &[], None);
    let text = render::render(&checked.problems, &checked.sources, 100, true)
        .replace("tests/fixtures/", "");
    assert!(
        text.ends_with("\n19 problems in shop.yaml; nothing was run\n"),
        "{text}"
    );
    for expected in [
        "E300

  x endpoint `cart.get` calls unknown service `redis-crat`
    ,-[shop.yaml:16:31]
 15 |     endpoints:
 16 |       get: [work: -2ms, call: redis-crat]
    :                               ^^^^^|^^^^
    :                                    `-- no such service
 17 |       put: [work: exp(1ms), {call: mail, timeout: 250}]
    `----
  help: did you mean `redis-cart`?\n",
        "E401

  x wave `two` splits the group cart, redis-cart
    ,-[shop.yaml:32:26]
 31 |     - {name: one, move: [cart, web]}
 32 |     - {name: two, move: [redis-cart, mail, log, web]}
    :                          ^^^^^|^^^^
    :                               `-- `cart` moves in wave `one` (31:26)
 33 | assert:
    `----
  help: `constraints.together` (28:28) keeps them in one wave: move them together, or remove the
        group\n",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}
