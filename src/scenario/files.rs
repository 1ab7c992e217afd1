//! Several files to one tree: `extends`, `include`, a variant, a plan file. Keeps every file inside the folder of
//! the one that names it or of the root scenario.

use crate::scenario::merge;
use crate::scenario::node::{Entry, Node, Span, Value};
use crate::scenario::problem::Problems;
use crate::scenario::read::read_tree;
use crate::scenario::render::visible;
use crate::scenario::set::FIXED;
use crate::scenario::sources::Sources;
use crate::scenario::suggest::nearest;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Files that one scenario may be made of.
const MOST_FILES: usize = 10_000;
/// Files that may extend or include one another in a row.
const LONGEST_CHAIN: usize = 50;
/// Maps below the first level whose entries are things of their own: two parts may each define some.
const SHARED: [&str; 4] = [
    "migration.methods",
    "migration.gates",
    "migration.constraints",
    "calendar.freezes",
];

/// Reads a scenario with all that it extends and includes. `None` when any file cannot be used.
pub fn read_all(path: &Path, sources: &mut Sources, problems: &mut Problems) -> Option<Node> {
    let root = folder_of(&path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    Reader {
        root,
        sources,
        problems,
        chain: Vec::new(),
    }
    .file(path)
}

struct Reader<'a> {
    root: PathBuf,
    sources: &'a mut Sources,
    problems: &'a mut Problems,
    /// Files being read, the root first: with their true paths and the names as given.
    chain: Vec<(PathBuf, PathBuf)>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> Option<Node> {
        let mut own = read_tree(path, self.sources, self.problems)?;
        self.chain
            .push((path.canonicalize().ok()?, path.to_owned()));
        let result = self.compose(&mut own).map(|base| match base {
            Some(mut base) => {
                let span = own.span;
                merge::patch(&mut base, own);
                base.span = span;
                base
            }
            None => own,
        });
        self.chain.pop();
        result
    }

    /// Joins the parts into `own` and reads what it extends.
    fn compose(&mut self, own: &mut Node) -> Option<Option<Node>> {
        let (extends, include) = (take(own, "extends"), take(own, "include"));
        let mut sound = true;
        let base = match &extends {
            Some(entry) => {
                let base = self.named(&entry.value, "extends");
                sound &= base.is_some();
                base.map(|mut base| {
                    self.mark_origin(&mut base);
                    base
                })
            }
            None => None,
        };
        for pattern in include.iter().flat_map(|entry| match &entry.value.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        }) {
            match self.parts(pattern) {
                Some(parts) => {
                    for part in parts {
                        sound &= self.join(own, part, "");
                    }
                }
                None => sound = false,
            }
        }
        sound.then_some(base)
    }

    /// The name of the file that was read last, on everything that has no origin yet.
    fn mark_origin(&self, base: &mut Node) {
        let name = self.sources.name(base.span.file).to_owned();
        if base.origin.is_empty() {
            merge::mark(base, &format!("extends {name}"));
        }
    }

    /// The one file that `extends` names.
    fn named(&mut self, node: &Node, key: &str) -> Option<Node> {
        let Some(text) = node.text() else {
            self.problems.push(
                "E104",
                node.span,
                format!("`{key}` is not a file name"),
                "a file name is needed",
                "write `extends: base.yaml`",
            );
            return None;
        };
        let path = self.inside(text, node.span)?;
        self.open(&path, node.span, key)
    }

    /// The files that an entry of `include` names, sorted by name.
    fn parts(&mut self, node: &Node) -> Option<Vec<Node>> {
        let Some(text) = node.text() else {
            self.problems.push(
                "E104",
                node.span,
                "`include` is a list of files",
                "a file name is needed",
                "write `include: [teams.yaml, services/*.yaml]`",
            );
            return None;
        };
        let path = self.inside(text, node.span)?;
        let mut paths = if text.contains(['*', '?']) {
            expand(&path)
        } else {
            vec![path]
        };
        paths.sort();
        if paths.is_empty() {
            self.problems.push(
                "E001",
                node.span,
                format!("no file matches `{}`", visible(text)),
                "matches nothing",
                "",
            );
            return None;
        }
        let mut parts = Vec::new();
        for path in paths {
            parts.push(self.open(&path, node.span, "include")?);
        }
        Some(parts)
    }

    /// Where a name in the file being read points to, when it may be read.
    fn inside(&mut self, text: &str, span: Span) -> Option<PathBuf> {
        let (real, given) = self.chain.last()?;
        let real_folder = folder_of(real);
        let target = flat(&real_folder.join(text));
        let allowed = |path: &Path| path.starts_with(&real_folder) || path.starts_with(&self.root);
        let linked = target.canonicalize().unwrap_or_else(|_| target.clone());
        if !allowed(&target) || !allowed(&linked) {
            let sentence = format!(
                "`{}` lies outside the folder of the scenario",
                visible(text)
            );
            self.problems.push(
                "E009",
                span,
                sentence,
                "not below this file or the root scenario",
                "move or copy the file into the folder",
            );
            return None;
        }
        Some(if Path::new(text).is_absolute() {
            target
        } else {
            folder_of(given).join(text)
        })
    }

    fn open(&mut self, path: &Path, span: Span, key: &str) -> Option<Node> {
        let real = path.canonicalize().ok();
        if let Some(at) = self
            .chain
            .iter()
            .position(|(known, _)| Some(known) == real.as_ref())
        {
            let names: Vec<_> = self.chain[at..]
                .iter()
                .map(|(_, given)| given)
                .chain([&self.chain[at].1])
                .map(|name| visible(&name.display().to_string()))
                .collect();
            let verb = if key == "extends" {
                "extends"
            } else {
                "includes"
            };
            let sentence = format!("`{}` {verb} itself", names[0]);
            let label = if names.len() > 2 {
                names.join(" -> ")
            } else {
                "this very file".to_owned()
            };
            self.problems.push(
                "E008",
                span,
                sentence,
                label,
                format!("remove `{key}`, or name another file"),
            );
            return None;
        }
        if self.chain.len() >= LONGEST_CHAIN || self.sources.len() >= MOST_FILES {
            let sentence =
                format!("more than {LONGEST_CHAIN} files in a row, or {MOST_FILES} in all");
            self.problems.push(
                "E006",
                span,
                sentence,
                "the limit is reached here",
                "join some of them",
            );
            return None;
        }
        let before = self.problems.list.len();
        let tree = self.file(path);
        for problem in &mut self.problems.list[before..] {
            if problem.span.is_none() {
                problem.span = Some(span);
                problem.label = "named here".to_owned();
            }
        }
        tree
    }

    /// Adds the things of a part; false when one is there already.
    fn join(&mut self, own: &mut Node, part: Node, path: &str) -> bool {
        let Value::Map(entries) = &mut own.value else {
            return true;
        };
        let known: BTreeMap<String, usize> = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.key.clone(), index))
            .collect();
        let mut sound = true;
        let Value::Map(added) = part.value else {
            return true;
        };
        for entry in added {
            let here = if path.is_empty() {
                entry.key.clone()
            } else {
                format!("{path}.{}", entry.key)
            };
            let Some(&index) = known.get(&entry.key) else {
                entries.push(entry);
                continue;
            };
            let first = &mut entries[index];
            let shared = path.is_empty() || SHARED.contains(&here.as_str());
            let maps = matches!(
                (&first.value.value, &entry.value.value),
                (Value::Map(_), Value::Map(_))
            );
            if shared && maps {
                sound &= self.join(&mut first.value, entry.value, &here);
            } else if !(here == "cutover" && merge::same(&first.value, &entry.value)) {
                let label = format!(
                    "first defined at {}:{}",
                    visible(self.sources.name(first.key_span.file)),
                    self.sources.point(first.key_span)
                );
                let sentence = format!("`{}` is defined in two parts", visible(&here));
                self.problems.push(
                    "E011",
                    entry.key_span,
                    sentence,
                    label,
                    "remove one of the two, or let the file `extends` a base that it changes",
                );
                sound = false;
            }
        }
        sound
    }
}

