//! The programme's result at the end of a run.

use super::Control;
use super::pods::Deployment;
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};

/// Where a service is at the end.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceState {
    /// Which.
    pub service: ServiceId,
    /// Clusters in which it has pods.
    pub runs_in: Vec<ClusterId>,
    /// Share of its calls that go to the target.
    pub weight: f64,
    /// When its last source pod was gone.
    pub decommissioned_at: Option<SimTime>,
    /// Whether it was moved back.
    pub rolled_back: bool,
}

/// When a wave ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaveSpan {
    /// Its start, if it started.
    pub started: Option<SimTime>,
    /// When all its members were decommissioned or back.
    pub finished: Option<SimTime>,
}

/// The programme's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Every service that is not pinned is off the source by the deadline; `None` without a programme.
    pub complete: Option<bool>,
    /// From the start of the first wave to the last decommission; absent unless complete.
    pub makespan: Option<SimDuration>,
    /// By service.
    pub services: Vec<ServiceState>,
    /// By wave of the plan.
    pub waves: Vec<WaveSpan>,
    /// Units (a service, or a move group) that went back.
    pub rollbacks: u32,
    /// Whether a gate stopped the programme.
    pub stopped: bool,
    /// Cost of nodes by cluster, in the scenario's currency.
    pub node_cost: Vec<f64>,
    /// Pods without a node at the end.
    pub pending: u32,
}

impl Control<'_> {
    /// The result at `now`.
    #[must_use]
    pub fn summary(&self, now: SimTime) -> Summary {
        let clusters = || (0..self.scenario.clusters.len()).map(ClusterId::from_index);
        let services = self.services().map(|service| ServiceState {
            service,
            runs_in: clusters()
                .filter(|cluster| !self.deployments[self.at(service, *cluster)].is_empty())
                .collect(),
            weight: self.weights[service.index()],
            decommissioned_at: self.programme.decommissioned[service.index()],
            rolled_back: self.programme.rolled_back[service.index()],
        });
        let waves = self.programme.waves.iter();
        let complete = self.is_complete();
        let first = self
            .programme
            .waves
            .iter()
            .filter_map(|wave| wave.started)
            .min();
        let last = self.programme.decommissioned.iter().flatten().max();
        let makespan = first.zip(last).map(|(first, last)| last.since(first));
        Summary {
            complete,
            makespan: makespan.filter(|_| complete == Some(true)),
            services: services.collect(),
            waves: waves
                .map(|wave| WaveSpan {
                    started: wave.started,
                    finished: wave.finished,
                })
                .collect(),
            rollbacks: self.programme.rollbacks,
            stopped: self.programme.stopped,
            node_cost: clusters()
                .map(|cluster| self.nodes.cost(cluster, now))
                .collect(),
            pending: self
                .deployments
                .iter()
                .map(|deployment: &Deployment| deployment.pending)
                .sum(),
        }
    }

    fn is_complete(&self) -> Option<bool> {
        let migration = self
            .scenario
            .migration
            .as_ref()
            .filter(|_| !self.programme.waves.is_empty())?;
        let deadline = migration.deadline.unwrap_or(self.scenario.end());
        Some(self.services().all(|service| {
            let facts = self.scenario.service(service);
            let off =
                self.programme.decommissioned[service.index()].is_some_and(|at| at <= deadline);
            facts.pinned || !facts.clusters.contains(&migration.from) || off
        }))
    }
}
