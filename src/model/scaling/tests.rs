//! Laws of the whole table, and the autoscaler's own properties.

mod event_driven;

use proptest::prelude::*;

use super::hpa::pods::{Moment, PodGroup, PodPhase, PodSample};
use super::hpa::{
    Behavior, HpaMemory, HpaSpec, MetricSource, MetricSpec, MetricTarget, RateLimit, RatePolicy,
    Resource, ScalingRules, Select,
};
use super::{
    Firing, Fixed, Forecast, HpaController, Keda, Memory, Observation, POLICIES, Predictive,
    Quantity, Queueing, Reading, Same, ScalingRule, Scheduled, Server, Spread, Trigger,
    TriggerKind,
};
use crate::units::{SimDuration, SimTime};

fn at(second: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(second)
}

fn cpu(percent: u32) -> MetricSpec {
    MetricSpec {
        source: MetricSource::Resource(Resource::Cpu),
        target: MetricTarget::Utilization(percent),
    }
}

fn queue(target_milli: i64) -> MetricSpec {
    MetricSpec {
        source: MetricSource::External(Reading {
            quantity: Quantity::QueueLength,
            service: None,
        }),
        target: MetricTarget::AverageValue(target_milli),
    }
}

fn hpa(min: u32, max: u32, behavior: Option<Behavior>) -> HpaSpec {
    HpaSpec {
        min_replicas: min,
        max_replicas: max,
        metrics: vec![cpu(50)],
        behavior,
    }
}

/// All pods old and ready, each with that share of its request of one core.
fn seen(second: u64, current: u32, utilisation: f64) -> Observation {
    let total = (utilisation * 1000.0 * f64::from(current)) as i64;
    let pods = vec![PodGroup {
        pods: current,
        phase: PodPhase::Running,
        deleting: false,
        ready: Some(true),
        ready_changed: Moment::LONG_AGO,
        started: Some(Moment::LONG_AGO),
        cpu_request: Some(1000),
        memory_request: Some(1000),
    }];
    let sample = PodSample {
        total,
        taken: Moment::from(at(second)),
        window: SimDuration::from_secs(15),
    };
    Observation {
        at: at(second),
        current,
        status: current,
        ready: current,
        samples: vec![(current > 0).then_some(sample)],
        pods: if current > 0 { pods } else { Vec::new() },
        strangers: Vec::new(),
        values: vec![Some(total)],
        rate: Some(utilisation * 100.0),
        cores: Some(total as f64 / 1000.0),
        server: Server::default(),
    }
}

/// One of each kind, none of which wishes for more than 40 or fewer than 0.
fn all() -> Vec<ScalingRule> {
    vec![
        ScalingRule::Static(Fixed { replicas: 3 }),
        ScalingRule::Same(Same),
        ScalingRule::Hpa(hpa(2, 20, None)),
        ScalingRule::Keda(keda()),
        ScalingRule::Scheduled(Scheduled {
            firings: vec![
                Firing {
                    at: Moment(-5),
                    replicas: 2,
                },
                Firing {
                    at: Moment::from(at(60)),
                    replicas: 7,
                },
            ],
        }),
        ScalingRule::Predictive(Predictive {
            method: Forecast::HoltWinters,
            season: SimDuration::from_secs(2880),
            lead: SimDuration::from_secs(60),
            target: 0.5,
            min: 1,
            max: 30,
        }),
        ScalingRule::Queueing(Queueing {
            ratio: 0.95,
            seconds: 0.05,
            min: 1,
            max: 40,
        }),
    ]
}

fn keda() -> Keda {
    Keda {
        hpa: HpaSpec {
            min_replicas: 1,
            max_replicas: 10,
            metrics: vec![queue(5000)],
            behavior: None,
        },
        min_replicas: 0,
        idle_replicas: None,
        polling: SimDuration::from_secs(30),
        cooldown: SimDuration::from_secs(300),
        initial_cooldown: SimDuration::ZERO,
        fallback: None,
        triggers: vec![Trigger {
            activation: 0,
            kind: TriggerKind::Value,
        }],
    }
}

fn step(rule: &ScalingRule, memory: &mut Memory, seen: &Observation) -> u32 {
    rule.desired(memory, &HpaController::default(), seen)
        .replicas
}

#[test]
fn the_table_and_the_samples_here_have_the_same_kinds() {
    let kinds: Vec<_> = all().iter().map(ScalingRule::kind).collect();
    let table: Vec<_> = POLICIES.iter().map(|kind| kind.name).collect();
    assert_eq!(kinds, table);
}

