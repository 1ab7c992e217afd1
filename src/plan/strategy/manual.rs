//! `manual`: the order of the waves that are written.

use super::Strategy;
use crate::plan::pack::Packing;

/// See the module.
pub(super) static MANUAL: Strategy = Strategy {
    name: "manual",
    definition: "as `plan.waves` lists the services, cut into waves anew; what it does not list moves last, by name",
    good_when: "somebody knows better, and only the cutting is wanted",
    reference: "the planner",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let waves = &known.scenario.plan.waves;
        if waves.is_empty() {
            return Err("`manual` takes the order of `plan.waves`, and there are none".to_owned());
        }
        let mut order: Vec<usize> = Vec::new();
        let mut taken = vec![false; known.groups.len()];
        let listed = waves.iter().flat_map(|wave| &wave.members);
        let listed = listed.filter_map(|member| known.group_of[member.service.index()]);
        for group in listed.chain(known.groups_by_name()) {
            if !std::mem::replace(&mut taken[group], true) {
                order.push(group);
            }
        }
        Ok(order)
    },
};
