//! Shapes of load.

use super::context::Context;
use crate::model::Shape;
use crate::scenario::keys;
use crate::scenario::node::{Node, Value};
use crate::units::{SimDuration, SimTime};

pub(super) fn shapes(cx: &mut Context, node: &Node, owner: &str) -> Vec<Shape> {
    let Value::List(items) = &node.value else {
        cx.wrong_shape(node, &format!("`shape` of {owner}"), "a list");
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| shape(cx, item, owner))
        .collect()
}

fn shape(cx: &mut Context, node: &Node, owner: &str) -> Option<Shape> {
    let owner = format!("a shape of {owner}");
    if !cx.check_keys(node, &[&keys::SHAPE], &owner) {
        return None;
    }
    let entry = cx.exactly_one(
        node,
        &owner,
        &[
            "daily", "weekly", "growth", "ramp", "steps", "spike", "hourly", "series",
        ],
    )?;
    let value = &entry.value;
    match entry.key.as_str() {
        "daily" => {
            cx.check_keys(value, &[&keys::DAILY], "`daily`")
                .then_some(())?;
            let peak_second = cx.time_of_day(value.get("peak")?, "peak");
            let low = cx.probability(value.get("low")?, "low");
            Some(Shape::Daily {
                peak_second: peak_second?,
                low: low?,
            })
        }
        "weekly" => weekly(cx, value),
        "growth" => growth(cx, value),
        "hourly" => hourly(cx, value),
        "series" => series(cx, value),
        "ramp" => {
            cx.check_keys(value, &[&keys::RAMP], "`ramp`")
                .then_some(())?;
            let from = cx.level(value.get("from")?, "from");
            let to = cx.level(value.get("to")?, "to");
            let at = value
                .get("at")
                .map_or(Some(SimTime::ZERO), |at| cx.instant(at, "at"));
            let length = cx.duration(value.get("for")?, "for");
            Some(Shape::Ramp {
                from: from?,
                to: to?,
                at: at?,
                length: length?,
            })
        }
        "steps" => {
            let mut steps = Vec::new();
            for item in value.items() {
                if cx.check_keys(item, &[&keys::LEVEL], "a level of `steps`") {
                    let at = item.get("at").and_then(|at| cx.instant(at, "at"));
                    let level = item.get("level").and_then(|level| cx.level(level, "level"));
                    steps.extend(at.zip(level));
                }
            }
            steps.sort_by_key(|(at, _)| *at);
            Some(Shape::Steps(steps))
        }
        _ => {
            cx.check_keys(value, &[&keys::SPIKE], "`spike`")
                .then_some(())?;
            let at = cx.instant(value.get("at")?, "at");
            let peak = cx.level(value.get("peak")?, "peak");
            let ramp = value
                .get("ramp")
                .map_or(Some(SimDuration::ZERO), |ramp| cx.duration(ramp, "ramp"));
            let length = cx.duration(value.get("for")?, "for");
            Some(Shape::Spike {
                at: at?,
                peak: peak?,
                ramp: ramp?,
                length: length?,
            })
        }
    }
}

fn weekly(cx: &mut Context, node: &Node) -> Option<Shape> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    if !matches!(node.value, Value::Map(_)) {
        cx.wrong_shape(node, "`weekly`", "a map of days");
        return None;
    }
    let mut levels = [1.0; 7];
    for entry in node.entries() {
        match DAYS.iter().position(|day| *day == entry.key) {
            Some(day) => levels[day] = cx.level(&entry.value, &entry.key).unwrap_or(1.0),
            None => cx.problem(
                "E301",
                entry.key_span,
                format!("unknown day `{}`", entry.key.escape_default()),
                "expected mon, tue, wed, thu, fri, sat or sun",
                "",
            ),
        }
    }
    Some(Shape::Weekly(levels))
}

/// `25%/y`: compounding.
fn growth(cx: &mut Context, node: &Node) -> Option<Shape> {
    let text = node.text().map(str::trim);
    let Some(ratio) = text.and_then(|text| text.strip_suffix("/y")) else {
        cx.problem(
            "E200",
            node.span,
            "`growth` needs a ratio a year",
            "expected a ratio with `/y`",
            "write for example `25%/y`",
        );
        return None;
    };
    let (sign, ratio) = match ratio.strip_prefix('-') {
        Some(ratio) => (-1.0, ratio),
        None => (1.0, ratio),
    };
    let part = Node {
        value: Value::Scalar {
            text: ratio.to_owned(),
            quoted: false,
        },
        span: node.span,
        origin: String::new(),
    };
    let factor = 1.0 + sign * cx.ratio(&part, "growth")?;
    if factor <= 0.0 {
        cx.problem(
            "E203",
            node.span,
            "`growth` leaves nothing within a year",
            "below -100 % a year",
            "",
        );
        return None;
    }
    Some(Shape::Growth(factor))
}

fn hourly(cx: &mut Context, node: &Node) -> Option<Shape> {
    cx.check_keys(node, &[&keys::HOURLY], "`hourly`")
        .then_some(())?;
    let peak = cx.level(node.get("peak")?, "peak");
    let length = match node.get("for") {
        Some(length) => cx.positive_duration(length, "for")?,
        None => SimDuration::from_secs(300),
    };
    if length > SimDuration::from_secs(3_600) {
        let span = node.get("for").map_or(node.span, |length| length.span);
        cx.problem(
            "E203",
            span,
            "`for` of `hourly` is longer than an hour",
            "the next peak comes after an hour",
            "at most `1h`",
        );
        return None;
    }
    Some(Shape::Hourly {
        peak: peak?,
        length,
    })
}

fn series(cx: &mut Context, node: &Node) -> Option<Shape> {
    cx.check_keys(node, &[&keys::SERIES], "`series`")
        .then_some(())?;
    let levels = super::recording::values(cx, node, "series")?;
    Some(Shape::Series(levels.into()))
}
