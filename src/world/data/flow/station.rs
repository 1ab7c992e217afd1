//! One service in one cluster in equilibrium, with a fluid backlog for what exceeds its capacity.

use crate::model::{Balancer, Discipline, Service};
use crate::queueing::{
    Cell, SlotStation, StationTable, erlang_c, mgc_wait, slot_point, slot_rates,
};
use crate::world::data::flow::crowd::of_crowd;
use crate::world::data::flow::groups::{self, Choice, Groups};
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::quota::quota_delay;
use crate::world::data::flow::unequal::of_two_choices;

/// Utilisation above which the equilibrium formulas hand over to the fluid backlog.
pub const EQUILIBRIUM: f64 = 0.97;
/// More slots than these are taken as so many servers.
const MOST_SLOTS: u32 = 64;
/// Share of a quota's capacity above which it is as if there were fewer cores.
const BOUND: f64 = 0.9;
/// A waiting room that fills within so many seconds is in equilibrium at every instant.
const MOMENT: f64 = 2.0;

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
    /// Share by which one request more at a replica lowers what comes, as users who wait send nothing. 0: open.
    pub thinning: f64,
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
    /// Mean chance that a request at one of those fails after its work, besides its endpoint's own errors.
    pub errors: f64,
    /// Of those: how many work at which rate, where rates differ.
    pub groups: Groups,
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
    /// Share of arriving requests whose callers stop waiting before their turn, where such work is taken back.
    pub abandoned: f64,
    /// Share of arriving requests that join those behind; below zero while it catches up.
    pub held_back: f64,
    /// CPU in use, cores.
    pub cores: f64,
    /// Requests per second that it can finish.
    pub capacity: f64,
    /// What exceeds its capacity is turned away at once, so that it is never behind.
    pub settles: bool,
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
            || (self.abandoned - before.abandoned).abs() > 1e-6
            || (self.held_back - before.held_back).abs() > share
    }

    /// What it finishes, not what comes, goes on: all behind in the second of a step, or what there is room for.
    fn hold_back(&mut self, requests: f64, backlog: f64) {
        let let_in = requests * (1.0 - self.shed - self.abandoned);
        if !self.settles && requests > 0.0 && self.capacity.is_finite() {
            self.held_back = (let_in - self.capacity.min(let_in + backlog)) / requests;
        }
    }

    /// The point for what is offered with `backlog` behind. `patience`: seconds until callers take their work back.
    pub fn new(
        service: &Service,
        serving: Serving,
        offered: Offered,
        balancer: Balancer,
        backlog: f64,
        patience: Option<f64>,
        table: Option<&StationTable>,
    ) -> Self {
        let mut point = if let Some(apart) = serving.groups.rates(serving.usable) {
            groups::point(
                &apart,
                serving,
                offered,
                Choice {
                    balancer,
                    servers: (usable_cores(service).min(1e6) as u32).max(1),
                },
                |serving, offered, behind| {
                    Self::of_equals(
                        service,
                        serving,
                        offered,
                        (balancer, apart.all),
                        behind * backlog,
                        patience,
                        table,
                    )
                },
            )
        } else {
            let among = (balancer, serving.usable);
            Self::of_equals(service, serving, offered, among, backlog, patience, table)
        };
        point.hold_back(offered.requests, backlog);
        point
    }

    /// The same for replicas of one rate, which are some of those among which callers choose.
    fn of_equals(
        service: &Service,
        serving: Serving,
        offered: Offered,
        (balancer, among): (Balancer, f64),
        backlog: f64,
        patience: Option<f64>,
        table: Option<&StationTable>,
    ) -> Self {
        let mut point = Self {
            stretch: 1.0,
            ..Self::default()
        };
        let replicas = serving.usable;
        if replicas <= 0.0 {
            return point;
        }
        let station = Station {
            service,
            cores: service.processor.cores.max(1),
            cap: usable_cores(service),
            time: offered.demand / serving.rate.max(1e-6),
            sharing: service.processor.discipline == Discipline::ProcessorSharing,
            balancer,
            among,
            replicas,
            offered,
            table,
        };
        point.cores = (offered.jobs * station.time).min(replicas * station.cap);
        let work = station.work();
        point.capacity = if work > 0.0 {
            replicas * station.cap / work
        } else {
            f64::INFINITY
        };
        // Without a limit of their number requests wait at the processor only.
        let slots = service.concurrency.filter(|slots| *slots > 0);
        let few = match (slots, patience) {
            (None, Some(_)) if point.capacity.is_finite() => Some(station.cores),
            _ => slots.filter(|slots| *slots <= MOST_SLOTS),
        };
        if let Some(few) = few {
            point.add_few_slots(&station, few, patience, backlog);
        } else {
            point.add_processor(&station, slots);
            if let Some(slots) = slots {
                point.add_many_slots(&station, slots, backlog);
            }
        }
        point.cores = point
            .cores
            .min(offered.jobs * station.time * (1.0 - point.shed - point.abandoned).max(0.0));
        if !point.settles && backlog > 0.0 {
            // What is behind is worked on, too: all of it within the second that a step takes then, or what there is room for.
            let room = (replicas * station.cap).min(point.capacity * work);
            point.cores = (point.cores + backlog * work).min(room);
        }
        if !point.settles && backlog > 0.0 && point.capacity > 0.0 && point.capacity.is_finite() {
            point.slot_wait.mean += backlog / point.capacity;
            point.slot_wait.shift += backlog / point.capacity;
        }
        point
    }

    /// Few enough slots to follow each: the wait for a slot and for the processor in one.
    fn add_few_slots(
        &mut self,
        station: &Station<'_>,
        slots: u32,
        patience: Option<f64>,
        backlog: f64,
    ) {
        let (service, offered) = (station.service, station.offered);
        let limited = service.concurrency.is_some();
        let mut queue = SlotStation {
            slots,
            cores: station.cap,
            places: service.queue.max.filter(|_| limited),
            demand: station.work(),
            elsewhere: if limited {
                (offered.hold - station.work()).max(0.0)
            } else {
                0.0
            },
        };
        let rates = slot_rates(&queue);
        let Some(capacity) = rates.last().copied().filter(|rate| rate.is_finite()) else {
            return;
        };
        self.capacity = self.capacity.min(station.replicas * capacity);
        // Who is taken back when the caller gives up waits at most that long.
        let mut leaves = false;
        if let Some(patience) = patience {
            let own = queue.demand + queue.elsewhere;
            let room = (capacity * (patience - own).max(0.0)) as u32;
            leaves = queue.places.is_none_or(|places| room < places);
            if leaves {
                queue.places = Some(room);
            }
        }
        // A room that fills within a moment is always in equilibrium; a larger one is followed as a backlog.
        let fills = |places: u32| f64::from(places) / capacity <= MOMENT;
        self.settles = queue.places.is_some_and(fills);
        let each = offered.requests / station.replicas;
        let seen = if self.settles {
            each
        } else {
            queue.places = None;
            each.min(EQUILIBRIUM * capacity)
        };
        // A quota is spent in bursts at full speed: only near its capacity is it as if there were fewer cores.
        let bound = station.is_bound() && each < BOUND * capacity;
        let found = if bound {
            queue.cores = f64::from(station.cores);
            slot_point(&queue, &slot_rates(&queue), seen)
        } else {
            slot_point(&queue, &rates, seen)
        };
        let Some(found) = found else {
            return;
        };
        if leaves {
            self.abandoned = found.refused;
        } else {
            self.shed = found.refused;
        }
        let load = (seen / capacity).min(1.0);
        let hold = queue.demand + queue.elsewhere;
        let at_processor = queue.demand / (queue.demand + queue.elsewhere).max(1e-12);
        let mut mean = found.wait;
        if let Some(cell) = station.measured() {
            // What the table has beyond one processor chosen at random: a balancer's part of the wait, a quota's delay.
            let alone = station.alone_in_services();
            if bound {
                mean += (cell.wait - alone).max(0.0) * station.work();
            } else if alone > 0.0 && !station.is_bound() {
                mean *= of_balancer(cell.wait / alone, each / capacity);
            }
        } else {
            mean *= of_balancer(station.balance(load), each / capacity);
            if !station.sharing {
                mean *= 1.0 + at_processor * 0.5 * (offered.scv - 1.0);
            }
            if bound {
                mean += station.quota_delay();
            }
        }
        mean *= of_crowd(offered.thinning, load, seen * (hold + mean));
        let stretch = if found.wait > 0.0 {
            mean / found.wait
        } else {
            1.0
        };
        self.slot_wait = Moments {
            mean,
            variance: found.variance * stretch * stretch,
            shift: 0.0,
        };
        if !self.settles
            && let Some(places) = service.queue.max
        {
            let full = f64::from(places) * station.replicas;
            if offered.requests > self.capacity && backlog >= full {
                self.shed = 1.0 - self.capacity / offered.requests;
            }
        }
        if station.sharing {
            self.spread = 2.0 * load / (2.0 - load) * at_processor;
        }
    }

    /// The wait for the processor.
    fn add_processor(&mut self, station: &Station<'_>, slots: Option<u32>) {
        let (time, cores) = (station.time, station.cores);
        let each = station.offered.jobs / station.replicas;
        if time <= 0.0 || each <= 0.0 || station.cap.is_infinite() {
            return;
        }
        // Rates beyond the capacity are the backlog's affair: the formulas see at most the equilibrium's edge.
        let seen = each.min(EQUILIBRIUM * f64::from(cores) / time);
        let scv = if station.sharing {
            1.0
        } else {
            station.offered.scv
        };
        let load = seen * time / f64::from(cores);
        let thinning = station.offered.thinning;
        if let Some(cell) = station.measured() {
            self.follow(station, cell);
            let load = (each * time / station.cap).min(EQUILIBRIUM);
            let number = load * station.cap * (1.0 + cell.wait);
            self.thin(of_crowd(thinning, load, number));
            return;
        }
        let mut mean = mgc_wait(cores, seen, time, scv) * station.balance(load);
        if let Some(slots) = slots {
            mean = mean.min((f64::from(slots) / f64::from(cores) - 1.0).max(0.0) * time);
        }
        mean += station.quota_delay();
        if station.sharing {
            self.stretch = 1.0 + mean / time;
            self.spread = 2.0 * load / (2.0 - load);
        } else {
            self.wait = waiting(mean, erlang_c(cores, seen * time));
        }
        self.thin(of_crowd(thinning, load, seen * (time + mean)));
    }

    /// A shorter wait at the processor by this factor.
    fn thin(&mut self, factor: f64) {
        self.stretch = 1.0 + factor * (self.stretch - 1.0);
        self.wait.mean *= factor;
        self.wait.variance *= factor * factor;
    }

    /// The time at the processor as it was measured.
    fn follow(&mut self, station: &Station<'_>, cell: Cell) {
        let (time, scv) = (station.time, station.offered.scv);
        let mean = cell.wait * time;
        if station.sharing {
            // The measured variance is that of the demand, stretched, and what sharing adds.
            self.stretch = 1.0 + cell.wait;
            let own = scv * self.stretch * self.stretch;
            let whole = 1.0 + cell.wait;
            self.spread = ((cell.variance - own) / (whole * whole)).max(0.0);
        } else {
            self.wait = Moments {
                mean,
                variance: (cell.variance - scv).max(0.0) * time * time,
                shift: 0.0,
            };
        }
    }

    /// The wait for one of many slots, as for so many servers.
    fn add_many_slots(&mut self, station: &Station<'_>, slots: u32, backlog: f64) {
        let offered = station.offered;
        if offered.hold <= 0.0 {
            return;
        }
        let count = f64::from(slots);
        self.capacity = self.capacity.min(station.replicas * count / offered.hold);
        let each = offered.requests / station.replicas;
        let seen = each.min(EQUILIBRIUM * count / offered.hold);
        let load = seen * offered.hold;
        let chance = erlang_c(slots, load);
        let mean = mgc_wait(slots, seen, offered.hold, 1.0);
        self.slot_wait = waiting(mean, chance);
        if let Some(places) = station.service.queue.max {
            self.shed = chance * libm::pow(load / count, f64::from(places));
            let full = f64::from(places) * station.replicas;
            if backlog >= full && offered.requests > self.capacity {
                self.shed = self.shed.max(1.0 - self.capacity / offered.requests);
            }
        }
    }
}

