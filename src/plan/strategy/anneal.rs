//! `anneal`: improves the better of two quick orders by insertion moves.

use super::{Strategy, frontier, spectral};
use crate::engine::keyed::{Key, Purpose};
use crate::plan::KnownWorld;
use crate::plan::graph::GroupGraph;
use crate::plan::pack::Packing;

/// Insertion moves that are tried for each group.
const MOVES: usize = 2_000;
/// Moves that are tried at most, and steps of one move: a second's work for 1,200 groups.
const MOST: usize = 60_000;
/// Places that a group travels at most in one move.
const REACH: usize = 40;
const MOVE: Purpose = Purpose::new("anneal strategy");

/// See the module.
pub(super) static ANNEAL: Strategy = Strategy {
    name: "anneal",
    definition: "simulated annealing by insertion moves on the total of crossing calls, from the better of greedy-min-cut \
                 and spectral",
    good_when: "calls across the link are what costs and a second may be spent on the order",
    reference: "Petit 2003: annealing is best for minimum linear arrangement",
    searches: true,
    packing: Packing::Waves,
    order: |known, seed| Ok(order(known, seed)),
};

fn order(known: &KnownWorld, seed: u64) -> Vec<usize> {
    let graph = &known.graph;
    let names = known.groups_by_name();
    let mut moved = vec![false; graph.len()];
    let greedy = frontier::least_cut(graph, &names, &mut moved);
    let by_vector = spectral::order(known);
    let start = if graph.cuts(&by_vector).0 < graph.cuts(&greedy).0 {
        by_vector
    } else {
        greedy
    };
    if graph.len() < 3 {
        return start;
    }
    anneal(graph, start, &names, seed)
}

/// `names` numbers the groups for draws, so that the order in which a file lists them does not matter.
fn anneal(graph: &GroupGraph, start: Vec<usize>, names: &[usize], seed: u64) -> Vec<usize> {
    let n = start.len();
    let mut line = Line::new(graph, start);
    let key = Key::root(seed, 0, 0);
    let moves = (MOVES * n).min(MOST);
    // The hottest step costs a third of a mean group's calls over the reach; the coldest a thousandth of that.
    let total: f64 = (0..n).map(|group| graph.total(group)).sum::<f64>() / n as f64;
    let first = (total / 3.0).max(1e-12);
    let (mut cost, mut best, mut best_order) = (0.0, 0.0, line.order.clone());
    for at in 0..moves {
        let heat = first * libm::pow(1e-3, at as f64 / moves as f64);
        let draw = key.nth(at as u64);
        let group = names[draw.index(MOVE, 0, n)];
        let from = line.place[group];
        let reach = REACH.min(n - 1);
        let to = (from + n + draw.index(MOVE, 1, 2 * reach + 1) - reach) % n;
        let change = line.travel(group, to);
        if change <= 0.0 || draw.uniform(MOVE, 2) < libm::exp(-change / heat) {
            cost += change;
            if cost < best - 1e-9 {
                best = cost;
                best_order.clone_from(&line.order);
            }
        } else {
            line.travel(group, from);
        }
    }
    best_order
}

/// An order in which neighbours can be exchanged.
struct Line<'g> {
    graph: &'g GroupGraph,
    order: Vec<usize>,
    place: Vec<usize>,
}

impl<'g> Line<'g> {
    fn new(graph: &'g GroupGraph, order: Vec<usize>) -> Self {
        let mut place = vec![0; order.len()];
        for (at, group) in order.iter().enumerate() {
            place[*group] = at;
        }
        Self {
            graph,
            order,
            place,
        }
    }

    /// Moves a group step by step; by how much the total grows.
    fn travel(&mut self, group: usize, to: usize) -> f64 {
        let mut change = 0.0;
        while self.place[group] < to {
            change += self.exchange(self.place[group]);
        }
        while self.place[group] > to {
            change += self.exchange(self.place[group] - 1);
        }
        change
    }

    /// Exchanges the groups at `at` and after it.
    fn exchange(&mut self, at: usize) -> f64 {
        let (left, right) = (self.order[at], self.order[at + 1]);
        // To the right, a group comes nearer to all on its right and further from all on its left.
        let pull = |group: usize, other: usize| -> f64 {
            let list = self.graph.neighbours[group].iter();
            list.filter(|(one, _)| *one != other)
                .map(|(one, weight)| {
                    if self.place[*one] < self.place[group] {
                        *weight
                    } else {
                        -weight
                    }
                })
                .sum()
        };
        let drift = |group: usize| self.graph.with_target[group] - self.graph.with_source[group];
        let change = pull(left, right) + drift(left) - pull(right, left) - drift(right);
        self.order.swap(at, at + 1);
        self.place[left] = at + 1;
        self.place[right] = at;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::Line;
    use crate::plan::KnownWorld;
    use crate::plan::sample::world;

    #[test]
    fn changes_add_up_to_the_difference_of_totals() {
        let scenario = world(
            &["a", "b", "c", "d", "e"],
            &[
                (0, 1, 2.0),
                (1, 2, 1.0),
                (0, 3, 0.5),
                (3, 4, 3.0),
                (0, 4, 1.0),
            ],
        );
        let known = KnownWorld::new(&scenario).expect("a migration");
        let mut line = Line::new(&known.graph, vec![0, 1, 2, 3, 4]);
        for (group, to) in [(0, 4), (3, 0), (2, 2), (4, 1), (1, 3)] {
            let before = known.graph.cuts(&line.order).0;
            let change = line.travel(group, to);
            let after = known.graph.cuts(&line.order).0;
            assert!((after - before - change).abs() < 1e-9, "{group} to {to}");
        }
    }
}
