//! One window of requests, played from the flow plane's state.

use std::collections::BTreeMap;

use crate::experiment::probe::record::{Known, Roster};
use crate::experiment::result::{ProbeNumbers, ProbeStats, ProbedGate};
use crate::model::load::Arrivals;
use crate::model::service::WarmupOver;
use crate::model::{LoadKind, Scenario, Shape};
use crate::sketch::LogLinear;
use crate::units::{ReplicaId, SimDuration, SimTime};
use crate::world::contract::{
    ActionsSeen, Command, DataPlane, Luck, OUTCOMES, Outcome, Seen, StationSeen, Stop,
};
use crate::world::control::gate::judge_again;
use crate::world::data::flow::Total;
use crate::world::data::request::RequestPlane;
use crate::world::recorder::GateLook;

/// Stage of the draws of the first window: apart from those of the experiment.
const STAGE: u32 = 1_000;
/// Fewer answers than these are no evidence.
const FEW: f64 = 30.0;

/// A window with all that it starts from.
pub struct Window {
    /// Start of the lead-in.
    pub lead: SimTime,
    /// Start.
    pub start: SimTime,
    /// End.
    pub end: SimTime,
    /// What opened it.
    pub why: String,
    /// Stations were behind longer than the longest lead-in: the backlog of its start is missing.
    pub is_behind: bool,
    /// Who was there at the start of the lead-in.
    pub roster: Roster,
    /// Commands from then on.
    pub commands: Vec<(SimTime, Command)>,
    /// What caches had seen then; empty without caches or at time zero.
    pub caches: Vec<f64>,
    /// What the flow plane expected, by station.
    pub stations: Vec<Total>,
    /// And by load and journey.
    pub actions: Vec<Total>,
}

impl Window {
    /// Plays the requests: a row for each service in a cluster and each journey in which something ended, and each of
    /// the `looks` through gates that lies in the window.
    pub fn play(
        &self,
        scenario: &Scenario,
        luck: Luck,
        ordinal: u32,
        looks: &[GateLook],
    ) -> (Vec<ProbeStats>, Vec<ProbedGate>) {
        let luck = Luck {
            stage: STAGE + ordinal,
            ..luck
        };
        let quiet = self.without_load_before(scenario);
        let mut plane = RequestPlane::new(&quiet, luck, false);
        let inside = |window: &(SimTime, SimTime)| window.0 >= self.start && window.1 <= self.end;
        let looks = looks.iter().filter(|look| look.windows.iter().all(inside));
        let mut found = Found::new(scenario, looks.collect());
        let stopped = self.run(&mut plane, &mut found).err();
        if stopped.is_some() {
            // What is missing at its end may be what a gate looks at.
            found.gates.clear();
        }
        let flaw = stopped
            .map(|stop| format!("cut short: {stop}"))
            .or_else(|| {
                self.is_behind
                    .then(|| "the backlog of its start is missing".to_owned())
            });
        let gates = found.gates.iter().map(|gate| {
            let look = gate.look;
            let (request, request_values) = judge_again(scenario, look, gate.sides.clone());
            ProbedGate {
                start: self.start,
                at: look.at,
                service: scenario.service(look.service).name.clone(),
                gate: gate.name.to_owned(),
                flaw: flaw.clone(),
                flow: look.verdict,
                request,
                flow_values: look.values.clone(),
                request_values,
            }
        });
        let gates = gates.collect();
        (self.rows(scenario, &found.whole, flaw.as_deref()), gates)
    }

    /// The scenario with no user before the lead-in.
    fn without_load_before(&self, scenario: &Scenario) -> Scenario {
        let mut quiet = scenario.clone();
        quiet.horizon = SimDuration(self.end.0);
        if self.lead == SimTime::ZERO {
            return quiet;
        }
        for load in &mut quiet.loads {
            load.shape
                .push(Shape::Steps(vec![(SimTime::ZERO, 0.0), (self.lead, 1.0)]));
            if let LoadKind::Open { arrivals, .. } | LoadKind::Sessions { arrivals, .. } =
                &mut load.kind
                && let Arrivals::Recorded(instants) = arrivals
            {
                *instants = instants
                    .iter()
                    .copied()
                    .filter(|at| *at >= self.lead)
                    .collect();
            }
        }
        quiet
    }

