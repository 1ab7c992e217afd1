//! Gangs: all pods of a task get room at once, or none does.
//!
//! A gang that finds no room takes none, and waits before it is tried again as kube-scheduler's queue lets a pod
//! wait (`podInitialBackoffSeconds` 1, doubled up to `podMaxBackoffSeconds` 10). Gangs evict nobody: upstream's
//! co-scheduling rejects the whole group where one member finds no room.

use crate::units::SimDuration;
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::control::nodes::Placement;
use crate::world::control::pods::Phase;

const FIRST_BACKOFF: SimDuration = SimDuration::from_secs(1);
const LONGEST_BACKOFF: SimDuration = SimDuration::from_secs(10);

/// Wait after so many attempts in a row.
fn back_off(attempts: u32) -> SimDuration {
    SimDuration(FIRST_BACKOFF.0 << attempts.saturating_sub(1).min(4)).min(LONGEST_BACKOFF)
}

impl Control<'_> {
    /// The pods of the gang that a pod belongs to.
    pub(in crate::world::control) fn gang_of(&self, pod: usize) -> Option<Vec<usize>> {
        let guest = self.pods[pod].guest?;
        let part = &self.works.instances.get(&guest.instance)?.parts[guest.part as usize];
        part.gang
            .then(|| part.pods.iter().flatten().copied().collect())
    }

    /// Places a waiting gang if there is room for all of it; for how many of it there was room.
    pub(in crate::world::control) fn try_gang(&mut self, pods: &[usize]) -> usize {
        let waits = |control: &Self, pod: &usize| control.pods[*pod].phase == Phase::Pending;
        let Some(first) = pods
            .first()
            .filter(|_| pods.iter().all(|pod| waits(self, pod)))
        else {
            return 0;
        };
        let Some(guest) = self.pods[*first].guest else {
            return 0;
        };
        let (service, cluster) = (self.pods[*first].service, self.pods[*first].cluster);
        let now = self.now;
        let Some(instance) = self.works.instances.get_mut(&guest.instance) else {
            return 0;
        };
        let part = &mut instance.parts[guest.part as usize];
        if now < part.not_before {
            if !std::mem::replace(&mut part.armed, true) {
                let retry = Event::TryGang(guest.instance, guest.part);
                self.agenda.add(part.not_before, retry);
            }
            return 0;
        }
        let mut found: Vec<(usize, Placement)> = Vec::with_capacity(pods.len());
        for pod in pods {
            let ordinal = self.pods[*pod].ordinal;
            let draws = &self.draws;
            let tie = |node| draws.tie(cluster, service, ordinal, node);
            let Some(placement) = self.nodes.choose(cluster, service, tie) else {
                break;
            };
            self.nodes.take(cluster, placement, service, *pod);
            found.push((*pod, placement));
        }
        // Taken in thought; `settle` takes the room of those that stay.
        for (pod, placement) in found.iter().rev() {
            self.nodes.free(cluster, *placement, service, *pod);
        }
        let part = self.part_of(guest);
        if found.len() < pods.len() {
            part.attempts += 1;
            part.not_before = now + back_off(part.attempts);
            return found.len();
        }
        (part.attempts, part.armed) = (0, false);
        for (pod, placement) in found {
            self.dequeue(pod);
            self.settle(pod, placement, true);
        }
        pods.len()
    }

    pub(in crate::world::control) fn on_try_gang(&mut self, instance: u64, part: u32) {
        let Some(found) = self.works.instances.get_mut(&instance) else {
            return;
        };
        let part = &mut found.parts[part as usize];
        part.armed = false;
        let first = part.pods.iter().flatten().next().copied();
        if let Some(pod) = first.filter(|pod| self.pods[*pod].phase == Phase::Pending) {
            self.schedule(pod, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gang_waits_as_long_as_a_pod_does() {
        let waits = [1, 2, 3, 4, 5, 40].map(|attempts| back_off(attempts).seconds());
        assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]);
    }
}
