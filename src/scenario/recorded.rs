//! Recorded metrics: a CSV file with a column of time, or the answer of a Prometheus range query.
//!
//! CSV: the first column is the time (RFC 3339, Unix seconds, or a duration such as `90s` since the start), the
//! others are values; an empty cell is unknown. Prometheus: series of one `__name__` are summed at each instant (they
//! are pods, or labels that the policy does not tell apart).

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

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

/// Reads a recording; `None` when there is nothing to play, which `problems` explains.
#[must_use]
pub fn read(path: &Path, sources: &mut Sources, problems: &mut Problems) -> Option<Recording> {
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
        prometheus(file, &text, problems)?
    } else {
        csv_rows(file, &text, problems)?
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

fn prometheus(file: FileId, text: &str, problems: &mut Problems) -> Option<Rows> {
    let whole = |length: usize| Span {
        file,
        offset: 0,
        length: length.max(1),
    };
    let answer: serde_json::Value = match serde_json::from_str(text) {
        Ok(answer) => answer,
        Err(error) => {
            let before: usize = text
                .split_inclusive('\n')
                .take(error.line().saturating_sub(1))
                .map(str::len)
                .sum();
            let offset =
                (before + error.column().saturating_sub(1)).min(text.len().saturating_sub(1));
            let span = Span {
                file,
                offset,
                length: 1,
            };
            problems.push("E206", span, "this is not JSON", error.to_string(), "");
            return None;
        }
    };
    let series = answer
        .pointer("/data/result")
        .filter(|_| {
            answer
                .pointer("/data/resultType")
                .and_then(|kind| kind.as_str())
                == Some("matrix")
        })
        .and_then(|list| list.as_array());
    let Some(series) = series else {
        problems.push(
            "E206",
            whole(1),
            "this is not the answer of a range query",
            "`data.resultType` is not `matrix`",
            "ask Prometheus with `/api/v1/query_range`",
        );
        return None;
    };
    let mut names: Vec<String> = Vec::new();
    // Milliseconds, as Prometheus has them.
    let mut sums: BTreeMap<i64, Vec<Option<f64>>> = BTreeMap::new();
    for one in series {
        let name = one
            .pointer("/metric/__name__")
            .and_then(|name| name.as_str())
            .unwrap_or("value");
        let column = names.iter().position(|known| known == name);
        let column = column.unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        let values = one.get("values").and_then(|list| list.as_array());
        for pair in values.into_iter().flatten() {
            let when = pair.get(0).and_then(serde_json::Value::as_f64);
            let value = pair
                .get(1)
                .and_then(|value| value.as_str())
                .and_then(|text| text.parse::<f64>().ok())
                .filter(|value| value.is_finite());
            if let (Some(when), Some(value)) = (when, value) {
                let row = sums.entry((when * 1e3).round() as i64).or_default();
                row.resize(row.len().max(column + 1), None);
                row[column] = Some(row[column].unwrap_or(0.0) + value);
            }
        }
    }
    let columns = names.len();
    let rows = sums.into_iter().map(|(when, mut values)| {
        values.resize(columns, None);
        (Written::Calendar(when as f64 / 1e3), values)
    });
    Some((names, rows.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> (Option<Recording>, Problems, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let (mut sources, mut problems) = (Sources::default(), Problems::default());
        let found = read(&path, &mut sources, &mut problems);
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
    fn series_of_one_name_are_summed() {
        let (found, _, _) = check(
            "a.json",
            r#"{"status":"success","data":{"resultType":"matrix","result":[
                {"metric":{"__name__":"up","pod":"a"},"values":[[100,"1"],[115,"2"]]},
                {"metric":{"__name__":"up","pod":"b"},"values":[[115,"3.5"]]}]}}"#,
        );
        let found = found.unwrap();
        assert_eq!(found.recorded.names, ["up"]);
        assert_eq!(
            found.recorded.rows,
            [
                (SimTime::ZERO, vec![Some(1.0)]),
                (SimTime(15_000_000_000), vec![Some(5.5)])
            ]
        );
        let (none, problems, _) =
            check("b.json", r#"{"data":{"resultType":"vector","result":[]}}"#);
        assert!(none.is_none());
        assert_eq!(problems.list[0].code, "E206");
    }
}
