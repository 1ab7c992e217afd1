//! The sum objective with exact deltas.
//!
//! Each item keeps its balance, b = (weight to items before it) - (weight to items after it) + drift. If v at
//! the left of y changes places with it, v's centre moves by d_y and y's by -d_v, so the cost changes by
//! `d_y b_v - d_v b_y + (d_v + d_y) w(v, y)`: one step of an insertion costs O(1). A whole insertion adds up to
//! one sum over the balances passed (they lie side by side in memory) and a correction for each neighbour passed.

use super::moves::Moves;
use super::problem::Problem;

/// Items up to which the weights are also kept as a full matrix: short insertions then need no look at all
/// neighbours.
const DENSE: usize = 512;

/// An order with its sum cost.
#[derive(Clone, Debug)]
pub struct SumState<'a> {
    problem: &'a Problem,
    order: Vec<u32>,
    position: Vec<u32>,
    /// By position.
    balance: Vec<f64>,
    /// By position: when the move ends.
    ends: Vec<f64>,
    cost: f64,
    matrix: Vec<f64>,
    uniform: bool,
    applied: u32,
}

impl<'a> SumState<'a> {
    /// State of an order.
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
        let mut state = Self {
            problem,
            order: Vec::new(),
            position: vec![0; n],
            balance: vec![0.0; n],
            ends: vec![0.0; n],
            cost: 0.0,
            matrix,
            uniform: problem.uniform(),
            applied: 0,
        };
        state.reset(order);
        state
    }

    fn duration(&self, position: usize) -> f64 {
        self.problem.durations[self.order[position] as usize]
    }

    /// Delta of a short insertion by steps, with the matrix.
    fn walk(&self, from: usize, to: usize) -> f64 {
        let item = self.order[from] as usize;
        let row = &self.matrix[item * self.order.len()..][..self.order.len()];
        let (own, mut balance, mut delta) = (self.problem.durations[item], self.balance[from], 0.0);
        if to > from {
            for (&other, &theirs) in self.order[from + 1..=to]
                .iter()
                .zip(&self.balance[from + 1..=to])
            {
                let (weight, duration) =
                    (row[other as usize], self.problem.durations[other as usize]);
                delta += duration * (balance + weight) - own * (theirs - weight);
                balance += 2.0 * weight;
            }
        } else {
            for (&other, &theirs) in self.order[to..from]
                .iter()
                .zip(&self.balance[to..from])
                .rev()
            {
                let (weight, duration) =
                    (row[other as usize], self.problem.durations[other as usize]);
                delta += own * (theirs + weight) - duration * (balance - weight);
                balance -= 2.0 * weight;
            }
        }
        delta
    }

    /// Delta of any insertion: a sum of balances and a correction for each neighbour passed.
    fn leap(&self, from: usize, to: usize) -> f64 {
        let item = self.order[from] as usize;
        let (own, balance) = (self.problem.durations[item], self.balance[from]);
        let mut correction = 0.0;
        if to > from {
            let passed = self.ends[to] - self.ends[from];
            for (other, weight) in self.problem.graph.neighbours(item) {
                let at = self.position[other] as usize;
                if at > from && at <= to {
                    let duration = self.problem.durations[other];
                    correction += weight * (own + duration + 2.0 * (self.ends[to] - self.ends[at]));
                }
            }
            balance * passed - own * total(&self.balance[from + 1..=to]) + correction
        } else {
            let start = self.ends[to] - self.duration(to);
            let passed = self.ends[from] - own - start;
            for (other, weight) in self.problem.graph.neighbours(item) {
                let at = self.position[other] as usize;
                if at >= to && at < from {
                    let duration = self.problem.durations[other];
                    correction +=
                        weight * (own + duration + 2.0 * (self.ends[at] - duration - start));
                }
            }
            own * total(&self.balance[to..from]) - balance * passed + correction
        }
    }

    /// Exchange when all durations are equal: only the two items' distances change.
    fn exchange_uniform(&self, first: usize, second: usize) -> f64 {
        let (left, right) = (self.order[first] as usize, self.order[second] as usize);
        let (a, b) = (first as f64, second as f64);
        let mut delta = 0.0;
        for (other, weight) in self.problem.graph.neighbours(left) {
            let at = f64::from(self.position[other]);
            if other != right {
                delta += weight * ((b - at).abs() - (a - at).abs());
            }
        }
        for (other, weight) in self.problem.graph.neighbours(right) {
            let at = f64::from(self.position[other]);
            if other != left {
                delta += weight * ((a - at).abs() - (b - at).abs());
            }
        }
        delta += (self.problem.drift[left] - self.problem.drift[right]) * (b - a);
        delta * self.problem.durations[left]
    }

    /// Exchange with any durations: the left item passes all, then the right one comes back.
    fn exchange_any(&self, first: usize, second: usize) -> f64 {
        let (left, right) = (self.order[first] as usize, self.order[second] as usize);
        let own = self.problem.durations[right];
        let passed = self.ends[second] - own - self.ends[first];
        let mut between = total(&self.balance[first + 1..second]);
        let mut balance = self.balance[second];
        for (other, weight) in self.problem.graph.neighbours(left) {
            let at = self.position[other] as usize;
            if at > first && at < second {
                between -= 2.0 * weight;
            } else if at == second {
                balance -= 2.0 * weight;
            }
        }
        let mut correction = 0.0;
        for (other, weight) in self.problem.graph.neighbours(right) {
            let at = self.position[other] as usize;
            if at > first && at < second {
                let duration = self.problem.durations[other];
                correction +=
                    weight * (own + duration + 2.0 * (self.ends[at] - duration - self.ends[first]));
            }
        }
        self.insertion(first, second) + own * between - balance * passed + correction
    }

    fn done(&mut self, delta: f64) {
        self.cost += delta;
        self.applied += 1;
        if self.applied == 1 << 20 {
            let order = self.order.clone();
            self.reset(&order);
        }
    }
}

