//! The control plane: pods, nodes, autoscalers and the migration programme, above any data plane.
//!
//! It changes the data plane by `contract::Command`s only and knows of it by `contract::Seen` and
//! `contract::Notice` only. It measures nothing: the recorder is told what happens.

mod agenda;
mod autoscale;
mod crowds;
mod draws;
mod ending;
mod faults;
pub mod gate;
mod grouping;
mod node_autoscaler;
mod nodes;
mod pods;
mod programme;
mod seen;
mod servers;
mod shares;
mod shift;
mod speed;
mod summary;
#[cfg(test)]
mod tests;
mod unit;
mod work;

pub use summary::{ServiceState, Summary, WaveSpan};

use agenda::{Agenda, Event};
use autoscale::Scaler;
use crowds::Crowds;
use draws::Draws;
use faults::{Faults, Outage};
use node_autoscaler::NodeScaling;
use nodes::Nodes;
use pods::{Deployment, Launching, Pod, Queue};
use programme::Programme;
use seen::History;
use shares::CallGraph;
use work::Works;

use crate::model::scaling::{Observation, Server};
use crate::model::{Migration, RoutingMode, Scenario};
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime, WaveId};
use crate::world::contract::{Command, LOOK, Luck, Notice};
use crate::world::recorder::{ControlSeen, EventKind, GateLook, ProgrammeEvent, ReplicaCounts};

/// The state of the clusters and of the programme.
#[derive(Clone, Debug)]
pub struct Control<'s> {
    scenario: &'s Scenario,
    now: SimTime,
    agenda: Agenda,
    draws: Draws,
    nodes: Nodes,
    pods: Vec<Pod>,
    /// Pod of each replica.
    replicas: Vec<usize>,
    /// By `service * clusters + cluster`.
    deployments: Vec<Deployment>,
    /// By cluster.
    scalers: Vec<Vec<Scaler<'s>>>,
    /// By service: a replica as a queueing station.
    servers: Vec<Server>,
    /// Buffers of what an autoscaler is shown.
    observation: Observation,
    /// Pods without a node, by cluster.
    queues: Vec<Queue>,
    /// Launches and image pulls, by cluster.
    launching: Vec<Launching>,
    /// Autoscalers of nodes, by cluster.
    node_scaling: Vec<NodeScaling>,
    /// What does not work, by cluster.
    outages: Vec<Outage>,
    /// Events that wait for a control plane to answer, by cluster.
    stalled: Vec<Vec<Event>>,
    faults: Faults,
    crowds: Crowds,
    works: Works,
    /// Version of each service that is wished for, and the newest there was.
    revisions: Vec<u32>,
    latest: Vec<u32>,
    /// Lowest priority of any service: nobody is evicted for it.
    lowest_priority: i32,
    graph: CallGraph,
    /// Share of each service served by the target.
    weights: Vec<f64>,
    callers_shares: Vec<f64>,
    history: History,
    programme: Programme,
    /// For the data plane, in order.
    commands: Vec<Command>,
    /// For the recorder, in order.
    events: Vec<ProgrammeEvent>,
    /// For the recorder, in order.
    gate_looks: Vec<GateLook>,
}

