//! Durations, rates, counts, ratios, factors and weights.

use crate::scenario::grammar::number::{
    leading_decimal, leading_number, refuse_negative, refuse_separators,
};
use crate::scenario::grammar::{GrammarError, Parsed};
use crate::units::SimDuration;

/// Units of a duration, largest first, with their nanoseconds.
const DURATION_UNITS: [(&str, u128); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A duration such as `1m30s`, exact to the nanosecond. `key` names it in messages.
///
/// # Errors
/// No unit (E200), a unit that is none (E201), negative or too long (E203), order of the parts (E206).
pub fn parse_duration(text: &str, key: &str) -> Parsed<SimDuration> {
    if text == "0" {
        return Ok(SimDuration::ZERO);
    }
    refuse_negative(text, key, "time cannot run backwards")?;
    refuse_separators(text)?;
    let mut rest = text;
    let mut total = 0u64;
    let mut smallest: Option<usize> = None;
    while !rest.is_empty() {
        let offset = text.len() - rest.len();
        let Some(number) = leading_decimal(rest) else {
            return Err(not_a(
                text,
                "duration",
                "write for example `250ms` or `1m30s`",
            ));
        };
        let after = &rest[number.length..];
        let unit_length = after
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(after.len());
        let unit = &after[..unit_length];
        let length = number.length + unit_length;
        if unit.is_empty() {
            return Err(duration_without_unit(text, rest, key));
        }
        let Some(position) = DURATION_UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(unknown_duration_unit(&rest[..number.length], unit).at(offset, length));
        };
        if smallest.is_some_and(|smallest| position <= smallest) {
            return Err(GrammarError::whole(
                "E206",
                text,
                format!("the parts of `{text}` are out of order"),
                "largest unit first, each once",
                "write for example `1h30m`",
            ));
        }
        smallest = Some(position);
        total = number
            .of(DURATION_UNITS[position].1)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| {
                GrammarError::whole(
                    "E203",
                    text,
                    format!("`{key}` is too long"),
                    "the longest time is 584 years",
                    "",
                )
            })?;
        if total == 0 && number.mantissa != 0 {
            return Err(GrammarError::whole(
                "E203",
                text,
                format!("`{key}` is shorter than a nanosecond"),
                "time is counted in nanoseconds",
                "write `1ns` or `0`",
            ));
        }
        rest = &rest[length..];
    }
    if text.is_empty() {
        return Err(not_a(text, "duration", "write for example `250ms`"));
    }
    Ok(SimDuration(total))
}

fn duration_without_unit(text: &str, rest: &str, key: &str) -> GrammarError {
    let Some((number, length)) = leading_number(text) else {
        return not_a(text, "duration", "write for example `250ms`");
    };
    if rest != text || length != text.len() {
        let close = text.replace(' ', "");
        return if text.contains(' ') && parse_duration(&close, key).is_ok() {
            blank_inside(text, &close)
        } else {
            not_a(text, "duration", "write for example `250ms` or `1m30s`")
        };
    }
    let help = if number >= 100.0 {
        format!("write `{text}ms`")
    } else {
        format!("write `{text}ms`, `{text}s` or `{text}m`")
    };
    no_unit(text, key, help)
}

fn unknown_duration_unit(number: &str, unit: &str) -> GrammarError {
    let written = format!("{number}{unit}");
    let lower = unit.to_lowercase();
    let unfixed = |what: &str, weeks: &str| {
        GrammarError::whole(
            "E201",
            &written,
            format!("a {what} has no fixed length"),
            format!("`{unit}` is not a unit"),
            format!("write a date or `{weeks}`"),
        )
    };
    let meant = match lower.as_str() {
        "mo" | "mon" | "month" | "months" => return unfixed("month", "4w"),
        "y" | "yr" | "year" | "years" => return unfixed("year", "52w"),
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "wk" | "week" | "weeks" => "w",
        "ms" | "msec" | "millis" | "milliseconds" | "millisecond" => "ms",
        "us" | "usec" | "µs" | "μs" | "micros" | "microseconds" => "us",
        "ns" | "nsec" | "nanos" | "nanoseconds" => "ns",
        _ => {
            return GrammarError::whole(
                "E201",
                &written,
                format!("`{unit}` is not a unit of time"),
                "not a unit of time",
                "units are w d h m s ms us ns",
            );
        }
    };
    GrammarError::whole(
        "E201",
        &written,
        format!("`{unit}` is not a unit of time"),
        "not a unit of time",
        format!("did you mean `{number}{meant}`?"),
    )
}

/// A rate such as `120/s`, per second.
///
/// # Errors
/// No unit (E200), another spelling (E201), negative (E203).
pub fn parse_rate(text: &str, key: &str) -> Parsed<f64> {
    refuse_negative(text, key, "a rate cannot be negative")?;
    refuse_separators(text)?;
    if text == "0" {
        return Ok(0.0);
    }
    let Some((count, unit)) = text.split_once('/') else {
        let Some((_, length)) = leading_number(text) else {
            return Err(not_a(text, "rate", "write for example `120/s`"));
        };
        let number = &text[..length];
        return Err(match text[length..].trim() {
            "" | "k" | "M" | "G" => no_unit(text, key, format!("write `{text}/s`")),
            other => GrammarError::whole(
                "E201",
                text,
                format!("`{other}` is not a unit of a rate"),
                "a count per time is needed",
                format!("write `{number}/s`"),
            ),
        });
    };
    let number =
        scaled_count(count).ok_or_else(|| not_a(text, "rate", "write for example `120/s`"))?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => {
            return Err(GrammarError::whole(
                "E201",
                text,
                format!("`/{unit}` is not a unit of a rate"),
                "per s, m, h, d or w",
                format!("write for example `{count}/s`"),
            )
            .at(count.len(), unit.len() + 1));
        }
    };
    Ok(number / seconds)
}

