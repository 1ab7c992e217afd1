//! What must hold for any plan: one constraint a file, asked by the packer and of written plans alike.

mod apart;
mod before;
mod critical_at_once;
mod deadline;
mod effort;
mod headroom;
mod latency_budget;
mod link_use;
mod order;
mod portable;
mod together;
mod wave_size;

pub use before::{Before, link_bytes};
pub use headroom::taken;

use crate::model::WaveOrder;
use crate::plan::KnownWorld;
use crate::plan::clockwork::{MoveTimes, WaveTimes};
use crate::units::SimTime;

/// One kind of constraint.
pub struct Constraint {
    /// Its key.
    pub name: &'static str,
    /// What it asks, in one sentence.
    pub meaning: &'static str,
    /// What stands against a wave.
    pub judge: fn(&Trial) -> Vec<Obstacle>,
}

/// Every kind that is judged wave by wave, by name. (Windows, freezes, overlap, `parallelMoves` and the moves of
/// teams never stand against a wave: they delay it, in the timetable; pinned services are no part of any wave.)
pub static CONSTRAINTS: &[&Constraint] = &[
    &apart::APART,
    &critical_at_once::CRITICAL_AT_ONCE,
    &deadline::DEADLINE,
    &effort::EFFORT,
    &headroom::HEADROOM,
    &latency_budget::LATENCY_BUDGET,
    &link_use::LINK_USE,
    &order::ORDER,
    &portable::PORTABLE,
    &together::TOGETHER,
    &wave_size::WAVE_SIZE,
];

/// A wave, as far as it is made, after the waves before it.
pub struct Trial<'t, 'a> {
    /// The world as known.
    pub known: &'t KnownWorld<'a>,
    /// What the waves before it have left behind.
    pub before: &'t Before,
    /// Services of this wave in their order.
    pub wave: &'t [usize],
    /// Those of them that nothing has been asked of yet: all, or the group that was added last.
    pub fresh: &'t [usize],
    /// Whether a service is in this wave, by service.
    pub inside: &'t [bool],
    /// How they go.
    pub order: WaveOrder,
    /// When: earliest start of the wave, and its end so far.
    pub times: WaveTimes,
    /// Moves of earlier waves and then of this one.
    pub moves: &'t [MoveTimes],
    /// Nothing is added any more.
    pub complete: bool,
    /// No wave follows.
    pub last: bool,
}

impl Trial<'_, '_> {
    /// Calls that begin or end to cross when all of this wave is on the target: position of the edge, whether its
    /// caller is the end on the target while it crosses, and 1 or -1.
    pub fn each_changed_edge(&self, told: &mut dyn FnMut(usize, bool, f64)) {
        for service in self.wave {
            for index in &self.known.tables.edges_of[*service] {
                let edge = &self.known.edges[*index as usize];
                let is_caller = edge.caller == *service;
                let other = if is_caller { edge.callee } else { edge.caller };
                if self.inside[other] {
                    continue;
                }
                if self.before.on_target[other] {
                    // It crossed, with the other end on the target.
                    told(*index as usize, !is_caller, -1.0);
                } else {
                    told(*index as usize, is_caller, 1.0);
                }
            }
        }
    }

    /// Moves of this wave: the last of all.
    #[must_use]
    pub fn own_moves(&self) -> &[MoveTimes] {
        let wave = self.moves.last().map(|one| one.wave);
        let own = self.moves.iter().rev();
        let count = own.take_while(|one| Some(one.wave) == wave).count();
        &self.moves[self.moves.len() - count..]
    }

    /// `a`, `b` and `c` with quotes.
    #[must_use]
    pub fn names(&self, services: &[usize]) -> String {
        let names: Vec<String> = services
            .iter()
            .take(6)
            .map(|service| format!("`{}`", self.known.name(*service)))
            .collect();
        let more = services.len().saturating_sub(names.len());
        let text = names.join(", ");
        if more > 0 {
            format!("{text} and {more} more")
        } else {
            text
        }
    }
}

/// What stands against a wave.
#[derive(Clone, PartialEq, Debug)]
pub struct Obstacle {
    /// Path of the constraint: `migration.constraints.order[0]`, `teams.search`.
    pub path: String,
    /// What is wrong, in a clause.
    pub reason: String,
    /// What would help.
    pub help: Help,
}

/// What would help against an obstacle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Help {
    /// Others must move first.
    Wait,
    /// Another wave.
    OtherWave,
    /// A wave that starts no earlier than this.
    NotBefore(SimTime),
    /// More services in the same wave.
    More,
    /// Nothing from here on.
    Nothing,
}

/// Everything that stands against a wave, by kind of constraint.
#[must_use]
pub fn obstacles(trial: &Trial) -> Vec<Obstacle> {
    CONSTRAINTS
        .iter()
        .flat_map(|constraint| (constraint.judge)(trial))
        .collect()
}
