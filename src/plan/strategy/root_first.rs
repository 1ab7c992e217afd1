//! `root-first`: callers before callees, front ends first.

use super::{Strategy, layered};
use crate::plan::pack::Packing;

/// See the module.
pub(super) static ROOT_FIRST: Strategy = Strategy {
    name: "root-first",
    definition: "by falling height: front ends first, stores last; the reverse of leaf-first-layered",
    good_when: "the entry (ingress, sessions) decides where traffic goes, or data moves last",
    reference: "outside-in migration; strangler pattern",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let mut order = layered::by_height(known);
        order.reverse();
        Ok(order)
    },
};
