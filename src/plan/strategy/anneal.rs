//! `anneal`: the optimisation engine on the total of crossing calls.

use super::Strategy;
use crate::plan::arranged::arranged;
use crate::plan::pack::Packing;

/// Evaluations of moves, below a second's work.
const EVALUATIONS: u64 = 400_000;

/// See the module.
pub(super) static ANNEAL: Strategy = Strategy {
    name: "anneal",
    definition: "annealing and exact windows on the total of crossing calls when groups move one a step",
    good_when: "calls across the link are what costs and a second may be spent on the order",
    reference: "Petit 2003: annealing is best for minimum linear arrangement; docs/search.md",
    searches: true,
    packing: Packing::Waves,
    order: |known, seed| Ok(arranged(known, seed, EVALUATIONS)),
};
