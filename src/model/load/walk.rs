//! A Markov graph of actions: what a user does next depends on what it did last.

use crate::queueing::visits;
use crate::units::JourneyId;

/// Actions as nodes; the chances of a row add to 1, what is left over leaves.
#[derive(Clone, PartialEq, Debug)]
pub struct Walk {
    /// Journey of each node.
    pub nodes: Vec<JourneyId>,
    /// First node, with its chance.
    pub start: Vec<(usize, f64)>,
    /// By node: the next node with its chance.
    pub next: Vec<Vec<(usize, f64)>>,
}

impl Walk {
    /// First node for a uniform in (0, 1).
    #[must_use]
    pub fn first(&self, uniform: f64) -> usize {
        let last = self.start.last().map_or(0, |entry| entry.0);
        pick(&self.start, uniform).unwrap_or(last)
    }

    /// Node after `node` for a uniform in (0, 1); `None` leaves.
    #[must_use]
    pub fn after(&self, node: usize, uniform: f64) -> Option<usize> {
        pick(&self.next[node], uniform)
    }

    /// Expected visits to each node from the start until the user leaves: start (I - P)^-1, the fundamental matrix
    /// of the absorbing chain (Kemeny and Snell 1960). Infinite where a user never leaves.
    #[must_use]
    pub fn visits(&self) -> Vec<f64> {
        let mut entries = vec![0.0; self.nodes.len()];
        for (node, chance) in &self.start {
            entries[*node] += chance;
        }
        let moves: Vec<(usize, usize, f64)> = self
            .next
            .iter()
            .enumerate()
            .flat_map(|(from, row)| row.iter().map(move |(to, chance)| (from, *to, *chance)))
            .collect();
        visits(&entries, &moves, self.nodes.len())
    }
}

fn pick(row: &[(usize, f64)], uniform: f64) -> Option<usize> {
    let mut reached = 0.0;
    for (node, chance) in row {
        reached += chance;
        // Chances that are meant to add to 1 may miss it by rounding.
        if uniform < reached || (reached > 1.0 - 1e-12 && uniform >= 1.0 - 1e-12) {
            return Some(*node);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_visits_are_those_of_the_fundamental_matrix() {
        // Browse repeats with 1/2, buys with 1/4, else leaves; buying goes back to browse with 1/3.
        // v_b = 1 + v_b/2 + v_y/3, v_y = v_b/4: v_b (1 - 1/2 - 1/12) = 1, v_b = 12/5, v_y = 3/5.
        let walk = Walk {
            nodes: vec![JourneyId(0), JourneyId(1)],
            start: vec![(0, 1.0)],
            next: vec![vec![(0, 0.5), (1, 0.25)], vec![(0, 1.0 / 3.0)]],
        };
        let found = walk.visits();
        assert!((found[0] - 2.4).abs() < 1e-12 && (found[1] - 0.6).abs() < 1e-12);
        assert_eq!(walk.first(0.7), 0);
        assert_eq!(
            [0.1, 0.6, 0.8].map(|uniform| walk.after(0, uniform)),
            [Some(0), Some(1), None]
        );
    }

    #[test]
    fn who_never_leaves_has_endless_visits() {
        let walk = Walk {
            nodes: vec![JourneyId(0)],
            start: vec![(0, 1.0)],
            next: vec![vec![(0, 1.0)]],
        };
        assert_eq!(walk.visits(), [f64::INFINITY]);
    }
}
