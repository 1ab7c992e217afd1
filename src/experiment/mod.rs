//! Replications, twins, estimates and comparisons: what a scenario's question is answered with.
//!
//! Files are not touched here: results go to a `Journal` trait, and `report` writes them.

pub mod result;
