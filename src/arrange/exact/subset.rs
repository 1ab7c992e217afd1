//! Dynamic programme over all subsets: `f(S) = min over the last v of f(S - v) + d_v (cut(S - v) + cut(S)) / 2`, and
//! with `max` for the peak (Karp and Held 1967 for the linear arrangement). Time n 2^n, memory 8 bytes a subset.

use crate::arrange::problem::Problem;

use super::Optimum;

/// Items up to which the table of subsets (268 MB) is kept.
pub const MOST_ITEMS: usize = 25;

/// Bits of the lower half of a subset's number: its tables stay in the cache.
const LOW: usize = 12;

/// What the last move of a subset costs.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sum,
    Peak,
}

/// Order of least sum; `None` when no order keeps precedence (a cycle).
///
/// # Panics
/// With more than [`MOST_ITEMS`] items, or items with fixed places (`ideals` takes them).
#[must_use]
pub fn subset_sum(problem: &Problem) -> Option<Optimum> {
    solve(problem, Kind::Sum)
}

/// Order of least peak; as [`subset_sum`].
///
/// # Panics
/// As [`subset_sum`].
#[must_use]
pub fn subset_peak(problem: &Problem) -> Option<Optimum> {
    solve(problem, Kind::Peak)
}

/// Weights of each item to every subset of the low and of the high half of the items.
struct Halves {
    n: usize,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Halves {
    fn new(problem: &Problem) -> Self {
        let n = problem.items();
        let table = |first: usize, bits: usize| {
            let mut sums = vec![0.0; n << bits];
            for set in 1..1usize << bits {
                let bit = set.trailing_zeros() as usize;
                let rest = set & (set - 1);
                for item in 0..n {
                    sums[set * n + item] =
                        sums[rest * n + item] + problem.graph.weight(item, first + bit);
                }
            }
            sums
        };
        let bits = n.min(LOW);
        Self {
            n,
            low: table(0, bits),
            high: table(bits, n - bits),
        }
    }

    /// Fills `to` with the weight from each item to the subset.
    #[inline]
    fn weights(&self, set: usize, to: &mut [f64]) {
        let low = &self.low[(set & ((1 << LOW) - 1)) * self.n..][..self.n];
        let high = &self.high[(set >> LOW) * self.n..][..self.n];
        for ((to, low), high) in to.iter_mut().zip(low).zip(high) {
            *to = low + high;
        }
    }
}

/// What the values of a subset are computed from.
struct Programme<'a> {
    problem: &'a Problem,
    kind: Kind,
    strengths: Vec<f64>,
    successors: Vec<usize>,
    all_drift: f64,
}

impl Programme<'_> {
    /// Cut of a subset whose weights are known: each member pays what it has outside, and those outside drift.
    #[inline]
    fn cut(&self, set: usize, weights: &[f64]) -> f64 {
        let mut cut = self.all_drift;
        let mut rest = set;
        while rest != 0 {
            let item = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            cut += self.strengths[item] - weights[item] - self.problem.drift[item];
        }
        cut
    }

    /// The best value of a subset and the item that moves last in it.
    #[inline]
    fn last(&self, table: &[f64], set: usize, weights: &[f64]) -> (f64, usize) {
        let cut = self.cut(set, weights);
        let mut best = (f64::INFINITY, usize::MAX);
        let mut rest = set;
        while rest != 0 {
            let item = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if self.successors[item] & set != 0 {
                continue;
            }
            let before = table[set & !(1 << item)];
            let value = match self.kind {
                Kind::Sum => {
                    // cut(S - v) = cut(S) - (weight outside S) + (weight inside S) + drift of v.
                    let earlier =
                        cut - self.strengths[item] + 2.0 * weights[item] + self.problem.drift[item];
                    before + self.problem.durations[item] * 0.5 * (earlier + cut)
                }
                Kind::Peak => before.max(cut),
            };
            if value < best.0 {
                best = (value, item);
            }
        }
        best
    }
}

fn solve(problem: &Problem, kind: Kind) -> Option<Optimum> {
    let n = problem.items();
    assert!(
        n <= MOST_ITEMS,
        "the table of subsets has 2^25 entries at most"
    );
    assert!(
        !problem.placed(),
        "fixed places are for the programme over ideals"
    );
    let programme = Programme {
        problem,
        kind,
        strengths: (0..n).map(|item| problem.graph.strength(item)).collect(),
        successors: (0..n)
            .map(|item| {
                let later = problem.after[item].iter();
                later.fold(0, |set, &later| set | 1 << later)
            })
            .collect(),
        all_drift: problem.drift.iter().sum(),
    };
    let halves = Halves::new(problem);
    let mut table = vec![f64::INFINITY; 1 << n];
    table[0] = match kind {
        Kind::Sum => 0.0,
        Kind::Peak => programme.all_drift.max(0.0),
    };
    let mut weights = vec![0.0; n];
    for set in 1..1usize << n {
        halves.weights(set, &mut weights);
        table[set] = programme.last(&table, set, &weights).0;
    }
    let mut set = (1usize << n) - 1;
    let cost = table[set];
    if !cost.is_finite() {
        return None;
    }
    let mut order = Vec::with_capacity(n);
    while set != 0 {
        halves.weights(set, &mut weights);
        let (_, item) = programme.last(&table, set, &weights);
        order.push(item as u32);
        set &= !(1 << item);
    }
    order.reverse();
    Some(Optimum { cost, order })
}
