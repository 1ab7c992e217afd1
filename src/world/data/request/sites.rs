//! Call sites, ready for use.

use crate::engine::hash64;
use crate::model::{
    Balance, Balancer, Call, CallPolicy, Deadline, Fallback, Jitter, Locality, Retries, RetryLimit,
    Scenario,
};
use crate::units::{EdgeId, EndpointId, ServiceId};

/// What a call site needs beyond an ordinary call, a bit each. Most have none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traits(u16);

impl Traits {
    /// Its tries are managed: several at once, or limited by what its client remembers.
    pub const MANAGED: Self = Self(1);
    /// What it called stops when it gives up.
    pub const CANCELS: Self = Self(2);
    /// Its callee knows how much time is left.
    pub const DEADLINE: Self = Self(4);
    /// Its failure is not its caller's.
    pub const FALLBACK: Self = Self(8);
    /// Other steps are done instead when it fails: they follow the operation after it.
    pub const INSTEAD: Self = Self(16);
    /// It goes to its own cluster while that has a ready replica.
    pub const LOCAL: Self = Self(32);

    /// It goes over a connection.
    pub const CONNECTED: Self = Self(64);
    /// Its callee's name is resolved.
    pub const RESOLVES: Self = Self(128);

    /// Whether any of these holds.
    #[inline]
    pub fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// Either of two.
    #[inline]
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing but these holds.
    #[must_use]
    pub fn is_within(self, these: Self) -> bool {
        self.0 & !these.0 == 0
    }

    /// A broker's queue takes what comes: its callers choose no replica, and remember none.
    fn without_management(self) -> Self {
        Self(self.0 & !Self::MANAGED.0)
    }

    fn of(call: &Call) -> Self {
        let policy = &call.policy;
        let plain = CallPolicy::built_in();
        let limited = policy.retries.limit != RetryLimit::None
            || policy.retries.push_back.is_some()
            || policy.retries.backoff.jitter == Jitter::Decorrelated;
        let chooses = Balance {
            rule: policy.balance.rule,
            unit: policy.balance.unit,
            ..plain.balance
        } != policy.balance;
        let managed = limited
            || chooses
            || policy.hedge.is_some()
            || policy.breaker.is_some()
            || policy.ejection.is_some();
        let falls_back = policy.fallback == Fallback::Degraded || !call.fallback.is_empty();
        let each = [
            (managed, Self::MANAGED),
            (policy.cancels(), Self::CANCELS),
            (policy.deadline == Deadline::Propagate, Self::DEADLINE),
            (falls_back, Self::FALLBACK),
            (!call.fallback.is_empty(), Self::INSTEAD),
            (policy.locality == Locality::Cluster, Self::LOCAL),
        ];
        each.into_iter()
            .filter(|(holds, _)| *holds)
            .fold(Self::default(), |all, (_, this)| all.or(this))
    }
}

/// A call site. What every call reads comes first and fits one cache line; `policy` is for what few calls need.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Site {
    /// Hash of its name.
    pub name: u64,
    /// Size of the request.
    pub request_bytes: u64,
    /// Size of the reply.
    pub reply_bytes: u64,
    /// Chance that the callee fails after its work.
    pub error_ratio: f64,
    /// First operation of the callee.
    pub start: u32,
    /// Caller-callee pair.
    pub edge: EdgeId,
    /// The callee's service.
    pub service: ServiceId,
    /// Whom it calls.
    pub endpoint: EndpointId,
    /// Its group of clients, when it is managed.
    pub client: u32,
    /// What it needs beyond an ordinary call.
    pub traits: Traits,
    /// Requests go to a queue before all replicas, not to a chosen one.
    pub brokered: bool,
    /// How its replica is chosen, as in `policy`.
    pub rule: Balancer,
    /// How it calls.
    pub policy: CallPolicy,
}

/// The call site of a call; `start` and `client` are set once all programs are compiled.
pub fn site_of(scenario: &Scenario, call: &Call) -> Site {
    let endpoint = scenario.endpoint(call.endpoint);
    let brokered = scenario.service(endpoint.service).queue.shared;
    Site {
        name: hash64(&call.site),
        error_ratio: endpoint.error_ratio,
        start: 0,
        endpoint: call.endpoint,
        service: endpoint.service,
        edge: call.edge,
        request_bytes: call.sends.0,
        reply_bytes: endpoint.reply.0,
        client: 0,
        rule: call.policy.balance.rule,
        traits: match &scenario.service(endpoint.service).connections {
            _ if brokered => Traits::of(call).without_management(),
            None => Traits::of(call),
            Some(rule) if rule.resolve.is_none() => Traits::of(call).or(Traits::CONNECTED),
            Some(_) => Traits::of(call).or(Traits::CONNECTED).or(Traits::RESOLVES),
        },
        policy: CallPolicy {
            retries: Retries {
                // A frame counts tries in a byte, and each try needs a number of its own for its draws.
                max: call.policy.retries.max.min(u32::from(u8::MAX)),
                ..call.policy.retries.clone()
            },
            ..call.policy.clone()
        },
        brokered,
    }
}
