//! Factors of a load's level over time.

use std::sync::Arc;

use crate::model::LocalClock;
use crate::units::{SimDuration, SimTime};

/// Seconds of a year of 365 days, over which a growth is stated.
const YEAR: f64 = 365.0 * 86_400.0;

/// One factor of a load's level.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A cosine over the local day: 1 at `peak`, `low` twelve hours away.
    Daily {
        /// Local second of the day of the peak.
        peak_second: f64,
        /// Level at the trough.
        low: f64,
    },
    /// From each instant on this level; before the first, 1. Sorted.
    Steps(Vec<(SimTime, f64)>),
    /// Linear from `from` to `to` during the length after `at`.
    Ramp {
        /// Level before.
        from: f64,
        /// Level after.
        to: f64,
        /// When it starts.
        at: SimTime,
        /// How long it takes.
        length: SimDuration,
    },
    /// Rises to `peak` within `ramp`, stays for `length`, falls within `ramp`; 1 elsewhere.
    Spike {
        /// When it starts.
        at: SimTime,
        /// Level at the top.
        peak: f64,
        /// Time to rise, and to fall.
        ramp: SimDuration,
        /// Time at the top.
        length: SimDuration,
    },
    /// A factor for each local weekday, Monday first.
    Weekly([f64; 7]),
    /// Grows by this factor in 365 days, compounding; 1 at the start.
    Growth(f64),
    /// Jumps to `peak` at each full local hour and falls linearly to 1 within `length` (at most an hour).
    Hourly {
        /// Level at the full hour.
        peak: f64,
        /// Time until it is back at 1.
        length: SimDuration,
    },
    /// Recorded levels: from each instant on; the first also before it. Sorted, not empty.
    Series(Arc<[(SimTime, f64)]>),
}

/// How a level runs between two breaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Course {
    /// Stays.
    Constant,
    /// Is linear.
    Linear,
    /// Is smooth.
    Curved,
}

impl Shape {
    /// Level at `at`, 0 or more.
    #[must_use]
    pub fn level(&self, at: SimTime, clock: &LocalClock) -> f64 {
        match self {
            Self::Daily { peak_second, low } => {
                let angle =
                    (clock.second_of_day(at) - peak_second) / 86_400.0 * std::f64::consts::TAU;
                low + (1.0 - low) * 0.5 * (1.0 + libm::cos(angle))
            }
            Self::Steps(steps) => {
                let index = steps.partition_point(|(from, _)| *from <= at);
                if index == 0 { 1.0 } else { steps[index - 1].1 }
            }
            Self::Ramp {
                from,
                to,
                at: start,
                length,
            } => {
                let done = if length.0 == 0 {
                    f64::from(u8::from(at >= *start))
                } else {
                    at.since(*start).seconds() / length.seconds()
                };
                from + (to - from) * done.min(1.0)
            }
            Self::Spike {
                at: start,
                peak,
                ramp,
                length,
            } => {
                if at < *start {
                    return 1.0;
                }
                let into = at.since(*start).seconds();
                let (ramp, length) = (ramp.seconds(), length.seconds());
                let height = if into < ramp {
                    into / ramp
                } else if into < ramp + length {
                    1.0
                } else if into < 2.0 * ramp + length {
                    (2.0 * ramp + length - into) / ramp
                } else {
                    0.0
                };
                1.0 + (peak - 1.0) * height
            }
            Self::Weekly(days) => {
                // 1970-01-01 was a Thursday: day 3 when Monday is 0.
                let day = (clock.local_seconds(at) / 86_400.0).floor() as i64;
                days[(day + 3).rem_euclid(7) as usize]
            }
            Self::Growth(factor) => libm::pow(*factor, at.seconds() / YEAR),
            Self::Hourly { peak, length } => {
                let into = clock.second_of_day(at) % 3_600.0;
                let left = 1.0 - into / length.seconds().max(1e-9);
                1.0 + (peak - 1.0) * left.max(0.0)
            }
            Self::Series(levels) => {
                let index = levels.partition_point(|(from, _)| *from <= at);
                levels[index.max(1) - 1].1
            }
        }
    }

