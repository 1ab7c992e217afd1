//! The operating point: rates, waits and answers that agree with one another, kept up to date piece by piece.
//!
//! A change (a level of load, a replica, a weight, a backlog) marks what depends on it. Marked stations and answers
//! are recomputed from callees to callers, marked rates from callers to callees, and what moves by less than a
//! tolerance marks nothing further: where nothing changes, nothing is computed. The slow twin in the tests recomputes
//! everything until it settles. Where waits make callers give up and try again, the point depends on where it came
//! from, as it does in life: an overload may outlive its cause.

mod crowds;
mod holds;
mod rates;

use std::collections::BTreeSet;

use crate::model::{LinkFault, LoadKind, Scenario};
use crate::units::SimTime;
use crate::world::contract::{OUTCOMES, Outcome};
use crate::world::data::flow::caches::Caches;
use crate::world::data::flow::expected::Expected;
use crate::world::data::flow::gather::Gathered;
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::network::Network;
use crate::world::data::flow::point::holds::Holds;
use crate::world::data::flow::program::{Answer, Caller, Route, Surroundings, Tally};
use crate::world::data::flow::station::{Offered, Serving, StationPoint};
use crate::world::data::flow::wires::{Crossing, Wires};

/// Sweeps up and down at most; a small change needs two.
const SWEEPS: usize = 60;
/// Times that move by less than this share mark nothing.
pub const TIME: f64 = 1e-3;
/// Rates that move by less than this share mark nothing.
const RATE: f64 = 1e-4;

/// What the point is found for; it does not change while it is found.
pub struct Around<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Its call graph.
    pub network: &'a Network,
    /// By service.
    pub routes: &'a [Option<Route>],
    /// By hop: what is wrong with it; empty while nothing is.
    pub links: &'a [LinkFault],
    /// How warm caches are.
    pub caches: &'a Caches,
    /// Now.
    pub now: SimTime,
    /// The instant whose load holds.
    pub at: SimTime,
}

impl Around<'_> {
    /// Position of a source's program among endpoints, then journeys.
    fn program(&self, source: usize) -> usize {
        let (endpoints, clusters) = (self.scenario.endpoints.len(), self.scenario.clusters.len());
        match source.checked_sub(endpoints * clusters) {
            Some(journey) => endpoints + journey,
            None => source / clusters,
        }
    }
}

/// Whoever makes calls: an endpoint in a cluster, or a journey.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Runs of its program a second.
    pub rate: f64,
    /// Calls of one run.
    pub calls: Vec<Tally>,
    /// What it has told the callees: node, requests a second.
    sent: Vec<(u32, f64)>,
    /// Rate at which it told them.
    sent_rate: f64,
    /// What it sends over hops with a bandwidth.
    pub crossings: Vec<Crossing>,
    /// Rate for which its calls were found.
    answered_rate: f64,
    /// Since when its calls have not been gathered.
    pub since: SimTime,
    /// Runs until then whose calls have not been told.
    pub untold: f64,
}

impl Source {
    /// Requests a second that it has told a node.
    fn sent_to(&self, node: u32) -> f64 {
        let told = self.sent.iter().find(|(other, _)| *other == node);
        told.map_or(0.0, |(_, rate)| *rate)
    }
}

/// The operating point. Rates are per second.
#[derive(Clone, Debug)]
pub struct Point {
    /// By station.
    pub stations: Vec<StationPoint>,
    /// By station.
    pub offered: Vec<Offered>,
    /// By station.
    pub serving: Vec<Serving>,
    /// By station: requests behind.
    pub backlog: Vec<f64>,
    /// By node (endpoint times clusters), as last told to its callers.
    pub answers: Vec<Answer>,
    /// By node, then by journey.
    pub sources: Vec<Source>,
    /// By journey.
    pub journeys: Vec<Answer>,
    /// By `load * journeys + journey`.
    pub actions: Vec<f64>,
    /// Stations and answers found so far.
    pub found: u64,
    /// Links with a bandwidth.
    pub wires: Wires,
    /// What was expected until now.
    pub gathered: Gathered,
    dirty_stations: BTreeSet<u32>,
    /// By rank.
    dirty_answers: BTreeSet<(u32, u32)>,
    dirty_journeys: BTreeSet<u32>,
    /// By rank; journeys above all.
    dirty_rates: BTreeSet<(u32, u32)>,
    /// Loads whose level moved.
    dirty_loads: BTreeSet<u32>,
    /// Stations whose capacity is exceeded, or that are behind.
    pub overloaded: BTreeSet<u32>,
    holds: Holds,
}

