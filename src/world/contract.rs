//! What passes between the control plane and a data plane: a closed list (`docs/planes.md`).
//!
//! Neither side reads the other's state. Station arrays are indexed `service * clusters + cluster`.

use serde::{Deserialize, Serialize};

use crate::model::{Answer, LinkFault, RetryOn, RoutingMode, Warmup};
use crate::sketch::{JourneySketch, LatencySketch};
use crate::units::{ClusterId, JourneyId, LoadId, ReplicaId, ServiceId, SimDuration, SimTime};

/// How an attempt or a user action ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Outcome {
    /// Answered.
    Ok,
    /// Answered with an error (its own, or a callee's).
    Error,
    /// The caller gave up.
    Timeout,
    /// Refused: the waiting room was full.
    Shed,
    /// No ready replica was listed.
    NoReadyReplica,
    /// The replica was gone when the request arrived.
    Unreachable,
    /// The replica was stopped while it worked on it.
    Killed,
    /// Answered by a fallback, its own or a callee's.
    Degraded,
    /// The caller's side refused it: a breaker's limit was reached.
    CircuitOpen,
    /// The work was stopped because its caller had given up or another try had answered.
    Cancelled,
    /// Refused: writes were frozen for a switch-over.
    WriteFrozen,
}

/// Number of outcomes.
pub const OUTCOMES: usize = 11;

impl Outcome {
    /// All, in order of their number.
    pub const ALL: [Self; OUTCOMES] = [
        Self::Ok,
        Self::Error,
        Self::Timeout,
        Self::Shed,
        Self::NoReadyReplica,
        Self::Unreachable,
        Self::Killed,
        Self::Degraded,
        Self::CircuitOpen,
        Self::Cancelled,
        Self::WriteFrozen,
    ];

    /// Name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        [
            "ok",
            "error",
            "timeout",
            "shed",
            "no ready replica",
            "unreachable",
            "killed",
            "degraded",
            "circuit open",
            "cancelled",
            "write frozen",
        ][self as usize]
    }

    /// Whether a rule retries it. What the caller's own side refused or stopped is never retried.
    #[must_use]
    pub fn is_retried(self, when: RetryOn) -> bool {
        match self {
            Self::Ok | Self::Degraded | Self::CircuitOpen | Self::Cancelled => false,
            Self::Timeout => when.timeout,
            Self::Shed => when.shed,
            Self::Error
            | Self::NoReadyReplica
            | Self::Unreachable
            | Self::Killed
            | Self::WriteFrozen => when.error,
        }
    }

    /// What it means to who asked: answered, answered by a fallback, or not.
    #[must_use]
    pub fn answer(self) -> Answer {
        match self {
            Self::Ok => Answer::Ok,
            Self::Degraded => Answer::Degraded,
            _ => Answer::Failed,
        }
    }
}

/// From the control plane to the data plane.
#[derive(Clone, Debug)]
pub enum Command {
    /// A new replica; not listed yet. Ids count up from 0 without holes.
    AddReplica {
        replica: ReplicaId,
        service: ServiceId,
        cluster: ClusterId,
        speed: f64,
        warmup: Option<Warmup>,
    },
    /// The replica accepts requests from now on (warming starts).
    Ready { replica: ReplicaId },
    /// Callers may choose the replica.
    List { replica: ReplicaId },
    /// Callers no longer choose it.
    Delist { replica: ReplicaId },
    /// Node speed or contention: processing rate relative to nominal, besides warming.
    SetRate { replica: ReplicaId, speed: f64 },
    /// Finishes what it started, refuses what comes later; `Notice::Drained` when idle.
    Drain { replica: ReplicaId },
    /// Stops at once: what it holds ends as `Killed`. Also removes a drained replica.
    Kill { replica: ReplicaId },
    /// Its machine is gone: what it holds ends as `Killed` and it accepts nothing, but callers go on choosing it
    /// until `Delist`. `Kill` removes it later.
    Crash { replica: ReplicaId },
    /// Chance that a request at it fails after its work, besides its endpoint's own errors.
    SetErrors { replica: ReplicaId, ratio: f64 },
    /// What is wrong with a hop (a position in `Links::table`) from now on; `LinkFault::NONE` puts it right.
    SetLink { hop: usize, state: LinkFault },
    /// Share `weight` of `service` is served by the target; `callers_share` is the `a` of `model::routing`.
    SetRouting {
        service: ServiceId,
        mode: RoutingMode,
        weight: f64,
        callers_share: f64,
    },
}

