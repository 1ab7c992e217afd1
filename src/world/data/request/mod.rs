//! The request plane: every request through every queue.
//!
//! Where a feature goes, so that a scenario without it pays nothing:
//! - a yes-or-no fact of a frame is a bit of `frame::Flags`; state that few frames need is a field of `frame::Cold`
//!   (`Slab::cold_mut` makes the record, freeing the frame forgets it);
//! - what few calls need is read from `Site::policy`, behind a test that the first cache line of the `Site` answers;
//! - what a call site needs from one place to another is found beforehand (`ways`): who changes a hop, a service's places
//!   or errors renews the ways;
//! - what few replicas need lies behind the first cache line of `Replica`;
//! - a processor is shared by giving several replicas the same `Replica::processor`;
//! - a new kind of event is a number in `plane::rank`, a new operation an `Op` with its tables in `Programs`.

mod accounts;
mod caches;
mod calls;
mod cancel;
mod clients;
mod connections;
mod execute;
mod fair_share;
mod faults;
mod frame;
mod gather;
mod hosting;
mod law;
mod links;
mod managed;
mod plane;
pub mod processor;
mod program;
mod queues;
mod replica;
mod second_phase;
mod short;
mod sites;
mod stopping;
mod trace;
mod urgency;
mod users;
mod waiting_room;
mod watch;
mod ways;
mod work;

pub use plane::RequestPlane;
pub use watch::{EndpointSeen, SectionSeen, Tally, Watched};

#[cfg(test)]
mod cancel_tests;
#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod storm_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod user_tests;

#[cfg(test)]
mod fault_tests;
