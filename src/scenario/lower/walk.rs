//! `walk`: a Markov graph of actions.

use super::context::Context;
use crate::model::Walk;
use crate::scenario::node::{Entry, Node, Value};
use crate::units::JourneyId;

/// Chances that miss 1 by less are taken to add to 1.
const ROUNDING: f64 = 1e-6;

/// Reads `walk: {start: J, J: {K: 60%, leave: 40%}}`; nodes are journeys in the order of their first mention.
pub(super) fn walk(
    cx: &mut Context,
    load: &Node,
    what: &Entry,
    owner: &str,
    journeys: &[String],
) -> Option<Walk> {
    let node = &what.value;
    if !matches!(node.value, Value::Map(_)) {
        cx.wrong_shape(node, &format!("`walk` of {owner}"), "a map of journeys");
        return None;
    }
    let mut reader = Reader {
        journeys,
        walk: Walk {
            nodes: Vec::new(),
            start: Vec::new(),
            next: Vec::new(),
        },
    };
    let Some(start) = node.get("start") else {
        let owner = format!("`walk` of {owner}");
        cx.missing(node.span, &owner, "start", "the first journey");
        return None;
    };
    let first = match &start.value {
        Value::Map(_) => reader.row(cx, start, "start", false)?,
        _ => vec![(reader.node(cx, start)?, 1.0)],
    };
    reader.walk.start = first;
    for entry in node.entries().iter().filter(|entry| entry.key != "start") {
        let from = reader.node(cx, &name_of(entry))?;
        let row = reader.row(cx, &entry.value, &entry.key, true)?;
        reader.walk.next[from] = row;
    }
    let endless = load.get("sessions").is_some() && load.get("length").is_none();
    if endless
        && reader
            .walk
            .visits()
            .iter()
            .any(|visits| visits.is_infinite())
    {
        cx.problem(
            "E310",
            what.key_span,
            format!("`walk` of {owner} has no way out"),
            "some users would never leave",
            "give a `leave` to one of the journeys they go round in, or write a `length`",
        );
        return None;
    }
    Some(reader.walk)
}

fn name_of(entry: &Entry) -> Node {
    Node {
        value: Value::Scalar {
            text: entry.key.clone(),
            quoted: false,
        },
        span: entry.key_span,
        origin: String::new(),
    }
}

struct Reader<'a> {
    journeys: &'a [String],
    walk: Walk,
}

impl Reader<'_> {
    /// The node of a journey, made when new.
    fn node(&mut self, cx: &mut Context, name: &Node) -> Option<usize> {
        let journey = JourneyId::from_index(cx.find("journey", name, self.journeys)?);
        let known = self.walk.nodes.iter().position(|node| *node == journey);
        Some(known.unwrap_or_else(|| {
            self.walk.nodes.push(journey);
            self.walk.next.push(Vec::new());
            self.walk.nodes.len() - 1
        }))
    }

    /// Chances of a row, which add to 1 with `leave`.
    fn row(
        &mut self,
        cx: &mut Context,
        node: &Node,
        from: &str,
        may_leave: bool,
    ) -> Option<Vec<(usize, f64)>> {
        if !matches!(node.value, Value::Map(_)) {
            cx.wrong_shape(
                node,
                &format!("`{from}` of a walk"),
                "a map of journeys with chances",
            );
            return None;
        }
        let (mut row, mut sum) = (Vec::new(), 0.0);
        for entry in node.entries() {
            let chance = cx.probability(&entry.value, &entry.key)?;
            sum += chance;
            if entry.key != "leave" || !may_leave {
                row.push((self.node(cx, &name_of(entry))?, chance));
            }
        }
        if (sum - 1.0).abs() > ROUNDING {
            cx.problem(
                "E203",
                node.span,
                format!("chances after `{from}` add to {:.4} %", sum * 100.0),
                "they must add to 100 %",
                "write what is left as `leave`",
            );
            return None;
        }
        Some(row)
    }
}
