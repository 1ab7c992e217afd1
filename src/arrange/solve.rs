//! The search that combines the methods, anytime and resumable.
//!
//! A small budget is the brief search's (`brief`). Otherwise rounds: first one from each start (spectral, greedy, community, multilevel, random), then in turn warm annealing of
//! the incumbent, V-cycles around it, exact windows and fresh starts. Rounds grow, so that a long budget is
//! spent on long coolings. A round is a function of (seed, number, incumbent): a saved session that is resumed
//! continues as if never stopped.

use serde::{Deserialize, Serialize};

use super::anneal::{Best, Cooling, anneal};
use super::brief;
use super::construct::{community, greedy, repair, spectral};
use super::control::Control;
use super::descent::descend;
use super::draws::Draws;
use super::exact::{ideals, subset_peak, subset_sum};
use super::moves::Moves;
use super::multilevel::cycle;
use super::neighbourhood::{polish_peak, polish_sum};
use super::peak_state::PeakState;
use super::problem::Problem;
use super::sum_state::SumState;

/// Items up to which the optimum is proved by dynamic programming instead of searched.
pub const EXACT: usize = 20;

/// Rounds that begin from different starts.
const STARTS: u32 = 4;
/// Rounds of moves below which a budget is spent by the brief search.
const BRIEF: u64 = 4;
/// Items up to which every other round begins from a random order.
const FRESH: usize = 250;
/// The long cooling of larger ones: its share of what is left of a budget, and rounds' worth of moves when that is not known.
const LONG_SHARE: f64 = 0.6;
const LONG: u64 = 16;

/// What is minimised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Objective {
    /// Integral of the crossing cost over the time of all moves.
    Sum,
    /// Largest crossing cost at any time.
    Peak,
}

/// A search that can be stopped, saved and resumed between rounds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Seed of all draws.
    pub seed: u64,
    /// What is minimised.
    pub objective: Objective,
    /// Rounds done.
    pub round: u32,
    /// Best order so far.
    pub order: Vec<u32>,
    /// Its objective.
    pub cost: f64,
    /// Evaluations spent in all runs of this session.
    pub evaluations: u64,
    /// Whether the order is proved to be optimal.
    pub proved: bool,
    search_only: bool,
    /// Orders that are still being improved; after the starts the worse half ends again and again.
    lineages: Vec<Vec<u32>>,
    /// Steps since lineages last ended.
    steps: u32,
}

impl Session {
    /// A session that begins with a greedy order.
    ///
    /// # Panics
    /// When fixed places or followers leave no order, or more than 63 items have them.
    #[must_use]
    pub fn new(problem: &Problem, objective: Objective, seed: u64) -> Self {
        let order = if problem.placed() {
            ideals(problem)
                .expect("some order keeps the constraints")
                .order
        } else {
            greedy(problem)
        };
        let mut session = Self {
            seed,
            objective,
            round: 0,
            cost: 0.0,
            order,
            evaluations: 0,
            proved: problem.placed() && objective == Objective::Sum,
            search_only: false,
            lineages: Vec::new(),
            steps: 0,
        };
        session.cost = session.value(problem, &session.order);
        session
    }

    /// A session that searches even where the optimum could be proved at once.
    ///
    /// # Panics
    /// As [`Session::new`].
    #[must_use]
    pub fn searching(problem: &Problem, objective: Objective, seed: u64) -> Self {
        Self {
            search_only: true,
            ..Self::new(problem, objective, seed)
        }
    }

    /// Objective of an order, afresh.
    #[must_use]
    pub fn value(&self, problem: &Problem, order: &[u32]) -> f64 {
        match self.objective {
            Objective::Sum => problem.sum(order),
            Objective::Peak => problem.peak(order).peak,
        }
    }

