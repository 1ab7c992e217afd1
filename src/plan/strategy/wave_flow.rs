//! `wave-flow`: for each wave the set of groups with the smallest cut that fits into it, by maximum flow.

use super::Strategy;
use super::frontier::least_cut;
use crate::arrange::Graph;
use crate::arrange::bound::source_side;
use crate::plan::KnownWorld;
use crate::plan::pack::{Packing, wave_services};

/// Prices of a moved service that are tried for one set.
const PRICES: u32 = 24;

/// See the module.
pub(super) static WAVE_FLOW: Strategy = Strategy {
    name: "wave-flow",
    definition: "wave by wave the groups whose move leaves the smallest cut of all sets that fit, by minimum cuts between \
                 what has moved and what has not; a group of the least cut where no set fits",
    good_when: "waves are large and clusters of services are hidden between others",
    reference: "minimum cut by maximum flow (Ford and Fulkerson 1956), a price a service for the size of the set",
    searches: true,
    packing: Packing::Waves,
    order: |known, _| Ok(order(known)),
};

fn order(known: &KnownWorld) -> Vec<usize> {
    let graph = &known.graph;
    let size = wave_services(known);
    let mut rest = known.groups_by_name();
    let mut moved = vec![false; graph.len()];
    let mut order = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let mut room = size;
        while room > 0 && !rest.is_empty() {
            let mut next = fitting(known, &rest, &moved, room);
            if next.is_empty() {
                // No set fits: the group of the least cut opens the way.
                let mut after = moved.clone();
                next = least_cut(graph, &rest, &mut after);
                next.truncate(1);
            } else {
                next = least_cut(graph, &next, &mut moved);
            }
            for group in &next {
                moved[*group] = true;
                room = room.saturating_sub(known.groups[*group].services.len());
            }
            rest.retain(|group| !moved[*group]);
            order.extend(next);
        }
    }
    order
}

/// The largest set of at most `room` services that is a minimum cut at some price of a moved service. Sets are nested
/// in the price, so it is bisected.
fn fitting(known: &KnownWorld, rest: &[usize], moved: &[bool], room: usize) -> Vec<usize> {
    let most = rest
        .iter()
        .map(|group| {
            let fixed = known.graph.with_source[*group] + known.graph.with_target[*group];
            known.graph.total(*group) + fixed
        })
        .fold(0.0, f64::max);
    let services = |set: &[usize]| -> usize {
        set.iter()
            .map(|group| known.groups[*group].services.len())
            .sum()
    };
    let (mut low, mut high) = (0.0, most + 1.0);
    let mut best = Vec::new();
    for _ in 0..PRICES {
        let price = 0.5 * (low + high);
        let set = cheapest(known, rest, moved, price);
        if services(&set) <= room {
            if services(&set) > services(&best) {
                best = set;
            }
            high = price;
        } else {
            low = price;
        }
    }
    best
}

/// The groups whose move leaves the least cut plus `price` a service moved.
fn cheapest(known: &KnownWorld, rest: &[usize], moved: &[bool], price: f64) -> Vec<usize> {
    let graph = &known.graph;
    let (source, sink) = (rest.len(), rest.len() + 1);
    let mut node = vec![usize::MAX; graph.len()];
    for (at, group) in rest.iter().enumerate() {
        node[*group] = at;
    }
    let mut edges = Vec::new();
    for (at, group) in rest.iter().enumerate() {
        let mut pull = graph.with_target[*group];
        for (other, weight) in &graph.neighbours[*group] {
            if moved[*other] {
                pull += weight;
            } else if node[*other] > at && node[*other] != usize::MAX {
                edges.push((at as u32, node[*other] as u32, *weight));
            }
        }
        let cost = graph.with_source[*group] + price * known.groups[*group].services.len() as f64;
        edges.push((at as u32, source as u32, pull));
        edges.push((at as u32, sink as u32, cost));
    }
    edges.retain(|(_, _, weight)| *weight > 0.0);
    let side = source_side(&Graph::new(rest.len() + 2, &edges), source, sink);
    rest.iter()
        .copied()
        .enumerate()
        .filter(|(at, _)| side[*at])
        .map(|(_, group)| group)
        .collect()
}
