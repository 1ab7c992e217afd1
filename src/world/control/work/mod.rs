//! Jobs and environments at work: what comes, what waits for room, what runs, what ends.
//!
//! Every task and environment ends exactly once. `tasks` leads a job through its graph, `gang` places all pods of
//! a task or none, `runs` keeps the work that is being done, `ledger` what it costs. Pods are those of `pods`: the
//! same scheduler, images, launches, evictions and faults. What a pod had done is lost when it goes before its end
//! (no checkpoints); the Job controller makes another one after a back-off.

mod gang;
mod ledger;
mod runs;
mod tasks;

pub(super) use ledger::Meter;

use std::collections::BTreeMap;

use super::Control;
use super::agenda::Event;
use ledger::Ledger;
use runs::Run;

use crate::engine::{Key, Purpose, hash64};
use crate::model::{Distribution, Scenario, ServiceKind, Work, WorkKind};
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime, WorkId};
use crate::world::arrivals::ArrivalClock;
use crate::world::contract::{Luck, Seen};
use crate::world::recorder::{WorkNote, WorkRecord, WorkTotals};

/// CPU time of a task's pods.
const WORK: Purpose = Purpose::new("work");
/// Life of an environment.
const LIFE: Purpose = Purpose::new("life");
/// Which of several services runs a task, and in which cluster.
const SERVICE: Purpose = Purpose::new("service");
const CLUSTER: Purpose = Purpose::new("cluster");

/// Whose a pod is: instance, part, member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Guest {
    pub instance: u64,
    pub part: u32,
    pub member: u32,
}

/// A job or an environment that has come and not gone.
#[derive(Clone, Debug)]
struct Instance {
    source: usize,
    /// Among those of its source: keys its draws.
    number: u64,
    arrived: SimTime,
    due: Option<SimTime>,
    /// Tasks of the job, or services of the environment.
    parts: Vec<Part>,
    /// Tasks that have not ended; pods that were never ready.
    left: u32,
}

/// Where a part is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Other tasks must end first.
    Blocked,
    /// Its pods are there, with room or without.
    Running,
    /// All its work is done.
    Done,
}

/// A task of a job, or one service of an environment.
#[derive(Clone, Debug)]
struct Part {
    stage: Stage,
    service: ServiceId,
    cluster: ClusterId,
    gang: bool,
    /// Tasks that must end first and have not.
    waits_for: u32,
    /// By member: its pod, unless it is still to be made, or done.
    pods: Vec<Option<usize>>,
    done: Vec<bool>,
    /// Members that have a node, and whether that was told.
    placed: u32,
    told: bool,
    /// Members that are ready to work.
    ready: u32,
    /// Since when its pods may run.
    queued: SimTime,
    /// Attempts in a row to place the gang, when the next may be made, and whether one is planned.
    attempts: u32,
    not_before: SimTime,
    armed: bool,
    /// Times that pods of it went before their end.
    failures: u32,
    remaking: bool,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Works {
    clocks: Vec<ArrivalClock>,
    keys: Vec<Key>,
    instances: BTreeMap<u64, Instance>,
    next: u64,
    /// By pod.
    runs: BTreeMap<usize, Run>,
    generation: u32,
    ledgers: Vec<Ledger>,
    /// CPU used, by `service * clusters + cluster`: cores now, and core-seconds since the last look.
    cpu: Vec<Meter>,
    records: Vec<WorkRecord>,
}

impl Works {
    /// Nothing has come.
    pub fn new(scenario: &Scenario, luck: Luck) -> Self {
        let root = Key::root(luck.seed, luck.stage, luck.replication).part(hash64("work"));
        let stations = scenario.services.len() * scenario.clusters.len();
        let sources = scenario.work.len();
        Self {
            clocks: vec![ArrivalClock::default(); sources],
            keys: scenario
                .work
                .iter()
                .map(|work| root.part(hash64(&work.name)))
                .collect(),
            ledgers: vec![Ledger::default(); sources],
            cpu: vec![Meter::default(); if sources == 0 { 0 } else { stations }],
            ..Self::default()
        }
    }
}

fn sample(law: &Distribution, key: Key, purpose: Purpose) -> f64 {
    law.sample(|part| key.uniform(purpose, u64::from(part)))
}

impl<'s> Control<'s> {
    /// Whether the service's pods are those of jobs or environments.
    pub(super) fn is_guest(&self, service: ServiceId) -> bool {
        self.scenario.service(service).kind.is_guest()
    }

