//! A slow twin of the whole pass, pod by pod in the shape of the source (maps of metrics from which pods are taken out and
//! into which they are put back), against the code that runs, over random histories.

mod calculator;
mod histories;

use calculator::{Setting, Target, of_pods, of_value, per_pod};

use super::{
    Behavior, Conditions, HpaController, HpaSpec, MetricSource, MetricTarget, RateLimit, Resource,
    ScalingRules, Select,
};
use crate::model::scaling::Observation;
use crate::units::SimDuration;

#[derive(Clone, Copy, PartialEq, Debug)]
struct Change {
    replicas: i64,
    at: i64,
    outdated: bool,
}

/// What the source keeps for one autoscaler.
#[derive(Default)]
struct Twin {
    recommendations: Option<Vec<(i64, i64)>>,
    ups: Vec<Change>,
    downs: Vec<Change>,
}

impl Twin {
    fn reconcile(
        &mut self,
        spec: &HpaSpec,
        controller: &HpaController,
        seen: &Observation,
    ) -> (i64, Conditions) {
        let now = seen.at.0 as i64;
        let (current, min, max) = (
            i64::from(seen.current),
            i64::from(spec.min_replicas),
            i64::from(spec.max_replicas),
        );
        self.recommendations.get_or_insert(vec![(current, now)]);
        let mut conditions = Conditions {
            able_to_scale: "SucceededGetScale",
            scaling_active: None,
            scaling_limited: None,
        };
        let mut rescale = true;
        let mut desired;
        if current == 0 && min != 0 {
            (desired, rescale) = (0, false);
            conditions.scaling_active = Some("ScalingDisabled");
        } else if current > max {
            desired = max;
        } else if current < min {
            desired = min;
        } else {
            match metrics_say(spec, controller, seen) {
                Err(reason) => {
                    conditions.scaling_active = Some(reason);
                    return (current, conditions);
                }
                Ok(proposal) => desired = proposal,
            }
            conditions.scaling_active = Some("ValidMetricFound");
            let (stabilised, reason) = match &spec.behavior {
                None => self.stabilise(desired, controller, now),
                Some(behavior) => self.stabilise_both(current, desired, behavior, controller, now),
            };
            conditions.able_to_scale = if stabilised == desired {
                "ReadyForNewScale"
            } else {
                reason
            };
            let (limited, reason) = match &spec.behavior {
                None => convert(current, stabilised, min, max, controller),
                Some(behavior) => self.convert_both(current, stabilised, min, max, behavior, now),
            };
            conditions.scaling_limited = Some(reason);
            desired = limited;
            rescale = desired != current;
        }
        if rescale {
            conditions.able_to_scale = "SucceededRescale";
            if let Some(behavior) = &spec.behavior {
                self.store(behavior, current, desired, now);
            }
            (desired, conditions)
        } else {
            (current, conditions)
        }
    }

    fn stabilise(
        &mut self,
        desired: i64,
        controller: &HpaController,
        now: i64,
    ) -> (i64, &'static str) {
        let cutoff = now - controller.downscale_stabilization.0 as i64;
        let log = self.recommendations.as_mut().expect("made before");
        let mut highest = desired;
        let mut old = None;
        for (index, (replicas, at)) in log.iter().enumerate() {
            if *at < cutoff {
                old = Some(index);
            } else if *replicas > highest {
                highest = *replicas;
            }
        }
        match old {
            Some(index) => log[index] = (desired, now),
            None => log.push((desired, now)),
        }
        (highest, "ScaleDownStabilized")
    }

