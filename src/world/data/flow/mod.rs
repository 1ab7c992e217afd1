//! The flow plane: rates over the call graph instead of requests, months in seconds.
//!
//! It keeps one operating point (waits from theory, backlog as a fluid) and mends it where something changes; what is
//! expected is added up just before a change and when somebody looks. Observed counts are drawn with keyed noise and
//! latencies are samples of a fitted law. Not for questions of single requests: it keeps no records, and what a killed
//! replica held is counted at the replica only.

mod answer;
mod caches;
mod calls;
mod clients;
mod crowd;
mod expected;
mod gather;
mod groups;
mod law;
mod levels;
mod limits;
mod network;
mod plane;
mod point;
mod program;
mod quota;
mod replicas;
mod sample;
mod station;
mod totals;
mod unequal;
mod wires;

#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod crowd_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;

pub use plane::FlowPlane;
pub use totals::{Total, Totals};
