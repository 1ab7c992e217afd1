//! `greedy-comma`: bytes that are split, times how long the next move keeps them split.

use super::Strategy;
use crate::model::{Wave, WaveOrder};
use crate::plan::KnownWorld;
use crate::plan::clockwork::Clockwork;
use crate::plan::pack::Packing;

/// See the module.
pub(super) static GREEDY_COMMA: Strategy = Strategy {
    name: "greedy-comma",
    definition: "repeatedly the group with the least split bytes a second during its move times the length of that move",
    good_when: "moves take very different times and bytes matter more than calls",
    reference: "after COMMA (Zheng et al., VEE 2014): communication impact is volume times split time",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| Ok(order(known)),
};

fn order(known: &KnownWorld) -> Vec<usize> {
    let n = known.groups.len();
    let mut between: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n];
    for edge in &known.edges {
        if let (Some(a), Some(b)) = (known.group_of[edge.caller], known.group_of[edge.callee])
            && a != b
        {
            let bytes = edge.request_bytes + edge.reply_bytes;
            between[a].push((b, bytes));
            between[b].push((a, bytes));
        }
    }
    let lengths: Vec<f64> = (0..n).map(|group| length(known, group)).collect();
    let names = known.groups_by_name();
    // Bytes a second by which the cut grows when a group moves next.
    let mut change: Vec<f64> = between
        .iter()
        .map(|list| list.iter().map(|(_, bytes)| bytes).sum())
        .collect();
    let mut moved = vec![false; n];
    let mut cut = 0.0;
    let mut order = Vec::with_capacity(n);
    while order.len() < n {
        // During a move the cut goes from `cut` to `cut + change`: its mean counts.
        let impact = |group: usize| (cut + 0.5 * change[group]) * lengths[group];
        let next = names
            .iter()
            .copied()
            .filter(|group| !moved[*group])
            .min_by(|a, b| {
                impact(*a)
                    .total_cmp(&impact(*b))
                    .then(change[*a].total_cmp(&change[*b]))
            })
            .expect("a group is left");
        cut += change[next];
        moved[next] = true;
        order.push(next);
        for (other, bytes) in &between[next] {
            change[*other] -= 2.0 * bytes;
        }
    }
    order
}

/// From preparation to the last weight of a group that moves alone, in seconds.
fn length(known: &KnownWorld, group: usize) -> f64 {
    let members = known.groups[group]
        .services
        .iter()
        .map(|service| known.migration.moves[*service])
        .collect();
    let wave = Wave {
        name: String::new(),
        members,
        earliest: None,
        order: WaveOrder::Given,
    };
    let times = Clockwork::of_plan(known, &[wave]);
    let last = times.moves.iter().map(|one| one.shifted).max();
    let first = times.moves.first().map(|one| one.prepare);
    match (first, last) {
        (Some(first), Some(last)) => last.since(first).seconds(),
        _ => 0.0,
    }
}