    fn stabilise_both(
        &mut self,
        current: i64,
        desired: i64,
        behavior: &Behavior,
        controller: &HpaController,
        now: i64,
    ) -> (i64, &'static str) {
        let log = self.recommendations.as_mut().expect("made before");
        let up_cutoff = now - behavior.up.window.map_or(0, |window| window.0 as i64);
        let down = behavior
            .down
            .window
            .unwrap_or(controller.downscale_stabilization);
        let down_cutoff = now - down.0 as i64;
        let (mut up, mut down, mut old) = (desired, desired, None);
        for (index, (replicas, at)) in log.iter().enumerate() {
            if *at > up_cutoff {
                up = up.min(*replicas);
            }
            if *at > down_cutoff {
                down = down.max(*replicas);
            }
            if *at < up_cutoff && *at < down_cutoff {
                old = Some(index);
            }
        }
        let mut found = current;
        if found < up {
            found = up;
        }
        if found > down {
            found = down;
        }
        match old {
            Some(index) => log[index] = (desired, now),
            None => log.push((desired, now)),
        }
        let rising = desired >= current;
        (
            found,
            if rising {
                "ScaleUpStabilized"
            } else {
                "ScaleDownStabilized"
            },
        )
    }

    fn at_start(&self, current: i64, period: SimDuration, now: i64) -> i64 {
        let within = |changes: &[Change]| -> i64 {
            let inside = changes
                .iter()
                .filter(|change| change.at > now - period.0 as i64);
            inside.map(|change| change.replicas).sum()
        };
        current - within(&self.ups) + within(&self.downs)
    }

    fn convert_both(
        &self,
        current: i64,
        desired: i64,
        min: i64,
        max: i64,
        behavior: &Behavior,
        now: i64,
    ) -> (i64, &'static str) {
        if desired > current {
            let limit = self.up_limit(current, &behavior.up, now).max(current);
            let (most, reason) = if max > limit {
                (limit, "ScaleUpLimit")
            } else {
                (max, "TooManyReplicas")
            };
            if desired > most {
                return (most, reason);
            }
        } else if desired < current {
            let limit = self.down_limit(current, &behavior.down, now).min(current);
            let (least, reason) = if min < limit {
                (limit, "ScaleDownLimit")
            } else {
                (min, "TooFewReplicas")
            };
            if desired < least {
                return (least, reason);
            }
        }
        (desired, "DesiredWithinRange")
    }

    fn up_limit(&self, current: i64, rules: &ScalingRules, now: i64) -> i64 {
        let mut result = match rules.select {
            Select::Disabled => return current,
            Select::Min => i64::from(i32::MAX),
            Select::Max => i64::from(i32::MIN),
        };
        for policy in &rules.policies {
            let start = self.at_start(current, policy.period, now);
            let proposed = match policy.limit {
                RateLimit::Pods(pods) => start + i64::from(pods),
                RateLimit::Percent(percent) => {
                    (start as f64 * (1.0 + f64::from(percent) / 100.0)).ceil() as i64
                }
            };
            result = if rules.select == Select::Min {
                result.min(proposed)
            } else {
                result.max(proposed)
            };
        }
        result
    }

    fn down_limit(&self, current: i64, rules: &ScalingRules, now: i64) -> i64 {
        let mut result = match rules.select {
            Select::Disabled => return current,
            Select::Min => i64::from(i32::MIN),
            Select::Max => i64::from(i32::MAX),
        };
        for policy in &rules.policies {
            let start = self.at_start(current, policy.period, now);
            let proposed = match policy.limit {
                RateLimit::Pods(pods) => start - i64::from(pods),
                RateLimit::Percent(percent) => {
                    (start as f64 * (1.0 - f64::from(percent) / 100.0)) as i64
                }
            };
            result = if rules.select == Select::Min {
                result.max(proposed)
            } else {
                result.min(proposed)
            };
        }
        result
    }

    fn store(&mut self, behavior: &Behavior, before: i64, after: i64, now: i64) {
        let (rules, list, replicas) = if after > before {
            (&behavior.up, &mut self.ups, after - before)
        } else {
            (&behavior.down, &mut self.downs, before - after)
        };
        let mut longest = 0;
        for policy in &rules.policies {
            longest = longest.max(policy.period.0 as i64);
        }
        let mut old = None;
        for (index, change) in list.iter_mut().enumerate() {
            if change.at < now - longest {
                change.outdated = true;
            }
            if change.outdated {
                old = Some(index);
            }
        }
        let new = Change {
            replicas,
            at: now,
            outdated: false,
        };
        match old {
            Some(index) => list[index] = new,
            None => list.push(new),
        }
    }
}

