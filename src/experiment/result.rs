//! What an experiment hands over: plain data for reports, the journal and comparisons.
//!
//! Names are texts here, so that a reader needs no scenario. An unknown number is `None`, never 0. Nothing in
//! this file computes anything.

use serde::{Deserialize, Serialize};

pub use crate::experiment::probe::stats::{
    GateVerdict, ProbeNumbers, ProbeStats, ProbedGate, Probes,
};
use crate::units::{SimDuration, SimTime};
pub use crate::world::contract::Outcome;
pub use crate::world::recorder::{EventKind, ProgrammeEvent};
pub use crate::world::spans::{Span, SpanKind};

/// All that is kept of one replication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplicationResult {
    /// Number, from 0.
    pub replication: u32,
    /// Why it ended before the horizon (a limit, or time standing still); such a run is no estimate.
    pub stopped: Option<String>,
    /// Whether a twin without migration ran beside it.
    pub twin: bool,
    /// Events that the run's data plane handled (0 for flow).
    pub events: u64,
    /// Scalar metrics, in the order of `model::metric::METRICS`, then of subjects.
    pub metrics: Vec<Scalar>,
    /// Values of the terms that assertions read, in the order of `ExperimentResult::terms`.
    pub terms: Vec<Option<f64>>,
    /// Journeys in the scenario's order.
    pub journeys: Vec<JourneyStats>,
    /// Services and clusters, service by service, only where the service ever ran or was called.
    pub services: Vec<ServiceStats>,
    /// Time series in bins of `bin`.
    pub series: Vec<Series>,
    /// Width of the bins of `series`.
    pub bin: SimDuration,
    /// Waves in the plan's order.
    pub waves: Vec<WaveStats>,
    /// The programme's log, in order of time.
    pub programme: Vec<ProgrammeEvent>,
    /// Nodes and cost per cluster and week.
    pub capacity: Vec<CapacityRow>,
    /// Caller-callee pairs.
    pub edges: Vec<EdgeStats>,
    /// Windows of requests that were opened beside the flow plane, and what was found in them.
    #[serde(default, skip_serializing_if = "Probes::is_empty")]
    pub probes: Probes,
}

/// One number of one replication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scalar {
    /// Name in `model::metric::METRICS`.
    pub name: String,
    /// `""` for the whole run, else `journey.checkout`, `service.cart`, `cluster.target`, `wave.first`.
    pub subject: String,
    /// The value in the metric's unit; `None`: no evidence.
    pub value: Option<f64>,
}

/// One journey over the run (after `run.warmup`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JourneyStats {
    /// Name of the journey.
    pub journey: String,
    /// User actions of the twin (of the run itself when it has none).
    pub intended: u64,
    /// User actions issued.
    pub issued: u64,
    /// That met every objective.
    pub good: u64,
    /// That ended, by `contract::Outcome as usize`.
    pub outcomes: Vec<u64>,
    /// Seconds from issue to end over actions of any outcome: mean.
    pub mean: Option<f64>,
    /// The same: p50, seconds.
    pub p50: Option<f64>,
    /// p90, seconds.
    pub p90: Option<f64>,
    /// p95, seconds.
    pub p95: Option<f64>,
    /// p99, seconds.
    pub p99: Option<f64>,
    /// p99.9, seconds.
    pub p999: Option<f64>,
    /// Longest, seconds.
    pub max: Option<f64>,
    /// Tightest time limit of its objectives, seconds.
    pub limit: Option<f64>,
    /// Good over intended.
    pub availability: Option<f64>,
    /// Actions that the twin served within the objectives and the run did not; `None` without a twin.
    pub excess_lost: Option<f64>,
    /// Of these by cause: `(outcome name, or "late", or "never issued"; actions)`, causes with some only.
    pub lost_by_cause: Vec<(String, f64)>,
    /// Of these never issued.
    pub never_issued: Option<f64>,
    /// Users with at least one; `None` when actions are not recorded one by one (flow plane).
    pub users_affected: Option<f64>,
    /// Aligned minutes in which some objective burns faster than the journey's limit.
    pub breach_minutes: f64,
    /// Aligned minutes with enough intended actions to be evidence.
    pub evidence_minutes: u64,
    /// Highest burn rate over the run of its objectives.
    pub burn_rate: Option<f64>,
}

