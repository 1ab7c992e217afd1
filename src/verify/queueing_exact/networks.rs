//! Networks of stations, open (Jackson) and closed, as scenarios.

use crate::model::sample::{add_open_load, add_users, call, plain_policy};
use crate::model::{Arrivals, Distribution, Journey, LoadKind, Walk};
use crate::units::JourneyId;
use crate::verify::case_file::{Case, Field, Malformed};
use crate::verify::queueing_exact::measure::{Found, Value};
use crate::verify::queueing_exact::systems::{Built, add_station, endless, law, system, visit};
use crate::verify::queueing_exact::values::{
    self, Station, action_mean, all_ended, ended, of_station,
};
use crate::world::contract::Outcome;

/// An open Jackson network: a session walks from station to station without a pause.
pub(super) fn jackson(case: &Case) -> Built {
    let input = case.input()?;
    let external = input.at("external_rates")?.numbers()?;
    let rates = input.at("service_rates")?.numbers()?;
    let servers = input.at("servers")?.items()?;
    let routing = input.at("routing")?;
    let rows: Vec<Vec<f64>> = routing
        .items()?
        .iter()
        .map(Field::numbers)
        .collect::<Result<_, _>>()?;
    let count = external.len();
    if rates.len() != count
        || servers.len() != count
        || rows.len() != count
        || rows.iter().any(|row| row.len() != count)
    {
        return Err(routing.wrong(&format!(
            "{count} rows of {count} chances, and as many rates and servers"
        )));
    }
    let mut scenario = endless();
    let mut stations = Vec::new();
    for (number, (mu, servers)) in rates.iter().zip(&servers).enumerate() {
        let servers = servers.count()?;
        let endpoint = add_station(
            &mut scenario,
            &format!("s{number}"),
            servers,
            law(1.0 / mu, 1.0),
        );
        visit(&mut scenario, endpoint, &format!("j{number}"));
        stations.push(Station { number, servers });
    }
    let next: Vec<Vec<(usize, f64)>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .copied()
                .enumerate()
                .filter(|(_, chance)| *chance > 0.0)
                .collect()
        })
        .collect();
    for (number, rate) in external.iter().enumerate().filter(|(_, rate)| **rate > 0.0) {
        add_open_load(
            &mut scenario,
            &format!("from-{number}"),
            *rate,
            JourneyId::from_index(number),
        );
        let load = scenario.loads.last_mut().expect("just added");
        load.kind = LoadKind::Sessions {
            rate: *rate,
            arrivals: Arrivals::Poisson,
            length: None,
            think: Distribution::constant(0.0),
        };
        load.walk = Some(Walk {
            nodes: (0..count).map(JourneyId::from_index).collect(),
            start: vec![(number, 1.0)],
            next: next.clone(),
        });
    }
    let mut found = Vec::new();
    for (name, field) in case.expected()?.members()? {
        let measure = match name {
            "stations" => {
                if let Err(unknown) = of_stations(&field, &stations, &mut found)? {
                    return Ok(Err(unknown));
                }
                continue;
            }
            "mean_in_network" => values::rate(|look| {
                look.seen
                    .stations
                    .iter()
                    .map(|station| station.in_flight_seconds)
                    .sum()
            }),
            // Without pauses the time in the network is that of all actions of a session.
            "mean_network_response" => values::ratio(|look| {
                let times = look
                    .seen
                    .records
                    .iter()
                    .map(|one| one.ended.since(one.issued).seconds());
                let begun = look
                    .seen
                    .records
                    .iter()
                    .filter(|one| one.ordinal == 0)
                    .count();
                (times.sum(), begun as f64)
            }),
            other => return Ok(Err(format!("`{other}` is no value that a network has"))),
        };
        let expected = field.number()?;
        found.push(Value {
            name: name.to_owned(),
            expected,
            found: Found::Mean(measure, 0.0),
        });
    }
    system(scenario, external.iter().sum(), Ok(found))
}

/// Values of several stations, in a list.
pub(super) fn of_stations(
    field: &Field<'_>,
    stations: &[Station],
    found: &mut Vec<Value>,
) -> Result<Result<(), String>, Malformed> {
    let items = field.items()?;
    if items.len() != stations.len() {
        return Err(field.wrong(&format!("{} stations", stations.len())));
    }
    for (station, item) in stations.iter().zip(&items) {
        for (name, field) in item.members()? {
            let expected = field.number()?;
            let number = station.number;
            let how = match name {
                "arrival_rate" => Some(Found::Mean(
                    values::rate(move |look| look.seen.stations[number].arrived as f64),
                    0.0,
                )),
                "mean_in_station" => of_station(*station, "mean_in_system", expected, None),
                "residence_time" => of_station(*station, "mean_response", expected, None),
                other => of_station(*station, other, expected, None),
            };
            let Some(how) = how else {
                return Ok(Err(format!("`{name}` is no value that a station has")));
            };
            found.push(Value {
                name: format!("stations[{number}].{name}"),
                expected,
                found: how,
            });
        }
    }
    Ok(Ok(()))
}

/// A closed network: each user visits the stations in turn, then thinks.
pub(super) fn closed(case: &Case) -> Built {
    let input = case.input()?;
    let demands = input.at("demands")?.numbers()?;
    let servers = input.at("servers")?.items()?;
    if servers.len() != demands.len() {
        return Err(input
            .at("servers")?
            .wrong(&format!("{} numbers", demands.len())));
    }
    let think = input.at("think_time")?.number()?;
    let population = input.at("population")?.whole()?;
    let mut scenario = endless();
    let (mut stations, mut endpoints) = (Vec::new(), Vec::new());
    for (number, (demand, servers)) in demands.iter().zip(&servers).enumerate() {
        let servers = servers.count()?;
        endpoints.push(add_station(
            &mut scenario,
            &format!("s{number}"),
            servers,
            law(*demand, 1.0),
        ));
        stations.push(Station { number, servers });
    }
    let steps = endpoints
        .iter()
        .map(|endpoint| call(&mut scenario, None, *endpoint, plain_policy()))
        .collect();
    let journey = Journey {
        name: "cycle".into(),
        steps,
        slo: Vec::new(),
        breach_burn: 14.4,
        breach_min_count: 100,
    };
    scenario.journeys.push(journey);
    let law = if think > 0.0 {
        law(think, 1.0)
    } else {
        Distribution::constant(0.0)
    };
    add_users(
        &mut scenario,
        "users",
        population,
        law,
        JourneyId::from_index(0),
    );
    let mut found = Vec::new();
    for (name, field) in case.expected()?.members()? {
        let measure = match name {
            "stations" => {
                if let Err(unknown) = of_stations(&field, &stations, &mut found)? {
                    return Ok(Err(unknown));
                }
                continue;
            }
            "throughput" => values::rate(|look| ended(look, Outcome::Ok)),
            "response_time" => action_mean(),
            // Time from one return to the next, by counting who goes round.
            "cycle_time" => {
                let users = population as f64;
                values::ratio(move |look| (users * look.seconds, all_ended(look)))
            }
            other => {
                return Ok(Err(format!(
                    "`{other}` is no value that a closed network has"
                )));
            }
        };
        let expected = field.number()?;
        found.push(Value {
            name: name.to_owned(),
            expected,
            found: Found::Mean(measure, 0.0),
        });
    }
    let busiest = demands
        .iter()
        .zip(&stations)
        .map(|(demand, station)| demand / f64::from(station.servers));
    let bound = 1.0 / busiest.fold(1e-9, f64::max);
    let rate = bound.min(population as f64 / (think + demands.iter().sum::<f64>()));
    system(scenario, rate, Ok(found))
}