fn convert(
    current: i64,
    desired: i64,
    min: i64,
    max: i64,
    controller: &HpaController,
) -> (i64, &'static str) {
    let limit = (controller.scale_up_limit_factor * current as f64)
        .max(controller.scale_up_limit_minimum) as i64;
    let (most, reason) = if max > limit {
        (limit, "ScaleUpLimit")
    } else {
        (max, "TooManyReplicas")
    };
    if desired < min {
        (min, "TooFewReplicas")
    } else if desired > most {
        (most, reason)
    } else {
        (desired, "DesiredWithinRange")
    }
}

fn metrics_say(
    spec: &HpaSpec,
    controller: &HpaController,
    seen: &Observation,
) -> Result<i64, &'static str> {
    let of = |rules: Option<&ScalingRules>| {
        rules
            .and_then(|rules| rules.tolerance)
            .unwrap_or(controller.tolerance)
    };
    let setting = Setting {
        controller,
        down: of(spec.behavior.as_ref().map(|behavior| &behavior.down)),
        up: of(spec.behavior.as_ref().map(|behavior| &behavior.up)),
        now: seen.at.0 as i64,
    };
    let (current, status) = (i64::from(seen.current), i64::from(seen.status));
    let (mut replicas, mut invalid, mut first) = (0, 0, "InvalidMetricSourceType");
    for (column, metric) in spec.metrics.iter().enumerate() {
        let value = seen.values[column];
        let (found, reason) = match (&metric.source, metric.target) {
            (MetricSource::Resource(resource), target) => (
                of_pods(
                    current,
                    &target_of(Some(*resource), target),
                    seen,
                    column,
                    &setting,
                ),
                "FailedGetResourceMetric",
            ),
            (MetricSource::ContainerResource(resource), target) => (
                of_pods(
                    current,
                    &target_of(Some(*resource), target),
                    seen,
                    column,
                    &setting,
                ),
                "FailedGetContainerResourceMetric",
            ),
            (MetricSource::Pods(_), target) => (
                of_pods(current, &target_of(None, target), seen, column, &setting),
                "FailedGetPodsMetric",
            ),
            (MetricSource::Object(_), MetricTarget::Value(target)) => (
                of_value(current, target, value, &seen.pods, &setting),
                "FailedGetObjectMetric",
            ),
            (MetricSource::Object(_), MetricTarget::AverageValue(target)) => (
                per_pod(status, target, value, &setting),
                "FailedGetObjectMetric",
            ),
            (MetricSource::External(_), MetricTarget::Value(target)) => (
                of_value(current, target, value, &seen.pods, &setting),
                "FailedGetExternalMetric",
            ),
            (MetricSource::External(_), MetricTarget::AverageValue(target)) => (
                per_pod(status, target, value, &setting),
                "FailedGetExternalMetric",
            ),
            _ => (None, "InvalidMetricSourceType"),
        };
        match found {
            None => {
                if invalid == 0 {
                    first = reason;
                }
                invalid += 1;
            }
            Some(found) if replicas == 0 || found > replicas => replicas = found,
            Some(_) => {}
        }
    }
    if invalid >= spec.metrics.len() || (invalid > 0 && replicas < current) {
        return Err(first);
    }
    Ok(replicas)
}

fn target_of(resource: Option<Resource>, target: MetricTarget) -> Target {
    match (resource, target) {
        (Some(resource), MetricTarget::Utilization(percent)) => {
            Target::Percent(resource, i64::from(percent))
        }
        (resource, MetricTarget::AverageValue(value) | MetricTarget::Value(value)) => {
            Target::Average(resource, value)
        }
        (None, MetricTarget::Utilization(_)) => unreachable!("not made below"),
    }
}