    fn run(&self, plane: &mut RequestPlane, found: &mut Found<'_>) -> Result<(), Stop> {
        advance(plane, self.lead)?;
        let mut ids = Ids::default();
        if !self.caches.is_empty() {
            plane.warm_caches(self.roster.replicas.len() as u32, &self.caches);
        }
        for (hop, state) in &self.roster.links {
            plane.command(Command::SetLink {
                hop: *hop,
                state: *state,
            });
        }
        for route in self.roster.routes.values() {
            plane.command(route.clone());
        }
        for (replica, known) in &self.roster.replicas {
            let there = ids.add(*replica);
            self.prime(plane, there, known);
            if known.draining {
                ids.draining(*replica);
            }
        }
        let mut commands = self.commands.iter().peekable();
        let mut ends = vec![self.start, self.end];
        for gate in &found.gates {
            ends.extend(
                gate.look
                    .windows
                    .iter()
                    .flat_map(|window| [window.0, window.1]),
            );
        }
        ends.sort_unstable();
        ends.dedup();
        let mut seen = Seen::default();
        for end in ends {
            let from = seen.end;
            while let Some((at, command)) = commands.next_if(|(at, _)| *at < end) {
                advance(plane, *at)?;
                if let Some(command) = ids.here(command) {
                    plane.command(command);
                }
            }
            let reached = advance(plane, end);
            plane.observe(&mut seen);
            seen.end = end;
            if end > self.start {
                found.add(&seen, from);
            }
            reached?;
        }
        Ok(())
    }

    /// A replica as it was at the start of the lead-in.
    fn prime(&self, plane: &mut RequestPlane, replica: ReplicaId, known: &Known) {
        let for_ever = |since: SimTime| match known.warmup.map(|warmup| warmup.over) {
            Some(WarmupOver::Time(length)) => self.lead.since(since) >= length,
            // How many requests it has had is not recorded: whoever has been there for a while is warm.
            Some(WarmupOver::Requests(_)) => self.lead.since(since) >= super::LEAD,
            None => true,
        };
        plane.command(Command::AddReplica {
            replica,
            service: known.service,
            cluster: known.cluster,
            speed: known.speed,
            warmup: known.warmup.filter(|_| !known.ready.is_some_and(for_ever)),
        });
        if known.ready.is_some() {
            plane.command(Command::Ready { replica });
        }
        if known.listed {
            plane.command(Command::List { replica });
        }
        if known.errors > 0.0 {
            plane.command(Command::SetErrors {
                replica,
                ratio: known.errors,
            });
        }
        if known.crashed {
            plane.command(Command::Crash { replica });
        } else if known.draining {
            plane.command(Command::Drain { replica });
        }
    }

    fn rows(&self, scenario: &Scenario, seen: &Seen, flaw: Option<&str>) -> Vec<ProbeStats> {
        let clusters = scenario.clusters.len();
        let mut rows = Vec::new();
        let mut add = |scope: &str, name: &str, cluster: &str, flow, request: ProbeNumbers| {
            if request.ended >= FEW {
                rows.push(ProbeStats {
                    start: self.start,
                    length: self.end.since(self.start),
                    why: self.why.clone(),
                    flaw: flaw.map(str::to_owned),
                    scope: scope.to_owned(),
                    name: name.to_owned(),
                    cluster: cluster.to_owned(),
                    flow,
                    request,
                });
            }
        };
        let journeys = scenario.journeys.len();
        for (index, journey) in scenario.journeys.iter().enumerate() {
            let mut flow = Total::default();
            let (mut ended, mut latency) = ([0; OUTCOMES], crate::sketch::JourneySketch::default());
            let slots = (0..scenario.loads.len()).map(|load| load * journeys + index);
            for slot in slots {
                flow.merge(&self.actions[slot]);
                let Some(actions) = seen.actions.get(slot) else {
                    continue;
                };
                for (sum, count) in ended.iter_mut().zip(actions.ended) {
                    *sum += count;
                }
                latency.merge(&actions.latency);
            }
            let request = numbers(&ended, &latency);
            add("journey", &journey.name, "", expected(&flow), request);
        }
        for (at, station) in seen.stations.iter().enumerate() {
            let service = &scenario.services[at / clusters].name;
            let cluster = &scenario.clusters[at % clusters].name;
            let request = numbers(&station.ended, &station.latency);
            add(
                "service",
                service,
                cluster,
                expected(&self.stations[at]),
                request,
            );
        }
        rows
    }
}

/// What is found request by request.
struct Found<'l> {
    /// In the whole window.
    whole: Seen,
    gates: Vec<FoundGate<'l>>,
    /// Clusters of the old and the new side.
    sides: [usize; 2],
    clusters: usize,
}

/// What a look through a gate sees of requests.
struct FoundGate<'l> {
    look: &'l GateLook,
    name: &'l str,
    /// Old, then new.
    sides: [StationSeen; 2],
}

