//! What crosses the link while a plan runs, by its timetable: exact for constant traffic under the scenario's
//! routing, with the load's level over time.
//!
//! An edge whose ends are `a` and `b` on the target crosses with `crossing_share(a, b)` of its calls. With waves
//! that switch at once this is the theorem of the migration literature: integrated crossing equals the sum of
//! weight times distance in time of the two ends.

use crate::model::LinkEnd;
use crate::model::routing::{CallerSide, target_share};
use crate::plan::KnownWorld;
use crate::plan::clockwork::{MoveTimes, Timetable};
use crate::units::SimTime;

/// How long, and how much, one edge crosses.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct EdgeExposure {
    /// Time during which any of its calls cross, seconds.
    pub split_seconds: f64,
    /// Calls that cross.
    pub calls: f64,
    /// Bytes from source to target.
    pub bytes_to_target: f64,
    /// Bytes from target to source.
    pub bytes_to_source: f64,
}

/// What crosses under a plan, altogether.
#[derive(Clone, PartialEq, Debug)]
pub struct Exposure {
    /// By position in `KnownWorld::edges`.
    pub edges: Vec<EdgeExposure>,
    /// Calls that cross.
    pub calls: f64,
    /// Most calls a second that cross, at level 1.
    pub peak_calls: f64,
    /// Most bytes a second one way, at level 1.
    pub peak_bytes: f64,
    /// Bytes that cross both ways.
    pub bytes: f64,
    /// Price of the bytes.
    pub egress_cost: f64,
    /// Longest added time of each journey, seconds, as if its calls waited for one another.
    pub added_latency: Vec<f64>,
}

/// Crossing shares of one edge over time: from each instant on, calls from target to source and back.
struct Shares {
    /// Instant, share of callers on the target whose call goes to the source, and the other way.
    steps: Vec<(SimTime, f64, f64)>,
}

/// Accounts a timetable. Time after its end does not count: a split that stays is seen in its peak.
#[must_use]
pub fn exposure(known: &KnownWorld, timetable: &Timetable) -> Exposure {
    let moves = timetable.by_service(known.services.len());
    let end = timetable.end().min(known.scenario.end());
    let begin = timetable
        .waves
        .first()
        .map_or(SimTime::ZERO, |wave| wave.start);
    let links = &known.scenario.links;
    let (from, to) = (
        LinkEnd::Cluster(known.migration.from),
        LinkEnd::Cluster(known.migration.to),
    );
    let (out, back) = (links.between(from, to), links.between(to, from));
    let round_trip = out.one_way.mean() + back.one_way.mean();
    let mut found = Exposure {
        edges: vec![EdgeExposure::default(); known.edges.len()],
        calls: 0.0,
        peak_calls: 0.0,
        peak_bytes: 0.0,
        bytes: 0.0,
        egress_cost: 0.0,
        added_latency: vec![0.0; known.actions.len()],
    };
    // Changes over time of crossing calls, bytes each way and added latency, for the peaks.
    let mut changes: Vec<(SimTime, usize, f64, f64)> = Vec::new();
    for (index, edge) in known.edges.iter().enumerate() {
        let shares = shares(
            known,
            moves[edge.caller],
            moves[edge.callee],
            edge.caller,
            edge.callee,
        );
        let sum = &mut found.edges[index];
        let (mut last_back, mut last_out) = (0.0, 0.0);
        for (at, step) in shares.steps.iter().enumerate() {
            let (start, to_source, to_target) = *step;
            changes.push((start, index, to_source - last_back, to_target - last_out));
            (last_back, last_out) = (to_source, to_target);
            let from = start.max(begin);
            let until = shares.steps.get(at + 1).map_or(end, |next| next.0).min(end);
            if until <= from || to_source + to_target <= 0.0 {
                continue;
            }
            let level = known.load_between(from, until);
            sum.split_seconds += until.since(from).seconds();
            sum.calls += edge.calls * (to_source + to_target) * level;
            // A call to the source sends its request there, and its reply back.
            sum.bytes_to_source +=
                (edge.request_bytes * to_source + edge.reply_bytes * to_target) * level;
            sum.bytes_to_target +=
                (edge.request_bytes * to_target + edge.reply_bytes * to_source) * level;
        }
        found.calls += sum.calls;
        found.bytes += sum.bytes_to_source + sum.bytes_to_target;
        found.egress_cost +=
            sum.bytes_to_target * out.egress_per_byte + sum.bytes_to_source * back.egress_per_byte;
    }
    peaks(known, changes, round_trip, &mut found);
    found
}

/// Shares of an edge's calls that cross, from each instant on.
fn shares(
    known: &KnownWorld,
    caller_move: Option<&MoveTimes>,
    callee_move: Option<&MoveTimes>,
    caller: usize,
    callee: usize,
) -> Shares {
    let none: &[(SimTime, f64)] = &[];
    let (first, second) = (weights_of(caller_move, none), weights_of(callee_move, none));
    let start = |service: usize| f64::from(u8::from(known.services[service].stays_on_target));
    let (mut a, mut b) = (start(caller), start(callee));
    let mut steps = vec![crossing(known, SimTime::ZERO, a, b)];
    let (mut i, mut j) = (0, 0);
    while i < first.len() || j < second.len() {
        let at = match (first.get(i), second.get(j)) {
            (Some(one), Some(two)) => one.0.min(two.0),
            (Some(one), None) => one.0,
            (None, Some(two)) => two.0,
            (None, None) => break,
        };
        while let Some((_, weight)) = first.get(i).filter(|(time, _)| *time == at) {
            a = *weight;
            i += 1;
        }
        while let Some((_, weight)) = second.get(j).filter(|(time, _)| *time == at) {
            b = *weight;
            j += 1;
        }
        steps.push(crossing(known, at, a, b));
    }
    Shares { steps }
}

fn weights_of<'t>(one: Option<&'t MoveTimes>, none: &'t [(SimTime, f64)]) -> &'t [(SimTime, f64)] {
    one.map_or(none, |one| &one.weights)
}

fn crossing(known: &KnownWorld, at: SimTime, a: f64, b: f64) -> (SimTime, f64, f64) {
    let mode = known.migration.routing;
    let to_source = a * (1.0 - target_share(mode, CallerSide::Target, a, b));
    let to_target = (1.0 - a) * target_share(mode, CallerSide::Source, a, b);
    (at, to_source, to_target)
}

/// Largest crossing at any time, from the changes of the edges' shares.
fn peaks(
    known: &KnownWorld,
    mut changes: Vec<(SimTime, usize, f64, f64)>,
    round_trip: f64,
    found: &mut Exposure,
) {
    changes.sort_by_key(|(at, index, _, _)| (*at, *index));
    let (mut calls, mut to_source, mut to_target) = (0.0, 0.0, 0.0);
    let mut added = vec![0.0; known.actions.len()];
    let mut at = 0;
    while at < changes.len() {
        let now = changes[at].0;
        while let Some((_, index, back, out)) = changes.get(at).filter(|change| change.0 == now) {
            let edge = &known.edges[*index];
            calls += edge.calls * (back + out);
            to_source += edge.request_bytes * back + edge.reply_bytes * out;
            to_target += edge.request_bytes * out + edge.reply_bytes * back;
            for (journey, often) in &edge.by_journey {
                added[journey.index()] += often * (back + out) * round_trip;
            }
            at += 1;
        }
        found.peak_calls = found.peak_calls.max(calls);
        found.peak_bytes = found.peak_bytes.max(to_source).max(to_target);
        for (most, added) in found.added_latency.iter_mut().zip(&added) {
            *most = most.max(*added);
        }
    }
}
