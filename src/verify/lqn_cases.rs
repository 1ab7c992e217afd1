//! Layered queueing networks with results of the community's simulator: each is mapped to a scenario
//! (`import::lqn`) and simulated request by request.

use crate::import::lqn::{Mapped, Network, scenario};
use crate::stats::mean_interval;
use crate::units::{ClusterId, EndpointId, ReplicaId, SectionId, ServiceId, SimDuration, SimTime};
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};
use crate::world::contract::{Command, DataPlane, Luck, Seen};
use crate::world::data::request::{EndpointSeen, RequestPlane, Watched};

/// The kind.
pub static KIND: Kind = Kind {
    name: "lqn_cases",
    about: "Layered queueing networks (phases, calls, forwarding, activities, replication) against stored results of \
            the simulator lqsim.",
    judged: "Each value is the mean over independent replications and must lie within the larger of three times the \
             reference's 95 % half-width and 2 % of its mean. Replications are added until the own 95 % half-width is \
             a quarter of that, 24 at most.",
    stems: &["lqn_cases"],
    weight: 10,
    ungraded: Grade::Must,
    remarks: REMARKS,
    check,
};

/// Doubtful references.
const REMARKS: &[&str] = &[
    "lqn.47-activities stores a utilization of 0 for the processor p0 and for its only task, with a throughput of \
     0.5 and 1.5 of demand a request in the same result: by Little's law the processor is busy for 0.75. The \
     simulator does not count work of activities under processor sharing; ours is right.",
    "lqn.90-B07 (second phases on a shared FIFO processor) is reproduced neither here nor by the independent program \
     of the file's header, in either order of who asks for the processor first: the reference has half of the wait \
     that a caller must have for a server that is still in its second phase (call e1 to e3).",
    "lqn.88-quorum: c1 waits 0.010 for the processor in the reference, 0.038 here. When the second of three branches \
     has ended, the third has a slice in the queue before c1 or waits for a call of 0.04; in order of arrival that \
     slice (mean 0.05) is served first. Throughput, branch times and utilizations agree.",
];

/// Longest time that a network may take: longer than any is simulated for.
const HORIZON: SimDuration = SimDuration(1_000_000_000_000_000_000);
/// Events of a replication; a tenth as many before it are left out.
const EVENTS: f64 = 600_000.0;
/// Replications: fewest and most.
const REPLICATIONS: (u32, u32) = (4, 24);
/// Relative tolerance where the reference's own interval is narrower.
const RELATIVE: f64 = 0.02;

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each(file, KIND.ungraded, one)
}

/// What is measured.
#[derive(Clone, Debug)]
enum Measure {
    /// Busy cores of all replicas of a processor.
    Processor(Vec<ServiceId>),
    /// Requests a second of some endpoints, a replica.
    Throughput(Vec<EndpointId>),
    /// Held threads of some endpoints, a replica.
    Busy(Vec<EndpointId>),
    /// Busy cores of a task, a replica.
    Cpu(Vec<ServiceId>),
    /// Mean time to the answer, or after it.
    First(Vec<EndpointId>),
    Second(Vec<EndpointId>),
    /// Of a phase or activity.
    Time(SectionId),
    Variance(SectionId),
    ProcessorWait(SectionId),
    /// Held threads in it, a replica.
    Held(SectionId, usize),
    /// Mean wait of calls by their sites' names.
    Wait(Vec<String>),
    /// The same to the answer of the called endpoints.
    Answered(Vec<String>, Vec<EndpointId>),
}

/// A value of the reference.
struct Wanted {
    what: String,
    mean: f64,
    tolerance: f64,
    measure: Measure,
}

