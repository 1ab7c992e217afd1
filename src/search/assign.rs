//! Annealing of which group moves in which wave, each change costed from its neighbours alone.
//!
//! Waves have the times of a plan that was packed; a group goes to another wave, or two groups change places. What
//! can be asked at once of a wave is asked (its size, critical services, groups kept apart, order, the work that teams
//! have done by then); the rest is for the packer, which decodes what comes out. The cost is exact for waves that
//! switch at those times; the packer's waves differ a little, so it is packed again and again.

use crate::model::WaveOrder;
use crate::plan::KnownWorld;
use crate::plan::clockwork::Timetable;
use crate::plan::pack::wave_services;
use crate::search::moves::Draws;
use crate::search::prices::{Pair, Prices};

/// Changes that are sampled for the first temperature.
const SAMPLES: u32 = 400;
/// The last temperature as a share of the first.
const LAST: f64 = 2e-3;
/// Changes between two looks at the budget.
pub const STRETCH: u64 = 1_024;

/// What holds for all waves and all assignments of a scenario.
pub struct Rules {
    services: Vec<usize>,
    critical: Vec<usize>,
    /// By group: teams with the person-days of its services.
    work: Vec<Vec<(usize, f64)>>,
    /// By group: groups that move before it, and groups that it moves before.
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// By group: sets of groups that are kept apart.
    apart: Vec<Vec<usize>>,
    sets: usize,
    teams: usize,
    least: usize,
    most: usize,
    critical_at_once: usize,
}

impl Rules {
    /// The rules of a scenario.
    #[must_use]
    pub fn new(known: &KnownWorld) -> Self {
        let constraints = &known.migration.constraints;
        let groups = known.groups.iter();
        let n = known.groups.len();
        let (mut before, mut after) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        for rule in &constraints.order {
            for first in &rule.value.before {
                for second in &rule.value.after {
                    let pair = (
                        known.group_of[first.index()],
                        known.group_of[second.index()],
                    );
                    if let (Some(first), Some(second)) = pair
                        && first != second
                    {
                        before[second].push(first);
                        after[first].push(second);
                    }
                }
            }
        }
        let mut apart = vec![Vec::new(); n];
        for (at, set) in constraints.apart.iter().enumerate() {
            for service in &set.value {
                if let Some(group) = known.group_of[service.index()]
                    && apart[group].last() != Some(&at)
                {
                    apart[group].push(at);
                }
            }
        }
        let size = constraints.wave_size.as_ref();
        Self {
            services: groups.clone().map(|group| group.services.len()).collect(),
            critical: groups
                .clone()
                .map(|group| {
                    let tier = |service: &&usize| known.scenario.services[**service].tier == 0;
                    group.services.iter().filter(tier).count()
                })
                .collect(),
            work: groups.map(|group| work(known, &group.services)).collect(),
            before,
            after,
            apart,
            sets: constraints.apart.len(),
            teams: known.scenario.teams.len(),
            least: size.map_or(1, |size| size.value.least as usize),
            most: wave_services(known),
            critical_at_once: constraints
                .critical_at_once
                .as_ref()
                .map_or(usize::MAX, |most| most.value as usize),
        }
    }
}

/// Teams with the person-days that these services ask of them.
fn work(known: &KnownWorld, services: &[usize]) -> Vec<(usize, f64)> {
    let mut found: Vec<(usize, f64)> = Vec::new();
    for service in services {
        let days = known.tables.effort[*service];
        let Some(team) = known.scenario.services[*service]
            .team
            .filter(|_| days > 0.0)
        else {
            continue;
        };
        match found.iter_mut().find(|(other, _)| *other == team.index()) {
            Some((_, sum)) => *sum += days,
            None => found.push((team.index(), days)),
        }
    }
    found
}

/// Groups in waves at given times.
pub struct Assignment<'p> {
    prices: &'p Prices,
    rules: &'p Rules,
    order: WaveOrder,
    /// Wave of each group.
    pub wave_of: Vec<usize>,
    /// Seconds at which each wave switches.
    times: Vec<f64>,
    members: Vec<Vec<u32>>,
    place: Vec<u32>,
    services: Vec<usize>,
    critical: Vec<usize>,
    /// Groups of a set in a wave: `[wave * sets + set]`.
    apart: Vec<u16>,
    /// Work of a team's groups up to a wave, and what it can have done by then: `[wave * teams + team]`.
    asked: Vec<f64>,
    done: Vec<f64>,
}

