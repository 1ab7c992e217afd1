//! The two data planes behind one contract.

pub mod arrivals;
pub mod flow;
pub mod rates;
pub mod request;
