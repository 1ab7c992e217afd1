//! Best-insertion descent: each item goes to its best place until no item has a better one.

use super::anneal::span;
use super::control::Control;
use super::moves::Moves;
use super::problem::Problem;

/// Descends to an order that no single insertion within `reach` places improves. Ties keep the item where it is.
pub fn descend(problem: &Problem, state: &mut impl Moves, reach: usize, control: &Control<'_>) {
    if problem.placed() {
        return;
    }
    let n = problem.items();
    let scale = state.energy().abs().max(1.0);
    let mut idle = 0;
    let mut item = 0;
    while idle < n {
        let from = state.position(item);
        let (low, high) = span(problem, state, from);
        let (low, high) = (low.max(from.saturating_sub(reach)), high.min(from + reach));
        if control.left() < (high - low + 1) as u64 {
            return;
        }
        let mut best = (-1e-12 * scale, from);
        for to in low..=high {
            let delta = state.insertion(from, to);
            if delta < best.0 {
                best = (delta, to);
            }
        }
        if best.1 == from {
            idle += 1;
        } else {
            state.insert(from, best.1, best.0);
            idle = 0;
        }
        item = (item + 1) % n;
        if control.spend((high - low + 1) as u64) {
            return;
        }
    }
}
