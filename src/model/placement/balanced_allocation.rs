//! `NodeResourcesBalancedAllocation`: resources are best used alike.

use super::{MAX_SCORE, Share};

/// 100 times one minus the standard deviation of the used shares (at most 1 each), rounded down; weights do
/// not matter. Of two shares the deviation is half their distance. Source: upstream's
/// `balancedResourceScorer`.
pub fn balanced_allocation(shares: impl Iterator<Item = Share> + Clone) -> u64 {
    let fractions =
        shares.map(|share| (share.requested as f64 / share.allocatable as f64).min(1.0));
    let (mut count, mut sum, mut first_two) = (0_u32, 0.0, [0.0; 2]);
    for fraction in fractions.clone() {
        if let Some(place) = first_two.get_mut(count as usize) {
            *place = fraction;
        }
        count += 1;
        sum += fraction;
    }
    let deviation = match count {
        0 | 1 => 0.0,
        2 => ((first_two[0] - first_two[1]) / 2.0_f64).abs(),
        _ => {
            let mean = sum / f64::from(count);
            let squares: f64 = fractions.map(|f| (f - mean) * (f - mean)).sum();
            libm::sqrt(squares / f64::from(count))
        }
    };
    ((1.0 - deviation) * MAX_SCORE as f64) as u64
}

/// Whether the score is left out for a pod that asks for nothing, as upstream's `PreScore` says: wherever it goes, the
/// balance stays as it is.
pub fn skips_balance(asked: impl IntoIterator<Item = u64>) -> bool {
    asked.into_iter().all(|amount| amount == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(shares: &[(u64, u64)]) -> u64 {
        balanced_allocation(shares.iter().map(|(requested, allocatable)| Share {
            requested: *requested,
            allocatable: *allocatable,
            weight: 1,
        }))
    }

    #[test]
    fn two_shares_differ_by_half_their_distance() {
        // 0.6 and 0.25: 1 - 0.175 = 0.825.
        assert_eq!(score(&[(6, 10), (5, 20)]), 82);
    }

    #[test]
    fn three_shares_have_a_population_deviation() {
        // 0, 0 and 0.9: mean 0.3, variance (0.09 + 0.09 + 0.36) / 3 = 0.18, deviation 0.424.
        assert_eq!(score(&[(0, 10), (0, 10), (9, 10)]), 57);
    }

    #[test]
    fn one_share_is_always_balanced() {
        assert_eq!((score(&[(7, 10)]), score(&[])), (100, 100));
    }
}