/// A count such as `299M`, a whole number.
///
/// # Errors
/// Separators (E206), `500m` (E203), no whole number (E203), any other unit (E201).
pub fn parse_count(text: &str, key: &str) -> Parsed<u64> {
    refuse_negative(text, key, "a count cannot be negative")?;
    refuse_separators(text)?;
    let Some(number) = leading_decimal(text) else {
        return Err(not_a(text, "count", "write for example `3` or `1.2k`"));
    };
    let unit: u128 = match &text[number.length..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "m" => return Err(not_whole(text, key)),
        other => {
            return Err(GrammarError::whole(
                "E201",
                text,
                format!("`{}` is not a unit of a count", other.trim()),
                "a count has no unit but k, M or G",
                format!("write `{}`", &text[..number.length]),
            ));
        }
    };
    if !number.is_whole_of(unit) {
        return Err(not_whole(text, key));
    }
    number.of(unit).ok_or_else(|| {
        GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is too large"),
            "too large",
            "",
        )
    })
}

fn not_whole(text: &str, key: &str) -> GrammarError {
    GrammarError::whole(
        "E203",
        text,
        format!("`{key}` is not a whole number"),
        if text == "500m" || text == "0.5" {
            "half a service?"
        } else {
            "a part of one?"
        },
        "write a whole number",
    )
}

/// A ratio: `99.9%` or a number from 0 to 1; with `%` it may exceed 1.
///
/// # Errors
/// A plain number above 1 (E202), negative (E203).
pub fn parse_ratio(text: &str, key: &str) -> Parsed<f64> {
    refuse_negative(text, key, "a ratio cannot be negative")?;
    refuse_separators(text)?;
    let parsed = leading_number(text).map(|(number, length)| (number, &text[length..]));
    match parsed {
        Some((number, "%")) => Ok(number / 100.0),
        Some((number, "")) if number <= 1.0 => Ok(number),
        Some((_, "")) => Err(GrammarError::whole(
            "E202",
            text,
            format!("{text} is not a ratio"),
            "between 0 and 1, or with %",
            format!("did you mean `{text}%`?"),
        )),
        _ => Err(not_a(text, "ratio", "write for example `99.9%` or `0.25`")),
    }
}

/// A ratio from 0 to 1.
///
/// # Errors
/// As [`parse_ratio`]; above 100 % (E203).
pub fn parse_probability(text: &str, key: &str) -> Parsed<f64> {
    let ratio = parse_ratio(text, key)?;
    if ratio > 1.0 {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is above 100%"),
            "a share cannot be more than all",
            "write at most `100%`",
        ));
    }
    Ok(ratio)
}

/// A factor such as `x1.5`.
///
/// # Errors
/// Any other spelling (E206), negative (E203).
pub fn parse_factor(text: &str, key: &str) -> Parsed<f64> {
    let number = text
        .strip_prefix('x')
        .and_then(|rest| leading_number(rest).filter(|(_, length)| *length == rest.len()));
    match number {
        Some((number, _)) => Ok(number),
        None => {
            if let Some(rest) = text.strip_prefix("x-") {
                return refuse_negative(&format!("-{rest}"), key, "a factor cannot be negative")
                    .and(Err(not_a(text, "factor", "write for example `x1.5`")));
            }
            let plain = text.trim_end_matches(['x', '%']);
            let help = match leading_number(plain).filter(|(_, length)| *length == plain.len()) {
                Some((number, _)) if text.ends_with('%') => {
                    format!("write `x{}`", number / 100.0)
                }
                Some(_) => format!("write `x{plain}`"),
                None => "write for example `x1.5`".to_owned(),
            };
            Err(GrammarError::whole(
                "E206",
                text,
                format!("`{key}` is not a factor"),
                "a factor is `x` and a number",
                help,
            ))
        }
    }
}

/// A positive number without a unit, for weights.
///
/// # Errors
/// Not a number (E201), not positive (E203).
pub fn parse_weight(text: &str, key: &str) -> Parsed<f64> {
    refuse_negative(text, key, "a weight cannot be negative")?;
    refuse_separators(text)?;
    let (number, rest) = leading_number(text)
        .map(|(number, length)| (number, &text[length..]))
        .ok_or_else(|| not_a(text, "weight", "write a number, for example `3`"))?;
    match rest {
        "" | "%" if number > 0.0 => Ok(number),
        "" | "%" => Err(GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is zero"),
            "a weight is positive",
            "leave out what never happens",
        )),
        _ => Err(not_a(text, "weight", "write a number, for example `3`")),
    }
}

/// A number with an optional `k`, `M` or `G`.
pub(super) fn scaled_count(text: &str) -> Option<f64> {
    let (number, length) = leading_number(text)?;
    let factor = match &text[length..] {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    Some(number * factor)
}

/// "`text` is not a duration".
pub(super) fn not_a(text: &str, what: &str, help: &str) -> GrammarError {
    GrammarError::whole(
        "E201",
        text,
        format!("`{}` is not a {what}", text.escape_debug()),
        format!("not a {what}"),
        help,
    )
}

/// "`key` has no unit".
pub(super) fn no_unit(text: &str, key: &str, help: String) -> GrammarError {
    GrammarError::whole(
        "E200",
        text,
        format!("`{key}` has no unit"),
        format!("{text} of what?"),
        help,
    )
}

fn blank_inside(text: &str, close: &str) -> GrammarError {
    GrammarError::whole(
        "E206",
        text,
        format!("`{text}` has a blank inside"),
        "no blanks inside a quantity",
        format!("write `{close}`"),
    )
}
