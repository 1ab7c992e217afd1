//! Replicas: worker slots, the waiting room, warming, and who may be chosen.

use crate::model::{Service, Warmup, service::WarmupOver};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimTime};
use crate::world::data::request::frame::NIL;
use crate::world::data::request::processor::Processor;

/// One replica.
pub struct Replica {
    /// Whose.
    pub service: ServiceId,
    /// Where.
    pub cluster: ClusterId,
    /// Its processor.
    pub processor: Processor,
    /// Sequence of the processor's armed completion, and when it is. 0: none.
    pub armed: (u32, SimTime),
    /// Accepts requests.
    pub accepting: bool,
    /// Exists.
    pub alive: bool,
    /// Finishes and tells when idle.
    pub draining: bool,
    /// Worker slots; `None` is unlimited.
    pub slots: Option<u32>,
    /// Places in the waiting room; `None` is unlimited.
    pub places: Option<u32>,
    /// Slots in use.
    pub in_slots: u32,
    /// Waiting room: first, last, length.
    pub queue: (u32, u32, u32),
    /// Attempts sent to it that have not been answered or given up.
    pub outstanding: u32,
    /// Rate relative to nominal, besides warming.
    pub speed: f64,
    /// Slow start that is not over.
    pub warmup: Option<Warmup>,
    /// Since when it warms.
    pub warm_since: SimTime,
    /// Requests finished.
    pub served: u64,
    /// CPU time at the last observation, nanoseconds.
    pub cpu_seen: u64,
}

impl Replica {
    /// A replica that is not ready yet.
    pub fn new(
        service: &Service,
        id: ServiceId,
        cluster: ClusterId,
        speed: f64,
        warmup: Option<Warmup>,
        now: SimTime,
    ) -> Self {
        Self {
            service: id,
            cluster,
            processor: Processor::new(service.processor, speed, now),
            armed: (0, SimTime::NEVER),
            accepting: false,
            alive: true,
            draining: false,
            slots: service.concurrency,
            places: service.queue.max,
            in_slots: 0,
            queue: (NIL, NIL, 0),
            outstanding: 0,
            speed,
            warmup,
            warm_since: now,
            served: 0,
            cpu_seen: 0,
        }
    }

    /// Requests at it: in slots and waiting.
    pub fn in_flight(&self) -> u32 {
        self.in_slots + self.queue.2
    }

    /// Sets the processor's rate to speed times warming at `now`; forgets a warm-up that is over.
    pub fn update_rate(&mut self, now: SimTime) {
        let mut factor = 1.0;
        if let Some(warmup) = self.warmup {
            let done = match warmup.over {
                WarmupOver::Time(time) if time.0 == 0 => 1.0,
                WarmupOver::Time(time) => now.since(self.warm_since).seconds() / time.seconds(),
                WarmupOver::Requests(count) => self.served as f64 / count.max(1) as f64,
            };
            factor = warmup.from + (1.0 - warmup.from) * done.min(1.0);
            if done >= 1.0 {
                self.warmup = None;
            }
        }
        self.processor.set_rate(self.speed * factor, now);
    }
}

/// The replicas that callers of one service in one cluster may choose.
#[derive(Default)]
pub struct Listed {
    /// In the order of listing.
    pub replicas: Vec<ReplicaId>,
    /// Round-robin's position.
    pub turn: usize,
}
