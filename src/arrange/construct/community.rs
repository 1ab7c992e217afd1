//! Communities by modularity (Blondel et al. 2008, first phase and aggregation), then community after community.

use crate::arrange::graph::Graph;
use crate::arrange::problem::Problem;

use super::greedy::greedy;
use super::topological::repair;

/// Passes over all nodes at one level at most; each pass that moves a node raises modularity.
const PASSES: usize = 50;

/// Community of each node, numbered by their smallest node.
#[must_use]
pub fn communities(graph: &Graph) -> Vec<u32> {
    let mut label: Vec<u32> = (0..graph.nodes() as u32).collect();
    let mut level = graph.clone();
    // Weight inside the nodes of a level: loops count for modularity though they never cross a cut.
    let mut inside = vec![0.0; graph.nodes()];
    loop {
        let moved = local_moves(&level, &inside);
        let (part, parts) = renumber(&moved);
        if parts == level.nodes() {
            return renumber(&label).0;
        }
        for node in &mut label {
            *node = part[*node as usize];
        }
        let mut within = vec![0.0; parts];
        for (node, weight) in inside.iter().enumerate() {
            within[part[node] as usize] += weight;
        }
        for (a, b, weight) in level.edges() {
            if part[a] == part[b] {
                within[part[a] as usize] += 2.0 * weight;
            }
        }
        level = level.contract(&part, parts);
        inside = within;
    }
}

/// Moves nodes to the neighbouring community of largest modularity gain until none gains.
fn local_moves(graph: &Graph, inside: &[f64]) -> Vec<u32> {
    let n = graph.nodes();
    let strength: Vec<f64> = (0..n)
        .map(|node| graph.strength(node) + inside[node])
        .collect();
    let all: f64 = strength.iter().sum();
    let mut community: Vec<u32> = (0..n as u32).collect();
    let mut sizes = strength.clone();
    if all <= 0.0 {
        return community;
    }
    let mut towards = vec![0.0; n];
    for _ in 0..PASSES {
        let mut moves = 0;
        for node in 0..n {
            let own = community[node] as usize;
            let mut near = vec![own];
            for (other, weight) in graph.neighbours(node) {
                let there = community[other] as usize;
                if towards[there] == 0.0 && there != own {
                    near.push(there);
                }
                towards[there] += weight;
            }
            sizes[own] -= strength[node];
            let gain = |there: usize| towards[there] - sizes[there] * strength[node] / all;
            let mut best = own;
            for &there in &near {
                // A margin, so that rounding cannot make two communities swap for ever.
                if gain(there) > gain(best) + 1e-9 * all {
                    best = there;
                }
            }
            sizes[best] += strength[node];
            community[node] = best as u32;
            moves += usize::from(best != own);
            for there in near {
                towards[there] = 0.0;
            }
        }
        if moves == 0 {
            break;
        }
    }
    community
}

fn renumber(label: &[u32]) -> (Vec<u32>, usize) {
    let mut number = vec![u32::MAX; label.len()];
    let mut count = 0;
    let renumbered = label
        .iter()
        .map(|&old| {
            let slot = &mut number[old as usize];
            if *slot == u32::MAX {
                *slot = count;
                count += 1;
            }
            *slot
        })
        .collect();
    (renumbered, count as usize)
}

/// Community after community, the communities in greedy order, greedy inside each given all that moved before.
#[must_use]
pub fn community(problem: &Problem) -> Vec<u32> {
    let part = communities(&problem.graph);
    let parts = part.iter().max().map_or(0, |&last| last as usize + 1);
    let mut whole = Problem::unit(problem.graph.contract(&part, parts));
    for (item, &number) in part.iter().enumerate() {
        whole.drift[number as usize] += problem.drift[item];
    }
    let mut rank = vec![0u32; parts];
    for (place, &number) in greedy(&whole).iter().enumerate() {
        rank[number as usize] = place as u32;
    }
    let graph = &problem.graph;
    let mut added: Vec<f64> = (0..problem.items())
        .map(|item| graph.strength(item) - problem.drift[item])
        .collect();
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); parts];
    for (item, &number) in part.iter().enumerate() {
        members[rank[number as usize] as usize].push(item);
    }
    let mut order = Vec::with_capacity(problem.items());
    for mut rest in members {
        while !rest.is_empty() {
            let mut best = 0;
            for index in 1..rest.len() {
                if added[rest[index]] < added[rest[best]] {
                    best = index;
                }
            }
            let item = rest.remove(best);
            order.push(item as u32);
            for (other, weight) in graph.neighbours(item) {
                added[other] -= 2.0 * weight;
            }
        }
    }
    repair(problem, &order)
}
