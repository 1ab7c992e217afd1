//! What does not change during a run: who calls whom, in an order, and what a request to each endpoint asks for.

use std::sync::Arc;

use crate::model::{Balancer, Distribution, Scenario};
use crate::queueing::{StationTable, visits};
use crate::units::SimTime;
use crate::world::data::flow::clients;
use crate::world::data::rates::{
    Leaf, endpoint_calls, journey_rates, mix_shares, program_calls, walk,
};

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
    /// By service: requests that come with one another because one user action makes them, mean over requests.
    pub bunches: Vec<f64>,
    /// By service: how long its callers wait, seconds, when all of them take back the work that they gave up on.
    pub patience: Vec<Option<f64>>,
    /// By source (endpoints, then journeys): services that it calls, with its part of all calls to each.
    pub shares: Vec<Vec<(u32, f64)>>,
    /// By service: measured waits, where there are any; empty without.
    pub tables: Vec<Option<Arc<StationTable>>>,
    /// By source: whether limits on what is under way make its calls depend on its rate.
    pub limited: Vec<bool>,
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
            tables: Vec::new(),
        }
    }
}

impl Jobs {
    /// Sums for now: `finish` turns them into means.
    fn add(&mut self, factor: f64, demand: &Distribution) {
        let mean = demand.mean();
        let scv = if demand.as_constant().is_some() {
            0.0
        } else {
            demand.scv()
        };
        self.count += factor;
        self.mean += factor * mean;
        self.second += factor * mean * mean * (1.0 + scv);
    }

    fn finish(&mut self) {
        if self.count > 0.0 {
            self.mean /= self.count;
            self.second /= self.count;
        }
    }
}

/// An action's requests to a service arrive together, so a count of requests varies as that of actions does: by the
/// mean over actions of their squared number over their mean number (a compound Poisson count).
fn bunches(scenario: &Scenario) -> Vec<f64> {
    let (endpoints, journeys) = (scenario.endpoints.len(), scenario.journeys.len());
    let rates = journey_rates(scenario, SimTime::ZERO, &vec![0.0; journeys]);
    let calls = endpoint_calls(scenario);
    let mut sums = vec![(0.0, 0.0); scenario.services.len()];
    for (journey, rate) in scenario.journeys.iter().zip(&rates) {
        let mut entries = vec![0.0; endpoints];
        for (endpoint, mean) in program_calls(scenario, &journey.steps) {
            entries[endpoint] += mean;
        }
        let mut of_service = vec![0.0; sums.len()];
        for (endpoint, mean) in visits(&entries, &calls, endpoints).into_iter().enumerate() {
            of_service[scenario.endpoints[endpoint].service.index()] += mean;
        }
        for ((first, second), mean) in sums.iter_mut().zip(of_service) {
            if mean.is_finite() {
                *first += rate * mean;
                *second += rate * mean * mean;
            }
        }
    }
    sums.into_iter()
        .map(|(first, second)| {
            if first > 0.0 {
                (second / first).max(1.0)
            } else {
                1.0
            }
        })
        .collect()
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
