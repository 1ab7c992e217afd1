//! Who comes: closed-loop users, sessions and open arrivals; how an action begins and ends.
//!
//! Arrivals of open load and of sessions come from an `ArrivalClock`.

use crate::engine::{Key, Lane, Purpose, hash64};
use crate::model::{Answer, Distribution, Load, LoadKind, Scenario};
use crate::units::{JourneyId, LoadId, SimDuration, SimTime};
use crate::world::contract::{ActionRecord, Outcome};
use crate::world::data::arrivals::ArrivalClock;
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL};
use crate::world::data::request::links::PLACE;
use crate::world::data::request::plane::{RequestPlane, rank};

const JOURNEY: Purpose = Purpose::new("journey");
const THINK: Purpose = Purpose::new("think");
const WALK: Purpose = Purpose::new("walk");
const ABANDON: Purpose = Purpose::new("abandon");
const LENGTH: Purpose = Purpose::new("length");

/// How often a user who is not needed looks whether the level has risen.
const RECHECK: SimDuration = SimDuration::from_secs(10);

/// More closed users than this have their returns kept on a ladder: a heap that large is slower.
const MANY: u64 = 20_000;

/// One user (or session, or open arrival) who may have an action in flight.
#[derive(Clone, Copy, Debug)]
struct User {
    load: LoadId,
    /// Among the users or arrivals of the load.
    number: u64,
    /// Of the next action.
    ordinal: u32,
    /// Actions left (sessions); closed users have no end.
    left: u32,
    /// Journey of the action in flight.
    journey: JourneyId,
    /// Node of the load's walk where the next action is; `START` before the first.
    node: u16,
    /// Failed actions in a row.
    failures: u16,
    /// Place among `Links::places`; `NOWHERE` when the load names none.
    place: u8,
}

/// No place in particular.
const NOWHERE: u8 = u8::MAX;

/// No node of a walk yet.
const START: u16 = u16::MAX;

impl User {
    fn new(load: LoadId, number: u64, left: u32) -> Self {
        Self {
            load,
            number,
            ordinal: 0,
            left,
            journey: JourneyId(0),
            node: START,
            failures: 0,
            place: NOWHERE,
        }
    }
}

/// What every action of a load needs, beside its description.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// Key of the load in this replication.
    key: Key,
    /// The journey, when there is only one to choose.
    only: Option<JourneyId>,
    /// All its users are always wanted: they are no closed ones, or their level never changes.
    all_wanted: bool,
    /// Its users never leave before their last action.
    faithful: bool,
    /// Its users come back.
    closed: bool,
    /// Rate of its arrivals, where they are plain and so are who comes: one journey, from nowhere in particular.
    plain: Option<f64>,
}

/// The users of all loads.
pub struct Users {
    users: Vec<User>,
    free: Vec<u32>,
    /// There are so many closed users that their returns are kept apart from the other events.
    many: bool,
    /// By load.
    rules: Vec<Rules>,
    /// By load: cumulative weights of its mix.
    mixes: Vec<Vec<(f64, JourneyId)>>,
    /// By load: when the next one comes.
    clocks: Vec<ArrivalClock>,
    /// By load: where its arrivals wait; of closed users nobody arrives.
    lanes: Vec<Option<Lane>>,
}

impl Rules {
    /// `luck` is the replication's key.
    fn of(load: &Load, luck: Key) -> Self {
        let closed = matches!(load.kind, LoadKind::Closed { .. });
        let only = match (&load.walk, &load.mix[..]) {
            (None, [only]) => Some(only.0),
            _ => None,
        };
        let is_plain = only.is_some() && load.from.is_empty();
        Self {
            key: luck.part(hash64(&load.name)),
            only,
            all_wanted: !closed || load.shape.is_empty(),
            faithful: load.walk.is_none() && load.abandon.is_none(),
            closed,
            plain: ArrivalClock::plain_rate(load).filter(|_| is_plain),
        }
    }
}

