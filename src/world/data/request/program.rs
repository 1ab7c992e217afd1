//! Endpoints' and journeys' programs as flat operations.
//!
//! Groups and loops become jumps, call sites get their hashed names, branches of `parallel` become programs of
//! their own. Loops nest three deep in a frame; a deeper one runs as a single branch. Operations are small and
//! own nothing: distributions, branches and targets lie in tables beside them.

use crate::engine::hash64;
use crate::model::{Call, Distribution, Parallel, Scenario, Step, StepKind};
use crate::units::{Bytes, EdgeId, ServiceId};
use crate::world::data::request::clients::Group;
use crate::world::data::request::law::Law;
use crate::world::data::request::sites::{Site, Traits, site_of};
use crate::world::data::request::watch::{MAX_SECTIONS, Note};

/// No place in particular.
pub const ANYWHERE: u8 = u8::MAX;

/// First draw of steps that are done instead of failed calls.
const INSTEAD: u32 = 1 << 15;

/// Size of a query for a name.
const QUERY: Bytes = Bytes(100);

/// Loops that fit a frame.
const MAX_LOOPS: usize = 3;

/// A run of entries in a table of `Programs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// First.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Run {
    /// As indices.
    #[inline]
    pub fn range(self) -> std::ops::Range<usize> {
        self.first as usize..(self.first + self.count) as usize
    }
}

/// One operation. Draw ordinals count the operations of a kind within their program; `demand`, `time` and
/// `times` name a distribution.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Use the processor.
    Work { demand: u32, draw: u32 },
    /// Let time pass.
    Wait { time: u32, draw: u32 },
    /// Call and wait for the answer. `to` is the only place of whom it calls, or `ANYWHERE`.
    Call { site: u32, to: u8 },
    /// Start these branches and wait until all have ended.
    Fork { branches: Run },
    /// Start copies of these branches and go on when enough have succeeded: a plan in `Programs::gathers`.
    Gather { branches: Run, plan: u32 },
    /// Send a request that nobody waits for.
    Async { site: u32 },
    /// Hand the request on: another endpoint answers its caller.
    Forward { site: u32 },
    /// Send the answer, of this size, and go on.
    Reply { bytes: u64 },
    /// Look into a cache; go on at `miss` unless it hits.
    Look { cache: u32, miss: u32, draw: u32 },
    /// For a watched scenario: note something.
    Note(Note),
    /// Go on at one of the targets by cumulative weight (the last is 1).
    Choose { targets: Run, draw: u32 },
    /// With chance `1 - chance` go on at `target`.
    Skip { chance: f64, target: u32, draw: u32 },
    /// Go on at `target`.
    Jump { target: u32 },
    /// Draw how often the loop runs; go on at `end` when never.
    LoopStart {
        level: u8,
        times: u32,
        end: u32,
        draw: u32,
    },
    /// Once more from `body`, or on.
    LoopEnd { level: u8, body: u32 },
    /// Go on at `target` unless the caller has to ask for the name of a service first.
    Resolve { service: ServiceId, target: u32 },
    /// The caller has its answer.
    Resolved { service: ServiceId },
    /// A replica has done its part of the set-up of a connection.
    Connected,
    /// The program has ended.
    End,
}

/// How branches are gathered.
#[derive(Clone, Copy, Debug)]
pub struct Gather {
    /// How many must succeed; `None`: all.
    pub join: Option<u32>,
    /// Distribution of the number of copies, with the ordinal of its draw.
    pub fanout: Option<(u32, u32)>,
}

const _: () = assert!(size_of::<Op>() <= 24, "operations are small");

