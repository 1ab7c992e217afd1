//! HorizontalPodAutoscaler: one CPU utilisation metric, bounds, tolerance, down-scale window.
//!
//! Follows `replica_calculator.go` and `horizontal.go` of Kubernetes 1.3x. Not simulated here: several
//! metrics, `behavior` policies that limit the speed of scaling, initialisation periods.

use std::collections::VecDeque;

use crate::units::{SimDuration, SimTime};

/// The part of an `autoscaling/v2` spec that is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// `minReplicas`.
    pub min_replicas: u32,
    /// `maxReplicas`.
    pub max_replicas: u32,
    /// `averageUtilization` of the CPU request, 1 = 100 %.
    pub target_utilisation: f64,
    /// `behavior.scaleDown.stabilizationWindowSeconds`; `None`: the controller's.
    pub downscale_stabilization: Option<SimDuration>,
}

/// Settings of the controller, one for a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HpaController {
    /// No change while the ratio of measured and wished utilisation is this near to 1.
    pub tolerance: f64,
    /// Down-scale window of policies that name none.
    pub downscale_stabilization: SimDuration,
}

/// What the autoscaler is shown at a sync.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HpaObservation {
    /// When.
    pub at: SimTime,
    /// Replicas wished for until now (`spec.replicas`); 0 switches the autoscaler off.
    pub current: u32,
    /// Ready pods.
    pub ready: u32,
    /// Pods that are pending or not ready yet.
    pub unready: u32,
    /// CPU used by ready pods over what they request, 1 = 100 %; `None`: no metrics yet.
    pub utilisation: Option<f64>,
}

/// Memory of one autoscaler: recommendations within the down-scale window, oldest first.
#[derive(Clone, Debug, Default)]
pub struct HpaState {
    recommendations: VecDeque<(SimTime, u32)>,
}

impl HpaState {
    /// Replicas wished for from now on.
    pub fn desired(
        &mut self,
        spec: &HpaSpec,
        controller: &HpaController,
        seen: &HpaObservation,
    ) -> u32 {
        if seen.current == 0 {
            return 0;
        }
        let (least, most) = (
            spec.min_replicas.max(1),
            spec.max_replicas.max(spec.min_replicas).max(1),
        );
        if seen.current > most {
            return most;
        }
        if seen.current < least {
            return least;
        }
        let Some(raw) = recommendation(spec, controller.tolerance, seen) else {
            return seen.current;
        };
        if self.recommendations.is_empty() {
            // The controller starts its memory with the number it found.
            self.recommendations.push_back((seen.at, seen.current));
        }
        let window = spec
            .downscale_stabilization
            .unwrap_or(controller.downscale_stabilization);
        while self
            .recommendations
            .front()
            .is_some_and(|(at, _)| seen.at.since(*at) > window)
        {
            self.recommendations.pop_front();
        }
        self.recommendations.push_back((seen.at, raw));
        let highest = self
            .recommendations
            .iter()
            .map(|(_, wish)| *wish)
            .max()
            .unwrap_or(raw)
            .max(raw);
        let stabilised = seen.current.max(raw).min(highest);
        stabilised.clamp(least, most)
    }
}

/// The calculator's number before stabilisation and bounds; `None` without metrics.
fn recommendation(spec: &HpaSpec, tolerance: f64, seen: &HpaObservation) -> Option<u32> {
    let used = seen.utilisation.filter(|_| seen.ready > 0)?;
    let ratio = ratio_to_target(used, spec.target_utilisation);
    let within = |ratio: f64| (ratio - 1.0).abs() <= tolerance + 1e-12;
    if seen.unready == 0 || ratio <= 1.0 {
        // Scaling down, or all are ready: those that are not ready are left out.
        return Some(if within(ratio) {
            seen.current
        } else {
            whole(ratio, seen.ready)
        });
    }
    // Scaling up: those that are not ready count as using nothing.
    let all = seen.ready + seen.unready;
    let damped = ratio_to_target(
        used * f64::from(seen.ready) / f64::from(all),
        spec.target_utilisation,
    );
    if within(damped) || damped < 1.0 {
        return Some(seen.current);
    }
    Some(whole(damped, all).max(seen.current))
}

/// Ratio of two utilisations, the measured one in whole per cent as the controller has it (truncated).
fn ratio_to_target(used: f64, target: f64) -> f64 {
    (used * 100.0 + 1e-9).floor() / (target * 100.0)
}

