//! What object, external and pods metrics read: a quantity of a service.

use crate::units::ServiceId;

/// A quantity of a service over the last interval of the metrics pipeline.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reading {
    /// What.
    pub quantity: Quantity,
    /// Of which service; `None`: of the one that is scaled.
    pub service: Option<ServiceId>,
}

/// What can be read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Quantity {
    /// Requests at the replicas (and in their shared queue), waiting or in work, on average.
    QueueLength,
    /// Requests that arrive, a second.
    Requests,
    /// Mean time from arrival to reply, seconds.
    Latency,
    /// CPU used, cores.
    Cpu,
}

impl Quantity {
    /// Every quantity with its name in scenario files.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::QueueLength, "queue_length"),
        (Self::Requests, "requests"),
        (Self::Latency, "mean"),
        (Self::Cpu, "cpu"),
    ];

    /// Whether a value of all replicas is the sum of theirs; the others are averages.
    #[must_use]
    pub fn is_additive(self) -> bool {
        !matches!(self, Self::Latency)
    }

    /// Name in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(quantity, _)| *quantity == self);
        found.map_or("", |(_, name)| name)
    }
}
