//! Arithmetic of a Deployment: rolling update, proportional scaling, completion.
//!
//! Reference: upstream's `pkg/controller/deployment` (`rolling.go`, `sync.go`, `util`). Pure functions of
//! the replica sets' sizes; who makes and removes pods is the world.

use super::amount::{Amount, Round};

/// A Deployment's `strategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RolloutStrategy {
    /// Old and new pods side by side.
    RollingUpdate {
        /// Pods above the number wished for; a percentage rounds up.
        max_surge: Amount,
        /// Pods that may be unavailable; a percentage rounds down.
        max_unavailable: Amount,
    },
    /// All old pods go before a new one is made.
    Recreate,
}

impl Default for RolloutStrategy {
    /// Upstream's default: 25 % each.
    fn default() -> Self {
        Self::RollingUpdate {
            max_surge: Amount::Percent(25),
            max_unavailable: Amount::Percent(25),
        }
    }
}

/// Marathon's `upgradeStrategy`: shares of an application's instances.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UpgradeStrategy {
    /// `minimumHealthCapacity`, 0 to 1: so many stay healthy, rounded up.
    pub minimum_health: f64,
    /// `maximumOverCapacity`, 0 to 1: so many more at once, rounded down.
    pub maximum_over: f64,
}

impl Default for UpgradeStrategy {
    /// Marathon's: all new instances before an old one goes.
    fn default() -> Self {
        Self {
            minimum_health: 1.0,
            maximum_over: 1.0,
        }
    }
}

impl UpgradeStrategy {
    /// The same for a number of instances. When all must stay and none may be added, one is (`RestartStrategy` in
    /// Marathon's `TaskReplaceActor`).
    #[must_use]
    pub fn of(self, instances: u32) -> RolloutStrategy {
        let all = f64::from(instances);
        let healthy = ((all * self.minimum_health).ceil() as u32).min(instances);
        let most = (all * (1.0 + self.maximum_over)) as u32;
        let most = if healthy == most { most + 1 } else { most };
        RolloutStrategy::RollingUpdate {
            max_surge: Amount::Count(most.saturating_sub(instances)),
            max_unavailable: Amount::Count(instances - healthy),
        }
    }
}

/// One replica set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplicaSet {
    /// Its size as wished for.
    pub replicas: u32,
    /// Pods that are available.
    pub available: u32,
    /// Replicas of the Deployment when it was sized last.
    pub desired_annotation: Option<u32>,
    /// The same with the surge.
    pub max_annotation: Option<u32>,
}

/// Surge and unavailable pods in numbers; when both are 0, one pod may be unavailable.
#[must_use]
pub fn fenceposts(max_surge: Amount, max_unavailable: Amount, desired: u32) -> (u32, u32) {
    let surge = max_surge.of(desired, Round::Up);
    let unavailable = max_unavailable.of(desired, Round::Down);
    if (surge, unavailable) == (0, 0) {
        (0, 1)
    } else {
        (surge, unavailable)
    }
}

impl RolloutStrategy {
    /// Pods above the wished-for number.
    #[must_use]
    pub fn max_surge(self, desired: u32) -> u32 {
        match self {
            Self::RollingUpdate { max_surge, .. } => max_surge.of(desired, Round::Up),
            Self::Recreate => 0,
        }
    }

    /// Pods that may be unavailable, at most all.
    #[must_use]
    pub fn max_unavailable(self, desired: u32) -> u32 {
        match self {
            Self::RollingUpdate {
                max_surge,
                max_unavailable,
            } if desired > 0 => fenceposts(max_surge, max_unavailable, desired)
                .1
                .min(desired),
            Self::RollingUpdate { .. } | Self::Recreate => 0,
        }
    }

    /// Pods that must be available; a rollout that recreates has no such floor.
    #[must_use]
    pub fn min_available(self, desired: u32) -> u32 {
        match self {
            Self::RollingUpdate { .. } => desired - self.max_unavailable(desired),
            Self::Recreate => 0,
        }
    }

    /// Size of the new replica set when `all` pods are wished for over all sets now.
    #[must_use]
    pub fn new_replicas(self, desired: u32, new: u32, all: u32) -> u32 {
        match self {
            Self::Recreate => desired,
            Self::RollingUpdate { .. } => {
                let most = desired + self.max_surge(desired);
                if all >= most {
                    new
                } else {
                    new + (most - all).min(desired.saturating_sub(new))
                }
            }
        }
    }

    /// Size of the new replica set after one sync: too large a set shrinks at once.
    #[must_use]
    pub fn reconcile_new(self, desired: u32, new: u32, all: u32) -> u32 {
        if new >= desired {
            desired
        } else {
            self.new_replicas(desired, new, all)
        }
    }

