//! What earlier waves have left behind, summed once a wave and not once a trial.

use crate::plan::KnownWorld;
use crate::plan::known::KnownEdge;

/// The state before a wave.
#[derive(Clone, Debug)]
pub struct Before {
    /// Whether a service was moved by an earlier wave, by service.
    pub moved: Vec<bool>,
    /// Whether it is on the target: moved, or there from the start.
    pub on_target: Vec<bool>,
    /// Person-days for what was moved, by team.
    pub effort: Vec<f64>,
    /// Requests in the target: cores and bytes.
    pub taken: (f64, f64),
    /// Bytes a second at level 1 that cross: to the target and back.
    pub link: [f64; 2],
    /// Calls that cross in an action, by journey.
    pub hops: Vec<f64>,
}

impl Before {
    /// The state when these services were moved.
    #[must_use]
    pub fn new(known: &KnownWorld, moved: Vec<bool>) -> Self {
        let services = known.services.iter();
        let on_target: Vec<bool> = services
            .zip(&moved)
            .map(|(service, moved)| *moved || service.stays_on_target)
            .collect();
        let mut found = Self {
            effort: vec![0.0; known.scenario.teams.len()],
            taken: (0.0, 0.0),
            link: [0.0, 0.0],
            hops: vec![0.0; known.actions.len()],
            moved,
            on_target,
        };
        for (service, facts) in known.scenario.services.iter().enumerate() {
            if let Some(team) = facts.team.filter(|_| found.moved[service]) {
                found.effort[team.index()] += known.tables.effort[service];
            }
            if found.on_target[service] {
                found.taken.0 += known.tables.taken[service].0;
                found.taken.1 += known.tables.taken[service].1;
            }
        }
        for edge in &known.edges {
            let (caller, callee) = (found.on_target[edge.caller], found.on_target[edge.callee]);
            if caller == callee {
                continue;
            }
            let bytes = link_bytes(edge, caller);
            found.link[0] += bytes[0];
            found.link[1] += bytes[1];
            for (journey, often) in &edge.by_journey {
                found.hops[journey.index()] += often;
            }
        }
        found
    }
}

/// Bytes a second of a crossing edge: to the target and back.
#[must_use]
pub fn link_bytes(edge: &KnownEdge, caller_on_target: bool) -> [f64; 2] {
    if caller_on_target {
        [edge.reply_bytes, edge.request_bytes]
    } else {
        [edge.request_bytes, edge.reply_bytes]
    }
}
