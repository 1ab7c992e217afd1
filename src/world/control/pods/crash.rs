//! Crashes: a process that ends by itself starts again where it was, after a back-off that grows.
//!
//! kubelet's rule: the first restart is at once, the next waits 10 s, each further one twice as long, at most
//! 5 minutes; a process that ran for 10 minutes starts afresh.

use super::Phase;
use crate::units::{ReplicaId, SimDuration};
use crate::world::contract::Command;
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::control::draws::DELIST;
use crate::world::recorder::EventKind;

const FIRST_BACKOFF: SimDuration = SimDuration::from_secs(10);
const LONGEST_BACKOFF: SimDuration = SimDuration::from_secs(300);
const FORGOTTEN_AFTER: SimDuration = SimDuration::from_secs(600);

/// Wait before the restart after so many crashes in a row, this one included.
fn back_off(crashes: u32) -> SimDuration {
    match crashes {
        0 | 1 => SimDuration::ZERO,
        more => SimDuration(FIRST_BACKOFF.0 << (more - 2).min(5)).min(LONGEST_BACKOFF),
    }
}

impl Control<'_> {
    /// The data plane says that a replica's requests took more memory than it may have.
    pub(in crate::world::control) fn on_out_of_memory(&mut self, replica: ReplicaId) {
        let pod = self.replicas[replica.index()];
        if self.pods[pod].replica != Some(replica) {
            return;
        }
        let (service, cluster) = (self.pods[pod].service, self.pods[pod].cluster);
        match self.pods[pod].phase {
            Phase::Terminating => self.kill(pod),
            Phase::Ready => {
                let ran = self.now.since(self.pods[pod].since);
                let crashes = if ran >= FORGOTTEN_AFTER {
                    1
                } else {
                    self.pods[pod].crashes + 1
                };
                let facts = self.scenario.service(service);
                let detail = format!(
                    "a pod of {} ran out of memory, crash {crashes} in a row",
                    facts.name
                );
                self.tell(EventKind::PodCrashed, None, Some(service), None, detail);
                let at = self.at(service, cluster);
                let now = self.now;
                let deployment = &mut self.deployments[at];
                deployment.set_ready(deployment.ready - 1, now);
                deployment.starting += 1;
                deployment.listed -= u32::from(self.pods[pod].listed);
                self.set_phase(pod, Phase::Starting);
                self.pods[pod].crashes = crashes;
                self.pods[pod].restarts += 1;
                let (ordinal, restarts) = (self.pods[pod].ordinal, self.pods[pod].restarts);
                let propagation = &self.scenario.cluster(cluster).propagation;
                let delay = self
                    .draws
                    .duration(propagation, cluster, service, ordinal, DELIST);
                self.agenda
                    .add(now + delay, Event::Unreachable(pod, restarts));
                self.agenda
                    .add(now + back_off(crashes), Event::Restart(pod, restarts));
            }
            Phase::Pending | Phase::Starting | Phase::Lost | Phase::Gone => {}
        }
    }

    pub(in crate::world::control) fn on_restart(&mut self, pod: usize, restarts: u32) {
        if self.pods[pod].phase != Phase::Starting || self.pods[pod].restarts != restarts {
            return;
        }
        if let Some(replica) = self.pods[pod].replica {
            self.on_delisted(pod);
            self.commands.push(Command::Kill { replica });
        }
        self.add_replica(pod, true);
        self.start_process(pod);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_from_10_s_to_5_min() {
        let waits = [1, 2, 3, 4, 5, 6, 7, 40].map(|crashes| back_off(crashes).seconds());
        assert_eq!(waits, [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]);
    }
}
