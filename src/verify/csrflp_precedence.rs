//! Single-row layout with precedence, fixed places and direct followers, proved.

use crate::arrange::Problem;
use crate::arrange::exact::{ideals, subset_sum};
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

use super::srflp;

/// The kind.
pub static KIND: Kind = Kind {
    name: "csrflp_precedence",
    about: "Optimal orders of moves of different length under precedence, fixed places and direct followers.",
    judged: "The dynamic programme over order ideals must give the stated optimum exactly, by an order that keeps every \
             constraint, and no less than the optimum without constraints.",
    stems: &["csrflp_precedence"],
    weight: 6,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    // The layouts stand in the files of the kind `srflp` beside this one.
    let folder = file
        .path
        .parent()
        .map(std::path::Path::to_path_buf)
        .unwrap_or_default();
    let mut layouts: Vec<Case> = Vec::new();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    for path in names {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.starts_with("srflp") && name.ends_with(".json") {
            layouts.extend(CaseFile::read(&path)?.cases);
        }
    }
    let mut results = context.each(file, KIND.ungraded, |case, judge, allowance| {
        one(&layouts, case, judge, allowance)
    })?;
    // A case whose layout is not at hand cannot be checked: it is counted as not run.
    for (case, result) in file.cases.iter().zip(&mut results) {
        let field = case.field();
        let named = field.at("instance").and_then(|name| name.text());
        let named = named.map_err(|error| vec![error])?;
        if field.maybe("lengths").is_none() && !layouts.iter().any(|layout| layout.id == named) {
            *result = Judge::excluded(case);
            result.note = Some(format!(
                "no srflp file beside this one holds the layout `{named}`"
            ));
        }
    }
    Ok(results)
}

fn one(layouts: &[Case], case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    let field = case.field();
    let name = field.at("instance")?.text()?;
    // A case may bring its layout; else it names one.
    let own = field.maybe("lengths").is_some();
    let mut problem = if own {
        srflp::problem(&field)?
    } else if let Some(layout) = layouts.iter().find(|layout| layout.id == name) {
        srflp::problem(&layout.field())?
    } else {
        judge.fail(format!(
            "the layout `{name}` stands in no srflp file beside this one"
        ));
        return Ok(());
    };
    constrain(&mut problem, &field.at("raw")?)?;
    let expected = field.at("opt")?.number()?;
    match ideals(&problem) {
        None => judge.fail("no order keeps the constraints"),
        Some(optimum) => {
            judge.within("optimum", optimum.cost, expected, 0.0);
            judge.holds(problem.allows(&optimum.order), || {
                "the order breaks a constraint".to_owned()
            });
            judge.equal(
                "its order's cost",
                &problem.sum(&optimum.order),
                &optimum.cost,
            );
            let free = Problem::with_durations(problem.graph.clone(), problem.durations.clone());
            if free.items() <= crate::arrange::exact::MOST_ITEMS {
                let free = subset_sum(&free).expect("no constraints").cost;
                judge.holds(free <= optimum.cost, || {
                    format!("the optimum without constraints, {free}, is larger")
                });
            }
        }
    }
    Ok(())
}

/// Reads `p o r`, then p pairs (item, place), o pairs (before, after), r pairs (item, the one directly after it).
fn constrain(problem: &mut Problem, raw: &Field<'_>) -> Result<(), Malformed> {
    let numbers = raw
        .items()?
        .iter()
        .map(Field::count)
        .collect::<Result<Vec<u32>, _>>()?;
    let [fixed, before, follow, pairs @ ..] = numbers.as_slice() else {
        return Err(raw.wrong("three counts and as many pairs"));
    };
    let (fixed, before, follow) = (*fixed as usize, *before as usize, *follow as usize);
    let n = problem.items() as u32;
    if pairs.len() != 2 * (fixed + before + follow) || pairs.iter().any(|&number| number >= n) {
        return Err(raw.wrong(&format!(
            "three counts and as many pairs of numbers below {n}"
        )));
    }
    for (index, pair) in pairs.chunks_exact(2).enumerate() {
        if index < fixed {
            problem.fixed[pair[0] as usize] = Some(pair[1]);
        } else if index < fixed + before {
            problem.precede(pair[0], pair[1]);
        } else {
            problem.follower[pair[0] as usize] = Some(pair[1]);
        }
    }
    Ok(())
}
