//! Adds up what the operating point makes expected, just before it changes and when somebody looks.

use crate::model::{ObjectiveKind, Scenario};
use crate::units::SimTime;
use crate::world::contract::Outcome;
use crate::world::data::flow::expected::Expected;
use crate::world::data::flow::point::{Around, Point};

/// Until when each part was added up. Calls are kept by `Source::since`.
#[derive(Clone, Debug)]
pub struct Gathered {
    stations: Vec<SimTime>,
    journeys: Vec<SimTime>,
    cpu_since: Vec<SimTime>,
    /// By station: when its CPU was drawn last.
    pub cpu_drawn: Vec<SimTime>,
    /// By station: CPU expected since the last look, nanoseconds, and the jobs that it is made of.
    pub cpu: Vec<(f64, f64)>,
}

impl Gathered {
    /// Nothing yet.
    pub fn new(scenario: &Scenario) -> Self {
        let stations = scenario.services.len() * scenario.clusters.len();
        Self {
            stations: vec![SimTime::ZERO; stations],
            journeys: vec![SimTime::ZERO; scenario.journeys.len()],
            cpu_since: vec![SimTime::ZERO; stations],
            cpu_drawn: vec![SimTime::ZERO; stations],
            cpu: vec![(0.0, 0.0); stations],
        }
    }
}

impl Point {
    /// Adds up everything until now, for a full look.
    pub fn gather_all(&mut self, around: &Around<'_>, expected: &mut Expected) {
        for station in 0..self.stations.len() {
            self.gather_station(around, station, expected);
        }
        for source in 0..self.sources.len() {
            self.gather_source(around, source);
            self.tell_source(around, source, expected);
        }
        self.gather_actions(around, expected);
    }

    /// Adds up everything of one station until now.
    pub fn gather_whole_station(
        &mut self,
        around: &Around<'_>,
        station: usize,
        expected: &mut Expected,
    ) {
        self.gather_station(around, station, expected);
        let clusters = around.scenario.clusters.len();
        let (network, journeys) = (around.network, self.answers.len());
        for endpoint in &around.scenario.services[station / clusters].endpoints {
            let callers = network.callers[endpoint.index()].iter();
            let nodes = callers.flat_map(|caller| {
                let first = *caller as usize * clusters;
                first..first + clusters
            });
            let entries = network.entries[endpoint.index()].iter();
            for source in nodes.chain(entries.map(|journey| journeys + *journey as usize)) {
                self.gather_source(around, source);
                self.tell_source(around, source, expected);
            }
        }
    }

    /// Adds up the users' actions until now.
    pub fn gather_actions(&mut self, around: &Around<'_>, expected: &mut Expected) {
        for journey in 0..self.journeys.len() {
            self.gather_journey(around, journey, expected);
        }
    }

    /// Adds up the CPU of a station until now.
    #[inline]
    pub fn gather_cpu(&mut self, now: SimTime, station: usize) {
        let since = std::mem::replace(&mut self.gathered.cpu_since[station], now);
        if since < now {
            let seconds = now.since(since).seconds();
            let (cpu, jobs) = &mut self.gathered.cpu[station];
            *cpu += self.stations[station].cores * seconds * 1e9;
            *jobs += self.offered[station].jobs * seconds;
        }
    }

    pub(super) fn gather_station(
        &mut self,
        around: &Around<'_>,
        station: usize,
        expected: &mut Expected,
    ) {
        self.gather_cpu(around.now, station);
        let since = std::mem::replace(&mut self.gathered.stations[station], around.now);
        let offered = self.offered[station];
        if since >= around.now || offered.requests <= 0.0 {
            return;
        }
        let seconds = around.now.since(since).seconds();
        let response = self.response(around, station);
        let expected = &mut expected.stations[station];
        // Who is shed is never at a replica.
        let let_in = offered.requests * (1.0 - self.stations[station].shed);
        expected.in_flight_seconds += let_in * response.mean * seconds;
        expected.latency.add(let_in * seconds, response);
        if !around.caches.is_empty() {
            let clusters = around.scenario.clusters.len();
            let rate = |node: usize| self.sources[node].rate;
            let (service, cluster) = (station / clusters, station % clusters);
            let (looks, hits) = around.caches.looks(service, cluster, rate);
            expected.cache_looks += looks * seconds;
            expected.cache_hits += hits * seconds;
        }
    }

    /// Counts the runs of an endpoint in a cluster, or of a journey; what they call is told as long as it stays the
    /// same by `tell_source`.
    #[inline]
    pub(super) fn gather_source(&mut self, around: &Around<'_>, index: usize) {
        let since = std::mem::replace(&mut self.sources[index].since, around.now);
        if since >= around.now || self.sources[index].rate <= 0.0 {
            return;
        }
        let runs = self.runs(around, index);
        self.sources[index].untold += runs * around.now.since(since).seconds();
    }

    /// Adds up the calls of the runs counted so far.
    pub(super) fn tell_source(
        &mut self,
        around: &Around<'_>,
        index: usize,
        expected: &mut Expected,
    ) {
        let source = &mut self.sources[index];
        let count = std::mem::take(&mut source.untold);
        if count <= 0.0 {
            return;
        }
        let clusters = around.scenario.clusters.len();
        let places = clusters + 1;
        for call in &source.calls {
            let (from, to) = call.places;
            let service = around.scenario.endpoints[call.endpoint].service.index();
            let station = service * clusters + to - 1;
            let callee = &mut expected.stations[station];
            for (sum, share) in callee.ended.iter_mut().zip(&call.ended) {
                *sum += share * count;
            }
            callee.arrived += call.arrived * count;
            let (late, offered) = (call.ended[Outcome::Timeout as usize], self.offered[station]);
            if late > 0.0 && offered.requests > 0.0 {
                // Work for callers that had given up.
                let demand = self.stations[station].cores / offered.requests;
                callee.wasted_cpu_ns += late.min(call.arrived) * count * demand * 1e9;
            }
            let edge = &mut expected.edges[call.edge];
            edge[from * places + to].0 += call.attempts * count;
            edge[from * places + to].1 += call.bytes.0 * count;
            edge[to * places + from].1 += call.bytes.1 * count;
        }
    }

    pub(super) fn gather_journey(
        &mut self,
        around: &Around<'_>,
        journey: usize,
        expected: &mut Expected,
    ) {
        let since = std::mem::replace(&mut self.gathered.journeys[journey], around.now);
        if since >= around.now {
            return;
        }
        let seconds = around.now.since(since).seconds();
        let answer = self.journeys[journey];
        let journeys = self.journeys.len();
        let slo = &around.scenario.journeys[journey].slo;
        for load in 0..around.scenario.loads.len() {
            let slot = load * journeys + journey;
            let issued = self.actions[slot] * seconds;
            if issued <= 0.0 {
                continue;
            }
            let expected = &mut expected.actions[slot];
            expected.issued += issued;
            for (sum, share) in expected.ended.iter_mut().zip(&answer.outcomes) {
                *sum += issued * share;
            }
            let ok = issued * answer.outcomes[Outcome::Ok as usize];
            for (sum, objective) in expected.met.iter_mut().zip(slo) {
                if let ObjectiveKind::Under(limit) = objective.kind {
                    *sum += ok * self.within(journey, limit.seconds());
                }
            }
            expected.latency.add(issued, answer.time);
        }
    }

    fn within(&self, journey: usize, limit: f64) -> f64 {
        self.journeys[journey].time.at_most(limit)
    }
}
