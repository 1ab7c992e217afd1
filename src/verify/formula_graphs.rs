//! Graphs by definition, whose optima have closed forms.

use crate::arrange::exact::{MOST_ITEMS, subset_peak, subset_sum};
use crate::arrange::{Graph, Objective, Problem};
use crate::verify::Kind;
use crate::verify::arrangements::{judge_outcome, search};
use crate::verify::case_file::{Case, CaseFile, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "formula_graphs",
    about: "Optimal sums and peaks of paths, cycles, stars, complete graphs, grids, cubes and trees, built from their \
            definition.",
    judged: "Every stated value must be met exactly: proved by dynamic programming up to 25 nodes, found by search within \
             30 million evaluations above. The closed form, where there is one, must agree.",
    stems: &["formula_graphs"],
    weight: 6,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each(file, KIND.ungraded, one)
}

/// Values by closed form: sum, peak.
type Closed = (Option<f64>, Option<f64>);

/// The graph of a name, and its closed forms; `None` for a family that is not known.
fn define(name: &str) -> Option<(Graph, Closed)> {
    let split = name.find(|c: char| c.is_ascii_digit())?;
    let (family, numbers) = name.split_at(split);
    let numbers: Vec<usize> = numbers
        .split(['x', ',', '_'])
        .map(|text| text.trim_start_matches('K').parse().ok())
        .collect::<Option<_>>()?;
    let [first, rest @ ..] = numbers.as_slice() else {
        return None;
    };
    let n = *first;
    let mut edges: Vec<(usize, usize)> = Vec::new();
    let mut nodes = n;
    let count = n as f64;
    let mut closed: Closed = (None, None);
    match (family.trim_end_matches(['_', '-']), rest) {
        ("path", []) => {
            edges.extend((1..n).map(|i| (i - 1, i)));
            closed = (Some(count - 1.0), Some(1.0));
        }
        ("cycle", []) => {
            edges.extend((0..n).map(|i| (i, (i + 1) % n)));
            closed = (Some(2.0 * (count - 1.0)), Some(2.0));
        }
        ("star", []) => {
            edges.extend((1..n).map(|i| (0, i)));
            closed = (Some((n * n / 4) as f64), Some((n / 2) as f64));
        }
        ("K", []) => {
            edges.extend((0..n).flat_map(|i| (0..i).map(move |j| (j, i))));
            closed = (
                Some(count * (count * count - 1.0) / 6.0),
                Some((n * n / 4) as f64),
            );
        }
        ("K", [other]) => {
            nodes = n + other;
            edges.extend((0..n).flat_map(|i| (n..n + other).map(move |j| (i, j))));
        }
        ("grid" | "mesh", [columns]) => {
            let columns = *columns;
            nodes = n * columns;
            for row in 0..n {
                for column in 0..columns {
                    let at = row * columns + column;
                    if column + 1 < columns {
                        edges.push((at, at + 1));
                    }
                    if row + 1 < n {
                        edges.push((at, at + columns));
                    }
                }
            }
            let (short, long) = (n.min(columns), n.max(columns));
            if short >= 2 && long >= 3 {
                closed.1 = Some(short as f64 + 1.0);
            }
        }
        ("Q" | "hc", []) => {
            nodes = 1 << n;
            edges.extend((0..nodes).flat_map(|i| {
                (0..n)
                    .filter(move |bit| i & (1 << bit) == 0)
                    .map(move |bit| (i, i | 1 << bit))
            }));
            let half = (1u64 << (n - 1)) as f64;
            closed = (
                Some(half * ((1u64 << n) as f64 - 1.0)),
                Some(((1u64 << (n + 1)) / 3) as f64),
            );
        }
        ("bintree", []) => {
            nodes = (1 << n) - 1;
            edges.extend((1..nodes).map(|i| ((i - 1) / 2, i)));
            let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
            let power = (1u64 << n) as f64;
            // 2^k (k/3 + 5/18) + (-1)^k 2/9 - 2, in eighteenths so that it is whole.
            closed.0 = Some((power * (6.0 * count + 5.0) + 4.0 * sign - 36.0) / 18.0);
        }
        _ => return None,
    }
    let edges: Vec<_> = edges
        .iter()
        .map(|&(a, b)| (a as u32, b as u32, 1.0))
        .collect();
    Some((Graph::new(nodes, &edges), closed))
}

fn one(case: &Case, judge: &mut Judge, allowance: &Allowance) -> Result<(), Malformed> {
    let field = case.field();
    let Some((graph, closed)) = define(&case.id) else {
        judge.fail(format!("`{}` is of no family known here", case.id));
        return Ok(());
    };
    if let Some(n) = field.maybe("n") {
        judge.equal("nodes", &(graph.nodes() as u64), &n.whole()?);
    }
    if let Some(m) = field.maybe("m") {
        judge.equal("edges", &(graph.pairs() as u64), &m.whole()?);
    }
    let problem = Problem::unit(graph);
    for (objective, what, opt, formula, closed) in [
        (
            Objective::Sum,
            "sum",
            "minla_opt",
            "minla_formula",
            closed.0,
        ),
        (
            Objective::Peak,
            "peak",
            "cutwidth_opt",
            "cutwidth_formula",
            closed.1,
        ),
    ] {
        let stated = field.maybe(formula).or_else(|| field.maybe(opt));
        let Some(stated) = stated else { continue };
        let expected = stated.number()?;
        if let Some(opt) = field.maybe(opt) {
            judge.within(
                &format!("{what}: optimum against formula"),
                opt.number()?,
                expected,
                0.0,
            );
        }
        if let (Some(closed), Some(_)) = (closed, field.maybe(formula)) {
            judge.within(&format!("{what} by closed form"), closed, expected, 0.0);
        }
        if problem.items() <= MOST_ITEMS {
            let optimum = match objective {
                Objective::Sum => subset_sum(&problem),
                Objective::Peak => subset_peak(&problem),
            };
            judge.within(
                &format!("{what} proved"),
                optimum.expect("no constraints").cost,
                expected,
                0.0,
            );
        }
        let outcome = search(&problem, objective, 30_000_000, expected, allowance);
        judge_outcome(&problem, &outcome, what, expected, 0.0, judge);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_have_the_sizes_and_closed_forms_of_the_textbook() {
        let check = |name: &str, nodes: usize, pairs: usize, closed: Closed| {
            let (graph, found) = define(name).unwrap();
            assert_eq!(
                (graph.nodes(), graph.pairs(), found),
                (nodes, pairs, closed),
                "{name}"
            );
        };
        check("path12", 12, 11, (Some(11.0), Some(1.0)));
        check("star13", 13, 12, (Some(42.0), Some(6.0)));
        check("grid4x5", 20, 31, (None, Some(5.0)));
        // The edges of Q_d: d 2^(d-1); of K_{5,5}: 25. The tree of three levels: 8 (2 to each of the two leaf pairs
        // and 2 between the inner nodes).
        check("Q4", 16, 32, (Some(120.0), Some(10.0)));
        check("K5,5", 10, 25, (None, None));
        check("bintree3", 7, 6, (Some(8.0), None));
        check("hc10", 1024, 5120, (Some(523_776.0), Some(682.0)));
        assert!(define("petersen").is_none());
    }
}
