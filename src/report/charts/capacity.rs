//! Replicas per cluster, and how busy the busiest service of each cluster is.

use crate::experiment::result::{ExperimentResult, SeriesRow};
use crate::model::Scenario;
use crate::report::charts::axis::local_time;
use crate::report::charts::findings::{clusters, legend, line, peak};
use crate::report::charts::lines::{Frame, Line, LineChart, Panel};
use crate::report::number;

/// The busiest service of a cluster in each bin.
struct Busiest<'a> {
    /// Its utilisation.
    share: Vec<Option<f64>>,
    /// Which service that is.
    service: Vec<&'a str>,
}

/// The chart; `None` when nothing runs.
#[must_use]
pub fn chart(scenario: &Scenario, result: &ExperimentResult, frame: &Frame) -> Option<LineChart> {
    let replicas = clusters(scenario, result, "replicas");
    if replicas.is_empty() {
        return None;
    }
    let busy: Vec<_> = replicas
        .iter()
        .map(|(name, ink, _)| (*name, *ink, busiest(result, name)))
        .collect();
    let bin = result.bin.seconds();
    let when = |at: usize| local_time(&scenario.clock, at as f64 * bin, frame.horizon);
    let mut words = Vec::new();
    if let Some((at, most)) = peak(&together(&replicas)) {
        let sides = if replicas.len() > 1 {
            "Both sides together run"
        } else {
            "The cluster runs"
        };
        words.push(format!(
            "{sides} up to {} replicas ({})",
            number::plain(most),
            when(at)
        ));
    }
    let peaks = busy.iter().filter_map(|(name, _, busiest)| {
        peak(&busiest.share).map(|(at, most)| (*name, busiest.service[at], at, most))
    });
    if let Some((cluster, service, at, most)) =
        peaks.max_by(|left, right| left.3.total_cmp(&right.3))
    {
        words.push(format!(
            "{service} in {cluster} is busiest: {} of its requested CPU at {}",
            percent_tick(most),
            when(at)
        ));
    }
    let replica_panel = Panel {
        label: "ready replicas".to_owned(),
        unit: number::plain,
        lines: replicas
            .iter()
            .map(|(_, ink, row)| line(row, *ink))
            .collect(),
        limits: Vec::new(),
        at_least: 1.0,
    };
    let busy_panel = Panel {
        label: "busiest service: CPU used over CPU requested".to_owned(),
        unit: percent_tick,
        lines: busy
            .iter()
            .map(|(_, ink, busiest)| Line {
                ink: *ink,
                width: 1.6,
                mean: busiest.share.clone(),
                band: Vec::new(),
                filled: false,
            })
            .collect(),
        limits: vec![(1.0, "all that is requested".to_owned())],
        at_least: 1.0,
    };
    Some(LineChart {
        title: words.join("; "),
        legend: legend(&replicas),
        bin,
        panels: vec![replica_panel, busy_panel],
    })
}

fn percent_tick(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

/// Replicas of all clusters in each bin.
fn together(rows: &[(&str, crate::report::charts::picture::Ink, &SeriesRow)]) -> Vec<Option<f64>> {
    let length = rows.first().map_or(0, |row| row.2.mean.len());
    (0..length)
        .map(|bin| {
            Some(
                rows.iter()
                    .filter_map(|row| row.2.mean.get(bin).copied().flatten())
                    .sum(),
            )
        })
        .collect()
}

fn busiest<'a>(result: &'a ExperimentResult, cluster: &str) -> Busiest<'a> {
    let mut found = Busiest {
        share: Vec::new(),
        service: Vec::new(),
    };
    let rows = result.series.iter().filter(|row| {
        row.scope == "service" && row.cluster == cluster && row.metric == "cpu_utilisation"
    });
    for row in rows {
        if found.share.len() < row.mean.len() {
            found.share.resize(row.mean.len(), None);
            found.service.resize(row.mean.len(), "");
        }
        for (bin, value) in row.mean.iter().enumerate() {
            if let Some(value) = value
                && found.share[bin].is_none_or(|most| *value > most)
            {
                found.share[bin] = Some(*value);
                found.service[bin] = &row.name;
            }
        }
    }
    found
}
