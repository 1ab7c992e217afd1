//! The two data planes behind one contract.

pub mod flow;
pub mod rates;
pub mod request;