    /// Searches until the budget ends, the cost is `floor` or lower (a proved bound), or the optimum is proved.
    pub fn run(&mut self, problem: &Problem, floor: f64, control: &Control<'_>) {
        if self.proved || problem.placed() {
            return;
        }
        if problem.items() <= EXACT && !self.search_only {
            let optimum = match self.objective {
                Objective::Sum => subset_sum(problem),
                Objective::Peak => subset_peak(problem),
            }
            .expect("the greedy order keeps precedence");
            self.proved = true;
            self.take(problem, &optimum.order, control);
            return;
        }
        let start = control.spent();
        let before = self.evaluations;
        while !control.over() && self.cost > floor {
            let spent = control.spent();
            let order = match self.objective {
                Objective::Sum => self.sum_round(problem, control),
                Objective::Peak => self.peak_round(problem, control),
            };
            self.take(problem, &order, control);
            self.round += 1;
            self.evaluations = before + control.spent() - start;
            if control.spent() == spent {
                // What is left is less than any method needs.
                return;
            }
        }
    }

    fn take(&mut self, problem: &Problem, order: &[u32], control: &Control<'_>) {
        let cost = self.value(problem, order);
        let ties = self.objective == Objective::Peak && cost == self.cost;
        if cost < self.cost || ties && problem.peak(order) < problem.peak(&self.order) {
            self.cost = cost;
            self.order = order.to_vec();
            control.better(&self.order, cost);
        }
    }

    /// Moves of a round: some thousands an item, growing with each round after the starts.
    fn moves(&self, problem: &Problem, starts: u32, control: &Control<'_>) -> u64 {
        let base = round_moves(problem);
        let rate = if problem.items() <= FRESH {
            1.06
        } else {
            1.125
        };
        let growth = libm::pow(rate, f64::from(self.round.saturating_sub(starts).min(40)));
        // A small budget is for few short coolings, not for the beginning of a long one.
        ((base as f64 * growth) as u64).min(control.limit() / 3)
    }

    /// A start, then one of: a fresh start with its own refinement, or one more step of a lineage.
    fn sum_round(&mut self, problem: &Problem, control: &Control<'_>) -> Vec<u32> {
        let mut draws = Draws::new(self.seed, u64::from(self.round));
        let n = problem.items();
        if self.round == 0 && control.limit() < BRIEF * round_moves(problem) {
            let order = brief::search(problem, &mut draws, control);
            self.lineages.push(order.clone());
            return order;
        }
        let moves = self.moves(problem, STARTS, control);
        let free = !problem.constrained();
        let warm = |begin: &[u32], acceptance: f64, draws: &mut Draws| {
            let mut state = SumState::new(problem, begin);
            finish(
                problem,
                &mut state,
                Cooling { moves, acceptance },
                draws,
                control,
            )
        };
        let around = |begin: &[u32], acceptance: f64, draws: &mut Draws| {
            if free && n > 40 {
                cycle(
                    problem,
                    Some(begin),
                    Cooling { moves, acceptance },
                    draws,
                    control,
                )
            } else {
                warm(begin, acceptance, draws)
            }
        };
        if self.round < STARTS {
            let order = match self.round {
                0 => warm(&spectral(problem), 0.1, &mut draws),
                1 if free => cycle(
                    problem,
                    None,
                    Cooling {
                        moves,
                        acceptance: 0.1,
                    },
                    &mut draws,
                    control,
                ),
                2 => warm(&greedy(problem), 0.1, &mut draws),
                _ => warm(&community(problem), 0.1, &mut draws),
            };
            self.lineages.push(order.clone());
            return order;
        }
        if self.round == STARTS && n > FRESH && is_dense(problem) {
            return self.long_cooling(problem, draws, control);
        }
        let turn = self.round - STARTS;
        if n <= FRESH && turn.is_multiple_of(2) {
            let begin = repair(problem, &draws.permutation(n));
            let order = warm(&begin, 0.8, &mut draws);
            return around(&order, 0.1, &mut draws);
        }
        let step = if n <= FRESH { turn / 2 } else { turn } as usize;
        let lineage = step % self.lineages.len();
        let begin = &self.lineages[lineage];
        let order = match (step / self.lineages.len()) % 4 {
            3 => warm(begin, [0.02, 0.05, 0.1, 0.2][draws.below(4)], &mut draws),
            _ => around(begin, [0.02, 0.05, 0.1, 0.2][draws.below(4)], &mut draws),
        };
        if problem.sum(&order) <= problem.sum(begin) {
            self.lineages[lineage].clone_from(&order);
        }
        // Halving: after a few steps of each lineage the worse half ends.
        self.steps += 1;
        if self.lineages.len() > 1 && self.steps as usize == 3 * self.lineages.len() {
            self.steps = 0;
            self.lineages
                .sort_by(|a, b| problem.sum(a).total_cmp(&problem.sum(b)));
            self.lineages.truncate(self.lineages.len() / 2);
        }
        if self.lineages.len() == 1 && problem.sum(&self.lineages[0]) > self.cost {
            self.lineages[0].clone_from(&self.order);
        }
        order
    }

