//! Assertions and gate conditions.

use super::context::Context;
use crate::model::{Assertion, Condition};
use crate::scenario::node::Node;

/// Reads `assert`.
pub(super) fn read(_cx: &mut Context, _root: &Node) -> Vec<Assertion> {
    Vec::new()
}

impl Context<'_> {
    /// A gate's condition.
    pub(super) fn condition(&mut self, _node: &Node) -> Option<Condition> {
        None
    }
}