    /// Plans the first job or environment of each source.
    pub(super) fn start_work(&mut self) {
        for source in 0..self.scenario.work.len() {
            self.plan_arrival(source);
        }
    }

    fn plan_arrival(&mut self, source: usize) {
        let scenario = self.scenario;
        let next = self.works.clocks[source].next(
            &scenario.work[source].load,
            &scenario.clock,
            self.works.keys[source],
            scenario.end(),
        );
        if let Some(at) = next {
            self.agenda.add(at, Event::WorkArrives(source));
        }
    }

    pub(super) fn on_work_arrives(&mut self, source: usize) {
        let work: &'s Work = &self.scenario.work[source];
        let number = self.works.clocks[source].count() - 1;
        self.plan_arrival(source);
        let id = self.works.next;
        self.works.next += 1;
        let key = self.works.keys[source].nth(number);
        self.works.ledgers[source].alive.change(1.0, self.now);
        self.note(source, WorkNote::Arrived);
        match &work.kind {
            WorkKind::Jobs { tasks, deadline } => {
                let parts: Vec<Part> = tasks
                    .iter()
                    .enumerate()
                    .map(|(position, task)| {
                        let own = key.nth(position as u64);
                        let service = task.services[own.index(SERVICE, 0, task.services.len())];
                        let mut part = self.part(service, task.parallelism, task.gang);
                        part.waits_for = task.after.len() as u32;
                        part
                    })
                    .collect();
                let due = deadline.map(|deadline| self.now + deadline);
                if let Some(due) = due {
                    self.agenda.add(due, Event::WorkDue(source, id));
                }
                let ready: Vec<usize> = (0..parts.len())
                    .filter(|part| parts[*part].waits_for == 0)
                    .collect();
                self.add_instance(id, source, number, due, parts);
                for part in ready {
                    self.begin_part(id, part);
                }
            }
            WorkKind::Environments { life, services, .. } => {
                let cluster = self.place_of_environments(work);
                let parts = services
                    .iter()
                    .map(|service| Part {
                        cluster,
                        ..self.part(*service, 1, false)
                    })
                    .collect();
                self.add_instance(id, source, number, None, parts);
                let life = SimDuration::from_seconds(sample(life, key, LIFE));
                self.agenda.add(self.now + life, Event::LifeOver(id));
                for part in 0..services.len() {
                    self.begin_part(id, part);
                }
            }
        }
    }

    fn part(&self, service: ServiceId, members: u32, gang: bool) -> Part {
        Part {
            stage: Stage::Blocked,
            service,
            cluster: ClusterId(0),
            gang: gang && members > 1,
            waits_for: 0,
            pods: vec![None; members as usize],
            done: vec![false; members as usize],
            placed: 0,
            told: false,
            ready: 0,
            queued: self.now,
            attempts: 0,
            not_before: SimTime::ZERO,
            armed: false,
            failures: 0,
            remaking: false,
        }
    }

    fn add_instance(
        &mut self,
        id: u64,
        source: usize,
        number: u64,
        due: Option<SimTime>,
        parts: Vec<Part>,
    ) {
        let left = parts.len() as u32;
        let arrived = self.now;
        self.works.instances.insert(
            id,
            Instance {
                source,
                number,
                arrived,
                due,
                parts,
                left,
            },
        );
    }

    /// Where the pods of a job's task run: where its service does, by weight while it moves.
    fn place_of_task(&self, id: u64, part: usize) -> ClusterId {
        let instance = &self.works.instances[&id];
        let service = instance.parts[part].service;
        let clusters = &self.scenario.service(service).clusters;
        let key = self.works.keys[instance.source]
            .nth(instance.number)
            .nth(part as u64);
        if let Some(migration) = &self.scenario.migration
            && clusters.contains(&migration.from)
            && !clusters.contains(&migration.to)
        {
            let moved = key.uniform(CLUSTER, 0) < self.weights[service.index()];
            return if moved { migration.to } else { migration.from };
        }
        clusters[key.index(CLUSTER, 0, clusters.len())]
    }

