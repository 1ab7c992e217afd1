//! What the cases of the autoscaler have in common: pods, samples, rules, ages.

use crate::model::scaling::HpaController;
use crate::model::scaling::hpa::pods::{Moment, PodGroup, PodPhase};
use crate::model::scaling::hpa::{RateLimit, RatePolicy, ScalingRules, Select};
use crate::units::{SimDuration, SimTime};
use crate::verify::case_file::{Field, Malformed};

/// The instant of every case: late enough for every age.
pub(super) const NOW: SimTime = SimTime(1_000_000_000_000_000_000);

/// In the source the clock goes on between the writing of an age and the call that reads it.
const MEANWHILE: i64 = 1_000;

/// That many seconds before now; `None` is the zero time of the source.
pub(super) fn ago(age: Option<f64>) -> Moment {
    age.map_or(Moment::LONG_AGO, |seconds| {
        Moment(Moment::from(NOW).0 - (seconds * 1e9) as i64 - MEANWHILE)
    })
}

/// An optional number under a key that may be null.
pub(super) fn number(field: &Field, key: &str) -> Result<Option<f64>, Malformed> {
    field.maybe(key).map(|number| number.number()).transpose()
}

/// Whole thousandths.
pub(super) fn milli(field: &Field) -> Result<i64, Malformed> {
    Ok(field.number()?.round() as i64)
}

/// Seconds of a window or period.
pub(super) fn seconds(field: &Field, key: &str) -> Result<SimDuration, Malformed> {
    Ok(SimDuration::from_seconds(field.at(key)?.number()?))
}

/// The controller's settings that the case states, upstream's for the others.
pub(super) fn controller(input: &Field) -> Result<HpaController, Malformed> {
    let mut controller = HpaController::default();
    let duration = |key: &str, value: &mut SimDuration| -> Result<(), Malformed> {
        if let Some(seconds) = number(input, key)? {
            *value = SimDuration::from_seconds(seconds);
        }
        Ok(())
    };
    let plain = |key: &str, value: &mut f64| -> Result<(), Malformed> {
        if let Some(found) = number(input, key)? {
            *value = found;
        }
        Ok(())
    };
    duration(
        "cpu_initialization_period_s",
        &mut controller.cpu_initialization_period,
    )?;
    duration(
        "initial_readiness_delay_s",
        &mut controller.initial_readiness_delay,
    )?;
    duration(
        "downscale_stabilization_window_s",
        &mut controller.downscale_stabilization,
    )?;
    plain("tolerance", &mut controller.tolerance)?;
    plain(
        "scale_up_limit_factor",
        &mut controller.scale_up_limit_factor,
    )?;
    plain(
        "scale_up_limit_minimum",
        &mut controller.scale_up_limit_minimum,
    )?;
    Ok(controller)
}

/// When the Ready condition of a pod last changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadyChanged {
    /// Never: the zero time.
    Never,
    /// When the pod started.
    AtStart,
    /// As the case says.
    Stated,
}

/// Pods with their names, in order.
pub(super) fn pods(
    input: &Field,
    changed: ReadyChanged,
) -> Result<Vec<(String, PodGroup)>, Malformed> {
    let items = input.maybe("pods").map(|list| list.items()).transpose()?;
    items
        .unwrap_or_default()
        .iter()
        .map(|pod| pod_of(pod, changed))
        .collect()
}

fn pod_of(pod: &Field, changed: ReadyChanged) -> Result<(String, PodGroup), Malformed> {
    let name = pod.at("name")?.text()?.to_owned();
    let phase = pod.at("phase")?;
    let phase = match phase.text()? {
        "Pending" => PodPhase::Pending,
        "Running" => PodPhase::Running,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        _ => return Err(phase.wrong("a pod phase")),
    };
    let started = ago(number(pod, "start_age_s")?);
    let (ready, ready_changed) = match changed {
        ReadyChanged::Stated => (
            pod.maybe("ready_condition")
                .map(|ready| ready.truth())
                .transpose()?,
            ago(number(pod, "ready_transition_age_s")?),
        ),
        ReadyChanged::Never | ReadyChanged::AtStart => {
            let ready = pod.maybe("ready").map(|ready| ready.truth()).transpose()?;
            let at = if changed == ReadyChanged::Never {
                Moment::LONG_AGO
            } else {
                started
            };
            (Some(ready.unwrap_or(true)), at)
        }
    };
    let deleting = pod.maybe("deleting").map(|flag| flag.truth()).transpose()?;
    let request = pod
        .maybe("request_milli")
        .map(|request| milli(&request))
        .transpose()?;
    let group = PodGroup {
        pods: 1,
        phase,
        deleting: deleting.unwrap_or(false),
        ready,
        ready_changed,
        started: Some(started),
        cpu_request: request,
        memory_request: request,
    };
    Ok((name, group))
}

/// Rules of one direction; null is `None`.
pub(super) fn rules(field: Option<Field>) -> Result<Option<ScalingRules>, Malformed> {
    let Some(field) = field else { return Ok(None) };
    let select = field.at("select_policy")?;
    let select = match select.text()? {
        "Max" => Select::Max,
        "Min" => Select::Min,
        "Disabled" => Select::Disabled,
        _ => return Err(select.wrong("Max, Min or Disabled")),
    };
    let items = field
        .maybe("policies")
        .map(|list| list.items())
        .transpose()?;
    let policies = items.unwrap_or_default();
    let policies = policies.iter().map(|policy| {
        let kind = policy.at("type")?;
        let value = policy.at("value")?.count()?;
        Ok(RatePolicy {
            limit: match kind.text()? {
                "Pods" => RateLimit::Pods(value),
                "Percent" => RateLimit::Percent(value),
                _ => return Err(kind.wrong("Pods or Percent")),
            },
            period: seconds(policy, "period_s")?,
        })
    });
    let window = number(&field, "stabilization_window_s")?;
    Ok(Some(ScalingRules {
        window: window.map(SimDuration::from_seconds),
        select,
        policies: policies.collect::<Result<_, Malformed>>()?,
        tolerance: number(&field, "tolerance")?,
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::verify::case_file::CaseFile;
    use crate::verify::context::Context;
    use crate::verify::judge::Verdict;
    use crate::verify::{deployment_pdb, scheduler_scores};
    use crate::verify::{hpa_behavior, hpa_reconcile, hpa_replica_calculator};

    #[test]
    fn every_case_of_kubernetes_own_tests_and_every_unusual_one_holds() {
        let files = [
            ("", &hpa_replica_calculator::KIND),
            ("", &hpa_behavior::KIND),
            ("", &hpa_reconcile::KIND),
            ("unusual", &hpa_replica_calculator::KIND),
            ("unusual", &hpa_behavior::KIND),
            ("unusual", &deployment_pdb::KIND),
            ("unusual", &scheduler_scores::KIND),
        ];
        for (folder, kind) in files {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/cases")
                .join(folder)
                .join(format!("{}.json", kind.name));
            let file = CaseFile::read(&path).unwrap();
            let results = (kind.check)(&file, &Context::new(1, None)).unwrap();
            for case in results {
                assert_eq!(
                    case.verdict,
                    Verdict::Passed,
                    "{}: {:?}",
                    case.id,
                    case.reasons
                );
            }
        }
    }
}
