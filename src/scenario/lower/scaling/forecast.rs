//! `predictive` and `queueing`.

use super::bounds;
use crate::model::scaling::{Forecast, Predictive, Queueing};
use crate::scenario::grammar::parse_percentile_target;
use crate::scenario::keys;
use crate::scenario::lower::context::Context;
use crate::scenario::node::Node;
use crate::units::SimDuration;

pub(super) fn predictive(cx: &mut Context, node: &Node, owner: &str) -> Option<Predictive> {
    let owner = format!("`predictive` of {owner}");
    if !cx.check_keys(node, &[&keys::PREDICTIVE], &owner) {
        return None;
    }
    let words = [
        (Forecast::HoltWinters, "holt-winters"),
        (Forecast::SeasonalNaive, "seasonal-naive"),
    ];
    let method = node
        .get("method")
        .and_then(|word| cx.word(word, "method", &words, &[]));
    let (min, max) = bounds(cx, node);
    let target = node
        .get("target")
        .and_then(|text| cx.ratio(text, "target"))
        .unwrap_or(0.65);
    if let (true, Some(place)) = (target <= 0.0, node.get("target")) {
        cx.problem(
            "E203",
            place.span,
            "`target` is 0",
            "no number of replicas would do",
            "",
        );
    }
    Some(Predictive {
        method: method.unwrap_or(Forecast::HoltWinters),
        season: cx.positive_duration_in(Some(node), "season", SimDuration::from_secs(86_400)),
        lead: cx.duration_in(Some(node), "lead", SimDuration::from_secs(600)),
        target: target.max(0.01),
        min,
        max,
    })
}

pub(super) fn queueing(cx: &mut Context, node: &Node, owner: &str) -> Option<Queueing> {
    let owner = format!("`queueing` of {owner}");
    if !cx.check_keys(node, &[&keys::QUEUEING], &owner) {
        return None;
    }
    let (min, max) = bounds(cx, node);
    let (ratio, seconds) = node
        .get("target")
        .and_then(|text| cx.scalar(text, "target", |text, _, _| parse_percentile_target(text)))?;
    Some(Queueing {
        ratio,
        seconds,
        min,
        max: max.max(1),
    })
}
