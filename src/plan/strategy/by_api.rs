//! `by-api`: user journey by user journey.

use super::{Strategy, frontier};
use crate::plan::KnownWorld;
use crate::plan::pack::Packing;
use crate::units::JourneyId;

/// See the module.
pub(super) static BY_API: Strategy = Strategy {
    name: "by-api",
    definition: "journey by journey, most actions a second first: every service that the first needs, then what the \
                 next needs in addition; inside by greedy-min-cut; what no journey needs moves last",
    good_when: "users' paths are what must become whole again soonest",
    reference: "vertical slices; Atlas judges placements by API",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| Ok(order(known)),
};

fn order(known: &KnownWorld) -> Vec<usize> {
    let mut journeys: Vec<usize> = (0..known.actions.len()).collect();
    let name = |journey: usize| known.scenario.journeys[journey].name.as_str();
    journeys.sort_by(|a, b| {
        known.actions[*b]
            .total_cmp(&known.actions[*a])
            .then(name(*a).cmp(name(*b)))
    });
    let names = known.groups_by_name();
    let mut moved = vec![false; known.groups.len()];
    let mut order = Vec::new();
    for journey in journeys {
        let id = JourneyId::from_index(journey);
        let mut needed = vec![false; known.groups.len()];
        for edge in &known.edges {
            if edge.by_journey.iter().any(|(one, _)| *one == id) {
                for service in [edge.caller, edge.callee] {
                    if let Some(group) = known.group_of[service] {
                        needed[group] = true;
                    }
                }
            }
        }
        let block: Vec<usize> = names
            .iter()
            .copied()
            .filter(|group| needed[*group] && !moved[*group])
            .collect();
        order.extend(frontier::least_cut(&known.graph, &block, &mut moved));
    }
    let rest: Vec<usize> = names.into_iter().filter(|group| !moved[*group]).collect();
    order.extend(frontier::least_cut(&known.graph, &rest, &mut moved));
    order
}
