//! Discrete events: keyed draws and the event list. Knows no service, cluster or statistic.

pub mod events;
pub mod keyed;

pub use events::{Event, EventList, Lane};
pub use keyed::{Key, Purpose, hash64};
