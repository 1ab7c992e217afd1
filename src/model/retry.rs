//! Retries of one call: how long they pause, how many there are, what the callee's push-back changes.
//!
//! Pure rules, each to its owner's document: Envoy (`router_filter.rst`, commit 040783c), gRPC (proposal A6,
//! commit 1fd061a) and the AWS back-off simulator (commit 66cb169). Limits over many calls are elsewhere: gRPC's
//! token bucket in `throttle`, Envoy's budget and concurrency limit in `breaker`.

use crate::model::RetryLimit;
use crate::units::SimDuration;

/// Most tries a gRPC client makes of one call, whatever is configured (A6, "Limits on Retries and Hedges").
const GRPC_MAX_ATTEMPTS: u32 = 5;

/// Retries of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct Retries {
    /// At most this many besides the first try.
    pub max: u32,
    /// How long each pauses.
    pub backoff: Backoff,
    /// Outcomes that are retried.
    pub when: RetryOn,
    /// What limits the retries of many calls together.
    pub limit: RetryLimit,
    /// What a callee that sheds asks its callers to do.
    pub push_back: Option<PushBack>,
}

/// Outcomes that are retried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryOn {
    /// Errors, killed, unreachable and no ready replica.
    pub error: bool,
    /// Per-try timeouts.
    pub timeout: bool,
    /// Shed.
    pub shed: bool,
}

impl RetryOn {
    /// All outcomes that can be retried: Envoy's `5xx` class, gRPC's retryable codes.
    pub const ALL: Self = Self {
        error: true,
        timeout: true,
        shed: true,
    };
}

/// How long retries pause.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Backoff {
    /// First pause, or what it is drawn from.
    pub base: SimDuration,
    /// Longest pause before jitter.
    pub max: SimDuration,
    /// Growth from one pause to the next.
    pub multiplier: f64,
    /// What is drawn.
    pub jitter: Jitter,
}

/// What part of a pause is drawn. `n` is 1 at the first retry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Jitter {
    /// Envoy: uniform below `min(base * (2^n - 1), max)`.
    Full,
    /// gRPC: `min(base * multiplier^(n-1), max)` times a uniform from 0.8 to 1.2.
    Grpc,
    /// Nothing: `min(base * 2^n, max)`, AWS's "exponential".
    None,
    /// AWS: half of `min(base * 2^n, max)` is sure, the other half is drawn.
    Equal,
    /// AWS's own full jitter: uniform below `min(base * 2^n, max)`.
    AwsFull,
    /// AWS: uniform from `base` to three times the pause before, at most `max`; the pause before the first is `base`.
    Decorrelated,
}

impl Jitter {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Full, "full"),
        (Self::Grpc, "grpc"),
        (Self::None, "none"),
        (Self::Equal, "equal"),
        (Self::AwsFull, "aws-full"),
        (Self::Decorrelated, "decorrelated"),
    ];
}

/// What a callee says about trying again (gRPC's `grpc-retry-pushback-ms`, HTTP's `Retry-After`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushBack {
    /// After this long.
    After(SimDuration),
    /// Not at all.
    Stop,
}

impl PushBack {
    /// The meaning of a `grpc-retry-pushback-ms` value: negative or unreadable is "not at all".
    #[must_use]
    pub fn from_milliseconds(value: Option<i64>) -> Self {
        match value.and_then(|value| u64::try_from(value).ok()) {
            Some(value) => Self::After(SimDuration::from_millis(value)),
            None => Self::Stop,
        }
    }
}

impl Backoff {
    /// Envoy's default: 25 ms, at most ten times that.
    pub const ENVOY: Self = Self {
        base: SimDuration::from_millis(25),
        max: SimDuration::from_millis(250),
        multiplier: 2.0,
        jitter: Jitter::Full,
    };

