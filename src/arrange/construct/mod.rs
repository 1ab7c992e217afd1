//! Orders made at once: starts of a search and named baselines.

mod community;
mod greedy;
mod spectral;
mod topological;

pub use community::{communities, community};
pub use greedy::{greedy, greedy_from, greedy_varied};
pub use spectral::{Fiedler, fiedler, spectral};
pub use topological::{repair, reverse_topological};