/// Sum in four lanes: a fixed order of additions that the processor can do side by side.
#[inline]
fn total(values: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

impl Moves for SumState<'_> {
    fn order(&self) -> &[u32] {
        &self.order
    }

    fn position(&self, item: usize) -> usize {
        self.position[item] as usize
    }

    fn energy(&self) -> f64 {
        self.cost
    }

    fn objective(&self) -> f64 {
        self.cost
    }

    #[inline]
    fn insertion(&self, from: usize, to: usize) -> f64 {
        let steps = from.abs_diff(to);
        if steps == 0 {
            0.0
        } else if !self.matrix.is_empty()
            && steps * 2 < self.problem.graph.degree(self.order[from] as usize) + 8
        {
            self.walk(from, to)
        } else {
            self.leap(from, to)
        }
    }

    fn insert(&mut self, from: usize, to: usize, delta: f64) {
        let item = self.order[from] as usize;
        let own = self.problem.durations[item];
        let mut balance = self.balance[from];
        if to > from {
            for (other, weight) in self.problem.graph.neighbours(item) {
                let at = self.position[other] as usize;
                if at > from && at <= to {
                    balance += 2.0 * weight;
                    self.balance[at] -= 2.0 * weight;
                }
            }
            let end = self.ends[to];
            for at in from..to {
                let other = self.order[at + 1];
                self.order[at] = other;
                self.position[other as usize] = at as u32;
                self.balance[at] = self.balance[at + 1];
                self.ends[at] = self.ends[at + 1] - own;
            }
            self.ends[to] = end;
        } else {
            for (other, weight) in self.problem.graph.neighbours(item) {
                let at = self.position[other] as usize;
                if at >= to && at < from {
                    balance -= 2.0 * weight;
                    self.balance[at] += 2.0 * weight;
                }
            }
            let start = self.ends[to] - self.duration(to);
            for at in (to + 1..=from).rev() {
                let other = self.order[at - 1];
                self.order[at] = other;
                self.position[other as usize] = at as u32;
                self.balance[at] = self.balance[at - 1];
                self.ends[at] = self.ends[at - 1] + own;
            }
            self.ends[to] = start + own;
        }
        self.order[to] = item as u32;
        self.position[item] = to as u32;
        self.balance[to] = balance;
        self.done(delta);
    }

    fn exchange(&self, first: usize, second: usize) -> f64 {
        if self.uniform {
            self.exchange_uniform(first, second)
        } else {
            self.exchange_any(first, second)
        }
    }

    fn swap(&mut self, first: usize, second: usize, delta: f64) {
        if self.uniform {
            let (left, right) = (self.order[first] as usize, self.order[second] as usize);
            let (mut of_left, mut of_right) = (self.balance[first], self.balance[second]);
            for (other, weight) in self.problem.graph.neighbours(left) {
                let at = self.position[other] as usize;
                if at > first && at < second {
                    of_left += 2.0 * weight;
                    self.balance[at] -= 2.0 * weight;
                } else if at == second {
                    of_left += 2.0 * weight;
                    of_right -= 2.0 * weight;
                }
            }
            for (other, weight) in self.problem.graph.neighbours(right) {
                let at = self.position[other] as usize;
                if at > first && at < second {
                    of_right -= 2.0 * weight;
                    self.balance[at] += 2.0 * weight;
                }
            }
            self.order.swap(first, second);
            self.position.swap(left, right);
            self.balance[first] = of_right;
            self.balance[second] = of_left;
            self.done(delta);
        } else {
            // The first half books all of the change, the second none.
            self.insert(first, second, delta);
            self.insert(second - 1, first, 0.0);
        }
    }

    fn cheap_exchange(&self) -> bool {
        self.uniform
    }

    fn reset(&mut self, order: &[u32]) {
        let graph = &self.problem.graph;
        self.order = order.to_vec();
        self.position = self.problem.positions(order);
        let mut clock = 0.0;
        for (place, &item) in order.iter().enumerate() {
            clock += self.problem.durations[item as usize];
            self.ends[place] = clock;
            let item = item as usize;
            self.balance[place] = self.problem.drift[item]
                + graph
                    .neighbours(item)
                    .map(|(other, weight)| {
                        if (self.position[other] as usize) < place {
                            weight
                        } else {
                            -weight
                        }
                    })
                    .sum::<f64>();
        }
        self.cost = self.problem.sum(order);
        self.applied = 0;
    }
}