/// Patches the tree with the variant of this name. Problems: E300 for an unknown one, E304 for one that changes
/// how the file is read, E104 for one that is no map.
pub fn apply_variant(tree: &mut Node, name: &str, problems: &mut Problems) {
    let all = tree.entry("variants");
    let Some(variant) = all.and_then(|variants| variants.value.get(name)) else {
        let names: Vec<&str> = all
            .map_or(&[][..], |variants| variants.value.entries())
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "the scenario has no `variants`".to_owned(),
            None => format!("its variants are {}", names.join(", ")),
        };
        let place = all.map_or(
            Span {
                length: 0,
                ..tree.span
            },
            |variants| variants.key_span,
        );
        problems.push(
            "E300",
            place,
            format!("unknown variant `{}`", visible(name)),
            "not among these",
            help,
        );
        return;
    };
    let mut change = variant.clone();
    if !matches!(change.value, Value::Map(_) | Value::Null) {
        problems.push(
            "E104",
            change.span,
            format!("variant `{}` is not a map", visible(name)),
            "a patch of the scenario is needed",
            "write the keys that differ",
        );
        return;
    }
    for key in FIXED.iter().chain(&["variants"]) {
        if let Some(entry) = change.entry(key) {
            problems.push(
                "E304",
                entry.key_span,
                format!("`{key}` cannot be set by a variant"),
                "says how the file is read",
                "change the file itself",
            );
            take(&mut change, key);
        }
    }
    if matches!(change.value, Value::Map(_)) {
        merge::mark(&mut change, &format!("variant {name}"));
        merge::patch(tree, change);
    }
}

