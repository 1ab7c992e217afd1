//! What the request plane counts between two observations.

use crate::model::{Answer, Scenario};
use crate::units::{EdgeId, SimTime};
use crate::world::contract::{ActionRecord, ActionsSeen, EdgeSeen, Outcome, Seen, StationSeen};

/// What ordinary requests change at a station, side by side; in an order in which no compiler adds two at once, as what
/// was written in two halves is slow to read as one.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Traffic {
    /// Attempts that reached a replica since the last observation.
    arrived: u64,
    /// Attempts that ended well, as their callers saw them, since then.
    answered: u64,
    /// Requests at the replicas now.
    present: u32,
    /// Instants of leaving less those of coming, summed modulo 2^64: `present` times an instant more is the integral
    /// of `present` from the last observation to that instant, in request-nanoseconds.
    moments: u64,
}

/// What went over a hop for an edge; in an order as that of `Traffic`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Carried {
    /// Attempts.
    calls: u64,
    _apart: u32,
    /// Bytes of requests and replies.
    bytes: u64,
}

/// Counters since the last observation, by the same indices as `Seen`.
pub struct Accounts {
    /// By `service * clusters + cluster`.
    pub stations: Vec<StationSeen>,
    /// By station.
    traffic: Vec<Traffic>,
    /// By `edge * hops + hop`.
    edges: Vec<Carried>,
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
            traffic: vec![Traffic::default(); stations],
            edges: vec![Carried::default(); scenario.edges.len() * hops],
            hops,
            actions,
            records: Vec::new(),
            keep_records,
            journeys,
            since: SimTime::ZERO,
        }
    }

    /// A request is at a replica of a station from now on.
    #[inline(always)]
    pub fn came(&mut self, station: usize, now: SimTime) {
        let traffic = &mut self.traffic[station];
        traffic.present += 1;
        traffic.moments = traffic.moments.wrapping_sub(now.0);
    }

    /// A request is no longer at a replica of a station.
    #[inline(always)]
    pub fn went(&mut self, station: usize, now: SimTime) {
        let traffic = &mut self.traffic[station];
        traffic.present -= 1;
        traffic.moments = traffic.moments.wrapping_add(now.0);
    }

    /// Where the counts of an edge over a hop are, for `called` and `carried`.
    pub fn place(&self, edge: EdgeId, hop: usize) -> u32 {
        (edge.index() * self.hops + hop) as u32
    }

    /// An attempt was sent with its bytes.
    #[inline(always)]
    pub fn called(&mut self, place: u32, bytes: u64) {
        let counts = &mut self.edges[place as usize];
        counts.calls += 1;
        counts.bytes += bytes;
    }

    /// Bytes of a call went over a hop.
    #[inline(always)]
    pub fn carried(&mut self, place: u32, bytes: u64) {
        self.edges[place as usize].bytes += bytes;
    }

    /// An attempt of a call of this edge was sent over a hop.
    #[inline]
    pub fn edge_called(&mut self, edge: EdgeId, hop: usize) {
        self.called(self.place(edge, hop), 0);
    }

    /// Bytes of a call of this edge went over a hop.
    #[inline]
    pub fn edge_carried(&mut self, edge: EdgeId, hop: usize, bytes: u64) {
        self.carried(self.place(edge, hop), bytes);
    }

    /// An attempt came to a station.
    #[inline(always)]
    pub fn arrived(&mut self, station: usize, now: SimTime) {
        let traffic = &mut self.traffic[station];
        traffic.arrived += 1;
        traffic.present += 1;
        traffic.moments = traffic.moments.wrapping_sub(now.0);
    }

    /// A request that came at `since` left a station answered; its caller has it now where `answered` holds.
    #[inline(always)]
    pub fn left(&mut self, station: usize, since: SimTime, now: SimTime, answered: bool) {
        let traffic = &mut self.traffic[station];
        traffic.present -= 1;
        traffic.moments = traffic.moments.wrapping_add(now.0);
        traffic.answered += u64::from(answered);
        self.stations[station].latency.record(now.since(since).0);
    }

    /// An attempt at a station ended well, as its caller sees it.
    #[inline(always)]
    pub fn answered(&mut self, station: usize) {
        self.traffic[station].answered += 1;
    }

    /// An action was issued.
    #[inline]
    pub fn action_issued(&mut self, load: usize, journey: usize) {
        self.actions[load * self.journeys + journey].issued += 1;
    }

    /// An action ended.
    #[inline(always)]
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
        for (station, traffic) in self.stations.iter_mut().zip(&mut self.traffic) {
            let present = u64::from(traffic.present).wrapping_mul(now.0);
            let integral = traffic.moments.wrapping_add(present);
            station.in_flight_seconds = integral as f64 * 1e-9;
            station.arrived += traffic.arrived;
            station.ended[Outcome::Ok as usize] += traffic.answered;
            (traffic.arrived, traffic.answered) = (0, 0);
            traffic.moments = 0u64.wrapping_sub(present);
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
            theirs.calls.extend(mine.iter().map(|hop| hop.calls));
            theirs.bytes.clear();
            theirs.bytes.extend(mine.iter().map(|hop| hop.bytes));
        }
        self.edges.fill(Carried::default());
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
