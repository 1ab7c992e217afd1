//! Replicas of one service that work at different rates: each group is a station of its own under the balancer's split.

use crate::model::Balancer;
use crate::queueing::mgc_wait;
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::station::{Offered, Serving, StationPoint};

/// Groups that are told apart.
const GROUPS: usize = 4;
/// Rates that differ by less than this share are one.
const ALIKE: f64 = 0.02;
/// Steps by which a split is found.
const STEPS: usize = 30;

/// How many replicas work at which rate; nothing where all are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Groups {
    parts: [(f64, f64); GROUPS],
    count: usize,
}

/// Groups in order of their rates.
pub struct Apart {
    /// Rate, replicas.
    parts: [(f64, f64); GROUPS],
    count: usize,
    /// Replicas of all.
    pub all: f64,
}

impl Groups {
    /// From speeds with numbers of replicas, in any order; `warming` is the factor that they all have besides.
    pub fn new(speeds: &[(f64, u32)], warming: f64) -> Self {
        if speeds.len() < 2 {
            return Self::default();
        }
        let mut parts: Vec<(f64, f64)> = speeds
            .iter()
            .map(|(speed, count)| (speed * warming, f64::from(*count)))
            .collect();
        parts.sort_by(|left, right| left.0.total_cmp(&right.0));
        let gap = |parts: &[(f64, f64)], at: usize| parts[at + 1].0 / parts[at].0.max(1e-9) - 1.0;
        while parts.len() > 1 {
            let nearest = (0..parts.len() - 1)
                .min_by(|left, right| gap(&parts, *left).total_cmp(&gap(&parts, *right)))
                .expect("more than one group");
            if parts.len() <= GROUPS && gap(&parts, nearest) > ALIKE {
                break;
            }
            let (rate, count) = parts.remove(nearest + 1);
            let (into, had) = &mut parts[nearest];
            *into = (*into * *had + rate * count) / (*had + count);
            *had += count;
        }
        if parts.len() < 2 {
            return Self::default();
        }
        let mut groups = Self {
            count: parts.len(),
            ..Self::default()
        };
        groups.parts[..parts.len()].copy_from_slice(&parts);
        groups
    }

    /// The groups, where there are several.
    pub fn rates(&self, usable: f64) -> Option<Apart> {
        (self.count > 1 && usable > 0.0).then_some(Apart {
            parts: self.parts,
            count: self.count,
            all: usable,
        })
    }
}

/// One point for all groups: what a request meets in the mean over the groups, as the balancer splits it. `find` finds
/// that of one group, with its share of a backlog.
pub fn point(
    apart: &Apart,
    serving: Serving,
    offered: Offered,
    balancer: Balancer,
    find: impl Fn(Serving, Offered, f64) -> StationPoint,
) -> StationPoint {
    let parts = &apart.parts[..apart.count];
    let shares = split(parts, offered, balancer);
    let mut whole = StationPoint::default();
    let (mut waits, mut slot_waits) = (Vec::new(), Vec::new());
    let (mut first, mut second) = (0.0, 0.0);
    whole.capacity = f64::INFINITY;
    whole.settles = true;
    for ((rate, count), share) in parts.iter().zip(&shares) {
        if *share <= 0.0 {
            continue;
        }
        let group = Serving {
            listed: *count,
            usable: *count,
            rate: *rate,
            groups: Groups::default(),
            ..serving
        };
        let part = Offered {
            requests: offered.requests * share,
            jobs: offered.jobs * share,
            ..offered
        };
        let found = find(group, part, *share);
        let factor = found.stretch / rate.max(1e-6);
        first += share * factor;
        second += share * factor * factor * (1.0 + found.spread + offered.scv);
        waits.push((*share, found.wait));
        slot_waits.push((*share, found.slot_wait));
        whole.shed += share * found.shed;
        whole.abandoned += share * found.abandoned;
        whole.cores += found.cores;
        // The first group that is full falls behind.
        whole.capacity = whole.capacity.min(found.capacity / share);
        whole.settles &= found.settles;
    }
    whole.wait = Moments::mixture(&waits);
    whole.slot_wait = Moments::mixture(&slot_waits);
    // Whoever works reads `stretch / rate`: the mean over the groups, and what their difference adds to the spread.
    whole.stretch = first * serving.rate;
    if first > 0.0 {
        whole.spread = (second / (first * first) - 1.0 - offered.scv).max(0.0);
    }
    whole
}

