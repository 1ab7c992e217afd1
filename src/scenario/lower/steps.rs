//! Programs: steps of endpoints and journeys, with their calls resolved and named.

use std::collections::BTreeMap;

use super::context::{Context, alternatives};
use super::policy;
use crate::model::{Call, Step, StepKind};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Span, Value};
use crate::units::{Bytes, EndpointId, ServiceId};

/// Size of a message when none is written.
pub(super) const MESSAGE: Bytes = Bytes(1000);

/// A call found in a program, for the search for endless calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallRecord {
    /// Calling endpoint.
    pub from: EndpointId,
    /// Called endpoint.
    pub to: EndpointId,
    /// Where the callee's name stands.
    pub span: Span,
    /// Made in every request.
    pub certain: bool,
}

/// Who runs a program.
pub(super) struct Program {
    /// Calling service; `None`: users.
    pub service: Option<ServiceId>,
    /// The endpoint, when it is one.
    pub endpoint: Option<EndpointId>,
    /// For sentences: "endpoint `cart.get`".
    pub owner: String,
    sites: BTreeMap<String, u32>,
    /// Size of the reply, when written.
    pub reply: Option<Bytes>,
    /// Calls found.
    pub calls: Vec<CallRecord>,
}

const KINDS: [&str; 12] = [
    "work", "wait", "call", "parallel", "choose", "do", "reply", "async", "forward", "cache",
    "hit", "miss",
];

impl Program {
    /// A program that has read nothing yet.
    pub(super) fn new(
        service: Option<ServiceId>,
        endpoint: Option<EndpointId>,
        owner: String,
    ) -> Self {
        Self {
            service,
            endpoint,
            owner,
            sites: BTreeMap::new(),
            reply: None,
            calls: Vec::new(),
        }
    }

    /// Reads a list of steps. `certain`: done in every request.
    pub(super) fn steps(&mut self, cx: &mut Context, node: &Node, certain: bool) -> Vec<Step> {
        let Value::List(items) = &node.value else {
            if !matches!(node.value, Value::Null) {
                cx.wrong_shape(node, &format!("steps of {}", self.owner), "a list");
            }
            return Vec::new();
        };
        let mut found = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            if let Some(reply) = &self.reply
                && self.replied_at_top(certain)
            {
                let help = "put `reply` last: work after the reply is not supported yet";
                cx.problem(
                    "E110",
                    item.span,
                    "a step after `reply` is not supported yet",
                    format!("the reply of {} bytes is sent before", reply.0),
                    help,
                );
                break;
            }
            let _ = position;
            found.extend(self.step(cx, item, certain));
        }
        found
    }

    fn replied_at_top(&self, certain: bool) -> bool {
        certain && self.reply.is_some()
    }

    fn step(&mut self, cx: &mut Context, node: &Node, certain: bool) -> Option<Step> {
        let owner = format!("a step of {}", self.owner);
        let is_call = node.entry("call").is_some();
        let tables: &[&keys::Table] = if is_call {
            &[&keys::STEP, &keys::CALL_POLICY]
        } else {
            &[&keys::STEP]
        };
        if !cx.check_keys(node, tables, &owner) && !matches!(node.value, Value::Map(_)) {
            return None;
        }
        let kind = cx.exactly_one(node, &owner, &KINDS)?;
        let chance = node
            .get("chance")
            .and_then(|text| cx.probability(text, "chance"))
            .unwrap_or(1.0);
        let times = node
            .get("times")
            .and_then(|text| cx.distribution_of_counts(text, "times"));
        if let (false, Some(sends)) = (is_call, node.entry("sends")) {
            cx.problem(
                "E101",
                sends.key_span,
                format!("`sends` in a step that is no call, in {}", self.owner),
                "only a call sends",
                "",
            );
        }
        let certain = certain && chance >= 1.0;
        let kind = self.kind(cx, node, kind, certain)?;
        Some(Step {
            kind,
            times,
            chance,
        })
    }

    fn kind(
        &mut self,
        cx: &mut Context,
        node: &Node,
        entry: &Entry,
        certain: bool,
    ) -> Option<StepKind> {
        let value = &entry.value;
        Some(match entry.key.as_str() {
            "work" if self.service.is_none() => {
                cx.problem(
                    "E101",
                    entry.key_span,
                    format!("`work` in {}", self.owner),
                    "users have no processor to work on",
                    "a journey's steps are calls and waits",
                );
                return None;
            }
            "work" => StepKind::Work(cx.distribution(value, "work")?),
            "wait" => StepKind::Wait(cx.distribution(value, "wait")?),
            "call" => StepKind::Call(self.call(cx, node, value, certain)?),
            "parallel" => StepKind::Parallel(self.steps(cx, value, certain)),
            "do" => StepKind::Do(self.steps(cx, value, certain)),
            "choose" => StepKind::Choose(self.branches(cx, value, certain)),
            "reply" => {
                self.reply = cx.bytes(value, "reply");
                return None;
            }
            _ => return None,
        })
    }

    fn branches(&mut self, cx: &mut Context, node: &Node, certain: bool) -> Vec<(f64, Vec<Step>)> {
        let single = node.items().len() == 1;
        let mut found = Vec::new();
        for item in node.items() {
            if !cx.check_keys(
                item,
                &[&keys::BRANCH],
                &format!("a branch of {}", self.owner),
            ) {
                continue;
            }
            let weight = item
                .get("weight")
                .and_then(|text| cx.weight(text, "weight"));
            let steps = item
                .get("do")
                .map(|steps| self.steps(cx, steps, certain && single))
                .unwrap_or_default();
            if let Some(weight) = weight {
                found.push((weight, steps));
            }
        }
        if !matches!(node.value, Value::List(_)) {
            cx.wrong_shape(node, "`choose`", "a list of `{weight, do}`");
        } else if !found.is_empty() && found.iter().map(|(weight, _)| weight).sum::<f64>() <= 0.0 {
            cx.problem(
                "E203",
                node.span,
                "the weights of `choose` add up to 0",
                "no branch can be taken",
                "",
            );
        }
        found
    }

    fn call(
        &mut self,
        cx: &mut Context,
        node: &Node,
        callee: &Node,
        certain: bool,
    ) -> Option<Call> {
        let endpoint = resolve(cx, callee, &self.owner);
        // The step's own policy is checked even when its callee is unknown.
        let base = endpoint.map_or_else(policy::built_in, |(service, _)| {
            cx.names.services[service.index()].callers.clone()
        });
        let policy = policy::over(cx, &base, node);
        let sends = node
            .get("sends")
            .and_then(|text| cx.bytes(text, "sends"))
            .unwrap_or(MESSAGE);
        let (service, endpoint) = endpoint?;
        let names = &cx.names.services[service.index()];
        let name = names
            .endpoints
            .iter()
            .find(|(_, id)| *id == endpoint)
            .map_or("default", |(name, _)| name);
        let base = format!("{}.{name}", names.draw_name);
        let count = self.sites.entry(base.clone()).or_insert(0);
        *count += 1;
        let site = if *count == 1 {
            base
        } else {
            format!("{base}#{count}")
        };
        if let Some(from) = self.endpoint {
            self.calls.push(CallRecord {
                from,
                to: endpoint,
                span: callee.span,
                certain,
            });
        }
        let edge = cx.edge(self.service, service);
        Some(Call {
            endpoint,
            site,
            edge,
            sends,
            policy,
        })
    }
}