    /// One long cooling of the best start, on which the rest of the budget works. Graphs with many cycles need it: a
    /// random graph of 1,000 nodes ends 0.9 % above the best known value instead of 2 %. Trees and meshes do not: it
    /// loses the structure that V-cycles find (a binary tree of 1,023 nodes ends 11 % above instead of 0.8 %).
    fn long_cooling(
        &mut self,
        problem: &Problem,
        mut draws: Draws,
        control: &Control<'_>,
    ) -> Vec<u32> {
        let best = self
            .lineages
            .iter()
            .min_by(|a, b| problem.sum(a).total_cmp(&problem.sum(b)))
            .expect("starts have lineages");
        // A budget of time does not know its evaluations.
        let moves = if control.limit() == u64::MAX {
            LONG * round_moves(problem)
        } else {
            (control.left() as f64 * LONG_SHARE) as u64
        };
        let mut state = SumState::new(problem, best);
        let cooling = Cooling {
            moves,
            acceptance: 0.3,
        };
        let order = finish(problem, &mut state, cooling, &mut draws, control);
        self.lineages = vec![order.clone()];
        order
    }

    fn peak_round(&self, problem: &Problem, control: &Control<'_>) -> Vec<u32> {
        let mut draws = Draws::new(self.seed, u64::from(self.round));
        let moves = self.moves(problem, 3, control) / 2;
        let run = |begin: &[u32], acceptance: f64, draws: &mut Draws| {
            let mut state = PeakState::new(problem, begin);
            let best = anneal(
                problem,
                &mut state,
                Cooling { moves, acceptance },
                draws,
                control,
            );
            let mut state = PeakState::new(problem, &best.order);
            descend(problem, &mut state, 60, control);
            polish_peak(problem, &mut state, 8, control);
            state.order().to_vec()
        };
        match self.round {
            0 => run(&spectral(problem), 0.1, &mut draws),
            1 => run(&greedy(problem), 0.1, &mut draws),
            // An order of small sum has a small peak more often than not.
            2 => {
                let mut state = SumState::new(problem, &self.order);
                let best = anneal(
                    problem,
                    &mut state,
                    Cooling {
                        moves,
                        acceptance: 0.2,
                    },
                    &mut draws,
                    control,
                );
                run(&best.order, 0.05, &mut draws)
            }
            round if round % 3 == 0 => {
                let begin = repair(problem, &draws.permutation(problem.items()));
                run(&begin, 0.8, &mut draws)
            }
            _ => {
                let acceptance = [0.02, 0.05, 0.1, 0.2, 0.3][draws.below(5)];
                run(&self.order, acceptance, &mut draws)
            }
        }
    }
}

/// Whether items have four neighbours or more on average.
fn is_dense(problem: &Problem) -> bool {
    let n = problem.items();
    let degrees: usize = (0..n).map(|item| problem.graph.degree(item)).sum();
    degrees >= 4 * n
}

/// Moves of the first rounds.
fn round_moves(problem: &Problem) -> u64 {
    (problem.items() as u64 * 3000).max(150_000)
}

/// Anneals, then descends and orders windows exactly.
fn finish(
    problem: &Problem,
    state: &mut SumState<'_>,
    cooling: Cooling,
    draws: &mut Draws,
    control: &Control<'_>,
) -> Vec<u32> {
    let Best { order, .. } = anneal(problem, state, cooling, draws, control);
    state.reset(&order);
    descend(problem, state, problem.items().min(200), control);
    let length = if problem.items() > 300 { 6 } else { 8 };
    polish_sum(problem, state, length, control);
    state.order().to_vec()
}
