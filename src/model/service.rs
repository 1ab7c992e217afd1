//! Services, their endpoints' programs and how they are called.

use crate::model::{
    CallPolicy, Connections, DisruptionBudget, Distribution, Placing, RolloutStrategy, Step,
    UpgradeStrategy,
};
use crate::units::{
    Bytes, ClusterId, Cpu, EdgeId, EndpointId, PolicyId, ProcessorId, ServiceId, SimDuration,
    SimTime, TeamId,
};

/// A deployable.
#[derive(Clone, Debug)]
pub struct Service {
    /// DNS-1123 label.
    pub name: String,
    /// Free text; the name when not written.
    pub title: String,
    /// The name under which its draws are keyed: its own, or the one it had before (`was`).
    pub draw_name: String,
    /// Owner.
    pub team: Option<TeamId>,
    /// 0 is the most critical, 3 the least.
    pub tier: u8,
    /// What kind of thing it is.
    pub kind: ServiceKind,
    /// Stays where it is.
    pub pinned: bool,
    /// Free labels, in the order written; strategies and selectors read them.
    pub labels: Vec<(String, String)>,
    /// Work of moving it, person-days, when it is written. Unwritten effort holds nobody up.
    pub effort_days: Option<f64>,
    /// When it has passed its portability test, if it must: it starts to move no earlier.
    pub portable_from: Option<SimTime>,
    /// Where it runs at the start.
    pub clusters: Vec<ClusterId>,
    /// Replicas and scaling per cluster of the scenario (all clusters, in order).
    pub placed: Vec<Placed>,
    /// Requests and limits of one replica.
    pub resources: Resources,
    /// The processor of one replica.
    pub processor: ProcessorSpec,
    /// The processor that its replicas share with other services', instead of one each.
    pub shared_processor: Option<ProcessorId>,
    /// Worker slots of one replica; `None` is unlimited.
    pub concurrency: Option<u32>,
    /// Waiting room before the slots.
    pub queue: QueueSpec,
    /// How callers connect; `None`: connections cost nothing.
    pub connections: Option<Box<Connections>>,
    /// Memory of a request at a replica, waiting or in a slot; above the memory limit the replica is killed.
    pub memory_per_request: Bytes,
    /// From process start to ready.
    pub startup: Distribution,
    /// Slow start after ready.
    pub warmup: Option<Warmup>,
    /// After this long in termination what is left fails.
    pub termination_grace: SimDuration,
    /// A terminating replica goes on serving this long before it stops taking requests.
    pub pre_stop: SimDuration,
    /// How its pods are placed, pulled, probed, rolled out and evicted.
    pub pods: PodRules,
    /// Its endpoints, in `Scenario::endpoints`.
    pub endpoints: Vec<EndpointId>,
}

/// What the orchestrator knows of a service's pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodRules {
    /// What they ask of their nodes.
    pub placing: Placing,
    /// Size of the image that a node pulls before its first such pod.
    pub image: Bytes,
    /// When a started process is found ready.
    pub probe: Option<Probe>,
    /// How a new version replaces the old one; `None`: as the orchestrator does.
    pub strategy: Option<RolloutStrategy>,
    /// The same in Marathon's words, for clusters that it runs; `strategy` goes first.
    pub upgrade: Option<UpgradeStrategy>,
    /// How many may be evicted.
    pub budget: Option<DisruptionBudget>,
    /// Ordinary deploys a second.
    pub deploys: f64,
}

/// `readinessProbe`: the timings that decide when a pod that can serve is found ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Before the first probe.
    pub initial_delay: SimDuration,
    /// Between two probes.
    pub period: SimDuration,
    /// Successes in a row that are needed.
    pub success_threshold: u32,
}

impl Probe {
    /// From process start to ready, when the process can serve after `startup`: the first probe that it
    /// answers, and as many more as are needed. (The kubelet's own jitter is left out.)
    #[must_use]
    pub fn ready_after(self, startup: SimDuration) -> SimDuration {
        let period = self.period.0.max(1);
        let missed = startup
            .0
            .saturating_sub(self.initial_delay.0)
            .div_ceil(period);
        let more = u64::from(self.success_threshold.max(1)) - 1;
        SimDuration(self.initial_delay.0 + (missed + more) * period)
    }
}

/// Number of replicas and policy of a service in one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// Replicas at the start (source) or when prepared (target; before `prepare.scale`).
    pub replicas: u32,
    /// Scaling policy, if any.
    pub scaling: Option<PolicyId>,
}

/// Kind of service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServiceKind {
    /// Keeps nothing between requests.
    Stateless,
    /// Keeps data.
    Stateful,
    /// Runs when a job's task does, and serves no requests.
    Batch,
    /// Runs in the environments that are made of it, and serves no user.
    Ephemeral,
}

impl ServiceKind {
    /// Whether its pods are those of jobs or environments, not replicas that callers find.
    #[must_use]
    pub fn is_guest(self) -> bool {
        matches!(self, Self::Batch | Self::Ephemeral)
    }
}

