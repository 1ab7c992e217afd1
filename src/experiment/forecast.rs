//! What an experiment will take, before it runs: actions, requests and events from rates times the horizon.

use crate::experiment::probe::LEAD;
use crate::model::rates::{endpoint_rates, journey_rates, quiet_responses};
use crate::model::scenario::Fidelity;
use crate::model::{Replications, Scenario};
use crate::units::{SimDuration, SimTime};

/// Instants at which the rates are read over the horizon.
const LOOKS: u64 = 288;
/// Events of one request in the request plane: it arrives, its work is done, its reply arrives.
const EVENTS_A_REQUEST: f64 = 3.0;
/// Events of one user action beside its requests: its issue.
const EVENTS_AN_ACTION: f64 = 1.0;
/// Events a second of one processor. Measured on an ordinary machine in release builds: 11 million for
/// `scenarios/online-boutique.yaml`, 16 million for `scenarios/chain-3.yaml`.
const EVENTS_A_SECOND: f64 = 13e6;
/// Time of one simulated day of the flow plane, seconds; measured on Online Boutique, a world of 11 services.
const FLOW_DAY: f64 = 2.4;

/// Rough sizes of an experiment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Forecast {
    /// User actions of one replication; closed loads as if nobody waited for another (about the most there can be).
    pub actions: f64,
    /// Requests at all services of one replication, without retries.
    pub requests: f64,
    /// Events of one replication, with its twin; 0 at flow fidelity, which has rates only.
    pub events: f64,
    /// Replications, at most.
    pub replications: u32,
    /// CPU-seconds of one replication, with its twin.
    pub cpu_seconds: f64,
}

/// Estimates an experiment.
#[must_use]
pub fn forecast(scenario: &Scenario) -> Forecast {
    let alone = quiet_responses(scenario);
    let step = SimDuration(scenario.horizon.0 / LOOKS);
    let (mut actions, mut requests) = (0.0, 0.0);
    for look in 0..LOOKS {
        let at = SimTime(look * step.0 + step.0 / 2);
        let journeys = journey_rates(scenario, at, &alone);
        actions += journeys.iter().sum::<f64>() * step.seconds();
        requests += endpoint_rates(scenario, &journeys).iter().sum::<f64>() * step.seconds();
    }
    let worlds = if scenario.has_twin() { 2.0 } else { 1.0 };
    let replications = match scenario.run.replications {
        Replications::Fixed(number) => number,
        Replications::Precision { max, .. } => max,
    };
    let is_request = scenario.run.fidelity == Fidelity::Request;
    let all = requests * EVENTS_A_REQUEST + actions * EVENTS_AN_ACTION;
    let events = match scenario.run.fidelity {
        Fidelity::Request => all * worlds,
        Fidelity::Flow => 0.0,
        Fidelity::Zoom => {
            let played = (scenario.run.zoom.length + LEAD).seconds();
            let share = played * f64::from(scenario.run.zoom.most) / scenario.horizon.seconds();
            all * share.min(1.0)
        }
    };
    Forecast {
        actions,
        requests,
        events,
        replications,
        cpu_seconds: if is_request {
            events / EVENTS_A_SECOND
        } else {
            scenario.horizon.seconds() / 86_400.0 * FLOW_DAY * worlds + events / EVENTS_A_SECOND
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{add_journey, add_open_load, add_service, empty, work};
    use crate::model::{Discipline, Distribution, LoadKind};

    #[test]
    fn rates_times_the_horizon() {
        // 10 actions a second for an hour, one request each, three events a request and one an action.
        let mut scenario = empty(SimDuration::from_secs(3_600));
        let steps = vec![work(Distribution::constant(0.001))];
        let endpoint = add_service(&mut scenario, "shop", 1, Discipline::Fifo, steps);
        let journey = add_journey(&mut scenario, "buy", endpoint, SimDuration::from_secs(1));
        add_open_load(&mut scenario, "visitors", 10.0, journey);
        let found = forecast(&scenario);
        assert!((found.actions - 36_000.0).abs() < 1e-3);
        assert!((found.requests - 36_000.0).abs() < 1e-3);
        assert!((found.events - 144_000.0).abs() < 1e-2);
    }

    #[test]
    fn users_who_do_not_think_wait_for_their_own_work_at_least() {
        // 8 users, two seconds of work an action, no think time: four actions a second.
        let mut scenario = empty(SimDuration::from_secs(600));
        let steps = vec![work(Distribution::constant(2.0))];
        let endpoint = add_service(&mut scenario, "crunch", 2, Discipline::Fifo, steps);
        let journey = add_journey(&mut scenario, "batch", endpoint, SimDuration::from_secs(9));
        add_open_load(&mut scenario, "jobs", 1.0, journey);
        scenario.loads[0].kind = LoadKind::Closed {
            users: 8,
            think: Distribution::constant(0.0),
            spawn: None,
        };
        let found = forecast(&scenario);
        assert!((found.actions - 2_400.0).abs() < 1e-6, "{}", found.actions);
    }
}
