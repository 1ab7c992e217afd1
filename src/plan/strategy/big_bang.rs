//! `big-bang`: everything in one window.

use super::Strategy;
use crate::plan::pack::Packing;

/// See the module.
pub(super) static BIG_BANG: Strategy = Strategy {
    name: "big-bang",
    definition: "everything in one wave, at once, by name",
    good_when: "the system is small, a night is long enough, and going back is quick",
    reference: "the null programme: no split at all, and all the risk at one time",
    searches: false,
    packing: Packing::OneWave,
    order: |known, _| Ok(known.groups_by_name()),
};
