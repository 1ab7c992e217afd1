//! Which of several scaling policies is cheapest among those that keep the objectives: paired on the same luck.

use crate::experiment::result::ExperimentResult;
use crate::stats::paired;

/// A policy as played.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// Its name.
    pub name: String,
    /// Worst burn rate of any journey, mean over replications: above 1 its objectives are not kept.
    pub burn_rate: Option<f64>,
    /// Mean of what is spent, in the unit of [`Economy::spent_on`].
    pub spent: Option<f64>,
    /// Spent less than, or more than, the winner: mean difference and its interval.
    pub difference: Option<(f64, f64, f64)>,
}

impl Played {
    /// Whether every objective of every journey is kept on average.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.burn_rate.is_none_or(|burn| burn <= 1.0)
    }
}

/// What a comparison on cost says.
#[derive(Clone, Debug, PartialEq)]
pub struct Economy {
    /// Metric that is spent: `cost`, or `replica_hours` where nodes stay the same in all.
    pub spent_on: &'static str,
    /// In the order given.
    pub policies: Vec<Played>,
    /// The cheapest that keeps the objectives; `None` when none does.
    pub winner: Option<usize>,
    /// Whether every other that keeps them is dearer beyond its interval.
    pub is_clear: bool,
    /// Pairs of replications.
    pub pairs: usize,
    /// Level of the intervals.
    pub confidence: f64,
}

/// Compares on cost at kept objectives.
#[must_use]
pub fn economy(results: &[(&str, &ExperimentResult)], confidence: f64) -> Economy {
    let pairs = results
        .iter()
        .map(|(_, result)| result.replications.len())
        .min()
        .unwrap_or(0);
    let same_nodes = results
        .windows(2)
        .all(|two| values(two[0].1, "cost", pairs) == values(two[1].1, "cost", pairs));
    let spent_on = if same_nodes { "replica_hours" } else { "cost" };
    let spent: Vec<Vec<f64>> = results
        .iter()
        .map(|(_, result)| values(result, spent_on, pairs))
        .collect();
    let names = results
        .iter()
        .map(|(name, result)| ((*name).to_owned(), worst_burn(result, pairs)));
    let (policies, winner, is_clear) = decide(names, &spent, confidence);
    Economy {
        spent_on,
        policies,
        winner,
        is_clear,
        pairs,
        confidence,
    }
}

/// The cheapest of those that keep the objectives, and whether all others that do are dearer beyond their interval.
fn decide(
    names: impl Iterator<Item = (String, Option<f64>)>,
    spent: &[Vec<f64>],
    confidence: f64,
) -> (Vec<Played>, Option<usize>, bool) {
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let mut policies: Vec<Played> = names
        .zip(spent)
        .map(|((name, burn_rate), spent)| Played {
            name,
            burn_rate,
            spent: mean(spent),
            difference: None,
        })
        .collect();
    let winner = policies
        .iter()
        .enumerate()
        .filter(|(_, policy)| policy.keeps())
        .filter_map(|(index, policy)| Some((index, policy.spent?)))
        .min_by(|left, right| left.1.total_cmp(&right.1))
        .map(|(index, _)| index);
    let mut is_clear = winner.is_some();
    if let Some(winner) = winner {
        for index in (0..policies.len()).filter(|index| *index != winner) {
            let comparable = spent[index].len() == spent[winner].len();
            let pair = comparable
                .then(|| paired(&spent[index], &spent[winner], confidence))
                .flatten();
            policies[index].difference = pair.map(|pair| {
                let found = pair.difference;
                (found.estimate, found.low, found.high)
            });
            let dearer = policies[index]
                .difference
                .is_some_and(|(_, low, _)| low > 0.0);
            is_clear &= dearer || !policies[index].keeps();
        }
    }
    (policies, winner, is_clear)
}

/// A metric of the whole run by replication.
fn values(result: &ExperimentResult, name: &str, pairs: usize) -> Vec<f64> {
    result.replications[..pairs]
        .iter()
        .filter_map(|one| {
            let found = one
                .metrics
                .iter()
                .find(|scalar| scalar.name == name && scalar.subject.is_empty());
            found.and_then(|scalar| scalar.value)
        })
        .collect()
}

/// The largest mean burn rate over journeys.
fn worst_burn(result: &ExperimentResult, pairs: usize) -> Option<f64> {
    let first = result.replications.first()?;
    let journeys = first
        .metrics
        .iter()
        .filter(|scalar| scalar.name == "burn_rate")
        .map(|scalar| scalar.subject.as_str());
    let of = |subject: &str| {
        let found: Vec<f64> = result.replications[..pairs]
            .iter()
            .filter_map(|one| {
                let scalar = one
                    .metrics
                    .iter()
                    .find(|scalar| scalar.name == "burn_rate" && scalar.subject == subject);
                scalar.and_then(|scalar| scalar.value)
            })
            .collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    journeys.filter_map(of).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_that_keeps_the_objectives_wins_by_pairs() {
        // b is cheapest and misses them; a and c keep them, c is dearer by 2, 2 and 3.
        let names = [("a", 0.5), ("b", 4.0), ("c", 0.1)];
        let names = || {
            names
                .iter()
                .map(|(name, burn)| ((*name).to_owned(), Some(*burn)))
        };
        let spent = [
            vec![10.0, 20.0, 30.0],
            vec![1.0, 1.0, 1.0],
            vec![12.0, 22.0, 33.0],
        ];
        let (policies, winner, is_clear) = decide(names(), &spent, 0.95);
        assert_eq!((winner, is_clear), (Some(0), true));
        let (mean, low, high) = policies[2].difference.expect("three pairs");
        // Mean 7/3, standard error 1/3, t(0.975, 2) = 4.303.
        assert!((mean - 7.0 / 3.0).abs() < 1e-12);
        assert!((high - mean - 4.302_65 / 3.0).abs() < 1e-4 && low > 0.0);
        // Where the difference has either sign nothing is clear.
        let spent = [vec![10.0, 20.0], vec![1.0, 1.0], vec![12.0, 19.0]];
        assert!(!decide(names(), &spent, 0.95).2);
    }

    #[test]
    fn nobody_wins_where_all_miss() {
        let names = [("a", 2.0), ("b", 4.0)].map(|(name, burn)| (name.to_owned(), Some(burn)));
        let (_, winner, is_clear) = decide(names.into_iter(), &[vec![1.0], vec![2.0]], 0.95);
        assert_eq!((winner, is_clear), (None, false));
    }
}
