//! Problems for people (drawn by miette) and for programs (JSON). Decides no exit code and prints nothing.

use crate::scenario::node::{FileId, Span};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::sources::Sources;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents, ThemeCharacters,
    ThemeStyles,
};
use std::fmt;

/// The longest part of a line that an excerpt shows, in characters; more is cut to what is near the caret.
const LONGEST_LINE: usize = 240;

/// All problems, sorted by file and line, each with its excerpt, and the line that counts them. `width` is that
/// of the terminal; `ascii` draws frames without Unicode. Ends with a line break; empty without problems.
#[must_use]
pub fn render(problems: &Problems, sources: &Sources, width: usize, ascii: bool) -> String {
    let characters = if ascii {
        ThemeCharacters::ascii()
    } else {
        ThemeCharacters::unicode()
    };
    let theme = GraphicalTheme {
        characters,
        styles: ThemeStyles::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width.max(40))
        .with_context_lines(1)
        .with_links(false)
        .with_break_words(false);
    let mut text = String::new();
    for problem in sorted(problems, sources) {
        let shown = Shown::new(problem, sources);
        let mut report = String::new();
        // Writing to a string fails only when miette gives up on an excerpt: then the plain sentence must do.
        if handler.render_report(&mut report, &shown).is_err() {
            report = format!("{}\n\n  x {}\n", problem.code, visible(&problem.sentence));
        }
        for line in report.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    if !problems.list.is_empty() {
        text.push_str(&count_line(problems, sources));
        text.push('\n');
    }
    text
}

/// `19 problems in shop.yaml; nothing was run`.
#[must_use]
pub fn count_line(problems: &Problems, sources: &Sources) -> String {
    let errors = problems
        .list
        .iter()
        .filter(|problem| problem.code.starts_with('E'))
        .count();
    let warnings = problems.list.len() - errors;
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut counted = Vec::new();
    if errors > 0 {
        counted.push(plural(errors, "problem"));
    }
    if warnings > 0 {
        counted.push(plural(warnings, "warning"));
    }
    let place = match sources.name(FileId(0)) {
        "" => String::new(),
        name => format!(" in {}", visible(name)),
    };
    let end = if errors > 0 { "; nothing was run" } else { "" };
    format!("{}{place}{end}", counted.join(" and "))
}

/// The same fields for programs: `{"problems": [{"code", "severity", "sentence", "file", "line", "column",
/// "length", "label", "help"}], "errors", "warnings"}`. Places are null when no file could be read.
#[must_use]
pub fn to_json(problems: &Problems, sources: &Sources) -> serde_json::Value {
    let list: Vec<_> = sorted(problems, sources)
        .into_iter()
        .map(|problem| {
            let place = problem.span.map(|span| sources.place(span));
            serde_json::json!({
                "code": problem.code,
                "severity": if problem.code.starts_with('E') { "error" } else { "warning" },
                "sentence": problem.sentence,
                "file": problem.span.map(|span| sources.name(span.file)),
                "line": place.map(|place| place.0),
                "column": place.map(|place| place.1),
                "length": problem.span.map(|span| sources.slice(span).chars().count()),
                "label": problem.label,
                "help": problem.help,
            })
        })
        .collect();
    let errors = problems
        .list
        .iter()
        .filter(|problem| problem.code.starts_with('E'))
        .count();
    serde_json::json!({ "errors": errors, "warnings": problems.list.len() - errors, "problems": list })
}

/// By file in the order read, then by line, column and code; without a place first. The same problem at the same
/// place is shown once.
#[must_use]
pub fn sorted<'a>(problems: &'a Problems, sources: &Sources) -> Vec<&'a Problem> {
    let mut list: Vec<_> = problems
        .list
        .iter()
        .map(|problem| {
            (
                problem.span.map(|span| (span.file, sources.place(span))),
                problem.code,
                problem,
            )
        })
        .collect();
    list.sort_by(|left, right| (left.0, left.1).cmp(&(right.0, right.1)));
    list.dedup_by(|left, right| left.2 == right.2);
    list.into_iter().map(|(_, _, problem)| problem).collect()
}

/// Text with control, invisible and direction characters written as escapes, so that a name cannot redraw the
/// terminal or hide what it is.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        push_visible(letter, &mut shown);
    }
    shown
}

