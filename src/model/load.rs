//! Journeys, their objectives and the users' load.

use crate::model::{Distribution, LocalClock, Step};
use crate::units::{JourneyId, SimDuration, SimTime};

/// What a user does; one pass is one user action.
#[derive(Clone, Debug)]
pub struct Journey {
    /// DNS-1123 label.
    pub name: String,
    /// Calls (and waits) in order; all must succeed. Steps are those of services, without `work`.
    pub steps: Vec<Step>,
    /// Objectives; an action is good when it meets each.
    pub slo: Vec<Objective>,
    /// Burn rate above which a minute is a breach minute.
    pub breach_burn: f64,
    /// Intended actions that a minute needs to count as evidence.
    pub breach_min_count: u64,
}

/// One objective of a journey.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Objective {
    /// Wanted share of good actions, 0 to 1.
    pub target: f64,
    /// What good means.
    pub kind: ObjectiveKind,
}

/// What an objective asks of an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectiveKind {
    /// It succeeds.
    Ok,
    /// It succeeds, or a fallback answers.
    OkOrDegraded,
    /// It succeeds within this time.
    Under(SimDuration),
}

/// How an action ended, as far as objectives care.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// In full.
    Ok,
    /// By a fallback.
    Degraded,
    /// Not at all.
    Failed,
}

impl ObjectiveKind {
    /// Whether an action with this result, `latency` after it was issued, counts as good.
    #[inline]
    #[must_use]
    pub fn is_met(self, answer: Answer, latency: SimDuration) -> bool {
        match self {
            Self::Ok => answer == Answer::Ok,
            Self::OkOrDegraded => answer != Answer::Failed,
            Self::Under(limit) => answer == Answer::Ok && latency <= limit,
        }
    }
}

impl Journey {
    /// Whether an action with this result meets every objective. `latency` is to the action's end. Without an
    /// objective only a full answer is good.
    #[must_use]
    pub fn is_good(&self, answer: Answer, latency: SimDuration) -> bool {
        if self.slo.is_empty() {
            return answer == Answer::Ok;
        }
        let mut objectives = self.slo.iter();
        objectives.all(|objective| objective.kind.is_met(answer, latency))
    }

    /// The tightest time limit among the objectives, if any has one.
    #[must_use]
    pub fn limit(&self) -> Option<SimDuration> {
        self.slo
            .iter()
            .filter_map(|objective| match objective.kind {
                ObjectiveKind::Under(limit) => Some(limit),
                ObjectiveKind::Ok | ObjectiveKind::OkOrDegraded => None,
            })
            .min()
    }
}

/// Who comes, and what they do.
#[derive(Clone, Debug)]
pub struct Load {
    /// DNS-1123 label.
    pub name: String,
    /// How many, at shape 1.
    pub kind: LoadKind,
    /// Journeys with weights; weights are positive and need not add to 1.
    pub mix: Vec<(JourneyId, f64)>,
    /// Factors of the level over time; their product multiplies the base number.
    pub shape: Vec<Shape>,
}

/// Kinds of load.
#[derive(Clone, Debug)]
pub enum LoadKind {
    /// Open: actions per second, whatever the system does.
    Open {
        /// Actions per second at level 1.
        rate: f64,
        /// How arrivals are spread.
        arrivals: Arrivals,
    },
    /// Closed: users who wait for the answer, think and come again.
    Closed {
        /// Users at level 1.
        users: u64,
        /// Time between the end of an action and the next.
        think: Distribution,
    },
    /// Sessions arrive and do some actions each.
    Sessions {
        /// Sessions per second at level 1.
        rate: f64,
        /// Actions of a session (at least one).
        length: Distribution,
        /// Time between the end of an action and the next.
        think: Distribution,
    },
}

/// How open arrivals are spread.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Arrivals {
    /// A Poisson process.
    Poisson,
    /// Evenly.
    Even,
}

/// One factor of a load's level.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A cosine over the local day: 1 at `peak`, `low` twelve hours away.
    Daily {
        /// Local second of the day of the peak.
        peak_second: f64,
        /// Level at the trough.
        low: f64,
    },
    /// From each instant on this level; before the first, 1. Sorted.
    Steps(Vec<(SimTime, f64)>),
    /// Linear from `from` to `to` during the length after `at`.
    Ramp {
        /// Level before.
        from: f64,
        /// Level after.
        to: f64,
        /// When it starts.
        at: SimTime,
        /// How long it takes.
        length: SimDuration,
    },
    /// Rises to `peak` within `ramp`, stays for `length`, falls within `ramp`; 1 elsewhere.
    Spike {
        /// When it starts.
        at: SimTime,
        /// Level at the top.
        peak: f64,
        /// Time to rise, and to fall.
        ramp: SimDuration,
        /// Time at the top.
        length: SimDuration,
    },
    /// A factor for each local weekday, Monday first.
    Weekly([f64; 7]),
}

impl Shape {
    /// Level at `at`, 0 or more.
    #[must_use]
    pub fn level(&self, at: SimTime, clock: &LocalClock) -> f64 {
        match self {
            Self::Daily { peak_second, low } => {
                let angle =
                    (clock.second_of_day(at) - peak_second) / 86_400.0 * std::f64::consts::TAU;
                low + (1.0 - low) * 0.5 * (1.0 + libm::cos(angle))
            }
            Self::Steps(steps) => {
                let index = steps.partition_point(|(from, _)| *from <= at);
                if index == 0 { 1.0 } else { steps[index - 1].1 }
            }
            Self::Ramp {
                from,
                to,
                at: start,
                length,
            } => {
                let done = if length.0 == 0 {
                    f64::from(u8::from(at >= *start))
                } else {
                    at.since(*start).seconds() / length.seconds()
                };
                from + (to - from) * done.min(1.0)
            }
            Self::Spike {
                at: start,
                peak,
                ramp,
                length,
            } => {
                if at < *start {
                    return 1.0;
                }
                let into = at.since(*start).seconds();
                let (ramp, length) = (ramp.seconds(), length.seconds());
                let height = if into < ramp {
                    into / ramp
                } else if into < ramp + length {
                    1.0
                } else if into < 2.0 * ramp + length {
                    (2.0 * ramp + length - into) / ramp
                } else {
                    0.0
                };
                1.0 + (peak - 1.0) * height
            }
            Self::Weekly(days) => {
                // 1970-01-01 was a Thursday: day 3 when Monday is 0.
                let day = (clock.local_seconds(at) / 86_400.0).floor() as i64;
                days[(day + 3).rem_euclid(7) as usize]
            }
        }
    }
}

impl Load {
    /// Level at `at`: the product of all shapes.
    #[must_use]
    pub fn level(&self, at: SimTime, clock: &LocalClock) -> f64 {
        self.shape
            .iter()
            .map(|shape| shape.level(at, clock))
            .product()
    }
}
