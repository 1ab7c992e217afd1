//! Arithmetic of Deployments and PodDisruptionBudgets, as Kubernetes' own tests state it.

use serde_json::Value;

use crate::model::rollout::{
    ReplicaSet, RolloutStrategy, Status, clean_up, fenceposts, fraction, scale_proportionally,
};
use crate::model::{Amount, DisruptionBudget};
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "deployment_pdb",
    about: "Rolling update, proportional scaling and completion of Deployments; status of PodDisruptionBudgets.",
    judged: "Exact: every number and every yes or no.",
    stems: &["deployment_pdb"],
    weight: 0,
    ungraded: Grade::Must,
    remarks: &[],
    check,
};

/// What a case may expect.
const EXPECTED: &[&str] = &[
    "scaled",
    "new_replicas",
    "old_replicas",
    "cleaned_up",
    "error",
    "surge",
    "unavailable",
    "new_rs_replicas",
    "max_unavailable",
    "min_available",
    "replicas",
    "fraction",
    "complete",
    "progressing",
    "disruptions_allowed",
    "current_healthy",
    "desired_healthy",
    "expected_pods",
];

fn check(file: &CaseFile, context: &Context) -> Result<Vec<CaseResult>, Vec<Malformed>> {
    context.each_alone(file, KIND.ungraded, one)
}

fn one(case: &Case, judge: &mut Judge, _: &Allowance) -> Result<(), Malformed> {
    let facts = Facts {
        input: case.input()?,
        expected: case.expected()?,
    };
    judge.knows(&facts.expected, EXPECTED);
    facts.reads(case.group.as_str(), judge);
    match case.group.as_str() {
        "reconcile_new_rs" => facts.reconcile_new(judge),
        "reconcile_old_rs" => facts.reconcile_old(judge),
        "cleanup_unhealthy" => facts.clean_up(judge),
        "scale_down_old_rs" => facts.scale_down(judge),
        "resolve_fenceposts" => facts.fenceposts(judge),
        "new_rs_new_replicas" => facts.new_replicas(judge),
        "max_unavailable" => {
            facts.bound(judge, "max_unavailable", RolloutStrategy::max_unavailable)
        }
        "min_available" => facts.bound(judge, "min_available", RolloutStrategy::min_available),
        "proportional_scaling" => facts.proportional(judge),
        "rs_fraction" => facts.fraction(judge),
        "deployment_complete" => facts.complete(judge),
        "deployment_progressing" => facts.progressing(judge),
        "pdb" => facts.budget(judge),
        other => {
            judge.fail(format!("`{other}` is no rule that this kind knows"));
            Ok(())
        }
    }
}

struct Facts<'a> {
    input: Field<'a>,
    expected: Field<'a>,
}

/// A count or percentage; absent is 0; `None`: it cannot be read.
fn amount(field: Option<Field>) -> Option<Amount> {
    match field.map(|field| field.value.clone()) {
        None => Some(Amount::Count(0)),
        // As `intstr`: what is written as text is a percentage.
        Some(Value::String(text)) => text.ends_with('%').then(|| Amount::parse(&text))?,
        Some(other) => Amount::parse(&other.to_string()),
    }
}

