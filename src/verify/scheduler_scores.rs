//! Scores of kube-scheduler's plugins, as its own tests state them.

use crate::model::placement::{
    ABSENT, Domains, Share, Tally, balanced_allocation, check_weights, least_allocated,
    most_allocated, skips_balance, spread_scores, takes_part,
};
use crate::verify::Kind;
use crate::verify::case_file::{Case, CaseFile, Field, Malformed};
use crate::verify::context::{Allowance, Context};
use crate::verify::judge::{CaseResult, Grade, Judge};

/// The kind.
pub static KIND: Kind = Kind {
    name: "scheduler_scores",
    about: "Scores of nodes (0 to 100) as kube-scheduler's plugins give them: room, balance, topology spread.",
    judged: "Exact: every node's score, or the refusal of a wrong configuration.",
    stems: &["scheduler_scores"],
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
    judge.knows(&expected, &["scores", "error", "skip"]);
    if case.group == "pod_topology_spread" {
        return spread(&input, &expected, judge);
    }
    let score = match case.group.as_str() {
        "least_allocated" => |shares: &[Share]| least_allocated(shares.iter().copied()),
        "most_allocated" => |shares: &[Share]| most_allocated(shares.iter().copied()),
        "balanced_allocation" => |shares: &[Share]| balanced_allocation(shares.iter().copied()),
        other => {
            judge.fail(format!("`{other}` is no score that this kind knows"));
            return Ok(());
        }
    };
    judge.reads(&input, &["pod_request", "resources", "nodes"]);
    judge.reads_in(&input, "resources", &["name", "weight"]);
    judge.reads_in(
        &input,
        "nodes",
        &["name", "allocatable", "existing_requests"],
    );
    let resources = input.items_or_none("resources")?;
    let mut weights = Vec::new();
    for resource in &resources {
        let weight = resource.maybe("weight");
        weights.push(weight.map_or(Ok(1.0), |weight| weight.number())? as i64);
    }
    if let Some(refused) = expected.maybe("error") {
        let found = check_weights(&weights)
            .err()
            .map(|place| format!("invalid scoringStrategy.resources[{place}].weight"));
        judge.equal("error", &found.as_deref(), &Some(refused.text()?));
        return Ok(());
    }
    judge.equal("weights", &check_weights(&weights), &Ok(()));
    let asked = input.at("pod_request")?;
    if let Some(skipped) = expected.maybe("skip") {
        let mut amounts = Vec::new();
        for resource in &resources {
            let name = resource.at("name")?.text()?;
            amounts.push(asked.whole_or_0(name)?);
        }
        judge.equal("skip", &skips_balance(amounts), &skipped.truth()?);
        return Ok(());
    }
    for node in input.at("nodes")?.items()? {
        let mut shares = Vec::new();
        for (resource, weight) in resources.iter().zip(&weights) {
            let name = resource.at("name")?.text()?;
            let allocatable = node.at("allocatable")?.whole_or_0(name)?;
            let own = asked.whole_or_0(name)?;
            let mut requested = own;
            for pod in node.items_or_none("existing_requests")? {
                requested += pod.whole_or_0(name)?;
            }
            // Resources of a domain are extended ones.
            if Share::counts(allocatable, name.contains('/'), own) {
                shares.push(Share {
                    requested,
                    allocatable,
                    weight: u64::try_from(*weight).unwrap_or(0),
                });
            }
        }
        let name = node.at("name")?.text()?;
        let wanted = expected.at("scores")?.at(name)?.whole()?;
        judge.equal(name, &score(&shares), &wanted);
    }
    Ok(())
}

