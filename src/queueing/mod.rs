//! Closed forms of queueing theory and the solver of expected visits: pure functions of numbers.
//!
//! No randomness, no clock, no type of `model`: what a scenario means in these terms is said by its callers.
//! Times are in seconds and rates per second throughout.

mod cache;
mod fork_join;
mod formulas;
mod slots;
mod sojourn;
mod table;
mod visits;

pub use cache::{CacheCurve, Memory};
pub use fork_join::{fork_join_bound, fork_join_pair, largest_of_exponentials};
pub use formulas::{
    erlang_b, erlang_c, mg1_wait, mgc_wait, mm1_response, mm1k_blocking, mm1k_response,
    mmc_response, mmc_sojourn_quantile, mmc_sojourn_tail, mmc_wait, processor_sharing_response,
    processor_sharing_servers_response, sharing_response, sharing_variance,
};
pub use slots::{SlotPoint, SlotStation, slot_point, slot_rates};
pub use sojourn::{pooled_sojourn_quantile, two_choice_levels, two_choice_sojourn_quantile};
pub use table::{Cell, StationTable};
pub use visits::visits;