impl Users {
    /// Nobody yet; `luck` is the replication's key.
    pub fn new(scenario: &Scenario, luck: Key) -> Self {
        let mixes = scenario.loads.iter().map(|load| {
            let total: f64 = load.mix.iter().map(|entry| entry.1).sum();
            let mut sum = 0.0;
            load.mix
                .iter()
                .map(|(journey, weight)| {
                    sum += weight / total;
                    (sum, *journey)
                })
                .collect()
        });
        Self {
            users: Vec::new(),
            free: Vec::new(),
            many: false,
            rules: scenario
                .loads
                .iter()
                .map(|load| Rules::of(load, luck))
                .collect(),
            mixes: mixes.collect(),
            clocks: vec![ArrivalClock::default(); scenario.loads.len()],
            lanes: Vec::new(),
        }
    }

    /// Place of a user among `Links::places`.
    pub fn place_of(&self, slot: u32) -> Option<usize> {
        let place = self.users[slot as usize].place;
        (place != NOWHERE).then_some(usize::from(place))
    }

    /// Journey of a user's action in flight.
    pub fn journey_of(&self, slot: u32) -> JourneyId {
        self.users[slot as usize].journey
    }

    fn add(&mut self, user: User) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.users[slot as usize] = user;
            return slot;
        }
        self.users.push(user);
        (self.users.len() - 1) as u32
    }
}

impl RequestPlane {
    pub(super) fn start_loads(&mut self) {
        let closed = self.scenario.loads.iter().map(|load| match load.kind {
            LoadKind::Closed { users, .. } => users,
            _ => 0,
        });
        self.users.many = closed.sum::<u64>() > MANY;
        for index in 0..self.scenario.loads.len() {
            let load = LoadId::from_index(index);
            let arrives = !matches!(self.scenario.loads[index].kind, LoadKind::Closed { .. });
            let lane = arrives.then(|| self.events.series(rank::LOAD));
            self.users.lanes.push(lane);
            let LoadKind::Closed {
                users,
                think,
                spawn,
            } = &self.scenario.loads[index].kind
            else {
                self.next_arrival(load);
                continue;
            };
            let (users, think, spawn) = (*users, think.clone(), *spawn);
            for number in 0..users {
                let mut user = User::new(load, number, u32::MAX);
                user.place = self.place(load, number);
                let slot = self.users.add(user);
                // The first pause of each is a think time like any other, so that they do not start in step.
                let pause = sample(&think, self.action_key(slot), THINK);
                let appears = spawn.map_or(self.now, |rate| {
                    self.now + SimDuration::from_seconds(number as f64 / rate)
                });
                self.return_at(appears + pause, slot);
            }
        }
    }

    /// A user comes back at this instant. Either list gives the same order.
    #[inline]
    fn return_at(&mut self, at: SimTime, slot: u32) {
        if self.users.many {
            self.events.push_far(at, rank::USER, slot);
        } else {
            self.events.push(at, rank::USER, slot);
        }
    }

    /// Where a user or arrival of a load is.
    fn place(&self, load: LoadId, number: u64) -> u8 {
        let from = &self.scenario.loads[load.index()].from;
        let Some(last) = from.last() else {
            return NOWHERE;
        };
        let uniform = self.users.rules[load.index()]
            .key
            .nth(number)
            .uniform(PLACE, 0);
        let mut reached = 0.0;
        let drawn = from.iter().find(|(_, share)| {
            reached += share;
            uniform < reached
        });
        drawn.unwrap_or(last).0 as u8
    }

    /// Root key of a user's next action.
    fn action_key(&self, slot: u32) -> Key {
        let user = &self.users.users[slot as usize];
        self.users.rules[user.load.index()]
            .key
            .nth(user.number)
            .nth(u64::from(user.ordinal))
    }

