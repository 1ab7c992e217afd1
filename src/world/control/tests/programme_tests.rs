//! Waves, shifts, gates, holds: what happens when.

use super::*;

#[test]
fn a_canary_keeps_the_timetable_derived_by_hand() {
    let mut scenario = scenario(1);
    let gate = error_gate(GateFailure::RollBackGroup);
    scenario
        .migration
        .as_mut()
        .expect("a migration")
        .gates
        .push(gate);
    let step = [
        CanaryStep::SetWeight(0.1),
        CanaryStep::Pause(seconds(300)),
        CanaryStep::SetWeight(0.5),
    ];
    set_method(
        &mut scenario,
        step.into_iter().chain([CanaryStep::Analysis(0)]).collect(),
    );
    let (world, log) = play(&scenario, steady, true);
    // Prepared at 0; started after 10 s, listed after 1 s more; each weight takes 1 s to reach the callers;
    // 10 % in effect at 12, pause to 312, 50 % at 313, gate to 613, all at 614, soak to 1214.
    assert_eq!(
        weights(&world),
        vec![(12.0, 0, 0.1), (313.0, 0, 0.5), (614.0, 0, 1.0)]
    );
    assert_eq!(log.times(EventKind::PrepareStarted), [0.0]);
    assert_eq!(log.times(EventKind::ShiftStarted), [11.0]);
    assert_eq!(log.times(EventKind::GateStarted), [313.0]);
    assert_eq!(log.times(EventKind::GatePassed), [613.0]);
    assert_eq!(log.times(EventKind::SoakStarted), [614.0]);
    assert_eq!(log.times(EventKind::DecommissionStarted), [1214.0]);
    // The pods drain at once, and go when callers know, 1 s later.
    assert_eq!(log.times(EventKind::Decommissioned), [1215.0,]);
    assert_eq!(log.times(EventKind::WaveFinished), [1215.0]);
    let summary = world.summary();
    assert_eq!(
        (summary.complete, summary.makespan),
        (Some(true), Some(seconds(1215)))
    );
    assert_eq!(summary.services[0].runs_in, [ClusterId(1)]);
    assert_eq!(summary.rollbacks, 0);
}

#[test]
fn a_failing_gate_takes_its_group_back_and_no_other() {
    let mut scenario = scenario(3);
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.gates.push(error_gate(GateFailure::RollBackGroup));
    migration.together = vec![vec![ServiceId(0), ServiceId(1)]];
    // Only the second member has a gate; the third service stands alone.
    scenario.plan.waves[0].members[1].gate = Some(0);
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    let (world, log) = play(&scenario, target_fails, true);
    let summary = world.summary();
    let back: Vec<_> = summary
        .services
        .iter()
        .map(|state| state.rolled_back)
        .collect();
    assert_eq!((back, summary.rollbacks), (vec![true, true, false], 1));
    assert_eq!(summary.complete, Some(false));
    assert_eq!(summary.makespan, None);
    assert_eq!(summary.services[0].runs_in, [ClusterId(0)]);
    assert_eq!(summary.services[2].runs_in, [ClusterId(1)]);
    // Listed at 11, 50 % at 12, all at 13; the second: listed at 24, 50 % at 25, its gate to 325.
    assert_eq!(log.times(EventKind::GateFailed), [325.0]);
    assert_eq!(
        log.details(EventKind::GateFailed),
        ["s1: gate healthy failed: error_ratio(new) 20.00 %, allowed <= 0.50 %"]
    );
    assert_eq!(weights(&world)[3..5], [(326.0, 0, 0.0), (326.0, 1, 0.0)]);
    assert_eq!(log.times(EventKind::RolledBack), [327.0, 327.0]);
}

