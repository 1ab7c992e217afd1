//! The plane itself: its state, its events, and the contract with the control plane.

use std::collections::VecDeque;

use crate::engine::{Event, EventList, Key, Lane, Purpose};
use crate::model::{RoutingMode, Scenario};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimDuration, SimTime};
use crate::world::contract::{Advanced, Command, DataPlane, Luck, Notice, ReplicaSeen, Seen, Stop};
use crate::world::data::request::accounts::Accounts;
use crate::world::data::request::caches::Store;
use crate::world::data::request::cancel::Deadlines;
use crate::world::data::request::clients::Clients;
use crate::world::data::request::connections::Pools;
use crate::world::data::request::faults::Faults;
use crate::world::data::request::frame::{NIL, Slab};
use crate::world::data::request::hosting::Host;
use crate::world::data::request::links::{Hop, Wire, hops};
use crate::world::data::request::managed::ManagedCalls;
use crate::world::data::request::processor::Processor;
use crate::world::data::request::program::Programs;
use crate::world::data::request::queues::{Broker, room_of};
use crate::world::data::request::replica::{Listed, Replica};
use crate::world::data::request::sites::Traits;
use crate::world::data::request::trace::Tracer;
use crate::world::data::request::users::Users;
use crate::world::data::request::watch::{Marks, Watched};
use crate::world::data::request::ways::Way;

/// Kinds of events; their number is the order among equal times: what frees comes before what asks, answers
/// before the timers that would give up on them.
pub(super) mod rank {
    pub const WORK_ENDED: u8 = 0;
    pub const COMPLETED: u8 = 1;
    pub const HOST: u8 = 2;
    pub const WIRE: u8 = 3;
    pub const REPLIED: u8 = 4;
    pub const WAITED: u8 = 5;
    pub const WARMED: u8 = 6;
    pub const CONNECT: u8 = 7;
    pub const ARRIVED: u8 = 8;
    pub const QUEUE_TIMEOUT: u8 = 9;
    pub const TRY_TIMEOUT: u8 = 10;
    pub const CALL_TIMEOUT: u8 = 11;
    pub const BACKED_OFF: u8 = 12;
    pub const USER: u8 = 13;
    pub const LOAD: u8 = 14;
}

/// Events at one instant after which time is held to stand still.
const STANDSTILL: u64 = 2_000_000;

/// Routing of a service that may be in two clusters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub mode: RoutingMode,
    pub weight: f64,
    pub callers_share: f64,
}

/// Simulates every request; see the folder's text.
pub struct RequestPlane {
    pub(super) scenario: Scenario,
    pub(super) programs: Programs,
    pub(super) now: SimTime,
    pub(super) events: EventList,
    pub(super) frames: Slab,
    pub(super) replicas: Vec<Replica>,
    /// By replica.
    pub(super) processors: Vec<Processor>,
    /// By `service * clusters + cluster`.
    pub(super) listed: Vec<Listed>,
    /// By service.
    pub(super) routes: Vec<Option<Route>>,
    /// By service: its station while it can be in one cluster only, else `NIL`.
    pub(super) only: Vec<u32>,
    /// As in `Links::table`.
    pub(super) hops: Vec<Hop>,
    pub(super) wires: Vec<Wire>,
    pub(super) faults: Faults,
    /// Users and clusters.
    pub(super) places: usize,
    /// Lanes of each site's try timer and timer over all tries.
    pub(super) timers: Vec<(Option<Lane>, Option<Lane>)>,
    pub(super) clients: Clients,
    pub(super) managed: ManagedCalls,
    /// Replicas that may be chosen, while a managed call chooses.
    pub(super) usable: Vec<u32>,
    /// By frame, where deadlines are passed on.
    pub(super) deadlines: Vec<Deadlines>,
    /// Whether any call passes its deadline on.
    pub(super) tracks_deadlines: bool,
    /// Whether work may be stopped, so that branches must be found.
    pub(super) tracks_branches: bool,
    pub(super) users: Users,
    pub(super) accounts: Accounts,
    /// By `processor * clusters + cluster`.
    pub(super) hosts: Vec<Host>,
    /// By `service * clusters + cluster`.
    pub(super) brokers: Vec<Option<Broker>>,
    /// Stations whose broker took requests back from a killed replica.
    pub(super) redelivered: Vec<usize>,
    /// Replicas that are out of memory.
    pub(super) doomed: Vec<u32>,
    pub(super) pools: Pools,
    /// By service: lane of the longest wait in its queue.
    pub(super) queue_timers: Vec<Option<Lane>>,
    /// By `CacheId`.
    pub(super) caches: Vec<Store>,
    pub(super) watched: Watched,
    /// Whether the short ways are open.
    pub(super) short_ways: bool,
    /// By `site * hops + hop`.
    pub(super) ways: Vec<Way>,
    /// By slot, in a watched scenario.
    pub(super) marks: Vec<Marks>,
    pub(super) notices: VecDeque<Notice>,
    /// Frames that can go on at once, worked off before the next event.
    pub(super) resumed: Vec<u32>,
    /// Spans, when some actions are traced.
    pub(super) tracer: Option<Box<Tracer>>,
    handled: u64,
    at_this_instant: u64,
}

