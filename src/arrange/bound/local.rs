//! Each item's neighbours stand on both sides of it at best, the heaviest nearest.

use crate::arrange::problem::Problem;

/// Half the sum over items of its edges as short as they can be. With durations, the k-th neighbour on a side
/// is at least (own / 2 + what lies between + half of its own) away; the shortest durations stand for those between.
#[must_use]
pub fn local(problem: &Problem) -> f64 {
    let graph = &problem.graph;
    (0..graph.nodes())
        .map(|item| star(problem, item))
        .sum::<f64>()
        / 2.0
}

/// Least cost of one item's edges.
///
/// The j-th smallest of the distances to its neighbours is at least that of the tightest packing on two sides;
/// the heaviest edges get the smallest distances.
fn star(problem: &Problem, item: usize) -> f64 {
    let mut weights = Vec::new();
    let mut durations = Vec::new();
    for (other, weight) in problem.graph.neighbours(item) {
        weights.push(weight);
        durations.push(problem.durations[other]);
    }
    weights.sort_by(|a: &f64, b| b.total_cmp(a));
    durations.sort_by(f64::total_cmp);
    let own = problem.durations[item] / 2.0;
    // Of the j + 1 nearest neighbours one side has floor(j / 2) + 1 at least. The farthest of those has floor(j / 2)
    // whole ones between and half of itself; the largest of the shortest ones is best halved.
    let mut between = 0.0;
    let mut cost = 0.0;
    for (rank, weight) in weights.iter().enumerate() {
        let level = rank / 2;
        if rank % 2 == 0 && level > 0 {
            between += durations[level - 1];
        }
        cost += weight * (own + between + durations[level] / 2.0);
    }
    cost
}
