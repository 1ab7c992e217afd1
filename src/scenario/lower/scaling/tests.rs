//! Pasted manifests: what they become, and every mistake at its place.

use crate::model::scaling::hpa::{MetricSource, MetricTarget, RateLimit, Resource, Select};
use crate::model::scaling::{Fallback, FallbackBehavior, Quantity, ScalingRule};
use crate::scenario::lower::lower;
use crate::scenario::problem::Problems;
use crate::scenario::read::read_text;
use crate::scenario::sources::Sources;
use crate::units::{ServiceId, SimDuration};

const HEAD: &str = "cutover: 1\nhorizon: 1h\nservices:\n  web: {scaling: p, steps: [work: 1ms, call: db]}\n  \
                    db: {steps: [work: 1ms]}\njourneys: {j: {call: web}}\nload: {l: {rate: 5/s, journey: j}}\nscaling:\n  p:\n";

/// The rule, and the problems as `CODE line`.
fn check(policy: &str) -> (Option<ScalingRule>, Vec<String>) {
    let (mut sources, mut problems) = (Sources::default(), Problems::default());
    let text = format!("{HEAD}{policy}");
    let tree = read_text("s.yaml", text, &mut sources, &mut problems).expect("YAML");
    let scenario = lower(&tree, &sources, &mut problems);
    let mut told: Vec<_> = problems
        .list
        .iter()
        .map(|problem| {
            let line = problem.span.map_or(0, |span| sources.place(span).0);
            format!("{} {line}", problem.code)
        })
        .collect();
    told.sort();
    (
        scenario.map(|scenario| scenario.scaling[0].rule.clone()),
        told,
    )
}

#[test]
fn a_whole_spec_is_read_as_it_is_pasted() {
    let (rule, told) = check(
        "    hpa:
      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
      minReplicas: 0
      maxReplicas: 12
      metrics:
      - type: Resource
        resource: {name: cpu, target: {type: Utilization, averageUtilization: 65}}
      - type: ContainerResource
        containerResource: {name: memory, container: app, target: {type: AverageValue, averageValue: 64Mi}}
      - type: Pods
        pods: {metric: {name: requests}, target: {type: AverageValue, averageValue: 500m}}
      - type: External
        external: {metric: {name: queue_length(service.db)}, target: {type: Value, value: '30'}}
      behavior:
        scaleUp:
          stabilizationWindowSeconds: 60
          selectPolicy: Min
          tolerance: 0.05
          policies: [{type: Percent, value: 50, periodSeconds: 30}]
",
    );
    assert_eq!(told, ["W104 11"]);
    let Some(ScalingRule::Hpa(spec)) = rule else {
        panic!("{rule:?}")
    };
    assert_eq!((spec.min_replicas, spec.max_replicas), (0, 12));
    let targets: Vec<_> = spec.metrics.iter().map(|metric| metric.target).collect();
    assert_eq!(
        targets,
        [
            MetricTarget::Utilization(65),
            MetricTarget::AverageValue(67_108_864_000),
            MetricTarget::AverageValue(500),
            MetricTarget::Value(30_000)
        ]
    );
    assert_eq!(
        spec.metrics[1].source,
        MetricSource::ContainerResource(Resource::Memory)
    );
    let MetricSource::External(reading) = spec.metrics[3].source else {
        panic!("{:?}", spec.metrics[3])
    };
    assert_eq!(
        (reading.quantity, reading.service),
        (Quantity::QueueLength, Some(ServiceId::from_index(1)))
    );
    let behavior = spec.behavior.expect("written");
    assert_eq!(behavior.up.window, Some(SimDuration::from_secs(60)));
    assert_eq!(behavior.up.select, Select::Min);
    assert_eq!(behavior.up.tolerance, Some(0.05));
    assert_eq!(behavior.up.policies[0].limit, RateLimit::Percent(50));
    // The other direction has the API server's defaults and the controller's window.
    assert_eq!(behavior.down.window, None);
    assert_eq!(behavior.down.policies[0].limit, RateLimit::Percent(100));
}

