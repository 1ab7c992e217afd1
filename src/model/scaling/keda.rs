//! `keda`: a ScaledObject (KEDA 2.x).
//!
//! Between 1 and the maximum KEDA leaves the work to a HorizontalPodAutoscaler that it makes, with one external
//! metric for each trigger; from and to zero it scales itself: up as soon as a trigger is above its activation
//! threshold, down when none was for the cool-down. Both look at their own pace: KEDA each `pollingInterval`,
//! the autoscaler at each sync of the controller.
//! Reference: KEDA documentation, "Scaling Deployments" and "ScaledObject specification".

use super::hpa::{HpaController, HpaMemory, HpaSpec, MetricSource};
use super::{Observation, Reading, Rule, Wish};
use crate::units::{SimDuration, SimTime};

/// A ScaledObject.
#[derive(Clone, Debug, PartialEq)]
pub struct Keda {
    /// The autoscaler that KEDA makes: bounds 1 (or `minReplicaCount`) to `maxReplicaCount`, one metric for
    /// each trigger, in order.
    pub hpa: HpaSpec,
    /// `minReplicaCount`.
    pub min_replicas: u32,
    /// `idleReplicaCount`: kept while no trigger is active, instead of the minimum.
    pub idle_replicas: Option<u32>,
    /// `pollingInterval`.
    pub polling: SimDuration,
    /// `cooldownPeriod`.
    pub cooldown: SimDuration,
    /// `triggers`.
    pub triggers: Vec<Trigger>,
}

/// What makes it scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Above this it is active, in thousandths.
    pub activation: i64,
    /// What it is.
    pub kind: TriggerKind,
}

/// Kinds of triggers.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerKind {
    /// A value, read by the metric of the same place.
    Value,
    /// CPU or memory: never activates, only scales between 1 and the maximum.
    Resource,
    /// So many replicas within spans of time.
    Cron {
        /// The spans, in order.
        spans: Vec<CronSpan>,
        /// `desiredReplicas`.
        replicas: u32,
    },
}

/// From the start of a cron trigger to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CronSpan {
    /// Included.
    pub from: SimTime,
    /// Excluded.
    pub to: SimTime,
}

/// What a ScaledObject remembers.
#[derive(Clone, Debug, Default)]
pub struct KedaMemory {
    hpa: HpaMemory,
    next_poll: SimTime,
    last_active: Option<SimTime>,
}

impl Keda {
    /// Replicas kept while nothing is active.
    fn idle(&self) -> u32 {
        self.idle_replicas.unwrap_or(self.min_replicas)
    }

    fn is_active(&self, index: usize, seen: &Observation) -> bool {
        let trigger = &self.triggers[index];
        match &trigger.kind {
            TriggerKind::Value => {
                let value = seen.values.get(index).copied().flatten();
                value.is_some_and(|value| value > trigger.activation)
            }
            TriggerKind::Resource => false,
            TriggerKind::Cron { spans, .. } => within(spans, seen.at),
        }
    }
}

fn within(spans: &[CronSpan], at: SimTime) -> bool {
    let after = spans.partition_point(|span| span.from <= at);
    after > 0 && at < spans[after - 1].to
}

impl Rule for Keda {
    type Memory = KedaMemory;

    fn memory(&self) -> KedaMemory {
        KedaMemory::default()
    }

    fn bounds(&self) -> (u32, u32) {
        (self.idle().min(self.min_replicas), self.hpa.max_replicas)
    }

    fn desired(
        &self,
        memory: &mut KedaMemory,
        controller: &HpaController,
        seen: &Observation,
    ) -> Wish {
        let mut current = seen.current;
        let mut why = "active";
        if seen.at >= memory.next_poll {
            memory.next_poll = seen.at + self.polling;
            let active = (0..self.triggers.len()).any(|index| self.is_active(index, seen));
            let cold = current == 0 || current == self.idle();
            if active {
                memory.last_active = Some(seen.at);
                if cold && current < self.hpa.min_replicas {
                    return Wish::new(self.hpa.min_replicas, "activated");
                }
            } else if memory
                .last_active
                .is_none_or(|last| seen.at.since(last) >= self.cooldown)
                && self.idle() < self.hpa.min_replicas
                && current > self.idle()
            {
                return Wish::new(self.idle(), "cool-down over");
            } else if current < self.min_replicas {
                current = self.min_replicas;
                why = "minimum";
            }
        }
        if current == 0 || (current < self.hpa.min_replicas && current == self.idle()) {
            // The autoscaler is paused while KEDA keeps the idle number.
            return Wish::new(current, "idle");
        }
        if current != seen.current {
            return Wish::new(current, why);
        }
        let shown;
        let seen = if self.has_cron() {
            shown = self.with_cron(seen);
            &shown
        } else {
            seen
        };
        let done = memory.hpa.reconcile(&self.hpa, controller, seen);
        Wish::new(done.replicas, done.conditions.able_to_scale)
    }

    fn readings(&self) -> Vec<Option<Reading>> {
        self.hpa.readings()
    }
}

impl Keda {
    fn has_cron(&self) -> bool {
        let mut triggers = self.triggers.iter();
        triggers.any(|trigger| matches!(trigger.kind, TriggerKind::Cron { .. }))
    }

    /// The observation with the values of cron triggers: `desiredReplicas` within a span, else 1, each against
    /// an average of 1 for a replica, as KEDA's scaler reports it.
    fn with_cron(&self, seen: &Observation) -> Observation {
        let mut shown = seen.clone();
        shown.values.resize(self.hpa.metrics.len(), None);
        for (index, trigger) in self.triggers.iter().enumerate() {
            if let TriggerKind::Cron { spans, replicas } = &trigger.kind {
                let wanted = if within(spans, seen.at) { *replicas } else { 1 };
                shown.values[index] = Some(i64::from(wanted) * 1000);
                debug_assert!(matches!(
                    self.hpa.metrics[index].source,
                    MetricSource::External(_)
                ));
            }
        }
        shown
    }
}