/// Share of each group. Turns and chance treat replicas alike; who looks at requests in flight keeps their numbers alike.
fn split(parts: &[(f64, f64)], offered: Offered, balancer: Balancer) -> Vec<f64> {
    let all: f64 = parts.iter().map(|(_, count)| count).sum();
    let even = || parts.iter().map(|(_, count)| count / all).collect();
    if balancer != Balancer::LeastRequest || offered.jobs <= 0.0 || offered.demand <= 0.0 {
        return even();
    }
    let capacity: f64 = parts.iter().map(|(rate, count)| rate * count).sum();
    if offered.jobs * offered.demand >= 0.97 * capacity {
        // Everybody is full: by what each can do.
        return parts
            .iter()
            .map(|(rate, count)| rate * count / capacity)
            .collect();
    }
    // Jobs a second at one replica of a group that holds `number`.
    let rate_for = |rate: f64, number: f64| {
        let time = offered.demand / rate.max(1e-6);
        let held = |jobs: f64| jobs * (time + mgc_wait(1, jobs, time, 1.0));
        let (mut low, mut high) = (0.0, 1.0 / time);
        for _ in 0..STEPS {
            let middle = 0.5 * (low + high);
            if held(middle) < number {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    };
    let (mut low, mut high) = (0.0, 1e4);
    for _ in 0..2 * STEPS {
        let middle = 0.5 * (low + high);
        let jobs: f64 = parts
            .iter()
            .map(|(rate, count)| count * rate_for(*rate, middle))
            .sum();
        if jobs < offered.jobs {
            low = middle;
        } else {
            high = middle;
        }
    }
    let jobs: Vec<f64> = parts
        .iter()
        .map(|(rate, count)| count * rate_for(*rate, high))
        .collect();
    let sum: f64 = jobs.iter().sum();
    if sum <= 0.0 {
        return even();
    }
    jobs.into_iter().map(|jobs| jobs / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_that_are_alike_are_one_group_and_many_are_four() {
        assert_eq!(Groups::new(&[(1.0, 3), (1.01, 2)], 1.0).count, 0);
        assert_eq!(Groups::new(&[(1.0, 3)], 1.0).count, 0);
        let two = Groups::new(&[(1.0, 2), (0.5, 2)], 1.0);
        assert_eq!(
            (two.count, two.parts[0], two.parts[1]),
            (2, (0.5, 2.0), (1.0, 2.0))
        );
        let many: Vec<(f64, u32)> = (1..=9).map(|speed| (f64::from(speed) * 0.1, 1)).collect();
        let four = Groups::new(&many, 1.0);
        assert_eq!(four.count, 4);
        let replicas: f64 = four.parts.iter().map(|(_, count)| count).sum();
        let work: f64 = four.parts.iter().map(|(rate, count)| rate * count).sum();
        assert!((replicas - 9.0).abs() < 1e-12 && (work - 4.5).abs() < 1e-12);
    }

    #[test]
    fn a_balancer_that_looks_gives_less_to_the_slow() {
        // Two at rate 1 and two at 0.5, jobs of 10 ms: of 180 a second each of the fast holds as many as each of the
        // slow. M/M/1: u / (1 - u) is the same at all, so that utilisations are the same, and rates are as speeds.
        let offered = Offered {
            requests: 180.0,
            jobs: 180.0,
            demand: 0.01,
            scv: 1.0,
            hold: 0.0,
        };
        let parts = [(0.5, 2.0), (1.0, 2.0)];
        let looks = split(&parts, offered, Balancer::LeastRequest);
        assert!((looks[0] - 1.0 / 3.0).abs() < 1e-3 && (looks[1] - 2.0 / 3.0).abs() < 1e-3);
        assert_eq!(split(&parts, offered, Balancer::RoundRobin), [0.5, 0.5]);
    }
}
