//! Scenario text to a checked model: tree, merge, types, references, with every problem at once.

mod commas;
pub mod grammar;
pub mod keys;
pub mod merge;
pub mod node;
pub mod parse;
pub mod problem;
pub mod read;
pub mod render;
pub mod sources;
pub mod suggest;
mod yaml_error;
