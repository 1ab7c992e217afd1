//! Jobs that leave a processor before they have ended, and those that take the core of another.

use super::{FEW, Processor, RATE_BITS, Removed, WORK_BITS, job_of};
use crate::units::{SimDuration, SimTime};
use crate::world::data::request::urgency::Added;

impl Processor {
    /// Takes a job off before it has ended. Looks at every job.
    pub fn remove(&mut self, job: u32, now: SimTime) -> Removed {
        if !self.timed {
            self.advance(now);
        }
        if let Some(at) = self.waiting.iter().position(|(other, _)| *other == job) {
            let left = self
                .waiting
                .remove(at)
                .map(|(_, demand)| SimDuration(demand));
            return Removed {
                left,
                started: None,
            };
        }
        if let Some(left) = self.urgency.as_mut().and_then(|all| all.leave(job)) {
            return Removed {
                left: Some(SimDuration(left >> WORK_BITS)),
                started: None,
            };
        }
        let Some(key) = self.take_running(job) else {
            return Removed::default();
        };
        let tag = (key >> 64) as u64;
        let left = if self.timed {
            let left = SimTime(tag).since(now).0;
            self.cpu_ns -= left;
            ((u128::from(left) * u128::from(self.rate)) >> RATE_BITS) as u64
        } else {
            tag.saturating_sub(self.virtual_work) >> WORK_BITS
        };
        let mut started = None;
        if let Some((next, demand)) = self.waiting.pop_front() {
            if self.timed {
                started = Some(self.start_timed(next, demand, now));
            } else {
                self.start(next, demand);
            }
        }
        if let Some(urgency) = &mut self.urgency
            && let Some((next, left)) = urgency.ended(job)
        {
            self.push_running(self.virtual_work.saturating_add(left), next);
        }
        if self.jobs() == 0 {
            self.virtual_work = 0;
            self.timed = self.may_be_timed;
        }
        Removed {
            left: Some(SimDuration(left)),
            started,
        }
    }

    /// Forgets a running job; returns its key. The others keep their places.
    fn take_running(&mut self, job: u32) -> Option<u128> {
        let here =
            |place: &usize| self.few_taken >> place & 1 == 1 && job_of(self.few[*place]) == job;
        if let Some(place) = (0..FEW).find(here) {
            self.few_count -= 1;
            self.few_taken &= !(1 << place);
            return Some(self.few[place]);
        }
        let mut others: Vec<_> = self.running.keys().collect();
        let at = others.iter().position(|key| job_of(*key) == job)?;
        let key = others.swap_remove(at);
        self.running.clear();
        others.into_iter().for_each(|key| self.running.push(key));
        Some(key)
    }

    /// Removes the jobs of which `is_theirs` holds; not timed.
    pub fn clear_where(&mut self, now: SimTime, is_theirs: &dyn Fn(u32) -> bool) -> Vec<u32> {
        self.advance(now);
        if let Some(urgency) = &mut self.urgency {
            let left = |key: u128| ((key >> 64) as u64).saturating_sub(self.virtual_work);
            let running = self.running.keys().map(|key| (job_of(key), left(key)));
            let running = running.collect();
            self.running.clear();
            let cores = self.cores as usize;
            let (gone, go_on) = urgency.clear_where(running, cores, is_theirs);
            for (job, left) in go_on {
                self.push_running(self.virtual_work.saturating_add(left), job);
            }
            return gone;
        }
        let (mut theirs, mut others) = (Vec::new(), Vec::new());
        while !self.running.is_empty() {
            let key = self.running.pop();
            if is_theirs(job_of(key)) {
                theirs.push(job_of(key));
            } else {
                others.push(key);
            }
        }
        others.into_iter().for_each(|key| self.running.push(key));
        for (job, demand) in std::mem::take(&mut self.waiting) {
            if is_theirs(job) {
                theirs.push(job);
            } else {
                self.waiting.push_back((job, demand));
            }
        }
        while self.running.len() < self.cores as usize
            && let Some((next, demand)) = self.waiting.pop_front()
        {
            self.start(next, demand);
        }
        theirs
    }

    /// Whether jobs have priorities: then `add_urgent` is to be used.
    #[inline]
    pub fn is_preemptive(&self) -> bool {
        self.urgency.is_some()
    }

    /// Adds a job; a larger priority takes the core of a smaller.
    pub fn add_urgent(&mut self, job: u32, demand: SimDuration, priority: i32, now: SimTime) {
        self.advance(now);
        let is_free = self.running.len() < self.cores as usize;
        let Some(urgency) = &mut self.urgency else {
            return self.add(job, demand, now);
        };
        let work = demand.0.saturating_mul(1 << WORK_BITS);
        match urgency.add(job, work, priority, is_free) {
            Added::Waits => return,
            Added::Starts => {}
            Added::Displaces(victim) => {
                let keys: Vec<u128> = self.running.keys().collect();
                self.running.clear();
                for key in keys {
                    if job_of(key) == victim {
                        let left = ((key >> 64) as u64).saturating_sub(self.virtual_work);
                        urgency.stop(victim, left);
                    } else {
                        self.running.push(key);
                    }
                }
            }
        }
        self.start(job, demand.0);
    }
}