#[test]
fn every_mistake_of_a_spec_is_told_at_its_line() {
    let (rule, told) = check(
        "    hpa:
      minReplicas: 3
      maxReplicas: 2
      metrics:
      - type: Resource
        resource: {name: cpu, target: {type: Value, value: '1'}}
      - type: Pods
        pods: {metric: {name: http_requests}, target: {type: AverageValue, averageValue: 10}}
      - type: External
        external: {metric: {name: requests(service.bd)}, target: {type: Value, value: 5q}}
      - type: Resources
        resource: {name: cpu, target: {type: Utilization, averageUtilization: 65}}
      behavior:
        scaleDown: {stabilizationWindowSeconds: 4000, selectPolicy: Most}
        scaleup: {}
",
    );
    assert!(rule.is_none());
    for wanted in [
        "E203 12", "E202 15", "E301 17", "E300 19", "E301 20", "E203 23", "E101 24",
    ] {
        assert!(told.iter().any(|told| told == wanted), "{wanted}: {told:?}");
    }
}

#[test]
fn zero_replicas_need_a_metric_that_can_be_read_without_pods() {
    let (_, told) = check("    hpa: {minReplicas: 0, maxReplicas: 2}\n");
    assert_eq!(told, ["E203 10"]);
    let (_, told) = check("    vertical: {percentile: 90%}\n");
    assert!(told.contains(&"E110 10".to_owned()), "{told:?}");
}

#[test]
fn a_scaled_object_and_a_timetable_are_read_as_they_are_pasted() {
    let (rule, told) = check(
        "    keda:
      cooldownPeriod: 60
      maxReplicaCount: 9
      triggers:
      - type: queue
        metadata: {service: db, length: '20', activationLength: '5'}
      - type: cron
        metadata: {timezone: Europe/Stockholm, start: 0 7 * * *, end: 0 9 * * *, desiredReplicas: '4'}
",
    );
    assert!(told.is_empty(), "{told:?}");
    let Some(ScalingRule::Keda(keda)) = rule else {
        panic!("{rule:?}")
    };
    assert_eq!((keda.min_replicas, keda.hpa.max_replicas), (0, 9));
    assert_eq!(keda.cooldown, SimDuration::from_secs(60));
    assert_eq!(keda.triggers[0].activation, 5_000);
    assert_eq!(
        keda.hpa.metrics[0].target,
        MetricTarget::AverageValue(20_000)
    );

    // The run starts on Monday 2024-01-01 at midnight: the last firing before it was on Sunday.
    let (rule, told) = check(
        "    scheduled:
    - {cron: 30 0 * * MON, replicas: 5}
    - {cron: 0 12 * * SUN, replicas: 2}
",
    );
    assert!(told.is_empty(), "{told:?}");
    let Some(ScalingRule::Scheduled(timetable)) = rule else {
        panic!("{rule:?}")
    };
    let hours: Vec<_> = timetable
        .firings
        .iter()
        .map(|firing| (firing.at.0 / 1_800_000_000_000, firing.replicas))
        .collect();
    // Half hours: Monday a week ago 00:30, Sunday 12:00, today 00:30.
    assert_eq!(hours, [(-335, 5), (-24, 2), (1, 5)]);
}

#[test]
fn what_keda_does_without_metrics_is_read() {
    let keda = |more: &str| {
        let (rule, told) = check(&format!(
            "    keda:
      minReplicaCount: 1
      initialCooldownPeriod: 90
      triggers: [{{type: queue, metadata: {{service: db, length: '5'}}}}]
{more}"
        ));
        let keda = rule.map(|rule| match rule {
            ScalingRule::Keda(keda) => keda,
            other => panic!("{other:?}"),
        });
        (keda, told)
    };
    let (plain, told) = keda("");
    let plain = plain.expect("a policy");
    assert_eq!(told, [""; 0]);
    assert_eq!(plain.initial_cooldown, SimDuration::from_secs(90));
    assert_eq!(plain.fallback, None);
    let (with, told) = keda(
        "      fallback: {failureThreshold: 3, replicas: 6, behavior: currentReplicasIfHigher}\n",
    );
    assert_eq!(told, [""; 0]);
    assert_eq!(
        with.expect("a policy").fallback,
        Some(Fallback {
            failures: 3,
            replicas: 6,
            behavior: FallbackBehavior::CurrentIfHigher,
        })
    );
    assert_eq!(keda("      fallback: {replicas: 6}\n").1, ["E102 14"]);
    // The autoscaler that KEDA makes would undo any other idle number.
    let idle = "    keda:
      minReplicaCount: 3
      idleReplicaCount: 1
      triggers: [{type: queue, metadata: {service: db, length: '5'}}]
";
    assert_eq!(check(idle).1, ["E203 12"]);
    assert_eq!(
        check(&idle.replace("idleReplicaCount: 1", "idleReplicaCount: 0")).1,
        [""; 0]
    );
}
