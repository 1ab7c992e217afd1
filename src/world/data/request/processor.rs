//! One replica's processor: cores, discipline, CFS quota, and a rate that may change.
//!
//! Work is virtual: V grows at the rate of one running job, a job ends when V reaches its tag. Under processor
//! sharing all jobs run, each at `speed * min(1, cores / jobs)`; under FIFO at most `cores` run. A quota
//! (CFS bandwidth control) lets the running jobs use `budget` of CPU time in each `period` at full speed, then
//! none until the period ends. Periods follow one another while there is work; after an idle one the next job
//! starts a new period, as the kernel's period timer does. Everything is integer arithmetic, so that the order of
//! events does not depend on rounding modes; advancing only happens when jobs come, end or the rate changes, so that
//! looking at a processor does not disturb it.
//!
//! A FIFO processor without a quota knows when a job ends as soon as it starts: it is *timed*, each running job has
//! an event of its own and tags are instants. When its rate changes under running jobs it works with virtual time
//! until it is idle again.

use std::collections::VecDeque;

use crate::engine::heap::{EMPTY, Heap};
use crate::model::service::Quota;
use crate::model::{Discipline, ProcessorSpec};
use crate::units::{SimDuration, SimTime};
use crate::world::data::request::urgency::Urgency;

/// Fractional bits of virtual work: V counts 2^-10 ns.
const WORK_BITS: u32 = 10;
/// Fractional bits of a rate: 2^16 is nominal speed.
const RATE_BITS: u32 = 16;
const RATE_ONE: u32 = 1 << RATE_BITS;

/// A running job's key: tag 64 | order of start 32 | job 24, so that equal tags end in order of start.
const JOB_BITS: u32 = 24;

/// What `remove` found and did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// What was left of the job's demand at nominal speed, if it was there.
    pub left: Option<SimDuration>,
    /// Timed: the job that starts in its place.
    pub started: Option<Started>,
}

/// Timed: a job that starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Started {
    /// Which.
    pub job: u32,
    /// When it ends if nothing else happens.
    pub end: SimTime,
    /// Its place, which `finish` wants to know.
    pub place: u8,
}

/// Running jobs of a timed processor that lie in the processor itself; further ones are in its heap, at place `FEW`.
const FEW: usize = 8;

/// See the module's text. What a timed one needs comes first; of `few` a job touches its own place only.
#[repr(C, align(128))]
pub struct Processor {
    /// Rate of one job alone, in units of 2^-16.
    rate: u32,
    cores: u32,
    /// Jobs ever started, modulo 2^32.
    started: u32,
    /// How many keys `few` holds.
    few_count: u8,
    /// At which places, a bit each.
    few_taken: u8,
    /// Serves in order of arrival.
    fifo: bool,
    /// Tags are instants; see the module's text.
    timed: bool,
    /// It is timed again whenever it is idle.
    may_be_timed: bool,
    /// Not timed: up to when `virtual_work`, `cpu_ns` and `budget_left` are right.
    updated: SimTime,
    /// CPU time used; of a timed processor all that jobs use which have started.
    cpu_ns: u64,
    /// Jobs that wait for a core (FIFO): job and demand in nanoseconds.
    waiting: VecDeque<(u32, u64)>,
    /// Timed: keys of running jobs; all of them unless there are more than fit.
    few: [u128; FEW],
    /// Keys of the other running jobs.
    running: Heap,
    /// Virtual work done by each running job since the processor was last idle.
    virtual_work: u64,
    /// Sequence of the armed event for its next end, and when that is. 0: none.
    pub armed: (u32, SimTime),
    quota: Option<Quota>,
    period_end: SimTime,
    budget_left: u64,
    /// Priorities, where the larger takes the core of the smaller.
    urgency: Option<Box<Urgency>>,
}

impl Processor {
    /// An idle processor at `now`.
    pub fn new(spec: ProcessorSpec, speed: f64, now: SimTime) -> Self {
        // A budget that all cores together cannot use up never binds.
        let quota = spec
            .quota
            .filter(|quota| quota.budget.0 < quota.period.0 * u64::from(spec.cores));
        let fifo = spec.discipline == Discipline::Fifo;
        Self {
            rate: fixed_rate(speed),
            cores: match spec.discipline {
                Discipline::Infinite => u32::MAX,
                _ => spec.cores.max(1),
            },
            fifo,
            timed: fifo && quota.is_none(),
            may_be_timed: fifo && quota.is_none(),
            updated: now,
            cpu_ns: 0,
            started: 0,
            few: [0; FEW],
            few_count: 0,
            few_taken: 0,
            waiting: VecDeque::new(),
            running: Heap::default(),
            virtual_work: 0,
            armed: (0, SimTime::NEVER),
            quota,
            period_end: now,
            budget_left: quota.map_or(0, |quota| quota.budget.0),
            urgency: (spec.discipline == Discipline::Preemptive).then(Box::default),
        }
    }

