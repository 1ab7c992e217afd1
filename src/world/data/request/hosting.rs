//! Processors that replicas of several services share.
//!
//! A replica's own speed and warming scale its demand here, so that they leave its neighbours alone. CPU time is
//! counted when a job ends.

use crate::engine::Event;
use crate::model::{Discipline, Scenario};
use crate::units::{ClusterId, ProcessorId, ServiceId, SimDuration, SimTime};
use crate::world::data::request::fair_share::FairShare;
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::processor::Processor;

/// A shared processor in one cluster.
pub struct Host {
    cores: Cores,
    /// Sequence of the armed event for its next end, and when that is. 0: none.
    armed: (u32, SimTime),
}

enum Cores {
    /// All jobs alike, or in order of arrival.
    Plain(Box<Processor>),
    /// By the replicas' requests.
    Fair(FairShare),
}

/// Where a replica runs that shares its processor.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// In `RequestPlane::hosts`.
    host: u32,
    /// Its group there, where cores go by request.
    group: u32,
}

impl Host {
    /// All shared processors, by `processor * clusters + cluster`.
    pub fn all(scenario: &Scenario) -> Vec<Self> {
        let one = |index: usize| {
            let shared = &scenario.processors[index / scenario.clusters.len()];
            let cores = match shared.spec.discipline {
                Discipline::FairShare => Cores::Fair(FairShare::new(shared.spec.cores)),
                _ => Cores::Plain(Box::new(
                    Processor::new(shared.spec, 1.0, SimTime::ZERO).with_virtual_time(),
                )),
            };
            Self {
                cores,
                armed: (0, SimTime::NEVER),
            }
        };
        let count = scenario.processors.len() * scenario.clusters.len();
        (0..count).map(one).collect()
    }

    fn next_end(&mut self) -> Option<SimTime> {
        match &mut self.cores {
            Cores::Plain(processor) => processor.next_end(),
            Cores::Fair(shares) => shares.next_end(),
        }
    }
}

impl RequestPlane {
    /// The seat of a new replica, and whether jobs are served in order of arrival there; `None` when it has a
    /// processor of its own.
    pub(super) fn seat(&mut self, service: ServiceId, cluster: ClusterId) -> Option<(Seat, bool)> {
        let described = &self.scenario.services[service.index()];
        let ProcessorId(shared) = described.shared_processor?;
        let host = shared as usize * self.scenario.clusters.len() + cluster.index();
        let weight = described.resources.cpu_request.0;
        let group = match &mut self.hosts[host].cores {
            Cores::Plain(_) => 0,
            Cores::Fair(shares) => shares.add_group(weight),
        };
        let fifo = self.scenario.processors[shared as usize].spec.discipline == Discipline::Fifo;
        let host = host as u32;
        Some((Seat { host, group }, fifo))
    }

    /// Puts a frame's demand on a shared processor.
    pub(super) fn start_hosted(&mut self, slot: u32) {
        let now = self.now;
        let home = self.frames[slot].home;
        let replica = &mut self.replicas[home as usize];
        let Some(seat) = replica.seat else { return };
        let service = replica.station as usize / self.scenario.clusters.len();
        let shared = self.scenario.services[service].shared_processor;
        let speed = shared.map_or(1.0, |shared| self.scenario.processors[shared.index()].speed);
        let rate = replica.rate(now) * speed;
        let demand = self.frames[slot].demand;
        let demand = if rate == 1.0 {
            demand
        } else {
            SimDuration((demand.0 as f64 / rate.max(1e-6)) as u64)
        };
        self.frames[slot].demand = demand;
        let priority = self.priority_of_work(slot);
        match &mut self.hosts[seat.host as usize].cores {
            Cores::Plain(processor) if processor.is_preemptive() => {
                processor.add_urgent(slot, demand, priority, now);
            }
            Cores::Plain(processor) => processor.add(slot, demand, now),
            Cores::Fair(shares) => shares.add(seat.group, slot, demand, now),
        }
        self.arm_host(seat.host);
    }

    fn arm_host(&mut self, index: u32) {
        let host = &mut self.hosts[index as usize];
        let next = host.next_end();
        if next == Some(host.armed.1) && host.armed.0 != 0 {
            return;
        }
        host.armed = match next {
            Some(at) => (self.events.push(at, rank::HOST, index), at),
            None => (0, SimTime::NEVER),
        };
    }

    /// A shared processor finished at least one job, unless its completion was re-armed meanwhile.
    pub(super) fn on_host(&mut self, event: Event) {
        let now = self.now;
        let host = &mut self.hosts[event.slot as usize];
        if host.armed.0 != event.sequence {
            return;
        }
        host.armed = (0, SimTime::NEVER);
        let ended = match &mut host.cores {
            Cores::Plain(processor) => processor.take_ended(now),
            Cores::Fair(shares) => shares.take_ended(now),
        };
        self.arm_host(event.slot);
        if let Some(slot) = ended {
            let frame = &self.frames[slot];
            self.replicas[frame.home as usize].cpu_done += frame.demand.0;
            self.work_ended(slot);
        }
    }

    /// Takes a frame's job off the processor that its replica shares.
    pub(super) fn stop_hosted(&mut self, slot: u32) {
        let now = self.now;
        let frame = &self.frames[slot];
        let (demand, home) = (frame.demand, frame.home);
        let Some(seat) = self.replicas[home as usize].seat else {
            return;
        };
        let left = match &mut self.hosts[seat.host as usize].cores {
            Cores::Plain(processor) => processor.remove(slot, now).left,
            Cores::Fair(shares) => shares.remove(seat.group, slot, now),
        };
        let done = left.map_or(0, |left| demand.0.saturating_sub(left.0));
        let replica = &mut self.replicas[home as usize];
        replica.cpu_done += done;
        let station = replica.station as usize;
        self.accounts.stations[station].wasted_cpu_ns += done;
        self.arm_host(seat.host);
    }

    /// Takes all jobs of a replica off the processor it shares.
    pub(super) fn leave_host(&mut self, replica: u32) -> Vec<u32> {
        let now = self.now;
        let Some(seat) = self.replicas[replica as usize].seat else {
            return Vec::new();
        };
        let frames = &self.frames;
        let jobs = match &mut self.hosts[seat.host as usize].cores {
            Cores::Plain(processor) => {
                processor.clear_where(now, &|slot| frames[slot].home == replica)
            }
            Cores::Fair(shares) => shares.clear(seat.group, now),
        };
        self.arm_host(seat.host);
        jobs
    }
}
