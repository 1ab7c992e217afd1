//! What an experiment will take, before it runs: actions, requests and events from rates times the horizon.

use crate::experiment::probe::LEAD;
use crate::model::scenario::Fidelity;
use crate::model::{Replications, Scenario};
use crate::units::{SimDuration, SimTime};
use crate::world::data::rates::{endpoint_rates, journey_rates};

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
    /// User actions of one replication; closed loads as if every answer came at once (the most there can be).
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
    let none = vec![0.0; scenario.journeys.len()];
    let step = SimDuration(scenario.horizon.0 / LOOKS);
    let (mut actions, mut requests) = (0.0, 0.0);
    for look in 0..LOOKS {
        let at = SimTime(look * step.0 + step.0 / 2);
        let journeys = journey_rates(scenario, at, &none);
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
    use crate::model::{Discipline, Distribution};

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
}
