//! Traffic, latency and link: which series are drawn, and the sentence each of them shows.

use crate::experiment::result::{ExperimentResult, SeriesRow};
use crate::model::{Journey, ObjectiveKind, Scenario};
use crate::report::causes::bandwidth;
use crate::report::charts::axis::local_time;
use crate::report::charts::lines::{Frame, Line, LineChart, Panel};
use crate::report::charts::picture::Ink;
use crate::report::charts::style;
use crate::report::number;

/// The series of that scope, name, cluster and metric.
pub(super) fn series<'a>(
    result: &'a ExperimentResult,
    key: (&str, &str, &str, &str),
) -> Option<&'a SeriesRow> {
    let (scope, name, cluster, metric) = key;
    result.series.iter().find(|row| {
        row.scope == scope && row.name == name && row.cluster == cluster && row.metric == metric
    })
}

pub(super) fn line(row: &SeriesRow, ink: Ink) -> Line {
    let band = row
        .low
        .iter()
        .zip(&row.high)
        .map(|(low, high)| Some(((*low)?, (*high)?)))
        .collect();
    Line {
        ink,
        width: 2.0,
        mean: row.mean.clone(),
        band,
        filled: false,
    }
}

/// Largest value and the number of its bin.
pub(super) fn peak(values: &[Option<f64>]) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (index, value) in values.iter().enumerate() {
        if let Some(value) = value
            && best.is_none_or(|(_, highest)| *value > highest)
        {
            best = Some((index, *value));
        }
    }
    best
}

/// Ink of a cluster: the source and the target have their own.
fn cluster_ink(scenario: &Scenario, index: usize) -> Ink {
    match &scenario.migration {
        Some(migration) if migration.from.index() == index => style::SOURCE,
        Some(migration) if migration.to.index() == index => style::TARGET,
        _ => style::ink(index),
    }
}

pub(super) fn clusters<'a>(
    scenario: &'a Scenario,
    result: &'a ExperimentResult,
    metric: &str,
) -> Vec<(&'a str, Ink, &'a SeriesRow)> {
    let found = scenario
        .clusters
        .iter()
        .enumerate()
        .filter_map(|(index, cluster)| {
            let row = series(result, ("cluster", "", &cluster.name, metric))?;
            Some((cluster.name.as_str(), cluster_ink(scenario, index), row))
        });
    found.collect()
}

pub(super) fn legend(rows: &[(&str, Ink, &SeriesRow)]) -> Vec<(Ink, String)> {
    rows.iter()
        .map(|(name, ink, _)| (*ink, (*name).to_owned()))
        .collect()
}

/// Requests per second by cluster.
#[must_use]
pub fn traffic(scenario: &Scenario, result: &ExperimentResult) -> Option<LineChart> {
    let rows = clusters(scenario, result, "rate");
    if rows.is_empty() {
        return None;
    }
    let lines = rows
        .iter()
        .map(|(_, ink, row)| Line {
            filled: true,
            ..line(row, *ink)
        })
        .collect();
    Some(LineChart {
        title: traffic_title(scenario, result, &rows),
        legend: legend(&rows),
        bin: result.bin.seconds(),
        panels: vec![Panel {
            label: "requests per second, by the cluster that serves them".to_owned(),
            unit: number::plain,
            lines,
            limits: Vec::new(),
            at_least: 1.0,
            at_most: f64::INFINITY,
        }],
    })
}

