//! Life of pods: wished for, scheduled (or pending), started, ready, listed, terminating, gone.

use super::Control;
use super::agenda::Event;
use super::draws::{DELIST, LIST, STARTUP};
use super::nodes::Placement;
use crate::units::{ClusterId, ReplicaId, ServiceId, SimTime};
use crate::world::contract::Command;
use crate::world::recorder::EventKind;

/// Where a pod is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Pending,
    Starting,
    Ready,
    Terminating,
    Gone,
}

/// One pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    service: ServiceId,
    cluster: ClusterId,
    /// Among the pods of its service in its cluster: keys its draws.
    ordinal: u64,
    pub phase: Phase,
    listed: bool,
    drained: bool,
    replica: Option<ReplicaId>,
    placement: Option<Placement>,
    /// When it was scheduled, and when it became ready; `None` before.
    pub scheduled_at: Option<SimTime>,
    pub ready_at: Option<SimTime>,
}

/// The pods of one service in one cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Deployment {
    /// Replicas wished for.
    pub desired: u32,
    /// Pods that are not gone, in order of their making.
    pub pods: Vec<usize>,
    made: u64,
    pub pending: u32,
    pub starting: u32,
    pub ready: u32,
    /// Ready and known to callers.
    pub listed: u32,
    pub terminating: u32,
    ready_seconds: f64,
    ready_counted: SimTime,
    /// When the youngest pod was made; `None`: all are of time zero.
    pub youngest: Option<SimTime>,
}

impl Deployment {
    /// Pods that are, or will be, there to stay.
    pub fn staying(&self) -> u32 {
        self.pending + self.starting + self.ready
    }

    /// Whether no pod of any kind is left.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    fn set_ready(&mut self, ready: u32, now: SimTime) {
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

    /// Wishes for that many replicas from now on.
    pub(super) fn set_desired(&mut self, service: ServiceId, cluster: ClusterId, desired: u32) {
        let at = self.at(service, cluster);
        self.deployments[at].desired = desired;
        while self.deployments[at].staying() < desired {
            let pod = self.make_pod(service, cluster);
            self.schedule(pod, true);
        }
        while self.deployments[at].staying() > desired {
            let pod = self.next_to_go(at).expect("staying pods are in the list");
            self.terminate(pod);
        }
    }

    /// Places the replicas of time zero: ready, listed and warm at once where there is room.
    pub(super) fn place_initial(&mut self, service: ServiceId, cluster: ClusterId, replicas: u32) {
        let at = self.at(service, cluster);
        self.deployments[at].desired = replicas;
        for _ in 0..replicas {
            let pod = self.make_pod(service, cluster);
            if !self.schedule(pod, false) {
                continue;
            }
            let replica = self.pods[pod]
                .replica
                .expect("a scheduled pod has its replica");
            self.pods[pod].phase = Phase::Ready;
            self.pods[pod].listed = true;
            let deployment = &mut self.deployments[at];
            deployment.starting -= 1;
            deployment.listed += 1;
            deployment.set_ready(deployment.ready + 1, self.now);
            self.commands.push(Command::Ready { replica });
            self.commands.push(Command::List { replica });
        }
    }

    fn make_pod(&mut self, service: ServiceId, cluster: ClusterId) -> usize {
        let at = self.at(service, cluster);
        let pod = self.pods.len();
        let deployment = &mut self.deployments[at];
        self.pods.push(Pod {
            service,
            cluster,
            ordinal: deployment.made,
            phase: Phase::Pending,
            listed: false,
            drained: false,
            replica: None,
            placement: None,
            scheduled_at: None,
            ready_at: None,
        });
        if self.now > SimTime::ZERO {
            deployment.youngest = Some(self.now);
        }
        deployment.made += 1;
        deployment.pending += 1;
        deployment.pods.push(pod);
        pod
    }

    /// Whether the pod found room. With `start`, its process starts now (cold).
    fn schedule(&mut self, pod: usize, start: bool) -> bool {
        let Pod {
            service,
            cluster,
            ordinal,
            ..
        } = self.pods[pod];
        let at = self.at(service, cluster);
        let facts = self.scenario.service(service);
        let draws = &self.draws;
        let found = self.nodes.place(cluster, &facts.resources, |node| {
            draws.tie(cluster, service, ordinal, node)
        });
        let placement = match found {
            Ok(placement) => placement,
            Err(reason) => {
                if !self.pending.contains(&pod) {
                    self.pending.push(pod);
                    // One event until all pods of the service have room again.
                    if self.deployments[at].pending == 1 {
                        let cluster = &self.scenario.cluster(cluster).name;
                        let detail =
                            format!("a pod of {} is Pending in {cluster}: {reason}", facts.name);
                        self.tell(EventKind::PodPending, None, Some(service), None, detail);
                    }
                }
                return false;
            }
        };
        let replica = ReplicaId::from_index(self.replicas.len());
        self.replicas.push(pod);
        let speed = match placement {
            Placement::Anywhere => 1.0,
            Placement::Node(_, speed) => speed,
        };
        let now = self.now;
        let entry = &mut self.pods[pod];
        (entry.replica, entry.placement, entry.phase) =
            (Some(replica), Some(placement), Phase::Starting);
        entry.scheduled_at = Some(now);
        self.deployments[at].pending -= 1;
        self.deployments[at].starting += 1;
        let warmup = facts.warmup.filter(|_| start);
        self.commands.push(Command::AddReplica {
            replica,
            service,
            cluster,
            speed,
            warmup,
        });
        if start {
            let delay = self
                .draws
                .duration(&facts.startup, cluster, service, ordinal, STARTUP);
            self.agenda.add(self.now + delay, Event::Started(pod));
        }
        true
    }

