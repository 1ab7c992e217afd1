//! Mean responses by theory for scenarios of product form, and the reasons why others are not.
//!
//! Jackson (1957) and Baskett, Chandy, Muntz and Palacios (1975): open networks of FIFO stations with one exponential
//! demand and of processor sharing stations with any. Only means, only a world in which nothing changes.

use crate::model::service::Service;
use crate::model::{
    Arrivals, Balancer, Call, Discipline, LinkEnd, LoadKind, Scenario, Step, StepKind,
};
use crate::queueing::{mmc_response, visits};
use crate::units::{ClusterId, JourneyId, SimTime};
use crate::world::data::rates::{
    Leaf, endpoint_calls, endpoint_rates, journey_rates, program_calls, walk,
};

/// A timeout closer to the mean response than this many times it is taken to bind.
const BINDS: f64 = 20.0;

/// What theory says about a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Theory {
    /// Mean response of each journey, in the order of the scenario.
    Known(Vec<JourneyTheory>),
    /// Why there is no closed form, each in words.
    Unknown(Vec<String>),
}

/// The mean response of one journey.
#[derive(Clone, Debug, PartialEq)]
pub struct JourneyTheory {
    /// Which.
    pub journey: JourneyId,
    /// Seconds.
    pub mean: f64,
    /// What it is made of, in seconds: services by name in the order of the scenario, then `links`, then `waits`.
    pub parts: Vec<(String, f64)>,
}

/// Mean response of each journey by theory, or why there is none.
#[must_use]
pub fn theory(scenario: &Scenario) -> Theory {
    let mut reasons = Vec::new();
    world_reasons(scenario, &mut reasons);
    load_reasons(scenario, &mut reasons);
    for service in &scenario.services {
        service_reasons(scenario, service, &mut reasons);
    }
    program_reasons(scenario, &mut reasons);
    if !reasons.is_empty() {
        return Theory::Unknown(reasons);
    }
    let factors: Vec<Station> = match stations(scenario) {
        Ok(stations) => stations,
        Err(reasons) => return Theory::Unknown(reasons),
    };
    let known: Vec<_> = (0..scenario.journeys.len())
        .map(|index| journey(scenario, &factors, index))
        .collect();
    let reasons = timeout_reasons(scenario, &known);
    if reasons.is_empty() {
        Theory::Known(known)
    } else {
        Theory::Unknown(reasons)
    }
}

fn world_reasons(scenario: &Scenario, reasons: &mut Vec<String>) {
    if !scenario.plan.waves.is_empty() {
        reasons.push("a migration changes where requests go".into());
    }
    if !scenario.faults.is_empty() {
        reasons.push("something breaks".into());
    }
    if scenario
        .services
        .iter()
        .any(|service| service.pods.deploys > 0.0)
    {
        reasons.push("deploys restart replicas".into());
    }
    if scenario.machines.iter().any(|machine| machine.speed != 1.0) {
        reasons.push("machines differ in speed".into());
    }
}

fn load_reasons(scenario: &Scenario, reasons: &mut Vec<String>) {
    for load in &scenario.loads {
        match &load.kind {
            LoadKind::Open {
                arrivals: Arrivals::Poisson,
                ..
            } => {}
            LoadKind::Open { .. } => {
                reasons.push(format!(
                    "`{}` does not arrive as a Poisson process",
                    load.name
                ));
            }
            LoadKind::Closed { .. } => reasons.push(format!("`{}` is a closed load", load.name)),
            LoadKind::Sessions { .. } => reasons.push(format!("`{}` comes in sessions", load.name)),
        }
        if !load.shape.is_empty() {
            reasons.push(format!("`{}` changes its level over time", load.name));
        }
    }
}

