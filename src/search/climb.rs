//! The graph stage: simulated annealing on orders, each decoded by the packer.

use crate::model::{PlanRequest, WaveOrder};
use crate::plan::KnownWorld;
use crate::plan::goal::is_better;
use crate::search::moves::{Draws, changed};
use crate::search::{Candidate, decode};

/// Share of the starting value that an uphill step may cost at first, with probability 1/e.
const FIRST: f64 = 0.02;
/// The same at the end.
const LAST: f64 = 1e-4;

/// What the graph stage found.
pub struct Climbed {
    /// The best different plans, best first.
    pub best: Vec<Candidate>,
    /// Orders that were packed and judged.
    pub evaluations: u64,
}

/// How long the graph stage may take.
pub struct Budget<'s> {
    /// Evaluations, at most.
    pub evaluations: u64,
    /// Asked before each evaluation with how many are spent; stops the climb (time, interrupt).
    pub stop: &'s dyn Fn(u64) -> bool,
    /// Share of the budget that is spent, for cooling: by time when the budget is one of time.
    pub spent: &'s dyn Fn(u64) -> f64,
}

/// Climbs from the best starts, in turns of equal length, and keeps the `keep` best different plans.
#[must_use]
pub fn climb(
    known: &KnownWorld,
    request: &PlanRequest,
    starts: &[Candidate],
    keep: usize,
    budget: &Budget,
) -> Climbed {
    let mut best: Vec<Candidate> = Vec::new();
    for start in starts {
        hold(&mut best, start.clone(), keep);
    }
    let mut sorted: Vec<&Candidate> = starts.iter().collect();
    sorted.sort_by(|a, b| {
        let (a, b) = (&a.outlook.parts, &b.outlook.parts);
        is_better(b, a)
            .cmp(&is_better(a, b))
            .then(std::cmp::Ordering::Equal)
    });
    // Both ways to fill waves, from the best two starts.
    let climbs: Vec<(Vec<usize>, WaveOrder)> = sorted
        .iter()
        .take(2)
        .flat_map(|start| {
            [WaveOrder::Parallel, WaveOrder::Given].map(|order| (start.order.clone(), order))
        })
        .collect();
    let mut evaluations = 0;
    let turns = climbs.len().max(1) as f64;
    for (number, (order, wave_order)) in climbs.into_iter().enumerate() {
        let until = (number as f64 + 1.0) / turns;
        let Some(start) = decode(known, request, order, wave_order) else {
            continue;
        };
        let mut turn = Turn {
            known,
            request,
            wave_order,
            draws: Draws::new(request.seed, number as u32),
            from: number as f64 / turns,
            until,
        };
        turn.run(start, &mut best, keep, &mut evaluations, budget);
    }
    Climbed { best, evaluations }
}

struct Turn<'k, 'a> {
    known: &'k KnownWorld<'a>,
    request: &'k PlanRequest,
    wave_order: WaveOrder,
    draws: Draws,
    from: f64,
    until: f64,
}

impl Turn<'_, '_> {
    fn run(
        &mut self,
        start: Candidate,
        best: &mut Vec<Candidate>,
        keep: usize,
        evaluations: &mut u64,
        budget: &Budget,
    ) {
        let scale = start
            .outlook
            .parts
            .first()
            .copied()
            .unwrap_or(0.0)
            .abs()
            .max(1e-12);
        let mut now = start.clone();
        hold(best, start, keep);
        loop {
            let spent = (budget.spent)(*evaluations);
            if *evaluations >= budget.evaluations
                || spent >= self.until
                || (budget.stop)(*evaluations)
            {
                return;
            }
            *evaluations += 1;
            let order = changed(self.known, &now.order, &mut self.draws);
            let uniform = self.draws.uniform();
            let Some(next) = decode(self.known, self.request, order, self.wave_order) else {
                continue;
            };
            let progress = ((spent - self.from) / (self.until - self.from)).clamp(0.0, 1.0);
            let heat = scale * FIRST * libm::pow(LAST / FIRST, progress);
            if is_taken(&now, &next, heat, uniform) {
                if is_better(&next.outlook.parts, &worst(best, keep)) {
                    hold(best, next.clone(), keep);
                }
                now = next;
            }
        }
    }
}

/// Better or equal plans are taken; worse ones with probability exp(-difference / heat) in the first part.
fn is_taken(now: &Candidate, next: &Candidate, heat: f64, uniform: f64) -> bool {
    if !is_better(&now.outlook.parts, &next.outlook.parts) {
        return true;
    }
    let first = |candidate: &Candidate| candidate.outlook.parts.first().copied().unwrap_or(0.0);
    uniform < libm::exp((first(now) - first(next)) / heat)
}

/// Parts of the worst plan that is kept; infinitely bad while there is room.
fn worst(best: &[Candidate], keep: usize) -> Vec<f64> {
    match best.last() {
        Some(last) if best.len() >= keep => last.outlook.parts.clone(),
        _ => vec![f64::INFINITY],
    }
}

/// Puts a plan among the best different ones, best first.
fn hold(best: &mut Vec<Candidate>, candidate: Candidate, keep: usize) {
    if best.iter().any(|other| other.is_same(&candidate)) {
        return;
    }
    let at = best
        .iter()
        .position(|other| is_better(&candidate.outlook.parts, &other.outlook.parts))
        .unwrap_or(best.len());
    best.insert(at, candidate);
    best.truncate(keep);
}