pub(super) const LATENCY: Purpose = Purpose::new("latency");

impl RequestPlane {
    /// A plane without replicas at time zero; `records` keeps a record of each user action for matching.
    #[must_use]
    pub fn new(scenario: &Scenario, luck: Luck, records: bool) -> Self {
        let mut events = EventList::default();
        let programs = Programs::new(scenario);
        let places = scenario.clusters.len() + 1;
        let (hops, wires) = hops(scenario, &mut events);
        let timers = programs
            .sites
            .iter()
            .map(|site| {
                // Without retries the timer over all tries is that of the only try.
                let policy = &site.policy;
                let (per_try, all) = if policy.retries.max == 0 && policy.hedge.is_none() {
                    (
                        policy
                            .per_try_timeout
                            .into_iter()
                            .chain(policy.timeout)
                            .min(),
                        None,
                    )
                } else {
                    (policy.per_try_timeout, policy.timeout)
                };
                (
                    per_try.map(|time| events.lane(time, rank::TRY_TIMEOUT)),
                    all.map(|time| events.lane(time, rank::CALL_TIMEOUT)),
                )
            })
            .collect();
        let queue_timers = scenario
            .services
            .iter()
            .map(|service| service.queue.timeout.as_ref()?.as_constant())
            .map(|limit| limit.map(SimDuration::from_seconds))
            .map(|limit| limit.map(|time| events.lane(time, rank::QUEUE_TIMEOUT)))
            .collect();
        let stations = scenario.services.len() * scenario.clusters.len();
        let key = Key::root(luck.seed, luck.stage, luck.replication);
        let any = |traits: Traits| programs.sites.iter().any(|site| site.traits.has(traits));
        let hedges = programs
            .sites
            .iter()
            .any(|site| site.policy.hedge.is_some());
        let mut plane = Self {
            clients: Clients::new(&programs.clients, scenario.clusters.len()),
            managed: ManagedCalls::default(),
            usable: Vec::new(),
            deadlines: Vec::new(),
            tracks_deadlines: any(Traits::DEADLINE),
            tracks_branches: hedges || any(Traits::CANCELS),
            programs,
            now: SimTime::ZERO,
            events,
            frames: Slab::default(),
            replicas: Vec::new(),
            processors: Vec::new(),
            listed: (0..stations)
                .map(|station| Listed {
                    place: (station % scenario.clusters.len()) as u8 + 1,
                    ..Listed::default()
                })
                .collect(),
            routes: vec![None; scenario.services.len()],
            only: scenario
                .services
                .iter()
                .enumerate()
                .map(|(index, service)| match service.clusters.as_slice() {
                    [only] => (index * scenario.clusters.len() + only.index()) as u32,
                    _ => NIL,
                })
                .collect(),
            hops,
            wires,
            faults: Faults::default(),
            places,
            timers,
            users: Users::new(scenario, key),
            accounts: Accounts::new(scenario, records),
            hosts: Host::all(scenario),
            brokers: Broker::all(scenario),
            redelivered: Vec::new(),
            doomed: Vec::new(),
            pools: Pools::default(),
            queue_timers,
            caches: Store::all(scenario),
            watched: Watched::default(),
            short_ways: false,
            ways: Vec::new(),
            marks: Vec::new(),
            notices: VecDeque::new(),
            resumed: Vec::new(),
            tracer: None,
            handled: 0,
            at_this_instant: 0,
            scenario: scenario.clone(),
        };
        plane.open_short_ways(scenario.sections.is_empty() && scenario.links.places.is_empty());
        plane.take_watched();
        plane.start_loads();
        plane
    }

