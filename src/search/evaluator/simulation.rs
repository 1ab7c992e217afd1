//! `simulation`: the scenario's own data plane, the one that `run` uses.

use super::{Bench, Evaluator};
use crate::experiment::goal::Entrant;
use crate::search::Candidate;

/// See the module.
pub struct Simulation<'s>(pub Bench<'s>);

impl Evaluator for Simulation<'_> {
    fn name(&self) -> &'static str {
        "simulation"
    }

    fn holds(&self) -> &'static str {
        "everything that the scenario says, as `run` simulates it"
    }

    fn judge(&self, plans: &[&Candidate], stage: u32, replications: u32) -> Option<Vec<Entrant>> {
        let fidelity = self.0.scenario.run.fidelity;
        self.0.simulate(plans, stage, replications, fidelity)
    }
}
