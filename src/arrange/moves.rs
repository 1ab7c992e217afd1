//! What a local search needs from an objective: deltas of two moves, and the moves themselves.

/// An order under one objective. Positions count from 0; `from` and `to` are positions before and after.
pub trait Moves {
    /// The current order.
    fn order(&self) -> &[u32];
    /// Position of an item.
    fn position(&self, item: usize) -> usize;
    /// Value that the search walks on; the objective itself for the sum.
    fn energy(&self) -> f64;
    /// Change of the energy if the item at `from` moved to `to`, the items between closing up.
    fn insertion(&self, from: usize, to: usize) -> f64;
    /// Makes that move; `delta` is its change.
    fn insert(&mut self, from: usize, to: usize, delta: f64);
    /// Change of the energy if the items at two positions changed places; `first < second`.
    fn exchange(&self, first: usize, second: usize) -> f64;
    /// Makes that move; `delta` is its change.
    fn swap(&mut self, first: usize, second: usize, delta: f64);
    /// Whether exchanges cost no more than a look at the two items' neighbours, however far apart they are.
    fn cheap_exchange(&self) -> bool;
    /// Replaces the order.
    fn reset(&mut self, order: &[u32]);
    /// The objective of an order to be kept, lower is better; what the incumbent is judged by.
    fn objective(&self) -> f64;
}
