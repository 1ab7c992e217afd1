//! A timed processor: it serves in order of arrival, knows when a job ends as soon as it starts, and each running job
//! has an event of its own.

use super::{FEW, Processor, RATE_BITS, RATE_ONE, Started, WORK_BITS, job_of};
use crate::units::{SimDuration, SimTime};

impl Processor {
    /// Timed: adds a job with this demand at nominal speed; returns what it becomes if it starts at once.
    #[inline(always)]
    pub fn begin(&mut self, job: u32, demand: SimDuration, now: SimTime) -> Option<Started> {
        if self.is_full() {
            self.waiting.push_back((job, demand.0));
            return None;
        }
        Some(self.start_timed(job, demand.0, now))
    }

    /// Timed: the running job at this place has ended now; returns the job that starts in its stead.
    #[inline(always)]
    pub fn finish(&mut self, place: u8, now: SimTime) -> Option<Started> {
        if let Some(key) = self.few.get(usize::from(place)) {
            debug_assert_eq!(key >> 64, u128::from(now.0), "it ends now");
            self.few_count -= 1;
            self.few_taken &= !(1 << place);
        } else {
            // Among those in the heap it is the first to end.
            let ended = self.running.pop();
            debug_assert_eq!(ended >> 64, u128::from(now.0), "it ends now");
        }
        let (next, demand) = self.waiting.pop_front()?;
        Some(self.start_timed(next, demand, now))
    }

    #[inline(always)]
    pub(super) fn start_timed(&mut self, job: u32, demand: u64, now: SimTime) -> Started {
        let length = if self.rate == RATE_ONE {
            demand
        } else {
            let scaled = (u128::from(demand) << RATE_BITS).div_ceil(u128::from(self.rate));
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        self.cpu_ns += length;
        let end = now + SimDuration(length);
        let place = self.push_running(end.0, job);
        Started { job, end, place }
    }

    /// Timed: what running jobs still use from `now` on.
    #[cold]
    pub(super) fn still_to_run(&self, now: SimTime) -> u64 {
        let left = |key: u128| SimTime((key >> 64) as u64).since(now).0;
        self.keys().map(left).sum()
    }

    /// Timed: whether every core is busy.
    #[inline(always)]
    fn is_full(&self) -> bool {
        let few = u32::from(self.few_count);
        few >= self.cores || (self.may_have_more() && self.jobs() >= self.cores as usize)
    }

    /// Timed: whether there can be more running jobs than those in `few`: the heap lies further away in memory.
    #[inline(always)]
    fn may_have_more(&self) -> bool {
        self.cores as usize > FEW
    }

    /// Timed, running jobs: from now on with virtual time. The events of the running jobs no longer count.
    pub(super) fn forget_times(&mut self, now: SimTime) {
        self.cpu_ns -= self.still_to_run(now);
        (self.timed, self.updated) = (false, now);
        (self.virtual_work, self.started) = (0, 0);
        let mut jobs: Vec<_> = self.keys().collect();
        jobs.sort_unstable();
        self.clear_running();
        for key in jobs {
            let left = SimTime((key >> 64) as u64).since(now).0;
            // Virtual work at the rate so far: an event's time was rounded up, its job has no more than this left.
            let work = (u128::from(left) * u128::from(self.rate)) >> (RATE_BITS - WORK_BITS);
            self.push_running(u64::try_from(work).unwrap_or(u64::MAX), job_of(key));
        }
    }
}
