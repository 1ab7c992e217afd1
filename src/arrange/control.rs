//! How long a search runs and who hears of what it finds.

use std::cell::Cell;

/// A better order than any before: its cost and the evaluations spent until then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found<'a> {
    /// The order, first to move first.
    pub order: &'a [u32],
    /// Value of the objective.
    pub cost: f64,
    /// Evaluations (moves tried) spent so far.
    pub evaluations: u64,
}

/// Budget and callbacks of a search. A budget in evaluations makes it reproducible; a stop flag (a clock or
/// Ctrl-C, the caller's) ends it at the next check, and the best found so far is kept.
pub struct Control<'a> {
    limit: u64,
    spent: Cell<u64>,
    stop: &'a dyn Fn() -> bool,
    stopped: Cell<bool>,
    on_better: Option<&'a dyn Fn(Found<'_>)>,
}

fn never() -> bool {
    false
}

impl<'a> Control<'a> {
    /// A budget of moves tried (deltas computed), without any clock.
    #[must_use]
    pub fn evaluations(limit: u64) -> Self {
        Self {
            limit,
            spent: Cell::new(0),
            stop: &never,
            stopped: Cell::new(false),
            on_better: None,
        }
    }

    /// Ends when `stop` says so, asked every few thousand moves.
    #[must_use]
    pub fn or_when(mut self, stop: &'a dyn Fn() -> bool) -> Self {
        self.stop = stop;
        self
    }

    /// Calls `listen` at every new best.
    #[must_use]
    pub fn telling(mut self, listen: &'a dyn Fn(Found<'_>)) -> Self {
        self.on_better = Some(listen);
        self
    }

    /// Evaluations spent.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// The budget in evaluations.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Evaluations left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.spent.get())
    }

    /// Books evaluations; true when the search must end.
    pub fn spend(&self, evaluations: u64) -> bool {
        self.spent.set(self.spent.get() + evaluations);
        if !self.stopped.get() && (self.stop)() {
            self.stopped.set(true);
        }
        self.over()
    }

    /// Whether the budget is used or the stop flag was seen.
    #[must_use]
    pub fn over(&self) -> bool {
        self.stopped.get() || self.spent.get() >= self.limit
    }

    /// Whether the stop flag (not the budget) ended the search, so that its result depends on the machine.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Tells of a new best.
    pub fn better(&self, order: &[u32], cost: f64) {
        if let Some(listen) = self.on_better {
            listen(Found {
                order,
                cost,
                evaluations: self.spent.get(),
            });
        }
    }
}