    /// Where a source's environments are made now; for jobs of no meaning.
    fn place_of_environments(&self, work: &Work) -> ClusterId {
        let WorkKind::Environments {
            cluster, follows, ..
        } = &work.kind
        else {
            return ClusterId(0);
        };
        let served = |service: &ServiceId| self.weights[service.index()] >= 1.0;
        match &self.scenario.migration {
            Some(migration) if migration.from == *cluster => {
                let moved = !follows.is_empty() && follows.iter().all(served);
                if moved { migration.to } else { *cluster }
            }
            _ => *cluster,
        }
    }

    /// Whether jobs or environments will still come to a cluster that is being left.
    pub(super) fn expects_work(&self, cluster: ClusterId) -> bool {
        self.scenario.work.iter().any(|work| match &work.kind {
            WorkKind::Environments { .. } => self.place_of_environments(work) == cluster,
            WorkKind::Jobs { tasks, .. } => {
                let mut services = tasks.iter().flat_map(|task| &task.services);
                services.any(|service| {
                    self.scenario.service(*service).clusters.contains(&cluster)
                        && self.weights[service.index()] < 1.0
                })
            }
        })
    }

    /// An environment's life is over: all its pods go, ready or not.
    pub(super) fn on_life_over(&mut self, id: u64) {
        let Some(instance) = self.works.instances.remove(&id) else {
            return;
        };
        let source = instance.source;
        self.works.ledgers[source].alive.change(-1.0, self.now);
        self.note(
            source,
            WorkNote::Ended {
                after: self.now.since(instance.arrived),
                late: None,
                served: instance.left == 0,
                is_job: false,
            },
        );
        let pods = instance.parts.iter().flat_map(|part| &part.pods);
        let pods: Vec<usize> = pods.flatten().copied().collect();
        self.let_go(&pods);
    }

    /// A job is due: it has ended, or it is late.
    pub(super) fn on_work_due(&mut self, source: usize, id: u64) {
        let missed = self.works.instances.contains_key(&id);
        self.note(source, WorkNote::Due { missed });
    }

    fn note(&mut self, source: usize, note: WorkNote) {
        self.works.records.push(WorkRecord {
            source: WorkId::from_index(source),
            note,
        });
    }

    /// What happened to jobs and environments since the last call.
    pub fn take_work_records(&mut self) -> std::vec::Drain<'_, WorkRecord> {
        self.works.records.drain(..)
    }

    /// Adds the CPU time of jobs' pods to what was seen of their services.
    pub fn add_work(&mut self, seen: &mut Seen) {
        // Data planes know nothing of such services, and may leave what stood there.
        for at in self.history.guests() {
            let at = *at as usize;
            if let Some(station) = seen.stations.get_mut(at) {
                station.cpu_ns = (self.works.cpu[at].take(seen.end) * 1e9).round() as u64;
            }
        }
    }

    /// Totals of each source at `now`.
    pub(super) fn show_work(&self, now: SimTime, shown: &mut Vec<WorkTotals>) {
        shown.clear();
        shown.extend(self.works.ledgers.iter().map(|ledger| ledger.totals(now)));
    }

    /// Pods of a job or an environment go at once, and nobody makes others.
    fn let_go(&mut self, pods: &[usize]) {
        // The room of the first may be taken by who evicts the second: nobody may miss it then.
        for pod in pods {
            self.end_run(*pod);
            self.pods[*pod].guest = None;
        }
        for pod in pods {
            self.terminate(*pod);
        }
    }

    /// Whether the pod is one of an environment.
    fn is_environments(&self, pod: usize) -> bool {
        self.scenario.service(self.pods[pod].service).kind == ServiceKind::Ephemeral
    }
}

#[cfg(test)]
impl Control<'_> {
    /// Totals of the first source.
    pub(super) fn works_totals(&self) -> WorkTotals {
        self.works.ledgers[0].totals(self.now)
    }

    /// Jobs and environments that have come and not gone.
    pub(super) fn work_alive(&self) -> usize {
        self.works.instances.len()
    }

    /// Cores that all sources hold.
    pub(super) fn cores_held(&self) -> f64 {
        self.works
            .ledgers
            .iter()
            .map(|ledger| ledger.cores.level())
            .sum()
    }
}
