//! Search with few evaluations an item: many cheap starts, a few short coolings.
//!
//! With some tens of evaluations an item, a cooling from a random order spends most of them on what a construction has
//! at once. So a share of the budget goes to varied greedy orders (one evaluation each), the best of them are cooled
//! from a temperature that keeps their structure, and the best result descends. With some hundreds an item, more
//! starts are cooled: the best greedy order is not always in the best basin.

use super::anneal::{Best, Cooling, anneal};
use super::construct::{community, greedy, greedy_varied, repair, spectral};
use super::control::Control;
use super::descent::descend;
use super::draws::Draws;
use super::moves::Moves;
use super::problem::Problem;
use super::sum_state::SumState;

/// Share of the budget for varied starts.
const VARIED: f64 = 0.15;
/// Work of all varied starts at most: a start takes the square of the items.
const VARIED_WORK: usize = 4_000_000;
/// Moves an item for each order that is cooled.
const COOLING: u64 = 60;
/// Orders that are cooled at most.
const MOST: u64 = 4;
/// Share of worsening moves accepted at first.
const ACCEPTANCE: f64 = 0.2;
/// Share of the budget left for the descent.
const DESCENT: f64 = 0.05;

/// The best order found with what is left of the budget, of a problem without fixed places.
pub(super) fn search(problem: &Problem, draws: &mut Draws, control: &Control<'_>) -> Vec<u32> {
    let n = problem.items();
    let budget = control.left();
    let mut starts = vec![spectral(problem), greedy(problem), community(problem)];
    let varied = ((budget as f64 * VARIED) as usize).min(VARIED_WORK / (n * n).max(1));
    for _ in 0..varied {
        starts.push(greedy_varied(problem, draws));
    }
    starts.truncate(usize::try_from(budget).unwrap_or(usize::MAX).max(1));
    control.spend(starts.len() as u64);
    let mut starts: Vec<(f64, Vec<u32>)> = starts
        .into_iter()
        .map(|order| repair(problem, &order))
        .map(|order| (problem.sum(&order), order))
        .collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    starts.dedup_by(|a, b| a.0 == b.0);
    let cooled = (budget / (COOLING * n.max(1) as u64)).clamp(1, MOST);
    let moves = (control.left() as f64 * (1.0 - DESCENT)) as u64 / cooled;
    let mut best = Best {
        objective: starts[0].0,
        order: starts[0].1.clone(),
    };
    for (_, start) in starts.iter().take(cooled as usize) {
        if control.over() {
            break;
        }
        let mut state = SumState::new(problem, start);
        let cooling = Cooling {
            moves,
            acceptance: ACCEPTANCE,
        };
        let found = anneal(problem, &mut state, cooling, draws, control);
        if found.objective < best.objective {
            best = found;
        }
    }
    let mut state = SumState::new(problem, &best.order);
    descend(problem, &mut state, n, control);
    state.order().to_vec()
}
