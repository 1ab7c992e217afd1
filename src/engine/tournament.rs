//! A tournament of keys: the event list's order for what lies neither in a lane nor far ahead.
//!
//! A complete binary tree whose leaves hold the pending keys and whose inner nodes hold the lesser of their two
//! children (Knuth, The Art of Computer Programming 3, 5.4.1: a selection tree). A key that is added or taken plays its
//! matches from its leaf up to the root: which nodes those are does not depend on the other keys, so that no branch
//! depends on what nobody could predict and no load waits for a comparison. Taking the least leaves its leaf as it is
//! until the next push, which plays there: one pass for both.
//!
//! Of a key the lowest `LEAF_BITS` bits are the tournament's own: the leaf. Whom it stands for is kept beside.

use std::hint::select_unpredictable;

/// No key: larger than every key.
pub const EMPTY: u128 = u128::MAX;

/// Bits for the leaf at the low end of a key.
pub const LEAF_BITS: u32 = 24;

/// Largest number of keys.
pub const MOST: usize = 1 << LEAF_BITS;

/// See the module's text. Keys differ in the bits above the leaf's.
#[derive(Clone, Debug)]
pub struct Tournament {
    /// Node `n` has children `2n` and `2n + 1`; the second half are the leaves. Node 1, the root, lies in `root`.
    nodes: Vec<u128>,
    /// The least key, unless it was taken.
    root: u128,
    /// Whom the key at each leaf stands for.
    slots: Vec<u32>,
    /// Leaves without a key, the next to be used last.
    free: Vec<u32>,
    /// The key at the last of `free` was taken, and nothing was played there yet.
    taken: bool,
}

impl Default for Tournament {
    fn default() -> Self {
        Self {
            nodes: vec![EMPTY; 4],
            root: EMPTY,
            slots: vec![0; 2],
            free: vec![1, 0],
            taken: false,
        }
    }
}

impl Tournament {
    /// Keys held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no key can be added.
    #[inline(always)]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.slots.len() == MOST && self.free.is_empty()
    }

    /// The least key, `EMPTY` when there is none.
    #[inline(always)]
    pub fn least(&mut self) -> u128 {
        if self.taken {
            self.close();
        }
        self.root
    }

    /// Removes the least key, which `least` has just returned; returns whom it stands for.
    #[inline(always)]
    pub fn take(&mut self) -> u32 {
        debug_assert!(!self.taken && self.root != EMPTY, "there is a least key");
        let leaf = self.root as u32 & (MOST as u32 - 1);
        self.taken = true;
        self.free.push(leaf);
        self.slots[leaf as usize]
    }

    /// Adds a key, whose bits for the leaf are 0.
    #[inline(always)]
    pub fn push(&mut self, key: u128, slot: u32) {
        let leaf = self.free.pop().unwrap_or_else(|| self.grow());
        self.taken = false;
        self.slots[leaf as usize] = slot;
        self.play(leaf, key | u128::from(leaf));
    }

    /// Nothing was pushed since a key was taken: its leaf is empty.
    #[inline(never)]
    fn close(&mut self) {
        self.taken = false;
        if let Some(leaf) = self.free.last() {
            self.play(*leaf, EMPTY);
        }
    }

    /// Puts a key at a leaf and plays its matches up to the root.
    #[inline(never)]
    fn play(&mut self, leaf: u32, key: u128) {
        let (nodes, leaf) = (&mut self.nodes[..], leaf as usize);
        // Where the number of levels is known no loop is left, and with it no branch.
        let others = match nodes.len() {
            4 => play_among::<4>(nodes, leaf, key),
            8 => play_among::<8>(nodes, leaf, key),
            16 => play_among::<16>(nodes, leaf, key),
            32 => play_among::<32>(nodes, leaf, key),
            64 => play_among::<64>(nodes, leaf, key),
            128 => play_among::<128>(nodes, leaf, key),
            256 => play_among::<256>(nodes, leaf, key),
            512 => play_among::<512>(nodes, leaf, key),
            1024 => play_among::<1024>(nodes, leaf, key),
            2048 => play_among::<2048>(nodes, leaf, key),
            4096 => play_among::<4096>(nodes, leaf, key),
            8192 => play_among::<8192>(nodes, leaf, key),
            16384 => play_among::<16384>(nodes, leaf, key),
            32768 => play_among::<32768>(nodes, leaf, key),
            65536 => play_among::<65536>(nodes, leaf, key),
            131072 => play_among::<131072>(nodes, leaf, key),
            _ => play_up(nodes, leaf, key),
        };
        self.root = others;
        // It seldom is the next: a branch, so that nobody waits for a key that is still being worked out.
        if key < others {
            self.lead(key);
        }
    }

    /// This key is the least.
    #[cold]
    #[inline(never)]
    fn lead(&mut self, key: u128) {
        self.root = key;
    }

    /// Doubles the leaves; returns a free one.
    #[cold]
    fn grow(&mut self) -> u32 {
        let leaves = self.slots.len();
        assert!(leaves < MOST, "asked for room before");
        let mut nodes = vec![EMPTY; 4 * leaves];
        nodes[2 * leaves..3 * leaves].copy_from_slice(&self.nodes[leaves..]);
        for node in (1..2 * leaves).rev() {
            nodes[node] = nodes[2 * node].min(nodes[2 * node + 1]);
        }
        self.nodes = nodes;
        self.slots.resize(2 * leaves, 0);
        self.free.extend((leaves as u32..2 * leaves as u32).rev());
        self.free.pop().expect("there are new leaves")
    }
}

