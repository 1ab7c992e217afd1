//! Recorded metrics played through a policy: what it would have wished for, and when pods would have been ready.
//!
//! The recorded values are totals of the load that do not depend on the number of pods (CPU of all pods together,
//! a queue, a rate); pods share them equally. Pods become ready a fixed lag after they are wished for and leave at
//! once. What too few pods do to users, and to the values themselves, is not modelled: that is what a scenario is
//! for.

use super::hpa::pods::{Moment, PodGroup, PodPhase, PodSample};
use super::hpa::{HpaSpec, MetricSource, MetricSpec, MetricTarget, Resource};
use super::{HpaController, Observation, ScalingRule, Server};
use crate::units::{SimDuration, SimTime};

/// A series of values by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Instants, rising, the first at zero; a value for each column, `None` where the cell is empty.
    pub rows: Vec<(SimTime, Vec<Option<f64>>)>,
}

impl Recorded {
    /// Position of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// How old a value may be: one and a half of the usual (median) step between rows, so that a row that is missing is a
    /// gap, and at least a sync.
    #[must_use]
    pub fn patience(&self, sync: SimDuration) -> SimDuration {
        let pairs = self.rows.windows(2);
        let mut steps: Vec<u64> = pairs.map(|pair| pair[1].0.since(pair[0].0).0).collect();
        steps.sort_unstable();
        let usual = steps.get(steps.len() / 2).copied().unwrap_or(0);
        SimDuration((usual + usual / 2).max(sync.0))
    }

    /// The last value of a column at or before `at` that is not older than `patience`.
    #[must_use]
    pub fn value(&self, column: usize, at: SimTime, patience: SimDuration) -> Option<f64> {
        let after = self.rows.partition_point(|(when, _)| *when <= at);
        let (when, row) = self.rows.get(after.checked_sub(1)?)?;
        row[column].filter(|_| at.since(*when) <= patience)
    }
}

/// What is not recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// The controller.
    pub controller: HpaController,
    /// Time between syncs.
    pub sync: SimDuration,
    /// Interval of the metrics pipeline: young pods have no sample.
    pub resolution: SimDuration,
    /// From a wish to a ready pod.
    pub startup: SimDuration,
    /// CPU request of a pod, millicores.
    pub cpu_request: i64,
    /// Memory request of a pod, bytes.
    pub memory_request: i64,
    /// Replicas at the start.
    pub initial: u32,
}

/// What a policy reads of the recording: columns of its metrics, of the CPU and of the rate of requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// By metric of the spec.
    pub metrics: Vec<Option<usize>>,
    /// Cores used by all pods.
    pub cpu: Option<usize>,
    /// Requests a second.
    pub requests: Option<usize>,
}

/// One sync.
#[derive(Clone, Debug, PartialEq)]
pub struct Sync {
    /// When.
    pub at: SimTime,
    /// Replicas before.
    pub before: u32,
    /// Replicas wished for.
    pub desired: u32,
    /// Ready pods.
    pub ready: u32,
    /// Why.
    pub why: &'static str,
    /// Fewest replicas at which every metric is at most its target with the tolerance; `None` where it is unknown.
    pub needed: Option<u32>,
    /// The recorded value of each metric.
    pub values: Vec<Option<f64>>,
}