#[test]
fn a_gate_without_evidence_waits_and_then_holds() {
    let mut scenario = scenario(1);
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.gates.push(error_gate(GateFailure::RollBackWave));
    scenario.plan.waves[0].members[0].gate = Some(0);
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    let (world, log) = play(&scenario, quiet, true);
    assert_eq!(log.times(EventKind::GateInconclusive), [312.0, 372.0]);
    assert_eq!(log.times(EventKind::HoldStarted), [372.0]);
    assert_eq!(world.summary().services[0].weight, 0.5);
}

#[test]
fn a_gate_that_stops_the_programme_lets_no_other_wave_start() {
    let mut scenario = scenario(2);
    scenario
        .migration
        .as_mut()
        .expect("a migration")
        .gates
        .push(error_gate(GateFailure::StopProgramme));
    scenario.plan.waves[0].members[0].gate = Some(0);
    let second = scenario.plan.waves[0].members.pop().expect("two members");
    let mut wave = scenario.plan.waves[0].clone();
    wave.members = vec![second];
    scenario.plan.waves.push(wave);
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    let (world, log) = play(&scenario, target_fails, true);
    let summary = world.summary();
    assert!(
        summary.stopped
            && summary.waves[0].finished.is_some()
            && summary.waves[1].started.is_none()
    );
    assert_eq!(log.times(EventKind::ProgrammeStopped), [312.0]);
}

#[test]
fn a_freeze_holds_the_next_weight_and_windows_hold_the_start() {
    let mut scenario = scenario(1);
    set_method(
        &mut scenario,
        vec![CanaryStep::SetWeight(0.1), CanaryStep::Pause(seconds(300))],
    );
    scenario.calendar.windows = Some(vec![span(100, 5000)]);
    scenario.calendar.freezes = vec![Freeze {
        name: "lunch".into(),
        interval: span(200, 1000),
        services: None,
        running_finish: false,
    }];
    let (world, log) = play(&scenario, quiet, true);
    // Starts at 100: 10 % at 112, pause to 412; the freeze lasts to 1000.
    assert_eq!(log.times(EventKind::WaveStarted), [100.0]);
    assert_eq!(
        (
            log.times(EventKind::HoldStarted),
            log.times(EventKind::HoldEnded)
        ),
        (vec![412.0], vec![1000.0])
    );
    assert_eq!(
        log.details(EventKind::HoldStarted),
        ["s0 waits: freeze lunch"]
    );
    assert_eq!(weights(&world), vec![(112.0, 0, 0.1), (1001.0, 0, 1.0)]);
    scenario.calendar.freezes[0].running_finish = true;
    let (world, log) = play(&scenario, quiet, true);
    assert!(log.times(EventKind::HoldStarted).is_empty());
    assert_eq!(weights(&world)[1], (413.0, 0, 1.0));
}

#[test]
fn intervals_are_whole_and_no_longer_than_a_look() {
    let scenario = scenario(2);
    let (_, log) = play(&scenario, quiet, true);
    let mut before = 0.0;
    for (start, end) in &log.intervals {
        assert_eq!(*start, before);
        assert!(end > start && end - start <= 15.0);
        before = *end;
    }
    assert_eq!(before, 7200.0);
}

#[test]
fn the_same_luck_gives_the_same_log() {
    let mut scenario = scenario(3);
    scenario
        .services
        .iter_mut()
        .for_each(|service| service.startup = Distribution::constant(3.0));
    let (one, two) = (
        play(&scenario, steady, true).1,
        play(&scenario, steady, true).1,
    );
    assert_eq!(one.events, two.events);
}

/// Three waves of one service each.
fn three_waves() -> Scenario {
    let mut scenario = scenario(3);
    let all = scenario.plan.waves.remove(0);
    for member in all.members.clone() {
        let mut wave = all.clone();
        wave.members = vec![member];
        scenario.plan.waves.push(wave);
    }
    scenario
}

