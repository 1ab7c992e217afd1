//! Orders that keep precedence.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::arrange::problem::Problem;

/// The order nearest to `order` that keeps precedence: of the items whose predecessors have moved, the one that
/// stands first in `order` moves next. An order that keeps precedence is returned unchanged.
#[must_use]
pub fn repair(problem: &Problem, order: &[u32]) -> Vec<u32> {
    if problem.before.iter().all(Vec::is_empty) {
        return order.to_vec();
    }
    let place = problem.positions(order);
    let mut waits: Vec<usize> = problem.before.iter().map(Vec::len).collect();
    let mut open: BinaryHeap<Reverse<(u32, u32)>> = order
        .iter()
        .filter(|&&item| waits[item as usize] == 0)
        .map(|&item| Reverse((place[item as usize], item)))
        .collect();
    let mut repaired = Vec::with_capacity(order.len());
    while let Some(Reverse((_, item))) = open.pop() {
        repaired.push(item);
        for &later in &problem.after[item as usize] {
            waits[later as usize] -= 1;
            if waits[later as usize] == 0 {
                open.push(Reverse((place[later as usize], later)));
            }
        }
    }
    assert_eq!(repaired.len(), order.len(), "precedence has no cycle");
    repaired
}

/// Layers from the end of the calls: an item without callees first, then those whose callees are all in earlier
/// layers, ties by number. `calls` are (caller, callee); cycles are to be condensed by the caller of this.
#[must_use]
pub fn reverse_topological(nodes: usize, calls: &[(u32, u32)]) -> Vec<u32> {
    let mut callers: Vec<Vec<u32>> = vec![Vec::new(); nodes];
    let mut waits = vec![0usize; nodes];
    for &(caller, callee) in calls.iter().filter(|(caller, callee)| caller != callee) {
        callers[callee as usize].push(caller);
        waits[caller as usize] += 1;
    }
    let mut layer: Vec<u32> = (0..nodes as u32)
        .filter(|&node| waits[node as usize] == 0)
        .collect();
    let mut order = Vec::with_capacity(nodes);
    while !layer.is_empty() {
        let mut next = Vec::new();
        for &node in &layer {
            for &caller in &callers[node as usize] {
                waits[caller as usize] -= 1;
                if waits[caller as usize] == 0 {
                    next.push(caller);
                }
            }
        }
        order.append(&mut layer);
        next.sort_unstable();
        layer = next;
    }
    assert_eq!(order.len(), nodes, "calls have no cycle");
    order
}