impl<'l> Found<'l> {
    fn new(scenario: &'l Scenario, looks: Vec<&'l GateLook>) -> Self {
        let migration = scenario.migration.as_ref();
        let gate = |look: &'l GateLook| FoundGate {
            look,
            name: migration.map_or("", |migration| migration.gates[look.gate].name.as_str()),
            sides: Default::default(),
        };
        Self {
            whole: Seen::default(),
            gates: looks.into_iter().map(gate).collect(),
            sides: migration.map_or([0, 0], |one| [one.from.index(), one.to.index()]),
            clusters: scenario.clusters.len(),
        }
    }

    /// Adds a part of the window, which no gate's window cuts.
    fn add(&mut self, seen: &Seen, from: SimTime) {
        let stations = seen.stations.len().max(self.whole.stations.len());
        self.whole.stations.resize(stations, StationSeen::default());
        for (sum, part) in self.whole.stations.iter_mut().zip(&seen.stations) {
            sum.add_all_but_cpu(part);
        }
        let actions = seen.actions.len().max(self.whole.actions.len());
        self.whole.actions.resize(actions, ActionsSeen::default());
        for (sum, part) in self.whole.actions.iter_mut().zip(&seen.actions) {
            for (sum, count) in sum.ended.iter_mut().zip(part.ended) {
                *sum += count;
            }
            sum.latency.merge(&part.latency);
        }
        for gate in &mut self.gates {
            for (side, window) in gate.look.windows.iter().enumerate() {
                if window.0 <= from && seen.end <= window.1 {
                    let at = gate.look.service.index() * self.clusters + self.sides[side];
                    if let Some(station) = seen.stations.get(at) {
                        gate.sides[side].add_all_but_cpu(station);
                        gate.sides[side].cpu_ns += station.cpu_ns;
                    }
                }
            }
        }
    }
}

fn expected(total: &Total) -> ProbeNumbers {
    ProbeNumbers {
        ended: total.count(),
        error_ratio: total.error_ratio(),
        mean: total.mean(),
        p50: total.quantile(0.5),
        p95: total.quantile(0.95),
        p99: total.quantile(0.99),
    }
}

fn numbers<const BITS: u32>(ended: &[u64; OUTCOMES], latency: &LogLinear<BITS>) -> ProbeNumbers {
    let all: u64 = ended.iter().sum();
    let quantile = |ratio| latency.quantile(ratio).map(|value| value as f64 * 1e-9);
    ProbeNumbers {
        ended: all as f64,
        error_ratio: (all > 0).then(|| 1.0 - ended[Outcome::Ok as usize] as f64 / all as f64),
        mean: latency.mean().map(|value| value * 1e-9),
        p50: quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
    }
}

/// Plays up to an instant. Who is drained, or out of memory, is heard of from the flow plane's world only.
fn advance(plane: &mut RequestPlane, until: SimTime) -> Result<(), Stop> {
    while plane.advance(until)?.now < until {}
    Ok(())
}

/// Numbers of replicas in the window by those in the run.
#[derive(Default)]
struct Ids {
    known: BTreeMap<ReplicaId, (ReplicaId, bool)>,
    next: u32,
}

impl Ids {
    fn add(&mut self, replica: ReplicaId) -> ReplicaId {
        let here = ReplicaId(self.next);
        self.next += 1;
        self.known.insert(replica, (here, false));
        here
    }

    fn draining(&mut self, replica: ReplicaId) {
        if let Some((_, draining)) = self.known.get_mut(&replica) {
            *draining = true;
        }
    }

    /// The command with the window's numbers; `None`: it is not for the window. A drained replica is removed when the
    /// flow plane is done with it: here it holds its last requests until they are over.
    fn here(&mut self, command: &Command) -> Option<Command> {
        let mut command = command.clone();
        match &mut command {
            Command::AddReplica { replica, .. } => *replica = self.add(*replica),
            Command::Ready { replica }
            | Command::List { replica }
            | Command::Delist { replica }
            | Command::SetRate { replica, .. }
            | Command::Crash { replica }
            | Command::SetErrors { replica, .. } => *replica = self.known.get(replica)?.0,
            Command::Drain { replica } => {
                self.draining(*replica);
                *replica = self.known.get(replica)?.0;
            }
            Command::Kill { replica } => {
                let (here, draining) = self.known.remove(replica)?;
                if draining {
                    return None;
                }
                *replica = here;
            }
            Command::SetLink { .. } | Command::SetRouting { .. } => {}
        }
        Some(command)
    }
}