    #[inline]
    pub(super) fn station(&self, service: ServiceId, cluster: ClusterId) -> usize {
        service.index() * self.scenario.clusters.len() + cluster.index()
    }

    /// Number of the hop from one place to another.
    #[inline]
    pub(super) fn hop(&self, from: usize, to: usize) -> usize {
        from * self.places + to
    }

    fn handle(&mut self, event: Event) {
        if event.rank == rank::WORK_ENDED {
            // The commonest, and who comes next is not looked up in a table then.
            self.on_work_ended(event);
            self.go_on();
            return;
        }
        match event.rank {
            rank::COMPLETED => self.on_completed(event),
            rank::HOST => self.on_host(event),
            rank::WIRE => self.on_wire(event),
            rank::REPLIED => self.on_replied_last(event.slot),
            rank::WARMED => self.on_warmed(event.slot),
            rank::QUEUE_TIMEOUT => self.on_queue_timeout(event.slot, event.sequence),
            rank::WAITED => self.on_waited(event),
            rank::CONNECT => self.on_connect(event),
            rank::ARRIVED => self.on_arrived_last(event.slot),
            rank::TRY_TIMEOUT => self.on_try_timeout(event),
            rank::CALL_TIMEOUT => self.on_call_timeout(event),
            rank::BACKED_OFF => self.on_backed_off(event),
            rank::USER => self.on_user(event.slot),
            _ => self.on_load(event.slot),
        }
        self.go_on();
    }

    /// Lets all frames go on that can.
    #[inline(always)]
    fn go_on(&mut self) {
        loop {
            while let Some(frame) = self.resumed.pop() {
                self.resume(frame);
            }
            if self.pools.freed.is_empty() && self.doomed.is_empty() {
                return;
            }
            self.see_to_the_rest();
        }
    }

    /// What frames that went on have left to be done.
    #[inline(never)]
    fn see_to_the_rest(&mut self) {
        if self.pools.freed.is_empty() {
            self.kill_doomed();
        } else {
            self.serve_pools();
        }
    }

    fn check(&self, event: Event) -> Result<(), Stop> {
        let limit = self
            .scenario
            .run
            .max_in_flight
            .min(crate::engine::events::MAX_SLOTS - 1);
        if self.frames.live() as u64 > limit {
            return Err(Stop::InFlight {
                at: event.time,
                in_flight: self.frames.live() as u64,
                limit,
            });
        }
        if self
            .scenario
            .run
            .max_events
            .is_some_and(|max| self.handled > max)
        {
            return Err(Stop::Events {
                at: event.time,
                events: self.handled,
            });
        }
        if self.at_this_instant > STANDSTILL + 16 * self.frames.live() as u64 {
            return Err(Stop::ZeroDelayLoop {
                at: event.time,
                services: self.services_in_flight(),
            });
        }
        Ok(())
    }
}

