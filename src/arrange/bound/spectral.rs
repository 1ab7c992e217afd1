//! Bounds by the second eigenvalue of the Laplacian: a set of t of n nodes has a cut of at least λ2 t (n - t) / n.

use crate::arrange::construct::Fiedler;

/// λ2 less what its computation may be off.
fn eigenvalue(fiedler: &Fiedler) -> f64 {
    (fiedler.value - fiedler.residual).max(0.0)
}

/// Cut of any set of `t` of `n` nodes.
#[must_use]
pub fn spectral_cut(fiedler: &Fiedler, n: usize, t: usize) -> f64 {
    eigenvalue(fiedler) * (t * (n - t)) as f64 / n as f64
}

/// Sum of the cuts after each unit move: λ2 (n^2 - 1) / 6.
#[must_use]
pub fn spectral_sum(fiedler: &Fiedler, n: usize) -> f64 {
    eigenvalue(fiedler) * ((n * n - 1) as f64) / 6.0
}

/// Largest cut: λ2 floor(n / 2) ceil(n / 2) / n.
#[must_use]
pub fn spectral_peak(fiedler: &Fiedler, n: usize) -> f64 {
    spectral_cut(fiedler, n, n / 2)
}
