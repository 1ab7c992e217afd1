//! Greedy frontiers: repeatedly the group whose move is cheapest now.

use crate::plan::KnownWorld;
use crate::plan::graph::GroupGraph;

/// Grows the crossing calls as little as possible at each step, among the groups in `among`, after those in
/// `moved`; ties go to the group with more calls to what has moved, then by position in `among`.
pub(super) fn least_cut(graph: &GroupGraph, among: &[usize], moved: &mut [bool]) -> Vec<usize> {
    let mut left = among.to_vec();
    let mut change: Vec<f64> = left
        .iter()
        .map(|group| graph.change(*group, moved))
        .collect();
    let mut place = vec![usize::MAX; graph.len()];
    for (at, group) in left.iter().enumerate() {
        place[*group] = at;
    }
    let mut order = Vec::with_capacity(left.len());
    let mut open = vec![true; left.len()];
    while order.len() < among.len() {
        let next = (0..left.len())
            .filter(|at| open[*at])
            .min_by(|a, b| change[*a].total_cmp(&change[*b]))
            .expect("a group is left");
        let group = left[next];
        open[next] = false;
        moved[group] = true;
        order.push(group);
        for (other, weight) in &graph.neighbours[group] {
            if let Some(change) = change.get_mut(place[*other]) {
                *change -= 2.0 * weight;
            }
        }
    }
    left.clear();
    order
}

/// Blocks of groups, each next the one whose move as a whole leaves the smallest cut; inside by [`least_cut`].
pub(super) fn blocks(known: &KnownWorld, blocks: &[Vec<usize>]) -> Vec<usize> {
    let graph = &known.graph;
    let mut moved = vec![false; graph.len()];
    let mut open: Vec<&Vec<usize>> = blocks.iter().collect();
    let mut order = Vec::new();
    while !open.is_empty() {
        let cost = |block: &Vec<usize>, moved: &[bool]| {
            let mut after = moved.to_vec();
            let mut change = 0.0;
            for group in block {
                change += graph.change(*group, &after);
                after[*group] = true;
            }
            change
        };
        let next = (0..open.len())
            .map(|at| (at, cost(open[at], &moved)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .expect("a block is left")
            .0;
        let block = open.remove(next);
        order.extend(least_cut(graph, block, &mut moved));
    }
    order
}
