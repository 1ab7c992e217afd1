//! ScaledObjects by hand: from and to zero, fallbacks, cron triggers.

use super::{at, cpu, keda, seen, step};
use crate::model::scaling::hpa::MetricTarget;
use crate::model::scaling::{
    CronSpan, Fallback, FallbackBehavior, Keda, ScalingRule, Trigger, TriggerKind,
};
use crate::units::SimDuration;

#[test]
fn an_event_driven_service_comes_from_zero_and_goes_back_after_its_cool_down() {
    let (rule, mut log) = (ScalingRule::Keda(keda()), Vec::new());
    let (mut memory, mut current) = (rule.memory(), 0);
    for index in 0..40u64 {
        let second = 15 * index;
        let mut shown = seen(second, current, 0.0);
        // 20 in the queue from 60 s to 120 s: four replicas at 5 each.
        let waiting = if (60..120).contains(&second) {
            20_000
        } else {
            0
        };
        shown.values = vec![Some(waiting)];
        let next = step(&rule, &mut memory, &shown);
        if next != current {
            log.push((second, next));
        }
        current = next;
    }
    // KEDA polls at 60 s and wakes one; the autoscaler of the next sync asks for four. From 120 s on nothing is
    // active; the last activity was seen by the poll at 90 s, so the poll at 390 s puts it to sleep. The autoscaler
    // alone would have kept four until 300 s after the last wish for four (at 105 s).
    assert_eq!(log, [(60, 1), (75, 4), (390, 0)]);
}

/// Replicas after each sync of 15 s, the queue being what `queue` says (thousandths; `None`: cannot be read).
fn keda_plays(
    keda: Keda,
    first: u32,
    syncs: u64,
    queue: impl Fn(u64) -> Option<i64>,
) -> Vec<(u64, u32)> {
    let (rule, mut log) = (ScalingRule::Keda(keda), Vec::new());
    let (mut memory, mut current) = (rule.memory(), first);
    for index in 0..syncs {
        let second = 15 * index;
        let mut shown = seen(second, current, 0.0);
        shown.values = vec![queue(second)];
        let next = step(&rule, &mut memory, &shown);
        if next != current {
            log.push((second, next));
        }
        current = next;
    }
    log
}

#[test]
fn an_event_driven_service_that_cannot_see_its_trigger_stays_or_falls_back() {
    let fallback = |behavior| Fallback {
        failures: 3,
        replicas: 6,
        behavior,
    };
    // 20 in the queue until 60 s, then nothing can be read: without a fallback nothing goes, cool-down or not.
    let blind = |second| (second < 60).then_some(20_000);
    assert_eq!(keda_plays(keda(), 0, 100, blind), [(0, 1), (15, 4)]);
    // With one, the poll of 60 s finds no active trigger and an error, and sets it at once.
    let with = |behavior| Keda {
        fallback: Some(fallback(behavior)),
        ..keda()
    };
    assert_eq!(
        keda_plays(with(FallbackBehavior::Static), 0, 100, blind),
        [(0, 1), (15, 4), (60, 6)]
    );
    // The current number is 4: it stays with all but the larger of both.
    for behavior in [FallbackBehavior::Current, FallbackBehavior::CurrentIfLower] {
        assert_eq!(keda_plays(with(behavior), 0, 100, blind), [(0, 1), (15, 4)]);
    }
    assert_eq!(
        keda_plays(with(FallbackBehavior::CurrentIfHigher), 0, 100, blind).last(),
        Some(&(60, 6))
    );
    // Another trigger is active: KEDA leaves the number to the autoscaler, whose metric fails at 75, 90 and 105 s and is
    // six replicas' worth from the fourth failure on, at 120 s.
    let mut two = with(FallbackBehavior::Static);
    two.hpa.metrics.push(two.hpa.metrics[0].clone());
    two.triggers.push(Trigger {
        activation: 0,
        kind: TriggerKind::Cron {
            spans: vec![CronSpan {
                from: at(0),
                to: at(6000),
            }],
            replicas: 1,
        },
    });
    two.hpa.metrics[1].target = MetricTarget::AverageValue(1000);
    let later = |second| (second < 75).then_some(20_000);
    assert_eq!(keda_plays(two, 0, 100, later), [(0, 1), (15, 4), (120, 6)]);
}

#[test]
fn the_first_cool_down_runs_from_the_start() {
    let nothing = |_| Some(0);
    // Nothing was ever active: at once, or after the initial cool-down, at a poll (each 30 s).
    assert_eq!(keda_plays(keda(), 3, 40, nothing), [(0, 0)]);
    let patient = Keda {
        initial_cooldown: SimDuration::from_secs(100),
        ..keda()
    };
    assert_eq!(keda_plays(patient, 3, 40, nothing), [(120, 0)]);
    // With a minimum of two it never sleeps; the idle number is for that.
    let two = |idle| {
        let mut two = keda();
        (two.min_replicas, two.hpa.min_replicas, two.idle_replicas) = (2, 2, idle);
        two
    };
    assert_eq!(keda_plays(two(None), 0, 40, nothing), [(0, 2)]);
    assert_eq!(keda_plays(two(Some(0)), 3, 40, nothing), [(0, 0)]);
    let once = |second| Some(if second < 30 { 1000 } else { 0 });
    // Awake with the minimum; active for the last time at the poll of 0 s.
    assert_eq!(keda_plays(two(Some(0)), 0, 40, once), [(0, 2), (300, 0)]);
}

#[test]
fn an_object_of_cpu_triggers_alone_is_always_active() {
    let mut only = keda();
    only.triggers[0].kind = TriggerKind::Resource;
    only.hpa.metrics = vec![cpu(50)];
    // From nothing to one; no load never puts it to sleep.
    assert_eq!(keda_plays(only, 0, 100, |_| None), [(0, 1)]);
}

#[test]
fn a_cron_trigger_keeps_its_number_within_its_span() {
    let mut keda = keda();
    let spans = vec![CronSpan {
        from: at(60),
        to: at(600),
    }];
    keda.triggers[0].kind = TriggerKind::Cron { spans, replicas: 6 };
    keda.hpa.metrics[0].target = MetricTarget::AverageValue(1000);
    let rule = ScalingRule::Keda(keda);
    let (mut memory, mut current) = (rule.memory(), 0);
    let mut log = Vec::new();
    for index in 0..80u64 {
        let next = step(&rule, &mut memory, &seen(15 * index, current, 0.0));
        if next != current {
            log.push((15 * index, next));
        }
        current = next;
    }
    // Up at the poll of 60 s, 4 at the next sync (the limit of one pass from 1), 6 after it; the last poll within
    // the span is at 570 s, 300 s later it sleeps. The down-scale window would have let go at 900 s.
    assert_eq!(log, [(60, 1), (75, 4), (90, 6), (870, 0)]);
}
