//! The graph of groups as the optimisation engine takes it: numbers only, numbered by name, so that the order in
//! which a file lists services does not matter.

use crate::arrange::bound::sum_bound;
use crate::arrange::{Control, Graph, Objective, Problem, Session};
use crate::plan::KnownWorld;

/// The total of crossing calls when groups move one a step, as an arrangement problem; position `i` of its items is
/// the group `names[i]`.
fn problem(known: &KnownWorld, names: &[usize]) -> Problem {
    let mut rank = vec![0_u32; names.len()];
    for (at, group) in names.iter().enumerate() {
        rank[*group] = at as u32;
    }
    let graph = &known.graph;
    let mut edges = Vec::new();
    for group in names {
        for (other, weight) in &graph.neighbours[*group] {
            if rank[*group] < rank[*other] && *weight > 0.0 {
                edges.push((rank[*group], rank[*other], *weight));
            }
        }
    }
    let mut problem = Problem::unit(Graph::new(names.len(), &edges));
    for group in names {
        problem.drift[rank[*group] as usize] =
            graph.with_target[*group] - graph.with_source[*group];
    }
    problem
}

/// The best order that the engine finds within so many evaluations; at any size, reproducible.
#[must_use]
pub fn arranged(known: &KnownWorld, seed: u64, evaluations: u64) -> Vec<usize> {
    let names = known.groups_by_name();
    if names.len() < 3 {
        return names;
    }
    let problem = problem(known, &names);
    let mut session = Session::new(&problem, Objective::Sum, seed);
    session.run(
        &problem,
        f64::NEG_INFINITY,
        &Control::evaluations(evaluations),
    );
    session
        .order
        .iter()
        .map(|item| names[*item as usize])
        .collect()
}

/// A proved lower bound of the total of crossing calls when groups move one a step, and which bound held; `None`
/// where calls to services that stay make it another problem.
#[must_use]
pub fn bound(known: &KnownWorld) -> Option<(f64, &'static str)> {
    let graph = &known.graph;
    let fixed = graph.with_source.iter().chain(&graph.with_target);
    if graph.len() < 3 || fixed.copied().any(|calls| calls > 0.0) {
        return None;
    }
    let bound = sum_bound(&problem(known, &known.groups_by_name()));
    Some((bound.value, bound.kind.name()))
}

#[cfg(test)]
mod tests {
    use super::{arranged, bound};
    use crate::plan::KnownWorld;
    use crate::plan::sample::world;

    #[test]
    fn a_path_is_found_and_its_bound_is_its_optimum() {
        let names: Vec<String> = (0..24).map(|at| format!("s{:02}", at * 7 % 24)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let calls: Vec<_> = (0..23).map(|at| (at, at + 1, 1.0)).collect();
        let scenario = world(&names, &calls);
        let known = KnownWorld::new(&scenario).expect("a migration");
        // A path of n has total n - 1, and the cut tree of a tree is the tree.
        let order = arranged(&known, 1, 200_000);
        assert!((known.graph.cuts(&order).0 - 23.0).abs() < 1e-9);
        let (value, kind) = bound(&known).expect("nothing stays");
        assert!((value - 23.0).abs() < 1e-6, "{value} by {kind}");
    }
}
