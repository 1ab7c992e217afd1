//! What clients remember of their callees between calls: what is under way, retry tokens, who is ejected, whose turn
//! it is. Only call sites that need it have one; `balance.knows` says whether all callers share one or each caller
//! replica has its own.

use crate::model::breaker::InFlight;
use crate::model::ejection::{Detector, Verdict};
use crate::model::throttle::Bucket;
use crate::model::{Balance, Breaker, CallPolicy, Ejection, Knows, RetryLimit};
use crate::units::ServiceId;
use crate::world::contract::Outcome;

/// Call sites with the same callee and the same rules have the same clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    service: ServiceId,
    breaker: Option<Breaker>,
    ejection: Option<Ejection>,
    limit: RetryLimit,
    balance: Balance,
}

impl Group {
    /// The group of a call site.
    pub fn of(service: ServiceId, policy: &CallPolicy) -> Self {
        Self {
            service,
            breaker: policy.breaker,
            ejection: policy.ejection,
            limit: policy.retries.limit,
            balance: policy.balance,
        }
    }
}

/// What one client knows of one callee.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// What is under way.
    pub flight: InFlight,
    /// Tokens, where retries are throttled.
    pub bucket: Option<Bucket>,
    /// Who is ejected, by cluster.
    pub detectors: Vec<Detector>,
    /// Round-robin's position, by cluster.
    pub turns: Vec<usize>,
    /// Its own tries under way, by replica; only where it knows no others.
    pub outstanding: Vec<u32>,
}

impl Client {
    /// Its own tries under way at a replica.
    pub fn load(&self, replica: u32) -> u32 {
        self.outstanding.get(replica as usize).copied().unwrap_or(0)
    }

    /// One more, or one fewer, is under way at a replica.
    pub fn change_load(&mut self, replica: u32, change: i32) {
        let index = replica as usize;
        if self.outstanding.len() <= index {
            self.outstanding.resize(index + 1, 0);
        }
        self.outstanding[index] = self.outstanding[index].saturating_add_signed(change);
    }
}

/// The clients of all groups, made when they first call.
#[derive(Default)]
pub struct Clients {
    groups: Vec<Group>,
    /// By group, then by caller: 0 for the users and whoever shares, else one more than the caller's replica.
    table: Vec<Vec<u32>>,
    all: Vec<Client>,
    clusters: usize,
}

const NOBODY: u32 = u32::MAX;

impl Clients {
    /// Nobody yet.
    pub fn new(groups: &[Group], clusters: usize) -> Self {
        Self {
            groups: groups.to_vec(),
            table: vec![Vec::new(); groups.len()],
            all: Vec::new(),
            clusters,
        }
    }

    /// The client of a group for a caller, made at its first call.
    pub fn find(&mut self, group: u32, caller: usize) -> u32 {
        let rules = &self.groups[group as usize];
        let caller = match rules.balance.knows {
            Knows::Shared => 0,
            Knows::Own => caller,
        };
        let row = &mut self.table[group as usize];
        if row.len() <= caller {
            row.resize(caller + 1, NOBODY);
        }
        if row[caller] == NOBODY {
            row[caller] = self.all.len() as u32;
            let bucket = match rules.limit {
                RetryLimit::Throttle(rule) => Some(Bucket::new(rule)),
                RetryLimit::None | RetryLimit::Budget(_) => None,
            };
            self.all.push(Client {
                bucket,
                detectors: vec![Detector::default(); self.clusters],
                turns: vec![0; self.clusters],
                ..Client::default()
            });
        }
        row[caller]
    }

    /// All clients, for checks.
    #[cfg(test)]
    pub(super) fn all(&self) -> &[Client] {
        &self.all
    }
}

impl std::ops::Index<u32> for Clients {
    type Output = Client;
    fn index(&self, client: u32) -> &Client {
        &self.all[client as usize]
    }
}

impl std::ops::IndexMut<u32> for Clients {
    fn index_mut(&mut self, client: u32) -> &mut Client {
        &mut self.all[client as usize]
    }
}

/// What an outcome says about the replica that had the try, if anything: 5xx and gateway errors as Envoy maps them.
pub fn verdict(outcome: Outcome) -> Option<Verdict> {
    match outcome {
        Outcome::Ok | Outcome::Degraded => Some(Verdict::Success),
        Outcome::Error => Some(Verdict::Error),
        Outcome::Timeout
        | Outcome::Shed
        | Outcome::Unreachable
        | Outcome::Killed
        | Outcome::WriteFrozen => Some(Verdict::GatewayError),
        Outcome::NoReadyReplica | Outcome::CircuitOpen | Outcome::Cancelled => None,
    }
}