/// From the data plane to the control plane, at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A draining replica is idle.
    Drained { replica: ReplicaId },
    /// A replica's requests in flight took more memory than it may have: it was stopped, as by `Crash`.
    OutOfMemory { replica: ReplicaId },
}

/// Why a data plane cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// More requests in flight than `run.limits.inFlight`.
    #[error(
        "{in_flight} requests are in flight at {at:?}, the limit is {limit}: `run.limits.inFlight`"
    )]
    InFlight {
        at: SimTime,
        in_flight: u64,
        limit: u64,
    },
    /// More events than `run.limits.events`.
    #[error("{events} events were handled by {at:?}: `run.limits.events`")]
    Events { at: SimTime, events: u64 },
    /// Simulated time stands still.
    #[error("time stands still at {at:?}: calls without any delay go round between {services}")]
    ZeroDelayLoop { at: SimTime, services: String },
}

/// One service in one cluster over an interval. Attempts are attributed to the callee's side.
#[derive(Clone, Debug, Default)]
pub struct StationSeen {
    /// Attempts that ended, by `Outcome as usize`, as their callers saw them.
    pub ended: [u64; OUTCOMES],
    /// Calls that nobody waits for, sent to it: a ledger of their own.
    pub async_sent: u64,
    /// Of these, those that ended, by `Outcome as usize`; a call that is handed on ends where it is answered.
    pub async_ended: [u64; OUTCOMES],
    /// Attempts that reached a replica.
    pub arrived: u64,
    /// CPU time used, nanoseconds.
    pub cpu_ns: u64,
    /// Looks into its caches.
    pub cache_looks: u64,
    /// Of these, hits.
    pub cache_hits: u64,
    /// Connections that its replicas accepted.
    pub connections_opened: u64,
    /// Connections that they refused: too many, or no longer there.
    pub connections_refused: u64,
    /// CPU time used for callers that had given up, nanoseconds.
    pub wasted_cpu_ns: u64,
    /// Integral of requests at the replicas (queued or in a slot), request-seconds.
    pub in_flight_seconds: f64,
    /// From arrival at the replica to the reply's departure, ok and error replies.
    pub latency: LatencySketch,
}

impl StationSeen {
    /// Adds what was seen in another part of the interval, but for its CPU time.
    pub fn add_all_but_cpu(&mut self, other: &Self) {
        for (sum, count) in self.ended.iter_mut().zip(other.ended) {
            *sum += count;
        }
        self.async_sent += other.async_sent;
        for (sum, count) in self.async_ended.iter_mut().zip(other.async_ended) {
            *sum += count;
        }
        self.arrived += other.arrived;
        self.cache_looks += other.cache_looks;
        self.cache_hits += other.cache_hits;
        self.wasted_cpu_ns += other.wasted_cpu_ns;
        self.in_flight_seconds += other.in_flight_seconds;
        self.latency.merge(&other.latency);
    }
}

/// One replica over an interval, when asked.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaSeen {
    /// Which.
    pub replica: ReplicaId,
    /// CPU time used, nanoseconds.
    pub cpu_ns: u64,
    /// Requests at it now.
    pub in_flight: u32,
}

