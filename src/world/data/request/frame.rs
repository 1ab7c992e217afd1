//! The records of what is in flight: user actions, attempts of calls, parallel branches, in one slab.
//!
//! A frame is one cache line and holds only what an ordinary call touches. What few frames need (loop counters,
//! a back-off) lies in a `Cold` record by the same slot, which exists from its first use until the frame is
//! freed: a frame that never asks for one neither writes nor reads it.

use crate::engine::Key;
use crate::units::{SimDuration, SimTime};
use crate::world::contract::Outcome;

/// No frame.
pub const NIL: u32 = u32::MAX;

/// What a frame stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// A user action: runs a journey's steps at the users' place.
    Action,
    /// One attempt of a call.
    Request,
    /// A branch of a `parallel` step of its parent.
    Branch,
    /// Stands between its parent and the branches of a `parallel` step that need not all be waited for.
    Join,
}

/// Where a frame is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Waits for a connection, or for its set-up.
    Connecting,
    /// On the way to its replica.
    Travelling,
    /// Waits for a worker slot.
    Queued,
    /// Has a slot and is about to run.
    Admitted,
    /// On the processor (or waiting for it).
    Working,
    /// In a `wait` step.
    Waiting,
    /// Waits for the reply to a call.
    Calling,
    /// Waits to retry a call.
    BackingOff,
    /// Waits for its branches.
    Joining,
    /// Its reply is on the way back.
    Replying,
    /// Its program is over; branches that were not waited for still keep its slot.
    Lingering,
    /// Its replica was stopped under it: its caller was told, what comes back to it is dropped.
    Gone,
    /// The slot is free.
    Free,
}

/// Yes-or-no facts of a frame, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    /// A branch failed.
    pub const FAILED: Self = Self(1);
    /// A replica counts it among its outstanding attempts.
    pub const OUTSTANDING: Self = Self(2);
    /// It has spans.
    pub const TRACED: Self = Self(8);
    /// Its cold record is in use.
    const COLD: Self = Self(4);
    /// A fallback took the place of a call below.
    pub const DEGRADED: Self = Self(64);
    /// Request: its caller has the answer, or another endpoint gives it; what it does now is second-phase work.
    /// Join: what waited for it has gone on; its other branches are stragglers.
    pub const SETTLED: Self = Self(16);
    /// Request: nobody waits for it by design.
    pub const ASYNC: Self = Self(32);
    /// Request: its end is no ordinary one: it is settled, or stragglers keep its slot.
    pub const DETACHED: Self = Self(128);

    /// What the short ways do not know.
    pub const UNUSUAL: Self = Self(!Self::OUTSTANDING.0 & !Self::FAILED.0 & !Self::DEGRADED.0);

    /// Whether this fact holds.
    #[inline]
    pub fn has(self, fact: Self) -> bool {
        self.0 & fact.0 != 0
    }

    /// Either of two facts.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Makes this fact hold.
    #[inline]
    pub fn set(&mut self, fact: Self) {
        self.0 |= fact.0;
    }

    /// Makes this fact not hold.
    #[inline]
    pub fn clear(&mut self, fact: Self) {
        self.0 &= !fact.0;
    }
}

/// See the module's text. Ids are slots of the slab.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Frame {
    /// What its draws are keyed by.
    pub key: Key,
    /// Action: when issued. Request: when it arrived at its replica. Branch: its neighbours, where they are needed.
    pub since: SimTime,
    /// Demand of the current `work` step.
    pub demand: SimDuration,
    /// Who waits for it; `NIL` when nobody does (an action, or the caller gave up).
    pub parent: u32,
    /// Queued: the next in the queue. Calling: the attempt it waits for. Working: the sequence of the event
    /// that ends its work, when it has one of its own. Waiting: the sequence of the event that ends it. Joining: its
    /// first branch, where branches must be found. Else `NIL`.
    pub link: u32,
    /// Request: sequence of its try timer. 0: none.
    pub try_timer: u32,
    /// Waiter: sequence of the timer over all tries of its current call. 0: none.
    pub call_timer: u32,
    /// Position in the program's operations.
    pub pc: u32,
    /// Request: the call site it was called by.
    pub site: u32,
    /// Waiter: the call site of its current call.
    pub calling: u32,
    /// Request: its replica (also of branches, for the caller's cluster); action: index of the user.
    pub home: u32,
    /// Branches that have not ended.
    pub pending: u16,
    /// Place: 0 users, else cluster + 1.
    pub place: u8,
    /// Waiter: tries of the current call that failed. Working: its place on a timed processor.
    pub tries: u8,
    /// Kind.
    pub kind: FrameKind,
    /// State.
    pub state: State,
    /// How it ends or ended.
    pub outcome: Outcome,
    /// Facts.
    pub flags: Flags,
}

const _: () = assert!(size_of::<Frame>() == 64, "a frame is one cache line");

/// What few frames need; see the module's text.
#[derive(Clone, Debug, Default)]
pub struct Cold {
    /// Loop counters and limits.
    pub loops: [(u32, u32); 3],
    /// Waiter: sequence of the back-off that ends, or of the next hedge. 0: none.
    pub backoff: u32,
    /// Waiter: one more than its managed call. 0: none.
    pub managed: u32,
    /// Join: successes that are still needed.
    pub needed: u32,
    /// Request: joins whose stragglers keep its slot.
    pub stragglers: u32,
    /// Request: one more than its connection. 0: none.
    pub connection: u32,
    /// Request over a connection: the place of its caller.
    pub from: u8,
}