/// A change that keeps the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A group to another wave.
    Move(usize, usize),
    /// Two groups of different waves to each other's.
    Swap(usize, usize),
}

impl<'p> Assignment<'p> {
    /// The waves of a packed plan; `None` when it does not move every group.
    #[must_use]
    pub fn new(
        known: &KnownWorld,
        prices: &'p Prices,
        rules: &'p Rules,
        timetable: &Timetable,
        order: WaveOrder,
    ) -> Option<Self> {
        let (n, waves) = (known.groups.len(), timetable.waves.len());
        let mut wave_of = vec![usize::MAX; n];
        let (mut sums, mut counts) = (vec![0.0; waves], vec![0.0; waves]);
        for one in &timetable.moves {
            wave_of[known.group_of[one.service]?] = one.wave;
            sums[one.wave] += 0.5 * (one.shift_start().seconds() + one.shifted.seconds());
            counts[one.wave] += 1.0;
        }
        if wave_of.contains(&usize::MAX) || counts.contains(&0.0) {
            return None;
        }
        let times: Vec<f64> = sums.iter().zip(&counts).map(|(sum, n)| sum / n).collect();
        let mut done = Vec::with_capacity(waves * rules.teams);
        for wave in &timetable.waves {
            let by = known.tables.labour.iter();
            done.extend(by.map(|labour| labour.done_by(wave.start) + 1e-9));
        }
        let mut found = Self {
            prices,
            rules,
            order,
            times,
            members: vec![Vec::new(); waves],
            place: vec![0; n],
            services: vec![0; waves],
            critical: vec![0; waves],
            apart: vec![0; waves * rules.sets],
            asked: vec![0.0; waves * rules.teams],
            done,
            wave_of: wave_of.clone(),
        };
        for (group, wave) in wave_of.into_iter().enumerate() {
            found.put(group, wave);
        }
        Some(found)
    }

    fn put(&mut self, group: usize, wave: usize) {
        let rules = self.rules;
        self.wave_of[group] = wave;
        self.place[group] = self.members[wave].len() as u32;
        self.members[wave].push(group as u32);
        self.services[wave] += rules.services[group];
        self.critical[wave] += rules.critical[group];
        for set in &rules.apart[group] {
            self.apart[wave * rules.sets + set] += 1;
        }
        for (team, days) in &rules.work[group] {
            for later in wave..self.times.len() {
                self.asked[later * rules.teams + team] += days;
            }
        }
    }

    fn take(&mut self, group: usize) {
        let rules = self.rules;
        let wave = self.wave_of[group];
        let at = self.place[group] as usize;
        self.members[wave].swap_remove(at);
        if let Some(moved) = self.members[wave].get(at) {
            self.place[*moved as usize] = at as u32;
        }
        self.services[wave] -= rules.services[group];
        self.critical[wave] -= rules.critical[group];
        for set in &rules.apart[group] {
            self.apart[wave * rules.sets + set] -= 1;
        }
        for (team, days) in &rules.work[group] {
            for later in wave..self.times.len() {
                self.asked[later * rules.teams + team] -= days;
            }
        }
    }