fn traffic_title(
    scenario: &Scenario,
    result: &ExperimentResult,
    rows: &[(&str, Ink, &SeriesRow)],
) -> String {
    let (bin, horizon) = (result.bin.seconds(), scenario.horizon.seconds());
    let total: Vec<Option<f64>> = (0..rows[0].2.mean.len())
        .map(|bin| {
            let values: Vec<f64> = rows
                .iter()
                .filter_map(|row| row.2.mean.get(bin).copied().flatten())
                .collect();
            (!values.is_empty()).then(|| values.iter().sum())
        })
        .collect();
    let Some((at, most)) = peak(&total) else {
        return "No request was served".to_owned();
    };
    let peak_words = format!(
        "{} requests/s at the peak, {}",
        number::plain(most),
        local_time(&scenario.clock, at as f64 * bin, horizon)
    );
    let Some(migration) = &scenario.migration else {
        return format!("The load reaches {peak_words}");
    };
    let target = scenario.cluster(migration.to).name.as_str();
    let Some(row) = rows.iter().find(|row| row.0 == target) else {
        return format!("The load reaches {peak_words}");
    };
    let share = |bin: usize| match (row.2.mean[bin], total[bin]) {
        (Some(here), Some(all)) if all > 0.0 => Some(here / all),
        _ => None,
    };
    let half = (0..total.len()).find(|bin| share(*bin).is_some_and(|share| share >= 0.5));
    let last = (0..total.len()).rev().find_map(share).unwrap_or(0.0);
    match half {
        None if last < 0.01 => format!("Traffic stays off {target} ({peak_words})"),
        None => format!(
            "{target} serves {} of all requests at the end ({peak_words})",
            number::percent(last)
        ),
        Some(first) => format!(
            "{target} serves half of all requests from {} on and {} at the end ({peak_words})",
            local_time(&scenario.clock, first as f64 * bin, horizon),
            number::percent(last)
        ),
    }
}

/// Most journeys drawn; the rest are in the tables.
pub(super) const MOST_PANELS: usize = 6;

/// The first limit of time among a journey's objectives: seconds, and the objective in words.
pub(super) fn time_limit(journey: &Journey) -> Option<(f64, String)> {
    journey.slo.iter().find_map(|one| {
        let ObjectiveKind::Under(limit) = one.kind else {
            return None;
        };
        let (share, within) = (
            number::percent(one.target),
            number::duration(limit.seconds()),
        );
        Some((limit.seconds(), format!("SLO: {share} within {within}")))
    })
}

/// Latency per journey with its objective.
#[must_use]
pub fn latency(scenario: &Scenario, result: &ExperimentResult, frame: &Frame) -> Option<LineChart> {
    let mut panels = Vec::new();
    let mut worst: Option<(f64, String)> = None;
    for journey in &scenario.journeys {
        let key = |metric| series(result, ("journey", &journey.name, "", metric));
        let Some(high) = key("p99") else { continue };
        let limit = time_limit(journey);
        let mut lines = vec![line(high, style::TARGET)];
        if let Some(median) = key("p50") {
            lines.push(Line {
                width: 1.5,
                ..line(median, style::FREEZE)
            });
        }
        if let Some((limit, _)) = &limit
            && let Some(found) = excess(scenario, result, &journey.name, high, *limit)
            && worst.as_ref().is_none_or(|(most, _)| found.0 > *most)
        {
            worst = Some(found);
        }
        panels.push(Panel {
            label: format!("{}: time from click to answer", journey.name),
            unit: number::duration,
            lines,
            limits: limit.into_iter().collect(),
            at_least: 0.0,
            at_most: f64::INFINITY,
        });
    }
    if panels.is_empty() {
        return None;
    }
    let rest = panels.len().saturating_sub(MOST_PANELS);
    panels.truncate(MOST_PANELS);
    let mut title = match worst {
        Some((_, words)) => words,
        None => calm_title(scenario, result, frame),
    };
    if rest > 0 {
        title += &format!(" ({rest} more journeys in journeys.csv)");
    }
    let legend = vec![
        (style::TARGET, "p99".to_owned()),
        (style::FREEZE, "p50".to_owned()),
    ];
    Some(LineChart {
        title,
        legend,
        bin: result.bin.seconds(),
        panels,
    })
}

/// By how much a journey's p99 passes its limit (peak over limit), in words; `None` when it does not.
fn excess(
    scenario: &Scenario,
    result: &ExperimentResult,
    name: &str,
    row: &SeriesRow,
    limit: f64,
) -> Option<(f64, String)> {
    let (at, most) = peak(&row.mean)?;
    let above = row
        .mean
        .iter()
        .flatten()
        .filter(|value| **value > limit)
        .count();
    if above == 0 {
        return None;
    }
    let bin = result.bin.seconds();
    let when = local_time(&scenario.clock, at as f64 * bin, scenario.horizon.seconds());
    let words = format!(
        "{name}: p99 rises to {} at {when} against an SLO of {}, and stays above it for {}",
        number::duration(most),
        number::duration(limit),
        number::duration(above as f64 * bin)
    );
    Some((most / limit, words))
}

