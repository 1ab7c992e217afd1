//! Layered queueing networks (Woodside, Franks): tasks with threads on processors, entries that call one another.
//!
//! The form here is that of the LQN tools with names resolved by text. [`scenario`] maps a network: a task becomes a
//! service (threads are worker slots), a processor a shared processor, an entry an endpoint, what is drawn between
//! two calls a `work` step. A reference task becomes a service too, called by as many users as it has threads, so
//! that its own work waits for its processor like any other. Replicated tasks become that many services, wired as
//! fan-in and fan-out say; their values in the tools are those of one replica.
//!
//! Not mapped: semaphores, read-write locks, priorities, group shares, entries without phases or activities.

mod graph;
mod mapping;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use mapping::{Mapped, MappedCall, MappedEntry, scenario};

/// A network.
#[derive(Clone, Debug, Deserialize)]
pub struct Network {
    /// Its processors.
    pub processors: Vec<Processor>,
    /// Its tasks.
    pub tasks: Vec<Task>,
}

/// A number, or `inf`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Multiplicity {
    /// So many.
    Count(u32),
    /// `inf`: without limit.
    Word(String),
}

impl Multiplicity {
    /// The number; `None` is without limit.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        match self {
            Self::Count(count) => Some(*count),
            Self::Word(_) => None,
        }
    }
}

fn one() -> Multiplicity {
    Multiplicity::Count(1)
}

fn single() -> u32 {
    1
}

/// A processor.
#[derive(Clone, Debug, Deserialize)]
pub struct Processor {
    /// Name.
    pub name: String,
    /// `fcfs`, `ps` or `inf`.
    pub scheduling: String,
    /// Cores.
    #[serde(default = "one")]
    pub multiplicity: Multiplicity,
    /// Copies.
    #[serde(default = "single")]
    pub replication: u32,
}

/// A task.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    /// Name.
    pub name: String,
    /// Where it runs.
    pub processor: String,
    /// `ref`, `fcfs` or `inf`.
    pub scheduling: String,
    /// Threads; of a reference task, customers.
    #[serde(default = "one")]
    pub multiplicity: Multiplicity,
    /// Mean of a customer's exponential pause.
    #[serde(default)]
    pub think_time: f64,
    /// Copies.
    #[serde(default = "single")]
    pub replication: u32,
    /// Replicas of another task that each replica calls.
    #[serde(default)]
    pub fan_out: Vec<FanOut>,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// Its activities by name.
    #[serde(default)]
    pub activities: BTreeMap<String, Activity>,
    /// How activities follow one another.
    #[serde(default)]
    pub precedences: Vec<Precedence>,
    /// Which activities reply.
    #[serde(default)]
    pub replies: Vec<Reply>,
}

/// How many replicas of a task each replica calls.
#[derive(Clone, Debug, Deserialize)]
pub struct FanOut {
    /// The called task.
    pub dest: String,
    /// Of its replicas.
    pub value: u32,
}

/// An entry.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// Name, unique in the network.
    pub name: String,
    /// Poisson arrivals a second from outside.
    #[serde(default)]
    pub open_arrival_rate: f64,
    /// Phases, in order of their number.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// Where it goes on after phase 1.
    #[serde(default)]
    pub forwarding: Vec<Forwarding>,
    /// Its first activity, when it has no phases.
    #[serde(default)]
    pub start_activity: Option<String>,
}

/// A phase of an entry.
#[derive(Clone, Debug, Deserialize)]
pub struct Phase {
    /// 1 before the reply, larger after it.
    pub phase: u32,
    /// What it does.
    #[serde(flatten)]
    pub activity: Activity,
}

/// Work and calls.
#[derive(Clone, Debug, Deserialize)]
pub struct Activity {
    /// Mean processing time of all slices together.
    #[serde(default)]
    pub demand: f64,
    /// Squared coefficient of variation of a slice; exponential (1) unless given.
    #[serde(default)]
    pub demand_cvsq: Option<f64>,
    /// Mean of an exponential delay before each slice.
    #[serde(default)]
    pub think_time: f64,
    /// `stochastic` or `deterministic`.
    #[serde(default)]
    pub call_order: Option<String>,
    /// Its calls.
    #[serde(default)]
    pub calls: Vec<Call>,
}

/// Calls to one entry.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// `sync` or `async`.
    pub kind: String,
    /// Called entry.
    pub dest: String,
    /// Mean number, to each called replica.
    pub mean: f64,
}

/// A way to go on after phase 1.
#[derive(Clone, Debug, Deserialize)]
pub struct Forwarding {
    /// Entry.
    pub dest: String,
    /// Probability.
    pub prob: f64,
}

/// One step of the order among activities.
#[derive(Clone, Debug, Deserialize)]
pub struct Precedence {
    /// What comes before.
    pub pre: Side,
    /// What follows; nothing: the end.
    #[serde(default)]
    pub post: Option<Side>,
}

/// One side of a precedence.
#[derive(Clone, Debug, Deserialize)]
pub struct Side {
    /// `seq`, `and`, `or`, and `loop` for what follows.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its activities.
    pub activities: Vec<Member>,
    /// How many of a join are waited for.
    #[serde(default)]
    pub quorum: Option<u32>,
    /// What follows a loop.
    #[serde(default)]
    pub end: Option<String>,
}

/// An activity of a precedence.
#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    /// Name.
    pub name: String,
    /// Of an or-fork.
    #[serde(default)]
    pub prob: Option<f64>,
    /// Of a loop.
    #[serde(default)]
    pub count: Option<f64>,
}

/// Activities after which an entry's request is answered.
#[derive(Clone, Debug, Deserialize)]
pub struct Reply {
    /// Entry.
    pub entry: String,
    /// Activities.
    pub after: Vec<String>,
}

/// Why a network cannot be mapped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unmapped(pub String);
