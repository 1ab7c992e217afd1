//! Waiting rooms that are no plain queue: orders, priorities, longest waits, brokers, and memory in flight.

use crate::engine::Purpose;
use crate::model::{QueueOrder, Scenario, Service};
use crate::units::{ReplicaId, SimDuration};
use crate::world::contract::{Notice, Outcome};
use crate::world::data::request::frame::{Flags, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::waiting_room::WaitingRoom;

const PATIENCE: Purpose = Purpose::new("patience");

/// A queue of its own before all replicas of a service in a cluster: a broker's. It keeps requests while nobody is
/// ready, and again those that a killed replica had not answered.
pub struct Broker {
    room: WaitingRoom,
    /// Ready replicas in the order in which they became so.
    workers: Vec<u32>,
}

impl Broker {
    /// By station; `None` where requests go to chosen replicas.
    pub fn all(scenario: &Scenario) -> Vec<Option<Self>> {
        let clusters = scenario.clusters.len();
        let one = |station: usize| {
            let queue = &scenario.services[station / clusters].queue;
            queue.shared.then(|| Self {
                room: WaitingRoom::new(queue.order),
                workers: Vec::new(),
            })
        };
        (0..scenario.services.len() * clusters).map(one).collect()
    }
}

/// The waiting room of each replica of a service, where it is no plain queue.
pub fn room_of(scenario: &Scenario, service: &Service) -> Option<Box<WaitingRoom>> {
    let queue = &service.queue;
    let mut endpoints = service.endpoints.iter();
    let plain = queue.order == QueueOrder::Fifo
        && queue.timeout.is_none()
        && endpoints.all(|endpoint| scenario.endpoint(*endpoint).priority == 0);
    (!plain && !queue.shared).then(|| Box::new(WaitingRoom::new(queue.order)))
}

impl RequestPlane {
    pub(super) fn priority(&self, slot: u32) -> i32 {
        let endpoint = self.programs.sites[self.frames[slot].site as usize].endpoint;
        self.scenario.endpoint(endpoint).priority
    }

    /// A request reaches a replica whose waiting room is no plain queue.
    pub(super) fn arrive_specially(&mut self, slot: u32) {
        let now = self.now;
        let home = self.frames[slot].home;
        let replica = &self.replicas[home as usize];
        let full = replica.in_slots >= replica.slots;
        if full && replica.queue.length >= replica.places {
            self.frames[slot].outcome = Outcome::Shed;
            self.send_reply(slot);
            return;
        }
        let station = replica.station as usize;
        let frame = &mut self.frames[slot];
        (frame.since, frame.state) = (now, State::Queued);
        self.accounts.arrived(station, now);
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_arrival(slot);
        }
        if full {
            self.queue_at(slot, home);
        } else {
            self.replicas[home as usize].in_slots += 1;
            self.frames[slot].state = State::Admitted;
            self.resumed.push(slot);
        }
    }

    /// Kills the replicas whose requests in flight need more memory than there is, once this instant is played.
    pub(super) fn kill_doomed(&mut self) {
        while let Some(home) = self.doomed.pop() {
            let replica = ReplicaId(home);
            if self.replicas[home as usize].alive {
                self.crash(replica);
                self.notices.push_back(Notice::OutOfMemory { replica });
            }
        }
    }

    fn queue_at(&mut self, slot: u32, home: u32) {
        let priority = self.priority(slot);
        let replica = &mut self.replicas[home as usize];
        if let Some(room) = &mut replica.room {
            room.add(slot, priority);
        }
        replica.queue.length += 1;
        let station = replica.station as usize;
        self.arm_queue_timer(slot, station);
    }

    /// From now on the request waits no longer than its queue allows. Its waiter's timer is free: it calls nobody.
    fn arm_queue_timer(&mut self, slot: u32, station: usize) {
        let service = station / self.scenario.clusters.len();
        if let Some(lane) = self.queue_timers[service] {
            let frames = &self.frames;
            self.events
                .trim(lane, |slot, sequence| frames[slot].call_timer == sequence);
            self.frames[slot].call_timer = self.events.push_lane(lane, self.now, slot);
        } else if let Some(patience) = &self.scenario.services[service].queue.timeout {
            let key = self.frames[slot].key;
            let time = patience.sample(|part| key.uniform(PATIENCE, u64::from(part)));
            let at = self.now + SimDuration::from_seconds(time);
            self.frames[slot].call_timer = self.events.push(at, rank::QUEUE_TIMEOUT, slot);
        }
    }

    /// A request has waited as long as its queue allows.
    pub(super) fn on_queue_timeout(&mut self, slot: u32, sequence: u32) {
        let frame = &self.frames[slot];
        if frame.state != State::Queued || frame.call_timer != sequence {
            return;
        }
        self.leave_room(slot);
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_end(slot, Outcome::Shed);
        }
        let frame = &mut self.frames[slot];
        (frame.call_timer, frame.outcome) = (0, Outcome::Shed);
        self.send_reply(slot);
    }

    /// A waiting request leaves a room that is no plain queue without having been served; false if it is in none.
    pub(super) fn leave_room(&mut self, slot: u32) -> bool {
        let priority = self.priority(slot);
        let frame = &self.frames[slot];
        let service = self.programs.sites[frame.site as usize].service;
        let cluster = usize::from(frame.place) - 1;
        let station = service.index() * self.scenario.clusters.len() + cluster;
        let home = frame.home;
        let left = if home == NIL {
            let broker = self.brokers[station].as_mut();
            broker.is_some_and(|broker| broker.room.remove(slot, priority))
        } else {
            let replica = &mut self.replicas[home as usize];
            let room = replica.room.as_mut();
            let left = room.is_some_and(|room| room.remove(slot, priority));
            replica.queue.length -= u32::from(left);
            if left && replica.draining && replica.in_flight() == 0 {
                let replica = ReplicaId(home);
                self.notices.push_back(Notice::Drained { replica });
            }
            left
        };
        if left {
            self.frames[slot].call_timer = 0;
            self.accounts.went(station, self.now);
        }
        left
    }

    /// Who is next where the waiting room is no plain queue; it leaves the room.
    pub(super) fn next_specially(&mut self, home: u32) -> Option<u32> {
        let replica = &mut self.replicas[home as usize];
        let station = replica.station as usize;
        let next = match &mut replica.room {
            Some(room) => {
                let next = room.next();
                replica.queue.length -= u32::from(next.is_some());
                next
            }
            None if replica.accepting => {
                let broker = self.brokers[station].as_mut();
                broker.and_then(|broker| broker.room.next())
            }
            None => None,
        }?;
        let frame = &mut self.frames[next];
        let from_broker = frame.home == NIL;
        (frame.call_timer, frame.home) = (0, home);
        if from_broker && frame.flags.has(Flags::TRACED) {
            self.trace_arrival(next);
        }
        Some(next)
    }

    /// A request reaches a broker.
    pub(super) fn arrive_at_broker(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let service = self.programs.sites[frame.site as usize].service;
        let cluster = usize::from(frame.place) - 1;
        let station = service.index() * self.scenario.clusters.len() + cluster;
        let worker = self.free_worker(station);
        let waiting = self.brokers[station]
            .as_ref()
            .map_or(0, |broker| broker.room.length());
        let places = self.scenario.services[service.index()].queue.max;
        if worker.is_none() && places.is_some_and(|places| waiting >= places) {
            self.frames[slot].outcome = Outcome::Shed;
            self.send_reply(slot);
            return;
        }
        let frame = &mut self.frames[slot];
        (frame.since, frame.state) = (self.now, State::Queued);
        self.accounts.arrived(station, self.now);
        match worker {
            Some(worker) => {
                self.frames[slot].home = worker;
                if self.frames[slot].flags.has(Flags::TRACED) {
                    self.trace_arrival(slot);
                }
                self.replicas[worker as usize].in_slots += 1;
                self.frames[slot].state = State::Admitted;
                self.resumed.push(slot);
            }
            None => {
                let priority = self.priority(slot);
                if let Some(broker) = &mut self.brokers[station] {
                    broker.room.add(slot, priority);
                }
                self.arm_queue_timer(slot, station);
            }
        }
    }

    /// The ready replica with the fewest requests that has a free slot; of equals the one ready longest.
    fn free_worker(&self, station: usize) -> Option<u32> {
        let broker = self.brokers[station].as_ref()?;
        let replica = |worker: u32| &self.replicas[worker as usize];
        let free = |worker: &u32| {
            let replica = replica(*worker);
            replica.accepting && replica.in_slots < replica.slots
        };
        let workers = broker.workers.iter().copied().filter(free);
        workers.min_by_key(|worker| replica(*worker).in_slots)
    }

    /// A replica becomes ready: if it serves a broker's queue, it takes what waits there.
    pub(super) fn begin_to_pull(&mut self, home: u32) {
        let station = self.replicas[home as usize].station as usize;
        let Some(broker) = &mut self.brokers[station] else {
            return;
        };
        if !broker.workers.contains(&home) {
            broker.workers.push(home);
        }
        self.pull(station);
    }

    fn pull(&mut self, station: usize) {
        while let Some(worker) = self.free_worker(station) {
            let Some(next) = self.next_specially(worker) else {
                return;
            };
            self.replicas[worker as usize].in_slots += 1;
            self.frames[next].state = State::Admitted;
            self.resumed.push(next);
        }
    }

    /// A replica was stopped: its broker gives it nothing any more.
    pub(super) fn stop_pulling(&mut self, home: u32) {
        let station = self.replicas[home as usize].station as usize;
        if let Some(broker) = &mut self.brokers[station] {
            broker.workers.retain(|worker| *worker != home);
        }
    }

    /// A broker gives a request that a stopped replica had not answered to another one, from its start. Returns
    /// whether there is a broker to do so.
    pub(super) fn redeliver(&mut self, slot: u32) -> bool {
        let home = self.frames[slot].home;
        let station = self.replicas[home as usize].station as usize;
        if self.brokers[station].is_none() {
            return false;
        }
        let mut again = self.frames[slot].clone();
        again.become_messenger();
        again.flags.clear(Flags::DETACHED);
        again.flags.clear(Flags::FAILED);
        (again.state, again.home) = (State::Queued, NIL);
        again.pc = self.programs.sites[again.site as usize].start;
        let frame = &mut self.frames[slot];
        (frame.parent, frame.try_timer) = (NIL, 0);
        frame.flags.clear(Flags::ASYNC);
        let parent = again.parent;
        let again = self.frames.insert(again);
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_killed(slot, again);
        }
        if parent != NIL {
            self.replace_try(parent, slot, again);
        }
        self.accounts.came(station, self.now);
        let priority = self.priority(again);
        if let Some(broker) = &mut self.brokers[station] {
            broker.room.put_back(again, priority);
        }
        self.redelivered.push(station);
        true
    }

    /// Gives what brokers took back to replicas that have room.
    pub(super) fn pull_redelivered(&mut self) {
        while let Some(station) = self.redelivered.pop() {
            self.pull(station);
        }
    }

    /// Starts bringing the processing rate up while a replica warms by time.
    pub(super) fn begin_warming(&mut self, home: u32) {
        if let Some(step) = self.replicas[home as usize].warming_step() {
            self.events.push(self.now + step, rank::WARMED, home);
        }
    }

    /// A replica has warmed for another step.
    pub(super) fn on_warmed(&mut self, home: u32) {
        if self.replicas[home as usize].alive {
            self.update_rate(home);
            self.begin_warming(home);
        }
    }
}
