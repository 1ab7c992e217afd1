//! How a crowded node shares its cores among its pods.

use crate::model::Contention;

/// One pod on a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Cores that it would use alone.
    pub cores: f64,
    /// Share of the node when all want more: its CPU request (pods without one share as if by 2 millicores,
    /// the least weight of a cgroup).
    pub weight: f64,
}

/// Rate of each pod relative to running alone: its share of the cores that it wants, and `contention` on top of a
/// full node.
#[must_use]
pub fn share_cores(cores: f64, demands: &[Demand], contention: Contention) -> Vec<f64> {
    let crowd = crowd_factor(cores, demands, contention);
    let shares = core_shares(cores, demands);
    shares.into_iter().map(|share| crowd * share).collect()
}

/// How much a crowd slows those that have a core: linear from nothing at `above` to `slowdown` on a full node.
fn crowd_factor(cores: f64, demands: &[Demand], contention: Contention) -> f64 {
    let wanted: f64 = demands.iter().map(|demand| demand.cores).sum();
    let used = (wanted / cores).min(1.0);
    if used > contention.above && contention.above < 1.0 {
        1.0 - contention.slowdown * (used - contention.above) / (1.0 - contention.above)
    } else {
        1.0
    }
}

/// Share of the cores that each pod wants which it gets, by water-filling: cores go round by weight, nobody gets more
/// than it wants, and what somebody leaves is shared again.
#[must_use]
pub fn core_shares(cores: f64, demands: &[Demand]) -> Vec<f64> {
    let wanted: f64 = demands.iter().map(|demand| demand.cores).sum();
    let mut shares = vec![1.0; demands.len()];
    if wanted <= cores {
        return shares;
    }
    // By demand over weight: whoever wants least for its weight is satisfied first.
    let weight = |demand: &Demand| demand.weight.max(0.002);
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by(|a, b| {
        let level = |pod: usize| demands[pod].cores / weight(&demands[pod]);
        level(*a).total_cmp(&level(*b))
    });
    let (mut left, mut weights) = (cores, demands.iter().map(weight).sum::<f64>());
    for pod in order {
        let demand = &demands[pod];
        let fair = left * weight(demand) / weights;
        let given = demand.cores.min(fair);
        if demand.cores > 0.0 {
            shares[pod] = given / demand.cores;
        }
        left -= given;
        weights -= weight(demand);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: Contention = Contention {
        above: 0.8,
        slowdown: 0.0,
    };

    fn demand(cores: f64, weight: f64) -> Demand {
        Demand { cores, weight }
    }

    #[test]
    fn what_one_leaves_the_others_share_by_weight() {
        // 4 cores: the first wants 0.5 of its fair 1; of 3.5 left the weights 1 and 2 get 1.17 and 2.33.
        let rates = share_cores(
            4.0,
            &[demand(0.5, 1.0), demand(2.0, 1.0), demand(4.0, 2.0)],
            NONE,
        );
        assert_eq!(rates[0], 1.0);
        assert!((rates[1] - 3.5 / 3.0 / 2.0).abs() < 1e-12);
        assert!((rates[2] - 7.0 / 3.0 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_crowd_slows_all_in_proportion() {
        let contention = Contention {
            above: 0.5,
            slowdown: 0.2,
        };
        assert_eq!(share_cores(4.0, &[demand(2.0, 1.0)], contention), [1.0]);
        // 75 % used: half way from 50 % to full.
        let rates = share_cores(4.0, &[demand(3.0, 1.0)], contention);
        assert!((rates[0] - 0.9).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn cores_are_neither_lost_nor_made(
            cores in 0.5_f64..16.0,
            pods in proptest::collection::vec((0.0_f64..8.0, 0.0_f64..4.0), 1..20)
        ) {
            let demands: Vec<_> = pods.iter().map(|(cores, weight)| demand(*cores, *weight)).collect();
            let rates = share_cores(cores, &demands, NONE);
            let used: f64 = rates.iter().zip(&demands).map(|(rate, demand)| rate * demand.cores).sum();
            let wanted: f64 = demands.iter().map(|demand| demand.cores).sum();
            prop_assert!((used - wanted.min(cores)).abs() < 1e-6);
            prop_assert!(rates.iter().all(|rate| (0.0..=1.0 + 1e-9).contains(rate)));
        }
    }
}
