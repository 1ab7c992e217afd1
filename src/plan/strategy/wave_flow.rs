//! `wave-flow`: for each wave the set of groups with the smallest cut that fits into it, by maximum flow.
//!
//! A set grows from a seed: the minimum cut around it at the least price a service at which the set still fits, then
//! the group of the least cut more, and so on until the wave is full. Several seeds are tried for each wave. A cut at a
//! price finds a set only where cut over size bends inwards: from no seed at all it finds nothing (to move nothing
//! cuts nothing), and in dense graphs with small waves, such as the ones of a few dozen services, it seldom
//! finds more than the seed. There the strategy is a greedy one that tries every beginning of a wave.

use std::collections::VecDeque;

use super::Strategy;
use super::frontier::least_cut;
use crate::arrange::Graph;
use crate::arrange::bound::source_side;
use crate::plan::KnownWorld;
use crate::plan::pack::{Packing, wave_services};

/// Prices of a moved service that are tried for one set.
const PRICES: u32 = 10;
/// Seeds of a wave times groups that are left, at most: all of 60 groups are tried, few of a thousand.
const SEEDS: usize = 3_600;
/// Groups around a set that may join it by a cut, for each service of a wave.
const AROUND: usize = 5;

/// See the module.
pub(super) static WAVE_FLOW: Strategy = Strategy {
    name: "wave-flow",
    definition: "wave by wave the groups whose move leaves the smallest cut of all sets that fit, by minimum cuts around \
                 several seeds; what no cut brings in comes by the least cut more",
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
        let wave = seeds(known, &rest, &moved)
            .into_iter()
            .map(|seed| grown(known, &rest, &moved, seed, size))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map_or_else(|| rest.clone(), |(wave, _)| wave);
        let next = least_cut(graph, &wave, &mut moved);
        rest.retain(|group| !moved[*group]);
        order.extend(next);
    }
    order
}

/// Groups from which a wave may grow: all of a few, else those that leave the least cut by themselves.
fn seeds(known: &KnownWorld, rest: &[usize], moved: &[bool]) -> Vec<usize> {
    let mut found: Vec<(f64, usize)> = rest
        .iter()
        .map(|group| (known.graph.change(*group, moved), *group))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.truncate((SEEDS / rest.len().max(1)).max(4));
    found.into_iter().map(|(_, group)| group).collect()
}

/// The wave that grows from a seed, and by how much its move grows the cut.
fn grown(
    known: &KnownWorld,
    rest: &[usize],
    moved: &[bool],
    seed: usize,
    size: usize,
) -> (Vec<usize>, f64) {
    let graph = &known.graph;
    let services = |group: usize| known.groups[group].services.len();
    let mut inside = moved.to_vec();
    let mut wave = vec![seed];
    let mut cut = graph.change(seed, moved);
    inside[seed] = true;
    let mut room = size.saturating_sub(services(seed));
    // By how much each group's move would grow the cut now.
    let mut change: Vec<f64> = (0..graph.len())
        .map(|group| graph.change(group, &inside))
        .collect();
    loop {
        // Cuts are looked for at 1, 2, 4, 8 .. groups: between them little has changed.
        let mut next = if wave.len().is_power_of_two() {
            fitting(known, &wave, &inside, room, size)
        } else {
            Vec::new()
        };
        if next.is_empty() {
            let open = rest.iter().copied();
            next.extend(
                open.filter(|group| !inside[*group] && services(*group) <= room)
                    .min_by(|a, b| change[*a].total_cmp(&change[*b])),
            );
        }
        if next.is_empty() {
            return (wave, cut);
        }
        for group in next {
            cut += change[group];
            inside[group] = true;
            room -= services(group);
            wave.push(group);
            for (other, weight) in &graph.neighbours[group] {
                change[*other] -= 2.0 * weight;
            }
        }
    }
}

/// The largest set of at most `room` services that joins `wave` in a minimum cut at some price of a moved service.
/// Sets are nested in the price, so it is bisected.
fn fitting(
    known: &KnownWorld,
    wave: &[usize],
    inside: &[bool],
    room: usize,
    size: usize,
) -> Vec<usize> {
    let near = around(known, wave, inside, AROUND * size);
    let most = near
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
    let (mut low, mut high) = (0.0, most);
    let mut best = Vec::new();
    for _ in 0..PRICES {
        let price = 0.5 * (low + high);
        let set = cheapest(known, &near, inside, price);
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

/// Up to `most` groups that have not moved, nearest to those of the wave first.
fn around(known: &KnownWorld, wave: &[usize], inside: &[bool], most: usize) -> Vec<usize> {
    let mut seen = inside.to_vec();
    let mut queue: VecDeque<usize> = wave.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(group) = queue.pop_front() {
        for (other, _) in &known.graph.neighbours[group] {
            if found.len() < most && !seen[*other] {
                seen[*other] = true;
                found.push(*other);
                queue.push_back(*other);
            }
        }
    }
    found
}

/// The groups of `near` whose move leaves the least cut plus `price` a service moved; what is not near stays.
fn cheapest(known: &KnownWorld, near: &[usize], inside: &[bool], price: f64) -> Vec<usize> {
    let graph = &known.graph;
    let (source, sink) = (near.len(), near.len() + 1);
    let mut node = vec![usize::MAX; graph.len()];
    for (at, group) in near.iter().enumerate() {
        node[*group] = at;
    }
    let mut edges = Vec::new();
    for (at, group) in near.iter().enumerate() {
        let mut pull = graph.with_target[*group];
        let mut cost =
            graph.with_source[*group] + price * known.groups[*group].services.len() as f64;
        for (other, weight) in &graph.neighbours[*group] {
            if inside[*other] {
                pull += weight;
            } else if node[*other] == usize::MAX {
                cost += weight;
            } else if node[*other] > at {
                edges.push((at as u32, node[*other] as u32, *weight));
            }
        }
        edges.push((at as u32, source as u32, pull));
        edges.push((at as u32, sink as u32, cost));
    }
    edges.retain(|(_, _, weight)| *weight > 0.0);
    let side = source_side(&Graph::new(near.len() + 2, &edges), source, sink);
    near.iter()
        .copied()
        .enumerate()
        .filter(|(at, _)| side[*at])
        .map(|(_, group)| group)
        .collect()
}
