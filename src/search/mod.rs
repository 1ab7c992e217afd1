//! Search for a better plan: cheaply on the graph, then by simulation, confirmed on fresh luck.
//!
//! Candidates are orders of move groups with a way to fill waves; the packer decodes them, so that every candidate
//! keeps all constraints. The graph stage anneals waves by deltas at the times of a packed plan, then orders by the
//! timetable's outlook of the scenario's objective. The best different plans, with the best named strategies, go
//! through successive halving on common random numbers; what is left is compared again on luck that no stage before
//! has seen. Only that last comparison is stated. Reproducible when the budget is a number of evaluations.

pub mod assign;
pub mod climb;
pub mod evaluator;
pub mod moves;
pub mod prices;
pub mod stages;
#[cfg(test)]
mod tests;

use crate::model::WaveOrder;
use crate::model::{PlanRequest, Wave};
use crate::plan::clockwork::Timetable;
use crate::plan::goal::{Outlook, outlook};
use crate::plan::pack::{Packed, Packing, pack, pack_as};
use crate::plan::{KnownWorld, NoPlan, STRATEGIES, Strategy};

/// A plan with what the graph says of it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it comes from: a strategy's name, or `search`.
    pub by: String,
    /// The order that was packed.
    pub order: Vec<usize>,
    /// How services of a wave go.
    pub wave_order: WaveOrder,
    /// The plan.
    pub waves: Vec<Wave>,
    /// When everything happens.
    pub timetable: Timetable,
    /// The objective as far as the graph sees it.
    pub outlook: Outlook,
}

impl Candidate {
    /// Whether two plans do the same: equal waves in equal order.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |candidate: &Self| -> Vec<(Vec<u32>, bool)> {
            candidate
                .waves
                .iter()
                .map(|wave| {
                    let mut members: Vec<u32> =
                        wave.members.iter().map(|one| one.service.0).collect();
                    let parallel = wave.order == WaveOrder::Parallel;
                    if parallel {
                        members.sort_unstable();
                    }
                    (members, parallel)
                })
                .collect()
        };
        key(self) == key(other)
    }
}

/// What named strategies make of the scenario, `told` being called after each that has a plan. The packer cuts each order
/// as the search cuts its own, so that what is compared are orders.
#[must_use]
pub fn made(
    known: &KnownWorld,
    request: &PlanRequest,
    strategies: &[&'static Strategy],
    told: &dyn Fn(),
) -> Vec<(&'static Strategy, Result<Candidate, NoPlan>)> {
    let one = |strategy: &'static Strategy| {
        let order = (strategy.order)(known, request.seed).map_err(NoPlan::Strategy)?;
        let packed = pack(known, &order, strategy.packing, request).map_err(NoPlan::Stuck)?;
        let wave_order = packed
            .waves
            .first()
            .map_or(WaveOrder::Given, |wave| wave.order);
        let by = strategy.name.to_owned();
        Ok(Candidate {
            by,
            ..candidate(known, order, wave_order, packed)
        })
    };
    strategies
        .iter()
        .map(|strategy| {
            let found = one(strategy);
            if found.is_ok() {
                told();
            }
            (*strategy, found)
        })
        .collect()
}

/// The plans of all named strategies that have one here, and whether each searches by itself.
#[must_use]
pub fn named(known: &KnownWorld, request: &PlanRequest, told: &dyn Fn()) -> Vec<(Candidate, bool)> {
    made(known, request, STRATEGIES, told)
        .into_iter()
        .filter_map(|(strategy, found)| Some((found.ok()?, strategy.searches)))
        .collect()
}

/// The plan that an order becomes, if it can be packed.
#[must_use]
pub fn decode(
    known: &KnownWorld,
    request: &PlanRequest,
    order: Vec<usize>,
    wave_order: WaveOrder,
) -> Option<Candidate> {
    let packed = pack_as(known, &order, Packing::Waves, wave_order, request).ok()?;
    Some(candidate(known, order, wave_order, packed))
}

fn candidate(
    known: &KnownWorld,
    order: Vec<usize>,
    wave_order: WaveOrder,
    packed: Packed,
) -> Candidate {
    Candidate {
        by: "search".to_owned(),
        order,
        wave_order,
        outlook: outlook(known, &packed.timetable),
        waves: packed.waves,
        timetable: packed.timetable,
    }
}
