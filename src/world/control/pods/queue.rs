//! Pods without a node: who is next, and what is tried when room comes free.
//!
//! Pods of one service ask for the same, so when one finds no room the others need not be tried: a retry
//! costs one scheduling cycle a waiting service, not one a waiting pod.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::{Phase, Pod};
use crate::units::{ClusterId, ServiceId};
use crate::world::control::Control;
use crate::world::recorder::EventKind;

/// Waiting pods of one cluster.
#[derive(Clone, Debug, Default)]
pub(in crate::world::control) struct Queue {
    /// By service: its waiting pods, oldest first.
    waiting: Vec<BTreeSet<usize>>,
    /// Services with waiting pods.
    hungry: BTreeSet<ServiceId>,
}

impl Queue {
    /// Nobody waits.
    pub fn new(services: usize) -> Self {
        Self {
            waiting: vec![BTreeSet::new(); services],
            hungry: BTreeSet::new(),
        }
    }

    /// A pod waits; whether it did not before.
    pub fn add(&mut self, service: ServiceId, pod: usize) -> bool {
        self.hungry.insert(service);
        self.waiting[service.index()].insert(pod)
    }

    fn remove(&mut self, service: ServiceId, pod: usize) {
        let waiting = &mut self.waiting[service.index()];
        waiting.remove(&pod);
        if waiting.is_empty() {
            self.hungry.remove(&service);
        }
    }

    fn first(&self, service: ServiceId) -> Option<usize> {
        self.waiting[service.index()].first().copied()
    }

    /// The next that waits after `pod`.
    fn after(&self, service: ServiceId, pod: usize) -> Option<usize> {
        self.waiting[service.index()]
            .range(pod + 1..)
            .next()
            .copied()
    }

    /// Services with waiting pods, and how many wait.
    pub fn hungry(&self) -> impl Iterator<Item = (ServiceId, u32)> + '_ {
        self.hungry
            .iter()
            .map(|service| (*service, self.waiting[service.index()].len() as u32))
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.hungry.is_empty()
    }
}

impl Control<'_> {
    /// Whether the pod found room now. With `start`, its process is launched (cold). One that did not waits.
    pub(in crate::world::control) fn schedule(&mut self, pod: usize, start: bool) -> bool {
        if let Some(gang) = self.gang_of(pod) {
            return self.schedule_gang(&gang);
        }
        let Pod {
            service,
            cluster,
            ordinal,
            ..
        } = self.pods[pod];
        let found = if self.outages[cluster.index()].control_plane > 0 {
            None
        } else {
            let draws = &self.draws;
            self.nodes.choose(cluster, service, |node| {
                draws.tie(cluster, service, ordinal, node)
            })
        };
        if let Some(placement) = found {
            self.dequeue(pod);
            self.settle(pod, placement, start);
            return true;
        }
        let new = self.queues[cluster.index()].add(service, pod);
        let at = self.at(service, cluster);
        // One event until all pods of the service have room again.
        if new && self.deployments[at].pending == 1 {
            let name = &self.scenario.service(service).name;
            let reason = if self.outages[cluster.index()].control_plane > 0 {
                "the control plane does not answer".to_owned()
            } else {
                self.nodes.explain(cluster, service)
            };
            let cluster = &self.scenario.cluster(cluster).name;
            let detail = format!("a pod of {name} is Pending in {cluster}: {reason}");
            self.tell(EventKind::PodPending, None, Some(service), None, detail);
        }
        self.preempt(pod);
        false
    }

    /// The same for a gang, of which all members wait.
    fn schedule_gang(&mut self, pods: &[usize]) -> bool {
        let Pod {
            service, cluster, ..
        } = self.pods[pods[0]];
        let down = self.outages[cluster.index()].control_plane > 0;
        let fitting = if down { 0 } else { self.try_gang(pods) };
        if fitting == pods.len() {
            return true;
        }
        let mut new = false;
        for pod in pods {
            new |= self.queues[cluster.index()].add(service, *pod);
        }
        let pending = self.deployments[self.at(service, cluster)].pending as usize;
        if new && pending == pods.len() {
            let detail = format!(
                "a gang of {} pods of {} is Pending in {}: there is room for {fitting} of them",
                pods.len(),
                self.scenario.service(service).name,
                self.scenario.cluster(cluster).name
            );
            self.tell(EventKind::PodPending, None, Some(service), None, detail);
        }
        false
    }

    pub(in crate::world::control) fn dequeue(&mut self, pod: usize) {
        let Pod {
            service, cluster, ..
        } = self.pods[pod];
        self.queues[cluster.index()].remove(service, pod);
    }

    /// Tries the waiting pods of a cluster: the highest priority first, then the oldest.
    pub(in crate::world::control) fn retry_pending(&mut self, cluster: ClusterId) {
        if self.queues[cluster.index()].is_empty() {
            return;
        }
        let mut order: BinaryHeap<(i32, Reverse<usize>, ServiceId)> = BinaryHeap::new();
        let entry = |control: &Self, service: ServiceId| {
            let priority = control.scenario.service(service).pods.placing.priority;
            let first = control.queues[cluster.index()].first(service)?;
            Some((priority, Reverse(first), service))
        };
        let hungry: Vec<ServiceId> = self.queues[cluster.index()]
            .hungry()
            .map(|(service, _)| service)
            .collect();
        order.extend(
            hungry
                .into_iter()
                .filter_map(|service| entry(self, service)),
        );
        while let Some((_, Reverse(pod), service)) = order.pop() {
            // Making room for one pod may have found room for others meanwhile.
            let waits = self.pods[pod].phase == Phase::Pending;
            // Gangs are not alike: behind one that is too large another may fit.
            let gang = self.gang_of(pod).and_then(|gang| gang.last().copied());
            let found = !waits || self.schedule(pod, true);
            if let Some(last) = gang {
                let next = self.queues[cluster.index()].after(service, last);
                let priority = self.scenario.service(service).pods.placing.priority;
                order.extend(next.map(|next| (priority, Reverse(next), service)));
            } else if found {
                order.extend(entry(self, service));
            }
        }
    }
}
