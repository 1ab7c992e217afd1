//! Waiting rooms as models: priorities, patience, and customers who come again.

use crate::model::sample::{add_open_load, add_service, call, plain_policy, step};
use crate::model::{Discipline, StepKind};
use crate::units::EndpointId;
use crate::verify::case_file::Case;
use crate::verify::queueing_exact::measure::{Found, Look};
use crate::verify::queueing_exact::systems::{
    Built, add_station, endless, law, law_named, system, values as values_of, visit,
};
use crate::verify::queueing_exact::values::{self, Station, all_ended, ended, of_station};
use crate::world::contract::Outcome;
use crate::world::spans::Span;

/// Two classes at one server, who is more important first in the waiting room.
pub(super) fn priorities(case: &Case) -> Built {
    let input = case.input()?;
    let rates = input.at("arrival_rates_high_low")?;
    let both = rates.numbers()?;
    let [high, low] = both[..] else {
        return Err(rates.wrong("two rates"));
    };
    let mean = input.at("mean_service")?.positive()?;
    let demand = law_named(&input.at("service")?, mean)?;
    let mut scenario = endless();
    let first = add_station(&mut scenario, "station", 1, demand);
    let mut second = scenario.endpoints[0].clone();
    second.name = "low".into();
    scenario.endpoints.push(second);
    scenario.endpoints[0].priority = 1;
    if case.group.ends_with("preemptive_resume") {
        // Nobody waits in the waiting room: the processor itself serves who is more important.
        scenario.services[0].concurrency = None;
        scenario.services[0].processor.discipline = Discipline::Preemptive;
    }
    let second = EndpointId::from_index(1);
    scenario.services[0].endpoints.push(second);
    let (important, other) = (
        visit(&mut scenario, first, "high"),
        visit(&mut scenario, second, "low"),
    );
    add_open_load(&mut scenario, "high", high, important);
    add_open_load(&mut scenario, "low", low, other);
    let values = values_of(case, |name, _| match name {
        "mean_wait_high" => Some(Found::Mean(values::mean(0, values::wait), 0.0)),
        "mean_wait_low" => Some(Found::Mean(values::mean(1, values::wait), 0.0)),
        "mean_response_high" => Some(Found::Mean(values::mean(0, values::response), 0.0)),
        "mean_response_low" => Some(Found::Mean(values::mean(1, values::response), 0.0)),
        _ => None,
    })?;
    system(scenario, high + low, values)
}

/// Requests that leave the waiting room when their patience ends.
pub(super) fn impatient(case: &Case) -> Built {
    let input = case.input()?;
    let rate = input.at("arrival_rate")?.positive()?;
    let mean = 1.0 / input.at("service_rate")?.positive()?;
    let servers = input.at("servers")?.count()?;
    let patience = input.at("patience")?;
    if patience.text()? != "exponential" {
        return Err(patience.wrong("exponential"));
    }
    let leaving = input.at("abandonment_rate")?.positive()?;
    let mut scenario = endless();
    let endpoint = add_station(&mut scenario, "station", servers, law(mean, 1.0));
    scenario.services[0].queue.timeout = Some(law(1.0 / leaving, 1.0));
    let journey = visit(&mut scenario, endpoint, "request");
    add_open_load(&mut scenario, "clients", rate, journey);
    let station = Station { number: 0, servers };
    let all = |part: fn(&Span) -> f64| values::served_any(0, move |span| (part(span), 1.0));
    let values = values_of(case, |name, expected| match name {
        "p_abandon" => Some(Found::Share(values::ratio(|look| {
            (ended(look, Outcome::Shed), all_ended(look))
        }))),
        "mean_wait_all" => Some(Found::Mean(all(values::wait), 0.0)),
        "p_wait" => Some(Found::Share(all(|span| {
            f64::from(u8::from(span.queued.0 > 0))
        }))),
        "mean_queue_length" => {
            let waiting = values::served_any(0, |span| (values::wait(span), 0.0));
            let per_time = move |look: &Look<'_>| (waiting(look).0, look.seconds);
            Some(Found::Mean(values::ratio(per_time), 0.0))
        }
        _ => of_station(station, name, expected, None),
    })?;
    system(scenario, rate, values)
}

/// Tries of a customer at a retrial queue that are modelled; more are as good as impossible.
const RETRIALS: usize = 120;

/// A server without waiting room; who finds it busy comes again after an exponential time, by fallbacks of fallbacks.
pub(super) fn retrial(case: &Case) -> Built {
    let input = case.input()?;
    let rate = input.at("arrival_rate")?.positive()?;
    let mean = 1.0 / input.at("service_rate")?.positive()?;
    let pause = 1.0 / input.at("retrial_rate_per_customer")?.positive()?;
    let mut scenario = endless();
    let server = add_station(&mut scenario, "server", 1, law(mean, 1.0));
    scenario.services[0].queue.max = Some(0);
    let attempt = call(&mut scenario, Some(1), server, plain_policy());
    let mut steps = vec![attempt.clone()];
    for _ in 0..RETRIALS {
        let mut first = attempt.clone();
        if let StepKind::Call(call) = &mut first.kind {
            call.fallback = vec![step(StepKind::Wait(law(pause, 1.0)))];
            call.fallback.append(&mut steps);
        }
        steps = vec![first];
    }
    let customer = add_service(&mut scenario, "customer", 1, Discipline::Fifo, steps);
    let journey = visit(&mut scenario, customer, "request");
    add_open_load(&mut scenario, "clients", rate, journey);
    // In orbit is who is in the system and not served: both are counted by the plane.
    let orbit = |look: &Look<'_>| {
        let stations = &look.seen.stations;
        stations[1].in_flight_seconds - stations[0].in_flight_seconds
    };
    let values = values_of(case, |name, _| match name {
        "mean_orbit" => Some(Found::Mean(values::rate(orbit), 0.0)),
        "mean_time_in_orbit" => Some(Found::Mean(
            values::ratio(move |look| (orbit(look), all_ended(look))),
            0.0,
        )),
        "server_utilization" => Some(Found::Mean(
            values::rate(|look| look.seen.stations[0].cpu_ns as f64 * 1e-9),
            0.0,
        )),
        _ => None,
    })?;
    system(scenario, rate, values)
}
