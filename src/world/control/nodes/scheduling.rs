//! One scheduling cycle: filters until enough nodes fit, scores of those, the best of them.
//!
//! As kube-scheduler does it: nodes are looked at in turn from where the last cycle stopped, until
//! `nodes_to_find` fit. Blocks of nodes that cannot fit a request are passed over by their largest free room
//! (`tests` compares with a plain walk). Equal scores are settled by the caller's keyed hash.

use super::prepared::{Near, Prepared, Spread};
use super::{Fleet, NodeState, Nodes, Placement};
use crate::model::placement::{
    ABSENT, AFFINITY_WEIGHT, Domains, MAX_SCORE, Score, Share, TAINT_WEIGHT, Tally,
    balanced_allocation, least_allocated, most_allocated, nodes_to_find, spread_scores, takes_part,
};
use crate::units::{ClusterId, ServiceId};

/// Nodes a block.
const BLOCK: usize = 64;

/// Largest free room among the ready nodes of a block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    cpu: u64,
    memory: u64,
    pods: u32,
}

/// Buffers that are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    pub(super) found: Vec<usize>,
    pub(super) totals: Vec<u64>,
    tallies: Vec<Tally>,
    rooms: Rooms,
}

/// Shapes of requests beyond these are scored anew each time.
const SHAPES: usize = 256;

/// Scores of nodes' room by shape of request, kept while a node's room stays as it is.
#[derive(Clone, Debug, Default)]
struct Rooms {
    /// By shape, then node: changes of the node's room plus one when the score was found, and the score.
    known: Vec<Vec<(u32, u32)>>,
}

impl Rooms {
    /// The scores of one shape; `None`: there are too many shapes.
    fn of(&mut self, shape: usize, nodes: usize) -> Option<&mut [(u32, u32)]> {
        if shape >= SHAPES {
            return None;
        }
        if self.known.len() <= shape {
            self.known.resize(shape + 1, Vec::new());
        }
        let known = &mut self.known[shape];
        known.resize(nodes, (0, 0));
        Some(known)
    }
}

/// A term of the filters that looks at other pods, with its counts (a position in the scratch).
pub(super) enum Binding {
    /// Skew over domains may not exceed: least count, own pod, allowed.
    Skew {
        domains: usize,
        tally: usize,
        least: u32,
        itself: u32,
        max_skew: u32,
    },
    /// Such pods must be there.
    With { domains: usize, tally: usize },
    /// No such pod may be there: the pod's own rule, or the others'.
    Without {
        domains: usize,
        tally: usize,
        own: bool,
    },
}

impl Nodes {
    /// The node that the scheduler chooses for a pod of the service; `None`: there is none. `tie` settles
    /// equal scores. Takes no room yet.
    pub fn choose(
        &mut self,
        cluster: ClusterId,
        service: ServiceId,
        tie: impl Fn(usize) -> u64,
    ) -> Option<Placement> {
        let fleet = self.fleet_mut(cluster);
        if fleet.state.is_empty() {
            return (fleet.placed < fleet.most_pods).then_some(Placement::Anywhere);
        }
        fleet.choose(service, tie).map(Placement::Node)
    }
}

/// What other pods say to a pod that is moved in thought.
pub(in crate::world::control) struct Moving {
    bindings: Vec<Binding>,
    tallies: Vec<Tally>,
}

impl Nodes {
    /// The filters about other pods for a pod of the service that leaves a node.
    pub fn moving(&self, cluster: ClusterId, node: usize, service: ServiceId) -> Moving {
        let mut tallies = Vec::new();
        let bindings = self
            .fleet(cluster)
            .bindings(service, &mut tallies, Some(node));
        Moving { bindings, tallies }
    }

    /// Whether it passes them on another node.
    pub fn may_move(&self, cluster: ClusterId, moving: &Moving, other: usize) -> bool {
        let mut bindings = moving.bindings.iter();
        bindings.all(|binding| {
            self.fleet(cluster)
                .satisfies(binding, other, &moving.tallies)
        })
    }
}

impl Fleet {
    pub(super) fn build_blocks(&mut self) {
        self.blocks = vec![Block::default(); self.state.len().div_ceil(BLOCK)];
        for block in 0..self.blocks.len() {
            self.rebuild_block(block * BLOCK);
        }
    }

