//! Quantities that cannot be confused with one another, and typed ids.
//!
//! Everything here is plain data: no parsing of scenario text (that is `scenario`), no randomness.

mod ids;
mod quantity;
pub mod text;
mod time;

pub use ids::{
    CacheId, ClusterId, EdgeId, EndpointId, JourneyId, LoadId, MachineId, NodeId, PolicyId, PoolId,
    ProcessorId, ReplicaId, SectionId, ServiceId, TeamId, WaveId, WorkId,
};
pub use quantity::{Bytes, Cpu, Ratio};
pub use time::{Interval, SimDuration, SimTime};
