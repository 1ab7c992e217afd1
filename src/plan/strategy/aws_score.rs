//! `aws-score`: the prioritisation score of the AWS migration guidance.

use super::{Strategy, by_key};
use crate::plan::KnownWorld;
use crate::plan::pack::Packing;

/// See the module.
pub(super) static AWS_SCORE: Strategy = Strategy {
    name: "aws-score",
    definition: "by falling score of labels (environment, regulation, compliance, criticality, disposition, \
                 businessUnit), of services called and of replicas; a group has the mean of its members",
    good_when: "a portfolio with such labels is to be ranked as a migration factory would",
    reference: "aws-samples/aws-migops-guidance, base model of prioritisation",
    searches: false,
    packing: Packing::Waves,
    order: |known, _| {
        Ok(by_key(known, |group| {
            let members = &known.groups[group].services;
            let sum: f64 = members.iter().map(|service| score(known, *service)).sum();
            -sum / members.len() as f64
        }))
    },
};

/// The score of one service; what is not labelled counts as production, unregulated, rehosted, no early adopter.
/// Criticality that is not labelled follows the tier: 3 low, 1 and 2 medium, 0 high.
fn score(known: &KnownWorld, service: usize) -> f64 {
    let facts = &known.scenario.services[service];
    let label = |name: &str| {
        let labels = facts.labels.iter();
        labels
            .clone()
            .find(|(label, _)| label == name)
            .map(|(_, value)| value.as_str())
    };
    let environment = match label("environment") {
        Some("test") => 60.0,
        Some("dev") => 40.0,
        _ => 20.0,
    };
    let free = |value: Option<&str>| match value {
        None | Some("none") => 60.0,
        Some(_) => 10.0,
    };
    let criticality = match (label("criticality"), facts.tier) {
        (Some("low"), _) | (None, 3..) => 60.0,
        (Some("high"), _) | (None, 0) => 20.0,
        _ => 40.0,
    };
    let called = known
        .edges
        .iter()
        .filter(|edge| edge.caller == service)
        .count();
    let dependencies = [80.0, 60.0, 40.0].get(called).copied().unwrap_or(20.0);
    let instances = match known.services[service].replicas {
        0..=3 => 60.0,
        4..=10 => 40.0,
        _ => 20.0,
    };
    let disposition = match label("disposition") {
        Some("replatform") => 40.0,
        Some("refactor") => 20.0,
        _ => 60.0,
    };
    let unit = match label("businessUnit") {
        Some("early-adopter") => 60.0,
        _ => 10.0,
    };
    environment
        + free(label("regulation"))
        + free(label("compliance"))
        + criticality
        + 0.8 * (dependencies + instances + disposition)
        + 0.4 * unit
}
