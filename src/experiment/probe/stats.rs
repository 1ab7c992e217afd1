//! What a window gives: plain data for reports and the journal.

use serde::{Deserialize, Serialize};

use crate::units::{SimDuration, SimTime};
pub use crate::world::recorder::GateVerdict;

/// What the windows of a replication gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probes {
    /// Windows that were opened, played or not.
    pub opened: u32,
    /// What was found in those that were played, in order of their start.
    pub rows: Vec<ProbeStats>,
    /// Looks through gates.
    pub looked: u32,
    /// Those of them that lie in a window which was played.
    pub gates: Vec<ProbedGate>,
}

impl Probes {
    /// No window was opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened == 0
    }
}

/// One service in one cluster, or one journey, in one window of requests, beside what the flow plane expected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeStats {
    /// Start of the window.
    pub start: SimTime,
    /// Its length.
    pub length: SimDuration,
    /// What opened it: `shift of cart`.
    pub why: String,
    /// Why it is not what it should be: it was cut short, or started without the flow plane's backlog.
    pub flaw: Option<String>,
    /// `service` or `journey`.
    pub scope: String,
    /// Whose.
    pub name: String,
    /// Cluster of the service.
    pub cluster: String,
    /// By the flow plane.
    pub flow: ProbeNumbers,
    /// Request by request.
    pub request: ProbeNumbers,
}

/// Numbers of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeNumbers {
    /// Attempts, or actions, that ended.
    pub ended: f64,
    /// Share of them that did not end ok.
    pub error_ratio: Option<f64>,
    /// Mean latency, seconds.
    pub mean: Option<f64>,
    /// Median, seconds.
    pub p50: Option<f64>,
    /// p95, seconds.
    pub p95: Option<f64>,
    /// p99, seconds.
    pub p99: Option<f64>,
}

/// One look through a gate that lies in a window of requests, judged by both planes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbedGate {
    /// Start of the window of requests.
    pub start: SimTime,
    /// When the gate was judged.
    pub at: SimTime,
    /// Whose gate.
    pub service: String,
    /// Its name.
    pub gate: String,
    /// Why the window is not what it should be.
    pub flaw: Option<String>,
    /// What the run went by.
    pub flow: GateVerdict,
    /// Request by request.
    pub request: GateVerdict,
    /// Every condition with the flow plane's numbers.
    pub flow_values: String,
    /// With those of the requests.
    pub request_values: String,
}
