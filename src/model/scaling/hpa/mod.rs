//! HorizontalPodAutoscaler (`autoscaling/v2`), to the letter of Kubernetes 1.3x.
//!
//! Follows `replica_calculator.go` and `horizontal.go` of kubernetes/kubernetes (commit 003e862, tolerances by
//! direction as of 1.33): [`calculator`] turns one metric into a number of replicas, [`behavior`] stabilises and
//! limits it, `reconcile` is one pass over all metrics. Everything is a pure function of what is shown and of
//! the controller's own memory; the simulation, `cutover hpa replay` and `cutover verify` run this code.
//!
//! Where instants are equal the source's strict comparisons decide, on the simulation's exact clock.

pub mod behavior;
pub mod calculator;
pub mod pods;
mod reconcile;
#[cfg(test)]
mod twin;

pub use reconcile::{Conditions, HpaMemory, Reconciled};

use crate::model::scaling::{Observation, Reading, Rule, Wish};
use crate::units::SimDuration;

/// The part of an `autoscaling/v2` spec that is simulated: all but `scaleTargetRef`.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// `minReplicas`; 0 needs an object or external metric.
    pub min_replicas: u32,
    /// `maxReplicas`.
    pub max_replicas: u32,
    /// `metrics`, in order.
    pub metrics: Vec<MetricSpec>,
    /// `behavior` with the API server's defaults filled in; `None` when not written: then the controller's
    /// own down-scale window and limit of scaling up hold.
    pub behavior: Option<Behavior>,
}

/// One entry of `metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSpec {
    /// What is measured.
    pub source: MetricSource,
    /// What it should be.
    pub target: MetricTarget,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricSource {
    /// A resource of the whole pod.
    Resource(Resource),
    /// A resource of one container. A simulated pod has one container, so the name does not matter.
    ContainerResource(Resource),
    /// A value of each pod.
    Pods(Reading),
    /// A value of one object.
    Object(Reading),
    /// A value from outside the cluster.
    External(Reading),
    /// A source type that the controller does not know: refused by the API server, so only in others' cases.
    Unknown,
}

/// A compute resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// Millicores.
    Cpu,
    /// Thousandths of a byte.
    Memory,
}

impl Resource {
    /// Name in manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// Target of a metric. Values are in thousandths, as the controller's own arithmetic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricTarget {
    /// Per cent of the request, averaged over pods.
    Utilization(u32),
    /// Average over pods.
    AverageValue(i64),
    /// The value itself.
    Value(i64),
}

/// `behavior`, both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// `scaleUp`.
    pub up: ScalingRules,
    /// `scaleDown`.
    pub down: ScalingRules,
}

/// Rules of one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// `stabilizationWindowSeconds`; `None` (only when scaling down): the controller's window.
    pub window: Option<SimDuration>,
    /// `selectPolicy`.
    pub select: Select,
    /// `policies`.
    pub policies: Vec<RatePolicy>,
    /// `tolerance` of this direction; `None`: the controller's.
    pub tolerance: Option<f64>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A limit of change within a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RatePolicy {
    /// How much.
    pub limit: RateLimit,
    /// `periodSeconds`.
    pub period: SimDuration,
}

/// Amount of change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateLimit {
    /// So many pods.
    Pods(u32),
    /// So many per cent of the replicas at the start of the period.
    Percent(u32),
}

impl ScalingRules {
    /// The API server's default of `scaleUp`: the larger of 4 pods and 100 % each 15 s, no window.
    #[must_use]
    pub fn default_up() -> Self {
        let period = SimDuration::from_secs(15);
        Self {
            window: Some(SimDuration::ZERO),
            select: Select::Max,
            policies: vec![
                RatePolicy {
                    limit: RateLimit::Pods(4),
                    period,
                },
                RatePolicy {
                    limit: RateLimit::Percent(100),
                    period,
                },
            ],
            tolerance: None,
        }
    }

