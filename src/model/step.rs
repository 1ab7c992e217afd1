//! Steps of programs: what a request does, in which order, and what it looks up.

use crate::model::{Call, Distribution};
use crate::units::{Bytes, CacheId, SectionId};

/// One step of a program.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// How many times in sequence; `None` is once.
    pub times: Option<Distribution>,
    /// Chance that it is done at all, 0 to 1 (drawn once, before `times`).
    pub chance: f64,
}

/// Kinds of steps.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// Demand on the processor, in seconds.
    Work(Distribution),
    /// Time off the processor, in seconds, holding the slot.
    Wait(Distribution),
    /// A call that is waited for.
    Call(Call),
    /// A call that nobody waits for: it has a ledger of its own.
    Async(Call),
    /// The request goes on to another endpoint, which answers its caller; what follows is second-phase work.
    Forward(Call),
    /// The reply is sent now; what follows is second-phase work, in the same slot.
    Reply(Bytes),
    /// Branches at once.
    Parallel(Parallel),
    /// One of them by weight.
    Choose(Vec<(f64, Vec<Step>)>),
    /// A group.
    Do(Vec<Step>),
    /// A look into a cache, then what a hit or a miss does.
    Cache(CacheStep),
    /// A group whose time is measured.
    Section(SectionId, Vec<Step>),
}

/// Branches that run at once.
#[derive(Clone, Debug)]
pub struct Parallel {
    /// One step each.
    pub branches: Vec<Step>,
    /// Goes on when that many have succeeded, `None`: all. The others run on and keep the slot until they have
    /// ended; it fails once too many have failed.
    pub join: Option<u32>,
    /// Copies of all branches; `None` is one.
    pub fanout: Option<Distribution>,
}

/// A look into a cache.
#[derive(Clone, Debug)]
pub struct CacheStep {
    /// Which.
    pub cache: CacheId,
    /// After a hit.
    pub hit: Vec<Step>,
    /// After a miss.
    pub miss: Vec<Step>,
}

impl StepKind {
    /// The lists of steps inside, each with the mean number of times that it is done when this is done once.
    /// `hit_ratio` gives that of a cache.
    pub fn parts<'a>(&'a self, hit_ratio: &dyn Fn(CacheId) -> f64) -> Vec<(f64, &'a [Step])> {
        match self {
            Self::Work(_)
            | Self::Wait(_)
            | Self::Call(_)
            | Self::Async(_)
            | Self::Forward(_)
            | Self::Reply(_) => Vec::new(),
            Self::Do(steps) | Self::Section(_, steps) => vec![(1.0, steps)],
            Self::Parallel(parallel) => vec![(parallel.copies(), &parallel.branches)],
            Self::Choose(choices) => {
                let total: f64 = choices.iter().map(|(weight, _)| weight).sum();
                let share = |(weight, steps): &'a (f64, Vec<Step>)| (weight / total, &steps[..]);
                choices.iter().map(share).collect()
            }
            Self::Cache(look) => {
                let hit = hit_ratio(look.cache);
                vec![(hit, &look.hit), (1.0 - hit, &look.miss)]
            }
        }
    }
}

impl Parallel {
    /// Each branch once, all of them needed.
    #[must_use]
    pub fn all(branches: Vec<Step>) -> Self {
        Self {
            branches,
            join: None,
            fanout: None,
        }
    }

    /// Mean number of copies of the branches.
    #[must_use]
    pub fn copies(&self) -> f64 {
        self.fanout
            .as_ref()
            .map_or(1.0, |copies| copies.mean().max(0.0))
    }
}