    pub(super) fn rebuild_block(&mut self, node: usize) {
        let block = node / BLOCK;
        let mut largest = Block::default();
        for node in block * BLOCK..((block + 1) * BLOCK).min(self.state.len()) {
            if self.state[node] == NodeState::Ready {
                largest.cpu = largest.cpu.max(self.free_cpu[node]);
                largest.memory = largest.memory.max(self.free_memory[node]);
                largest.pods = largest.pods.max(self.free_pods[node]);
            }
        }
        self.blocks[block] = largest;
    }

    fn choose(&mut self, service: ServiceId, tie: impl Fn(usize) -> u64) -> Option<usize> {
        if self.placed >= self.most_pods {
            return None;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let bindings = self.bindings(service, &mut scratch.tallies, None);
        self.find(service, &bindings, &mut scratch);
        let best = match scratch.found.as_slice() {
            [] => None,
            // As upstream: a single node needs no score.
            [only] => Some(*only),
            _ => {
                self.score(service, &mut scratch);
                let scored = scratch.found.iter().zip(&scratch.totals);
                scored
                    .max_by_key(|(node, total)| (**total, tie(**node), **node))
                    .map(|(node, _)| *node)
            }
        };
        self.scratch = scratch;
        best
    }

    /// Counts of other pods that the filters need; without one pod of the service on the node `left`.
    pub(super) fn bindings(
        &self,
        service: ServiceId,
        tallies: &mut Vec<Tally>,
        left: Option<usize>,
    ) -> Vec<Binding> {
        let leave_out = |near: &Near, tally: &mut Tally| {
            let Some(node) = left.filter(|_| near.services.contains(&service)) else {
                return;
            };
            let domain = self.domains[near.domains].of_node[node];
            if domain != ABSENT {
                tally.leave_out(domain);
            }
        };
        let asked = &self.prepared[service.index()];
        let mut bindings = Vec::new();
        let mut used = 0;
        for spread in &asked.required_spread {
            let tally = self.tally_where(&spread.near, tallies, &mut used, |node| {
                spread.counted[self.class_of[node] as usize]
            });
            leave_out(&spread.near, &mut tallies[tally]);
            let least = self.least(spread, &tallies[tally]);
            bindings.push(Binding::Skew {
                domains: spread.near.domains,
                tally,
                least,
                itself: u32::from(spread.counts_itself),
                max_skew: spread.max_skew,
            });
        }
        let mut first_of_its_kind = !asked.pods_required.is_empty();
        let before = bindings.len();
        for (near, itself) in &asked.pods_required {
            let tally = self.tally(near, tallies, &mut used);
            leave_out(near, &mut tallies[tally]);
            first_of_its_kind &= *itself && tallies[tally].total() == 0;
            bindings.push(Binding::With {
                domains: near.domains,
                tally,
            });
        }
        if first_of_its_kind {
            // The first of a set of pods that want to be together may go anywhere.
            bindings.truncate(before);
        }
        for (near, own) in asked
            .pods_excluded
            .iter()
            .map(|near| (near, true))
            .chain(asked.excluded_by.iter().map(|near| (near, false)))
        {
            let tally = self.tally(near, tallies, &mut used);
            leave_out(near, &mut tallies[tally]);
            bindings.push(Binding::Without {
                domains: near.domains,
                tally,
                own,
            });
        }
        bindings
    }

    /// Counts a set of pods by domain into the next free tally.
    fn tally(&self, near: &Near, tallies: &mut Vec<Tally>, used: &mut usize) -> usize {
        self.tally_where(near, tallies, used, |_| true)
    }

    /// Counts those on some of the nodes.
    fn tally_where(
        &self,
        near: &Near,
        tallies: &mut Vec<Tally>,
        used: &mut usize,
        counts: impl Fn(usize) -> bool,
    ) -> usize {
        if tallies.len() == *used {
            tallies.push(Tally::default());
        }
        let tally = &mut tallies[*used];
        let domains = &self.domains[near.domains];
        tally.clear(domains.count);
        for service in &near.services {
            for node in &self.running[service.index()] {
                let domain = domains.of_node[*node as usize];
                if domain != ABSENT && counts(*node as usize) {
                    tally.add(domain, 1);
                }
            }
        }
        *used += 1;
        *used - 1
    }

    /// Fewest pods over the domains that count; 0 with fewer of them than `minDomains`. Cordoned and broken nodes are
    /// there, with a taint.
    fn least(&self, spread: &Spread, tally: &Tally) -> u32 {
        let domains = &self.domains[spread.near.domains];
        let is_there = |node: &usize| match self.state[*node] {
            NodeState::Ready => true,
            NodeState::Cordoned | NodeState::Down => !spread.only_ready,
            NodeState::Absent | NodeState::Booting => false,
        };
        let mut eligible: Vec<u32> = (0..self.state.len())
            .filter(is_there)
            .filter(|node| spread.counted[self.class_of[*node] as usize])
            .map(|node| domains.of_node[node])
            .filter(|domain| *domain != ABSENT)
            .collect();
        eligible.sort_unstable();
        eligible.dedup();
        if spread
            .min_domains
            .is_some_and(|least| eligible.len() < least as usize)
        {
            return 0;
        }
        tally.least(eligible.into_iter())
    }

    /// Fills `found` with nodes that fit, in the order of looking, as many as upstream would look for.
    fn find(&mut self, service: ServiceId, bindings: &[Binding], scratch: &mut Scratch) {
        let asked = &self.prepared[service.index()];
        let nodes = self.state.len();
        let wanted = if asked.sampled {
            nodes_to_find(self.ready as usize)
        } else {
            nodes
        };
        scratch.found.clear();
        let (mut at, mut looked) = (self.start % nodes, 0);
        while looked < nodes && scratch.found.len() < wanted {
            if at % BLOCK == 0 {
                let block = self.blocks[at / BLOCK];
                let length = BLOCK.min(nodes - at);
                let none = asked.cpu > block.cpu || asked.memory > block.memory || block.pods == 0;
                if none && looked + length <= nodes {
                    looked += length;
                    at = (at + length) % nodes;
                    continue;
                }
            }
            let fits = asked.cpu <= self.free_cpu[at]
                && asked.memory <= self.free_memory[at]
                && self.free_pods[at] > 0
                && self.state[at] == NodeState::Ready
                && asked.refused[self.class_of[at] as usize].is_none()
                && bindings
                    .iter()
                    .all(|binding| self.satisfies(binding, at, &scratch.tallies));
            if fits {
                scratch.found.push(at);
            }
            looked += 1;
            at += 1;
            if at == nodes {
                at = 0;
            }
        }
        self.start = at;
    }

    pub(super) fn satisfies(&self, binding: &Binding, node: usize, tallies: &[Tally]) -> bool {
        let count = |domains: usize, tally: usize| {
            let domain = self.domains[domains].of_node[node];
            (domain != ABSENT).then(|| tallies[tally].get(domain))
        };
        match binding {
            Binding::Skew {
                domains,
                tally,
                least,
                itself,
                max_skew,
            } => count(*domains, *tally)
                .is_some_and(|there| there + itself <= least.saturating_add(*max_skew)),
            Binding::With { domains, tally } => {
                count(*domains, *tally).is_some_and(|there| there > 0)
            }
            Binding::Without { domains, tally, .. } => {
                count(*domains, *tally).is_none_or(|there| there == 0)
            }
        }
    }

    /// Total score of each node found.
    fn score(&self, service: ServiceId, scratch: &mut Scratch) {
        let asked = &self.prepared[service.index()];
        let Scratch {
            found,
            totals,
            tallies,
            rooms,
        } = scratch;
        totals.clear();
        match rooms.of(asked.shape, self.state.len()) {
            Some(known) => totals.extend(found.iter().map(|node| {
                let (changes, score) = &mut known[*node];
                if *changes != self.changes[*node] + 1 {
                    *changes = self.changes[*node] + 1;
                    *score = self.room_score(asked, *node) as u32;
                }
                debug_assert_eq!(u64::from(*score), self.room_score(asked, *node));
                u64::from(*score)
            })),
            None => totals.extend(found.iter().map(|node| self.room_score(asked, *node))),
        }
        if asked.scores.spread && !asked.scored_spread.is_empty() {
            let mut used = 0;
            let labels: Vec<&Domains> = asked
                .scored_spread
                .iter()
                .map(|spread| &self.domains[spread.near.domains])
                .collect();
            for spread in &asked.scored_spread {
                self.tally_where(&spread.near, tallies, &mut used, |node| {
                    takes_part(&labels, node)
                });
            }
            let terms: Vec<_> = asked
                .scored_spread
                .iter()
                .zip(tallies.iter())
                .map(|(spread, tally)| (spread.max_skew, &self.domains[spread.near.domains], tally))
                .collect();
            for (total, score) in totals.iter_mut().zip(spread_scores(&terms, found)) {
                *total += Score::Spread.weight() * score;
            }
        }
        let classes = || found.iter().map(|node| self.class_of[*node] as usize);
        let most = classes()
            .map(|class| asked.preferred[class])
            .max()
            .unwrap_or(0);
        for (total, class) in totals.iter_mut().zip(classes()) {
            let score = (MAX_SCORE * asked.preferred[class]).checked_div(most);
            *total += AFFINITY_WEIGHT * score.unwrap_or(0);
        }
        let most = classes()
            .map(|class| asked.avoided[class])
            .max()
            .unwrap_or(0);
        for (total, class) in totals.iter_mut().zip(classes()) {
            let avoided = (MAX_SCORE * asked.avoided[class]).checked_div(most);
            *total += TAINT_WEIGHT * (MAX_SCORE - avoided.unwrap_or(0));
        }
        if !asked.pods_preferred.is_empty() {
            self.add_pod_preference(asked, found, totals, tallies);
        }
    }

    /// Scores of a node's room.
    fn room_score(&self, asked: &Prepared, node: usize) -> u64 {
        let class = self.class(node);
        let share = |requested: u64, allocatable: u64| Share {
            requested,
            allocatable,
            weight: 1,
        };
        let counting = [
            share(self.scored_cpu[node] + asked.scored_cpu, class.cpu),
            share(self.scored_memory[node] + asked.scored_memory, class.memory),
        ];
        let counting = || {
            counting
                .into_iter()
                .filter(|share| Share::counts(share.allocatable, false, 0))
        };
        let mut score = 0;
        if asked.scores.least {
            score += Score::LeastAllocated.weight() * least_allocated(counting());
        }
        if asked.scores.most {
            score += Score::MostAllocated.weight() * most_allocated(counting());
        }
        if asked.scores.balanced {
            let requested = [
                share(class.cpu - self.free_cpu[node] + asked.cpu, class.cpu),
                share(
                    class.memory - self.free_memory[node] + asked.memory,
                    class.memory,
                ),
            ];
            let requested = requested
                .into_iter()
                .filter(|share| Share::counts(share.allocatable, false, 0));
            score += Score::BalancedAllocation.weight() * balanced_allocation(requested);
        }
        score
    }

    /// Preferred pod (anti-)affinity: weights of the pods in a node's domains, stretched over 0 to 100.
    /// (Upstream also lets the preferences of pods that run already pull new ones: left out.)
    fn add_pod_preference(
        &self,
        asked: &Prepared,
        found: &[usize],
        totals: &mut [u64],
        tallies: &mut Vec<Tally>,
    ) {
        let mut sums = vec![0_i64; found.len()];
        for (weight, near) in &asked.pods_preferred {
            let mut used = 0;
            let tally = self.tally(near, tallies, &mut used);
            let domains = &self.domains[near.domains];
            for (sum, node) in sums.iter_mut().zip(found) {
                let domain = domains.of_node[*node];
                if domain != ABSENT {
                    *sum += weight * i64::from(tallies[tally].get(domain));
                }
            }
        }
        let (least, most) = (
            sums.iter().copied().min().unwrap_or(0),
            sums.iter().copied().max().unwrap_or(0),
        );
        if most > least {
            for (total, sum) in totals.iter_mut().zip(&sums) {
                let score = MAX_SCORE as i64 * (sum - least) / (most - least);
                *total += AFFINITY_WEIGHT * score as u64;
            }
        }
    }
}
