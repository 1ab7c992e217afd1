//! What an HPA promises, over the path that a run takes: random specs and loads; each check is shown to object to a
//! tighter promise.

use std::cell::Cell;

use super::pod_tests::one_cluster;
use super::*;
use crate::engine::keyed::mix64;
use crate::model::scaling::hpa::{Behavior, RateLimit, RatePolicy, ScalingRules, Select};

thread_local! {
    /// Seed of the load that the script shows: it is a plain function.
    static LOAD: Cell<u64> = const { Cell::new(0) };
}

/// Up to 40 cores, another number every two minutes; every second one near the one before.
fn random_load(_: usize, start: f64, end: f64) -> StationSeen {
    let turn = (start / 120.0) as u64;
    let of = |turn: u64| mix64(LOAD.get().wrapping_mul(1_000_003) ^ turn) % 400;
    let tenths = if turn % 2 == 1 {
        of(turn - 1) * 9 / 10
    } else {
        of(turn)
    };
    StationSeen {
        cpu_ns: (tenths as f64 / 10.0 * (end - start) * 1e9) as u64,
        ..StationSeen::default()
    }
}

struct Luck(u64);

impl Luck {
    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        self.0 = mix64(self.0.wrapping_add(1));
        list[(self.0 % list.len() as u64) as usize]
    }
}

fn rules(luck: &mut Luck) -> ScalingRules {
    let policy = |luck: &mut Luck| RatePolicy {
        limit: luck.of(&[
            RateLimit::Pods(1),
            RateLimit::Pods(3),
            RateLimit::Percent(10),
            RateLimit::Percent(50),
            RateLimit::Percent(100),
        ]),
        period: seconds(luck.of(&[15, 60, 300])),
    };
    ScalingRules {
        window: Some(seconds(luck.of(&[0, 60, 180]))),
        select: luck.of(&[
            Select::Max,
            Select::Max,
            Select::Min,
            Select::Min,
            Select::Disabled,
        ]),
        policies: (0..luck.of(&[1, 2, 3])).map(|_| policy(luck)).collect(),
        tolerance: luck.of(&[None, Some(0.0), Some(0.3)]),
    }
}

/// When the wish changed, in whole seconds (syncs are), and to what; the start first.
type Changes = Vec<(i64, u32)>;

fn plays(seed: u64) -> (HpaSpec, Changes) {
    let luck = &mut Luck(seed);
    let min = luck.of(&[1, 2, 5]);
    let spec = HpaSpec {
        min_replicas: min,
        max_replicas: min + luck.of(&[5, 20, 60]),
        metrics: vec![MetricSpec {
            source: MetricSource::Resource(Resource::Cpu),
            target: MetricTarget::Utilization(luck.of(&[50, 80])),
        }],
        behavior: Some(Behavior {
            up: rules(luck),
            down: rules(luck),
        }),
    };
    let first = spec.min_replicas + 2;
    let mut scenario = one_cluster(40, &[(first, 1000)]);
    scenario.scaling = vec![ScalingPolicy {
        name: "web".into(),
        rule: ScalingRule::Hpa(spec.clone()),
        beside: None,
    }];
    scenario.services[0].placed[0].scaling = Some(PolicyId(0));
    LOAD.set(seed);
    let (_, log) = play(&scenario, random_load, false);
    let scaled = log
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Scaled);
    let changes = scaled.map(|event| (whole(event.at.0), event.value.expect("replicas") as u32));
    (spec, std::iter::once((0, first)).chain(changes).collect())
}

fn whole(nanoseconds: u64) -> i64 {
    (nanoseconds / 1_000_000_000) as i64
}

/// All wishes are within the bounds.
fn keeps_bounds(spec: &HpaSpec, changes: &Changes) -> bool {
    let within = spec.min_replicas..=spec.max_replicas;
    changes
        .iter()
        .all(|(_, replicas)| within.contains(replicas))
}