fn service_reasons(scenario: &Scenario, service: &Service, reasons: &mut Vec<String>) {
    let name = &service.name;
    let placed = &service.placed[service.clusters[0].index()];
    if service.clusters.len() > 1 {
        reasons.push(format!(
            "`{name}` runs in {} clusters",
            service.clusters.len()
        ));
    }
    if placed.scaling.is_some() {
        reasons.push(format!("`{name}` is scaled"));
    }
    let processor = &service.processor;
    if processor
        .quota
        .is_some_and(|quota| quota.budget.0 < quota.period.0 * u64::from(processor.cores))
    {
        reasons.push(format!("`{name}` has a CPU quota"));
    }
    if let Some(shared) = service.shared_processor {
        let shared = &scenario.processors[shared.index()].name;
        reasons.push(format!("`{name}` shares the processor `{shared}`"));
    }
    if service.queue.shared {
        reasons.push(format!("`{name}` has a queue before all its replicas"));
    }
    if service.memory_per_request.0 > 0 {
        reasons.push(format!("`{name}` may run out of memory"));
    }
    if service.concurrency.is_some() {
        reasons.push(format!("`{name}` has a limited number of worker slots"));
    }
    if service.warmup.is_some() {
        reasons.push(format!("`{name}` warms up"));
    }
    if placed.replicas > 1
        && calls_of(scenario, service)
            .iter()
            .any(|call| call.policy.balance.rule != Balancer::Random)
    {
        reasons.push(format!(
            "`{name}` has {} replicas that are not chosen at random",
            placed.replicas
        ));
    }
    let mut means: Vec<f64> = Vec::new();
    let mut exponential = true;
    for endpoint in &service.endpoints {
        let endpoint = scenario.endpoint(*endpoint);
        if endpoint.priority != 0 {
            reasons.push(format!("`{name}.{}` has a priority", endpoint.name));
        }
        if endpoint.error_ratio > 0.0 {
            reasons.push(format!("`{name}.{}` fails at times", endpoint.name));
        }
        walk(scenario, &endpoint.steps, 1.0, &mut |leaf, _| {
            if let Leaf::Work(demand) = leaf {
                exponential &= demand.as_exponential().is_some();
                if !means.contains(&demand.mean()) {
                    means.push(demand.mean());
                }
            }
        });
    }
    if processor.discipline == Discipline::Fifo && !exponential {
        reasons.push(format!(
            "`{name}` serves in order of arrival and its work is not exponential"
        ));
    } else if processor.discipline == Discipline::Fifo && means.len() > 1 {
        reasons.push(format!(
            "`{name}` serves in order of arrival and its endpoints differ in work"
        ));
    }
}

fn program_reasons(scenario: &Scenario, reasons: &mut Vec<String>) {
    for journey in &scenario.journeys {
        if forks(&journey.steps) {
            reasons.push(format!(
                "journey `{}` waits for parallel branches",
                journey.name
            ));
        }
    }
    for endpoint in &scenario.endpoints {
        if forks(&endpoint.steps) {
            reasons.push(format!(
                "`{}.{}` waits for parallel branches",
                scenario.service(endpoint.service).name,
                endpoint.name
            ));
        }
        if is_detached(&endpoint.steps) {
            reasons.push(format!(
                "`{}.{}` makes calls that nobody waits for, or works on after its answer",
                scenario.service(endpoint.service).name,
                endpoint.name
            ));
        }
    }
    for cache in &scenario.caches {
        let service = &scenario.service(cache.service).name;
        reasons.push(format!("cache `{}` of `{service}` warms up", cache.name));
    }
}

/// Whether a program does anything that its caller does not wait for.
fn is_detached(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.kind {
        StepKind::Async(_) | StepKind::Forward(_) | StepKind::Reply(_) => true,
        kind => kind
            .parts(&|_| 1.0)
            .iter()
            .any(|(_, steps)| is_detached(steps)),
    })
}

fn forks(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.kind {
        StepKind::Parallel(parallel) => {
            parallel.branches.len() > 1 || parallel.fanout.is_some() || forks(&parallel.branches)
        }
        kind => kind.parts(&|_| 1.0).iter().any(|(_, steps)| forks(steps)),
    })
}

fn calls_of<'a>(scenario: &'a Scenario, service: &Service) -> Vec<&'a Call> {
    let mut found = Vec::new();
    let journeys = scenario.journeys.iter().map(|journey| &journey.steps);
    let endpoints = scenario.endpoints.iter().map(|endpoint| &endpoint.steps);
    for steps in journeys.chain(endpoints) {
        walk(scenario, steps, 1.0, &mut |leaf, _| {
            if let Leaf::Call(call) = leaf
                && service.endpoints.contains(&call.endpoint)
            {
                found.push(call);
            }
        });
    }
    found
}

