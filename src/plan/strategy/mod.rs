//! Strategies: how to order move groups. One file each; the table is read by the scenario language, `list`, the
//! commands and the tests that hold for all of them.
//!
//! A strategy sees a [`KnownWorld`] and gives a permutation of its groups; ties go by name, so that the order in
//! which a file lists services does not matter. Whether it is feasible is the packer's affair.

mod anneal;
mod aws_score;
mod big_bang;
mod by_api;
mod by_domain;
mod by_team;
mod deadline_first;
mod exact_dp;
mod frontier;
mod greedy_comma;
mod greedy_min_cut;
mod layered;
mod leaf_first_best_ties;
mod leaf_first_layered;
mod low_blast_radius_first;
mod manual;
mod portability_gated;
mod random;
mod root_first;
mod size;
mod spectral;
mod state_first;
mod stateless_first;
#[cfg(test)]
mod tests;
mod tier;
mod traffic;
mod wave_flow;

use crate::plan::KnownWorld;
use crate::plan::pack::Packing;

/// One way to order a migration.
pub struct Strategy {
    /// As written in scenarios.
    pub name: &'static str,
    /// What order it gives, in one sentence.
    pub definition: &'static str,
    /// When it is a good choice.
    pub good_when: &'static str,
    /// Who describes or follows it.
    pub reference: &'static str,
    /// Whether it searches for a small cut by itself: a baseline that others need not beat.
    pub searches: bool,
    /// How its order is cut.
    pub packing: Packing,
    /// The order: a permutation of the groups, or why there is none.
    pub order: fn(&KnownWorld, u64) -> Result<Vec<usize>, String>,
}

/// All strategies, by name.
pub static STRATEGIES: &[&Strategy] = &[
    &anneal::ANNEAL,
    &aws_score::AWS_SCORE,
    &big_bang::BIG_BANG,
    &size::BIGGEST_FIRST,
    &by_api::BY_API,
    &by_domain::BY_DOMAIN,
    &by_team::BY_TEAM,
    &tier::CRITICAL_FIRST,
    &deadline_first::DEADLINE_FIRST,
    &exact_dp::EXACT_DP,
    &greedy_comma::GREEDY_COMMA,
    &greedy_min_cut::GREEDY_MIN_CUT,
    &traffic::HIGH_TRAFFIC_FIRST,
    &leaf_first_best_ties::LEAF_FIRST_BEST_TIES,
    &leaf_first_layered::LEAF_FIRST_LAYERED,
    &low_blast_radius_first::LOW_BLAST_RADIUS_FIRST,
    &tier::LOW_TIER_FIRST,
    &traffic::LOW_TRAFFIC_FIRST,
    &manual::MANUAL,
    &portability_gated::PORTABILITY_GATED,
    &random::RANDOM,
    &root_first::ROOT_FIRST,
    &size::SMALLEST_FIRST,
    &spectral::SPECTRAL,
    &state_first::STATE_FIRST,
    &stateless_first::STATELESS_FIRST,
    &wave_flow::WAVE_FLOW,
];

/// The strategy of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Strategy> {
    STRATEGIES
        .iter()
        .copied()
        .find(|strategy| strategy.name == name)
}

/// Names of all strategies.
pub fn names() -> impl Iterator<Item = &'static str> {
    STRATEGIES.iter().map(|strategy| strategy.name)
}

/// Groups by a key, ties by name.
pub(super) fn by_key<K: PartialOrd>(known: &KnownWorld, key: impl Fn(usize) -> K) -> Vec<usize> {
    let mut order = known.groups_by_name();
    // Stable: equal keys keep the order by name.
    order.sort_by(|a, b| {
        key(*a)
            .partial_cmp(&key(*b))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    order
}
