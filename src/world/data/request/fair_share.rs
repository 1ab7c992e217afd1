//! Cores shared by containers in proportion to their CPU requests.
//!
//! Generalised processor sharing, the fluid model of the kernel's group scheduler: cores go to groups (replicas) by
//! weight, no group gets more than one core a job, what it cannot use goes to the others in proportion, and the jobs
//! of a group share alike. Each group has its own virtual work, as `Processor` has; allocations are recomputed when
//! a job comes or ends, in time proportional to the number of groups.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::{SimDuration, SimTime};

/// Fractional bits of virtual work: it counts 2^-10 ns.
const WORK_BITS: u32 = 10;
/// Fractional bits of a job's rate, in cores.
const RATE_BITS: u32 = 32;

/// See the module's text.
pub struct FairShare {
    cores: f64,
    groups: Vec<Group>,
    started: u64,
    updated: SimTime,
}

struct Group {
    weight: f64,
    /// Jobs by (tag, order of start).
    jobs: BinaryHeap<Reverse<(u64, u64, u32)>>,
    virtual_work: u64,
    /// Of each job.
    rate: u64,
}

impl FairShare {
    /// An idle processor.
    pub fn new(cores: u32) -> Self {
        Self {
            cores: f64::from(cores),
            groups: Vec::new(),
            started: 0,
            updated: SimTime::ZERO,
        }
    }

    /// Adds a group of this weight; its number.
    pub fn add_group(&mut self, weight: u64) -> u32 {
        self.groups.push(Group {
            weight: weight.max(1) as f64,
            jobs: BinaryHeap::new(),
            virtual_work: 0,
            rate: 0,
        });
        (self.groups.len() - 1) as u32
    }

    /// Adds a job of a group with its demand on one core.
    pub fn add(&mut self, group: u32, job: u32, demand: SimDuration, now: SimTime) {
        self.advance(now);
        self.started += 1;
        let group = &mut self.groups[group as usize];
        let tag = group
            .virtual_work
            .saturating_add(demand.0.saturating_mul(1 << WORK_BITS));
        group.jobs.push(Reverse((tag, self.started, job)));
        self.allocate();
    }

    /// Removes and returns one job that has ended by `now`, if any; the one that started first.
    pub fn take_ended(&mut self, now: SimTime) -> Option<u32> {
        self.advance(now);
        let ended = |group: &Group| {
            let Reverse((tag, order, _)) = *group.jobs.peek()?;
            (tag <= group.virtual_work).then_some(order)
        };
        let (_, index) = self
            .groups
            .iter()
            .enumerate()
            .filter_map(|(index, group)| Some((ended(group)?, index)))
            .min()?;
        let group = &mut self.groups[index];
        let Reverse((_, _, job)) = group.jobs.pop()?;
        if group.jobs.is_empty() {
            group.virtual_work = 0;
        }
        self.allocate();
        Some(job)
    }

    /// When the next job ends if nothing else happens.
    pub fn next_end(&self) -> Option<SimTime> {
        let next = |group: &Group| {
            let Reverse((tag, _, _)) = *group.jobs.peek()?;
            let left = u128::from(tag.saturating_sub(group.virtual_work));
            let need = (left << (RATE_BITS - WORK_BITS)).div_ceil(u128::from(group.rate.max(1)));
            Some(u64::try_from(need).unwrap_or(u64::MAX))
        };
        let need = self.groups.iter().filter_map(next).min()?;
        Some(SimTime(self.updated.0.saturating_add(need)))
    }

    /// Removes all jobs of a group.
    pub fn clear(&mut self, group: u32, now: SimTime) -> Vec<u32> {
        self.advance(now);
        let group = &mut self.groups[group as usize];
        let mut jobs = std::mem::take(&mut group.jobs).into_sorted_vec();
        jobs.reverse();
        group.virtual_work = 0;
        self.allocate();
        jobs.into_iter().map(|Reverse((_, _, job))| job).collect()
    }

    /// Removes one job of a group; the work that it had left on one core.
    pub fn remove(&mut self, group: u32, job: u32, now: SimTime) -> Option<SimDuration> {
        self.advance(now);
        let group = &mut self.groups[group as usize];
        let mut left = None;
        let virtual_work = group.virtual_work;
        group.jobs.retain(|Reverse((tag, _, other))| {
            let here = *other == job;
            if here {
                left = Some(SimDuration(tag.saturating_sub(virtual_work) >> WORK_BITS));
            }
            !here
        });
        if group.jobs.is_empty() {
            group.virtual_work = 0;
        }
        self.allocate();
        left
    }

    fn advance(&mut self, now: SimTime) {
        let run = now.since(self.updated).0;
        if run == 0 {
            return;
        }
        self.updated = now;
        for group in self
            .groups
            .iter_mut()
            .filter(|group| !group.jobs.is_empty())
        {
            let work = (u128::from(run) * u128::from(group.rate)) >> (RATE_BITS - WORK_BITS);
            group.virtual_work += work as u64;
        }
    }

