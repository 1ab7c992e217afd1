//! Small scenarios built in code: for validation, and for tests of the layers below the scenario language.

use crate::model::scaling::HpaController;
use crate::model::service::Quota;
use crate::model::{
    Arrivals, Calendar, Call, CallPolicy, Cluster, Discipline, Distribution, Edge, Endpoint,
    Journey, Limits, Link, Links, Load, LoadKind, LocalClock, Objective, ObjectiveKind,
    Orchestrator, Placed, Plan, PodRules, ProcessorSpec, Provenance, QueueSpec, Replications,
    Resources, RunSettings, Scenario, SchedulerSettings, Service, ServiceKind, Step, StepKind,
    scenario::Fidelity,
};
use crate::units::{
    Bytes, ClusterId, Cpu, EdgeId, EndpointId, JourneyId, ServiceId, SimDuration, SimTime,
};

/// A step done once, for certain.
pub fn step(kind: StepKind) -> Step {
    Step {
        kind,
        times: None,
        chance: 1.0,
    }
}

/// A `work` step.
pub fn work(demand: Distribution) -> Step {
    step(StepKind::Work(demand))
}

/// A call policy without timeout or retries.
pub fn plain_policy() -> CallPolicy {
    CallPolicy {
        timeout: None,
        ..CallPolicy::built_in()
    }
}

/// An empty scenario with one cluster, no delays and no load.
pub fn empty(horizon: SimDuration) -> Scenario {
    let link = Link {
        one_way: Distribution::constant(0.0),
        bandwidth: None,
        egress_per_byte: 0.0,
        name: "default".into(),
    };
    Scenario {
        name: "sample".into(),
        title: "Sample".into(),
        notes: String::new(),
        clock: LocalClock {
            start_text: "2024-01-01T00:00:00Z".into(),
            timezone: "UTC".into(),
            start_unix_seconds: 1_704_067_200,
            offsets: vec![(SimTime::ZERO, 0)],
        },
        horizon,
        run: RunSettings {
            seed: 1,
            replications: Replications::Fixed(2),
            confidence: 0.95,
            margins: Vec::new(),
            warmup: SimDuration::ZERO,
            fidelity: Fidelity::Request,
            zoom: crate::model::scenario::Zoom::default(),
            max_in_flight: 1_000_000,
            max_events: None,
            resolution: SimDuration::from_secs(60),
            traces: None,
        },
        currency: None,
        clusters: vec![cluster("default")],
        machines: Vec::new(),
        links: Links {
            clusters: 1,
            places: Vec::new(),
            table: vec![link; 4],
        },
        calendar: Calendar::default(),
        teams: Vec::new(),
        services: Vec::new(),
        endpoints: Vec::new(),
        processors: Vec::new(),
        caches: Vec::new(),
        sections: Vec::new(),
        edges: Vec::new(),
        journeys: Vec::new(),
        loads: Vec::new(),
        work: Vec::new(),
        scaling: Vec::new(),
        migration: None,
        plan: Plan::default(),
        goal: None,
        faults: Vec::new(),
        assertions: Vec::new(),
        provenance: Provenance::default(),
    }
}

/// A cluster with unlimited room.
pub fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.into(),
        orchestrator: Orchestrator::Kubernetes,
        pools: Vec::new(),
        scaling: None,
        propagation: Distribution::constant(1.0),
        hpa_sync_period: SimDuration::from_secs(15),
        hpa: HpaController::default(),
        metrics_resolution: SimDuration::from_secs(15),
        metrics_delay: SimDuration::ZERO,
        zones: vec!["a".into()],
        scheduler: SchedulerSettings::default(),
        node_autoscaler: None,
        limits: Limits::default(),
        deploy_time: None,
    }
}

/// Same delay on every hop.
pub fn set_links(scenario: &mut Scenario, one_way_seconds: f64) {
    let places = scenario.clusters.len() + 1;
    let link = Link {
        one_way: Distribution::constant(one_way_seconds),
        bandwidth: None,
        egress_per_byte: 0.0,
        name: "default".into(),
    };
    scenario.links = Links {
        clusters: scenario.clusters.len(),
        places: Vec::new(),
        table: vec![link; places * places],
    };
}

