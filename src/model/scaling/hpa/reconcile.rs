//! One pass of the controller over one autoscaler (`reconcileAutoscaler`).

use super::behavior::{
    Bounds, Events, Recommendation, ScaleEvent, bounded, bounded_with, stabilise, stabilise_with,
    store,
};
use super::calculator::{
    Failure, Proposal, Sampled, Setting, average_of_pods, resource_utilisation, value,
    value_per_pod,
};
use super::pods::Moment;
use super::{HpaController, HpaSpec, MetricSource, MetricSpec, MetricTarget, Tolerances};
use crate::model::scaling::Observation;
use crate::units::SimDuration;

/// Memory of one autoscaler.
#[derive(Clone, Debug, Default)]
pub struct HpaMemory {
    /// Wishes within the windows; `None` before the first pass.
    pub recommendations: Option<Vec<Recommendation>>,
    /// Additions within the policies' periods.
    pub up: Vec<ScaleEvent>,
    /// Removals within the policies' periods.
    pub down: Vec<ScaleEvent>,
    /// What each metric proposed in the last pass, for explanations.
    pub proposals: Vec<Result<Proposal, Failure>>,
}

/// Reasons of the three conditions of the status; `None`: the pass did not come to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// `AbleToScale`.
    pub able_to_scale: &'static str,
    /// `ScalingActive`.
    pub scaling_active: Option<&'static str>,
    /// `ScalingLimited`.
    pub scaling_limited: Option<&'static str>,
}

/// Result of a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reconciled {
    /// Replicas wished for from now on.
    pub replicas: u32,
    /// The largest proposal before stabilisation and limits, if the metrics were asked.
    pub raw: Option<u32>,
    /// Which metric made it.
    pub metric: Option<usize>,
    /// Reasons.
    pub conditions: Conditions,
}

impl HpaMemory {
    /// One pass. `seen` carries a row of samples or a value for each metric of the spec.
    pub fn reconcile(
        &mut self,
        spec: &HpaSpec,
        controller: &HpaController,
        seen: &Observation,
    ) -> Reconciled {
        let now = Moment::from(seen.at);
        let current = seen.current;
        // Without memory the controller begins with the number that it finds.
        self.recommendations.get_or_insert_with(|| {
            vec![Recommendation {
                replicas: current,
                at: now,
            }]
        });
        let mut conditions = Conditions {
            able_to_scale: "SucceededGetScale",
            scaling_active: None,
            scaling_limited: None,
        };
        let (mut raw, mut metric) = (None, None);
        let replicas = if current == 0 && spec.min_replicas != 0 {
            conditions.scaling_active = Some("ScalingDisabled");
            0
        } else if current > spec.max_replicas {
            spec.max_replicas
        } else if current < spec.min_replicas {
            spec.min_replicas
        } else {
            match self.propose(spec, controller, seen) {
                Ok((proposed, by)) => {
                    conditions.scaling_active = Some("ValidMetricFound");
                    (raw, metric) = (Some(proposed), by);
                    self.normalise(spec, controller, current, proposed, now, &mut conditions)
                }
                Err(reason) => {
                    conditions.scaling_active = Some(reason);
                    current
                }
            }
        };
        if replicas != current {
            conditions.able_to_scale = "SucceededRescale";
            self.note_change(spec, current, replicas, now);
        }
        Reconciled {
            replicas,
            raw,
            metric,
            conditions,
        }
    }

