//! A bucketed list for very many pending events that lie far ahead: the timers of a million users.
//!
//! After the ladder queue (Tang, Goh, Thng 2005): what lies beyond all buckets waits unsorted at the top; a rung
//! spreads the earliest part over buckets of equal width; the bucket whose turn it is is sorted by the full key.
//! Each key is touched a constant number of times on average, and keys come out in the order of one heap.

use crate::engine::heap::EMPTY;

/// Buckets of a rung at most.
const BUCKETS: usize = 1 << 14;
/// Keys wanted in a bucket, on average.
const PER_BUCKET: usize = 16;
/// A bucket with more keys than this is spread over a rung of its own.
const CROWDED: usize = 1 << 10;
/// Rungs at most: a bucket on the last one is sorted however crowded it is.
const RUNGS: usize = 4;

/// A stretch of time cut into buckets of `2^shift` nanoseconds.
#[derive(Debug, Default)]
struct Rung {
    start: u64,
    shift: u32,
    /// The next bucket to open.
    next: usize,
    /// Buckets of this stretch; the vector may be longer.
    count: usize,
    buckets: Vec<Vec<u128>>,
}

/// See the module's text. The upper 64 bits of a key are its time.
#[derive(Debug, Default)]
pub struct Ladder {
    /// The bucket whose turn it is, the least key last.
    bottom: Vec<u128>,
    /// Everything before this time is in `bottom` (or was refused by `push`).
    opened: u64,
    rungs: Vec<Rung>,
    top: Vec<u128>,
    spare: Vec<Vec<Vec<u128>>>,
    length: usize,
}

fn time_of(key: u128) -> u64 {
    (key >> 64) as u64
}

impl Ladder {
    /// Keys held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The least key, `EMPTY` when there is none.
    #[inline]
    pub fn least(&mut self) -> u128 {
        if self.length == 0 {
            return EMPTY;
        }
        if self.bottom.is_empty() {
            // Not before it is asked: what is pushed until then is spread all at once.
            self.open();
        }
        self.bottom.last().copied().unwrap_or(EMPTY)
    }

    /// Adds a key unless it belongs into the bucket that is open: then the caller keeps it in its heap.
    #[inline]
    pub fn push(&mut self, key: u128) -> bool {
        let time = time_of(key);
        if time < self.opened {
            return false;
        }
        self.length += 1;
        for rung in self.rungs.iter_mut().rev() {
            let bucket = (time.saturating_sub(rung.start) >> rung.shift) as usize;
            if bucket < rung.count {
                rung.buckets[bucket].push(key);
                return true;
            }
        }
        self.top.push(key);
        true
    }

    /// Removes the least key, which `least` has just returned.
    #[inline]
    pub fn take(&mut self) {
        self.bottom.pop();
        self.length -= 1;
    }

    /// Opens the next bucket that is not empty.
    #[cold]
    fn open(&mut self) {
        loop {
            let level = self.rungs.len();
            let Some(rung) = self.rungs.last_mut() else {
                if self.top.is_empty() {
                    return;
                }
                let mut top = std::mem::take(&mut self.top);
                let (first, last) = top.iter().fold((u64::MAX, 0), |ends, key| {
                    (ends.0.min(time_of(*key)), ends.1.max(time_of(*key)))
                });
                self.spread(first, last, &mut top);
                self.top = top;
                continue;
            };
            while rung.next < rung.count && rung.buckets[rung.next].is_empty() {
                rung.next += 1;
            }
            if rung.next == rung.count {
                let rung = self.rungs.pop().expect("it was just looked at");
                self.spare.push(rung.buckets);
                continue;
            }
            let start = rung.start + ((rung.next as u64) << rung.shift);
            let last = start.saturating_add((1 << rung.shift) - 1);
            let index = rung.next;
            rung.next += 1;
            if rung.buckets[index].len() > CROWDED && level < RUNGS && rung.shift > 0 {
                let mut bucket = std::mem::take(&mut rung.buckets[index]);
                self.spread(start, last, &mut bucket);
                self.rungs[level - 1].buckets[index] = bucket;
                continue;
            }
            std::mem::swap(&mut self.bottom, &mut rung.buckets[index]);
            self.bottom.sort_unstable_by(|a, b| b.cmp(a));
            self.opened = last.saturating_add(1);
            return;
        }
    }

    /// Adds a rung over the times from `first` to `last` and moves these keys into it.
    fn spread(&mut self, first: u64, last: u64, keys: &mut Vec<u128>) {
        let wanted = (keys.len() / PER_BUCKET).clamp(1, BUCKETS) as u64;
        let span = last - first;
        let mut shift = 0;
        while span >> shift >= wanted && shift < 63 {
            shift += 1;
        }
        let count = (span >> shift) as usize + 1;
        let mut buckets = self.spare.pop().unwrap_or_default();
        if buckets.len() < count {
            buckets.resize_with(count, Vec::new);
        }
        for key in keys.drain(..) {
            buckets[((time_of(key) - first) >> shift) as usize].push(key);
        }
        self.rungs.push(Rung {
            start: first,
            shift,
            next: 0,
            count,
            buckets,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::heap::Heap;
    use crate::engine::keyed::{Key, Purpose};

    const DRAW: Purpose = Purpose::new("test");

    /// Users who come back after a think time, on a ladder beside a heap and on one heap: the same keys.
    fn check(users: u64, pops: u64, think: impl Fn(Key) -> u64) {
        let (mut ladder, mut beside, mut twin) =
            (Ladder::default(), Heap::default(), Heap::default());
        let mut ordinal = 0u128;
        let mut push = |at: u64, ladder: &mut Ladder, beside: &mut Heap, twin: &mut Heap| {
            ordinal += 1;
            let key = u128::from(at) << 64 | ordinal;
            if !ladder.push(key) {
                beside.push(key);
            }
            twin.push(key);
        };
        for user in 0..users {
            let at = think(Key::root(1, 0, 0).nth(user));
            push(at, &mut ladder, &mut beside, &mut twin);
        }
        for step in 0..pops {
            let wanted = twin.pop();
            let far = ladder.least();
            let found = if far < beside.least() {
                ladder.take();
                far
            } else {
                beside.pop()
            };
            assert_eq!(found, wanted, "pop {step}");
            assert_eq!(ladder.len() + beside.len(), twin.len());
            if found == EMPTY {
                return;
            }
            let key = Key::root(2, 0, 0).nth(step);
            if key.index(DRAW, 9, 100) > 0 {
                let at = time_of(found) + think(key);
                push(at, &mut ladder, &mut beside, &mut twin);
            }
        }
    }

    #[test]
    fn users_who_think_for_seconds_come_back_in_the_order_of_one_heap() {
        check(20_000, 120_000, |key| {
            1_000_000_000 + key.index(DRAW, 0, 9_000_000_000) as u64
        });
    }

    #[test]
    fn so_do_users_who_think_equally_long_or_not_at_all() {
        check(3_000, 30_000, |_| 5_000_000_000);
        check(300, 3_000, |_| 0);
    }

    #[test]
    fn so_do_a_few_who_stay_away_for_years() {
        check(5_000, 50_000, |key| match key.index(DRAW, 0, 20) {
            0 => key.bits(DRAW, 1) >> 8,
            _ => key.index(DRAW, 1, 1000) as u64,
        });
    }

    #[test]
    fn a_ladder_that_ran_empty_starts_again() {
        check(10, 40_000, |key| key.index(DRAW, 0, 50) as u64);
        check(1, 10_000, |key| key.index(DRAW, 0, 50) as u64);
    }
}
