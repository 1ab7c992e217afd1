//! Small worlds to plan, for tests: services by name, calls an action, one journey at one action a second.

use crate::model::migration::Member;
use crate::model::sample::{
    add_journey, add_open_load, add_service, call, cluster, empty, plain_policy, work,
};
use crate::model::{
    Constraints, Discipline, Distribution, Method, MethodKind, Migration, PlanRequest, RoutingMode,
    Scenario, Step,
};
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};

/// A world of `names` with `calls` (caller, callee, calls a request of the caller), entered at the first service;
/// what cannot be reached from it has no traffic. Big-bang moves of one second, no soak, a horizon of a year.
pub fn world(names: &[&str], calls: &[(usize, usize, f64)]) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(365 * 86_400));
    scenario.clusters = vec![cluster("source"), cluster("target")];
    crate::model::sample::set_links(&mut scenario, 0.001);
    let endpoints: Vec<_> = names
        .iter()
        .map(|name| {
            let steps = vec![work(Distribution::constant(0.001))];
            add_service(&mut scenario, name, 1, Discipline::Fifo, steps)
        })
        .collect();
    for (caller, callee, times) in calls {
        let step = call(
            &mut scenario,
            Some(*caller),
            endpoints[*callee],
            plain_policy(),
        );
        let step = Step {
            times: Some(Distribution::constant(*times)),
            ..step
        };
        let endpoint = endpoints[*caller].index();
        scenario.endpoints[endpoint].steps.push(step);
    }
    let journey = add_journey(
        &mut scenario,
        "visit",
        endpoints[0],
        SimDuration::from_secs(1),
    );
    add_open_load(&mut scenario, "users", 1.0, journey);
    for service in &mut scenario.services {
        service.startup = Distribution::constant(0.0);
    }
    for cluster in &mut scenario.clusters {
        cluster.propagation = Distribution::constant(1.0);
    }
    let moves = (0..names.len()).map(|service| Member {
        service: ServiceId::from_index(service),
        method: 0,
        gate: None,
    });
    scenario.migration = Some(Migration {
        from: ClusterId(0),
        to: ClusterId(1),
        methods: vec![Method {
            name: "big-bang".to_owned(),
            kind: MethodKind::BigBang,
        }],
        gates: Vec::new(),
        routing: RoutingMode::Weighted,
        prepare_scale: 1.0,
        freeze_hpa: false,
        prepare_warm: SimDuration::ZERO,
        soak: SimDuration::ZERO,
        keep: SimDuration::ZERO,
        reserve: 1.0,
        together: Vec::new(),
        overlap: 1,
        parallel_moves: None,
        deadline: None,
        constraints: Constraints::default(),
        moves: moves.collect(),
    });
    scenario
}

/// A request for a plan by any strategy, from the start on.
pub fn request() -> PlanRequest {
    PlanRequest {
        strategy: String::new(),
        every: None,
        seed: 1,
        start: SimTime::ZERO,
    }
}

/// The services of a plan, wave by wave.
pub fn waves(scenario: &Scenario, waves: &[crate::model::Wave]) -> Vec<Vec<String>> {
    let names = |wave: &crate::model::Wave| {
        wave.members
            .iter()
            .map(|member| scenario.service(member.service).name.clone())
            .collect()
    };
    waves.iter().map(names).collect()
}
