//! Windows of requests beside the flow plane (`fidelity: zoom`): where it matters, every request is played from the
//! flow plane's state, and what it finds stands beside what the flow plane expected.
//!
//! The flow plane runs on over the horizon; its commands are recorded. A window begins with the minute in which
//! something opens it. It is played once it is over: a request plane takes the replicas, routes, links and caches that
//! were there `LEAD` before the window, plays a lead-in that nobody counts, and is given the recorded commands at their
//! instants. Where stations were behind then, the lead-in begins when they last were not, so that the backlog is there.
//! A window changes nothing in the run: what gates and autoscalers decide is the flow plane's affair.

mod play;
mod record;
pub mod stats;
#[cfg(test)]
mod tests;
mod windows;

pub use record::Recording;

use std::collections::BTreeMap;

use crate::engine::{Key, hash64};
use crate::experiment::collector::{Collector, MINUTE};
use crate::experiment::probe::play::Window;
use crate::experiment::probe::record::Roster;
use crate::experiment::probe::windows::{Agenda, OpenGates};
use crate::experiment::replication::Play;
use crate::experiment::result::Probes;
use crate::model::Scenario;
use crate::units::{SimDuration, SimTime};
use crate::world::contract::{Luck, Stop};
use crate::world::data::flow::Totals;
use crate::world::play::World;
use crate::world::recorder::GateLook;

/// Length of the lead-in of a window.
pub const LEAD: SimDuration = SimDuration::from_secs(180);
/// The longest lead-in, where a backlog is to be found.
const LONGEST_LEAD: SimDuration = SimDuration::from_secs(1800);

/// The state at the start of a minute.
struct Mark {
    at: SimTime,
    totals: Totals,
}

/// A window that is open.
struct Open {
    start: SimTime,
    /// It is over then, unless a gate has opened in it that has not looked yet.
    end: SimTime,
    gates: OpenGates,
    why: String,
    /// The totals at its start.
    totals: Totals,
}

/// A world on the flow plane that opens windows.
pub struct Probed<'s> {
    scenario: &'s Scenario,
    luck: Luck,
    world: World<'s, Recording>,
    agenda: Agenda,
    /// Events of the log that were looked at.
    heard: usize,
    /// The start of the last minute.
    last: Mark,
    /// Minutes that may become a lead-in's start: nothing was overloaded then, or caches' states there.
    calm: Vec<SimTime>,
    caches: BTreeMap<SimTime, Vec<f64>>,
    /// The window that is open.
    open: Option<Open>,
    /// Looks through gates so far.
    looks: Vec<GateLook>,
    /// Windows to be played, by their keyed hash: the smallest are kept.
    kept: BTreeMap<(u64, SimTime), Window>,
    opened: u32,
}

impl<'s> Probed<'s> {
    /// Before the first minute.
    #[must_use]
    pub fn new(scenario: &'s Scenario, luck: Luck, mut world: World<'s, Recording>) -> Self {
        let totals = world.plane_mut().flow.totals();
        Self {
            scenario,
            luck,
            world,
            agenda: Agenda::new(scenario, luck),
            heard: 0,
            last: Mark {
                at: SimTime::ZERO,
                totals,
            },
            calm: vec![SimTime::ZERO],
            caches: BTreeMap::new(),
            open: None,
            looks: Vec::new(),
            kept: BTreeMap::new(),
            opened: 0,
        }
    }

    /// A minute is over.
    fn minute(&mut self, now: SimTime, collector: &Collector<'_>) {
        let from = self.last.at;
        let heard = std::mem::replace(&mut self.heard, collector.events.len());
        let events = &collector.events[heard..];
        let why = self.agenda.opens(self.scenario, from, now, events);
        let looks = self.looks.len();
        self.looks.extend_from_slice(&collector.gate_looks[looks..]);
        let totals = self.world.plane_mut().flow.totals();
        if let (None, Some(why)) = (&self.open, why)
            && now < self.scenario.end()
        {
            self.open = Some(Open {
                start: from,
                end: from + self.scenario.run.zoom.length,
                gates: OpenGates::default(),
                why,
                totals: std::mem::take(&mut self.last.totals),
            });
            self.opened += 1;
        }
        if let Some(open) = &mut self.open {
            open.gates.hear(self.scenario, &collector.events[heard..]);
            if now >= open.end.max(open.gates.until()).min(self.scenario.end()) {
                self.close(now, &totals);
            }
        }
        if !self.world.plane().flow.is_overloaded() {
            self.calm.push(now);
        }
        if !self.scenario.caches.is_empty() {
            let states = self.world.plane().flow.cache_states();
            self.caches.insert(now, states);
        }
        self.last = Mark { at: now, totals };
        self.forget(now);
    }

    /// What lies before any lead-in to come.
    fn forget(&mut self, now: SimTime) {
        let start = self.open.as_ref().map_or(now, |open| open.start);
        let earliest = SimTime(start.0.saturating_sub(LONGEST_LEAD.0));
        let earliest = SimTime(earliest.0 / MINUTE.0 * MINUTE.0);
        self.world.plane_mut().forget_before(earliest);
        self.calm.retain(|at| *at >= earliest);
        self.caches = self.caches.split_off(&earliest);
    }

    /// The open window is over.
    fn close(&mut self, end: SimTime, totals: &Totals) {
        let Some(Open {
            start,
            why,
            totals: before,
            ..
        }) = self.open.take()
        else {
            return;
        };
        let lead = SimTime(start.0.saturating_sub(LEAD.0));
        // Calm at the end of a minute says that it was calm at its last step.
        let calm = self.calm.iter().rev().find(|at| **at <= lead).copied();
        let (lead, is_behind) = match calm {
            Some(calm) => (calm, false),
            None => (SimTime(start.0.saturating_sub(LONGEST_LEAD.0)), true),
        };
        let key = Key::root(self.luck.seed, self.luck.stage, self.luck.replication)
            .part(hash64("window"))
            .nth(start.0);
        let expected = |now: &[_], before: &[crate::world::data::flow::Total]| {
            now.iter()
                .zip(before)
                .map(|(now, before): (&crate::world::data::flow::Total, _)| now.since(before))
                .collect::<Vec<_>>()
        };
        let roster: Roster = self.world.plane().roster_at(lead);
        let window = Window {
            lead,
            start,
            end,
            why,
            is_behind,
            roster,
            commands: self.world.plane().commands_between(lead, end),
            caches: self.caches.get(&lead).cloned().unwrap_or_default(),
            stations: expected(&totals.stations, &before.stations),
            actions: expected(&totals.actions, &before.actions),
        };
        self.kept.insert((key.0, start), window);
        while self.kept.len() > self.scenario.run.zoom.most as usize {
            self.kept.pop_last();
        }
    }
}

impl Play for Probed<'_> {
    fn advance_to(&mut self, until: SimTime, collector: &mut Collector<'_>) -> Result<(), Stop> {
        self.world.advance_to(until, collector)?;
        self.minute(until, collector);
        Ok(())
    }

    fn events(&self) -> u64 {
        self.world.events()
    }

    fn probes(&mut self) -> Probes {
        let mut windows: Vec<_> = std::mem::take(&mut self.kept).into_values().collect();
        windows.sort_by_key(|window| window.start);
        let mut probes = Probes {
            opened: self.opened,
            looked: self.looks.len() as u32,
            ..Probes::default()
        };
        for (ordinal, window) in windows.iter().enumerate() {
            let (rows, gates) = window.play(self.scenario, self.luck, ordinal as u32, &self.looks);
            probes.rows.extend(rows);
            probes.gates.extend(gates);
        }
        probes
    }
}
