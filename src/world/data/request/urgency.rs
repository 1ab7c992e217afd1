//! Priorities on a processor: who runs, who was stopped, who is next. Pre-emptive resume.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Larger priorities first, then who came first.
type Rank = (Reverse<i32>, u64);

/// Ranks of all jobs of a processor, and the work left of those who do not run.
#[derive(Default)]
pub struct Urgency {
    arrivals: u64,
    /// By job; those who run and those who wait.
    ranks: BTreeMap<u32, Rank>,
    running: BTreeMap<Rank, u32>,
    waiting: BTreeMap<Rank, (u32, u64)>,
}

/// What becomes of a new job.
pub enum Added {
    /// It has to wait.
    Waits,
    /// A core is free.
    Starts,
    /// It takes the core of this job.
    Displaces(u32),
}

impl Urgency {
    /// A job with this work comes; `is_free`: a core has nothing to do.
    pub fn add(&mut self, job: u32, work: u64, priority: i32, is_free: bool) -> Added {
        self.arrivals += 1;
        let rank = (Reverse(priority), self.arrivals);
        self.ranks.insert(job, rank);
        let last = self.running.last_key_value();
        let last = last.map(|(rank, job)| (*rank, *job));
        match last {
            _ if is_free => {
                self.running.insert(rank, job);
                Added::Starts
            }
            Some((theirs, victim)) if rank < theirs => {
                self.running.insert(rank, job);
                Added::Displaces(victim)
            }
            _ => {
                self.waiting.insert(rank, (job, work));
                Added::Waits
            }
        }
    }

    /// A displaced job keeps what is left of its work.
    pub fn stop(&mut self, job: u32, left: u64) {
        if let Some(rank) = self.ranks.get(&job) {
            self.running.remove(rank);
            self.waiting.insert(*rank, (job, left));
        }
    }

    /// A running job has ended: who runs instead, and the work left of it.
    pub fn ended(&mut self, job: u32) -> Option<(u32, u64)> {
        if let Some(rank) = self.ranks.remove(&job) {
            self.running.remove(&rank);
        }
        let (rank, next) = self.waiting.pop_first()?;
        self.running.insert(rank, next.0);
        Some(next)
    }

    /// A job that waits leaves: the work left of it.
    pub fn leave(&mut self, job: u32) -> Option<u64> {
        let rank = *self.ranks.get(&job)?;
        let (_, left) = self.waiting.remove(&rank)?;
        self.ranks.remove(&job);
        Some(left)
    }

    /// Forgets all; those who waited, the most urgent first.
    pub fn clear(&mut self) -> Vec<u32> {
        let all = std::mem::take(self);
        self.arrivals = all.arrivals;
        all.waiting.into_values().map(|one| one.0).collect()
    }

    /// Takes out the jobs of which `is_theirs` holds; `running` are those on a core with the work left of them.
    /// Gives those taken out, running ones first, and who runs now on `cores`.
    pub fn clear_where(
        &mut self,
        running: Vec<(u32, u64)>,
        cores: usize,
        is_theirs: &dyn Fn(u32) -> bool,
    ) -> (Vec<u32>, Vec<(u32, u64)>) {
        for (job, left) in running {
            self.stop(job, left);
        }
        let all = std::mem::take(&mut self.waiting);
        let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, one)| is_theirs(one.0));
        let gone: Vec<u32> = gone.into_iter().map(|(_, one)| one.0).collect();
        for job in &gone {
            self.ranks.remove(job);
        }
        self.waiting = kept.into_iter().collect();
        let mut go_on = Vec::new();
        while go_on.len() < cores
            && let Some((rank, next)) = self.waiting.pop_first()
        {
            self.running.insert(rank, next.0);
            go_on.push(next);
        }
        (gone, go_on)
    }
}
