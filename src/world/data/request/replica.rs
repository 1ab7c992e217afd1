//! Replicas: worker slots, the waiting room, warming, and who may be chosen.

use crate::engine::Key;
use crate::model::{Balancer, Service, Warmup, service::WarmupOver};
use crate::units::{ReplicaId, SimDuration, SimTime};
use crate::world::data::request::calls::REPLICA;
use crate::world::data::request::frame::NIL;
use crate::world::data::request::hosting::Seat;
use crate::world::data::request::waiting_room::WaitingRoom;

/// Steps in which a replica warms by time, besides the ends of its requests.
const WARMING_STEPS: u64 = 100;

/// A first-in-first-out queue of frames, linked by `Frame::link`.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// The next to leave; `NIL` when empty.
    pub first: u32,
    /// The last that came; `NIL` when empty.
    pub last: u32,
    /// How many.
    pub length: u32,
}

impl Queue {
    /// Nobody waits.
    pub const EMPTY: Self = Self {
        first: NIL,
        last: NIL,
        length: 0,
    };
}

/// One replica. What every request touches comes first and fits one cache line.
#[repr(C, align(64))]
pub struct Replica {
    /// `service * clusters + cluster`.
    pub station: u32,
    /// Worker slots in use.
    pub in_slots: u32,
    /// Worker slots; `u32::MAX` is unlimited.
    pub slots: u32,
    /// Waiting room.
    pub queue: Queue,
    /// Places in the waiting room; `u32::MAX` is unlimited.
    pub places: u32,
    /// Attempts sent to it that have not been answered or given up.
    pub outstanding: u32,
    /// Requests that fit its memory; `u32::MAX` when they take none.
    pub fit_memory: u32,
    /// Accepts requests.
    pub accepting: bool,
    /// Exists.
    pub alive: bool,
    /// Finishes and tells when idle.
    pub draining: bool,
    /// Its slow start is not over.
    pub warming: bool,
    /// Who goes on here does so after whom it answers, when both want a processor in order of arrival now.
    pub yields: bool,
    /// It shares its processor.
    pub hosted: bool,
    /// Its waiting room is no plain queue: `room`, or a broker's.
    pub special: bool,
    /// Nothing about it is out of the ordinary: it accepts, does not warm, has its own processor and a plain queue.
    /// `settle` brings it up to date.
    pub plain: bool,
    /// Requests that may be in slots at once while it is plain, else 0; while there are fewer nobody waits. `settle`
    /// brings it up to date.
    pub room_while_plain: u32,
    /// Requests finished.
    pub served: u64,
    /// CPU time at the last observation, nanoseconds.
    pub cpu_seen: u64,
    /// Rate relative to nominal, besides warming.
    pub speed: f64,
    /// Slow start.
    pub warmup: Option<Warmup>,
    /// Since when it warms.
    pub warm_since: SimTime,
    /// Where it runs when it shares its processor.
    pub seat: Option<Seat>,
    /// CPU time of its jobs that a shared processor has finished, nanoseconds.
    pub cpu_done: u64,
    /// Who waits, when not simply in order of arrival.
    pub room: Option<Box<WaitingRoom>>,
}

impl Replica {
    /// A replica that is not ready yet.
    pub fn new(
        service: &Service,
        station: usize,
        speed: f64,
        warmup: Option<Warmup>,
        now: SimTime,
    ) -> Self {
        Self {
            station: station as u32,
            in_slots: 0,
            slots: service.concurrency.unwrap_or(u32::MAX),
            queue: Queue::EMPTY,
            places: service.queue.max.unwrap_or(u32::MAX),
            outstanding: 0,
            fit_memory: fit_memory(service),
            accepting: false,
            alive: true,
            draining: false,
            warming: warmup.is_some(),
            yields: false,
            hosted: false,
            special: false,
            plain: false,
            room_while_plain: 0,
            seat: None,
            cpu_done: 0,
            room: None,
            served: 0,
            cpu_seen: 0,
            speed,
            warmup,
            warm_since: now,
        }
    }

    /// Finds out anew whether anything about it is out of the ordinary.
    pub fn settle(&mut self) {
        self.plain = self.is_plain();
        self.room_while_plain = if self.plain {
            self.slots.min(self.fit_memory)
        } else {
            0
        };
    }

    /// Whether nothing about it is out of the ordinary.
    pub fn is_plain(&self) -> bool {
        self.accepting && !self.draining && !self.warming && !self.hosted && !self.special
    }

    /// Requests at it: in slots and waiting.
    pub fn in_flight(&self) -> u32 {
        self.in_slots + self.queue.length
    }

    /// Its processing rate at `now`: speed times warming; forgets a warm-up that is over.
    pub fn rate(&mut self, now: SimTime) -> f64 {
        let Some(warmup) = self.warmup else {
            return self.speed;
        };
        let done = match warmup.over {
            WarmupOver::Time(time) if time.0 == 0 => 1.0,
            WarmupOver::Time(time) => now.since(self.warm_since).seconds() / time.seconds(),
            WarmupOver::Requests(count) => self.served as f64 / count.max(1) as f64,
        };
        if done >= 1.0 {
            self.warmup = None;
            self.warming = false;
            self.settle();
        }
        self.speed * (warmup.from + (1.0 - warmup.from) * done.min(1.0))
    }

    /// Until its rate is brought up to date again: warming by time goes on while requests run.
    pub fn warming_step(&self) -> Option<SimDuration> {
        let over = self.warmup?.over;
        match over {
            WarmupOver::Time(time) => Some(SimDuration((time.0 / WARMING_STEPS).max(1))),
            WarmupOver::Requests(_) => None,
        }
    }
}

/// Requests in flight that fit a replica's memory limit.
fn fit_memory(service: &Service) -> u32 {
    let limit = service.resources.memory_limit.map(|limit| limit.0);
    let fits = limit.and_then(|limit| limit.checked_div(service.memory_per_request.0));
    fits.map_or(u32::MAX, |fits| u32::try_from(fits).unwrap_or(u32::MAX))
}

/// The replicas that callers of one service in one cluster may choose.
#[derive(Default)]
pub struct Listed {
    /// In the order of listing.
    pub replicas: Vec<ReplicaId>,
    /// Round-robin's position.
    pub turn: usize,
    /// Place of the station's cluster.
    pub place: u8,
}

impl Listed {
    /// One of the listed replicas by this rule; `None` when nobody is listed.
    #[inline(always)]
    pub fn choose(&mut self, rule: Balancer, key: Key, replicas: &[Replica]) -> Option<u32> {
        match self.replicas.as_slice() {
            [] => None,
            [only] => Some(only.0),
            _ => Some(self.choose_among(rule, key, replicas)),
        }
    }

    fn choose_among(&mut self, rule: Balancer, key: Key, replicas: &[Replica]) -> u32 {
        let count = self.replicas.len();
        match rule {
            Balancer::RoundRobin => {
                self.turn = (self.turn + 1) % count;
                self.replicas[self.turn].0
            }
            Balancer::Random => self.replicas[key.index(REPLICA, 0, count)].0,
            Balancer::LeastRequest => {
                let first = self.replicas[key.index(REPLICA, 0, count)].0;
                let second = self.replicas[key.index(REPLICA, 1, count)].0;
                let load = |replica: u32| replicas[replica as usize].outstanding;
                if load(second) < load(first) {
                    second
                } else {
                    first
                }
            }
        }
    }
}
