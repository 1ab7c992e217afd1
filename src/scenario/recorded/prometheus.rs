//! The answer of `/api/v1/query_range`: a matrix of series, told apart by their labels.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::{Choice, Rows, Written};
use crate::scenario::node::{FileId, Span};
use crate::scenario::problem::Problems;

/// Series that an error lists.
const LISTED: usize = 20;

#[derive(Deserialize)]
struct Matrix {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

/// One series.
#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    values: Vec<(Time, Sample)>,
}

/// Milliseconds since 1970, as Prometheus has them.
struct Time(i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)
            .map_err(|_| de::Error::custom("expected a time, Unix seconds without quotes"))?;
        Ok(Self((seconds * 1e3).round() as i64))
    }
}

/// A value; `None` for one that is no number.
struct Sample(Option<f64>);

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong =
            || de::Error::custom("expected a value in quotes, a number of 0 or more or NaN");
        let text = String::deserialize(deserializer).map_err(|_| wrong())?;
        // Rust reads `+Inf` and `NaN` as Prometheus writes them.
        let value: f64 = text.parse().map_err(|_| wrong())?;
        if value < 0.0 && value.is_finite() {
            return Err(wrong());
        }
        Ok(Self(Some(value).filter(|value| value.is_finite())))
    }
}

impl Series {
    fn name(&self) -> &str {
        self.metric.get("__name__").map_or("value", String::as_str)
    }

    /// As Prometheus writes it: `up{instance="a", job="b"}`.
    fn shown(&self) -> String {
        let labels = self.metric.iter().filter(|(label, _)| *label != "__name__");
        let labels: Vec<_> = labels
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let name = self.metric.get("__name__").map_or("", String::as_str);
        format!("{name}{{{}}}", labels.join(", "))
    }

    fn is_chosen(&self, choice: &Choice) -> bool {
        let name = choice
            .metric
            .as_ref()
            .is_none_or(|name| name == self.name());
        let mut labels = choice.labels.iter();
        name && labels.all(|(label, value)| self.metric.get(label) == Some(value))
    }
}

/// Columns of an answer: those chosen, or each series by its name.
pub(super) fn prometheus(
    file: FileId,
    text: &str,
    choices: &[Choice],
    problems: &mut Problems,
) -> Option<Rows> {
    let span = |offset: usize| Span {
        file,
        offset: offset.min(text.len().saturating_sub(1)),
        length: 1,
    };
    let place = |error: &serde_json::Error| {
        let lines = text.split_inclusive('\n');
        let before: usize = lines
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        span(before + error.column().saturating_sub(1))
    };
    let answer: serde_json::Value = match serde_json::from_str(text) {
        Ok(answer) => answer,
        Err(error) => {
            let at = place(&error);
            problems.push("E206", at, "this is not JSON", error.to_string(), "");
            return None;
        }
    };
    let word = |pointer: &str| answer.pointer(pointer).and_then(|word| word.as_str());
    let ask = "ask Prometheus with `/api/v1/query_range`";
    if word("/status") == Some("error") {
        let told = word("/error").unwrap_or("without a reason").to_owned();
        problems.push(
            "E206",
            span(0),
            "Prometheus answered with an error",
            told,
            ask,
        );
        return None;
    }
    if word("/data/resultType") != Some("matrix") {
        let kind = word("/data/resultType").unwrap_or("not there").to_owned();
        problems.push(
            "E206",
            span(text.find("resultType").unwrap_or(0)),
            "this is not the answer of a range query",
            format!("`data.resultType` is {kind}, expected `matrix`"),
            ask,
        );
        return None;
    }
    let series = match serde_json::from_str::<Matrix>(text) {
        Ok(matrix) => matrix.data.result,
        Err(error) => {
            let at = place(&error);
            let told = error.to_string();
            let told = told
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned();
            problems.push("E206", at, "this is no series of a range query", told, ask);
            return None;
        }
    };
    let first = span(text.find("\"result\"").unwrap_or(0));
    let columns = if choices.is_empty() {
        by_name(&series, first, problems)?
    } else {
        let mut chosen = by_choice(&series, choices, first, problems)?;
        chosen.extend(rest(&series, choices, &chosen));
        chosen
    };
    let mut sums: BTreeMap<i64, Vec<Option<f64>>> = BTreeMap::new();
    for (column, (_, members)) in columns.iter().enumerate() {
        for (Time(when), Sample(value)) in members.iter().flat_map(|one| &one.values) {
            let row = sums.entry(*when).or_default();
            row.resize(columns.len(), None);
            if let Some(value) = value {
                row[column] = Some(row[column].unwrap_or(0.0) + value);
            }
        }
    }
    let rows = sums.into_iter();
    let rows = rows.map(|(when, values)| (Written::Calendar(when as f64 / 1e3), values));
    let names = columns.into_iter().map(|(name, _)| name);
    Some((names.collect(), rows.collect()))
}

