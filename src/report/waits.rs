//! Pods that waited for a node, how long and why: what the scheduler and the autoscaler of nodes said.

use std::fmt::Write;

use crate::experiment::result::{EventKind, ExperimentResult, SeriesRow};
use crate::model::Scenario;
use crate::report::charts::axis::local_time;
use crate::report::number;
use crate::report::screen::{table, wrap};

/// Rows on the screen; `timeseries.csv` has all.
const SHOWN: usize = 5;
/// A bin in which the mean over replications of its most Pending pods is at least this is told.
const SOME: f64 = 0.5;

/// One service in one cluster whose pods waited.
struct Wait<'a> {
    row: &'a SeriesRow,
    /// Most at once, the mean over replications.
    most: f64,
    /// Bins in which some waited.
    bins: usize,
    /// Why, as first told.
    why: Option<&'a str>,
}

fn all<'a>(scenario: &Scenario, result: &'a ExperimentResult) -> Vec<Wait<'a>> {
    let pending = |row: &&SeriesRow| row.scope == "service" && row.metric == "pending_pods";
    let mut found: Vec<Wait> = result
        .series
        .iter()
        .filter(pending)
        .filter_map(|row| {
            let waiting = || row.mean.iter().flatten().filter(|pods| **pods >= SOME);
            let most = waiting().copied().reduce(f64::max)?;
            Some(Wait {
                row,
                most,
                bins: waiting().count(),
                why: reason(scenario, result, &row.name, &row.cluster),
            })
        })
        .collect();
    found.sort_by(|left, right| {
        let size = |one: &Wait| one.most * one.bins as f64;
        size(right).total_cmp(&size(left))
    });
    found
}

/// What was said of the first pod of a service that waited in a cluster.
fn reason<'a>(
    scenario: &Scenario,
    result: &'a ExperimentResult,
    service: &str,
    cluster: &str,
) -> Option<&'a str> {
    let place = format!("Pending in {cluster}: ");
    let mut events = result.replications.iter().flat_map(|one| &one.programme);
    events.find_map(|event| {
        let is_its =
            event.kind == EventKind::PodPending && scenario.service(event.service?).name == service;
        let (_, why) = event.detail.split_once(&place).filter(|_| is_its)?;
        Some(why)
    })
}

/// That a cluster's autoscaler of nodes could not help, as first told in each, and when.
fn short<'a>(result: &'a ExperimentResult, cluster: &str) -> Option<(f64, &'a str)> {
    let says = format!("{cluster} cannot grow: ");
    let mut events = result.replications.iter().flat_map(|one| &one.programme);
    events.find_map(|event| {
        let is_its = event.kind == EventKind::NodesShort && event.detail.starts_with(&says);
        is_its.then(|| (event.at.seconds(), event.detail.as_str()))
    })
}

/// For the first screen: who waited for a node, most first; empty when nobody did.
#[must_use]
pub fn screen(scenario: &Scenario, result: &ExperimentResult, width: usize) -> String {
    let found = all(scenario, result);
    let bin = result.bin.seconds();
    let rows: Vec<[String; 4]> = found
        .iter()
        .take(SHOWN)
        .map(|wait| {
            [
                format!("{} in {}", wait.row.name, wait.row.cluster),
                number::plain(wait.most),
                number::duration(wait.bins as f64 * bin),
                wait.why.unwrap_or("").to_owned(),
            ]
        })
        .collect();
    let mut text = table(
        &[
            "pods that wait for a node",
            "most",
            "within",
            "why, at first",
        ],
        &rows,
    );
    let mut notes = String::new();
    for cluster in &scenario.clusters {
        if found.iter().all(|wait| wait.row.cluster != cluster.name) {
            continue;
        }
        if let Some((at, says)) = short(result, &cluster.name) {
            let when = local_time(&scenario.clock, at, scenario.horizon.seconds());
            let line = format!("{says} (first at {when})");
            notes += &(wrap(&line, width) + "\n");
        }
    }
    if found.len() > SHOWN {
        let more = found.len() - SHOWN;
        writeln!(
            notes,
            "{more} more services wait: `pending_pods` in timeseries.csv"
        )
        .expect("writing to a string succeeds");
    }
    if !notes.is_empty() {
        text += &(notes + "\n");
    }
    text
}

/// Who still waits when the run ends, in words: of the one with most pods.
#[must_use]
pub fn at_the_end(scenario: &Scenario, result: &ExperimentResult) -> Option<String> {
    let last = |wait: &Wait| wait.row.mean.last().copied().flatten().unwrap_or(0.0);
    let found = all(scenario, result);
    let held = found
        .iter()
        .filter(|wait| last(wait) >= SOME)
        .max_by(|left, right| last(left).total_cmp(&last(right)))?;
    let pods = last(held);
    let noun = if pods == 1.0 { "pod" } else { "pods" };
    let (service, cluster) = (&held.row.name, &held.row.cluster);
    let why = match short(result, cluster) {
        Some((_, says)) => format!(" ({says})"),
        None => held.why.map_or_else(String::new, |why| {
            format!(" ({})", why.trim_end_matches('.'))
        }),
    };
    let verb = if pods == 1.0 { "finds" } else { "find" };
    Some(format!(
        "{} {noun} of {service} still {verb} no node in {cluster}{why}",
        number::plain(pods)
    ))
}
