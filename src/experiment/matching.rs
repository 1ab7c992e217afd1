//! Excess lost actions: the run's user actions against those of its twin, which does not migrate.
//!
//! Actions are matched by (load, user, ordinal). Both worlds advance together, so only what ended in one and
//! not yet in the other is held. Causes are the run's: how the action ended, `late` when it ended well beyond
//! the limit, `not answered` when it hung at the horizon, `never issued` for what its user was kept from.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::model::{LoadKind, Scenario};
use crate::units::{JourneyId, LoadId, SimDuration, SimTime};
use crate::world::contract::{ActionRecord, OUTCOMES, Outcome};

/// Position of the causes that are no outcome.
pub const LATE: usize = OUTCOMES;
/// Hung at the horizon.
pub const NOT_ANSWERED: usize = OUTCOMES + 1;
/// Kept from being issued.
pub const NEVER_ISSUED: usize = OUTCOMES + 2;
/// Number of causes.
pub const CAUSES: usize = OUTCOMES + 3;

/// Name of a cause.
#[must_use]
pub fn cause_name(cause: usize) -> &'static str {
    match cause {
        LATE => "late",
        NOT_ANSWERED => "not answered",
        NEVER_ISSUED => "never issued",
        outcome => Outcome::ALL[outcome].name(),
    }
}

/// Width of the slots in which losses are placed in time.
pub const SLOT: SimDuration = SimDuration::from_secs(60);

/// Mixes the few words of a key. Looked up only, never iterated, so the order of slots has no effect.
#[derive(Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

type Mixed = BuildHasherDefault<Mix>;
type Key = (u32, u64, u32);
type User = (u32, u64);

fn key(record: &ActionRecord) -> Key {
    (record.load.0, record.user, record.ordinal)
}

/// What is remembered of a user.
#[derive(Clone, Copy, Debug, Default)]
struct UserState {
    /// Ends of the last matched action in run and twin, and its ordinal.
    last: Option<(u32, SimTime, SimTime)>,
    /// Seconds held in bad actions beyond the limit.
    held: f64,
    /// Left in the run, and not in the twin.
    left: bool,
}

/// Losses of one journey.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// By cause.
    pub causes: [f64; CAUSES],
    /// By slot of the run's end of the action.
    pub slots: BTreeMap<u64, f64>,
    /// Users with at least one.
    pub users: u64,
}

impl Losses {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.causes.iter().sum()
    }

    /// Those whose slot starts in the span.
    #[must_use]
    pub fn within(&self, start: SimTime, end: SimTime) -> f64 {
        let first = start.0.div_ceil(SLOT.0);
        let last = end.0.div_ceil(SLOT.0);
        self.slots
            .range(first..last.max(first))
            .map(|(_, lost)| lost)
            .sum()
    }

    /// Adds losses by one cause at one instant.
    pub fn add(&mut self, cause: usize, at: SimTime, lost: f64) {
        self.causes[cause] += lost;
        *self.slots.entry(at.0 / SLOT.0).or_default() += lost;
    }
}

/// Matches the records of a run and its twin.
pub struct Matcher<'a> {
    scenario: &'a Scenario,
    warmup: SimTime,
    run: HashMap<Key, ActionRecord, Mixed>,
    twin: HashMap<Key, ActionRecord, Mixed>,
    users: HashMap<User, UserState, Mixed>,
    affected: HashSet<(u32, u32, u64), Mixed>,
    affected_anywhere: HashSet<User, Mixed>,
    losses: Vec<Losses>,
}

