//! Ranges `a..b`, `a..`, `..b`; one value alone is both ends.

use crate::scenario::grammar::quantity::{parse_count, parse_duration};
use crate::scenario::grammar::resource::{parse_bytes, parse_cpu};
use crate::scenario::grammar::{GrammarError, Parsed};
use crate::units::{Bytes, Cpu, SimDuration};

/// CPU request..limit.
///
/// # Errors
/// Those of its ends; a limit below the request (E203); another spelling of a range (E206).
pub fn parse_cpu_range(text: &str, key: &str) -> Parsed<(Option<Cpu>, Option<Cpu>)> {
    resource_range(text, key, "CPU", parse_cpu)
}

/// Memory request..limit.
///
/// # Errors
/// As [`parse_cpu_range`].
pub fn parse_bytes_range(text: &str, key: &str) -> Parsed<(Option<Bytes>, Option<Bytes>)> {
    resource_range(text, key, "memory", parse_bytes)
}

/// A range of counts.
///
/// # Errors
/// Those of its ends; the end below the start (E203); another spelling of a range (E206).
pub fn parse_count_range(text: &str, key: &str) -> Parsed<(Option<u64>, Option<u64>)> {
    plain_range(text, key, parse_count)
}

/// A range of durations.
///
/// # Errors
/// As [`parse_count_range`].
pub fn parse_duration_range(
    text: &str,
    key: &str,
) -> Parsed<(Option<SimDuration>, Option<SimDuration>)> {
    plain_range(text, key, parse_duration)
}

type Ends<T> = (Option<T>, Option<T>);

fn resource_range<T: Copy + PartialOrd>(
    text: &str,
    key: &str,
    resource: &str,
    parse: impl Fn(&str, &str) -> Parsed<T>,
) -> Parsed<Ends<T>> {
    let ends = read_ends(text, key, parse)?;
    let (request, limit) = halves(text);
    if let (Some(low), Some(high)) = ends
        && high < low
    {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("the {resource} limit is below the request"),
            format!("limit {limit} < request {request}"),
            format!("a range reads request..limit: did you mean `{limit}..{request}`?"),
        ));
    }
    Ok(ends)
}

fn plain_range<T: Copy + PartialOrd>(
    text: &str,
    key: &str,
    parse: impl Fn(&str, &str) -> Parsed<T>,
) -> Parsed<Ends<T>> {
    let ends = read_ends(text, key, parse)?;
    if let (Some(low), Some(high)) = ends
        && high < low
    {
        let (start, end) = halves(text);
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("the range of `{key}` ends below its start"),
            format!("{end} < {start}"),
            format!("did you mean `{end}..{start}`?"),
        ));
    }
    Ok(ends)
}

fn halves(text: &str) -> (&str, &str) {
    text.split_once("..").unwrap_or((text, text))
}

fn read_ends<T: Copy>(
    text: &str,
    key: &str,
    parse: impl Fn(&str, &str) -> Parsed<T>,
) -> Parsed<Ends<T>> {
    let Some((low, high)) = text.split_once("..") else {
        return match parse(text, key) {
            Ok(value) => Ok((Some(value), Some(value))),
            Err(error) => Err(dashed(text, &parse).unwrap_or(error)),
        };
    };
    if low.is_empty() && high.is_empty() {
        return Err(GrammarError::whole(
            "E206",
            text,
            format!("the range of `{key}` is empty"),
            "no end at all",
            "a range is `2..8`, `2..` or `..8`",
        ));
    }
    let offset = text.len() - high.len();
    let end = |part: &str, offset: usize| {
        if part.is_empty() {
            Ok(None)
        } else {
            parse(part, key)
                .map(Some)
                .map_err(|error| error.shifted(offset))
        }
    };
    Ok((end(low, 0)?, end(high, offset)?))
}

/// `2-8`, which people write for `2..8`.
fn dashed<T>(text: &str, parse: &impl Fn(&str, &str) -> Parsed<T>) -> Option<GrammarError> {
    let (low, high) = text.split_once('-')?;
    let (low, high) = (low.trim(), high.trim());
    if parse(low, "").is_err() || parse(high, "").is_err() {
        return None;
    }
    Some(GrammarError::whole(
        "E206",
        text,
        format!("`{text}` is not a range"),
        "a range has two dots",
        format!("a range is `{low}..{high}`"),
    ))
}
