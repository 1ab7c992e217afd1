//! A scaled service on one time axis: load, replicas, nodes, utilisation, latency, cost.

use crate::experiment::result::{ExperimentResult, SeriesRow};
use crate::model::Scenario;
use crate::model::scaling::ScalingRule;
use crate::model::scaling::hpa::{MetricSource, MetricTarget, Resource};
use crate::report::charts::axis::local_time;
use crate::report::charts::failures;
use crate::report::charts::findings::{line, peak, series, time_limit};
use crate::report::charts::lines::{Frame, Line, LineChart, Panel};
use crate::report::charts::style;
use crate::report::number;
use crate::units::ClusterId;

/// The scaled service whose number of replicas moves most; `None` when nothing is scaled.
#[must_use]
pub fn chart(scenario: &Scenario, result: &ExperimentResult, frame: &Frame) -> Option<LineChart> {
    let shown = most_moved(scenario, result)?;
    let bin = result.bin.seconds();
    let key = |metric| series(result, ("service", shown.service, shown.cluster, metric));
    let mut panels = Vec::new();
    if let Some(rate) = key("rate") {
        let rate = Line {
            filled: true,
            ..line(rate, style::MUTED)
        };
        panels.push(panel(
            "load: requests per second",
            number::plain,
            vec![rate],
        ));
    }
    let (desired, ready, busy) = (key("desired")?, key("replicas")?, key("cpu_utilisation"));
    let target = cpu_target(shown.rule);
    let needed = target
        .zip(busy)
        .map(|(target, busy)| needed(ready, busy, target));
    let mut lines = vec![line(desired, style::SOURCE), line(ready, style::TARGET)];
    if let Some(needed) = &needed {
        lines.insert(0, thin(needed.clone()));
    }
    let mut replicas = panel("replicas", number::plain, lines);
    replicas.at_least = 1.0;
    panels.push(replicas);
    let place = &scenario.clusters[shown.at.index()];
    let nodes = series(result, ("cluster", "", shown.cluster, "nodes"));
    if let Some(nodes) = nodes.filter(|_| !place.pools.is_empty()) {
        let mut shown = panel("nodes held", number::plain, vec![line(nodes, style::GOOD)]);
        shown.at_least = 1.0;
        panels.push(shown);
    }
    panels.push(cost(scenario, &shown, ready, nodes));
    if let Some(busy) = busy {
        let mut shown = panel(
            "CPU used over CPU requested",
            percent,
            vec![line(busy, style::TARGET)],
        );
        shown.limits = target
            .map(|target| (target, format!("target {}", percent(target))))
            .into_iter()
            .collect();
        shown.at_least = 1.0;
        panels.push(shown);
    }
    panels.extend(noticed(scenario, result));
    let mut legend = vec![
        (style::SOURCE, "desired".to_owned()),
        (style::TARGET, "ready, measured".to_owned()),
    ];
    if needed.is_some() {
        legend.push((style::BAD, "needed for the CPU that is used".to_owned()));
    }
    Some(LineChart {
        title: title(scenario, &shown, desired, ready, frame),
        legend,
        bin,
        panels,
    })
}

/// What is shown.
struct Shown<'a> {
    service: &'a str,
    cluster: &'a str,
    at: ClusterId,
    policy: &'a str,
    rule: &'a ScalingRule,
}

fn most_moved<'a>(scenario: &'a Scenario, result: &ExperimentResult) -> Option<Shown<'a>> {
    let mut best: Option<(f64, Shown)> = None;
    for service in &scenario.services {
        for (index, placed) in service.placed.iter().enumerate() {
            let at = ClusterId::from_index(index);
            let cluster = &scenario.clusters[index];
            let Some(policy) = placed.scaling.or(cluster.scaling) else {
                continue;
            };
            let policy = scenario.policy(policy);
            if !policy.rule.is_active() {
                continue;
            }
            let key = (
                "service",
                service.name.as_str(),
                cluster.name.as_str(),
                "desired",
            );
            let Some(row) = series(result, key) else {
                continue;
            };
            let known = || row.mean.iter().flatten().copied();
            let range = known().fold(f64::MIN, f64::max) - known().fold(f64::MAX, f64::min);
            if best.as_ref().is_none_or(|(most, _)| range > *most) {
                best = Some((
                    range,
                    Shown {
                        service: &service.name,
                        cluster: &cluster.name,
                        at,
                        policy: &policy.name,
                        rule: &policy.rule,
                    },
                ));
            }
        }
    }
    best.map(|(_, shown)| shown)
}

/// Share of the CPU request that the rule aims at, if it aims at one.
fn cpu_target(rule: &ScalingRule) -> Option<f64> {
    match rule {
        ScalingRule::Hpa(spec) => {
            spec.metrics
                .iter()
                .find_map(|metric| match (&metric.source, metric.target) {
                    (
                        MetricSource::Resource(Resource::Cpu)
                        | MetricSource::ContainerResource(Resource::Cpu),
                        MetricTarget::Utilization(percent),
                    ) => Some(f64::from(percent) / 100.0),
                    _ => None,
                })
        }
        ScalingRule::Predictive(rule) => Some(rule.target),
        _ => None,
    }
}

