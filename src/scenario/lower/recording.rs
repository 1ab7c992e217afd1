//! Recorded load: CSV files and Prometheus range answers as levels, rates or single arrivals.
//!
//! The first recorded instant is the scenario's start. A CSV has a header; its first column is the time: seconds
//! (of any epoch) or an RFC 3339 date-time with its offset. A value holds until the next row.

use super::context::Context;
use crate::scenario::data;
use crate::scenario::node::{Node, Span};
use crate::units::{SimDuration, SimTime};

/// Width of the bins in which single arrivals are counted, for those who need a rate.
const BIN: SimDuration = SimDuration::from_secs(60);

/// Whether `replay` means rates: it names a column, or a Prometheus answer.
pub(super) fn has_values(cx: &Context, node: &Node) -> bool {
    node.get("column").is_some() || is_json(cx, node)
}

fn is_json(_: &Context, node: &Node) -> bool {
    let name = node.get("file").and_then(Node::text).unwrap_or_default();
    name.ends_with(".json")
}

/// Recorded values from the start on; a replay ends as long after the last row as that one after the row before.
pub(super) fn values(cx: &mut Context, node: &Node, what: &str) -> Option<Vec<(SimTime, f64)>> {
    let file = node.get("file")?;
    // What could not be read was told.
    let text = data::text(file, cx.sources)?.to_owned();
    let column = node.get("column");
    let name = column.and_then(Node::text);
    let rows = if is_json(cx, node) {
        prometheus(&text, name)
    } else if let Some(name) = name {
        csv_rows(&text, Some(name))
    } else {
        cx.missing(
            node.span,
            &format!("`{what}`"),
            "column",
            "name of a column",
        );
        return None;
    };
    let rows = told(cx, rows, file, column)?;
    let mut values = aligned(cx, &rows, file.span)?;
    if what == "replay" && values.len() > 1 {
        let (before, last) = (values[values.len() - 2].0, values[values.len() - 1].0);
        values.push((last + last.since(before), 0.0));
    }
    Some(values)
}

/// Recorded arrivals from the start on, in order.
pub(super) fn instants(cx: &mut Context, node: &Node) -> Option<Vec<SimTime>> {
    let file = node.get("file")?;
    let text = data::text(file, cx.sources)?.to_owned();
    let rows = told(cx, csv_rows(&text, None), file, None)?;
    let values = aligned(cx, &rows, file.span)?;
    Some(values.into_iter().map(|(at, _)| at).collect())
}

/// Arrivals counted by the minute, as rates a second; 0 after the last.
pub(super) fn counted(instants: &[SimTime]) -> Vec<(SimTime, f64)> {
    let last = instants.last().map_or(0, |at| at.0 / BIN.0);
    let mut counts = vec![0u64; last as usize + 1];
    for at in instants {
        counts[(at.0 / BIN.0) as usize] += 1;
    }
    counts.push(0);
    (0..)
        .zip(counts)
        .map(|(bin, count)| (SimTime(bin * BIN.0), count as f64 / BIN.seconds()))
        .collect()
}

/// What is wrong with a file's content, and whether the column is to blame.
struct Fault {
    sentence: String,
    of_column: bool,
}

type Rows = Result<Vec<(f64, f64)>, Fault>;

fn fault(sentence: impl Into<String>) -> Fault {
    Fault {
        sentence: sentence.into(),
        of_column: false,
    }
}

fn told(
    cx: &mut Context,
    rows: Rows,
    file: &Node,
    column: Option<&Node>,
) -> Option<Vec<(f64, f64)>> {
    let error = match rows {
        Ok(rows) => return Some(rows),
        Err(error) => error,
    };
    let name = file.text().unwrap_or_default();
    let span = column.filter(|_| error.of_column).unwrap_or(file).span;
    cx.problem(
        "E206",
        span,
        format!("{}: {}", name.escape_default(), error.sentence),
        "in this file",
        "a CSV has a header and a time in its first column; a Prometheus answer is that of `query_range`",
    );
    None
}

/// Instants from the first row on; rows must be in order.
fn aligned(cx: &mut Context, rows: &[(f64, f64)], span: Span) -> Option<Vec<(SimTime, f64)>> {
    let start = rows.first().map_or(0.0, |row| row.0);
    if let Some(index) = rows.windows(2).position(|pair| pair[1].0 < pair[0].0) {
        cx.problem(
            "E203",
            span,
            format!("row {} is earlier than the row before", index + 3),
            "recorded times must be in order",
            "sort the file by its time",
        );
        return None;
    }
    let at = |time: f64| SimTime::ZERO + SimDuration::from_seconds(time - start);
    Some(
        rows.iter()
            .map(|(time, value)| (at(*time), *value))
            .collect(),
    )
}

