//! When open load arrives: the cumulative rate is inverted, piece by piece.
//!
//! The gap to the next arrival ends where the integral of the rate has grown by the gap's own number: an
//! exponential (Poisson), one (even), or a variate with mean one (renewal). Between two breaks of the shapes the
//! level is taken as the parabola through both ends and the middle: exact for products of up to two linear
//! factors; a curved level (cosine, growth) is cut into pieces of at most a minute, where the error of the level
//! is below one in ten million. Bursts multiply the rate by a factor that changes at keyed instants.

use crate::engine::{Key, Purpose};
use crate::model::distribution::logarithm::ln;
use crate::model::load::{Arrivals, Course};
use crate::model::{Load, LoadKind, LocalClock};
use crate::units::{SimDuration, SimTime};

const GAP: Purpose = Purpose::new("gap");
const BURST: Purpose = Purpose::new("burst");

/// Longest piece of a curved level.
const CURVED_PIECE: SimDuration = SimDuration::from_secs(60);

/// Arrivals of one load, in order.
#[derive(Clone, Debug)]
pub struct ArrivalClock {
    /// Arrivals so far.
    count: u64,
    /// Key of the last of them.
    last: Key,
    now: SimTime,
    piece: Piece,
    burst: Burst,
}

/// A stretch of time where the level is `start + slope x + bend x^2` for x from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    from: SimTime,
    until: SimTime,
    seconds: f64,
    start: f64,
    slope: f64,
    bend: f64,
}

/// Whether a burst is on, and how long.
#[derive(Clone, Copy, Debug)]
struct Burst {
    factor: f64,
    until: SimTime,
    ordinal: u64,
}

impl Default for ArrivalClock {
    fn default() -> Self {
        Self {
            count: 0,
            last: Key(0),
            now: SimTime::ZERO,
            piece: Piece::default(),
            burst: Burst {
                factor: 1.0,
                until: SimTime::ZERO,
                ordinal: 0,
            },
        }
    }
}

impl ArrivalClock {
    /// Arrivals so far; the next one's ordinal.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Key of the last arrival that was asked for.
    #[inline]
    #[must_use]
    pub fn last(&self) -> Key {
        self.last
    }

    /// The rate of an open load whose arrivals `next_plain` gives: Poisson at a level that never changes.
    #[must_use]
    pub fn plain_rate(load: &Load) -> Option<f64> {
        match &load.kind {
            LoadKind::Open {
                rate,
                arrivals: Arrivals::Poisson,
            } if load.shape.is_empty() && *rate > 0.0 => Some(*rate),
            _ => None,
        }
    }

    /// As `next`, where there is a `plain_rate`.
    #[inline(always)]
    pub fn next_plain(&mut self, rate: f64, key: Key, end: SimTime) -> Option<SimTime> {
        self.last = key.nth(self.count);
        self.count += 1;
        let gap = -ln(self.last.uniform(GAP, 0));
        self.now += SimDuration::from_seconds(gap / rate);
        (self.now < end).then_some(self.now)
    }

    /// The next arrival before `end` of an open load or a load of sessions; `None`: no more. `key` is that of the
    /// load in this replication.
    pub fn next(
        &mut self,
        load: &Load,
        clock: &LocalClock,
        key: Key,
        end: SimTime,
    ) -> Option<SimTime> {
        if let Some(rate) = Self::plain_rate(load) {
            return self.next_plain(rate, key, end);
        }
        let number = self.count;
        self.last = key.nth(number);
        self.count += 1;
        let (LoadKind::Open { rate, arrivals } | LoadKind::Sessions { rate, arrivals, .. }) =
            &load.kind
        else {
            return None;
        };
        if *rate <= 0.0 {
            return None;
        }
        let gap = match arrivals {
            Arrivals::Even => 1.0,
            Arrivals::Poisson | Arrivals::Bursts { .. } => -ln(self.last.uniform(GAP, 0)),
            Arrivals::Renewal(law) => law.sample(|part| self.last.uniform(GAP, u64::from(part))),
            Arrivals::Recorded(instants) => {
                return instants
                    .get(number as usize)
                    .copied()
                    .filter(|at| *at < end);
            }
        };
        let bursts = matches!(arrivals, Arrivals::Bursts { .. });
        if load.shape.is_empty() && !bursts {
            self.now += SimDuration::from_seconds(gap / rate);
            return (self.now < end).then_some(self.now);
        }
        // What the integral of the level, times the burst's factor, must still grow by.
        let mut wanted = gap / rate;
        while self.now < end {
            if self.now >= self.burst.until {
                self.burst = self.burst.next(arrivals, key, self.now);
            }
            if self.now >= self.piece.until {
                self.piece = Piece::from(self.now, load, clock);
            }
            let until = self.burst.until.min(self.piece.until);
            let factor = self.burst.factor;
            match self.piece.reach(self.now, until, wanted / factor) {
                Ok(at) => {
                    self.now = at;
                    return (at < end).then_some(at);
                }
                Err(area) => {
                    wanted -= area * factor;
                    self.now = until;
                }
            }
        }
        None
    }
}

