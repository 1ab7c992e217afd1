//! Who comes: closed-loop users, sessions and open arrivals; how an action begins and ends.
//!
//! Arrivals of open load invert the cumulative rate: the gap to the next arrival ends where the integral of the
//! rate has grown by an exponential (Poisson) or by one (even). The level is taken as linear within a second.

use crate::engine::{Key, Purpose, hash64};
use crate::model::{Arrivals, Distribution, LoadKind, Scenario};
use crate::units::{JourneyId, LoadId, SimDuration, SimTime};
use crate::world::contract::{ActionRecord, Outcome};
use crate::world::data::request::frame::{Frame, FrameKind, NIL};
use crate::world::data::request::plane::{RequestPlane, rank};

const JOURNEY: Purpose = Purpose::new("journey");
const THINK: Purpose = Purpose::new("think");
const GAP: Purpose = Purpose::new("gap");
const LENGTH: Purpose = Purpose::new("length");

/// Step at which the level of a load is sampled.
const LEVEL_STEP: SimDuration = SimDuration::from_secs(1);
/// How often a user who is not needed looks whether the level has risen.
const RECHECK: SimDuration = SimDuration::from_secs(10);

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
}

/// The users of all loads.
pub struct Users {
    users: Vec<User>,
    free: Vec<u32>,
    /// By load: key of its name, and cumulative weights of its mix.
    names: Vec<u64>,
    mixes: Vec<Vec<(f64, JourneyId)>>,
    /// By load: arrivals so far.
    arrived: Vec<u64>,
}

