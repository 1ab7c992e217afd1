//! Call graphs of open benchmark systems, with the exact optima of migrating them one service at a time.

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use crate::arrange::exact::{MOST_ITEMS, subset_peak, subset_sum};
use crate::arrange::{Draws, Graph, Objective, Problem};
use crate::verify::Kind;
use crate::verify::arrangements::{SEED, edges, search};
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "migration_graphs",
    about: "Sum and peak of the calls between clusters when open benchmark systems move one service at a time: the best \
            order, the best one that moves callees before callers, the worst of those, and the mean of random orders.",
    judged: "Optima are proved by dynamic programming and must be equal to the stated digits. The mean of all orders must be \
             W (n + 1) / 3, and the mean of 20,000 random orders within 4.9 standard errors of it (false alarm one in \
             a million). Values that were only ever found by search are compared: not worse.",
    stems: &["migration_graphs"],
    weight: 4,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// Random orders drawn for the mean.
const ORDERS: u32 = 20_000;

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each(file, KIND.ungraded, one)
}

/// Judges a value against a number (exact) or a text of digits (half a unit of the last one).
fn digits(
    what: &str,
    found: f64,
    expected: &Field<'_>,
    judge: &mut Judge,
) -> Result<(), Malformed> {
    if let Ok(text) = expected.text() {
        let value: f64 = text.parse().map_err(|_| expected.wrong("a number"))?;
        let places = text
            .split_once('.')
            .map_or(0, |(_, behind)| behind.len() as i32);
        judge.within(
            what,
            found,
            value,
            0.5 * libm::pow(10.0, f64::from(-places)) + 1e-9,
        );
    } else {
        judge.within(what, found, expected.number()?, 1e-9);
    }
    Ok(())
}

fn one(case: &Case, judge: &mut Judge, allowance: &Allowance) -> Result<(), Malformed> {
    let field = case.field();
    let n = field.at("services")?.items()?.len();
    let calls = edges(&field.at("calls")?, n)?;
    let per = field.maybe("per").map_or(Ok(1.0), |per| per.number())?;
    let expected = case.expected()?;
    let problem = Problem::unit(Graph::new(n, &calls));
    judge.within(
        "total of the calls",
        problem.graph.total(),
        expected.at("total_calls")?.number()?,
        0.0,
    );
    let mean = problem.graph.total() * (n as f64 + 1.0) / 3.0 / per;
    digits(
        "mean of all orders",
        mean,
        &expected.at("random_mean")?,
        judge,
    )?;
    random_mean(&problem, per, mean, judge);
    if n <= MOST_ITEMS {
        let mut ordered = problem.clone();
        callees_first(&mut ordered, &calls);
        let mut worst = Problem::unit(Graph::new(
            n,
            &calls
                .iter()
                .map(|&(a, b, w)| (a, b, -w))
                .collect::<Vec<_>>(),
        ));
        (worst.before, worst.after) = (ordered.before.clone(), ordered.after.clone());
        for (key, found) in [
            ("sum", subset_sum(&problem)),
            ("peak", subset_peak(&problem)),
            ("callee_first_sum", subset_sum(&ordered)),
            ("callee_first_peak", subset_peak(&ordered)),
            ("callee_first_worst_sum", subset_sum(&worst)),
        ] {
            if let Some(expected) = expected.maybe(key) {
                let found = found.expect("cycles are left free").cost.abs() / per;
                digits(key, found, &expected, judge)?;
            }
        }
    }
    for (key, objective) in [("best_sum", Objective::Sum), ("best_peak", Objective::Peak)] {
        if let Some(best) = expected.maybe(key) {
            let best = best.number()?;
            let found = search(&problem, objective, 3_000_000, 0.0, allowance).session;
            judge.holds(found.cost <= best, || {
                format!("{key}: found {}, {best} is known", found.cost)
            });
            judge.note(format!("{key} found {} (known {best})", found.cost));
        }
    }
    Ok(())
}

/// Adds that callees move before callers, but for calls within a cycle.
fn callees_first(problem: &mut Problem, calls: &[(u32, u32, f64)]) {
    let graph =
        DiGraph::<(), ()>::from_edges(calls.iter().map(|&(caller, callee, _)| (caller, callee)));
    let mut cycle = vec![usize::MAX; problem.items()];
    for (number, nodes) in tarjan_scc(&graph).iter().enumerate() {
        for node in nodes {
            cycle[node.index()] = number;
        }
    }
    for &(caller, callee, _) in calls {
        if cycle[caller as usize] != cycle[callee as usize] {
            problem.precede(callee, caller);
        }
    }
}

fn random_mean(problem: &Problem, per: f64, mean: f64, judge: &mut Judge) {
    let mut draws = Draws::new(SEED, 0);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..ORDERS {
        let cost = problem.sum(&draws.permutation(problem.items())) / per;
        sum += cost;
        squares += cost * cost;
    }
    let n = f64::from(ORDERS);
    let error = ((squares / n - (sum / n) * (sum / n)) / n).sqrt();
    judge.within("mean of random orders", sum / n, mean, 4.9 * error);
}
