//! `flow`: simulation on the flow plane, rates in place of requests.

use super::{Bench, Evaluator};
use crate::experiment::goal::Entrant;
use crate::model::scenario::Fidelity;
use crate::search::Candidate;

/// See the module.
pub struct Flow<'s>(pub Bench<'s>);

impl Evaluator for Flow<'_> {
    fn name(&self) -> &'static str {
        "flow"
    }

    fn holds(&self) -> &'static str {
        "moves, gates and rollbacks as they happen, requests as rates"
    }

    fn judge(&self, plans: &[&Candidate], stage: u32, replications: u32) -> Option<Vec<Entrant>> {
        self.0.simulate(plans, stage, replications, Fidelity::Flow)
    }
}