proptest! {
    /// Every rule of the table: once within its bounds it never leaves them, whatever it sees.
    #[test]
    fn no_rule_wishes_outside_its_bounds(
        uses in proptest::collection::vec(0.0f64..4.0, 1..60)
    ) {
        for rule in all() {
            let (least, most) = rule.bounds();
            let (mut memory, mut current) = (rule.memory(), rule.initial(2));
            for (index, used) in uses.iter().enumerate() {
                current = step(&rule, &mut memory, &seen(15 * (index as u64 + 1), current, *used));
                prop_assert!((least..=most).contains(&current), "{}: {current}", rule.kind());
            }
        }
    }

    /// The same memory and the same observation give the same wish: no rule has another source.
    #[test]
    fn every_rule_is_a_function_of_memory_and_observation(
        uses in proptest::collection::vec(0.0f64..4.0, 1..30)
    ) {
        for rule in all() {
            let mut memory = rule.memory();
            let mut current = rule.initial(2);
            for (index, used) in uses.iter().enumerate() {
                let shown = seen(15 * (index as u64 + 1), current, *used);
                let mut twin = memory.clone();
                let first = step(&rule, &mut memory, &shown);
                prop_assert_eq!(first, step(&rule, &mut twin, &shown));
                current = first;
            }
        }
    }

    /// Within any window of a policy's period replicas change by no more than the policy allows, reckoned from
    /// the number at the start of the window by a slow twin that keeps the whole history.
    #[test]
    fn scaling_policies_are_never_exceeded_within_their_period(
        pods in 1u32..6, percent in 1u32..120, period in 1u64..10, down in any::<bool>(),
        least in any::<bool>(), uses in proptest::collection::vec(0.0f64..4.0, 2..80)
    ) {
        let period = SimDuration::from_secs(15 * period);
        let rules = ScalingRules {
            window: Some(SimDuration::ZERO),
            select: if least { Select::Min } else { Select::Max },
            policies: vec![
                RatePolicy { limit: RateLimit::Pods(pods), period },
                RatePolicy { limit: RateLimit::Percent(percent), period },
            ],
            tolerance: None,
        };
        let free = if down { ScalingRules::default_up() } else { ScalingRules::default_down() };
        let behavior = if down {
            Behavior { up: free, down: rules }
        } else {
            Behavior { up: rules, down: ScalingRules { window: Some(SimDuration::ZERO), ..free } }
        };
        let spec = hpa(1, 60, Some(behavior));
        let mut memory = HpaMemory::default();
        let mut history = vec![10u32];
        for (index, used) in uses.iter().enumerate() {
            let current = *history.last().unwrap();
            let shown = seen(15 * (index as u64 + 1), current, *used);
            let next = memory.reconcile(&spec, &HpaController::default(), &shown).replicas;
            // Changes strictly within the period that ends now: the last period/15 - 1 syncs.
            let kept = (period.0 / 15_000_000_000) as usize;
            let start = history[history.len().saturating_sub(kept)];
            let by_pods = f64::from(pods);
            // As the source multiplies: 110 % of 50 is a little more than 55 in binary, and counts as 56.
            let share = f64::from(percent) / 100.0;
            let factor = if down { 1.0 - share } else { 1.0 + share };
            let by_percent = (f64::from(start) * factor - f64::from(start)).abs();
            let allowed = if least { by_pods.min(by_percent) } else { by_pods.max(by_percent) };
            let (from, to) = (f64::from(start), f64::from(next));
            // The source cuts the fraction off what may remain, and adds one to what may come.
            let allowed = allowed.ceil() + f64::from(u8::from(down)) + 1e-9;
            if down && next < current {
                prop_assert!(from - to <= allowed, "{history:?} -> {next}");
            } else if !down && next > current {
                prop_assert!(to - from <= allowed, "{history:?} -> {next}");
            }
            history.push(next);
        }
    }

    /// Within the down-scale window the number never falls below a wish made in it: no flapping, whatever comes.
    #[test]
    fn nothing_that_was_wished_for_within_the_window_is_taken_away(
        window in 1u64..25, with_behavior in any::<bool>(),
        uses in proptest::collection::vec(0.0f64..2.0, 2..80)
    ) {
        let window = SimDuration::from_secs(15 * window);
        let controller = HpaController { downscale_stabilization: window, ..HpaController::default() };
        let behavior = with_behavior.then(|| Behavior {
            up: ScalingRules::default_up(),
            down: ScalingRules::default_down(),
        });
        let spec = hpa(1, 1000, behavior);
        let mut memory = HpaMemory::default();
        let (mut current, mut wishes) = (5, vec![(at(15), 5)]);
        for (index, used) in uses.iter().enumerate() {
            let shown = seen(15 * (index as u64 + 1), current, *used);
            let done = memory.reconcile(&spec, &controller, &shown);
            wishes.push((shown.at, done.raw.expect("there are metrics")));
            if done.replicas < current {
                // Strictly within: at the edge the two ways of the source differ.
                let recent = wishes.iter().filter(|(when, _)| shown.at.since(*when) < window);
                let highest = recent.map(|(_, wish)| *wish).max().unwrap_or(0);
                prop_assert!(done.replicas >= highest.min(current), "{wishes:?}");
            }
            current = done.replicas;
        }
    }

    /// More use never asks for fewer replicas.
    #[test]
    fn the_calculator_is_monotone_in_use(current in 1u32..20, used in 0.0f64..3.0, more in 0.0f64..1.0) {
        let wish = |used| {
            let mut memory = HpaMemory { recommendations: Some(Vec::new()), ..HpaMemory::default() };
            let shown = seen(15, current, used);
            memory.reconcile(&hpa(1, 50, None), &HpaController::default(), &shown).replicas
        };
        prop_assert!(wish(used) <= wish(used + more));
    }

    /// A group of equal pods counts as its pods do one by one.
    #[test]
    fn grouping_equal_pods_changes_nothing(
        old in 1u32..6, young in 0u32..6, pending in 0u32..4, level in 0i64..3000, ready in any::<bool>()
    ) {
        let base = seen(600, 1, 0.0).pods[0];
        let sample = |pods: u32| Some(PodSample {
            total: level * i64::from(pods),
            taken: Moment::from(at(600)),
            window: SimDuration::from_secs(15),
        });
        let young_pod = PodGroup {
            ready: Some(ready),
            started: Some(Moment::from(at(400))),
            ready_changed: Moment::from(at(590)),
            ..base
        };
        let waiting = PodGroup { phase: PodPhase::Pending, started: None, ..base };
        let kinds = [(base, old, true), (young_pod, young, true), (waiting, pending, false)];
        let mut grouped = seen(600, old + young + pending, 0.0);
        grouped.pods.clear();
        grouped.samples.clear();
        let mut single = grouped.clone();
        for (pod, count, sampled) in kinds {
            if count == 0 {
                continue;
            }
            grouped.pods.push(PodGroup { pods: count, ..pod });
            grouped.samples.push(sample(count).filter(|_| sampled));
            for _ in 0..count {
                single.pods.push(pod);
                single.samples.push(sample(1).filter(|_| sampled));
            }
        }
        let run = |shown: &Observation| {
            HpaMemory::default().reconcile(&hpa(1, 50, None), &HpaController::default(), shown)
        };
        prop_assert_eq!(run(&grouped), run(&single));
    }
}

