//! gRPC's retry throttling: a token bucket of a client for one server name (proposal A6, "Throttling").
//!
//! Every failed try takes one token, every successful one gives back `ratio`; retries and hedges are sent only
//! while more than half of the bucket is full. Counted in thousandths, as gRPC's own implementations do: further
//! digits of the ratio are dropped.

/// Size and refill of a bucket, thousandths of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttle {
    /// Tokens of a full bucket.
    pub max_milli: u64,
    /// What a success gives back.
    pub ratio_milli: u64,
}

impl Throttle {
    /// From whole tokens and a ratio, whose digits beyond the third are dropped.
    #[must_use]
    pub fn new(max_tokens: u32, ratio: f64) -> Self {
        Self {
            max_milli: u64::from(max_tokens) * 1000,
            // A ratio such as 0.546 lies just below its decimal: what is within 1e-9 of a thousandth counts as it.
            ratio_milli: (ratio * 1000.0 + 1e-9) as u64,
        }
    }
}

/// The bucket of one client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bucket {
    /// Tokens left, thousandths.
    pub tokens_milli: u64,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rule: Throttle) -> Self {
        Self {
            tokens_milli: rule.max_milli,
        }
    }

    /// A try failed with a retryable outcome, or the callee asked not to retry.
    pub fn failed(&mut self) {
        self.tokens_milli = self.tokens_milli.saturating_sub(1000);
    }

    /// A try succeeded.
    pub fn succeeded(&mut self, rule: Throttle) {
        self.tokens_milli = (self.tokens_milli + rule.ratio_milli).min(rule.max_milli);
    }

    /// Whether a retry or a hedge may be sent.
    #[must_use]
    pub fn allows_retry(&self, rule: Throttle) -> bool {
        2 * self.tokens_milli > rule.max_milli
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_bucket_stops_retries_and_a_success_lets_them_go_on() {
        let rule = Throttle::new(10, 0.1);
        let mut bucket = Bucket::new(rule);
        // 9, 8, 7, 6 tokens are more than 5; 5 are not; 5.1 are again.
        for expected in [true, true, true, true, false] {
            bucket.failed();
            assert_eq!(bucket.allows_retry(rule), expected);
        }
        bucket.succeeded(rule);
        assert_eq!(bucket.tokens_milli, 5100);
        assert!(bucket.allows_retry(rule));
    }

    #[test]
    fn a_bucket_neither_overflows_nor_owes() {
        let rule = Throttle::new(2, 0.5466);
        assert_eq!(rule.ratio_milli, 546);
        assert_eq!(Throttle::new(2, 0.546).ratio_milli, 546);
        let mut bucket = Bucket::new(rule);
        bucket.succeeded(rule);
        assert_eq!(bucket.tokens_milli, 2000);
        (0..5).for_each(|_| bucket.failed());
        assert_eq!(bucket.tokens_milli, 0);
        bucket.succeeded(rule);
        assert_eq!(bucket.tokens_milli, 546);
    }
}
