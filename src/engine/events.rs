//! The event list: a tournament of keys, first-in-first-out lanes for constant delays, and a ladder for the timers of
//! very many users.
//!
//! A key is 128 bits, compared as one number: time 64 | rank 4 | sequence 36 | slot 24. The rank is the kind of
//! the event and decides among equal times; the sequence makes the rest first come, first served. A delay that
//! is the same for every use gives expiry times in order, so each such delay has a lane: a ring buffer whose
//! push and pop compare nothing. The order is that of one heap over all keys (tested against one).

use std::collections::VecDeque;

use crate::engine::heap::Heap;
use crate::engine::ladder::Ladder;
use crate::engine::tournament::{EMPTY, LEAF_BITS, Tournament};
use crate::units::{SimDuration, SimTime};

const SLOT_BITS: u32 = 24;
const SEQUENCE_BITS: u32 = 36;
const _: () = assert!(LEAF_BITS == SLOT_BITS, "a leaf takes the slot's place");

/// Largest number of slots (requests in flight, users, replicas) that a key can name.
pub const MAX_SLOTS: u64 = 1 << SLOT_BITS;

/// Lanes looked at when a head leaves; further delays go to the tournament, which is slower but orders them alike.
const MAX_LANES: usize = 16;

/// Where the next event comes from, besides the number of a lane.
const NEAR: usize = usize::MAX;
const FAR: usize = usize::MAX - 1;
const REST: usize = usize::MAX - 2;

/// A popped event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// When.
    pub time: SimTime,
    /// Kind, and order among equal times.
    pub rank: u8,
    /// Low 32 bits of its sequence number, never 0 or `u32::MAX`: what was armed under it is live if it still
    /// remembers this.
    pub sequence: u32,
    /// Whom it is for.
    pub slot: u32,
}

/// A constant delay of one rank, or a series of instants that never decrease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lane {
    /// Position among the lanes; `None` when there were too many.
    index: Option<u8>,
    delay: SimDuration,
    rank: u8,
}

impl Lane {
    /// The delay; zero for a series.
    #[inline]
    #[must_use]
    pub fn delay(self) -> SimDuration {
        self.delay
    }
}

/// Pending events.
pub struct EventList {
    near: Tournament,
    /// Delay, `None` of a series; rank; all keys but the first.
    lanes: Vec<(Option<SimDuration>, u8, VecDeque<u128>)>,
    heads: Vec<u128>,
    /// The least of the heads, and its lane.
    first: (u128, usize),
    far: Ladder,
    /// What found no place in the tournament.
    rest: Heap,
    /// Keys in `far` and `rest`.
    apart: usize,
    sequence: u64,
}

impl Default for EventList {
    fn default() -> Self {
        Self {
            near: Tournament::default(),
            lanes: Vec::new(),
            heads: Vec::new(),
            first: (EMPTY, 0),
            far: Ladder::default(),
            rest: Heap::default(),
            apart: 0,
            sequence: 0,
        }
    }
}

impl EventList {
    /// Finds or opens the lane of a constant delay.
    pub fn lane(&mut self, delay: SimDuration, rank: u8) -> Lane {
        let found = self
            .lanes
            .iter()
            .position(|lane| lane.0 == Some(delay) && lane.1 == rank);
        let index = found
            .map(|index| index as u8)
            .or_else(|| self.open(Some(delay), rank));
        Lane { index, delay, rank }
    }

    /// Opens a lane for instants of one rank that never decrease, such as arrivals.
    pub fn series(&mut self, rank: u8) -> Lane {
        Lane {
            index: self.open(None, rank),
            delay: SimDuration::ZERO,
            rank,
        }
    }

    fn open(&mut self, delay: Option<SimDuration>, rank: u8) -> Option<u8> {
        // No delay is no event as a rule: a lane would be looked at for nothing.
        if self.lanes.len() == MAX_LANES || delay == Some(SimDuration::ZERO) {
            return None;
        }
        self.lanes.push((delay, rank, VecDeque::new()));
        self.heads.push(EMPTY);
        Some(self.lanes.len() as u8 - 1)
    }