    /// Least and most of the `n`-th pause (from 1). With `Full` and `AwsFull` the most is never reached.
    #[must_use]
    pub fn range(&self, n: u32, previous: SimDuration) -> (SimDuration, SimDuration) {
        let (base, longest) = (self.base.0, self.max.0);
        let doubled = |exponent: u32| {
            let factor = 1u64.checked_shl(exponent).unwrap_or(u64::MAX);
            base.saturating_mul(factor).min(longest)
        };
        let (low, high) = match self.jitter {
            Jitter::Full => {
                let factor = 1u64.checked_shl(n).unwrap_or(u64::MAX) - 1;
                (0, base.saturating_mul(factor).min(longest))
            }
            Jitter::Grpc => {
                let mut grown = base as f64;
                for _ in 1..n.min(128) {
                    grown *= self.multiplier;
                }
                let pause = grown.min(longest as f64);
                ((0.8 * pause + 0.5) as u64, (1.2 * pause + 0.5) as u64)
            }
            Jitter::None => (doubled(n), doubled(n)),
            Jitter::Equal => (doubled(n) / 2, doubled(n)),
            Jitter::AwsFull => (0, doubled(n)),
            Jitter::Decorrelated => {
                let previous = if n <= 1 { base } else { previous.0 };
                (base.min(longest), previous.saturating_mul(3).min(longest))
            }
        };
        (SimDuration(low), SimDuration(high.max(low)))
    }

    /// The `n`-th pause (from 1) for a uniform in 0..1. `previous` is the pause before it.
    #[must_use]
    pub fn pause(&self, n: u32, previous: SimDuration, uniform: f64) -> SimDuration {
        if self.jitter == Jitter::Decorrelated {
            // The cap cuts what was drawn, not the range it is drawn from.
            let previous = if n <= 1 { self.base } else { previous };
            let high = previous.0.saturating_mul(3).max(self.base.0);
            let drawn = self.base.0 + (uniform * (high - self.base.0) as f64) as u64;
            return SimDuration(drawn.min(self.max.0));
        }
        let (low, high) = self.range(n, previous);
        SimDuration(low.0 + (uniform * (high.0 - low.0) as f64) as u64)
    }

    /// Mean of the `n`-th pause, for the formulas of the flow plane; decorrelated pauses as if each before had been
    /// the mean one.
    #[must_use]
    pub fn mean_pause(&self, n: u32) -> SimDuration {
        if self.jitter == Jitter::Decorrelated {
            let mut mean = self.base.0 as f64;
            for _ in 0..n.min(64) {
                mean = ((self.base.0 as f64 + 3.0 * mean) / 2.0).min(self.max.0 as f64);
            }
            return SimDuration(mean as u64);
        }
        let (low, high) = self.range(n, SimDuration::ZERO);
        SimDuration((low.0 + high.0) / 2)
    }
}

/// How far one call is with its retries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RetryState {
    /// Retries decided on.
    pub retries: u32,
    /// Pauses since the start or the last push-back: the next is one more.
    pub backoffs: u32,
    /// The pause before.
    pub previous: SimDuration,
}

impl RetryState {
    /// A try failed with an outcome that is retried: the pause before the next, or `None` when it was the last.
    /// After a push-back the pauses begin again with the first (A6, "Summary", 5.1).
    pub fn next(
        &mut self,
        rule: &Retries,
        push_back: Option<PushBack>,
        uniform: f64,
    ) -> Option<SimDuration> {
        if self.retries >= rule.max {
            return None;
        }
        let pause = match push_back {
            Some(PushBack::Stop) => return None,
            Some(PushBack::After(pause)) => {
                self.backoffs = 0;
                pause
            }
            None => {
                self.backoffs += 1;
                rule.backoff.pause(self.backoffs, self.previous, uniform)
            }
        };
        self.retries += 1;
        self.previous = pause;
        Some(pause)
    }
}

/// Tries a gRPC client makes at most, the first included: at least 2 must be configured, more than 5 count as 5.
#[must_use]
pub fn grpc_attempts(configured: u32) -> Option<u32> {
    (configured >= 2).then(|| configured.min(GRPC_MAX_ATTEMPTS))
}

