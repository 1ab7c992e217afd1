//! Which cluster serves a call while a service runs in two: `world.md`'s three modes as pure functions.
//!
//! `a` is the share of the callers' requests that are made from the target, `b` the callee's weight on the
//! target. Cluster choice is `u < share` on the call's own uniform, so a larger weight moves more of the same
//! requests.

/// Routing while a service is split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoutingMode {
    /// Share `b` to the target, whoever calls.
    Weighted,
    /// `b` binds in total, the caller's own side is preferred.
    LocalFirst,
    /// Weights act on users' entry calls only; others stay on their side if it has a ready replica.
    CallerFollows,
}

/// Who calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallerSide {
    /// A user.
    Users,
    /// A caller in the source cluster (or any cluster that is not the target).
    Source,
    /// A caller in the target cluster.
    Target,
}

/// Probability that a call goes to the target.
#[must_use]
pub fn target_share(mode: RoutingMode, side: CallerSide, a: f64, b: f64) -> f64 {
    match (mode, side) {
        (RoutingMode::Weighted, _) | (_, CallerSide::Users) => b,
        (RoutingMode::LocalFirst, CallerSide::Target) => {
            if a <= b {
                1.0
            } else {
                b / a
            }
        }
        (RoutingMode::LocalFirst, CallerSide::Source) => {
            if b <= a {
                0.0
            } else {
                (b - a) / (1.0 - a)
            }
        }
        (RoutingMode::CallerFollows, CallerSide::Target) => 1.0,
        (RoutingMode::CallerFollows, CallerSide::Source) => 0.0,
    }
}

/// Share of all calls between services that cross the link, both sides having ready replicas.
#[must_use]
pub fn crossing_share(mode: RoutingMode, a: f64, b: f64) -> f64 {
    a * (1.0 - target_share(mode, CallerSide::Target, a, b))
        + (1.0 - a) * target_share(mode, CallerSide::Source, a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_follows_the_three_formulas() {
        for a in [0.0, 0.1, 0.4, 0.5, 0.9, 1.0] {
            for b in [0.0, 0.1, 0.4, 0.5, 0.9, 1.0] {
                let close = |mode, wanted: f64| (crossing_share(mode, a, b) - wanted).abs() < 1e-12;
                assert!(
                    close(RoutingMode::Weighted, a * (1.0 - b) + b * (1.0 - a)),
                    "weighted {a} {b}"
                );
                assert!(
                    close(RoutingMode::LocalFirst, (a - b).abs()),
                    "local-first {a} {b}"
                );
                assert!(
                    close(RoutingMode::CallerFollows, 0.0),
                    "caller-follows {a} {b}"
                );
            }
        }
    }

    #[test]
    fn local_first_keeps_the_weight_in_total() {
        for (a, b) in [(0.3, 0.7), (0.7, 0.3), (0.5, 0.5), (1.0, 0.25), (0.0, 0.25)] {
            let mode = RoutingMode::LocalFirst;
            let total = a * target_share(mode, CallerSide::Target, a, b)
                + (1.0 - a) * target_share(mode, CallerSide::Source, a, b);
            assert!((total - b).abs() < 1e-12, "{a} {b}: {total}");
        }
    }
}