/// Adds a service of one endpoint; it runs in the first cluster with one replica.
pub fn add_service(
    scenario: &mut Scenario,
    name: &str,
    cores: u32,
    discipline: Discipline,
    steps: Vec<Step>,
) -> EndpointId {
    let service = ServiceId::from_index(scenario.services.len());
    let endpoint = EndpointId::from_index(scenario.endpoints.len());
    let clusters = scenario.clusters.len();
    scenario.endpoints.push(Endpoint {
        service,
        name: "default".into(),
        steps,
        error_ratio: 0.0,
        reply: Bytes(1000),
        priority: 0,
    });
    scenario.services.push(Service {
        name: name.into(),
        title: name.into(),
        draw_name: name.into(),
        team: None,
        tier: 2,
        kind: ServiceKind::Stateless,
        pinned: false,
        labels: Vec::new(),
        effort_days: None,
        portable_from: None,
        clusters: vec![ClusterId(0)],
        placed: vec![
            Placed {
                replicas: 1,
                scaling: None
            };
            clusters
        ],
        resources: Resources {
            cpu_request: Cpu(1000 * u64::from(cores)),
            cpu_limit: None,
            memory_request: Bytes(256 << 20),
            memory_limit: None,
        },
        processor: ProcessorSpec {
            cores,
            discipline,
            quota: None,
        },
        shared_processor: None,
        memory_per_request: Bytes(0),
        concurrency: None,
        queue: QueueSpec::UNLIMITED,
        connections: None,
        startup: Distribution::constant(10.0),
        warmup: None,
        termination_grace: SimDuration::from_secs(30),
        pre_stop: SimDuration::ZERO,
        pods: PodRules::default(),
        endpoints: vec![endpoint],
    });
    endpoint
}

/// One more endpoint of a service.
pub fn add_endpoint(scenario: &mut Scenario, service: ServiceId, steps: Vec<Step>) -> EndpointId {
    let endpoint = EndpointId::from_index(scenario.endpoints.len());
    let of_service = &mut scenario.services[service.index()].endpoints;
    scenario.endpoints.push(Endpoint {
        service,
        name: format!("endpoint-{}", of_service.len()),
        steps,
        error_ratio: 0.0,
        reply: Bytes(1000),
        priority: 0,
    });
    of_service.push(endpoint);
    endpoint
}

/// Gives a service a CFS quota in millicores per 100 ms.
pub fn set_quota(scenario: &mut Scenario, service: usize, millicores: u64) {
    let period = SimDuration::from_millis(100);
    scenario.services[service].resources.cpu_limit = Some(Cpu(millicores));
    scenario.services[service].processor.quota = Some(Quota {
        budget: SimDuration(period.0 * millicores / 1000),
        period,
    });
}

/// A call of `callee` by the service `caller` (`None`: users).
pub fn call(
    scenario: &mut Scenario,
    caller: Option<usize>,
    callee: EndpointId,
    policy: CallPolicy,
) -> Step {
    let caller = caller.map(ServiceId::from_index);
    let service = scenario.endpoint(callee).service;
    let known = scenario
        .edges
        .iter()
        .position(|edge| edge.caller == caller && edge.callee == service);
    let edge = known.unwrap_or_else(|| {
        scenario.edges.push(Edge {
            caller,
            callee: service,
        });
        scenario.edges.len() - 1
    });
    let name = scenario.service(service).draw_name.clone();
    step(StepKind::Call(Call {
        endpoint: callee,
        site: format!("{name}.default"),
        edge: EdgeId::from_index(edge),
        sends: Bytes(1000),
        hidden: false,
        policy,
        fallback: Vec::new(),
    }))
}

/// Adds a journey that calls `endpoint`, good when it succeeds within `limit` (99 %).
pub fn add_journey(
    scenario: &mut Scenario,
    name: &str,
    endpoint: EndpointId,
    limit: SimDuration,
) -> JourneyId {
    let steps = vec![call(scenario, None, endpoint, plain_policy())];
    scenario.journeys.push(Journey {
        name: name.into(),
        steps,
        slo: vec![Objective {
            target: 0.99,
            kind: ObjectiveKind::Under(limit),
        }],
        breach_burn: 14.4,
        breach_min_count: 100,
    });
    JourneyId::from_index(scenario.journeys.len() - 1)
}

/// Adds an open Poisson load of `rate` actions a second.
pub fn add_open_load(scenario: &mut Scenario, name: &str, rate: f64, journey: JourneyId) {
    let kind = LoadKind::Open {
        rate,
        arrivals: Arrivals::Poisson,
    };
    scenario.loads.push(Load {
        name: name.into(),
        kind,
        mix: vec![(journey, 1.0)],
        walk: None,
        shape: Vec::new(),
        abandon: None,
        from: Vec::new(),
    });
}

/// Adds a closed load.
pub fn add_users(
    scenario: &mut Scenario,
    name: &str,
    users: u64,
    think: Distribution,
    journey: JourneyId,
) {
    let kind = LoadKind::Closed {
        users,
        think,
        spawn: None,
    };
    scenario.loads.push(Load {
        name: name.into(),
        kind,
        mix: vec![(journey, 1.0)],
        walk: None,
        shape: Vec::new(),
        abandon: None,
        from: Vec::new(),
    });
}