/// One caller-callee pair (`Scenario::edges`) over an interval. Places: 0 users, then clusters.
#[derive(Clone, Debug, Default)]
pub struct EdgeSeen {
    /// Attempts by `from place * (clusters + 1) + to place`.
    pub calls: Vec<u64>,
    /// Request bytes that way plus reply bytes the other way are both counted here, by the byte's own direction.
    pub bytes: Vec<u64>,
}

/// Actions of one load on one journey that ended in an interval; indexed `load * journeys + journey`.
#[derive(Clone, Debug, Default)]
pub struct ActionsSeen {
    /// By `Outcome as usize`.
    pub ended: [u64; OUTCOMES],
    /// That met every objective.
    pub good: u64,
    /// That met each objective, in the order of `Journey::slo`.
    pub objectives_met: Vec<u64>,
    /// Issued.
    pub issued: u64,
    /// To their end, any outcome.
    pub latency: JourneySketch,
}

/// One user action, for matching with the twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionRecord {
    /// Its load.
    pub load: LoadId,
    /// Its journey.
    pub journey: JourneyId,
    /// User (closed) or arrival (open) ordinal.
    pub user: u64,
    /// Action ordinal of that user; 0 for open load.
    pub ordinal: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was issued.
    pub issued: SimTime,
    /// When it ended.
    pub ended: SimTime,
    /// The user left because of it: it was slow, or one failure too many.
    pub left: bool,
}

/// What a pulse has to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Stations whose CPU time is asked for, in order.
    pub cpu: &'a [u32],
    /// Those of them of which everything is asked for, in order.
    pub all: &'a [u32],
    /// How users' actions ended.
    pub actions: bool,
}

/// What a data plane saw since the last `observe`.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// A full look. A pulse has what was `Asked` for and is empty else: the rest is kept for the next full look, which
    /// has what no pulse has shown.
    pub full: bool,
    /// Stations of which a pulse tells something, in order.
    pub shown: Vec<u32>,
    /// Start of the interval.
    pub start: SimTime,
    /// End of the interval.
    pub end: SimTime,
    /// By `service * clusters + cluster`.
    pub stations: Vec<StationSeen>,
    /// Live replicas, in order of their id.
    pub replicas: Vec<ReplicaSeen>,
    /// By edge.
    pub edges: Vec<EdgeSeen>,
    /// By `load * journeys + journey`.
    pub actions: Vec<ActionsSeen>,
    /// In order of their end, when records were asked for at construction (never by the flow plane).
    pub records: Vec<ActionRecord>,
}

/// How far `advance` came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advanced {
    /// Now: the asked instant, or earlier when a notice needs the control plane.
    pub now: SimTime,
    /// The notice.
    pub notice: Option<Notice>,
}

/// A data plane.
pub trait DataPlane {
    /// Plays everything before `until`; returns early at a notice.
    ///
    /// # Errors
    /// A limit was reached, or time stands still.
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop>;

    /// Carries out one command now.
    fn command(&mut self, command: Command);

    /// Moves what was seen since the last call into `seen` (its buffers are reused; sketches swapped).
    fn observe(&mut self, seen: &mut Seen);

    /// The same as a pulse, where a full look would cost more; a plane may always look in full. The next full look
    /// has what was shown of stations of which everything was asked for, too, but for their CPU time.
    fn pulse(&mut self, seen: &mut Seen, _asked: Asked<'_>) {
        self.observe(seen);
    }

    /// Events handled so far (0 for the flow plane).
    fn events(&self) -> u64;
}

/// What a data plane is made from, besides the scenario.
#[derive(Clone, Copy, Debug)]
pub struct Luck {
    /// `run.seed`.
    pub seed: u64,
    /// Number of the replication, from 0.
    pub replication: u32,
    /// Stage of the experiment: 0 main, 1 confirmation.
    pub stage: u32,
}

/// Longest interval between two looks at the data plane: the metrics resolution bounds it from above.
pub const LOOK: SimDuration = SimDuration::from_secs(15);
