//! `static`: always this many.
//!
//! Good as a floor to compare with. Never reacts.

use super::{HpaController, Observation, Rule, Wish};

/// A fixed number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fixed {
    /// Replicas.
    pub replicas: u32,
}

impl Rule for Fixed {
    type Memory = ();

    fn memory(&self) {}

    fn bounds(&self) -> (u32, u32) {
        (self.replicas, self.replicas)
    }

    fn desired(&self, (): &mut (), _: &HpaController, _: &Observation) -> Wish {
        Wish::new(self.replicas, "fixed")
    }
}
