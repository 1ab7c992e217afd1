//! Assertions and gate conditions: the grammar's, with the scenario's names.

use super::compose::texts;
use super::context::Context;
use crate::model::{Assertion, Condition};
use crate::scenario::grammar::{
    self, ConditionPlace, parse_assertion, parse_condition, resolve_assertion, resolve_condition,
};
use crate::scenario::node::Node;

/// An assertion that this plan cannot answer.
pub(super) const OF_ANOTHER_PLAN: &str = "W304";

/// Reads `assert`.
pub(super) fn read(cx: &mut Context, root: &Node) -> Vec<Assertion> {
    let names = names(cx, ConditionPlace::Assertion);
    let mut found = Vec::new();
    for node in root.get("assert").map(texts).unwrap_or_default() {
        let (line, _) = cx.sources.place(node.span);
        let place = format!("{}:{line}", cx.sources.name(node.span.file));
        let assertion = cx.scalar(node, "assert", |text, _, _| {
            resolve_assertion(&parse_assertion(text)?, text, &place, &names)
        });
        if assertion.is_none() && is_of_another_plan(root, node) {
            set_aside(cx);
        }
        found.extend(assertion);
    }
    found
}

/// Whether the waves come from a variant or plan file, and the assertion does not.
fn is_of_another_plan(root: &Node, assertion: &Node) -> bool {
    let plan = root.get("plan");
    if plan.is_some_and(super::plan::is_computed) {
        return true;
    }
    let waves = plan.and_then(|plan| plan.get("waves"));
    waves.is_some_and(|waves| !waves.origin.is_empty() && waves.origin != assertion.origin)
}

/// An assertion about a wave that only the written plan has is not judged under another plan.
fn set_aside(cx: &mut Context) {
    let is_wave = |sentence: &str| sentence.starts_with("unknown wave ");
    if let Some(last) = cx.problems.list.last_mut()
        && last.code == "E300"
        && is_wave(&last.sentence)
    {
        last.code = OF_ANOTHER_PLAN;
        last.sentence = format!("not judged under this plan: {}", last.sentence);
        last.help = Some("the plan of this variant has other waves".to_owned());
    }
}

/// Everything a condition may speak of, as far as it is known.
pub(super) fn names(cx: &Context, place: ConditionPlace) -> grammar::Names {
    let services = cx.names.services.iter();
    grammar::Names {
        journeys: cx.names.journeys.clone(),
        services: services.map(|service| service.name.clone()).collect(),
        clusters: cx.names.clusters.clone(),
        teams: cx.names.teams.clone(),
        waves: cx.names.waves.clone(),
        loads: cx.names.loads.clone(),
        work: cx.names.work.clone(),
        clock: cx.clock.clone(),
        currency: cx.currency.clone(),
        place,
    }
}

impl Context<'_> {
    /// A gate's condition.
    pub(super) fn condition(&mut self, node: &Node) -> Option<Condition> {
        let names = names(self, ConditionPlace::Gate);
        self.scalar(node, "pass", |text, _, _| {
            resolve_condition(&parse_condition(text)?, &names)
        })
    }
}
