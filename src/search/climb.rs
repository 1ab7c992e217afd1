//! The graph stage: annealing of waves by deltas, packed again and again; then of orders, each decoded by the packer.
//!
//! A change of one group's wave costs a look at its neighbours, a decoded order costs as much as all groups together.
//! The budget counts both by about what they take: one for each costed change, ten a group for each order that is packed.

use crate::model::{PlanRequest, WaveOrder};
use crate::plan::KnownWorld;
use crate::plan::goal::is_better;
use crate::search::assign::{Assignment, Rules, anneal};
use crate::search::moves::{Draws, changed};
use crate::search::prices::Prices;
use crate::search::{Candidate, decode};

/// Share of the starting value that an uphill step may cost at first, with probability 1/e.
const FIRST: f64 = 0.02;
/// The same at the end.
const LAST: f64 = 1e-4;
/// Rounds of annealing by deltas in a climb; each begins from the waves of the last that was packed.
const ROUNDS: u32 = 4;
/// Their part of the budget; what is left goes to packed orders, from so many of the plans that come of it.
const BY_DELTAS: f64 = 0.4;
const TOPS: usize = 2;
/// Turns of a lap that begin with draws of their own, at most.
const TURNS: u32 = 4;
/// How much cooler each round begins than the one before.
const COOLER: f64 = 0.3;
/// Changes that take about as long as packing one group of an order.
const PACKING: u64 = 10;
/// Changes a group in the first round when the budget is one of time; later rounds know how many fit.
const PER_GROUP: u64 = 400;
/// Laps of the whole climb: as many as have so many evaluations a group each, and at most so many groups together, so that
/// large programmes are not cooled in a hurry.
const LAP: u64 = 10_000;
const LAP_GROUPS: u64 = 600;
const LAPS: u64 = 4;
/// Heat of a later lap that begins from the best plan so far: it keeps most of it.
const AGAIN: f64 = 0.1;

/// What the graph stage found.
pub struct Climbed {
    /// The best different plans, best first.
    pub best: Vec<Candidate>,
    /// Changes that were costed by their deltas.
    pub moves: u64,
    /// Orders that were packed and judged.
    pub packed: u64,
}

impl Climbed {
    /// What is spent of a budget of evaluations: one a costed change, ten a group for each packed order.
    #[must_use]
    pub fn evaluations(&self, groups: usize) -> u64 {
        self.moves + self.packed * packing(groups)
    }
}

/// Evaluations that a packed order counts as.
fn packing(groups: usize) -> u64 {
    PACKING * groups.max(1) as u64
}

/// How long the graph stage may take.
pub struct Budget<'s> {
    /// Evaluations, at most.
    pub evaluations: u64,
    /// Asked now and then with how many are spent; stops the climb (time, interrupt).
    pub stop: &'s dyn Fn(u64) -> bool,
    /// Share of the budget that is spent, for cooling: by time when the budget is one of time.
    pub spent: &'s dyn Fn(u64) -> f64,
    /// Told when changes begin to be costed, and then how many were: who has a clock can tell how fast.
    pub told: &'s dyn Fn(Option<u64>),
}

/// Climbs from the best starts, and keeps the `keep` best different plans.
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
    let rules = Rules::new(known);
    let prices = Prices::new(known);
    let mut all = Climbed {
        best,
        moves: 0,
        packed: 0,
    };
    let lap = Lap {
        known,
        request,
        prices: prices.as_ref(),
        rules: &rules,
        keep,
        budget,
    };
    let laps = laps(known.groups.len() as u64, budget.evaluations);
    for number in 0..laps {
        // First from the best two starts, in both ways to fill waves. Then from the best plan so far in its own way, and from one of
        // the starts further down the list: what the best ones lead to may be a corner.
        let begin: Vec<(Vec<usize>, WaveOrder)> = match all.best.first() {
            Some(best) if number > 0 => {
                let other = sorted[(number as usize + 1) % sorted.len()];
                let way = if number.is_multiple_of(2) {
                    WaveOrder::Given
                } else {
                    WaveOrder::Parallel
                };
                vec![
                    (best.order.clone(), best.wave_order),
                    (other.order.clone(), way),
                ]
            }
            _ => sorted
                .iter()
                .take(2)
                .flat_map(|start| {
                    [WaveOrder::Parallel, WaveOrder::Given].map(|way| (start.order.clone(), way))
                })
                .collect(),
        };
        let share = |lap: u32| f64::from(lap) / f64::from(laps);
        lap.run(number, begin, share(number), share(number + 1), &mut all);
    }
    all
}

/// How many laps a budget is cut into.
fn laps(groups: u64, evaluations: u64) -> u32 {
    let by_size = LAP_GROUPS / groups.max(1);
    let by_budget = evaluations / (LAP * groups.max(1));
    by_size.min(by_budget).clamp(1, LAPS) as u32
}

/// What is the same for all laps.
struct Lap<'k, 'a> {
    known: &'k KnownWorld<'a>,
    request: &'k PlanRequest,
    prices: Option<&'k Prices>,
    rules: &'k Rules,
    keep: usize,
    budget: &'k Budget<'k>,
}

