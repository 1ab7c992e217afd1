//! `leaf-first-best-ties`: callees before callers, and everything that rule leaves free spent on a small cut.
//!
//! Comparing an optimiser with the layered order only would be unfair: most of what that loses, it loses by ties.

use super::{Strategy, exact_dp};
use crate::plan::KnownWorld;
use crate::plan::pack::Packing;

/// Components up to which all topological orders are searched.
const EXACT: usize = 20;

/// See the module.
pub(super) static LEAF_FIRST_BEST_TIES: Strategy = Strategy {
    name: "leaf-first-best-ties",
    definition: "every callee before its callers, cycles condensed, and of all such orders the least total of \
                 crossing calls: exact up to 20 groups, greedy beyond",
    good_when: "the rule is given, and its price should be as small as it can be",
    reference: "migration guides, with ties resolved by dynamic programming over order ideals",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| Ok(order(known)),
};

fn order(known: &KnownWorld) -> Vec<usize> {
    let graph = &known.graph;
    let component = graph.components();
    let count = component.iter().max().map_or(0, |last| last + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); count];
    for group in known.groups_by_name() {
        members[component[group]].push(group);
    }
    // Components in the order of their first names, so that numbering does not matter.
    members.sort_by(|a, b| known.groups[a[0]].name.cmp(&known.groups[b[0]].name));
    let mut block_of = vec![0; graph.len()];
    for (at, groups) in members.iter().enumerate() {
        for group in groups {
            block_of[*group] = at;
        }
    }
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, groups) in members.iter().enumerate() {
        let callees = groups.iter().flat_map(|group| &graph.callees[*group]);
        before[at] = callees
            .map(|callee| block_of[*callee])
            .filter(|block| *block != at)
            .collect();
        before[at].sort_unstable();
        before[at].dedup();
    }
    let is_plain = count == graph.len() && count <= EXACT;
    let blocks = if is_plain {
        let first: Vec<usize> = members.iter().map(|groups| groups[0]).collect();
        exact_dp::best(graph, &first, &before)
    } else {
        greedy(known, &members, &before)
    };
    blocks
        .into_iter()
        .flat_map(|block| members[block].clone())
        .collect()
}

/// Among the blocks whose callees have moved, the one that leaves the smallest cut.
fn greedy(known: &KnownWorld, members: &[Vec<usize>], before: &[Vec<usize>]) -> Vec<usize> {
    let graph = &known.graph;
    let mut moved = vec![false; graph.len()];
    let mut done = vec![false; members.len()];
    let mut order = Vec::new();
    while order.len() < members.len() {
        let cost = |block: usize, moved: &mut Vec<bool>| {
            let mut change = 0.0;
            for group in &members[block] {
                change += graph.change(*group, moved);
                moved[*group] = true;
            }
            for group in &members[block] {
                moved[*group] = false;
            }
            change
        };
        let mut best: Option<(usize, f64)> = None;
        for block in 0..members.len() {
            if done[block] || before[block].iter().any(|other| !done[*other]) {
                continue;
            }
            let change = cost(block, &mut moved);
            if best.is_none_or(|(_, least)| change < least) {
                best = Some((block, change));
            }
        }
        let (block, _) = best.expect("condensed calls have no cycle");
        done[block] = true;
        for group in &members[block] {
            moved[*group] = true;
        }
        order.push(block);
    }
    order
}
