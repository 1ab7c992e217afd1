//! `greedy-min-cut`: repeatedly the group that leaves the fewest crossing calls.

use super::{Strategy, frontier};
use crate::plan::pack::Packing;

/// See the module.
pub(super) static GREEDY_MIN_CUT: Strategy = Strategy {
    name: "greedy-min-cut",
    definition: "repeatedly the group whose move leaves the fewest crossing calls a second, ties by name",
    good_when: "calls across the link are what costs, and an answer is wanted at once",
    reference: "frontier greedy of minimum linear arrangement (Petit 2003)",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let mut moved = vec![false; known.groups.len()];
        Ok(frontier::least_cut(
            &known.graph,
            &known.groups_by_name(),
            &mut moved,
        ))
    },
};
