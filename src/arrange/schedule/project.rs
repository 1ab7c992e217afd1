//! Activities, resources and calendars in whole ticks (an hour, a day: the caller's choice).

/// Something that takes time and resources.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Activity {
    /// Ticks without interruption.
    pub duration: u32,
    /// (resource, amount) held all the time.
    pub requests: Vec<(u32, u32)>,
    /// Activities that end before this one starts.
    pub after: Vec<u32>,
    /// Tick before which it does not start.
    pub earliest: u32,
}

/// Something that activities share: a team, the room of change windows, the target's head room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resource {
    /// Amount at any tick beyond the calendar.
    pub capacity: u32,
    /// (first tick, tick after the last, amount) where it differs: holidays, freezes, closed windows (0). Later
    /// entries win.
    pub calendar: Vec<(u32, u32, u32)>,
}

/// A project: what is scheduled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Project {
    /// Activities by number.
    pub activities: Vec<Activity>,
    /// Resources by number.
    pub resources: Vec<Resource>,
}

impl Project {
    /// Activities that start after each has ended.
    #[must_use]
    pub fn successors(&self) -> Vec<Vec<u32>> {
        let mut successors = vec![Vec::new(); self.activities.len()];
        for (number, activity) in self.activities.iter().enumerate() {
            for &first in &activity.after {
                successors[first as usize].push(number as u32);
            }
        }
        successors
    }

    /// An order in which everything comes after what it waits for, by number among the free; `None` in a cycle.
    #[must_use]
    pub fn topological(&self) -> Option<Vec<u32>> {
        let successors = self.successors();
        let mut waits: Vec<usize> = self.activities.iter().map(|one| one.after.len()).collect();
        let mut order: Vec<u32> = (0..waits.len() as u32)
            .filter(|&number| waits[number as usize] == 0)
            .collect();
        let mut next = 0;
        while next < order.len() {
            for &later in &successors[order[next] as usize] {
                waits[later as usize] -= 1;
                if waits[later as usize] == 0 {
                    order.push(later);
                }
            }
            next += 1;
        }
        (order.len() == waits.len()).then_some(order)
    }

    /// A tick by which every serial schedule has ended: the calendars' end plus all work one after the other.
    #[must_use]
    pub fn horizon(&self) -> u32 {
        let calendars = self
            .resources
            .iter()
            .flat_map(|resource| resource.calendar.iter().map(|&(_, end, _)| end));
        let earliest = self.activities.iter().map(|activity| activity.earliest);
        let work: u32 = self
            .activities
            .iter()
            .map(|activity| activity.duration)
            .sum();
        calendars.chain(earliest).max().unwrap_or(0) + work
    }

    /// The first activity that asks for more than a resource ever has after the calendars' end, and the resource.
    #[must_use]
    pub fn impossible(&self) -> Option<(u32, u32)> {
        self.activities
            .iter()
            .enumerate()
            .find_map(|(number, activity)| {
                activity
                    .requests
                    .iter()
                    .find(|&&(resource, amount)| {
                        amount > self.resources[resource as usize].capacity
                    })
                    .map(|&(resource, _)| (number as u32, resource))
            })
    }

    /// Amount of a resource at a tick.
    #[must_use]
    pub fn capacity(&self, resource: usize, tick: u32) -> u32 {
        let resource = &self.resources[resource];
        resource
            .calendar
            .iter()
            .rev()
            .find(|&&(first, end, _)| first <= tick && tick < end)
            .map_or(resource.capacity, |&(_, _, amount)| amount)
    }

    /// Whether starts keep precedence, earliest starts and every capacity at every tick: the slow check.
    #[must_use]
    pub fn allows(&self, starts: &[u32]) -> bool {
        let horizon = starts
            .iter()
            .zip(&self.activities)
            .map(|(start, activity)| start + activity.duration)
            .max()
            .unwrap_or(0);
        let precedence = self
            .activities
            .iter()
            .zip(starts)
            .all(|(activity, &start)| {
                start >= activity.earliest
                    && activity.after.iter().all(|&first| {
                        starts[first as usize] + self.activities[first as usize].duration <= start
                    })
            });
        let mut used = vec![vec![0u32; horizon as usize]; self.resources.len()];
        for (activity, &start) in self.activities.iter().zip(starts) {
            for &(resource, amount) in &activity.requests {
                for tick in start..start + activity.duration {
                    used[resource as usize][tick as usize] += amount;
                }
            }
        }
        precedence
            && used.iter().enumerate().all(|(resource, used)| {
                used.iter()
                    .enumerate()
                    .all(|(tick, &amount)| amount <= self.capacity(resource, tick as u32))
            })
    }
}