    /// Does a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Move(group, wave) => {
                self.take(group);
                self.put(group, wave);
            }
            Change::Swap(one, two) => {
                let (first, second) = (self.wave_of[one], self.wave_of[two]);
                self.take(one);
                self.take(two);
                self.put(one, second);
                self.put(two, first);
            }
        }
    }

    /// Price of a pair whose first end moves at `x` and whose second at `y`.
    #[inline]
    fn paid(pair: &Pair, x: f64, y: f64) -> f64 {
        if x < y {
            pair.ahead * (y - x)
        } else {
            pair.behind * (x - y)
        }
    }

    #[inline]
    fn moved(&self, group: usize, to: usize) -> f64 {
        let (old, new) = (self.times[self.wave_of[group]], self.times[to]);
        let mut sum = self.prices.drift[group] * (new - old);
        for pair in self.prices.of(group) {
            let theirs = self.times[self.wave_of[pair.other as usize]];
            sum += Self::paid(pair, new, theirs) - Self::paid(pair, old, theirs);
        }
        sum
    }

    /// By how much a change makes the traffic terms dearer: exact, in as many steps as its groups have neighbours.
    #[inline]
    #[must_use]
    pub fn cost(&self, change: Change) -> f64 {
        match change {
            Change::Move(group, wave) => self.moved(group, wave),
            Change::Swap(one, two) => {
                let (first, second) = (self.wave_of[one], self.wave_of[two]);
                let mut sum = self.moved(one, second) + self.moved(two, first);
                // Each was costed as if the other stayed: between the two there is as much time as before, the other way.
                let between = self.prices.of(one).iter();
                if let Some(pair) = between.clone().find(|pair| pair.other as usize == two) {
                    let (x, y) = (self.times[first], self.times[second]);
                    sum += Self::paid(pair, x, y) + Self::paid(pair, y, x);
                }
                sum
            }
        }
    }

    /// The traffic terms of the whole assignment, from scratch, but for what no order changes.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total_of(&self.wave_of)
    }

    /// The same with other waves.
    #[must_use]
    pub fn total_of(&self, wave_of: &[usize]) -> f64 {
        (0..self.prices.len())
            .map(|group| {
                let own = self.times[wave_of[group]];
                let pairs = self.prices.of(group).iter();
                let shared: f64 = pairs
                    .map(|pair| Self::paid(pair, own, self.times[wave_of[pair.other as usize]]))
                    .sum();
                0.5 * shared + self.prices.drift[group] * own
            })
            .sum()
    }

    /// Whether a group may stand in a wave, as far as order and others kept apart from it say; `without` leaves.
    fn stands(&self, group: usize, wave: usize, without: Option<usize>) -> bool {
        let rules = self.rules;
        let given = self.order == WaveOrder::Given;
        let first = |a: usize, b: usize| a < b || (given && a == b);
        let kept = |set: &usize| {
            let there = self.apart[wave * rules.sets + set];
            let leaves = without.is_some_and(|other| rules.apart[other].contains(set));
            there == u16::from(leaves)
        };
        rules.before[group]
            .iter()
            .all(|one| Some(*one) == without || first(self.wave_of[*one], wave))
            && rules.after[group]
                .iter()
                .all(|one| Some(*one) == without || first(wave, self.wave_of[*one]))
            && rules.apart[group].iter().all(kept)
    }

    /// Whether teams have the work of a group done when it moves earlier, given what `with` brings in exchange.
    fn is_ready(&self, group: usize, to: usize, with: Option<usize>) -> bool {
        let rules = self.rules;
        let from = self.wave_of[group];
        rules.work[group].iter().all(|(team, days)| {
            let back = with.and_then(|other| {
                let theirs = rules.work[other].iter();
                theirs.copied().find(|(other, _)| other == team)
            });
            let more = days - back.map_or(0.0, |(_, days)| days);
            more <= 0.0
                || (to..from).all(|wave| {
                    let at = wave * rules.teams + team;
                    self.asked[at] + more <= self.done[at]
                })
        })
    }

    fn fits(&self, wave: usize, leaves: Option<usize>, comes: Option<usize>) -> bool {
        let rules = self.rules;
        let of = |list: &[usize], group: Option<usize>| group.map_or(0, |group| list[group]);
        let services =
            self.services[wave] + of(&rules.services, comes) - of(&rules.services, leaves);
        let critical =
            self.critical[wave] + of(&rules.critical, comes) - of(&rules.critical, leaves);
        let is_last = wave + 1 == self.times.len();
        services <= rules.most.max(self.services[wave])
            && (services >= rules.least.min(self.services[wave]) || is_last)
            && services > 0
            && (critical <= rules.critical_at_once || critical <= self.critical[wave])
    }

    /// Whether a change keeps what can be asked at once.
    #[must_use]
    pub fn is_allowed(&self, change: Change) -> bool {
        match change {
            Change::Move(group, wave) => {
                self.fits(wave, None, Some(group))
                    && self.fits(self.wave_of[group], Some(group), None)
                    && self.stands(group, wave, None)
                    && self.is_ready(group, wave, None)
            }
            Change::Swap(one, two) => {
                let (first, second) = (self.wave_of[one], self.wave_of[two]);
                let (early, late) = if first < second {
                    (one, two)
                } else {
                    (two, one)
                };
                // A pair in a fixed order never changes places.
                !self.rules.before[late].contains(&early)
                    && !self.rules.before[early].contains(&late)
                    && self.fits(second, Some(two), Some(one))
                    && self.fits(first, Some(one), Some(two))
                    && self.stands(one, second, Some(two))
                    && self.stands(two, first, Some(one))
                    && self.is_ready(late, first.min(second), Some(early))
            }
        }
    }

    /// A change to try: a group to a neighbour's wave or near its own, alone or for one that is there.
    pub fn draw(&self, draws: &mut Draws) -> Option<Change> {
        let (n, waves) = (self.prices.len(), self.times.len());
        if n < 2 || waves < 2 {
            return None;
        }
        let group = draws.below(n);
        let from = self.wave_of[group];
        let pairs = self.prices.of(group);
        let to = match draws.below(4) {
            0 | 1 if !pairs.is_empty() => {
                self.wave_of[pairs[draws.below(pairs.len())].other as usize]
            }
            2 => draws.below(waves),
            _ => {
                if draws.below(2) == 0 {
                    from.checked_sub(1)?
                } else {
                    from + 1
                }
            }
        };
        if to == from || to >= waves {
            return None;
        }
        let room = self.services[to] + self.rules.services[group] <= self.rules.most;
        let change = if room && draws.below(2) == 0 {
            Change::Move(group, to)
        } else {
            let there = &self.members[to];
            Change::Swap(group, there[draws.below(there.len())] as usize)
        };
        self.is_allowed(change).then_some(change)
    }

    /// The groups wave by wave; within a wave as `inner` ranks them.
    #[must_use]
    pub fn order(&self, inner: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.wave_of.len()).collect();
        order.sort_by_key(|group| (self.wave_of[*group], inner[*group]));
        order
    }
}

