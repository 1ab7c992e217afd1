//! PodDisruptionBudgets: how many pods may be evicted now.
//!
//! Reference: upstream's `pkg/controller/disruption`. Budgets bind evictions (drains, scale-down of nodes,
//! pre-emption by preference), not rollouts, scaling or faults.

use super::amount::{Amount, Round};

/// A budget's spec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisruptionBudget {
    /// At least so many stay healthy; a percentage is of the pods wished for, rounded up.
    MinAvailable(Amount),
    /// At most so many are unhealthy; a percentage is of the pods wished for, rounded up.
    MaxUnavailable(Amount),
}

/// A budget's status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disruption {
    /// Evictions that are allowed now.
    pub allowed: u32,
    /// Pods that must be healthy.
    pub desired_healthy: u32,
}

impl DisruptionBudget {
    /// The status with `expected` pods wished for and `healthy` ready.
    #[must_use]
    pub fn status(self, expected: u32, healthy: u32) -> Disruption {
        let desired_healthy = match self {
            Self::MinAvailable(amount) => amount.of(expected, Round::Up),
            Self::MaxUnavailable(amount) => expected.saturating_sub(amount.of(expected, Round::Up)),
        };
        let allowed = if expected == 0 {
            0
        } else {
            healthy.saturating_sub(desired_healthy)
        };
        Disruption {
            allowed,
            desired_healthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_round_up() {
        // 28 % of 11 is 3.08; 30 % of 7 is 2.1.
        let least = DisruptionBudget::MinAvailable(Amount::Percent(28)).status(11, 5);
        assert_eq!((least.desired_healthy, least.allowed), (4, 1));
        let most = DisruptionBudget::MaxUnavailable(Amount::Percent(30)).status(7, 7);
        assert_eq!((most.desired_healthy, most.allowed), (4, 3));
    }

    #[test]
    fn nothing_is_allowed_without_pods_or_below_the_budget() {
        let two = DisruptionBudget::MaxUnavailable(Amount::Count(2));
        assert_eq!(two.status(0, 3).allowed, 0);
        assert_eq!(two.status(5, 1).allowed, 0);
        assert_eq!(two.status(1, 1).desired_healthy, 0);
    }
}
