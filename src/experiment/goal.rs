//! The scenario's objective over replications, and a league of plans by it.

use crate::experiment::result::ReplicationResult;
use crate::experiment::terms::{each_term, term_text, terms};
use crate::model::metric::{Dimension, find};
use crate::model::{Goal, Scenario};
use crate::stats::{Interval, Paired, mean_interval, paired};

/// One part of an objective: a metric, or the sum of all priced ones.
#[derive(Clone, PartialEq, Debug)]
pub struct GoalPart {
    /// As written; `sum of money` for a priced objective.
    pub text: String,
    /// Unit of its values.
    pub unit: String,
    /// Positions in the replications' terms with a factor each; `*` counts as the sum.
    sources: Vec<(usize, f64)>,
}

/// The parts of the scenario's objective, most important first; none without one.
#[must_use]
pub fn parts(scenario: &Scenario) -> Vec<GoalPart> {
    let known = terms(scenario);
    let sources = |term: &crate::model::MetricTerm, factor: f64| -> Vec<(usize, f64)> {
        each_term(term, scenario)
            .iter()
            .filter_map(|term| known.iter().position(|one| one == term))
            .map(|position| (position, factor))
            .collect()
    };
    match &scenario.goal {
        None => Vec::new(),
        Some(Goal::InOrder(wanted)) => wanted
            .iter()
            .map(|term| {
                let metric = find(&term.name);
                GoalPart {
                    text: term_text(term, scenario),
                    unit: match metric.map(|metric| metric.dimension) {
                        Some(Dimension::Money) => scenario.currency.clone().unwrap_or_default(),
                        _ => metric.map_or("", |metric| metric.unit).to_owned(),
                    },
                    sources: sources(term, 1.0),
                }
            })
            .collect(),
        Some(Goal::Priced(wanted)) => vec![GoalPart {
            text: "sum of money".to_owned(),
            unit: scenario.currency.clone().unwrap_or_default(),
            sources: wanted
                .iter()
                .flat_map(|(term, price)| sources(term, *price))
                .collect(),
        }],
    }
}

impl GoalPart {
    /// Its value in one replication; `None` when something it adds up was not seen (a makespan that has no end).
    #[must_use]
    pub fn value(&self, replication: &ReplicationResult) -> Option<f64> {
        let mut sum = 0.0;
        for (position, factor) in &self.sources {
            sum += factor * replication.terms.get(*position).copied().flatten()?;
        }
        Some(sum)
    }
}

/// One plan that takes part in a league.
#[derive(Clone, PartialEq, Debug)]
pub struct Entrant {
    /// Its name.
    pub name: String,
    /// Values by part and then by replication.
    pub values: Vec<Vec<Option<f64>>>,
}

impl Entrant {
    /// The objective's values over replications.
    #[must_use]
    pub fn new(name: &str, parts: &[GoalPart], replications: &[ReplicationResult]) -> Self {
        let values = parts
            .iter()
            .map(|part| replications.iter().map(|one| part.value(one)).collect())
            .collect();
        Self {
            name: name.to_owned(),
            values,
        }
    }

    /// Mean of a part; infinite when a replication has no value, so that such a plan never leads.
    #[must_use]
    pub fn mean(&self, part: usize) -> f64 {
        let values = &self.values[part];
        let sum: Option<f64> = values.iter().copied().sum();
        sum.map_or(f64::INFINITY, |sum| sum / values.len() as f64)
    }

    fn whole(&self, part: usize) -> Option<Vec<f64>> {
        self.values[part].iter().copied().collect()
    }
}

/// What the comparison with the leader says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// It leads.
    Leads,
    /// Worse than the leader in the part of that position, at the stated confidence.
    Worse(usize),
    /// The same values in every replication.
    Same,
    /// Not told apart.
    Untold,
}

/// A plan's place.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// Position among the entrants.
    pub entrant: usize,
    /// Mean and interval of each part; `None` where a replication has no value.
    pub parts: Vec<Option<Interval>>,
    /// Difference to the leader in each part, by pairs, at the level corrected for the number of comparisons.
    pub behind: Vec<Option<Paired>>,
    /// In words.
    pub told: Told,
}

/// Ranks plans that saw the same luck. The leader is chosen part by part: of those not told apart in the parts
/// before, the one with the least mean; all others follow by their means. Who leads is found from the same values, so
/// differences are corrected by Bonferroni for all pairs of different plans: whatever pair is looked at, all of
/// them hold together at `confidence`.
#[must_use]
pub fn league(entrants: &[Entrant], confidence: f64) -> Vec<Place> {
    let leader = leader(entrants, confidence);
    leader.map_or_else(Vec::new, |leader| {
        behind(entrants, leader, confidence, confidence)
    })
}

/// Who leads, as [`league`] says; nobody among nobody.
#[must_use]
pub fn leader(entrants: &[Entrant], confidence: f64) -> Option<usize> {
    let parts = entrants.first()?.values.len();
    Some(first_of(entrants, parts, pair_level(entrants, confidence)))
}

