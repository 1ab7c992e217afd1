//! `deadline-first`: earliest due date first.

use super::{Strategy, by_key};
use crate::plan::pack::Packing;
use crate::units::SimTime;

/// See the module.
pub(super) static DEADLINE_FIRST: Strategy = Strategy {
    name: "deadline-first",
    definition: "by the earliest `constraints.deadline` of its services, then by less effort",
    good_when: "contracts end or hardware leaves at different times: no other order is less late at the worst",
    reference: "earliest due date first (Jackson 1955)",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let due = |group: usize| {
            let deadlines = known.migration.constraints.deadlines.iter();
            let of = deadlines.filter(|deadline| {
                deadline.value.services.as_ref().is_none_or(|services| {
                    let members = &known.groups[group].services;
                    services.iter().any(|one| members.contains(&one.index()))
                })
            });
            of.map(|deadline| deadline.value.by)
                .min()
                .unwrap_or(SimTime::NEVER)
        };
        Ok(by_key(known, |group| {
            (due(group), known.groups[group].effort_days)
        }))
    },
};
