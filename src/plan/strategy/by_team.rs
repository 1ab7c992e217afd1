//! `by-team`: team after team.

use std::collections::BTreeMap;

use super::{Strategy, frontier};
use crate::plan::pack::Packing;

/// See the module.
pub(super) static BY_TEAM: Strategy = Strategy {
    name: "by-team",
    definition: "team after team, next the team whose move as a whole leaves the fewest crossing calls; inside by \
                 greedy-min-cut",
    good_when: "teams stop product work for a sprint and then are done",
    reference: "Spotify's data-centre exit: a fixed sprint per team",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        let mut teams: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for group in known.groups_by_name() {
            let first = known.groups[group].services[0];
            let team = known.scenario.services[first].team;
            let name = team.map_or("", |team| known.scenario.team(team).name.as_str());
            teams.entry(name).or_default().push(group);
        }
        let blocks: Vec<Vec<usize>> = teams.into_values().collect();
        Ok(frontier::blocks(known, &blocks))
    },
};
