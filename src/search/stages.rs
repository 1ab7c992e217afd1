//! The stages after the graph: successive halving, then a comparison on luck that nothing before has seen.

use crate::experiment::goal::{Entrant, Place, league};
use crate::search::Candidate;
use crate::search::evaluator::Evaluator;

/// Stages draw apart from one another and from `run`, which is stage 0.
const HALVING: u32 = 1;
const CONFIRM: u32 = 2;

/// What a stage says of its plans.
pub struct Judged {
    /// Values by plan, in the order given.
    pub entrants: Vec<Entrant>,
    /// Places, best first.
    pub places: Vec<Place>,
}

/// Drops the worse half again and again, with twice the replications each time, until at most `finalists` are left:
/// their positions in `plans`, best first; and the means of the first round, for the rank correlation. `None` when
/// cancelled.
#[must_use]
pub fn halve(
    evaluator: &dyn Evaluator,
    plans: &[&Candidate],
    first: u32,
    finalists: usize,
    confidence: f64,
) -> Option<(Vec<usize>, Vec<f64>)> {
    let mut left: Vec<usize> = (0..plans.len()).collect();
    let mut replications = first;
    let mut means = Vec::new();
    loop {
        let subset: Vec<&Candidate> = left.iter().map(|at| plans[*at]).collect();
        let entrants = evaluator.judge(&subset, HALVING, replications)?;
        let places = league(&entrants, confidence);
        if means.is_empty() {
            means = entrants.iter().map(|entrant| entrant.mean(0)).collect();
        }
        let keep = (left.len().div_ceil(2)).max(finalists).min(left.len());
        left = places
            .iter()
            .map(|place| left[place.entrant])
            .take(keep)
            .collect();
        if left.len() <= finalists {
            return Some((left, means));
        }
        replications *= 2;
    }
}

/// Compares plans on fresh luck; `None` when cancelled.
#[must_use]
pub fn confirm(
    evaluator: &dyn Evaluator,
    plans: &[&Candidate],
    replications: u32,
    confidence: f64,
) -> Option<Judged> {
    let entrants = evaluator.judge(plans, CONFIRM, replications)?;
    let places = league(&entrants, confidence);
    Some(Judged { entrants, places })
}
