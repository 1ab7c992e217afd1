//! Simulated annealing (Kirkpatrick, Gelatt, Vecchi 1983) with insertions, exchanges and moves to neighbours.
//!
//! The starting temperature is taken from the deltas of the very moves that the search makes (a temperature from
//! adjacent exchanges froze it on sparse graphs), the last one from the smallest delta. Insertion distances adapt to
//! keep some of them accepted. A warm start begins at a temperature that keeps its structure.

use serde::{Deserialize, Serialize};

use super::control::Control;
use super::draws::Draws;
use super::moves::Moves;
use super::problem::Problem;

/// Moves at one temperature at most, and between two looks at the stop flag.
const STAGE: u64 = 4096;
/// Temperatures of a short run: fewer would cool in jumps.
const TEMPERATURES: u64 = 200;
/// Items up to which half of the moves go any distance: the cost of a long insertion hardly counts there, and layouts
/// with moves of very different durations need them at all temperatures.
const FAR: usize = 250;
/// Acceptance thresholds -ln((i + 1/2) / size): one table look-up a move instead of a logarithm.
const THRESHOLDS: usize = 4096;

/// How one annealing run goes.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cooling {
    /// Moves to make, all temperatures together.
    pub moves: u64,
    /// Share of worsening moves accepted at the start: 0.9 forgets the start, 0.1 keeps most of it.
    pub acceptance: f64,
}

/// What is left of a run: the best order and its objective.
#[derive(Clone, PartialEq, Debug)]
pub struct Best {
    /// The order.
    pub order: Vec<u32>,
    /// Its objective as the state computes it.
    pub objective: f64,
}

/// Ranges within which an item may go, given the direct constraints.
pub(super) fn span(problem: &Problem, state: &impl Moves, position: usize) -> (usize, usize) {
    let item = state.order()[position] as usize;
    let low = problem.before[item]
        .iter()
        .map(|&first| state.position(first as usize) + 1)
        .max()
        .unwrap_or(0);
    let high = problem.after[item]
        .iter()
        .map(|&later| state.position(later as usize) - 1)
        .min()
        .unwrap_or(problem.items() - 1);
    (low, high)
}

/// A move: positions of an insertion or of an exchange.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Move {
    Insert(usize, usize),
    Swap(usize, usize),
}

/// Proposes the moves of one problem.
struct Proposals<'a> {
    problem: &'a Problem,
    restricted: bool,
    /// Largest insertion distance; a real number, so that it can change slowly.
    reach: f64,
}

impl Proposals<'_> {
    /// Half insertions, a fifth exchanges, the rest moves to where the item's neighbours are.
    fn propose(&self, state: &impl Moves, draws: &mut Draws) -> Option<Move> {
        let n = self.problem.items();
        let word = draws.word();
        let from = (((word >> 32) * n as u64) >> 32) as usize;
        let kind = word & 0xff;
        let item = state.order()[from] as usize;
        let degree = self.problem.graph.degree(item);
        let far = n <= FAR && word & 0x100 == 0;
        let near = |draws: &mut Draws, centre: usize, reach: usize| {
            let reach = if far && reach > 2 { n } else { reach };
            let low = centre.saturating_sub(reach);
            let high = (centre + reach).min(n - 1);
            low + draws.below(high - low + 1)
        };
        let (to, swap) = if kind < 160 || degree == 0 {
            (near(draws, from, self.reach as usize), false)
        } else if kind < if state.cheap_exchange() { 190 } else { 160 } {
            (near(draws, from, self.reach as usize), true)
        } else {
            // The median of three random neighbours stands for the median of all.
            let mut places = [0usize; 3];
            let three = draws.word();
            for (index, place) in places.iter_mut().enumerate() {
                let pick = (((three >> (20 * index)) & 0xf_ffff) as usize * degree) >> 20;
                *place = state.position(self.problem.graph.neighbour(item, pick));
            }
            places.sort_unstable();
            (
                near(draws, places[1], 2),
                kind < 218 && state.cheap_exchange(),
            )
        };
        if from == to {
            return None;
        }
        if !self.restricted {
            return Some(if swap {
                Move::Swap(from.min(to), from.max(to))
            } else {
                Move::Insert(from, to)
            });
        }
        let (low, high) = span(self.problem, state, from);
        if swap {
            let (back, forth) = span(self.problem, state, to);
            (to >= low && to <= high && from >= back && from <= forth)
                .then(|| Move::Swap(from.min(to), from.max(to)))
        } else {
            let to = to.clamp(low, high);
            (to != from).then_some(Move::Insert(from, to))
        }
    }
}

