//! Scaling policies: pure functions from an observation to a wish, each with a memory of its own.
//!
//! A policy is one file and one line of the table below. It never sees the world: the control plane shows it an
//! [`Observation`] at each sync of its cluster's controller and carries out its [`Wish`].

mod fixed;
pub mod hpa;
mod keda;
mod observation;
mod patience;
mod predictive;
mod queueing;
pub mod reading;
pub mod replay;
mod same;
mod scheduled;
#[cfg(test)]
mod tests;

pub use fixed::Fixed;
pub use hpa::{HpaController, HpaSpec};
pub use keda::{CronSpan, Fallback, FallbackBehavior, Keda, Trigger, TriggerKind};
pub use observation::{Observation, Server, Spread, Wish};
pub use predictive::{Forecast, Predictive};
pub use queueing::Queueing;
pub use reading::{Quantity, Reading};
pub use same::Same;
pub use scheduled::{Firing, Scheduled};

/// A named scaling policy.
#[derive(Clone, Debug)]
pub struct ScalingPolicy {
    /// Name.
    pub name: String,
    /// How many replicas.
    pub rule: ScalingRule,
    /// A timetable that sets the same number, without knowing of the rule.
    pub beside: Option<Scheduled>,
}

/// What every rule for a number of replicas is.
pub trait Rule {
    /// What it remembers between syncs.
    type Memory: Clone + std::fmt::Debug;

    /// Before the first sync.
    fn memory(&self) -> Self::Memory;

    /// Fewest and most replicas that it ever wishes for of its own accord.
    fn bounds(&self) -> (u32, u32);

    /// Replicas wished for from now on.
    fn desired(
        &self,
        memory: &mut Self::Memory,
        controller: &HpaController,
        seen: &Observation,
    ) -> Wish;

    /// Values that have to be read for it, one for each column of [`Observation`]'s `values` and `samples`.
    fn readings(&self) -> Vec<Option<Reading>> {
        Vec::new()
    }
}

/// One kind of policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyKind {
    /// Key in scenario files.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
}

/// Makes the enum of rules, that of memories, the table and their dispatch from one list.
macro_rules! policies {
    ($($variant:ident($rule:ty), $name:literal, $doc:literal;)*) => {
        /// Rules by which the number of replicas is chosen.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ScalingRule {
            $(#[doc = $doc] $variant($rule),)*
        }

        /// Memory of a rule.
        #[derive(Clone, Debug)]
        pub enum Memory {
            $(#[doc = $doc] $variant(<$rule as Rule>::Memory),)*
        }

        /// Every kind of policy, in the order of the reference.
        pub static POLICIES: &[PolicyKind] = &[$(PolicyKind { name: $name, doc: $doc },)*];

        impl ScalingRule {
            /// Key in scenario files.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// Memory before the first sync.
            #[must_use]
            pub fn memory(&self) -> Memory {
                match self { $(Self::$variant(rule) => Memory::$variant(rule.memory()),)* }
            }

            /// Fewest and most replicas that it ever wishes for of its own accord.
            #[must_use]
            pub fn bounds(&self) -> (u32, u32) {
                match self { $(Self::$variant(rule) => rule.bounds(),)* }
            }

            /// Values that have to be read for it, by column of the observation.
            #[must_use]
            pub fn readings(&self) -> Vec<Option<Reading>> {
                match self { $(Self::$variant(rule) => rule.readings(),)* }
            }

            /// Replicas wished for from now on.
            ///
            /// # Panics
            /// The memory is of another rule: the caller's own mistake.
            pub fn desired(
                &self,
                memory: &mut Memory,
                controller: &HpaController,
                seen: &Observation,
            ) -> Wish {
                match (self, memory) {
                    $((Self::$variant(rule), Memory::$variant(memory)) => {
                        rule.desired(memory, controller, seen)
                    })*
                    _ => unreachable!("a memory belongs to the rule that made it"),
                }
            }
        }
    };
}

policies! {
    Static(Fixed), "static", "Always this many.";
    Same(Same), "same", "As many as in the migration's source.";
    Hpa(HpaSpec), "hpa", "HorizontalPodAutoscaler, autoscaling/v2.";
    Keda(Keda), "keda", "KEDA ScaledObject: event-driven, to and from zero.";
    Scheduled(Scheduled), "scheduled", "By the clock: cron entries with time zones.";
    Predictive(Predictive), "predictive", "By a seasonal forecast of the load, with a lead.";
    Queueing(Queueing), "queueing", "Fewest replicas that keep a target, by the formula that fits the balancer.";
}

impl ScalingRule {
    /// Whether the rule acts at syncs; the others are looked at once, where replicas are made.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self, Self::Static(_) | Self::Same(_))
    }

    /// Replicas where a service starts with `written` (or is prepared with that many).
    #[must_use]
    pub fn initial(&self, written: u32) -> u32 {
        match self {
            Self::Static(fixed) => fixed.replicas,
            Self::Same(_) => written,
            _ => {
                let (least, most) = self.bounds();
                written.clamp(least, most.max(least))
            }
        }
    }
}