/// All programs of a scenario.
#[derive(Default)]
pub struct Programs {
    /// Operations of all programs.
    pub ops: Vec<Op>,
    /// Call sites of all programs.
    pub sites: Vec<Site>,
    /// First operation of each endpoint.
    pub endpoints: Vec<u32>,
    /// First operation of each journey.
    pub journeys: Vec<u32>,
    /// What operations draw from.
    pub laws: Vec<Law>,
    /// Branches of forks: key part and first operation.
    pub branches: Vec<(u64, u32)>,
    /// Targets of choices: cumulative weight and operation.
    pub targets: Vec<(f64, u32)>,
    /// Groups of clients.
    pub clients: Vec<Group>,
    /// How branches are gathered where not all of them are waited for.
    pub gathers: Vec<Gather>,
    /// Operation at which a replica goes on after the work of a set-up.
    pub connected: u32,
    /// Whose program is compiled; `None`: the users'.
    caller: Option<ServiceId>,
    /// Whether operations note what they do: only where the scenario has sections.
    watched: bool,
    /// Sections around what is being compiled.
    sections: u8,
}

impl Programs {
    /// Compiles the programs of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let mut programs = Self {
            watched: !scenario.sections.is_empty(),
            ..Self::default()
        };
        programs.ops.push(Op::Connected);
        for endpoint in &scenario.endpoints {
            programs.caller = Some(endpoint.service);
            let start = programs.ops.len() as u32;
            programs.note(Note::Begun);
            programs.compile(scenario, &endpoint.steps);
            programs.endpoints.push(start);
        }
        programs.caller = None;
        for journey in &scenario.journeys {
            let start = programs.compile(scenario, &journey.steps);
            programs.journeys.push(start);
        }
        for site in &mut programs.sites {
            site.start = programs.endpoints[site.endpoint.index()];
            if site.traits.has(Traits::MANAGED) {
                let group = Group::of(site.service, &site.policy);
                let known = programs.clients.iter().position(|other| *other == group);
                site.client = known.unwrap_or(programs.clients.len()) as u32;
                if known.is_none() {
                    programs.clients.push(group);
                }
            }
        }
        programs
    }

    fn distribution(&mut self, distribution: &Distribution) -> u32 {
        self.laws.push(Law::of(distribution));
        (self.laws.len() - 1) as u32
    }

    fn note(&mut self, note: Note) {
        if self.watched {
            self.ops.push(Op::Note(note));
        }
    }

    fn site(&mut self, scenario: &Scenario, call: &Call) -> u32 {
        self.sites.push(site_of(scenario, call));
        (self.sites.len() - 1) as u32
    }

    fn compile(&mut self, scenario: &Scenario, steps: &[Step]) -> u32 {
        let mut pending = Pending {
            draws: 0,
            instead: INSTEAD,
            forks: Vec::new(),
        };
        let start = self.ops.len() as u32;
        self.steps(scenario, steps, 0, &mut pending);
        self.ops.push(Op::End);
        for (at, branches, plan) in pending.forks {
            let compiled: Vec<_> = branches
                .iter()
                .enumerate()
                .map(|(number, branch)| {
                    (branch_name(branch, number), self.compile(scenario, branch))
                })
                .collect();
            let branches = Run {
                first: self.branches.len() as u32,
                count: compiled.len() as u32,
            };
            self.branches.extend(compiled);
            self.ops[at as usize] = match plan {
                Some(plan) => Op::Gather { branches, plan },
                None => Op::Fork { branches },
            };
        }
        start
    }

    fn steps(&mut self, scenario: &Scenario, steps: &[Step], level: usize, pending: &mut Pending) {
        for step in steps {
            self.step(scenario, step, level, pending);
        }
    }

    fn step(&mut self, scenario: &Scenario, step: &Step, level: usize, pending: &mut Pending) {
        let skip = (step.chance < 1.0).then(|| self.hole());
        match &step.times {
            Some(_) if level >= MAX_LOOPS => {
                let at = self.hole();
                let inner = Step {
                    chance: 1.0,
                    ..step.clone()
                };
                pending.forks.push((at, vec![vec![inner]], None));
            }
            Some(times) => {
                let draw = pending.draw();
                let start = self.hole();
                self.plain(scenario, &step.kind, level + 1, pending);
                self.ops.push(Op::LoopEnd {
                    level: level as u8,
                    body: start + 1,
                });
                let (end, times) = (self.ops.len() as u32, self.distribution(times));
                self.ops[start as usize] = Op::LoopStart {
                    level: level as u8,
                    times,
                    end,
                    draw,
                };
            }
            None => self.plain(scenario, &step.kind, level, pending),
        }
        if let Some(at) = skip {
            let (target, draw) = (self.ops.len() as u32, pending.draw());
            self.ops[at as usize] = Op::Skip {
                chance: step.chance,
                target,
                draw,
            };
        }
    }

    fn plain(&mut self, scenario: &Scenario, kind: &StepKind, level: usize, pending: &mut Pending) {
        match kind {
            StepKind::Work(demand) => {
                let (demand, draw) = (self.distribution(demand), pending.draw());
                self.note(Note::WorkBegins);
                self.ops.push(Op::Work { demand, draw });
                self.note(Note::WorkEnded);
            }
            StepKind::Wait(time) => {
                let (time, draw) = (self.distribution(time), pending.draw());
                self.ops.push(Op::Wait { time, draw });
            }
            StepKind::Call(call) => {
                self.resolution(scenario, call);
                let site = self.site(scenario, call);
                self.ops.push(Op::Call { site, to: ANYWHERE });
                if !call.fallback.is_empty() {
                    let over = self.hole();
                    // Their draws come from a range of their own: what follows the call keeps its draws.
                    let nested = pending.draws >= INSTEAD;
                    let draws = pending.draws;
                    if !nested {
                        pending.draws = pending.instead;
                    }
                    self.steps(scenario, &call.fallback, level, pending);
                    if !nested {
                        pending.instead = std::mem::replace(&mut pending.draws, draws);
                    }
                    self.ops[over as usize] = Op::Jump {
                        target: self.ops.len() as u32,
                    };
                }
            }
            StepKind::Async(call) => {
                self.resolution(scenario, call);
                let site = self.site(scenario, call);
                self.ops.push(Op::Async { site });
            }
            StepKind::Forward(call) => {
                self.resolution(scenario, call);
                let site = self.site(scenario, call);
                self.ops.push(Op::Forward { site });
            }
            StepKind::Reply(bytes) => self.ops.push(Op::Reply { bytes: bytes.0 }),
            StepKind::Parallel(parallel) => self.parallel(parallel, pending),
            StepKind::Do(steps) => self.steps(scenario, steps, level, pending),
            StepKind::Section(section, steps) => {
                let part = self.sections;
                self.note(Note::SectionBegins { part });
                self.sections = (part + 1).min(MAX_SECTIONS as u8 - 1);
                self.steps(scenario, steps, level, pending);
                self.sections = part;
                let section = section.0;
                self.note(Note::SectionEnds { part, section });
            }
            StepKind::Choose(options) => self.choose(scenario, options, level, pending),
            StepKind::Cache(look) => {
                let (at, draw) = (self.hole(), pending.draw());
                self.steps(scenario, &look.hit, level, pending);
                let exit = self.hole();
                let (cache, miss) = (look.cache.0, self.ops.len() as u32);
                self.ops[at as usize] = Op::Look { cache, miss, draw };
                self.steps(scenario, &look.miss, level, pending);
                let target = self.ops.len() as u32;
                self.ops[exit as usize] = Op::Jump { target };
            }
        }
    }

    /// The queries for a callee's name before a call, where names are resolved.
    fn resolution(&mut self, scenario: &Scenario, call: &Call) {
        let service = scenario.endpoint(call.endpoint).service;
        let called = scenario.service(service);
        let resolve = called
            .connections
            .as_ref()
            .and_then(|one| one.resolve.as_ref());
        let (Some(resolve), Some(caller), false) = (resolve, self.caller, called.queue.shared)
        else {
            return;
        };
        let answers = scenario.endpoint(resolve.via).service;
        let edge = scenario
            .edges
            .iter()
            .position(|edge| edge.caller == Some(caller) && edge.callee == answers);
        let at = self.hole();
        for number in 0..resolve.queries {
            let query = Call {
                endpoint: resolve.via,
                site: format!("{}/resolve#{number}", call.site),
                edge: EdgeId::from_index(edge.expect("resolutions have edges")),
                sends: QUERY,
                hidden: false,
                policy: resolve.policy.clone(),
                fallback: Vec::new(),
            };
            let site = self.site(scenario, &query);
            self.ops.push(Op::Call { site, to: ANYWHERE });
        }
        self.ops.push(Op::Resolved { service });
        let target = self.ops.len() as u32;
        self.ops[at as usize] = Op::Resolve { service, target };
    }

    fn parallel(&mut self, parallel: &Parallel, pending: &mut Pending) {
        let at = self.hole();
        let plain = parallel.join.is_none() && parallel.fanout.is_none();
        let plan = (!plain).then(|| {
            let fanout = parallel
                .fanout
                .as_ref()
                .map(|copies| (self.distribution(copies), pending.draw()));
            self.gathers.push(Gather {
                join: parallel.join,
                fanout,
            });
            (self.gathers.len() - 1) as u32
        });
        let branches = parallel.branches.iter();
        let branches = branches.map(|branch| vec![branch.clone()]).collect();
        pending.forks.push((at, branches, plan));
    }

    fn choose(
        &mut self,
        scenario: &Scenario,
        options: &[(f64, Vec<Step>)],
        level: usize,
        pending: &mut Pending,
    ) {
        let total: f64 = options.iter().map(|option| option.0).sum();
        let draw = pending.draw();
        let at = self.hole();
        let (mut targets, mut exits, mut cumulative) = (Vec::new(), Vec::new(), 0.0);
        for (weight, steps) in options {
            cumulative += weight / total;
            targets.push((cumulative, self.ops.len() as u32));
            self.steps(scenario, steps, level, pending);
            exits.push(self.hole());
        }
        if let Some(last) = targets.last_mut() {
            last.0 = 1.0;
        }
        let target = self.ops.len() as u32;
        for exit in exits {
            self.ops[exit as usize] = Op::Jump { target };
        }
        self.ops[at as usize] = if targets.is_empty() {
            Op::Jump { target }
        } else {
            let run = Run {
                first: self.targets.len() as u32,
                count: targets.len() as u32,
            };
            self.targets.extend(targets);
            Op::Choose { targets: run, draw }
        };
    }

    /// Reserves an operation whose target is not known yet.
    fn hole(&mut self) -> u32 {
        self.ops.push(Op::End);
        (self.ops.len() - 1) as u32
    }
}

/// What is still open while one program is compiled.
struct Pending {
    draws: u32,
    /// Draws of steps that are done instead of failed calls.
    instead: u32,
    forks: Vec<(u32, Vec<Vec<Step>>, Option<u32>)>,
}

impl Pending {
    fn draw(&mut self) -> u32 {
        self.draws += 1;
        self.draws - 1
    }
}

/// A branch is named after the first call in it, so that a branch added before it leaves its draws alone.
fn branch_name(steps: &[Step], number: usize) -> u64 {
    fn first_call(steps: &[Step]) -> Option<&str> {
        steps.iter().find_map(|step| match &step.kind {
            StepKind::Call(call) => Some(call.site.as_str()),
            StepKind::Async(call) | StepKind::Forward(call) => Some(call.site.as_str()),
            kind => kind
                .parts(&|_| 1.0)
                .iter()
                .find_map(|(_, steps)| first_call(steps)),
        })
    }
    hash64("branch") ^ first_call(steps).map_or(number as u64, hash64)
}
