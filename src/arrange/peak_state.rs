//! The peak objective with exact deltas.
//!
//! Moving v past y changes one cut only, the one between them. While v travels, what it adds to the cut
//! changes by 2 w(v, y) at each y passed, so a step costs O(1). The peak itself is flat, so the walk is on a
//! steep sum, Σ (cut / scale)^8, whose lowest orders have low peaks; the incumbent is judged by the peak, then
//! the number of cuts at it, then the sum of squares, folded into one number.

use super::moves::Moves;
use super::problem::{Peak, Problem};

/// Items up to which the weights are also kept as a full matrix.
const DENSE: usize = 1024;

/// An order with its cuts.
#[derive(Clone, Debug)]
pub struct PeakState<'a> {
    problem: &'a Problem,
    order: Vec<u32>,
    position: Vec<u32>,
    /// Cut after the item at a position has moved.
    cuts: Vec<f64>,
    /// Cut before any item has moved.
    start: f64,
    energy: f64,
    scale: f64,
    matrix: Vec<f64>,
    applied: u32,
    changes: Vec<(usize, f64)>,
}

impl<'a> PeakState<'a> {
    /// State of an order; cuts are measured in units of its peak.
    #[must_use]
    pub fn new(problem: &'a Problem, order: &[u32]) -> Self {
        let n = problem.items();
        let mut matrix = Vec::new();
        if n <= DENSE {
            matrix = vec![0.0; n * n];
            for (a, b, weight) in problem.graph.edges() {
                matrix[a * n + b] = weight;
                matrix[b * n + a] = weight;
            }
        }
        let peak = problem.peak(order).peak;
        let mut state = Self {
            problem,
            order: Vec::new(),
            position: Vec::new(),
            cuts: Vec::new(),
            start: problem.drift.iter().sum(),
            energy: 0.0,
            scale: if peak > 0.0 { 1.0 / peak } else { 1.0 },
            matrix,
            applied: 0,
            changes: Vec::new(),
        };
        state.reset(order);
        state
    }

    /// The objective of the current order, the start left out.
    #[must_use]
    pub fn peak(&self) -> Peak {
        Peak::of(&self.cuts)
    }

    fn steep(&self, cut: f64) -> f64 {
        let one = cut.max(0.0) * self.scale;
        let two = one * one;
        let four = two * two;
        four * four
    }

    #[inline]
    fn weight(&self, a: usize, b: usize) -> f64 {
        if self.matrix.is_empty() {
            self.problem.graph.weight(a, b)
        } else {
            self.matrix[a * self.order.len() + b]
        }
    }

    fn before(&self, position: usize) -> f64 {
        if position == 0 {
            self.start
        } else {
            self.cuts[position - 1]
        }
    }

    /// Calls `change(position, new cut)` for each cut that an insertion changes.
    fn each_insertion(&self, from: usize, to: usize, mut change: impl FnMut(usize, f64)) {
        let item = self.order[from] as usize;
        // What the mover adds to the cut when it moves, given who has moved.
        let mut added = self.cuts[from] - self.before(from);
        if to > from {
            for position in from..to {
                let other = self.order[position + 1] as usize;
                added -= 2.0 * self.weight(item, other);
                change(position, self.cuts[position + 1] - added);
            }
        } else {
            for position in (to..from).rev() {
                // The item now at `position` moves behind the mover; the cut behind it has the mover added.
                change(position + 1, self.cuts[position] + added);
                added += 2.0 * self.weight(item, self.order[position] as usize);
            }
            change(to, self.before(to) + added);
        }
    }

    /// Calls `change(position, new cut)` for each cut that an exchange changes.
    fn each_exchange(&self, first: usize, second: usize, mut change: impl FnMut(usize, f64)) {
        let (left, right) = (self.order[first] as usize, self.order[second] as usize);
        let mut lost = self.cuts[first] - self.before(first);
        for &other in &self.order[first + 1..second] {
            lost -= 2.0 * self.weight(left, other as usize);
        }
        let mut gained = self.cuts[second] - self.cuts[second - 1] + 2.0 * self.weight(left, right);
        for position in (first..second).rev() {
            change(position, self.cuts[position] - lost + gained);
            let other = self.order[position] as usize;
            if position > first {
                lost += 2.0 * self.weight(left, other);
                gained += 2.0 * self.weight(right, other);
            }
        }
    }

    fn apply(&mut self, delta: f64) {
        let changes = std::mem::take(&mut self.changes);
        for &(position, cut) in &changes {
            self.cuts[position] = cut;
        }
        self.changes = changes;
        self.energy += delta;
        self.applied += 1;
        if self.applied == 1 << 16 {
            let order = self.order.clone();
            self.reset(&order);
        }
    }
}

impl Moves for PeakState<'_> {
    fn order(&self) -> &[u32] {
        &self.order
    }

    fn position(&self, item: usize) -> usize {
        self.position[item] as usize
    }

    fn energy(&self) -> f64 {
        self.energy
    }

    /// The peak, and below its smallest step (weights may be any numbers) how full the top is: the steep sum
    /// divided so that it stays below a ten-thousandth of the peak.
    fn objective(&self) -> f64 {
        let Peak { peak, .. } = Peak::of(&self.cuts);
        peak * (1.0 + 1e-4 * self.energy / (self.energy + 1e3))
    }

    fn insertion(&self, from: usize, to: usize) -> f64 {
        let mut delta = 0.0;
        self.each_insertion(from, to, |position, cut| {
            delta += self.steep(cut) - self.steep(self.cuts[position]);
        });
        delta
    }

    fn insert(&mut self, from: usize, to: usize, delta: f64) {
        if from == to {
            return;
        }
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        self.each_insertion(from, to, |position, cut| changes.push((position, cut)));
        self.changes = changes;
        if to > from {
            self.order[from..=to].rotate_left(1);
        } else {
            self.order[to..=from].rotate_right(1);
        }
        for place in from.min(to)..=from.max(to) {
            self.position[self.order[place] as usize] = place as u32;
        }
        self.apply(delta);
    }

    fn exchange(&self, first: usize, second: usize) -> f64 {
        let mut delta = 0.0;
        self.each_exchange(first, second, |position, cut| {
            delta += self.steep(cut) - self.steep(self.cuts[position]);
        });
        delta
    }

    fn swap(&mut self, first: usize, second: usize, delta: f64) {
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        self.each_exchange(first, second, |position, cut| changes.push((position, cut)));
        self.changes = changes;
        let (left, right) = (self.order[first] as usize, self.order[second] as usize);
        self.order.swap(first, second);
        self.position.swap(left, right);
        self.apply(delta);
    }

    fn cheap_exchange(&self) -> bool {
        false
    }

    fn reset(&mut self, order: &[u32]) {
        self.order = order.to_vec();
        self.position = self.problem.positions(order);
        self.cuts = self.problem.cuts(order)[1..].to_vec();
        self.energy = self.cuts.iter().map(|&cut| self.steep(cut)).sum();
        self.applied = 0;
    }
}
