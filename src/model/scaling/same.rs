//! `same`: as many as in the migration's source (or as there are, without a migration).
//!
//! The number is taken when target replicas are prepared and then kept: who moves a service by hand copies its
//! size once.

use super::{HpaController, Observation, Rule, Wish};

/// The source's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Same;

impl Rule for Same {
    type Memory = ();

    fn memory(&self) {}

    fn bounds(&self) -> (u32, u32) {
        (0, u32::MAX)
    }

    fn desired(&self, (): &mut (), _: &HpaController, seen: &Observation) -> Wish {
        Wish::new(seen.current, "as in the source")
    }
}