    /// Key of a new event that names nobody yet, and the low half of its sequence number.
    #[inline(always)]
    fn key(&mut self, time: SimTime, rank: u8) -> (u128, u32) {
        self.sequence += 1;
        if self.sequence as u32 == u32::MAX {
            // What is armed remembers the low 32 bits; all ones and 0 mean that nothing is.
            self.sequence += 2;
        }
        let low = u64::from(rank) << (SEQUENCE_BITS + SLOT_BITS)
            | (self.sequence & ((1 << SEQUENCE_BITS) - 1)) << SLOT_BITS;
        (
            u128::from(time.0) << 64 | u128::from(low),
            self.sequence as u32,
        )
    }

    #[inline(always)]
    fn keep(&mut self, key: u128, slot: u32) {
        if self.near.is_full() {
            self.keep_apart(key, slot);
        } else {
            self.near.push(key, slot);
        }
    }

    #[cold]
    fn keep_apart(&mut self, key: u128, slot: u32) {
        self.apart += 1;
        self.rest.push(key | u128::from(slot));
    }

    /// Adds an event; returns its sequence number (low 32 bits).
    #[inline(always)]
    pub fn push(&mut self, time: SimTime, rank: u8, slot: u32) -> u32 {
        let (key, sequence) = self.key(time, rank);
        self.keep(key, slot);
        sequence
    }

    /// Adds an event that is one of very many pending ones and lies well ahead, such as a user's return.
    #[inline]
    pub fn push_far(&mut self, time: SimTime, rank: u8, slot: u32) -> u32 {
        let (key, sequence) = self.key(time, rank);
        if self.far.push(key | u128::from(slot)) {
            self.apart += 1;
        } else {
            self.keep(key, slot);
        }
        sequence
    }

    /// Adds an event one lane's delay after `now`; to a series, at `now`: none before those that it has.
    #[inline(always)]
    pub fn push_lane(&mut self, lane: Lane, now: SimTime, slot: u32) -> u32 {
        let (key, sequence) = self.key(now + lane.delay, lane.rank);
        match lane.index {
            Some(index) => {
                let (index, key) = (usize::from(index), key | u128::from(slot));
                if self.heads[index] == EMPTY {
                    self.heads[index] = key;
                    if key < self.first.0 {
                        self.first = (key, index);
                    }
                } else {
                    self.lanes[index].2.push_back(key);
                }
            }
            None => self.keep(key, slot),
        }
        sequence
    }

    /// Drops up to two events at the head of a lane that are no longer wanted, so that a lane of timers
    /// that are nearly always cancelled stays short.
    #[inline]
    pub fn trim(&mut self, lane: Lane, is_live: impl Fn(u32, u32) -> bool) {
        let Some(index) = lane.index.map(usize::from) else {
            return;
        };
        for _ in 0..2 {
            let head = self.heads[index];
            if head == EMPTY
                || is_live(
                    head as u32 & (MAX_SLOTS as u32 - 1),
                    (head as u64 >> SLOT_BITS) as u32,
                )
            {
                return;
            }
            self.drop_head(index);
        }
    }

    /// Removes the head of a lane.
    #[inline]
    fn drop_head(&mut self, lane: usize) {
        self.heads[lane] = self.lanes[lane].2.pop_front().unwrap_or(EMPTY);
        if self.first.1 == lane {
            let mut first = (EMPTY, 0);
            for (index, head) in self.heads.iter().enumerate() {
                if *head < first.0 {
                    first = (*head, index);
                }
            }
            self.first = first;
        }
    }

    /// Removes and returns the next event before `until`.
    #[inline]
    pub fn pop_before(&mut self, until: SimTime) -> Option<Event> {
        let mut key = self.near.least();
        let mut from = NEAR;
        if self.first.0 < key {
            (key, from) = self.first;
        }
        if self.apart > 0 {
            for (other, place) in [(self.far.least(), FAR), (self.rest.least(), REST)] {
                if other < key {
                    (key, from) = (other, place);
                }
            }
        }
        if (key >> 64) as u64 >= until.0 {
            return None;
        }
        let mut event = event_of(key);
        match from {
            NEAR => event.slot = self.near.take(),
            FAR | REST => self.take_apart(from),
            lane => self.drop_head(lane),
        }
        Some(event)
    }

    #[inline]
    fn take_apart(&mut self, from: usize) {
        self.apart -= 1;
        if from == FAR {
            self.far.take();
        } else {
            self.rest.take();
        }
    }

