//! Scenario text to a checked model: tree, merge, types, references, with every problem at once.

pub mod codes;
mod commas;
mod data;
pub mod echo;
mod factor;
mod files;
pub mod grammar;
pub mod keys;
pub mod lower;
pub mod merge;
pub mod node;
pub mod parse;
mod path;
pub mod policies;
pub mod problem;
pub mod read;
pub mod recorded;
pub mod render;
pub mod schema;
pub mod set;
pub mod sources;
pub mod suggest;
mod yaml_error;

use crate::model::Scenario;
use node::Node;
use problem::Problems;
use sources::Sources;
use std::path::Path;

/// A scenario with everything merged into it, before any meaning.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The merged tree; `None` when a file could not be used, which `problems` explains.
    pub tree: Option<Node>,
    /// All texts read, the root scenario first.
    pub sources: Sources,
    /// What is wrong so far.
    pub problems: Problems,
}

/// Reads the scenario at `path` with all it extends and includes, then puts a variant, a plan file and the
/// `--set` arguments on it, in this order of growing strength.
#[must_use]
pub fn load(path: &Path, variant: Option<&str>, sets: &[String], plan: Option<&Path>) -> Loaded {
    let (mut sources, mut problems) = (Sources::default(), Problems::default());
    let mut tree = files::read_all(path, &mut sources, &mut problems);
    if let Some(tree) = &mut tree {
        if let Some(name) = variant {
            files::apply_variant(tree, name, &mut problems);
        }
        if let Some(plan) = plan {
            files::apply_plan(tree, plan, &mut sources, &mut problems);
        }
        for argument in sets {
            set::apply(tree, argument, &mut sources, &mut problems);
        }
        data::read_all(tree, &mut sources, &mut problems);
    }
    Loaded {
        tree,
        sources,
        problems,
    }
}

/// A scenario read and judged.
#[derive(Debug)]
pub struct Checked {
    /// The model; `None` when there is an error among the problems.
    pub scenario: Option<Scenario>,
    /// The merged tree, for the echo.
    pub tree: Option<Node>,
    /// All texts read, the root scenario first.
    pub sources: Sources,
    /// All that is wrong, errors and warnings.
    pub problems: Problems,
}

/// Reads a scenario as [`check`] does, with the policy `chosen` in the place of every other. The second value is the
/// number of places where something scales.
#[must_use]
pub fn check_with_policy(path: &Path, sets: &[String], chosen: &str) -> (Checked, usize) {
    let Loaded {
        mut tree,
        sources,
        mut problems,
    } = load(path, None, sets, None);
    let places = tree
        .as_mut()
        .map_or(0, |tree| policies::apply(tree, chosen));
    let scenario = tree
        .as_ref()
        .and_then(|tree| lower::lower_changed(tree, &sources, &mut problems))
        .filter(|_| !problems.has_errors());
    let checked = Checked {
        scenario,
        tree,
        sources,
        problems,
    };
    (checked, places)
}

/// Reads a scenario as [`load`] does and turns it into the model, with every problem at once.
#[must_use]
pub fn check(path: &Path, variant: Option<&str>, sets: &[String], plan: Option<&Path>) -> Checked {
    let Loaded {
        tree,
        sources,
        mut problems,
    } = load(path, variant, sets, plan);
    let scenario = tree.as_ref().and_then(|tree| {
        if variant.is_some() {
            lower::lower_changed(tree, &sources, &mut problems)
        } else {
            lower::lower(tree, &sources, &mut problems)
        }
    });
    let scenario = scenario.filter(|_| !problems.has_errors());
    Checked {
        scenario,
        tree,
        sources,
        problems,
    }
}