impl Point {
    /// A point without traffic.
    pub fn new(scenario: &Scenario) -> Self {
        let clusters = scenario.clusters.len();
        let stations = scenario.services.len() * clusters;
        let nodes = scenario.endpoints.len() * clusters;
        let mut ok = Answer::default();
        ok.outcomes[0] = 1.0;
        let idle = StationPoint {
            stretch: 1.0,
            ..StationPoint::default()
        };
        Self {
            stations: vec![idle; stations],
            offered: vec![Offered::default(); stations],
            serving: vec![Serving::default(); stations],
            backlog: vec![0.0; stations],
            answers: vec![ok; nodes],
            sources: vec![Source::default(); nodes + scenario.journeys.len()],
            journeys: vec![ok; scenario.journeys.len()],
            actions: vec![0.0; scenario.loads.len() * scenario.journeys.len()],
            found: 0,
            wires: Wires::new(scenario),
            gathered: Gathered::new(scenario),
            dirty_stations: BTreeSet::new(),
            dirty_answers: BTreeSet::new(),
            dirty_journeys: (0..scenario.journeys.len() as u32).collect(),
            dirty_rates: BTreeSet::new(),
            dirty_loads: BTreeSet::new(),
            overloaded: BTreeSet::new(),
            holds: Holds::new(stations),
        }
    }

    /// The station's replicas, speeds or backlog changed.
    pub fn mark_station(&mut self, around: &Around<'_>, station: usize) {
        self.dirty_stations.insert(station as u32);
        let clusters = around.scenario.clusters.len();
        // Who may be reached decides where calls go.
        for endpoint in &around.scenario.services[station / clusters].endpoints {
            self.mark_answer(around, endpoint.index(), station % clusters);
        }
    }

    /// Calls to the service go elsewhere now.
    pub fn mark_callers(&mut self, around: &Around<'_>, service: usize) {
        for endpoint in &around.scenario.services[service].endpoints {
            self.mark_callers_of(around, endpoint.index());
        }
    }

    /// Calls from a place (0 users, then clusters) take another time now, or fail.
    pub fn mark_place(&mut self, around: &Around<'_>, place: usize) {
        let Some(cluster) = place.checked_sub(1) else {
            self.dirty_journeys.extend(0..self.journeys.len() as u32);
            return;
        };
        for endpoint in 0..around.scenario.endpoints.len() {
            self.mark_answer(around, endpoint, cluster);
        }
    }

    pub(super) fn mark_journey(&mut self, journey: usize) {
        self.dirty_journeys.insert(journey as u32);
    }

    /// The load's level moved.
    pub fn mark_load(&mut self, load: usize) {
        self.dirty_loads.insert(load as u32);
    }

    /// Marks everything: the slow twin of marking what changed.
    #[cfg(test)]
    pub fn mark_all(&mut self, around: &Around<'_>) {
        for station in 0..self.stations.len() {
            self.mark_station(around, station);
        }
        self.dirty_journeys = (0..self.journeys.len() as u32).collect();
        self.dirty_loads = (0..around.scenario.loads.len() as u32).collect();
    }

    pub(super) fn mark_answer(&mut self, around: &Around<'_>, endpoint: usize, cluster: usize) {
        let node = endpoint * around.scenario.clusters.len() + cluster;
        self.dirty_answers
            .insert((around.network.rank[endpoint], node as u32));
    }

    fn mark_callers_of(&mut self, around: &Around<'_>, endpoint: usize) {
        for caller in &around.network.callers[endpoint] {
            for cluster in 0..around.scenario.clusters.len() {
                self.mark_answer(around, *caller as usize, cluster);
            }
        }
        self.dirty_journeys
            .extend(&around.network.entries[endpoint]);
    }

    /// Finds the point for what was marked, starting from this one; gathers what was expected until now first.
    pub fn solve(&mut self, around: &Around<'_>, expected: &mut Expected) {
        self.holds.begin();
        for _ in 0..SWEEPS {
            self.sweep_up(around, expected);
            self.sweep_down(around, expected);
            self.dirty_stations.append(&mut self.holds.take());
            let settled = self.dirty_stations.is_empty()
                && self.dirty_answers.is_empty()
                && self.dirty_journeys.is_empty()
                && self.dirty_loads.is_empty()
                && self.wires.is_settled();
            if settled {
                return;
            }
        }
        // A point that does not settle (callers that breed callers) is left where it is.
        self.dirty_stations.clear();
        self.dirty_answers.clear();
        self.dirty_loads.clear();
        self.wires.give_up();
    }