/// A station while its point is found.
struct Station<'a> {
    service: &'a Service,
    cores: u32,
    /// Cores of a replica that may be used in the long run.
    cap: f64,
    /// Mean time of a job on an idle processor, seconds.
    time: f64,
    sharing: bool,
    balancer: Balancer,
    /// Replicas among which callers choose.
    among: f64,
    replicas: f64,
    offered: Offered,
    /// Measured waits, where no formula fits.
    table: Option<&'a StationTable>,
}

impl Station<'_> {
    /// Whether a quota binds.
    fn is_bound(&self) -> bool {
        self.cap < f64::from(self.cores)
    }

    /// What was measured at this utilisation of what may be used in the long run.
    fn measured(&self) -> Option<Cell> {
        let load = self.offered.jobs / self.replicas * self.time / self.cap;
        Some(self.table?.at(self.among, load.min(EQUILIBRIUM)))
    }

    /// Mean wait at one processor chosen at random, without a quota, in mean services.
    fn alone_in_services(&self) -> f64 {
        let scv = if self.sharing { 1.0 } else { self.offered.scv };
        let load = self.offered.jobs / self.replicas * self.time;
        let most = EQUILIBRIUM * f64::from(self.cores);
        mgc_wait(self.cores, load.min(most), 1.0, scv)
    }

    /// Processor time of a request, seconds.
    fn work(&self) -> f64 {
        if self.offered.requests > 0.0 {
            self.offered.jobs * self.time / self.offered.requests
        } else {
            0.0
        }
    }

    /// What balancing over several replicas leaves of the wait at one that is chosen at random. Turns make arrivals
    /// at one replica more even (their scv is one over the number of replicas); two choices shorten the wait as in
    /// the limit of many replicas (Mitzenmacher 2001).
    fn balance(&self, load: f64) -> f64 {
        if self.among <= 1.0 {
            return 1.0;
        }
        let scv = if self.sharing { 1.0 } else { self.offered.scv };
        match self.balancer {
            Balancer::Random => 1.0,
            Balancer::RoundRobin => (1.0 / self.among + scv) / (1.0 + scv),
            Balancer::LeastRequest => of_two_choices(load),
        }
    }

    fn quota_delay(&self) -> f64 {
        let each = self.offered.jobs / self.replicas;
        if self.time <= 0.0 || each <= 0.0 {
            return 0.0;
        }
        quota_delay(
            self.service,
            each.min(EQUILIBRIUM * self.cap / self.time),
            self.time,
            self.offered.scv,
        )
    }
}

/// Cores of one replica that may be used in the long run.
pub fn usable_cores(service: &Service) -> f64 {
    if service.processor.discipline == Discipline::Infinite {
        return f64::INFINITY;
    }
    let cores = f64::from(service.processor.cores.max(1));
    service.processor.quota.map_or(cores, |quota| {
        cores.min(quota.budget.seconds() / quota.period.seconds().max(1e-9))
    })
}

/// What a balancer leaves of a wait: where more comes than can be done all rooms are full, whoever is chosen.
fn of_balancer(factor: f64, load: f64) -> f64 {
    factor + (1.0 - factor) * ((load - 0.9) / 0.2).clamp(0.0, 1.0)
}

/// A wait with this mean of those who come, `chance` of whom wait at all, each exponentially long.
fn waiting(mean: f64, chance: f64) -> Moments {
    Moments {
        mean,
        variance: (mean * mean * (2.0 / chance.max(1e-6) - 1.0)).max(0.0),
        shift: 0.0,
    }
}
