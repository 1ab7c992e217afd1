//! What the control plane remembers of the data plane: what autoscalers look at, both sides for gates.

use std::collections::VecDeque;

use super::Control;
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{LOOK, OUTCOMES, Seen, StationSeen};

/// What autoscalers look at over an interval.
#[derive(Clone, Debug, Default)]
struct ScalingSlice {
    start: SimTime,
    end: SimTime,
    /// By place among the stations that autoscalers read.
    sums: Vec<Sum>,
}

/// Sums over a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    pub cpu_seconds: f64,
    /// Attempts that reached a replica.
    pub arrived: f64,
    /// Integral of requests at the replicas, request-seconds.
    pub in_flight_seconds: f64,
    /// Time integral of ready pods, pod-seconds.
    pub ready_seconds: f64,
}

impl Sum {
    pub fn add(&mut self, other: &Self) {
        self.cpu_seconds += other.cpu_seconds;
        self.arrived += other.arrived;
        self.in_flight_seconds += other.in_flight_seconds;
        self.ready_seconds += other.ready_seconds;
    }

    /// Mean time at a replica by Little's law, seconds.
    pub fn mean_latency(&self) -> Option<f64> {
        (self.arrived > 0.0).then(|| self.in_flight_seconds / self.arrived)
    }
}

/// One side of a gate over a window.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    pub seen: StationSeen,
    /// Time integral of ready pods, pod-seconds.
    pub ready_seconds: f64,
}

impl Side {
    fn add(&mut self, other: &Self) {
        for outcome in 0..OUTCOMES {
            self.seen.ended[outcome] += other.seen.ended[outcome];
        }
        self.seen.arrived += other.seen.arrived;
        self.seen.cpu_ns += other.seen.cpu_ns;
        self.seen.wasted_cpu_ns += other.seen.wasted_cpu_ns;
        self.seen.in_flight_seconds += other.seen.in_flight_seconds;
        self.seen.latency.merge(&other.seen.latency);
        self.ready_seconds += other.ready_seconds;
    }
}

#[derive(Clone, Debug)]
struct Slice {
    start: SimTime,
    end: SimTime,
    /// Old side, new side.
    sides: [Side; 2],
}

/// Memory of intervals.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Oldest first.
    scaling: VecDeque<ScalingSlice>,
    /// A slice whose buffers are used again.
    spare: ScalingSlice,
    /// Stations that some autoscaler reads, in order.
    scaled: Vec<u32>,
    /// By `service * clusters + cluster`: its place among those.
    place: Vec<Option<u32>>,
    /// Stations of which anything is asked for, and those of which more than CPU is: by gates, and by autoscalers.
    read: Vec<u32>,
    watched: Vec<u32>,
    more_than_cpu: Vec<u32>,
    /// Stations of jobs and environments, whose CPU the control plane adds itself.
    guests: Vec<u32>,
    /// By station that is read: time integral of ready pods in the last interval.
    ready: Vec<f64>,
    scaling_kept: SimDuration,
    /// Services whose both sides are remembered; by service.
    tracked: Vec<Option<VecDeque<Slice>>>,
    kept: SimDuration,
}

impl History {
    pub fn new(
        services: usize,
        clusters: usize,
        scaling_kept: SimDuration,
        kept: SimDuration,
        guests: Vec<u32>,
    ) -> Self {
        Self {
            read: guests.clone(),
            guests,
            ready: vec![0.0; services * clusters],
            scaling: VecDeque::new(),
            spare: ScalingSlice::default(),
            scaled: Vec::new(),
            place: vec![None; services * clusters],
            watched: Vec::new(),
            more_than_cpu: Vec::new(),
            scaling_kept,
            tracked: vec![None; services],
            kept,
        }
    }

    /// Remembers both sides of the service from now on; whether they were forgotten.
    fn track(&mut self, service: ServiceId) -> bool {
        let is_new = self.tracked[service.index()].is_none();
        if is_new {
            self.tracked[service.index()] = Some(VecDeque::new());
            self.find_watched();
        }
        is_new
    }

    /// Forgets them.
    pub fn forget(&mut self, service: ServiceId) {
        if self.tracked[service.index()].take().is_some() {
            self.find_watched();
        }
    }

    /// Stations of jobs and environments, in order.
    pub fn guests(&self) -> &[u32] {
        &self.guests
    }

    fn find_watched(&mut self) {
        let clusters = self.place.len() / self.tracked.len().max(1);
        self.watched.clone_from(&self.more_than_cpu);
        for (service, slices) in self.tracked.iter().enumerate() {
            if slices.is_some() {
                let stations = service * clusters..(service + 1) * clusters;
                self.watched.extend(stations.map(|at| at as u32));
            }
        }
        self.watched.sort_unstable();
        self.watched.dedup();
        self.read.clone_from(&self.watched);
        self.read.extend(&self.guests);
        self.read.extend(&self.scaled);
        self.read.sort_unstable();
        self.read.dedup();
    }

