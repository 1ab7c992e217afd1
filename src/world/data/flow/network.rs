//! What does not change during a run: who calls whom, in an order, and what a request to each endpoint asks for.

use std::sync::Arc;

use crate::model::{Balancer, Distribution, Journey, LoadKind, Scenario};
use crate::queueing::{StationTable, visits};
use crate::units::SimTime;
use crate::world::data::flow::clients;
use crate::world::data::rates::{Leaf, endpoint_calls, load_rate, mix_shares, program_calls, walk};

/// The call graph of endpoints, compiled for the solver.
#[derive(Clone, Debug)]
pub struct Network {
    /// By endpoint: its position in an order in which callees come before callers, but for cycles.
    pub rank: Vec<u32>,
    /// By endpoint: endpoints that call it.
    pub callers: Vec<Vec<u32>>,
    /// By endpoint: journeys that call it.
    pub entries: Vec<Vec<u32>>,
    /// By endpoint: its own jobs.
    pub jobs: Vec<Jobs>,
    /// By load: shares of its journeys.
    pub mixes: Vec<Vec<f64>>,
    /// By service: how its callers balance.
    pub balancers: Vec<Balancer>,
    /// By service: how its requests come together.
    pub bunches: Vec<Bunch>,
    /// By service: how long its callers wait, seconds, when all of them take back the work that they gave up on.
    pub patience: Vec<Option<f64>>,
    /// By source (endpoints, then journeys): services that it calls, with its part of all calls to each.
    pub shares: Vec<Vec<(u32, f64)>>,
    /// By service: measured waits, where there are any; empty without.
    pub tables: Vec<Option<Arc<StationTable>>>,
    /// By service: loads of closed users that come to it, with the square of their part of all its requests.
    pub crowds: Vec<Vec<(u32, f64)>>,
    /// By service: whether some of its callers have a limited number of slots.
    pub slotted: Vec<bool>,
    /// By source: whether limits on what is under way make its calls depend on its rate.
    pub limited: Vec<bool>,
}

/// How requests come together, and how much steadier closed users are than chance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bunch {
    /// Requests that come with one another because one user action makes them, mean over requests.
    size: f64,
    /// What closed users take off that over spans that are long against their cycles.
    steady: f64,
    /// Mean think time of those users, seconds.
    cycle: f64,
}

impl Bunch {
    /// Variance over mean of the number of requests in a span of so many seconds.
    pub fn dispersion(&self, span: f64) -> f64 {
        let part = if self.cycle > 0.0 {
            (span / self.cycle).min(1.0)
        } else {
            1.0
        };
        (self.size - part * self.steady).max(0.0)
    }
}

/// Processor jobs of one request to an endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jobs {
    /// Mean number.
    pub count: f64,
    /// Mean demand of one at nominal speed, seconds.
    pub mean: f64,
    /// Second moment of that demand, seconds squared.
    pub second: f64,
}

impl Network {
    /// Reads the scenario once.
    pub fn new(scenario: &Scenario) -> Self {
        let n = scenario.endpoints.len();
        let (mut callers, mut entries) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        let mut callees = vec![Vec::new(); n];
        let mut balancers = vec![None; scenario.services.len()];
        let mut jobs = vec![Jobs::default(); n];
        for (caller, endpoint) in scenario.endpoints.iter().enumerate() {
            walk(
                scenario,
                &endpoint.steps,
                1.0,
                &mut |leaf, factor| match leaf {
                    Leaf::Call(call) => {
                        let callee = call.endpoint.index();
                        add_once(&mut callers[callee], caller as u32);
                        add_once(&mut callees[caller], callee as u32);
                        balancers[scenario.endpoint(call.endpoint).service.index()]
                            .get_or_insert(call.policy.balance.rule);
                    }
                    Leaf::Work(demand) => jobs[caller].add(factor, demand),
                    Leaf::Wait(_) => {}
                },
            );
            jobs[caller].finish();
        }
        for (index, journey) in scenario.journeys.iter().enumerate() {
            walk(scenario, &journey.steps, 1.0, &mut |leaf, _| {
                if let Leaf::Call(call) = leaf {
                    add_once(&mut entries[call.endpoint.index()], index as u32);
                    balancers[scenario.endpoint(call.endpoint).service.index()]
                        .get_or_insert(call.policy.balance.rule);
                }
            });
        }
        let mixes = scenario.loads.iter();
        Self {
            rank: callees_first(&callees),
            callers,
            entries,
            jobs,
            mixes: mixes
                .map(|load| mix_shares(load, scenario.journeys.len()))
                .collect(),
            balancers: balancers
                .into_iter()
                .map(|found| found.unwrap_or(Balancer::LeastRequest))
                .collect(),
            bunches: bunches(scenario),
            patience: clients::patience(scenario),
            shares: clients::caller_shares(scenario),
            limited: clients::limited(scenario),
            crowds: clients::crowds(scenario),
            slotted: clients::slotted(scenario),
            tables: Vec::new(),
        }
    }
}

