//! Stabilisation windows, limits of speed and bounds of the autoscaler.

use crate::model::scaling::hpa::behavior::{
    Bounds, Events, Recommendation, bounded, bounded_with, change_within, scale_down_limit,
    scale_up_limit, stabilise, stabilise_with, store,
};
use crate::model::scaling::hpa::pods::Moment;
use crate::model::scaling::hpa::{Behavior, ScalingRules};
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::hpa_case::{
    CONTROLLER, NOW, ago, controller, events, reads_rules, rules, seconds,
};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "hpa_behavior",
    about: "Normalisation of Kubernetes' own tests of the autoscaler: bounds, policies, windows, bookkeeping.",
    judged: "Every number, list and reason must be equal.",
    stems: &["hpa_behavior"],
    weight: 0,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// What a case may expect.
const EXPECTED: &[&str] = &[
    "replicas",
    "condition",
    "limit",
    "log_length",
    "recommendations_after",
    "change_in_period_before",
    "events_after",
];

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each_alone(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    let (input, expected) = (case.input()?, case.expected()?);
    judge.knows(&expected, EXPECTED);
    reads(case, &input, judge);
    match case.group.as_str() {
        "convert_no_behavior" => {
            let found = bounded(
                input.at("current_replicas")?.count()?,
                input.at("desired_replicas")?.count()?,
                bounds(&input)?,
                &controller(&input)?,
            );
            compare(found, &expected, judge)
        }
        "limits" => limit(case, &input, &expected, judge),
        "stabilize_no_behavior" => {
            let mut log = recommendations(&input)?;
            let desired = input.at("desired_replicas")?.count()?;
            let window = seconds(&input, "downscale_stabilization_window_s")?;
            let found = stabilise(&mut log, desired, window, Moment::from(NOW));
            judge.equal("replicas", &found, &expected.at("replicas")?.count()?);
            if let Some(length) = expected.maybe("log_length") {
                judge.equal("log_length", &(log.len() as u64), &length.whole()?);
            }
            logged(&log, &expected, judge)
        }
        "behavior_rate" => {
            let (up, down) = (
                events(&input, "scale_up_events")?,
                events(&input, "scale_down_events")?,
            );
            let behavior = Behavior {
                up: rules(input.maybe("scale_up"))?.unwrap_or_else(ScalingRules::default_up),
                down: rules(input.maybe("scale_down"))?.unwrap_or_else(ScalingRules::default_down),
            };
            let found = bounded_with(
                input.at("current_replicas")?.count()?,
                input.at("desired_replicas")?.count()?,
                bounds(&input)?,
                &behavior,
                Events {
                    up: &up,
                    down: &down,
                },
                Moment::from(NOW),
            );
            compare(found, &expected, judge)
        }
        "store_scale_events" => stored(&input, &expected, judge),
        "stabilize_behavior" => {
            let mut log = recommendations(&input)?;
            let found = stabilise_with(
                &mut log,
                input.at("current_replicas")?.count()?,
                input.at("desired_replicas")?.count()?,
                seconds(&input, "scale_up_stabilization_window_s")?,
                seconds(&input, "scale_down_stabilization_window_s")?,
                Moment::from(NOW),
            );
            judge.equal("replicas", &found, &expected.at("replicas")?.count()?);
            logged(&log, &expected, judge)
        }
        other => {
            judge.fail(format!("cases of the group `{other}` are not known"));
            Ok(())
        }
    }
}

/// Fails for what stands in the input and is not read.
fn reads(case: &Case, input: &Field, judge: &mut Judge) {
    let numbers: &[&str] = &[
        "current_replicas",
        "desired_replicas",
        "min_replicas",
        "max_replicas",
    ];
    let changes: &[&str] = &["scale_up_events", "scale_down_events"];
    let keys = match case.group.as_str() {
        "convert_no_behavior" => [numbers, CONTROLLER].concat(),
        "limits" => [&["current_replicas", "rules"], changes].concat(),
        "stabilize_no_behavior" => [&["desired_replicas", "recommendations"], CONTROLLER].concat(),
        "behavior_rate" => [numbers, changes, &["scale_up", "scale_down"]].concat(),
        "store_scale_events" => vec![
            "rules",
            "previous_events",
            "query_period_s",
            "replica_change",
        ],
        "stabilize_behavior" => vec![
            "current_replicas",
            "desired_replicas",
            "recommendations",
            "scale_up_stabilization_window_s",
            "scale_down_stabilization_window_s",
        ],
        _ => return,
    };
    judge.reads(input, &keys);
    for key in ["rules", "scale_up", "scale_down"] {
        reads_rules(judge, input, key);
    }
    judge.reads_in(input, "recommendations", &["replicas", "age_s"]);
    for key in changes.iter().chain(&["previous_events"]) {
        judge.reads_in(input, key, &["change", "age_s", "outdated"]);
    }
}

