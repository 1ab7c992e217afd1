//! The autoscaler of nodes: pools grow for pods that wait, and shrink when nodes are not needed.
//!
//! Reference: kubernetes/autoscaler's FAQ and its defaults. One pool grows a look; of the others' pods the next
//! look takes care, nodes on their way counted. A node is unneeded when less than the threshold of it is
//! requested and all its pods would find room elsewhere; empty ones go in bulk, another one is emptied under
//! its pods' budgets. Left out: similar-group balancing, taints of start-up, priorities of expendable pods.

mod shrink;

use std::collections::BTreeMap;

use super::Control;
use super::agenda::Event;
use super::nodes::NodeState;
use crate::model::placement::{Estimate, HOSTNAME, Waiting, nodes_needed, place_on};
use crate::model::{Expander, NodeAutoscaler};
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};
use crate::world::recorder::EventKind;

/// First time that a pool is left alone after a node did not come; doubles up to `LONGEST_BACKOFF`.
const BACKOFF: SimDuration = SimDuration::from_secs(300);
/// See `BACKOFF`.
const LONGEST_BACKOFF: SimDuration = SimDuration::from_secs(1800);
/// With more nodes unready than this, and than this share, it does nothing.
const UNREADY: (u32, f64) = (3, 0.45);

/// Memory of one cluster's autoscaler.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeScaling {
    last_add: Option<SimTime>,
    last_failure: Option<SimTime>,
    /// Since when a node is not needed.
    unneeded: BTreeMap<usize, SimTime>,
    /// Nodes on their way: since when, and which asking it was.
    booting: BTreeMap<usize, (SimTime, u64)>,
    /// Node being emptied, since when.
    draining: Option<(usize, SimTime)>,
    /// By pool: left alone until, and for how long the next time.
    backoff: BTreeMap<usize, (SimTime, SimDuration)>,
    /// Nodes asked for so far: numbers their draws.
    asked: u64,
    looks: u64,
    /// Whether the log says that no pool can grow.
    short: bool,
}

impl<'s> Control<'s> {
    /// First look of each cluster that has one.
    pub(super) fn start_node_autoscalers(&mut self) {
        for cluster in 0..self.scenario.clusters.len() {
            let cluster = ClusterId::from_index(cluster);
            if let Some(settings) = self.node_autoscaler(cluster) {
                let at = SimTime::ZERO + settings.scan_interval;
                self.agenda.add(at, Event::ScanNodes(cluster));
            }
        }
    }

