//! The control plane's own list of events, in order of (time, sequence). Small: it need not be fast.

use std::collections::BTreeMap;

use crate::units::{ClusterId, SimTime};

/// What the control plane does at some instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// A pod's process has started.
    Started(usize),
    /// Callers learn of a ready pod.
    Listed(usize),
    /// Callers learn that a pod goes.
    Delisted(usize),
    /// A terminating pod's preStop hook is over.
    Draining(usize),
    /// A terminating pod's grace period is over.
    GraceOver(usize),
    /// The cluster's autoscalers look.
    Autoscale(ClusterId),
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