impl Frame {
    /// A frame that has just been made.
    #[inline]
    pub fn new(kind: FrameKind, key: Key, parent: u32, pc: u32, now: SimTime) -> Self {
        Self {
            key,
            since: now,
            demand: SimDuration::ZERO,
            parent,
            link: NIL,
            try_timer: 0,
            call_timer: 0,
            pc,
            site: NIL,
            calling: NIL,
            home: NIL,
            pending: 0,
            place: 0,
            tries: 0,
            kind,
            state: State::Travelling,
            outcome: Outcome::Ok,
            flags: Flags::default(),
        }
    }

    /// Branch: those before and after it among the branches of its parent.
    pub fn neighbours(&self) -> (u32, u32) {
        ((self.since.0 >> 32) as u32, self.since.0 as u32)
    }

    /// Branch: sets its neighbours.
    pub fn set_neighbours(&mut self, before: u32, after: u32) {
        self.since = SimTime(u64::from(before) << 32 | u64::from(after));
    }

    /// Makes a copy of a frame into a bare message: no timers, no attempt, no cold record.
    pub fn become_messenger(&mut self) {
        (self.try_timer, self.call_timer, self.link) = (0, 0, NIL);
        self.flags.clear(Flags::COLD);
    }
}

/// Frames in flight; freed slots are used again.
#[derive(Default)]
pub struct Slab {
    frames: Vec<Frame>,
    /// By slot, as far as any was asked for.
    cold: Vec<Cold>,
    free: Vec<u32>,
}

impl Slab {
    /// Stores a frame; returns its slot.
    #[inline(always)]
    pub fn insert(&mut self, frame: Frame) -> u32 {
        debug_assert!(!frame.flags.has(Flags::COLD), "a new frame has no past");
        let slot = self.claim();
        self.frames[slot as usize] = frame;
        slot
    }

    /// A free slot, which the caller stores a frame in.
    #[inline(always)]
    pub fn claim(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| self.grow())
    }

    /// A slot that was never used.
    #[cold]
    fn grow(&mut self) -> u32 {
        let unused = Frame::new(FrameKind::Action, Key(0), NIL, 0, SimTime::ZERO);
        self.frames.push(unused);
        (self.frames.len() - 1) as u32
    }

    /// Frees a slot; what still refers to its timers no longer matches.
    #[inline]
    pub fn remove(&mut self, slot: u32) {
        let frame = &mut self.frames[slot as usize];
        (frame.try_timer, frame.call_timer) = (0, 0);
        frame.state = State::Free;
        if frame.flags.has(Flags::COLD) {
            self.forget_cold(slot);
        }
        self.free.push(slot);
    }

    /// Frees a slot without a cold record.
    #[inline(always)]
    pub fn remove_usual(&mut self, slot: u32) {
        let frame = &mut self.frames[slot as usize];
        debug_assert!(!frame.flags.has(Flags::COLD));
        (frame.try_timer, frame.call_timer) = (0, 0);
        frame.state = State::Free;
        self.free.push(slot);
    }

    #[cold]
    fn forget_cold(&mut self, slot: u32) {
        self.frames[slot as usize].flags.clear(Flags::COLD);
        self.cold[slot as usize] = Cold::default();
    }

    /// The cold record of a frame, if it has one.
    #[inline]
    pub fn cold(&self, slot: u32) -> Option<&Cold> {
        self.frames[slot as usize]
            .flags
            .has(Flags::COLD)
            .then(|| &self.cold[slot as usize])
    }

    /// The cold record of a frame, which it has from now on.
    #[inline]
    pub fn cold_mut(&mut self, slot: u32) -> &mut Cold {
        let index = slot as usize;
        if self.cold.len() <= index {
            self.cold.resize_with(self.frames.len(), Cold::default);
        }
        self.frames[index].flags.set(Flags::COLD);
        &mut self.cold[index]
    }

    /// Ordinal of the pass through all loops around a frame's current operation.
    #[inline]
    pub fn repeat(&self, slot: u32) -> u64 {
        self.cold(slot).map_or(0, |cold| {
            (u64::from(cold.loops[2].0) << 40)
                | (u64::from(cold.loops[1].0) << 20)
                | u64::from(cold.loops[0].0)
        })
    }

    /// Moves a cold record, if there is one, to a frame that has none.
    pub fn move_cold(&mut self, from: u32, to: u32) {
        if self.frames[from as usize].flags.has(Flags::COLD) {
            *self.cold_mut(to) = self.cold[from as usize].clone();
            self.forget_cold(from);
        }
    }

    /// Gives the branches and joins of one frame another parent. Looks at every frame.
    pub fn adopt(&mut self, from: u32, to: u32) {
        for frame in &mut self.frames {
            let inner = matches!(frame.kind, FrameKind::Branch | FrameKind::Join);
            if inner && frame.parent == from && frame.state != State::Free {
                frame.parent = to;
            }
        }
    }

    /// Number of frames in flight.
    #[inline]
    pub fn live(&self) -> usize {
        self.frames.len() - self.free.len()
    }

    /// Slots ever used.
    pub fn slots(&self) -> usize {
        self.frames.len()
    }
}

impl std::ops::Index<u32> for Slab {
    type Output = Frame;
    #[inline]
    fn index(&self, slot: u32) -> &Frame {
        &self.frames[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Slab {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Frame {
        &mut self.frames[slot as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_used_again_has_no_cold_past() {
        let mut slab = Slab::default();
        let frame = || Frame::new(FrameKind::Action, Key(1), NIL, 0, SimTime::ZERO);
        let slot = slab.insert(frame());
        assert!(slab.cold(slot).is_none());
        slab.cold_mut(slot).loops[0] = (3, 5);
        assert_eq!(slab.repeat(slot), 3);
        slab.remove(slot);
        assert_eq!(slab.insert(frame()), slot);
        assert_eq!(slab.repeat(slot), 0);
        assert_eq!(slab.cold_mut(slot).loops[0], (0, 0));
    }
}
