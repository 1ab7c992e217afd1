//! Cut tree (Gomory and Hu 1961, built as Gusfield 1990) by Dinic's maximum flow.
//!
//! Adolphson and Hu (1973): the n - 1 cuts of any order, sorted, are each at least the sorted values of the tree, so
//! their sum is a bound of minimum linear arrangement, reached when the tree is a path in order.

use std::collections::VecDeque;

use crate::arrange::graph::Graph;
use crate::arrange::problem::Problem;

/// A cut tree and what it bounds.
#[derive(Clone, PartialEq, Debug)]
pub struct GomoryHu {
    /// Parent of each node in the tree (node 0 is the root and its own).
    pub parent: Vec<u32>,
    /// Minimum cut between a node and its parent.
    pub cut: Vec<f64>,
    /// Bound of the sum: tree values against the durations between switchovers, largest value to shortest time.
    pub sum: f64,
    /// Largest value: bound of the peak.
    pub largest: f64,
}

/// The cut tree of the traffic.
#[must_use]
pub fn gomory_hu(problem: &Problem) -> GomoryHu {
    let graph = &problem.graph;
    let n = graph.nodes();
    let mut flow = Flow::new(graph);
    let mut parent = vec![0u32; n];
    let mut cut = vec![0.0; n];
    for node in 1..n {
        let other = parent[node] as usize;
        cut[node] = flow.maximum(node, other);
        let rest = parent.iter_mut().zip(&flow.level).skip(node + 1);
        for (parent, _) in rest.filter(|(parent, level)| **parent as usize == other && **level >= 0)
        {
            *parent = node as u32;
        }
    }
    let mut values: Vec<f64> = cut.iter().skip(1).copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let mut durations = problem.durations.clone();
    durations.sort_by(f64::total_cmp);
    let sum = values
        .iter()
        .enumerate()
        .map(|(rank, value)| value * interval(&durations, rank))
        .sum();
    GomoryHu {
        parent,
        cut,
        sum,
        largest: values.first().copied().unwrap_or(0.0),
    }
}

/// The nodes on the source's side of a minimum cut between two nodes: the smallest such set.
///
/// # Panics
/// When the two are the same node.
#[must_use]
pub fn source_side(graph: &Graph, source: usize, sink: usize) -> Vec<bool> {
    assert_ne!(source, sink, "a cut is between two nodes");
    let mut flow = Flow::new(graph);
    flow.maximum(source, sink);
    flow.level.iter().map(|level| *level >= 0).collect()
}

/// A lower bound on the `rank`-th smallest time between neighbouring switchovers: `rank + 1` neighbouring pairs
/// cover `rank + 2` items at least, the longest of which is no shorter than the `rank + 2`-nd shortest item.
fn interval(durations: &[f64], rank: usize) -> f64 {
    (durations[0] + durations[rank + 1]) / 2.0
}

/// Maximum flow on an undirected graph.
struct Flow {
    offsets: Vec<usize>,
    targets: Vec<usize>,
    twin: Vec<usize>,
    capacity: Vec<f64>,
    left: Vec<f64>,
    /// Distance from the source in the residual graph after a run; negative where the source does not reach.
    level: Vec<i32>,
    next: Vec<usize>,
    tiny: f64,
}

impl Flow {
    fn new(graph: &Graph) -> Self {
        let n = graph.nodes();
        let mut offsets = vec![0; n + 1];
        let (mut targets, mut capacity) = (Vec::new(), Vec::new());
        for node in 0..n {
            for (other, weight) in graph.neighbours(node) {
                targets.push(other);
                capacity.push(weight);
            }
            offsets[node + 1] = targets.len();
        }
        let mut twin = vec![0; targets.len()];
        let mut seen = offsets.clone();
        // Rows are sorted, so the k-th time that a node is met as a target is its k-th neighbour.
        for node in 0..n {
            for edge in offsets[node]..offsets[node + 1] {
                let other = targets[edge];
                twin[edge] = seen[other];
                seen[other] += 1;
            }
        }
        Self {
            left: capacity.clone(),
            tiny: 1e-12 * capacity.iter().copied().fold(0.0, f64::max),
            offsets,
            targets,
            twin,
            capacity,
            level: vec![-1; n],
            next: vec![0; n],
        }
    }

    /// Dinic: blocking flows on layered graphs.
    fn maximum(&mut self, source: usize, sink: usize) -> f64 {
        self.left.copy_from_slice(&self.capacity);
        let mut total = 0.0;
        while self.layers(source, sink) {
            self.next.copy_from_slice(&self.offsets[..self.level.len()]);
            loop {
                let pushed = self.path(source, sink);
                if pushed <= self.tiny {
                    break;
                }
                total += pushed;
            }
        }
        total
    }

    fn layers(&mut self, source: usize, sink: usize) -> bool {
        self.level.fill(-1);
        self.level[source] = 0;
        let mut queue = VecDeque::from([source]);
        while let Some(node) = queue.pop_front() {
            for edge in self.offsets[node]..self.offsets[node + 1] {
                let other = self.targets[edge];
                if self.left[edge] > self.tiny && self.level[other] < 0 {
                    self.level[other] = self.level[node] + 1;
                    queue.push_back(other);
                }
            }
        }
        self.level[sink] >= 0
    }

    /// One augmenting path of the layered graph, without recursion; 0 when there is none left.
    fn path(&mut self, source: usize, sink: usize) -> f64 {
        let mut edges: Vec<usize> = Vec::new();
        let mut node = source;
        while node != sink {
            if self.next[node] < self.offsets[node + 1] {
                let edge = self.next[node];
                let other = self.targets[edge];
                if self.left[edge] > self.tiny && self.level[other] == self.level[node] + 1 {
                    edges.push(edge);
                    node = other;
                } else {
                    self.next[node] += 1;
                }
            } else if let Some(edge) = edges.pop() {
                node = self.targets[self.twin[edge]];
                self.next[node] += 1;
            } else {
                return 0.0;
            }
        }
        let pushed = edges
            .iter()
            .map(|&edge| self.left[edge])
            .fold(f64::INFINITY, f64::min);
        for edge in edges {
            self.left[edge] -= pushed;
            self.left[self.twin[edge]] += pushed;
        }
        pushed
    }
}
