//! Results for people and for files: the first screen, tables, charts and the run folder.

pub mod answer;
mod causes;
pub mod charts;
pub mod columns;
pub mod critical_path;
pub mod folder;
pub mod font;
pub mod number;
pub mod otlp;
pub mod plan;
pub mod probes;
pub mod rows;
pub mod screen;
mod standing;
pub mod summary;
pub mod tables;
mod waits;
