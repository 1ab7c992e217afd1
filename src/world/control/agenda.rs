//! The control plane's own list of events, in order of (time, sequence). Small: it need not be fast.

use std::collections::BTreeMap;

use crate::units::{ClusterId, ServiceId, SimTime};
use crate::world::control::pods::Gate;

/// What the control plane does at some instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// The cluster's limits let a pod's launch go on, if it has not restarted since.
    Launched(usize, u32),
    /// The log says that a limit of the cluster holds up starts, the first of them of that service.
    StartsHeld(ClusterId, Gate, ServiceId),
    /// The first running image pull of a cluster ends, if none began or ended since.
    Pulled(ClusterId, u32),
    /// A pod's process has started, if it has not restarted since.
    Started(usize, u32),
    /// A crashed pod's back-off is over.
    Restart(usize, u32),
    /// An ordinary deploy of a service, with its number.
    Deploy(ServiceId, u64),
    /// Callers learn of a ready pod.
    Listed(usize),
    /// Callers learn that a pod goes.
    Delisted(usize),
    /// A terminating pod's preStop hook is over.
    Draining(usize),
    /// A terminating pod's grace period is over.
    GraceOver(usize),
    /// A fault begins.
    Fault(usize),
    /// A fault is over.
    FaultOver(usize),
    /// The version before a fault's bad one is rolled out again, if the bad one still runs.
    RollBackRelease(usize, u32),
    /// A lost or crashed pod's address goes, if it has not restarted since.
    Unreachable(usize, u32),
    /// A lost pod is replaced, if it has not restarted since.
    EvictLost(usize, u32),
    /// The cluster's autoscaler of nodes looks.
    ScanNodes(ClusterId),
    /// A node that was asked for has booted, if it was not given up: cluster, node, which asking it was.
    NodeReady(ClusterId, usize, u64),
    /// The cluster's autoscalers look.
    Autoscale(ClusterId),
    /// A job or an environment of a source comes.
    WorkArrives(usize),
    /// A job of a source is due.
    WorkDue(usize, u64),
    /// A pod has done its work, if its rate is still the same.
    WorkDone(usize, u32),
    /// An environment is torn down.
    LifeOver(u64),
    /// A gang may be tried again: job, task.
    TryGang(u64, u32),
    /// Pods of a job or an environment that went are made again.
    Remake(u64, u32),
    /// The programme looks whether something can go on.
    Programme,
}

/// Events to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    events: BTreeMap<(SimTime, u64), Event>,
    sequence: u64,
}

impl Agenda {
    pub fn add(&mut self, at: SimTime, event: Event) {
        self.events.insert((at, self.sequence), event);
        self.sequence += 1;
    }

    pub fn next_time(&self) -> SimTime {
        self.events
            .keys()
            .next()
            .map_or(SimTime::NEVER, |(at, _)| *at)
    }

    pub fn peek(&self) -> Option<(SimTime, Event)> {
        self.events
            .iter()
            .next()
            .map(|((at, _), event)| (*at, *event))
    }

    pub fn take(&mut self) -> Option<(SimTime, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}
