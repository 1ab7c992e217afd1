//! Lower bounds of the makespan: critical path, work by resource, and energy within heads and tails, made destructive.

use super::project::Project;

/// Which bound held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScheduleBoundKind {
    /// Longest chain.
    CriticalPath,
    /// Work of one resource over its capacity, with what must come before and after.
    Resource,
    /// No schedule of a shorter makespan has room for what must lie in some interval (energetic reasoning).
    Energetic,
}

impl ScheduleBoundKind {
    /// Name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CriticalPath => "critical path",
            Self::Resource => "resource",
            Self::Energetic => "energetic",
        }
    }
}

/// A proved lower bound of the makespan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScheduleBound {
    /// No schedule is shorter.
    pub makespan: u32,
    /// The bound that was largest.
    pub kind: ScheduleBoundKind,
}

/// Heads (earliest starts) and tails (longest chain behind, own duration left out).
fn heads_and_tails(project: &Project) -> (Vec<u32>, Vec<u32>) {
    let order = project.topological().expect("precedence has no cycle");
    let n = order.len();
    let (mut heads, mut tails) = (vec![0u32; n], vec![0u32; n]);
    for &one in &order {
        let activity = &project.activities[one as usize];
        heads[one as usize] = activity
            .after
            .iter()
            .map(|&first| heads[first as usize] + project.activities[first as usize].duration)
            .fold(activity.earliest, u32::max);
    }
    for &one in order.iter().rev() {
        let activity = &project.activities[one as usize];
        for &first in &activity.after {
            let behind = tails[one as usize] + activity.duration;
            tails[first as usize] = tails[first as usize].max(behind);
        }
    }
    (heads, tails)
}

/// Largest amount of a resource at any tick: bounds hold for calendars too, though they are not sharp there.
fn most(project: &Project, resource: usize) -> u64 {
    let resource = &project.resources[resource];
    resource
        .calendar
        .iter()
        .map(|&(_, _, amount)| amount)
        .fold(resource.capacity, u32::max)
        .into()
}

/// The best of the bounds.
#[must_use]
pub fn makespan_bound(project: &Project) -> ScheduleBound {
    let (heads, tails) = heads_and_tails(project);
    let durations: Vec<u32> = project.activities.iter().map(|one| one.duration).collect();
    let chain = (0..heads.len())
        .map(|one| heads[one] + durations[one] + tails[one])
        .max()
        .unwrap_or(0);
    let mut bound = ScheduleBound {
        makespan: chain,
        kind: ScheduleBoundKind::CriticalPath,
    };
    let work = resource_bound(project, &heads, &tails);
    if work > bound.makespan {
        bound = ScheduleBound {
            makespan: work,
            kind: ScheduleBoundKind::Resource,
        };
    }
    // Destructive: a makespan that leaves no room is refuted, so one more tick is needed.
    while overfull(project, &heads, &tails, bound.makespan) {
        bound = ScheduleBound {
            makespan: bound.makespan + 1,
            kind: ScheduleBoundKind::Energetic,
        };
    }
    bound
}

/// For thresholds of head and tail: the work of those with at least both lies between them.
fn resource_bound(project: &Project, heads: &[u32], tails: &[u32]) -> u32 {
    let mut thresholds: Vec<u32> = heads.to_vec();
    thresholds.sort_unstable();
    thresholds.dedup();
    let mut ends: Vec<u32> = tails.to_vec();
    ends.sort_unstable();
    ends.dedup();
    let mut best = 0;
    for resource in 0..project.resources.len() {
        let capacity = most(project, resource).max(1);
        let work: Vec<u64> = project
            .activities
            .iter()
            .map(|activity| {
                let amount: u32 = activity
                    .requests
                    .iter()
                    .filter(|&&(number, _)| number as usize == resource)
                    .map(|&(_, amount)| amount)
                    .sum();
                u64::from(amount) * u64::from(activity.duration)
            })
            .collect();
        for &head in &thresholds {
            for &tail in &ends {
                let inside: u64 = (0..work.len())
                    .filter(|&one| heads[one] >= head && tails[one] >= tail)
                    .map(|one| work[one])
                    .sum();
                if inside > 0 {
                    best = best.max(head + tail + inside.div_ceil(capacity) as u32);
                }
            }
        }
    }
    best
}

/// Whether some interval must hold more work than a resource can do in it when all ends by `makespan`. An activity
/// lies in [a, b) at least as long as when shifted fully left or fully right (Baptiste, Le Pape, Nuijten 1999).
fn overfull(project: &Project, heads: &[u32], tails: &[u32], makespan: u32) -> bool {
    let n = heads.len();
    let durations: Vec<u32> = project.activities.iter().map(|one| one.duration).collect();
    let latest: Vec<u32> = (0..n).map(|one| makespan - tails[one]).collect();
    let mut firsts: Vec<u32> = (0..n)
        .flat_map(|one| [heads[one], latest[one] - durations[one]])
        .collect();
    firsts.sort_unstable();
    firsts.dedup();
    let mut lasts: Vec<u32> = (0..n)
        .flat_map(|one| [latest[one], heads[one] + durations[one]])
        .collect();
    lasts.sort_unstable();
    lasts.dedup();
    let capacities: Vec<u64> = (0..project.resources.len())
        .map(|resource| most(project, resource))
        .collect();
    let mut work = vec![0u64; capacities.len()];
    for &a in &firsts {
        for &b in lasts.iter().filter(|&&b| b > a) {
            work.fill(0);
            for one in 0..n {
                let left = (heads[one] + durations[one]).saturating_sub(a);
                let right = b.saturating_sub(latest[one] - durations[one]);
                let inside = durations[one].min(left).min(right).min(b - a);
                if inside > 0 {
                    for &(resource, amount) in &project.activities[one].requests {
                        work[resource as usize] += u64::from(inside) * u64::from(amount);
                    }
                }
            }
            let length = u64::from(b - a);
            if work
                .iter()
                .zip(&capacities)
                .any(|(work, capacity)| *work > capacity * length)
            {
                return true;
            }
        }
    }
    false
}
