//! Programs: steps of endpoints and journeys, with their calls resolved and named.

use std::collections::BTreeMap;

use super::callee::resolve;
use super::context::Context;
use super::policy;
use crate::model::{CacheStep, Call, CallPolicy, Distribution, Parallel, Step, StepKind, Unit};
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
    /// Where it was answered in every request: by a `reply` or a `forward`.
    answered: Option<Span>,
    /// Loops around what is being read.
    loops: u32,
    /// `parallel` steps around what is being read.
    parallels: u32,
    /// Calls found.
    pub calls: Vec<CallRecord>,
    /// Reads what is done instead of a failed call.
    instead: bool,
}

const KINDS: [&str; 10] = [
    "work", "wait", "call", "parallel", "choose", "do", "reply", "async", "forward", "cache",
];

/// Keys that only one kind of step takes.
const COMPANIONS: [(&str, &[&str], &str); 5] = [
    ("sends", &["call", "async", "forward"], "only a call sends"),
    (
        "join",
        &["parallel"],
        "only `parallel` has branches to join",
    ),
    (
        "fanout",
        &["parallel"],
        "only `parallel` has branches to copy",
    ),
    ("hit", &["cache"], "only a look into a `cache` hits"),
    ("miss", &["cache"], "only a look into a `cache` misses"),
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
            answered: None,
            loops: 0,
            parallels: 0,
            calls: Vec::new(),
            instead: false,
        }
    }

    /// Reads the whole program. A `reply` at its end only says how large the reply is.
    pub(super) fn read(&mut self, cx: &mut Context, node: &Node) -> Vec<Step> {
        let mut steps = self.steps(cx, node, true);
        let plain = |step: &mut Step| {
            matches!(step.kind, StepKind::Reply(_)) && step.chance >= 1.0 && step.times.is_none()
        };
        steps.pop_if(plain);
        steps
    }

    /// Reads a list of steps. `certain`: done in every request.
    pub(super) fn steps(&mut self, cx: &mut Context, node: &Node, certain: bool) -> Vec<Step> {
        let Value::List(items) = &node.value else {
            if !matches!(node.value, Value::Null) {
                cx.wrong_shape(node, &format!("steps of {}", self.owner), "a list");
            }
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| self.step(cx, item, certain))
            .collect()
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
        for (key, kinds, label) in COMPANIONS {
            if let Some(entry) = node
                .entry(key)
                .filter(|_| !kinds.contains(&kind.key.as_str()))
            {
                let sentence = format!("`{key}` in a step `{}`, in {}", kind.key, self.owner);
                cx.problem("E101", entry.key_span, sentence, label, "");
            }
        }
        let certain = certain && chance >= 1.0;
        self.loops += u32::from(times.is_some());
        let found = self.kind(cx, node, kind, certain);
        self.loops -= u32::from(times.is_some());
        let kind = found?;
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
            "async" => StepKind::Async(self.call(cx, node, value, certain)?),
            "forward" | "reply" if self.endpoint.is_none() => {
                cx.problem(
                    "E101",
                    entry.key_span,
                    format!("`{}` in {}", entry.key, self.owner),
                    "nobody waits for an answer of the users",
                    "a journey's steps are calls and waits",
                );
                return None;
            }
            "forward" => {
                if self.parallels > 0 {
                    let sentence = format!("`forward` in a branch of {}", self.owner);
                    let label = "other branches may still work for the request that it hands over";
                    cx.problem(
                        "E203",
                        entry.key_span,
                        sentence,
                        label,
                        "put it before or after the `parallel`",
                    );
                }
                self.answers(cx, entry, certain);
                StepKind::Forward(self.call(cx, node, value, certain)?)
            }
            "parallel" => self.parallel(cx, node, value, certain),
            "cache" => self.cache(cx, node, value)?,
            "do" => StepKind::Do(self.steps(cx, value, certain)),
            "choose" => StepKind::Choose(self.branches(cx, value, certain)),
            "reply" => {
                self.answers(cx, entry, certain);
                let size = cx.bytes(value, "reply")?;
                self.reply.get_or_insert(size);
                StepKind::Reply(size)
            }
            _ => return None,
        })
    }

    /// A `reply` or a `forward`: at most one in a request.
    fn answers(&mut self, cx: &mut Context, entry: &Entry, certain: bool) {
        let problem = if self.loops > 0 {
            Some("it stands in a loop".to_owned())
        } else {
            self.answered
                .map(|span| format!("the caller has its answer already ({})", cx.place_of(span)))
        };
        if let Some(label) = problem {
            cx.problem(
                "E203",
                entry.key_span,
                format!("{} answers more than once", self.owner),
                label,
                "a request has one `reply` or `forward`; what follows it is second-phase work",
            );
        }
        if certain {
            self.answered.get_or_insert(entry.key_span);
        }
    }

    fn parallel(
        &mut self,
        cx: &mut Context,
        node: &Node,
        branches: &Node,
        certain: bool,
    ) -> StepKind {
        self.parallels += 1;
        let branches_read = self.steps(cx, branches, certain);
        self.parallels -= 1;
        let join = node
            .get("join")
            .filter(|join| join.text() != Some("all"))
            .and_then(|text| Some((cx.small_count(text, "join")?, text.span)));
        let fanout = node
            .get("fanout")
            .and_then(|text| cx.distribution_of_counts(text, "fanout"));
        let copies = fanout.as_ref().map_or(Some(1.0), Distribution::as_constant);
        if let (Some((join, place)), Some(copies)) = (join, copies) {
            let all = branches_read.len() as f64 * copies;
            if join == 0 || f64::from(join) > all {
                cx.problem(
                    "E203",
                    place,
                    format!("`join: {join}` of {all} branches"),
                    format!("between 1 and {all}, or `all`"),
                    "",
                );
            }
        }
        StepKind::Parallel(Parallel {
            branches: branches_read,
            join: join.map(|(join, _)| join),
            fanout,
        })
    }

    fn cache(&mut self, cx: &mut Context, node: &Node, name: &Node) -> Option<StepKind> {
        let known = self
            .service
            .map(|service| cx.names.services[service.index()].caches.clone())
            .unwrap_or_default();
        let names: Vec<String> = known.iter().map(|(name, _)| name.clone()).collect();
        let found = cx.find("cache", name, &names);
        let mut part = |key| {
            let steps = node.get(key);
            steps.map_or_else(Vec::new, |steps| self.steps(cx, steps, false))
        };
        let (hit, miss) = (part("hit"), part("miss"));
        Some(StepKind::Cache(CacheStep {
            cache: known[found?].1,
            hit,
            miss,
        }))
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
        let base = endpoint.map_or_else(CallPolicy::built_in, |(service, _)| {
            cx.names.services[service.index()].callers.clone()
        });
        let policy = policy::over(cx, &base, node);
        let sends = node
            .get("sends")
            .and_then(|text| cx.bytes(text, "sends"))
            .unwrap_or(MESSAGE);
        let hidden = node
            .get("hidden")
            .and_then(|word| cx.truth(word, "hidden"))
            .unwrap_or(false);
        let (service, endpoint) = endpoint?;
        if policy.balance.unit == Unit::Connections && !cx.names.services[service.index()].connects
        {
            let place = node.get("balance").unwrap_or(callee).span;
            let name = cx.names.services[service.index()].name.clone();
            cx.problem(
                "E203",
                place,
                format!("connections to `{name}` are balanced, and it has none"),
                "`unit: connections` needs the callee's `connections`",
                "give the service `connections: {}`, or spread requests",
            );
        }
        let names = &cx.names.services[service.index()];
        let name = names
            .endpoints
            .iter()
            .find(|(_, id)| *id == endpoint)
            .map_or("default", |(name, _)| name);
        // What is done instead of a failed call has names of its own: the calls after it keep theirs.
        let instead = if self.instead { "/instead" } else { "" };
        let base = format!("{}.{name}{instead}", names.draw_name);
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
        let fallback = self.fallback(cx, node);
        Some(Call {
            endpoint,
            site,
            edge,
            sends,
            hidden,
            policy,
            fallback,
        })
    }

    /// Steps that take the place of a failed call.
    fn fallback(&mut self, cx: &mut Context, node: &Node) -> Vec<Step> {
        let Some(steps) = node.get("fallback").filter(|steps| steps.text().is_none()) else {
            return Vec::new();
        };
        let outer = std::mem::replace(&mut self.instead, true);
        let found = self.steps(cx, steps, false);
        self.instead = outer;
        found
    }
}
