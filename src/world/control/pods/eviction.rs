//! Evictions: budgets, and pods of lower priority that make room.
//!
//! Pre-emption follows upstream's `DefaultPreemption`: on each node the pods of lower priority are taken away
//! in thought, then given back as far as there is room, those that their budget protects first; the node with
//! the fewest broken budgets wins, then the lowest highest priority, the smallest sum of priorities, the fewest
//! victims, the victim that ran shortest. Nominated nodes are not reserved: room that comes free is offered to
//! the highest priority first.

use std::cmp::Reverse;

use super::{Phase, Pod};
use crate::units::{ClusterId, ServiceId};
use crate::world::control::Control;
use crate::world::control::nodes::NodeState;
use crate::world::recorder::EventKind;

impl Control<'_> {
    /// Evictions that the service's budget allows now; without a budget there is no limit.
    pub(in crate::world::control) fn disruptions_allowed(
        &self,
        service: ServiceId,
        cluster: ClusterId,
    ) -> u32 {
        let Some(budget) = self.scenario.service(service).pods.budget else {
            return u32::MAX;
        };
        let deployment = &self.deployments[self.at(service, cluster)];
        budget.status(deployment.desired, deployment.ready).allowed
    }

    /// Terminates a pod; its ReplicaSet makes another one at once.
    pub(in crate::world::control) fn evict(&mut self, pod: usize) {
        let Pod {
            service, cluster, ..
        } = self.pods[pod];
        self.terminate(pod);
        self.roll_on(service, cluster);
    }

    /// Makes room for a pod that found none by evicting others of lower priority.
    pub(super) fn preempt(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            nominated,
            ..
        } = self.pods[pod];
        let priority = self.priority(service);
        let place = self.scenario.cluster(cluster);
        if !place.scheduler.preemption
            || !place.orchestrator.scales()
            || self.outages[cluster.index()].control_plane > 0
            || priority <= self.lowest_priority
            // The scheduler knows nothing of addresses: it evicts nobody for one.
            || self.nodes.admitted(cluster).0 == 0
        {
            return;
        }
        let leaving = |control: &Self, node: usize| {
            control
                .nodes
                .pods(cluster, node)
                .iter()
                .any(|other| control.pods[*other as usize].phase == Phase::Terminating)
        };
        if nominated.is_some_and(|node| leaving(self, node)) {
            return;
        }
        let nodes = self.nodes.slots(cluster);
        // Upstream looks at a tenth of the nodes, and at 100 at least, until it has candidates.
        let wanted = (nodes / 10).max(100);
        let mut best = None;
        let mut candidates = 0;
        for node in 0..nodes {
            if candidates >= wanted {
                break;
            }
            if let Some((cost, victims)) = self.victims(node, service, cluster) {
                candidates += 1;
                if best.as_ref().is_none_or(|(least, _, _)| cost < *least) {
                    best = Some((cost, node, victims));
                }
            }
        }
        let Some((_, node, victims)) = best else {
            return;
        };
        self.pods[pod].nominated = Some(node);
        let name = self.scenario.service(service).name.clone();
        for victim in victims {
            // The room of the ones before may have been enough: they were not all needed at once.
            if self.pods[pod].phase != Phase::Pending {
                return;
            }
            let other = self.pods[victim].service;
            let detail = format!(
                "a pod of {} makes room for {name}",
                self.scenario.service(other).name
            );
            self.tell(EventKind::PodEvicted, None, Some(other), None, detail);
            self.evict(victim);
        }
    }

    fn priority(&self, service: ServiceId) -> i32 {
        self.scenario.service(service).pods.placing.priority
    }

    /// Pods of a node that would have to go for one more of the service, and what that costs.
    #[expect(
        clippy::type_complexity,
        reason = "the cost is compared field by field and used nowhere else"
    )]
    fn victims(
        &self,
        node: usize,
        service: ServiceId,
        cluster: ClusterId,
    ) -> Option<((u32, i32, i64, usize, Reverse<u64>), Vec<usize>)> {
        if self.nodes.state(cluster, node) != NodeState::Ready
            || !self.nodes.admits(cluster, node, service)
        {
            return None;
        }
        let priority = self.priority(service);
        let mut lower: Vec<usize> = self
            .nodes
            .pods(cluster, node)
            .iter()
            .map(|pod| *pod as usize)
            .filter(|pod| {
                let other = &self.pods[*pod];
                self.priority(other.service) < priority
                    && matches!(other.phase, Phase::Starting | Phase::Ready)
            })
            .collect();
        if lower.is_empty() {
            return None;
        }
        let mut room = self.nodes.spare(cluster, node, service);
        for pod in &lower {
            room = room.with(self.asked(*pod));
        }
        if !room.is_enough() {
            return None;
        }
        // Those whose budget would be broken are given back first, then by priority, then the oldest.
        let mut left: std::collections::BTreeMap<ServiceId, u32> =
            std::collections::BTreeMap::new();
        lower.sort_by_key(|pod| (Reverse(self.priority(self.pods[*pod].service)), *pod));
        let broken: Vec<bool> = lower
            .iter()
            .map(|pod| {
                let other = self.pods[*pod].service;
                let allowed = left
                    .entry(other)
                    .or_insert_with(|| self.disruptions_allowed(other, cluster));
                let breaks = *allowed == 0;
                *allowed = allowed.saturating_sub(1);
                breaks
            })
            .collect();
        let mut order: Vec<usize> = (0..lower.len()).collect();
        order.sort_by_key(|place| (!broken[*place], *place));
        let (mut victims, mut violations) = (Vec::new(), 0);
        for place in order {
            let without = room.without(self.asked(lower[place]));
            if without.is_enough() {
                room = without;
            } else {
                victims.push(lower[place]);
                violations += u32::from(broken[place]);
            }
        }
        let priorities = || {
            victims
                .iter()
                .map(|pod| self.priority(self.pods[*pod].service))
        };
        let cost = (
            violations,
            priorities().max()?,
            priorities().map(i64::from).sum(),
            victims.len(),
            Reverse(
                victims
                    .iter()
                    .map(|pod| self.pods[*pod].since.0)
                    .max()
                    .unwrap_or(0),
            ),
        );
        Some((cost, victims))
    }

    fn asked(&self, pod: usize) -> (u64, u64) {
        let asked = &self.scenario.service(self.pods[pod].service).resources;
        (asked.cpu_request.0, asked.memory_request.0)
    }
}