/// One service in one cluster over the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceStats {
    /// Service.
    pub service: String,
    /// Cluster.
    pub cluster: String,
    /// Attempts that ended.
    pub attempts: u64,
    /// By `contract::Outcome as usize`.
    pub outcomes: Vec<u64>,
    /// Attempts per second.
    pub rate: f64,
    /// Mean from arrival at the replica to the reply, seconds.
    pub mean: Option<f64>,
    /// p50, seconds.
    pub p50: Option<f64>,
    /// p95, seconds.
    pub p95: Option<f64>,
    /// p99, seconds.
    pub p99: Option<f64>,
    /// CPU-seconds used.
    pub cpu_seconds: f64,
    /// CPU-seconds for callers that had given up.
    pub wasted_cpu_seconds: f64,
    /// CPU used over CPU requested by ready replicas, mean over the run.
    pub utilisation: Option<f64>,
    /// The same in its busiest bin.
    pub peak_utilisation: Option<f64>,
    /// Ready replicas, mean over the run.
    pub replicas_mean: f64,
    /// Most ready replicas.
    pub replicas_max: u32,
    /// Mean number of requests at the replicas.
    pub in_flight_mean: f64,
    /// Looks into its caches, and hits among them.
    #[serde(default)]
    pub cache_looks: [u64; 2],
    /// Connections that its replicas accepted, and refused.
    #[serde(default)]
    pub connections: [u64; 2],
    /// Calls to it that nobody waits for: sent, and ended well.
    #[serde(default)]
    pub async_calls: [u64; 2],
}

/// One quantity over time; bin `i` starts at `i * bin`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// `run`, `journey`, `service` or `cluster`.
    pub scope: String,
    /// Name of the journey, service or cluster; `""` for `run`.
    pub name: String,
    /// Cluster, where the quantity is split by cluster; else `""`.
    pub cluster: String,
    /// What: see `SERIES` in `experiment::collector`.
    pub metric: String,
    /// A value for each bin; `None`: no evidence.
    pub values: Vec<Option<f64>>,
}

/// How a wave ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaveOutcome {
    /// It never began.
    #[default]
    NotStarted,
    /// Not over at the end of the run.
    Unfinished,
    /// All its services are decommissioned on the source.
    Done,
    /// Some or all of its services went back.
    RolledBack,
}

/// One wave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WaveStats {
    /// Name.
    pub wave: String,
    /// Names of its services.
    pub services: Vec<String>,
    /// `earliest` of the plan, if any.
    pub planned_start: Option<SimTime>,
    /// When it began.
    pub start: Option<SimTime>,
    /// When the last of its services had its full weight.
    pub shifted: Option<SimTime>,
    /// When it was over.
    pub end: Option<SimTime>,
    /// How it ended.
    pub outcome: WaveOutcome,
    /// Rollbacks of its services.
    pub rollbacks: u32,
    /// Excess lost actions that ended while it was in progress; `None` without a twin.
    pub excess_lost: Option<f64>,
}

/// Nodes of one cluster in one week since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CapacityRow {
    /// Cluster.
    pub cluster: String,
    /// Number of the week, from 0.
    pub week: u32,
    /// Nodes held, mean over the week's simulated part.
    pub nodes_mean: f64,
    /// Most nodes held.
    pub nodes_max: u32,
    /// CPU requested by ready replicas over what is allocatable, mean; `None`: unlimited room.
    pub requested: Option<f64>,
    /// Cost of nodes in the scenario's currency.
    pub cost: f64,
    /// Cost above the twin's; `None` without a twin.
    pub cost_above_twin: Option<f64>,
}

/// One caller-callee pair over the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgeStats {
    /// Caller; `users` for entry calls.
    pub caller: String,
    /// Callee.
    pub callee: String,
    /// Attempts.
    pub calls: u64,
    /// Of these between two clusters.
    pub crossing_calls: u64,
    /// Bytes either way between two clusters.
    pub crossing_bytes: u64,
    /// Price of the bytes that left a place, in the scenario's currency.
    pub egress_cost: f64,
}

/// Why an experiment ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason", content = "detail")]
pub enum StopReason {
    /// All wished replications ran.
    Replications,
    /// Every asserted metric is precise enough.
    Precision,
    /// `maxReplications` ran before the precision was reached.
    MaxReplications,
    /// Somebody asked to stop.
    Cancelled,
    /// A replication could not go on.
    Failed(String),
}

/// How an estimate was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EstimateKind {
    /// Mean over replications with a t-interval.
    Mean,
    /// Mostly zeros: `probability` (Wilson) and the mean given any; no t-interval.
    ZeroHeavy,
    /// Every replication gave the same value.
    Constant,
    /// Nothing was seen.
    Absent,
}

/// A metric over the replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// How it was made.
    pub kind: EstimateKind,
    /// Mean; `None` when absent.
    pub mean: Option<f64>,
    /// Lower end of the interval of the mean, if it has one.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Replications with a value.
    pub n: u32,
    /// P(any): share of replications with a value above 0, with its Wilson interval.
    pub probability: Option<(f64, f64, f64)>,
    /// Mean over replications with a value above 0.
    pub mean_given_any: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
}

/// One metric of one subject with its estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// Name in `model::metric::METRICS`.
    pub name: String,
    /// Subject as in `Scalar`.
    pub subject: String,
    /// Unit, as in the table of metrics.
    pub unit: String,
    /// The estimate.
    pub estimate: Estimate,
}

