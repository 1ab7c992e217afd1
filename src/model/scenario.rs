//! The whole scenario and its settings.

use crate::model::{
    Assertion, Cache, Calendar, Cluster, Edge, Endpoint, Fault, Goal, Journey, Links, Load,
    Machine, Migration, Plan, ScalingPolicy, Service, SharedProcessor, Team, Work,
};
use crate::units::{
    ClusterId, EndpointId, JourneyId, LoadId, PolicyId, ServiceId, SimDuration, SimTime, TeamId,
};

/// A checked scenario: the world, what will be done to it, and what must hold.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name of the run folder.
    pub name: String,
    /// Headline, free text.
    pub title: String,
    /// Free text.
    pub notes: String,
    /// Where civil times lie on the simulated time axis.
    pub clock: LocalClock,
    /// End of the run.
    pub horizon: SimDuration,
    /// Seed, replications, fidelity, limits.
    pub run: RunSettings,
    /// ISO 4217 code of all money, when any is written.
    pub currency: Option<String>,
    /// Clusters in the order written; one `default` when none is.
    pub clusters: Vec<Cluster>,
    /// Machine types (inline ones too).
    pub machines: Vec<Machine>,
    /// Delays and prices between places.
    pub links: Links,
    /// Change windows and freezes as instants.
    pub calendar: Calendar,
    /// Teams.
    pub teams: Vec<Team>,
    /// Services in the order written.
    pub services: Vec<Service>,
    /// Endpoints of all services; `Service::endpoints` are positions here.
    pub endpoints: Vec<Endpoint>,
    /// Processors that services share.
    pub processors: Vec<SharedProcessor>,
    /// Caches of all services.
    pub caches: Vec<Cache>,
    /// Names of the measured groups of steps; `StepKind::Section` refers to them.
    pub sections: Vec<String>,
    /// Each caller-callee pair once, users' entry calls (caller `None`) included.
    pub edges: Vec<Edge>,
    /// What users do.
    pub journeys: Vec<Journey>,
    /// Who comes.
    pub loads: Vec<Load>,
    /// Jobs and environments.
    pub work: Vec<Work>,
    /// Named (or inline, named after their service) scaling policies.
    pub scaling: Vec<ScalingPolicy>,
    /// Rules of the migration; none when the scenario only runs.
    pub migration: Option<Migration>,
    /// The order.
    pub plan: Plan,
    /// What a better plan has less of; never chosen by the program.
    pub goal: Option<Goal>,
    /// What breaks.
    pub faults: Vec<Fault>,
    /// What must hold.
    pub assertions: Vec<Assertion>,
    /// How many numbers were measured, documented, assumed.
    pub provenance: Provenance,
}

/// `run`: settings of the experiment.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The only source of randomness.
    pub seed: u64,
    /// How many replications, or until when.
    pub replications: Replications,
    /// Level of intervals, 0 to 1.
    pub confidence: f64,
    /// Differences that matter, by metric name, in the metric's unit; `true`: a share of the mean.
    pub margins: Vec<(String, f64, bool)>,
    /// Left out of statistics.
    pub warmup: SimDuration,
    /// Data plane: `request`, `flow` or `zoom`.
    pub fidelity: Fidelity,
    /// Windows of requests at `zoom`.
    pub zoom: Zoom,
    /// Largest number of requests in flight before the run stops with that name.
    pub max_in_flight: u64,
    /// Largest number of events of one replication, if limited.
    pub max_events: Option<u64>,
    /// Width of the bins of the time series.
    pub resolution: SimDuration,
    /// Which actions are traced, if any.
    pub traces: Option<Traces>,
}

/// Which user actions are traced.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Traces {
    /// Share of actions, 0 to 1.
    pub share: f64,
    /// At most this many, the first ones.
    pub most: u64,
}

impl Traces {
    /// What `--trace` means when the scenario says nothing.
    pub const USUAL: Self = Self {
        share: 0.01,
        most: 1_000,
    };
}

/// Data plane of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fidelity {
    /// Every request through every queue.
    Request,
    /// Rates over the call graph.
    Flow,
    /// The same, with windows in which every request is played.
    Zoom,
}

impl Fidelity {
    /// Whether users are rates: the control plane lives on the flow plane.
    #[must_use]
    pub fn has_rates(self) -> bool {
        self != Self::Request
    }
}

/// Which windows of requests are played beside the flow plane.
#[derive(Clone, PartialEq, Debug)]
pub struct Zoom {
    /// What opens one.
    pub windows: Vec<WindowKind>,
    /// How long each is, in whole minutes.
    pub length: SimDuration,
    /// Most of a replication that are played; of more, a keyed sample.
    pub most: u32,
}