/// Plays the whole recording.
#[must_use]
pub fn replay(
    rule: &ScalingRule,
    recorded: &Recorded,
    columns: &Columns,
    setting: &Setting,
) -> Vec<Sync> {
    let Some((end, _)) = recorded.rows.last() else {
        return Vec::new();
    };
    let metrics = spec(rule).map_or(&[][..], |spec| &spec.metrics);
    let patience = recorded.patience(setting.sync);
    let mut memory = rule.memory();
    let mut pods: Vec<SimTime> = vec![SimTime::ZERO; setting.initial as usize];
    // Pods of the start are ready and old.
    let mut old = setting.initial as usize;
    let mut desired = setting.initial;
    let mut seen = Observation::default();
    let mut found = Vec::new();
    let mut at = SimTime::ZERO + setting.sync;
    while at <= *end {
        let value = |column: Option<usize>| recorded.value(column?, at, patience);
        let values: Vec<_> = columns
            .metrics
            .iter()
            .map(|column| value(*column))
            .collect();
        let ready = |index: usize, made: SimTime| index < old || at.since(made) >= setting.startup;
        let count = pods
            .iter()
            .enumerate()
            .filter(|(i, made)| ready(*i, **made));
        let ready_count = count.count() as u32;
        seen.at = at;
        seen.current = desired;
        seen.status = desired;
        seen.ready = ready_count;
        seen.rate = value(columns.requests);
        seen.cores = value(columns.cpu);
        seen.server = Server {
            request_cores: setting.cpu_request as f64 / 1000.0,
            ..Server::default()
        };
        seen.pods.clear();
        seen.pods.extend(
            pods.iter()
                .enumerate()
                .map(|(index, made)| pod(index < old, ready(index, *made), *made, at, setting)),
        );
        fill(&mut seen, metrics, &values, at, setting);
        let wish = rule.desired(&mut memory, &setting.controller, &seen);
        found.push(Sync {
            at,
            before: desired,
            desired: wish.replicas,
            ready: ready_count,
            why: wish.why,
            needed: needed(metrics, &values, setting),
            values,
        });
        desired = wish.replicas;
        // The youngest go first.
        pods.resize(desired as usize, at);
        old = old.min(pods.len());
        at += setting.sync;
    }
    found
}

/// The autoscaler inside a rule.
#[must_use]
pub fn spec(rule: &ScalingRule) -> Option<&HpaSpec> {
    match rule {
        ScalingRule::Hpa(spec) => Some(spec),
        ScalingRule::Keda(keda) => Some(&keda.hpa),
        _ => None,
    }
}

fn pod(old: bool, ready: bool, made: SimTime, at: SimTime, setting: &Setting) -> PodGroup {
    let since = made + setting.startup;
    let (started, changed) = if old {
        (Moment::LONG_AGO, Moment::LONG_AGO)
    } else {
        (Moment::from(made), Moment::from(since.min(at)))
    };
    PodGroup {
        pods: 1,
        phase: PodPhase::Running,
        deleting: false,
        ready: Some(ready),
        ready_changed: if ready || old {
            changed
        } else {
            Moment::from(made)
        },
        started: Some(started),
        cpu_request: Some(setting.cpu_request),
        memory_request: Some(setting.memory_request.saturating_mul(1000)),
    }
}

fn fill(
    seen: &mut Observation,
    metrics: &[MetricSpec],
    values: &[Option<f64>],
    at: SimTime,
    setting: &Setting,
) {
    seen.samples.clear();
    seen.values.clear();
    let begin = Moment::from(at).minus(setting.resolution);
    for (metric, value) in metrics.iter().zip(values) {
        let per_pod = matches!(
            metric.source,
            MetricSource::Resource(_) | MetricSource::ContainerResource(_) | MetricSource::Pods(_)
        );
        let each = value.map(|value| value * 1000.0 / f64::from(seen.ready.max(1)));
        for pod in &seen.pods {
            let whole = pod.started.is_some_and(|started| started <= begin);
            seen.samples
                .push(each.filter(|_| per_pod && whole).map(|each| PodSample {
                    total: if pod.ready == Some(true) {
                        each.round() as i64
                    } else {
                        0
                    },
                    taken: Moment::from(at),
                    window: setting.resolution,
                }));
        }
        let shared = value.filter(|_| !per_pod);
        seen.values
            .push(shared.map(|value| (value * 1000.0).round() as i64));
    }
}

