//! How a call is made: everything the caller's side decides.
//!
//! Each part's rules are in a file of their own (`retry`, `throttle`, `breaker`, `ejection`, `hedging`,
//! `balancing`); `docs/resilience.md` says whose semantics each follows.

use crate::model::{
    Backoff, Balance, Balancer, Breaker, Ejection, Hedge, Retries, RetryLimit, RetryOn,
};
use crate::units::SimDuration;

/// How a call is made.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPolicy {
    /// For all tries together; `None` is never.
    pub timeout: Option<SimDuration>,
    /// For each try.
    pub per_try_timeout: Option<SimDuration>,
    /// Whether callees know how much time is left.
    pub deadline: Deadline,
    /// What becomes of the work when the caller has given up.
    pub on_timeout: OnTimeout,
    /// Retries besides the first try.
    pub retries: Retries,
    /// Further tries before the first has failed.
    pub hedge: Option<Hedge>,
    /// Limits on what is under way at once.
    pub breaker: Option<Breaker>,
    /// Replicas that fail are left out for a while.
    pub ejection: Option<Ejection>,
    /// How a replica is chosen.
    pub balance: Balance,
    /// Which replicas are preferred.
    pub locality: Locality,
    /// What a failed call means to its caller.
    pub fallback: Fallback,
}

impl CallPolicy {
    /// What holds when nothing is written: Envoy's 15 s over all tries, no retries, two-choice least request.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            timeout: Some(SimDuration::from_secs(15)),
            per_try_timeout: None,
            deadline: Deadline::Ignore,
            on_timeout: OnTimeout::LetRun,
            retries: Retries {
                max: 0,
                backoff: Backoff::ENVOY,
                when: RetryOn::ALL,
                limit: RetryLimit::None,
                push_back: None,
            },
            hedge: None,
            breaker: None,
            ejection: None,
            balance: Balance::of(Balancer::LeastRequest),
            locality: Locality::None,
            fallback: Fallback::None,
        }
    }

    /// Whether the work below a try stops when its caller gives up.
    #[must_use]
    pub fn cancels(&self) -> bool {
        self.on_timeout == OnTimeout::Cancel || self.deadline == Deadline::Propagate
    }
}

/// Whether callees know how much time their caller has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// The time goes on with each call below; when it is over, all work below stops.
    Propagate,
    /// Each call has its own timeout only.
    Ignore,
}

impl Deadline {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 2] =
        [(Self::Propagate, "propagate"), (Self::Ignore, "ignore")];
}

/// What a callee does for a caller that has given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnTimeout {
    /// It and all below it stop at once.
    Cancel,
    /// Goes on to its end: wasted work.
    LetRun,
}

impl OnTimeout {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 2] =
        [(Self::Cancel, "cancel"), (Self::LetRun, "let-run")];
}

/// Which replicas are preferred.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Locality {
    /// Any, as routing says.
    None,
    /// Those of the caller's cluster, while there are any.
    Cluster,
}

impl Locality {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 2] = [(Self::None, "none"), (Self::Cluster, "cluster")];
}

/// What a call that failed for good means to its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fallback {
    /// It fails too.
    None,
    /// It goes on without, and what it answers counts as degraded.
    Degraded,
}
