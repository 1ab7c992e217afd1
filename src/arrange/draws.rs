//! A stream of keyed draws for one restart of one method.
//!
//! A search has no entity to key by, so its draws are the words 0, 1, 2.. of one key: the place in the
//! stream is a number that is saved with the state, and a resumed search continues as if never stopped.

use serde::{Deserialize, Serialize};

use crate::engine::{Key, Purpose};

const SEARCH: Purpose = Purpose::new("search");

/// Words of one key, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draws {
    key: u64,
    next: u64,
}

impl Draws {
    /// The stream of a seed and the ordinal of a restart.
    #[must_use]
    pub fn new(seed: u64, restart: u64) -> Self {
        Self {
            key: Key::root(seed, 0, 0).part(SEARCH_PART).nth(restart).0,
            next: 0,
        }
    }

    /// An independent stream.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self {
            key: Key(self.word()).part(SEARCH_PART).0,
            next: 0,
        }
    }

    /// The next 64-bit word.
    #[inline]
    pub fn word(&mut self) -> u64 {
        let word = Key(self.key).bits(SEARCH, self.next);
        self.next += 1;
        word
    }

    /// A number below `count`, which is at least 1.
    #[inline]
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.word()) * count as u128) >> 64) as usize
    }

    /// A uniform number strictly between 0 and 1.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        ((self.word() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A uniform permutation of 0..n (Fisher and Yates).
    #[must_use]
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for last in (1..n).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

const SEARCH_PART: u64 = crate::engine::hash64("arrange");
