//! Journeys, their objectives and the users' load.

mod arrivals;
mod shape;
mod walk;

pub use arrivals::Arrivals;
pub use shape::{Course, Shape};
pub use walk::Walk;

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
    /// Journeys with weights; weights are positive and need not add to 1. With a walk: expected actions of each
    /// journey in one session.
    pub mix: Vec<(JourneyId, f64)>,
    /// In which order a user does what; without it each action is drawn from the mix.
    pub walk: Option<Walk>,
    /// Factors of the level over time; their product multiplies the base number.
    pub shape: Vec<Shape>,
    /// When users give up; without it they stay.
    pub abandon: Option<Abandon>,
    /// Where users are: places of `Links`, with shares that add to 1. Empty: nowhere in particular.
    pub from: Vec<(usize, f64)>,
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
        /// Users who appear per second at the start, until all are there; `None`: all at once.
        spawn: Option<f64>,
    },
    /// Sessions arrive and do some actions each.
    Sessions {
        /// Sessions per second at level 1.
        rate: f64,
        /// How the starts of sessions are spread.
        arrivals: Arrivals,
        /// Actions of a session (at least one); `None`: until the walk leaves.
        length: Option<Distribution>,
        /// Time between the end of an action and the next.
        think: Distribution,
    },
}

/// When a user leaves before the end of the session (for good, in a closed load).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Abandon {
    /// An action that takes longer makes the user leave with `chance`.
    pub slower_than: Option<SimDuration>,
    /// Chance to leave after a slow action, 0 to 1.
    pub chance: f64,
    /// Failed actions in a row after which the user leaves.
    pub after_failures: Option<u32>,
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

    /// Mean number of actions of one session of a load of sessions, without abandonment; 1 for others.
    #[must_use]
    pub fn mean_session(&self) -> f64 {
        match (&self.kind, &self.walk) {
            // As long as the walk, or cut short: the shorter mean bounds the mean of the shorter.
            (LoadKind::Sessions { length, .. }, Some(_)) => {
                let walked: f64 = self.mix.iter().map(|(_, visits)| visits).sum();
                length
                    .as_ref()
                    .map_or(walked, |length| length.mean().max(1.0).min(walked))
            }
            (LoadKind::Sessions { length, .. }, None) => {
                length.as_ref().map_or(1.0, |length| length.mean().max(1.0))
            }
            _ => 1.0,
        }
    }

    /// Long-run mean of the arrival rate over its base number at level 1: above 1 with bursts.
    #[must_use]
    pub fn mean_burst(&self) -> f64 {
        match &self.kind {
            LoadKind::Open { arrivals, .. } | LoadKind::Sessions { arrivals, .. } => {
                arrivals.mean_factor()
            }
            LoadKind::Closed { .. } => 1.0,
        }
    }
}
