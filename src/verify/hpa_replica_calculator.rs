//! Replicas that one metric proposes, and how pods are counted for it.

use crate::model::scaling::hpa::calculator::{
    Failure, Proposal, Sampled, Setting, average_of_pods, resource_utilisation, value,
    value_per_pod,
};
use crate::model::scaling::hpa::pods::{Class, Moment, PodGroup, PodSample, class};
use crate::model::scaling::hpa::{Resource, Tolerances};
use crate::units::SimDuration;
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::hpa_case::{
    CONTROLLER, NOW, ReadyChanged, ago, controller, milli, number, pods, reads_pods,
};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "hpa_replica_calculator",
    about: "Replica counts of Kubernetes' own tests of the autoscaler's replica calculator, and its grouping of pods.",
    judged: "Every number, list and error text must be equal.",
    stems: &["hpa_replica_calculator"],
    weight: 0,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// What is read of a sample.
const SAMPLE: &[&str] = &["pod", "value", "value_milli", "window_s", "timestamp_age_s"];

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each_alone(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    if case.group == "group_pods" || names_grouping(case) {
        return groups(case, judge);
    }
    let input = case.input()?;
    let keys = [
        "current_replicas",
        "metric_kind",
        "resource",
        "target_milli",
        "target_utilization_percent",
        "metrics",
        "pods",
        "container",
        "tolerance_up",
        "tolerance_down",
    ];
    reads_pods(judge, &input, &[&keys, CONTROLLER]);
    judge.reads_in(&input, "metrics", SAMPLE);
    let controller = controller(&input)?;
    let named = pods(&input, ReadyChanged::Never)?;
    let (samples, strangers) = samples(&input, &named)?;
    let pods: Vec<PodGroup> = named.iter().map(|(_, pod)| *pod).collect();
    let sampled = Sampled {
        pods: &pods,
        samples: &samples,
        strangers: &strangers,
    };
    let setting = Setting {
        controller: &controller,
        tolerances: Tolerances {
            down: number(&input, "tolerance_down")?.unwrap_or(controller.tolerance),
            up: number(&input, "tolerance_up")?.unwrap_or(controller.tolerance),
        },
        now: Moment::from(NOW),
    };
    let current = input.at("current_replicas")?.count()?;
    let target = || milli(&input.at("target_milli")?);
    let kind = input.at("metric_kind")?;
    let found = match kind.text()? {
        // In a pod of one container it is the container's.
        "resource_utilization" | "container_resource_utilization" => {
            let percent = input.at("target_utilization_percent")?.count()?;
            resource_utilisation(current, percent, resource(&input)?, &sampled, &setting)
        }
        "resource" | "resource_raw" | "container_resource" => {
            let resource = Some(resource(&input)?);
            average_of_pods(current, target()?, resource, &sampled, &setting)
        }
        "pods" => average_of_pods(current, target()?, None, &sampled, &setting),
        "object" | "external" => match total(&input)? {
            Some(total) => value(current, target()?, total, &pods, &setting),
            None => Err(Failure::NoValue),
        },
        "object_per_pod" | "external_per_pod" => match total(&input)? {
            Some(total) => Ok(value_per_pod(current, target()?, total, &setting)),
            None => Err(Failure::NoValue),
        },
        _ => return Err(kind.wrong("a metric kind of the header")),
    };
    let expected = case.expected()?;
    judge.knows(
        &expected,
        &[
            "replicas",
            "utilization_percent",
            "raw_average_milli",
            "usage_milli",
            "error_contains",
        ],
    );
    compare(&expected, found, judge)
}

fn names_grouping(case: &Case) -> bool {
    let name = case.field().maybe("fn");
    name.is_some_and(|name| name.value == "groupPods")
}

