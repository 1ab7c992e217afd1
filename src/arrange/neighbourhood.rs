//! Large-neighbourhood search: free a few items and place them again as well as can be.
//!
//! Two neighbourhoods. A *window* of up to twelve neighbouring places is ordered exactly: what lies outside pulls on
//! an item like drift, so the window is a small problem of the same kind, solved by the programme over subsets. A
//! *cluster* (an item and those joined to it) is taken out and put back one by one, the item with the
//! largest regret first.

use super::control::Control;
use super::draws::Draws;
use super::exact::{Optimum, subset_peak, subset_sum};
use super::graph::Graph;
use super::moves::Moves;
use super::problem::Problem;
use super::sum_state::SumState;

/// Items freed at once by a window; 2^12 subsets take well below a millisecond.
pub const WINDOW: usize = 12;

/// The window's items as a problem of their own; item k of it is `items[k]`.
fn window(problem: &Problem, items: &[u32], before: impl Fn(usize) -> bool) -> Problem {
    let inside = |node: usize| items.iter().position(|&item| item as usize == node);
    let mut edges = Vec::new();
    let mut drift = Vec::with_capacity(items.len());
    for (number, &item) in items.iter().enumerate() {
        let mut pull = problem.drift[item as usize];
        for (other, weight) in problem.graph.neighbours(item as usize) {
            match inside(other) {
                Some(there) if there > number => edges.push((number as u32, there as u32, weight)),
                Some(_) => {}
                None if before(other) => pull += weight,
                None => pull -= weight,
            }
        }
        drift.push(pull);
    }
    let durations = items
        .iter()
        .map(|&item| problem.durations[item as usize])
        .collect();
    let mut small = Problem::with_durations(Graph::new(items.len(), &edges), durations);
    small.drift = drift;
    for (number, &item) in items.iter().enumerate() {
        for &first in &problem.before[item as usize] {
            if let Some(first) = inside(first as usize) {
                small.precede(first as u32, number as u32);
            }
        }
    }
    small
}

/// Orders the `length` places from `first` exactly, for the peak or the sum; true when that changed the order.
fn reorder(
    problem: &Problem,
    state: &mut impl Moves,
    first: usize,
    length: usize,
    solve: impl Fn(&Problem) -> Option<Optimum>,
) -> bool {
    let items = state.order()[first..first + length].to_vec();
    let small = window(problem, &items, |node| state.position(node) < first);
    let Some(optimum) = solve(&small) else {
        return false;
    };
    let before = state.energy();
    for (step, &number) in optimum.order.iter().enumerate() {
        let from = state.position(items[number as usize] as usize);
        let delta = state.insertion(from, first + step);
        state.insert(from, first + step, delta);
    }
    state.energy() < before
}

/// Slides windows over the order until a pass over all of it finds nothing better. Each window counts as 2^length
/// evaluations.
pub fn polish_sum(
    problem: &Problem,
    state: &mut SumState<'_>,
    length: usize,
    control: &Control<'_>,
) {
    polish(problem, state, length, control, subset_sum);
}

/// As [`polish_sum`], for the peak: windows whose largest cut can be lowered.
pub fn polish_peak(
    problem: &Problem,
    state: &mut super::PeakState<'_>,
    length: usize,
    control: &Control<'_>,
) {
    polish(problem, state, length, control, subset_peak);
}

fn polish(
    problem: &Problem,
    state: &mut impl Moves,
    length: usize,
    control: &Control<'_>,
    solve: impl Fn(&Problem) -> Option<Optimum>,
) {
    let n = problem.items();
    let length = length.min(n).min(WINDOW);
    if length < 2 || problem.placed() {
        return;
    }
    let step = (length / 2).max(1);
    loop {
        let mut better = false;
        let mut first = 0;
        loop {
            if control.left() < 1 << length {
                return;
            }
            let at = first.min(n - length);
            better |= reorder(problem, state, at, length, &solve);
            if control.spend(1 << length) || at == n - length {
                break;
            }
            first += step;
        }
        if !better || control.over() {
            return;
        }
    }
}

/// Takes a cluster of up to `size` items out and puts each back at its best place, the one with the largest
/// difference between its best and second best place first. Keeps the result if it is not worse; true when better.
pub fn replace_cluster(
    problem: &Problem,
    state: &mut SumState<'_>,
    size: usize,
    draws: &mut Draws,
    control: &Control<'_>,
) -> bool {
    let n = problem.items();
    if problem.placed() || n < 3 {
        return false;
    }
    let old = state.order().to_vec();
    let old_cost = state.energy();
    let mut freed = vec![draws.below(n)];
    while freed.len() < size.min(n / 2).max(1) {
        let from = freed[draws.below(freed.len())];
        let degree = problem.graph.degree(from);
        let next = if degree == 0 {
            draws.below(n)
        } else {
            problem.graph.neighbour(from, draws.below(degree))
        };
        if freed.contains(&next) {
            if draws.below(4) == 0 {
                break;
            }
        } else {
            freed.push(next);
        }
    }
    // Taken out means: at the end, where precedence lets it (all that must follow is taken along by the span).
    while !freed.is_empty() {
        let mut chosen: Option<(f64, usize, usize, f64)> = None;
        for (index, &item) in freed.iter().enumerate() {
            let from = state.position(item);
            let (low, high) = super::anneal::span(problem, state, from);
            let (mut best, mut second, mut place) = (f64::INFINITY, f64::INFINITY, from);
            for to in low..=high {
                let delta = state.insertion(from, to);
                if delta < best {
                    (second, best, place) = (best, delta, to);
                } else if delta < second {
                    second = delta;
                }
            }
            control.spend((high - low + 1) as u64);
            let regret = second - best;
            if chosen.is_none_or(|(largest, ..)| regret > largest) {
                chosen = Some((regret, index, place, best));
            }
        }
        let (_, index, place, delta) = chosen.expect("items are left");
        let item = freed.swap_remove(index);
        state.insert(state.position(item), place, delta);
        if control.over() {
            break;
        }
    }
    if state.energy() > old_cost {
        state.reset(&old);
        return false;
    }
    state.energy() < old_cost
}
