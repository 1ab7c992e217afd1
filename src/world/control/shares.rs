//! Share of each service's callers that call from the target: expected visits over the call graph.
//!
//! Only the proportions between entry rates matter, so loads are taken at level 1 and response times as
//! nothing beside think times.

use crate::model::routing::{CallerSide, target_share};
use crate::model::{LoadKind, RoutingMode, Scenario};
use crate::world::data::rates::{endpoint_calls, program_calls};

/// The call graph in numbers.
#[derive(Clone, Debug)]
pub(super) struct CallGraph {
    services: usize,
    /// Service of each endpoint.
    owner: Vec<usize>,
    /// Users' calls a second of each endpoint.
    entry: Vec<f64>,
    /// Caller, callee, calls for each request.
    calls: Vec<(usize, usize, f64)>,
}

impl CallGraph {
    pub fn new(scenario: &Scenario) -> Self {
        let mut entry = vec![0.0; scenario.endpoints.len()];
        for load in &scenario.loads {
            let rate = match &load.kind {
                LoadKind::Open { rate, .. } => *rate * load.mean_burst(),
                LoadKind::Closed { users, think, .. } => *users as f64 / think.mean().max(1e-3),
                LoadKind::Sessions { rate, .. } => rate * load.mean_burst() * load.mean_session(),
            };
            let weights: f64 = load.mix.iter().map(|(_, weight)| weight).sum();
            for (journey, weight) in &load.mix {
                for (callee, calls) in program_calls(scenario, &scenario.journey(*journey).steps) {
                    entry[callee] += rate * weight / weights * calls;
                }
            }
        }
        let calls = endpoint_calls(scenario);
        let owner = scenario
            .endpoints
            .iter()
            .map(|endpoint| endpoint.service.index())
            .collect();
        Self {
            services: scenario.services.len(),
            owner,
            entry,
            calls,
        }
    }

    /// The `a` of `model::routing` for each service, given each service's weight on the target; 0 for a
    /// service that no other calls.
    pub fn callers_shares(&self, mode: RoutingMode, weights: &[f64]) -> Vec<f64> {
        let endpoints = self.entry.len();
        let (mut source, mut target) = (vec![0.0; endpoints], vec![0.0; endpoints]);
        let mut shares = vec![0.0; self.services];
        // A graph without cycles is settled after as many rounds as it is deep; one with cycles converges.
        for _ in 0..endpoints + 64 {
            let (mut from_source, mut from_target) = (vec![0.0; endpoints], vec![0.0; endpoints]);
            for (caller, callee, calls) in &self.calls {
                from_source[*callee] += source[*caller] * calls;
                from_target[*callee] += target[*caller] * calls;
            }
            let (mut all, mut made_there) = (vec![0.0; self.services], vec![0.0; self.services]);
            for endpoint in 0..endpoints {
                all[self.owner[endpoint]] += from_source[endpoint] + from_target[endpoint];
                made_there[self.owner[endpoint]] += from_target[endpoint];
            }
            for service in 0..self.services {
                shares[service] = if all[service] > 0.0 {
                    (made_there[service] / all[service]).min(1.0)
                } else {
                    0.0
                };
            }
            let mut change = 0.0f64;
            for endpoint in 0..endpoints {
                let service = self.owner[endpoint];
                let share = |side| target_share(mode, side, shares[service], weights[service]);
                let there = self.entry[endpoint] * share(CallerSide::Users)
                    + from_source[endpoint] * share(CallerSide::Source)
                    + from_target[endpoint] * share(CallerSide::Target);
                let total = self.entry[endpoint] + from_source[endpoint] + from_target[endpoint];
                change = change.max((there - target[endpoint]).abs() / total.max(1e-300));
                (target[endpoint], source[endpoint]) = (there, (total - there).max(0.0));
            }
            if change < 1e-12 {
                break;
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// users -> 0 -> 1 (2 calls), 0 -> 2, 1 -> 2.
    fn graph() -> CallGraph {
        CallGraph {
            services: 3,
            owner: vec![0, 1, 2],
            entry: vec![10.0, 0.0, 0.0],
            calls: vec![(0, 1, 2.0), (0, 2, 1.0), (1, 2, 1.0)],
        }
    }

    #[test]
    fn weighted_shares_by_hand() {
        // Service 1 is called by 0 alone: a = 0.4. Service 2: 10 calls from 0 (4 there), 20 from 1 (5 there).
        let shares = graph().callers_shares(RoutingMode::Weighted, &[0.4, 0.25, 0.0]);
        assert!((shares[1] - 0.4).abs() < 1e-12, "{shares:?}");
        assert!((shares[2] - 9.0 / 30.0).abs() < 1e-12, "{shares:?}");
        assert_eq!(shares[0], 0.0);
    }

    #[test]
    fn callers_that_follow_stay_on_their_side() {
        let shares = graph().callers_shares(RoutingMode::CallerFollows, &[0.4, 0.9, 0.9]);
        assert!(
            (shares[1] - 0.4).abs() < 1e-12 && (shares[2] - 0.4).abs() < 1e-12,
            "{shares:?}"
        );
    }

    #[test]
    fn a_cycle_converges() {
        let mut graph = graph();
        graph.calls.push((2, 1, 0.5));
        let shares = graph.callers_shares(RoutingMode::LocalFirst, &[0.5, 0.5, 0.5]);
        assert!(
            shares.iter().all(|share| (0.0..=1.0).contains(share)),
            "{shares:?}"
        );
    }
}
