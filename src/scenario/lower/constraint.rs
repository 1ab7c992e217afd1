//! `migration.constraints` beside move groups and overlap, and `objective`.

use super::compose::texts;
use super::context::Context;
use super::selector::picked;
use crate::model::metric::{Dimension, Direction};
use crate::model::{
    Allowed, Condition, Constraints, DueDate, Goal, LatencyBudget, MetricTerm, Precedence, Sum,
    Value as Operand, WaveSize, Written, metric,
};
use crate::scenario::grammar::{
    self, ConditionPlace, parse_condition, parse_selector, resolve_condition,
};
use crate::scenario::keys;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::{JourneyId, ServiceId};

/// Path of the constraints, for messages of the planner.
const PATH: &str = "migration.constraints";

/// Reads what `migration::read` leaves.
pub(super) fn read(cx: &mut Context, node: Option<&Node>, composed: &[Entry]) -> Constraints {
    let Some(node) = node else {
        return Constraints::default();
    };
    let one = |key: &str| node.get(key);
    Constraints {
        together: Vec::new(),
        apart: apart(cx, one("apart"), composed),
        order: order(cx, one("order"), composed),
        wave_size: one("waveSize").and_then(|text| wave_size(cx, text)),
        critical_at_once: one("criticalAtOnce").and_then(|text| {
            let most = cx.small_count(text, "criticalAtOnce")?;
            Some(written(most, "criticalAtOnce", text))
        }),
        headroom: one("headroom").and_then(|text| {
            let share = cx.probability(text, "headroom")?;
            Some(written(share, "headroom", text))
        }),
        link_use: one("linkUse").and_then(|text| {
            let share = cx.probability(text, "linkUse")?;
            Some(written(share, "linkUse", text))
        }),
        latency_budgets: latency_budgets(cx, one("latencyBudget")),
        allowed: allowed(cx, one("allowed"), composed),
        deadlines: deadlines(cx, one("deadline"), composed),
    }
}

/// A constraint with its place below `constraints`.
pub(super) fn written<T>(value: T, key: &str, node: &Node) -> Written<T> {
    Written {
        value,
        path: format!("{PATH}.{key}"),
        text: shown(key, node),
    }
}

fn shown(key: &str, node: &Node) -> String {
    let key = key.split('[').next().unwrap_or(key);
    match &node.value {
        Value::Scalar { text, .. } => format!("{key}: {text}"),
        Value::List(_) => {
            let names: Vec<&str> = texts(node).iter().filter_map(|one| one.text()).collect();
            format!("{key}: [{}]", names.join(", "))
        }
        Value::Map(entries) => {
            let parts = entries.iter().map(|entry| match entry.value.text() {
                Some(text) => format!("{}: {text}", entry.key),
                None if !entry.value.items().is_empty() => shown(&entry.key, &entry.value),
                None => entry.key.clone(),
            });
            format!("{key}: {{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Value::Null => key.to_owned(),
    }
}

/// Services that a name or a selector stands for.
fn services(
    cx: &mut Context,
    text: &str,
    node: &Node,
    composed: &[Entry],
) -> Option<Vec<ServiceId>> {
    let text = text.trim();
    if let Some(index) = composed.iter().position(|service| service.key == text) {
        return Some(vec![ServiceId::from_index(index)]);
    }
    // One word can only be a service's name.
    if !text.contains(char::is_whitespace) && text != "all" {
        let names: Vec<String> = composed.iter().map(|service| service.key.clone()).collect();
        let part = Node {
            value: Value::Scalar {
                text: text.to_owned(),
                quoted: false,
            },
            ..node.clone()
        };
        return cx
            .find("service", &part, &names)
            .map(|index| vec![ServiceId::from_index(index)]);
    }
    let selector = match parse_selector(text) {
        Ok(selector) => selector,
        Err(error) => {
            cx.tell(error, node);
            return None;
        }
    };
    let found = picked(cx, &selector, composed);
    Some(found.into_iter().map(ServiceId::from_index).collect())
}

fn apart(
    cx: &mut Context,
    node: Option<&Node>,
    composed: &[Entry],
) -> Vec<Written<Vec<ServiceId>>> {
    let Some(node) = node else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, item) in items(cx, node, "apart", "a list of lists of services")
        .iter()
        .enumerate()
    {
        let members = match &item.value {
            Value::List(_) => item
                .items()
                .iter()
                .filter_map(|name| cx.service(name))
                .collect(),
            Value::Scalar { text, .. } => services(cx, text, item, composed).unwrap_or_default(),
            _ => {
                cx.wrong_shape(
                    item,
                    "a set of `apart`",
                    "a list of services, or a selector",
                );
                continue;
            }
        };
        found.push(written(members, &format!("apart[{index}]"), item));
    }
    found
}

fn items<'n>(cx: &mut Context, node: &'n Node, key: &str, wanted: &str) -> &'n [Node] {
    if !matches!(node.value, Value::List(_)) {
        cx.wrong_shape(node, &format!("`{key}`"), wanted);
    }
    node.items()
}

