//! The operating point at one level of load: rates, waits and answers that agree with one another.

use crate::model::{Balancer, LoadKind, Scenario};
use crate::queueing::visits;
use crate::units::SimTime;
use crate::world::contract::{OUTCOMES, Outcome};
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::program::{Answer, Route, Surroundings, Tally};
use crate::world::data::flow::station::{Offered, Serving, StationPoint};
use crate::world::data::rates::{Leaf, endpoint_calls, load_rate, mix_shares, walk};

/// Rounds of the fixed point at most; a warm start needs three or four.
const ROUNDS: usize = 60;

/// What does not change during a run.
pub struct Fixed {
    /// Endpoints, callees before callers where there is no cycle.
    order: Vec<usize>,
    /// By endpoint: jobs a request, mean demand of a job, its second moment.
    jobs: Vec<(f64, f64, f64)>,
    /// By load: shares of its journeys.
    mixes: Vec<Vec<f64>>,
    /// By service: how its callers balance.
    balancers: Vec<Balancer>,
}

/// The operating point. Rates are per second.
#[derive(Clone, Debug, Default)]
pub struct Point {
    /// By station.
    pub stations: Vec<StationPoint>,
    /// By station.
    pub offered: Vec<Offered>,
    /// By station: response of a request from arrival to departure.
    pub response: Vec<Moments>,
    /// By endpoint times clusters.
    pub answers: Vec<Answer>,
    /// By endpoint times clusters.
    pub rates: Vec<f64>,
    /// By journey.
    pub journeys: Vec<Answer>,
    /// By `load * journeys + journey`.
    pub actions: Vec<f64>,
    /// Calls with `attempts` and all else per second.
    pub calls: Vec<Tally>,
}

impl Fixed {
    /// Reads the scenario once.
    pub fn new(scenario: &Scenario) -> Self {
        let jobs = scenario.endpoints.iter().map(|endpoint| {
            let (mut count, mut sum, mut second) = (0.0, 0.0, 0.0);
            walk(scenario, &endpoint.steps, 1.0, &mut |leaf, factor| {
                if let Leaf::Work(demand) = leaf {
                    let mean = demand.mean();
                    let scv = if demand.as_constant().is_some() {
                        0.0
                    } else {
                        demand.scv()
                    };
                    count += factor;
                    sum += factor * mean;
                    second += factor * mean * mean * (1.0 + scv);
                }
            });
            if count > 0.0 {
                (count, sum / count, second / count)
            } else {
                (0.0, 0.0, 0.0)
            }
        });
        let mut balancers = vec![None; scenario.services.len()];
        let programs = scenario
            .journeys
            .iter()
            .map(|journey| &journey.steps)
            .chain(scenario.endpoints.iter().map(|endpoint| &endpoint.steps));
        for steps in programs {
            walk(scenario, steps, 1.0, &mut |leaf, _| {
                if let Leaf::Call(call) = leaf {
                    balancers[scenario.endpoint(call.endpoint).service.index()]
                        .get_or_insert(call.policy.balance.rule);
                }
            });
        }
        Self {
            order: callees_first(scenario),
            jobs: jobs.collect(),
            mixes: scenario
                .loads
                .iter()
                .map(|load| mix_shares(load, scenario.journeys.len()))
                .collect(),
            balancers: balancers
                .into_iter()
                .map(|found| found.unwrap_or(Balancer::LeastRequest))
                .collect(),
        }
    }
}

fn callees_first(scenario: &Scenario) -> Vec<usize> {
    let n = scenario.endpoints.len();
    let calls = endpoint_calls(scenario);
    let mut callees = vec![Vec::new(); n];
    for (caller, callee, _) in calls {
        callees[caller].push(callee);
    }
    let (mut order, mut met) = (Vec::with_capacity(n), vec![false; n]);
    for root in 0..n {
        let mut path = vec![(root, 0)];
        if std::mem::replace(&mut met[root], true) {
            continue;
        }
        while let Some((node, next)) = path.last_mut() {
            if let Some(callee) = callees[*node].get(*next).copied() {
                *next += 1;
                if !std::mem::replace(&mut met[callee], true) {
                    path.push((callee, 0));
                }
            } else {
                order.push(*node);
                path.pop();
            }
        }
    }
    order
}

