//! Whole passes of the autoscaler: replicas wished for and the reasons of its conditions.

use crate::model::scaling::hpa::behavior::Recommendation;
use crate::model::scaling::hpa::pods::PodSample;
use crate::model::scaling::hpa::{
    Behavior, Conditions, HpaMemory, HpaSpec, MetricSource, MetricSpec, MetricTarget, Resource,
    ScalingRules,
};
use crate::model::scaling::{Observation, Quantity, Reading};
use crate::units::SimDuration;
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::hpa_case::{
    CONTROLLER, NOW, ReadyChanged, ago, controller, events, milli, pods, reads_pods, reads_rules,
    rules,
};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "hpa_reconcile",
    about: "Whole passes of Kubernetes' own tests of the autoscaler: wished replicas and condition reasons.",
    judged: "Every number and reason must be equal.",
    stems: &["hpa_reconcile"],
    weight: 0,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each_alone(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    let (input, expected) = (case.input()?, case.expected()?);
    judge.knows(
        &expected,
        &["desired_replicas", "conditions", "recommendations_after"],
    );
    reads(&input, judge);
    let controller = controller(&input)?;
    let metrics = input.at("metrics")?.items()?;
    let metrics: Vec<_> = metrics.iter().map(metric).collect::<Result<_, _>>()?;
    let behavior = input.maybe("behavior");
    let behavior = match behavior {
        Some(field) => Some(Behavior {
            up: rules(field.maybe("scale_up"))?.unwrap_or_else(ScalingRules::default_up),
            down: rules(field.maybe("scale_down"))?.unwrap_or_else(ScalingRules::default_down),
        }),
        None => None,
    };
    let spec = HpaSpec {
        // The API server's default.
        min_replicas: input
            .maybe("min_replicas")
            .map_or(Ok(1), |min| min.count())?,
        max_replicas: input.at("max_replicas")?.count()?,
        metrics: metrics.iter().map(|metric| metric.spec.clone()).collect(),
        behavior,
    };
    let mut memory = HpaMemory {
        recommendations: recommendations(&input)?,
        up: events(&input, "scale_up_events")?,
        down: events(&input, "scale_down_events")?,
        ..HpaMemory::default()
    };
    let seen = observation(&input, &metrics)?;
    let found = memory.reconcile(&spec, &controller, &seen);
    if let Some(list) = expected.maybe("recommendations_after") {
        let log = memory.recommendations.as_deref().unwrap_or_default();
        let log: Vec<u32> = log.iter().map(|past| past.replicas).collect();
        judge.equal("recommendations_after", &log, &list.read()?);
    }
    let wanted = expected.at("desired_replicas")?.count()?;
    judge.equal("desired_replicas", &found.replicas, &wanted);
    if let Some(conditions) = expected.maybe("conditions") {
        compare(found.conditions, &conditions, judge)?;
    }
    Ok(())
}

/// Fails for what stands in the input and is not read.
fn reads(input: &Field, judge: &mut Judge) {
    let keys = [
        "spec_replicas",
        "status_replicas",
        "min_replicas",
        "max_replicas",
        "metrics",
        "reported_levels_milli",
        "pods",
        "behavior",
        "recommendations",
        "scale_up_events",
        "scale_down_events",
    ];
    reads_pods(judge, input, &[&keys, CONTROLLER]);
    let metric = [
        "kind",
        "resource",
        "container",
        "target_milli",
        "target_utilization_percent",
        "levels_milli",
    ];
    judge.reads_in(input, "metrics", &metric);
    judge.reads_in(input, "behavior", &["scale_up", "scale_down"]);
    if let Some(behavior) = input.maybe("behavior") {
        reads_rules(judge, &behavior, "scale_up");
        reads_rules(judge, &behavior, "scale_down");
    }
    judge.reads_in(input, "recommendations", &["replicas", "age_s"]);
    for key in ["scale_up_events", "scale_down_events"] {
        judge.reads_in(input, key, &["change", "age_s", "outdated"]);
    }
}

fn compare(found: Conditions, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    for (kind, reason) in expected.members()? {
        let has = match kind {
            "AbleToScale" => Some(found.able_to_scale),
            "ScalingActive" => found.scaling_active,
            "ScalingLimited" => found.scaling_limited,
            _ => return Err(reason.wrong("the reason of a condition of the autoscaler")),
        };
        judge.equal(kind, &has, &Some(reason.text()?));
    }
    Ok(())
}

/// How a metric is fed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Feed {
    PerPod,
    Value,
    Nothing,
}

/// A metric with its feed, and the levels of its own if it has some.
struct Metric {
    spec: MetricSpec,
    feed: Feed,
    levels: Option<Vec<i64>>,
}

/// A metric; `KIND_unavailable` is one that cannot be read.
fn metric(field: &Field) -> Result<Metric, Malformed> {
    let kind = field.at("kind")?;
    let name = kind.text()?;
    let levels = field.maybe("levels_milli").map(|list| levels(&list));
    let levels = levels.transpose()?;
    if name == "invalid" {
        let (source, target) = (MetricSource::Unknown, MetricTarget::Value(1));
        let spec = MetricSpec { source, target };
        let feed = Feed::Nothing;
        return Ok(Metric { spec, feed, levels });
    }
    let plain = name.strip_suffix("_unavailable");
    let (spec, feed) = metric_of(field, plain.unwrap_or(name), plain.is_some())?;
    let feed = if plain.is_some() { Feed::Nothing } else { feed };
    Ok(Metric { spec, feed, levels })
}

