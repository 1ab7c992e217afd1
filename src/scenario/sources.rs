//! Every text that was read, so that a span can be shown: files and `--set` arguments. Knows no YAML.

use crate::scenario::node::{FileId, Span};

/// A text with the name it was given under.
#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
    /// Byte offset of the first character of each line.
    lines: Vec<usize>,
}

/// All texts read so far; the first is the root scenario.
#[derive(Clone, Default, Debug)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text under the name that people know it by (the path as given, or `--set`).
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(offset, _)| offset + 1))
            .collect();
        self.list.push(Source {
            name: name.into(),
            text,
            lines,
        });
        FileId(u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX))
    }

    /// The name as given; empty for an id that is not of these sources.
    #[must_use]
    pub fn name(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.name)
    }

    /// The root scenario's name; empty when nothing was read.
    #[must_use]
    pub fn root(&self) -> &str {
        self.list.first().map_or("", |source| &source.name)
    }

    /// The text that was given under a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        let found = self.list.iter().find(|source| source.name == name)?;
        Some(&found.text)
    }

    /// The whole text; empty for an id that is not of these sources.
    #[must_use]
    pub fn text(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.text)
    }

    /// How many texts were read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was read yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Line and column of the start of `span`, both from 1; a column is a character, not a byte.
    #[must_use]
    pub fn place(&self, span: Span) -> (usize, usize) {
        let Some(source) = self.source(span.file) else {
            return (1, 1);
        };
        let offset = floor_boundary(&source.text, span.offset);
        let line = source
            .lines
            .partition_point(|&start| start <= offset)
            .max(1);
        let column = source.text[source.lines[line - 1]..offset].chars().count() + 1;
        (line, column)
    }

    /// `24:14`, to name a second place inside a sentence, label or help.
    #[must_use]
    pub fn point(&self, span: Span) -> String {
        let (line, column) = self.place(span);
        format!("{line}:{column}")
    }

    /// The text under `span`, cut to what exists.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        let text = self.text(span.file);
        let start = floor_boundary(text, span.offset);
        let end = floor_boundary(text, span.offset.saturating_add(span.length)).max(start);
        &text[start..end]
    }

    /// The text of a line (from 1) without its end, and the offset where it starts.
    #[must_use]
    pub fn line(&self, file: FileId, line: usize) -> Option<(usize, &str)> {
        let source = self.source(file)?;
        let start = *source.lines.get(line.checked_sub(1)?)?;
        let end = source
            .lines
            .get(line)
            .map_or(source.text.len(), |next| next - 1);
        Some((start, source.text[start..end].trim_end_matches('\r')))
    }

    fn source(&self, file: FileId) -> Option<&Source> {
        self.list.get(file.0 as usize)
    }
}

/// The nearest start of a character at or before `offset`.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_characters_and_a_line_ends_at_its_break() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "é: ü\r\nname: x\n");
        assert_eq!(
            sources.place(Span {
                file,
                offset: 4,
                length: 2
            }),
            (1, 4)
        );
        assert_eq!(
            sources.place(Span {
                file,
                offset: 8,
                length: 4
            }),
            (2, 1)
        );
        assert_eq!(sources.line(file, 1), Some((0, "é: ü")));
        assert_eq!(
            sources.slice(Span {
                file,
                offset: 4,
                length: 2
            }),
            "ü"
        );
    }

    #[test]
    fn a_span_that_lies_outside_or_inside_a_character_is_cut() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "é");
        assert_eq!(
            sources.slice(Span {
                file,
                offset: 1,
                length: 900
            }),
            "é"
        );
        assert_eq!(
            sources.place(Span {
                file,
                offset: 77,
                length: 1
            }),
            (1, 2)
        );
        assert_eq!(
            sources.place(Span {
                file: FileId(9),
                offset: 77,
                length: 1
            }),
            (1, 1)
        );
    }
}
