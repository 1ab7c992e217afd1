//! Cutwidth of sparse graphs of 16 to 25 nodes, proved and annealed.

use crate::arrange::exact::{subset_peak, subset_sum};
use crate::arrange::{Control, Cooling, Draws, PeakState, anneal};
use crate::verify::Kind;
use crate::verify::arrangements::{SEED, count_edges, unit_problem};
use crate::verify::case_file::{Case, CaseFile, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "cutwidth_small",
    about: "Smallest peak of the cut (cutwidth) and smallest sum of small sparse graphs.",
    judged: "Dynamic programming must give both stated optima exactly; annealing of the peak must meet the cutwidth \
             within 20 coolings of 100,000 moves.",
    stems: &["cutwidth_small"],
    weight: 20,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    let field = case.field();
    let problem = unit_problem(&field)?;
    count_edges(&field, &problem, judge)?;
    let width = field.at("cutwidth_opt")?.number()?;
    let optimum = subset_peak(&problem).expect("no constraints");
    judge.within("cutwidth", optimum.cost, width, 0.0);
    judge.equal(
        "its order's peak",
        &problem.peak(&optimum.order).peak,
        &optimum.cost,
    );
    if let Some(sum) = field.maybe("minla_opt") {
        let optimum = subset_sum(&problem).expect("no constraints");
        judge.within("sum of the cuts", optimum.cost, sum.number()?, 0.0);
    }
    let mut annealed = f64::INFINITY;
    for restart in 0..20 {
        let mut draws = Draws::new(SEED, restart);
        let mut state = PeakState::new(&problem, &draws.permutation(problem.items()));
        let cooling = Cooling {
            moves: 100_000,
            acceptance: 0.8,
        };
        let best = anneal(
            &problem,
            &mut state,
            cooling,
            &mut draws,
            &Control::evaluations(u64::MAX),
        );
        annealed = annealed.min(problem.peak(&best.order).peak);
        if annealed <= width {
            break;
        }
    }
    judge.within("annealed cutwidth", annealed, width, 0.0);
    Ok(())
}
