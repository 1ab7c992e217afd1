//! From one metric to a number of replicas (`replica_calculator.go`).
//!
//! All sums are integers in thousandths, ratios are the quotients of two numbers as the source has them: the
//! utilisation is whole per cent, truncated, before it is compared with its target.

use super::pods::{Class, Moment, PodGroup, PodPhase, PodSample, class};
use super::{HpaController, Resource, Tolerances};

/// What a metric proposes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// Replicas.
    pub replicas: u32,
    /// Utilisation of the request, whole per cent, if the target is one.
    pub utilisation_percent: Option<i64>,
    /// Average of the pods that count, or the value of an object or external metric (divided by replicas if
    /// its target is an average), in thousandths.
    pub usage: i64,
}

/// Why a metric proposes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// The pipeline has no sample of any pod.
    #[error(
        "unable to get metrics for resource {0}: no metrics returned from resource metrics API"
    )]
    NoResourceSamples(&'static str),
    /// The pipeline has no sample of any pod.
    #[error("unable to get metric: no metrics returned from custom metrics API")]
    NoPodSamples,
    /// The selector finds nobody.
    #[error("no pods returned by selector while calculating replica count")]
    NoPods,
    /// All samples are of pods that are set aside.
    #[error("did not receive metrics for targeted pods (pods might be unready)")]
    OnlyUnready,
    /// Some pod has no request.
    #[error("missing request for {0}")]
    NoRequest(&'static str),
    /// No sample belongs to a pod with a request.
    #[error("no metrics returned matched known pods")]
    NoMatch,
    /// The object's or external metric cannot be read.
    #[error("unable to get metric: no value")]
    NoValue,
    /// The target's type does not fit the source.
    #[error("invalid metric source: the target's type does not fit")]
    WrongTarget,
    /// The source type is not one of the API's.
    #[error("unknown metric source type")]
    UnknownSource,
}

/// Pods with their samples of one metric.
#[derive(Clone, Copy, Debug)]
pub struct Sampled<'a> {
    /// All pods that the selector finds.
    pub pods: &'a [PodGroup],
    /// A sample for each of them.
    pub samples: &'a [Option<PodSample>],
    /// Samples of pods that the selector does not find, each of one pod.
    pub strangers: &'a [i64],
}

/// What the rules are applied with.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The controller's settings.
    pub controller: &'a HpaController,
    /// Ratios within which nothing changes.
    pub tolerances: Tolerances,
    /// Now.
    pub now: Moment,
}

/// Sums over pods by how they count.
#[derive(Default)]
struct Sums {
    counted: i64,
    unready: i64,
    missing: i64,
    /// Sum of samples of counted pods.
    usage: i64,
    /// Sums of requests.
    counted_requests: i64,
    unready_requests: i64,
    missing_requests: i64,
    any_sample: bool,
    any_without_request: bool,
}

impl Sums {
    fn of(sampled: &Sampled, resource: Option<Resource>, setting: &Setting) -> Self {
        let mut sums = Self {
            any_sample: !sampled.strangers.is_empty(),
            ..Self::default()
        };
        for (pod, sample) in sampled.pods.iter().zip(sampled.samples) {
            let pods = i64::from(pod.pods);
            let request = resource.and_then(|resource| pod.request(resource));
            sums.any_sample |= sample.is_some();
            sums.any_without_request |= request.is_none();
            let requests = request.unwrap_or(0) * pods;
            let cpu = resource == Some(Resource::Cpu);
            match class(pod, sample.as_ref(), cpu, setting.controller, setting.now) {
                Class::Ignored => {}
                Class::Unready => {
                    sums.unready += pods;
                    sums.unready_requests += requests;
                }
                Class::Missing => {
                    sums.missing += pods;
                    sums.missing_requests += requests;
                }
                Class::Counted => {
                    sums.counted += pods;
                    sums.usage += sample.map_or(0, |sample| sample.total);
                    sums.counted_requests += requests;
                }
            }
        }
        sums
    }
}

/// `GetResourceReplicas`: a utilisation of the request.
///
/// # Errors
/// Nobody can be counted, or a pod has no request.
pub fn resource_utilisation(
    current: u32,
    target_percent: u32,
    resource: Resource,
    sampled: &Sampled,
    setting: &Setting,
) -> Result<Proposal, Failure> {
    let sums = Sums::of(sampled, Some(resource), setting);
    if !sums.any_sample {
        return Err(Failure::NoResourceSamples(resource.name()));
    }
    if sampled.pods.is_empty() {
        return Err(Failure::NoPods);
    }
    let strangers = sampled.strangers.len() as i64;
    if sums.counted + strangers == 0 {
        return Err(Failure::OnlyUnready);
    }
    if sums.any_without_request {
        return Err(Failure::NoRequest(resource.name()));
    }
    if sums.counted_requests == 0 {
        return Err(Failure::NoMatch);
    }
    let target = f64::from(target_percent);
    let percent = sums.usage * 100 / sums.counted_requests;
    let ratio = percent as f64 / target;
    let proposal = |replicas| Proposal {
        replicas,
        utilisation_percent: Some(percent),
        usage: sums.usage / sums.counted.max(1),
    };
    let up_with_unready = sums.unready > 0 && ratio > 1.0;
    if !up_with_unready && sums.missing == 0 {
        return Ok(proposal(plain(current, ratio, sums.counted, setting)));
    }
    let (mut usage, mut requests) = (sums.usage, sums.counted_requests);
    let mut entries = sums.counted + strangers;
    if sums.missing > 0 && ratio != 1.0 {
        if ratio < 1.0 {
            // Missing pods use all of their request, or the target where that is more.
            usage += missing_usage(
                sampled,
                resource,
                i64::from(target_percent.max(100)),
                setting,
            );
        }
        requests += sums.missing_requests;
        entries += sums.missing;
    }
    if up_with_unready {
        requests += sums.unready_requests;
        entries += sums.unready;
    }
    let again = (usage * 100 / requests) as f64 / target;
    Ok(proposal(rebalanced(
        current, ratio, again, entries, setting,
    )))
}

