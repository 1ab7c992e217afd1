//! The records of what is in flight: user actions, attempts of calls, parallel branches, in one slab.

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
}

/// Where a frame is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// On the way to its replica.
    Travelling,
    /// Waits for a worker slot.
    Queued,
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
    /// Its replica was stopped under it: its caller was told, what comes back to it is dropped.
    Gone,
    /// The slot is free.
    Free,
}

/// See the module's text. Ids are slots of the slab.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What its draws are keyed by.
    pub key: Key,
    /// Action: when issued. Request: when it arrived at its replica.
    pub since: SimTime,
    /// Who waits for it; `NIL` when nobody does (an action, or the caller gave up).
    pub parent: u32,
    /// Next in a queue of frames.
    pub next: u32,
    /// Request: sequence of its try timer. 0: none.
    pub try_timer: u32,
    /// Waiter: sequence of the timer over all tries of its current call. 0: none.
    pub call_timer: u32,
    /// Waiter: sequence of the back-off that ends. 0: none.
    pub backoff: u32,
    /// Waiter: the attempt it waits for.
    pub child: u32,
    /// Position in the program's operations.
    pub pc: u32,
    /// Request: the call site it was called by.
    pub site: u32,
    /// Waiter: the call site of its current call.
    pub calling: u32,
    /// Request: its replica (also of branches, for the caller's cluster); action: index of the user.
    pub home: u32,
    /// Demand of the current `work` step.
    pub demand: SimDuration,
    /// Loop counters and limits.
    pub loops: [(u32, u32); 3],
    /// Branches that have not ended.
    pub pending: u16,
    /// Place: 0 users, else cluster + 1.
    pub place: u8,
    /// Waiter: tries of the current call that failed.
    pub tries: u8,
    /// Kind.
    pub kind: FrameKind,
    /// State.
    pub state: State,
    /// How it ends or ended.
    pub outcome: Outcome,
    /// A branch failed.
    pub failed: bool,
    /// Whether a replica counts it among its outstanding attempts.
    pub outstanding: bool,
}

impl Frame {
    /// A frame that has just been made.
    pub fn new(kind: FrameKind, key: Key, parent: u32, pc: u32, now: SimTime) -> Self {
        Self {
            key,
            since: now,
            parent,
            next: NIL,
            try_timer: 0,
            call_timer: 0,
            backoff: 0,
            child: NIL,
            pc,
            site: NIL,
            calling: NIL,
            home: NIL,
            demand: SimDuration::ZERO,
            loops: [(0, 0); 3],
            pending: 0,
            place: 0,
            tries: 0,
            kind,
            state: State::Travelling,
            outcome: Outcome::Ok,
            failed: false,
            outstanding: false,
        }
    }

    /// Ordinal of the pass through all loops around the current operation.
    #[inline]
    pub fn repeat(&self) -> u64 {
        (u64::from(self.loops[2].0) << 40)
            | (u64::from(self.loops[1].0) << 20)
            | u64::from(self.loops[0].0)
    }
}

/// Frames in flight; freed slots are used again.
#[derive(Default)]
pub struct Slab {
    frames: Vec<Frame>,
    free: Vec<u32>,
}

impl Slab {
    /// Stores a frame; returns its slot.
    #[inline]
    pub fn insert(&mut self, frame: Frame) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.frames[slot as usize] = frame;
            return slot;
        }
        self.frames.push(frame);
        (self.frames.len() - 1) as u32
    }

    /// Frees a slot; what still refers to its timers no longer matches.
    #[inline]
    pub fn remove(&mut self, slot: u32) {
        let frame = &mut self.frames[slot as usize];
        (frame.try_timer, frame.call_timer, frame.backoff) = (0, 0, 0);
        frame.state = State::Free;
        self.free.push(slot);
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
