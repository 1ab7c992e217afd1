//! The stages after the graph: successive halving, then a comparison on luck that nothing before has seen; and a
//! tournament of many plans in two stages.
//!
//! The tournament follows the two-stage idea of Nelson, Swann, Goldsman and Song (2001): a first stage on few replications
//! drops what is told apart from its leader, a second one on fresh replications compares the rest. Half of the
//! error probability is spent on each, over all pairs of different plans.

use crate::experiment::goal::{Entrant, Place, behind, leader, league};
use crate::search::Candidate;
use crate::search::evaluator::{Evaluator, OWN_LUCK};

/// Stages draw apart from one another and from `run`, which is stage 0.
const HALVING: u32 = 1;
const CONFIRM: u32 = 2;
const SCREEN: u32 = 3;
const CONFIRM_SCREEN: u32 = 4;
/// Replications of a tournament's first stage: at least and at most.
const SCREENED: (u32, u32) = (5, 10);
/// Different plans from which on a first stage can save anything.
const MANY: usize = 4;

/// Drops the worse half again and again, with twice the replications each time, until at most `finalists` are left:
/// their positions in `plans`, best first; and the means of the first round, for the rank correlation. `None` when
/// cancelled.
#[must_use]
pub fn halve(
    evaluator: &dyn Evaluator,
    plans: &[&Candidate],
    first: u32,
    finalists: usize,
    confidence: f64,
) -> Option<(Vec<usize>, Vec<f64>)> {
    let mut left: Vec<usize> = (0..plans.len()).collect();
    let mut replications = first;
    let mut means = Vec::new();
    loop {
        let subset: Vec<&Candidate> = left.iter().map(|at| plans[*at]).collect();
        let entrants = evaluator.judge(&subset, HALVING, replications)?;
        let places = league(&entrants, confidence);
        if means.is_empty() {
            means = entrants.iter().map(|entrant| entrant.mean(0)).collect();
        }
        let keep = (left.len().div_ceil(2)).max(finalists).min(left.len());
        left = places
            .iter()
            .map(|place| left[place.entrant])
            .take(keep)
            .collect();
        if left.len() <= finalists {
            return Some((left, means));
        }
        replications *= 2;
    }
}

/// A tournament on luck that no stage before has seen; `None` when cancelled.
#[must_use]
pub fn confirm(
    evaluator: &dyn Evaluator,
    plans: &[&Candidate],
    first: Option<u32>,
    replications: u32,
    confidence: f64,
) -> Option<Tournament> {
    let luck = [CONFIRM_SCREEN, CONFIRM];
    play(evaluator, plans, luck, first, replications, confidence)
}

/// A plan's place in a tournament.
pub struct Standing {
    /// Its place: intervals and differences are from the replications of its last stage.
    pub place: Place,
    /// Replications of its last stage.
    pub replications: u32,
    /// Whether it took part in the last stage; otherwise it was told apart from the first stage's leader.
    pub is_final: bool,
}

/// What a tournament found.
pub struct Tournament {
    /// Best first: those of the last stage, then those dropped before.
    pub standings: Vec<Standing>,
    /// Values by plan, in the order given, of its last stage.
    pub entrants: Vec<Entrant>,
    /// Means of the objective's first part over the first stage, all plans on the same luck.
    pub means: Vec<f64>,
    /// Replications of the first stage; `None` when there was only one stage.
    pub screened: Option<u32>,
}

/// Replications of the first stage for that many different plans; `None` when one stage is cheaper.
#[must_use]
pub fn screening(different: usize, replications: u32) -> Option<u32> {
    let first = (2 * replications).div_ceil(5).clamp(SCREENED.0, SCREENED.1);
    (different >= MANY && first < replications).then_some(first)
}

/// Plans against one another: `first` replications each where that is given, then `replications` fresh ones, on the luck
/// of `run`, for those that were not told apart from the leader. All differences hold together at `confidence`, which also
/// bounds the probability that a dropped plan is truly better than the one it was told apart from. `None` when
/// cancelled.
#[must_use]
pub fn tournament(
    evaluator: &dyn Evaluator,
    plans: &[&Candidate],
    first: Option<u32>,
    replications: u32,
    confidence: f64,
) -> Option<Tournament> {
    let luck = [SCREEN, OWN_LUCK];
    play(evaluator, plans, luck, first, replications, confidence)
}

/// The tournament, with the luck of its first and last stage.
fn play(
    evaluator: &dyn Evaluator,
    plans: &[&Candidate],
    luck: [u32; 2],
    first: Option<u32>,
    replications: u32,
    confidence: f64,
) -> Option<Tournament> {
    let Some(first) = first else {
        let entrants = evaluator.judge(plans, luck[1], replications)?;
        let standing = |place| Standing {
            place,
            replications,
            is_final: true,
        };
        return Some(Tournament {
            standings: league(&entrants, confidence)
                .into_iter()
                .map(standing)
                .collect(),
            means: entrants.iter().map(|entrant| entrant.mean(0)).collect(),
            entrants,
            screened: None,
        });
    };
    let each = 1.0 - (1.0 - confidence) / 2.0;
    let screened = evaluator.judge(plans, luck[0], first)?;
    let places = league(&screened, each);
    let left: Vec<usize> = places
        .iter()
        .filter(|place| !is_told_apart(&screened, places[0].entrant, place))
        .map(|place| place.entrant)
        .collect();
    let chosen: Vec<&Candidate> = left.iter().map(|at| plans[*at]).collect();
    let last = evaluator.judge(&chosen, luck[1], replications)?;
    let winner = leader(&last, each)?;
    let finals = behind(&last, winner, each, confidence);
    let winner = left[winner];
    let mut standings: Vec<Standing> = finals
        .into_iter()
        .map(|mut place| {
            place.entrant = left[place.entrant];
            Standing {
                place,
                replications,
                is_final: true,
            }
        })
        .collect();
    // Those dropped are compared with the winner on the luck that both have seen.
    standings.extend(
        behind(&screened, winner, each, confidence)
            .into_iter()
            .filter(|place| !left.contains(&place.entrant))
            .map(|place| Standing {
                place,
                replications: first,
                is_final: false,
            }),
    );
    let means = screened.iter().map(|entrant| entrant.mean(0)).collect();
    let mut entrants = screened;
    for (at, entrant) in left.into_iter().zip(last) {
        entrants[at] = entrant;
    }
    Some(Tournament {
        standings,
        entrants,
        means,
        screened: Some(first),
    })
}

/// Whether a plan is told apart from the leader as worse, in the first part of the objective in which their values
/// are not the same: a later part must not drop what more replications may tell in an earlier one.
fn is_told_apart(entrants: &[Entrant], leader: usize, place: &Place) -> bool {
    if place.entrant == leader {
        return false;
    }
    let (one, other) = (&entrants[place.entrant].values, &entrants[leader].values);
    let Some(part) = (0..one.len()).find(|part| one[*part] != other[*part]) else {
        return false;
    };
    match place.behind[part] {
        Some(pair) => pair.difference.low > 0.0,
        // Without a value in some replication it cannot lead.
        None => true,
    }
}

/// Different plans among those: equal ones are played once.
#[must_use]
pub fn different_plans(plans: &[&Candidate]) -> usize {
    let is_new = |at: &usize| !plans[..*at].iter().any(|other| other.is_same(plans[*at]));
    (0..plans.len()).filter(is_new).count()
}
