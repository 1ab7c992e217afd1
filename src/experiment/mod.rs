//! Replications, twins, estimates and comparisons: what a scenario's question is answered with.
//!
//! Files are not touched here: results go to a `Journal` trait, and `report` writes them.

pub mod account;
mod assemble;
pub mod bins;
pub mod collector;
pub mod compare;
pub mod critical_path;
pub mod driver;
pub mod economy;
pub mod estimate;
pub mod findings;
pub mod forecast;
pub mod gaps;
pub mod goal;
pub mod judge;
pub mod matching;
pub mod minutes;
pub mod probe;
pub mod pulses;
pub mod replication;
pub mod result;
pub mod terms;
pub mod traces;
pub mod works;

#[cfg(test)]
mod migration_tests;
#[cfg(test)]
mod tests;
