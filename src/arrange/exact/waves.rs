//! Dynamic programme over waves: all items of a wave switch over together.
//!
//! `f(S) = min over the last wave B of f(S - B) + length * cut(S)`, |B| at most the cap. Cuts between waves count,
//! the empty and the full set cost nothing.

use crate::arrange::problem::Problem;

/// How waves are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaveRule {
    /// Items a wave at most.
    pub cap: usize,
    /// Number of waves.
    pub waves: usize,
}

/// A proved optimum and its waves in order.
#[derive(Clone, PartialEq, Debug)]
pub struct WaveOptimum {
    /// Sum or largest of the cuts after each wave.
    pub cost: f64,
    /// Items of each wave in increasing order.
    pub waves: Vec<Vec<u32>>,
}

/// Least sum of the cuts after each wave; `None` when the waves cannot hold all items or precedence forbids.
/// Predecessors may share the wave.
///
/// # Panics
/// With more than 22 items.
#[must_use]
pub fn waves_sum(problem: &Problem, rule: WaveRule) -> Option<WaveOptimum> {
    solve(problem, rule, |before, cut| before + cut)
}

/// Least largest cut after a wave; as [`waves_sum`].
///
/// # Panics
/// As [`waves_sum`].
#[must_use]
pub fn waves_peak(problem: &Problem, rule: WaveRule) -> Option<WaveOptimum> {
    solve(problem, rule, f64::max)
}

fn solve(problem: &Problem, rule: WaveRule, join: impl Fn(f64, f64) -> f64) -> Option<WaveOptimum> {
    let n = problem.items();
    assert!(n <= 22, "a table of all subsets is kept for each wave");
    let full = (1usize << n) - 1;
    let mut cuts = vec![problem.drift.iter().sum::<f64>(); 1 << n];
    for set in 1..=full {
        let item = set.trailing_zeros() as usize;
        let rest = set & (set - 1);
        let inside: f64 = problem
            .graph
            .neighbours(item)
            .filter(|&(other, _)| rest & (1 << other) != 0)
            .map(|(_, weight)| weight)
            .sum();
        cuts[set] = cuts[rest] + problem.graph.strength(item) - 2.0 * inside - problem.drift[item];
    }
    let before: Vec<usize> = problem
        .before
        .iter()
        .map(|list| list.iter().fold(0, |set, &first| set | 1 << first))
        .collect();
    let closed = |set: usize| (0..n).all(|item| set & (1 << item) == 0 || before[item] & !set == 0);
    // One table a number of waves: sets reached with just as many waves, none empty.
    let mut tables = vec![vec![f64::INFINITY; 1 << n]];
    tables[0][0] = 0.0;
    for wave in 1..=rule.waves {
        let mut table = vec![f64::INFINITY; 1 << n];
        let last = wave == rule.waves;
        for (set, &base) in tables[wave - 1].iter().enumerate() {
            let rest = full & !set;
            let left = rest.count_ones() as usize;
            let later = rule.waves - wave;
            // All that is left must fit into the waves to come, and each of them needs an item.
            if !base.is_finite() || left > rule.cap * (later + 1) || left < later + 1 {
                continue;
            }
            if last {
                if left <= rule.cap && base < table[full] {
                    table[full] = base;
                }
                continue;
            }
            // What stays behind must fit into the later waves, so a block has a least size too.
            let sizes = left.saturating_sub(rule.cap * later).max(1)..=rule.cap.min(left - later);
            blocks(rest, 0, sizes, &mut |block| {
                if closed(set | block) {
                    let to = set | block;
                    let value = join(base, cuts[to]);
                    if value < table[to] {
                        table[to] = value;
                    }
                }
            });
        }
        tables.push(table);
    }
    let cost = tables[rule.waves][full];
    if !cost.is_finite() {
        return None;
    }
    let mut set = full;
    let mut waves = Vec::with_capacity(rule.waves);
    for wave in (1..=rule.waves).rev() {
        let cut = if wave == rule.waves {
            None
        } else {
            Some(cuts[set])
        };
        let mut block = set;
        loop {
            let from = set & !block;
            let base = tables[wave - 1][from];
            let value = cut.map_or(base, |cut| join(base, cut));
            if block.count_ones() as usize <= rule.cap && value == tables[wave][set] {
                break;
            }
            block = (block - 1) & set;
        }
        waves.push(
            (0..n as u32)
                .filter(|&item| block & (1 << item) != 0)
                .collect(),
        );
        set &= !block;
    }
    waves.reverse();
    Some(WaveOptimum { cost, waves })
}

/// Calls `each` with every subset of `rest` whose size lies in `sizes`, `taken` joined to it.
fn blocks(
    rest: usize,
    taken: usize,
    sizes: std::ops::RangeInclusive<usize>,
    each: &mut impl FnMut(usize),
) {
    let have = taken.count_ones() as usize;
    if sizes.contains(&have) {
        each(taken);
    }
    if have == *sizes.end() {
        return;
    }
    let mut left = rest;
    while left != 0 && have + left.count_ones() as usize >= *sizes.start() {
        let item = left & left.wrapping_neg();
        left &= left - 1;
        blocks(left, taken | item, sizes.clone(), each);
    }
}