impl DataPlane for RequestPlane {
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop> {
        if let Some(notice) = self.notices.pop_front() {
            return Ok(Advanced {
                now: self.now,
                notice: Some(notice),
            });
        }
        while let Some(event) = self.events.pop_before(until) {
            if event.time > self.now {
                self.now = event.time;
                self.at_this_instant = 0;
            }
            self.at_this_instant += 1;
            self.handled += 1;
            if self.handled & 0xfff == 0 {
                self.check(event)?;
            }
            self.handle(event);
            if let Some(notice) = self.notices.pop_front() {
                return Ok(Advanced {
                    now: self.now,
                    notice: Some(notice),
                });
            }
        }
        if until > self.now {
            self.now = until;
            self.at_this_instant = 0;
        }
        Ok(Advanced {
            now: until,
            notice: None,
        })
    }

    fn command(&mut self, command: Command) {
        let now = self.now;
        match command {
            Command::AddReplica {
                replica,
                service,
                cluster,
                speed,
                warmup,
            } => {
                assert_eq!(
                    replica.index(),
                    self.replicas.len(),
                    "replica ids count up without holes"
                );
                let described = &self.scenario.services[service.index()];
                self.processors
                    .push(Processor::new(described.processor, speed, now));
                let station = self.station(service, cluster);
                let mut added = Replica::new(described, station, speed, warmup, now);
                added.room = room_of(&self.scenario, described);
                added.special = added.room.is_some() || described.queue.shared;
                if let Some((seat, fifo)) = self.seat(service, cluster) {
                    (added.seat, added.hosted, added.yields) = (Some(seat), true, fifo);
                }
                added.settle();
                self.replicas.push(added);
            }
            Command::Ready { replica } => {
                let home = &mut self.replicas[replica.index()];
                home.accepting = true;
                home.warm_since = now;
                home.settle();
                self.update_rate(replica.0);
                self.begin_warming(replica.0);
                self.begin_to_pull(replica.0);
            }
            Command::List { replica } => {
                let station = self.replicas[replica.index()].station as usize;
                if !self.listed[station].replicas.contains(&replica) {
                    self.listed[station].replicas.push(replica);
                }
            }
            Command::Delist { replica } => {
                let station = self.replicas[replica.index()].station as usize;
                self.listed[station]
                    .replicas
                    .retain(|other| *other != replica);
            }
            Command::SetRate { replica, speed } => {
                self.replicas[replica.index()].speed = speed;
                self.update_rate(replica.0);
            }
            Command::Drain { replica } => {
                let home = &mut self.replicas[replica.index()];
                (home.draining, home.accepting) = (true, false);
                home.settle();
                self.close_to(replica.0);
                let home = &self.replicas[replica.index()];
                if home.in_flight() == 0 {
                    self.notices.push_back(Notice::Drained { replica });
                }
            }
            Command::Kill { replica } => self.kill(replica),
            Command::Crash { replica } => self.crash(replica),
            Command::SetErrors { replica, ratio } => self.set_errors(replica, ratio),
            Command::SetLink { hop, state } => self.set_link(hop, state),
            Command::SetRouting {
                service,
                mode,
                weight,
                callers_share,
            } => {
                self.only[service.index()] = NIL;
                self.settle_places(service);
                self.routes[service.index()] = Some(Route {
                    mode,
                    weight,
                    callers_share,
                });
            }
        }
        self.go_on();
    }

    fn observe(&mut self, seen: &mut Seen) {
        seen.full = true;
        seen.replicas.clear();
        for (index, replica) in self
            .replicas
            .iter_mut()
            .enumerate()
            .filter(|(_, replica)| replica.alive)
        {
            let used = if replica.hosted {
                replica.cpu_done
            } else {
                self.processors[index].cpu_ns_at(self.now)
            };
            let cpu_ns = used - replica.cpu_seen;
            replica.cpu_seen = used;
            self.accounts.stations[replica.station as usize].cpu_ns += cpu_ns;
            seen.replicas.push(ReplicaSeen {
                replica: ReplicaId::from_index(index),
                cpu_ns,
                in_flight: replica.in_flight(),
            });
        }
        self.accounts.observe(seen, self.now);
    }

    fn events(&self) -> u64 {
        self.handled
    }
}