impl<'s> Control<'s> {
    /// The clusters at time zero. Without `migrate` there is no plan and no fault, as in the twin.
    #[must_use]
    pub fn new(scenario: &'s Scenario, luck: Luck, migrate: bool) -> Self {
        let (services, clusters) = (scenario.services.len(), scenario.clusters.len());
        let mut control = Self {
            scenario,
            now: SimTime::ZERO,
            agenda: Agenda::default(),
            draws: Draws::new(scenario, luck),
            nodes: Nodes::new(scenario),
            pods: Vec::new(),
            replicas: Vec::new(),
            deployments: vec![Deployment::default(); services * clusters],
            scalers: Vec::new(),
            servers: servers::of(scenario),
            observation: Observation::default(),
            queues: vec![Queue::new(services); clusters],
            launching: (0..clusters)
                .map(|cluster| Launching::new(scenario, ClusterId::from_index(cluster)))
                .collect(),
            node_scaling: vec![NodeScaling::default(); clusters],
            outages: vec![Outage::default(); clusters],
            stalled: vec![Vec::new(); clusters],
            faults: Faults::default(),
            crowds: Crowds::new(scenario),
            works: Works::new(scenario, luck),
            revisions: vec![0; services],
            latest: vec![0; services],
            lowest_priority: scenario
                .services
                .iter()
                .map(|service| service.pods.placing.priority)
                .min()
                .unwrap_or(0),
            graph: CallGraph::new(scenario),
            weights: vec![0.0; services],
            callers_shares: vec![0.0; services],
            history: History::new(
                services,
                clusters,
                scaling_kept(scenario),
                gates_look_back(scenario),
                guests(scenario),
            ),
            programme: Programme {
                weights_sent: vec![0; services],
                weight_since: vec![SimTime::ZERO; services],
                decommissioned: vec![None; services],
                rolled_back: vec![false; services],
                ..Programme::default()
            },
            commands: Vec::new(),
            events: Vec::new(),
            gate_looks: Vec::new(),
        };
        control.place_all();
        control.start_autoscalers();
        control.start_node_autoscalers();
        control.start_deploys();
        control.start_work();
        if migrate {
            control.start_faults();
        }
        if let Some(migration) = &scenario.migration {
            control.route_from_start(migration);
            if migrate {
                control.start_programme(migration);
            }
        }
        control
    }

    /// Everything but an empty target is held from the start.
    fn place_all(&mut self) {
        let scenario = self.scenario;
        let target = scenario.migration.as_ref().map(|migration| migration.to);
        for index in 0..scenario.clusters.len() {
            let cluster = ClusterId::from_index(index);
            let used = scenario
                .services
                .iter()
                .any(|service| service.clusters.contains(&cluster));
            if used || target != Some(cluster) {
                self.nodes.hold(cluster, SimTime::ZERO);
            }
        }
        for service in self.services() {
            if self.is_guest(service) {
                continue;
            }
            for cluster in &scenario.service(service).clusters {
                let written = scenario.service(service).placed[cluster.index()].replicas;
                let replicas = self
                    .rule(service, *cluster)
                    .map_or(written, |rule| rule.initial(written));
                self.place_initial(service, *cluster, replicas);
            }
        }
    }

    fn route_from_start(&mut self, migration: &Migration) {
        for service in self.services() {
            let clusters = &self.scenario.service(service).clusters;
            if clusters.contains(&migration.to) && !clusters.contains(&migration.from) {
                self.weights[service.index()] = 1.0;
            }
        }
        self.callers_shares = self.graph.callers_shares(migration.routing, &self.weights);
        for service in self.services() {
            let clusters = &self.scenario.service(service).clusters;
            if clusters.contains(&migration.from) || clusters.contains(&migration.to) {
                self.send_routing(service, migration.routing);
            }
        }
    }

    /// A weight comes into effect; whoever's callers thereby moved hears of it too.
    fn set_weight(&mut self, service: ServiceId, weight: f64, migration: &Migration) {
        self.weights[service.index()] = weight;
        self.programme.weight_since[service.index()] = self.now;
        let shares = self.graph.callers_shares(migration.routing, &self.weights);
        let before = std::mem::replace(&mut self.callers_shares, shares);
        for other in self.services() {
            let moved = (self.callers_shares[other.index()] - before[other.index()]).abs() > 1e-12;
            if other == service || (moved && migration.routing == RoutingMode::LocalFirst) {
                self.send_routing(other, migration.routing);
            }
        }
    }

    fn send_routing(&mut self, service: ServiceId, mode: RoutingMode) {
        let (weight, callers_share) = (
            self.weights[service.index()],
            self.callers_shares[service.index()],
        );
        self.commands.push(Command::SetRouting {
            service,
            mode,
            weight,
            callers_share,
        });
    }

