//! The header and `run`: name, clock, horizon, replications, limits.

use super::context::Context;
use crate::model::scenario::{Fidelity, Traces, WindowKind, Zoom};
use crate::model::{Replications, RunSettings};
use crate::scenario::keys;
use crate::scenario::node::Node;
use crate::units::SimDuration;

/// The language this program knows.
const LANGUAGE: u64 = 1;

/// Checks `cutover`.
pub(super) fn version(cx: &mut Context, root: &Node) {
    let Some(node) = root.get("cutover") else {
        return;
    };
    match node.text().map(str::parse::<u64>) {
        Some(Ok(LANGUAGE)) => {}
        Some(Ok(other)) => cx.problem(
            "E105",
            node.span,
            format!("written for language {other}, this program knows {LANGUAGE}"),
            "version of the language",
            if other > LANGUAGE {
                "use a newer program"
            } else {
                "write `cutover: 1`"
            },
        ),
        _ => cx.problem(
            "E105",
            node.span,
            "`cutover` is not a version",
            "a whole number",
            "write `cutover: 1`",
        ),
    }
}

/// Reads `run` and `output`.
pub(super) fn run(cx: &mut Context, root: &Node) -> RunSettings {
    let node = root.get("run");
    if let Some(node) = node {
        cx.check_keys(node, &[&keys::RUN], "`run`");
    }
    if let Some(output) = root.get("output") {
        cx.check_keys(output, &[&keys::OUTPUT], "`output`");
    }
    let limits = node.and_then(|run| run.get("limits"));
    if let Some(limits) = limits {
        cx.check_keys(limits, &[&keys::RUN_LIMITS], "`limits` of `run`");
    }
    let get = |key: &str| node.and_then(|run| run.get(key));
    let limit = |key: &str| limits.and_then(|limits| limits.get(key));
    let words = [
        (Fidelity::Request, "request"),
        (Fidelity::Flow, "flow"),
        (Fidelity::Zoom, "zoom"),
    ];
    RunSettings {
        seed: get("seed")
            .and_then(|text| cx.count(text, "seed"))
            .unwrap_or(1),
        replications: replications(cx, node),
        confidence: get("confidence")
            .and_then(|text| confidence(cx, text))
            .unwrap_or(0.95),
        margins: get("margins")
            .map(|margins| self::margins(cx, margins))
            .unwrap_or_default(),
        warmup: get("warmup")
            .and_then(|text| warmup(cx, text))
            .unwrap_or(SimDuration::ZERO),
        fidelity: get("fidelity")
            .and_then(|word| cx.word(word, "fidelity", &words, &[]))
            .unwrap_or(Fidelity::Request),
        zoom: get("zoom").map(|node| zoom(cx, node)).unwrap_or_default(),
        max_in_flight: limit("inFlight")
            .and_then(|text| cx.count(text, "inFlight"))
            .unwrap_or(10_000_000),
        max_events: limit("events").and_then(|text| cx.count(text, "events")),
        resolution: cx.positive_duration_in(
            root.get("output"),
            "resolution",
            SimDuration::from_secs(60),
        ),
        traces: root
            .get("output")
            .and_then(|output| output.get("traces"))
            .map(|node| traces(cx, node)),
    }
}

fn zoom(cx: &mut Context, node: &Node) -> Zoom {
    let usual = Zoom::default();
    if !cx.check_keys(node, &[&keys::RUN_ZOOM], "`zoom` of `run`") {
        return usual;
    }
    let minute = SimDuration::from_secs(60);
    let length = cx.positive_duration_in(Some(node), "length", usual.length);
    let windows = node.get("windows").map(|list| {
        let words = list.items().iter();
        words
            .filter_map(|word| cx.word(word, "windows", &WindowKind::ALL, &[]))
            .collect()
    });
    Zoom {
        windows: windows.unwrap_or(usual.windows),
        length: SimDuration(length.0.div_ceil(minute.0) * minute.0),
        most: node
            .get("sample")
            .filter(|most| most.text() != Some("auto"))
            .and_then(|most| cx.count(most, "sample"))
            .map_or(usual.most, |most| u32::try_from(most).unwrap_or(u32::MAX)),
    }
}

fn traces(cx: &mut Context, node: &Node) -> Traces {
    let usual = Traces::USUAL;
    if !cx.check_keys(node, &[&keys::TRACES], "`traces`") {
        return usual;
    }
    Traces {
        share: node
            .get("sample")
            .and_then(|share| cx.probability(share, "sample"))
            .unwrap_or(usual.share),
        most: node
            .get("max")
            .and_then(|most| cx.count(most, "max"))
            .unwrap_or(usual.most),
    }
}

fn warmup(cx: &mut Context, node: &Node) -> Option<SimDuration> {
    if node.text() == Some("auto") {
        cx.unbuilt("auto", node.span);
        return None;
    }
    let warmup = cx.duration(node, "warmup")?;
    if warmup >= cx.horizon && cx.horizon > SimDuration::ZERO {
        cx.problem(
            "E203",
            node.span,
            "`warmup` is as long as the run",
            "nothing would be left to measure",
            "",
        );
    }
    Some(warmup)
}

fn confidence(cx: &mut Context, node: &Node) -> Option<f64> {
    let level = cx.probability(node, "confidence")?;
    if level <= 0.0 || level >= 1.0 {
        cx.problem(
            "E203",
            node.span,
            "`confidence` must lie between 0% and 100%",
            "neither is possible",
            "write for example `95%`",
        );
        return None;
    }
    Some(level)
}

fn replications(cx: &mut Context, run: Option<&Node>) -> Replications {
    let Some(run) = run else {
        return Replications::Fixed(10);
    };
    if let (Some(fixed), Some(precision)) = (run.entry("replications"), run.entry("precision")) {
        let at = cx.place_of(fixed.key_span);
        cx.problem(
            "E103",
            precision.key_span,
            "`run` has both `replications` and `precision`",
            format!("already fixed by `replications` ({at})"),
            "keep one of them",
        );
    }
    if let Some(ratio) = run
        .get("precision")
        .and_then(|text| cx.ratio(text, "precision"))
    {
        return Replications::Precision {
            ratio,
            max: cx.count_or(run, "maxReplications", 1000),
        };
    }
    let count = cx.count_or(run, "replications", 10);
    if count == 0
        && let Some(node) = run.get("replications")
    {
        cx.problem(
            "E203",
            node.span,
            "`replications` is 0",
            "nothing would be run",
            "write at least 1",
        );
    }
    Replications::Fixed(count.max(1))
}

/// Differences that matter: `latency: 5%` is relative, `5ms` or `0.1 pp` absolute in the metric's unit.
fn margins(cx: &mut Context, node: &Node) -> Vec<(String, f64, bool)> {
    let mut found = Vec::new();
    for entry in node.entries() {
        let text = entry.value.text().unwrap_or_default();
        let relative = text.ends_with('%');
        let value = if relative {
            cx.ratio(&entry.value, &entry.key)
        } else if text.parse::<f64>().is_ok() {
            cx.plain_number(&entry.value, &entry.key)
        } else {
            cx.duration(&entry.value, &entry.key)
                .map(SimDuration::seconds)
        };
        found.extend(value.map(|value| (entry.key.clone(), value, relative)));
    }
    found
}
