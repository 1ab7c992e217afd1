//! Time series: one account for each subject, read and cleared at the end of every bin.

use crate::experiment::account::{Account, Whose};
use crate::experiment::pulses::Pulses;
use crate::experiment::result::Series;
use crate::model::Scenario;
use crate::units::{ClusterId, JourneyId, ServiceId, SimDuration, WorkId};
use crate::world::contract::Seen;
use crate::world::recorder::ControlSeen;

/// Most bins over a horizon.
pub const MOST_BINS: u64 = 2_000;

/// Quantities of the time series: `(scope, metric, unit, sentence)`.
pub const SERIES: &[(&str, &str, &str, &str)] = &[
    (
        "run",
        "cross_calls",
        "calls/s",
        "Attempts between two clusters.",
    ),
    (
        "run",
        "cross_bytes",
        "bytes/s",
        "Bytes between two clusters.",
    ),
    ("journey", "rate", "actions/s", "User actions issued."),
    (
        "journey",
        "availability",
        "ratio",
        "Good actions over those that ended.",
    ),
    (
        "journey",
        "error_ratio",
        "ratio",
        "Actions that did not end ok.",
    ),
    ("journey", "p50", "s", "Median time to the action's end."),
    ("journey", "p95", "s", "95 % of actions ended within this."),
    ("journey", "p99", "s", "99 % of actions ended within this."),
    (
        "journey",
        "excess_lost_actions",
        "actions",
        "Excess lost actions, by their end.",
    ),
    (
        "service",
        "rate",
        "attempts/s",
        "Attempts that ended, by the side that served them.",
    ),
    (
        "service",
        "cpu_utilisation",
        "ratio",
        "CPU used over CPU requested by ready replicas.",
    ),
    (
        "service",
        "replicas",
        "replicas",
        "Ready replicas, mean over the bin.",
    ),
    (
        "service",
        "desired",
        "replicas",
        "Replicas wished for, mean over the bin.",
    ),
    (
        "service",
        "pending_pods",
        "pods",
        "Most pods without a node.",
    ),
    (
        "service",
        "p95",
        "s",
        "95 % of requests were answered within this, from their arrival at the replica.",
    ),
    (
        "service",
        "weight",
        "ratio",
        "Share of the service that the target serves, at the bin's end.",
    ),
    (
        "cluster",
        "rate",
        "attempts/s",
        "Attempts that ended in the cluster, over all services.",
    ),
    ("cluster", "nodes", "nodes", "Most nodes held."),
    (
        "cluster",
        "cpu_utilisation",
        "ratio",
        "CPU used over what is allocatable.",
    ),
    (
        "cluster",
        "replicas",
        "replicas",
        "Ready replicas of all services, mean over the bin.",
    ),
    (
        "load",
        "alive",
        "jobs",
        "Jobs or environments that have come and not gone, mean over the bin.",
    ),
    (
        "load",
        "cores",
        "cores",
        "Cores that their pods asked for while they had a node, mean over the bin.",
    ),
];

/// Width of the bins: `run.resolution`, or the smallest multiple that needs at most `MOST_BINS`.
#[must_use]
pub fn bin_width(scenario: &Scenario) -> SimDuration {
    let resolution = scenario.run.resolution.0.max(1);
    let wanted = scenario.horizon.0.div_ceil(MOST_BINS).max(1);
    SimDuration(wanted.div_ceil(resolution).max(1) * resolution)
}

struct Source {
    scope: &'static str,
    account: Account,
    service: Option<usize>,
    rows: Vec<Series>,
}

/// The time series of one run.
pub struct Bins {
    width: SimDuration,
    current: u64,
    sources: Vec<Source>,
    weights: Vec<f64>,
}

