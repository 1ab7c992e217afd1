//! Multilevel search: the problem is coarsened by matching, solved when small, and refined on the way back.
//!
//! A matched pair becomes one item with the sum of the durations, so each coarse problem is again an arrangement
//! problem with the same objective up to a constant (Safro, Ron, Brandt 2006 do this for linear arrangement). With an
//! order given, only items that stand next to each other are matched: the order survives coarsening, and the moves of
//! coarse items are moves of whole blocks, which single insertions cannot make.

use super::anneal::{Cooling, anneal};
use super::control::Control;
use super::draws::Draws;
use super::graph::Graph;
use super::moves::Moves;
use super::problem::Problem;
use super::sum_state::SumState;

/// Items at which coarsening ends.
const COARSEST: usize = 24;

/// Pairs of items to be made one: `part[item]` is the coarse item.
struct Matching {
    part: Vec<u32>,
    parts: usize,
}

/// Heavy-edge matching in a random order: each free item takes the free neighbour of largest weight relative to
/// both durations (so that coarse items stay of like size).
fn heavy_edges(problem: &Problem, draws: &mut Draws) -> Matching {
    let n = problem.items();
    let mut part = vec![u32::MAX; n];
    let mut parts = 0;
    for item in draws.permutation(n) {
        let item = item as usize;
        if part[item] != u32::MAX {
            continue;
        }
        let mate = problem
            .graph
            .neighbours(item)
            .filter(|&(other, _)| part[other] == u32::MAX)
            .map(|(other, weight)| (weight / problem.durations[other].max(1e-9), other))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        part[item] = parts;
        if let Some((_, other)) = mate {
            part[other] = parts;
        }
        parts += 1;
    }
    Matching {
        part,
        parts: parts as usize,
    }
}

/// Matching of items that stand next to each other, joined ones rather than strangers.
fn adjacent(problem: &Problem, order: &[u32], draws: &mut Draws) -> Matching {
    let mut part = vec![u32::MAX; order.len()];
    let mut parts = 0u32;
    let mut place = 0;
    while place < order.len() {
        let item = order[place] as usize;
        part[item] = parts;
        if place + 1 < order.len() {
            let next = order[place + 1] as usize;
            let bond = problem.graph.weight(item, next);
            let later = order
                .get(place + 2)
                .map_or(0.0, |&third| problem.graph.weight(next, third as usize));
            // A coin varies the blocks from cycle to cycle.
            let joins = if bond > 0.0 && bond >= later {
                draws.below(8) > 0
            } else {
                bond > 0.0 && draws.below(4) == 0
            };
            if joins || (bond == 0.0 && later == 0.0 && draws.below(2) == 0) {
                part[next] = parts;
                place += 1;
            }
        }
        parts += 1;
        place += 1;
    }
    Matching {
        part,
        parts: parts as usize,
    }
}

fn coarsen(problem: &Problem, matching: &Matching) -> Problem {
    let mut durations = vec![0.0; matching.parts];
    let mut drift = vec![0.0; matching.parts];
    for (item, &part) in matching.part.iter().enumerate() {
        durations[part as usize] += problem.durations[item];
        drift[part as usize] += problem.drift[item];
    }
    let graph: Graph = problem.graph.contract(&matching.part, matching.parts);
    let mut coarse = Problem::with_durations(graph, durations);
    coarse.drift = drift;
    coarse
}

/// The order of the fine items given that of the coarse ones; `fine` breaks the ties inside.
fn expand(coarse: &[u32], matching: &Matching, inside: impl Fn(usize) -> u32) -> Vec<u32> {
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); matching.parts];
    for (item, &part) in matching.part.iter().enumerate() {
        members[part as usize].push(item as u32);
    }
    let mut order = Vec::with_capacity(matching.part.len());
    for &part in coarse {
        let block = &mut members[part as usize];
        block.sort_by_key(|&item| inside(item as usize));
        order.append(block);
    }
    order
}

/// Exchanges neighbours inside blocks and elsewhere while that pays: the orientation of each pair.
fn orient(problem: &Problem, order: &[u32]) -> Vec<u32> {
    let mut state = SumState::new(problem, order);
    for _ in 0..3 {
        let mut better = false;
        for place in 0..order.len().saturating_sub(1) {
            let delta = state.insertion(place, place + 1);
            if delta < 0.0 {
                state.insert(place, place + 1, delta);
                better = true;
            }
        }
        if !better {
            break;
        }
    }
    state.order().to_vec()
}

/// One V-cycle without precedence: from scratch when `order` is `None`, else from and within it. About
/// `moves` moves in all, each level the same number an item.
#[must_use]
pub fn cycle(
    problem: &Problem,
    order: Option<&[u32]>,
    cooling: Cooling,
    draws: &mut Draws,
    control: &Control<'_>,
) -> Vec<u32> {
    let n = problem.items();
    if n <= COARSEST || control.over() {
        let begin = order.map_or_else(|| draws.permutation(n), <[u32]>::to_vec);
        let mut state = SumState::new(problem, &begin);
        let acceptance = if order.is_some() {
            cooling.acceptance
        } else {
            0.9
        };
        return anneal(
            problem,
            &mut state,
            Cooling {
                moves: cooling.moves.max(20_000),
                acceptance,
            },
            draws,
            control,
        )
        .order;
    }
    let matching = match order {
        Some(order) => adjacent(problem, order, draws),
        None => heavy_edges(problem, draws),
    };
    let fine = order.map(|order| problem.positions(order));
    let mut best = if matching.parts as f64 > 0.95 * n as f64 {
        // Nothing left to match (stars): solved at this level.
        order.map_or_else(|| draws.permutation(n), <[u32]>::to_vec)
    } else {
        let coarse = coarsen(problem, &matching);
        let inherited: Option<Vec<u32>> = order.map(|order| {
            let mut seen = vec![false; matching.parts];
            order
                .iter()
                .map(|&item| matching.part[item as usize])
                .filter(|&part| !std::mem::replace(&mut seen[part as usize], true))
                .collect()
        });
        let below = Cooling {
            moves: cooling.moves / 2,
            ..cooling
        };
        let solved = cycle(&coarse, inherited.as_deref(), below, draws, control);
        let order = expand(&solved, &matching, |item| {
            fine.as_ref().map_or(item as u32, |fine| fine[item])
        });
        orient(problem, &order)
    };
    if let Some(order) = order
        && problem.sum(order) < problem.sum(&best)
    {
        best = order.to_vec();
    }
    let mut state = SumState::new(problem, &best);
    let half = Cooling {
        moves: cooling.moves / 2,
        ..cooling
    };
    anneal(problem, &mut state, half, draws, control).order
}