fn order(cx: &mut Context, node: Option<&Node>, composed: &[Entry]) -> Vec<Written<Precedence>> {
    let Some(node) = node else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, item) in items(cx, node, "order", "a list such as `[a before b]`")
        .iter()
        .enumerate()
    {
        let Some(text) = item.text() else {
            cx.wrong_shape(item, "an item of `order`", "text such as `a before b`");
            continue;
        };
        let Some((first, second)) = text.split_once(" before ") else {
            cx.problem(
                "E206",
                item.span,
                format!("`{}` is no order", text.escape_debug()),
                "expected `before` between two services or selectors",
                "write for example `cart before frontend`, or `kind = stateless before kind = stateful`",
            );
            continue;
        };
        let (Some(before), Some(after)) = (
            services(cx, first, item, composed),
            services(cx, second, item, composed),
        ) else {
            continue;
        };
        if let Some(both) = before.iter().find(|service| after.contains(service)) {
            let name = cx.names.services[both.index()].name.clone();
            cx.problem(
                "E203",
                item.span,
                format!("`{name}` cannot move before itself"),
                "it is on both sides of `before`",
                "make the selectors exclude each other",
            );
            continue;
        }
        found.push(written(
            Precedence { before, after },
            &format!("order[{index}]"),
            item,
        ));
    }
    found
}

fn wave_size(cx: &mut Context, node: &Node) -> Option<Written<WaveSize>> {
    let (least, most) = cx.scalar(node, "waveSize", |text, key, _| {
        if text.contains("..") {
            grammar::parse_count_range(text, key)
        } else {
            grammar::parse_count(text, key).map(|count| (None, Some(count)))
        }
    })?;
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let size = WaveSize {
        least: least.map_or(1, small),
        most: most.map(small),
    };
    if size.most == Some(0) {
        cx.problem(
            "E203",
            node.span,
            "`waveSize` is 0",
            "nothing could ever move",
            "",
        );
        return None;
    }
    Some(written(size, "waveSize", node))
}

fn latency_budgets(cx: &mut Context, node: Option<&Node>) -> Vec<Written<LatencyBudget>> {
    let Some(node) = node else {
        return Vec::new();
    };
    if !matches!(node.value, Value::Map(_)) {
        cx.wrong_shape(node, "`latencyBudget`", "a map of journeys");
    }
    let mut found = Vec::new();
    for entry in node
        .entries()
        .iter()
        .filter(|entry| !entry.key.starts_with("x-"))
    {
        let known = cx.names.journeys.clone();
        let name = Node {
            value: Value::Scalar {
                text: entry.key.clone(),
                quoted: false,
            },
            span: entry.key_span,
            origin: String::new(),
        };
        let journey = cx.find("journey", &name, &known).map(JourneyId::from_index);
        let most = cx.duration(&entry.value, "latencyBudget");
        if let (Some(journey), Some(most)) = (journey, most) {
            let key = format!("latencyBudget.{}", entry.key);
            found.push(written(LatencyBudget { journey, most }, &key, &entry.value));
        }
    }
    found
}

fn allowed(cx: &mut Context, node: Option<&Node>, composed: &[Entry]) -> Vec<Written<Allowed>> {
    let Some(node) = node else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (index, item) in items(cx, node, "allowed", "a list of {where, clusters}")
        .iter()
        .enumerate()
    {
        if !cx.check_keys(item, &[&keys::ALLOWED], "an item of `allowed`") {
            continue;
        }
        let clusters = item.get("clusters").map(texts).unwrap_or_default();
        let clusters = clusters
            .into_iter()
            .filter_map(|name| cx.cluster(name))
            .collect();
        let place = item.get("where");
        let Some(services) = place.and_then(|node| services(cx, node.text()?, node, composed))
        else {
            continue;
        };
        let value = Allowed { services, clusters };
        found.push(written(value, &format!("allowed[{index}]"), item));
    }
    found
}