/// The endpoint that a reference names, or a problem told with `owner` as the subject.
pub(super) fn resolve(
    cx: &mut Context,
    node: &Node,
    owner: &str,
) -> Option<(ServiceId, EndpointId)> {
    let Some(text) = node.text() else {
        cx.wrong_shape(
            node,
            &format!("the callee of {owner}"),
            "a name such as `cart.get`",
        );
        return None;
    };
    let (service_name, endpoint_name) = text
        .split_once('.')
        .map_or((text, None), |(service, endpoint)| {
            (service, Some(endpoint))
        });
    let Some(index) = cx
        .names
        .services
        .iter()
        .position(|service| service.name == service_name)
    else {
        let known: Vec<String> = cx
            .names
            .services
            .iter()
            .map(|service| service.name.clone())
            .collect();
        let near =
            crate::scenario::suggest::nearest(service_name, known.iter().map(String::as_str));
        let tail = endpoint_name
            .map(|name| format!(".{name}"))
            .unwrap_or_default();
        let help = near
            .map(|name| format!("did you mean `{name}{tail}`?"))
            .unwrap_or_default();
        let shown = service_name.escape_default();
        cx.problem(
            "E300",
            node.span.part(0, service_name.len()),
            format!("{owner} calls unknown service `{shown}`"),
            "no such service",
            help,
        );
        return None;
    };
    let service = cx.names.services[index].clone();
    let id = ServiceId::from_index(index);
    if service.endpoints.is_empty() {
        return None;
    }
    let wanted = endpoint_name.unwrap_or("default");
    if let Some((_, endpoint)) = service.endpoints.iter().find(|(name, _)| name == wanted) {
        return Some((id, *endpoint));
    }
    let names: Vec<&str> = service
        .endpoints
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    match endpoint_name {
        None if service.endpoints.len() == 1 => Some((id, service.endpoints[0].1)),
        None => {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let full: Vec<String> = names
                .iter()
                .map(|name| format!("`{service_name}.{name}`"))
                .collect();
            let list =
                |all: &[String]| alternatives(&all.iter().map(String::as_str).collect::<Vec<_>>());
            let sentence = format!(
                "`{service_name}` has {} endpoints: which one is called?",
                in_words(names.len())
            );
            cx.problem(
                "E302",
                node.span,
                sentence,
                list(&quoted),
                format!("write {}", list(&full)),
            );
            None
        }
        Some(wanted) => {
            let near = crate::scenario::suggest::nearest(wanted, names.iter().copied());
            let help = near.map_or_else(
                || format!("it has {}", alternatives(&names)),
                |name| format!("did you mean `{service_name}.{name}`?"),
            );
            let sentence = format!("{owner} calls unknown endpoint `{}`", text.escape_default());
            cx.problem(
                "E300",
                node.span,
                sentence,
                format!("no such endpoint of `{service_name}`"),
                help,
            );
            None
        }
    }
}

fn in_words(count: usize) -> String {
    const WORDS: [&str; 11] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    WORDS
        .get(count)
        .map_or_else(|| count.to_string(), |word| (*word).to_owned())
}