/// What pods without a sample are held to use when scaling down; whole thousandths for each pod.
fn missing_usage(sampled: &Sampled, resource: Resource, percent: i64, setting: &Setting) -> i64 {
    let cpu = resource == Resource::Cpu;
    let pods = sampled.pods.iter().zip(sampled.samples);
    pods.filter(|(pod, sample)| {
        class(pod, sample.as_ref(), cpu, setting.controller, setting.now) == Class::Missing
    })
    .map(|(pod, _)| i64::from(pod.pods) * (pod.request(resource).unwrap_or(0) * percent / 100))
    .sum()
}

/// `calcPlainMetricReplicas`: an average over pods. `resource` when it is one of theirs (for the CPU young
/// pods are set aside); a metric of pods counts all that have a sample.
///
/// # Errors
/// Nobody can be counted.
pub fn average_of_pods(
    current: u32,
    target: i64,
    resource: Option<Resource>,
    sampled: &Sampled,
    setting: &Setting,
) -> Result<Proposal, Failure> {
    let sums = Sums::of(sampled, resource, setting);
    if !sums.any_sample {
        return Err(resource.map_or(Failure::NoPodSamples, |resource| {
            Failure::NoResourceSamples(resource.name())
        }));
    }
    if sampled.pods.is_empty() {
        return Err(Failure::NoPods);
    }
    let mut entries = sums.counted + sampled.strangers.len() as i64;
    if entries == 0 {
        return Err(Failure::OnlyUnready);
    }
    let mut total = sums.usage + sampled.strangers.iter().sum::<i64>();
    let usage = total / entries;
    let ratio = usage as f64 / target as f64;
    let proposal = |replicas| Proposal {
        replicas,
        utilisation_percent: None,
        usage,
    };
    let up_with_unready = sums.unready > 0 && ratio > 1.0;
    if !up_with_unready && sums.missing == 0 {
        return Ok(proposal(plain(current, ratio, sums.counted, setting)));
    }
    // Unlike a utilisation, at a ratio of exactly 1 too: then pods without a sample count as idle.
    if ratio < 1.0 {
        total += sums.missing * target;
    }
    entries += sums.missing;
    if up_with_unready {
        entries += sums.unready;
    }
    let again = (total / entries) as f64 / target as f64;
    Ok(proposal(rebalanced(
        current, ratio, again, entries, setting,
    )))
}

/// `GetObjectMetricReplicas` and `GetExternalMetricReplicas`: a value for all; only ready running pods multiply
/// the ratio, and at zero replicas the ratio itself is the number.
///
/// # Errors
/// There are replicas but no pods.
pub fn value(
    current: u32,
    target: i64,
    value: i64,
    pods: &[PodGroup],
    setting: &Setting,
) -> Result<Proposal, Failure> {
    let ratio = value as f64 / target as f64;
    let proposal = |replicas| Proposal {
        replicas,
        utilisation_percent: None,
        usage: value,
    };
    if current == 0 {
        return Ok(proposal(whole(ratio)));
    }
    if setting.tolerances.hold(ratio) {
        return Ok(proposal(current));
    }
    if pods.is_empty() {
        return Err(Failure::NoPods);
    }
    let ready = pods
        .iter()
        .filter(|pod| pod.phase == PodPhase::Running && pod.ready == Some(true));
    let ready: u32 = ready.map(|pod| pod.pods).sum();
    Ok(proposal(whole(ratio * f64::from(ready))))
}

/// `GetObjectPerPodMetricReplicas` and `GetExternalPerPodMetricReplicas`: a value for all, to be shared by
/// the replicas of the target's status.
#[must_use]
pub fn value_per_pod(status: u32, target: i64, value: i64, setting: &Setting) -> Proposal {
    let ratio = value as f64 / (target as f64 * f64::from(status));
    let replicas = if setting.tolerances.hold(ratio) {
        status
    } else {
        whole(value as f64 / target as f64)
    };
    // Without replicas there is no average; the source's conversion of infinity is left to the machine.
    let usage = if status == 0 {
        value
    } else {
        (value as f64 / f64::from(status)).ceil() as i64
    };
    Proposal {
        replicas,
        utilisation_percent: None,
        usage,
    }
}

fn plain(current: u32, ratio: f64, counted: i64, setting: &Setting) -> u32 {
    if setting.tolerances.hold(ratio) {
        current
    } else {
        whole(ratio * counted as f64)
    }
}

/// The number after pods without a usable sample were filled in: never a turn of direction.
fn rebalanced(current: u32, before: f64, after: f64, entries: i64, setting: &Setting) -> u32 {
    let turned = (before < 1.0 && after > 1.0) || (before > 1.0 && after < 1.0);
    if setting.tolerances.hold(after) || turned {
        return current;
    }
    let replicas = whole(after * entries as f64);
    let against = (after < 1.0 && replicas > current) || (after > 1.0 && replicas < current);
    if against { current } else { replicas }
}

/// Next whole number, at most the largest of the API's 32 bits.
fn whole(replicas: f64) -> u32 {
    replicas.ceil().clamp(0.0, f64::from(i32::MAX)) as u32
}