/// Plays from a leaf; returns the least of the others that it meets.
#[inline(always)]
fn play_up(nodes: &mut [u128], leaf: usize, key: u128) -> u128 {
    let (mut node, mut others) = (nodes.len() / 2 + leaf, EMPTY);
    while node > 1 {
        nodes[node] = lesser(key, others);
        others = lesser(nodes[node ^ 1], others);
        node >>= 1;
    }
    others
}

/// The same among a known number of nodes.
#[inline(always)]
fn play_among<const NODES: usize>(nodes: &mut [u128], leaf: usize, key: u128) -> u128 {
    let nodes: &mut [u128; NODES] = nodes.try_into().expect("it was counted");
    let first = NODES / 2 + leaf % (NODES / 2);
    let mut others = EMPTY;
    for level in 0..NODES.ilog2() - 1 {
        let node = first >> level;
        nodes[node] = select_unpredictable(key < others, key, others);
        let other = nodes[node ^ 1];
        others = select_unpredictable(other < others, other, others);
    }
    others
}

/// The lesser of two keys. By their difference: a compiler makes a branch of a comparison in a loop, which nobody could
/// predict.
#[inline(always)]
fn lesser(one: u128, other: u128) -> u128 {
    let (difference, is_less) = one.overflowing_sub(other);
    let mask = 0u64.wrapping_sub(u64::from(is_less));
    other.wrapping_add(difference & (u128::from(mask) << 64 | u128::from(mask)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::keyed::{Key, Purpose};

    const DRAW: Purpose = Purpose::new("test");

    /// The slow twin: a vector that is kept sorted.
    #[test]
    fn keys_come_out_as_from_a_sorted_list() {
        let (mut tree, mut twin) = (Tournament::default(), Vec::new());
        let mut most = 0;
        for step in 0..60_000u64 {
            let key = Key::root(3, 0, 0).nth(step);
            // Grows for a while, then shrinks to nothing, twice.
            let pushes = if step / 15_000 % 2 == 0 { 7 } else { 2 };
            if key.index(DRAW, 0, 10) < pushes {
                // A few bits of time: many keys differ in their ordinals only.
                let time = u128::from(key.bits(DRAW, 1) >> 54);
                let number = (time << 64 | u128::from(step)) << LEAF_BITS;
                tree.push(number, step as u32);
                let at = twin.partition_point(|other| *other > number);
                twin.insert(at, number);
            } else {
                let least = tree.least();
                let wanted = twin.pop();
                if let Some(wanted) = wanted {
                    assert_eq!(least >> LEAF_BITS, wanted >> LEAF_BITS);
                    assert_eq!(tree.take(), (wanted >> LEAF_BITS) as u32);
                } else {
                    assert_eq!(least, EMPTY);
                }
            }
            assert_eq!(tree.len(), twin.len());
            most = most.max(twin.len());
        }
        assert!(most > 4_000 && tree.slots.len() < 2 * most, "{most}");
    }
}