/// What is left of a limit on all tries when `elapsed` has passed: later tries and their pauses share it.
#[must_use]
pub fn time_left(limit: SimDuration, elapsed: SimDuration) -> SimDuration {
    SimDuration(limit.0.saturating_sub(elapsed.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(base: u64, max: u64, multiplier: f64, jitter: Jitter) -> Backoff {
        Backoff {
            base: SimDuration::from_millis(base),
            max: SimDuration::from_millis(max),
            multiplier,
            jitter,
        }
    }

    fn check(rule: Backoff, expected_ms: &[(f64, f64)]) {
        for (index, (low, high)) in expected_ms.iter().enumerate() {
            let (found_low, found_high) = rule.range(index as u32 + 1, SimDuration::ZERO);
            assert!(
                (found_low.seconds() * 1e3 - low).abs() < 1e-6,
                "{rule:?} {index}"
            );
            assert!(
                (found_high.seconds() * 1e3 - high).abs() < 1e-6,
                "{rule:?} {index}"
            );
            for uniform in [0.0, 0.25, 0.999_999] {
                let pause = rule.pause(index as u32 + 1, SimDuration::ZERO, uniform);
                assert!(found_low <= pause && pause <= found_high);
            }
        }
    }

    #[test]
    fn envoy_draws_below_a_doubling_bound() {
        // (2^n - 1) * 25: 25, 75, 175, then 375 is above 250.
        check(
            Backoff::ENVOY,
            &[(0.0, 25.0), (0.0, 75.0), (0.0, 175.0), (0.0, 250.0)],
        );
        let pause = Backoff::ENVOY.pause(1, SimDuration::ZERO, 0.999_999_999);
        assert!(
            pause < SimDuration::from_millis(25),
            "the bound is exclusive"
        );
    }

    #[test]
    fn grpc_draws_a_fifth_around_a_growing_pause() {
        // 100 * 1.6^(n-1): 100, 160, 256, then 409.6 is above 300; each plus and minus 20 %.
        check(
            backoff(100, 300, 1.6, Jitter::Grpc),
            &[
                (80.0, 120.0),
                (128.0, 192.0),
                (204.8, 307.2),
                (240.0, 360.0),
            ],
        );
    }

    #[test]
    fn aws_doubles_from_the_first_retry_on() {
        // 50 * 2^n: 100, 200, 400, 800, then the cap of 1000.
        let exponential = [100.0, 200.0, 400.0, 800.0, 1000.0];
        let with = |jitter| backoff(50, 1000, 2.0, jitter);
        check(with(Jitter::None), &exponential.map(|ms| (ms, ms)));
        check(with(Jitter::Equal), &exponential.map(|ms| (ms / 2.0, ms)));
        check(with(Jitter::AwsFull), &exponential.map(|ms| (0.0, ms)));
        let decorrelated = with(Jitter::Decorrelated);
        // From the base to three times the pause before: 50..150, then 50..450 after 150.
        let first = decorrelated.pause(1, SimDuration::ZERO, 0.5);
        assert_eq!(first, SimDuration::from_millis(100));
        let second = decorrelated.pause(2, SimDuration::from_millis(150), 0.5);
        assert_eq!(second, SimDuration::from_millis(250));
        let capped = decorrelated.pause(9, SimDuration::from_millis(900), 0.9);
        assert_eq!(capped, SimDuration::from_millis(1000));
    }

    #[test]
    fn a_push_back_starts_the_pauses_again() {
        let rule = Retries {
            max: 3,
            backoff: backoff(100, 1000, 2.0, Jitter::Grpc),
            when: RetryOn::ALL,
            limit: RetryLimit::None,
            push_back: None,
        };
        let mut state = RetryState::default();
        let after = PushBack::from_milliseconds(Some(2000));
        assert_eq!(state.next(&rule, None, 0.5).map(|p| p.0), Some(100_000_000));
        assert_eq!(
            state.next(&rule, Some(after), 0.5),
            Some(SimDuration::from_secs(2))
        );
        assert_eq!(state.next(&rule, None, 0.5).map(|p| p.0), Some(100_000_000));
        assert_eq!(state.next(&rule, None, 0.5), None, "three retries are all");
        let stop = PushBack::from_milliseconds(Some(-1));
        assert_eq!(
            RetryState::default().next(&rule, Some(stop), 0.5),
            None,
            "a negative push-back forbids retries"
        );
    }

    #[test]
    fn a_huge_number_of_doublings_stays_at_the_cap() {
        for jitter in Jitter::ALL.map(|pair| pair.0) {
            let rule = backoff(100, 1000, 2.0, jitter);
            let pause = rule.pause(200, SimDuration::from_millis(1000), 0.999);
            assert!(pause <= SimDuration::from_millis(1200), "{jitter:?}");
        }
    }
}