    fn sweep_up(&mut self, around: &Around<'_>, expected: &mut Expected) {
        while let Some(station) = self.dirty_stations.pop_first() {
            self.update_station(around, station as usize, expected);
        }
        self.update_wires(around);
        while let Some((_, node)) = self.dirty_answers.pop_first() {
            self.update_answer(around, node as usize, expected);
        }
        while let Some(journey) = self.dirty_journeys.pop_first() {
            self.update_journey(around, journey as usize, expected);
        }
        // Half steps of closed loads wait for the next sweep, which knows the new waits.
        for load in std::mem::take(&mut self.dirty_loads) {
            self.update_load(around, load as usize, expected);
        }
    }

    fn sweep_down(&mut self, around: &Around<'_>, expected: &mut Expected) {
        // A cycle of calls converges geometrically; one that does not is stopped by `MOST`.
        let mut left = 64 * self.sources.len();
        while let Some((_, source)) = self.dirty_rates.pop_last() {
            self.send(around, source as usize, expected);
            left -= 1;
            if left == 0 {
                self.dirty_rates.clear();
            }
        }
    }

    fn update_station(&mut self, around: &Around<'_>, station: usize, expected: &mut Expected) {
        let clusters = around.scenario.clusters.len();
        let (index, cluster) = (station / clusters, station % clusters);
        let service = &around.scenario.services[index];
        self.found += 1;
        self.gather_station(around, station, expected);
        let mut offered = Offered::default();
        let (mut demand, mut second, mut response, mut after) = (0.0, 0.0, 0.0, 0.0);
        for endpoint in &service.endpoints {
            let node = endpoint.index() * clusters + cluster;
            let rate = self.sources[node].rate;
            let jobs = around.network.jobs[endpoint.index()];
            offered.requests += rate;
            offered.jobs += rate * jobs.count;
            demand += rate * jobs.count * jobs.mean;
            second += rate * jobs.count * jobs.second;
            response += rate * self.answers[node].time.mean;
            after += rate * self.answers[node].after;
        }
        if offered.requests > 0.0 {
            let waited = self.stations[station].slot_wait.mean;
            // What follows the answer still holds the slot.
            let hold = (response / offered.requests - waited).max(0.0) + after / offered.requests;
            let before = self.offered[station].hold;
            offered.hold = match service.concurrency {
                Some(_) => self.holds.follow(station, before, hold, TIME),
                None => hold,
            };
        }
        if demand > 0.0 {
            offered.demand = demand / offered.jobs;
            offered.scv =
                (second / offered.jobs / (offered.demand * offered.demand) - 1.0).max(0.0);
        }
        self.offered[station] = offered;
        offered.thinning = self.thinning(around, index, cluster, offered.requests);
        let point = StationPoint::new(
            service,
            self.serving[station],
            offered,
            around.network.balancers[index],
            self.backlog[station],
            around.network.patience[index],
            around.network.tables.get(index).and_then(Option::as_deref),
        );
        let before = std::mem::replace(&mut self.stations[station], point);
        if point.differs(&before, TIME) {
            for endpoint in &service.endpoints {
                self.mark_answer(around, endpoint.index(), cluster);
            }
        } else {
            // What callers were told holds within the tolerance; drift must not add up.
            let (cores, capacity) = (point.cores, point.capacity);
            self.stations[station] = StationPoint {
                cores,
                capacity,
                ..before
            };
        }
        let behind = self.backlog[station] > 0.0;
        if self.serving[station].usable > 0.0
            && (behind || offered.requests > point.capacity && !point.settles)
        {
            self.overloaded.insert(station as u32);
        } else {
            self.overloaded.remove(&(station as u32));
        }
    }