impl Point {
    /// A point without traffic.
    pub fn new(scenario: &Scenario) -> Self {
        let clusters = scenario.clusters.len();
        let stations = scenario.services.len() * clusters;
        let nodes = scenario.endpoints.len() * clusters;
        let mut ok = Answer::default();
        ok.outcomes[0] = 1.0;
        Self {
            stations: vec![
                StationPoint {
                    stretch: 1.0,
                    ..StationPoint::default()
                };
                stations
            ],
            offered: vec![Offered::default(); stations],
            response: vec![Moments::default(); stations],
            answers: vec![ok; nodes],
            rates: vec![0.0; nodes],
            journeys: vec![ok; scenario.journeys.len()],
            actions: vec![0.0; scenario.loads.len() * scenario.journeys.len()],
            calls: Vec::new(),
        }
    }

    /// Finds the point at `at`, starting from this one.
    pub fn solve(
        &mut self,
        scenario: &Scenario,
        fixed: &Fixed,
        routes: &[Option<Route>],
        serving: &[Serving],
        backlog: &[f64],
        at: SimTime,
    ) {
        for round in 0..ROUNDS {
            let before: Vec<f64> = self
                .journeys
                .iter()
                .map(|answer| answer.time.mean)
                .chain(self.actions.iter().copied())
                .chain(self.rates.iter().copied())
                .collect();
            self.round(scenario, fixed, routes, serving, backlog, at);
            let after = self
                .journeys
                .iter()
                .map(|answer| answer.time.mean)
                .chain(self.actions.iter().copied())
                .chain(self.rates.iter().copied());
            let settled = before
                .iter()
                .zip(after)
                .all(|(before, after)| (before - after).abs() <= 1e-5 * after.abs() + 1e-9);
            if settled && round > 0 {
                break;
            }
        }
    }

    fn round(
        &mut self,
        scenario: &Scenario,
        fixed: &Fixed,
        routes: &[Option<Route>],
        serving: &[Serving],
        backlog: &[f64],
        at: SimTime,
    ) {
        let clusters = scenario.clusters.len();
        let mut tallies: Vec<(usize, Vec<Tally>)> = Vec::new();
        for endpoint in &fixed.order {
            for cluster in 0..clusters {
                let station = scenario.endpoints[*endpoint].service.index() * clusters + cluster;
                if serving[station].usable > 0.0 {
                    let node = *endpoint * clusters + cluster;
                    let mut calls = Vec::new();
                    self.answers[node] =
                        self.request(scenario, routes, serving, *endpoint, cluster, &mut calls);
                    tallies.push((node, calls));
                }
            }
        }
        let around = Surroundings {
            scenario,
            routes,
            serving,
            stations: &self.stations,
            answers: &self.answers,
        };
        let mut entries = vec![0.0; self.rates.len()];
        let mut entry_calls = Vec::new();
        let mut answers = Vec::with_capacity(self.journeys.len());
        for journey in &scenario.journeys {
            let mut calls = Vec::new();
            answers.push(around.run(&journey.steps, 0, 0, 1.0, &mut calls));
            entry_calls.push(calls);
        }
        self.journeys = answers;
        self.issue(scenario, fixed, at);
        self.calls.clear();
        for (index, calls) in entry_calls.iter().enumerate() {
            let rate: f64 = self
                .actions
                .iter()
                .skip(index)
                .step_by(scenario.journeys.len())
                .sum();
            for call in calls {
                entries[call.endpoint * clusters + call.places.1 - 1] += rate * call.arrived;
                self.calls.push(at_rate(call, rate));
            }
        }
        let inner: Vec<_> = tallies
            .iter()
            .flat_map(|(node, calls)| {
                calls.iter().map(move |call| {
                    (
                        *node,
                        call.endpoint * clusters + call.places.1 - 1,
                        call.arrived,
                    )
                })
            })
            .collect();
        self.rates = visits(&entries, &inner, entries.len());
        // Calls that breed calls without end: as many as any machine could take, so that nothing is infinite.
        self.rates.iter_mut().for_each(|rate| *rate = rate.min(1e9));
        for (node, calls) in &tallies {
            self.calls
                .extend(calls.iter().map(|call| at_rate(call, self.rates[*node])));
        }
        self.load_stations(scenario, fixed, serving, backlog);
    }

