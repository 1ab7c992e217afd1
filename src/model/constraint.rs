//! What must hold for any plan, and what a better plan has less of.

use crate::model::MetricTerm;
use crate::units::{ClusterId, JourneyId, ServiceId, SimDuration, SimTime};

/// A constraint with where it stands, for messages.
#[derive(Clone, PartialEq, Debug)]
pub struct Written<T> {
    /// What it says.
    pub value: T,
    /// Path of its key: `migration.constraints.order[0]`.
    pub path: String,
    /// As written.
    pub text: String,
}

/// `migration.constraints` beside `together`, `overlap` and `parallelMoves`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Constraints {
    /// Places of the groups of `Migration::together`, in the same order.
    pub together: Vec<Written<Vec<ServiceId>>>,
    /// No two of a set move in one wave.
    pub apart: Vec<Written<Vec<ServiceId>>>,
    /// What moves before what.
    pub order: Vec<Written<Precedence>>,
    /// Services of a wave.
    pub wave_size: Option<Written<WaveSize>>,
    /// Services of tier 0 between preparation and full weight at once.
    pub critical_at_once: Option<Written<u32>>,
    /// Share of the target's room (at its largest) that stays free, 0 to 1.
    pub headroom: Option<Written<f64>>,
    /// Share of a link's bandwidth that split calls may take, 0 to 1.
    pub link_use: Option<Written<f64>>,
    /// Time that being split may add to a journey.
    pub latency_budgets: Vec<Written<LatencyBudget>>,
    /// Clusters that services may run in.
    pub allowed: Vec<Written<Allowed>>,
    /// When what must be done.
    pub deadlines: Vec<Written<DueDate>>,
}

/// `a before b`: each of the first moves before each of the second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Precedence {
    /// Those that go first.
    pub before: Vec<ServiceId>,
    /// Those that follow.
    pub after: Vec<ServiceId>,
}

/// Least and largest number of services in a wave; the last wave may have fewer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaveSize {
    /// At least.
    pub least: u32,
    /// At most, if limited.
    pub most: Option<u32>,
}

/// Time that being split may add to a journey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LatencyBudget {
    /// Which journey.
    pub journey: JourneyId,
    /// At most this much, summed over its calls as if each waited for the one before.
    pub most: SimDuration,
}

/// Clusters that some services may run in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// Which services.
    pub services: Vec<ServiceId>,
    /// Where.
    pub clusters: Vec<ClusterId>,
}

/// When services must be decommissioned in the source.
#[derive(Clone, PartialEq, Debug)]
pub struct DueDate {
    /// By then.
    pub by: SimTime,
    /// Which; `None`: all that move.
    pub services: Option<Vec<ServiceId>>,
    /// Price of a second of lateness. A deadline with a price may be missed at that price.
    pub price_per_second: Option<f64>,
}

/// `objective.minimise`.
#[derive(Clone, PartialEq, Debug)]
pub enum Goal {
    /// The first counts; a later one only among plans that are equal in the earlier.
    InOrder(Vec<MetricTerm>),
    /// One sum of money: metrics with the price of one unit of each.
    Priced(Vec<(MetricTerm, f64)>),
}
