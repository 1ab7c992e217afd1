//! Changes of an order: a group to another place, a pair swapped, a block moved, a group beside its neighbour.

use crate::engine::keyed::{Key, Purpose};
use crate::plan::KnownWorld;

const MOVE: Purpose = Purpose::new("search move");

/// Draws of one climb, counted.
pub struct Draws {
    key: Key,
    next: u64,
}

impl Draws {
    /// Draws of the climb with that number.
    #[must_use]
    pub fn new(seed: u64, climb: u32) -> Self {
        Self {
            key: Key::root(seed, 7, climb),
            next: 0,
        }
    }

    /// An independent stream.
    #[must_use]
    pub fn split(&mut self) -> Self {
        self.next += 1;
        Self {
            key: self.key.nth(self.next),
            next: 0,
        }
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        self.next += 1;
        self.key.index(MOVE, self.next, count)
    }

    /// A number between 0 and 1.
    pub fn uniform(&mut self) -> f64 {
        self.next += 1;
        self.key.uniform(MOVE, self.next)
    }
}

/// A changed copy of an order: half the time one group elsewhere, a fifth a swap, a fifth beside a neighbour in the
/// traffic, a tenth a block of up to six.
#[must_use]
pub fn changed(known: &KnownWorld, order: &[usize], draws: &mut Draws) -> Vec<usize> {
    let n = order.len();
    let mut next = order.to_vec();
    if n < 2 {
        return next;
    }
    match draws.below(10) {
        0..=4 => {
            let group = next.remove(draws.below(n));
            next.insert(draws.below(n), group);
        }
        5 | 6 => next.swap(draws.below(n), draws.below(n)),
        7 | 8 => {
            let group = next[draws.below(n)];
            let around = &known.graph.neighbours[group];
            if let Some((other, _)) = around.get(draws.below(around.len().max(1))) {
                let from = next.iter().position(|one| *one == group);
                if let Some(from) = from {
                    next.remove(from);
                }
                let at = next.iter().position(|one| one == other).unwrap_or(0);
                next.insert(at + draws.below(2), group);
            }
        }
        _ => {
            let length = 2 + draws.below(5.min(n - 1));
            let from = draws.below(n - length.min(n - 1));
            let length = length.min(n - from);
            let block: Vec<usize> = next.drain(from..from + length).collect();
            let at = draws.below(next.len() + 1);
            next.splice(at..at, block);
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::{Draws, changed};
    use crate::plan::KnownWorld;
    use crate::plan::sample::world;

    #[test]
    fn a_changed_order_is_an_order_of_the_same_groups() {
        let scenario = world(
            &["a", "b", "c", "d", "e", "f", "g"],
            &[(0, 1, 1.0), (1, 2, 1.0), (0, 3, 2.0), (3, 4, 1.0)],
        );
        let known = KnownWorld::new(&scenario).expect("a migration");
        let mut draws = Draws::new(3, 0);
        let mut order: Vec<usize> = (0..7).collect();
        let mut differs = 0;
        for _ in 0..2_000 {
            let next = changed(&known, &order, &mut draws);
            let mut sorted = next.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..7).collect::<Vec<_>>());
            differs += u32::from(next != order);
            order = next;
        }
        assert!(differs > 1_200, "most changes change something: {differs}");
    }
}
