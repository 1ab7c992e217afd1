//! Connections to a service: how they come about, how many there may be, and how its name is resolved.

use crate::model::{CallPolicy, Distribution};
use crate::units::{EndpointId, SimDuration};

/// How callers of a service connect to its replicas. Users are not pooled: their connections end at the edge.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Connections that one replica accepts; more are refused. `None` is unlimited.
    pub max: Option<u32>,
    /// Time to set one up besides the round trip over the link, in seconds.
    pub setup: Distribution,
    /// CPU time of a set-up on the callee's processor, in seconds; it takes no worker slot.
    pub work: Distribution,
    /// Connections that each caller replica has to the service at most, those being set up included.
    pub pool: u32,
    /// Requests on one connection at once: 1 is HTTP/1.1, more are streams of HTTP/2.
    pub streams: u32,
    /// An older connection is closed once it is idle.
    pub max_age: Option<SimDuration>,
    /// How callers find the replicas; `None`: they know them.
    pub resolve: Option<Resolve>,
}

/// Name resolution before a connection is opened.
#[derive(Clone, Debug)]
pub struct Resolve {
    /// Who answers.
    pub via: EndpointId,
    /// A caller replica goes by an answer for this long, whatever has become of the replicas in it.
    pub ttl: SimDuration,
    /// Queries for one answer, one after the other (a resolver asks for A and AAAA, and through search domains).
    pub queries: u32,
    /// How they are made.
    pub policy: CallPolicy,
}
