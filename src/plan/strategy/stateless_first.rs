//! `stateless-first`: what keeps nothing, then what keeps data.

use super::{Strategy, layered};
use crate::plan::pack::Packing;

/// See the module.
pub(super) static STATELESS_FIRST: Strategy = Strategy {
    name: "stateless-first",
    definition: "stateless groups by leaf-first-layered, then stateful ones by the same",
    good_when: "moving data needs tools that are not ready yet; splits every store from its owner meanwhile",
    reference: "Spotify, Netflix, LinkedIn, Uber, Pinterest",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let (stateful, mut order): (Vec<usize>, Vec<usize>) = layered::by_height(known)
            .into_iter()
            .partition(|group| known.groups[*group].stateful);
        order.extend(stateful);
        Ok(order)
    },
};