    /// Number of pending events, cancelled ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        let lanes: usize = self.lanes.iter().map(|lane| lane.2.len()).sum();
        let heads = self.heads.iter().filter(|head| **head != EMPTY).count();
        self.near.len() + self.apart + lanes + heads
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[inline(always)]
fn event_of(key: u128) -> Event {
    let low = key as u64;
    Event {
        time: SimTime((key >> 64) as u64),
        rank: (low >> (SEQUENCE_BITS + SLOT_BITS)) as u8,
        sequence: (low >> SLOT_BITS) as u32,
        slot: low as u32 & (MAX_SLOTS as u32 - 1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use super::*;
    use crate::engine::keyed::{Key, Purpose};

    /// The same pushes and pops on the list and on one binary heap of (time, rank, push order).
    #[test]
    fn the_list_pops_in_the_order_of_one_heap() {
        const DRAW: Purpose = Purpose::new("test");
        let mut list = EventList::default();
        let mut twin = BinaryHeap::new();
        let series = list.series(3);
        let mut lanes: Vec<_> = (0..20)
            .map(|i| list.lane(SimDuration(5 + i % 18), (i % 3) as u8))
            .collect();
        lanes.push(series);
        let mut last = SimTime::ZERO;
        let mut now = SimTime::ZERO;
        let mut pushed = 0u64;
        for step in 0..40_000u64 {
            let key = Key::root(5, 0, 0).nth(step);
            if key.index(DRAW, 0, 5) < 3 {
                let slot = key.index(DRAW, 1, 1000) as u32;
                pushed += 1;
                let kind = key.index(DRAW, 2, 3);
                if kind == 0 {
                    let lane = lanes[key.index(DRAW, 3, lanes.len())];
                    let after = if lane == series {
                        // Two steps of what it has, at least now.
                        last = last.max(now + SimDuration(slot as u64 % 3));
                        last
                    } else {
                        now
                    };
                    list.push_lane(lane, after, slot);
                    twin.push(std::cmp::Reverse((
                        after + lane.delay,
                        lane.rank,
                        pushed,
                        slot,
                    )));
                } else {
                    let (time, rank) = (
                        now + SimDuration(key.index(DRAW, 3, 30) as u64),
                        key.index(DRAW, 4, 4) as u8,
                    );
                    if kind == 1 {
                        list.push(time, rank, slot);
                    } else {
                        list.push_far(time, rank, slot);
                    }
                    twin.push(std::cmp::Reverse((time, rank, pushed, slot)));
                }
            } else {
                let wanted = twin
                    .pop()
                    .map(|std::cmp::Reverse((time, rank, order, slot))| {
                        (time, rank, order as u32, slot)
                    });
                let found = list
                    .pop_before(SimTime::NEVER)
                    .map(|event| (event.time, event.rank, event.sequence, event.slot));
                assert_eq!(found, wanted);
                now = found.map_or(now, |event| event.0);
            }
            assert_eq!(list.len(), twin.len());
        }
    }

    #[test]
    fn no_sequence_looks_like_none() {
        let mut list = EventList {
            sequence: u64::from(u32::MAX) - 3,
            ..EventList::default()
        };
        let low: Vec<u32> = (0..4).map(|slot| list.push(SimTime(1), 0, slot)).collect();
        assert_eq!(low, [u32::MAX - 2, u32::MAX - 1, 1, 2]);
        let order: Vec<_> = std::iter::from_fn(|| list.pop_before(SimTime::NEVER))
            .map(|event| event.slot)
            .collect();
        assert_eq!(order, [0, 1, 2, 3]);
    }

    #[test]
    fn nothing_at_or_after_the_limit_is_popped() {
        let mut list = EventList::default();
        list.push(SimTime(10), 0, 1);
        assert_eq!(list.pop_before(SimTime(10)), None);
        assert_eq!(
            list.pop_before(SimTime(11)).map(|event| event.slot),
            Some(1)
        );
    }

    #[test]
    fn trimming_drops_only_dead_heads() {
        let mut list = EventList::default();
        let lane = list.lane(SimDuration(100), 4);
        (0..4).for_each(|slot| {
            list.push_lane(lane, SimTime(u64::from(slot)), slot);
        });
        list.trim(lane, |slot, _| slot != 0);
        assert_eq!(
            list.pop_before(SimTime::NEVER).map(|event| event.slot),
            Some(1)
        );
    }
}
