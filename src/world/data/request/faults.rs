//! Faults of links and replicas, beside the hot path: nothing here is touched while nothing is wrong.

use crate::engine::Lane;
use crate::model::fault::{CONNECT_TIMEOUT, LinkFault};
use crate::units::{ReplicaId, SimDuration};
use crate::world::contract::Outcome;
use crate::world::data::request::frame::State;
use crate::world::data::request::plane::{RequestPlane, rank};

/// What is wrong with a hop, and the lanes that it has when nothing is.
type Faulty = (LinkFault, Option<(Lane, Lane)>);

/// What is wrong now.
#[derive(Default)]
pub struct Faults {
    /// By hop; empty until something is.
    links: Vec<Option<Faulty>>,
    /// By replica: chance that a request fails besides its endpoint's own errors; empty until one is set.
    errors: Vec<f64>,
}

impl Faults {
    /// What is wrong with a hop.
    pub fn link(&self, hop: usize) -> Option<LinkFault> {
        let (fault, _) = (*self.links.get(hop)?)?;
        Some(fault)
    }

    /// Whether any replica was ever given a chance to fail requests.
    #[inline]
    pub fn any_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Chance that a request at a replica fails, besides its endpoint's own errors.
    #[inline]
    pub fn errors(&self, replica: u32) -> f64 {
        self.errors.get(replica as usize).copied().unwrap_or(0.0)
    }
}

impl RequestPlane {
    /// A hop behaves otherwise from now on: for the users also that of each of their places.
    pub(super) fn set_link(&mut self, hop: usize, state: LinkFault) {
        self.set_hop(hop, state);
        let (from, to) = (hop / self.places, hop % self.places);
        for place in 0..self.scenario.links.places.len() {
            if from == 0 && to > 0 {
                self.set_hop(self.scenario.links.of_place(place, to - 1).0, state);
            } else if to == 0 && from > 0 {
                self.set_hop(self.scenario.links.of_place(place, from - 1).1, state);
            }
        }
    }

    /// A hop with a fault leaves its lanes: its delay is no constant.
    fn set_hop(&mut self, hop: usize, state: LinkFault) {
        self.faults.links.resize(self.hops.len(), None);
        let saved = match self.faults.links[hop].take() {
            Some((_, saved)) => saved,
            None => self.hops[hop].constant,
        };
        if state == LinkFault::NONE {
            self.hops[hop].constant = saved;
        } else {
            self.hops[hop].constant = None;
            self.faults.links[hop] = Some((state, saved));
        }
        if hop < self.places * self.places {
            self.renew_ways_over(hop);
        }
    }

    /// A replica's requests fail with that chance from now on, besides their own errors.
    pub(super) fn set_errors(&mut self, replica: ReplicaId, ratio: f64) {
        let first = !self.faults.any_errors();
        let errors = &mut self.faults.errors;
        errors.resize(errors.len().max(replica.index() + 1), 0.0);
        errors[replica.index()] = ratio;
        if first {
            self.open_short_ways(self.short_ways);
        }
    }

    /// A message that a cut link does not carry: its caller finds nobody after the connect time-out.
    pub(super) fn lose(&mut self, slot: u32) {
        let frame = &mut self.frames[slot];
        (frame.outcome, frame.state) = (Outcome::Unreachable, State::Replying);
        self.events
            .push(self.now + CONNECT_TIMEOUT, rank::REPLIED, slot);
    }

    /// Delay of a message over a faulty link that takes `seconds` over a healthy one.
    pub(super) fn faulty_delay(state: LinkFault, seconds: f64, uniform: f64) -> SimDuration {
        SimDuration::from_seconds(seconds * state.factor + state.retransmission(uniform))
    }
}
