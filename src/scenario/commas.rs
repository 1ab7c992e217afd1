//! Finds a distribution that YAML has cut in two at a comma, says so, and mends the text so that reading can
//! go on: `{work: lognormal(5ms, cv=1.5)}` is two keys to YAML. Knows nothing else of distributions.

use crate::scenario::node::{FileId, Span};
use crate::scenario::parse::options;
use crate::scenario::problem::Problems;
use crate::scenario::render::visible;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

/// A text in which such commas are blanks, so that every place stays where it was.
pub struct Repaired {
    /// The mended text; `None` when there was nothing to mend.
    pub text: Option<String>,
    /// Offsets of the commas in it.
    pub commas: Vec<usize>,
}

/// Reports each cut distribution as E204 at its comma and mends it.
pub fn repair(file: FileId, base: usize, text: &str, problems: &mut Problems) -> Repaired {
    let mut commas = Vec::new();
    if !text.contains('(') {
        return Repaired { text: None, commas };
    }
    for event in Parser::new_from_str_with_options(text, options()) {
        // An error is reported by the reading proper, perhaps after mending has removed it.
        let Ok((event, span)) = event else { break };
        let (Event::Scalar(_, ScalarStyle::Plain, ..), Some(range)) = (event, span.byte_range())
        else {
            continue;
        };
        if commas.last().is_some_and(|&last| range.start <= last) {
            continue;
        }
        if let Some(found) = cut(text, range.start, range.end) {
            let help = format!(
                "arguments are separated by spaces: `{}`",
                visible(&found.corrected)
            );
            let place = Span {
                file,
                offset: base + found.commas[0],
                length: 1,
            };
            problems.push(
                "E204",
                place,
                "a comma inside a distribution ends the YAML value",
                "the value stops here",
                help,
            );
            commas.extend(found.commas);
        }
    }
    if commas.is_empty() {
        return Repaired { text: None, commas };
    }
    let mut bytes = text.as_bytes().to_vec();
    for &comma in &commas {
        bytes[comma] = b' ';
    }
    Repaired {
        text: String::from_utf8(bytes).ok(),
        commas,
    }
}

struct Cut {
    commas: Vec<usize>,
    corrected: String,
}

/// The scalar at `start..end`, when a bracket of it is open and a comma follows.
fn cut(text: &str, start: usize, end: usize) -> Option<Cut> {
    let open = unclosed(text.get(start..end)?)? + start;
    let name = text[start..open]
        .rfind(|letter: char| !letter.is_ascii_alphanumeric())
        .map_or(start, |at| start + at + 1);
    if name == open || !text[end..].trim_start_matches(' ').starts_with(',') {
        return None;
    }
    let mut depth = 0_usize;
    let mut commas = Vec::new();
    for (offset, letter) in text[open..].char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' => commas.push(open + offset),
            '\n' | '#' => return None,
            _ => {}
        }
        if depth == 0 {
            let written = text[name..=open + offset].replace(',', " ");
            let corrected = written.split_whitespace().collect::<Vec<_>>().join(" ");
            return Some(Cut { commas, corrected });
        }
    }
    None
}

/// Offset of the first bracket that is opened and not closed.
fn unclosed(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    for (offset, letter) in text.char_indices() {
        match letter {
            '(' => open.push(offset),
            ')' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.first().copied()
}