    fn hpa_is_frozen(&self, service: ServiceId) -> bool {
        self.scenario
            .migration
            .as_ref()
            .is_some_and(|migration| migration.freeze_hpa)
            && self
                .programme
                .units
                .iter()
                .any(|unit| unit.is_shifting(service))
    }

    /// Empty source nodes go back for good once something was decommissioned there, unless an autoscaler
    /// or a pod without a node may still need them.
    fn give_back_nodes(&mut self, cluster: ClusterId) {
        let source = self
            .scenario
            .migration
            .as_ref()
            .is_some_and(|migration| migration.from == cluster);
        if !source || self.programme.decommissioned.iter().all(Option::is_none) {
            return;
        }
        let grows = self.services().any(|service| {
            self.deployments[self.at(service, cluster)].desired > 0
                && self.is_scaled(service, cluster)
        });
        let waiting = self
            .services()
            .any(|service| self.deployments[self.at(service, cluster)].pending > 0);
        if !grows && !waiting && !self.expects_work(cluster) {
            self.nodes.give_back_empty(cluster, self.now);
        }
    }

    fn tell(
        &mut self,
        kind: EventKind,
        wave: Option<WaveId>,
        service: Option<ServiceId>,
        value: Option<f64>,
        detail: String,
    ) {
        self.events.push(ProgrammeEvent {
            at: self.now,
            kind,
            wave,
            service,
            value,
            detail,
        });
    }

    fn tell_unit(
        &mut self,
        unit: usize,
        kind: EventKind,
        service: Option<ServiceId>,
        value: Option<f64>,
        detail: String,
    ) {
        let wave = self.programme.units[unit].wave;
        self.tell(kind, Some(wave), service, value, detail);
    }

    /// When the next event is due; `SimTime::NEVER` when none is.
    #[must_use]
    pub fn next_time(&self) -> SimTime {
        self.agenda.next_time()
    }

    /// Whether the next event may change the state of a wave, so that the interval should end before it.
    #[must_use]
    pub fn next_is_programme(&self) -> bool {
        matches!(self.agenda.peek(), Some((_, Event::Programme)))
    }

    /// Handles the next event.
    pub fn handle_next(&mut self) {
        let Some((at, event)) = self.agenda.take() else {
            return;
        };
        self.now = at;
        match event {
            Event::Launched(pod, restarts) => self.on_launched(pod, restarts),
            Event::StartsHeld(cluster, gate, service) => {
                self.on_starts_held(cluster, gate, service);
            }
            Event::Pulled(cluster, generation) => self.on_pulled(cluster, generation),
            Event::Started(pod, restarts) => self.on_started(pod, restarts),
            Event::Restart(pod, restarts) => self.on_restart(pod, restarts),
            Event::Deploy(service, ordinal) => self.on_deploy(service, ordinal),
            Event::Listed(pod) => {
                if !self.stalls(self.pods[pod].cluster, event) {
                    self.on_listed(pod);
                }
            }
            Event::Delisted(pod) => {
                if !self.stalls(self.pods[pod].cluster, event) {
                    self.on_delisted(pod);
                }
            }
            Event::Fault(fault) => self.on_fault(fault),
            Event::FaultOver(fault) => self.on_fault_over(fault),
            Event::RollBackRelease(fault, revision) => self.on_roll_back_release(fault, revision),
            Event::Unreachable(pod, restarts) => {
                if !self.stalls(self.pods[pod].cluster, event) {
                    self.on_unreachable(pod, restarts);
                }
            }
            Event::EvictLost(pod, restarts) => {
                if !self.stalls(self.pods[pod].cluster, event) {
                    self.on_evict_lost(pod, restarts);
                }
            }
            Event::Draining(pod) => self.on_draining(pod),
            Event::GraceOver(pod) => self.on_grace_over(pod),
            Event::ScanNodes(cluster) => self.on_scan_nodes(cluster),
            Event::NodeReady(cluster, node, asked) => self.on_node_ready(cluster, node, asked),
            Event::Autoscale(cluster) => self.on_autoscale(cluster),
            Event::WorkArrives(source) => self.on_work_arrives(source),
            Event::WorkDue(source, instance) => self.on_work_due(source, instance),
            Event::WorkDone(pod, generation) => self.on_work_done(pod, generation),
            Event::LifeOver(instance) => self.on_life_over(instance),
            Event::TryGang(instance, part) => self.on_try_gang(instance, part),
            Event::Remake(instance, part) => self.on_remake(instance, part),
            Event::Programme => self.on_programme(),
        }
    }

