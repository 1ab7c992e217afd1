//! Discrete events: keyed draws, the event list and what it is made of. Knows no service, cluster or statistic.

pub mod events;
pub mod heap;
pub mod keyed;
pub mod ladder;
pub mod tournament;

pub use events::{Event, EventList, Lane};
pub use keyed::{Key, Purpose, hash64};