impl Lap<'_, '_> {
    /// Deltas first, from every start; then orders, from the best plans that came of it; between two shares of the budget.
    fn run(
        &self,
        number: u32,
        begin: Vec<(Vec<usize>, WaveOrder)>,
        from: f64,
        until: f64,
        all: &mut Climbed,
    ) {
        let share = if self.prices.is_some() {
            BY_DELTAS
        } else {
            0.0
        } * (until - from);
        let length = share / begin.len().max(1) as f64;
        let turn = |wave_order, draws, heat, from, until| Turn {
            known: self.known,
            request: self.request,
            wave_order,
            draws,
            heat,
            from,
            until,
            keep: self.keep,
            budget: self.budget,
        };
        let mut tops: Vec<(Candidate, Draws)> = Vec::new();
        for (at, (order, wave_order)) in begin.into_iter().enumerate() {
            let begun = from + at as f64 * length;
            let draws = Draws::new(self.request.seed, number * TURNS + at as u32);
            let heat = if number > 0 && at == 0 { AGAIN } else { 1.0 };
            let mut turn = turn(wave_order, draws, heat, begun, begun + length);
            if number > 0 && turn.is_over(turn.spent(all), 1.0) {
                return;
            }
            all.packed += 1;
            let Some(start) = decode(self.known, self.request, order, wave_order) else {
                continue;
            };
            let top = match self.prices {
                Some(prices) => turn.by_deltas(start, prices, self.rules, all),
                None => start,
            };
            let at = tops
                .iter()
                .position(|(other, _)| is_better(&top.outlook.parts, &other.outlook.parts))
                .unwrap_or(tops.len());
            tops.insert(at, (top, turn.draws));
        }
        tops.truncate(TOPS);
        let begun = from + share;
        let length = (until - begun) / tops.len().max(1) as f64;
        for (at, (top, draws)) in tops.into_iter().enumerate() {
            let begun = begun + at as f64 * length;
            turn(top.wave_order, draws, 1.0, begun, begun + length).by_packing(top, all);
        }
    }
}

struct Turn<'k, 'a> {
    known: &'k KnownWorld<'a>,
    request: &'k PlanRequest,
    wave_order: WaveOrder,
    draws: Draws,
    /// Heat of its first round.
    heat: f64,
    /// Shares of the budget between which this climb has its turn.
    from: f64,
    until: f64,
    /// Plans to hold.
    keep: usize,
    budget: &'k Budget<'k>,
}

impl Turn<'_, '_> {
    fn spent(&self, all: &Climbed) -> u64 {
        all.evaluations(self.known.groups.len())
    }

    /// Whether the budget is spent up to a share of it.
    fn is_over(&self, evaluations: u64, until: f64) -> bool {
        evaluations >= self.budget.evaluations
            || (self.budget.spent)(evaluations) >= until
            || (self.budget.stop)(evaluations)
    }

    /// Anneals waves by deltas from the times of a packed plan, packs what comes out, and again from its times.
    fn by_deltas(
        &mut self,
        start: Candidate,
        prices: &Prices,
        rules: &Rules,
        all: &mut Climbed,
    ) -> Candidate {
        let length = (self.until - self.from) / f64::from(ROUNDS);
        let mut now = start;
        hold(&mut all.best, now.clone(), self.keep);
        // Changes for a share of the budget, once a round has shown it.
        let mut pace: Option<f64> = None;
        for round in 0..ROUNDS {
            let begun = self.spent(all);
            let until = self.from + length * f64::from(round + 1);
            if self.is_over(begun, until) {
                continue;
            }
            let Some(mut found) =
                Assignment::new(self.known, prices, rules, &now.timetable, self.wave_order)
            else {
                break;
            };
            let heat = self.heat * libm::pow(COOLER, f64::from(round));
            let groups = self.known.groups.len() as u64;
            // In a budget of time the number of changes is not known before; cooling takes that of a round.
            let share = (self.budget.spent)(begun);
            let most = if self.budget.evaluations == u64::MAX {
                pace.map_or(groups * PER_GROUP, |pace| ((until - share) * pace) as u64)
            } else {
                let left = (until - share) * self.budget.evaluations as f64;
                (left as u64).saturating_sub(packing(groups as usize))
            };
            let mut draws = self.draws.split();
            let turn = &*self;
            let is_over = |costed: u64| turn.is_over(begun + costed, until);
            (self.budget.told)(None);
            let costed = anneal(&mut found, &mut draws, most, heat, &is_over);
            (self.budget.told)(Some(costed));
            all.moves += costed;
            let used = (self.budget.spent)(self.spent(all)) - share;
            pace = (used > 0.0).then(|| costed as f64 / used);
            let mut inner = vec![0; now.order.len()];
            for (at, group) in now.order.iter().enumerate() {
                inner[*group] = at;
            }
            all.packed += 1;
            let order = found.order(&inner);
            let Some(next) = decode(self.known, self.request, order, self.wave_order) else {
                continue;
            };
            hold(&mut all.best, next.clone(), self.keep);
            if is_better(&next.outlook.parts, &now.outlook.parts) {
                now = next;
            }
        }
        now
    }

    /// Anneals orders, each packed and judged as a whole.
    fn by_packing(&mut self, start: Candidate, all: &mut Climbed) {
        let scale = start
            .outlook
            .parts
            .first()
            .copied()
            .unwrap_or(0.0)
            .abs()
            .max(1e-12);
        let mut now = start.clone();
        hold(&mut all.best, start, self.keep);
        let from = (self.budget.spent)(self.spent(all));
        loop {
            let evaluations = self.spent(all);
            let spent = (self.budget.spent)(evaluations);
            if self.is_over(evaluations, self.until) {
                return;
            }
            all.packed += 1;
            let order = changed(self.known, &now.order, &mut self.draws);
            let uniform = self.draws.uniform();
            let Some(next) = decode(self.known, self.request, order, self.wave_order) else {
                continue;
            };
            let progress = ((spent - from) / (self.until - from)).clamp(0.0, 1.0);
            let heat = scale * FIRST * libm::pow(LAST / FIRST, progress);
            if is_taken(&now, &next, heat, uniform) {
                if is_better(&next.outlook.parts, &worst(&all.best, self.keep)) {
                    hold(&mut all.best, next.clone(), self.keep);
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
