//! Scenario text to a checked model: tree, merge, types, references, with every problem at once.

pub mod node;
pub mod problem;
pub mod suggest;
