//! `graph`: the timetable and the traffic between services, without luck.

use super::Evaluator;
use crate::experiment::goal::Entrant;
use crate::search::Candidate;

/// See the module.
pub struct Graph;

impl Evaluator for Graph {
    fn name(&self) -> &'static str {
        "graph"
    }

    fn holds(&self) -> &'static str {
        "exact for constant traffic and moves on time; queues, failures and rollbacks are not in it"
    }

    /// The outlook that plans carry from when they were packed, as often as replications are asked for: it has no luck.
    fn judge(&self, plans: &[&Candidate], _: u32, replications: u32) -> Option<Vec<Entrant>> {
        let values = |plan: &&Candidate| {
            let parts = plan.outlook.parts.iter();
            parts
                .map(|part| vec![Some(*part); replications as usize])
                .collect()
        };
        let entrants = plans.iter().map(|plan| Entrant {
            name: plan.by.clone(),
            values: values(plan),
        });
        Some(entrants.collect())
    }
}
