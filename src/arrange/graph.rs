//! A weighted undirected graph in compressed rows.

/// Undirected graph: both directions of an edge are stored, parallel edges are merged, loops dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    offsets: Vec<u32>,
    targets: Vec<u32>,
    weights: Vec<f64>,
    strengths: Vec<f64>,
    total: f64,
}

impl Graph {
    /// Graph of `nodes` nodes. Weights of the same pair add; an edge of a node with itself never crosses a
    /// cut and is dropped.
    ///
    /// # Panics
    /// When an end is not below `nodes`.
    #[must_use]
    pub fn new(nodes: usize, edges: &[(u32, u32, f64)]) -> Self {
        let mut both: Vec<(u32, u32, f64)> = Vec::with_capacity(edges.len() * 2);
        for &(a, b, weight) in edges {
            assert!(
                (a as usize) < nodes && (b as usize) < nodes,
                "an edge joins nodes of the graph"
            );
            if a != b {
                both.push((a, b, weight));
                both.push((b, a, weight));
            }
        }
        // A stable sort keeps the order of parallel edges, so sums are the same on every machine.
        both.sort_by_key(|&(a, b, _)| (a, b));
        let mut graph = Self {
            offsets: vec![0; nodes + 1],
            targets: Vec::with_capacity(both.len()),
            weights: Vec::with_capacity(both.len()),
            strengths: vec![0.0; nodes],
            total: 0.0,
        };
        let mut last = None;
        for (a, b, weight) in both {
            if last == Some((a, b)) {
                *graph.weights.last_mut().expect("an edge came before") += weight;
            } else {
                graph.targets.push(b);
                graph.weights.push(weight);
                graph.offsets[a as usize + 1] += 1;
                last = Some((a, b));
            }
        }
        for node in 0..nodes {
            graph.offsets[node + 1] += graph.offsets[node];
        }
        for node in 0..nodes {
            graph.strengths[node] = graph.neighbours(node).map(|(_, weight)| weight).sum();
        }
        graph.total = graph.edges().map(|(_, _, weight)| weight).sum();
        graph
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.strengths.len()
    }

    /// Number of joined pairs.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.targets.len() / 2
    }

    /// Sum of all weights, each pair once.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Number of neighbours.
    #[inline]
    #[must_use]
    pub fn degree(&self, node: usize) -> usize {
        (self.offsets[node + 1] - self.offsets[node]) as usize
    }

    /// Sum of the weights at a node.
    #[inline]
    #[must_use]
    pub fn strength(&self, node: usize) -> f64 {
        self.strengths[node]
    }

    /// Neighbours of a node with the weights, in increasing order.
    #[inline]
    pub fn neighbours(&self, node: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.offsets[node] as usize..self.offsets[node + 1] as usize;
        self.targets[range.clone()]
            .iter()
            .zip(&self.weights[range])
            .map(|(&target, &weight)| (target as usize, weight))
    }

    /// The `index`-th neighbour of a node.
    #[inline]
    #[must_use]
    pub fn neighbour(&self, node: usize, index: usize) -> usize {
        self.targets[self.offsets[node] as usize + index] as usize
    }

    /// Pairs (smaller, larger, weight) in increasing order.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        (0..self.nodes()).flat_map(move |a| {
            self.neighbours(a)
                .filter(move |&(b, _)| a < b)
                .map(move |(b, weight)| (a, b, weight))
        })
    }

    /// Weight between two nodes, 0 when they are not joined.
    #[must_use]
    pub fn weight(&self, a: usize, b: usize) -> f64 {
        let range = self.offsets[a] as usize..self.offsets[a + 1] as usize;
        self.targets[range.clone()]
            .binary_search(&(b as u32))
            .map_or(0.0, |at| self.weights[range.start + at])
    }

    /// Connected component of each node, numbered by their smallest node.
    #[must_use]
    pub fn components(&self) -> Vec<u32> {
        let mut component = vec![u32::MAX; self.nodes()];
        let mut count = 0;
        for start in 0..self.nodes() {
            if component[start] != u32::MAX {
                continue;
            }
            let mut open = vec![start];
            component[start] = count;
            while let Some(node) = open.pop() {
                for (next, _) in self.neighbours(node) {
                    if component[next] == u32::MAX {
                        component[next] = count;
                        open.push(next);
                    }
                }
            }
            count += 1;
        }
        component
    }

    /// The graph whose nodes are sets of this one's: `part[node]` is a number below `parts`.
    #[must_use]
    pub fn contract(&self, part: &[u32], parts: usize) -> Self {
        let edges: Vec<_> = self
            .edges()
            .map(|(a, b, weight)| (part[a], part[b], weight))
            .collect();
        Self::new(parts, &edges)
    }
}