#[test]
fn a_trace_by_hand() {
    // Target 50 %. 90 % on 2: ceil(1.8 x 2) = 4. 20 % on 4: ceil(0.4 x 4) = 2, kept at 4 until the wish of 4
    // (made at 15 s) is older than 300 s: at 315 s it is exactly that old, at 330 s it is gone.
    let spec = hpa(1, 10, None);
    let (mut memory, controller) = (HpaMemory::default(), HpaController::default());
    let mut wish = |second, current, used| {
        let done = memory.reconcile(&spec, &controller, &seen(second, current, used));
        (done.replicas, done.conditions.able_to_scale)
    };
    assert_eq!(wish(15, 2, 0.9), (4, "SucceededRescale"));
    for second in (30..=315).step_by(15) {
        assert_eq!(wish(second, 4, 0.2), (4, "ScaleDownStabilized"), "{second}");
    }
    assert_eq!(wish(330, 4, 0.2), (2, "SucceededRescale"));
}

#[test]
fn tolerances_differ_by_direction() {
    // 60 % against 50 % is a ratio of 1.2; 40 % is 0.8.
    let mut behavior = Behavior {
        up: ScalingRules::default_up(),
        down: ScalingRules {
            window: Some(SimDuration::ZERO),
            ..ScalingRules::default_down()
        },
    };
    let wish = |behavior: &Behavior, used| {
        let spec = hpa(1, 20, Some(behavior.clone()));
        let mut memory = HpaMemory::default();
        let shown = seen(15, 10, used);
        memory
            .reconcile(&spec, &HpaController::default(), &shown)
            .replicas
    };
    assert_eq!((wish(&behavior, 0.6), wish(&behavior, 0.4)), (12, 8));
    behavior.up.tolerance = Some(0.25);
    assert_eq!((wish(&behavior, 0.6), wish(&behavior, 0.4)), (10, 8));
    behavior.down.tolerance = Some(0.25);
    assert_eq!((wish(&behavior, 0.6), wish(&behavior, 0.4)), (10, 10));
}