fn levels(list: &Field) -> Result<Vec<i64>, Malformed> {
    list.items()?.iter().map(milli).collect()
}

fn metric_of(field: &Field, kind: &str, failing: bool) -> Result<(MetricSpec, Feed), Malformed> {
    let reading = Reading {
        quantity: Quantity::Requests,
        service: None,
    };
    let resource = match field.maybe("resource") {
        Some(name) if name.text()? == "memory" => Resource::Memory,
        _ => Resource::Cpu,
    };
    // What cannot be read is compared with nothing: such a metric need not say its target.
    let target = || match field.maybe("target_milli") {
        None if failing => Ok(1),
        _ => milli(&field.at("target_milli")?),
    };
    let utilisation = || {
        let percent = match field.maybe("target_utilization_percent") {
            None if failing => 1,
            _ => field.at("target_utilization_percent")?.count()?,
        };
        Ok::<_, Malformed>(MetricTarget::Utilization(percent))
    };
    let (source, target, feed) = match kind {
        "resource_utilization" => (
            MetricSource::Resource(resource),
            utilisation()?,
            Feed::PerPod,
        ),
        "container_resource_utilization" => (
            MetricSource::ContainerResource(resource),
            utilisation()?,
            Feed::PerPod,
        ),
        "resource" | "resource_raw" => (
            MetricSource::Resource(resource),
            MetricTarget::AverageValue(target()?),
            Feed::PerPod,
        ),
        "container_resource" => (
            MetricSource::ContainerResource(resource),
            MetricTarget::AverageValue(target()?),
            Feed::PerPod,
        ),
        "pods" => (
            MetricSource::Pods(reading),
            MetricTarget::AverageValue(target()?),
            Feed::PerPod,
        ),
        "object" => (
            MetricSource::Object(reading),
            MetricTarget::Value(target()?),
            Feed::Value,
        ),
        "object_per_pod" => (
            MetricSource::Object(reading),
            MetricTarget::AverageValue(target()?),
            Feed::Value,
        ),
        "external" => (
            MetricSource::External(reading),
            MetricTarget::Value(target()?),
            Feed::Value,
        ),
        "external_per_pod" => (
            MetricSource::External(reading),
            MetricTarget::AverageValue(target()?),
            Feed::Value,
        ),
        _ => return Err(field.at("kind")?.wrong("a metric kind of the header")),
    };
    Ok((MetricSpec { source, target }, feed))
}

fn observation(input: &Field, metrics: &[Metric]) -> Result<Observation, Malformed> {
    let shared = input
        .maybe("reported_levels_milli")
        .map_or(Ok(Vec::new()), |list| levels(&list))?;
    let named = pods(input, ReadyChanged::AtStart)?;
    let level_of = |levels: &[i64], name: &str| {
        let index: usize = name.strip_prefix("test-pod-")?.parse().ok()?;
        levels.get(index).copied()
    };
    let known: Vec<_> = named.iter().map(|(name, _)| name.as_str()).collect();
    let (mut samples, mut values) = (Vec::new(), Vec::new());
    for metric in metrics {
        let levels = metric.levels.as_deref().unwrap_or(&shared);
        for (name, _) in &named {
            let level = level_of(levels, name).filter(|_| metric.feed == Feed::PerPod);
            samples.push(level.map(|total| PodSample {
                total,
                taken: ago(Some(0.0)),
                window: SimDuration::from_secs(60),
            }));
        }
        let is_read = metric.feed == Feed::Value && !levels.is_empty();
        values.push(is_read.then(|| levels.iter().sum()));
    }
    let any_per_pod = metrics.iter().any(|metric| metric.feed == Feed::PerPod);
    let strangers = shared
        .iter()
        .enumerate()
        .filter(|(index, _)| any_per_pod && !known.contains(&format!("test-pod-{index}").as_str()));
    Ok(Observation {
        at: NOW,
        current: input.at("spec_replicas")?.count()?,
        status: input.at("status_replicas")?.count()?,
        ready: named.len() as u32,
        samples,
        strangers: strangers.map(|(_, level)| *level).collect(),
        values,
        pods: named.into_iter().map(|(_, pod)| pod).collect(),
        ..Observation::default()
    })
}

/// Null: none recorded yet; a list, though empty: a log that is there.
fn recommendations(input: &Field) -> Result<Option<Vec<Recommendation>>, Malformed> {
    let Some(list) = input.maybe("recommendations") else {
        return Ok(None);
    };
    let items = list.items()?;
    let read = |past: &Field| {
        Ok(Recommendation {
            replicas: past.at("replicas")?.count()?,
            at: ago(Some(past.at("age_s")?.number()?)),
        })
    };
    items.iter().map(read).collect::<Result<_, _>>().map(Some)
}
