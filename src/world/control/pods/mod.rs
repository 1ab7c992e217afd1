//! Pods of services: what they are, and how many of each kind there are.
//!
//! `life` leads a pod from its node to its end, `launch` from its node to its process, `held` says what holds
//! starts up, `rollout` decides how
//! many there should be of which version, `queue` keeps those without a node, `eviction` moves pods away.

mod crash;
mod eviction;
mod held;
mod launch;
mod life;
mod queue;
mod rollout;

pub(super) use held::Gate;
pub(super) use launch::Launching;
pub(super) use queue::Queue;

use super::Control;
use super::nodes::Placement;
use super::work::Guest;
use crate::units::{ClusterId, ReplicaId, ServiceId, SimTime, WorkId};

/// Where a pod is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Pending,
    Starting,
    Ready,
    /// Its node is down: it does not run, and nobody has noticed for good.
    Lost,
    Terminating,
    Gone,
}

/// One pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub service: ServiceId,
    pub cluster: ClusterId,
    /// Among the pods of its service in its cluster: keys its draws.
    pub ordinal: u64,
    /// Version of the service that it runs.
    pub revision: u32,
    pub phase: Phase,
    pub listed: bool,
    pub drained: bool,
    pub replica: Option<ReplicaId>,
    pub placement: Option<Placement>,
    /// Since when it is in its phase.
    pub since: SimTime,
    /// When it was scheduled, and when it became ready last; `None` before.
    pub scheduled_at: Option<SimTime>,
    pub ready_at: Option<SimTime>,
    /// Starts of its process so far, less one.
    pub restarts: u32,
    /// Crashes in a row: one that ran long enough forgets them.
    pub crashes: u32,
    /// Rate and errors that the data plane was told last.
    pub rate: f64,
    pub errors: f64,
    /// Node that others are being evicted from for it.
    pub nominated: Option<usize>,
    /// Of which source of jobs or environments it is, and of which of them, as long as they want it.
    pub source: Option<WorkId>,
    pub guest: Option<Guest>,
}

/// The pods of one version of a service in one cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    pub revision: u32,
    /// Wished for.
    pub replicas: u32,
    /// Replicas of the Deployment, without and with surge, when this was sized last.
    pub annotated: (u32, u32),
}

/// The pods of one service in one cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Deployment {
    /// Replicas wished for.
    pub desired: u32,
    /// Pods that are not gone, in order of their making.
    pub pods: Vec<usize>,
    pub made: u64,
    pub pending: u32,
    pub starting: u32,
    pub ready: u32,
    /// Ready and known to callers.
    pub listed: u32,
    /// On a node that is down.
    pub lost: u32,
    pub terminating: u32,
    /// Version that is wished for.
    pub revision: u32,
    /// Its sizes are being worked out: what that sets in motion is not looked at before it is done.
    reconciling: bool,
    /// Newest first; more than one only while a new version replaces an old one.
    pub sets: Vec<Set>,
    ready_seconds: f64,
    ready_counted: SimTime,
    /// When the youngest pod was made; `None`: all are of time zero.
    pub youngest: Option<SimTime>,
}

impl Deployment {
    /// Pods that are, or will be, there to stay.
    pub fn staying(&self) -> u32 {
        self.pending + self.starting + self.ready + self.lost
    }

    /// Whether no pod of any kind is left.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    pub(super) fn set_ready(&mut self, ready: u32, now: SimTime) {
        self.count_ready(now);
        self.ready = ready;
    }

    fn count_ready(&mut self, now: SimTime) {
        self.ready_seconds += f64::from(self.ready) * now.since(self.ready_counted).seconds();
        self.ready_counted = now;
    }

    /// Time integral of ready pods since the last call, pod-seconds.
    pub fn take_ready_seconds(&mut self, now: SimTime) -> f64 {
        self.count_ready(now);
        std::mem::take(&mut self.ready_seconds)
    }
}

impl Control<'_> {
    /// Position of a service in a cluster.
    pub(super) fn at(&self, service: ServiceId, cluster: ClusterId) -> usize {
        service.index() * self.scenario.clusters.len() + cluster.index()
    }

    pub(super) fn make_pod(
        &mut self,
        service: ServiceId,
        cluster: ClusterId,
        revision: u32,
    ) -> usize {
        let at = self.at(service, cluster);
        let pod = self.pods.len();
        let deployment = &mut self.deployments[at];
        self.pods.push(Pod {
            service,
            cluster,
            ordinal: deployment.made,
            revision,
            phase: Phase::Pending,
            listed: false,
            drained: false,
            replica: None,
            placement: None,
            since: self.now,
            scheduled_at: None,
            ready_at: None,
            restarts: 0,
            crashes: 0,
            rate: 1.0,
            errors: 0.0,
            nominated: None,
            source: None,
            guest: None,
        });
        if self.now > SimTime::ZERO {
            deployment.youngest = Some(self.now);
        }
        deployment.made += 1;
        deployment.pending += 1;
        deployment.pods.push(pod);
        pod
    }

    pub(super) fn set_phase(&mut self, pod: usize, phase: Phase) {
        self.pods[pod].phase = phase;
        self.pods[pod].since = self.now;
    }
}