/// A column with its series.
type Column<'a> = (String, Vec<&'a Series>);

fn by_name<'a>(series: &'a [Series], at: Span, problems: &mut Problems) -> Option<Vec<Column<'a>>> {
    let mut found: Vec<Column> = Vec::new();
    for one in series {
        if found.iter().any(|(name, _)| name == one.name()) {
            let name = one.name();
            let alike: Vec<&Series> = series.iter().filter(|one| one.name() == name).collect();
            problems.push(
                "E300",
                at,
                format!(
                    "{} series have the name `{}`",
                    alike.len(),
                    name.escape_default()
                ),
                list(&alike),
                format!(
                    "choose with `--series '{}'`, or add them up with `--series {name}`",
                    alike[0].shown()
                ),
            );
            return None;
        }
        found.push((one.name().to_owned(), vec![one]));
    }
    Some(found)
}

fn by_choice<'a>(
    series: &'a [Series],
    choices: &[Choice],
    at: Span,
    problems: &mut Problems,
) -> Option<Vec<Column<'a>>> {
    let mut found: Vec<Column> = Vec::new();
    for choice in choices {
        let members: Vec<&Series> = series.iter().filter(|one| one.is_chosen(choice)).collect();
        let Some(first) = members.first() else {
            let all: Vec<&Series> = series.iter().collect();
            let sentence = "no series is chosen by `--series`";
            problems.push(
                "E300",
                at,
                sentence,
                list(&all),
                "name, or labels, of one of these",
            );
            return None;
        };
        let name = choice
            .name
            .clone()
            .unwrap_or_else(|| first.name().to_owned());
        found.push((name, members));
    }
    Some(found)
}