impl Default for Zoom {
    fn default() -> Self {
        use WindowKind::{DailyPeak, Faults, Gates, Shifts};
        Self {
            windows: vec![Shifts, DailyPeak, Faults, Gates],
            length: SimDuration::from_secs(600),
            most: 12,
        }
    }
}

/// What opens a window of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowKind {
    /// A weight that is set.
    Shifts,
    /// The highest level of the loads on each day.
    DailyPeak,
    /// A fault that begins or ends.
    Faults,
    /// A gate that opens.
    Gates,
    /// Times drawn evenly over the horizon, as many as are played at most.
    Sampled,
}

impl WindowKind {
    /// All, with their names in scenario files.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Shifts, "shifts"),
        (Self::DailyPeak, "daily-peak"),
        (Self::Faults, "faults"),
        (Self::Gates, "gates"),
        (Self::Sampled, "sampled"),
    ];
}

/// How many replications to run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Replications {
    /// A fixed number.
    Fixed(u32),
    /// Until the half-width of each asserted metric is at most `ratio` of its mean (or its margin).
    Precision {
        /// Wanted half-width over mean.
        ratio: f64,
        /// Stop here in any case.
        max: u32,
    },
}

/// Civil time of the scenario: offset of the time zone at each instant of the horizon.
#[derive(Clone, Debug)]
pub struct LocalClock {
    /// `start` as written, RFC 3339 local date-time with offset, for headings.
    pub start_text: String,
    /// IANA name.
    pub timezone: String,
    /// Seconds since 1970-01-01T00:00Z at time zero.
    pub start_unix_seconds: i64,
    /// From each instant on, local time is UTC plus this many seconds; sorted, the first at time zero.
    pub offsets: Vec<(SimTime, i64)>,
}

impl LocalClock {
    /// Offset from UTC in seconds at `at`.
    #[must_use]
    pub fn offset_seconds(&self, at: SimTime) -> i64 {
        let index = self.offsets.partition_point(|(from, _)| *from <= at);
        self.offsets[index.max(1) - 1].1
    }

    /// Local seconds since 1970-01-01T00:00 local time (day 0 was a Thursday).
    #[must_use]
    pub fn local_seconds(&self, at: SimTime) -> f64 {
        self.start_unix_seconds as f64 + at.seconds() + self.offset_seconds(at) as f64
    }

    /// Local seconds since midnight, 0 to 86400.
    #[must_use]
    pub fn second_of_day(&self, at: SimTime) -> f64 {
        let seconds = self.local_seconds(at);
        seconds - (seconds / 86_400.0).floor() * 86_400.0
    }
}

/// Where the scenario's numbers come from; defaults are not written and count apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Provenance {
    /// Numbers measured on the real system.
    pub measured: u32,
    /// Numbers some document states.
    pub documented: u32,
    /// All other written numbers.
    pub assumed: u32,
    /// Numbers filled in by default.
    pub defaulted: u32,
}

impl Scenario {
    /// The service with that id.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> &Service {
        &self.services[id.index()]
    }

    /// The endpoint with that id.
    #[must_use]
    pub fn endpoint(&self, id: EndpointId) -> &Endpoint {
        &self.endpoints[id.index()]
    }

    /// The cluster with that id.
    #[must_use]
    pub fn cluster(&self, id: ClusterId) -> &Cluster {
        &self.clusters[id.index()]
    }

    /// The journey with that id.
    #[must_use]
    pub fn journey(&self, id: JourneyId) -> &Journey {
        &self.journeys[id.index()]
    }

    /// The load with that id.
    #[must_use]
    pub fn load(&self, id: LoadId) -> &Load {
        &self.loads[id.index()]
    }

    /// The team with that id.
    #[must_use]
    pub fn team(&self, id: TeamId) -> &Team {
        &self.teams[id.index()]
    }

    /// The scaling policy with that id.
    #[must_use]
    pub fn policy(&self, id: PolicyId) -> &ScalingPolicy {
        &self.scaling[id.index()]
    }

    /// Whether a twin shows what would have been: without the migration, and without faults.
    #[must_use]
    pub fn has_twin(&self) -> bool {
        !self.plan.waves.is_empty() || !self.faults.is_empty()
    }

    /// End of the run as an instant.
    #[must_use]
    pub fn end(&self) -> SimTime {
        SimTime::ZERO + self.horizon
    }
}
