//! `exact-dp`: the least total of crossing calls of all orders, by dynamic programming over subsets.

use super::Strategy;
use crate::plan::graph::GroupGraph;
use crate::plan::pack::Packing;

/// Groups up to which the table of subsets is small enough.
const MOST: usize = 22;

/// See the module.
pub(super) static EXACT_DP: Strategy = Strategy {
    name: "exact-dp",
    definition: "the order with the least total of crossing calls when groups move one a step, proven; up to 22 groups",
    good_when: "there are few groups and the link is what costs",
    reference: "subset dynamic programming of minimum linear arrangement (Petit 2003)",
    searches: true,
    packing: Packing::Waves,
    order: |known, _| {
        let n = known.groups.len();
        if n > MOST {
            return Err(format!(
                "`exact-dp` orders up to {MOST} groups, here are {n}"
            ));
        }
        let names = known.groups_by_name();
        let free = vec![Vec::new(); n];
        Ok(best(&known.graph, &names, &free)
            .into_iter()
            .map(|at| names[at])
            .collect())
    },
};

/// The order of `nodes` (given as positions in it) with the least sum of cuts, in which each comes after those of
/// its `before`. The last of equal orders in the order of `nodes` wins.
///
/// # Panics
/// With more than 22 nodes, or a cycle in `before`.
pub(super) fn best(graph: &GroupGraph, nodes: &[usize], before: &[Vec<usize>]) -> Vec<usize> {
    let n = nodes.len();
    assert!(n <= MOST, "the table has 2^n entries");
    let position = |group: usize| nodes.iter().position(|node| *node == group);
    let neighbours: Vec<Vec<(usize, f64)>> = nodes
        .iter()
        .map(|node| {
            let list = graph.neighbours[*node].iter();
            list.filter_map(|(other, weight)| Some((position(*other)?, *weight)))
                .collect()
        })
        .collect();
    let fixed: Vec<f64> = nodes
        .iter()
        .map(|node| graph.with_source[*node] - graph.with_target[*node])
        .collect();
    let masks: Vec<u32> = before
        .iter()
        .map(|list| list.iter().fold(0, |mask, other| mask | 1 << other))
        .collect();
    let change = |node: usize, set: u32| -> f64 {
        let between: f64 = neighbours[node]
            .iter()
            .map(|(other, weight)| {
                if set >> other & 1 == 1 {
                    -weight
                } else {
                    *weight
                }
            })
            .sum();
        between + fixed[node]
    };
    let all = (1usize << n) - 1;
    let mut cut = vec![0.0; all + 1];
    let mut least = vec![f64::INFINITY; all + 1];
    let mut last = vec![u8::MAX; all + 1];
    least[0] = 0.0;
    for set in 1..=all {
        let low = set.trailing_zeros() as usize;
        let rest = set & (set - 1);
        cut[set] = cut[rest] + change(low, rest as u32);
        for node in (0..n).filter(|node| set >> node & 1 == 1) {
            let without = set & !(1 << node);
            let allowed = masks[node] & !(without as u32) == 0;
            if allowed && least[without] < least[set] {
                least[set] = least[without];
                last[set] = node as u8;
            }
        }
        least[set] += cut[set];
    }
    let mut order = Vec::with_capacity(n);
    let mut set = all;
    while set != 0 {
        let node = last[set];
        assert!(node != u8::MAX, "`before` has no cycle");
        order.push(node as usize);
        set &= !(1 << node);
    }
    order.reverse();
    order
}
