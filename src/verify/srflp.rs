//! Single-row facility layout: orders of moves that take different times.

use crate::arrange::exact::{MOST_ITEMS, subset_sum};
use crate::arrange::{Graph, Objective, Problem};
use crate::verify::Kind;
use crate::verify::arrangements::{edges, grade, judge_outcome, search, size};
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "srflp",
    about: "Integral of the cross-cluster traffic of a migration whose moves take different times (single-row facility \
            layout), against optima and best values known.",
    judged: "Up to 25 items dynamic programming must give the stated optimum exactly, and annealing must find it. Up to 60 \
             items the best known value must be met within 15 million evaluations (5 s of a core). Larger \
             ones are compared: within 0.5 %.",
    stems: &["srflp"],
    weight: 30,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// Items up to which the best known value must be met.
const MUST: u64 = 60;

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    let mut results = context.each(file, KIND.ungraded, one)?;
    grade(&file.cases, &mut results, |case| size(case) > MUST);
    Ok(results)
}

/// The problem of a case with `lengths` and `weights`.
pub(super) fn problem(case: &Field<'_>) -> Result<Problem, Malformed> {
    let lengths = case.at("lengths")?.numbers()?;
    let weights = edges(&case.at("weights")?, lengths.len())?;
    Ok(Problem::with_durations(
        Graph::new(lengths.len(), &weights),
        lengths,
    ))
}

fn one(case: &Case, judge: &mut Judge, allowance: &Allowance) -> Result<(), Malformed> {
    let field = case.field();
    let problem = problem(&field)?;
    let n = problem.items();
    let expected = match field.maybe("opt") {
        Some(opt) => opt.number()?,
        None => field.at("best_known")?.number()?,
    };
    if n <= MOST_ITEMS {
        let optimum = subset_sum(&problem).expect("no constraints");
        judge.within("proved optimum", optimum.cost, expected, 0.0);
        judge.equal(
            "its order's cost",
            &problem.sum(&optimum.order),
            &optimum.cost,
        );
    }
    let share = if n as u64 <= MUST { 0.0 } else { 0.005 };
    let outcome = search(&problem, Objective::Sum, 15_000_000, expected, allowance);
    judge_outcome(&problem, &outcome, "integral", expected, share, judge);
    Ok(())
}
