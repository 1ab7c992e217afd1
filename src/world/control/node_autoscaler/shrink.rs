//! Nodes that are not needed: found, emptied, removed.

use std::collections::BTreeMap;

use crate::model::NodeAutoscaler;
use crate::units::{ClusterId, SimDuration, SimTime};
use crate::world::control::Control;
use crate::world::control::nodes::NodeState;
use crate::world::control::pods::Phase;
use crate::world::recorder::EventKind;

/// A node that is not empty by then is put back to work (upstream's `max-graceful-termination-sec`).
const LONGEST_DRAIN: SimDuration = SimDuration::from_secs(600);
/// Nodes with pods that are judged in one look.
const CANDIDATES: usize = 30;

impl Control<'_> {
    /// Removes what is not needed.
    pub(super) fn shrink(&mut self, cluster: ClusterId, settings: &NodeAutoscaler) {
        self.go_on_draining(cluster);
        self.note_unneeded(cluster, settings);
        let state = &self.node_scaling[cluster.index()];
        let recent = |at: Option<SimTime>, delay: SimDuration| {
            at.is_some_and(|at| self.now.since(at) < delay)
        };
        if recent(state.last_add, settings.scale_down_delay_after_add)
            || recent(state.last_failure, settings.scale_down_delay_after_failure)
            || state.draining.is_some()
        {
            return;
        }
        let long: Vec<usize> = state
            .unneeded
            .iter()
            .filter(|(_, since)| self.now.since(**since) >= settings.scale_down_unneeded_time)
            .map(|(node, _)| *node)
            .collect();
        let mut left: BTreeMap<usize, u32> = BTreeMap::new();
        let mut removable = |control: &Self, node: usize| {
            let (pool, _) = control.nodes.address(cluster, node);
            let least = control.scenario.cluster(cluster).pools[pool].nodes;
            let left = left
                .entry(pool)
                .or_insert_with(|| control.nodes.held_in(cluster, pool).saturating_sub(least));
            let may = *left > 0;
            *left = left.saturating_sub(1);
            may
        };
        let (empty, full): (Vec<usize>, Vec<usize>) = long
            .into_iter()
            .partition(|node| self.nodes.pods(cluster, *node).is_empty());
        let going: Vec<usize> = empty
            .into_iter()
            .filter(|node| removable(self, *node))
            .take(settings.max_empty_bulk_delete as usize)
            .collect();
        if !going.is_empty() {
            for node in &going {
                self.remove_node(cluster, *node);
            }
            self.tell_removed(cluster, going.len());
            return;
        }
        if let Some(node) = full.into_iter().find(|node| removable(self, *node)) {
            self.nodes
                .set_state(cluster, node, NodeState::Cordoned, self.now);
            self.node_scaling[cluster.index()].draining = Some((node, self.now));
            self.go_on_draining(cluster);
        }
    }

    fn remove_node(&mut self, cluster: ClusterId, node: usize) {
        self.nodes
            .set_state(cluster, node, NodeState::Absent, self.now);
        self.node_scaling[cluster.index()].unneeded.remove(&node);
        self.launching[cluster.index()].forget_node(node);
    }

    fn tell_removed(&mut self, cluster: ClusterId, count: usize) {
        let name = &self.scenario.cluster(cluster).name;
        let detail = format!("{count} nodes of {name} are removed: they were not needed");
        self.tell(
            EventKind::NodesRemoved,
            None,
            None,
            Some(count as f64),
            detail,
        );
    }

    /// Evicts what budgets allow from the node being emptied; removes it when it is empty, gives up when that
    /// takes too long.
    fn go_on_draining(&mut self, cluster: ClusterId) {
        let Some((node, since)) = self.node_scaling[cluster.index()].draining else {
            return;
        };
        if self.nodes.state(cluster, node) != NodeState::Cordoned {
            // It broke meanwhile.
            self.node_scaling[cluster.index()].draining = None;
            return;
        }
        let mut pods: Vec<usize> = self
            .nodes
            .pods(cluster, node)
            .iter()
            .map(|pod| *pod as usize)
            .collect();
        pods.sort_unstable();
        for pod in &pods {
            let (service, phase) = (self.pods[*pod].service, self.pods[*pod].phase);
            let stays = matches!(phase, Phase::Starting | Phase::Ready);
            if stays && self.disruptions_allowed(service, cluster) > 0 {
                let name = &self.scenario.service(service).name;
                let detail = format!("a pod of {name} leaves a node that is not needed");
                self.tell(EventKind::PodEvicted, None, Some(service), None, detail);
                self.evict(*pod);
            }
        }
        if self.nodes.pods(cluster, node).is_empty() {
            self.node_scaling[cluster.index()].draining = None;
            self.remove_node(cluster, node);
            self.tell_removed(cluster, 1);
        } else if self.now.since(since) > LONGEST_DRAIN {
            self.nodes
                .set_state(cluster, node, NodeState::Ready, self.now);
            let state = &mut self.node_scaling[cluster.index()];
            (state.draining, state.last_failure) = (None, Some(self.now));
            state.unneeded.remove(&node);
            self.retry_pending(cluster);
        }
    }

    /// Keeps the list of nodes that are not needed.
    fn note_unneeded(&mut self, cluster: ClusterId, settings: &NodeAutoscaler) {
        let before = std::mem::take(&mut self.node_scaling[cluster.index()].unneeded);
        let mut unneeded = BTreeMap::new();
        let idle = |control: &Self, node: usize| {
            control.nodes.state(cluster, node) == NodeState::Ready
                && control.nodes.utilisation(cluster, node)
                    < settings.scale_down_utilization_threshold
        };
        let nodes = self.nodes.slots(cluster);
        // Those known to be unneeded are judged first, so that their time is not lost to the limit.
        let known = before.keys().copied().collect::<Vec<_>>();
        let others = (0..nodes).filter(|node| !before.contains_key(node));
        let (mut judged, mut taken) = (0, BTreeMap::new());
        for node in known.into_iter().chain(others) {
            if !idle(self, node) {
                continue;
            }
            let is_empty = self.nodes.pods(cluster, node).is_empty();
            if !is_empty {
                if judged == CANDIDATES {
                    continue;
                }
                judged += 1;
                if !self.could_move(cluster, node, &unneeded, &mut taken) {
                    continue;
                }
            }
            unneeded.insert(node, before.get(&node).copied().unwrap_or(self.now));
        }
        self.node_scaling[cluster.index()].unneeded = unneeded;
    }

    /// Whether all pods of a node would find room on others that stay, in thought (`taken` is what earlier
    /// candidates' pods took there; other pods are counted where they are), and no budget forbids it.
    fn could_move(
        &self,
        cluster: ClusterId,
        node: usize,
        unneeded: &BTreeMap<usize, SimTime>,
        taken: &mut BTreeMap<usize, (u64, u64, u32)>,
    ) -> bool {
        let mut trial = taken.clone();
        for pod in self.nodes.pods(cluster, node) {
            let pod = &self.pods[*pod as usize];
            if pod.phase == Phase::Terminating {
                continue;
            }
            if self.disruptions_allowed(pod.service, cluster) == 0 {
                return false;
            }
            let asked = &self.scenario.service(pod.service).resources;
            let asked = (asked.cpu_request.0, asked.memory_request.0);
            let fits = |other: usize| {
                let (cpu, memory, pods) = trial.get(&other).copied().unwrap_or_default();
                let free = self.nodes.free_room(cluster, other);
                free.cpu >= cpu + asked.0 && free.memory >= memory + asked.1 && free.pods > pods
            };
            let moving = self.nodes.moving(cluster, node, pod.service);
            let found = self.nodes.find_other(cluster, node, pod.service, |other| {
                !unneeded.contains_key(&other)
                    && fits(other)
                    && self.nodes.may_move(cluster, &moving, other)
            });
            let Some(other) = found else {
                return false;
            };
            let (cpu, memory, pods) = trial.entry(other).or_default();
            *cpu += asked.0;
            *memory += asked.1;
            *pods += 1;
        }
        *taken = trial;
        true
    }
}
