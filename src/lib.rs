//! `cutover` rehearses a cluster migration before anyone touches production.
//!
//! Two adapters (scenario text in, reports out) stand around a core that does no input or output:
//! `units`, `sketch`, `queueing` and `engine` know no cluster; `model` says what is; `world` plays it;
//! `stats` and `experiment` judge it. `docs/architecture.md` says who may use whom, and a test holds it.
#![forbid(unsafe_code)]

pub mod arrange;
pub mod cli;
pub mod engine;
pub mod experiment;
pub mod generate;
pub mod import;
pub mod model;
pub mod plan;
pub mod queueing;
pub mod report;
pub mod scenario;
pub mod search;
pub mod sketch;
pub mod stations;
pub mod stats;
pub mod units;
pub mod verify;
pub mod world;
