//! Lower bounds of the graph objectives: no order costs less.
//!
//! All hold for the symmetric part; with drift the linear part is bounded apart (`linear`). They bound the graph
//! objective, not what a simulation would measure.

mod gomory_hu;
mod linear;
mod local;
mod spectral;

pub use gomory_hu::{GomoryHu, gomory_hu, source_side};
pub use linear::linear;
pub use local::local;
pub use spectral::{spectral_cut, spectral_peak, spectral_sum};

use super::construct::fiedler;
use super::problem::Problem;

/// Which bound held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoundKind {
    /// Sum of the cut tree's values (Adolphson and Hu 1973).
    CutTree,
    /// Each item's edges as short as they can be.
    Local,
    /// Second eigenvalue of the Laplacian (Juvan and Mohar 1992).
    Spectral,
}

impl BoundKind {
    /// Name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CutTree => "gomory-hu",
            Self::Local => "local",
            Self::Spectral => "spectral",
        }
    }
}

/// A proved lower bound.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bound {
    /// No order costs less.
    pub value: f64,
    /// The bound that was largest.
    pub kind: BoundKind,
}

/// (upper - lower) / upper: how far an order can be above the optimum; 0 when both are 0.
#[must_use]
pub fn gap(upper: f64, lower: f64) -> f64 {
    if upper > 0.0 {
        ((upper - lower) / upper).max(0.0)
    } else {
        0.0
    }
}

fn best(candidates: &[(f64, BoundKind)]) -> Bound {
    let (value, kind) = candidates
        .iter()
        .copied()
        .reduce(|one, two| if two.0 > one.0 { two } else { one })
        .expect("bounds are given");
    Bound { value, kind }
}

/// The largest of the bounds on the sum. The spectral bound needs a connected graph and equal durations.
#[must_use]
pub fn sum_bound(problem: &Problem) -> Bound {
    let graph = &problem.graph;
    let shift = linear(problem);
    let mut candidates = vec![
        (local(problem) + shift, BoundKind::Local),
        (gomory_hu(problem).sum + shift, BoundKind::CutTree),
    ];
    if problem.uniform() && graph.nodes() > 2 && graph.components().iter().all(|&part| part == 0) {
        let fiedler = fiedler(graph);
        let length = problem.durations[0];
        candidates.push((
            length * spectral_sum(&fiedler, graph.nodes()) + shift,
            BoundKind::Spectral,
        ));
    }
    best(&candidates)
}

/// The largest of the bounds on the peak; drift can lower a cut by its negative entries at most.
#[must_use]
pub fn peak_bound(problem: &Problem) -> Bound {
    let graph = &problem.graph;
    // The item in the middle of its neighbours has half of its weight on one side at least, up to half an edge.
    let local = (0..graph.nodes())
        .map(|node| {
            let mut weights: Vec<f64> = graph.neighbours(node).map(|(_, weight)| weight).collect();
            weights.sort_by(f64::total_cmp);
            graph.strength(node) / 2.0
                + if weights.iter().all(|&weight| weight == 1.0) && weights.len() % 2 == 1 {
                    0.5
                } else {
                    0.0
                }
        })
        .fold(0.0, f64::max);
    let shift: f64 = problem
        .drift
        .iter()
        .copied()
        .filter(|&drift| drift < 0.0)
        .sum();
    let mut candidates = vec![
        (local + shift, BoundKind::Local),
        (gomory_hu(problem).largest + shift, BoundKind::CutTree),
    ];
    if graph.nodes() > 2 && graph.components().iter().all(|&part| part == 0) {
        candidates.push((
            spectral_peak(&fiedler(graph), graph.nodes()) + shift,
            BoundKind::Spectral,
        ));
    }
    best(&candidates)
}
