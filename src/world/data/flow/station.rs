//! One service in one cluster in equilibrium, with a fluid backlog for what exceeds its capacity.

use crate::model::{Balancer, Discipline, Service};
use crate::queueing::{erlang_c, mgc_wait};
use crate::world::data::flow::law::Moments;

/// Utilisation above which the equilibrium formulas hand over to the fluid backlog.
const EQUILIBRIUM: f64 = 0.97;

/// What comes to a station.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offered {
    /// Requests per second, all replicas.
    pub requests: f64,
    /// Processor jobs per second, all replicas.
    pub jobs: f64,
    /// Mean demand of a job at nominal speed, seconds.
    pub demand: f64,
    /// Its squared coefficient of variation.
    pub scv: f64,
    /// Mean time that a request holds its slot, seconds.
    pub hold: f64,
}

/// Who serves it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Serving {
    /// Replicas that callers choose among.
    pub listed: f64,
    /// Those of them that accept requests.
    pub usable: f64,
    /// Mean processing rate of those, 1 is nominal.
    pub rate: f64,
}

/// Its operating point.
#[derive(Clone, Copy, Debug, Default)]
pub struct StationPoint {
    /// Wait of each job for the processor.
    pub wait: Moments,
    /// Factor on each job's own time (processor sharing).
    pub stretch: f64,
    /// Extra relative variance of a job's time from sharing.
    pub spread: f64,
    /// Wait of each request for a slot, backlog included.
    pub slot_wait: Moments,
    /// Share of arriving requests that find the waiting room full.
    pub shed: f64,
    /// CPU in use, cores.
    pub cores: f64,
    /// Requests per second that it can finish.
    pub capacity: f64,
}

impl StationPoint {
    /// Whether callers notice the step from `before`: a time that moved by more than `share`, or another shed share.
    pub fn differs(&self, before: &Self, share: f64) -> bool {
        let moved = |new: f64, old: f64| (new - old).abs() > share * new.abs().max(old.abs());
        moved(self.stretch, before.stretch)
            || moved(self.wait.mean, before.wait.mean)
            || moved(self.slot_wait.mean, before.slot_wait.mean)
            || moved(self.wait.variance, before.wait.variance)
            || moved(self.slot_wait.variance, before.slot_wait.variance)
            || (self.spread - before.spread).abs() > share
            || (self.shed - before.shed).abs() > 1e-6
    }

    /// The point for what is offered, `backlog` requests being behind already.
    pub fn new(
        service: &Service,
        serving: Serving,
        offered: Offered,
        balancer: Balancer,
        backlog: f64,
    ) -> Self {
        let replicas = serving.usable;
        if replicas <= 0.0 {
            return Self {
                stretch: 1.0,
                ..Self::default()
            };
        }
        let cores = f64::from(service.processor.cores.max(1));
        let quota = service.processor.quota.map_or(cores, |quota| {
            quota.budget.seconds() / quota.period.seconds().max(1e-9)
        });
        let cap = quota.min(cores);
        let time = offered.demand / serving.rate.max(1e-6);
        let each = offered.jobs / replicas;
        let mut point = Self {
            stretch: 1.0,
            ..Self::default()
        };
        point.cores = (offered.jobs * time).min(replicas * cap);
        let sharing = service.processor.discipline == Discipline::ProcessorSharing;
        if time > 0.0 && each > 0.0 {
            // Rates beyond the capacity are the backlog's affair: the formulas see at most the equilibrium's edge.
            let seen = each.min(EQUILIBRIUM * cores / time);
            let mut mean = processor_wait(
                service.processor.cores.max(1),
                seen,
                time,
                offered.scv,
                sharing,
                balancer,
                replicas,
            );
            if let Some(slots) = service.concurrency {
                mean = mean.min(f64::from(slots) / cores * time);
            }
            mean += quota_delay(
                service,
                each.min(EQUILIBRIUM * cap / time),
                time,
                offered.scv,
            );
            let waiting = erlang_c(service.processor.cores.max(1), seen * time).max(1e-6);
            if sharing {
                point.stretch = 1.0 + mean / time;
                let load = seen * time / cores;
                point.spread = 2.0 * load / (2.0 - load);
            } else {
                point.wait = Moments {
                    mean,
                    variance: (mean * mean * (2.0 / waiting - 1.0)).max(0.0),
                    shift: 0.0,
                };
            }
        }
        point.add_slots(service, offered, replicas, cap, time, backlog);
        point
    }

