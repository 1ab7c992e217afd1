//! Replicas of one service that work at different rates: each group is a station of its own under the balancer's split.

use crate::model::Balancer;
use crate::world::data::flow::law::Moments;
use crate::world::data::flow::station::{Offered, Serving, StationPoint};
use crate::world::data::flow::unequal::{Alike, Held, two_choices};

/// Groups that are told apart.
const GROUPS: usize = 4;
/// Rates that differ by less than this share are one.
const ALIKE: f64 = 0.02;
/// Share of what all can do from which on everybody is full.
const FULL: f64 = 0.97;

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

/// How callers choose among replicas.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The rule.
    pub balancer: Balancer,
    /// Requests that a replica works on at once.
    pub servers: u32,
}

/// A group's part of what comes, and what its wait is of that among replicas of its own kind with as much to do.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    share: f64,
    wait: f64,
}

/// One point for all groups: what a request meets in the mean over the groups, as the balancer splits it. `find` finds
/// that of one group, with its share of a backlog.
pub fn point(
    apart: &Apart,
    serving: Serving,
    offered: Offered,
    choice: Choice,
    find: impl Fn(Serving, Offered, f64) -> StationPoint,
) -> StationPoint {
    let parts = &apart.parts[..apart.count];
    let shares = split(parts, offered, choice);
    let mut whole = StationPoint::default();
    let (mut waits, mut slot_waits) = (Vec::new(), Vec::new());
    let (mut first, mut second) = (0.0, 0.0);
    whole.capacity = f64::INFINITY;
    whole.settles = true;
    for ((rate, count), Part { share, wait }) in parts.iter().zip(&shares) {
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
        let mut found = find(group, part, *share);
        found.stretch = 1.0 + wait * (found.stretch - 1.0);
        found.wait = found.wait.scaled(*wait);
        if found.shed + found.abandoned <= 0.0 {
            found.slot_wait = found.slot_wait.scaled(*wait);
        }
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

/// Part of each group. Turns and chance treat replicas alike; who looks at requests in flight sends more to the quick.
fn split(parts: &[(f64, f64)], offered: Offered, choice: Choice) -> Vec<Part> {
    let all: f64 = parts.iter().map(|(_, count)| count).sum();
    let shared = |of: &dyn Fn(f64, f64) -> f64| -> Vec<Part> {
        let part = |(rate, count): &(f64, f64)| Part {
            share: of(*rate, *count),
            wait: 1.0,
        };
        parts.iter().map(part).collect()
    };
    if choice.balancer != Balancer::LeastRequest || offered.jobs <= 0.0 || offered.demand <= 0.0 {
        return shared(&|_, count| count / all);
    }
    let capacity: f64 = parts.iter().map(|(rate, count)| rate * count).sum();
    let Choice { servers, .. } = choice;
    let alike = |(rate, count): &(f64, f64)| Alike {
        count: *count,
        rate: rate.max(1e-6) / offered.demand,
    };
    let groups: Vec<Alike> = parts.iter().map(alike).collect();
    let busy = offered.jobs * offered.demand / (capacity * f64::from(servers)).max(1e-9);
    let Some(held) = two_choices(&groups, servers, offered.jobs).filter(|_| busy < FULL) else {
        // Everybody is full: by what each can do.
        return shared(&|rate, count| rate * count / capacity);
    };
    let sum: f64 = held.iter().map(|held| held.arrivals).sum();
    let part = |(group, Held { arrivals, wait }): (&Alike, &Held)| {
        // Among as many replicas of its own rate with as much to do each.
        let among = Alike {
            count: all,
            ..*group
        };
        let like = two_choices(&[among], servers, arrivals / group.count * all);
        let own = like.map_or(0.0, |held| held[0].wait);
        Part {
            share: arrivals / sum,
            wait: if own > 0.0 { wait / own } else { 1.0 },
        }
    };
    groups.iter().zip(&held).map(part).collect()
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
        let offered = Offered {
            requests: 180.0,
            jobs: 180.0,
            demand: 0.02,
            scv: 1.0,
            hold: 0.0,
            thinning: 0.0,
        };
        let parts = [(0.5, 2.0), (1.0, 2.0)];
        let by = |balancer| {
            let choice = Choice {
                balancer,
                servers: 2,
            };
            split(&parts, offered, choice)
        };
        let half = Part {
            share: 0.5,
            wait: 1.0,
        };
        assert_eq!(by(Balancer::RoundRobin), [half, half]);
        // 37.0 and 53.1 of 45 a replica, with waits of 13.1 and 3.1 ms: four replicas of two exponential
        // servers, two draws that may be the same, simulated as a Markov chain over 20,000 s; 1 % is five deviations.
        let looks = by(Balancer::LeastRequest);
        assert!((looks[0].share - 36.98 / 90.04).abs() < 0.01, "{looks:?}");
        assert!((looks[1].share - 53.06 / 90.04).abs() < 0.01, "{looks:?}");
        // The quick ones are chosen because the slow are full: who goes there waits longer than among his like.
        assert!(looks[1].wait > 1.0 && looks[0].wait < 1.0, "{looks:?}");
    }
}
