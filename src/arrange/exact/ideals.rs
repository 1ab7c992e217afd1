//! Dynamic programme over order ideals: only subsets that precedence, fixed places and followers can reach.
//!
//! Layer by layer (sets of 1, 2, .. items); a layer is a sorted list, so no hash order enters. Memory is what the
//! constraints leave: for a chain n states, without constraints all 2^n.

use crate::arrange::problem::Problem;

use super::Optimum;

/// Items that fit into a set's word.
const MOST_ITEMS: usize = 63;

/// A reached set: its cost, the item that moved last.
#[derive(Clone, Copy)]
struct State {
    set: u64,
    /// Where the last item must be followed at once, the follower; the set alone does not say it.
    awaited: u8,
    last: u8,
    cost: f64,
    cut: f64,
}

const NOBODY: u8 = u8::MAX;

/// Order of least sum; `None` when no order keeps the constraints.
///
/// # Panics
/// With more than 63 items.
#[must_use]
pub fn ideals(problem: &Problem) -> Option<Optimum> {
    ideals_within(problem, usize::MAX).expect("no limit was set")
}

/// As [`ideals`], or `Err` with the layer's size when a layer has more than `limit` sets.
///
/// # Errors
/// The number of sets of the first layer that is too large.
///
/// # Panics
/// With more than 63 items.
pub fn ideals_within(problem: &Problem, limit: usize) -> Result<Option<Optimum>, usize> {
    let n = problem.items();
    assert!(n <= MOST_ITEMS, "a set is a 64-bit word");
    let mask = |list: &[u32]| list.iter().fold(0u64, |set, &item| set | 1 << item);
    let before: Vec<u64> = problem.before.iter().map(|list| mask(list)).collect();
    let mut leader = vec![None; n];
    for (item, follower) in problem.follower.iter().enumerate() {
        if let Some(follower) = follower {
            leader[*follower as usize] = Some(item as u8);
        }
    }
    let mut owner = vec![None; n];
    for (item, place) in problem.fixed.iter().enumerate() {
        if let Some(place) = place {
            owner[*place as usize] = Some(item as u8);
        }
    }
    let mut layers = vec![vec![State {
        set: 0,
        awaited: NOBODY,
        last: NOBODY,
        cost: 0.0,
        cut: problem.drift.iter().sum(),
    }]];
    for place in 0..n {
        let mut next: Vec<State> = Vec::new();
        for state in &layers[place] {
            for item in 0..n {
                let free = state.set & (1 << item) == 0
                    && before[item] & !state.set == 0
                    && (state.awaited == NOBODY || state.awaited == item as u8)
                    && (leader[item].is_none() || state.awaited == item as u8)
                    && owner[place].is_none_or(|owner| owner == item as u8)
                    && problem.fixed[item].is_none_or(|fixed| fixed as usize == place);
                if !free {
                    continue;
                }
                let inside: f64 = problem
                    .graph
                    .neighbours(item)
                    .filter(|&(other, _)| state.set & (1 << other) != 0)
                    .map(|(_, weight)| weight)
                    .sum();
                let cut =
                    state.cut + problem.graph.strength(item) - 2.0 * inside - problem.drift[item];
                next.push(State {
                    set: state.set | 1 << item,
                    awaited: problem.follower[item].map_or(NOBODY, |follower| follower as u8),
                    last: item as u8,
                    cost: state.cost + problem.durations[item] * 0.5 * (state.cut + cut),
                    cut,
                });
            }
        }
        next.sort_by(|a, b| {
            (a.set, a.awaited)
                .cmp(&(b.set, b.awaited))
                .then(a.cost.total_cmp(&b.cost))
                .then(a.last.cmp(&b.last))
        });
        next.dedup_by_key(|state| (state.set, state.awaited));
        if next.len() > limit {
            return Err(next.len());
        }
        layers.push(next);
    }
    let Some(end) = layers[n].iter().min_by(|a, b| a.cost.total_cmp(&b.cost)) else {
        return Ok(None);
    };
    let cost = end.cost;
    let (mut set, mut last) = (end.set, end.last);
    let mut order = vec![u32::from(last); n.min(1)];
    for layer in layers[1..n.max(1)].iter().rev() {
        set &= !(1 << last);
        let awaited = if leader[last as usize].is_some() {
            last
        } else {
            NOBODY
        };
        let found = layer
            .binary_search_by(|state| (state.set, state.awaited).cmp(&(set, awaited)))
            .expect("every state but the first was reached from one");
        last = layer[found].last;
        order.push(u32::from(last));
    }
    order.reverse();
    Ok(Some(Optimum { cost, order }))
}
