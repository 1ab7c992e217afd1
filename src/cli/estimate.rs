//! How long a run will take, said before it starts: rates over the call graph times what a request costs here.

use crate::model::scenario::Fidelity;
use crate::model::{Replications, Scenario};
use crate::report::number;
use crate::units::{SimDuration, SimTime};
use crate::world::data::rates::{endpoint_rates, journey_rates};

/// Requests that one thread simulates in a second, a careful round number for an ordinary machine.
const REQUESTS_PER_SECOND: f64 = 600_000.0;
/// Events of one request: arrival, start, end, reply, and a share of the control plane's.
const EVENTS_PER_REQUEST: f64 = 5.0;
/// Time of one simulated day of the flow plane, seconds.
const FLOW_DAY: f64 = 0.5;
/// Looks at the load over the horizon.
const LOOKS: u32 = 200;

/// Requests of one replication, by the mean rates.
#[must_use]
pub fn requests(scenario: &Scenario) -> f64 {
    let horizon = scenario.horizon.seconds();
    let response = vec![0.1; scenario.journeys.len()];
    let at = |look: u32| {
        let at = SimTime::ZERO
            + SimDuration::from_seconds(horizon * (f64::from(look) + 0.5) / f64::from(LOOKS));
        endpoint_rates(scenario, &journey_rates(scenario, at, &response))
            .iter()
            .sum::<f64>()
    };
    (0..LOOKS).map(at).sum::<f64>() / f64::from(LOOKS) * horizon
}

/// One line for people; `left` is the number of replications still to be played.
#[must_use]
pub fn line(scenario: &Scenario, threads: usize, kept: u32) -> String {
    let (most, or_fewer) = match scenario.run.replications {
        Replications::Fixed(count) => (count, ""),
        Replications::Precision { max, .. } => (max, " at most"),
    };
    let left = most.saturating_sub(kept);
    let twins = if scenario.plan.waves.is_empty() {
        1.0
    } else {
        2.0
    };
    let together = f64::from(left.min(threads as u32).max(1));
    let played = f64::from(left) * twins;
    let with_twins = if twins > 1.0 { " with their twins" } else { "" };
    match scenario.run.fidelity {
        Fidelity::Request => {
            let requests = requests(scenario);
            let seconds = requests * played / REQUESTS_PER_SECOND / together;
            format!(
                "{left} replications{with_twins}{or_fewer}: about {} events, {} on {threads} threads, {} MB",
                number::plain(requests * played * EVENTS_PER_REQUEST),
                number::duration(seconds.max(1.0)),
                number::plain(30.0 + 10.0 * together * twins),
            )
        }
        Fidelity::Flow => {
            let seconds = scenario.horizon.seconds() / 86_400.0 * FLOW_DAY * played / together;
            format!(
                "{left} replications{with_twins}{or_fewer} of rates: about {} on {threads} threads",
                number::duration(seconds.max(1.0))
            )
        }
    }
}