/// Series that no choice speaks of and that have a name of their own: a choice tells apart what has one name.
fn rest<'a>(series: &'a [Series], choices: &[Choice], chosen: &[Column<'a>]) -> Vec<Column<'a>> {
    let is_alone = |one: &&Series| {
        let name = one.name();
        let asked = choices
            .iter()
            .any(|choice| choice.metric.as_deref() == Some(name));
        let taken = chosen.iter().any(|(column, members)| {
            column == name || members.iter().any(|member| std::ptr::eq(*member, *one))
        });
        let alike = series.iter().filter(|other| other.name() == name).count();
        !asked && !taken && alike == 1
    };
    let alone = series.iter().filter(is_alone);
    alone
        .map(|one| (one.name().to_owned(), vec![one]))
        .collect()
}

fn list(series: &[&Series]) -> String {
    let mut shown: Vec<String> = series.iter().take(LISTED).map(|one| one.shown()).collect();
    if series.len() > LISTED {
        shown.push(format!("and {} more", series.len() - LISTED));
    }
    format!("there are {}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::recorded::{Recording, read};
    use crate::scenario::sources::Sources;

    fn check(text: &str, choices: &[&str]) -> (Option<Recording>, Problems, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, text).unwrap();
        let choices: Vec<_> = choices
            .iter()
            .map(|text| Choice::parse(text).unwrap())
            .collect();
        let (mut sources, mut problems) = (Sources::default(), Problems::default());
        let found = read(&path, &choices, &mut sources, &mut problems);
        (found, problems, sources)
    }

    /// Two pods and a queue; the second pod begins late, and its last value is not a number.
    const ANSWER: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[
{"metric":{"__name__":"cores","pod":"a"},"values":[[100,"1"],[115,"2"],[130,"4"]]},
{"metric":{"__name__":"cores","pod":"b"},"values":[[115,"3.5"],[130,"NaN"]]},
{"metric":{"__name__":"queue"},"values":[[100,"7"],[130.5,"+Inf"]]}]}}"#;

    #[test]
    fn series_of_one_name_are_chosen_or_added_up() {
        let (none, problems, _) = check(ANSWER, &[]);
        assert!(none.is_none());
        let problem = &problems.list[0];
        assert_eq!(
            (problem.code, problem.label.as_str()),
            ("E300", r#"there are cores{pod="a"}, cores{pod="b"}"#)
        );
        let rows = |choices: &[&str]| {
            let found = check(ANSWER, choices).0.unwrap().recorded;
            let rows: Vec<_> = found
                .rows
                .iter()
                .map(|(at, row)| (at.0 / 1_000_000, row.clone()))
                .collect();
            (found.names, rows)
        };
        assert_eq!(
            rows(&["cpu=cores", "queue"]),
            (
                vec!["cpu".to_owned(), "queue".to_owned()],
                vec![
                    (0, vec![Some(1.0), Some(7.0)]),
                    (15_000, vec![Some(5.5), None]),
                    // Of two pods the one that is known.
                    (30_000, vec![Some(4.0), None]),
                    (30_500, vec![None, None]),
                ]
            )
        );
        // What no choice speaks of keeps its name; pod `a` has that of the chosen.
        assert_eq!(
            rows(&[r#"{pod="b"}"#]),
            (
                vec!["cores".to_owned(), "queue".to_owned()],
                vec![
                    (0, vec![None, Some(7.0)]),
                    (15_000, vec![Some(3.5), None]),
                    (30_000, vec![None, None]),
                    (30_500, vec![None, None]),
                ]
            )
        );
        let (none, problems, _) = check(ANSWER, &["up"]);
        assert!(none.is_none());
        assert!(
            problems.list[0].label.ends_with("queue{}"),
            "{:?}",
            problems.list[0]
        );
    }

    #[test]
    fn what_is_wrong_in_an_answer_is_told_with_its_place() {
        let told = |text: &str| {
            let (none, problems, sources) = check(text, &[]);
            assert!(none.is_none());
            let problem = &problems.list[0];
            (
                problem.code,
                sources.point(problem.span.unwrap()).to_string(),
                problem.label.clone(),
            )
        };
        let wrong = |from: &str, to: &str| told(&ANSWER.replacen(from, to, 1));
        // After the value that was not understood.
        assert_eq!(
            wrong("\"3.5\"", "\"much\""),
            (
                "E206",
                "3:63".to_owned(),
                "expected a value in quotes, a number of 0 or more or NaN".to_owned()
            )
        );
        assert_eq!(wrong("\"3.5\"", "3.5").0, "E206");
        assert_eq!(wrong("\"3.5\"", "\"-1\"").1, "3:61");
        assert!(
            wrong("[115,\"3.5\"]", "[\"noon\",\"3.5\"]")
                .2
                .contains("Unix seconds")
        );
        assert!(
            wrong("\"values\"", "\"value\"")
                .2
                .contains("missing field `values`")
        );
        assert_eq!(
            wrong("matrix", "vector").2,
            "`data.resultType` is vector, expected `matrix`"
        );
        assert_eq!(
            told(r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#).2,
            "parse error"
        );
    }
}