impl Facts<'_> {
    /// Fails for what stands in the input and is not read.
    fn reads(&self, group: &str, judge: &mut Judge) {
        let strategy: &[&str] = &["strategy", "max_surge", "max_unavailable"];
        let sizes: &[&str] = &["deployment_replicas", "new_replicas", "old_replicas"];
        // Whether a rollout is complete does not depend on its strategy (upstream's tables state it).
        let keys: Vec<&str> = match group {
            "reconcile_new_rs" => [strategy, sizes].concat(),
            "reconcile_old_rs" => [strategy, sizes, &["ready_old", "ready_new"]].concat(),
            "cleanup_unhealthy" => vec![
                "old_replicas",
                "ready_pods",
                "unhealthy_pods",
                "max_cleanup_count",
            ],
            "scale_down_old_rs" => [strategy, sizes, &["available_old"]].concat(),
            "resolve_fenceposts" => vec!["max_surge", "max_unavailable", "desired"],
            "new_rs_new_replicas" => [
                strategy,
                &["deployment_replicas", "new_rs_replicas", "all_rs_replicas"],
            ]
            .concat(),
            "max_unavailable" | "min_available" => [strategy, &["replicas"]].concat(),
            "proportional_scaling" => vec![
                "replica_sets",
                "replicas_before",
                "replicas_after",
                "max_surge_before",
                "max_surge_after",
                "max_unavailable",
            ],
            "rs_fraction" => vec![
                "deployment_replicas",
                "deployment_status_replicas",
                "max_surge",
                "max_unavailable",
                "rs_replicas",
                "max_replicas_annotation",
            ],
            "deployment_complete" => [
                strategy,
                &["desired", "current", "updated", "ready", "available"],
            ]
            .concat(),
            "deployment_progressing" => vec!["before", "after"],
            "pdb" => vec![
                "min_available",
                "max_unavailable",
                "controller_scales",
                "healthy_pods",
                "pods",
                "total_pods",
            ],
            _ => return,
        };
        judge.reads(&self.input, &keys);
        for key in ["before", "after"] {
            let keys = ["current", "updated", "ready", "available"];
            judge.reads_in(&self.input, key, &keys);
        }
        let set = [
            "age_rank",
            "available",
            "desired_replicas_annotation",
            "is_new",
            "max_replicas_annotation",
            "replicas",
        ];
        judge.reads_in(&self.input, "replica_sets", &set);
    }

    fn count(&self, key: &str) -> Result<u32, Malformed> {
        self.input.at(key)?.count()
    }

    fn amount(&self, key: &str) -> Result<Amount, Malformed> {
        let field = self.input.maybe(key);
        amount(field.clone()).ok_or_else(|| {
            field
                .unwrap_or_else(|| self.input.clone())
                .wrong("a count or a percentage")
        })
    }

    fn strategy(&self) -> Result<RolloutStrategy, Malformed> {
        let kind = self
            .input
            .maybe("strategy")
            .map_or(Ok("RollingUpdate"), |kind| kind.text())?;
        match kind {
            "Recreate" => return Ok(RolloutStrategy::Recreate),
            "RollingUpdate" => {}
            _ => {
                return Err(self
                    .input
                    .at("strategy")?
                    .wrong("RollingUpdate or Recreate"));
            }
        }
        Ok(RolloutStrategy::RollingUpdate {
            max_surge: self.amount("max_surge")?,
            max_unavailable: self.amount("max_unavailable")?,
        })
    }

    /// Compares what is expected of a size and of whether it changed.
    fn scaled(
        &self,
        judge: &mut Judge,
        key: &str,
        before: u32,
        after: u32,
    ) -> Result<(), Malformed> {
        if let Some(scaled) = self.expected.maybe("scaled") {
            judge.equal("scaled", &(before != after), &scaled.truth()?);
        }
        if let Some(size) = self.expected.maybe(key) {
            judge.equal(key, &after, &size.count()?);
        }
        Ok(())
    }

    fn reconcile_new(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let (new, old) = (self.count("new_replicas")?, self.count("old_replicas")?);
        let desired = self.count("deployment_replicas")?;
        let after = self.strategy()?.reconcile_new(desired, new, new + old);
        self.scaled(judge, "new_replicas", new, after)
    }

    fn reconcile_old(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let set = |replicas, available| ReplicaSet {
            replicas,
            available,
            ..ReplicaSet::default()
        };
        let before = self.count("old_replicas")?;
        let mut old = [set(before, self.count("ready_old")?)];
        let new = set(self.count("new_replicas")?, self.count("ready_new")?);
        let desired = self.count("deployment_replicas")?;
        self.strategy()?.reconcile_old(desired, new, &mut old);
        self.scaled(judge, "old_replicas", before, old[0].replicas)
    }

    fn clean_up(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let mut old = [ReplicaSet {
            replicas: self.count("old_replicas")?,
            available: self.count("ready_pods")?,
            ..ReplicaSet::default()
        }];
        let cleaned = clean_up(&mut old, self.count("max_cleanup_count")?);
        judge.equal(
            "cleaned_up",
            &cleaned,
            &self.expected.at("cleaned_up")?.count()?,
        );
        Ok(())
    }

    fn scale_down(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let (before, available) = (self.count("old_replicas")?, self.count("available_old")?);
        let mut old = [ReplicaSet {
            replicas: before,
            available,
            ..ReplicaSet::default()
        }];
        let desired = self.count("deployment_replicas")?;
        self.strategy()?.scale_down(desired, available, &mut old);
        self.scaled(judge, "old_replicas", before, old[0].replicas)
    }

    fn fenceposts(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let read = |key| amount(self.input.maybe(key));
        let desired = self.count("desired")?;
        let found = read("max_surge")
            .zip(read("max_unavailable"))
            .map(|(surge, unavailable)| fenceposts(surge, unavailable, desired));
        let error = self
            .expected
            .maybe("error")
            .map_or(Ok(false), |error| error.truth())?;
        judge.equal("error", &found.is_none(), &error);
        if let Some((surge, unavailable)) = found.filter(|_| !error) {
            judge.equal("surge", &surge, &self.expected.at("surge")?.count()?);
            judge.equal(
                "unavailable",
                &unavailable,
                &self.expected.at("unavailable")?.count()?,
            );
        }
        Ok(())
    }

    fn new_replicas(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let all: f64 = self.input.at("all_rs_replicas")?.numbers()?.iter().sum();
        let desired = self.count("deployment_replicas")?;
        let new = self.count("new_rs_replicas")?;
        let found = self.strategy()?.new_replicas(desired, new, all as u32);
        judge.equal(
            "new_rs_replicas",
            &found,
            &self.expected.at("new_rs_replicas")?.count()?,
        );
        Ok(())
    }

    fn bound(
        &self,
        judge: &mut Judge,
        key: &str,
        rule: fn(RolloutStrategy, u32) -> u32,
    ) -> Result<(), Malformed> {
        let found = rule(self.strategy()?, self.input.count_or_0("replicas")?);
        judge.equal(key, &found, &self.expected.at(key)?.count()?);
        Ok(())
    }

    fn proportional(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let (mut sets, mut new) = (Vec::new(), None);
        for (index, set) in self.input.at("replica_sets")?.items()?.iter().enumerate() {
            let annotation = |key| set.maybe(key).map(|field| field.count()).transpose();
            sets.push(ReplicaSet {
                replicas: set.at("replicas")?.count()?,
                available: set.at("available")?.count()?,
                desired_annotation: annotation("desired_replicas_annotation")?,
                max_annotation: annotation("max_replicas_annotation")?,
            });
            if set.at("is_new")?.truth()? {
                new = Some(index);
            }
        }
        let strategy = RolloutStrategy::RollingUpdate {
            max_surge: self.amount("max_surge_after")?,
            max_unavailable: self.amount("max_unavailable")?,
        };
        let (before, after) = (
            self.count("replicas_before")?,
            self.count("replicas_after")?,
        );
        let found = scale_proportionally(&sets, new, after, strategy, before);
        let wanted: Vec<u32> = self.expected.at("replicas")?.read()?;
        judge.equal("replicas", &found, &wanted);
        Ok(())
    }

    fn fraction(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let annotation = self.input.maybe("max_replicas_annotation");
        let set = ReplicaSet {
            replicas: self.count("rs_replicas")?,
            max_annotation: annotation.map(|field| field.count()).transpose()?,
            ..ReplicaSet::default()
        };
        let desired = self.count("deployment_replicas")?;
        let surge = self
            .amount("max_surge")?
            .of(desired, crate::model::Round::Up);
        let status = self.input.count_or_0("deployment_status_replicas")?;
        let found = fraction(set, desired, surge, status);
        let wanted: i64 = self.expected.at("fraction")?.read()?;
        judge.equal("fraction", &found, &wanted);
        Ok(())
    }

    fn complete(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let status = Status {
            current: self.count("current")?,
            updated: self.count("updated")?,
            ready: 0,
            available: self.count("available")?,
        };
        let found = status.is_complete(self.count("desired")?);
        judge.equal("complete", &found, &self.expected.at("complete")?.truth()?);
        Ok(())
    }

    fn progressing(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let status = |key: &str| -> Result<Status, Malformed> {
            let field = self.input.at(key)?;
            Ok(Status {
                current: field.at("current")?.count()?,
                updated: field.at("updated")?.count()?,
                ready: field.at("ready")?.count()?,
                available: field.at("available")?.count()?,
            })
        };
        let found = status("after")?.progressed(status("before")?);
        judge.equal(
            "progressing",
            &found,
            &self.expected.at("progressing")?.truth()?,
        );
        Ok(())
    }

    fn budget(&self, judge: &mut Judge) -> Result<(), Malformed> {
        let budget = if self.input.maybe("min_available").is_some() {
            DisruptionBudget::MinAvailable(self.amount("min_available")?)
        } else {
            DisruptionBudget::MaxUnavailable(self.amount("max_unavailable")?)
        };
        let scales = self.input.maybe("controller_scales");
        let scales = scales.map_or(Ok(Vec::new()), |scales| scales.numbers())?;
        let mut expected: f64 = scales.iter().sum();
        let healthy = self.count("healthy_pods")?;
        // Pods that no controller made are counted themselves.
        if scales.is_empty() {
            let pods = ["pods", "total_pods"]
                .iter()
                .find_map(|key| self.input.maybe(key));
            expected = pods.map_or(Ok(f64::from(healthy)), |pods| pods.number())?;
        }
        let status = budget.status(expected as u32, healthy);
        for (key, found) in [
            ("disruptions_allowed", status.allowed),
            ("current_healthy", healthy),
            ("desired_healthy", status.desired_healthy),
            ("expected_pods", expected as u32),
        ] {
            if let Some(wanted) = self.expected.maybe(key) {
                judge.equal(key, &found, &wanted.count()?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;
    use std::path::Path;

    #[test]
    fn every_fact_of_upstream_holds() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/deployment_pdb.json");
        let file = CaseFile::read(&path).unwrap();
        for result in check(&file, &Context::new(1, None)).unwrap() {
            assert_eq!(
                result.verdict,
                Verdict::Passed,
                "{}: {:?}",
                result.id,
                result.reasons
            );
        }
    }

    /// A budget of bare pods, as upstream's `TestNoControllers` has it: three must stay, one to four are there.
    #[test]
    fn pods_without_a_controller_are_counted_themselves() {
        let case = |healthy: u32, allowed: u32| {
            format!(
                r#"{{"id": "{healthy}", "group": "pdb", "input": {{"min_available": 3, "healthy_pods": {healthy}}},
                "expected": {{"disruptions_allowed": {allowed}, "expected_pods": {healthy}, "desired_healthy": 3}}}}"#
            )
        };
        let text = format!(
            r#"{{"cases": [{}, {}, {}]}}"#,
            case(1, 0),
            case(3, 0),
            case(4, 1)
        );
        let file = CaseFile::parse(Path::new("deployment_pdb.json"), &text).unwrap();
        for result in check(&file, &Context::new(1, None)).unwrap() {
            assert_eq!(result.verdict, Verdict::Passed, "{:?}", result.reasons);
        }
    }

    #[test]
    fn a_wrong_reference_fails() {
        let text = r#"{"cases": [{"id": "a", "group": "pdb", "input": {"min_available": "34%",
            "controller_scales": [3], "healthy_pods": 3}, "expected": {"disruptions_allowed": 2}}]}"#;
        let file = CaseFile::parse(Path::new("deployment_pdb.json"), text).unwrap();
        let results = check(&file, &Context::new(1, None)).unwrap();
        assert_eq!(results[0].verdict, Verdict::Failed);
    }
}
