//! Upstream's sampling of nodes on large clusters: enough feasible nodes are enough.

/// Below this many nodes all are looked at.
const ALWAYS_ALL: usize = 100;

/// How many feasible nodes are looked for among `nodes`: all below 100; else 50 per cent less one for each
/// 125 nodes, at least 5 per cent and at least 100. Source: upstream's `numFeasibleNodesToFind` with
/// `percentageOfNodesToScore` 0 (adaptive).
#[must_use]
pub fn nodes_to_find(nodes: usize) -> usize {
    if nodes < ALWAYS_ALL {
        return nodes;
    }
    let percentage = 50_usize.saturating_sub(nodes / 125).max(5);
    (nodes * percentage / 100).max(ALWAYS_ALL)
}

#[cfg(test)]
mod tests {
    use super::nodes_to_find;

    #[test]
    fn large_clusters_are_sampled_as_upstream_does() {
        // 99: all. 1,000: 50 - 8 = 42 %. 5,000: 50 - 40 = 10 %. 6,000: 5 % at least (50 - 48 = 2).
        assert_eq!(
            [99, 1_000, 5_000, 6_000].map(nodes_to_find),
            [99, 420, 500, 300]
        );
        // 200: 49 % is 98, but never fewer than 100.
        assert_eq!([100, 200].map(nodes_to_find), [100, 100]);
    }
}