    /// `computeReplicasForMetrics`: the largest proposal. No number when no metric has one, or when some
    /// metric has none and the others would scale down; then the first failure's reason.
    fn propose(
        &mut self,
        spec: &HpaSpec,
        controller: &HpaController,
        seen: &Observation,
    ) -> Result<(u32, Option<usize>), &'static str> {
        let setting = Setting {
            controller,
            tolerances: Tolerances::of(spec, controller),
            now: Moment::from(seen.at),
        };
        let (mut replicas, mut by, mut failed) = (0, None, None);
        self.proposals.clear();
        for (index, metric) in spec.metrics.iter().enumerate() {
            let found = propose_one(metric, index, seen, &setting);
            self.proposals.push(found);
            match found {
                Ok(found) => {
                    if replicas == 0 || found.replicas > replicas {
                        (replicas, by) = (found.replicas, Some(index));
                    }
                }
                Err(_) => failed = failed.or(Some(reason_of(&metric.source))),
            }
        }
        match failed {
            // The API server fills in a metric where none is written; without one nothing is proposed.
            None if spec.metrics.is_empty() => Err("InvalidMetricSourceType"),
            Some(reason) if by.is_none() || replicas < seen.current => Err(reason),
            _ => Ok((replicas, by)),
        }
    }

    /// `normalizeDesiredReplicas`, with or without behaviors.
    fn normalise(
        &mut self,
        spec: &HpaSpec,
        controller: &HpaController,
        current: u32,
        proposed: u32,
        now: Moment,
        conditions: &mut Conditions,
    ) -> u32 {
        let bounds = Bounds {
            min: spec.min_replicas,
            max: spec.max_replicas,
        };
        let log = self.recommendations.get_or_insert_default();
        let (stabilised, held_by) = match &spec.behavior {
            None => {
                let window = controller.downscale_stabilization;
                (stabilise(log, proposed, window, now), "ScaleDownStabilized")
            }
            Some(behavior) => {
                let up = behavior.up.window.unwrap_or(SimDuration::ZERO);
                let down = behavior.down.window;
                let down = down.unwrap_or(controller.downscale_stabilization);
                let reason = if proposed >= current {
                    "ScaleUpStabilized"
                } else {
                    "ScaleDownStabilized"
                };
                (
                    stabilise_with(log, current, proposed, up, down, now),
                    reason,
                )
            }
        };
        conditions.able_to_scale = if stabilised == proposed {
            "ReadyForNewScale"
        } else {
            held_by
        };
        let (replicas, reason) = match &spec.behavior {
            None => bounded(current, stabilised, bounds, controller),
            Some(behavior) => {
                let events = Events {
                    up: &self.up,
                    down: &self.down,
                };
                bounded_with(current, stabilised, bounds, behavior, events, now)
            }
        };
        conditions.scaling_limited = Some(reason);
        replicas
    }

    /// Keeps the change in its direction's list.
    fn note_change(&mut self, spec: &HpaSpec, before: u32, after: u32, now: Moment) {
        let behavior = spec.behavior.as_ref();
        if after > before {
            let rules = behavior.map(|behavior| &behavior.up);
            store(&mut self.up, after - before, rules, now);
        } else {
            let rules = behavior.map(|behavior| &behavior.down);
            store(&mut self.down, before - after, rules, now);
        }
    }
}

fn propose_one(
    metric: &MetricSpec,
    index: usize,
    seen: &Observation,
    setting: &Setting,
) -> Result<Proposal, Failure> {
    let sampled = || Sampled {
        pods: &seen.pods,
        samples: seen.samples_of(index),
        strangers: &seen.strangers,
    };
    let read = || {
        let value = seen.values.get(index).copied().flatten();
        value.ok_or(Failure::NoValue)
    };
    match (&metric.source, metric.target) {
        (
            MetricSource::Resource(resource) | MetricSource::ContainerResource(resource),
            MetricTarget::Utilization(percent),
        ) => resource_utilisation(seen.current, percent, *resource, &sampled(), setting),
        (
            MetricSource::Resource(resource) | MetricSource::ContainerResource(resource),
            MetricTarget::AverageValue(target),
        ) => average_of_pods(seen.current, target, Some(*resource), &sampled(), setting),
        (MetricSource::Pods(_), MetricTarget::AverageValue(target)) => {
            average_of_pods(seen.current, target, None, &sampled(), setting)
        }
        (MetricSource::Object(_) | MetricSource::External(_), MetricTarget::Value(target)) => {
            value(seen.current, target, read()?, &seen.pods, setting)
        }
        (
            MetricSource::Object(_) | MetricSource::External(_),
            MetricTarget::AverageValue(target),
        ) => Ok(value_per_pod(seen.status, target, read()?, setting)),
        (MetricSource::Unknown, _) => Err(Failure::UnknownSource),
        _ => Err(Failure::WrongTarget),
    }
}

fn reason_of(source: &MetricSource) -> &'static str {
    match source {
        MetricSource::Resource(_) => "FailedGetResourceMetric",
        MetricSource::ContainerResource(_) => "FailedGetContainerResourceMetric",
        MetricSource::Pods(_) => "FailedGetPodsMetric",
        MetricSource::Object(_) => "FailedGetObjectMetric",
        MetricSource::External(_) => "FailedGetExternalMetric",
        MetricSource::Unknown => "InvalidMetricSourceType",
    }
}
