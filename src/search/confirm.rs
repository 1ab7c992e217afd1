//! The simulation stages: successive halving, then a comparison on luck that nothing before has seen.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::keyed::Key;
use crate::experiment::driver::{self, MemoryJournal, Options, Progress};
use crate::experiment::goal::{Entrant, GoalPart, Place, league};
use crate::experiment::result::StopReason;
use crate::model::scenario::Fidelity;
use crate::model::{Replications, Scenario};
use crate::search::Candidate;

/// Stages draw apart from one another and from `run`, which is stage 0.
const HALVING: u32 = 1;
const CONFIRM: u32 = 2;

/// How to simulate.
pub struct Simulation<'s> {
    /// The scenario, whose plan is replaced.
    pub scenario: &'s Scenario,
    /// Its objective.
    pub goal: &'s [GoalPart],
    /// Data plane on which plans are halved; the confirmation is on the scenario's own.
    pub halving: Fidelity,
    /// Threads.
    pub threads: usize,
    /// Told how far a plan's experiment is.
    pub progress: &'s dyn Progress,
    /// Stops everything.
    pub cancel: &'s AtomicBool,
}

/// What a stage says of its plans.
pub struct Judged {
    /// Values by plan, in the order given.
    pub entrants: Vec<Entrant>,
    /// Places, best first.
    pub places: Vec<Place>,
}

impl Simulation<'_> {
    /// Simulates each plan on the luck of a stage; `None` when cancelled.
    fn judge(
        &self,
        plans: &[&Candidate],
        stage: u32,
        replications: u32,
        fidelity: Fidelity,
    ) -> Option<Judged> {
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
            scenario.run.seed = Key::root(self.scenario.run.seed, stage, 0).0;
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
        let places = league(&entrants, self.scenario.run.confidence);
        Some(Judged { entrants, places })
    }

    /// Drops the worse half again and again, with twice the replications each time, until at most `finalists` are
    /// left: their positions in `plans`, best first; and the means of the first round, for the rank correlation.
    #[must_use]
    pub fn halve(
        &self,
        plans: &[&Candidate],
        first: u32,
        finalists: usize,
    ) -> Option<(Vec<usize>, Vec<f64>)> {
        let mut left: Vec<usize> = (0..plans.len()).collect();
        let mut replications = first;
        let mut means = Vec::new();
        loop {
            let subset: Vec<&Candidate> = left.iter().map(|at| plans[*at]).collect();
            let judged = self.judge(&subset, HALVING, replications, self.halving)?;
            if means.is_empty() {
                means = judged
                    .entrants
                    .iter()
                    .map(|entrant| entrant.mean(0))
                    .collect();
            }
            let keep = (left.len().div_ceil(2)).max(finalists).min(left.len());
            left = judged
                .places
                .iter()
                .map(|place| left[place.entrant])
                .take(keep)
                .collect();
            if left.len() <= finalists {
                return Some((left, means));
            }
            replications *= 2;
        }
    }

    /// Compares plans on fresh luck.
    #[must_use]
    pub fn confirm(&self, plans: &[&Candidate], replications: u32) -> Option<Judged> {
        self.judge(plans, CONFIRM, replications, self.scenario.run.fidelity)
    }
}
