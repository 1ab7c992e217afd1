//! `portability-gated`: groups become eligible when the last of their services has passed its portability test.

use super::Strategy;
use super::frontier::least_cut;
use crate::plan::pack::Packing;
use crate::units::SimTime;

/// See the module.
pub(super) static PORTABILITY_GATED: Strategy = Strategy {
    name: "portability-gated",
    definition: "as services pass their portability tests (`portable`); among those that pass at one time the least cut next",
    good_when: "work before the move decides when a service can go, and waiting for all of it would cost months",
    reference: "Uber 2023, Up: portable microservices ready for the cloud",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let passed = |group: &usize| {
            let services = known.groups[*group].services.iter();
            let tests = services.filter_map(|one| known.scenario.services[*one].portable_from);
            tests.max().unwrap_or(SimTime::ZERO)
        };
        let mut left = known.groups_by_name();
        if left.iter().all(|group| passed(group) == SimTime::ZERO) {
            return Err("no service that moves has `portable`".to_owned());
        }
        left.sort_by_key(passed);
        let mut moved = vec![false; known.graph.len()];
        let mut order = Vec::with_capacity(left.len());
        for class in left.chunk_by(|a, b| passed(a) == passed(b)) {
            order.extend(least_cut(&known.graph, class, &mut moved));
        }
        Ok(order)
    },
};