    /// Settings of a cluster's autoscaler of nodes, if it has one.
    pub(super) fn node_autoscaler(&self, cluster: ClusterId) -> Option<&'s NodeAutoscaler> {
        let place = self.scenario.cluster(cluster);
        let settings = place.node_autoscaler.as_ref();
        settings.filter(|_| place.orchestrator.scales())
    }

    pub(super) fn on_scan_nodes(&mut self, cluster: ClusterId) {
        let Some(settings) = self.node_autoscaler(cluster) else {
            return;
        };
        self.agenda
            .add(self.now + settings.scan_interval, Event::ScanNodes(cluster));
        let down = self.nodes.count(cluster, NodeState::Down);
        let sick =
            down > UNREADY.0 && f64::from(down) > UNREADY.1 * f64::from(self.nodes.held(cluster));
        if self.outages[cluster.index()].control_plane > 0 || sick {
            return;
        }
        self.node_scaling[cluster.index()].looks += 1;
        self.give_up_late_nodes(cluster, settings);
        self.grow(cluster, settings);
        self.shrink(cluster, settings);
    }

    /// A node that did not come in time goes back, and its pool is left alone for a while.
    fn give_up_late_nodes(&mut self, cluster: ClusterId, settings: &NodeAutoscaler) {
        let late: Vec<usize> = self.node_scaling[cluster.index()]
            .booting
            .iter()
            .filter(|(_, (since, _))| self.now.since(*since) > settings.max_node_provision_time)
            .map(|(node, _)| *node)
            .collect();
        for node in late {
            let (pool, _) = self.nodes.address(cluster, node);
            self.nodes
                .set_state(cluster, node, NodeState::Absent, self.now);
            let now = self.now;
            let state = &mut self.node_scaling[cluster.index()];
            state.booting.remove(&node);
            let (_, length) = state.backoff.get(&pool).copied().unwrap_or((now, BACKOFF));
            let doubled = (length + length).min(LONGEST_BACKOFF);
            state.backoff.insert(pool, (now + length, doubled));
        }
    }

    /// Pods that wait, by service; those of one service are alike.
    fn waiting(&self, cluster: ClusterId) -> Vec<(ServiceId, Waiting)> {
        let wait =
            |(service, pods): (ServiceId, u32)| {
                let facts = self.scenario.service(service);
                let apart =
                    facts.pods.placing.pods_excluded.iter().any(|term| {
                        term.topology_key == HOSTNAME && term.services.contains(&service)
                    });
                let waiting = Waiting {
                    cpu: facts.resources.cpu_request.0,
                    memory: facts.resources.memory_request.0,
                    pods,
                    per_node: if apart { 1 } else { u32::MAX },
                };
                (service, waiting)
            };
        self.queues[cluster.index()].hungry().map(wait).collect()
    }

    /// Adds nodes to one pool for the pods that wait.
    fn grow(&mut self, cluster: ClusterId, settings: &NodeAutoscaler) {
        let mut waiting = self.waiting(cluster);
        if waiting.is_empty() {
            self.node_scaling[cluster.index()].short = false;
            return;
        }
        // More nodes are no help to pods for which the cluster has no address.
        let (mut admitted, full) = self.nodes.admitted(cluster);
        if admitted == 0 {
            let reason = full.to_owned();
            self.tell_short(cluster, &[reason]);
            return;
        }
        for (_, kind) in &mut waiting {
            kind.pods = kind.pods.min(admitted);
            admitted -= kind.pods;
        }
        for node in self.node_scaling[cluster.index()].booting.keys() {
            let mut room = [self.nodes.empty_room(cluster, *node)];
            for (service, left) in &mut waiting {
                if self.nodes.admits(cluster, *node, *service) {
                    *left = place_on(&mut room, std::slice::from_ref(left))[0];
                }
            }
        }
        waiting.retain(|(_, left)| left.pods > 0);
        if waiting.is_empty() {
            return;
        }
        let (mut options, mut reasons): (Vec<(usize, Estimate)>, Vec<String>) = Default::default();
        for pool in 0..self.scenario.cluster(cluster).pools.len() {
            let Some(template) = self.nodes.template(cluster, pool) else {
                continue;
            };
            let wanted: Vec<Waiting> = waiting
                .iter()
                .filter(|(service, _)| self.nodes.admits(cluster, template, *service))
                .map(|(_, left)| *left)
                .collect();
            let room = self.nodes.empty_room(cluster, template);
            let unlimited = nodes_needed(room, &wanted, u32::MAX);
            if unlimited.nodes == 0 {
                continue;
            }
            match self.most_new_nodes(cluster, pool, settings) {
                Ok(most) => options.push((pool, nodes_needed(room, &wanted, most))),
                Err(reason) => {
                    let name = &self.scenario.cluster(cluster).pools[pool].name;
                    reasons.push(format!("pool {name}: {reason}"));
                }
            }
        }
        match self.choose_pool(cluster, settings.expander, &options) {
            Some((pool, estimate)) => self.add_nodes(cluster, pool, estimate.nodes),
            None => self.tell_short(cluster, &reasons),
        }
    }

    /// How many nodes a pool may get now, or what stands against any.
    fn most_new_nodes(
        &self,
        cluster: ClusterId,
        pool: usize,
        settings: &NodeAutoscaler,
    ) -> Result<u32, String> {
        let state = &self.node_scaling[cluster.index()];
        if let Some((until, _)) = state
            .backoff
            .get(&pool)
            .filter(|(until, _)| *until > self.now)
        {
            let minutes = until.since(self.now).seconds() / 60.0;
            return Err(format!(
                "left alone for {minutes:.1} min after a node did not come"
            ));
        }
        let absent = self.nodes.absent(cluster, pool).len() as u32;
        let most = self.scenario.cluster(cluster).pools[pool].max_nodes;
        if absent == 0 {
            return Err(format!("it has its {most} nodes"));
        }
        let held = self.nodes.held(cluster);
        let limit = self.scenario.cluster(cluster).limits.nodes;
        let quota = settings.quota_nodes.unwrap_or(u32::MAX);
        let by_count = limit.min(quota).saturating_sub(held);
        if by_count == 0 {
            return Err(if quota <= limit {
                format!("the quota of {quota} nodes is used up")
            } else {
                format!("the cluster has its {limit} nodes")
            });
        }
        let by_cpu = match (settings.quota_cpu, self.nodes.template(cluster, pool)) {
            (Some(quota), Some(node)) => {
                let each = self.nodes.empty_room(cluster, node).cpu.max(1);
                let used = self.nodes.allocatable(cluster).unwrap_or(0);
                let left = quota.saturating_sub(used) / each;
                if left == 0 {
                    let cores = quota as f64 / 1000.0;
                    return Err(format!("the quota of {cores} cores is used up"));
                }
                u32::try_from(left).unwrap_or(u32::MAX)
            }
            _ => u32::MAX,
        };
        Ok(absent.min(by_count).min(by_cpu))
    }

    fn choose_pool(
        &self,
        cluster: ClusterId,
        expander: Expander,
        options: &[(usize, Estimate)],
    ) -> Option<(usize, Estimate)> {
        let looks = self.node_scaling[cluster.index()].looks;
        let pools = &self.scenario.cluster(cluster).pools;
        // The larger the better.
        let worth = |(pool, option): &(usize, Estimate)| match expander {
            Expander::Random => 0.0,
            Expander::LeastWaste => -option.waste,
            Expander::MostPods => f64::from(option.pods),
            Expander::LeastNodes => -f64::from(option.nodes),
            Expander::Priority => f64::from(pools[*pool].priority),
        };
        let most = options.iter().map(worth).fold(f64::NEG_INFINITY, f64::max);
        let best = options.iter().filter(|option| worth(option) >= most);
        // The smallest of independent draws: a pool more or less leaves the others' draws alone.
        let draw = |pool: usize| self.draws.pool(cluster, pool, looks);
        best.min_by_key(|(pool, _)| draw(*pool)).copied()
    }

    fn add_nodes(&mut self, cluster: ClusterId, pool: usize, count: u32) {
        let chosen: Vec<usize> = self
            .nodes
            .absent(cluster, pool)
            .into_iter()
            .take(count as usize)
            .collect();
        let place = self.scenario.cluster(cluster);
        for node in &chosen {
            self.nodes
                .set_state(cluster, *node, NodeState::Booting, self.now);
            let state = &mut self.node_scaling[cluster.index()];
            state.booting.insert(*node, (self.now, state.asked));
            let boot = self
                .draws
                .boot(&place.pools[pool].boot, cluster, state.asked);
            self.agenda.add(
                self.now + boot,
                Event::NodeReady(cluster, *node, state.asked),
            );
            state.asked += 1;
        }
        let state = &mut self.node_scaling[cluster.index()];
        (state.last_add, state.short) = (Some(self.now), false);
        let detail = format!(
            "{} nodes are added to pool {} of {}",
            chosen.len(),
            place.pools[pool].name,
            place.name
        );
        self.tell(
            EventKind::NodesAdded,
            None,
            None,
            Some(chosen.len() as f64),
            detail,
        );
    }

    /// Says once that pods wait and no pool can grow.
    fn tell_short(&mut self, cluster: ClusterId, reasons: &[String]) {
        if reasons.is_empty() || self.node_scaling[cluster.index()].short {
            return;
        }
        self.node_scaling[cluster.index()].short = true;
        let name = &self.scenario.cluster(cluster).name;
        let detail = format!("{name} cannot grow: {}", reasons.join("; "));
        self.tell(EventKind::NodesShort, None, None, None, detail);
    }

    pub(super) fn on_node_ready(&mut self, cluster: ClusterId, node: usize, token: u64) {
        // Given up meanwhile, and perhaps asked for again.
        let (pool, _) = self.nodes.address(cluster, node);
        let boots = self.nodes.state(cluster, node) == NodeState::Booting;
        let state = &mut self.node_scaling[cluster.index()];
        let asked = state.booting.get(&node).map(|(_, asked)| *asked);
        if !boots || asked != Some(token) {
            return;
        }
        state.booting.remove(&node);
        state.backoff.remove(&pool);
        let state = if self.is_broken(cluster, node) {
            NodeState::Down
        } else {
            NodeState::Ready
        };
        self.nodes.set_state(cluster, node, state, self.now);
        self.retry_pending(cluster);
    }
}