/// Replicas at which the CPU that is used would be the target.
fn needed(ready: &SeriesRow, busy: &SeriesRow, target: f64) -> Vec<Option<f64>> {
    ready
        .mean
        .iter()
        .zip(&busy.mean)
        .map(|(ready, busy)| Some(((*ready)? * (*busy)? / target).ceil()))
        .collect()
}

fn thin(mean: Vec<Option<f64>>) -> Line {
    Line {
        ink: style::BAD,
        width: 1.4,
        mean,
        band: Vec::new(),
        filled: false,
    }
}

fn panel(label: &str, unit: fn(f64) -> String, lines: Vec<Line>) -> Panel {
    Panel {
        label: label.to_owned(),
        unit,
        lines,
        limits: Vec::new(),
        at_least: 0.0,
        at_most: f64::INFINITY,
    }
}

fn percent(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

/// Price of a node an hour where all pools of the cluster have the same; what others cost is in capacity.csv.
fn shown_price(scenario: &Scenario, place: &crate::model::Cluster) -> Option<f64> {
    let mut prices = place
        .pools
        .iter()
        .map(|pool| scenario.machines[pool.machine.index()].price_per_hour);
    let first = prices.next().filter(|price| *price > 0.0)?;
    prices.all(|price| price == first).then_some(first)
}

/// What is spent, over time: `each` times the replicas or nodes of a series.
fn spent(label: &str, held: &SeriesRow, each: f64) -> Panel {
    let times = |value: f64| value * each;
    let curve = Line {
        ink: style::GOOD,
        width: 2.0,
        mean: held.mean.iter().map(|held| held.map(times)).collect(),
        band: Vec::new(),
        filled: false,
    };
    let mut panel = panel(label, number::plain, vec![curve]);
    panel.at_least = each;
    panel
}

/// Money where nodes have a price, and cores that the ready replicas ask for where nothing has.
fn cost(scenario: &Scenario, shown: &Shown, ready: &SeriesRow, nodes: Option<&SeriesRow>) -> Panel {
    let price = shown_price(scenario, &scenario.clusters[shown.at.index()]);
    if let Some((price, nodes)) = price.zip(nodes) {
        let currency = scenario.currency.as_deref().unwrap_or("money");
        return spent(&format!("cost of nodes, {currency} an hour"), nodes, price);
    }
    let mut services = scenario.services.iter();
    let asked = services.find(|service| service.name == shown.service);
    let cores = asked.map_or(0.0, |service| service.resources.cpu_request.cores());
    spent("cost: cores requested", ready, cores)
}

/// What users notice, for the first journey with an objective, else the first: its p99 with the limit of time, and
/// the share of its actions that fail where an objective speaks of that.
fn noticed(scenario: &Scenario, result: &ExperimentResult) -> Vec<Panel> {
    let mut journeys = scenario.journeys.iter();
    let with_slo = journeys.find(|journey| !journey.slo.is_empty());
    let Some(journey) = with_slo.or(scenario.journeys.first()) else {
        return Vec::new();
    };
    let key = |metric| series(result, ("journey", &journey.name, "", metric));
    let mut panels = Vec::new();
    if let Some(row) = key("p99") {
        let label = format!("{}: p99 of the time to answer", journey.name);
        let mut shown = panel(&label, number::duration, vec![line(row, style::TARGET)]);
        shown.limits.extend(time_limit(journey));
        panels.push(shown);
    }
    if failures::limit(journey).is_some() {
        panels.extend(failures::panel(result, journey));
    }
    panels
}

/// How far it moves, and how long what is ready is behind what is wished for.
fn title(
    scenario: &Scenario,
    shown: &Shown,
    desired: &SeriesRow,
    ready: &SeriesRow,
    frame: &Frame,
) -> String {
    let known = || desired.mean.iter().flatten().copied();
    let (least, most) = (
        known().fold(f64::INFINITY, f64::min),
        known().fold(0.0, f64::max),
    );
    let bin = frame.horizon / desired.mean.len().max(1) as f64;
    let name = format!("{} ({})", shown.service, shown.policy);
    if most <= least {
        return format!("{name} keeps {} replicas", number::plain(most));
    }
    let missing: Vec<Option<f64>> = desired
        .mean
        .iter()
        .zip(&ready.mean)
        .map(|(desired, ready)| Some((*desired)? - (*ready)?))
        .collect();
    // Half a replica of the mean is more than a pod that became ready within the bin.
    let behind = missing.iter().flatten().filter(|short| **short >= 0.5);
    let behind = behind.count() as f64 * bin;
    let mut words = format!(
        "{name} moves between {} and {} replicas",
        number::plain(least),
        number::plain(most)
    );
    if let Some((at, short)) = peak(&missing).filter(|(_, short)| *short >= 0.5) {
        words += &format!(
            "; ready ones are behind the wish for {}, most at {} ({} missing)",
            number::duration(behind),
            local_time(&scenario.clock, at as f64 * bin, frame.horizon),
            number::plain(short)
        );
    }
    words
}
