//! Serial schedule generation (Kelley 1963) and its mirror image.
//!
//! Activities are placed in the order of a list, each at the earliest tick where precedence and every resource
//! allow it; in the mirror image from the back, each as late as possible. Four resources share a 64-bit word,
//! 15 bits and a guard bit each: one subtraction tells whether all four suffice at a tick.

use std::cmp::Reverse;

use super::project::Project;

const GUARD: u64 = 0x8000_8000_8000_8000;
/// Largest amount that a lane holds.
const MOST: u32 = 0x7fff;

/// Starts of all activities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// First tick of each activity.
    pub starts: Vec<u32>,
    /// Tick at which all have ended.
    pub makespan: u32,
}

/// A project prepared for fast placement.
#[derive(Clone, Debug)]
pub struct Scheduler {
    durations: Vec<u32>,
    earliest: Vec<u32>,
    predecessors: Vec<Vec<u32>>,
    successors: Vec<Vec<u32>>,
    /// (word, packed amounts) of each activity.
    requests: Vec<Vec<(u32, u64)>>,
    /// Packed free amounts by word, then tick, with the guard bits set.
    room: Vec<Vec<u64>>,
    horizon: u32,
    tails: Vec<u32>,
    /// Place of each activity in one order that keeps precedence.
    ranks: Vec<u32>,
    free: Vec<Vec<u64>>,
    touched: u32,
}

impl Scheduler {
    /// Prepares a project; `None` when an activity asks for more than a resource has, or waits for itself.
    ///
    /// # Panics
    /// When a capacity is above 32,767.
    #[must_use]
    pub fn new(project: &Project) -> Option<Self> {
        let order = project.topological()?;
        if project.impossible().is_some() {
            return None;
        }
        let horizon = project.horizon();
        let words = project.resources.len().div_ceil(4);
        let mut room = vec![vec![GUARD; horizon as usize + 1]; words];
        for (number, resource) in project.resources.iter().enumerate() {
            let shift = 16 * (number % 4);
            let lane = &mut room[number / 4];
            for tick in lane.iter_mut() {
                assert!(resource.capacity <= MOST, "capacities are below 32,768");
                *tick += u64::from(resource.capacity) << shift;
            }
            for &(first, end, amount) in &resource.calendar {
                assert!(amount <= MOST, "capacities are below 32,768");
                for tick in &mut lane[first.min(horizon) as usize..end.min(horizon) as usize] {
                    *tick = *tick & !(u64::from(MOST) << shift) | u64::from(amount) << shift;
                }
            }
        }
        let requests = project
            .activities
            .iter()
            .map(|activity| {
                let mut packed: Vec<(u32, u64)> = Vec::new();
                for &(resource, amount) in
                    activity.requests.iter().filter(|&&(_, amount)| amount > 0)
                {
                    let (word, lane) = (resource / 4, u64::from(amount) << (16 * (resource % 4)));
                    match packed.iter_mut().find(|(there, _)| *there == word) {
                        Some((_, sum)) => *sum += lane,
                        None => packed.push((word, lane)),
                    }
                }
                packed
            })
            .collect();
        let successors = project.successors();
        let mut ranks = vec![0; order.len()];
        for (rank, &one) in order.iter().enumerate() {
            ranks[one as usize] = rank as u32;
        }
        let mut tails = vec![0; order.len()];
        for &one in order.iter().rev() {
            let behind = successors[one as usize]
                .iter()
                .map(|&later| tails[later as usize])
                .max()
                .unwrap_or(0);
            tails[one as usize] = behind + project.activities[one as usize].duration;
        }
        Some(Self {
            durations: project.activities.iter().map(|one| one.duration).collect(),
            earliest: project.activities.iter().map(|one| one.earliest).collect(),
            predecessors: project
                .activities
                .iter()
                .map(|one| one.after.clone())
                .collect(),
            successors,
            tails,
            ranks,
            requests,
            free: room.clone(),
            room,
            horizon,
            touched: 0,
        })
    }

    /// Number of activities.
    #[must_use]
    pub fn activities(&self) -> usize {
        self.durations.len()
    }

    pub(super) fn predecessors(&self) -> &[Vec<u32>] {
        &self.predecessors
    }

    pub(super) fn successors(&self) -> &[Vec<u32>] {
        &self.successors
    }

    /// Longest chain behind each activity, its own duration included.
    pub(super) fn tails(&self) -> &[u32] {
        &self.tails
    }

