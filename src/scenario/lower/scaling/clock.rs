//! Policies by the clock: `scheduled`, and KEDA's cron triggers.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::scaling::hpa::pods::Moment;
use crate::model::scaling::{CronSpan, Firing, Scheduled};
use crate::scenario::grammar::{Cron, parse_cron, parse_timezone};
use crate::scenario::keys;
use crate::scenario::lower::context::Context;
use crate::scenario::node::{Node, Value};
use crate::units::SimTime;

pub(super) fn scheduled(cx: &mut Context, node: &Node, owner: &str) -> Option<Scheduled> {
    let owner = format!("`scheduled` of {owner}");
    let Value::List(items) = &node.value else {
        cx.wrong_shape(node, &owner, "a list");
        return None;
    };
    let mut firings = Vec::new();
    let mut fine = !items.is_empty();
    if items.is_empty() {
        cx.problem(
            "E102",
            node.span,
            format!("{owner} is empty"),
            "at least one entry is needed",
            "write for example `{cron: 0 7 * * MON-FRI, replicas: 8}`",
        );
    }
    for item in items {
        if !cx.check_keys(item, &[&keys::SCHEDULED], &format!("an entry of {owner}")) {
            fine = false;
            continue;
        }
        let cron = item.get("cron").and_then(|text| cron(cx, text, "cron"));
        let zone = zone(cx, item);
        let replicas = item
            .get("replicas")
            .and_then(|text| cx.small_count(text, "replicas"));
        let (Some(cron), Some(zone), Some(replicas)) = (cron, zone, replicas) else {
            fine = false;
            continue;
        };
        let last = cron.last_before(&zone, cx.clock.start);
        let all = last.into_iter().chain(within_the_run(cx, &cron, &zone));
        firings.extend(all.map(|at| Firing {
            at: moment(cx, at),
            replicas,
        }));
    }
    // Stable: of entries that fire at once the one written last comes last.
    firings.sort_by_key(|firing| firing.at);
    fine.then_some(Scheduled { firings })
}

/// Spans between the firings of `start` and those of `end`, cut to the run.
pub(super) fn spans(cx: &mut Context, node: &Node) -> Option<Vec<CronSpan>> {
    let start = node.get("start").and_then(|text| cron(cx, text, "start"));
    let end = node.get("end").and_then(|text| cron(cx, text, "end"));
    let zone = zone(cx, node);
    let (start, end, zone) = (start?, end?, zone?);
    let begin = cx.clock.start;
    let (opened, closed) = (
        start.last_before(&zone, begin),
        end.last_before(&zone, begin),
    );
    let mut open = (opened > closed).then_some(SimTime::ZERO);
    let edges = |cron: &Cron, is_start: bool| -> Vec<(SimTime, bool)> {
        let firings = within_the_run(cx, cron, &zone);
        firings
            .into_iter()
            .map(|at| (cx.clock.clipped(at), is_start))
            .collect()
    };
    let mut all = edges(&start, true);
    all.extend(edges(&end, false));
    // Ends before starts at one instant: a span that follows on is a new one.
    all.sort_by_key(|(at, is_start)| (*at, *is_start));
    let mut spans = Vec::new();
    for (at, is_start) in all {
        match (is_start, open) {
            (true, None) => open = Some(at),
            (false, Some(from)) => {
                spans.push(CronSpan { from, to: at });
                open = None;
            }
            _ => {}
        }
    }
    spans.extend(open.map(|from| CronSpan {
        from,
        to: SimTime::NEVER,
    }));
    Some(spans)
}

fn cron(cx: &mut Context, node: &Node, key: &str) -> Option<Cron> {
    cx.scalar(node, key, |text, _, _| parse_cron(text))
}

fn zone(cx: &mut Context, node: &Node) -> Option<TimeZone> {
    match node.get("timezone") {
        Some(zone) => cx.scalar(zone, "timezone", |text, _, _| parse_timezone(text)),
        None => Some(cx.clock.zone.clone()),
    }
}

/// Firings of a cron expression within the run; `timezone` may stand beside it.
pub(in crate::scenario::lower) fn firings(
    cx: &mut Context,
    text: &Node,
    beside: &Node,
) -> Option<Vec<SimTime>> {
    let cron = cron(cx, text, "jobs");
    let zone = zone(cx, beside)?;
    let found = within_the_run(cx, &cron?, &zone);
    Some(found.into_iter().map(|at| cx.clock.clipped(at)).collect())
}

fn within_the_run(cx: &Context, cron: &Cron, zone: &TimeZone) -> Vec<Timestamp> {
    let start = cx.clock.start;
    let nanoseconds = start.as_nanosecond() + i128::from(cx.clock.horizon.0);
    let end = Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MAX);
    cron.firings(zone, start, end)
}

fn moment(cx: &Context, at: Timestamp) -> Moment {
    Moment(i64::try_from(cx.clock.nanoseconds_to(at)).unwrap_or(i64::MAX))
}
