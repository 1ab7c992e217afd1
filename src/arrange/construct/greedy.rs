//! Greedy frontier: the next item is the one that leaves the smallest cut.

use crate::arrange::draws::Draws;
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

/// Greedy from a random item, with each item's cut taken as smaller by a random share (up to four fifths) of its
/// weight, and long moves preferred over short ones of the same cut: a different good order each time.
#[must_use]
pub fn greedy_varied(problem: &Problem, draws: &mut Draws) -> Vec<u32> {
    let n = problem.items();
    let graph = &problem.graph;
    let width = VARIATION * draws.uniform();
    let mut added: Vec<f64> = (0..n)
        .map(|item| graph.strength(item) * (1.0 - width * draws.uniform()) - problem.drift[item])
        .collect();
    let slow: Vec<f64> = problem
        .durations
        .iter()
        .map(|duration| 1.0 / duration.max(1e-9).sqrt())
        .collect();
    let mut waits: Vec<usize> = problem.before.iter().map(Vec::len).collect();
    let mut rest: Vec<u32> = (0..n as u32).collect();
    let mut order = Vec::with_capacity(n);
    let mut wish = Some(draws.below(n.max(1)) as u32);
    while !rest.is_empty() {
        let free = rest
            .iter()
            .enumerate()
            .filter(|(_, item)| waits[**item as usize] == 0);
        let (index, _) = free
            .map(|(index, &item)| {
                let key = if wish == Some(item) {
                    f64::NEG_INFINITY
                } else {
                    added[item as usize] * slow[item as usize]
                };
                (index, key)
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .expect("precedence has no cycle");
        wish = None;
        let item = rest.swap_remove(index) as usize;
        order.push(item as u32);
        for (other, weight) in graph.neighbours(item) {
            added[other] -= 2.0 * weight;
        }
        for &later in &problem.after[item] {
            waits[later as usize] -= 1;
        }
    }
    order
}

/// Largest share of an item's weight by which a varied greedy order takes its cut as smaller.
const VARIATION: f64 = 0.8;

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
