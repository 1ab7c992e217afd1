//! `leaf-first-layered`: callees before callers, layer by layer.

use super::{Strategy, layered};
use crate::plan::pack::Packing;

/// See the module.
pub(super) static LEAF_FIRST_LAYERED: Strategy = Strategy {
    name: "leaf-first-layered",
    definition: "by rising height (longest path of calls to a leaf), cycles condensed, ties by name",
    good_when: "a caller must never meet a callee that moved after it; pays for it with long splits around hubs",
    reference: "AWS Prescriptive Guidance, package dependencies; SWAO",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| Ok(layered::by_height(known)),
};
