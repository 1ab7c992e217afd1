//! What a second of separation costs: the objective's traffic terms as prices of pairs of groups, so that a change
//! of one group's wave is costed from its neighbours alone.

use crate::model::routing::{CallerSide, target_share};
use crate::model::{Goal, LinkEnd, MetricTerm};
use crate::plan::KnownWorld;

/// A pair of groups as one of them sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pair {
    /// The other group.
    pub other: u32,
    /// Cost of a second while this one has moved and the other has not.
    pub ahead: f64,
    /// Cost of a second while the other has moved and this one has not.
    pub behind: f64,
}

/// Prices by group. The integral of the objective's traffic terms is the sum over pairs of a price times the time
/// between the two moves, whatever the order (Theorem 1 of `docs/search.md`, with a price for each direction).
#[derive(Clone, Debug)]
pub struct Prices {
    /// Pairs of group `g`: `pairs[offsets[g]..offsets[g + 1]]`.
    offsets: Vec<usize>,
    pairs: Vec<Pair>,
    /// Cost of moving one second later, from calls with what does not move.
    pub drift: Vec<f64>,
}

/// Units of one edge's traffic that the objective pays for.
#[derive(Clone, Copy, Default)]
struct Rates {
    calls: f64,
    bytes: f64,
    egress: f64,
}

impl Prices {
    /// The prices of a scenario's objective; `None` when it has no term that grows with traffic across the link.
    #[must_use]
    pub fn new(known: &KnownWorld) -> Option<Self> {
        let rates = rates(known)?;
        let (from, to) = (
            LinkEnd::Cluster(known.migration.from),
            LinkEnd::Cluster(known.migration.to),
        );
        let links = &known.scenario.links;
        let (out, back) = (
            links.between(from, to).egress_per_byte,
            links.between(to, from).egress_per_byte,
        );
        let mode = known.migration.routing;
        // Shares of calls that cross while only the caller, or only the callee, has moved.
        let to_source = 1.0 - target_share(mode, CallerSide::Target, 1.0, 0.0);
        let to_target = target_share(mode, CallerSide::Source, 0.0, 1.0);
        let n = known.groups.len();
        let mut lists: Vec<Vec<Pair>> = vec![Vec::new(); n];
        let mut drift = vec![0.0; n];
        for edge in &known.edges {
            let both = edge.request_bytes + edge.reply_bytes;
            let price = |share: f64, request: f64, reply: f64| {
                share
                    * (rates.calls * edge.calls
                        + rates.bytes * both
                        + rates.egress * (edge.request_bytes * request + edge.reply_bytes * reply))
            };
            let caller_ahead = price(to_source, back, out);
            let callee_ahead = price(to_target, out, back);
            match (known.group_of[edge.caller], known.group_of[edge.callee]) {
                (Some(a), Some(b)) if a != b => {
                    add(&mut lists[a], b, caller_ahead, callee_ahead);
                    add(&mut lists[b], a, callee_ahead, caller_ahead);
                }
                (Some(group), None) => {
                    drift[group] += if known.services[edge.callee].stays_on_target {
                        callee_ahead
                    } else {
                        -caller_ahead
                    };
                }
                (None, Some(group)) => {
                    drift[group] += if known.services[edge.caller].stays_on_target {
                        caller_ahead
                    } else {
                        -callee_ahead
                    };
                }
                _ => {}
            }
        }
        let mut offsets = vec![0];
        let mut pairs = Vec::new();
        for list in lists {
            pairs.extend(list);
            offsets.push(pairs.len());
        }
        Some(Self {
            offsets,
            pairs,
            drift,
        })
    }

    /// The pairs of a group.
    #[inline]
    #[must_use]
    pub fn of(&self, group: usize) -> &[Pair] {
        &self.pairs[self.offsets[group]..self.offsets[group + 1]]
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.drift.len()
    }

    /// Whether there is nothing to move.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.drift.is_empty()
    }
}

fn add(list: &mut Vec<Pair>, other: usize, ahead: f64, behind: f64) {
    match list.iter_mut().find(|pair| pair.other as usize == other) {
        Some(pair) => {
            pair.ahead += ahead;
            pair.behind += behind;
        }
        None => list.push(Pair {
            other: other as u32,
            ahead,
            behind,
        }),
    }
}

/// The traffic terms of the objective: of a list the first that has any; of priced terms their sum. Peaks are no
/// integrals; where nothing else grows with traffic, the integral of the same traffic stands in for them.
fn rates(known: &KnownWorld) -> Option<Rates> {
    let of = |term: &MetricTerm, price: f64, peaks: bool| {
        let scope = &term.scope;
        let whole = term.subject.is_none() && scope.cluster.is_none() && scope.during.is_none();
        let mut rates = Rates::default();
        match term.name.as_str() {
            _ if !whole || scope.over.is_some() != peaks => return None,
            "cross_calls" => rates.calls = price,
            "cross_bytes" => rates.bytes = price,
            "egress_cost" => rates.egress = price,
            _ => return None,
        }
        Some(rates)
    };
    let found = |peaks: bool| match known.scenario.goal.as_ref()? {
        Goal::InOrder(terms) => terms.iter().find_map(|term| of(term, 1.0, peaks)),
        Goal::Priced(terms) => terms
            .iter()
            .filter_map(|(term, price)| of(term, *price, peaks))
            .reduce(|sum, one| Rates {
                calls: sum.calls + one.calls,
                bytes: sum.bytes + one.bytes,
                egress: sum.egress + one.egress,
            }),
    };
    found(false).or_else(|| found(true))
}
