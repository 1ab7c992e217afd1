//! Load balancing among the ready replicas of one service in one cluster.
//!
//! Whose rule it is: `least-request` is Envoy's default in its gateway (two choices), `round-robin` plain Envoy's
//! and IPVS's, `random` iptables kube-proxy's. What the balancer knows is stated beside it, and whether it places each
//! request or each connection: kube-proxy places connections, a gateway or sidecar requests.

/// Rule by which a replica is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Balancer {
    /// In turn.
    RoundRobin,
    /// Uniform.
    Random,
    /// The one with the fewest requests in flight among some drawn uniformly, or among all.
    LeastRequest,
}

impl Balancer {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::LeastRequest, "least-request"),
        (Self::RoundRobin, "round-robin"),
        (Self::Random, "random"),
    ];
}

/// A rule with what it knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Balance {
    /// The rule.
    pub rule: Balancer,
    /// Replicas that `least-request` compares; `None`: all.
    pub choices: Option<u32>,
    /// Whose turn and counts it goes by.
    pub knows: Knows,
    /// What it spreads.
    pub unit: Unit,
}

/// What a balancer spreads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// Each request goes to a replica of its own.
    Requests,
    /// Each connection does; requests go where their connection leads.
    Connections,
}

impl Unit {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 2] = [
        (Self::Requests, "requests"),
        (Self::Connections, "connections"),
    ];
}

impl Balance {
    /// A rule as written by its name alone: two choices, shared knowledge.
    #[must_use]
    pub const fn of(rule: Balancer) -> Self {
        Self {
            rule,
            choices: Some(2),
            knows: Knows::Shared,
            unit: Unit::Requests,
        }
    }
}

/// Whose turn and counts a balancer goes by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Knows {
    /// All callers together: one gateway, or perfect knowledge. Optimistic for sidecars.
    Shared,
    /// Each caller replica its own: a sidecar or client library. All users together are one.
    Own,
}

impl Knows {
    /// Every variant with its name in scenario files.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Shared, "shared"), (Self::Own, "own")];
}

/// The least loaded of some: `choices` drawn by `draw` (ordinal to index), the first of equals; `None` looks at all,
/// beginning at a drawn one, so that equals are chosen evenly.
pub fn least_loaded(
    count: usize,
    choices: Option<u32>,
    draw: impl Fn(u64) -> usize,
    load: impl Fn(usize) -> u32,
) -> usize {
    let mut best = draw(0);
    let mut least = load(best);
    let candidates = choices.map_or(count as u64, u64::from);
    let first = best;
    for ordinal in 1..candidates {
        let other = match choices {
            Some(_) => draw(ordinal),
            None => (first + ordinal as usize) % count,
        };
        let found = load(other);
        if found < least {
            (best, least) = (other, found);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads and draws of a small world, from a counter.
    fn world(seed: usize) -> (Vec<u32>, impl Fn(u64) -> usize) {
        let count = 1 + seed % 7;
        let loads = (0..count)
            .map(|i| ((seed / 7 + i * i * 3) % 4) as u32)
            .collect();
        (loads, move |ordinal: u64| {
            (seed / 3 + 5 * ordinal as usize) % count
        })
    }

    #[test]
    fn the_least_of_some_is_what_sorting_them_finds() {
        for seed in 0..5000 {
            let (loads, draw) = world(seed);
            for choices in [2, 3, 5] {
                let drawn: Vec<usize> = (0..choices)
                    .map(|ordinal| draw(u64::from(ordinal)))
                    .collect();
                // Slow twin: a stable sort keeps the first of equals first.
                let mut sorted = drawn.clone();
                sorted.sort_by_key(|index| loads[*index]);
                let found = least_loaded(loads.len(), Some(choices), &draw, |index| loads[index]);
                assert_eq!(found, sorted[0]);
            }
            let found = least_loaded(loads.len(), None, &draw, |index| loads[index]);
            let least = loads.iter().min().copied();
            assert_eq!(Some(loads[found]), least);
            let first_from_the_drawn = (0..loads.len())
                .map(|step| (draw(0) + step) % loads.len())
                .find(|index| Some(loads[*index]) == least);
            assert_eq!(Some(found), first_from_the_drawn);
        }
    }
}
