//! Recorded metrics: a CSV file with a column of time, or the answer of a Prometheus range query.
//!
//! CSV: the first column is the time (RFC 3339, Unix seconds, or a duration such as `90s` since the start), the
//! others are values; an empty cell or `NaN` is unknown. Prometheus: a column is a series, or those that a [`Choice`]
//! picks by labels, summed at each instant; several series of one name without a choice are an error that lists them.
//! `NaN`, infinities and instants that a series lacks are unknown.

mod prometheus;

use std::path::Path;

use jiff::Timestamp;

use prometheus::prometheus;

use crate::model::scaling::replay::Recorded;
use crate::scenario::grammar::parse_duration;
use crate::scenario::node::{FileId, Span};
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::sources::Sources;
use crate::units::SimTime;

/// A recording and when it begins, if its times are those of a calendar.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Values.
    pub recorded: Recorded,
    /// First instant.
    pub start: Option<Timestamp>,
    /// The file, for problems about it.
    pub file: FileId,
}

/// A time as written.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Written {
    /// Seconds since 1970.
    Calendar(f64),
    /// Seconds since the start.
    Since(f64),
}

/// Which series become a column, and its name: `[NAME=]METRIC[{label="value", ...}]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Name of the column.
    pub name: Option<String>,
    /// `__name__`, or a column of a CSV file; `None`: any.
    pub metric: Option<String>,
    /// Labels that must have these values.
    pub labels: Vec<(String, String)>,
}

impl Choice {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "`{text}`: {what}; write for example `up{{job=\"node\"}}` or `cpu=up{{job=\"node\"}}`"
            )
        };
        let (head, labels) = match text.split_once('{') {
            Some((head, rest)) => {
                let inner = rest.trim_end().strip_suffix('}');
                (
                    head,
                    inner.ok_or_else(|| wrong("`}` is missing at its end"))?,
                )
            }
            None => (text, ""),
        };
        let (name, metric) = match head.split_once('=') {
            Some((name, metric)) => (Some(name.trim().to_owned()), metric.trim()),
            None => (None, head.trim()),
        };
        let mut found = Vec::new();
        for pair in labels
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
        {
            let (label, value) = pair
                .split_once('=')
                .ok_or_else(|| wrong(&format!("`{pair}` is no `label=\"value\"`")))?;
            let value = value.trim().trim_matches('"');
            found.push((label.trim().to_owned(), value.to_owned()));
        }
        if name.as_deref() == Some("") || (metric.is_empty() && found.is_empty()) {
            return Err(wrong("a name or labels are needed"));
        }
        Ok(Self {
            name,
            metric: (!metric.is_empty()).then(|| metric.to_owned()),
            labels: found,
        })
    }
}

/// Reads a recording; `None` when there is nothing to play, which `problems` explains.
#[must_use]
pub fn read(
    path: &Path,
    choices: &[Choice],
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Recording> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.list.push(Problem {
                code: "E001",
                sentence: format!("cannot read {}: {error}", path.display()),
                span: None,
                label: String::new(),
                help: None,
            });
            return None;
        }
    };
    let file = sources.add(path.display().to_string(), text.clone());
    let before = problems.list.len();
    let json = text.trim_start().starts_with('{');
    let (names, rows) = if json {
        prometheus(file, &text, choices, problems)?
    } else {
        let rows = csv_rows(file, &text, problems)?;
        chosen(file, rows, choices, problems)?
    };
    if problems.list.len() > before {
        return None;
    }
    let whole = Span {
        file,
        offset: 0,
        length: text.lines().next().map_or(1, str::len).max(1),
    };
    let Some((first, _)) = rows.first() else {
        problems.push(
            "E102",
            whole,
            "no values were recorded",
            "no row below this one",
            "",
        );
        return None;
    };
    let (begin, start) = match *first {
        Written::Calendar(seconds) => (
            seconds,
            Timestamp::from_nanosecond((seconds * 1e9) as i128).ok(),
        ),
        Written::Since(seconds) => (seconds, None),
    };
    let second = |written: &Written| match *written {
        Written::Calendar(seconds) | Written::Since(seconds) => seconds - begin,
    };
    let rows = rows
        .iter()
        .map(|(when, values)| (SimTime((second(when) * 1e9).round() as u64), values.clone()))
        .collect();
    Some(Recording {
        recorded: Recorded { names, rows },
        start,
        file,
    })
}

