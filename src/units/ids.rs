//! Typed indices: a service's id cannot be used where a cluster's is wanted.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in the vector that holds what this id names.
            #[inline]
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// Id of the thing at `index`.
            ///
            /// # Panics
            /// When `index` does not fit 32 bits.
            #[must_use]
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("fewer than 2^32 things of one kind"))
            }
        }
    )+};
}

ids! {
    /// A cluster, in `Scenario::clusters`.
    ClusterId,
    /// A machine type, in `Scenario::machines`.
    MachineId,
    /// A node pool, in `Cluster::pools`.
    PoolId,
    /// A node of one cluster: numbered through its pools in order.
    NodeId,
    /// A service, in `Scenario::services`.
    ServiceId,
    /// An endpoint of any service, in `Scenario::endpoints`.
    EndpointId,
    /// A processor that services share, in `Scenario::processors`.
    ProcessorId,
    /// A cache, in `Scenario::caches`.
    CacheId,
    /// A measured group of steps, in `Scenario::sections`.
    SectionId,
    /// A caller-callee pair of services (or users-service), in `Scenario::edges`.
    EdgeId,
    /// A replica of one run, numbered in the order of creation over all services.
    ReplicaId,
    /// A team, in `Scenario::teams`.
    TeamId,
    /// A journey, in `Scenario::journeys`.
    JourneyId,
    /// A load, in `Scenario::loads`.
    LoadId,
    /// A source of jobs or environments, in `Scenario::work`.
    WorkId,
    /// A named scaling policy, in `Scenario::scaling`.
    PolicyId,
    /// A wave of the plan, in `Plan::waves`.
    WaveId,
}