    /// Whether each running job has an event of its own: then `begin` and `finish` are to be used, otherwise
    /// `add`, `take_ended` and `next_end`.
    #[inline(always)]
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Keeps a job that runs from now on; returns its place.
    #[inline(always)]
    fn push_running(&mut self, tag: u64, job: u32) -> u8 {
        self.started = self.started.wrapping_add(1);
        let key = u128::from(tag) << 64 | u128::from(self.started) << JOB_BITS | u128::from(job);
        if self.timed && usize::from(self.few_count) < FEW {
            let place = self.few_taken.trailing_ones() as u8;
            self.few[usize::from(place) % FEW] = key;
            self.few_count += 1;
            self.few_taken |= 1 << place;
            place
        } else {
            self.running.push(key);
            FEW as u8
        }
    }

    /// Running jobs.
    #[inline(always)]
    fn jobs(&self) -> usize {
        usize::from(self.few_count) + self.running.len()
    }

    /// Keys of the running jobs, in no order.
    fn keys(&self) -> impl Iterator<Item = u128> {
        let few = self.few.iter().enumerate();
        few.filter(|(place, _)| self.few_taken >> place & 1 == 1)
            .map(|(_, key)| *key)
            .chain(self.running.keys())
    }

    /// Forgets the running jobs.
    fn clear_running(&mut self) {
        self.running.clear();
        (self.few_count, self.few_taken) = (0, 0);
    }

    /// Adds a job with this demand at nominal speed.
    #[inline]
    pub fn add(&mut self, job: u32, demand: SimDuration, now: SimTime) {
        self.advance(now);
        if self.fifo && self.running.len() >= self.cores as usize {
            self.waiting.push_back((job, demand.0));
        } else {
            self.start(job, demand.0);
        }
    }

    #[inline]
    fn start(&mut self, job: u32, demand: u64) {
        let work = demand.saturating_mul(1 << WORK_BITS);
        self.push_running(self.virtual_work.saturating_add(work), job);
    }

    /// Removes and returns one job that has ended by `now`, if any.
    #[inline]
    pub fn take_ended(&mut self, now: SimTime) -> Option<u32> {
        self.advance(now);
        let least = self.running.least();
        if least == EMPTY || (least >> 64) as u64 > self.virtual_work {
            return None;
        }
        self.running.take();
        if let Some((next, demand)) = self.waiting.pop_front() {
            self.start(next, demand);
        }
        if let Some(urgency) = &mut self.urgency
            && let Some((next, left)) = urgency.ended(job_of(least))
        {
            self.push_running(self.virtual_work.saturating_add(left), next);
        }
        if self.running.is_empty() {
            self.virtual_work = 0;
            self.timed = self.may_be_timed;
        }
        Some(job_of(least))
    }

    /// When the next job ends if nothing else happens.
    #[inline]
    pub fn next_end(&mut self) -> Option<SimTime> {
        if self.timed {
            let least = self.keys().min()?;
            return Some(SimTime((least >> 64) as u64));
        }
        let least = self.running.least();
        if least == EMPTY {
            return None;
        }
        let left = ((least >> 64) as u64).saturating_sub(self.virtual_work);
        let (jobs, busy) = (self.running.len() as u64, self.busy());
        // Wall time of full-rate running that this work needs, rounded up.
        let mut need = if jobs == busy && self.rate == RATE_ONE {
            left.div_ceil(1 << WORK_BITS)
        } else {
            let numerator = (u128::from(left) * u128::from(jobs)) << (RATE_BITS - WORK_BITS);
            let denominator = u128::from(self.rate) * u128::from(busy);
            match (u64::try_from(numerator), u64::try_from(denominator)) {
                (Ok(numerator), Ok(denominator)) => numerator.div_ceil(denominator),
                _ => u64::try_from(numerator.div_ceil(denominator)).unwrap_or(u64::MAX),
            }
        };
        let Some(quota) = self.quota else {
            return Some(self.updated + SimDuration(need));
        };
        // Walk the periods: what is left of this one, then whole ones, then the rest.
        let this = (self.budget_left / busy).min(self.period_end.since(self.updated).0);
        if need <= this {
            return Some(self.updated + SimDuration(need));
        }
        need -= this;
        let whole = (quota.budget.0 / busy).clamp(1, quota.period.0);
        let periods = need.div_ceil(whole) - 1;
        let start = SimTime(
            self.period_end
                .0
                .saturating_add(periods.saturating_mul(quota.period.0)),
        );
        Some(start + SimDuration(need - periods * whole))
    }

    /// CPU time used until `now`, without touching anything.
    pub fn cpu_ns_at(&self, now: SimTime) -> u64 {
        if self.timed {
            return self.cpu_ns - self.still_to_run(now);
        }
        let mut at = Position {
            now: self.updated,
            period_end: self.period_end,
            budget_left: self.budget_left,
        };
        let mut used = 0;
        while let Some(run) = self.next_run(&mut at, now) {
            used += run * self.busy();
        }
        self.cpu_ns + used
    }

    /// Whether this speed (1 is nominal) differs from the present one.
    #[inline]
    pub fn would_change(&self, speed: f64) -> bool {
        fixed_rate(speed) != self.rate
    }

