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
use crate::plan::goal::{Outlook, is_better, outlook};
use crate::plan::pack::{Packed, Packing, pack, pack_as};
use crate::plan::{KnownWorld, STRATEGIES};

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

/// The plans of all named strategies that apply and keep all constraints. Each order is cut as the search cuts its
/// own, with services of a wave one after another and at once, and the better of the two stands for the strategy: what
/// is compared are orders. `told` is called after each.
#[must_use]
pub fn named(known: &KnownWorld, request: &PlanRequest, told: &dyn Fn()) -> Vec<(Candidate, bool)> {
    STRATEGIES
        .iter()
        .filter_map(|strategy| {
            let order = (strategy.order)(known, request.seed).ok()?;
            let found = match strategy.packing {
                Packing::Waves => [WaveOrder::Given, WaveOrder::Parallel]
                    .into_iter()
                    .filter_map(|way| decode(known, request, order.clone(), way))
                    .reduce(|one, other| {
                        if is_better(&other.outlook.parts, &one.outlook.parts) {
                            other
                        } else {
                            one
                        }
                    })?,
                Packing::OneWave => {
                    let packed = pack(known, &order, strategy.packing, request).ok()?;
                    candidate(known, order, WaveOrder::Parallel, packed)
                }
            };
            told();
            let by = strategy.name.to_owned();
            Some((Candidate { by, ..found }, strategy.searches))
        })
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
