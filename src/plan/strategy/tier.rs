//! `low-tier-first` and `critical-first`: by how critical services are.

use super::{Strategy, by_key};
use crate::plan::pack::Packing;

/// Tier 3 to 0.
pub(super) static LOW_TIER_FIRST: Strategy = Strategy {
    name: "low-tier-first",
    definition: "tier 3 to 0, within a tier less traffic first",
    good_when: "the way of moving is new and mistakes should be cheap",
    reference: "The New York Times; AWS prioritisation, criticality low first",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        Ok(by_key(known, |group| {
            let facts = &known.groups[group];
            (3 - facts.tier.min(3), facts.requests)
        }))
    },
};

/// Tier 0 to 3.
pub(super) static CRITICAL_FIRST: Strategy = Strategy {
    name: "critical-first",
    definition: "tier 0 to 3, within a tier more traffic first",
    good_when: "a few valuable services justify the effort, and the long tail may wait or stay",
    reference: "Slack's cells; GitHub's web and API first",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        Ok(by_key(known, |group| {
            let facts = &known.groups[group];
            (facts.tier, -facts.requests)
        }))
    },
};
