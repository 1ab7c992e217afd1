//! Bound of the linear part: by Smith's rule, the order that is best for the drift alone.

use crate::arrange::problem::Problem;

/// Least Σ drift C over all orders, precedence left out: items by drift per duration, the largest first
/// (Smith 1956). 0 when nothing drifts.
#[must_use]
pub fn linear(problem: &Problem) -> f64 {
    if problem.drift.iter().all(|&drift| drift == 0.0) {
        return 0.0;
    }
    let mut order: Vec<u32> = (0..problem.items() as u32).collect();
    let ratio = |item: u32| problem.drift[item as usize] / problem.durations[item as usize];
    order.sort_by(|&a, &b| ratio(b).total_cmp(&ratio(a)).then(a.cmp(&b)));
    let times = problem.switchovers(&order);
    problem
        .drift
        .iter()
        .zip(&times)
        .map(|(drift, at)| drift * at)
        .sum()
}
