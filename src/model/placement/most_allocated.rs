//! `MostAllocated`: the fullest node is best (bin packing).

use super::{MAX_SCORE, Share, weighted_mean};

/// Mean over resources of the used share in per cent, each rounded down; an overcommitted resource counts
/// as full (pods without requests count in scores, but not in filters). Source: upstream's
/// `mostRequestedScore`.
pub fn most_allocated(shares: impl Iterator<Item = Share>) -> u64 {
    weighted_mean(shares.map(|share| {
        let used = share.requested.min(share.allocatable);
        (used * MAX_SCORE / share.allocatable, share.weight)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overcommitted_counts_as_full() {
        let shares = [(300, 250), (1, 3)].map(|(requested, allocatable)| Share {
            requested,
            allocatable,
            weight: 1,
        });
        // 100 and 33: 66.5 -> 66.
        assert_eq!(most_allocated(shares.into_iter()), 66);
    }
}