    /// Sizes of the old replica sets (oldest first, changed in place) after one sync: unavailable pods go
    /// first, then as many as leaves the floor of available ones. `new` is the new set.
    pub fn reconcile_old(self, desired: u32, new: ReplicaSet, old: &mut [ReplicaSet]) -> u32 {
        let wished = |sets: &[ReplicaSet]| sets.iter().map(|set| set.replicas).sum::<u32>();
        let before = wished(old);
        if before == 0 {
            return 0;
        }
        let new_unavailable = new.replicas.saturating_sub(new.available);
        let floor = self.min_available(desired) + new_unavailable;
        let most = (before + new.replicas).saturating_sub(floor);
        if most > 0 {
            clean_up(old, most);
            let available = new.available + old.iter().map(|set| set.available).sum::<u32>();
            self.scale_down(desired, available, old);
        }
        before - wished(old)
    }

    /// Takes pods off old replica sets, oldest first, down to the floor of available ones.
    pub fn scale_down(self, desired: u32, available: u32, old: &mut [ReplicaSet]) -> u32 {
        let allowed = available.saturating_sub(self.min_available(desired));
        let mut left = allowed;
        for set in old {
            let taken = set.replicas.min(left);
            set.replicas -= taken;
            left -= taken;
        }
        allowed - left
    }
}

/// Takes unavailable pods off old replica sets, oldest first, at most so many.
pub fn clean_up(old: &mut [ReplicaSet], most: u32) -> u32 {
    let mut left = most;
    for set in old {
        let taken = set.replicas.saturating_sub(set.available).min(left);
        set.replicas -= taken;
        left -= taken;
    }
    most - left
}

/// How a replica set grows (or shrinks) with its Deployment, from its own share. `status` is the number of
/// pods there are, for sets that carry no annotation.
#[must_use]
pub fn fraction(set: ReplicaSet, desired: u32, max_surge: u32, status: u32) -> i64 {
    let size = i64::from(set.replicas);
    if desired == 0 {
        return -size;
    }
    let before = match set.max_annotation {
        Some(annotated) if annotated > 0 => annotated,
        _ => status,
    };
    if before == 0 {
        return 0;
    }
    let new = size * i64::from(desired + max_surge);
    // Halves are rounded up: all numbers are positive.
    let before = i64::from(before);
    (2 * new + before) / (2 * before) - size
}

/// Sizes of all replica sets (newest first) when the Deployment changes its size. `new` is the position of
/// the set that matches the template, if it is there yet.
#[must_use]
pub fn scale_proportionally(
    sets: &[ReplicaSet],
    new: Option<usize>,
    desired: u32,
    strategy: RolloutStrategy,
    status: u32,
) -> Vec<u32> {
    let mut sizes: Vec<u32> = sets.iter().map(|set| set.replicas).collect();
    let active: Vec<usize> = (0..sets.len())
        .filter(|set| sets[*set].replicas > 0)
        .collect();
    match active.as_slice() {
        [] => {
            if let Some(newest) = sizes.get_mut(new.unwrap_or(0)) {
                *newest = desired;
            }
            return sizes;
        }
        [only] => {
            sizes[*only] = desired;
            return sizes;
        }
        _ => {}
    }
    if new.is_some_and(|new| is_saturated(sets[new], desired)) {
        for set in active.iter().filter(|set| Some(**set) != new) {
            sizes[*set] = 0;
        }
        return sizes;
    }
    let RolloutStrategy::RollingUpdate { .. } = strategy else {
        return sizes;
    };
    let surge = strategy.max_surge(desired);
    let allowed = if desired > 0 {
        i64::from(desired + surge)
    } else {
        0
    };
    let to_add = allowed - active.iter().map(|set| i64::from(sizes[*set])).sum::<i64>();
    if to_add == 0 {
        return sizes;
    }
    // The largest first; of equal ones the newer grows first and the older shrinks first.
    let mut order = active;
    order.sort_by_key(|set| {
        let age = if to_add > 0 { *set } else { usize::MAX - *set };
        (std::cmp::Reverse(sets[*set].replicas), age)
    });
    let mut added = 0;
    for set in &order {
        let share = fraction(sets[*set], desired, surge, status);
        let left = to_add - added;
        let part = if left == 0 {
            0
        } else if to_add > 0 {
            share.min(left)
        } else {
            share.max(left)
        };
        added += part;
        sizes[*set] = size_after(sizes[*set], part);
    }
    sizes[order[0]] = size_after(sizes[order[0]], to_add - added);
    sizes
}

fn size_after(size: u32, change: i64) -> u32 {
    u32::try_from((i64::from(size) + change).max(0))
        .expect("sizes stay near those of the Deployment")
}

/// Whether the new replica set is as large as wished for, and all of it available.
fn is_saturated(set: ReplicaSet, desired: u32) -> bool {
    set.replicas == desired && set.available == desired && set.desired_annotation == Some(desired)
}

/// Pods of a Deployment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// All.
    pub current: u32,
    /// Of the newest template.
    pub updated: u32,
    /// Ready.
    pub ready: u32,
    /// Ready for long enough.
    pub available: u32,
}

