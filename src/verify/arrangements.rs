//! What the kinds of arrangement problems share: reading graphs and running the search under a budget.

use std::cell::Cell;

use crate::arrange::bound::{gap, peak_bound, sum_bound};
use crate::arrange::{Control, Graph, Objective, Problem, Session};
use crate::verify::case_file::{Case, Field, Malformed};
use crate::verify::context::Allowance;
use crate::verify::judge::{CaseResult, Grade, Judge};

/// Seed of all searches of the validation.
pub const SEED: u64 = 1;

/// The edges of a case: pairs, or triples with a weight.
///
/// # Errors
/// Another form, or an end that is not below `nodes`.
pub fn edges(list: &Field<'_>, nodes: usize) -> Result<Vec<(u32, u32, f64)>, Malformed> {
    list.items()?
        .iter()
        .map(|edge| {
            let parts = edge.items()?;
            let end = |index: usize| -> Result<u32, Malformed> {
                let end = parts
                    .get(index)
                    .ok_or_else(|| edge.wrong("[from, to] or [from, to, weight]"))?;
                end.count().and_then(|number| {
                    if (number as usize) < nodes {
                        Ok(number)
                    } else {
                        Err(end.wrong(&format!("a node below {nodes}")))
                    }
                })
            };
            let weight = parts.get(2).map_or(Ok(1.0), Field::number)?;
            Ok((end(0)?, end(1)?, weight))
        })
        .collect()
}

/// The unit problem of a case with `n` and `edges`.
///
/// # Errors
/// Another form.
pub fn unit_problem(case: &Field<'_>) -> Result<Problem, Malformed> {
    let n = case.at("n")?.count()? as usize;
    let edges = edges(&case.at("edges")?, n)?;
    Ok(Problem::unit(Graph::new(n, &edges)))
}

/// The graph of a case as the file says it: its count of edges is checked.
///
/// # Errors
/// Another form.
pub fn count_edges(
    case: &Field<'_>,
    problem: &Problem,
    judge: &mut Judge,
) -> Result<(), Malformed> {
    if let Some(count) = case.maybe("m") {
        judge.equal("edges", &(problem.graph.pairs() as u64), &count.whole()?);
    }
    Ok(())
}

/// What a search found.
pub struct Outcome {
    /// The session after the run.
    pub session: Session,
    /// Evaluations at the last improvement.
    pub last_better: u64,
    /// Whether time ended it.
    pub stopped: bool,
}

/// Searches within the budget, until `floor` is met.
pub fn search(
    problem: &Problem,
    objective: Objective,
    evaluations: u64,
    floor: f64,
    allowance: &Allowance,
) -> Outcome {
    let over = || allowance.is_over();
    let last = Cell::new(0);
    let listen = |found: crate::arrange::Found<'_>| last.set(found.evaluations);
    let control = Control::evaluations(evaluations)
        .or_when(&over)
        .telling(&listen);
    let mut session = Session::new(problem, objective, SEED);
    session.run(problem, floor, &control);
    Outcome {
        session,
        last_better: last.get(),
        stopped: control.was_stopped(),
    }
}

/// Judges an outcome: a valid order, its cost afresh, no cost below a proved bound, and the expected value within
/// `share` of it.
pub fn judge_outcome(
    problem: &Problem,
    outcome: &Outcome,
    what: &str,
    expected: f64,
    share: f64,
    judge: &mut Judge,
) {
    let session = &outcome.session;
    judge.holds(problem.allows(&session.order), || {
        format!("{what}: the order found is no permutation or breaks a constraint")
    });
    judge.equal(
        &format!("{what} of the order, computed afresh"),
        &session.value(problem, &session.order),
        &session.cost,
    );
    let bound = match session.objective {
        Objective::Sum => sum_bound(problem),
        Objective::Peak => peak_bound(problem),
    };
    judge.holds(bound.value <= session.cost * (1.0 + 1e-9) + 1e-9, || {
        format!(
            "{what}: the {} bound {} is above the order found, {}",
            bound.kind.name(),
            bound.value,
            session.cost
        )
    });
    if share == 0.0 {
        judge.within(what, session.cost, expected, 0.0);
    } else {
        // Better than the best known is no failure.
        judge.within(what, session.cost.max(expected), expected, share * expected);
    }
    judge.note(format!(
        "{what} {} ({} {expected}), {}; {} bound {:.0}, gap {:.0} %{}",
        session.cost,
        if share == 0.0 {
            "expected"
        } else {
            "best known"
        },
        if session.proved {
            "proved by dynamic programming".to_owned()
        } else {
            format!("found after {} evaluations", outcome.last_better)
        },
        bound.kind.name(),
        bound.value,
        100.0 * gap(session.cost, bound.value),
        if outcome.stopped {
            "; the time budget ended the search"
        } else {
            ""
        },
    ));
}

/// Sets the grade of cases that carry none by their size: those for which `compare` holds are reported only.
pub fn grade(cases: &[Case], results: &mut [CaseResult], compare: impl Fn(&Case) -> bool) {
    for (case, result) in cases.iter().zip(results) {
        if case.grade.is_none() && compare(case) {
            result.grade = Grade::Compare;
        }
    }
}

/// The members `n` of a case; 0 when it has none.
pub fn size(case: &Case) -> u64 {
    case.value
        .get("n")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0)
}
