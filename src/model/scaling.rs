//! Scaling policies: pure functions from an observation to a wish.

mod hpa;

pub use hpa::{HpaController, HpaObservation, HpaSpec, HpaState};

/// A named scaling policy.
#[derive(Clone, Debug)]
pub struct ScalingPolicy {
    /// Name.
    pub name: String,
    /// Rule.
    pub rule: ScalingRule,
}

/// Rules by which the number of replicas is chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalingRule {
    /// Always this many.
    Static(u32),
    /// As many as in the source.
    Same,
    /// HorizontalPodAutoscaler with one CPU metric.
    Hpa(HpaSpec),
}