    /// An autoscaler will read this place: its CPU alone, or more.
    pub fn read_for_scaling(&mut self, at: usize, more_than_cpu: bool) {
        if self.place[at].is_none() {
            self.scaled.push(at as u32);
            self.scaled.sort_unstable();
            for (place, at) in self.scaled.iter().enumerate() {
                self.place[*at as usize] = Some(place as u32);
            }
        }
        if more_than_cpu {
            self.more_than_cpu.push(at as u32);
        }
        self.find_watched();
    }

    /// Sums over the intervals inside a window; `None` when none was seen.
    pub fn sum(&self, at: usize, from: SimTime, to: SimTime) -> Option<Sum> {
        let mut found: Option<Sum> = None;
        let place = self.place[at]? as usize;
        for slice in &self.scaling {
            if slice.start >= from && slice.end <= to {
                found.get_or_insert_default().add(&slice.sums[place]);
            }
        }
        found
    }

    /// Old (0) or new (1) side of a tracked service over the intervals inside the window.
    pub fn side(&self, service: ServiceId, side: usize, from: SimTime, to: SimTime) -> Side {
        let mut sum = Side::default();
        let slices = self.tracked[service.index()].iter().flatten();
        for slice in slices.filter(|slice| slice.start >= from && slice.end <= to) {
            sum.add(&slice.sides[side]);
        }
        sum
    }
}

impl Control<'_> {
    /// Whether a crowded node asks who works on it: looks must be full.
    #[must_use]
    pub fn needs_full_looks(&self) -> bool {
        self.crowds.next_look(SimTime::ZERO).is_some()
    }

    /// Stations of which gates and policies ask for more than CPU now, in order.
    #[must_use]
    pub fn watched(&self) -> &[u32] {
        &self.history.watched
    }

    /// Stations of which anything is asked for now, in order.
    #[must_use]
    pub fn looked_at(&self) -> &[u32] {
        &self.history.read
    }

    /// Remembers both sides of the service from now on, for gates.
    pub(super) fn track(&mut self, service: ServiceId) {
        if self.history.track(service) {
            for cluster in 0..self.scenario.clusters.len() {
                let at = self.at(service, ClusterId::from_index(cluster));
                if self.history.place[at].is_none() {
                    // What was before does not belong to the first interval.
                    self.deployments[at].take_ready_seconds(self.now);
                }
            }
        }
    }

    /// Takes in what the data plane saw in an interval that ends now.
    pub fn saw(&mut self, seen: &Seen) {
        // Who works on which node is known at full looks only; a crowd is watched by full looks until it is gone.
        if seen.full {
            self.share_nodes(seen);
        }
        let clusters = self.scenario.clusters.len();
        let history = &mut self.history;
        for at in &history.read {
            let at = *at as usize;
            history.ready[at] = self.deployments[at].take_ready_seconds(seen.end);
        }
        if !history.scaled.is_empty() {
            let mut slice = std::mem::take(&mut history.spare);
            (slice.start, slice.end) = (seen.start, seen.end);
            slice.sums.clear();
            slice.sums.extend(history.scaled.iter().map(|at| {
                let at = *at as usize;
                let sum = seen.stations.get(at).map_or(Sum::default(), |station| Sum {
                    cpu_seconds: station.cpu_ns as f64 * 1e-9,
                    arrived: station.arrived as f64,
                    in_flight_seconds: station.in_flight_seconds,
                    ready_seconds: 0.0,
                });
                Sum {
                    ready_seconds: history.ready[at],
                    ..sum
                }
            }));
            history.scaling.push_back(slice);
            while let Some(oldest) = history.scaling.front()
                && seen.end.since(oldest.end) > history.scaling_kept
            {
                history.spare = history.scaling.pop_front().unwrap_or_default();
            }
        }
        let Some(migration) = &self.scenario.migration else {
            return;
        };
        let kept = self.history.kept;
        for (service, slices) in self.history.tracked.iter_mut().enumerate() {
            let Some(slices) = slices else { continue };
            let side = |cluster: ClusterId| {
                let at = service * clusters + cluster.index();
                Side {
                    seen: seen.stations.get(at).cloned().unwrap_or_default(),
                    ready_seconds: self.history.ready[at],
                }
            };
            slices.push_back(Slice {
                start: seen.start,
                end: seen.end,
                sides: [side(migration.from), side(migration.to)],
            });
            while slices
                .front()
                .is_some_and(|slice| seen.end.since(slice.end) > kept)
            {
                slices.pop_front();
            }
        }
    }

    /// The next instant after `at` at which the data plane is looked at in any case: multiples of the
    /// longest interval allowed and of each metrics pipeline's resolution.
    pub fn next_look(&self, at: SimTime) -> SimTime {
        let resolutions = self
            .scenario
            .clusters
            .iter()
            .map(|cluster| cluster.metrics_resolution.0);
        let periods = resolutions.chain([LOOK.0]).filter(|period| *period > 0);
        let regular = SimTime(
            periods
                .map(|period| (at.0 / period + 1) * period)
                .min()
                .unwrap_or(at.0 + LOOK.0),
        );
        self.crowds
            .next_look(at)
            .map_or(regular, |soon| soon.min(regular))
    }
}
