//! Circuit breakers of one client for one callee: limits on what is under way at once, and on retries among it.
//!
//! Envoy's thresholds (`circuit_breaker.proto`, commit 01c2c1f) and Istio's names for them. A request beyond a
//! limit is refused at once; a retry beyond its limit is not made and the failure before it is the answer.

use crate::units::SimDuration;

/// Limits of a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breaker {
    /// Connections open or being set up.
    pub max_connections: u32,
    /// Requests sent and not ended.
    pub max_in_flight: u32,
    /// Requests that wait for a connection.
    pub max_pending: u32,
    /// Retries under way, unless a budget says otherwise.
    pub max_retries: u32,
}

impl Breaker {
    /// What Envoy takes when nothing is configured.
    pub const ENVOY: Self = Self {
        max_connections: 1024,
        max_in_flight: 1024,
        max_pending: 1024,
        max_retries: 3,
    };
    /// Time that Istio gives a connection to come about when a rule says nothing.
    pub const ISTIO_CONNECT_TIMEOUT: SimDuration = SimDuration::from_secs(10);
    /// What Istio configures when a rule says nothing: no limit that anybody would meet.
    pub const ISTIO: Self = Self {
        max_connections: u32::MAX,
        max_in_flight: u32::MAX,
        max_pending: u32::MAX,
        max_retries: u32::MAX,
    };
}

/// Limit on the retries of many calls together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RetryLimit {
    /// None of its own.
    None,
    /// Envoy's retry budget.
    Budget(Budget),
    /// gRPC's token bucket.
    Throttle(crate::model::throttle::Throttle),
}

/// Envoy's retry budget: retries under way as a share of the requests under way.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Budget {
    /// Share, 0 to 1.
    pub ratio: f64,
    /// This many are always allowed.
    pub min_concurrency: u32,
}

impl Budget {
    /// What Envoy takes when a budget is configured without numbers.
    pub const ENVOY: Self = Self {
        ratio: 0.2,
        min_concurrency: 3,
    };

    /// Retries that may be under way while so many requests are active and pending: the share, cut to a whole
    /// number, but at least the minimum.
    #[must_use]
    pub fn limit(&self, active: u32, pending: u32) -> u32 {
        // What is within 1e-9 of a whole number counts as it: 20 % of 15 is 3, not 2.999...
        let share = self.ratio * f64::from(active.saturating_add(pending)) + 1e-9;
        (share as u32).max(self.min_concurrency)
    }
}

/// What one client has under way with one callee.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InFlight {
    /// Connections open or being set up.
    pub connections: u32,
    /// Tries sent and not ended.
    pub requests: u32,
    /// Tries that wait for a connection.
    pub pending: u32,
    /// Retries decided on (their pause included) and not ended.
    pub retries: u32,
}

impl InFlight {
    /// Whether one more request may be sent.
    #[must_use]
    pub fn admits_request(&self, breaker: &Breaker) -> bool {
        self.requests < breaker.max_in_flight
    }

    /// Whether one more request may wait for a connection.
    #[must_use]
    pub fn admits_pending(&self, breaker: &Breaker) -> bool {
        self.pending < breaker.max_pending
    }

    /// Whether one more connection may be opened. The first is always allowed, as Envoy does.
    #[must_use]
    pub fn admits_connection(&self, breaker: &Breaker) -> bool {
        self.connections == 0 || self.connections < breaker.max_connections
    }

    /// Whether one more retry may be made; a budget takes the place of the breaker's limit.
    #[must_use]
    pub fn admits_retry(&self, breaker: Option<&Breaker>, limit: &RetryLimit) -> bool {
        match (limit, breaker) {
            (RetryLimit::Budget(budget), _) => {
                self.retries < budget.limit(self.requests, self.pending)
            }
            (_, Some(breaker)) => self.retries < breaker.max_retries,
            (_, None) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_share_of_what_is_active_and_pending() {
        let limit = |ratio, min_concurrency, active, pending| {
            Budget {
                ratio,
                min_concurrency,
            }
            .limit(active, pending)
        };
        assert_eq!(limit(0.25, 3, 100, 0), 25);
        assert_eq!(limit(0.2, 3, 10, 0), 3, "the minimum is above 2");
        assert_eq!(limit(0.5, 3, 7, 6), 6, "6.5 is cut");
        assert_eq!(limit(0.2, 0, 15, 0), 3, "20 % of 15 is a whole number");
    }

    #[test]
    fn a_limit_admits_exactly_so_many() {
        let breaker = Breaker {
            max_in_flight: 2,
            max_retries: 1,
            ..Breaker::ENVOY
        };
        let at = |requests, retries| InFlight {
            requests,
            retries,
            ..InFlight::default()
        };
        assert!(at(1, 0).admits_request(&breaker));
        assert!(!at(2, 0).admits_request(&breaker));
        assert!(at(2, 0).admits_retry(Some(&breaker), &RetryLimit::None));
        assert!(!at(2, 1).admits_retry(Some(&breaker), &RetryLimit::None));
        // A budget of 20 %, at least three, overrides the limit of one.
        let budget = RetryLimit::Budget(Budget::ENVOY);
        assert!(at(2, 2).admits_retry(Some(&breaker), &budget));
        assert!(!at(2, 3).admits_retry(Some(&breaker), &budget));
    }
}