fn deadlines(cx: &mut Context, node: Option<&Node>, composed: &[Entry]) -> Vec<Written<DueDate>> {
    let Some(node) = node else {
        return Vec::new();
    };
    let list: Vec<(String, &Node)> = match &node.value {
        Value::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (format!("deadline[{index}]"), item))
            .collect(),
        _ => vec![("deadline".to_owned(), node)],
    };
    let mut found = Vec::new();
    for (key, item) in list {
        let (by, place, price) = if item.text().is_some() {
            (Some(item), None, None)
        } else {
            cx.check_keys(item, &[&keys::DEADLINE], "`deadline`");
            (item.get("by"), item.get("where"), item.get("price"))
        };
        let Some(by) = by.and_then(|by| cx.instant(by, "deadline")) else {
            continue;
        };
        let services = match place {
            Some(node) => match node
                .text()
                .and_then(|text| services(cx, text, node, composed))
            {
                Some(found) => Some(found),
                None => continue,
            },
            None => None,
        };
        let price_per_second = price
            .and_then(|price| cx.money_per_hour(price, "price"))
            .map(|hour| hour / 3_600.0);
        let value = DueDate {
            by,
            services,
            price_per_second,
        };
        found.push(written(value, &key, item));
    }
    found
}

/// Reads `objective`.
pub(super) fn goal(cx: &mut Context, root: &Node) -> Option<Goal> {
    let node = root.get("objective")?;
    if !cx.check_keys(node, &[&keys::OBJECTIVE], "`objective`") {
        return None;
    }
    let minimise = node.get("minimise")?;
    if let Value::Map(entries) = &minimise.value {
        let mut found = Vec::new();
        for entry in entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
            let name = Node {
                value: Value::Scalar {
                    text: entry.key.clone(),
                    quoted: false,
                },
                span: entry.key_span,
                origin: String::new(),
            };
            let term = term(cx, &name);
            let price = term.as_ref().and_then(|term| price(cx, term, &entry.value));
            found.extend(term.zip(price));
        }
        return (!found.is_empty()).then_some(Goal::Priced(found));
    }
    let found: Vec<MetricTerm> = texts(minimise)
        .into_iter()
        .filter_map(|node| term(cx, node))
        .collect();
    (!found.is_empty()).then_some(Goal::InOrder(found))
}

/// A metric, written as in a condition.
fn term(cx: &mut Context, node: &Node) -> Option<MetricTerm> {
    let names = super::assertion::names(cx, ConditionPlace::Assertion);
    let condition = cx.scalar(node, "objective", |text, _, _| {
        resolve_condition(&parse_condition(&format!("{text} >= 0"))?, &names)
    })?;
    let Condition::Compare(Sum::Value(Operand::Metric(term)), _, _) = condition else {
        cx.problem(
            "E206",
            node.span,
            "an objective is a metric",
            "a single metric is expected",
            "write for example `cross_calls`, or `breach_minutes(journey.checkout)`",
        );
        return None;
    };
    let better = metric::find(&term.name).map(|metric| metric.better);
    if better != Some(Direction::Lower) {
        cx.problem(
            "E203",
            node.span,
            format!("less of `{}` is not better", term.name),
            "an objective is minimised",
            "`cutover list metrics` tells which direction is better",
        );
        return None;
    }
    Some(term)
}

/// Price of one unit of a metric: of an hour for times, of a byte for bytes, a factor for money.
fn price(cx: &mut Context, term: &MetricTerm, node: &Node) -> Option<f64> {
    match metric::find(&term.name)?.dimension {
        Dimension::Time => Some(cx.money_per_hour(node, "price")? / 3_600.0),
        Dimension::Bytes => cx.money_per_byte(node, "price"),
        Dimension::Money => cx.factor(node, "price"),
        Dimension::Count | Dimension::Ratio => cx.money_once(node, "price"),
    }
}
