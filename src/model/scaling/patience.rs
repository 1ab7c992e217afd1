//! Patience before pods are taken away, for rules that follow what they measure: as the autoscaler of a
//! Deployment, down to the highest wish within the cluster's `downscaleStabilization` and no further.

use super::HpaController;
use super::hpa::behavior::{Recommendation, stabilise};
use super::hpa::pods::Moment;
use crate::units::SimTime;

/// Wishes of the past; `None` before the first.
#[derive(Clone, Debug, Default)]
pub struct Patience(Option<Vec<Recommendation>>);

impl Patience {
    /// The wish as it may be followed. The number at the first sync counts as a wish.
    pub fn follow(
        &mut self,
        wish: u32,
        current: u32,
        controller: &HpaController,
        at: SimTime,
    ) -> u32 {
        let now = Moment::from(at);
        let log = self.0.get_or_insert_with(|| {
            vec![Recommendation {
                replicas: current,
                at: now,
            }]
        });
        stabilise(log, wish, controller.downscale_stabilization, now)
    }
}