fn spread(input: &Field, expected: &Field, judge: &mut Judge) -> Result<(), Malformed> {
    judge.reads(
        input,
        &[
            "constraints",
            "candidate_nodes",
            "other_nodes",
            "matching_pods",
        ],
    );
    judge.reads_in(input, "constraints", &["topology_key", "max_skew"]);
    for key in ["candidate_nodes", "other_nodes"] {
        judge.reads_in(input, key, &["name", "labels"]);
    }
    let candidates = input.at("candidate_nodes")?.items()?;
    let others = input.items_or_none("other_nodes")?;
    let nodes: Vec<&Field> = candidates.iter().chain(&others).collect();
    let mut names = Vec::new();
    for node in &nodes {
        names.push(node.at("name")?.text()?);
    }
    let constraints = input.at("constraints")?.items()?;
    let mut terms = Vec::new();
    for constraint in &constraints {
        let key = constraint.at("topology_key")?.text()?;
        let mut values: Vec<&str> = Vec::new();
        let mut of_node = Vec::new();
        for node in &nodes {
            of_node.push(match node.at("labels")?.maybe(key) {
                None => ABSENT,
                Some(value) => {
                    let value = value.text()?;
                    let place = values.iter().position(|known| *known == value);
                    place.unwrap_or_else(|| {
                        values.push(value);
                        values.len() - 1
                    }) as u32
                }
            });
        }
        let count = values.len();
        terms.push((
            constraint.at("max_skew")?.count()?,
            Domains { of_node, count },
        ));
    }
    let domains: Vec<&Domains> = terms.iter().map(|(_, domains)| domains).collect();
    let mut tallies = Vec::new();
    for (counted, (_, own)) in input.at("matching_pods")?.items()?.iter().zip(&terms) {
        let mut tally = Tally::default();
        tally.clear(own.count);
        for (name, pods) in counted.members()? {
            match names.iter().position(|known| *known == name) {
                Some(node) if takes_part(&domains, node) => {
                    tally.add(own.of_node[node], pods.count()?);
                }
                Some(_) => {}
                None => return Err(pods.wrong("pods of a node that is listed")),
            }
        }
        tallies.push(tally);
    }
    let views: Vec<_> = terms
        .iter()
        .zip(&tallies)
        .map(|((max_skew, domains), tally)| (*max_skew, domains, tally))
        .collect();
    let scored: Vec<usize> = (0..candidates.len()).collect();
    for (name, score) in names.iter().zip(spread_scores(&views, &scored)) {
        let wanted = expected.at("scores")?.at(name)?.whole()?;
        judge.equal(name, &score, &wanted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;
    use std::path::Path;

    #[test]
    fn every_fact_of_upstream_holds() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/scheduler_scores.json");
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

    /// Corners of upstream's tests that the file of facts leaves out: numbers from its comments.
    #[test]
    fn corners_of_upstream_hold() {
        let node = |name: &str, room: &str, pods: &str| {
            format!(r#"{{"name": "{name}", "allocatable": {room}, "existing_requests": {pods}}}"#)
        };
        let both = r#"[{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]"#;
        let case = |group: &str, asked: &str, resources: &str, nodes: &[String], expected: &str| {
            format!(
                r#"{{"id": "{group}", "group": "{group}", "input": {{"pod_request": {asked},
                "resources": {resources}, "nodes": [{}]}}, "expected": {expected}}}"#,
                nodes.join(", ")
            )
        };
        let small = r#"{"cpu": 4000, "memory": 10000}"#;
        let three = r#"[{"cpu": 3000, "memory": 0}]"#;
        let cases = [
            // Requested resources exceed the node's: (0 + 100) / 2.
            case(
                "least_allocated",
                r#"{"cpu": 3000, "memory": 0}"#,
                both,
                &[node("n", small, three)],
                r#"{"scores": {"n": 50}}"#,
            ),
            // Nodes without resources, and resources that are not set.
            case(
                "least_allocated",
                "{}",
                both,
                &[node("n", "{}", three)],
                r#"{"scores": {"n": 0}}"#,
            ),
            case(
                "least_allocated",
                r#"{"cpu": 3000}"#,
                "null",
                &[node("n", small, "[]")],
                r#"{"scores": {"n": 0}}"#,
            ),
            case(
                "most_allocated",
                r#"{"cpu": 3000}"#,
                r#"[{"name": "cpu", "weight": 101}]"#,
                &[],
                r#"{"error": "invalid scoringStrategy.resources[0].weight"}"#,
            ),
            case(
                "least_allocated",
                "{}",
                r#"[{"name": "memory", "weight": 1}, {"name": "cpu", "weight": 0}]"#,
                &[],
                r#"{"error": "invalid scoringStrategy.resources[1].weight"}"#,
            ),
            // A best-effort pod is skipped before scores are asked for.
            case(
                "balanced_allocation",
                "{}",
                both,
                &[node("n", small, "[]")],
                r#"{"skip": true}"#,
            ),
            case(
                "balanced_allocation",
                r#"{"cpu": 1}"#,
                both,
                &[],
                r#"{"skip": false}"#,
            ),
            // At the node's capacity: the deviation of 1 and 0 is a half.
            case(
                "balanced_allocation",
                r#"{"cpu": 3000}"#,
                both,
                &[node("n", r#"{"cpu": 6000, "memory": 10000}"#, three)],
                r#"{"scores": {"n": 50}}"#,
            ),
        ];
        let text = format!(r#"{{"cases": [{}]}}"#, cases.join(","));
        let file = CaseFile::parse(Path::new("scheduler_scores.json"), &text).unwrap();
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

    #[test]
    fn a_wrong_score_and_an_accepted_weight_fail() {
        let text = r#"{"cases": [
            {"id": "a", "group": "least_allocated", "input": {"pod_request": {"cpu": 1},
             "resources": [{"name": "cpu", "weight": 1}],
             "nodes": [{"name": "n", "allocatable": {"cpu": 4}, "existing_requests": []}]},
             "expected": {"scores": {"n": 74}}},
            {"id": "b", "group": "most_allocated", "input": {"pod_request": {"cpu": 1},
             "resources": [{"name": "cpu", "weight": 5}], "nodes": []},
             "expected": {"error": "invalid scoringStrategy.resources[0].weight"}}]}"#;
        let file = CaseFile::parse(Path::new("scheduler_scores.json"), text).unwrap();
        for result in check(&file, &Context::new(1, None)).unwrap() {
            assert_eq!(result.verdict, Verdict::Failed, "{}", result.id);
        }
    }
}
