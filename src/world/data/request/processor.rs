//! One replica's processor: cores, discipline, CFS quota, and a rate that may change.
//!
//! Work is virtual: V grows at the rate of one running job, a job ends when V reaches its tag. Under processor
//! sharing all jobs run, each at `speed * min(1, cores / jobs)`; under FIFO at most `cores` run. A quota
//! (CFS bandwidth control) lets the running jobs use `budget` of CPU time in each `period` at full speed, then
//! none until the period ends. Periods follow one another while there is work; after an idle one the next job
//! starts a new period, as the kernel's period timer does. Everything is integer arithmetic, so that the order of events does not depend on rounding modes; advancing only happens
//! when jobs come, end or the rate changes, so that looking at a processor does not disturb it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::model::service::Quota;
use crate::model::{Discipline, ProcessorSpec};
use crate::units::{SimDuration, SimTime};

/// Fractional bits of virtual work: V counts 2^-10 ns.
const WORK_BITS: u32 = 10;
/// Fractional bits of a rate: 2^16 is nominal speed.
const RATE_ONE: u64 = 1 << 16;

/// See the module's text.
pub struct Processor {
    cores: u64,
    fifo: bool,
    quota: Option<Quota>,
    /// Rate of one job alone, in units of 2^-16.
    rate: u64,
    /// Virtual work done by each running job since the processor was last idle.
    virtual_work: u64,
    /// Running jobs by (tag, order of start).
    running: BinaryHeap<Reverse<(u64, u64, u32)>>,
    /// Jobs that wait for a core (FIFO): job and virtual demand.
    waiting: VecDeque<(u32, u64)>,
    started: u64,
    /// Up to when `virtual_work`, `cpu_ns` and `budget_left` are right.
    updated: SimTime,
    period_end: SimTime,
    budget_left: u64,
    cpu_ns: u64,
    /// Sequence of the armed event for its next end, and when that is. 0: none.
    pub armed: (u32, SimTime),
}

impl Processor {
    /// An idle processor at `now`.
    pub fn new(spec: ProcessorSpec, speed: f64, now: SimTime) -> Self {
        // A budget that all cores together cannot use up never binds.
        let quota = spec
            .quota
            .filter(|quota| quota.budget.0 < quota.period.0 * u64::from(spec.cores));
        Self {
            cores: u64::from(spec.cores.max(1)),
            fifo: spec.discipline == Discipline::Fifo,
            quota,
            rate: fixed_rate(speed),
            virtual_work: 0,
            running: BinaryHeap::new(),
            waiting: VecDeque::new(),
            started: 0,
            updated: now,
            period_end: now,
            budget_left: quota.map_or(0, |quota| quota.budget.0),
            cpu_ns: 0,
            armed: (0, SimTime::NEVER),
        }
    }

    /// Adds a job with this demand at nominal speed.
    pub fn add(&mut self, job: u32, demand: SimDuration, now: SimTime) {
        self.advance(now);
        let demand = demand.0.saturating_mul(1 << WORK_BITS);
        if self.fifo && self.running.len() as u64 >= self.cores {
            self.waiting.push_back((job, demand));
        } else {
            self.start(job, demand);
        }
    }

    fn start(&mut self, job: u32, demand: u64) {
        self.started += 1;
        self.running.push(Reverse((
            self.virtual_work.saturating_add(demand),
            self.started,
            job,
        )));
    }

    /// Removes and returns one job that has ended by `now`, if any.
    pub fn take_ended(&mut self, now: SimTime) -> Option<u32> {
        self.advance(now);
        let Reverse((tag, _, job)) = *self.running.peek()?;
        if tag > self.virtual_work {
            return None;
        }
        self.running.pop();
        if let Some((next, demand)) = self.waiting.pop_front() {
            self.start(next, demand);
        }
        if self.running.is_empty() {
            self.virtual_work = 0;
        }
        Some(job)
    }

    /// When the next job ends if nothing else happens.
    pub fn next_end(&self) -> Option<SimTime> {
        let Reverse((tag, _, _)) = self.running.peek()?;
        let left = tag.saturating_sub(self.virtual_work);
        let (jobs, busy) = (self.running.len() as u64, self.busy());
        // Wall time of full-rate running that this work needs, rounded up.
        let numerator = (u128::from(left) * u128::from(jobs)) << (16 - WORK_BITS);
        let denominator = u128::from(self.rate) * u128::from(busy);
        let mut need = if let Ok(numerator) = u64::try_from(numerator) {
            numerator.div_ceil(denominator as u64)
        } else {
            u64::try_from(numerator.div_ceil(denominator)).unwrap_or(u64::MAX)
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

    /// Changes the rate of one job alone (1 is nominal).
    pub fn set_rate(&mut self, speed: f64, now: SimTime) {
        let rate = fixed_rate(speed);
        if rate != self.rate {
            self.advance(now);
            self.rate = rate;
        }
    }

    /// Removes all jobs, running ones first.
    pub fn clear(&mut self, now: SimTime) -> Vec<u32> {
        self.advance(now);
        let mut jobs: Vec<_> = std::mem::take(&mut self.running).into_sorted_vec();
        jobs.reverse();
        let running = jobs.into_iter().map(|Reverse((_, _, job))| job);
        running
            .chain(
                std::mem::take(&mut self.waiting)
                    .into_iter()
                    .map(|(job, _)| job),
            )
            .collect()
    }

    /// Cores in use while not throttled.
    #[inline]
    fn busy(&self) -> u64 {
        (self.running.len() as u64).min(self.cores)
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
        let mut at = Position {
            now: self.updated,
            period_end: self.period_end,
            budget_left: self.budget_left,
        };
        while let Some(run) = self.next_run(&mut at, now) {
            let busy = self.busy();
            let work =
                (u128::from(run) * u128::from(self.rate) * u128::from(busy)) >> (16 - WORK_BITS);
            self.virtual_work += if jobs == busy {
                (work / u128::from(busy)) as u64
            } else {
                (work / u128::from(jobs)) as u64
            };
            self.cpu_ns += run * busy;
        }
        (self.updated, self.period_end, self.budget_left) = (now, at.period_end, at.budget_left);
    }

    /// The next stretch of unthrottled running before `until`: its length; moves `at` behind it.
    #[inline]
    fn next_run(&self, at: &mut Position, until: SimTime) -> Option<u64> {
        if at.now >= until || self.running.is_empty() {
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
fn fixed_rate(speed: f64) -> u64 {
    ((speed * RATE_ONE as f64 + 0.5) as u64).max(1)
}

#[cfg(test)]
#[path = "processor_tests.rs"]
mod tests;