#[test]
fn waves_follow_one_another_overlap_and_wait_for_their_earliest() {
    let mut scenario = three_waves();
    // One wave takes 613 s: prepared and listed at 11, all at 12, soaked at 612, gone at 613.
    assert_eq!(
        play(&scenario, quiet, true).1.times(EventKind::WaveStarted),
        [0.0, 613.0, 1226.0]
    );
    scenario.migration.as_mut().expect("a migration").overlap = 2;
    assert_eq!(
        play(&scenario, quiet, true).1.times(EventKind::WaveStarted),
        [0.0, 0.0, 613.0]
    );
    scenario.plan.waves[1].earliest = Some(SimTime::ZERO + seconds(700));
    assert_eq!(
        play(&scenario, quiet, true).1.times(EventKind::WaveStarted),
        [0.0, 700.0, 700.0]
    );
}

#[test]
fn parallel_moves_bound_what_is_in_progress_at_once() {
    let mut scenario = scenario(3);
    scenario.plan.waves[0].order = WaveOrder::Parallel;
    assert_eq!(
        play(&scenario, quiet, true)
            .1
            .times(EventKind::PrepareStarted),
        [0.0, 0.0, 0.0]
    );
    scenario
        .migration
        .as_mut()
        .expect("a migration")
        .parallel_moves = Some(2);
    assert_eq!(
        play(&scenario, quiet, true)
            .1
            .times(EventKind::PrepareStarted),
        [0.0, 0.0, 613.0]
    );
}

#[test]
fn after_a_big_bang_the_gate_compares_with_the_window_before_the_shift() {
    let mut scenario = scenario(1);
    let migration = scenario.migration.as_mut().expect("a migration");
    migration.gates.push(error_gate(GateFailure::RollBackGroup));
    migration.prepare_warm = seconds(300);
    scenario.plan.waves[0].members[0].gate = Some(0);
    // Full weight at 312, when the old side falls silent; both windows have 300 s of evidence.
    fn silent_afterwards(station: usize, start: f64, end: f64) -> StationSeen {
        if station == 0 && start > 311.0 {
            StationSeen::default()
        } else {
            steady(station, start, end)
        }
    }
    let log = play(&scenario, silent_afterwards, true).1;
    assert_eq!(log.times(EventKind::GatePassed), [612.0]);
}

#[test]
fn a_gate_reads_metrics_when_the_pipeline_delivers_them() {
    let mut scenario = scenario(1);
    scenario.clusters[1].metrics_delay = seconds(40);
    scenario
        .migration
        .as_mut()
        .expect("a migration")
        .gates
        .push(error_gate(GateFailure::RollBackGroup));
    scenario.plan.waves[0].members[0].gate = Some(0);
    set_method(&mut scenario, vec![CanaryStep::SetWeight(0.5)]);
    // Without delay the gate would pass at 312.
    assert_eq!(
        play(&scenario, steady, true).1.times(EventKind::GatePassed),
        [352.0]
    );
}

#[test]
fn what_the_reserve_has_left_out_is_made_again_before_weights_go_back() {
    // The first service soaks when the gate of the second fails and takes the wave back.
    let times = |reserve: f64| {
        let mut scenario = scenario(2);
        let migration = scenario.migration.as_mut().expect("a migration");
        migration.reserve = reserve;
        migration.gates.push(error_gate(GateFailure::RollBackWave));
        scenario.plan.waves[0].members[1].gate = Some(0);
        let (world, log) = play(&scenario, target_fails, true);
        let back = log.times(EventKind::RollbackStarted);
        let home = log.times(EventKind::RolledBack);
        assert_eq!((back.len(), home.len()), (2, 2));
        let summary = world.summary();
        assert!(summary.services.iter().all(|one| one.weight == 0.0));
        home[1].max(home[0]) - back[0].min(back[1])
    };
    let (whole, half, none) = (times(1.0), times(0.5), times(0.0));
    // Pods start in 10 s and are listed 1 s later, one as two.
    assert!((half - whole - 11.0).abs() < 1e-9, "{half} after {whole}");
    assert_eq!(none, half);
}
