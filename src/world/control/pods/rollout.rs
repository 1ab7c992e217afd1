//! How many pods of which version: sizes change, new versions replace old ones.
//!
//! The arithmetic is `model::rollout`'s; here it is given what is, and its wishes are carried out at once, as
//! a controller without delay would.

use super::{Phase, Set};
use crate::model::rollout::{ReplicaSet, scale_proportionally};
use crate::model::{Amount, Orchestrator, RolloutStrategy};
use crate::units::{ClusterId, ServiceId};
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::control::nodes::Placement;
use crate::world::recorder::EventKind;

impl Control<'_> {
    /// How a new version replaces the old one there, unless the service says otherwise: Kubernetes' default,
    /// one host after the other by hand, or Marathon's `upgradeStrategy` (all new instances before an old one goes).
    fn strategy(&self, service: ServiceId, cluster: ClusterId) -> RolloutStrategy {
        let written = self.scenario.service(service).pods.strategy;
        written.unwrap_or(match self.scenario.cluster(cluster).orchestrator {
            Orchestrator::Kubernetes => RolloutStrategy::default(),
            Orchestrator::FixedHosts => RolloutStrategy::RollingUpdate {
                max_surge: Amount::Count(0),
                max_unavailable: Amount::Count(1),
            },
            Orchestrator::Marathon => {
                let upgrade = self.scenario.service(service).pods.upgrade;
                let instances = self.deployments[self.at(service, cluster)].desired;
                upgrade.unwrap_or_default().of(instances)
            }
        })
    }

    /// Sets the only version's size without making or removing pods.
    pub(super) fn size_only_set(&mut self, at: usize, replicas: u32) {
        let deployment = &mut self.deployments[at];
        deployment.desired = replicas;
        deployment.sets = vec![Set {
            revision: deployment.revision,
            replicas,
            annotated: (replicas, replicas),
        }];
    }

    /// Wishes for that many replicas from now on.
    pub(in crate::world::control) fn set_desired(
        &mut self,
        service: ServiceId,
        cluster: ClusterId,
        desired: u32,
    ) {
        // Jobs and environments say how many pods they want.
        if self.is_guest(service) {
            return;
        }
        let at = self.at(service, cluster);
        if self.deployments[at].sets.len() <= 1 {
            // A service that comes to a cluster comes with its current version.
            if self.deployments[at].desired == 0 && self.deployments[at].is_empty() {
                self.deployments[at].revision = self.revisions[service.index()];
            }
            self.size_only_set(at, desired);
        } else {
            self.deployments[at].desired = desired;
            self.scale_sets(service, cluster);
        }
        self.reconcile(service, cluster);
    }

    /// Every replica set gets its share of a new size.
    fn scale_sets(&mut self, service: ServiceId, cluster: ClusterId) {
        let at = self.at(service, cluster);
        let strategy = self.strategy(service, cluster);
        let views = self.views(at);
        let deployment = &mut self.deployments[at];
        let (desired, revision) = (deployment.desired, deployment.revision);
        let new = deployment
            .sets
            .iter()
            .position(|set| set.revision == revision);
        let status = deployment.staying();
        let sizes = scale_proportionally(&views, new, desired, strategy, status);
        let annotated = (desired, desired + strategy.max_surge(desired));
        for (set, size) in deployment.sets.iter_mut().zip(sizes) {
            (set.replicas, set.annotated) = (size, annotated);
        }
    }

    /// The replica sets as the arithmetic sees them.
    fn views(&self, at: usize) -> Vec<ReplicaSet> {
        let deployment = &self.deployments[at];
        let available = |revision: u32| {
            let pods = deployment.pods.iter().map(|pod| &self.pods[*pod]);
            pods.filter(|pod| pod.revision == revision && pod.phase == Phase::Ready)
                .count() as u32
        };
        let view = |set: &Set| ReplicaSet {
            replicas: set.replicas,
            available: available(set.revision),
            desired_annotation: Some(set.annotated.0),
            max_annotation: Some(set.annotated.1),
        };
        deployment.sets.iter().map(view).collect()
    }

    /// Goes on with a rollout, or makes up for pods that went, if there is anything to do.
    pub(super) fn roll_on(&mut self, service: ServiceId, cluster: ClusterId) {
        let deployment = &self.deployments[self.at(service, cluster)];
        if deployment.sets.len() > 1 || deployment.staying() != deployment.desired {
            self.reconcile(service, cluster);
        }
    }

    /// Sizes the replica sets and makes or removes pods, until nothing changes without time.
    pub(in crate::world::control) fn reconcile(&mut self, service: ServiceId, cluster: ClusterId) {
        if self.outages[cluster.index()].control_plane > 0 {
            return;
        }
        let at = self.at(service, cluster);
        if std::mem::replace(&mut self.deployments[at].reconciling, true) {
            return;
        }
        while self.deployments[at].sets.len() > 1 && self.size_sets(service, cluster) {
            self.fulfil(service, cluster);
        }
        self.fulfil(service, cluster);
        self.deployments[at].reconciling = false;
        self.drop_empty_sets(at);
    }

    /// Forgets versions that are not wished for and have no pod left.
    fn drop_empty_sets(&mut self, at: usize) {
        let deployment = &mut self.deployments[at];
        if deployment.sets.len() <= 1 {
            return;
        }
        let (revision, pods) = (deployment.revision, &deployment.pods);
        let pods_left = &self.pods;
        deployment.sets.retain(|set| {
            set.revision == revision
                || set.replicas > 0
                || pods
                    .iter()
                    .any(|pod| pods_left[*pod].revision == set.revision)
        });
    }

    /// One step of a rollout; whether anything changed.
    fn size_sets(&mut self, service: ServiceId, cluster: ClusterId) -> bool {
        let at = self.at(service, cluster);
        let strategy = self.strategy(service, cluster);
        let views = self.views(at);
        let deployment = &mut self.deployments[at];
        let desired = deployment.desired;
        let annotated = (desired, desired + strategy.max_surge(desired));
        let new = deployment
            .sets
            .iter()
            .position(|set| set.revision == deployment.revision)
            .expect("a new version has its set");
        if strategy == RolloutStrategy::Recreate {
            let revision = deployment.revision;
            let old_left = deployment
                .pods
                .iter()
                .any(|pod| self.pods[*pod].revision != revision);
            let sizes: Vec<u32> = (0..views.len())
                .map(|set| if set == new && !old_left { desired } else { 0 })
                .collect();
            let changed = deployment
                .sets
                .iter()
                .zip(&sizes)
                .any(|(set, size)| set.replicas != *size);
            for (set, size) in deployment.sets.iter_mut().zip(sizes) {
                (set.replicas, set.annotated) = (size, annotated);
            }
            return changed;
        }
        let all = views.iter().map(|set| set.replicas).sum();
        let size = strategy.reconcile_new(desired, views[new].replicas, all);
        if size != views[new].replicas {
            let set = &mut deployment.sets[new];
            (set.replicas, set.annotated) = (size, annotated);
            return true;
        }
        // Oldest first, as the arithmetic wants them.
        let order: Vec<usize> = (0..views.len()).rev().filter(|set| *set != new).collect();
        let mut old: Vec<ReplicaSet> = order.iter().map(|set| views[*set]).collect();
        let removed = strategy.reconcile_old(desired, views[new], &mut old);
        for (set, view) in order.into_iter().zip(old) {
            deployment.sets[set].replicas = view.replicas;
        }
        removed > 0
    }

    /// Pods of a version that are, or will be, there to stay.
    fn staying(&self, at: usize, revision: u32) -> u32 {
        let deployment = &self.deployments[at];
        if deployment.sets.len() == 1 {
            return deployment.staying();
        }
        let stays = |phase| !matches!(phase, Phase::Terminating | Phase::Gone);
        let pods = deployment.pods.iter().map(|pod| &self.pods[*pod]);
        pods.filter(|pod| pod.revision == revision && stays(pod.phase))
            .count() as u32
    }

    /// Makes and removes pods until every replica set has its size.
    fn fulfil(&mut self, service: ServiceId, cluster: ClusterId) {
        let at = self.at(service, cluster);
        for set in self.deployments[at].sets.clone() {
            while self.staying(at, set.revision) > set.replicas {
                let Some(pod) = self.next_to_go(at, set.revision) else {
                    break;
                };
                self.terminate(pod);
            }
        }
        for set in self.deployments[at].sets.clone() {
            while self.staying(at, set.revision) < set.replicas {
                let pod = self.make_pod(service, cluster, set.revision);
                self.schedule(pod, true);
            }
        }
    }

    /// Pending first, then those that do not run or start, then one of those that share a node with most of
    /// their kind, then the youngest: as a ReplicaSet does (its buckets of age and deletion costs left out).
    fn next_to_go(&self, at: usize, revision: u32) -> Option<usize> {
        let pods = || self.deployments[at].pods.iter().copied();
        let node = |pod: usize| match self.pods[pod].placement {
            Some(Placement::Node(node)) => Some(node),
            _ => None,
        };
        let rank = |phase| match phase {
            Phase::Pending => Some(3),
            Phase::Lost => Some(2),
            Phase::Starting => Some(1),
            Phase::Ready => Some(0),
            Phase::Terminating | Phase::Gone => None,
        };
        let mut nodes: Vec<usize> = pods().filter_map(node).collect();
        nodes.sort_unstable();
        let together = |pod: usize| {
            node(pod).map_or(0, |node| {
                nodes.partition_point(|other| *other <= node)
                    - nodes.partition_point(|other| *other < node)
            })
        };
        pods()
            .filter(|pod| self.pods[*pod].revision == revision)
            .filter_map(|pod| rank(self.pods[pod].phase).map(|rank| (rank, together(pod), pod)))
            .max()
            .map(|(_, _, pod)| pod)
    }

    /// The service's ordinary deploys begin.
    pub(in crate::world::control) fn start_deploys(&mut self) {
        for service in self.services() {
            if self.scenario.service(service).pods.deploys > 0.0 {
                self.plan_deploy(service, 0);
            }
        }
    }

    fn plan_deploy(&mut self, service: ServiceId, ordinal: u64) {
        let rate = self.scenario.service(service).pods.deploys;
        let gap = self.draws.deploy_gap(service, ordinal) / rate;
        let at = self.now + crate::units::SimDuration::from_seconds(gap);
        if at < self.scenario.end() {
            self.agenda.add(at, Event::Deploy(service, ordinal));
        }
    }

    pub(in crate::world::control) fn on_deploy(&mut self, service: ServiceId, ordinal: u64) {
        self.deploy(service, None);
        self.plan_deploy(service, ordinal + 1);
    }

    /// A version replaces the one that runs, wherever the service runs: a new one, or one that was there.
    pub(in crate::world::control) fn deploy(&mut self, service: ServiceId, back_to: Option<u32>) {
        let revision = back_to.unwrap_or_else(|| {
            self.latest[service.index()] += 1;
            self.latest[service.index()]
        });
        self.revisions[service.index()] = revision;
        let detail = format!(
            "version {revision} of {} is rolled out",
            self.scenario.service(service).name
        );
        self.tell(
            EventKind::DeployStarted,
            None,
            Some(service),
            Some(f64::from(revision)),
            detail,
        );
        for cluster in 0..self.scenario.clusters.len() {
            let cluster = ClusterId::from_index(cluster);
            let at = self.at(service, cluster);
            if self.deployments[at].desired == 0 || self.is_guest(service) {
                continue;
            }
            let deployment = &mut self.deployments[at];
            deployment.revision = revision;
            let desired = deployment.desired;
            let known = deployment
                .sets
                .iter()
                .position(|set| set.revision == revision);
            let set = known.map_or(
                Set {
                    revision,
                    replicas: 0,
                    annotated: (desired, desired),
                },
                |place| deployment.sets.remove(place),
            );
            deployment.sets.insert(0, set);
            self.reconcile(service, cluster);
        }
    }
}