/// Time and value of each row; without a column the value is 1.
fn csv_rows(text: &str, column: Option<&str>) -> Rows {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers = reader
        .headers()
        .map_err(|error| fault(error.to_string()))?
        .clone();
    let index = match column {
        None => None,
        Some(name) => Some(
            headers
                .iter()
                .position(|header| header == name)
                .ok_or_else(|| Fault {
                    sentence: format!(
                        "there is no column `{}`; there are {}",
                        name.escape_default(),
                        headers
                            .iter()
                            .collect::<Vec<_>>()
                            .join(", ")
                            .escape_default()
                    ),
                    of_column: true,
                })?,
        ),
    };
    let mut rows = Vec::new();
    for (number, record) in (2..).zip(reader.records()) {
        let record = record.map_err(|error| fault(error.to_string()))?;
        let time = record.get(0).unwrap_or_default();
        let time = instant(time).ok_or_else(|| {
            fault(format!(
                "line {number}: `{}` is not a time",
                time.escape_default()
            ))
        })?;
        let value = match index {
            None => 1.0,
            Some(index) => {
                let value = record.get(index).unwrap_or_default();
                amount(value).ok_or_else(|| {
                    fault(format!(
                        "line {number}: `{}` is not a number, 0 or more",
                        value.escape_default()
                    ))
                })?
            }
        };
        rows.push((time, value));
    }
    if rows.is_empty() {
        Err(fault("it has no rows"))
    } else {
        Ok(rows)
    }
}

fn amount(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && *value >= 0.0)
}

/// Seconds, or a date-time with its offset.
fn instant(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some(seconds).filter(|seconds| seconds.is_finite());
    }
    let stamp: jiff::Timestamp = text.parse().ok()?;
    Some(stamp.as_second() as f64 + f64::from(stamp.subsec_nanosecond()) * 1e-9)
}

/// The series of a range answer; several are added. `label=value` picks those with that label.
fn prometheus(text: &str, label: Option<&str>) -> Rows {
    let answer: serde_json::Value =
        serde_json::from_str(text).map_err(|error| fault(format!("no JSON: {error}")))?;
    let data = answer.get("data").unwrap_or(&answer);
    let all = data
        .get("result")
        .and_then(serde_json::Value::as_array)
        .ok_or_else(|| fault("there is no `data.result` with series"))?;
    let wanted = label
        .map(|label| {
            label.split_once('=').ok_or_else(|| Fault {
                sentence: "a series of a Prometheus answer is named by `label=value`".to_owned(),
                of_column: true,
            })
        })
        .transpose()?;
    let mut sums: std::collections::BTreeMap<u64, f64> = std::collections::BTreeMap::new();
    for series in all {
        let has = |(name, value): (&str, &str)| {
            series
                .get("metric")
                .and_then(|metric| metric.get(name)?.as_str())
                == Some(value)
        };
        if wanted.is_some_and(|wanted| !has(wanted)) {
            continue;
        }
        let samples = series.get("values").and_then(serde_json::Value::as_array);
        for sample in
            samples.ok_or_else(|| fault("a series has no `values`: is it a range answer?"))?
        {
            let time = sample.get(0).and_then(serde_json::Value::as_f64);
            let value = sample
                .get(1)
                .and_then(serde_json::Value::as_str)
                .and_then(|value| value.parse().ok());
            let (Some(time), Some(value)) = (time, value) else {
                return Err(fault(format!("{sample} is not a sample [time, \"value\"]")));
            };
            // A rate that Prometheus could not compute is no load; a negative one is a mistake.
            let value: f64 = value;
            if value < 0.0 || value.is_infinite() || time < 0.0 {
                return Err(fault(format!("{sample} is not a number, 0 or more")));
            }
            *sums.entry((time * 1e3).round() as u64).or_default() +=
                if value.is_nan() { 0.0 } else { value };
        }
    }
    if sums.is_empty() {
        return Err(Fault {
            sentence: "no series has samples".to_owned(),
            of_column: label.is_some(),
        });
    }
    Ok(sums
        .into_iter()
        .map(|(time, value)| (time as f64 * 1e-3, value))
        .collect())
}