fn limit(case: &Case, input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let Some(rules) = rules(input.maybe("rules"))? else {
        return Err(input.wrong("an object with `rules`"));
    };
    let up = events(input, "scale_up_events")?;
    let down = events(input, "scale_down_events")?;
    let events = Events {
        up: &up,
        down: &down,
    };
    let current = input.at("current_replicas")?.count()?;
    let name = case.field().at("fn")?.text()?;
    let found = if name.contains("ScaleDown") {
        scale_down_limit(current, &rules, events, Moment::from(NOW))
    } else {
        scale_up_limit(current, &rules, events, Moment::from(NOW))
    };
    judge.within("limit", found as f64, expected.at("limit")?.number()?, 0.0);
    Ok(())
}

fn stored(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    let rules = rules(input.maybe("rules"))?;
    let mut events = events(input, "previous_events")?;
    let period = seconds(input, "query_period_s")?;
    let before = change_within(&events, period, Moment::from(NOW));
    let wanted = expected.at("change_in_period_before")?.count()?;
    judge.equal("change_in_period_before", &before, &wanted);
    let change = input.at("replica_change")?.count()?;
    store(&mut events, change, rules.as_ref(), Moment::from(NOW));
    let found: Vec<_> = events
        .iter()
        .map(|event| (event.change, event.outdated))
        .collect();
    let wanted = expected.at("events_after")?.items()?;
    let wanted = wanted
        .iter()
        .map(|event| Ok((event.at("change")?.count()?, event.at("outdated")?.truth()?)))
        .collect::<Result<Vec<_>, Malformed>>()?;
    judge.equal("events_after", &found, &wanted);
    Ok(())
}

fn compare(found: (u32, &str), expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    judge.equal("replicas", &found.0, &expected.at("replicas")?.count()?);
    if let Some(condition) = expected.maybe("condition") {
        judge.equal("condition", found.1, condition.text()?);
    }
    Ok(())
}

fn logged(log: &[Recommendation], expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    if let Some(list) = expected.maybe("recommendations_after") {
        let found: Vec<_> = log.iter().map(|past| past.replicas).collect();
        let items = list.items()?;
        let wanted: Result<Vec<_>, _> = items.iter().map(Field::count).collect();
        judge.equal("recommendations_after", &found, &wanted?);
    }
    Ok(())
}

fn bounds(input: &Field) -> Result<Bounds, Malformed> {
    Ok(Bounds {
        min: input.at("min_replicas")?.count()?,
        max: input.at("max_replicas")?.count()?,
    })
}

fn recommendations(input: &Field) -> Result<Vec<Recommendation>, Malformed> {
    let items = input.at("recommendations")?.items()?;
    let read = |past: &Field| {
        Ok(Recommendation {
            replicas: past.at("replicas")?.count()?,
            at: ago(Some(past.at("age_s")?.number()?)),
        })
    };
    items.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;
    use std::path::Path;

    #[test]
    fn a_wrong_reason_fails_and_the_right_one_holds() {
        let file = |reason: &str| {
            // As in the source, the reason is asked for by its name; another name would pass unseen.
            let key = if reason.is_empty() {
                "cause"
            } else {
                "condition"
            };
            let text = format!(
                r#"{{"cases": [{{"id": "a", "group": "convert_no_behavior",
                 "input": {{"current_replicas": 3, "desired_replicas": 1000, "min_replicas": 1,
                  "max_replicas": 2000, "scale_up_limit_factor": 8, "scale_up_limit_minimum": 4}},
                 "expected": {{"replicas": 24, "{key}": "{reason}"}}}}]}}"#
            );
            CaseFile::parse(Path::new("hpa_behavior.json"), &text).unwrap()
        };
        let context = Context::new(1, None);
        let verdict = |reason| check(&file(reason), &context).unwrap()[0].verdict;
        assert_eq!(verdict("ScaleUpLimit"), Verdict::Passed);
        assert_eq!(verdict("TooManyReplicas"), Verdict::Failed);
        let unknown = &check(&file(""), &context).unwrap()[0];
        assert!(
            unknown.reasons[0].starts_with("`cause` is expected"),
            "{unknown:?}"
        );
    }
}
