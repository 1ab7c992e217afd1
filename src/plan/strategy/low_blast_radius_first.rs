//! `low-blast-radius-first`: by who would notice.

use super::{Strategy, by_key};
use crate::plan::KnownWorld;
use crate::plan::pack::Packing;

/// See the module.
pub(super) static LOW_BLAST_RADIUS_FIRST: Strategy = Strategy {
    name: "low-blast-radius-first",
    definition: "by rising number of groups that call it, directly or through others, then by requests a second",
    good_when: "a failed move should reach as few others as possible",
    reference: "Accenture SWAO: blast radius is fan-in in the integration graph",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let reach: Vec<usize> = (0..known.groups.len())
            .map(|group| transitive_callers(known, group))
            .collect();
        Ok(by_key(known, |group| {
            (reach[group], known.groups[group].requests)
        }))
    },
};

fn transitive_callers(known: &KnownWorld, group: usize) -> usize {
    let mut seen = vec![false; known.groups.len()];
    seen[group] = true;
    let mut open = vec![group];
    let mut count = 0;
    while let Some(next) = open.pop() {
        for caller in &known.graph.callers[next] {
            if !std::mem::replace(&mut seen[*caller], true) {
                count += 1;
                open.push(*caller);
            }
        }
    }
    count
}
