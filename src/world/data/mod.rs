//! The two data planes behind one contract.

pub mod arrivals;
pub mod flow;
pub mod request;

pub use crate::model::rates;