/// What one replica asks for and may use at most.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    /// Requested CPU: what the pod scheduler counts and utilisation is relative to.
    pub cpu_request: Cpu,
    /// CPU limit: a quota per period; `None` has no quota.
    pub cpu_limit: Option<Cpu>,
    /// Requested memory.
    pub memory_request: Bytes,
    /// Memory limit.
    pub memory_limit: Option<Bytes>,
}

/// The processor of a replica.
#[derive(Clone, Copy, Debug)]
pub struct ProcessorSpec {
    /// Servers: how many jobs run at full speed at once.
    pub cores: u32,
    /// How jobs share them.
    pub discipline: Discipline,
    /// CFS quota, if any: CPU time per period; never binding when it equals all cores.
    pub quota: Option<Quota>,
}

/// CFS bandwidth control: `budget` of CPU time in each `period`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// CPU time that may be used in one period.
    pub budget: SimDuration,
    /// Length of a period.
    pub period: SimDuration,
}

/// How jobs share a processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Discipline {
    /// All at once, each at rate min(1, cores/jobs).
    ProcessorSharing,
    /// In order of arrival, one a core.
    Fifo,
    /// One a core, larger priority of the endpoint first, then in order of arrival; a job of larger priority takes
    /// the core of a running one, which goes on later where it stopped.
    Preemptive,
    /// Each at full speed whoever else is there: a delay.
    Infinite,
    /// Shared processors: cores go to replicas in proportion to their CPU request, as the kernel's scheduler
    /// divides them among containers, and within a replica equally to its jobs; nobody gets more than a core a job.
    FairShare,
}

/// A processor (a host) that the replicas of several services share; each cluster has its own.
#[derive(Clone, Debug)]
pub struct SharedProcessor {
    /// Name.
    pub name: String,
    /// Cores and discipline; no quota.
    pub spec: ProcessorSpec,
    /// Speed relative to nominal.
    pub speed: f64,
}

/// Waiting room before worker slots.
#[derive(Clone, Debug)]
pub struct QueueSpec {
    /// Places; `None` is unlimited. A request that finds it full is shed.
    pub max: Option<u32>,
    /// Who is next among equal priorities.
    pub order: QueueOrder,
    /// Who has waited this long, in seconds, is shed: a limit, or the patience of each request.
    pub timeout: Option<Distribution>,
    /// One queue of a broker before all replicas of a cluster: it keeps requests while no replica is ready.
    pub shared: bool,
}

impl QueueSpec {
    /// First come, first served, no end.
    pub const UNLIMITED: Self = Self {
        max: None,
        order: QueueOrder::Fifo,
        timeout: None,
        shared: false,
    };
}

/// Who is next in a waiting room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueOrder {
    /// Who came first.
    Fifo,
    /// Who came last.
    Lifo,
    /// Who came first, but who came last while more than `above` wait: under overload the newest still have
    /// callers that wait for them. HHVM's `ThreadJobLIFOSwitchThreshold` (Maurer, Fail at Scale, ACM Queue 13, 2015).
    AdaptiveLifo {
        /// Requests that may wait in order.
        above: u32,
    },
}

/// Slow start: processing rate ramps linearly from `from` to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Warmup {
    /// Rate when cold, 0 to 1.
    pub from: f64,
    /// What the ramp runs over.
    pub over: WarmupOver,
}

/// What warms a replica.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum WarmupOver {
    /// Time since ready.
    Time(SimDuration),
    /// Requests finished.
    Requests(u64),
}

/// What a request to one endpoint does.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Owner.
    pub service: ServiceId,
    /// Name within the service.
    pub name: String,
    /// The program.
    pub steps: Vec<Step>,
    /// Chance that a request fails after its work, 0 to 1.
    pub error_ratio: f64,
    /// Size of the reply (1 kB unless written).
    pub reply: Bytes,
    /// Who goes first in the waiting room: larger before smaller.
    pub priority: i32,
}

/// A call site.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whom.
    pub endpoint: EndpointId,
    /// Name of the call site, unique within its program: `cart.get` or `cart.get#2`, by draw names.
    pub site: String,
    /// Caller-callee pair.
    pub edge: EdgeId,
    /// Size of the request.
    pub sends: Bytes,
    /// The planner does not know of this call; the world makes it all the same.
    pub hidden: bool,
    /// How to call.
    pub policy: CallPolicy,
    /// Done instead when the call fails for good; nothing: its policy decides.
    pub fallback: Vec<Step>,
}

/// A caller-callee pair.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Caller; `None` for the users.
    pub caller: Option<ServiceId>,
    /// Callee.
    pub callee: ServiceId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_ready_at_the_first_probe_that_it_answers() {
        let seconds = SimDuration::from_secs;
        let probe = Probe {
            initial_delay: seconds(5),
            period: seconds(10),
            success_threshold: 2,
        };
        // Probes at 5, 15, 25 s: able at 12 s, found at 15, confirmed at 25.
        assert_eq!(probe.ready_after(seconds(12)), seconds(25));
        assert_eq!(probe.ready_after(seconds(2)), seconds(15));
        let once = Probe {
            success_threshold: 1,
            ..probe
        };
        assert_eq!(once.ready_after(seconds(15)), seconds(15));
    }
}
