//! `by-domain`: domain after domain, or community after community.

use std::collections::BTreeMap;

use super::{Strategy, frontier};
use crate::plan::KnownWorld;
use crate::plan::pack::Packing;

/// Rounds of label propagation.
const ROUNDS: usize = 50;

/// See the module.
pub(super) static BY_DOMAIN: Strategy = Strategy {
    name: "by-domain",
    definition: "domain after domain, next the one whose move leaves the fewest crossing calls, inside by \
                 greedy-min-cut; domains are `labels.domain`, or communities of the traffic where nobody wrote one",
    good_when: "the system has parts that call each other much more than the rest",
    reference: "domain-driven splitting; label propagation (Raghavan, Albert, Kumara 2007)",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let names = known.groups_by_name();
        let communities = communities(known, &names);
        let mut blocks: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for group in names {
            let name = domain(known, group).map_or_else(
                || format!("community of {}", known.groups[communities[group]].name),
                str::to_owned,
            );
            blocks.entry(name).or_default().push(group);
        }
        let blocks: Vec<Vec<usize>> = blocks.into_values().collect();
        Ok(frontier::blocks(known, &blocks))
    },
};

fn domain<'a>(known: &KnownWorld<'a>, group: usize) -> Option<&'a str> {
    let first = known.groups[group].services[0];
    let labels = &known.scenario.services[first].labels;
    labels
        .iter()
        .find(|(label, _)| label == "domain")
        .map(|(_, value)| value.as_str())
}

/// Label propagation in the order of names: each group takes the label with most calls around it, of equal ones
/// the first by name. A label is the group it comes from.
fn communities(known: &KnownWorld, names: &[usize]) -> Vec<usize> {
    let mut rank = vec![0; names.len()];
    for (at, group) in names.iter().enumerate() {
        rank[*group] = at;
    }
    let mut label: Vec<usize> = (0..names.len()).collect();
    for _ in 0..ROUNDS {
        let mut changed = false;
        for group in names {
            let mut around: BTreeMap<usize, f64> = BTreeMap::new();
            for (other, weight) in &known.graph.neighbours[*group] {
                *around.entry(rank[label[*other]]).or_default() += weight;
            }
            let best = around
                .into_iter()
                .reduce(|best, next| if next.1 > best.1 { next } else { best });
            if let Some((best, weight)) = best
                && weight > 0.0
                && rank[label[*group]] != best
            {
                label[*group] = names[best];
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    label
}