type Rows = (Vec<String>, Vec<(Written, Vec<Option<f64>>)>);

/// The columns of a table that are chosen, under the names that they are given, then all others.
fn chosen(file: FileId, rows: Rows, choices: &[Choice], problems: &mut Problems) -> Option<Rows> {
    if choices.is_empty() {
        return Some(rows);
    }
    let (names, rows) = rows;
    let mut picked = Vec::new();
    for choice in choices {
        let known = |name: &&String| choice.metric.as_ref() == Some(name);
        match names.iter().position(|name| known(&name)) {
            Some(column) if choice.labels.is_empty() => {
                let name = choice.name.clone().unwrap_or_else(|| names[column].clone());
                picked.push((name, column));
            }
            _ => {
                let span = Span {
                    file,
                    offset: 0,
                    length: 1,
                };
                let wanted = choice.metric.clone().unwrap_or_default();
                let sentence = format!("no column `{}` to choose", wanted.escape_default());
                let help = "columns of a table are chosen by name, without labels";
                let label = format!("the columns are {}", names.join(", "));
                problems.push("E300", span, sentence, label, help);
                return None;
            }
        }
    }
    for (column, name) in names.iter().enumerate() {
        let has = |(known, of): &(String, usize)| known == name || *of == column;
        if !picked.iter().any(has) {
            picked.push((name.clone(), column));
        }
    }
    let rows = rows.into_iter().map(|(when, values)| {
        let values = picked.iter().map(|(_, column)| values[*column]);
        (when, values.collect())
    });
    let rows = rows.collect();
    Some((picked.into_iter().map(|(name, _)| name).collect(), rows))
}

fn csv_rows(file: FileId, text: &str, problems: &mut Problems) -> Option<Rows> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let head: Vec<String> = match reader.headers() {
        Ok(head) => head.iter().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    let line = |offset: usize| Span {
        file,
        offset,
        length: text[offset..].lines().next().map_or(1, str::len).max(1),
    };
    if head.len() < 2 {
        problems.push(
            "E102",
            line(0),
            "no columns of values",
            "a column of time and at least one of values are needed",
            "write for example `time,cpu` above the values",
        );
        return None;
    }
    let mut rows: Vec<(Written, Vec<Option<f64>>)> = Vec::new();
    for record in reader.records() {
        let Ok(record) = record else {
            problems.push(
                "E206",
                line(0),
                "this is not CSV text",
                "cannot be read",
                "",
            );
            return None;
        };
        let mut offset = record
            .position()
            .map_or(0, |position| position.byte() as usize);
        if record.len() != head.len() {
            problems.push(
                "E104",
                line(offset),
                format!(
                    "{} cells in a table of {} columns",
                    record.len(),
                    head.len()
                ),
                "one cell for each column is needed",
                "",
            );
            continue;
        }
        let mut cells = Vec::with_capacity(head.len());
        for cell in &record {
            // The cell's own place; quotes and blanks before it are passed over.
            let found = text[offset..]
                .find(cell)
                .map_or(offset, |skip| offset + skip);
            cells.push((
                cell,
                Span {
                    file,
                    offset: found,
                    length: cell.len().max(1),
                },
            ));
            offset = found + cell.len();
        }
        let Some(when) = time(cells[0].0, cells[0].1, problems) else {
            continue;
        };
        if let Some((last, _)) = rows.last()
            && when.partial_cmp(last) != Some(std::cmp::Ordering::Greater)
        {
            problems.push(
                "E203",
                cells[0].1,
                "time does not rise",
                "not after the row before it",
                "sort the rows by time, in one form of time",
            );
            continue;
        }
        let values = cells[1..]
            .iter()
            .map(|(cell, span)| number(cell, *span, problems))
            .collect();
        rows.push((when, values));
    }
    Some((head[1..].to_vec(), rows))
}

fn time(cell: &str, span: Span, problems: &mut Problems) -> Option<Written> {
    if let Ok(at) = cell.parse::<Timestamp>() {
        return Some(Written::Calendar(at.as_nanosecond() as f64 * 1e-9));
    }
    if let Ok(seconds) = cell.parse::<f64>().map(|seconds| seconds.max(0.0)) {
        // Seconds of this century, or a count from the start.
        return Some(if seconds > 1e8 {
            Written::Calendar(seconds)
        } else {
            Written::Since(seconds)
        });
    }
    if let Ok(duration) = parse_duration(cell.strip_prefix('+').unwrap_or(cell), "time") {
        return Some(Written::Since(duration.seconds()));
    }
    problems.push(
        "E205",
        span,
        format!("`{}` is not a time", cell.escape_default()),
        "not a time",
        "write RFC 3339 (`2026-11-03T07:00:00Z`), Unix seconds, or a duration since the start (`90s`)",
    );
    None
}

