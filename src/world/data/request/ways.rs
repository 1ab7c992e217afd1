//! Ways: what a call site needs on the way from one place to another, found beforehand.
//!
//! A way says whether calls may go shortly and holds what they need then, in one cache line: no table of sites, hops,
//! lanes or distributions is asked. What changes at runs' rare events (a fault of a link, errors, a service that may be
//! elsewhere from now on) renews the ways that it concerns.

use crate::model::Balancer;
use crate::units::ServiceId;
use crate::world::data::request::frame::NIL;
use crate::world::data::request::law::Law;
use crate::world::data::request::plane::RequestPlane;
use crate::world::data::request::program::{ANYWHERE, Op};
use crate::world::data::request::sites::Traits;

/// What a site may need and still be called by the short way: it matters only when a try fails, or when a cluster is
/// chosen.
const WITHIN: Traits = Traits::CANCELS
    .or(Traits::FALLBACK)
    .or(Traits::INSTEAD)
    .or(Traits::LOCAL);

/// Yes-or-no facts of a way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Facts(u8);

impl Facts {
    /// Calls may go shortly.
    pub const CALLS: Self = Self(1);
    /// A request is there at once, and its program begins with exponential work.
    pub const WORKS: Self = Self(2);
    /// A request is there at once.
    pub const AT_ONCE: Self = Self(4);
    /// A try has a timer.
    pub const TIMED: Self = Self(8);
    /// Requests may end shortly.
    pub const ENDS: Self = Self(16);
    /// A reply is there at once.
    pub const BACK_AT_ONCE: Self = Self(32);

    #[inline(always)]
    pub fn has(self, fact: Self) -> bool {
        self.0 & fact.0 != 0
    }

    fn with(self, fact: Self, holds: bool) -> Self {
        Self(self.0 | if holds { fact.0 } else { 0 })
    }
}

/// See the module's text.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Way {
    /// Hash of the site's name.
    pub name: u64,
    /// Size of the request.
    pub request_bytes: u64,
    /// Size of the reply.
    pub reply_bytes: u64,
    /// Where the program begins with exponential work: its mean, in seconds.
    pub mean: f64,
    /// Ordinal of that work's draw.
    pub draw: u32,
    /// First operation of the callee.
    pub start: u32,
    /// Whom it calls there.
    pub station: u32,
    /// Place of its requests in `Accounts`.
    pub there: u32,
    /// Place of its replies in `Accounts`.
    pub back: u32,
    /// Number of the hop.
    pub hop: u16,
    /// Number of the hop of its replies.
    pub hop_back: u16,
    /// Facts.
    pub facts: Facts,
    /// How its replica is chosen.
    pub rule: Balancer,
}

const _: () = assert!(size_of::<Way>() == 64, "a way is one cache line");

impl RequestPlane {
    /// Opens or shuts the short ways. Watched scenarios note more on the way.
    pub(super) fn open_short_ways(&mut self, open: bool) {
        self.short_ways = open;
        for service in 0..self.scenario.services.len() {
            self.settle_places(ServiceId::from_index(service));
        }
        let hops = self.places * self.places;
        self.ways.clear();
        for site in 0..self.programs.sites.len() {
            for hop in 0..hops {
                let way = self.way(site, hop);
                self.ways.push(way);
            }
        }
    }

    /// Tells the calls of a service where it is, while it can be in one place only.
    pub(super) fn settle_places(&mut self, service: ServiceId) {
        let to = match self.only[service.index()] {
            NIL => ANYWHERE,
            station => self.listed[station as usize].place,
        };
        for op in &mut self.programs.ops {
            if let Op::Call { site, to: known } = op
                && self.programs.sites[*site as usize].service == service
            {
                *known = to;
            }
        }
    }

    /// A hop has changed.
    pub(super) fn renew_ways_over(&mut self, changed: usize) {
        let hops = self.places * self.places;
        let (from, to) = (changed / self.places, changed % self.places);
        for hop in [changed, to * self.places + from] {
            for site in 0..self.programs.sites.len() {
                if hop < hops {
                    self.ways[site * hops + hop] = self.way(site, hop);
                }
            }
        }
    }

    /// What a site needs from one place to another.
    fn way(&self, index: usize, hop: usize) -> Way {
        let site = &self.programs.sites[index];
        let (from, to) = (hop / self.places, hop % self.places);
        let hop_back = to * self.places + from;
        let (there, back) = (&self.hops[hop], &self.hops[hop_back]);
        let is_open =
            |hop: &super::links::Hop| self.short_ways && hop.constant.is_some() && hop.wire == NIL;
        let timers = &self.timers[index];
        let calls = is_open(there)
            && to > 0
            && !self.tracks_deadlines
            && !site.brokered
            && timers.1.is_none()
            && site.traits.is_within(WITHIN);
        let work = match self.programs.ops[site.start as usize] {
            Op::Work { demand, draw } => match self.programs.laws[demand as usize] {
                Law::Exponential(mean) => Some((mean, draw)),
                Law::General(_) => None,
            },
            _ => None,
        };
        let (mean, draw) = work.unwrap_or_default();
        Way {
            name: site.name,
            request_bytes: site.request_bytes,
            reply_bytes: site.reply_bytes,
            mean,
            draw,
            start: site.start,
            station: (site.service.index() * (self.places - 1) + to.saturating_sub(1)) as u32,
            there: self.accounts.place(site.edge, hop),
            back: self.accounts.place(site.edge, hop_back),
            hop: hop as u16,
            hop_back: hop_back as u16,
            facts: Facts::default()
                .with(Facts::CALLS, calls)
                .with(Facts::AT_ONCE, there.at_once)
                .with(Facts::WORKS, there.at_once && work.is_some())
                .with(Facts::TIMED, timers.0.is_some())
                .with(
                    Facts::ENDS,
                    is_open(back) && site.error_ratio <= 0.0 && !self.faults.any_errors(),
                )
                .with(Facts::BACK_AT_ONCE, back.at_once),
            rule: site.rule,
        }
    }
}