    /// Water-filling: who can use less than its share gets what it can use, the rest is shared anew.
    fn allocate(&mut self) {
        let mut cores = self.cores;
        let mut open: Vec<usize> = (0..self.groups.len())
            .filter(|index| !self.groups[*index].jobs.is_empty())
            .collect();
        loop {
            let total: f64 = open.iter().map(|index| self.groups[*index].weight).sum();
            let each = cores / total;
            let filled: Vec<usize> = open
                .iter()
                .copied()
                .filter(|index| {
                    let group = &self.groups[*index];
                    group.weight * each >= group.jobs.len() as f64
                })
                .collect();
            for index in &filled {
                cores -= self.groups[*index].jobs.len() as f64;
                self.groups[*index].rate = 1 << RATE_BITS;
            }
            open.retain(|index| !filled.contains(index));
            if filled.is_empty() || open.is_empty() {
                for index in &open {
                    let group = &mut self.groups[*index];
                    let share = group.weight * each / group.jobs.len() as f64;
                    group.rate = ((share * (1u64 << RATE_BITS) as f64) as u64).max(1);
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Plays arrivals `(at ms, group, demand ms)`; when each ends, in ms.
    fn play(cores: u32, weights: &[u64], arrivals: &[(u64, u32, u64)]) -> Vec<f64> {
        let mut host = FairShare::new(cores);
        for weight in weights {
            host.add_group(*weight);
        }
        let mut ends = vec![0.0; arrivals.len()];
        let mut next = 0;
        loop {
            let arrival = arrivals.get(next).map(|arrival| SimTime(arrival.0 * MS));
            match (host.next_end(), arrival) {
                (Some(end), arrival) if arrival.is_none_or(|at| end <= at) => {
                    while let Some(job) = host.take_ended(end) {
                        ends[job as usize] = end.0 as f64 / MS as f64;
                    }
                }
                (_, Some(at)) => {
                    let (_, group, demand) = arrivals[next];
                    host.add(group, next as u32, SimDuration(demand * MS), at);
                    next += 1;
                }
                (_, None) => return ends,
            }
        }
    }

    /// The same in steps of a thousandth of a millisecond, by the definition.
    fn slowly(cores: u32, weights: &[u64], arrivals: &[(u64, u32, u64)]) -> Vec<f64> {
        let mut left: Vec<f64> = arrivals.iter().map(|arrival| arrival.2 as f64).collect();
        let mut ends = vec![0.0; arrivals.len()];
        let step = 1e-3;
        let mut now: f64 = 0.0;
        while left.iter().any(|left| *left > 0.0) {
            let here: Vec<usize> = (0..arrivals.len())
                .filter(|job| arrivals[*job].0 as f64 <= now + 1e-9 && left[*job] > 0.0)
                .collect();
            let count = |group: u32| here.iter().filter(|job| arrivals[**job].1 == group).count();
            // The level at which all cores are used, or every job has one: bisection.
            let used = |level: f64| -> f64 {
                (0..weights.len())
                    .map(|group| (weights[group] as f64 * level).min(count(group as u32) as f64))
                    .sum()
            };
            let (mut low, mut high) = (0.0, 1e3);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if used(middle) < f64::from(cores) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            for job in &here {
                let group = arrivals[*job].1;
                let jobs = count(group) as f64;
                left[*job] -= step * (weights[group as usize] as f64 * high).min(jobs) / jobs;
                if left[*job] <= 0.0 {
                    ends[*job] = now + step;
                }
            }
            now += step;
        }
        ends
    }

    #[test]
    fn two_containers_share_by_request_and_a_lone_one_has_a_core_a_job() {
        // Weights 3 to 1 on one core: 30 ms and 30 ms of work. The first runs at 3/4 and ends at 40 ms, having left
        // the other 10 ms done; the other needs 20 ms more alone.
        let ends = play(1, &[3000, 1000], &[(0, 0, 30), (0, 1, 30)]);
        assert!(
            (ends[0] - 40.0).abs() < 1e-4 && (ends[1] - 60.0).abs() < 1e-4,
            "{ends:?}"
        );
        // One job uses one of four cores, whatever its weight.
        assert_eq!(play(4, &[1], &[(0, 0, 10)]), vec![10.0]);
    }

    #[test]
    fn what_a_container_cannot_use_goes_to_the_others() {
        // Three cores; the heavy group has one job and uses one core, the two light ones share the other two.
        let ends = play(
            3,
            &[8000, 100, 100],
            &[(0, 0, 12), (0, 1, 12), (0, 2, 12), (0, 2, 12)],
        );
        assert!(
            (ends[0] - 12.0).abs() < 1e-4 && (ends[1] - 12.0).abs() < 1e-4,
            "{ends:?}"
        );
        // The last group's two jobs have one core for 12 ms, six each, then a core each: they end at 18 ms.
        assert!(
            (ends[2] - 18.0).abs() < 1e-4 && (ends[3] - 18.0).abs() < 1e-4,
            "{ends:?}"
        );
    }

    #[test]
    fn random_mixes_end_as_the_definition_in_small_steps_says() {
        let mut state = 12_345u64;
        let mut draw = |limit: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % limit
        };
        for round in 0..12 {
            let weights: Vec<u64> = (0..3).map(|_| 100 + draw(900)).collect();
            let mut at = 0;
            let arrivals: Vec<(u64, u32, u64)> = (0..7)
                .map(|_| {
                    at += draw(6);
                    (at, draw(3) as u32, 1 + draw(20))
                })
                .collect();
            let cores = 1 + draw(3) as u32;
            let (fast, slow) = (
                play(cores, &weights, &arrivals),
                slowly(cores, &weights, &arrivals),
            );
            for (fast, slow) in fast.iter().zip(&slow) {
                assert!(
                    (fast - slow).abs() < 0.03,
                    "{round}: {fast} {slow} {arrivals:?}"
                );
            }
        }
    }

    #[test]
    fn a_cleared_group_leaves_its_cores_to_the_others() {
        let mut host = FairShare::new(1);
        let (first, second) = (host.add_group(1), host.add_group(1));
        host.add(first, 1, SimDuration(10 * MS), SimTime::ZERO);
        host.add(second, 2, SimDuration(10 * MS), SimTime::ZERO);
        assert_eq!(host.clear(first, SimTime(10 * MS)), vec![1]);
        // Half done after 10 ms, alone for the other 5 ms.
        let end = host.next_end().unwrap().0;
        assert!(end.abs_diff(15 * MS) <= 2, "{end}");
    }
}
