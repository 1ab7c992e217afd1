//! `smallest-first` and `biggest-first`: by requested cores.

use super::{Strategy, by_key};
use crate::plan::pack::Packing;

/// Few cores first.
pub(super) static SMALLEST_FIRST: Strategy = Strategy {
    name: "smallest-first",
    definition: "by rising requested cores of all replicas, then by replicas",
    good_when: "the target grows slowly, or teams need practice",
    reference: "AWS prioritisation, instances 1 to 3 first",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        Ok(by_key(known, |group| {
            (known.groups[group].cores, known.groups[group].replicas)
        }))
    },
};

/// Many cores first.
pub(super) static BIGGEST_FIRST: Strategy = Strategy {
    name: "biggest-first",
    definition: "by falling requested cores of all replicas, then by replicas",
    good_when: "double running costs most: the largest bill ends first",
    reference: "Dargie: resource-intensive first was shortest in total",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        Ok(by_key(known, |group| {
            let facts = &known.groups[group];
            (-facts.cores, -i64::from(facts.replicas))
        }))
    },
};
