//! The two data planes behind one contract.

pub use crate::world::arrivals;
pub mod flow;
pub mod request;

pub use crate::model::rates;
