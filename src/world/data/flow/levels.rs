//! Levels of the loads: which of them moved enough to be told, and when one may jump.

use crate::model::load::Course;
use crate::model::{Load, LoadKind, Scenario};
use crate::units::SimTime;

/// A level that moved by less than this share is below the noise of what is observed.
const LEVEL: f64 = 0.005;

/// A load's level as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// At the current point.
    value: f64,
    /// It is smooth until then,
    until: SimTime,
    /// and does not move at all.
    is_constant: bool,
    /// Its value is that of all instants until then.
    stays: bool,
}

/// All levels.
#[derive(Clone, Debug)]
pub struct Levels {
    /// By load.
    all: Vec<Level>,
    /// The next instant at which some load's level may jump or begin to move.
    next_break: SimTime,
}

impl Levels {
    /// None is known.
    pub fn new(scenario: &Scenario) -> Self {
        let unknown = Level {
            value: -1.0,
            until: SimTime::ZERO,
            is_constant: false,
            stays: false,
        };
        Self {
            all: vec![unknown; scenario.loads.len()],
            next_break: SimTime::ZERO,
        }
    }

    /// The first instant after `now` at which some level may jump or begin to move.
    pub fn next_break(&mut self, scenario: &Scenario, now: SimTime) -> SimTime {
        if now < self.next_break {
            return self.next_break;
        }
        self.next_break = SimTime::NEVER;
        for (load, known) in scenario.loads.iter().zip(&mut self.all) {
            if known.until <= now {
                known.until = SimTime::NEVER;
                known.is_constant = true;
                known.stays = false;
                for shape in &load.shape {
                    let (course, end) = shape.course(now, &scenario.clock);
                    known.is_constant &= course == Course::Constant;
                    known.until = known.until.min(end);
                }
                known.is_constant &= !is_spawning(load, now);
            }
            self.next_break = self.next_break.min(known.until);
        }
        self.next_break
    }

    /// Tells which loads' levels at `at` are no longer those that were told.
    pub fn moved(&mut self, scenario: &Scenario, at: SimTime, mut tell: impl FnMut(usize)) {
        for (index, known) in self.all.iter_mut().enumerate() {
            if known.stays {
                continue;
            }
            let load = &scenario.loads[index];
            let level = load.level(at, &scenario.clock);
            known.stays = known.is_constant;
            if (level - known.value).abs() > LEVEL * known.value.abs() || is_spawning(load, at) {
                known.value = level;
                tell(index);
            }
        }
    }
}

/// Whether more users come as time passes, whatever the level.
fn is_spawning(load: &Load, at: SimTime) -> bool {
    match &load.kind {
        LoadKind::Closed {
            users,
            spawn: Some(rate),
            ..
        } => rate * at.seconds() < *users as f64,
        _ => false,
    }
}
