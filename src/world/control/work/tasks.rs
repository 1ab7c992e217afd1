//! A job's tasks, an environment's services: their pods are made, get room, start, end, and are made again.

use super::{Guest, Part, Stage};
use crate::units::{ClusterId, SimDuration, WorkId};
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::control::nodes::Placement;
use crate::world::control::pods::Phase;
use crate::world::recorder::WorkNote;

/// The Job controller's wait before it makes a pod again: 10 s, doubled with each failure, at most 6 minutes.
const FIRST_REMAKE: SimDuration = SimDuration::from_secs(10);
const LONGEST_REMAKE: SimDuration = SimDuration::from_secs(360);
/// A Deployment's: none to speak of, but its new pod comes after whoever its old one made room for.
const ENVIRONMENT_REMAKE: SimDuration = SimDuration::from_secs(1);

fn remake_after(failures: u32) -> SimDuration {
    SimDuration(FIRST_REMAKE.0 << failures.saturating_sub(1).min(6)).min(LONGEST_REMAKE)
}

impl Control<'_> {
    pub(super) fn part_of(&mut self, guest: Guest) -> &mut Part {
        let instance = self.works.instances.get_mut(&guest.instance);
        let instance = instance.expect("a pod's job is there as long as the pod is its");
        &mut instance.parts[guest.part as usize]
    }

    /// A task whose predecessors have ended, or a service of a new environment, asks for room.
    pub(super) fn begin_part(&mut self, id: u64, part: usize) {
        let tasks = self.scenario.work[self.works.instances[&id].source].tasks();
        let cluster = (!tasks.is_empty()).then(|| self.place_of_task(id, part));
        let now = self.now;
        let guest = Guest {
            instance: id,
            part: part as u32,
            member: 0,
        };
        let found = self.part_of(guest);
        found.stage = Stage::Running;
        found.queued = now;
        found.cluster = cluster.unwrap_or(found.cluster);
        self.make_members(guest);
    }

    /// Makes the pods that a part lacks, and looks for room.
    fn make_members(&mut self, guest: Guest) {
        let source = WorkId::from_index(self.works.instances[&guest.instance].source);
        let part = self.part_of(guest);
        let (service, cluster, gang) = (part.service, part.cluster, part.gang);
        let missing: Vec<usize> = (0..part.pods.len())
            .filter(|member| part.pods[*member].is_none() && !part.done[*member])
            .collect();
        let revision = self.revisions[service.index()];
        let at = self.at(service, cluster);
        let mut made = Vec::with_capacity(missing.len());
        for member in missing {
            let pod = self.make_pod(service, cluster, revision);
            self.deployments[at].desired += 1;
            self.pods[pod].source = Some(source);
            self.pods[pod].guest = Some(Guest {
                member: member as u32,
                ..guest
            });
            self.part_of(guest).pods[member] = Some(pod);
            made.push(pod);
        }
        if gang {
            if let Some(first) = made.first() {
                self.schedule(*first, true);
            }
            return;
        }
        for pod in made {
            // Who got room may have made room for the rest, or the job may be over.
            if self.pods[pod].phase == Phase::Pending && self.pods[pod].guest.is_some() {
                self.schedule(pod, true);
            }
        }
    }

    /// A pod has its node.
    pub(in crate::world::control) fn guest_placed(&mut self, pod: usize) {
        self.count_room(pod, 1.0);
        let Some(guest) = self.pods[pod].guest else {
            return;
        };
        let now = self.now;
        let part = self.part_of(guest);
        part.placed += 1;
        if part.placed < part.pods.len() as u32 || part.told {
            return;
        }
        part.told = true;
        let (wait, gang) = (now.since(part.queued), part.gang);
        let instance = &self.works.instances[&guest.instance];
        // An environment waits as one.
        if self.is_environments(pod) && !instance.parts.iter().all(|part| part.told) {
            return;
        }
        let source = instance.source;
        self.note(source, WorkNote::Room { wait, gang });
    }

    /// A pod's process has started.
    pub(in crate::world::control) fn guest_started(&mut self, pod: usize) {
        let Some(guest) = self.pods[pod].guest else {
            return;
        };
        let environment = self.is_environments(pod);
        let part = self.part_of(guest);
        part.ready += 1;
        if environment {
            if part.stage == Stage::Done {
                return;
            }
            part.stage = Stage::Done;
            let now = self.now;
            let instance = self.works.instances.get_mut(&guest.instance);
            let instance = instance.expect("its pod is alive");
            instance.left -= 1;
            if instance.left == 0 {
                let (source, after) = (instance.source, now.since(instance.arrived));
                self.note(source, WorkNote::Ready { after });
            }
        } else if !part.gang {
            self.begin_run(pod);
        } else if part.ready == part.pods.len() as u32 {
            let members: Vec<usize> = part.pods.iter().flatten().copied().collect();
            for member in members {
                self.begin_run(member);
            }
        }
    }

    /// A pod has done its work; the slowest of a gang ends it for all.
    pub(super) fn member_done(&mut self, pod: usize) {
        let Some(guest) = self.pods[pod].guest else {
            return;
        };
        let part = self.part_of(guest);
        part.done[guest.member as usize] = true;
        let over = part.done.iter().all(|done| *done);
        let going: Vec<usize> = if !part.gang {
            part.pods[guest.member as usize]
                .take()
                .into_iter()
                .collect()
        } else if over {
            part.pods.iter_mut().filter_map(Option::take).collect()
        } else {
            Vec::new()
        };
        if over {
            part.stage = Stage::Done;
        }
        self.let_go(&going);
        if over {
            self.part_over(guest);
        }
    }

    /// A task has ended: those that wait for it may begin; after the last one the job has ended.
    fn part_over(&mut self, guest: Guest) {
        let now = self.now;
        let instance = self.works.instances.get_mut(&guest.instance);
        let instance = instance.expect("its task has just ended");
        instance.left -= 1;
        let source = instance.source;
        if instance.left == 0 {
            let (arrived, due) = (instance.arrived, instance.due);
            self.works.instances.remove(&guest.instance);
            self.works.ledgers[source].alive.change(-1.0, now);
            let note = WorkNote::Ended {
                after: now.since(arrived),
                late: due.map(|due| now.since(due)),
                served: true,
                is_job: true,
            };
            self.note(source, note);
            return;
        }
        let tasks = self.scenario.work[source].tasks();
        let next: Vec<usize> = (0..tasks.len())
            .filter(|task| tasks[*task].after.contains(&(guest.part as usize)))
            .collect();
        for part in next {
            let waiting = Guest {
                part: part as u32,
                ..guest
            };
            let found = self.part_of(waiting);
            found.waits_for -= 1;
            if found.waits_for == 0 {
                self.begin_part(guest.instance, part);
            }
        }
    }

    /// A pod's process is gone with its node, but nobody has noticed; it may come back.
    pub(in crate::world::control) fn guest_lost(&mut self, pod: usize, was: Phase) {
        let Some(guest) = self.pods[pod].guest else {
            return;
        };
        self.lose_work(pod);
        let part = self.part_of(guest);
        if was == Phase::Ready {
            part.ready = part.ready.saturating_sub(1);
        }
        if part.gang {
            self.fail_gang(guest);
        }
    }

    /// A pod went before its end: evicted, or its node did not come back.
    pub(in crate::world::control) fn guest_gone(&mut self, pod: usize) {
        let Some(guest) = self.pods[pod].guest.take() else {
            return;
        };
        self.lose_work(pod);
        let environment = self.is_environments(pod);
        let part = self.part_of(guest);
        part.pods[guest.member as usize] = None;
        part.placed = part.placed.saturating_sub(1);
        if part.gang {
            self.fail_gang(guest);
        } else {
            self.plan_remake(guest, environment);
        }
    }

    /// One member is gone: all others stop, what they did is lost.
    fn fail_gang(&mut self, guest: Guest) {
        let part = self.part_of(guest);
        let members: Vec<usize> = part.pods.iter_mut().filter_map(Option::take).collect();
        part.done.fill(false);
        (part.placed, part.ready, part.told) = (0, 0, false);
        for pod in &members {
            self.lose_work(*pod);
        }
        self.plan_remake(guest, false);
        self.let_go(&members);
    }

    fn plan_remake(&mut self, guest: Guest, environment: bool) {
        let part = self.part_of(guest);
        part.failures += 1;
        if std::mem::replace(&mut part.remaking, true) {
            return;
        }
        let after = if environment {
            ENVIRONMENT_REMAKE
        } else {
            remake_after(part.failures)
        };
        let event = Event::Remake(guest.instance, guest.part);
        self.agenda.add(self.now + after, event);
    }

    pub(in crate::world::control) fn on_remake(&mut self, instance: u64, part: u32) {
        let now = self.now;
        let Some(found) = self.works.instances.get_mut(&instance) else {
            return;
        };
        let found = &mut found.parts[part as usize];
        found.remaking = false;
        if found.gang {
            found.queued = now;
        }
        self.make_members(Guest {
            instance,
            part,
            member: 0,
        });
    }

    fn lose_work(&mut self, pod: usize) {
        let done = self.end_run(pod);
        if let Some(source) = self.pods[pod].source {
            self.works.ledgers[source.index()].lost += done;
        }
    }

    /// Room that a pod takes, or gives back (`sign` -1): cores asked for, and its share of the node's price, half by
    /// CPU and half by memory.
    fn count_room(&mut self, pod: usize, sign: f64) {
        let (service, cluster) = (self.pods[pod].service, self.pods[pod].cluster);
        let Some(source) = self.pods[pod].source else {
            return;
        };
        let asked = &self.scenario.service(service).resources;
        let cores = asked.cpu_request.cores();
        let price = match self.pods[pod].placement {
            Some(Placement::Node(node)) => {
                self.nodes
                    .price_of(cluster, node, asked.cpu_request.0, asked.memory_request.0)
            }
            _ => 0.0,
        };
        let now = self.now;
        let ledger = &mut self.works.ledgers[source.index()];
        ledger.cores.change(sign * cores, now);
        ledger.price.change(sign * price, now);
    }

    /// A pod of a job or an environment is out of the lists: its room is free.
    pub(in crate::world::control) fn guest_buried(&mut self, pod: usize) {
        let (service, cluster): (_, ClusterId) = (self.pods[pod].service, self.pods[pod].cluster);
        let at = self.at(service, cluster);
        self.deployments[at].desired -= 1;
        if self.pods[pod].placement.is_some() {
            self.count_room(pod, -1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_pod_is_made_again_after_10_s_doubled_up_to_6_min() {
        let waits = [1, 2, 3, 4, 5, 6, 7, 40].map(|failures| remake_after(failures).seconds());
        assert_eq!(waits, [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 360.0, 360.0]);
    }
}
