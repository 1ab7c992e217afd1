//! The critical path of traced actions as a table and for the screen.

use crate::experiment::critical_path::{CriticalPath, Place};
use crate::model::Scenario;
use crate::report::columns::CRITICAL_PATH;
use crate::report::rows::Rows;
use crate::report::{number, screen};

/// Rows shown on the screen.
const SHOWN: usize = 8;

/// Kind, subject and part of a place.
fn names(scenario: &Scenario, place: Place) -> (&'static str, String, &'static str) {
    let service = |id| scenario.service(id).name.clone();
    match place {
        Place::Journey(id) => ("journey", scenario.journey(id).name.clone(), "own steps"),
        Place::Queue(id) => ("service", service(id), "queue"),
        Place::Processor(id) => ("service", service(id), "processor"),
        Place::Waiting(id) => ("service", service(id), "wait"),
        Place::Edge(id) => {
            let edge = &scenario.edges[id.index()];
            let caller = edge.caller.map_or("users".to_owned(), service);
            (
                "edge",
                format!("{caller} -> {}", service(edge.callee)),
                "between",
            )
        }
    }
}

/// Places with seconds an action and share of the latency, the largest first.
fn rows(
    scenario: &Scenario,
    path: &CriticalPath,
) -> Vec<(&'static str, String, &'static str, f64, f64)> {
    let actions = path.actions.max(1) as f64;
    let mut rows: Vec<_> = path
        .places
        .iter()
        .map(|(place, time)| {
            let (kind, name, part) = names(scenario, *place);
            (
                kind,
                name,
                part,
                time.seconds() / actions,
                time.seconds() / path.latency.seconds(),
            )
        })
        .collect();
    // Stable: equal shares stay in the order of places.
    rows.sort_by(|a, b| b.3.total_cmp(&a.3));
    rows
}

/// `critical_path.csv`.
#[must_use]
pub fn table(scenario: &Scenario, path: &CriticalPath) -> Vec<u8> {
    let mut table = Rows::new(&CRITICAL_PATH);
    for (kind, name, part, seconds, share) in rows(scenario, path) {
        table.add(&[
            kind.to_owned(),
            name,
            part.to_owned(),
            seconds.to_string(),
            share.to_string(),
            path.actions.to_string(),
        ]);
    }
    table.bytes()
}

/// A sentence, and where most of the time went.
#[must_use]
pub fn screen(scenario: &Scenario, path: &CriticalPath) -> String {
    if path.actions == 0 {
        return "no traced action ended; trace a larger share\n".to_owned();
    }
    let rows = rows(scenario, path);
    let mean = path.latency.seconds() / path.actions as f64;
    let mut text = format!(
        "{} traced actions took {} on average; on their critical path:\n",
        path.actions,
        number::duration(mean)
    );
    let cells: Vec<[String; 4]> = rows
        .iter()
        .take(SHOWN)
        .map(|(_, name, part, seconds, share)| {
            [
                name.clone(),
                (*part).to_owned(),
                number::duration(*seconds),
                format!("{:.1} %", share * 100.0),
            ]
        })
        .collect();
    text += &screen::table(&["where", "what", "an action", "share"], &cells);
    if rows.len() > SHOWN {
        text += &format!("and {} more in critical_path.csv\n", rows.len() - SHOWN);
    }
    text
}