/// Anneals for at most `most` costed changes, from a temperature that suits the changes, scaled by `heat`; how many were costed.
/// `stop` is asked now and then with how many were. The best assignment met is left in `found`.
pub fn anneal(
    found: &mut Assignment,
    draws: &mut Draws,
    most: u64,
    heat: f64,
    stop: &dyn Fn(u64) -> bool,
) -> u64 {
    let mut rises: Vec<f64> = Vec::new();
    let (mut costed, mut tries) = (0, 0_u64);
    while costed < u64::from(SAMPLES) && tries < 20 * u64::from(SAMPLES) {
        tries += 1;
        if let Some(change) = found.draw(draws) {
            let cost = found.cost(change);
            costed += 1;
            if cost > 0.0 {
                rises.push(cost);
            }
        }
    }
    if rises.is_empty() {
        return costed;
    }
    rises.sort_by(f64::total_cmp);
    let first = rises[rises.len() / 2] * heat;
    let (mut now, mut least) = (0.0, 0.0);
    let mut best = found.wave_of.clone();
    let cooling = libm::pow(LAST, STRETCH as f64 / most.max(STRETCH) as f64);
    let mut temperature = first;
    // Where hardly anything is allowed, tries are bounded too.
    tries = 0;
    while costed < most && tries < most.saturating_mul(4) {
        let until = costed + STRETCH.min(most - costed);
        while costed < until && tries < most.saturating_mul(4) {
            tries += 1;
            let Some(change) = found.draw(draws) else {
                continue;
            };
            let cost = found.cost(change);
            costed += 1;
            if cost <= 0.0 || draws.uniform() < libm::exp(-cost / temperature) {
                found.apply(change);
                now += cost;
                if now < least - 1e-9 * first {
                    least = now;
                    best.copy_from_slice(&found.wave_of);
                }
            }
        }
        temperature *= cooling;
        if stop(costed) {
            break;
        }
    }
    for (group, wave) in best.into_iter().enumerate() {
        if found.wave_of[group] != wave {
            found.apply(Change::Move(group, wave));
        }
    }
    costed
}
