//! Random histories of pods and metrics, told to the twin and to the code that runs.

use std::collections::BTreeMap;

use super::{Change, Twin};
use crate::model::scaling::hpa::pods::{Moment, PodGroup, PodPhase, PodSample};
use crate::model::scaling::hpa::{
    Behavior, HpaController, HpaMemory, HpaSpec, MetricSource, MetricSpec, MetricTarget, RateLimit,
    RatePolicy, Resource, ScalingRules, Select,
};
use crate::model::scaling::{Observation, Quantity, Reading};
use crate::units::{SimDuration, SimTime};

/// SplitMix64: each history is that of its number.
struct Luck(u64);

impl Luck {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// One in so many times.
    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

fn seconds(count: u64) -> SimDuration {
    SimDuration::from_secs(count)
}

fn some_rules(luck: &mut Luck, down: bool) -> ScalingRules {
    let policy = |luck: &mut Luck| RatePolicy {
        limit: if luck.one_in(2) {
            RateLimit::Pods(luck.of(&[1, 2, 4, 10]))
        } else {
            RateLimit::Percent(luck.of(&[5, 10, 33, 50, 100, 300]))
        },
        period: seconds(luck.of(&[15, 30, 60, 90, 600, 1800])),
    };
    let count = 1 + luck.below(3);
    ScalingRules {
        window: if down && luck.one_in(3) {
            None
        } else {
            Some(seconds(luck.of(&[0, 15, 30, 60, 300])))
        },
        select: luck.of(&[
            Select::Max,
            Select::Max,
            Select::Min,
            Select::Min,
            Select::Disabled,
        ]),
        policies: (0..count).map(|_| policy(luck)).collect(),
        tolerance: luck.of(&[None, None, Some(0.0), Some(0.05), Some(0.5)]),
    }
}

fn some_metric(luck: &mut Luck) -> MetricSpec {
    let reading = Reading {
        quantity: Quantity::QueueLength,
        service: None,
    };
    let resource = luck.of(&[Resource::Cpu, Resource::Memory]);
    let average = MetricTarget::AverageValue(luck.of(&[50, 100, 150]));
    let value = MetricTarget::Value(luck.of(&[50, 100, 400]));
    let of_pod = if luck.one_in(2) {
        MetricTarget::Utilization(luck.of(&[40, 50, 100, 120]))
    } else {
        average
    };
    let of_all = if luck.one_in(2) { value } else { average };
    let (source, target) = match luck.below(12) {
        0..=4 => (MetricSource::Resource(resource), of_pod),
        5 => (MetricSource::ContainerResource(resource), of_pod),
        6 | 7 => (MetricSource::Pods(reading), average),
        8 => (MetricSource::Object(reading), of_all),
        9 | 10 => (MetricSource::External(reading), of_all),
        _ => (MetricSource::Unknown, value),
    };
    MetricSpec { source, target }
}

fn some_pod(luck: &mut Luck, now: SimTime, healthy: bool) -> PodGroup {
    let age = |luck: &mut Luck| {
        let age = luck.of(&[0, 5, 10, 15, 29, 30, 31, 60, 119, 120, 121, 300, 5000]);
        Moment::from(now).minus(seconds(age))
    };
    let request = luck.of(&[Some(100), Some(100), Some(200)]);
    let odd = !healthy && luck.one_in(3);
    PodGroup {
        pods: 1,
        phase: if odd {
            luck.of(&[
                PodPhase::Pending,
                PodPhase::Running,
                PodPhase::Succeeded,
                PodPhase::Failed,
            ])
        } else {
            PodPhase::Running
        },
        deleting: odd && luck.one_in(4),
        ready: if odd {
            luck.of(&[None, Some(false), Some(true)])
        } else {
            Some(true)
        },
        ready_changed: age(luck),
        started: if odd && luck.one_in(5) {
            None
        } else {
            Some(age(luck))
        },
        cpu_request: if odd && luck.one_in(20) {
            None
        } else {
            request
        },
        memory_request: request,
    }
}

fn some_observation(luck: &mut Luck, spec: &HpaSpec, now: SimTime, current: u32) -> Observation {
    let healthy = luck.one_in(2);
    let count = match luck.below(4) {
        0 => luck.below(12) as u32,
        _ => current.min(40),
    };
    let pods: Vec<PodGroup> = (0..count).map(|_| some_pod(luck, now, healthy)).collect();
    let (mut samples, mut values) = (Vec::new(), Vec::new());
    // Half of the time all use the same, so that ratios are often exactly 1.
    let level = luck.of(&[0, 50, 80, 100, 150, 400]);
    for _ in &spec.metrics {
        let failing = luck.one_in(8);
        let gaps = !healthy && luck.one_in(2);
        let same = luck.one_in(2);
        for _ in &pods {
            let missing = failing || (gaps && luck.one_in(3));
            let total = if same { level } else { luck.below(300) as i64 };
            samples.push((!missing).then(|| PodSample {
                total,
                taken: Moment::from(now).minus(seconds(luck.of(&[0, 1, 15, 60]))),
                window: seconds(luck.of(&[15, 30, 60])),
            }));
        }
        values.push((!failing).then(|| luck.of(&[0, 1, 50, 100, 110, 400, 1000, 5000])));
    }
    let strangers = if luck.one_in(6) {
        vec![luck.below(300) as i64]
    } else {
        Vec::new()
    };
    Observation {
        at: now,
        current,
        status: if luck.one_in(3) { count } else { current },
        ready: count,
        pods,
        samples,
        strangers,
        values,
        ..Observation::default()
    }
}

#[test]
fn the_twin_agrees_over_random_histories() {
    let (mut passes, mut reasons) = (0_u64, BTreeMap::<&str, u64>::new());
    for number in 0..1500 {
        let luck = &mut Luck(number);
        let controller = HpaController {
            tolerance: luck.of(&[0.0, 0.1, 0.1, 0.2]),
            downscale_stabilization: seconds(luck.of(&[0, 60, 300])),
            initial_readiness_delay: seconds(luck.of(&[10, 30])),
            cpu_initialization_period: seconds(luck.of(&[0, 120, 300])),
            scale_up_limit_factor: luck.of(&[2.0, 8.0]),
            ..HpaController::default()
        };
        let min = luck.of(&[0, 1, 1, 2, 3]);
        let metrics = (0..1 + luck.below(3)).map(|_| some_metric(luck)).collect();
        let spec = HpaSpec {
            min_replicas: min,
            max_replicas: min.max(1) + luck.below(25) as u32,
            metrics,
            behavior: (!luck.one_in(3)).then(|| Behavior {
                up: some_rules(luck, false),
                down: some_rules(luck, true),
            }),
        };
        let (mut memory, mut twin) = (HpaMemory::default(), Twin::default());
        let mut current = luck.below(30) as u32;
        let mut now = SimTime::ZERO + seconds(10_000);
        for pass in 0..30 {
            now += seconds(luck.of(&[15, 15, 15, 30, 75]));
            let seen = some_observation(luck, &spec, now, current);
            let found = memory.reconcile(&spec, &controller, &seen);
            let (wanted, conditions) = twin.reconcile(&spec, &controller, &seen);
            let place = format!("history {number}, pass {pass}: {spec:?} {controller:?} {seen:?}");
            assert_eq!(
                (i64::from(found.replicas), found.conditions),
                (wanted, conditions),
                "{place}"
            );
            let log = memory.recommendations.as_deref().unwrap_or_default();
            let log: Vec<_> = log
                .iter()
                .map(|past| (i64::from(past.replicas), past.at.0))
                .collect();
            assert_eq!(Some(log), twin.recommendations, "{place}");
            for (found, wanted) in [(&memory.up, &twin.ups), (&memory.down, &twin.downs)] {
                let found: Vec<_> = found
                    .iter()
                    .map(|event| Change {
                        replicas: i64::from(event.change),
                        at: event.at.0,
                        outdated: event.outdated,
                    })
                    .collect();
                assert_eq!(&found, wanted, "{place}");
            }
            passes += 1;
            let told = [
                Some(conditions.able_to_scale),
                conditions.scaling_active,
                conditions.scaling_limited,
            ];
            for reason in told.into_iter().flatten() {
                *reasons.entry(reason).or_default() += 1;
            }
            current = if luck.one_in(12) {
                luck.of(&[0, 1, 7, 30])
            } else {
                found.replicas
            };
        }
    }
    assert_eq!(passes, 45_000);
    // Every reason that the source knows was met, each often enough to mean something.
    let expected = [
        "DesiredWithinRange",
        "FailedGetContainerResourceMetric",
        "FailedGetExternalMetric",
        "FailedGetObjectMetric",
        "FailedGetPodsMetric",
        "FailedGetResourceMetric",
        "InvalidMetricSourceType",
        "ReadyForNewScale",
        "ScaleDownLimit",
        "ScaleDownStabilized",
        "ScaleUpLimit",
        "ScaleUpStabilized",
        "ScalingDisabled",
        "SucceededGetScale",
        "SucceededRescale",
        "TooFewReplicas",
        "TooManyReplicas",
        "ValidMetricFound",
    ];
    for reason in expected {
        assert!(
            reasons.get(reason).is_some_and(|times| *times >= 20),
            "{reason}: {reasons:?}"
        );
    }
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
}
