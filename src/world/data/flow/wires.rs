//! Links with a bandwidth: the messages of each direction share its wire as jobs share a processor.
//!
//! In equilibrium a wire is M/G/1 with processor sharing: a message takes its time alone over one minus the use, exactly
//! in the mean for any law of sizes (Kleinrock 1976, section 4.4). What exceeds the wire piles up as a fluid: messages
//! that are there number the work behind over the mean residual message, and a message crosses among them as their number
//! grows or falls. Messages that nobody waits for any more stay on the wire. A hop without a bandwidth has no wire.

use std::collections::BTreeSet;

use crate::model::Scenario;
use crate::queueing::{sharing_response, sharing_variance};
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::point::{Around, Point, TIME};
use crate::world::data::flow::program::Tally;
use crate::world::data::flow::station::EQUILIBRIUM;

/// What messages meet on a wire.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WirePoint {
    /// Bytes a second that it carries.
    bandwidth: f64,
    /// Its use as the formulas see it.
    load: f64,
    /// What is left of a message that is met on it, in the mean, seconds alone.
    residual: f64,
    /// Messages that are behind.
    behind: f64,
    /// How many more there are each second.
    growth: f64,
}

impl WirePoint {
    /// Time of a message of so many bytes.
    pub fn time(&self, bytes: f64) -> Moments {
        let alone = bytes / self.bandwidth;
        let variance = sharing_variance(alone, self.load, self.residual);
        let among = self.among(alone);
        Moments {
            mean: sharing_response(alone, self.load) + among,
            variance,
            shift: alone + among,
        }
    }

    /// Time that `alone` takes among those that are behind: n' = growth, and the message's own work falls by 1 / n.
    fn among(&self, alone: f64) -> f64 {
        let power = self.growth * alone;
        if self.behind <= 0.0 {
            0.0
        } else if power.abs() < 1e-6 {
            self.behind * alone
        } else {
            // A message that comes now is not longer than any that a caller waits for.
            self.behind * libm::expm1(power.min(30.0)) / self.growth
        }
    }

    /// Whether messages notice the step from `before`.
    fn differs(&self, before: &Self) -> bool {
        let moved =
            |new: f64, old: f64, least: f64| (new - old).abs() > TIME * old.abs().max(least);
        moved(1.0 / (1.0 - self.load), 1.0 / (1.0 - before.load), 0.0)
            || moved(self.behind, before.behind, 1e-3)
            || self.behind > 0.0 && moved(self.growth, before.growth, 1e-3)
            || self.load > 0.01 && moved(self.residual, before.residual, 0.0)
    }
}

/// One direction of a hop.
#[derive(Clone, Debug)]
struct Wire {
    /// Bytes a second that are sent.
    bytes: f64,
    /// Squared bytes a second, message by message.
    squares: f64,
    /// Work behind, seconds of the wire.
    backlog: f64,
    /// As callers were told.
    point: WirePoint,
}

impl Wire {
    fn use_(&self) -> f64 {
        self.bytes / self.point.bandwidth
    }

    fn found(&self) -> WirePoint {
        let (load, bandwidth) = (self.use_(), self.point.bandwidth);
        let residual = if self.bytes > 0.0 {
            0.5 * self.squares / self.bytes / bandwidth
        } else {
            0.0
        };
        let number = |work: f64| if residual > 0.0 { work / residual } else { 0.0 };
        WirePoint {
            bandwidth,
            load: load.min(EQUILIBRIUM),
            residual,
            behind: number(self.backlog),
            growth: number(load - 1.0),
        }
    }
}

/// All wires.
#[derive(Clone, Debug, Default)]
pub struct Wires {
    /// By hop; empty where no hop has a bandwidth.
    all: Vec<Option<Wire>>,
    dirty: BTreeSet<u32>,
    /// Those that are behind, or are asked for more than they carry.
    behind: BTreeSet<u32>,
}

impl Wires {
    /// Idle wires.
    pub fn new(scenario: &Scenario) -> Self {
        let places = scenario.clusters.len() + 1;
        let hops = scenario.links.table.iter().take(places * places);
        let wire = |link: &crate::model::Link| {
            link.bandwidth.map(|bandwidth| Wire {
                bytes: 0.0,
                squares: 0.0,
                backlog: 0.0,
                point: WirePoint {
                    bandwidth,
                    ..WirePoint::default()
                },
            })
        };
        let all: Vec<_> = hops.map(wire).collect();
        let is_used = all.iter().any(Option::is_some);
        Self {
            all: if is_used { all } else { Vec::new() },
            ..Self::default()
        }
    }

