//! What the control plane remembers of the data plane: CPU for autoscalers, both sides for gates.

use std::collections::VecDeque;

use super::Control;
use crate::model::Orchestrator;
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{LOOK, OUTCOMES, Seen, StationSeen};

/// CPU of one service in one cluster over an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct CpuSlice {
    start: SimTime,
    end: SimTime,
    cpu_ns: u64,
    /// Time integral of ready pods, pod-seconds.
    ready_seconds: f64,
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
    /// By `service * clusters + cluster`.
    cpu: Vec<VecDeque<CpuSlice>>,
    cpu_kept: SimDuration,
    /// Services whose both sides are remembered; by service.
    tracked: Vec<Option<VecDeque<Slice>>>,
    kept: SimDuration,
}

impl History {
    pub fn new(services: usize, clusters: usize, cpu_kept: SimDuration, kept: SimDuration) -> Self {
        Self {
            cpu: vec![VecDeque::new(); services * clusters],
            cpu_kept,
            tracked: vec![None; services],
            kept,
        }
    }

    /// Remembers both sides of the service from now on.
    pub fn track(&mut self, service: ServiceId) {
        self.tracked[service.index()].get_or_insert_default();
    }

    /// Forgets them.
    pub fn forget(&mut self, service: ServiceId) {
        self.tracked[service.index()] = None;
    }

    /// Whether both sides of some service are remembered.
    pub fn is_tracking(&self) -> bool {
        self.tracked.iter().any(Option::is_some)
    }

    /// CPU over request-seconds of ready pods within a window: utilisation of one core requested; `None`
    /// without ready pods.
    pub fn cpu_cores_per_ready_pod(&self, at: usize, from: SimTime, to: SimTime) -> Option<f64> {
        let inside = self.cpu[at]
            .iter()
            .filter(|slice| slice.start >= from && slice.end <= to);
        let (cpu, ready) = inside.fold((0.0, 0.0), |(cpu, ready), slice| {
            (
                cpu + slice.cpu_ns as f64 * 1e-9,
                ready + slice.ready_seconds,
            )
        });
        (ready > 0.0).then(|| cpu / ready)
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
    /// Whether a gate may ask for what is seen now: looks must be full.
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.history.is_tracking()
    }

    /// Takes in what the data plane saw in an interval that ends now.
    pub fn saw(&mut self, seen: &Seen) {
        let clusters = self.scenario.clusters.len();
        let mut ready = Vec::with_capacity(self.deployments.len());
        for (at, deployment) in self.deployments.iter_mut().enumerate() {
            let ready_seconds = deployment.take_ready_seconds(seen.end);
            ready.push(ready_seconds);
            if self.scenario.clusters[at % clusters].orchestrator == Orchestrator::Kubernetes {
                let slices = &mut self.history.cpu[at];
                let cpu_ns = seen.stations.get(at).map_or(0, |station| station.cpu_ns);
                slices.push_back(CpuSlice {
                    start: seen.start,
                    end: seen.end,
                    cpu_ns,
                    ready_seconds,
                });
                while slices
                    .front()
                    .is_some_and(|slice| seen.end.since(slice.end) > self.history.cpu_kept)
                {
                    slices.pop_front();
                }
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
                    ready_seconds: ready[at],
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
        SimTime(
            periods
                .map(|period| (at.0 / period + 1) * period)
                .min()
                .unwrap_or(at.0 + LOOK.0),
        )
    }
}
