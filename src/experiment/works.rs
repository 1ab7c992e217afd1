//! Sums over what happened to jobs and environments of one source, and the metrics that follow.

use crate::sketch::JourneySketch;
use crate::world::recorder::{WorkNote, WorkTotals};

/// Sums; times in seconds.
#[derive(Clone, Debug, Default)]
pub struct WorkSum {
    /// That came.
    pub arrived: u64,
    /// Jobs that ended, environments that were torn down.
    pub ended: u64,
    /// Environments that were torn down, and those that had never been ready.
    pub torn_down: u64,
    /// See `torn_down`.
    pub unserved: u64,
    /// Jobs whose deadline came, and those that had not ended by then.
    pub due: u64,
    /// See `due`.
    pub missed: u64,
    /// Jobs with a deadline that ended, and the time by which they were late.
    late: (u64, f64),
    /// Tasks or environments that got room, and the time that they waited for it.
    room: (u64, f64),
    /// Of these, gangs.
    gang_room: (u64, f64),
    /// From arrival to the end (jobs) or to ready (environments).
    times: JourneySketch,
    held: WorkTotals,
}

impl WorkSum {
    /// Takes in what happened to one of them.
    pub fn note(&mut self, note: &WorkNote) {
        let add = |(count, sum): &mut (u64, f64), seconds: f64| {
            *count += 1;
            *sum += seconds;
        };
        match *note {
            WorkNote::Arrived => self.arrived += 1,
            WorkNote::Room { wait, gang } => {
                add(&mut self.room, wait.seconds());
                if gang {
                    add(&mut self.gang_room, wait.seconds());
                }
            }
            WorkNote::Ready { after } => self.times.record(after.0),
            WorkNote::Due { missed } => {
                self.due += 1;
                self.missed += u64::from(missed);
            }
            WorkNote::Ended {
                after,
                late,
                served,
                is_job,
            } => {
                self.ended += 1;
                self.unserved += u64::from(!served);
                if is_job {
                    self.times.record(after.0);
                } else {
                    self.torn_down += 1;
                }
                if let Some(late) = late {
                    add(&mut self.late, late.seconds());
                }
            }
        }
    }

    /// Takes in what was held between two looks.
    pub fn hold(&mut self, before: &WorkTotals, now: &WorkTotals) {
        self.held.alive_seconds += now.alive_seconds - before.alive_seconds;
        self.held.core_seconds += now.core_seconds - before.core_seconds;
        self.held.cost += now.cost - before.cost;
        self.held.lost_seconds += now.lost_seconds - before.lost_seconds;
    }

    /// Adds other sums.
    pub fn add(&mut self, other: &Self) {
        self.arrived += other.arrived;
        self.ended += other.ended;
        self.torn_down += other.torn_down;
        self.unserved += other.unserved;
        self.due += other.due;
        self.missed += other.missed;
        for (sum, more) in [
            (&mut self.late, other.late),
            (&mut self.room, other.room),
            (&mut self.gang_room, other.gang_room),
        ] {
            sum.0 += more.0;
            sum.1 += more.1;
        }
        self.times.merge(&other.times);
        self.hold(&WorkTotals::default(), &other.held);
    }

    /// Forgets everything and keeps its buffers.
    pub fn clear(&mut self) {
        let mut times = std::mem::take(&mut self.times);
        times.clear();
        *self = Self {
            times,
            ..Self::default()
        };
    }

    /// The value of a metric over `seconds`; `None`: no evidence, or not of this kind.
    #[must_use]
    pub fn value(&self, name: &str, seconds: f64) -> Option<f64> {
        let mean = |(count, sum): (u64, f64)| (count > 0).then(|| sum / count as f64);
        let over_time = |sum: f64| (seconds > 0.0).then(|| sum / seconds);
        if let Some(ratio) = crate::model::metric::percentile(name) {
            return self.times.quantile(ratio).map(|value| value as f64 * 1e-9);
        }
        match name {
            "mean" => self.times.mean().map(|value| value * 1e-9),
            "requests" => Some(self.arrived as f64),
            "ended" => Some(self.ended as f64),
            "deadline_misses" => mean((self.due, self.missed as f64)),
            "lateness" => mean(self.late),
            "room_wait" => mean(self.room),
            "gang_wait" => mean(self.gang_room),
            "no_room" => mean((self.torn_down, self.unserved as f64)),
            "alive" => over_time(self.held.alive_seconds),
            "cores" => over_time(self.held.core_seconds),
            "cpu_hours" => Some(self.held.core_seconds / 3600.0),
            "lost_work" => Some(self.held.lost_seconds),
            "cost" => Some(self.held.cost),
            _ => None,
        }
    }
}
