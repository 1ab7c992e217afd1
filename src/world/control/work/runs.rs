//! Work that is being done: it goes on at the rate of its pod, and ends.

use super::{WORK, sample};
use crate::model::placement::Demand;
use crate::units::{ClusterId, SimDuration, SimTime};
use crate::world::control::Control;
use crate::world::control::agenda::Event;
use crate::world::control::nodes::Placement;

/// Work of one pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// CPU-seconds in all, and those left at `since`.
    all: f64,
    left: f64,
    /// Cores that it gets.
    rate: f64,
    since: SimTime,
    /// Which planning of its end counts.
    generation: u32,
}

impl Run {
    fn left_at(&self, now: SimTime) -> f64 {
        (self.left - self.rate * now.since(self.since).seconds()).max(0.0)
    }
}

impl Control<'_> {
    /// A pod of a job's task begins its work.
    pub(super) fn begin_run(&mut self, pod: usize) {
        let Some(guest) = self.pods[pod].guest else {
            return;
        };
        let instance = &self.works.instances[&guest.instance];
        let part = guest.part as usize;
        let task = &self.scenario.work[instance.source].tasks()[part];
        let key = self.works.keys[instance.source]
            .nth(instance.number)
            .nth(part as u64);
        // The members of a gang wait for one another at each step: they do the same.
        let key = key.nth(if task.gang {
            0
        } else {
            u64::from(guest.member)
        });
        let all = sample(&task.work, key, WORK);
        let run = Run {
            all,
            left: all,
            rate: 0.0,
            since: self.now,
            generation: 0,
        };
        self.works.runs.insert(pod, run);
        self.refresh_run(pod);
    }

    /// The pod's rate is another, or was never set.
    pub(in crate::world::control) fn refresh_run(&mut self, pod: usize) {
        let rate = self.rate_of(pod) * self.scenario.service(self.pods[pod].service).batch_cores();
        let at = self.at(self.pods[pod].service, self.pods[pod].cluster);
        let now = self.now;
        let Some(run) = self.works.runs.get_mut(&pod) else {
            return;
        };
        if (run.rate - rate).abs() <= 1e-9 * rate {
            return;
        }
        self.works.generation = self.works.generation.wrapping_add(1);
        let change = rate - run.rate;
        *run = Run {
            left: run.left_at(now),
            rate,
            since: now,
            generation: self.works.generation,
            ..*run
        };
        let (left, generation) = (run.left, run.generation);
        self.works.cpu[at].change(change, now);
        if rate > 0.0 {
            let end = now + SimDuration::from_seconds(left / rate);
            self.agenda.add(end, Event::WorkDone(pod, generation));
        }
    }

    /// The pod works no longer; CPU-seconds that it did.
    pub(super) fn end_run(&mut self, pod: usize) -> f64 {
        let Some(run) = self.works.runs.remove(&pod) else {
            return 0.0;
        };
        let at = self.at(self.pods[pod].service, self.pods[pod].cluster);
        self.works.cpu[at].change(-run.rate, self.now);
        run.all - run.left_at(self.now)
    }

    pub(in crate::world::control) fn on_work_done(&mut self, pod: usize, generation: u32) {
        let counts = |run: &Run| run.generation == generation;
        if self.works.runs.get(&pod).is_some_and(counts) {
            self.end_run(pod);
            self.member_done(pod);
        }
    }

    /// What the working pods on nodes want: each as many cores as it may have.
    pub(in crate::world::control) fn run_demands(
        &self,
    ) -> impl Iterator<Item = (usize, (ClusterId, usize), Demand)> + '_ {
        self.works.runs.keys().filter_map(|pod| {
            let facts = &self.pods[*pod];
            let Some(Placement::Node(node)) = facts.placement else {
                return None;
            };
            let service = self.scenario.service(facts.service);
            let demand = Demand {
                cores: service.batch_cores(),
                weight: service.resources.cpu_request.cores(),
            };
            Some((*pod, (facts.cluster, node), demand))
        })
    }
}