fn whole(ratio: f64, pods: u32) -> u32 {
    // The subtraction keeps 1.5 * 2 from becoming 4 by the last bit. Casts saturate.
    (ratio * f64::from(pods) - 1e-9).ceil() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONTROLLER: HpaController = HpaController {
        tolerance: 0.1,
        downscale_stabilization: SimDuration::from_secs(300),
    };

    fn spec(least: u32, most: u32, target: f64) -> HpaSpec {
        HpaSpec {
            min_replicas: least,
            max_replicas: most,
            target_utilisation: target,
            downscale_stabilization: None,
        }
    }

    fn seen(second: u64, current: u32, utilisation: f64) -> HpaObservation {
        HpaObservation {
            at: SimTime::ZERO + SimDuration::from_secs(second),
            current,
            ready: current,
            unready: 0,
            utilisation: Some(utilisation),
        }
    }

    #[test]
    fn a_trace_by_hand() {
        // Target 50 %. 90 % on 2: ceil(1.8 * 2) = 4. 20 % on 4: ceil(0.4 * 4) = 2, kept at 4 until the
        // wish of 4 (made at 15 s) is older than 300 s: at 316 s it is gone.
        let (mut state, spec) = (HpaState::default(), spec(1, 10, 0.5));
        assert_eq!(state.desired(&spec, &CONTROLLER, &seen(15, 2, 0.9)), 4);
        for second in (30..=315).step_by(15) {
            assert_eq!(
                state.desired(&spec, &CONTROLLER, &seen(second, 4, 0.2)),
                4,
                "{second}"
            );
        }
        assert_eq!(state.desired(&spec, &CONTROLLER, &seen(330, 4, 0.2)), 2);
    }

    #[test]
    fn within_the_tolerance_nothing_changes() {
        for used in [0.45, 0.5, 0.55] {
            assert_eq!(
                HpaState::default().desired(&spec(1, 10, 0.5), &CONTROLLER, &seen(15, 4, used)),
                4
            );
        }
        assert_eq!(
            HpaState::default().desired(&spec(1, 10, 0.5), &CONTROLLER, &seen(15, 4, 0.56)),
            5
        );
    }

    #[test]
    fn unready_pods_dampen_scaling_up() {
        // 2 ready at 100 %, 2 not ready, target 50 %: over all four 50 %, so nothing changes.
        let mut observation = seen(15, 4, 1.0);
        (observation.ready, observation.unready) = (2, 2);
        assert_eq!(
            HpaState::default().desired(&spec(1, 10, 0.5), &CONTROLLER, &observation),
            4
        );
        // At 150 %: 75 % over all four, ceil(1.5 * 4) = 6.
        observation.utilisation = Some(1.5);
        assert_eq!(
            HpaState::default().desired(&spec(1, 10, 0.5), &CONTROLLER, &observation),
            6
        );
    }

    #[test]
    fn without_metrics_or_at_zero_nothing_happens() {
        let mut observation = seen(15, 4, 1.0);
        observation.utilisation = None;
        assert_eq!(
            HpaState::default().desired(&spec(1, 10, 0.5), &CONTROLLER, &observation),
            4
        );
        assert_eq!(
            HpaState::default().desired(&spec(1, 10, 0.5), &CONTROLLER, &seen(15, 0, 1.0)),
            0
        );
    }

    proptest! {
        #[test]
        fn wishes_stay_within_bounds(
            least in 1u32..5, more in 0u32..20, target in 0.1f64..2.0,
            used in proptest::collection::vec(0.0f64..4.0, 1..60)
        ) {
            let (spec, mut state, mut current) = (spec(least, least + more, target), HpaState::default(), least);
            for (index, used) in used.iter().enumerate() {
                current = state.desired(&spec, &CONTROLLER, &seen(15 * index as u64, current, *used));
                prop_assert!((least..=least + more).contains(&current));
            }
        }

        #[test]
        fn more_use_never_wishes_for_fewer(current in 1u32..20, used in 0.0f64..3.0, more in 0.0f64..1.0) {
            let wish = |used| HpaState::default().desired(&spec(1, 50, 0.6), &CONTROLLER, &seen(15, current, used));
            prop_assert!(wish(used) <= wish(used + more));
        }

        #[test]
        fn a_falling_load_never_removes_replicas_within_the_window(used in 0.0f64..0.3, seconds in 0u64..300) {
            let (spec, mut state) = (spec(1, 50, 0.6), HpaState::default());
            state.desired(&spec, &CONTROLLER, &seen(15, 8, 0.6));
            prop_assert_eq!(state.desired(&spec, &CONTROLLER, &seen(15 + seconds, 8, used)), 8);
        }
    }
}