    /// The API server's default of `scaleDown`: 100 % each 15 s, the controller's window.
    #[must_use]
    pub fn default_down() -> Self {
        Self {
            window: None,
            select: Select::Max,
            policies: vec![RatePolicy {
                limit: RateLimit::Percent(100),
                period: SimDuration::from_secs(15),
            }],
            tolerance: None,
        }
    }
}

/// Settings of the controller, one for a cluster (flags of kube-controller-manager).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HpaController {
    /// `--horizontal-pod-autoscaler-tolerance`: no change while the ratio to the target is this near to 1.
    pub tolerance: f64,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`.
    pub downscale_stabilization: SimDuration,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub initial_readiness_delay: SimDuration,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub cpu_initialization_period: SimDuration,
    /// Without `behavior`, one pass multiplies replicas by at most this (2 in the source).
    pub scale_up_limit_factor: f64,
    /// Without `behavior`, one pass may always reach this many (4 in the source).
    pub scale_up_limit_minimum: f64,
}

impl Default for HpaController {
    fn default() -> Self {
        Self {
            tolerance: 0.1,
            downscale_stabilization: SimDuration::from_secs(300),
            initial_readiness_delay: SimDuration::from_secs(30),
            cpu_initialization_period: SimDuration::from_secs(300),
            scale_up_limit_factor: 2.0,
            scale_up_limit_minimum: 4.0,
        }
    }
}

/// Ratios around 1 within which nothing changes, by direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// Below 1.
    pub down: f64,
    /// Above 1.
    pub up: f64,
}

impl Tolerances {
    /// Those of a spec under a controller.
    #[must_use]
    pub fn of(spec: &HpaSpec, controller: &HpaController) -> Self {
        let own = |rules: fn(&Behavior) -> &ScalingRules| {
            let behavior = spec.behavior.as_ref().map(rules);
            behavior.and_then(|rules| rules.tolerance)
        };
        Self {
            down: own(|behavior| &behavior.down).unwrap_or(controller.tolerance),
            up: own(|behavior| &behavior.up).unwrap_or(controller.tolerance),
        }
    }

    /// Whether a ratio is near enough to 1. Not a number is not.
    #[must_use]
    pub fn hold(&self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

impl HpaSpec {
    /// Whether it may keep no replicas at all: some metric can be read without pods.
    #[must_use]
    pub fn may_be_zero(&self) -> bool {
        self.metrics.iter().any(|metric| {
            matches!(
                metric.source,
                MetricSource::Object(_) | MetricSource::External(_)
            )
        })
    }
}

impl Rule for HpaSpec {
    type Memory = HpaMemory;

    fn memory(&self) -> HpaMemory {
        HpaMemory::default()
    }

    fn bounds(&self) -> (u32, u32) {
        (self.min_replicas, self.max_replicas)
    }

    fn desired(
        &self,
        memory: &mut HpaMemory,
        controller: &HpaController,
        seen: &Observation,
    ) -> Wish {
        let done = memory.reconcile(self, controller, seen);
        let conditions = done.conditions;
        let limited = conditions
            .scaling_limited
            .filter(|reason| *reason != behavior::WITHIN);
        let why = limited.unwrap_or(match conditions.scaling_active {
            Some("ValidMetricFound") if done.replicas > seen.current => "above target",
            Some("ValidMetricFound") if done.replicas < seen.current => "all metrics below target",
            Some("ValidMetricFound") | None => conditions.able_to_scale,
            Some(failure) => failure,
        });
        Wish::new(done.replicas, why)
    }

    fn readings(&self) -> Vec<Option<Reading>> {
        let of = |metric: &MetricSpec| match metric.source {
            MetricSource::Pods(reading)
            | MetricSource::Object(reading)
            | MetricSource::External(reading) => Some(reading),
            MetricSource::Resource(_)
            | MetricSource::ContainerResource(_)
            | MetricSource::Unknown => None,
        };
        self.metrics.iter().map(of).collect()
    }
}
