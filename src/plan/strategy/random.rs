//! `random`: a uniform permutation.

use super::Strategy;
use crate::engine::keyed::{Key, Purpose, hash64};
use crate::plan::pack::Packing;

const ORDER: Purpose = Purpose::new("order of groups");

/// See the module.
pub(super) static RANDOM: Strategy = Strategy {
    name: "random",
    definition: "a uniform permutation of the groups, by `plan.seed`",
    good_when: "never, but for comparison: its mean total cut is W (n + 1) / 3",
    reference: "the null model",
    searches: false,
    packing: Packing::Waves,
    order: |known, seed| {
        // Each group's draw is keyed by its name: another group more or less leaves the rest in their order.
        Ok(super::by_key(known, |group| {
            let name = hash64(&known.groups[group].name);
            Key::root(seed, 0, 0).part(name).bits(ORDER, 0)
        }))
    },
};
