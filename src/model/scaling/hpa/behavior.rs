//! Stabilisation, limits of speed and bounds (`horizontal.go`, from `normalizeDesiredReplicas` on).

use super::pods::Moment;
use super::{Behavior, HpaController, RateLimit, RatePolicy, ScalingRules, Select};
use crate::units::SimDuration;

/// A wish of the past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recommendation {
    /// Replicas wished for.
    pub replicas: u32,
    /// When.
    pub at: Moment,
}

/// A change of the past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScaleEvent {
    /// Replicas added, or taken away.
    pub change: u32,
    /// When.
    pub at: Moment,
    /// Older than every policy's period: the next event takes its place.
    pub outdated: bool,
}

/// Bounds of a spec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// `minReplicas`.
    pub min: u32,
    /// `maxReplicas`.
    pub max: u32,
}

/// A number with the reason of the `ScalingLimited` condition.
pub type Limited = (u32, &'static str);

/// Reason when nothing limits.
pub const WITHIN: &str = "DesiredWithinRange";

/// `stabilizeRecommendation`: the highest wish within the down-scale window. The new one takes the place of
/// the last that is too old, or is added.
pub fn stabilise(
    log: &mut Vec<Recommendation>,
    desired: u32,
    window: SimDuration,
    now: Moment,
) -> u32 {
    let cutoff = now.minus(window);
    let mut highest = desired;
    let mut old = None;
    for (index, past) in log.iter().enumerate() {
        if past.at < cutoff {
            old = Some(index);
        } else {
            highest = highest.max(past.replicas);
        }
    }
    remember(log, desired, old, now);
    highest
}

/// `stabilizeRecommendationWithBehaviors`: the current number, moved as little as the wishes within both
/// windows demand.
pub fn stabilise_with(
    log: &mut Vec<Recommendation>,
    current: u32,
    desired: u32,
    up_window: SimDuration,
    down_window: SimDuration,
    now: Moment,
) -> u32 {
    let (up_cutoff, down_cutoff) = (now.minus(up_window), now.minus(down_window));
    let (mut lowest, mut highest) = (desired, desired);
    let mut old = None;
    for (index, past) in log.iter().enumerate() {
        if past.at > up_cutoff {
            lowest = lowest.min(past.replicas);
        }
        if past.at > down_cutoff {
            highest = highest.max(past.replicas);
        }
        if past.at < up_cutoff && past.at < down_cutoff {
            old = Some(index);
        }
    }
    remember(log, desired, old, now);
    current.max(lowest).min(highest)
}

fn remember(log: &mut Vec<Recommendation>, replicas: u32, old: Option<usize>, now: Moment) {
    let new = Recommendation { replicas, at: now };
    match old {
        Some(index) => log[index] = new,
        None => log.push(new),
    }
}

/// `convertDesiredReplicasWithRules`: bounds, and the controller's own limit of scaling up.
#[must_use]
pub fn bounded(current: u32, desired: u32, bounds: Bounds, controller: &HpaController) -> Limited {
    let limit = (controller.scale_up_limit_factor * f64::from(current))
        .max(controller.scale_up_limit_minimum) as u32;
    let (most, reason) = if bounds.max > limit {
        (limit, "ScaleUpLimit")
    } else {
        (bounds.max, "TooManyReplicas")
    };
    if desired < bounds.min {
        (bounds.min, "TooFewReplicas")
    } else if desired > most {
        (most, reason)
    } else {
        (desired, WITHIN)
    }
}

/// `convertDesiredReplicasWithBehaviorRate`: bounds, and the policies of the direction.
#[must_use]
pub fn bounded_with(
    current: u32,
    desired: u32,
    bounds: Bounds,
    behavior: &Behavior,
    events: Events,
    now: Moment,
) -> Limited {
    if desired > current {
        let limit = scale_up_limit(current, &behavior.up, events, now).max(i64::from(current));
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let (most, reason) = if bounds.max > limit {
            (limit, "ScaleUpLimit")
        } else {
            (bounds.max, "TooManyReplicas")
        };
        if desired > most {
            return (most, reason);
        }
    } else if desired < current {
        let limit = scale_down_limit(current, &behavior.down, events, now);
        let limit = limit.clamp(0, i64::from(current)) as u32;
        let (least, reason) = if bounds.min < limit {
            (limit, "ScaleDownLimit")
        } else {
            (bounds.min, "TooFewReplicas")
        };
        if desired < least {
            return (least, reason);
        }
    }
    (desired, WITHIN)
}

/// Changes of the past in both directions.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    /// Added.
    pub up: &'a [ScaleEvent],
    /// Taken away.
    pub down: &'a [ScaleEvent],
}

