//! The simulated clusters: `control` changes them, `data` carries the requests, `contract` lies between.

pub mod arrivals;
pub mod contract;
pub mod control;
pub mod data;
pub mod play;
pub mod recorder;
pub mod spans;
pub mod theory;