    fn add_slots(
        &mut self,
        service: &Service,
        offered: Offered,
        replicas: f64,
        cap: f64,
        time: f64,
        backlog: f64,
    ) {
        let work = if offered.requests > 0.0 {
            offered.jobs * time / offered.requests
        } else {
            0.0
        };
        self.capacity = if work > 0.0 {
            replicas * cap / work
        } else {
            f64::INFINITY
        };
        let each = offered.requests / replicas;
        if let Some(slots) = service
            .concurrency
            .filter(|slots| *slots > 0 && offered.hold > 0.0)
        {
            self.capacity = self
                .capacity
                .min(replicas * f64::from(slots) / offered.hold);
            let seen = each.min(EQUILIBRIUM * f64::from(slots) / offered.hold);
            let load = seen * offered.hold;
            let waiting = erlang_c(slots, load);
            let mean = mgc_wait(slots, seen, offered.hold, 1.0);
            self.slot_wait = Moments {
                mean,
                variance: (mean * mean * (2.0 / waiting.max(1e-6) - 1.0)).max(0.0),
                shift: 0.0,
            };
            if let Some(places) = service.queue.max {
                self.shed = waiting * libm::pow(load / f64::from(slots), f64::from(places));
                let full = f64::from(places) * replicas;
                if backlog >= full && offered.requests > self.capacity {
                    self.shed = self.shed.max(1.0 - self.capacity / offered.requests);
                }
            }
        }
        if backlog > 0.0 && self.capacity > 0.0 && self.capacity.is_finite() {
            self.slot_wait.mean += backlog / self.capacity;
            self.slot_wait.shift += backlog / self.capacity;
        }
    }
}

/// Mean wait at a processor, balanced over `replicas`. One replica and random choice are the M/G/c of each; turns
/// make arrivals at one replica more even (their scv is one over the number of replicas); two choices shorten the
/// wait as in the limit of many replicas (Mitzenmacher 2001).
fn processor_wait(
    cores: u32,
    arrivals: f64,
    time: f64,
    scv: f64,
    sharing: bool,
    balancer: Balancer,
    replicas: f64,
) -> f64 {
    let scv = if sharing { 1.0 } else { scv };
    let alone = mgc_wait(cores, arrivals, time, scv);
    if replicas <= 1.0 {
        return alone;
    }
    match balancer {
        Balancer::Random => alone,
        Balancer::RoundRobin => alone * (1.0 / replicas + scv) / (1.0 + scv),
        Balancer::LeastRequest => {
            let load = arrivals * time / f64::from(cores);
            let (mut sum, mut exponent) = (0.0, 2.0);
            while exponent < 1e6 {
                let term = libm::pow(load, exponent);
                sum += term;
                if term < 1e-9 {
                    break;
                }
                exponent = 2.0 * exponent + 2.0;
            }
            if load > 0.0 {
                alone * (sum / (load / (1.0 - load))).min(1.0)
            } else {
                alone
            }
        }
    }
}

/// Mean extra time of a job from a CFS quota: who meets an exhausted budget waits half of the throttled rest of the
/// period, and work carried over from full periods delays all. Demand of a period is taken as gamma distributed.
fn quota_delay(service: &Service, arrivals: f64, time: f64, scv: f64) -> f64 {
    let Some(quota) = service.processor.quota else {
        return 0.0;
    };
    let (budget, period) = (quota.budget.seconds(), quota.period.seconds());
    if budget >= period * f64::from(service.processor.cores) {
        return 0.0;
    }
    let mean = arrivals * period * time;
    let law = Moments {
        mean,
        variance: arrivals * period * time * time * (1.0 + scv),
        shift: 0.0,
    };
    let over = 1.0 - law.at_most(budget);
    // Mean of what a period asks for beyond its budget: the integral of the tail.
    const SLICES: u32 = 64;
    let step = (law.quantile(0.999_99) - budget).max(0.0) / f64::from(SLICES);
    let excess: f64 = (0..SLICES)
        .map(|slice| (1.0 - law.at_most(budget + (f64::from(slice) + 0.5) * step)) * step)
        .sum();
    let hit = ((excess + time * over) / mean.max(1e-12)).min(1.0);
    let carried = excess / (1.0 - mean / budget).max(1.0 - EQUILIBRIUM);
    hit * 0.5 * (period - budget).max(0.0) + carried / budget * period * (mean / budget)
}
