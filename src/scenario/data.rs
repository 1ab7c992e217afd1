//! Recorded data that a scenario names: read once beside its texts, so that a run keeps copies of them.

use std::path::{Component, Path, PathBuf};

use crate::scenario::node::{Node, Value};
use crate::scenario::problem::Problems;
use crate::scenario::render::visible;
use crate::scenario::sources::Sources;

/// Reads the files that `replay` and `series` of loads name into the sources; what cannot be read is a problem.
pub fn read_all(tree: &Node, sources: &mut Sources, problems: &mut Problems) {
    for load in tree.get("load").map_or(&[][..], Node::entries) {
        if let Some(replay) = load.value.get("replay") {
            read(replay, sources, problems);
        }
        let shapes = load.value.get("shape").map_or(&[][..], Node::items);
        for series in shapes.iter().filter_map(|shape| shape.get("series")) {
            read(series, sources, problems);
        }
    }
}

fn read(owner: &Node, sources: &mut Sources, problems: &mut Problems) {
    let Some(file) = owner.get("file") else {
        return;
    };
    let Some(path) = path(file, sources) else {
        return;
    };
    if text(file, sources).is_some() {
        return;
    }
    let shown = visible(&path.display().to_string());
    if !is_inside(&path, sources) {
        problems.push(
            "E009",
            file.span,
            format!("`{shown}` lies outside the folder of the scenario"),
            "not below this file or the root scenario",
            "move or copy the file into the folder",
        );
        return;
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            sources.add(path.display().to_string(), text);
        }
        Err(error) => problems.push(
            "E001",
            file.span,
            format!("`{shown}` cannot be read: {error}"),
            "named here",
            "",
        ),
    }
}

/// Text of the data file that a node names, when it was read.
#[must_use]
pub fn text<'a>(file: &Node, sources: &'a Sources) -> Option<&'a str> {
    let path = path(file, sources)?.display().to_string();
    sources.find(&path)
}

/// Where the name of a file points to: relative to the file that names it; on the command line, to the scenario.
fn path(file: &Node, sources: &Sources) -> Option<PathBuf> {
    let Value::Scalar { text, .. } = &file.value else {
        return None;
    };
    let naming = Path::new(sources.name(file.span.file));
    let naming = if naming.is_file() {
        naming
    } else {
        Path::new(sources.root())
    };
    Some(naming.parent().unwrap_or(Path::new("")).join(text))
}

fn is_inside(path: &Path, sources: &Sources) -> bool {
    let folder = |path: &Path| {
        let folder = path
            .parent()
            .filter(|folder| folder.components().next().is_some());
        folder.unwrap_or(Path::new(".")).to_owned()
    };
    let root = folder(Path::new(sources.root())).canonicalize();
    let real = folder(path).canonicalize();
    match (root, real) {
        (Ok(root), Ok(real)) => real.starts_with(root),
        // A folder that is not there is told as a file that cannot be read.
        _ => !path.components().any(|part| part == Component::ParentDir),
    }
}
