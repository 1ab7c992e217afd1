//! Pods as the autoscaler sees them, and which of them count (`groupPods` of the source).

use super::{HpaController, Resource};
use crate::units::{SimDuration, SimTime};

/// An instant that may lie before time zero: nanoseconds after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(pub i64);

impl Moment {
    /// Longer ago than any period, yet far enough from the smallest number to be moved by one.
    pub const LONG_AGO: Self = Self(i64::MIN / 4);

    /// That much later.
    #[must_use]
    pub fn plus(self, duration: SimDuration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.0).unwrap_or(i64::MAX)),
        )
    }

    /// That much earlier.
    #[must_use]
    pub fn minus(self, duration: SimDuration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.0).unwrap_or(i64::MAX)),
        )
    }
}

impl From<SimTime> for Moment {
    fn from(at: SimTime) -> Self {
        Self(i64::try_from(at.0).unwrap_or(i64::MAX))
    }
}

/// Phase of a pod as the API has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PodPhase {
    /// Not scheduled, or its image is not there yet.
    Pending,
    /// Its process runs.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
}

/// Pods that are alike in everything the autoscaler looks at: one, or all the ready old ones of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodGroup {
    /// How many.
    pub pods: u32,
    /// Phase.
    pub phase: PodPhase,
    /// On their way out.
    pub deleting: bool,
    /// The Ready condition; `None` before there is one.
    pub ready: Option<bool>,
    /// When the Ready condition last changed.
    pub ready_changed: Moment,
    /// When the kubelet acknowledged the pod; `None` before.
    pub started: Option<Moment>,
    /// CPU request of one pod, millicores; `None`: none written.
    pub cpu_request: Option<i64>,
    /// Memory request of one pod, thousandths of a byte.
    pub memory_request: Option<i64>,
}

impl PodGroup {
    /// Request of one pod, in thousandths.
    #[must_use]
    pub fn request(&self, resource: Resource) -> Option<i64> {
        match resource {
            Resource::Cpu => self.cpu_request,
            Resource::Memory => self.memory_request,
        }
    }
}

/// What the metrics pipeline says of a group of pods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodSample {
    /// Sum over the group, in thousandths.
    pub total: i64,
    /// End of the interval that it is of.
    pub taken: Moment,
    /// Length of that interval.
    pub window: SimDuration,
}

/// How a pod counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Deleted or failed: as if it were not there, but for its request.
    Ignored,
    /// Its sample is set aside; nothing used when scaling up.
    Unready,
    /// It has no sample: the target used when scaling down, nothing when scaling up.
    Missing,
    /// Counted with its sample.
    Counted,
}

/// How pods of a group count for a metric. `cpu`: the metric is the CPU, for which young pods are set aside.
#[must_use]
pub fn class(
    pod: &PodGroup,
    sample: Option<&PodSample>,
    cpu: bool,
    controller: &HpaController,
    now: Moment,
) -> Class {
    if pod.deleting || pod.phase == PodPhase::Failed {
        return Class::Ignored;
    }
    if pod.phase == PodPhase::Pending {
        return Class::Unready;
    }
    let Some(sample) = sample else {
        return Class::Missing;
    };
    if cpu && is_set_aside(pod, sample, controller, now) {
        return Class::Unready;
    }
    Class::Counted
}

fn is_set_aside(
    pod: &PodGroup,
    sample: &PodSample,
    controller: &HpaController,
    now: Moment,
) -> bool {
    let (Some(ready), Some(started)) = (pod.ready, pod.started) else {
        return true;
    };
    if started.plus(controller.cpu_initialization_period) > now {
        // Still starting up: not ready, or no whole window was measured since readiness last changed.
        return !ready || sample.taken < pod.ready_changed.plus(sample.window);
    }
    // Not ready now and never was.
    !ready && started.plus(controller.initial_readiness_delay) > pod.ready_changed
}
