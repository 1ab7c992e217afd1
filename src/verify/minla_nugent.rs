//! Minimum linear arrangement, cutwidth and wave plans of small dense graphs, proved.

use crate::arrange::Objective;
use crate::arrange::exact::{WaveRule, subset_peak, subset_sum, waves_peak, waves_sum};
use crate::verify::Kind;
use crate::verify::arrangements::{count_edges, unit_problem};
use crate::verify::case_file::{Case, CaseFile, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

use super::arrangements::search;

/// The kind.
pub static KIND: Kind = Kind {
    name: "minla_nugent",
    about: "Optimal orders and optimal plans in waves of dense graphs of 10 to 20 nodes.",
    judged: "Dynamic programming must give the stated optimum exactly; so must annealing, which proves nothing, within a \
             million evaluations (the sum only).",
    stems: &["minla_nugent"],
    weight: 4,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each(file, KIND.ungraded, |case, judge, allowance| {
        one(file, case, judge, allowance)
    })
}

fn one(
    file: &CaseFile,
    case: &Case,
    judge: &mut Judge,
    allowance: &Allowance,
) -> Result<(), Malformed> {
    let field = case.field();
    let problem = unit_problem(&field)?;
    count_edges(&field, &problem, judge)?;
    if let Some(expected) = field.maybe("minla_opt") {
        let expected = expected.number()?;
        let optimum = subset_sum(&problem).expect("no constraints");
        judge.within("sum of the cuts", optimum.cost, expected, 0.0);
        judge.equal(
            "its order's sum",
            &problem.sum(&optimum.order),
            &optimum.cost,
        );
        let found = search(&problem, Objective::Sum, 1_000_000, expected, allowance);
        judge.within("annealed sum", found.session.cost, expected, 0.0);
    }
    if let Some(expected) = field.maybe("cutwidth_opt") {
        let optimum = subset_peak(&problem).expect("no constraints");
        judge.within("peak", optimum.cost, expected.number()?, 0.0);
        judge.equal(
            "its order's peak",
            &problem.peak(&optimum.order).peak,
            &optimum.cost,
        );
    }
    // Beside the instances, by name; or on the case itself.
    let waves = file.field().maybe("wave_exact").and_then(|waves| {
        let waves = waves.value.get(&case.id)?;
        Some(crate::verify::Field {
            value: waves,
            place: format!("{}: wave_exact.{}", file.name, case.id),
        })
    });
    if let Some(waves) = waves {
        let rule = WaveRule {
            cap: waves.at("cap")?.count()? as usize,
            waves: waves.at("waves")?.count()? as usize,
        };
        for (what, key, found) in [
            ("sum in waves", "min_sum_cut", waves_sum(&problem, rule)),
            ("peak in waves", "min_peak_cut", waves_peak(&problem, rule)),
        ] {
            let Some(expected) = waves.maybe(key) else {
                continue;
            };
            match found {
                Some(found) => judge.within(what, found.cost, expected.number()?, 0.0),
                None => judge.fail(format!(
                    "{what}: no plan of {} waves of {} holds all",
                    rule.waves, rule.cap
                )),
            }
        }
    }
    Ok(())
}