fn one(case: &Case, judge: &mut Judge, allowance: &Allowance) -> Result<(), Malformed> {
    let model = case.field().at("model")?;
    let network: Network = model.read()?;
    let mapped = match scenario(&network, HORIZON) {
        Ok(mapped) => mapped,
        Err(reason) => {
            judge.fail(reason.to_string());
            return Ok(());
        }
    };
    let expected = case.expected()?.at("simulation")?;
    let wanted = wanted(&network, &mapped, &expected)?;
    let length = length(&mapped);
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); wanted.len()];
    for replication in 0..REPLICATIONS.1 {
        let mut plane = plane(&mapped, replication);
        let (seen, watched) = play(&mut plane, length);
        let seconds = seen.end.since(seen.start).seconds();
        for (values, wanted) in values.iter_mut().zip(&wanted) {
            values.push(measure(&wanted.measure, &plane, &seen, &watched, seconds));
        }
        if replication + 1 >= REPLICATIONS.0 && is_settled(&wanted, &values) {
            break;
        }
        if replication > 0 && allowance.is_over() {
            judge.note("the time budget ended before the wanted precision");
            break;
        }
    }
    for (wanted, values) in wanted.iter().zip(&values) {
        let found = values.iter().sum::<f64>() / values.len() as f64;
        judge.within(&wanted.what, found, wanted.mean, wanted.tolerance);
    }
    Ok(())
}

/// Whether every mean is known to a quarter of its tolerance.
fn is_settled(wanted: &[Wanted], values: &[Vec<f64>]) -> bool {
    wanted.iter().zip(values).all(|(wanted, values)| {
        mean_interval(values, 0.95)
            .is_some_and(|interval| interval.high - interval.estimate <= 0.25 * wanted.tolerance)
    })
}

/// A plane with the replicas of all services ready.
fn plane(mapped: &Mapped, replication: u32) -> RequestPlane {
    let luck = Luck {
        seed: 1,
        replication,
        stage: 0,
    };
    let mut plane = RequestPlane::new(&mapped.scenario, luck, false);
    for index in 0..mapped.scenario.services.len() {
        let replica = ReplicaId::from_index(index);
        plane.command(Command::AddReplica {
            replica,
            service: ServiceId::from_index(index),
            cluster: ClusterId(0),
            speed: 1.0,
            warmup: None,
        });
        plane.command(Command::Ready { replica });
        plane.command(Command::List { replica });
    }
    plane
}

/// Simulated time of a replication that has about the wanted number of events.
fn length(mapped: &Mapped) -> SimDuration {
    let mut plane = plane(mapped, u32::MAX);
    let mut end = SimTime(1_000_000);
    while plane.events() < 5_000 && end.0 < HORIZON.0 / 1_000 {
        end = SimTime(end.0 * 2);
        plane.advance(end).expect("the network is stable");
    }
    let rate = plane.events().max(1) as f64 / end.seconds();
    SimDuration::from_seconds(EVENTS / rate)
}

fn play(plane: &mut RequestPlane, length: SimDuration) -> (Seen, Watched) {
    let mut seen = Seen::default();
    let start = SimTime(length.0 / 10);
    plane.advance(start).expect("the network is stable");
    plane.observe(&mut seen);
    plane.take_watched();
    plane
        .advance(start + length)
        .expect("the network is stable");
    plane.observe(&mut seen);
    (seen, plane.take_watched())
}