    /// A user is about to act.
    pub(super) fn on_user(&mut self, slot: u32) {
        let user = self.users.users[slot as usize];
        let rules = self.users.rules[user.load.index()];
        if !rules.all_wanted && !self.is_wanted(&user) {
            self.sleep_until_wanted(slot);
            return;
        }
        let key = rules.key.nth(user.number).nth(u64::from(user.ordinal));
        let load = &self.scenario.loads[user.load.index()];
        let journey = if let Some(only) = rules.only {
            only
        } else if let Some(walk) = &load.walk {
            let node = if user.node == START {
                walk.first(key.uniform(JOURNEY, 0))
            } else {
                usize::from(user.node)
            };
            self.users.users[slot as usize].node = node as u16;
            walk.nodes[node]
        } else {
            let uniform = key.uniform(JOURNEY, 0);
            let mix = &self.users.mixes[user.load.index()];
            let drawn = mix.iter().find(|entry| uniform < entry.0).or(mix.last());
            drawn.expect("a load has journeys").1
        };
        self.users.users[slot as usize].journey = journey;
        self.begin_action(slot, user, key, journey);
    }

    /// A user's action begins.
    #[inline(always)]
    fn begin_action(&mut self, slot: u32, user: User, key: Key, journey: JourneyId) {
        let mut action = Frame::new(
            FrameKind::Action,
            key,
            NIL,
            self.programs.journeys[journey.index()],
            self.now,
        );
        action.home = slot;
        let action = self.frames.insert(action);
        if self.tracer.is_some() {
            self.trace_action(action, user.load, user.number, user.ordinal);
        }
        if self.tracks_deadlines {
            self.set_deadline(action, crate::units::SimTime::NEVER);
        }
        self.accounts
            .action_issued(user.load.index(), journey.index());
        self.resume(action);
    }

    /// Whether the level is high enough for a closed user.
    fn is_wanted(&self, user: &User) -> bool {
        let load = &self.scenario.loads[user.load.index()];
        let LoadKind::Closed { users, .. } = load.kind else {
            return true;
        };
        let wanted = users as f64 * load.level(self.now, &self.scenario.clock);
        (user.number as f64) < wanted
    }

    /// A user beyond the level comes back when it has risen.
    fn sleep_until_wanted(&mut self, slot: u32) {
        let user = self.users.users[slot as usize];
        let load = &self.scenario.loads[user.load.index()];
        let LoadKind::Closed { users, .. } = load.kind else {
            return;
        };
        let mut at = self.now;
        while at < self.scenario.end() {
            at += RECHECK;
            if (user.number as f64) < users as f64 * load.level(at, &self.scenario.clock) {
                self.events.push(at, rank::USER, slot);
                return;
            }
        }
    }

    /// A user action has ended.
    pub(super) fn end_action(&mut self, frame: u32, outcome: Outcome) {
        if self.frames[frame].flags.has(Flags::TRACED) {
            self.trace_end(frame, outcome);
        }
        let (slot, issued) = (self.frames[frame].home, self.frames[frame].since);
        self.frames.remove(frame);
        let user = &self.users.users[slot as usize];
        if user.left > 1 || !self.users.rules[user.load.index()].faithful {
            self.end_one_of_many(slot, issued, outcome);
            return;
        }
        let record = ActionRecord {
            load: user.load,
            journey: user.journey,
            user: user.number,
            ordinal: user.ordinal,
            outcome,
            issued,
            ended: self.now,
            left: false,
        };
        self.accounts.action_ended(&self.scenario, record);
        self.users.free.push(slot);
    }

    /// An action of a user has ended who may come back, or leave early.
    fn end_one_of_many(&mut self, slot: u32, issued: SimTime, outcome: Outcome) {
        let user = self.users.users[slot as usize];
        let rules = self.users.rules[user.load.index()];
        let load = &self.scenario.loads[user.load.index()];
        let (node, failures, left) = if rules.faithful {
            (START, 0, Leaves::Stays)
        } else {
            let key = self.action_key(slot);
            after_action(load, &user, key, outcome, self.now.since(issued))
        };
        let record = ActionRecord {
            load: user.load,
            journey: user.journey,
            user: user.number,
            ordinal: user.ordinal,
            outcome,
            issued,
            ended: self.now,
            left: left == Leaves::Abandons,
        };
        self.accounts.action_ended(&self.scenario, record);
        // At the end of its walk a closed user begins anew; one who gave up does not come back.
        let gone = match left {
            Leaves::Abandons => true,
            Leaves::Ends => !rules.closed,
            Leaves::Stays => user.left == 1,
        };
        if gone {
            self.users.free.push(slot);
            return;
        }
        let ordinal = user.ordinal + 1;
        self.users.users[slot as usize] = User {
            ordinal,
            left: if user.left == u32::MAX {
                u32::MAX
            } else {
                user.left - 1
            },
            node,
            failures,
            ..user
        };
        let (LoadKind::Closed { think, .. } | LoadKind::Sessions { think, .. }) = &load.kind else {
            return;
        };
        let key = rules.key.nth(user.number).nth(u64::from(ordinal));
        let pause = sample(think, key, THINK);
        self.return_at(self.now + pause, slot);
    }

