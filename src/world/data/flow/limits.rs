//! What limits tries of a call: how many retries a budget, a breaker or a token bucket lets through, in equilibrium.
//!
//! A limit of `n` under way at once sees tries come as if by chance, whose number under way would be Poisson without
//! it: the share refused is Erlang's loss (insensitive to how long a try takes).

use crate::model::{Breaker, Retries, RetryLimit};
use crate::queueing::erlang_b;

/// Limits beyond this never bind, and their loss formula would be long.
const FAR: u32 = 100_000;

/// Who makes the calls: all that one client of the call site knows of.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// First tries a second.
    pub calls: f64,
    /// Mean time of a try, seconds.
    pub time: f64,
    /// Mean pause before a retry, seconds.
    pub pause: f64,
}

/// Share of requests that a limit of `most` under way at once refuses, `offered` being under way without it.
pub fn refused(most: u32, offered: f64) -> f64 {
    if offered <= 0.0 {
        0.0
    } else if most >= FAR {
        (1.0 - f64::from(most) / offered).max(0.0)
    } else {
        erlang_b(most, offered)
    }
}

/// Chance that a retry that is due is made, when a try fails with chance `again`.
pub fn retry_share(
    retries: &Retries,
    breaker: Option<&Breaker>,
    client: Client,
    again: f64,
    failed: f64,
) -> f64 {
    if retries.max == 0 || again <= 0.0 {
        return 1.0;
    }
    let under_way = |share: f64| {
        let tries = chain(again * share, retries.max);
        // Due: each try but the last of a call, that failed; its pause counts.
        let due = again * chain(again * share, retries.max - 1);
        (
            client.calls * tries * client.time,
            client.calls * due * (client.time + client.pause),
        )
    };
    let most = |share: f64| match (retries.limit, breaker) {
        (RetryLimit::Budget(budget), _) => {
            let active = under_way(share).0.min(f64::from(u32::MAX)) as u32;
            budget.limit(active, 0)
        }
        (_, Some(breaker)) => breaker.max_retries,
        _ => u32::MAX,
    };
    if let RetryLimit::Throttle(rule) = retries.limit {
        // The bucket falls to its half while failures take more than successes give back.
        let ratio = rule.ratio_milli as f64 / 1000.0;
        if failed > ratio * (1.0 - failed) {
            return 0.0;
        }
    }
    // The share let through falls with what is due, and that rises with the share: bisection.
    let (mut low, mut high) = (0.0, 1.0);
    if refused(most(1.0), under_way(1.0).1) < 1e-6 {
        return 1.0;
    }
    for _ in 0..30 {
        let share = 0.5 * (low + high);
        if 1.0 - refused(most(share), under_way(share).1) > share {
            low = share;
        } else {
            high = share;
        }
    }
    0.5 * (low + high)
}

/// Tries of a call of at most one plus `max`, each followed by another with chance `again`.
pub fn chain(again: f64, max: u32) -> f64 {
    if again >= 1.0 {
        f64::from(max) + 1.0
    } else {
        (1.0 - libm::pow(again, f64::from(max) + 1.0)) / (1.0 - again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::breaker::Budget;
    use crate::model::throttle::Throttle;
    use crate::model::{Backoff, RetryOn};

    fn retries(max: u32, limit: RetryLimit) -> Retries {
        Retries {
            max,
            backoff: Backoff::ENVOY,
            when: RetryOn::ALL,
            limit,
            push_back: None,
        }
    }

    const CLIENT: Client = Client {
        calls: 100.0,
        time: 0.1,
        pause: 0.025,
    };

    #[test]
    fn a_chain_of_certain_failures_makes_every_try() {
        assert_eq!(chain(1.0, 3), 4.0);
        assert!((chain(0.5, 3) - 1.875).abs() < 1e-12);
        assert_eq!(chain(0.0, 3), 1.0);
    }

    #[test]
    fn a_budget_holds_retries_under_way_at_its_share() {
        // Every try fails after 0.1 s: 100 first tries a second keep 10 under way, a fifth of what is under way may
        // be retries. Let r be retries a second: r * 0.125 <= 0.2 * (100 + r) * 0.1, so r <= 19.05, less what chance
        // refuses below the limit of 3 (the whole part of 2.4 is below the minimum).
        let limit = RetryLimit::Budget(Budget::ENVOY);
        let share = retry_share(&retries(3, limit), None, CLIENT, 1.0, 1.0);
        let made = 100.0 * (chain(share, 3) - 1.0);
        let under_way = made * 0.125;
        assert!(under_way < 3.0 && under_way > 2.0, "{under_way}");
        // By Erlang: what is due, 100 * chain(share, 2) * 0.125, meets three places.
        let due = 100.0 * chain(share, 2) * 0.125;
        assert!((1.0 - erlang_b(3, due) - share).abs() < 1e-6);
    }

    #[test]
    fn a_token_bucket_stops_retries_above_its_ratio() {
        let limit = RetryLimit::Throttle(Throttle::new(10, 0.1));
        // A success gives back 0.1: nine failures in a hundred are less than 91 successes give, ten are not.
        let at = |failed| retry_share(&retries(3, limit), None, CLIENT, failed, failed);
        assert_eq!((at(0.09), at(0.10)), (1.0, 0.0));
    }

    #[test]
    fn without_a_limit_all_are_made() {
        let share = retry_share(&retries(3, RetryLimit::None), None, CLIENT, 0.7, 0.7);
        assert_eq!(share, 1.0);
    }
}
