//! The YAML parser's refusals in the words of this program: tabs, depth, and all the rest.

use crate::scenario::node::{FileId, Span};
use crate::scenario::parse::MAXIMUM_DEPTH;
use crate::scenario::problem::Problems;
use crate::scenario::render::visible;
use serde_saphyr::granit_parser::{ErrorKind, ScanError};

/// Reports `error`, found in `text`, as E003, E006 or E004.
pub fn report(error: &ScanError, file: FileId, base: usize, text: &str, problems: &mut Problems) {
    let at = error
        .marker()
        .byte_offset()
        .unwrap_or_else(|| byte_offset(text, error.marker().index()))
        .min(text.len());
    let place = |offset: usize, length: usize| Span {
        file,
        offset: base + offset,
        length,
    };
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        let sentence = format!("nested deeper than {MAXIMUM_DEPTH} levels");
        problems.push(
            "E006",
            place(at, 1),
            sentence,
            "one level too many",
            "no scenario needs so many: is this the right file?",
        );
    } else if let Some(tab) = tab_in_indentation(text, at) {
        problems.push(
            "E003",
            place(tab, 1),
            "a tab cannot indent YAML",
            "tab",
            "use spaces; two per level",
        );
    } else {
        let sentence = format!("not YAML: {}", visible(&error.kind().to_string()));
        problems.push(
            "E004",
            place(at, usize::from(at < text.len())),
            sentence,
            "reading stopped here",
            help(error.kind(), text, at),
        );
    }
}

/// The tab among the blanks that begin the line of `at`, the next, or one of the two before: the parser may stumble
/// only on what follows, or name the start of a text that goes on below.
fn tab_in_indentation(text: &str, at: usize) -> Option<usize> {
    let line_end = |from: usize| {
        text[from..]
            .find('\n')
            .map_or(text.len(), |offset| from + offset)
    };
    let mut end = line_end((line_end(at) + 1).min(text.len()));
    let mut found = None;
    for _ in 0..4 {
        let start = text[..end].rfind('\n').map_or(0, |offset| offset + 1);
        let line = &text[start..end];
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        found = line[..blanks]
            .find('\t')
            .map(|offset| start + offset)
            .or(found);
        if start == 0 {
            break;
        }
        end = start - 1;
    }
    found
}

fn help(kind: &ErrorKind, text: &str, at: usize) -> &'static str {
    let start = text[..at].rfind('\n').map_or(0, |offset| offset + 1);
    let line = text[start..].lines().next().unwrap_or("");
    match kind {
        _ if line.contains('(') && line.contains(": ") && line.matches(": ").count() > 1 => {
            "inside a distribution write `key=value`, separated by spaces: `lognormal(5ms cv=1.5)`"
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            "a `[` or `{` is not closed, or a comma is missing between two values"
        }
        ErrorKind::UnclosedQuotedScalar => "the quotes are not closed",
        ErrorKind::UnknownAnchor => {
            "nothing before this has that anchor; a text that begins with `*` needs quotes"
        }
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::MappingKeyNotAllowed => {
            "keys of one level start in the same column; a text with `: ` in it needs quotes"
        }
        _ => "",
    }
}

/// The byte of the character with this index.
fn byte_offset(text: &str, index: usize) -> usize {
    text.char_indices()
        .nth(index)
        .map_or(text.len(), |(offset, _)| offset)
}
