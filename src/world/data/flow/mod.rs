//! The flow plane: rates over the call graph instead of requests, months in seconds.
//!
//! Each step it finds one operating point (waits from theory, backlog as a fluid) and adds up what is expected; when
//! observed, counts are drawn with keyed noise and latencies are spread over a fitted law. Not for questions of
//! single requests: it keeps no records, and what a killed replica held is counted at the replica only.

mod expected;
mod law;
mod plane;
mod program;
mod solve;
mod station;

#[cfg(test)]
mod tests;

pub use plane::FlowPlane;