impl Bins {
    /// No bin yet.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let mut sources = vec![source(scenario, "run", "", "", Whose::Run, None)];
        for (index, journey) in scenario.journeys.iter().enumerate() {
            let whose = Whose::Journey(JourneyId::from_index(index));
            sources.push(source(scenario, "journey", &journey.name, "", whose, None));
        }
        for (index, service) in scenario.services.iter().enumerate() {
            for (at, cluster) in scenario.clusters.iter().enumerate() {
                let whose = Whose::Service(ServiceId::from_index(index));
                let mut source = source(
                    scenario,
                    "service",
                    &service.name,
                    &cluster.name,
                    whose,
                    Some(at),
                );
                source.service = (at == 0).then_some(index);
                sources.push(source);
            }
        }
        for (at, cluster) in scenario.clusters.iter().enumerate() {
            let whose = Whose::Cluster(ClusterId::from_index(at));
            sources.push(source(
                scenario,
                "cluster",
                "",
                &cluster.name,
                whose,
                Some(at),
            ));
        }
        for (index, work) in scenario.work.iter().enumerate() {
            let whose = Whose::Work(WorkId::from_index(index));
            sources.push(source(scenario, "load", &work.name, "", whose, None));
        }
        Self {
            width: bin_width(scenario),
            current: 0,
            sources,
            weights: Vec::new(),
        }
    }

    /// Adds a full look, with the pulses before it, to the bin in which it ends.
    pub fn add(
        &mut self,
        scenario: &Scenario,
        seen: &Seen,
        pulses: &Pulses,
        control: &ControlSeen,
    ) {
        let bin = seen.start.0 / self.width.0;
        while self.current < bin {
            self.close(scenario);
        }
        for source in &mut self.sources {
            source.account.add(scenario, seen, pulses);
        }
        self.weights.clone_from(&control.weights);
    }

    fn close(&mut self, scenario: &Scenario) {
        self.current += 1;
        for source in &mut self.sources {
            let (account, service) = (&source.account, source.service);
            for row in &mut source.rows {
                let weight = service.and_then(|index| self.weights.get(index).copied());
                row.values.push(read(scenario, account, row, weight));
            }
            source.account.clear();
        }
    }

    /// Closes the last bin; series of services that never ran nor were called in a cluster are left out.
    #[must_use]
    pub fn finish(mut self, scenario: &Scenario) -> Vec<Series> {
        let bins = scenario.horizon.0.div_ceil(self.width.0).max(1);
        while self.current < bins {
            self.close(scenario);
        }
        let is_idle = |source: &Source| {
            source.scope == "service"
                && source.service.is_none()
                && source
                    .rows
                    .iter()
                    .filter(|row| row.metric == "rate" || row.metric == "replicas")
                    .flat_map(|row| &row.values)
                    .all(|value| value.is_none_or(|value| value == 0.0))
        };
        self.sources
            .into_iter()
            .filter(|source| !is_idle(source))
            .flat_map(|source| source.rows)
            .collect()
    }
}

fn source(
    scenario: &Scenario,
    scope: &'static str,
    name: &str,
    cluster: &str,
    whose: Whose,
    at: Option<usize>,
) -> Source {
    let rows = SERIES
        .iter()
        .filter(|(of, metric, _, _)| {
            // The weight belongs to the service, not to its clusters: it stands with the first of them.
            *of == scope
                && *metric != "excess_lost_actions"
                && (*metric != "weight" || at == Some(0))
        })
        .map(|(_, metric, _, _)| Series {
            scope: scope.to_owned(),
            name: name.to_owned(),
            cluster: if *metric == "weight" {
                String::new()
            } else {
                cluster.to_owned()
            },
            metric: (*metric).to_owned(),
            values: Vec::new(),
        })
        .collect();
    Source {
        scope,
        account: Account::new(scenario, whose, at.map(ClusterId::from_index)),
        service: None,
        rows,
    }
}

fn read(scenario: &Scenario, account: &Account, row: &Series, weight: Option<f64>) -> Option<f64> {
    if account.seconds <= 0.0 {
        return None;
    }
    let value = match row.metric.as_str() {
        "rate" if row.scope == "journey" => Some(account.issued as f64 / account.seconds),
        "rate" => Some(account.total_ended() as f64 / account.seconds),
        "replicas" => Some(account.ready_seconds / account.seconds),
        "desired" => Some(account.desired_seconds / account.seconds),
        "cross_calls" => Some(account.cross_calls as f64 / account.seconds),
        "cross_bytes" => Some(account.cross_bytes as f64 / account.seconds),
        "weight" => weight,
        name => account.value(scenario, name),
    };
    value.filter(|value| value.is_finite())
}
