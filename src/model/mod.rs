//! What is: clusters, services, load, teams, objectives, plan and question as checked, resolved data.
//!
//! Names are ids here, civil times are instants, defaults are filled in. Nothing in this module reads
//! files, draws random numbers or knows the state of a simulated world.

pub mod amount;
pub mod balancing;
pub mod breaker;
pub mod cache;
pub mod call_policy;
pub mod cluster;
pub mod condition;
pub mod connections;
pub mod constraint;
pub mod disruption;
pub mod distribution;
pub mod ejection;
pub mod fault;
pub mod hedging;
pub mod load;
pub mod metric;
pub mod migration;
pub mod placement;
pub mod rates;
pub mod retry;
pub mod rollout;
pub mod routing;
pub mod sample;
pub mod scaling;
pub mod scenario;
pub mod service;
pub mod step;
pub mod throttle;
pub mod work;

pub use amount::{Amount, Round};
pub use balancing::{Balance, Balancer, Knows, Unit};
pub use breaker::{Breaker, Budget, RetryLimit};
pub use cache::{Cache, CacheScope};
pub use call_policy::{CallPolicy, Deadline, Fallback, Locality, OnTimeout};
pub use cluster::{
    Cluster, Contention, Expander, Limits, Link, LinkEnd, Links, Machine, NodeAutoscaler,
    Orchestrator, Pool, SchedulerSettings,
};
pub use condition::{
    Assertion, Comparator, Condition, MetricScope, MetricTerm, SpanScope, Subject, Sum, Value,
};
pub use connections::{Connections, Resolve};
pub use constraint::{
    Allowed, Constraints, DueDate, Goal, LatencyBudget, Precedence, WaveSize, Written,
};
pub use disruption::DisruptionBudget;
pub use distribution::Distribution;
pub use ejection::Ejection;
pub use fault::{Fault, FaultKind, FaultTime, LinkFault};
pub use hedging::Hedge;
pub use load::{
    Abandon, Answer, Arrivals, Journey, Load, LoadKind, Objective, ObjectiveKind, Shape, Walk,
};
pub use migration::{
    Calendar, CanaryStep, Freeze, Gate, GateFailure, Leave, Method, MethodKind, Migration, Plan,
    PlanRequest, Team, Wave, WaveOrder,
};
pub use placement::Placing;
pub use retry::{Backoff, Jitter, PushBack, Retries, RetryOn};
pub use rollout::{RolloutStrategy, UpgradeStrategy};
pub use routing::RoutingMode;
pub use scaling::ScalingPolicy;
pub use scenario::{LocalClock, Provenance, Replications, RunSettings, Scenario};
pub use service::{
    Call, Discipline, Edge, Endpoint, Placed, PodRules, Probe, ProcessorSpec, QueueOrder,
    QueueSpec, Resources, Service, ServiceKind, SharedProcessor, Warmup,
};
pub use step::{CacheStep, Parallel, Step, StepKind};
pub use work::{Task, Work, WorkKind};
