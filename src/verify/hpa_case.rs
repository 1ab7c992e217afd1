//! What the cases of the autoscaler have in common: pods, samples, rules, ages.

use crate::model::scaling::HpaController;
use crate::model::scaling::hpa::behavior::ScaleEvent;
use crate::model::scaling::hpa::pods::{Moment, PodGroup, PodPhase};
use crate::model::scaling::hpa::{RateLimit, RatePolicy, ScalingRules, Select};
use crate::units::{SimDuration, SimTime};
use crate::verify::case_file::{Field, Malformed};
use crate::verify::judge::Judge;

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

/// What `controller` reads.
pub(super) const CONTROLLER: &[&str] = &[
    "cpu_initialization_period_s",
    "initial_readiness_delay_s",
    "downscale_stabilization_window_s",
    "tolerance",
    "scale_up_limit_factor",
    "scale_up_limit_minimum",
];

/// What `pods` reads of a pod.
const POD: &[&str] = &[
    "name",
    "phase",
    "ready",
    "ready_condition",
    "ready_transition_age_s",
    "start_age_s",
    "deleting",
    "request_milli",
    "cpu_request_milli",
    "memory_request_milli",
];

/// What `rules` reads.
const RULES: &[&str] = &[
    "stabilization_window_s",
    "select_policy",
    "policies",
    "tolerance",
];

/// Fails for what stands in the pods, and in what is asked for by `more`, and is not read.
pub(super) fn reads_pods(judge: &mut Judge, input: &Field, more: &[&[&str]]) {
    judge.reads(input, &more.concat());
    judge.reads_in(input, "pods", POD);
}

/// Fails for what stands in rules under `key` and is not read.
pub(super) fn reads_rules(judge: &mut Judge, input: &Field, key: &str) {
    judge.reads_in(input, key, RULES);
    if let Some(rules) = input.maybe(key) {
        judge.reads_in(&rules, "policies", &["type", "value", "period_s"]);
    }
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
    let phase = match pod.maybe("phase") {
        None => PodPhase::Running,
        Some(phase) => match phase.text()? {
            "Pending" => PodPhase::Pending,
            "Running" => PodPhase::Running,
            "Succeeded" => PodPhase::Succeeded,
            "Failed" => PodPhase::Failed,
            _ => return Err(phase.wrong("a pod phase")),
        },
    };
    let started = ago(number(pod, "start_age_s")?);
    let truth = |key: &str| pod.maybe(key).map(|flag| flag.truth()).transpose();
    let ready = truth("ready_condition")?.or(truth("ready")?);
    let stated = number(pod, "ready_transition_age_s")?.map(|age| ago(Some(age)));
    let (ready, ready_changed) = match changed {
        ReadyChanged::Stated => (ready, stated.unwrap_or(Moment::LONG_AGO)),
        ReadyChanged::Never => (
            Some(ready.unwrap_or(true)),
            stated.unwrap_or(Moment::LONG_AGO),
        ),
        ReadyChanged::AtStart => (Some(ready.unwrap_or(true)), stated.unwrap_or(started)),
    };
    let request = |key: &str| pod.maybe(key).map(|request| milli(&request)).transpose();
    let either = request("request_milli")?;
    let group = PodGroup {
        pods: 1,
        phase,
        deleting: truth("deleting")?.unwrap_or(false),
        ready,
        ready_changed,
        started: Some(started),
        cpu_request: request("cpu_request_milli")?.or(either),
        memory_request: request("memory_request_milli")?.or(either),
    };
    Ok((name, group))
}

/// Rules of one direction; null is `None`.
pub(super) fn rules(field: Option<Field>) -> Result<Option<ScalingRules>, Malformed> {
    let Some(field) = field else { return Ok(None) };
    // The API server's default.
    let select = match field.maybe("select_policy") {
        None => Select::Max,
        Some(select) => match select.text()? {
            "Max" => Select::Max,
            "Min" => Select::Min,
            "Disabled" => Select::Disabled,
            _ => return Err(select.wrong("Max, Min or Disabled")),
        },
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

/// Changes of the past under a key; none unless written.
pub(super) fn events(input: &Field, key: &str) -> Result<Vec<ScaleEvent>, Malformed> {
    let items = input.maybe(key).map(|list| list.items()).transpose()?;
    let read = |event: &Field| {
        let outdated = event
            .maybe("outdated")
            .map(|flag| flag.truth())
            .transpose()?;
        Ok(ScaleEvent {
            change: event.at("change")?.count()?,
            at: ago(Some(event.at("age_s")?.number()?)),
            outdated: outdated.unwrap_or(false),
        })
    };
    items.unwrap_or_default().iter().map(read).collect()
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

    /// Adds a member at every place of an input where an object stands, one place at a time.
    fn strange(value: &serde_json::Value) -> Vec<serde_json::Value> {
        use serde_json::Value;
        let mut found = Vec::new();
        match value {
            Value::Object(map) => {
                let mut own = map.clone();
                own.insert("strange".to_owned(), Value::from(1));
                found.push(Value::Object(own));
                for (key, inner) in map {
                    for inner in strange(inner) {
                        let mut own = map.clone();
                        own.insert(key.clone(), inner);
                        found.push(Value::Object(own));
                    }
                }
            }
            Value::Array(list) => {
                for (index, inner) in list.iter().enumerate() {
                    for inner in strange(inner) {
                        let mut own = list.clone();
                        own[index] = inner;
                        found.push(Value::Array(own));
                    }
                }
            }
            _ => {}
        }
        found
    }

    /// Objects whose keys are names of nodes, resources or labels have no member that is strange.
    const FREE: [&str; 5] = [
        "allocatable",
        "existing_requests",
        "pod_request",
        "labels",
        "matching_pods",
    ];

    #[test]
    fn a_member_that_is_not_read_fails_its_case_wherever_it_stands() {
        let kinds = [
            &hpa_replica_calculator::KIND,
            &hpa_behavior::KIND,
            &hpa_reconcile::KIND,
            &deployment_pdb::KIND,
            &scheduler_scores::KIND,
        ];
        for kind in kinds {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/cases")
                .join(format!("{}.json", kind.name));
            let mut file = CaseFile::read(&path).unwrap();
            let mut cases = Vec::new();
            for case in &file.cases {
                for input in strange(&case.value["input"]) {
                    let text = input.to_string();
                    let within = |key: &str| {
                        let place = text.find("\"strange\"").unwrap();
                        let open = text[..place].rfind(&format!("\"{key}\":"));
                        open.is_some_and(|open| {
                            let between = &text[open..place];
                            let depth = |mark| between.matches(mark).count();
                            depth('{') > depth('}')
                        })
                    };
                    if FREE.iter().any(|key| within(key)) {
                        continue;
                    }
                    let mut case = case.clone();
                    case.value["input"] = input;
                    cases.push(case);
                }
            }
            assert!(cases.len() >= file.cases.len(), "{}", kind.name);
            file.cases = cases;
            for case in (kind.check)(&file, &Context::new(1, None)).unwrap() {
                let named = case
                    .reasons
                    .iter()
                    .any(|reason| reason.contains("`strange`"));
                assert!(named, "{}: {}: {:?}", kind.name, case.id, case.reasons);
            }
        }
    }
}