impl Jobs {
    /// Sums for now: `finish` turns them into means.
    fn add(&mut self, factor: f64, demand: &Distribution) {
        let mean = demand.mean();
        self.count += factor;
        self.mean += factor * mean;
        self.second += factor * mean * mean * (1.0 + scv(demand));
    }

    fn finish(&mut self) {
        if self.count > 0.0 {
            self.mean /= self.count;
            self.second /= self.count;
        }
    }
}

/// An action's requests to a service arrive together, so a count of requests varies as that of actions does: by the
/// mean over actions of their squared number over their mean number (a compound Poisson count). Closed users act at
/// renewals: of their actions' own variance the square of the thinking's coefficient of variation is left (Cox,
/// Renewal Theory, 4.5), while what each action does still varies.
fn bunches(scenario: &Scenario) -> Vec<Bunch> {
    let endpoints = scenario.endpoints.len();
    let calls = endpoint_calls(scenario);
    let of_journey = |journey: &Journey| {
        let mut entries = vec![0.0; endpoints];
        for (endpoint, mean) in program_calls(scenario, &journey.steps) {
            entries[endpoint] += mean;
        }
        let mut of_service = vec![0.0; scenario.services.len()];
        for (endpoint, mean) in visits(&entries, &calls, endpoints).into_iter().enumerate() {
            if mean.is_finite() {
                of_service[scenario.endpoints[endpoint].service.index()] += mean;
            }
        }
        of_service
    };
    let requests: Vec<Vec<f64>> = scenario.journeys.iter().map(of_journey).collect();
    let mut sums = vec![(0.0, Bunch::default()); scenario.services.len()];
    for load in &scenario.loads {
        let rate = load_rate(load, &scenario.clock, SimTime::ZERO, 0.0);
        let shares = mix_shares(load, requests.len());
        for (service, (sum, bunch)) in sums.iter_mut().enumerate() {
            let of_service = || {
                shares
                    .iter()
                    .zip(&requests)
                    .map(|(share, of)| (*share, of[service]))
            };
            let mean: f64 = of_service().map(|(share, count)| share * count).sum();
            *sum += rate * mean;
            bunch.size += rate
                * of_service()
                    .map(|(share, count)| share * count * count)
                    .sum::<f64>();
            if let LoadKind::Closed { think, .. } = &load.kind {
                let steady = rate * (1.0 - scv(think)).clamp(0.0, 1.0) * mean * mean;
                bunch.steady += steady;
                bunch.cycle += steady * think.mean();
            }
        }
    }
    let means = |(sum, bunch): (f64, Bunch)| {
        let size = if sum > 0.0 {
            (bunch.size / sum).max(1.0)
        } else {
            1.0
        };
        let steady = if sum > 0.0 { bunch.steady / sum } else { 0.0 };
        let cycle = if bunch.steady > 0.0 {
            bunch.cycle / bunch.steady
        } else {
            0.0
        };
        Bunch {
            size,
            steady,
            cycle,
        }
    };
    sums.into_iter().map(means).collect()
}

fn scv(law: &Distribution) -> f64 {
    if law.as_constant().is_some() {
        0.0
    } else {
        law.scv()
    }
}

fn add_once(list: &mut Vec<u32>, item: u32) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// By endpoint its position in depth-first order of return.
fn callees_first(callees: &[Vec<u32>]) -> Vec<u32> {
    let n = callees.len();
    let (mut rank, mut next_rank, mut met) = (vec![0; n], 0, vec![false; n]);
    for root in 0..n {
        if std::mem::replace(&mut met[root], true) {
            continue;
        }
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            if let Some(callee) = callees[*node].get(*next).map(|callee| *callee as usize) {
                *next += 1;
                if !std::mem::replace(&mut met[callee], true) {
                    path.push((callee, 0));
                }
            } else {
                rank[*node] = next_rank;
                next_rank += 1;
                path.pop();
            }
        }
    }
    rank
}
