//! Order by the Fiedler vector (Juvan and Mohar 1992), component by component.
//!
//! The second eigenvector of the Laplacian comes from Lanczos with full reorthogonalisation against the constant
//! vector and all earlier ones; the small tridiagonal problem is solved by bisection (Sturm counts) and inverse
//! iteration. Residuals are computed, so the eigenvalue comes with an error bound.

use crate::arrange::draws::Draws;
use crate::arrange::graph::Graph;
use crate::arrange::problem::Problem;

use super::topological::repair;

/// Krylov dimension at most: beyond it a restart begins from the best vector so far.
const STEPS: usize = 240;
const RESTARTS: usize = 6;
/// Residual, relative to the largest strength, at which the vector is good enough.
const PRECISION: f64 = 1e-7;

/// Second smallest eigenvalue of a connected graph's Laplacian and its vector.
#[derive(Clone, PartialEq, Debug)]
pub struct Fiedler {
    /// Rayleigh quotient of the vector.
    pub value: f64,
    /// Length of (L - value) vector for the unit vector: an eigenvalue lies this near.
    pub residual: f64,
    /// Unit vector orthogonal to the constant.
    pub vector: Vec<f64>,
}

/// The Fiedler vector of a connected graph of two nodes or more.
#[must_use]
pub fn fiedler(graph: &Graph) -> Fiedler {
    let n = graph.nodes();
    let mut draws = Draws::new(0, 0);
    let start: Vec<f64> = (0..n).map(|_| draws.uniform() - 0.5).collect();
    let scale = (0..n).map(|node| graph.strength(node)).fold(0.0, f64::max);
    let mut found = lanczos(graph, start);
    for _ in 1..RESTARTS {
        if found.residual <= PRECISION * scale {
            break;
        }
        found = lanczos(graph, found.vector);
    }
    found
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Removes the constant and the earlier vectors, twice (once loses digits), and gives the length left.
fn orthogonalise(vector: &mut [f64], basis: &[Vec<f64>]) -> f64 {
    for _ in 0..2 {
        let mean = vector.iter().sum::<f64>() / vector.len() as f64;
        vector.iter_mut().for_each(|value| *value -= mean);
        for earlier in basis {
            let part = dot(vector, earlier);
            for (value, other) in vector.iter_mut().zip(earlier) {
                *value -= part * other;
            }
        }
    }
    dot(vector, vector).sqrt()
}

fn laplacian(graph: &Graph, vector: &[f64]) -> Vec<f64> {
    (0..graph.nodes())
        .map(|node| {
            graph
                .neighbours(node)
                .map(|(other, weight)| weight * (vector[node] - vector[other]))
                .sum()
        })
        .collect()
}

fn lanczos(graph: &Graph, start: Vec<f64>) -> Fiedler {
    let n = graph.nodes();
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut vector = start;
    let mut length = orthogonalise(&mut vector, &basis);
    let tiny = 1e-12
        * (0..n)
            .map(|node| graph.strength(node))
            .fold(1e-300, f64::max);
    while basis.len() < STEPS.min(n - 1) && length > tiny {
        vector.iter_mut().for_each(|value| *value /= length);
        let mut next = laplacian(graph, &vector);
        diagonal.push(dot(&next, &vector));
        basis.push(vector);
        length = orthogonalise(&mut next, &basis);
        beside.push(length);
        vector = next;
    }
    let small = smallest_eigenvector(&diagonal, &beside);
    let mut ritz = vec![0.0; n];
    for (part, earlier) in small.iter().zip(&basis) {
        for (value, other) in ritz.iter_mut().zip(earlier) {
            *value += part * other;
        }
    }
    let length = orthogonalise(&mut ritz, &[]);
    if length > 0.0 {
        ritz.iter_mut().for_each(|value| *value /= length);
    }
    let image = laplacian(graph, &ritz);
    let value = dot(&image, &ritz);
    let residual = image
        .iter()
        .zip(&ritz)
        .map(|(image, own)| (image - value * own).powi(2))
        .sum::<f64>()
        .sqrt();
    Fiedler {
        value,
        residual,
        vector: ritz,
    }
}

/// Eigenvector of the smallest eigenvalue of a symmetric tridiagonal matrix.
fn smallest_eigenvector(diagonal: &[f64], beside: &[f64]) -> Vec<f64> {
    let m = diagonal.len();
    if m == 0 {
        return Vec::new();
    }
    let side = |index: usize| if index + 1 < m { beside[index] } else { 0.0 };
    let radius = |index: usize| side(index) + if index > 0 { side(index - 1) } else { 0.0 };
    let mut low = (0..m)
        .map(|i| diagonal[i] - radius(i))
        .fold(f64::INFINITY, f64::min);
    let mut high = (0..m)
        .map(|i| diagonal[i] + radius(i))
        .fold(f64::NEG_INFINITY, f64::max);
    let floor = 1e-300 + 1e-18 * (high - low).abs();
    // Sturm: the number of negative pivots is the number of eigenvalues below the shift.
    let any_below = |shift: f64| {
        let mut pivot = 1.0;
        for (i, entry) in diagonal.iter().enumerate() {
            let before = if i > 0 { side(i - 1) } else { 0.0 };
            pivot = entry - shift - before * before / pivot;
            if pivot.abs() < floor {
                pivot = -floor;
            }
            if pivot < 0.0 {
                return true;
            }
        }
        false
    };
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if any_below(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    // Just below the smallest eigenvalue the shifted matrix is positive definite: no pivoting is needed.
    let shift = low - 1e-13 * (high.abs() + radius(0)).max(1e-300);
    let mut vector = vec![1.0; m];
    for _ in 0..4 {
        let mut pivots = vec![0.0; m];
        let mut right = vector.clone();
        for i in 0..m {
            let mut pivot = diagonal[i] - shift;
            if i > 0 {
                let ratio = side(i - 1) / pivots[i - 1];
                pivot -= ratio * side(i - 1);
                right[i] -= ratio * right[i - 1];
            }
            pivots[i] = if pivot.abs() < floor { floor } else { pivot };
        }
        for i in (0..m).rev() {
            let later = if i + 1 < m {
                side(i) * vector[i + 1]
            } else {
                0.0
            };
            vector[i] = (right[i] - later) / pivots[i];
        }
        let length = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

/// Items by their entry in the Fiedler vector; components by their smallest item; precedence repaired.
#[must_use]
pub fn spectral(problem: &Problem) -> Vec<u32> {
    let component = problem.graph.components();
    let count = component.iter().max().map_or(0, |&last| last as usize + 1);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (node, &number) in component.iter().enumerate() {
        members[number as usize].push(node as u32);
    }
    let mut order = Vec::with_capacity(problem.items());
    for nodes in members {
        if nodes.len() < 3 {
            order.extend(nodes);
            continue;
        }
        let vector = fiedler(&subgraph(&problem.graph, &nodes)).vector;
        let mut places: Vec<usize> = (0..nodes.len()).collect();
        places.sort_by(|&a, &b| vector[a].total_cmp(&vector[b]).then(a.cmp(&b)));
        order.extend(places.into_iter().map(|place| nodes[place]));
    }
    repair(problem, &order)
}

/// The graph of some nodes (in increasing order), renumbered by their place among them.
pub(in crate::arrange) fn subgraph(graph: &Graph, nodes: &[u32]) -> Graph {
    let mut edges = Vec::new();
    for (number, &node) in nodes.iter().enumerate() {
        for (other, weight) in graph.neighbours(node as usize) {
            if let Ok(place) = nodes.binary_search(&(other as u32))
                && number < place
            {
                edges.push((number as u32, place as u32, weight));
            }
        }
    }
    Graph::new(nodes.len(), &edges)
}