    /// Pending first, then those that start, then the youngest: as a ReplicaSet does.
    fn next_to_go(&self, at: usize) -> Option<usize> {
        let rank = |phase| match phase {
            Phase::Pending => Some(2),
            Phase::Starting => Some(1),
            Phase::Ready => Some(0),
            Phase::Terminating | Phase::Gone => None,
        };
        let pods = self.deployments[at].pods.iter().copied();
        pods.filter_map(|pod| rank(self.pods[pod].phase).map(|rank| (rank, pod)))
            .max()
            .map(|(_, pod)| pod)
    }

    fn terminate(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            ordinal,
            phase,
            ..
        } = self.pods[pod];
        let at = self.at(service, cluster);
        match phase {
            Phase::Pending => {
                self.deployments[at].pending -= 1;
                self.pending.retain(|other| *other != pod);
                self.bury(pod);
            }
            Phase::Starting => {
                self.deployments[at].starting -= 1;
                self.kill(pod);
            }
            Phase::Ready => {
                self.pods[pod].phase = Phase::Terminating;
                let now = self.now;
                let deployment = &mut self.deployments[at];
                deployment.set_ready(deployment.ready - 1, now);
                deployment.terminating += 1;
                deployment.listed -= u32::from(self.pods[pod].listed);
                let facts = self.scenario.service(service);
                let propagation = &self.scenario.cluster(cluster).propagation;
                let delay = self
                    .draws
                    .duration(propagation, cluster, service, ordinal, DELIST);
                self.agenda.add(now + delay, Event::Delisted(pod));
                // The grace period runs from the start of termination and includes preStop.
                if facts.pre_stop < facts.termination_grace {
                    self.agenda.add(now + facts.pre_stop, Event::Draining(pod));
                }
                self.agenda
                    .add(now + facts.termination_grace, Event::GraceOver(pod));
            }
            Phase::Terminating | Phase::Gone => {}
        }
    }

    fn kill(&mut self, pod: usize) {
        if let Some(replica) = self.pods[pod].replica {
            self.commands.push(Command::Kill { replica });
        }
        self.bury(pod);
    }

    /// Takes a pod that has stopped out of the lists, and gives its room to who waits for it.
    fn bury(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            placement,
            phase,
            ..
        } = self.pods[pod];
        let at = self.at(service, cluster);
        if phase == Phase::Terminating {
            self.deployments[at].terminating -= 1;
        }
        self.pods[pod].phase = Phase::Gone;
        self.deployments[at].pods.retain(|other| *other != pod);
        if let Some(placement) = placement {
            self.nodes.free(
                cluster,
                placement,
                &self.scenario.service(service).resources,
            );
            self.retry_pending(cluster);
        }
        self.give_back_nodes(cluster);
        self.wake_programme();
    }

    /// Tries every pod of the cluster that has no node, the oldest first.
    pub(super) fn retry_pending(&mut self, cluster: ClusterId) {
        for pod in self.pending.clone() {
            if self.pods[pod].cluster == cluster && self.schedule(pod, true) {
                self.pending.retain(|other| *other != pod);
            }
        }
    }

    pub(super) fn on_started(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            ordinal,
            phase,
            replica,
            ..
        } = self.pods[pod];
        let (Phase::Starting, Some(replica)) = (phase, replica) else {
            return;
        };
        let at = self.at(service, cluster);
        let now = self.now;
        (self.pods[pod].phase, self.pods[pod].ready_at) = (Phase::Ready, Some(now));
        let deployment = &mut self.deployments[at];
        deployment.starting -= 1;
        deployment.set_ready(deployment.ready + 1, now);
        self.commands.push(Command::Ready { replica });
        let propagation = &self.scenario.cluster(cluster).propagation;
        let delay = self
            .draws
            .duration(propagation, cluster, service, ordinal, LIST);
        self.agenda.add(now + delay, Event::Listed(pod));
    }

    pub(super) fn on_listed(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            phase,
            replica,
            ..
        } = self.pods[pod];
        let (Phase::Ready, Some(replica)) = (phase, replica) else {
            return;
        };
        self.pods[pod].listed = true;
        let at = self.at(service, cluster);
        self.deployments[at].listed += 1;
        self.commands.push(Command::List { replica });
        self.wake_programme();
    }

    pub(super) fn on_delisted(&mut self, pod: usize) {
        let Pod {
            listed,
            replica,
            drained,
            phase,
            ..
        } = self.pods[pod];
        if let (true, Some(replica)) = (listed, replica) {
            self.pods[pod].listed = false;
            self.commands.push(Command::Delist { replica });
        }
        if drained && phase == Phase::Terminating {
            self.kill(pod);
        }
    }

    pub(super) fn on_draining(&mut self, pod: usize) {
        if let (Phase::Terminating, Some(replica)) = (self.pods[pod].phase, self.pods[pod].replica)
        {
            self.commands.push(Command::Drain { replica });
        }
    }

    /// The data plane says that a draining replica is idle. While callers still see it, it stays and refuses.
    pub(super) fn on_drained(&mut self, replica: ReplicaId) {
        let pod = self.replicas[replica.index()];
        if self.pods[pod].phase == Phase::Terminating {
            self.pods[pod].drained = true;
            if !self.pods[pod].listed {
                self.kill(pod);
            }
        }
    }

    /// What is left after the grace period fails; callers may still try the address until they learn.
    pub(super) fn on_grace_over(&mut self, pod: usize) {
        if self.pods[pod].phase == Phase::Terminating {
            self.kill(pod);
        }
    }
}