    /// Takes a notice of the data plane.
    pub fn notice(&mut self, now: SimTime, notice: Notice) {
        self.now = now;
        match notice {
            Notice::Drained { replica } => self.on_drained(replica),
            Notice::OutOfMemory { replica } => self.on_out_of_memory(replica),
        }
    }

    /// Commands that the data plane has to carry out now, in order.
    pub fn take_commands(&mut self) -> std::vec::Drain<'_, Command> {
        self.commands.drain(..)
    }

    /// What happened in the programme since the last call.
    pub fn take_events(&mut self) -> std::vec::Drain<'_, ProgrammeEvent> {
        self.events.drain(..)
    }

    /// Looks through gates since the last call.
    pub fn take_gate_looks(&mut self) -> std::vec::Drain<'_, GateLook> {
        self.gate_looks.drain(..)
    }

    /// Writes the state at `now` for the recorder.
    pub fn show(&self, now: SimTime, shown: &mut ControlSeen) {
        let clusters = || (0..self.scenario.clusters.len()).map(ClusterId::from_index);
        let idle = ReplicaCounts::default();
        shown.changed = shown.replicas.is_empty();
        shown.replicas.resize(self.deployments.len(), idle);
        for (deployment, counts) in self.deployments.iter().zip(&mut shown.replicas) {
            let now = ReplicaCounts {
                desired: deployment.desired,
                ready: deployment.ready,
                pending: deployment.pending,
            };
            shown.changed |= now != *counts;
            *counts = now;
        }
        shown.weights.clone_from(&self.weights);
        shown.nodes = clusters().map(|cluster| self.nodes.held(cluster)).collect();
        shown.node_cost = clusters()
            .map(|cluster| self.nodes.cost(cluster, now))
            .collect();
        shown.allocatable = clusters()
            .map(|cluster| self.nodes.allocatable(cluster))
            .collect();
        shown.active_waves = self.active_waves().collect();
        self.show_work(now, &mut shown.work);
    }
}

/// Stations of jobs and environments.
fn guests(scenario: &Scenario) -> Vec<u32> {
    let clusters = scenario.clusters.len();
    (0..(scenario.services.len() * clusters) as u32)
        .filter(|at| scenario.services[*at as usize / clusters].kind.is_guest())
        .collect()
}

/// How long an interval may be asked for by an autoscaler.
fn scaling_kept(scenario: &Scenario) -> SimDuration {
    let clusters = scenario.clusters.iter();
    let longest = clusters
        .map(|cluster| {
            cluster.metrics_resolution + cluster.metrics_resolution + cluster.metrics_delay
        })
        .max();
    longest.unwrap_or_default() + LOOK
}

/// How far back a gate may look: its own window with all its repetitions, and one window before the shift.
fn gates_look_back(scenario: &Scenario) -> SimDuration {
    let gates = scenario
        .migration
        .iter()
        .flat_map(|migration| &migration.gates);
    let back = gates.map(|gate| {
        let looks = u64::from(gate.failure_limit) + u64::from(gate.inconclusive_limit) + 1;
        gate.window + gate.window + SimDuration(gate.interval.0.saturating_mul(looks))
    });
    let delay = scenario
        .clusters
        .iter()
        .map(|cluster| cluster.metrics_delay)
        .max()
        .unwrap_or_default();
    back.max().unwrap_or_default() + delay + LOOK
}