fn change(state: &impl Moves, step: Move) -> f64 {
    match step {
        Move::Insert(from, to) => state.insertion(from, to),
        Move::Swap(first, second) => state.exchange(first, second),
    }
}

/// Temperatures (first, last) for a start that accepts the given share of worsening moves.
fn temperatures(
    state: &impl Moves,
    proposals: &Proposals<'_>,
    draws: &mut Draws,
    acceptance: f64,
    samples: u64,
) -> Option<(f64, f64)> {
    let mut worse: Vec<f64> = Vec::new();
    for _ in 0..samples {
        if let Some(step) = proposals.propose(state, draws) {
            let delta = change(state, step);
            if delta > 0.0 {
                worse.push(delta);
            }
        }
    }
    worse.sort_by(f64::total_cmp);
    let smallest = *worse.get(worse.len() / 50)?;
    // Mean of exp(-delta / T) over the sample grows with T: bisect in the logarithm.
    let mean = |temperature: f64| {
        worse
            .iter()
            .map(|delta| libm::exp(-delta / temperature))
            .sum::<f64>()
            / worse.len() as f64
    };
    let (mut low, mut high) = (smallest * 1e-3, worse[worse.len() - 1] * 1e3);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if mean(middle) < acceptance {
            low = middle;
        } else {
            high = middle;
        }
    }
    let last = 0.2 * smallest;
    Some((low.max(last), last))
}

/// Anneals `state` and leaves it at its last order; gives the best order met.
pub fn anneal(
    problem: &Problem,
    state: &mut impl Moves,
    cooling: Cooling,
    draws: &mut Draws,
    control: &Control<'_>,
) -> Best {
    let n = problem.items();
    let mut best = Best {
        order: state.order().to_vec(),
        objective: state.objective(),
    };
    let mut proposals = Proposals {
        problem,
        restricted: problem.constrained(),
        reach: (n as f64 / 2.0).max(1.0),
    };
    if n < 2 || problem.placed() || cooling.moves == 0 {
        return best;
    }
    if cooling.acceptance < 0.5 {
        proposals.reach = (n as f64 / 8.0).max(1.0);
    }
    let moves = cooling.moves.min(control.left());
    let samples = (moves / 20).clamp(20, 2000).min(moves);
    let found = temperatures(state, &proposals, draws, cooling.acceptance, samples);
    control.spend(samples);
    let moves = moves - samples;
    let Some((first, last)) = found else {
        return best;
    };
    let thresholds: Vec<f64> = (0..THRESHOLDS)
        .map(|index| -libm::log((index as f64 + 0.5) / THRESHOLDS as f64))
        .collect();
    let stage = (moves / TEMPERATURES).clamp(8, STAGE);
    let stages = moves / stage;
    let factor = if stages > 1 {
        libm::pow(last / first, 1.0 / (stages - 1) as f64)
    } else {
        1.0
    };
    let mut temperature = first;
    let mut lowest = state.energy();
    for _ in 0..stages {
        let (mut tried, mut taken) = (0u32, 0u32);
        for _ in 0..stage {
            let Some(step) = proposals.propose(state, draws) else {
                continue;
            };
            let delta = change(state, step);
            let limited = matches!(step, Move::Insert(..));
            tried += u32::from(limited);
            if delta > 0.0 {
                let threshold = thresholds[(draws.word() >> 52) as usize];
                if delta > threshold * temperature {
                    continue;
                }
                // Worsening: what is left behind may be the best so far.
                if state.energy() < lowest {
                    lowest = state.energy();
                    keep(state, &mut best, control);
                }
            }
            taken += u32::from(limited);
            match step {
                Move::Insert(from, to) => state.insert(from, to, delta),
                Move::Swap(first, second) => state.swap(first, second, delta),
            }
        }
        // Between a fifth and a half of the insertions accepted: distances that neither waste nor crawl.
        let rate = f64::from(taken) / f64::from(tried.max(1));
        if rate < 0.2 {
            proposals.reach = (proposals.reach * 0.97).max(3.0);
        } else if rate > 0.4 {
            proposals.reach = (proposals.reach * 1.03).min(n as f64 - 1.0);
        }
        temperature *= factor;
        if control.spend(stage) {
            break;
        }
    }
    if state.energy() < lowest {
        keep(state, &mut best, control);
    }
    best
}

/// Keeps the current order if its objective is the lowest so far.
fn keep(state: &impl Moves, best: &mut Best, control: &Control<'_>) {
    let objective = state.objective();
    if objective < best.objective {
        best.objective = objective;
        best.order.clear();
        best.order.extend_from_slice(state.order());
        control.better(&best.order, objective);
    }
}
