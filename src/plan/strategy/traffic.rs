//! `low-traffic-first` and `high-traffic-first`: by requests a second.

use super::{Strategy, by_key};
use crate::plan::pack::Packing;

/// Few requests first.
pub(super) static LOW_TRAFFIC_FIRST: Strategy = Strategy {
    name: "low-traffic-first",
    definition: "by rising requests a second at level 1",
    good_when: "few users should meet the first mistakes; mind its peak of crossing calls",
    reference: "common practice; Accenture SWAO within a wave",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| Ok(by_key(known, |group| known.groups[group].requests)),
};

/// Many requests first.
pub(super) static HIGH_TRAFFIC_FIRST: Strategy = Strategy {
    name: "high-traffic-first",
    definition: "by falling requests a second at level 1",
    good_when: "the source's capacity must be freed early",
    reference: "capacity-driven exits of data centres",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| Ok(by_key(known, |group| -known.groups[group].requests)),
};
