//! What is arranged: items with durations on a traffic graph, moved one after the other.
//!
//! Switchover times are the centres of the moves: C of the first item is half its duration. Theorem 1
//! (`docs/search.md`): with constant traffic the integral over time of the traffic across the clusters is the
//! sum over pairs of w |C_i - C_j|. Traffic that costs differently in the two directions (a caller that has
//! moved calls one that has not, or the other way round) splits into a symmetric part and a part that is
//! *linear* in the switchover times: `f(i before j) = w + d, f(j before i) = w - d` adds d (C_j - C_i), whatever
//! the order. So one number an item, `drift`, holds all directional costs, and with it the price of running
//! twice until the item has moved.

use super::graph::Graph;

/// The arrays of one arrangement problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Symmetric part of the crossing cost per unit of time.
    pub graph: Graph,
    /// Time each move takes; all 1 for minimum linear arrangement.
    pub durations: Vec<f64>,
    /// Cost per unit of time while the item has not moved (may be negative); the linear part.
    pub drift: Vec<f64>,
    /// Items that must move before this one.
    pub before: Vec<Vec<u32>>,
    /// Items that must move after this one: the reverse of `before`.
    pub after: Vec<Vec<u32>>,
    /// Place in the order that an item must take, counted from 0.
    pub fixed: Vec<Option<u32>>,
    /// The item that must move directly after this one.
    pub follower: Vec<Option<u32>>,
}

impl Problem {
    /// Unconstrained problem with unit durations: minimum linear arrangement and cutwidth.
    #[must_use]
    pub fn unit(graph: Graph) -> Self {
        let n = graph.nodes();
        Self::with_durations(graph, vec![1.0; n])
    }

    /// Unconstrained problem with durations: single-row facility layout.
    ///
    /// # Panics
    /// When there is not one duration a node.
    #[must_use]
    pub fn with_durations(graph: Graph, durations: Vec<f64>) -> Self {
        let n = graph.nodes();
        assert_eq!(durations.len(), n, "one duration a node");
        Self {
            graph,
            durations,
            drift: vec![0.0; n],
            before: vec![Vec::new(); n],
            after: vec![Vec::new(); n],
            fixed: vec![None; n],
            follower: vec![None; n],
        }
    }

    /// Problem of directional costs: `(first, second, cost)` is paid per unit of time while `first` has moved
    /// and `second` has not.
    #[must_use]
    pub fn directional(nodes: usize, costs: &[(u32, u32, f64)], durations: Vec<f64>) -> Self {
        let halves: Vec<_> = costs
            .iter()
            .map(|&(first, second, cost)| (first, second, cost / 2.0))
            .collect();
        let mut problem = Self::with_durations(Graph::new(nodes, &halves), durations);
        for &(first, second, cost) in costs {
            // d_first,second = cost / 2 if first goes first, minus that otherwise: linear in C_second - C_first.
            problem.drift[second as usize] += cost / 2.0;
            problem.drift[first as usize] -= cost / 2.0;
        }
        problem
    }

    /// Adds the constraint that `first` moves before `second`.
    pub fn precede(&mut self, first: u32, second: u32) {
        self.before[second as usize].push(first);
        self.after[first as usize].push(second);
    }

    /// Number of items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.durations.len()
    }

    /// Whether any constraint restricts the order.
    #[must_use]
    pub fn constrained(&self) -> bool {
        self.before.iter().any(|list| !list.is_empty()) || self.placed()
    }

    /// Whether items have fixed places or direct followers.
    #[must_use]
    pub fn placed(&self) -> bool {
        self.fixed.iter().any(Option::is_some) || self.follower.iter().any(Option::is_some)
    }

    /// Whether all moves take the same time.
    #[must_use]
    pub fn uniform(&self) -> bool {
        self.durations.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Place of each item in an order.
    #[must_use]
    pub fn positions(&self, order: &[u32]) -> Vec<u32> {
        let mut position = vec![0; order.len()];
        for (place, &item) in order.iter().enumerate() {
            position[item as usize] = place as u32;
        }
        position
    }

    /// Whether an order is a permutation that keeps every constraint.
    #[must_use]
    pub fn allows(&self, order: &[u32]) -> bool {
        let n = self.items();
        let mut seen = vec![false; n];
        for &item in order {
            if item as usize >= n || std::mem::replace(&mut seen[item as usize], true) {
                return false;
            }
        }
        let place = if order.len() == n {
            self.positions(order)
        } else {
            return false;
        };
        (0..n).all(|item| {
            self.before[item]
                .iter()
                .all(|&first| place[first as usize] < place[item])
                && self.fixed[item].is_none_or(|fixed| fixed == place[item])
                && self.follower[item].is_none_or(|next| place[next as usize] == place[item] + 1)
        })
    }

    /// Switchover time of each item when they move one after the other in `order`.
    #[must_use]
    pub fn switchovers(&self, order: &[u32]) -> Vec<f64> {
        let mut times = vec![0.0; order.len()];
        let mut clock = 0.0;
        for &item in order {
            let duration = self.durations[item as usize];
            times[item as usize] = clock + duration / 2.0;
            clock += duration;
        }
        times
    }

    /// Sum objective for any switchover times, waves (equal times) included: Theorem 1's right side.
    #[must_use]
    pub fn exposure(&self, switchovers: &[f64]) -> f64 {
        let crossing: f64 = self
            .graph
            .edges()
            .map(|(a, b, weight)| weight * (switchovers[a] - switchovers[b]).abs())
            .sum();
        let linear: f64 = self
            .drift
            .iter()
            .zip(switchovers)
            .map(|(drift, at)| drift * at)
            .sum();
        crossing + linear
    }

    /// Sum objective of an order, computed afresh.
    #[must_use]
    pub fn sum(&self, order: &[u32]) -> f64 {
        self.exposure(&self.switchovers(order))
    }

    /// Cost per unit of time after the first 0, 1, .. n moves, computed afresh.
    #[must_use]
    pub fn cuts(&self, order: &[u32]) -> Vec<f64> {
        let place = self.positions(order);
        let mut cut: f64 = self.drift.iter().sum();
        let mut cuts = Vec::with_capacity(order.len() + 1);
        cuts.push(cut);
        for (at, &item) in order.iter().enumerate() {
            for (other, weight) in self.graph.neighbours(item as usize) {
                cut += if (place[other] as usize) < at {
                    -weight
                } else {
                    weight
                };
            }
            cut -= self.drift[item as usize];
            cuts.push(cut);
        }
        cuts
    }

    /// Peak objective of an order, computed afresh.
    #[must_use]
    pub fn peak(&self, order: &[u32]) -> Peak {
        Peak::of(&self.cuts(order))
    }
}

/// The peak objective: orders compare by the peak, then by how often it is met, then by the sum of squares.
/// The peak alone is flat: most moves do not change it, and a search on it stands still.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Peak {
    /// Largest cut.
    pub peak: f64,
    /// Number of cuts that are as large.
    pub at_peak: u32,
    /// Sum of the squared cuts.
    pub squares: f64,
}

impl Peak {
    /// Of the cuts after each move.
    #[must_use]
    pub fn of(cuts: &[f64]) -> Self {
        let peak = cuts.iter().copied().fold(0.0, f64::max);
        Self {
            peak,
            at_peak: cuts.iter().filter(|&&cut| cut == peak).count() as u32,
            squares: cuts.iter().map(|cut| cut * cut).sum(),
        }
    }
}
