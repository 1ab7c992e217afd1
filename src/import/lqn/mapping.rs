//! The mapping of a network to a scenario.

use std::collections::BTreeMap;

use super::graph::Walk;
use super::{Activity, Call, Entry, Network, Task, Unmapped};
use crate::model::distribution::Part;
use crate::model::sample;
use crate::model::{
    Discipline, Distribution, ProcessorSpec, Scenario, SharedProcessor, Step, StepKind,
};
use crate::units::{Bytes, EndpointId, ProcessorId, SectionId, ServiceId, SimDuration};

/// A mapped network.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// The scenario; its sections are the phases (`entry:2`) and activities (`task.activity`) of the network.
    pub scenario: Scenario,
    /// Services of each task: one a replica.
    pub tasks: BTreeMap<String, Vec<ServiceId>>,
    /// By entry.
    pub entries: BTreeMap<String, MappedEntry>,
    /// Calls, of all replicas of the caller.
    pub calls: Vec<MappedCall>,
}

/// Where an entry is.
#[derive(Clone, Debug, Default)]
pub struct MappedEntry {
    /// Its endpoints: one a replica.
    pub endpoints: Vec<EndpointId>,
    /// Names of the call sites by which requests come from outside.
    pub arrivals: Vec<String>,
}

/// Where a call is.
#[derive(Clone, Debug)]
pub struct MappedCall {
    /// `entry:phase`, or `task.activity`.
    pub from: String,
    /// Called entry.
    pub to: String,
    /// Names of its call sites.
    pub sites: Vec<String>,
}

/// Maps a network; the run ends at `horizon`.
///
/// # Errors
/// It uses what is not mapped, or refers to what is not there.
pub fn scenario(network: &Network, horizon: SimDuration) -> Result<Mapped, Unmapped> {
    let mut builder = Builder::new(network, horizon)?;
    for task in &network.tasks {
        for replica in 0..task.replication {
            builder.task(task, replica)?;
        }
    }
    Ok(builder.mapped)
}

/// Steps and the network behind them.
pub(super) struct Builder<'a> {
    network: &'a Network,
    mapped: Mapped,
    sections: BTreeMap<String, SectionId>,
    sites: BTreeMap<(usize, String), u32>,
}

/// Who makes a call.
pub(super) struct Caller<'a> {
    pub task: &'a Task,
    pub replica: u32,
    /// Its endpoint.
    pub endpoint: EndpointId,
}

impl<'a> Builder<'a> {
    fn new(network: &'a Network, horizon: SimDuration) -> Result<Self, Unmapped> {
        let mut scenario = sample::empty(horizon);
        scenario.run.max_in_flight = 1 << 22;
        let mut builder = Self {
            network,
            sections: BTreeMap::new(),
            sites: BTreeMap::new(),
            mapped: Mapped {
                scenario: scenario.clone(),
                tasks: BTreeMap::new(),
                entries: BTreeMap::new(),
                calls: Vec::new(),
            },
        };
        for processor in &network.processors {
            let discipline = match processor.scheduling.as_str() {
                "inf" => Discipline::Infinite,
                _ if processor.multiplicity.count().is_none() => Discipline::Infinite,
                "fcfs" => Discipline::Fifo,
                "ps" => Discipline::ProcessorSharing,
                other => {
                    return Err(Unmapped(format!(
                        "processor `{}` is scheduled by `{other}`, which is not mapped",
                        processor.name
                    )));
                }
            };
            for replica in 0..processor.replication {
                scenario.processors.push(SharedProcessor {
                    name: numbered(&processor.name, replica, processor.replication),
                    spec: ProcessorSpec {
                        cores: processor.multiplicity.count().unwrap_or(u32::MAX),
                        discipline,
                        quota: None,
                    },
                    speed: 1.0,
                });
            }
        }
        // Endpoints first, so that calls may go forward.
        for task in &network.tasks {
            for replica in 0..task.replication {
                builder.names(task, replica, &mut scenario)?;
            }
        }
        builder.mapped.scenario = scenario;
        Ok(builder)
    }