impl Burst {
    /// The state that begins at `now`; without bursts one that never ends. The first is a burst with the long-run
    /// chance of one.
    fn next(self, arrivals: &Arrivals, key: Key, now: SimTime) -> Self {
        let Arrivals::Bursts {
            factor,
            length,
            pause,
        } = arrivals
        else {
            return Self {
                factor: 1.0,
                until: SimTime::NEVER,
                ordinal: 0,
            };
        };
        let is_burst = if self.ordinal == 0 {
            let share = length.mean() / (length.mean() + pause.mean());
            key.uniform(BURST, 0) < share
        } else {
            self.factor != *factor
        };
        let law = if is_burst { length } else { pause };
        let period = key.part(BURST.word()).nth(self.ordinal);
        let time = law.sample(|part| period.uniform(BURST, u64::from(part)));
        Self {
            factor: if is_burst { *factor } else { 1.0 },
            until: now + SimDuration::from_seconds(time).max(SimDuration(1)),
            ordinal: self.ordinal + 1,
        }
    }
}

impl Piece {
    /// The piece that begins at `from`.
    fn from(from: SimTime, load: &Load, clock: &LocalClock) -> Self {
        let (mut course, mut until) = (Course::Constant, SimTime::NEVER);
        for shape in &load.shape {
            let (of_shape, end) = shape.course(from, clock);
            course = course.max(of_shape);
            until = until.min(end);
        }
        let start = load.level(from, clock);
        if course == Course::Constant {
            return Self {
                from,
                until,
                seconds: until.since(from).seconds(),
                start,
                slope: 0.0,
                bend: 0.0,
            };
        }
        if course == Course::Curved {
            until = until.min(from + CURVED_PIECE);
        }
        let length = until.since(from);
        let middle = load.level(from + SimDuration(length.0 / 2), clock);
        // At `until` itself the level may jump, and local times are known to a quarter of a microsecond: the limit
        // from the left is taken a little before.
        let margin = 1_000.min(length.0 / 4);
        let last = load.level(SimTime(until.0 - margin), clock);
        Self {
            from,
            until,
            seconds: length.seconds(),
            start,
            slope: 4.0 * middle - last - 3.0 * start,
            bend: 2.0 * (start + last) - 4.0 * middle,
        }
    }

    /// Integral of the level from the piece's start to `x` of it, over its length.
    fn area(&self, x: f64) -> f64 {
        x * (self.start + x * (self.slope / 2.0 + x * self.bend / 3.0))
    }

    /// When the integral of the level from `now` has grown by `wanted` level-seconds; `Err`: its growth until
    /// `until`, which is less.
    fn reach(&self, now: SimTime, until: SimTime, wanted: f64) -> Result<SimTime, f64> {
        if self.slope == 0.0 && self.bend == 0.0 {
            let area = self.start * until.since(now).seconds();
            if area < wanted {
                return Err(area);
            }
            let at = now + SimDuration::from_seconds(wanted / self.start);
            return Ok(at.min(until));
        }
        let place = |at: SimTime| at.since(self.from).seconds() / self.seconds;
        let (low, high) = (place(now), place(until));
        let done = self.area(low);
        let grown = (self.area(high) - done).max(0.0) * self.seconds;
        if grown < wanted {
            return Err(grown);
        }
        let goal = done + wanted / self.seconds;
        let x = self.invert(goal, low, high);
        let at = self.from + SimDuration::from_seconds(x * self.seconds);
        Ok(at.clamp(now, until))
    }

    /// Where between `low` and `high` the integral reaches `goal`: Newton's steps, halving when one leaves the
    /// bracket.
    fn invert(&self, goal: f64, mut low: f64, mut high: f64) -> f64 {
        let mut x = 0.5 * (low + high);
        for _ in 0..80 {
            let miss = self.area(x) - goal;
            if miss > 0.0 {
                high = x;
            } else {
                low = x;
            }
            let level = self.start + x * (self.slope + x * self.bend);
            let step = x - miss / level;
            let next = if level > 0.0 && step > low && step < high {
                step
            } else {
                0.5 * (low + high)
            };
            if (next - x).abs() <= 1e-13 {
                return next;
            }
            x = next;
        }
        x
    }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
