//! `spectral`: the order of the Fiedler vector.

use super::Strategy;
use crate::plan::KnownWorld;
use crate::plan::pack::Packing;

/// Rounds of the power iteration.
const ROUNDS: usize = 2_000;

/// See the module.
pub(super) static SPECTRAL: Strategy = Strategy {
    name: "spectral",
    definition: "by the Fiedler vector of the graph weighted with calls a second, component after component",
    good_when: "the graph is long and thin; a good start for local search at any size",
    reference: "Juvan and Mohar 1992; Petit 2003: nearly as good as annealing in far less time",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| Ok(order(known)),
};

fn order(known: &KnownWorld) -> Vec<usize> {
    let graph = &known.graph;
    let names = known.groups_by_name();
    let mut seen = vec![false; graph.len()];
    let mut order = Vec::with_capacity(graph.len());
    for start in names.iter().copied() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut part = vec![start];
        let mut next = 0;
        while let Some(group) = part.get(next).copied() {
            next += 1;
            for (other, weight) in &graph.neighbours[group] {
                if *weight > 0.0 && !seen[*other] {
                    seen[*other] = true;
                    part.push(*other);
                }
            }
        }
        part.sort_by(|a, b| known.groups[*a].name.cmp(&known.groups[*b].name));
        order.extend(by_fiedler(known, &part));
    }
    order
}

/// Power iteration on `c I - L`, orthogonal to the constant vector; `c` is above twice the largest degree.
fn by_fiedler(known: &KnownWorld, part: &[usize]) -> Vec<usize> {
    let graph = &known.graph;
    let mut place = vec![usize::MAX; graph.len()];
    for (at, group) in part.iter().enumerate() {
        place[*group] = at;
    }
    let degree: Vec<f64> = part.iter().map(|group| graph.total(*group)).collect();
    let shift = 2.0 * degree.iter().copied().fold(0.0, f64::max) + 1e-12;
    // A start without symmetry: positions by name.
    let n = part.len();
    let mut vector: Vec<f64> = (0..n)
        .map(|at| (at as f64 + 0.5) / n as f64 - 0.5)
        .collect();
    let mut next = vec![0.0; n];
    for _ in 0..ROUNDS {
        for (at, group) in part.iter().enumerate() {
            let around: f64 = graph.neighbours[*group]
                .iter()
                .filter(|(other, _)| place[*other] != usize::MAX)
                .map(|(other, weight)| weight * vector[place[*other]])
                .sum();
            next[at] = (shift - degree[at]) * vector[at] + around;
        }
        let mean = next.iter().sum::<f64>() / n as f64;
        let norm = next
            .iter()
            .map(|x| (x - mean) * (x - mean))
            .sum::<f64>()
            .sqrt();
        if norm <= 0.0 {
            break;
        }
        let mut moved = 0.0_f64;
        for (old, new) in vector.iter_mut().zip(&next) {
            let new = (new - mean) / norm;
            moved = moved.max((new - *old).abs());
            *old = new;
        }
        if moved < 1e-10 {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| vector[*a].total_cmp(&vector[*b]));
    let mut order: Vec<usize> = order.into_iter().map(|at| part[at]).collect();
    // Of the two directions the one that begins with less traffic: it shortens the first, riskiest split.
    let reversed: Vec<usize> = order.iter().rev().copied().collect();
    let begins = |order: &[usize]| graph.total(order[0]);
    if begins(&reversed) < begins(&order) {
        order = reversed;
    }
    order
}