#[test]
fn a_timetable_sets_the_number_once_a_firing() {
    let rule = &all()[4];
    let mut memory = rule.memory();
    // The firing before the start holds from the first sync on; then somebody else changes the number to 3.
    let wishes: Vec<_> = [(15, 5), (45, 3), (60, 3), (90, 3)]
        .map(|(second, current)| step(rule, &mut memory, &seen(second, current, 0.5)))
        .into();
    assert_eq!(wishes, [2, 3, 7, 3]);
}

#[test]
fn a_forecast_has_replicas_ready_before_a_peak_that_came_before() {
    for method in [Forecast::HoltWinters, Forecast::SeasonalNaive] {
        let rule = ScalingRule::Predictive(Predictive {
            method,
            season: SimDuration::from_secs(2880),
            lead: SimDuration::from_secs(120),
            target: 0.5,
            min: 1,
            max: 50,
        });
        let mut memory = rule.memory();
        let wish = |second: u64, memory: &mut Memory| {
            // 10 requests a second of 0.1 core-seconds; 100 a second in the second half of each season.
            let rate = if second % 2880 >= 1440 { 100.0 } else { 10.0 };
            let mut shown = seen(second, 2, 0.5);
            (shown.rate, shown.cores) = (Some(rate), Some(rate * 0.1));
            step(&rule, memory, &shown)
        };
        let wishes: Vec<_> = (1..576)
            .map(|index| (index * 10, wish(index * 10, &mut memory)))
            .collect();
        let at = |second: u64| wishes.iter().find(|(when, _)| *when == second).unwrap().1;
        // 1 core over 0.5 is 2 replicas; 10 cores are 20. In the first season it only reacts.
        assert_eq!((at(1430), at(1440)), (2, 20), "{method:?}");
        // In the second it knows 120 s ahead (less a bin), not 150 s ahead.
        assert_eq!((at(2880 + 1290), at(2880 + 1340)), (2, 20), "{method:?}");
    }
}

#[test]
fn the_formula_fits_the_balancer() {
    let rule = ScalingRule::Queueing(Queueing {
        ratio: 0.95,
        seconds: 0.05,
        min: 1,
        max: 40,
    });
    let wish = |spread| {
        let mut shown = seen(15, 1, 0.5);
        // 400 requests a second of 10 ms: 4 cores.
        (shown.rate, shown.cores) = (Some(400.0), Some(4.0));
        shown.server.spread = spread;
        step(&rule, &mut rule.memory(), &shown)
    };
    // By chance each replica is an M/M/1: the 95th percentile ln(20) / (100 - 400/n) is 50 ms at n = 9.98.
    assert_eq!(wish(Spread::Random), 10);
    let (two, pooled) = (wish(Spread::TwoChoices), wish(Spread::Pooled));
    assert!(4 < pooled && pooled <= two && two < 10, "{pooled} {two}");
}

#[test]
fn what_follows_its_measurements_takes_pods_away_with_patience() {
    for rule in all()
        .into_iter()
        .filter(|rule| matches!(rule, ScalingRule::Queueing(_) | ScalingRule::Predictive(_)))
    {
        let mut memory = rule.memory();
        let mut wish = |second: u64, rate: f64| {
            let mut shown = seen(second, 1, 0.5);
            (shown.rate, shown.cores) = (Some(rate), Some(rate * 0.01));
            step(&rule, &mut memory, &shown)
        };
        // 100 a second once, 400 a second at 30 s, then 100 a second: the window is 300 s.
        let (few, many) = (wish(15, 100.0), wish(30, 400.0));
        assert!(few < many);
        let later: Vec<u32> = (3..=24).map(|index| wish(15 * index, 100.0)).collect();
        // Until 330 s inclusive the wish of 30 s counts.
        let held = later.iter().take_while(|wish| **wish == many).count();
        assert_eq!((held, later[21]), (20, few), "{rule:?}: {later:?}");
    }
}
