//! Replicas per cluster, and how busy the busiest service of each cluster is.

use crate::experiment::result::{ExperimentResult, SeriesRow};
use crate::model::Scenario;
use crate::report::charts::axis::local_time;
use crate::report::charts::findings::{clusters, legend, line, peak};
use crate::report::charts::lines::{Frame, Line, LineChart, Panel};
use crate::report::charts::picture::Ink;
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
    if let Some((at, most)) = peak(&total(replicas.iter().map(|row| &row.2.mean))) {
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
    let replica_panel = counted("ready replicas", &replicas);
    let busy_panel = Panel {
        label: "busiest service: CPU used over CPU requested".to_owned(),
        unit: percent_tick,
        lines: busy
            .iter()
            .map(|(_, ink, busiest)| plain(*ink, busiest.share.clone()))
            .collect(),
        limits: vec![(1.0, "all that is requested".to_owned())],
        at_least: 1.0,
        at_most: f64::INFINITY,
    };
    let mut panels = vec![replica_panel];
    let nodes = clusters(scenario, result, "nodes");
    let pooled = |name: &str| {
        let mut all = scenario.clusters.iter();
        all.any(|cluster| cluster.name == name && cluster.node_autoscaler.is_some())
    };
    let nodes: Vec<_> = nodes
        .into_iter()
        .filter(|(name, ..)| pooled(name))
        .collect();
    if !nodes.is_empty() {
        panels.push(counted("nodes held, where they are scaled", &nodes));
    }
    let waiting: Vec<_> = replicas
        .iter()
        .map(|(name, ink, _)| plain(*ink, waiting(result, name)))
        .collect();
    let sum = total(waiting.iter().map(|one| &one.mean));
    if let Some((at, most)) = peak(&sum).filter(|(_, most)| *most >= 0.5) {
        panels.push(Panel {
            lines: waiting,
            ..counted("pods that wait for a node", &[])
        });
        words.push(format!(
            "up to {} pods wait for a node ({})",
            number::plain(most),
            when(at)
        ));
    }
    panels.push(busy_panel);
    Some(LineChart {
        title: words.join("; "),
        legend: legend(&replicas),
        bin,
        panels,
    })
}

/// Whole things by cluster.
fn counted(label: &str, rows: &[(&str, Ink, &SeriesRow)]) -> Panel {
    Panel {
        label: label.to_owned(),
        unit: number::plain,
        lines: rows.iter().map(|(_, ink, row)| line(row, *ink)).collect(),
        limits: Vec::new(),
        at_least: 1.0,
        at_most: f64::INFINITY,
    }
}

fn percent_tick(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

/// A curve without an interval.
fn plain(ink: Ink, mean: Vec<Option<f64>>) -> Line {
    Line {
        ink,
        width: 1.6,
        mean,
        band: Vec::new(),
        filled: false,
    }
}

/// The sum in each bin; what is not known counts nothing.
fn total<'a>(rows: impl Iterator<Item = &'a Vec<Option<f64>>>) -> Vec<Option<f64>> {
    let mut sum: Vec<Option<f64>> = Vec::new();
    for row in rows {
        if sum.len() < row.len() {
            sum.resize(row.len(), Some(0.0));
        }
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum = sum.map(|sum| sum + value.unwrap_or(0.0));
        }
    }
    sum
}

/// Pods of a cluster without a node in each bin.
fn waiting(result: &ExperimentResult, cluster: &str) -> Vec<Option<f64>> {
    let pending = result.series.iter().filter(|row| {
        row.scope == "service" && row.cluster == cluster && row.metric == "pending_pods"
    });
    total(pending.map(|row| &row.mean))
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
