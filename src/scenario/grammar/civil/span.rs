//! Spans of civil time, and the windows in which changes may be made.

use crate::scenario::grammar::civil::weekly::parse_weekly;
use crate::scenario::grammar::civil::{
    Clock, not_a_span, parse_date, parse_date_time, refuse_relative, start_of,
};
use crate::scenario::grammar::quantity::parse_duration;
use crate::scenario::grammar::{GrammarError, Parsed};
use crate::units::{Interval, SimTime};

/// A span `a..b` of dates (inclusive) or instants, cut to the run: what lies outside is empty.
///
/// # Errors
/// End before start (E203), no span (E201), those of its ends.
pub fn parse_span(text: &str, clock: &Clock) -> Parsed<Interval> {
    let (first, last) = text.split_once("..").ok_or_else(|| not_a_span(text))?;
    let (first, last) = (first.trim_end(), last.trim_start());
    let offset = text.len() - last.len();
    let start = end_of_span(first, clock, Edge::First)?;
    let end = end_of_span(last, clock, Edge::Last).map_err(|error| error.shifted(offset))?;
    if end < start {
        return Err(GrammarError::whole(
            "E203",
            text,
            "the span ends before it starts",
            format!("{last} is before {first}"),
            format!("did you mean `{last}..{first}`?"),
        ));
    }
    let cut = |at: i128| {
        let inside = at.clamp(0, i128::from(clock.horizon.0));
        SimTime(u64::try_from(inside).expect("clamped to the horizon"))
    };
    Ok(Interval {
        start: cut(start),
        end: cut(end),
    })
}

/// Which end of a span: the last date is inside.
enum Edge {
    First,
    Last,
}

/// Nanoseconds from time zero, perhaps outside the run.
fn end_of_span(text: &str, clock: &Clock, edge: Edge) -> Parsed<i128> {
    if let Some(after) = text.strip_prefix('+') {
        let after = parse_duration(after, "span").map_err(|error| error.shifted(1))?;
        return Ok(i128::from(after.0));
    }
    refuse_relative(text)?;
    let timestamp = match (parse_date(text), edge) {
        (Some(date), Edge::First) => start_of(date, &clock.zone),
        (Some(date), Edge::Last) => date
            .tomorrow()
            .ok()
            .and_then(|next| start_of(next, &clock.zone)),
        (None, _) => Some(parse_date_time(text, &clock.zone)?),
    };
    let timestamp = timestamp.ok_or_else(|| not_a_span(text))?;
    Ok(clock.nanoseconds_to(timestamp))
}

/// One of `calendar.windows`: weekly or a span, as intervals of the run.
///
/// # Errors
/// Those of the form it is written in.
pub fn parse_windows(text: &str, clock: &Clock) -> Parsed<Vec<Interval>> {
    if text.contains("..") {
        let interval = parse_span(text, clock)?;
        let is_empty = interval.start == interval.end;
        return Ok(if is_empty { Vec::new() } else { vec![interval] });
    }
    Ok(parse_weekly(text)?.intervals(clock))
}
