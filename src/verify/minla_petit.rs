//! Minimum linear arrangement on the graphs of Petit's suite.

use crate::arrange::Objective;
use crate::verify::Kind;
use crate::verify::arrangements::{count_edges, grade, judge_outcome, search, size, unit_problem};
use crate::verify::case_file::{Case, CaseFile, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "minla_petit",
    about: "Minimum linear arrangement (the sum of the cuts of a one-by-one migration) on Petit's graphs, against the best \
            values known.",
    judged: "Graphs of up to 65 nodes must equal the best value known. Larger ones are compared: within 0.5 % up to 200 \
             nodes, within 3 % above. The budget is in evaluations (moves tried), so runs repeat exactly; \
             a search ends when it meets the best known value.",
    stems: &["minla_petit"],
    weight: 40,
    ungraded: Grade::Must,
    remarks: &[
        "The best known values of the larger graphs come from the literature from memory (two-stage annealing and \
         multilevel methods); those of bintree10, hc10 and mesh33x33 are theorems.",
    ],
    check,
};

/// Nodes up to which the best known value must be met.
const MUST: u64 = 65;

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    let mut results = context.each(file, KIND.ungraded, one)?;
    grade(&file.cases, &mut results, |case| size(case) > MUST);
    Ok(results)
}

fn one(case: &Case, judge: &mut Judge, allowance: &Allowance) -> Result<(), Malformed> {
    let field = case.field();
    let problem = unit_problem(&field)?;
    let best = field.at("minla_best_known")?.number()?;
    let n = problem.items() as u64;
    count_edges(&field, &problem, judge)?;
    // 60 s of a core at 5 million moves a second for the large ones.
    let evaluations = if n <= 200 { 30_000_000 } else { 300_000_000 };
    let share = match n {
        0..=MUST => 0.0,
        66..=200 => 0.005,
        _ => 0.03,
    };
    let outcome = search(&problem, Objective::Sum, evaluations, best, allowance);
    judge_outcome(&problem, &outcome, "sum of the cuts", best, share, judge);
    Ok(())
}
