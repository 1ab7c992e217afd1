//! A 4-ary heap of 128-bit keys, least first, whose root may be a hole.
//!
//! The four children of a node lie in one cache line, padded with the largest key, so that a step down compares
//! four keys without asking how many there are. Taking the root leaves a hole: the next push fills it in one pass
//! from the top, which saves a pass from the bottom.

use std::hint::select_unpredictable;

/// No key: larger than every key.
pub const EMPTY: u128 = u128::MAX;

/// Children of one node, in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Family([u128; 4]);

const NOBODY: Family = Family([EMPTY; 4]);

/// See the module's text. Equal keys come out in any order; callers make keys unique.
#[derive(Clone, Debug)]
pub struct Heap {
    root: u128,
    /// Children of node `n` (0 is the root, then in order of this vector).
    families: Vec<Family>,
    /// Keys held, the hole counted.
    length: usize,
    /// The root was taken and its place not filled yet.
    hole: bool,
}

impl Default for Heap {
    fn default() -> Self {
        Self {
            root: EMPTY,
            families: Vec::new(),
            length: 0,
            hole: false,
        }
    }
}

impl Heap {
    /// Keys held.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.length - usize::from(self.hole)
    }

    /// Whether nothing is held.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The least key, `EMPTY` when there is none.
    #[inline(always)]
    pub fn least(&mut self) -> u128 {
        if self.hole {
            self.close();
        }
        self.root
    }

    /// Removes the least key, which `least` has just returned.
    #[inline]
    pub fn take(&mut self) {
        debug_assert!(!self.hole && self.length > 0, "there is a root to take");
        self.hole = true;
    }

    /// Removes and returns the least key, `EMPTY` when there is none.
    #[inline]
    pub fn pop(&mut self) -> u128 {
        let least = self.least();
        if least != EMPTY {
            self.hole = true;
        }
        least
    }

    /// Adds a key below `EMPTY`.
    #[inline]
    pub fn push(&mut self, key: u128) {
        if self.hole {
            self.hole = false;
            self.sift_down(key);
            return;
        }
        let mut node = self.length;
        self.length += 1;
        if node == 0 {
            self.root = key;
            return;
        }
        if (node - 1) / 4 == self.families.len() {
            self.families.push(NOBODY);
        }
        while node > 0 {
            let parent = (node - 1) / 4;
            let above = self.at(parent);
            if above <= key {
                break;
            }
            self.set(node, above);
            node = parent;
        }
        self.set(node, key);
    }

    /// Removes everything and keeps the room.
    pub fn clear(&mut self) {
        *self = Self {
            families: std::mem::take(&mut self.families),
            ..Self::default()
        };
        self.families.fill(NOBODY);
    }

    /// All keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = u128> {
        let root = (!self.hole).then_some(self.root);
        root.into_iter()
            .chain(self.families.iter().flat_map(|family| family.0))
            .filter(|key| *key != EMPTY)
    }

    #[inline]
    fn at(&self, node: usize) -> u128 {
        match node.checked_sub(1) {
            None => self.root,
            Some(child) => self.families[child / 4].0[child % 4],
        }
    }

    #[inline]
    fn set(&mut self, node: usize, key: u128) {
        match node.checked_sub(1) {
            None => self.root = key,
            Some(child) => self.families[child / 4].0[child % 4] = key,
        }
    }

    /// Fills the hole with the last key.
    #[inline(never)]
    fn close(&mut self) {
        self.hole = false;
        self.length -= 1;
        if self.length == 0 {
            self.root = EMPTY;
            return;
        }
        let last = self.at(self.length);
        self.set(self.length, EMPTY);
        self.sift_down(last);
    }

    /// Places `key` from the root downwards.
    #[inline]
    fn sift_down(&mut self, key: u128) {
        let families = &mut self.families[..];
        let Some((least, place)) = families.first().map(Family::least) else {
            self.root = key;
            return;
        };
        if least >= key {
            self.root = key;
            return;
        }
        self.root = least;
        let (mut family, mut place) = (0, place & 3);
        loop {
            let below = 4 * family + 1 + place;
            let Some((least, next)) = families.get(below).map(Family::least) else {
                break;
            };
            if least >= key {
                break;
            }
            families[family].0[place] = least;
            (family, place) = (below, next & 3);
        }
        families[family].0[place] = key;
    }
}

impl Family {
    /// The least of the four and its place. Two matches and a final: no branch depends on the keys, which nobody
    /// could predict.
    #[inline(always)]
    fn least(&self) -> (u128, usize) {
        let [a, b, c, d] = self.0;
        let (second, fourth) = (b < a, d < c);
        let left = select_unpredictable(second, b, a);
        let right = select_unpredictable(fourth, d, c);
        let of_right = right < left;
        let place =
            2 * usize::from(of_right) + usize::from((of_right & fourth) | (!of_right & second));
        (select_unpredictable(of_right, right, left), place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::keyed::{Key, Purpose};

    const DRAW: Purpose = Purpose::new("test");

    /// The slow twin: a vector that is sorted before each look.
    #[test]
    fn keys_come_out_as_from_a_sorted_list() {
        let (mut heap, mut twin) = (Heap::default(), Vec::new());
        for step in 0..60_000u64 {
            let key = Key::root(3, 0, 0).nth(step);
            // Grows for a while, then shrinks to nothing, twice.
            let pushes = if step / 15_000 % 2 == 0 { 7 } else { 2 };
            if key.index(DRAW, 0, 10) < pushes {
                let number = u128::from(key.bits(DRAW, 1)) << 40 | u128::from(step);
                heap.push(number);
                let at = twin.partition_point(|other| *other > number);
                twin.insert(at, number);
            } else if key.index(DRAW, 2, 2) == 0 {
                assert_eq!(heap.least(), twin.last().copied().unwrap_or(EMPTY));
                assert_eq!(heap.pop(), twin.pop().unwrap_or(EMPTY));
            } else {
                assert_eq!(heap.pop(), twin.pop().unwrap_or(EMPTY));
            }
            assert_eq!(heap.len(), twin.len());
        }
        let mut keys: Vec<_> = heap.keys().collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(keys, twin);
        heap.clear();
        assert_eq!((heap.len(), heap.least()), (0, EMPTY));
    }
}