fn measure(
    measure: &Measure,
    plane: &RequestPlane,
    seen: &Seen,
    watched: &Watched,
    seconds: f64,
) -> f64 {
    let cores = |services: &[ServiceId]| {
        let used = services
            .iter()
            .map(|service| seen.stations[service.index()].cpu_ns);
        used.sum::<u64>() as f64 * 1e-9 / seconds
    };
    let over = |endpoints: &[EndpointId], part: &dyn Fn(&EndpointSeen) -> f64| {
        let parts = endpoints
            .iter()
            .map(|endpoint| part(&watched.endpoints[endpoint.index()]));
        parts.sum::<f64>()
    };
    let wait = |sites: &[String]| {
        let waits = sites.iter().flat_map(|site| plane.sites_named(site));
        let (mut count, mut sum) = (0, 0.0);
        for wait in waits.map(|site| watched.waits[site]) {
            count += wait.count;
            sum += wait.sum;
        }
        sum / count as f64
    };
    let count = |endpoints: &[EndpointId]| over(endpoints, &|seen| seen.second.count as f64);
    match measure {
        Measure::Processor(services) | Measure::Cpu(services) => cores(services),
        Measure::Throughput(endpoints) => count(endpoints) / seconds,
        Measure::Busy(endpoints) => {
            over(endpoints, &|seen| seen.first.sum + seen.second.sum) / seconds
        }
        Measure::First(endpoints) => over(endpoints, &|seen| seen.first.sum) / count(endpoints),
        Measure::Second(endpoints) => over(endpoints, &|seen| seen.second.sum) / count(endpoints),
        Measure::Time(section) => {
            let section = &watched.sections[section.index()];
            section.time.mean().unwrap_or(f64::NAN)
        }
        Measure::Variance(section) => {
            let section = &watched.sections[section.index()];
            section.time.variance().unwrap_or(f64::NAN)
        }
        Measure::ProcessorWait(section) => {
            let section = &watched.sections[section.index()];
            section.waited / section.time.count as f64
        }
        Measure::Held(section, replicas) => {
            watched.sections[section.index()].time.sum / seconds / *replicas as f64
        }
        Measure::Answered(sites, endpoints) => {
            wait(sites) + over(endpoints, &|seen| seen.first.sum) / count(endpoints)
        }
        Measure::Wait(sites) => wait(sites),
    }
}

