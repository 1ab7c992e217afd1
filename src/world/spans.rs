//! Spans: what a traced request did, where and when.
//!
//! A user action is traced when a keyed hash of it falls below the wanted share, so that the same actions are
//! traced whatever the plan. Its spans are a tree: the action, each attempt of a call as its caller saw it, the
//! request as its replica served it, and the branches of a `parallel`.

use crate::units::{
    ClusterId, EdgeId, EndpointId, JourneyId, LoadId, ReplicaId, SimDuration, SimTime,
};
use crate::world::contract::Outcome;

/// What a span stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpanKind {
    /// A user action, from its issue to its end.
    Action {
        /// Its load.
        load: LoadId,
        /// Its journey.
        journey: JourneyId,
        /// User or arrival.
        user: u64,
        /// Action of that user.
        ordinal: u32,
    },
    /// One attempt of a call, from its sending to its end for the caller.
    Call {
        /// Caller-callee pair.
        edge: EdgeId,
        /// Whom.
        endpoint: EndpointId,
        /// 0 for the first try.
        attempt: u8,
    },
    /// A request at its replica, from its arrival to its reply.
    Served {
        /// Whose.
        endpoint: EndpointId,
        /// Where.
        cluster: ClusterId,
        /// By whom.
        replica: ReplicaId,
    },
    /// A branch of a `parallel`.
    Branch,
}

/// One span that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The action's key: the same for all spans of one action.
    pub trace: u64,
    /// Unique within the trace.
    pub id: u64,
    /// The span within which this one was begun; 0 for the action.
    pub parent: u64,
    /// What it stands for.
    pub kind: SpanKind,
    /// When it began.
    pub start: SimTime,
    /// When it ended.
    pub end: SimTime,
    /// How it ended.
    pub outcome: Outcome,
    /// Waiting for a worker slot (served requests).
    pub queued: SimDuration,
    /// On the processor, or waiting for it.
    pub working: SimDuration,
    /// Processor time asked for, at nominal speed.
    pub demand: SimDuration,
    /// In `wait` steps.
    pub waiting: SimDuration,
}