fn push_visible(letter: char, shown: &mut String) {
    let invisible = letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    if invisible {
        shown.extend(letter.escape_default());
    } else {
        shown.push(letter);
    }
}

/// A problem as miette wants it.
#[derive(Debug)]
struct Shown {
    code: &'static str,
    sentence: String,
    help: Option<String>,
    label: String,
    excerpt: Option<Excerpt>,
}

impl Shown {
    fn new(problem: &Problem, sources: &Sources) -> Self {
        Self {
            code: problem.code,
            sentence: visible(&problem.sentence),
            help: problem.help.as_deref().map(visible),
            label: visible(&problem.label),
            excerpt: problem.span.map(|span| Excerpt::new(span, sources)),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(if self.code.starts_with('E') {
            Severity::Error
        } else {
            Severity::Warning
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt
            .as_ref()
            .map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_ref()?;
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        Some(Box::new(std::iter::once(
            LabeledSpan::new_primary_with_span(label, excerpt.caret),
        )))
    }
}

/// The line of a problem with one before and one after, made safe to draw.
#[derive(Debug)]
struct Excerpt {
    name: String,
    text: String,
    caret: SourceSpan,
    /// Of the first line shown, from 0.
    first_line: usize,
    /// Of the caret, from 0, in the file itself.
    line: usize,
    column: usize,
}

impl Excerpt {
    fn new(span: Span, sources: &Sources) -> Self {
        let (line, column) = sources.place(span);
        let mut text = String::new();
        let mut caret = (0, 0);
        let first_line = line.saturating_sub(1).max(1);
        for number in first_line..=line + 1 {
            let Some((start, written)) = sources.line(span.file, number) else {
                break;
            };
            if number > first_line {
                text.push('\n');
            }
            if number == line {
                let from = span.offset.saturating_sub(start).min(written.len());
                let to = span
                    .offset
                    .saturating_add(span.length)
                    .saturating_sub(start)
                    .clamp(from, written.len());
                caret = push_line(written, from, to, &mut text);
            } else {
                push_line(written, 0, 0, &mut text);
            }
        }
        if text.is_empty() {
            text.push(' ');
        }
        Self {
            name: visible(sources.name(span.file)),
            text,
            caret: (caret.0, caret.1).into(),
            first_line: first_line - 1,
            line: line - 1,
            column: column - 1,
        }
    }
}

/// Appends a line, cut to the neighbourhood of `from..to` when it is long, with escapes; answers where that part
/// went: offset and length in `text`.
fn push_line(written: &str, from: usize, to: usize, text: &mut String) -> (usize, usize) {
    let before = written
        .char_indices()
        .take_while(|(offset, _)| *offset < from)
        .count();
    let long = written.char_indices().nth(LONGEST_LINE).is_some();
    let skip = if long {
        before.saturating_sub(LONGEST_LINE / 3)
    } else {
        0
    };
    let (mut start, mut end) = (None, None);
    if skip > 0 {
        text.push_str("...");
    }
    let mut cut = false;
    for (count, (offset, letter)) in written.char_indices().skip(skip).enumerate() {
        if count >= LONGEST_LINE {
            cut = true;
            break;
        }
        if offset >= from && start.is_none() {
            start = Some(text.len());
        }
        if offset >= to && end.is_none() {
            end = Some(text.len());
        }
        push_visible(letter, text);
    }
    let start = start.unwrap_or(text.len());
    let end = end.unwrap_or(text.len()).max(start);
    if cut {
        text.push_str("...");
    }
    (start, end - start)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let data = self.text.as_bytes();
        let name = self.name.clone();
        // Without context miette asks for the place to print, with context for the lines to draw.
        let contents = if before == 0 && after == 0 {
            let part = data
                .get(span.offset()..span.offset() + span.len())
                .ok_or(MietteError::OutOfBounds)?;
            MietteSpanContents::new_named(name, part, *span, self.line, self.column, 1)
        } else {
            let whole = (0, data.len()).into();
            MietteSpanContents::new_named(
                name,
                data,
                whole,
                self.first_line,
                0,
                self.text.lines().count(),
            )
        };
        Ok(Box::new(contents))
    }
}
