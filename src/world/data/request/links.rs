//! Hops between places: users of a place, and wires whose bandwidth messages share.
//!
//! A message crosses one wire at most, so max-min fairness is an equal share: a wire serves what is on it as a
//! processor shares itself among jobs, and the link's delay follows. Each direction of a hop has a wire of its own. A
//! message that nobody waits for any more stays on the wire to its end. A hop without a bandwidth has no wire and costs
//! nothing of this.

use crate::engine::{Event, EventList, Lane, Purpose};
use crate::model::service::ProcessorSpec;
use crate::model::{Discipline, Scenario};
use crate::units::{SimDuration, SimTime};
use crate::world::data::request::frame::{FrameKind, NIL, State};
use crate::world::data::request::plane::{LATENCY, RequestPlane, rank};
use crate::world::data::request::processor::Processor;

pub(super) const PLACE: Purpose = Purpose::new("place");
const LOSS: Purpose = Purpose::new("loss");

/// A hop, ready for use; numbered as in `Links::table`.
pub(super) struct Hop {
    /// Delay when it is constant, with its lanes for requests and replies.
    pub constant: Option<(Lane, Lane)>,
    /// The constant delay is zero.
    pub at_once: bool,
    /// It has a wire, among `RequestPlane::wires`; else `NIL`.
    pub wire: u32,
}

/// What a hop with a bandwidth sends its messages over.
pub(super) struct Wire {
    hop: u32,
    /// Nanoseconds that a byte takes alone on it.
    ns_per_byte: f64,
    /// A job is a message.
    shared: Processor,
}

/// All hops of a scenario, and the wires of those with a bandwidth.
pub(super) fn hops(scenario: &Scenario, events: &mut EventList) -> (Vec<Hop>, Vec<Wire>) {
    let mut wires = Vec::new();
    let hop = |(index, link): (u32, &crate::model::Link)| {
        let constant = link.one_way.as_constant().map(SimDuration::from_seconds);
        let wire = link.bandwidth.map_or(NIL, |bandwidth| {
            let spec = ProcessorSpec {
                cores: 1,
                discipline: Discipline::ProcessorSharing,
                quota: None,
            };
            wires.push(Wire {
                hop: index,
                ns_per_byte: 1e9 / bandwidth,
                shared: Processor::new(spec, 1.0, SimTime::ZERO),
            });
            (wires.len() - 1) as u32
        });
        Hop {
            constant: constant.map(|delay| {
                (
                    events.lane(delay, rank::ARRIVED),
                    events.lane(delay, rank::REPLIED),
                )
            }),
            at_once: constant == Some(SimDuration::ZERO),
            wire,
        }
    };
    let hops = (0..).zip(&scenario.links.table).map(hop).collect();
    (hops, wires)
}

impl RequestPlane {
    /// Sends a message over a hop: over its wire, if it has one, then through its delay.
    pub(super) fn travel(&mut self, slot: u32, from: usize, to: usize, bytes: u64, rank: u8) {
        let index = if self.scenario.links.places.is_empty() || (from != 0 && to != 0) {
            self.hop(from, to)
        } else {
            self.user_hop(slot, from, to)
        };
        if self.hops[index].wire != NIL && bytes > 0 {
            self.transmit(slot, index, bytes);
        } else {
            self.pass(slot, index, rank);
        }
    }

    /// Lets a hop's delay pass.
    fn pass(&mut self, slot: u32, index: usize, rank: u8) {
        let hop = &self.hops[index];
        match hop.constant {
            // A hop without delay is no event.
            Some(_) if hop.at_once => {
                if rank == rank::ARRIVED {
                    self.on_arrived(slot);
                } else {
                    self.on_replied(slot);
                }
            }
            Some((request, reply)) => {
                let lane = if rank == rank::ARRIVED {
                    request
                } else {
                    reply
                };
                self.events.push_lane(lane, self.now, slot);
            }
            None => self.pass_late(slot, index, rank),
        }
    }

    /// Lets a delay pass that is drawn, or that a fault changes.
    fn pass_late(&mut self, slot: u32, hop: usize, rank: u8) {
        let key = self.frames[slot].key;
        let base = if rank == rank::ARRIVED { 3 } else { 1 } << 8;
        let seconds = self.scenario.links.table[hop]
            .one_way
            .sample(|part| key.uniform(LATENCY, base + u64::from(part)));
        let delay = match self.faults.link(hop) {
            None => SimDuration::from_seconds(seconds),
            Some(fault) if fault.cut => return self.lose(slot),
            Some(fault) => Self::faulty_delay(fault, seconds, key.uniform(LOSS, base)),
        };
        self.events.push(self.now + delay, rank, slot);
    }

    /// The hop of a message between users of some place and a cluster.
    fn user_hop(&self, slot: u32, from: usize, to: usize) -> usize {
        let mut frame = &self.frames[slot];
        while frame.kind != FrameKind::Action {
            if frame.parent == NIL {
                return self.hop(from, to);
            }
            frame = &self.frames[frame.parent];
        }
        match self.users.place_of(frame.home) {
            None => self.hop(from, to),
            Some(place) if from == 0 => self.scenario.links.of_place(place, to - 1).0,
            Some(place) => self.scenario.links.of_place(place, from - 1).1,
        }
    }

    /// Puts a message on the wire of its hop.
    fn transmit(&mut self, slot: u32, hop: usize, bytes: u64) {
        let index = self.hops[hop].wire;
        let wire = &mut self.wires[index as usize];
        let demand = SimDuration((bytes as f64 * wire.ns_per_byte + 0.5) as u64);
        wire.shared.add(slot, demand, self.now);
        self.arm_wire(index);
    }

    /// Re-arms a wire when the end of the next message has changed.
    fn arm_wire(&mut self, index: u32) {
        let wire = &mut self.wires[index as usize].shared;
        let next = wire.next_end();
        if next == Some(wire.armed.1) && wire.armed.0 != 0 {
            return;
        }
        wire.armed = match next {
            Some(at) => (self.events.push(at, rank::WIRE, index), at),
            None => (0, SimTime::NEVER),
        };
    }

    /// A message has left a wire, unless that was re-armed meanwhile.
    pub(super) fn on_wire(&mut self, event: Event) {
        let wire = &mut self.wires[event.slot as usize];
        if wire.shared.armed.0 != event.sequence {
            return;
        }
        wire.shared.armed = (0, SimTime::NEVER);
        let hop = wire.hop as usize;
        let ended = wire.shared.take_ended(self.now);
        self.arm_wire(event.slot);
        let Some(slot) = ended else {
            return;
        };
        let rank = if self.frames[slot].state == State::Replying {
            rank::REPLIED
        } else {
            rank::ARRIVED
        };
        self.pass(slot, hop, rank);
    }
}