impl<'a> Matcher<'a> {
    /// Nothing seen yet. Actions that the twin issued before `run.warmup` are left out.
    #[must_use]
    pub fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            warmup: SimTime::ZERO + scenario.run.warmup,
            run: HashMap::default(),
            twin: HashMap::default(),
            users: HashMap::default(),
            affected: HashSet::default(),
            affected_anywhere: HashSet::default(),
            losses: vec![Losses::default(); scenario.journeys.len()],
        }
    }

    /// Actions held because the other world has not ended them yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.run.len() + self.twin.len()
    }

    /// Takes actions that ended in the run.
    pub fn add_run(&mut self, records: &[ActionRecord]) {
        for record in records {
            match self.twin.remove(&key(record)) {
                Some(twin) => self.pair(record, &twin),
                None => {
                    self.run.insert(key(record), *record);
                }
            }
        }
    }

    /// Takes actions that ended in the twin.
    pub fn add_twin(&mut self, records: &[ActionRecord]) {
        for record in records {
            match self.run.remove(&key(record)) {
                Some(run) => self.pair(&run, record),
                None => {
                    self.twin.insert(key(record), *record);
                }
            }
        }
    }

    fn is_good(&self, record: &ActionRecord) -> bool {
        let latency = record.ended.since(record.issued);
        self.scenario
            .journey(record.journey)
            .is_good(record.outcome.answer(), latency)
    }

    /// Time an action may take before its user counts as kept: the objective's limit, else the twin's time.
    fn allowed(&self, twin: &ActionRecord) -> SimDuration {
        self.scenario
            .journey(twin.journey)
            .limit()
            .unwrap_or_else(|| twin.ended.since(twin.issued))
    }

    fn pair(&mut self, run: &ActionRecord, twin: &ActionRecord) {
        let lost = twin.issued >= self.warmup && self.is_good(twin) && !self.is_good(run);
        let user = (run.load.0, run.user);
        let kind = &self.scenario.load(run.load).kind;
        let is_closed = matches!(kind, LoadKind::Closed { .. });
        if is_closed || ((lost || run.left) && !matches!(kind, LoadKind::Open { .. })) {
            let allowed = self.allowed(twin);
            let state = self.users.entry(user).or_default();
            state.left |= run.left && !twin.left;
            if lost {
                let latency = run.ended.since(run.issued);
                state.held += latency.seconds() - allowed.seconds().min(latency.seconds());
            }
            if state
                .last
                .is_none_or(|(ordinal, _, _)| ordinal < run.ordinal)
            {
                state.last = Some((run.ordinal, run.ended, twin.ended));
            }
        }
        if lost {
            let cause = if run.outcome == Outcome::Ok {
                LATE
            } else {
                run.outcome as usize
            };
            self.lose(run.load, run.journey, run.user, cause, run.ended, 1.0);
        }
    }

    fn lose(
        &mut self,
        load: LoadId,
        journey: JourneyId,
        user: u64,
        cause: usize,
        at: SimTime,
        lost: f64,
    ) {
        let losses = &mut self.losses[journey.index()];
        losses.add(cause, at, lost);
        if self.affected.insert((journey.0, load.0, user)) {
            losses.users += 1;
        }
        self.affected_anywhere.insert((load.0, user));
    }

    /// Judges what the twin ended and the run did not by `end`; gives losses by journey and users affected.
    #[must_use]
    pub fn finish(mut self, end: SimTime) -> (Vec<Losses>, u64) {
        let mut tails: BTreeMap<User, Vec<ActionRecord>> = BTreeMap::new();
        for (_, record) in std::mem::take(&mut self.twin) {
            // Sorted below: the order of the map does not matter.
            tails
                .entry((record.load.0, record.user))
                .or_default()
                .push(record);
        }
        for (user, mut tail) in tails {
            tail.sort_by_key(|record| record.ordinal);
            match self.scenario.load(LoadId(user.0)).kind {
                LoadKind::Open { .. } => {
                    for record in &tail {
                        self.hung(record, record.issued, end);
                    }
                }
                LoadKind::Closed { .. } | LoadKind::Sessions { .. } => {
                    self.finish_user(user, &tail, end);
                }
            }
        }
        (self.losses, self.affected_anywhere.len() as u64)
    }

    /// Counts an action that the run issued at `issued` and had not ended by `end`; seconds beyond the limit.
    fn hung(&mut self, twin: &ActionRecord, issued: SimTime, end: SimTime) -> f64 {
        let beyond = end.since(issued).seconds() - self.allowed(twin).seconds();
        if beyond <= 0.0 || twin.issued < self.warmup || !self.is_good(twin) {
            return 0.0;
        }
        self.lose(twin.load, twin.journey, twin.user, NOT_ANSWERED, end, 1.0);
        beyond
    }

    /// A user whose twin went further: what of the tail was it kept from?
    fn finish_user(&mut self, user: User, tail: &[ActionRecord], end: SimTime) {
        let Some(first) = tail.first() else { return };
        let state = self.users.get(&user).copied().unwrap_or_default();
        if state.left {
            // Gone because of a slow or failed action: none of the rest was issued.
            let warmup = self.warmup;
            for record in tail.iter().filter(|record| record.issued >= warmup) {
                if self.is_good(record) {
                    let (load, journey) = (record.load, record.journey);
                    let at = record.ended.min(end);
                    self.lose(load, journey, record.user, NEVER_ISSUED, at, 1.0);
                }
            }
            return;
        }
        // The think time before an action is the same draw in both worlds.
        let issued = match state.last {
            Some((ordinal, run, twin)) if ordinal + 1 == first.ordinal => {
                run + first.issued.since(twin)
            }
            _ => first.issued,
        };
        let held = state.held + self.hung(first, issued, end);
        if held <= 0.0 {
            return;
        }
        let last = tail.last().expect("it has a first");
        let pace = last.ended.seconds() / f64::from(last.ordinal + 1);
        let rest: Vec<_> = tail[1..]
            .iter()
            .filter(|record| record.issued >= self.warmup)
            .copied()
            .collect();
        let rest: Vec<_> = rest
            .into_iter()
            .filter(|record| self.is_good(record))
            .collect();
        let mut kept = if pace > 0.0 { held / pace } else { 0.0 };
        for record in &rest {
            let lost = kept.min(1.0);
            if lost <= 0.0 {
                break;
            }
            self.lose(
                record.load,
                record.journey,
                record.user,
                NEVER_ISSUED,
                record.ended.min(end),
                lost,
            );
            kept -= lost;
        }
    }
}
