//! Activities that share resources: the resource-constrained project scheduling problem, with calendars.

mod bound;
mod evolve;
mod project;
mod serial;

pub use bound::{ScheduleBound, ScheduleBoundKind, makespan_bound};
pub use evolve::{Evolved, evolve};
pub use project::{Activity, Project, Resource};
pub use serial::{Schedule, Scheduler};
