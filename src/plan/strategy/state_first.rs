//! `state-first`: stores and their owners, then the rest.

use super::{Strategy, layered};
use crate::plan::pack::Packing;

/// See the module.
pub(super) static STATE_FIRST: Strategy = Strategy {
    name: "state-first",
    definition: "each stateful group (by leaf-first-layered) followed by its owner, the caller with most calls to \
                 it; then the rest by leaf-first-layered",
    good_when: "data has gravity: copies take long, or reads must stay close to it",
    reference: "data-first migrations; Shopify's shop mover",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let layered = layered::by_height(known);
        let mut order: Vec<usize> = Vec::new();
        let mut taken = vec![false; layered.len()];
        for store in layered
            .iter()
            .copied()
            .filter(|group| known.groups[*group].stateful)
        {
            let owner = known.graph.callers[store].iter().copied().max_by(|a, b| {
                let calls = |caller: usize| {
                    let list = &known.graph.neighbours[store];
                    list.iter()
                        .find(|(other, _)| *other == caller)
                        .map_or(0.0, |(_, calls)| *calls)
                };
                calls(*a)
                    .total_cmp(&calls(*b))
                    .then(known.groups[*b].name.cmp(&known.groups[*a].name))
            });
            for group in [Some(store), owner].into_iter().flatten() {
                if !std::mem::replace(&mut taken[group], true) {
                    order.push(group);
                }
            }
        }
        order.extend(layered.into_iter().filter(|group| !taken[*group]));
        Ok(order)
    },
};
