//! Resource-constrained projects of PSPLIB: teams and capacities.

use std::cell::Cell;

use crate::arrange::schedule::{Activity, Project, Resource, Scheduler, evolve, makespan_bound};
use crate::arrange::{Control, Draws, Found};
use crate::verify::Kind;
use crate::verify::arrangements::{SEED, grade};
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "psplib",
    about: "Shortest schedules of activities that share four resources (PSPLIB, single mode).",
    judged: "Projects of 30 activities must reach the proved optimum within 600,000 schedules. Larger ones are compared: \
             within 5 % of the best known makespan each (the average is in the notes' sum); no schedule may be shorter than a proved bound.",
    stems: &["psplib"],
    weight: 30,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// Activities (with the two dummies) up to which the optimum must be met.
const MUST: usize = 32;

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    let mut results = context.each(file, KIND.ungraded, one)?;
    grade(&file.cases, &mut results, |case| {
        let durations = case
            .value
            .get("durations")
            .and_then(serde_json::Value::as_array);
        durations.is_some_and(|durations| durations.len() > MUST)
    });
    Ok(results)
}

fn project(case: &Field<'_>) -> Result<Project, Malformed> {
    let durations = case.at("durations")?.items()?;
    let requests = case.at("requests")?.items()?;
    let successors = case.at("successors")?;
    let capacities = case.at("capacities")?.items()?;
    let mut activities = Vec::with_capacity(durations.len());
    for (number, duration) in durations.iter().enumerate() {
        let amounts = requests
            .get(number)
            .ok_or_else(|| case.wrong("requests of each activity"))?;
        let mut held = Vec::new();
        for (resource, amount) in amounts.items()?.iter().enumerate() {
            let amount = amount.count()?;
            if amount > 0 {
                held.push((resource as u32, amount));
            }
        }
        activities.push(Activity {
            duration: duration.count()?,
            requests: held,
            ..Activity::default()
        });
    }
    for (number, list) in successors.items()?.iter().enumerate() {
        for later in list.items()? {
            let later_number = later.count()? as usize;
            let activity = activities
                .get_mut(later_number)
                .ok_or_else(|| later.wrong("an activity's number"))?;
            activity.after.push(number as u32);
        }
    }
    let resources = capacities
        .iter()
        .map(|capacity| {
            Ok(Resource {
                capacity: capacity.count()?,
                calendar: Vec::new(),
            })
        })
        .collect::<Result<_, Malformed>>()?;
    Ok(Project {
        activities,
        resources,
    })
}

/// Proved range of the makespan: `"43"` or `"82..87"`.
fn range(makespan: &Field<'_>) -> Result<(u32, u32), Malformed> {
    let text = makespan.text()?;
    let wrong = || makespan.wrong("a number or a range such as \"82..87\"");
    let (low, high) = text.split_once("..").unwrap_or((text, text));
    Ok((
        low.parse().map_err(|_| wrong())?,
        high.parse().map_err(|_| wrong())?,
    ))
}

fn one(case: &Case, judge: &mut Judge, allowance: &Allowance) -> Result<(), Malformed> {
    let field = case.field();
    let project = project(&field)?;
    let (low, high) = range(&field.at("makespan")?)?;
    let Some(mut scheduler) = Scheduler::new(&project) else {
        judge.fail("precedence has a cycle, or an activity asks for more than there is");
        return Ok(());
    };
    let small = project.activities.len() <= MUST;
    let over = || allowance.is_over();
    let last = Cell::new(0);
    let listen = |found: Found<'_>| last.set(found.evaluations);
    let limit = if small { 600_000 } else { 900_000 };
    let control = Control::evaluations(limit).or_when(&over).telling(&listen);
    let bound = makespan_bound(&project);
    let floor = f64::from(bound.makespan.max(low));
    let found = evolve(
        &mut scheduler,
        &[],
        &|_, makespan| f64::from(makespan),
        true,
        floor,
        &mut Draws::new(SEED, 0),
        &control,
    );
    judge.holds(project.allows(&found.schedule.starts), || {
        "the schedule breaks precedence or a capacity".to_owned()
    });
    let makespan = found.schedule.makespan;
    judge.holds(bound.makespan <= high, || {
        format!(
            "the {} bound {} is above the published makespan {high}",
            bound.kind.name(),
            bound.makespan
        )
    });
    judge.holds(makespan >= low, || {
        format!("{makespan} is below the proved lower bound {low}")
    });
    let tolerance = if small { 0.0 } else { 0.05 * f64::from(high) };
    judge.within(
        "makespan",
        f64::from(makespan.max(high)),
        f64::from(high),
        tolerance,
    );
    judge.note(format!(
        "makespan {makespan} (published {}), {:.1} % above, after {} schedules; {} bound {}{}",
        field.at("makespan")?.text()?,
        100.0 * (f64::from(makespan) / f64::from(high) - 1.0),
        last.get(),
        bound.kind.name(),
        bound.makespan,
        if control.was_stopped() {
            "; the time budget ended the search"
        } else {
            ""
        },
    ));
    Ok(())
}