fn number(cell: &str, span: Span, problems: &mut Problems) -> Option<f64> {
    if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
        return None;
    }
    let found = cell.parse::<f64>().ok().filter(|value| value.is_finite());
    if found.is_none_or(|value| value < 0.0) {
        problems.push(
            "E206",
            span,
            format!("`{}` is not a value", cell.escape_default()),
            "a number, 0 or more",
            "leave the cell empty where nothing is known",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> (Option<Recording>, Problems, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let (mut sources, mut problems) = (Sources::default(), Problems::default());
        let found = read(&path, &[], &mut sources, &mut problems);
        (found, problems, sources)
    }

    #[test]
    fn tables_have_any_form_of_time_and_empty_cells() {
        for (first, second, has_start) in [
            ("2026-11-03T07:00:00Z", "2026-11-03T07:00:30Z", true),
            ("1793689200", "1793689230", true),
            ("0s", "30s", false),
            ("0", "30", false),
        ] {
            let (found, _, _) = check(
                "a.csv",
                &format!("time,cpu,queue\n{first},1.5,\n{second},2,7\n"),
            );
            let found = found.expect(first);
            assert_eq!(found.start.is_some(), has_start, "{first}");
            assert_eq!(found.recorded.names, ["cpu", "queue"]);
            assert_eq!(
                found.recorded.rows,
                [
                    (SimTime::ZERO, vec![Some(1.5), None]),
                    (SimTime(30_000_000_000), vec![Some(2.0), Some(7.0)])
                ]
            );
        }
    }

    #[test]
    fn what_is_wrong_in_a_table_is_told_at_its_cell_all_at_once() {
        let (found, problems, sources) = check(
            "a.csv",
            "time,cpu\n0s,1\nnoon,2\n60s,much\n30s,3\n90s,-1\n120s,1,2\n",
        );
        assert!(found.is_none());
        let told: Vec<_> = problems
            .list
            .iter()
            .map(|problem| (problem.code, sources.point(problem.span.unwrap())))
            .collect();
        let point = |line: usize, column: usize| format!("{line}:{column}");
        assert_eq!(
            told,
            [
                ("E205", point(3, 1)),
                ("E206", point(4, 5)),
                ("E203", point(5, 1)),
                ("E206", point(6, 5)),
                ("E104", point(7, 1)),
            ]
        );
    }

    #[test]
    fn columns_of_a_table_are_chosen_and_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "time,web_cores,queue\n0s,1,2\n30s,NaN,4\n").unwrap();
        let play = |text: &str| {
            let (mut sources, mut problems) = (Sources::default(), Problems::default());
            let choice = Choice::parse(text).unwrap();
            let found = read(&path, &[choice], &mut sources, &mut problems);
            (found, problems)
        };
        let found = play("cpu=web_cores").0.unwrap().recorded;
        assert_eq!(found.names, ["cpu", "queue"]);
        let values: Vec<_> = found.rows.iter().map(|(_, row)| row[0]).collect();
        assert_eq!(values, [Some(1.0), None]);
        let (none, problems) = play("cores");
        assert!(none.is_none());
        let problem = &problems.list[0];
        assert_eq!(
            (problem.code, problem.label.as_str()),
            ("E300", "the columns are web_cores, queue")
        );
    }

    #[test]
    fn a_choice_is_written_as_a_selector() {
        let choice = |text: &str| Choice::parse(text);
        let full = choice("cpu=up{job=\"node\", instance=\"a:1\"}").unwrap();
        assert_eq!(
            (full.name.as_deref(), full.metric.as_deref()),
            (Some("cpu"), Some("up"))
        );
        let labels = [("job", "node"), ("instance", "a:1")];
        assert_eq!(
            full.labels,
            labels.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
        let bare = choice("{job=node}").unwrap();
        assert_eq!((bare.name, bare.metric, bare.labels.len()), (None, None, 1));
        for wrong in ["up{job=node", "", "{}", "up{job}", "=up"] {
            assert!(choice(wrong).is_err(), "{wrong}");
        }
    }
}