impl Events<'_> {
    /// Replicas at the start of a period that ends now.
    fn at_start(&self, current: u32, period: SimDuration, now: Moment) -> i64 {
        i64::from(current) - i64::from(change_within(self.up, period, now))
            + i64::from(change_within(self.down, period, now))
    }
}

/// `getReplicasChangePerPeriod`: replicas changed strictly after the start of the period.
#[must_use]
pub fn change_within(events: &[ScaleEvent], period: SimDuration, now: Moment) -> u32 {
    let cutoff = now.minus(period);
    let inside = events.iter().filter(|event| event.at > cutoff);
    inside.map(|event| event.change).sum()
}

/// `calculateScaleUpLimitWithScalingRules`: most replicas that the policies allow now.
#[must_use]
pub fn scale_up_limit(current: u32, rules: &ScalingRules, events: Events, now: Moment) -> i64 {
    let allowed = |policy: &RatePolicy| {
        let start = events.at_start(current, policy.period, now);
        match policy.limit {
            RateLimit::Pods(pods) => start + i64::from(pods),
            // Rounded up, or a small service would never grow.
            RateLimit::Percent(percent) => {
                (start as f64 * (1.0 + f64::from(percent) / 100.0)).ceil() as i64
            }
        }
    };
    let limits = rules.policies.iter().map(allowed);
    match rules.select {
        Select::Disabled => i64::from(current),
        Select::Min => limits.min().unwrap_or(i64::from(i32::MAX)),
        Select::Max => limits.max().unwrap_or(i64::from(i32::MIN)),
    }
}

/// `calculateScaleDownLimitWithBehaviors`: fewest replicas that the policies allow now.
#[must_use]
pub fn scale_down_limit(current: u32, rules: &ScalingRules, events: Events, now: Moment) -> i64 {
    let allowed = |policy: &RatePolicy| {
        let start = events.at_start(current, policy.period, now);
        match policy.limit {
            RateLimit::Pods(pods) => start - i64::from(pods),
            RateLimit::Percent(percent) => {
                (start as f64 * (1.0 - f64::from(percent) / 100.0)) as i64
            }
        }
    };
    let limits = rules.policies.iter().map(allowed);
    match rules.select {
        Select::Disabled => i64::from(current),
        Select::Min => limits.max().unwrap_or(i64::from(i32::MIN)),
        Select::Max => limits.min().unwrap_or(i64::from(i32::MAX)),
    }
}

/// `storeScaleEvent`, one direction: marks what no policy looks at any more, and puts the change in its place.
/// Without rules nothing is kept, as nothing would be looked up.
pub fn store(events: &mut Vec<ScaleEvent>, change: u32, rules: Option<&ScalingRules>, now: Moment) {
    let Some(rules) = rules else { return };
    let longest = rules.policies.iter().map(|policy| policy.period).max();
    let cutoff = now.minus(longest.unwrap_or(SimDuration::ZERO));
    let mut old = None;
    for (index, event) in events.iter_mut().enumerate() {
        event.outdated |= event.at < cutoff;
        if event.outdated {
            old = Some(index);
        }
    }
    let new = ScaleEvent {
        change,
        at: now,
        outdated: false,
    };
    match old {
        Some(index) => events[index] = new,
        None => events.push(new),
    }
}
