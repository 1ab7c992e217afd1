//! The gamma distribution; an Erlang is one with a whole shape.

use crate::model::distribution::special::{gamma_p, gamma_p_inverse};

/// Gamma by shape and scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gamma {
    pub shape: f64,
    pub scale: f64,
}

impl Gamma {
    pub fn quantile(self, u: f64) -> f64 {
        self.scale * gamma_p_inverse(self.shape, u)
    }

    pub fn cdf(self, x: f64) -> f64 {
        gamma_p(self.shape, x / self.scale)
    }
}
