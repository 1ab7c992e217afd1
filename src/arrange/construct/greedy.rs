//! Greedy frontier: the next item is the one that leaves the smallest cut.

use crate::arrange::problem::Problem;

/// Greedy from the item that leaves the smallest cut.
#[must_use]
pub fn greedy(problem: &Problem) -> Vec<u32> {
    grow(problem, None)
}

/// Greedy that begins at `start` (or at its first predecessor that is free).
#[must_use]
pub fn greedy_from(problem: &Problem, start: u32) -> Vec<u32> {
    grow(problem, Some(start))
}

/// Ties go to the item with the most weight to those that moved, then to the smallest number: without the first
/// rule a front on a grid breaks into pieces.
fn grow(problem: &Problem, start: Option<u32>) -> Vec<u32> {
    let n = problem.items();
    let graph = &problem.graph;
    // What an item would add to the cut if it moved next.
    let mut added: Vec<f64> = (0..n)
        .map(|item| graph.strength(item) - problem.drift[item])
        .collect();
    let mut joined = vec![0.0; n];
    let mut waits: Vec<usize> = problem.before.iter().map(Vec::len).collect();
    let mut rest: Vec<u32> = (0..n as u32).collect();
    let mut order = Vec::with_capacity(n);
    let mut wish = start;
    while !rest.is_empty() {
        let mut chosen = None;
        for (index, &item) in rest.iter().enumerate() {
            let item = item as usize;
            if waits[item] > 0 {
                continue;
            }
            let forced = wish == Some(item as u32);
            let key = (added[item], -joined[item], item);
            if forced || chosen.is_none_or(|(_, best)| key < best) {
                chosen = Some((index, key));
                if forced {
                    break;
                }
            }
        }
        wish = None;
        let (index, (_, _, item)) = chosen.expect("precedence has no cycle");
        rest.remove(index);
        order.push(item as u32);
        for (other, weight) in graph.neighbours(item) {
            added[other] -= 2.0 * weight;
            joined[other] += weight;
        }
        for &later in &problem.after[item] {
            waits[later as usize] -= 1;
        }
    }
    order
}