fn compare(
    expected: &Field,
    found: Result<Proposal, Failure>,
    judge: &mut Judge,
) -> Result<(), Malformed> {
    if let Some(text) = expected.maybe("error_contains") {
        let text = text.text()?;
        let told = match found {
            Ok(proposal) => format!("{} replicas", proposal.replicas),
            Err(failure) => failure.to_string(),
        };
        judge.holds(found.is_err() && told.contains(text), || {
            format!("found {told:?}, expected an error with {text:?}")
        });
        return Ok(());
    }
    let found = match found {
        Ok(found) => found,
        Err(failure) => {
            judge.fail(format!("found the error \"{failure}\", expected replicas"));
            return Ok(());
        }
    };
    judge.equal(
        "replicas",
        &found.replicas,
        &expected.at("replicas")?.count()?,
    );
    for key in ["raw_average_milli", "usage_milli"] {
        if let Some(wanted) = expected.maybe(key) {
            judge.equal(key, &found.usage, &milli(&wanted)?);
        }
    }
    if let Some(wanted) = expected.maybe("utilization_percent") {
        let wanted = Some(milli(&wanted)?);
        judge.equal("utilization_percent", &found.utilisation_percent, &wanted);
    }
    Ok(())
}

fn resource(input: &Field) -> Result<Resource, Malformed> {
    match input.maybe("resource") {
        Some(name) => match name.text()? {
            "memory" => Ok(Resource::Memory),
            "cpu" => Ok(Resource::Cpu),
            _ => Err(name.wrong("cpu or memory")),
        },
        None => Ok(Resource::Cpu),
    }
}

/// Sum of the reported values; `None` when none was reported.
fn total(input: &Field) -> Result<Option<i64>, Malformed> {
    let metrics = input.at("metrics")?.items()?;
    let mut sum = None;
    for metric in metrics {
        *sum.get_or_insert(0) += milli(&metric.at("value_milli")?)?;
    }
    Ok(sum)
}

/// A sample for each pod, and those of pods that are not listed; stamped with the zero time unless an age is given.
fn samples(
    input: &Field,
    pods: &[(String, PodGroup)],
) -> Result<(Vec<Option<PodSample>>, Vec<i64>), Malformed> {
    let mut samples = vec![None; pods.len()];
    let mut strangers = Vec::new();
    for metric in input.at("metrics")?.items()? {
        let Some(pod) = metric.maybe("pod") else {
            continue;
        };
        let value = match metric.maybe("value_milli") {
            Some(value) => milli(&value)?,
            None => milli(&metric.at("value")?)?,
        };
        let window = if metric.value.get("window_s").is_some() {
            number(&metric, "window_s")?.unwrap_or(0.0)
        } else {
            60.0
        };
        let sample = PodSample {
            total: value,
            taken: ago(number(&metric, "timestamp_age_s")?),
            window: SimDuration::from_seconds(window),
        };
        let name = pod.text()?;
        match pods.iter().position(|(known, _)| known == name) {
            Some(index) => samples[index] = Some(sample),
            None => strangers.push(value),
        }
    }
    Ok((samples, strangers))
}

fn groups(case: &Case, judge: &mut Judge) -> Result<(), Malformed> {
    let input = case.input()?;
    reads_pods(
        judge,
        &input,
        &[&["metrics", "pods", "resource"], CONTROLLER],
    );
    judge.reads_in(&input, "metrics", SAMPLE);
    let controller = controller(&input)?;
    let pods = pods(&input, ReadyChanged::Stated)?;
    let (samples, _) = samples(&input, &pods)?;
    let cpu = resource(&input)? == Resource::Cpu;
    let mut found: [Vec<&str>; 4] = Default::default();
    for ((name, pod), sample) in pods.iter().zip(&samples) {
        let class = class(pod, sample.as_ref(), cpu, &controller, Moment::from(NOW));
        let list = match class {
            Class::Counted => 0,
            Class::Unready => 1,
            Class::Missing => 2,
            Class::Ignored => 3,
        };
        found[list].push(name);
    }
    let expected = case.expected()?;
    let ready = expected.at("ready_pod_count")?.whole()?;
    judge.equal("ready_pod_count", &(found[0].len() as u64), &ready);
    judge.knows(
        &expected,
        &[
            "ready_pod_count",
            "unready_pods",
            "missing_pods",
            "ignored_pods",
        ],
    );
    let lists = ["unready_pods", "missing_pods", "ignored_pods"];
    for (key, found) in lists.into_iter().zip(&mut found[1..]) {
        if let Some(list) = expected.maybe(key) {
            let items = list.items()?;
            let wanted: Result<Vec<_>, _> = items.iter().map(Field::text).collect();
            let mut wanted = wanted?;
            wanted.sort_unstable();
            found.sort_unstable();
            judge.equal(key, found, &wanted);
        }
    }
    Ok(())
}