/// Timeouts that may cut a response off.
fn timeout_reasons(scenario: &Scenario, known: &[JourneyTheory]) -> Vec<String> {
    let longest = known.iter().map(|journey| journey.mean).fold(0.0, f64::max);
    let mut reasons = Vec::new();
    for service in &scenario.services {
        let limit = calls_of(scenario, service)
            .iter()
            .flat_map(|call| [call.policy.timeout, call.policy.per_try_timeout])
            .flatten()
            .min();
        if let Some(limit) = limit.filter(|limit| limit.seconds() < BINDS * longest) {
            reasons.push(format!(
                "calls of `{}` are given up after {} ms",
                service.name,
                limit.0 / 1_000_000
            ));
        }
    }
    reasons
}

/// What a station makes of demand: added to each job (FIFO), times each job (processor sharing).
struct Station {
    wait: f64,
    stretch: f64,
}

fn stations(scenario: &Scenario) -> Result<Vec<Station>, Vec<String>> {
    let rates = endpoint_rates(
        scenario,
        &journey_rates(scenario, SimTime::ZERO, &vec![0.0; scenario.journeys.len()]),
    );
    let mut reasons = Vec::new();
    let stations = scenario
        .services
        .iter()
        .map(|service| {
            let replicas = f64::from(service.placed[service.clusters[0].index()].replicas.max(1));
            let (mut jobs, mut demand) = (0.0, 0.0);
            for endpoint in &service.endpoints {
                walk(
                    scenario,
                    &scenario.endpoint(*endpoint).steps,
                    1.0,
                    &mut |leaf, factor| {
                        if let Leaf::Work(work) = leaf {
                            let rate = rates[endpoint.index()] * factor / replicas;
                            jobs += rate;
                            demand += rate * work.mean();
                        }
                    },
                );
            }
            if jobs <= 0.0 || demand <= 0.0 {
                return Station {
                    wait: 0.0,
                    stretch: 1.0,
                };
            }
            let mean = demand / jobs;
            let response = mmc_response(service.processor.cores, jobs, mean);
            if !response.is_finite() {
                reasons.push(format!("`{}` is overloaded", service.name));
            }
            match service.processor.discipline {
                Discipline::Fifo | Discipline::Preemptive => Station {
                    wait: response - mean,
                    stretch: 1.0,
                },
                Discipline::Infinite => Station {
                    wait: 0.0,
                    stretch: 1.0,
                },
                Discipline::ProcessorSharing | Discipline::FairShare => Station {
                    wait: 0.0,
                    stretch: response / mean,
                },
            }
        })
        .collect();
    if reasons.is_empty() {
        Ok(stations)
    } else {
        Err(reasons)
    }
}

fn journey(scenario: &Scenario, stations: &[Station], index: usize) -> JourneyTheory {
    let steps = &scenario.journeys[index].steps;
    let n = scenario.endpoints.len();
    let mut entries = vec![0.0; n];
    for (endpoint, mean) in program_calls(scenario, steps) {
        entries[endpoint] += mean;
    }
    let visited = visits(&entries, &endpoint_calls(scenario), n);
    let mut services = vec![0.0; scenario.services.len()];
    let (mut links, mut waits) = (0.0, 0.0);
    let mut meet = |leaf: Leaf<'_>, factor: f64, from: Option<usize>| match (leaf, from) {
        (Leaf::Work(work), Some(service)) => {
            services[service] +=
                factor * (stations[service].wait + stations[service].stretch * work.mean());
        }
        (Leaf::Work(work), None) => waits += factor * work.mean(),
        (Leaf::Wait(length), _) => waits += factor * length.mean(),
        (Leaf::Call(call), from) => links += factor * travel(scenario, from, call),
    };
    walk(scenario, steps, 1.0, &mut |leaf, factor| {
        meet(leaf, factor, None)
    });
    for (endpoint, visits) in scenario.endpoints.iter().zip(&visited) {
        walk(scenario, &endpoint.steps, *visits, &mut |leaf, factor| {
            meet(leaf, factor, Some(endpoint.service.index()))
        });
    }
    let mut parts: Vec<_> = scenario
        .services
        .iter()
        .zip(&services)
        .filter(|(_, seconds)| **seconds > 0.0)
        .map(|(service, seconds)| (service.name.clone(), *seconds))
        .collect();
    parts.extend(
        [("links", links), ("waits", waits)]
            .into_iter()
            .filter(|(_, seconds)| *seconds > 0.0)
            .map(|(name, seconds)| (name.to_owned(), seconds)),
    );
    JourneyTheory {
        journey: JourneyId::from_index(index),
        mean: parts.iter().map(|(_, seconds)| seconds).sum(),
        parts,
    }
}