impl Status {
    /// Whether the rollout is over.
    #[must_use]
    pub fn is_complete(self, desired: u32) -> bool {
        self.updated == desired && self.current == desired && self.available == desired
    }

    /// Whether it came further than `before`: more new pods, fewer old ones, or more that are ready.
    #[must_use]
    pub fn progressed(self, before: Self) -> bool {
        let old = |status: Self| status.current.saturating_sub(status.updated);
        self.updated > before.updated
            || old(self) < old(before)
            || self.ready > before.ready
            || self.available > before.available
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(replicas: u32, available: u32, max: u32) -> ReplicaSet {
        ReplicaSet {
            replicas,
            available,
            desired_annotation: Some(max),
            max_annotation: Some(max),
        }
    }

    fn rolling(surge: u32, unavailable: u32) -> RolloutStrategy {
        RolloutStrategy::RollingUpdate {
            max_surge: Amount::Count(surge),
            max_unavailable: Amount::Count(unavailable),
        }
    }

    #[test]
    fn when_nothing_may_move_one_pod_may_be_unavailable() {
        assert_eq!(fenceposts(Amount::Count(0), Amount::Percent(9), 10), (0, 1));
        assert_eq!(RolloutStrategy::default().max_surge(10), 3);
        assert_eq!(RolloutStrategy::default().max_unavailable(10), 2);
    }

    #[test]
    fn unavailable_old_pods_go_first() {
        // 10 wished, 2 may be unavailable, 8 of 10 old ones are available: the other 2 go.
        let mut old = [set(10, 8, 10)];
        assert_eq!(rolling(0, 2).reconcile_old(10, set(0, 0, 10), &mut old), 2);
        assert_eq!(old[0].replicas, 8);
    }

    #[test]
    fn leftovers_of_proportional_scaling_go_to_the_largest_set() {
        let sets = [set(1, 1, 3), set(1, 1, 3), set(1, 1, 3)];
        // Each would grow to 1.33 -> 1: the one left over goes to the newest of the largest.
        assert_eq!(
            scale_proportionally(&sets, Some(0), 4, rolling(0, 0), 3),
            [2, 1, 1]
        );
    }

    proptest! {
        /// Rolled forward with pods that become available one sync later, a rollout ends with the new set
        /// only, and never has fewer available pods than the floor nor more than the surge allows.
        #[test]
        fn a_rollout_ends_within_its_bounds(desired in 1_u32..40, surge in 0_u32..12, unavailable in 0_u32..12) {
            let strategy = rolling(surge, unavailable);
            let (mut new, mut old) = (set(0, 0, desired), [set(desired, desired, desired)]);
            for _ in 0..200 {
                new.replicas = strategy.reconcile_new(desired, new.replicas, new.replicas + old[0].replicas);
                strategy.reconcile_old(desired, new, &mut old);
                old[0].available = old[0].available.min(old[0].replicas);
                prop_assert!(new.available + old[0].available >= strategy.min_available(desired));
                prop_assert!(new.replicas + old[0].replicas <= desired + strategy.max_surge(desired));
                new.available = new.replicas;
            }
            prop_assert_eq!((new.replicas, old[0].replicas), (desired, 0));
        }

        /// Proportional scaling reaches the allowed size whenever no set would have to go below zero.
        #[test]
        fn proportional_scaling_reaches_the_allowed_size(
            sizes in proptest::collection::vec(1_u32..30, 2..5), desired in 1_u32..120, surge in 0_u32..8
        ) {
            let total: u32 = sizes.iter().sum();
            let sets: Vec<_> = sizes.iter().map(|size| set(*size, *size, total)).collect();
            let scaled = scale_proportionally(&sets, None, desired, rolling(surge, 1), total);
            let reached: u32 = scaled.iter().sum();
            // Rounding may leave the largest set short by at most half a pod a set.
            prop_assert!(reached >= desired + surge && reached <= desired + surge + sizes.len() as u32);
        }
    }

    #[test]
    fn marathon_rounds_what_stays_up_and_what_is_added_down() {
        let of = |minimum_health, maximum_over, instances| {
            let strategy = UpgradeStrategy {
                minimum_health,
                maximum_over,
            };
            let found = strategy.of(instances);
            (found.max_surge(instances), found.max_unavailable(instances))
        };
        assert_eq!(of(1.0, 1.0, 5), (5, 0));
        // Of 5: ceil(2.5) = 3 stay, floor(1.5) = 1 more.
        assert_eq!(of(0.5, 0.3, 5), (1, 2));
        assert_eq!(of(0.0, 0.0, 5), (0, 5));
        // All stay and none is added: one more all the same.
        assert_eq!(of(1.0, 0.0, 5), (1, 0));
        assert_eq!(of(1.0, 0.1, 5), (1, 0));
    }
}
