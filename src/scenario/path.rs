//! The path of a `--set` argument in steps: `load.*.users`, `plan.waves[1].earliest`, `links."a -> b".rtt`.

use crate::scenario::node::{FileId, Span};

/// Steps of a path; the deepest key of the reference has fewer than ten.
const LONGEST_PATH: usize = 50;
/// One step down.
#[derive(Clone, Debug)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// An entry of a list, from 0.
    Index(usize),
    /// All that stand at this level.
    Every,
}

/// The first `=` outside quotes.
pub fn equals_sign(argument: &str) -> Option<usize> {
    let mut quoted = false;
    for (offset, letter) in argument.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '=' if !quoted => return Some(offset),
            _ => {}
        }
    }
    None
}

/// The steps of a path with their places. An error has the offset and what is wrong there.
pub fn steps(path: &str, file: FileId) -> Result<Vec<(Step, Span)>, (usize, &'static str)> {
    let mut steps = Vec::new();
    let mut at = 0;
    loop {
        let rest = &path[at..];
        let (step, length) = if let Some(inside) = rest.strip_prefix('"') {
            let end = inside.find('"').ok_or((at, "the quotes are not closed"))?;
            (Step::Key(inside[..end].to_owned()), end + 2)
        } else if let Some(inside) = rest.strip_prefix('[') {
            let end = inside.find(']').ok_or((at, "the bracket is not closed"))?;
            let index = inside[..end]
                .parse()
                .map_err(|_| (at + 1, "a whole number is needed, from 0"))?;
            (Step::Index(index), end + 2)
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            match &rest[..end] {
                "" => return Err((at, "a name is missing here")),
                "*" => (Step::Every, 1),
                name => (Step::Key(name.to_owned()), end),
            }
        };
        steps.push((
            step,
            Span {
                file,
                offset: at,
                length,
            },
        ));
        at += length;
        if steps.len() > LONGEST_PATH {
            return Err((at, "longer than any path of a scenario"));
        }
        match path[at..].chars().next() {
            None => return Ok(steps),
            Some('.') => at += 1,
            Some('[') => {}
            Some(_) => return Err((at, "a dot is missing here")),
        }
    }
}