    /// An open action or a session begins.
    pub(super) fn on_load(&mut self, load: u32) {
        let load = LoadId(load);
        let rules = &self.users.rules[load.index()];
        if let (Some(rate), Some(journey)) = (rules.plain, rules.only) {
            let clock = &mut self.users.clocks[load.index()];
            let (number, key) = (clock.count() - 1, clock.last().nth(0));
            let next = clock.next_plain(rate, rules.key, self.scenario.end());
            let mut user = User::new(load, number, 1);
            user.journey = journey;
            let slot = self.users.add(user);
            if let (Some(at), Some(lane)) = (next, self.users.lanes[load.index()]) {
                self.events.push_lane(lane, at, load.0);
            }
            self.begin_action(slot, user, key, journey);
            return;
        }
        let number = self.users.clocks[load.index()].count() - 1;
        let mut user = User::new(load, number, 1);
        user.place = self.place(load, number);
        if let LoadKind::Sessions { length, .. } = &self.scenario.loads[load.index()].kind {
            let key = self.users.rules[load.index()].key.nth(number);
            user.left = length.as_ref().map_or(u32::MAX, |length| {
                let actions = length.sample(|part| key.uniform(LENGTH, u64::from(part)));
                (actions + 0.5).clamp(1.0, 1e9) as u32
            });
        }
        let slot = self.users.add(user);
        self.next_arrival(load);
        self.on_user(slot);
    }

    /// Schedules the next arrival of an open load, if it comes before the horizon.
    fn next_arrival(&mut self, id: LoadId) {
        let key = self.users.rules[id.index()].key;
        let load = &self.scenario.loads[id.index()];
        let end = self.scenario.end();
        let next = self.users.clocks[id.index()].next(load, &self.scenario.clock, key, end);
        if let (Some(at), Some(lane)) = (next, self.users.lanes[id.index()]) {
            self.events.push_lane(lane, at, id.0);
        }
    }
}

/// Whether a user goes on after an action.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Stays,
    /// At the end of its walk.
    Ends,
    /// It was slow, or failed too often.
    Abandons,
}

/// What becomes of a user after an action that took `latency`: next node, failures in a row, whether it leaves.
/// `key` is the action's.
fn after_action(
    load: &Load,
    user: &User,
    key: Key,
    outcome: Outcome,
    latency: SimDuration,
) -> (u16, u16, Leaves) {
    let failed = outcome.answer() == Answer::Failed;
    let failures = if failed {
        user.failures.saturating_add(1)
    } else {
        0
    };
    if let Some(abandon) = &load.abandon {
        let slow = abandon.slower_than.is_some_and(|limit| latency > limit);
        let fed_up = abandon
            .after_failures
            .is_some_and(|most| u32::from(failures) >= most);
        if fed_up || (slow && key.uniform(ABANDON, 0) < abandon.chance) {
            return (START, 0, Leaves::Abandons);
        }
    }
    match &load.walk {
        None => (START, failures, Leaves::Stays),
        Some(walk) => match walk.after(usize::from(user.node), key.uniform(WALK, 0)) {
            Some(node) => (node as u16, failures, Leaves::Stays),
            None => (START, failures, Leaves::Ends),
        },
    }
}

fn sample(distribution: &Distribution, key: Key, purpose: Purpose) -> SimDuration {
    SimDuration::from_seconds(distribution.sample(|part| key.uniform(purpose, u64::from(part))))
}
