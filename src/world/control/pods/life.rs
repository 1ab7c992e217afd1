//! From a node to the end: ready, listed, terminating, gone.

use super::{Phase, Pod};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimTime};
use crate::world::contract::Command;
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::control::draws::{DELIST, LIST};
use crate::world::control::nodes::Placement;

impl Control<'_> {
    /// Places the replicas of time zero: ready, listed and warm at once where there is room; their images
    /// are on their nodes.
    pub(in crate::world::control) fn place_initial(
        &mut self,
        service: ServiceId,
        cluster: ClusterId,
        replicas: u32,
    ) {
        let at = self.at(service, cluster);
        self.size_only_set(at, replicas);
        for _ in 0..replicas {
            let pod = self.make_pod(service, cluster, 0);
            if !self.schedule(pod, false) {
                continue;
            }
            if let Some(Placement::Node(node)) = self.pods[pod].placement {
                self.launching[cluster.index()].cache(node, service, 0);
            }
            self.become_ready(pod);
            self.on_listed(pod);
        }
    }

    /// Puts a scheduled pod on its node.
    pub(in crate::world::control) fn settle(
        &mut self,
        pod: usize,
        placement: Placement,
        start: bool,
    ) {
        let Pod {
            service, cluster, ..
        } = self.pods[pod];
        let at = self.at(service, cluster);
        self.nodes.take(cluster, placement, service, pod);
        self.pods[pod].placement = Some(placement);
        self.pods[pod].nominated = None;
        self.pods[pod].scheduled_at = Some(self.now);
        self.deployments[at].pending -= 1;
        self.deployments[at].starting += 1;
        self.set_phase(pod, Phase::Starting);
        if self.is_guest(service) {
            self.guest_placed(pod);
        } else {
            self.add_replica(pod, start);
        }
        if start {
            self.launch(pod);
        }
    }

    /// A new process for the pod in the data plane, cold unless the world begins with it.
    pub(in crate::world::control) fn add_replica(&mut self, pod: usize, cold: bool) {
        let Pod {
            service, cluster, ..
        } = self.pods[pod];
        let replica = ReplicaId::from_index(self.replicas.len());
        self.replicas.push(pod);
        self.pods[pod].replica = Some(replica);
        let facts = self.scenario.service(service);
        let (rate, errors) = (self.rate_of(pod), self.errors_of(pod));
        (self.pods[pod].rate, self.pods[pod].errors) = (rate, errors);
        self.commands.push(Command::AddReplica {
            replica,
            service,
            cluster,
            speed: rate,
            warmup: facts.warmup.filter(|_| cold),
        });
        if errors > 0.0 {
            let ratio = errors;
            self.commands.push(Command::SetErrors { replica, ratio });
        }
    }

    fn become_ready(&mut self, pod: usize) {
        let Pod {
            service, cluster, ..
        } = self.pods[pod];
        let at = self.at(service, cluster);
        self.set_phase(pod, Phase::Ready);
        let now = self.now;
        self.pods[pod].ready_at = (now > SimTime::ZERO).then_some(now);
        let deployment = &mut self.deployments[at];
        deployment.starting -= 1;
        deployment.set_ready(deployment.ready + 1, now);
        if let Some(replica) = self.pods[pod].replica {
            self.commands.push(Command::Ready { replica });
        }
    }

    pub(in crate::world::control) fn on_started(&mut self, pod: usize, restarts: u32) {
        let Pod {
            service,
            cluster,
            ordinal,
            phase,
            ..
        } = self.pods[pod];
        if phase != Phase::Starting || restarts != self.pods[pod].restarts {
            return;
        }
        self.become_ready(pod);
        if self.is_guest(service) {
            self.guest_started(pod);
            return;
        }
        let propagation = &self.scenario.cluster(cluster).propagation;
        let delay = self
            .draws
            .duration(propagation, cluster, service, ordinal, LIST);
        self.agenda.add(self.now + delay, Event::Listed(pod));
        self.roll_on(service, cluster);
    }

    pub(in crate::world::control) fn on_listed(&mut self, pod: usize) {
        let Pod {
            service,
            cluster,
            phase,
            replica,
            listed,
            ..
        } = self.pods[pod];
        let (Phase::Ready, Some(replica), false) = (phase, replica, listed) else {
            return;
        };
        self.pods[pod].listed = true;
        let at = self.at(service, cluster);
        self.deployments[at].listed += 1;
        self.commands.push(Command::List { replica });
        self.wake_programme();
    }

    pub(in crate::world::control) fn terminate(&mut self, pod: usize) {
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
                self.dequeue(pod);
                self.bury(pod);
            }
            Phase::Starting => {
                self.deployments[at].starting -= 1;
                self.kill(pod);
            }
            Phase::Lost => {
                self.deployments[at].lost -= 1;
                self.on_delisted(pod);
                self.kill(pod);
            }
            // A process that serves nobody ends when it is told to.
            Phase::Ready if self.is_guest(service) => {
                let now = self.now;
                let deployment = &mut self.deployments[at];
                deployment.set_ready(deployment.ready - 1, now);
                self.kill(pod);
            }
            Phase::Ready => {
                self.set_phase(pod, Phase::Terminating);
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

    pub(super) fn kill(&mut self, pod: usize) {
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
        self.set_phase(pod, Phase::Gone);
        self.deployments[at].pods.retain(|other| *other != pod);
        let guest = self.is_guest(service);
        if guest {
            self.guest_buried(pod);
        }
        if let Some(placement) = placement {
            self.nodes.free(cluster, placement, service, pod);
            self.retry_pending(cluster);
        }
        self.roll_on(service, cluster);
        self.give_back_nodes(cluster);
        if guest {
            self.guest_gone(pod);
        }
        self.wake_programme();
    }

    pub(in crate::world::control) fn on_delisted(&mut self, pod: usize) {
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

    pub(in crate::world::control) fn on_draining(&mut self, pod: usize) {
        if let (Phase::Terminating, Some(replica)) = (self.pods[pod].phase, self.pods[pod].replica)
        {
            self.commands.push(Command::Drain { replica });
        }
    }

    /// The data plane says that a draining replica is idle. While callers still see it, it stays and refuses.
    pub(in crate::world::control) fn on_drained(&mut self, replica: ReplicaId) {
        let pod = self.replicas[replica.index()];
        if self.pods[pod].phase == Phase::Terminating {
            self.pods[pod].drained = true;
            if !self.pods[pod].listed {
                self.kill(pod);
            }
        }
    }

    /// What is left after the grace period fails; callers may still try the address until they learn.
    pub(in crate::world::control) fn on_grace_over(&mut self, pod: usize) {
        if self.pods[pod].phase == Phase::Terminating {
            self.kill(pod);
        }
    }
}