/// The reference's values, with what measures them.
fn wanted(
    network: &Network,
    mapped: &Mapped,
    expected: &Field<'_>,
) -> Result<Vec<Wanted>, Malformed> {
    let mut all = Vec::new();
    let mut add = |what: String, value: &Field<'_>, scale: f64, measure: Measure| {
        let mean = value.at("mean")?.number()?;
        let half = match value.maybe("ci95") {
            Some(half) => half.number()?,
            None => 0.0,
        };
        all.push(Wanted {
            what,
            mean: mean * scale,
            tolerance: (3.0 * half).max(RELATIVE * mean.abs()) * scale,
            measure,
        });
        Ok(())
    };
    let endpoints = |entry: &str| {
        mapped
            .entries
            .get(entry)
            .map(|entry| entry.endpoints.clone())
            .unwrap_or_default()
    };
    for (name, values) in members(expected, "processors")? {
        let tasks = network.tasks.iter().filter(|task| task.processor == name);
        let services = tasks
            .flat_map(|task| mapped.tasks[&task.name].clone())
            .collect();
        let replicas = network
            .processors
            .iter()
            .find(|processor| processor.name == name)
            .map_or(1, |processor| processor.replication);
        if let Some(value) = values.maybe("utilization") {
            let what = format!("processor {name} utilization");
            add(
                what,
                &value,
                f64::from(replicas),
                Measure::Processor(services),
            )?;
        }
    }
    for (name, values) in members(expected, "tasks")? {
        let Some(task) = network.tasks.iter().find(|task| task.name == name) else {
            return Err(values.wrong("a task of the model"));
        };
        let own: Vec<EndpointId> = task
            .entries
            .iter()
            .flat_map(|entry| endpoints(&entry.name))
            .collect();
        let replicas = f64::from(task.replication);
        let services = mapped.tasks[name].clone();
        let measures = [
            ("throughput", Measure::Throughput(own.clone())),
            ("utilization", Measure::Busy(own)),
            ("proc_utilization", Measure::Cpu(services)),
        ];
        for (key, measure) in measures {
            if let Some(value) = values.maybe(key) {
                add(format!("task {name} {key}"), &value, replicas, measure)?;
            }
        }
    }
    for (name, values) in members(expected, "entries")? {
        let own = endpoints(name);
        let replicas = own.len() as f64;
        let measures = [
            ("throughput", replicas, Measure::Throughput(own.clone())),
            ("utilization", replicas, Measure::Busy(own.clone())),
            ("phase1_service_time", 1.0, Measure::First(own.clone())),
            ("phase2_service_time", 1.0, Measure::Second(own)),
        ];
        for (key, scale, measure) in measures {
            if let Some(value) = values.maybe(key) {
                add(format!("entry {name} {key}"), &value, scale, measure)?;
            }
        }
        if let (Some(value), Some(entry)) =
            (values.maybe("open_wait_time"), mapped.entries.get(name))
        {
            // The simulator counts the service of phase 1 in: 2.0 for an M/M/1 at half load with unit service.
            let measure = Measure::Answered(entry.arrivals.clone(), entry.endpoints.clone());
            add(format!("entry {name} open_wait_time"), &value, 1.0, measure)?;
        }
        for phase in 1..=3 {
            if let Some(values) = values.maybe(&format!("phase{phase}")) {
                let what = format!("entry {name} phase {phase}");
                let section = section(mapped, &format!("{name}:{phase}"), &values)?;
                parts(&what, section, replicas as usize, &values, &mut add)?;
            }
        }
    }
    for (name, values) in members(expected, "activities")? {
        let task = name.split_once('.').map_or("", |(task, _)| task);
        let replicas = mapped.tasks.get(task).map_or(1, Vec::len);
        let section = section(mapped, name, &values)?;
        parts(
            &format!("activity {name}"),
            section,
            replicas,
            &values,
            &mut add,
        )?;
    }
    for call in expected
        .maybe("calls")
        .map_or(Ok(Vec::new()), |calls| calls.items())?
    {
        let from = match call.maybe("entry") {
            Some(entry) => format!("{}:{}", entry.text()?, call.at("phase")?.whole()?),
            None => format!(
                "{}.{}",
                call.at("task")?.text()?,
                call.at("activity")?.text()?
            ),
        };
        let to = call.at("dest")?.text()?;
        let found = mapped
            .calls
            .iter()
            .find(|call| call.from == from && call.to == to);
        let (Some(found), Some(value)) = (found, call.maybe("waiting")) else {
            continue;
        };
        let measure = Measure::Wait(found.sites.clone());
        add(format!("call {from} to {to} waiting"), &value, 1.0, measure)?;
    }
    Ok(all)
}

/// Takes one value to compare: its name, its field, a factor, what is measured.
type Adding<'a> = dyn FnMut(String, &Field<'_>, f64, Measure) -> Result<(), Malformed> + 'a;

/// Values of a phase or an activity.
fn parts(
    what: &str,
    section: SectionId,
    replicas: usize,
    values: &Field<'_>,
    add: &mut Adding<'_>,
) -> Result<(), Malformed> {
    for (key, measure) in [
        ("service_time", Measure::Time(section)),
        ("service_time_variance", Measure::Variance(section)),
        ("proc_waiting", Measure::ProcessorWait(section)),
        ("utilization", Measure::Held(section, replicas)),
    ] {
        if let Some(value) = values.maybe(key) {
            add(format!("{what} {key}"), &value, 1.0, measure)?;
        }
    }
    Ok(())
}

fn members<'a>(expected: &Field<'a>, key: &str) -> Result<Vec<(&'a str, Field<'a>)>, Malformed> {
    expected
        .maybe(key)
        .map_or(Ok(Vec::new()), |map| map.members())
}

fn section(mapped: &Mapped, name: &str, values: &Field<'_>) -> Result<SectionId, Malformed> {
    let sections = &mapped.scenario.sections;
    let found = sections.iter().position(|section| section == name);
    found
        .map(SectionId::from_index)
        .ok_or_else(|| values.wrong("a phase or activity of the model"))
}
