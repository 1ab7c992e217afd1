//! `LeastAllocated`: the emptiest node is best.

use super::{MAX_SCORE, Share, weighted_mean};

/// Mean over resources of the free share in per cent, each rounded down; a resource that would be
/// overcommitted scores 0. Source: upstream's `leastRequestedScore`.
pub fn least_allocated(shares: impl Iterator<Item = Share>) -> u64 {
    weighted_mean(shares.map(|share| {
        let free = share.allocatable.saturating_sub(share.requested);
        (free * MAX_SCORE / share.allocatable, share.weight)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_is_rounded_down_before_the_mean() {
        // 999 of 3000 free: 33.3 -> 33; 1 of 2 free: 50; (33 + 50) / 2 = 41.5 -> 41.
        let shares = [(2001, 3000), (1, 2)].map(|(requested, allocatable)| Share {
            requested,
            allocatable,
            weight: 1,
        });
        assert_eq!(least_allocated(shares.into_iter()), 41);
    }
}