    fn update_answer(&mut self, around: &Around<'_>, node: usize, expected: &mut Expected) {
        let clusters = around.scenario.clusters.len();
        let (endpoint, cluster) = (node / clusters, node % clusters);
        let described = &around.scenario.endpoints[endpoint];
        let service = described.service.index();
        let station = service * clusters + cluster;
        self.found += 1;
        self.gather_source(around, node);
        let mut calls = Vec::with_capacity(self.sources[node].calls.len());
        let mut answer = self.answers[node];
        if self.serving[station].usable > 0.0 {
            self.sources[node].answered_rate = self.sources[node].rate;
            let replicas = self.serving[station].usable;
            let around = self.surroundings(around, node, replicas);
            let run = around.run(&described.steps, cluster + 1, station, 1.0, &mut calls);
            let mut outcomes = [0.0; OUTCOMES];
            let works = (1.0 - described.error_ratio) * (1.0 - self.serving[station].errors);
            outcomes[0] = run.outcomes[0] * works;
            let degraded = run.outcomes[Outcome::Degraded as usize] * works;
            outcomes[Outcome::Degraded as usize] = degraded;
            outcomes[Outcome::Error as usize] = 1.0 - outcomes[0] - degraded;
            answer = Answer {
                time: self.stations[station].slot_wait.then(run.time),
                outcomes,
                ..run
            };
        }
        self.set_calls(around, node, calls, expected);
        self.mark_rates(around, node);
        if answer.differs(&self.answers[node]) {
            self.gather_station(around, station, expected);
            self.answers[node] = answer;
            if around.scenario.services[service].concurrency.is_some() {
                self.dirty_stations.insert(station as u32);
            }
            self.mark_callers_of(around, endpoint);
        } else if self.serving[station].listed <= 0.0 || self.serving[station].usable <= 0.0 {
            // Callers see at once that nobody is there.
            self.mark_callers_of_absent(around, endpoint, cluster);
        }
    }

    /// Callers whose calls went to a cluster in which the service can no longer be reached, or can again.
    fn mark_callers_of_absent(&mut self, around: &Around<'_>, endpoint: usize, cluster: usize) {
        let clusters = around.scenario.clusters.len();
        if self.sources[endpoint * clusters + cluster].rate > 0.0 {
            self.mark_callers_of(around, endpoint);
        }
    }

    fn update_journey(&mut self, around: &Around<'_>, journey: usize, expected: &mut Expected) {
        let source = self.answers.len() + journey;
        self.gather_source(around, source);
        self.gather_journey(around, journey, expected);
        let mut calls = Vec::with_capacity(self.sources[source].calls.len());
        let steps = &around.scenario.journeys[journey].steps;
        self.sources[source].answered_rate = self.sources[source].rate;
        let surroundings = self.surroundings(around, source, 1.0);
        let answer = surroundings.run(steps, 0, 0, 1.0, &mut calls);
        self.set_calls(around, source, calls, expected);
        self.mark_rates(around, source);
        let moved = answer.differs(&self.journeys[journey]);
        self.journeys[journey] = answer;
        if moved {
            // Users who wait longer come back later.
            for (load, mix) in around.network.mixes.iter().enumerate() {
                let waits = matches!(around.scenario.loads[load].kind, LoadKind::Closed { .. });
                if waits && mix[journey] > 0.0 {
                    self.dirty_loads.insert(load as u32);
                }
            }
        }
    }

    /// The calls of one run from now on; those of the runs so far are told before they change.
    fn set_calls(
        &mut self,
        around: &Around<'_>,
        source: usize,
        calls: Vec<Tally>,
        expected: &mut Expected,
    ) {
        if self.sources[source].calls != calls {
            self.tell_source(around, source, expected);
            self.sources[source].calls = calls;
        }
    }

    fn surroundings<'a>(
        &'a self,
        around: &Around<'a>,
        source: usize,
        replicas: f64,
    ) -> Surroundings<'a> {
        Surroundings {
            caller: Caller {
                rate: self.sources[source].rate,
                replicas,
                shares: &around.network.shares[around.program(source)],
            },
            scenario: around.scenario,
            routes: around.routes,
            serving: &self.serving,
            stations: &self.stations,
            answers: &self.answers,
            links: around.links,
            hits: &around.caches.hits,
            wires: &self.wires,
        }
    }

    /// Response of a request at a station, from arrival to departure, over its endpoints.
    pub fn response(&self, around: &Around<'_>, station: usize) -> Moments {
        let clusters = around.scenario.clusters.len();
        let total = self.offered[station].requests;
        if total <= 0.0 {
            return Moments::default();
        }
        let endpoints = &around.scenario.services[station / clusters].endpoints;
        if let [only] = endpoints.as_slice() {
            return self.answers[only.index() * clusters + station % clusters].time;
        }
        let parts: Vec<_> = endpoints
            .iter()
            .map(|endpoint| {
                let node = endpoint.index() * clusters + station % clusters;
                (self.sources[node].rate / total, self.answers[node].time)
            })
            .collect();
        Moments::mixture(&parts)
    }
}
