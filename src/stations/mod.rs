//! Stations measured at request level, as tables for the flow plane.
//!
//! A table is made for each kind of station that a scenario has and no formula fits: several replicas behind a balancer
//! that looks (or takes turns), and CPU quotas that bind. A kind is a station without its scale: demands are measured
//! in services, or in periods of the quota (rounded to quarter octaves). Each is measured once in a process, by the
//! request plane itself, with draws that depend on nothing but the kind; so tables are the same on any machine.

mod kind;
mod measure;
mod runs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Scenario;
use crate::queueing::{Cell, StationTable};

pub use kind::Kind;
pub use measure::measure;
pub use runs::Runs;

/// Numbers of replicas that are measured; more are as the last.
const REPLICAS: [u32; 5] = [1, 2, 4, 8, 16];
/// Utilisations that are measured.
const LOADS: [f64; 6] = [0.2, 0.4, 0.6, 0.75, 0.85, 0.92];

/// Times at one number of replicas, by utilisation.
type Row = Arc<[Cell]>;

/// Rows of each kind measured so far, by number of replicas: a memory of a pure function.
static KNOWN: Mutex<BTreeMap<(Kind, u32), Row>> = Mutex::new(BTreeMap::new());

/// By service: its table, where no formula fits.
#[must_use]
pub fn tables(scenario: &Scenario) -> Vec<Option<Arc<StationTable>>> {
    let mut made: BTreeMap<(Kind, u32), Arc<StationTable>> = BTreeMap::new();
    kind::kinds(scenario)
        .into_iter()
        .map(|found| {
            let (kind, most) = found?;
            let table = made
                .entry((kind, most))
                .or_insert_with(|| Arc::new(table(kind, most)));
            Some(Arc::clone(table))
        })
        .collect()
}

/// The table of a kind for up to `most` replicas.
#[must_use]
pub fn table(kind: Kind, most: u32) -> StationTable {
    let needed = REPLICAS.iter().position(|count| *count >= most);
    let replicas = &REPLICAS[..needed.map_or(REPLICAS.len(), |last| last + 1)];
    let cells = replicas
        .iter()
        .flat_map(|count| row(kind, *count).to_vec())
        .collect();
    StationTable {
        replicas: replicas.to_vec(),
        loads: LOADS.to_vec(),
        cells,
    }
}

fn row(kind: Kind, replicas: u32) -> Row {
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(row) = known().get(&(kind, replicas)) {
        return Arc::clone(row);
    }
    // Measured without the lock: at worst twice, with the same result.
    let row: Row = LOADS
        .iter()
        .map(|load| measure(kind, replicas, *load))
        .collect();
    known().insert((kind, replicas), Arc::clone(&row));
    row
}