/// Places of all entrants with differences to a given leader, which comes first. `confidence` is that of all
/// differences between pairs together, `alone` that of each mean by itself.
#[must_use]
pub fn behind(entrants: &[Entrant], leader: usize, confidence: f64, alone: f64) -> Vec<Place> {
    let parts = entrants[leader].values.len();
    let level = pair_level(entrants, confidence);
    let mut order: Vec<usize> = (0..entrants.len()).collect();
    order.sort_by(|a, b| {
        let leads = |entrant: usize| entrant != leader;
        leads(*a).cmp(&leads(*b)).then_with(|| {
            (0..parts)
                .map(|part| entrants[*a].mean(part).total_cmp(&entrants[*b].mean(part)))
                .find(|order| order.is_ne())
                .unwrap_or(a.cmp(b))
        })
    });
    order
        .into_iter()
        .map(|entrant| {
            let behind: Vec<Option<Paired>> = (0..parts)
                .map(|part| difference(&entrants[entrant], &entrants[leader], part, level))
                .collect();
            Place {
                entrant,
                parts: (0..parts)
                    .map(|part| mean_interval(&entrants[entrant].whole(part)?, alone))
                    .collect(),
                told: told(entrant, leader, entrants, &behind),
                behind,
            }
        })
        .collect()
}

/// Entrants whose values differ: copies are compared with nobody.
#[must_use]
pub fn different(entrants: &[Entrant]) -> usize {
    let is_new = |at: &usize| {
        !entrants[..*at]
            .iter()
            .any(|other| other.values == entrants[*at].values)
    };
    (0..entrants.len()).filter(is_new).count()
}

/// Confidence of one difference, so that those of all pairs hold together.
fn pair_level(entrants: &[Entrant], confidence: f64) -> f64 {
    let count = different(entrants) as f64;
    1.0 - (1.0 - confidence) / (count * (count - 1.0) / 2.0).max(1.0)
}

fn first_of(entrants: &[Entrant], parts: usize, level: f64) -> usize {
    let mut left: Vec<usize> = (0..entrants.len()).collect();
    for part in 0..parts {
        let best = *left
            .iter()
            .min_by(|a, b| {
                entrants[**a]
                    .mean(part)
                    .total_cmp(&entrants[**b].mean(part))
            })
            .expect("somebody is left");
        if part + 1 == parts {
            return best;
        }
        left.retain(|entrant| {
            *entrant == best
                || difference(&entrants[*entrant], &entrants[best], part, level)
                    .is_some_and(|pair| pair.difference.low <= 0.0)
        });
    }
    left[0]
}

fn difference(one: &Entrant, other: &Entrant, part: usize, level: f64) -> Option<Paired> {
    paired(&one.whole(part)?, &other.whole(part)?, level)
}

fn told(entrant: usize, leader: usize, entrants: &[Entrant], behind: &[Option<Paired>]) -> Told {
    if entrant == leader {
        return Told::Leads;
    }
    if entrants[entrant].values == entrants[leader].values {
        return Told::Same;
    }
    for (part, pair) in behind.iter().enumerate() {
        match pair {
            None => return Told::Worse(part),
            Some(pair) if pair.difference.low > 0.0 => return Told::Worse(part),
            // Better in this part, worse in an earlier one not told: the parts after say nothing.
            Some(pair) if pair.difference.high < 0.0 => return Told::Untold,
            Some(_) => {}
        }
    }
    Told::Untold
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrant(name: &str, parts: &[&[f64]]) -> Entrant {
        let some = |values: &&[f64]| values.iter().map(|value| Some(*value)).collect();
        Entrant {
            name: name.to_owned(),
            values: parts.iter().map(some).collect(),
        }
    }

    #[test]
    fn the_leader_is_chosen_part_by_part_and_the_rest_by_means() {
        // a and b are not told apart in the first part (differences -1, 1, -1, 1.2); b is quicker.
        let entrants = [
            entrant("a", &[&[10.0, 12.0, 10.0, 12.0], &[5.0, 5.0, 5.0, 5.1]]),
            entrant("b", &[&[11.0, 11.0, 11.0, 10.8], &[4.0, 4.1, 4.0, 4.0]]),
            entrant("c", &[&[20.0, 21.0, 20.0, 21.0], &[1.0, 1.0, 1.0, 1.0]]),
        ];
        let found = league(&entrants, 0.95);
        let names: Vec<&str> = found
            .iter()
            .map(|place| entrants[place.entrant].name.as_str())
            .collect();
        assert_eq!(names[0], "b");
        assert_eq!(found[0].told, Told::Leads);
        let of = |name: &str| {
            let place = found
                .iter()
                .find(|place| entrants[place.entrant].name == name);
            place.expect("it takes part").told
        };
        assert_eq!(of("c"), Told::Worse(0));
        assert_eq!(of("a"), Told::Worse(1));
    }

    #[test]
    fn a_plan_without_an_answer_never_leads_and_copies_are_the_same() {
        let mut lost = entrant("lost", &[&[1.0, 1.0, 1.0]]);
        lost.values[0][1] = None;
        let entrants = [
            lost,
            entrant("a", &[&[2.0, 3.0, 4.0]]),
            entrant("copy", &[&[2.0, 3.0, 4.0]]),
        ];
        let found = league(&entrants, 0.95);
        assert_eq!(found[0].entrant, 1);
        assert_eq!(found[1].told, Told::Same);
        assert_eq!(found[2].told, Told::Worse(0));
        assert_eq!(found[2].parts, vec![None]);
    }
}