    /// Actions per second; closed loads move halfway to `users / (think + response)`, which settles them.
    fn issue(&mut self, scenario: &Scenario, fixed: &Fixed, at: SimTime) {
        let journeys = scenario.journeys.len();
        for (index, load) in scenario.loads.iter().enumerate() {
            let mix = &fixed.mixes[index];
            let response: f64 = mix
                .iter()
                .zip(&self.journeys)
                .map(|(share, answer)| share * answer.time.mean)
                .sum();
            let rate = load_rate(load, &scenario.clock, at, response);
            for (journey, share) in mix.iter().enumerate() {
                let action = &mut self.actions[index * journeys + journey];
                let wanted = rate * share;
                *action = if matches!(load.kind, LoadKind::Closed { .. }) && *action > 0.0 {
                    0.5 * (*action + wanted)
                } else {
                    wanted
                };
            }
        }
    }

    fn request(
        &self,
        scenario: &Scenario,
        routes: &[Option<Route>],
        serving: &[Serving],
        endpoint: usize,
        cluster: usize,
        calls: &mut Vec<Tally>,
    ) -> Answer {
        let described = &scenario.endpoints[endpoint];
        let station = described.service.index() * scenario.clusters.len() + cluster;
        let around = Surroundings {
            scenario,
            routes,
            serving,
            stations: &self.stations,
            answers: &self.answers,
        };
        let run = around.run(&described.steps, cluster + 1, station, 1.0, calls);
        let mut outcomes = [0.0; OUTCOMES];
        outcomes[0] = run.outcomes[0] * (1.0 - described.error_ratio);
        outcomes[Outcome::Error as usize] = 1.0 - outcomes[0];
        Answer {
            time: self.stations[station].slot_wait.then(run.time),
            outcomes,
            ..run
        }
    }

    fn load_stations(
        &mut self,
        scenario: &Scenario,
        fixed: &Fixed,
        serving: &[Serving],
        backlog: &[f64],
    ) {
        let clusters = scenario.clusters.len();
        for (index, service) in scenario.services.iter().enumerate() {
            for cluster in 0..clusters {
                let station = index * clusters + cluster;
                let mut offered = Offered::default();
                let (mut demand, mut second, mut parts) = (0.0, 0.0, Vec::new());
                let mut after = 0.0;
                for endpoint in &service.endpoints {
                    let node = endpoint.index() * clusters + cluster;
                    let rate = self.rates[node];
                    let (jobs, mean, square) = fixed.jobs[endpoint.index()];
                    offered.requests += rate;
                    offered.jobs += rate * jobs;
                    demand += rate * jobs * mean;
                    second += rate * jobs * square;
                    parts.push((rate, self.answers[node].time));
                    after += rate * self.answers[node].after;
                }
                if offered.requests > 0.0 {
                    parts
                        .iter_mut()
                        .for_each(|(share, _)| *share /= offered.requests);
                    self.response[station] = Moments::mixture(&parts);
                    offered.hold = (self.response[station].mean
                        - self.stations[station].slot_wait.mean)
                        .max(0.0)
                        + after / offered.requests;
                }
                if demand > 0.0 {
                    offered.demand = demand / offered.jobs;
                    offered.scv =
                        (second / offered.jobs / (offered.demand * offered.demand) - 1.0).max(0.0);
                }
                self.offered[station] = offered;
                self.stations[station] = StationPoint::new(
                    service,
                    serving[station],
                    offered,
                    fixed.balancers[index],
                    backlog[station],
                );
            }
        }
    }
}

fn at_rate(call: &Tally, rate: f64) -> Tally {
    let mut call = *call;
    call.attempts *= rate;
    call.arrived *= rate;
    call.bytes = (call.bytes.0 * rate, call.bytes.1 * rate);
    call.ended.iter_mut().for_each(|share| *share *= rate);
    call
}