    /// Largest level until `end`; a bound that is reached, except for a growth that `end` cuts short of nothing.
    #[must_use]
    pub fn peak(&self, end: SimTime) -> f64 {
        match self {
            Self::Daily { low, .. } => low.max(1.0),
            Self::Steps(steps) => steps.iter().map(|(_, level)| *level).fold(1.0, f64::max),
            Self::Ramp { from, to, .. } => from.max(*to),
            Self::Spike { peak, .. } | Self::Hourly { peak, .. } => peak.max(1.0),
            Self::Weekly(days) => days.iter().copied().fold(0.0, f64::max),
            Self::Growth(factor) => libm::pow(*factor, end.seconds() / YEAR).max(1.0),
            Self::Series(levels) => levels.iter().map(|(_, level)| *level).fold(0.0, f64::max),
        }
    }

    /// How the level runs from `at` on, and until when at least (`NEVER`: for ever): between breaks it is smooth.
    #[must_use]
    pub fn course(&self, at: SimTime, clock: &LocalClock) -> (Course, SimTime) {
        match self {
            Self::Daily { low, .. } if *low == 1.0 => (Course::Constant, SimTime::NEVER),
            // The cosine itself has no break; a change of the local offset is one.
            Self::Daily { .. } => (Course::Curved, next_offset(at, clock)),
            Self::Growth(factor) if *factor == 1.0 => (Course::Constant, SimTime::NEVER),
            Self::Growth(_) => (Course::Curved, SimTime::NEVER),
            Self::Steps(steps) => (Course::Constant, after(steps, at)),
            Self::Series(levels) => (Course::Constant, after(levels, at)),
            Self::Ramp {
                at: start, length, ..
            } => {
                let end = *start + *length;
                if at < *start {
                    (Course::Constant, *start)
                } else if at < end {
                    (Course::Linear, end)
                } else {
                    (Course::Constant, SimTime::NEVER)
                }
            }
            Self::Spike {
                at: start,
                ramp,
                length,
                ..
            } => {
                let top = *start + *ramp;
                let fall = top + *length;
                let end = fall + *ramp;
                match () {
                    () if at < *start => (Course::Constant, *start),
                    () if at < top => (Course::Linear, top),
                    () if at < fall => (Course::Constant, fall),
                    () if at < end => (Course::Linear, end),
                    () => (Course::Constant, SimTime::NEVER),
                }
            }
            Self::Weekly(_) => {
                let left = 86_400.0 - clock.second_of_day(at);
                let midnight = at + SimDuration::from_seconds(left);
                (
                    Course::Constant,
                    later(midnight, at).min(next_offset(at, clock)),
                )
            }
            Self::Hourly { length, .. } => {
                let into = clock.second_of_day(at) % 3_600.0;
                let length = length.seconds();
                let (course, left) = if into < length {
                    (Course::Linear, length - into)
                } else {
                    (Course::Constant, 3_600.0 - into)
                };
                let end = at + SimDuration::from_seconds(left);
                (course, later(end, at).min(next_offset(at, clock)))
            }
        }
    }
}

/// `end`, but always after `at`: rounding must not make a piece without length.
fn later(end: SimTime, at: SimTime) -> SimTime {
    end.max(at + SimDuration(1))
}

fn after(levels: &[(SimTime, f64)], at: SimTime) -> SimTime {
    let index = levels.partition_point(|(from, _)| *from <= at);
    levels.get(index).map_or(SimTime::NEVER, |(from, _)| *from)
}

fn next_offset(at: SimTime, clock: &LocalClock) -> SimTime {
    let index = clock.offsets.partition_point(|(from, _)| *from <= at);
    clock
        .offsets
        .get(index)
        .map_or(SimTime::NEVER, |(from, _)| *from)
}