    /// Changes the rate of one job alone (1 is nominal). A timed processor with running jobs is timed no more: their
    /// events no longer count.
    pub fn set_rate(&mut self, speed: f64, now: SimTime) {
        if !self.would_change(speed) {
            return;
        }
        if !self.timed {
            self.advance(now);
        } else if self.jobs() > 0 {
            self.forget_times(now);
        }
        self.rate = fixed_rate(speed);
    }

    /// Running jobs, in no order.
    pub fn running(&self) -> impl Iterator<Item = u32> {
        self.keys().map(job_of)
    }

    /// Removes all jobs; returns them, in no order.
    pub fn clear(&mut self, now: SimTime) -> Vec<u32> {
        if self.timed {
            self.cpu_ns -= self.still_to_run(now);
        } else {
            self.advance(now);
        }
        let mut jobs: Vec<_> = self.running().collect();
        jobs.extend(self.waiting.drain(..).map(|(job, _)| job));
        if let Some(urgency) = &mut self.urgency {
            jobs.extend(urgency.clear());
        }
        self.clear_running();
        jobs
    }

    /// Never with an event for each job: `add`, `take_ended` and `next_end` are to be used.
    pub fn with_virtual_time(mut self) -> Self {
        (self.timed, self.may_be_timed) = (false, false);
        self
    }

    /// Cores in use while not throttled.
    #[inline]
    fn busy(&self) -> u64 {
        (self.jobs() as u64).min(u64::from(self.cores))
    }

    #[inline]
    fn advance(&mut self, now: SimTime) {
        if self.updated >= now {
            return;
        }
        let jobs = self.running.len() as u64;
        if jobs == 0 {
            self.updated = now;
            // The kernel's period timer stops when a period passes without work and starts with the next job.
            if let Some(quota) = self.quota
                && now >= self.period_end
            {
                self.period_end = now + quota.period;
                self.budget_left = quota.budget.0;
            }
            return;
        }
        let busy = self.busy();
        if self.quota.is_none() {
            self.run(now.since(self.updated).0, jobs, busy);
            self.updated = now;
            return;
        }
        let mut at = Position {
            now: self.updated,
            period_end: self.period_end,
            budget_left: self.budget_left,
        };
        while let Some(run) = self.next_run(&mut at, now) {
            self.run(run, jobs, busy);
        }
        (self.updated, self.period_end, self.budget_left) = (now, at.period_end, at.budget_left);
    }

    /// Lets the running jobs run for this long, unthrottled.
    #[inline]
    fn run(&mut self, run: u64, jobs: u64, busy: u64) {
        let work =
            (u128::from(run) * u128::from(self.rate) * u128::from(busy)) >> (RATE_BITS - WORK_BITS);
        // The same quotient either way; 64 bits divide several times faster.
        self.virtual_work += match u64::try_from(work) {
            Ok(_) if jobs == busy && self.rate == RATE_ONE => run << WORK_BITS,
            Ok(work) => work / jobs,
            Err(_) => (work / u128::from(jobs)) as u64,
        };
        self.cpu_ns += run * busy;
    }

    /// The next stretch of unthrottled running before `until`: its length; moves `at` behind it.
    #[inline]
    fn next_run(&self, at: &mut Position, until: SimTime) -> Option<u64> {
        if at.now >= until || self.jobs() == 0 {
            return None;
        }
        let Some(quota) = self.quota else {
            let run = until.since(at.now).0;
            at.now = until;
            return Some(run);
        };
        let busy = self.busy();
        loop {
            (at.period_end, at.budget_left) = refill(quota, at.now, at.period_end, at.budget_left);
            let run = (at.budget_left / busy)
                .min(at.period_end.since(at.now).0)
                .min(until.since(at.now).0);
            if run > 0 {
                at.now += SimDuration(run);
                at.budget_left -= run * busy;
                return Some(run);
            }
            at.now = at.period_end;
            if at.now >= until {
                return None;
            }
        }
    }
}

/// The job of a key of `running`.
#[inline]
fn job_of(key: u128) -> u32 {
    key as u32 & ((1 << JOB_BITS) - 1)
}

/// A point of the quota's timeline.
struct Position {
    now: SimTime,
    period_end: SimTime,
    budget_left: u64,
}

/// The end of the period that holds `now`, and the budget left in it.
#[inline]
fn refill(quota: Quota, now: SimTime, period_end: SimTime, budget_left: u64) -> (SimTime, u64) {
    if now < period_end {
        return (period_end, budget_left);
    }
    let behind = now.since(period_end).0 / quota.period.0;
    (
        period_end + SimDuration((behind + 1) * quota.period.0),
        quota.budget.0,
    )
}

/// A speed as a positive fixed-point number.
fn fixed_rate(speed: f64) -> u32 {
    ((speed * f64::from(RATE_ONE) + 0.5) as u32).max(1)
}

#[path = "processor_timed.rs"]
mod timed;

#[path = "processor_leaving.rs"]
mod leaving;

#[cfg(test)]
#[path = "processor_tests.rs"]
mod tests;
