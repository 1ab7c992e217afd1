//! Assertions and gate conditions: the grammar's, with the scenario's names.

use super::compose::texts;
use super::context::Context;
use crate::model::{Assertion, Condition};
use crate::scenario::grammar::{
    self, ConditionPlace, parse_assertion, parse_condition, resolve_assertion, resolve_condition,
};
use crate::scenario::node::Node;

/// Reads `assert`.
pub(super) fn read(cx: &mut Context, root: &Node) -> Vec<Assertion> {
    let names = names(cx, ConditionPlace::Assertion);
    let mut found = Vec::new();
    for node in root.get("assert").map(texts).unwrap_or_default() {
        let (line, _) = cx.sources.place(node.span);
        let place = format!("{}:{line}", cx.sources.name(node.span.file));
        found.extend(cx.scalar(node, "assert", |text, _, _| {
            resolve_assertion(&parse_assertion(text)?, text, &place, &names)
        }));
    }
    found
}

/// Everything a condition may speak of, as far as it is known.
fn names(cx: &Context, place: ConditionPlace) -> grammar::Names {
    let services = cx.names.services.iter();
    grammar::Names {
        journeys: cx.names.journeys.clone(),
        services: services.map(|service| service.name.clone()).collect(),
        clusters: cx.names.clusters.clone(),
        teams: cx.names.teams.clone(),
        waves: cx.names.waves.clone(),
        loads: cx.names.loads.clone(),
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
