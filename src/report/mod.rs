//! Results for people and for files: the first screen, tables, charts and the run folder.

pub mod charts;
pub mod font;
pub mod number;