    fn names(
        &mut self,
        task: &Task,
        replica: u32,
        scenario: &mut Scenario,
    ) -> Result<(), Unmapped> {
        let name = numbered(&task.name, replica, task.replication);
        let service = ServiceId::from_index(scenario.services.len());
        let first = scenario.endpoints.len();
        sample::add_service(scenario, &name, 1, Discipline::Infinite, Vec::new());
        let template = scenario.endpoints.pop();
        for entry in &task.entries {
            let mut endpoint = template
                .clone()
                .expect("a service was added with its endpoint");
            endpoint.name = entry.name.clone();
            let id = EndpointId::from_index(scenario.endpoints.len());
            scenario.endpoints.push(endpoint);
            self.mapped
                .entries
                .entry(entry.name.clone())
                .or_default()
                .endpoints
                .push(id);
        }
        let described = &mut scenario.services[service.index()];
        described.endpoints = (first..scenario.endpoints.len())
            .map(EndpointId::from_index)
            .collect();
        described.concurrency = match task.scheduling.as_str() {
            "ref" | "fcfs" => task.multiplicity.count(),
            "inf" => None,
            other => {
                return Err(Unmapped(format!(
                    "task `{}` is scheduled by `{other}`, which is not mapped",
                    task.name
                )));
            }
        };
        described.shared_processor = Some(self.processor(task, replica)?);
        self.mapped
            .tasks
            .entry(task.name.clone())
            .or_default()
            .push(service);
        Ok(())
    }

    fn processor(&self, task: &Task, replica: u32) -> Result<ProcessorId, Unmapped> {
        let mut first = 0;
        for processor in &self.network.processors {
            if processor.name == task.processor {
                return Ok(ProcessorId(first + replica % processor.replication));
            }
            first += processor.replication;
        }
        Err(Unmapped(format!(
            "task `{}` runs on `{}`, which is no processor",
            task.name, task.processor
        )))
    }

    fn task(&mut self, task: &Task, replica: u32) -> Result<(), Unmapped> {
        for entry in &task.entries {
            let endpoint = self.mapped.entries[&entry.name].endpoints[replica as usize];
            let caller = Caller {
                task,
                replica,
                endpoint,
            };
            let steps = self.entry(&caller, entry)?;
            self.mapped.scenario.endpoints[endpoint.index()].steps = steps;
            if task.scheduling == "ref" {
                self.customers(task, replica, entry, endpoint)?;
            } else if entry.open_arrival_rate > 0.0 {
                let (name, journey) = self.journey(entry, replica, endpoint);
                let scenario = &mut self.mapped.scenario;
                sample::add_open_load(scenario, &name, entry.open_arrival_rate, journey);
            }
        }
        Ok(())
    }

    fn customers(
        &mut self,
        task: &Task,
        replica: u32,
        entry: &Entry,
        endpoint: EndpointId,
    ) -> Result<(), Unmapped> {
        if task.entries.len() > 1 {
            return Err(Unmapped(format!(
                "reference task `{}` has {} entries; one is mapped",
                task.name,
                task.entries.len()
            )));
        }
        let Some(users) = task.multiplicity.count() else {
            return Err(Unmapped(format!(
                "reference task `{}` has customers without number",
                task.name
            )));
        };
        let think = if task.think_time > 0.0 {
            Distribution::exponential(task.think_time)
        } else {
            Distribution::constant(0.0)
        };
        let (name, journey) = self.journey(entry, replica, endpoint);
        sample::add_users(
            &mut self.mapped.scenario,
            &name,
            u64::from(users),
            think,
            journey,
        );
        Ok(())
    }

    fn journey(
        &mut self,
        entry: &Entry,
        replica: u32,
        endpoint: EndpointId,
    ) -> (String, crate::units::JourneyId) {
        let name = format!("{}-{replica}", entry.name);
        let scenario = &mut self.mapped.scenario;
        let journey = sample::add_journey(scenario, &name, endpoint, SimDuration::from_secs(1));
        if let Some(StepKind::Call(call)) = scenario.journeys[journey.index()]
            .steps
            .first_mut()
            .map(|step| &mut step.kind)
        {
            call.site.clone_from(&name);
        }
        if let Some(mapped) = self.mapped.entries.get_mut(&entry.name) {
            mapped.arrivals.push(name.clone());
        }
        (name, journey)
    }

