//! The request plane: every request through every queue.
//!
//! Where a feature goes, so that a scenario without it pays nothing:
//! - a yes-or-no fact of a frame is a bit of `frame::Flags`; state that few frames need is a field of `frame::Cold`
//!   (`Slab::cold_mut` makes the record, freeing the frame forgets it);
//! - what few calls need is read from `Site::policy`, behind a test that the first cache line of the `Site` answers;
//! - what few replicas need lies behind the first cache line of `Replica`;
//! - a processor is shared by giving several replicas the same `Replica::processor`;
//! - a new kind of event is a number in `plane::rank`, a new operation an `Op` with its tables in `Programs`.

mod accounts;
mod calls;
mod cancel;
mod clients;
mod execute;
mod faults;
mod frame;
mod managed;
mod plane;
mod processor;
mod program;
mod replica;
mod trace;
mod users;
mod work;

pub use plane::RequestPlane;

#[cfg(test)]
mod cancel_tests;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod storm_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod user_tests;

#[cfg(test)]
mod fault_tests;
