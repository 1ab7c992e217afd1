//! A real migration with its twin: to a near target nothing is lost, to a far one all that comes after.

use std::sync::atomic::AtomicBool;

use crate::experiment::compare::compare;
use crate::experiment::driver::{MemoryJournal, Options, Quiet, run};
use crate::experiment::result::{Better, ExperimentResult, WaveOutcome};
use crate::model::migration::Member;
use crate::model::sample::{
    add_journey, add_open_load, add_service, cluster, empty, set_links, work,
};
use crate::model::{
    Discipline, Distribution, Method, MethodKind, Migration, Replications, RoutingMode, Scenario,
    Wave, WaveOrder,
};
use crate::units::{ClusterId, ServiceId, SimDuration, SimTime};

/// One service moves by big bang at 10 minutes; the target is `one_way` seconds from the users.
fn moving(one_way: f64) -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(3_600));
    scenario.clusters = vec![cluster("source"), cluster("target")];
    set_links(&mut scenario, 0.001);
    let steps = vec![work(Distribution::exponential(0.01))];
    let endpoint = add_service(&mut scenario, "shop", 2, Discipline::Fifo, steps);
    let journey = add_journey(&mut scenario, "buy", endpoint, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "visitors", 10.0, journey);
    scenario.links.table[2].one_way = Distribution::constant(one_way);
    scenario.links.table[2].egress_per_byte = 1e-6;
    scenario.run.replications = Replications::Fixed(4);
    let ten_minutes = SimDuration::from_secs(600);
    scenario.migration = Some(Migration {
        from: ClusterId(0),
        to: ClusterId(1),
        methods: vec![Method {
            name: "big-bang".into(),
            kind: MethodKind::BigBang,
        }],
        gates: Vec::new(),
        routing: RoutingMode::Weighted,
        prepare_scale: 1.0,
        freeze_hpa: false,
        prepare_warm: SimDuration::ZERO,
        soak: ten_minutes,
        keep: ten_minutes,
        reserve: 1.0,
        together: Vec::new(),
        overlap: 1,
        parallel_moves: None,
        deadline: None,
        constraints: crate::model::Constraints::default(),
        moves: Vec::new(),
    });
    scenario.plan.waves = vec![Wave {
        name: "all".into(),
        members: vec![Member {
            service: ServiceId(0),
            method: 0,
            gate: None,
        }],
        earliest: Some(SimTime::ZERO + ten_minutes),
        order: WaveOrder::Given,
    }];
    scenario
}

fn result(scenario: &Scenario) -> ExperimentResult {
    let options = Options { threads: 2 };
    let cancel = AtomicBool::new(false);
    run(
        scenario,
        options,
        &mut MemoryJournal::default(),
        &Quiet,
        &cancel,
    )
}

#[test]
fn a_far_target_loses_what_comes_late_and_a_near_one_nothing() {
    let (near, far) = (result(&moving(0.001)), result(&moving(1.5)));
    for replication in &near.replications {
        assert_eq!(replication.metric("complete", ""), Some(1.0));
        assert_eq!(replication.metric("excess_lost_actions", ""), Some(0.0));
        assert_eq!(replication.waves[0].outcome, WaveOutcome::Done);
        // Each request's 1,000 bytes go to the target at a millionth each; the twin sends none there.
        let extra = replication
            .metric("double_running_cost", "")
            .expect("a twin");
        assert!(extra > 10.0 && extra < 36.0, "{extra}");
    }
    for replication in &far.replications {
        let lost = replication
            .metric("excess_lost_actions", "")
            .expect("a twin");
        // From about 10 minutes (and some seconds for start and propagation) on all 10 actions a second.
        // 30,000 are expected; six standard deviations are 1,040: a false alarm is rarer than 1 in 10^8.
        assert!((lost - 29_800.0).abs() < 1_400.0, "{lost}");
        let breaches = replication.metric("breach_minutes", "").expect("evidence");
        assert!((48.0..=51.0).contains(&breaches), "{breaches}");
    }
    let found = compare(("near", &near), ("far", &far), 0.95);
    assert_eq!(found.better, Better::First);
    assert_eq!(found.decided_by.as_deref(), Some("excess_lost_actions"));
    assert!(found.verdict.contains("far loses"), "{}", found.verdict);
    assert!(found.cause.expect("losses").contains("too late"));
    let same = compare(("near", &near), ("again", &near), 0.95);
    assert_eq!(same.better, Better::Identical);
}