/// Replaces the plan of the tree by that of a plan file: a scenario with only `plan`.
pub fn apply_plan(tree: &mut Node, path: &Path, sources: &mut Sources, problems: &mut Problems) {
    let Some(mut file) = read_tree(path, sources, problems) else {
        return;
    };
    for entry in file.entries() {
        let known = ["plan", "cutover", "name", "title", "notes"].contains(&entry.key.as_str())
            || entry.key.starts_with("x-");
        if !known {
            let sentence = format!("unknown key `{}` in a plan file", visible(&entry.key));
            problems.push(
                "E101",
                entry.key_span,
                sentence,
                "not a key of a plan file",
                "a plan file has only `plan`",
            );
        }
    }
    let Some(mut plan) = take(&mut file, "plan") else {
        problems.push(
            "E102",
            Span {
                length: 0,
                ..file.span
            },
            "a plan file needs `plan`",
            "no plan in it",
            "write `plan: {waves: [...]}`",
        );
        return;
    };
    merge::mark(&mut plan.value, &format!("plan file {}", path.display()));
    take(tree, "plan");
    if let Value::Map(entries) = &mut tree.value {
        entries.push(plan);
    }
}

/// Removes an entry of a map and hands it over.
fn take(node: &mut Node, key: &str) -> Option<Entry> {
    let Value::Map(entries) = &mut node.value else {
        return None;
    };
    let index = entries.iter().position(|entry| entry.key == key)?;
    Some(entries.remove(index))
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

/// The path without `.` and `..`, whatever exists.
fn flat(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                result.pop();
            }
            Component::CurDir => {}
            other => result.push(other),
        }
    }
    result
}

/// The files that match a pattern: `*` and `?` within one level, never a name that begins with a point.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if !text.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let mut next = Vec::new();
        for folder in &found {
            let here = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder.as_path()
            };
            let Ok(entries) = std::fs::read_dir(here) else {
                continue;
            };
            for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
                if !name.starts_with('.') && matches_pattern(&text, &name) {
                    next.push(folder.join(name));
                }
            }
        }
        next.sort();
        next.truncate(MOST_FILES);
        found = next;
    }
    found.retain(|path| path.is_file());
    found
}

/// Whether `name` matches a pattern of `*` (any letters) and `?` (one), in time pattern times name.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for letter in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match letter {
                '*' => reached[at] || (at > 0 && next[at - 1]),
                '?' => at > 0 && reached[at - 1],
                _ => at > 0 && reached[at - 1] && name[at - 1] == letter,
            };
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_within_one_name() {
        for (pattern, name, result) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a.yml", false),
            ("a?c*", "abc", true),
            ("a?c*", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(matches_pattern(pattern, name), result, "{pattern} {name}");
        }
    }
}
