//! HorizontalPodAutoscaler: one CPU utilisation metric, bounds, tolerance, down-scale window.

use crate::units::SimDuration;

/// The part of an `autoscaling/v2` spec that is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// `minReplicas`.
    pub min_replicas: u32,
    /// `maxReplicas`.
    pub max_replicas: u32,
    /// `averageUtilization` of the CPU request, 1 = 100 %.
    pub target_utilisation: f64,
    /// `behavior.scaleDown.stabilizationWindowSeconds`; `None`: the controller's.
    pub downscale_stabilization: Option<SimDuration>,
}

/// Memory of one autoscaler: recommendations within the window.
#[derive(Clone, Debug, Default)]
pub struct HpaState {}