fn calm_title(scenario: &Scenario, result: &ExperimentResult, frame: &Frame) -> String {
    let peaks = scenario.journeys.iter().filter_map(|journey| {
        let row = series(result, ("journey", &journey.name, "", "p99"))?;
        peak(&row.mean).map(|(at, most)| (journey.name.as_str(), at, most))
    });
    let slowest = peaks.fold(None, |best: Option<(&str, usize, f64)>, found| match best {
        Some(best) if best.2 >= found.2 => Some(best),
        _ => Some(found),
    });
    let any_limit = scenario
        .journeys
        .iter()
        .any(|journey| time_limit(journey).is_some());
    let start = if any_limit {
        "Every journey's p99 stays within its SLO"
    } else {
        "No journey has a latency SLO"
    };
    match slowest {
        Some((name, at, most)) => format!(
            "{start}; the slowest, {name}, peaks at {} at {}",
            number::duration(most),
            local_time(
                &scenario.clock,
                at as f64 * result.bin.seconds(),
                frame.horizon
            )
        ),
        None => start.to_owned(),
    }
}

/// Calls and bytes over the link.
#[must_use]
pub fn link(scenario: &Scenario, result: &ExperimentResult, frame: &Frame) -> Option<LineChart> {
    scenario.migration.as_ref()?;
    let calls = series(result, ("run", "", "", "cross_calls"))?;
    let volume = series(result, ("run", "", "", "cross_bytes"));
    let title = match peak(&calls.mean) {
        Some((at, most)) if most > 0.0 => {
            let busiest = busiest_edge(result)
                .map_or_else(String::new, |edge| format!(", most of them {edge}"));
            format!(
                "Up to {} calls/s cross between the clusters, at {}{busiest}",
                number::plain(most),
                local_time(
                    &scenario.clock,
                    at as f64 * result.bin.seconds(),
                    frame.horizon
                )
            )
        }
        _ => "No call crosses between the clusters".to_owned(),
    };
    let mut panels = vec![Panel {
        label: "calls per second between the clusters".to_owned(),
        unit: number::plain,
        lines: vec![Line {
            filled: true,
            ..line(calls, style::WAVE)
        }],
        limits: Vec::new(),
        at_least: 1.0,
        at_most: f64::INFINITY,
    }];
    if let Some(volume) = volume {
        panels.push(Panel {
            label: "bytes per second between the clusters, both ways".to_owned(),
            unit: number::bytes,
            lines: vec![Line {
                filled: true,
                ..line(volume, style::GOOD)
            }],
            limits: bandwidth(scenario)
                .filter(|most| peak(&volume.mean).is_some_and(|(_, found)| found > most / 4.0))
                .map(|most| {
                    (
                        most,
                        format!("the link carries {}/s each way", number::bytes(most)),
                    )
                })
                .into_iter()
                .collect(),
            at_least: 1.0,
            at_most: f64::INFINITY,
        });
    }
    Some(LineChart {
        title,
        legend: Vec::new(),
        bin: result.bin.seconds(),
        panels,
    })
}

/// The pair with most crossing calls over all replications.
fn busiest_edge(result: &ExperimentResult) -> Option<String> {
    let first = result.replications.first()?;
    let total = |index: usize| -> u64 {
        result
            .replications
            .iter()
            .filter_map(|one| one.edges.get(index))
            .map(|edge| edge.crossing_calls)
            .sum()
    };
    let best = (0..first.edges.len()).max_by_key(|index| (total(*index), usize::MAX - index))?;
    (total(best) > 0).then(|| {
        format!(
            "from {} to {}",
            first.edges[best].caller, first.edges[best].callee
        )
    })
}