    fn entry(&mut self, caller: &Caller<'_>, entry: &Entry) -> Result<Vec<Step>, Unmapped> {
        let answers = caller.task.scheduling != "ref";
        if let Some(start) = &entry.start_activity {
            return Walk::new(self, caller, entry).whole(start);
        }
        let mut phases = entry.phases.clone();
        phases.sort_by_key(|phase| phase.phase);
        let mut steps = Vec::new();
        let later = phases.iter().any(|phase| phase.phase > 1);
        let (first, rest): (Vec<_>, Vec<_>) = phases.iter().partition(|phase| phase.phase == 1);
        let named = |number: u32| format!("{}:{number}", entry.name);
        for phase in &first {
            let inner = self.slices(caller, &named(phase.phase), &phase.activity)?;
            steps.push(self.section(&named(phase.phase), inner));
        }
        if answers {
            steps.extend(self.answer(caller, entry, later)?);
        }
        for phase in &rest {
            let inner = self.slices(caller, &named(phase.phase), &phase.activity)?;
            steps.push(self.section(&named(phase.phase), inner));
        }
        Ok(steps)
    }

    /// Forwarding, else the reply; a reply at the end of the program needs no step.
    fn answer(
        &mut self,
        caller: &Caller<'_>,
        entry: &Entry,
        later: bool,
    ) -> Result<Vec<Step>, Unmapped> {
        let reply = || {
            let reply = sample::step(StepKind::Reply(Bytes(0)));
            if later { vec![reply] } else { Vec::new() }
        };
        if entry.forwarding.is_empty() {
            return Ok(reply());
        }
        let mut options = Vec::new();
        let mut left = 1.0;
        for way in &entry.forwarding {
            left -= way.prob;
            let from = format!("{}:1", entry.name);
            let call = Call {
                kind: "forward".into(),
                dest: way.dest.clone(),
                mean: way.prob,
            };
            let forwarded = self.calls(caller, &from, &call)?;
            options.push((way.prob, forwarded));
        }
        if left > 1e-9 {
            options.push((left, reply()));
        }
        Ok(vec![sample::step(StepKind::Choose(options))])
    }

    /// A measured group of steps.
    pub(super) fn section(&mut self, name: &str, steps: Vec<Step>) -> Step {
        let names = &mut self.mapped.scenario.sections;
        let id = *self.sections.entry(name.to_owned()).or_insert_with(|| {
            names.push(name.to_owned());
            SectionId::from_index(names.len() - 1)
        });
        sample::step(StepKind::Section(id, steps))
    }

    /// Slices of work with the calls between them.
    pub(super) fn slices(
        &mut self,
        caller: &Caller<'_>,
        from: &str,
        activity: &Activity,
    ) -> Result<Vec<Step>, Unmapped> {
        let calls: Vec<&Call> = activity
            .calls
            .iter()
            .filter(|call| call.mean > 0.0)
            .collect();
        // Each replica that is called counts.
        let mut all = Vec::new();
        for call in calls {
            for step in self.calls(caller, from, call)? {
                all.push((call.mean, step));
            }
        }
        let total: f64 = all.iter().map(|(mean, _)| mean).sum();
        let slice = || slice(activity, activity.demand / (1.0 + total));
        let mut steps = slice();
        if activity.call_order.as_deref() == Some("deterministic") {
            for (mean, step) in all {
                let count = (mean + 0.5) as u32;
                let mut body = vec![step];
                body.extend(slice());
                steps.push(Step {
                    times: Some(Distribution::constant(f64::from(count))),
                    ..sample::step(StepKind::Do(body))
                });
            }
        } else if total > 0.0 {
            let options = all
                .into_iter()
                .map(|(mean, step)| (mean, vec![step]))
                .collect();
            let mut body = vec![sample::step(StepKind::Choose(options))];
            body.extend(slice());
            steps.push(Step {
                times: Some(Distribution::of(Part::geometric(total))),
                ..sample::step(StepKind::Do(body))
            });
        }
        Ok(steps)
    }

