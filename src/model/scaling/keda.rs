//! `keda`: a ScaledObject (KEDA 2.x).
//!
//! Between 1 and the maximum KEDA leaves the work to a HorizontalPodAutoscaler that it makes, with one external
//! metric for each trigger; from and to zero it scales itself: up as soon as a trigger is above its activation
//! threshold, down when none was for the cool-down. Both look at their own pace: KEDA each `pollingInterval`,
//! the autoscaler at each sync of the controller. (Here KEDA looks at the first sync at or after each of its own
//! instants.) A trigger that cannot be read is in error: then nothing goes to zero, and a `fallback` takes the place
//! of its value. KEDA's last activity is kept in whole seconds, so that the cool-down is over at its very end.
//! Reference: KEDA documentation, "Scaling Deployments" and "ScaledObject specification".

use super::hpa::{HpaController, HpaMemory, HpaSpec, MetricTarget};
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
    /// `initialCooldownPeriod`: from the start, before anything was active.
    pub initial_cooldown: SimDuration,
    /// `fallback`.
    pub fallback: Option<Fallback>,
    /// `triggers`.
    pub triggers: Vec<Trigger>,
}

/// What stands for a trigger that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// `failureThreshold`: after more failures in a row than this.
    pub failures: u32,
    /// `replicas`.
    pub replicas: u32,
    /// `behavior`.
    pub behavior: FallbackBehavior,
}

/// How the fallback's number and the current one go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackBehavior {
    /// The fallback's.
    Static,
    /// The current one.
    Current,
    /// The larger.
    CurrentIfHigher,
    /// The smaller.
    CurrentIfLower,
}

impl Fallback {
    fn wish(&self, current: u32) -> u32 {
        match self.behavior {
            FallbackBehavior::Static => self.replicas,
            FallbackBehavior::Current => current,
            FallbackBehavior::CurrentIfHigher => self.replicas.max(current),
            FallbackBehavior::CurrentIfLower => self.replicas.min(current),
        }
    }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerKind {
    /// A value, read by the metric of the same place.
    Value,
    /// CPU or memory: activates only where there is no other kind, and scales between 1 and the maximum.
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
    first_poll: Option<SimTime>,
    last_active: Option<SimTime>,
    /// By trigger: failures in a row.
    failures: Vec<u32>,
}

impl Keda {
    /// Replicas kept while nothing is active.
    fn idle(&self) -> u32 {
        self.idle_replicas.unwrap_or(self.min_replicas)
    }

    /// Whether any trigger is active, and whether any cannot be read.
    fn activity(&self, seen: &Observation) -> (bool, bool) {
        // Upstream: an object of CPU and memory triggers alone is always active.
        let mut active = self
            .triggers
            .iter()
            .all(|one| one.kind == TriggerKind::Resource);
        let mut error = false;
        for (index, trigger) in self.triggers.iter().enumerate() {
            match &trigger.kind {
                TriggerKind::Value => match seen.values.get(index).copied().flatten() {
                    Some(value) => active |= value > trigger.activation,
                    None => error = true,
                },
                TriggerKind::Resource => {}
                TriggerKind::Cron { spans, .. } => active |= within(spans, seen.at),
            }
        }
        (active, error)
    }

    /// KEDA's own look (`RequestScale`): the number it sets, if it sets one, and why.
    fn look(&self, memory: &mut KedaMemory, seen: &Observation) -> Option<Wish> {
        let current = seen.current;
        let first = *memory.first_poll.get_or_insert(seen.at);
        let (active, error) = self.activity(seen);
        let asleep = current == 0 || (self.idle_replicas.is_some() && current < self.min_replicas);
        if active {
            if asleep || !error {
                memory.last_active = Some(seen.at);
            }
            return asleep.then(|| Wish::new(self.hpa.min_replicas, "activated"));
        }
        match self.fallback {
            Some(fallback) if error && fallback.replicas != 0 => {
                let wish = fallback.wish(current).min(self.hpa.max_replicas);
                return (wish != current).then(|| Wish::new(wish, "fallback"));
            }
            None if error => return None,
            _ => {}
        }
        let idle = self.idle_replicas.unwrap_or(0);
        if current > idle && (self.idle_replicas.is_some() || self.min_replicas == 0) {
            let over = match memory.last_active {
                Some(last) => seen.at.since(last) >= self.cooldown,
                None => seen.at.since(first) >= self.initial_cooldown,
            };
            return over.then(|| Wish::new(idle, "cool-down over"));
        }
        let few = current < self.min_replicas && self.idle_replicas.is_none();
        few.then(|| Wish::new(self.min_replicas, "minimum"))
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
        if seen.at >= memory.next_poll {
            while memory.next_poll <= seen.at {
                memory.next_poll += self.polling;
            }
            if let Some(wish) = self.look(memory, seen) {
                return wish;
            }
        }
        if seen.current == 0 {
            // The autoscaler is disabled while KEDA keeps nothing.
            return Wish::new(0, "idle");
        }
        let shown;
        let seen = if self.has_cron() || self.fallback.is_some() {
            shown = self.filled_in(memory, seen);
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
    /// an average of 1 for a replica, as KEDA's scaler reports it; and with the fallback's value for triggers that have
    /// failed often enough, where their target is an average.
    fn filled_in(&self, memory: &mut KedaMemory, seen: &Observation) -> Observation {
        let mut shown = seen.clone();
        shown.values.resize(self.hpa.metrics.len(), None);
        memory.failures.resize(self.triggers.len(), 0);
        for (index, trigger) in self.triggers.iter().enumerate() {
            let value = &mut shown.values[index];
            match (&trigger.kind, self.fallback, self.hpa.metrics[index].target) {
                (TriggerKind::Cron { spans, replicas }, ..) => {
                    let wanted = if within(spans, seen.at) { *replicas } else { 1 };
                    *value = Some(i64::from(wanted) * 1000);
                }
                (TriggerKind::Value, Some(fallback), MetricTarget::AverageValue(target)) => {
                    let failures = &mut memory.failures[index];
                    *failures = if value.is_some() { 0 } else { *failures + 1 };
                    if *failures > fallback.failures {
                        let replicas = fallback.wish(seen.current);
                        *value = Some(target.saturating_mul(i64::from(replicas)));
                    }
                }
                (TriggerKind::Value | TriggerKind::Resource, ..) => {}
            }
        }
        shown
    }
}
