//! What the request plane counts between two observations.

use crate::model::{Answer, Scenario};
use crate::units::{EdgeId, SimTime};
use crate::world::contract::{ActionRecord, ActionsSeen, EdgeSeen, Seen, StationSeen};

/// Requests at the replicas of a station.
#[derive(Clone, Copy, Default)]
struct Present {
    now: u64,
    /// Since when the integral is right.
    since: SimTime,
    /// Its integral since the last observation, request-nanoseconds.
    integral: u64,
}

/// Counters since the last observation, by the same indices as `Seen`.
pub struct Accounts {
    /// By `service * clusters + cluster`.
    pub stations: Vec<StationSeen>,
    /// By station.
    present: Vec<Present>,
    /// By `edge * hops + hop`: attempts, bytes.
    edges: Vec<(u64, u64)>,
    hops: usize,
    /// By `load * journeys + journey`.
    pub actions: Vec<ActionsSeen>,
    /// Ended actions, when asked for.
    pub records: Vec<ActionRecord>,
    keep_records: bool,
    journeys: usize,
    since: SimTime,
}

impl Accounts {
    /// Empty accounts at time zero.
    pub fn new(scenario: &Scenario, keep_records: bool) -> Self {
        let stations = scenario.services.len() * scenario.clusters.len();
        let places = scenario.clusters.len() + 1;
        let journeys = scenario.journeys.len();
        let hops = places * places;
        let mut actions = vec![ActionsSeen::default(); scenario.loads.len() * journeys];
        for (index, seen) in actions.iter_mut().enumerate() {
            seen.objectives_met = vec![0; scenario.journeys[index % journeys].slo.len()];
        }
        Self {
            stations: vec![StationSeen::default(); stations],
            present: vec![Present::default(); stations],
            edges: vec![(0, 0); scenario.edges.len() * hops],
            hops,
            actions,
            records: Vec::new(),
            keep_records,
            journeys,
            since: SimTime::ZERO,
        }
    }

    /// A request came to (`+1`) or left (`-1`) a replica of a station.
    #[inline]
    pub fn change_present(&mut self, station: usize, change: i64, now: SimTime) {
        let present = &mut self.present[station];
        present.integral += present.now * now.since(present.since).0;
        present.now = present.now.wrapping_add_signed(change);
        present.since = now;
    }

    /// An attempt of a call of this edge was sent over a hop.
    #[inline]
    pub fn edge_called(&mut self, edge: EdgeId, hop: usize) {
        self.edges[edge.index() * self.hops + hop].0 += 1;
    }

    /// Both: an attempt was sent with its bytes.
    #[inline]
    pub fn edge_called_with(&mut self, edge: EdgeId, hop: usize, bytes: u64) {
        let counts = &mut self.edges[edge.index() * self.hops + hop];
        counts.0 += 1;
        counts.1 += bytes;
    }

    /// A request came to a station.
    #[inline]
    pub fn arrived(&mut self, station: usize, now: SimTime) {
        self.stations[station].arrived += 1;
        self.change_present(station, 1, now);
    }

    /// A request that came at `since` left a station answered.
    #[inline]
    pub fn left(&mut self, station: usize, since: SimTime, now: SimTime) {
        self.change_present(station, -1, now);
        self.stations[station].latency.record(now.since(since).0);
    }

    /// Bytes of a call of this edge went over a hop.
    #[inline]
    pub fn edge_carried(&mut self, edge: EdgeId, hop: usize, bytes: u64) {
        self.edges[edge.index() * self.hops + hop].1 += bytes;
    }

    /// An action was issued.
    #[inline]
    pub fn action_issued(&mut self, load: usize, journey: usize) {
        self.actions[load * self.journeys + journey].issued += 1;
    }

    /// An action ended.
    #[inline]
    pub fn action_ended(&mut self, scenario: &Scenario, record: ActionRecord) {
        let journey = &scenario.journeys[record.journey.index()];
        let latency = record.ended.since(record.issued);
        let answer = record.outcome.answer();
        let seen = &mut self.actions[record.load.index() * self.journeys + record.journey.index()];
        seen.ended[record.outcome as usize] += 1;
        seen.latency.record(latency.0);
        let mut good = !journey.slo.is_empty() || answer == Answer::Ok;
        for (met, objective) in seen.objectives_met.iter_mut().zip(&journey.slo) {
            let holds = objective.kind.is_met(answer, latency);
            *met += u64::from(holds);
            good &= holds;
        }
        seen.good += u64::from(good);
        if self.keep_records {
            self.records.push(record);
        }
    }

    /// Moves everything counted since the last observation into `seen`.
    pub fn observe(&mut self, seen: &mut Seen, now: SimTime) {
        for station in 0..self.stations.len() {
            self.change_present(station, 0, now);
            let integral = std::mem::take(&mut self.present[station].integral);
            self.stations[station].in_flight_seconds = integral as f64 * 1e-9;
        }
        (seen.start, seen.end) = (self.since, now);
        self.since = now;
        swap_and_clear(&mut seen.stations, &mut self.stations, |station| {
            let mut latency = std::mem::take(&mut station.latency);
            latency.clear();
            *station = StationSeen {
                latency,
                ..StationSeen::default()
            };
        });
        seen.edges
            .resize_with(self.edges.len() / self.hops, EdgeSeen::default);
        for (theirs, mine) in seen.edges.iter_mut().zip(self.edges.chunks(self.hops)) {
            theirs.calls.clear();
            theirs.calls.extend(mine.iter().map(|hop| hop.0));
            theirs.bytes.clear();
            theirs.bytes.extend(mine.iter().map(|hop| hop.1));
        }
        self.edges.fill((0, 0));
        swap_and_clear(&mut seen.actions, &mut self.actions, |actions| {
            actions.ended = Default::default();
            (actions.good, actions.issued) = (0, 0);
            actions.objectives_met.fill(0);
            actions.latency.clear();
        });
        std::mem::swap(&mut seen.records, &mut self.records);
        self.records.clear();
    }
}

/// Hands `mine` over; takes the receiver's old buffers back, cleared.
fn swap_and_clear<T: Clone>(theirs: &mut Vec<T>, mine: &mut Vec<T>, clear: impl Fn(&mut T)) {
    if theirs.len() != mine.len() {
        *theirs = mine.clone();
    } else {
        std::mem::swap(theirs, mine);
    }
    mine.iter_mut().for_each(clear);
}
