//! What judges plans: one trait, cheapest first. The graph sees what follows from traffic, prices and times; the flow plane and the
//! request plane simulate.

pub mod flow;
pub mod graph;
pub mod simulation;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::keyed::Key;
use crate::experiment::driver::{self, MemoryJournal, Options, Progress};
use crate::experiment::goal::{Entrant, GoalPart};
use crate::experiment::result::StopReason;
use crate::model::scenario::Fidelity;
use crate::model::{Replications, Scenario};
use crate::search::Candidate;

/// The stage whose luck is that of `run`.
pub const OWN_LUCK: u32 = 0;

/// Judges plans on the scenario's objective.
pub trait Evaluator {
    /// As written on the command line.
    fn name(&self) -> &'static str;

    /// What its values hold for, in a clause.
    fn holds(&self) -> &'static str;

    /// Values of each plan, in the order given: by part of the objective, then by replication on the luck of `stage`,
    /// which is the same for all plans. `None` when it was cancelled.
    fn judge(&self, plans: &[&Candidate], stage: u32, replications: u32) -> Option<Vec<Entrant>>;
}

/// What simulating evaluators need.
pub struct Bench<'s> {
    /// The scenario, whose plan is replaced.
    pub scenario: &'s Scenario,
    /// Its objective.
    pub goal: &'s [GoalPart],
    /// Threads.
    pub threads: usize,
    /// Told how far a plan's experiment is.
    pub progress: &'s dyn Progress,
    /// Stops everything.
    pub cancel: &'s AtomicBool,
}

impl Bench<'_> {
    /// Simulates each plan on a data plane.
    fn simulate(
        &self,
        plans: &[&Candidate],
        stage: u32,
        replications: u32,
        fidelity: Fidelity,
    ) -> Option<Vec<Entrant>> {
        let mut entrants: Vec<Entrant> = Vec::new();
        for (at, plan) in plans.iter().enumerate() {
            if let Some(same) = plans[..at].iter().position(|other| other.is_same(plan)) {
                // Equal plans on equal luck have equal values.
                let values = entrants[same].values.clone();
                let name = plan.by.clone();
                entrants.push(Entrant { name, values });
                continue;
            }
            let mut scenario = self.scenario.clone();
            scenario.plan.waves.clone_from(&plan.waves);
            scenario.run.fidelity = fidelity;
            if stage != OWN_LUCK {
                scenario.run.seed = Key::root(self.scenario.run.seed, stage, 0).0;
            }
            scenario.run.replications = Replications::Fixed(replications);
            let options = Options {
                threads: self.threads,
            };
            let mut journal = MemoryJournal::default();
            let result = driver::run(&scenario, options, &mut journal, self.progress, self.cancel);
            if self.cancel.load(Ordering::Relaxed) || result.stop == StopReason::Cancelled {
                return None;
            }
            let mut entrant = Entrant::new(&plan.by, self.goal, &result.replications);
            if matches!(result.stop, StopReason::Failed(_)) {
                // A plan whose world stands still has no value: it never leads.
                entrant.values = vec![vec![None; replications as usize]; self.goal.len()];
            }
            entrants.push(entrant);
        }
        Some(entrants)
    }
}