    fn clear(&mut self, until: u32) {
        let end = (self.touched.max(until) + 1).min(self.horizon + 1) as usize;
        for (free, room) in self.free.iter_mut().zip(&self.room) {
            free[..end].copy_from_slice(&room[..end]);
        }
        self.touched = 0;
    }

    /// First tick of `start..start + duration` (from the back) at which something lacks; `None` when all fit.
    #[inline]
    fn lack(&self, activity: usize, start: u32) -> Option<u32> {
        let duration = self.durations[activity] as usize;
        let mut last = None;
        for &(word, amount) in &self.requests[activity] {
            let ticks = &self.free[word as usize][start as usize..start as usize + duration];
            for (tick, &free) in ticks.iter().enumerate().rev() {
                if (free - amount) & GUARD != GUARD {
                    last = last.max(Some(start + tick as u32));
                    break;
                }
            }
        }
        last
    }

    fn lack_early(&self, activity: usize, start: u32) -> Option<u32> {
        let duration = self.durations[activity] as usize;
        let mut first: Option<u32> = None;
        for &(word, amount) in &self.requests[activity] {
            let ticks = &self.free[word as usize][start as usize..start as usize + duration];
            if let Some(tick) = ticks
                .iter()
                .position(|&free| (free - amount) & GUARD != GUARD)
            {
                let tick = start + tick as u32;
                first = Some(first.map_or(tick, |other| other.min(tick)));
            }
        }
        first
    }

    fn take(&mut self, activity: usize, start: u32) {
        let end = start + self.durations[activity];
        for &(word, amount) in &self.requests[activity] {
            for free in &mut self.free[word as usize][start as usize..end as usize] {
                *free -= amount;
            }
        }
        self.touched = self.touched.max(end);
    }

    /// Places the activities of a precedence-feasible list as early as possible into `starts`; gives the makespan.
    pub fn forward(&mut self, list: &[u32], starts: &mut [u32]) -> u32 {
        self.clear(0);
        let mut makespan = 0;
        for &activity in list {
            let activity = activity as usize;
            let mut start = self.predecessors[activity]
                .iter()
                .map(|&first| starts[first as usize] + self.durations[first as usize])
                .fold(self.earliest[activity], u32::max);
            // The last tick that lacks something within the window rules out every start up to it.
            while let Some(tick) = self.lack(activity, start) {
                start = tick + 1;
            }
            self.take(activity, start);
            starts[activity] = start;
            makespan = makespan.max(start + self.durations[activity]);
        }
        makespan
    }

    /// Places the activities as late as possible before `end`, in the order of `list` (successors first). Gives
    /// false when something does not fit, as calendars may cause; `starts` is then unusable.
    pub fn backward(&mut self, list: &[u32], end: u32, starts: &mut [u32]) -> bool {
        self.clear(end);
        for &activity in list {
            let activity = activity as usize;
            let due = self.successors[activity]
                .iter()
                .map(|&later| starts[later as usize])
                .fold(end, u32::min);
            let duration = self.durations[activity];
            let Some(mut start) = due.checked_sub(duration) else {
                return false;
            };
            while let Some(tick) = self.lack_early(activity, start) {
                let Some(earlier) = tick.checked_sub(duration) else {
                    return false;
                };
                start = earlier;
            }
            self.take(activity, start);
            starts[activity] = start;
        }
        true
    }

    /// Forward-backward improvement (Tormos and Lova 2001): backward by decreasing ends, forward by increasing
    /// starts, until the makespan stands. `list` becomes the list of the result. Gives the makespan.
    pub fn justify(&mut self, list: &mut [u32], starts: &mut Vec<u32>, makespan: u32) -> u32 {
        let mut best = makespan;
        let mut late = starts.clone();
        loop {
            // Ties (activities without duration) go by topological rank, so that the lists keep precedence.
            let mut back = list.to_vec();
            back.sort_by_key(|&one| {
                let end = starts[one as usize] + self.durations[one as usize];
                Reverse((end, self.ranks[one as usize]))
            });
            if !self.backward(&back, best, &mut late) {
                return best;
            }
            let mut forth = list.to_vec();
            forth.sort_by_key(|&one| (late[one as usize], self.ranks[one as usize]));
            let mut next = vec![0; starts.len()];
            let now = self.forward(&forth, &mut next);
            if now > best {
                return best;
            }
            starts.clone_from(&next);
            list.copy_from_slice(&forth);
            if now == best {
                return best;
            }
            best = now;
        }
    }
}