/// Fewest replicas at which every metric is at most its target with the tolerance. A value for all that has no average target does
/// not say how many are needed.
fn needed(metrics: &[MetricSpec], values: &[Option<f64>], setting: &Setting) -> Option<u32> {
    let one = |(metric, value): (&MetricSpec, &Option<f64>)| {
        let total = (*value)? * 1000.0;
        let each = match (&metric.source, metric.target) {
            (
                MetricSource::Resource(resource) | MetricSource::ContainerResource(resource),
                MetricTarget::Utilization(percent),
            ) => {
                let request = match resource {
                    Resource::Cpu => setting.cpu_request as f64,
                    Resource::Memory => setting.memory_request as f64 * 1000.0,
                };
                request * f64::from(percent) / 100.0
            }
            (_, MetricTarget::AverageValue(target)) => target as f64,
            _ => return None,
        };
        let each = each * (1.0 + setting.controller.tolerance);
        Some((total / each - 1e-9).ceil().max(0.0) as u32)
    };
    metrics.iter().zip(values).filter_map(one).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(second)
    }

    fn setting(startup: u64) -> Setting {
        Setting {
            controller: HpaController::default(),
            sync: SimDuration::from_secs(15),
            resolution: SimDuration::from_secs(15),
            startup: SimDuration::from_secs(startup),
            cpu_request: 1000,
            memory_request: 1 << 30,
            initial: 2,
        }
    }

    fn rule() -> ScalingRule {
        ScalingRule::Hpa(HpaSpec {
            min_replicas: 1,
            max_replicas: 20,
            metrics: vec![MetricSpec {
                source: MetricSource::Resource(Resource::Cpu),
                target: MetricTarget::Utilization(50),
            }],
            behavior: None,
        })
    }

    #[test]
    fn a_step_of_load_is_followed_as_reckoned_by_hand() {
        // 1 core on 2 pods of 1 core is the target of 50 %; from 60 s on 4 cores: 200 % of 2 pods asks for 8, the
        // limit of one pass without behavior is 4. Then 4 pods: two old ones carry 4 cores, the two young ones
        // count as idle: 100 % over four, again 8.
        let rows = (0..=40)
            .map(|index| {
                (
                    at(15 * index),
                    vec![Some(if index < 4 { 1.0 } else { 4.0 })],
                )
            })
            .collect();
        let recorded = Recorded {
            names: vec!["cpu".to_owned()],
            rows,
        };
        let columns = Columns {
            metrics: vec![Some(0)],
            cpu: Some(0),
            requests: None,
        };
        let found = replay(&rule(), &recorded, &columns, &setting(40));
        let changes: Vec<_> = found
            .iter()
            .filter(|sync| sync.desired != sync.before)
            .map(|sync| (sync.at, sync.desired))
            .collect();
        assert_eq!(changes, [(at(60), 4), (at(75), 8)]);
        assert!(
            found
                .iter()
                .all(|sync| sync.needed == Some(if sync.at < at(60) { 2 } else { 8 }))
        );
        // The pods of 60 s are ready 40 s later: seen at 105 s; those of 75 s at 120 s.
        let ready: Vec<_> = [90, 105, 120]
            .map(|second| {
                found
                    .iter()
                    .find(|sync| sync.at == at(second))
                    .unwrap()
                    .ready
            })
            .into();
        assert_eq!(ready, [2, 4, 8]);
    }

    #[test]
    fn a_row_that_is_missing_is_a_missing_metric() {
        // A value a minute; that of 180 s is missing. A value holds for 90 s: from 211 s on nothing is known, until 240 s.
        let rows = [0, 60, 120, 240, 300].map(|second| (at(second), vec![Some(1.0)]));
        let recorded = Recorded {
            names: vec!["cpu".to_owned()],
            rows: rows.into(),
        };
        let columns = Columns {
            metrics: vec![Some(0)],
            ..Columns::default()
        };
        let found = replay(&rule(), &recorded, &columns, &setting(10));
        let unknown: Vec<_> = found
            .iter()
            .filter(|sync| sync.values == [None])
            .map(|sync| (sync.at, sync.why))
            .collect();
        assert_eq!(unknown, [(at(225), "FailedGetResourceMetric")]);
    }

    #[test]
    fn a_gap_in_the_recording_changes_nothing() {
        let rows = vec![
            (at(0), vec![Some(1.0)]),
            (at(15), vec![Some(1.0)]),
            (at(30), vec![None]),
            (at(600), vec![None]),
        ];
        let recorded = Recorded {
            names: vec!["cpu".to_owned()],
            rows,
        };
        let columns = Columns {
            metrics: vec![Some(0)],
            ..Columns::default()
        };
        let found = replay(&rule(), &recorded, &columns, &setting(10));
        assert!(found.iter().all(|sync| sync.desired == 2));
        assert_eq!(found.last().unwrap().why, "FailedGetResourceMetric");
    }
}