    /// No hop has a bandwidth.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The wire of a hop, if it has one.
    pub fn of(&self, hop: usize) -> Option<&WirePoint> {
        Some(&self.all.get(hop)?.as_ref()?.point)
    }

    /// Whether some wire is behind.
    pub fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Whether nothing is to be found again.
    pub fn is_settled(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Leaves what is to be found again.
    pub fn give_up(&mut self) {
        self.dirty.clear();
    }

    /// What exceeds a wire piles up for so many seconds.
    pub fn follow(&mut self, seconds: f64) {
        for hop in &self.behind {
            if let Some(wire) = &mut self.all[*hop as usize] {
                wire.backlog = (wire.backlog + (wire.use_() - 1.0) * seconds).max(0.0);
            }
        }
        self.dirty.extend(&self.behind);
    }

    /// More or less is sent over a hop each second.
    fn send(&mut self, hop: u32, bytes: f64, squares: f64) {
        if let Some(wire) = &mut self.all[hop as usize] {
            wire.bytes += bytes;
            wire.squares += squares;
            if wire.bytes < 1e-6 {
                // What is left when senders went away is rounding.
                (wire.bytes, wire.squares) = (0.0, 0.0);
            }
            self.dirty.insert(hop);
        }
    }

    /// Finds a wire again; whether its messages notice.
    fn update(&mut self, hop: u32) -> bool {
        let Some(wire) = &mut self.all[hop as usize] else {
            return false;
        };
        if wire.use_() > 1.0 || wire.backlog > 0.0 {
            self.behind.insert(hop);
        } else {
            self.behind.remove(&hop);
        }
        let found = wire.found();
        let moved = found.differs(&wire.point);
        if moved {
            wire.point = found;
        }
        moved
    }
}

/// What a source sends over a hop each second: bytes, and squared bytes message by message.
pub type Crossing = (u32, f64, f64);

fn add(crossings: &mut Vec<Crossing>, hop: usize, messages: f64, bytes: f64) {
    if messages <= 0.0 || bytes <= 0.0 {
        return;
    }
    let squares = bytes * bytes / messages;
    match crossings
        .iter_mut()
        .find(|(other, ..)| *other == hop as u32)
    {
        Some((_, sum, square)) => (*sum, *square) = (*sum + bytes, *square + squares),
        None => crossings.push((hop as u32, bytes, squares)),
    }
}

impl Point {
    /// A source's calls are sent so often now.
    pub(super) fn cross(&mut self, around: &Around<'_>, source: usize, calls: &[Tally], runs: f64) {
        if self.wires.is_empty() {
            return;
        }
        let places = around.scenario.clusters.len() + 1;
        let mut crossings = Vec::new();
        for call in calls {
            let ((from, to), tries) = (call.places, call.attempts * runs);
            add(
                &mut crossings,
                from * places + to,
                tries,
                call.bytes.0 * runs,
            );
            add(
                &mut crossings,
                to * places + from,
                tries,
                call.bytes.1 * runs,
            );
        }
        let before = std::mem::replace(&mut self.sources[source].crossings, crossings);
        for (hop, bytes, squares) in before {
            self.wires.send(hop, -bytes, -squares);
        }
        for index in 0..self.sources[source].crossings.len() {
            let (hop, bytes, squares) = self.sources[source].crossings[index];
            self.wires.send(hop, bytes, squares);
        }
    }

    /// Finds marked wires again and marks whose messages notice.
    pub(super) fn update_wires(&mut self, around: &Around<'_>) {
        while let Some(hop) = self.wires.dirty.pop_first() {
            if !self.wires.update(hop) {
                continue;
            }
            let clusters = around.scenario.clusters.len();
            for source in 0..self.sources.len() {
                let crossings = &self.sources[source].crossings;
                if crossings.iter().any(|(other, ..)| *other == hop) {
                    match source.checked_sub(self.answers.len()) {
                        Some(journey) => self.mark_journey(journey),
                        None => self.mark_answer(around, source / clusters, source % clusters),
                    }
                }
            }
        }
    }
}
