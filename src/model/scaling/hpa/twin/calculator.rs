//! From one metric to replicas, by maps from pods to values.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::scaling::Observation;
use crate::model::scaling::hpa::pods::{PodGroup, PodPhase, PodSample};
use crate::model::scaling::hpa::{HpaController, Resource};

/// Of a pod's name: its position, or the number of a pod that the selector does not find.
type Name = usize;

/// Replicas or nothing.
pub(super) type Found = Option<i64>;

pub(super) struct Setting<'a> {
    pub controller: &'a HpaController,
    pub down: f64,
    pub up: f64,
    pub now: i64,
}

impl Setting<'_> {
    fn is_within(&self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

#[derive(Default)]
struct Groups {
    ready: i64,
    unready: BTreeSet<Name>,
    missing: BTreeSet<Name>,
    ignored: BTreeSet<Name>,
}

fn group_pods(
    pods: &[PodGroup],
    metrics: &BTreeMap<Name, PodSample>,
    is_cpu: bool,
    setting: &Setting,
) -> Groups {
    let mut groups = Groups::default();
    for (name, pod) in pods.iter().enumerate() {
        if pod.deleting || pod.phase == PodPhase::Failed {
            groups.ignored.insert(name);
            continue;
        }
        if pod.phase == PodPhase::Pending {
            groups.unready.insert(name);
            continue;
        }
        let Some(metric) = metrics.get(&name) else {
            groups.missing.insert(name);
            continue;
        };
        let mut unready = false;
        if is_cpu {
            unready = match (pod.ready, pod.started) {
                (Some(ready), Some(started)) => {
                    let initial = setting.controller.cpu_initialization_period.0 as i64;
                    let delay = setting.controller.initial_readiness_delay.0 as i64;
                    let changed = pod.ready_changed.0;
                    if started.0 + initial > setting.now {
                        !ready || metric.taken.0 < changed + metric.window.0 as i64
                    } else {
                        !ready && started.0 + delay > changed
                    }
                }
                _ => true,
            };
        }
        if unready {
            groups.unready.insert(name);
        } else {
            groups.ready += 1;
        }
    }
    groups
}

/// Ratio of a utilisation, as the source's `GetResourceUtilizationRatio`.
fn utilisation(
    metrics: &BTreeMap<Name, i64>,
    requests: &BTreeMap<Name, i64>,
    target: i64,
) -> Option<f64> {
    let (mut used, mut requested) = (0, 0);
    for (name, value) in metrics {
        if let Some(request) = requests.get(name) {
            used += value;
            requested += request;
        }
    }
    (requested != 0).then(|| (used * 100 / requested) as f64 / target as f64)
}

fn average(metrics: &BTreeMap<Name, i64>, target: i64) -> f64 {
    let total: i64 = metrics.values().sum();
    (total / metrics.len() as i64) as f64 / target as f64
}

pub(super) enum Target {
    Percent(Resource, i64),
    Average(Option<Resource>, i64),
}

pub(super) fn of_pods(
    current: i64,
    target: &Target,
    seen: &Observation,
    column: usize,
    setting: &Setting,
) -> Found {
    let samples = seen.samples_of(column).iter().enumerate();
    let known: BTreeMap<Name, PodSample> = samples
        .filter_map(|(name, sample)| Some((name, (*sample)?)))
        .collect();
    let mut metrics: BTreeMap<Name, i64> = known
        .iter()
        .map(|(name, sample)| (*name, sample.total))
        .collect();
    for (index, value) in seen.strangers.iter().enumerate() {
        metrics.insert(1000 + index, *value);
    }
    if metrics.is_empty() || seen.pods.is_empty() {
        return None;
    }
    let resource = match target {
        Target::Percent(resource, _) => Some(*resource),
        Target::Average(resource, _) => *resource,
    };
    let groups = group_pods(&seen.pods, &known, resource == Some(Resource::Cpu), setting);
    metrics.retain(|name, _| !groups.ignored.contains(name) && !groups.unready.contains(name));
    if metrics.is_empty() {
        return None;
    }
    let mut requests = BTreeMap::new();
    if let Target::Percent(resource, _) = target {
        for (name, pod) in seen.pods.iter().enumerate() {
            requests.insert(name, pod.request(*resource)?);
        }
    }
    let ratio_of = |metrics: &BTreeMap<Name, i64>| match target {
        Target::Percent(_, percent) => utilisation(metrics, &requests, *percent),
        Target::Average(_, value) => Some(average(metrics, *value)),
    };
    let ratio = ratio_of(&metrics)?;
    let up_with_unready = !groups.unready.is_empty() && ratio > 1.0;
    if !up_with_unready && groups.missing.is_empty() {
        if setting.is_within(ratio) {
            return Some(current);
        }
        return Some((ratio * groups.ready as f64).ceil() as i64);
    }
    for name in &groups.missing {
        match target {
            Target::Percent(_, percent) if ratio < 1.0 => {
                let fallback = 100.max(*percent);
                metrics.insert(*name, requests[name] * fallback / 100);
            }
            Target::Percent(..) if ratio > 1.0 => {
                metrics.insert(*name, 0);
            }
            Target::Percent(..) => {}
            Target::Average(_, value) => {
                metrics.insert(*name, if ratio < 1.0 { *value } else { 0 });
            }
        }
    }
    if up_with_unready {
        for name in &groups.unready {
            metrics.insert(*name, 0);
        }
    }
    let again = ratio_of(&metrics)?;
    if setting.is_within(again) || (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0) {
        return Some(current);
    }
    let replicas = (again * metrics.len() as f64).ceil() as i64;
    if (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current) {
        return Some(current);
    }
    Some(replicas)
}

pub(super) fn of_value(
    current: i64,
    target: i64,
    value: Option<i64>,
    pods: &[PodGroup],
    setting: &Setting,
) -> Found {
    let ratio = value? as f64 / target as f64;
    if current == 0 {
        return Some(ratio.ceil() as i64);
    }
    if setting.is_within(ratio) {
        return Some(current);
    }
    if pods.is_empty() {
        return None;
    }
    let is_ready = |pod: &&PodGroup| pod.phase == PodPhase::Running && pod.ready == Some(true);
    let ready = pods.iter().filter(is_ready).count();
    Some((ratio * ready as f64).ceil() as i64)
}

pub(super) fn per_pod(status: i64, target: i64, value: Option<i64>, setting: &Setting) -> Found {
    let value = value? as f64;
    let ratio = value / (target as f64 * status as f64);
    if setting.is_within(ratio) {
        return Some(status);
    }
    Some((value / target as f64).ceil() as i64)
}
