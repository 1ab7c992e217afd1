//! SLO texts and what warms a replica.

use crate::model::service::WarmupOver;
use crate::model::{Objective, ObjectiveKind};
use crate::scenario::grammar::number::leading_number;
use crate::scenario::grammar::quantity::{parse_count, parse_duration, parse_ratio};
use crate::scenario::grammar::{GrammarError, Parsed};

/// One objective: `99.9% ok`, `99% ok or degraded` or `99% under 500ms`.
///
/// # Errors
/// No ratio (E202), a target that leaves no budget (E203), another form (E206).
pub fn parse_objective(text: &str) -> Parsed<Objective> {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let target = parse_ratio(first, "slo").map_err(|mut error| {
        if error.code == "E202" {
            error.help = format!("did you mean `{first}% {}`?", rest.trim());
        }
        error
    })?;
    if target >= 1.0 || target <= 0.0 {
        return Err(GrammarError::whole(
            "E203",
            first,
            format!("an objective of {first} leaves nothing to measure"),
            "between 0% and 100%, neither of them",
            "write for example `99.9%`",
        ));
    }
    let rest_offset = text.len() - rest.trim_start().len();
    let rest = rest.trim();
    let kind = match rest.split_once(' ') {
        None if rest == "ok" => ObjectiveKind::Ok,
        Some(("ok", "or degraded")) => ObjectiveKind::OkOrDegraded,
        Some(("under", limit)) => {
            let limit_offset = text.len() - limit.len();
            let limit =
                parse_duration(limit, "under").map_err(|error| error.shifted(limit_offset))?;
            ObjectiveKind::Under(limit)
        }
        _ => {
            return Err(GrammarError::whole(
                "E206",
                text,
                format!("`{text}` is not an objective"),
                "ok, ok or degraded, or under a time",
                format!("write for example `{first} ok` or `{first} under 500ms`"),
            )
            .at(rest_offset, rest.len()));
        }
    };
    Ok(Objective { target, kind })
}

/// What a warm-up runs over: a duration, or `500 requests`.
///
/// # Errors
/// Those of durations and counts.
pub fn parse_warmup_over(text: &str) -> Parsed<WarmupOver> {
    if let Some(count) = text
        .strip_suffix(" requests")
        .or_else(|| text.strip_suffix(" request"))
    {
        return Ok(WarmupOver::Requests(parse_count(count, "over")?));
    }
    if leading_number(text).is_some_and(|(_, length)| length == text.len()) && text != "0" {
        return Err(GrammarError::whole(
            "E200",
            text,
            "`over` has no unit",
            format!("{text} of what?"),
            format!("write `{text} requests` or `{text}s`"),
        ));
    }
    Ok(WarmupOver::Time(parse_duration(text, "over")?))
}
