//! Rates from callers to callees: what loads ask for, what each source sends.

use crate::model::LoadKind;
use crate::model::rates::load_rate;
use crate::world::data::flow::expected::Expected;
use crate::world::data::flow::point::{Around, Point, RATE, Source};

/// Calls that breed calls without end: as many a second as any machine could take, so that nothing is infinite.
const MOST: f64 = 1e9;
/// Rates of callers with limits that move by less than this share leave their calls as they are.
const LIMITED: f64 = 1e-2;

impl Point {
    /// Actions per second; closed loads move halfway to `users / (think + response)`, which settles them.
    pub(super) fn update_load(
        &mut self,
        around: &Around<'_>,
        index: usize,
        expected: &mut Expected,
    ) {
        let load = &around.scenario.loads[index];
        let mix = &around.network.mixes[index];
        let journeys = self.journeys.len();
        let response: f64 = mix
            .iter()
            .zip(&self.journeys)
            .map(|(share, answer)| share * answer.time.mean)
            .sum();
        let rate = load_rate(load, &around.scenario.clock, around.at, response);
        let halves = matches!(load.kind, LoadKind::Closed { .. });
        for (journey, share) in mix.iter().enumerate() {
            let slot = index * journeys + journey;
            let (had, wanted) = (self.actions[slot], rate * share);
            if wanted == had {
                continue;
            }
            let now = if halves && had > 0.0 {
                0.5 * (had + wanted)
            } else {
                wanted
            };
            self.gather_journey(around, journey, expected);
            self.actions[slot] = now;
            let source = self.answers.len() + journey;
            self.gather_source(around, source);
            let of_journey = self.actions.iter().skip(journey).step_by(journeys);
            self.sources[source].rate = of_journey.sum();
            self.mark_rates(around, source);
            if self.depends_on_rate(around, source) {
                self.dirty_journeys.insert(journey as u32);
            }
            if (now - wanted).abs() > RATE * wanted.abs() {
                self.dirty_loads.insert(index as u32);
            }
        }
    }

    pub(super) fn mark_rates(&mut self, around: &Around<'_>, source: usize) {
        let clusters = around.scenario.clusters.len();
        let rank = around
            .network
            .rank
            .get(source / clusters)
            .filter(|_| source < self.answers.len());
        self.dirty_rates
            .insert((rank.map_or(u32::MAX, |rank| *rank), source as u32));
    }

    /// Tells the callees how often they are called now.
    pub(super) fn send(&mut self, around: &Around<'_>, source: usize, expected: &mut Expected) {
        let clusters = around.scenario.clusters.len();
        let rate = self.sources[source].rate;
        let runs = self.runs(around, source);
        let mut sent = std::mem::take(&mut self.sources[source].sent);
        let calls = std::mem::take(&mut self.sources[source].calls);
        let mut moves: Vec<(u32, f64)> = sent.iter().map(|(node, had)| (*node, -had)).collect();
        sent.clear();
        for call in calls.iter().filter(|call| call.reached * runs > 0.0) {
            let node = (call.endpoint * clusters + call.places.1 - 1) as u32;
            match sent.iter_mut().find(|(other, _)| *other == node) {
                Some((_, sum)) => *sum += call.reached * runs,
                None => sent.push((node, call.reached * runs)),
            }
        }
        for (node, now) in &sent {
            match moves.iter_mut().find(|(other, _)| other == node) {
                Some((_, change)) => *change += now,
                None => moves.push((*node, *now)),
            }
        }
        self.cross(around, source, &calls, runs);
        (self.sources[source].sent, self.sources[source].calls) = (sent, calls);
        self.sources[source].sent_rate = rate;
        for (node, change) in moves {
            if change != 0.0 {
                self.change_rate(around, node as usize, change, expected);
            }
        }
    }

    fn change_rate(
        &mut self,
        around: &Around<'_>,
        node: usize,
        change: f64,
        expected: &mut Expected,
    ) {
        let clusters = around.scenario.clusters.len();
        let service = around.scenario.endpoints[node / clusters].service.index();
        let station = service * clusters + node % clusters;
        self.gather_source(around, node);
        self.gather_station(around, station, expected);
        let source = &mut self.sources[node];
        let rate = (source.rate + change).clamp(0.0, MOST);
        // What is left when callers went away is rounding.
        source.rate = if rate < 1e-9 { 0.0 } else { rate };
        let moved = (source.rate - source.sent_rate).abs();
        if moved > RATE * source.rate.max(source.sent_rate) {
            self.mark_rates(around, node);
            self.dirty_stations.insert(station as u32);
        }
        if self.depends_on_rate(around, node) {
            self.mark_answer(around, node / clusters, node % clusters);
        }
    }

    /// Runs of a source's program a second: requests that are shed, or taken back while they wait, run nothing, and a
    /// station that is behind runs what it can.
    pub fn runs(&self, around: &Around<'_>, source: usize) -> f64 {
        let rate = self.sources[source].rate;
        if source >= self.answers.len() {
            return rate;
        }
        let clusters = around.scenario.clusters.len();
        let service = around.scenario.endpoints[source / clusters].service.index();
        let point = &self.stations[service * clusters + source % clusters];
        rate * (1.0 - point.shed - point.abandoned - point.held_back).max(0.0)
    }

    /// Whether limits on what is under way let the calls of a source depend on its rate, which moved.
    fn depends_on_rate(&self, around: &Around<'_>, source: usize) -> bool {
        let Source {
            rate,
            answered_rate,
            ..
        } = self.sources[source];
        around.network.limited[around.program(source)]
            && (rate - answered_rate).abs() > LIMITED * rate.max(answered_rate)
    }
}