/// No change goes further than its direction's policies allow, from what was wished for at the start of their periods.
fn keeps_policies(rules: &ScalingRules, changes: &Changes, down: bool) -> bool {
    let wish_at = |time: i64| {
        let after = changes.partition_point(|(at, _)| *at <= time);
        changes[after.max(1) - 1].1
    };
    changes.windows(2).all(|pair| {
        let ((_, before), (time, after)) = (pair[0], pair[1]);
        if (after < before) != down {
            return true;
        }
        let limit = |policy: &RatePolicy| {
            let start = f64::from(wish_at(time - whole(policy.period.0)));
            match policy.limit {
                RateLimit::Pods(pods) if down => start - f64::from(pods),
                RateLimit::Pods(pods) => start + f64::from(pods),
                RateLimit::Percent(percent) if down => {
                    (start * (1.0 - f64::from(percent) / 100.0)).trunc()
                }
                RateLimit::Percent(percent) => (start * (1.0 + f64::from(percent) / 100.0)).ceil(),
            }
        };
        let within = |policy: &RatePolicy| {
            let limit = limit(policy);
            if down {
                f64::from(after) >= limit
            } else {
                f64::from(after) <= limit
            }
        };
        match rules.select {
            Select::Disabled => false,
            Select::Max => rules.policies.iter().any(within),
            Select::Min => rules.policies.iter().all(within),
        }
    })
}

/// Within the window of a direction nothing goes back behind the other direction's last step.
fn keeps_window(rules: &ScalingRules, changes: &Changes, down: bool) -> bool {
    let window = whole(rules.window.expect("always written").0);
    let steps = changes.windows(2).map(|pair| (pair[0].1, pair[1]));
    let steps: Vec<(bool, i64, u32)> = steps
        .map(|(before, (time, after))| (after < before, time, after))
        .collect();
    steps
        .iter()
        .enumerate()
        .all(|(index, (fell, then, reached))| {
            *fell == down
                || steps[index + 1..]
                    .iter()
                    .filter(|(_, time, _)| time - then < window)
                    .filter(|(falls, ..)| *falls == down)
                    .all(|(_, _, after)| {
                        if down {
                            after >= reached
                        } else {
                            after <= reached
                        }
                    })
        })
}

#[test]
fn an_hpa_keeps_its_bounds_policies_and_windows_over_a_run() {
    // How often a promise that is a little tighter than the spec's is found broken.
    let (mut bounds, mut pods, mut percent, mut periods, mut windows) = (0, 0, 0, 0, 0);
    let mut steps = 0;
    for seed in 0..120 {
        let (spec, changes) = plays(seed);
        steps += changes.len() - 1;
        assert!(
            keeps_bounds(&spec, &changes),
            "{seed}: {spec:?} {changes:?}"
        );
        let narrow = HpaSpec {
            max_replicas: spec.max_replicas - 1,
            ..spec.clone()
        };
        bounds += u32::from(!keeps_bounds(&narrow, &changes));
        let behavior = spec.behavior.as_ref().expect("always written");
        for (rules, down) in [(&behavior.up, false), (&behavior.down, true)] {
            assert!(
                keeps_policies(rules, &changes, down),
                "{seed}: {rules:?} {changes:?}"
            );
            assert!(
                keeps_window(rules, &changes, down),
                "{seed}: {rules:?} {changes:?}"
            );
            let broken = |tighten: fn(&mut RatePolicy), count: &mut u32| {
                let mut tight = rules.clone();
                tight.policies.iter_mut().for_each(tighten);
                *count += u32::from(!keeps_policies(&tight, &changes, down));
            };
            broken(
                |policy| {
                    if let RateLimit::Pods(pods) = &mut policy.limit {
                        *pods -= 1;
                    }
                },
                &mut pods,
            );
            broken(
                |policy| {
                    if let RateLimit::Percent(percent) = &mut policy.limit {
                        *percent = *percent * 9 / 10;
                    }
                },
                &mut percent,
            );
            broken(
                |policy| policy.period = policy.period + policy.period,
                &mut periods,
            );
            let longer = ScalingRules {
                window: rules.window.map(|window| window + seconds(60)),
                ..rules.clone()
            };
            windows += u32::from(!keeps_window(&longer, &changes, down));
        }
    }
    assert!(steps > 2000, "{steps} steps");
    let found = [bounds, pods, percent, periods, windows];
    assert!(found.iter().all(|times| *times >= 5), "{found:?}");
}