/// What became of an assertion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// Too few replications for the confidence asked for, or no evidence.
    Undecided,
}

/// A metric that an assertion reads, with its estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermEstimate {
    /// As in the assertion, `*` replaced by the subject.
    pub text: String,
    /// Name in `model::metric::METRICS`.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// The estimate.
    pub estimate: Estimate,
}

/// One assertion judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssertionResult {
    /// As written.
    pub text: String,
    /// `file:line`.
    pub place: String,
    /// `because TEXT`.
    pub because: Option<String>,
    /// `with RATIO confidence`.
    pub confidence: Option<f64>,
    /// The judgement. Undecided for want of confidence counts as no; for want of evidence it does not.
    pub verdict: Verdict,
    /// Whether it makes the run fail (exit code 1).
    pub fails_run: bool,
    /// What was found, or why it is undecided, in words.
    pub detail: String,
    /// The metrics it reads.
    pub terms: Vec<TermEstimate>,
    /// Replications that would be needed to decide, when undecided for want of confidence.
    pub needed_replications: Option<u64>,
}

/// A time series over the replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// As in `Series`.
    pub scope: String,
    /// As in `Series`.
    pub name: String,
    /// As in `Series`.
    pub cluster: String,
    /// As in `Series`.
    pub metric: String,
    /// Mean of each bin over replications with a value.
    pub mean: Vec<Option<f64>>,
    /// Lower end of its interval.
    pub low: Vec<Option<f64>>,
    /// Upper end.
    pub high: Vec<Option<f64>>,
    /// Replications with a value.
    pub n: Vec<u32>,
}

/// What an experiment found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentResult {
    /// Name of the scenario.
    pub scenario: String,
    /// `run.seed`.
    pub seed: u64,
    /// Level of all intervals.
    pub confidence: f64,
    /// Why it ended.
    pub stop: StopReason,
    /// The replications, contiguous from number 0.
    pub replications: Vec<ReplicationResult>,
    /// One row for each metric and subject.
    pub metrics: Vec<MetricRow>,
    /// Terms that assertions read, in the order of `ReplicationResult::terms`, as text.
    pub terms: Vec<String>,
    /// Assertions in the order written.
    pub assertions: Vec<AssertionResult>,
    /// Width of the bins of `series`.
    pub bin: SimDuration,
    /// Time series.
    pub series: Vec<SeriesRow>,
    /// SHA-256 (hex) over the replications: equal digests, equal results.
    pub digest: String,
}

impl ReplicationResult {
    /// Value of a metric; `None` when absent.
    #[must_use]
    pub fn metric(&self, name: &str, subject: &str) -> Option<f64> {
        self.metrics
            .iter()
            .find(|scalar| scalar.name == name && scalar.subject == subject)
            .and_then(|scalar| scalar.value)
    }
}

impl ExperimentResult {
    /// Row of a metric and subject (`""`: the whole run).
    #[must_use]
    pub fn metric(&self, name: &str, subject: &str) -> Option<&MetricRow> {
        self.metrics
            .iter()
            .find(|row| row.name == name && row.subject == subject)
    }

    /// Whether no assertion makes the run fail and no replication failed.
    #[must_use]
    pub fn passes(&self) -> bool {
        !matches!(self.stop, StopReason::Failed(_))
            && self.assertions.iter().all(|assertion| !assertion.fails_run)
    }
}

/// Which of two scenarios is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// The first.
    First,
    /// The second.
    Second,
    /// The same results in every replication.
    Identical,
    /// Not told apart.
    Undecided,
}

/// A metric of two scenarios on the same replication numbers: first minus second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifferenceRow {
    /// Name in `model::metric::METRICS`.
    pub name: String,
    /// Subject as in `Scalar`.
    pub subject: String,
    /// Unit.
    pub unit: String,
    /// Mean of the first.
    pub first: Option<f64>,
    /// Mean of the second.
    pub second: Option<f64>,
    /// Mean of the differences, first minus second.
    pub difference: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Pairs.
    pub n: u32,
    /// Correlation of the pairs.
    pub correlation: Option<f64>,
    /// Variance of independent runs over that of pairs: what pairing saved.
    pub variance_ratio: Option<f64>,
    /// Which is better by this metric.
    pub better: Better,
}

/// A comparison of two experiments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the first.
    pub first: String,
    /// Name of the second.
    pub second: String,
    /// Level of all intervals.
    pub confidence: f64,
    /// Pairs of replications.
    pub pairs: u32,
    /// Which is better.
    pub better: Better,
    /// Metric that decided, if one did.
    pub decided_by: Option<String>,
    /// The verdict in one sentence.
    pub verdict: String,
    /// Main cause of the worse one's loss in one sentence, if it lost any.
    pub cause: Option<String>,
    /// One row for each metric and subject that both have.
    pub rows: Vec<DifferenceRow>,
}
