//! The narrow door through which a world tells what happens.

use serde::{Deserialize, Serialize};

use crate::units::{ServiceId, SimDuration, SimTime, WaveId, WorkId};
use crate::world::contract::Seen;

/// State of a service in a cluster as the control plane knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReplicaCounts {
    /// Wished for.
    pub desired: u32,
    /// Ready.
    pub ready: u32,
    /// Without a node.
    pub pending: u32,
}

/// The control plane's state at the end of an interval.
#[derive(Clone, Debug, Default)]
pub struct ControlSeen {
    /// By `service * clusters + cluster`.
    pub replicas: Vec<ReplicaCounts>,
    /// Whether they differ from those of the interval before.
    pub changed: bool,
    /// Share of each service served by the target.
    pub weights: Vec<f64>,
    /// Nodes held (paid for) in each cluster.
    pub nodes: Vec<u32>,
    /// Cost of nodes so far in each cluster, in the scenario's currency.
    pub node_cost: Vec<f64>,
    /// CPU of all nodes that are held, millicores, by cluster; `None`: unlimited.
    pub allocatable: Vec<Option<u64>>,
    /// Waves in progress.
    pub active_waves: Vec<WaveId>,
    /// By source of jobs or environments.
    pub work: Vec<WorkTotals>,
}

/// What jobs or environments of one source have held since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkTotals {
    /// Time integral of those that have come and not gone.
    pub alive_seconds: f64,
    /// Time integral of the cores that their pods asked for while they had a node.
    pub core_seconds: f64,
    /// Their pods' share of the price of their nodes, half by CPU and half by memory.
    pub cost: f64,
    /// CPU-seconds of work that was lost with its pod.
    pub lost_seconds: f64,
}

/// Something happened to one job or environment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkRecord {
    /// Whose it is.
    pub source: WorkId,
    /// What.
    pub note: WorkNote,
}

/// What can happen to a job or an environment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WorkNote {
    /// It came.
    Arrived,
    /// All pods of a task, or of an environment, have their nodes, so long after they were asked for.
    Room { wait: SimDuration, gang: bool },
    /// All pods of an environment were ready, so long after its creation.
    Ready { after: SimDuration },
    /// The instant came at which a job was due.
    Due { missed: bool },
    /// A job's last task ended, or an environment was torn down; `late`: past the instant at which it was due (0 when
    /// in time); `served`: an environment was ready at some time, a job always.
    Ended {
        after: SimDuration,
        late: Option<SimDuration>,
        served: bool,
        is_job: bool,
    },
}

/// What happened in the programme.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A wave began.
    WaveStarted,
    /// A wave ended: all its members are decommissioned or back.
    WaveFinished,
    /// Target replicas are being made.
    PrepareStarted,
    /// The first weight is about to be set.
    ShiftStarted,
    /// A weight was set (`value`).
    WeightSet,
    /// A gate opened its window.
    GateStarted,
    /// It passed.
    GatePassed,
    /// It failed (`detail` names the condition and both numbers).
    GateFailed,
    /// Too few requests, or a metric was absent.
    GateInconclusive,
    /// Weights go back to zero.
    RollbackStarted,
    /// The target replicas are gone.
    RolledBack,
    /// All traffic is on the target.
    SoakStarted,
    /// Source replicas are being stopped.
    DecommissionStarted,
    /// The service runs on the target only.
    Decommissioned,
    /// A running step waits for a window or a freeze to end.
    HoldStarted,
    /// It goes on.
    HoldEnded,
    /// A pod fits no node (`detail` is the reason).
    PodPending,
    /// Pods have nodes, and a limit of the cluster holds their start up (`detail` names it).
    StartsHeld,
    /// The autoscaler chose another number (`value`).
    Scaled,
    /// A new version of a service is rolled out (`value` is its number).
    DeployStarted,
    /// A pod's process ended by itself (`detail` says why).
    PodCrashed,
    /// A pod made room for another, or its node is emptied.
    PodEvicted,
    /// The autoscaler of nodes asks for some (`value`).
    NodesAdded,
    /// It gives some back (`value`).
    NodesRemoved,
    /// Pods wait and no pool can grow (`detail` says why).
    NodesShort,
    /// A fault begins.
    FaultStarted,
    /// A fault is over.
    FaultEnded,
    /// The programme stopped.
    ProgrammeStopped,
}

/// One entry of the programme's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgrammeEvent {
    /// When.
    pub at: SimTime,
    /// What.
    pub kind: EventKind,
    /// Which wave, if it belongs to one.
    pub wave: Option<WaveId>,
    /// Which service, if about one.
    pub service: Option<ServiceId>,
    /// Weight (0 to 1) or replicas.
    pub value: Option<f64>,
    /// In words, for people.
    pub detail: String,
}

/// What one look through a gate says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateVerdict {
    /// Every condition holds.
    Pass,
    /// Some condition does not.
    Fail,
    /// Too few requests, or a metric is absent.
    #[default]
    Inconclusive,
}

impl GateVerdict {
    /// As in tables and sentences.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// One look through a gate, with all that is needed to judge it by other requests (`control::gate::judge_again`).
#[derive(Clone, Debug, PartialEq)]
pub struct GateLook {
    /// When it was judged.
    pub at: SimTime,
    /// Whose gate.
    pub service: ServiceId,
    /// Position in `Migration::gates`.
    pub gate: usize,
    /// Window of the old side, then of the new one.
    pub windows: [(SimTime, SimTime); 2],
    /// Time integral of the ready pods of both sides in those, pod-seconds.
    pub ready_seconds: [f64; 2],
    /// What was found.
    pub verdict: GateVerdict,
    /// Every condition with its numbers.
    pub values: String,
}

/// Receives what a world tells.
pub trait Recorder {
    /// An interval ended (at most `contract::LOOK` long; also at every change of a wave's state).
    fn interval(&mut self, seen: &Seen, control: &ControlSeen);
    /// Something happened in the programme.
    fn event(&mut self, event: &ProgrammeEvent);
    /// A gate looked at both sides.
    fn gate_look(&mut self, _look: &GateLook) {}
    /// Something happened to a job or an environment.
    fn work(&mut self, _record: &WorkRecord) {}
}
