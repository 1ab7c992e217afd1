//! Waiting rooms: places, order, longest wait, and who goes first.

use super::context::Context;
use crate::model::{QueueOrder, QueueSpec};
use crate::scenario::keys;
use crate::scenario::node::Node;

/// Reads `queue` of a service.
pub(super) fn read(cx: &mut Context, node: &Node) -> QueueSpec {
    let Some(queue) = node.get("queue") else {
        return QueueSpec::UNLIMITED;
    };
    cx.check_keys(queue, &[&keys::QUEUE], "`queue`");
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Fifo,
        Lifo,
        Adaptive,
    }
    let words = [
        (Word::Fifo, "fifo"),
        (Word::Lifo, "lifo"),
        (Word::Adaptive, "adaptive-lifo"),
    ];
    let order = queue
        .get("order")
        .and_then(|order| cx.word(order, "order", &words, &[]));
    if let Some(above) = queue
        .entry("lifoAbove")
        .filter(|_| order != Some(Word::Adaptive))
    {
        cx.problem(
            "E101",
            above.key_span,
            "`lifoAbove` in a queue that is not adaptive",
            "it says when an `adaptive-lifo` queue turns",
            "write `order: adaptive-lifo`, or remove it",
        );
    }
    let slots = node
        .get("concurrency")
        .and_then(Node::text)
        .and_then(|text| text.parse().ok());
    QueueSpec {
        max: queue
            .get("max")
            .and_then(|max| unlimited_or_count(cx, max, "max")),
        order: match order {
            None | Some(Word::Fifo) => QueueOrder::Fifo,
            Some(Word::Lifo) => QueueOrder::Lifo,
            Some(Word::Adaptive) => QueueOrder::AdaptiveLifo {
                above: match queue.get("lifoAbove") {
                    Some(text) => cx.small_count(text, "lifoAbove").unwrap_or(0),
                    None => slots.unwrap_or(0),
                },
            },
        },
        timeout: queue
            .get("timeout")
            .and_then(|text| super::arrivals::long(cx, text, "timeout")),
        shared: queue
            .get("shared")
            .and_then(|word| cx.truth(word, "shared"))
            .unwrap_or(false),
    }
}

/// A number, or `unlimited`.
pub(super) fn unlimited_or_count(cx: &mut Context, node: &Node, what: &str) -> Option<u32> {
    if node.text() == Some("unlimited") {
        return None;
    }
    let count = cx.small_count(node, what)?;
    if count == 0 && what == "concurrency" {
        cx.problem(
            "E203",
            node.span,
            "`concurrency` is 0",
            "no request could ever be served",
            "write a number, or `unlimited`",
        );
    }
    Some(count)
}

/// Who goes first.
pub(super) fn priority(cx: &mut Context, node: &Node) -> Option<i32> {
    let number = cx.plain_number(node, "priority")?;
    let whole = number as i32;
    if f64::from(whole) == number {
        return Some(whole);
    }
    cx.problem(
        "E203",
        node.span,
        "`priority` is not a whole number",
        "larger goes first; 0 unless written",
        "",
    );
    None
}