/// Seconds on the way there and back.
fn travel(scenario: &Scenario, from: Option<usize>, call: &Call) -> f64 {
    let place = |service: usize| -> ClusterId { scenario.services[service].clusters[0] };
    let endpoint = scenario.endpoint(call.endpoint);
    let from = from.map_or(LinkEnd::Users, |service| LinkEnd::Cluster(place(service)));
    let to = LinkEnd::Cluster(place(endpoint.service.index()));
    let one = |from, to, size: u64| {
        let link = scenario.links.between(from, to);
        link.one_way.mean()
            + link
                .bandwidth
                .map_or(0.0, |bandwidth| size as f64 / bandwidth)
    };
    one(from, to, call.sends.0) + one(to, from, endpoint.reply.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Distribution;
    use crate::model::sample::{
        add_journey, add_open_load, add_service, call, empty, plain_policy, set_links, set_quota,
        work,
    };
    use crate::units::SimDuration;

    fn chain(discipline: Discipline) -> Scenario {
        let mut scenario = empty(SimDuration::from_secs(600));
        set_links(&mut scenario, 0.001);
        let last = add_service(
            &mut scenario,
            "s3",
            2,
            discipline,
            vec![work(Distribution::exponential(0.005))],
        );
        let onward = call(&mut scenario, Some(1), last, plain_policy());
        let middle = add_service(
            &mut scenario,
            "s2",
            2,
            discipline,
            vec![work(Distribution::exponential(0.003)), onward],
        );
        let onward = call(&mut scenario, Some(2), middle, plain_policy());
        let first = add_service(
            &mut scenario,
            "s1",
            2,
            discipline,
            vec![work(Distribution::exponential(0.002)), onward],
        );
        let journey = add_journey(
            &mut scenario,
            "request",
            first,
            SimDuration::from_millis(50),
        );
        add_open_load(&mut scenario, "clients", 100.0, journey);
        scenario
    }

    #[test]
    fn the_chain_takes_sixteen_point_four_milliseconds() {
        for discipline in [Discipline::Fifo, Discipline::ProcessorSharing] {
            let Theory::Known(journeys) = theory(&chain(discipline)) else {
                panic!("of product form")
            };
            // M/M/2 at 10, 15 and 25 %: service over 1 - rho^2; six hops of 1 ms.
            let wanted = 0.002 / 0.99 + 0.003 / 0.9775 + 0.005 / 0.9375 + 0.006;
            assert!(
                (journeys[0].mean - wanted).abs() < 1e-12
                    && (journeys[0].mean - 0.016_42).abs() < 5e-6
            );
            let names: Vec<_> = journeys[0]
                .parts
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            assert_eq!(names, ["s3", "s2", "s1", "links"]);
        }
    }

    #[test]
    fn each_departure_from_product_form_is_named() {
        let mut scenario = chain(Discipline::Fifo);
        set_quota(&mut scenario, 1, 500);
        scenario.services[0].concurrency = Some(4);
        scenario.services[2].placed[0].replicas = 2;
        let Theory::Unknown(reasons) = theory(&scenario) else {
            panic!("not of product form")
        };
        assert_eq!(
            reasons,
            [
                "`s3` has a limited number of worker slots",
                "`s2` has a CPU quota",
                "`s1` has 2 replicas that are not chosen at random"
            ]
        );
    }

    #[test]
    fn an_overloaded_station_has_no_mean() {
        let mut scenario = chain(Discipline::Fifo);
        scenario.loads.clear();
        add_open_load(&mut scenario, "clients", 400.0, JourneyId(0));
        assert_eq!(
            theory(&scenario),
            Theory::Unknown(vec!["`s3` is overloaded".into()])
        );
    }
}