    /// One step for each replica that is called.
    fn calls(
        &mut self,
        caller: &Caller<'_>,
        from: &str,
        call: &Call,
    ) -> Result<Vec<Step>, Unmapped> {
        let Some(called) = self.mapped.entries.get(&call.dest) else {
            return Err(Unmapped(format!(
                "{from} calls `{}`, which is no entry",
                call.dest
            )));
        };
        let endpoints = called.endpoints.clone();
        let service = self.mapped.scenario.endpoint(endpoints[0]).service;
        let owner = self
            .mapped
            .tasks
            .iter()
            .find(|(_, services)| services.contains(&service));
        let task = owner.map(|(name, _)| name.clone()).unwrap_or_default();
        let fan_out = caller.task.fan_out.iter().find(|fan| fan.dest == task);
        let fan_out = fan_out.map_or(1, |fan| fan.value).max(1);
        let mut steps = Vec::new();
        for number in 0..fan_out {
            let place = (caller.replica * fan_out + number) as usize % endpoints.len();
            steps.push(self.call(caller, from, call, endpoints[place])?);
        }
        Ok(steps)
    }

    fn call(
        &mut self,
        caller: &Caller<'_>,
        from: &str,
        call: &Call,
        to: EndpointId,
    ) -> Result<Step, Unmapped> {
        let scenario = &mut self.mapped.scenario;
        let service = scenario.endpoint(caller.endpoint).service;
        let mut step = sample::call(scenario, Some(service.index()), to, sample::plain_policy());
        let StepKind::Call(mut made) = step.kind else {
            return Err(Unmapped("a call is a call".into()));
        };
        let base = format!("{from}>{}#{}", call.dest, to.0);
        let count = self
            .sites
            .entry((caller.endpoint.index(), base.clone()))
            .or_insert(0);
        *count += 1;
        made.site = format!("{base}#{count}");
        made.sends = Bytes(0);
        let site = made.site.clone();
        let known = self
            .mapped
            .calls
            .iter_mut()
            .find(|known| known.from == from && known.to == call.dest);
        match known {
            Some(known) => known.sites.push(site),
            None => self.mapped.calls.push(MappedCall {
                from: from.to_owned(),
                to: call.dest.clone(),
                sites: vec![site],
            }),
        }
        step.kind = match call.kind.as_str() {
            "sync" => StepKind::Call(made),
            "async" => StepKind::Async(made),
            "forward" => StepKind::Forward(made),
            other => return Err(Unmapped(format!("{from} makes a call of kind `{other}`"))),
        };
        Ok(step)
    }
}

/// One slice: a pause, then work.
fn slice(activity: &Activity, mean: f64) -> Vec<Step> {
    let mut steps = Vec::new();
    if activity.think_time > 0.0 {
        let pause = Distribution::exponential(activity.think_time);
        steps.push(sample::step(StepKind::Wait(pause)));
    }
    if mean > 0.0 {
        let law = match activity.demand_cvsq {
            None => Distribution::exponential(mean),
            Some(square) if (square - 1.0).abs() < 1e-9 => Distribution::exponential(mean),
            Some(square) if square <= 0.0 => Distribution::constant(mean),
            Some(square) if square < 1.0 => Distribution::of(Part::gamma(mean, square.sqrt())),
            Some(square) => Distribution::of(Part::hyperexponential(mean, square.sqrt())),
        };
        steps.push(sample::work(law));
    }
    steps
}

/// The name of a replica: that of the thing itself where there is one only.
fn numbered(name: &str, replica: u32, of: u32) -> String {
    if of == 1 {
        name.to_owned()
    } else {
        format!("{name}-{}", replica + 1)
    }
}
