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
use crate::verify::hpa_case::{NOW, ReadyChanged, ago, controller, milli, pods, rules};
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
    context.each(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    let (input, expected) = (case.input()?, case.expected()?);
    judge.knows(&expected, &["desired_replicas", "conditions"]);
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
        min_replicas: input.at("min_replicas")?.count()?,
        max_replicas: input.at("max_replicas")?.count()?,
        metrics: metrics.iter().map(|(spec, _)| spec.clone()).collect(),
        behavior,
    };
    let mut memory = HpaMemory {
        recommendations: recommendations(&input)?,
        ..HpaMemory::default()
    };
    let seen = observation(&input, &metrics)?;
    let found = memory.reconcile(&spec, &controller, &seen);
    let wanted = expected.at("desired_replicas")?.count()?;
    judge.equal("desired_replicas", &found.replicas, &wanted);
    if let Some(conditions) = expected.maybe("conditions") {
        compare(found.conditions, &conditions, judge)?;
    }
    Ok(())
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

fn metric(field: &Field) -> Result<(MetricSpec, Feed), Malformed> {
    let reading = Reading {
        quantity: Quantity::Requests,
        service: None,
    };
    let resource = match field.maybe("resource") {
        Some(name) if name.text()? == "memory" => Resource::Memory,
        _ => Resource::Cpu,
    };
    let target = || milli(&field.at("target_milli")?);
    let utilisation = || {
        let percent = field.at("target_utilization_percent")?.count()?;
        Ok::<_, Malformed>(MetricTarget::Utilization(percent))
    };
    let kind = field.at("kind")?;
    let (source, target, feed) = match kind.text()? {
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
        "external_unavailable" => (
            MetricSource::External(reading),
            MetricTarget::Value(1),
            Feed::Nothing,
        ),
        "invalid" => (MetricSource::Unknown, MetricTarget::Value(1), Feed::Nothing),
        _ => return Err(kind.wrong("a metric kind of the header")),
    };
    Ok((MetricSpec { source, target }, feed))
}

fn observation(input: &Field, metrics: &[(MetricSpec, Feed)]) -> Result<Observation, Malformed> {
    let levels = input.at("reported_levels_milli")?.items()?;
    let levels: Vec<i64> = levels.iter().map(milli).collect::<Result<_, _>>()?;
    let named = pods(input, ReadyChanged::AtStart)?;
    let level_of = |name: &str| {
        let index: usize = name.strip_prefix("test-pod-")?.parse().ok()?;
        levels.get(index).copied()
    };
    let known: Vec<_> = named.iter().map(|(name, _)| name.as_str()).collect();
    let (mut samples, mut values) = (Vec::new(), Vec::new());
    for (_, feed) in metrics {
        for (name, _) in &named {
            let level = level_of(name).filter(|_| *feed == Feed::PerPod);
            samples.push(level.map(|total| PodSample {
                total,
                taken: ago(Some(0.0)),
                window: SimDuration::from_secs(60),
            }));
        }
        let value = (*feed == Feed::Value && !levels.is_empty()).then(|| levels.iter().sum());
        values.push(value);
    }
    let any_per_pod = metrics.iter().any(|(_, feed)| *feed == Feed::PerPod);
    let strangers = levels
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