impl Users {
    /// Nobody yet.
    pub fn new(scenario: &Scenario) -> Self {
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
            names: scenario
                .loads
                .iter()
                .map(|load| hash64(&load.name))
                .collect(),
            mixes: mixes.collect(),
            arrived: vec![0; scenario.loads.len()],
        }
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
        for index in 0..self.scenario.loads.len() {
            let load = LoadId::from_index(index);
            let LoadKind::Closed { users, think } = &self.scenario.loads[index].kind else {
                self.next_arrival(load);
                continue;
            };
            let (users, think) = (*users, think.clone());
            for number in 0..users {
                let user = User {
                    load,
                    number,
                    ordinal: 0,
                    left: u32::MAX,
                    journey: JourneyId(0),
                };
                let slot = self.users.add(user);
                // The first pause of each is a think time like any other, so that they do not start in step.
                let pause = sample(&think, self.action_key(slot), THINK);
                self.events.push(self.now + pause, rank::USER, slot);
            }
        }
    }

    /// Root key of a user's next action.
    fn action_key(&self, slot: u32) -> Key {
        let user = &self.users.users[slot as usize];
        self.luck
            .part(self.users.names[user.load.index()])
            .nth(user.number)
            .nth(u64::from(user.ordinal))
    }

    /// A user is about to act.
    pub(super) fn on_user(&mut self, slot: u32) {
        let user = self.users.users[slot as usize];
        let load = &self.scenario.loads[user.load.index()];
        if let LoadKind::Closed { users, .. } = load.kind {
            let wanted = users as f64 * load.level(self.now, &self.scenario.clock);
            if user.number as f64 >= wanted {
                self.sleep_until_wanted(slot);
                return;
            }
        }
        let key = self.action_key(slot);
        let uniform = key.uniform(JOURNEY, 0);
        let mix = &self.users.mixes[user.load.index()];
        let journey = mix
            .iter()
            .find(|entry| uniform < entry.0)
            .or(mix.last())
            .expect("a load has journeys")
            .1;
        self.users.users[slot as usize].journey = journey;
        let mut action = Frame::new(
            FrameKind::Action,
            key,
            NIL,
            self.programs.journeys[journey.index()],
            self.now,
        );
        action.home = slot;
        let action = self.frames.insert(action);
        self.accounts
            .action_issued(user.load.index(), journey.index());
        self.resumed.push(action);
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
        let (slot, issued) = (self.frames[frame].home, self.frames[frame].since);
        self.frames.remove(frame);
        let user = self.users.users[slot as usize];
        let record = ActionRecord {
            load: user.load,
            journey: user.journey,
            user: user.number,
            ordinal: user.ordinal,
            outcome,
            issued,
            ended: self.now,
        };
        self.accounts.action_ended(&self.scenario, record);
        let user = &mut self.users.users[slot as usize];
        user.ordinal += 1;
        if user.left != u32::MAX {
            user.left -= 1;
            if user.left == 0 {
                self.users.free.push(slot);
                return;
            }
        }
        let key = self.action_key(slot);
        let (LoadKind::Closed { think, .. } | LoadKind::Sessions { think, .. }) =
            &self.scenario.loads[record.load.index()].kind
        else {
            return;
        };
        let pause = sample(think, key, THINK);
        self.events.push(self.now + pause, rank::USER, slot);
    }

    /// An open action or a session begins.
    pub(super) fn on_load(&mut self, load: u32) {
        let load = LoadId(load);
        let number = self.users.arrived[load.index()] - 1;
        let mut user = User {
            load,
            number,
            ordinal: 0,
            left: 1,
            journey: JourneyId(0),
        };
        if let LoadKind::Sessions { length, .. } = &self.scenario.loads[load.index()].kind {
            let key = self.luck.part(self.users.names[load.index()]).nth(number);
            let actions = length.sample(|part| key.uniform(LENGTH, u64::from(part)));
            user.left = (actions + 0.5).clamp(1.0, 1e9) as u32;
        }
        let slot = self.users.add(user);
        self.next_arrival(load);
        self.on_user(slot);
    }

    /// Schedules the next arrival of an open load, if it comes before the horizon.
    fn next_arrival(&mut self, id: LoadId) {
        let number = self.users.arrived[id.index()];
        self.users.arrived[id.index()] += 1;
        let load = &self.scenario.loads[id.index()];
        let (rate, arrivals) = match &load.kind {
            LoadKind::Open { rate, arrivals } => (*rate, *arrivals),
            LoadKind::Sessions { rate, .. } => (*rate, Arrivals::Poisson),
            LoadKind::Closed { .. } => return,
        };
        if rate <= 0.0 {
            return;
        }
        let mut wanted = match arrivals {
            Arrivals::Even => 1.0,
            Arrivals::Poisson => {
                let key = self.luck.part(self.users.names[id.index()]).nth(number);
                -libm::log(key.uniform(GAP, 0))
            }
        };
        if load.shape.is_empty() {
            let at = self.now + SimDuration::from_seconds(wanted / rate);
            self.events.push(at, rank::LOAD, id.0);
            return;
        }
        let end = self.scenario.end();
        let (mut at, mut level) = (self.now, load.level(self.now, &self.scenario.clock));
        while at < end {
            let next = SimTime((at.0 / LEVEL_STEP.0 + 1) * LEVEL_STEP.0);
            let next_level = load.level(next, &self.scenario.clock);
            let length = next.since(at).seconds();
            let area = rate * 0.5 * (level + next_level) * length;
            if area >= wanted {
                let into = length
                    * crossing(
                        rate * level * length,
                        rate * (next_level - level) * length,
                        wanted,
                    );
                self.events
                    .push(at + SimDuration::from_seconds(into), rank::LOAD, id.0);
                return;
            }
            wanted -= area;
            (at, level) = (next, next_level);
        }
    }
}

/// Where in 0..1 the integral of `start + slope * x` reaches `wanted`.
fn crossing(start: f64, slope: f64, wanted: f64) -> f64 {
    let root = (start * start + 2.0 * slope * wanted).max(0.0).sqrt();
    let denominator = start + root;
    if denominator <= 0.0 {
        1.0
    } else {
        (2.0 * wanted / denominator).clamp(0.0, 1.0)
    }
}

fn sample(distribution: &Distribution, key: Key, purpose: Purpose) -> SimDuration {
    SimDuration::from_seconds(distribution.sample(|part| key.uniform(purpose, u64::from(part))))
}
