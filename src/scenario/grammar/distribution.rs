//! Distributions: `1ms + exp(2ms)`, `lognormal(5ms cv=1.5)`, `mix(90% exp(2ms) | 10% exp(50ms))`.

mod call;
mod families;

use crate::model::Distribution;
use crate::model::distribution::Part;
use crate::scenario::grammar::distribution::call::Call;
use crate::scenario::grammar::number::leading_number;
use crate::scenario::grammar::quantity::{parse_duration, scaled_count};
use crate::scenario::grammar::{GrammarError, Parsed};

/// What a distribution is of; variates are in seconds or plain counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DistributionUnit {
    /// Durations: every quantity has a unit of time.
    Seconds,
    /// Counts, for `times` and `length`: plain numbers.
    Count,
}

/// A distribution. `key` names it in messages.
///
/// # Errors
/// A comma (E204), an unknown name (E301), no unit (E200), another dimension (E202), parameters that make no
/// sense (E203), another form (E206), `empirical` (E110).
pub fn parse_distribution(text: &str, unit: DistributionUnit, key: &str) -> Parsed<Distribution> {
    refuse_comma(text)?;
    let mut parts = Vec::new();
    for (offset, term) in split_outside(text, " + ") {
        parts.push(parse_part(term, key, unit).map_err(|error| error.shifted(offset))?);
    }
    Ok(Distribution::sum_of(parts))
}

/// One term: a quantity or a call.
fn parse_part(text: &str, key: &str, unit: DistributionUnit) -> Parsed<Part> {
    let starts_name = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let Some(open) = text.find('(').filter(|_| starts_name) else {
        if starts_name && families::NAMES.contains(&text) {
            return Err(GrammarError::whole(
                "E203",
                text,
                format!("`{text}` has no mean"),
                "how much on average?",
                families::example(text),
            ));
        }
        return quantity(text, key, unit).map(Part::constant);
    };
    if !text.ends_with(')') {
        return Err(GrammarError::whole(
            "E206",
            text,
            format!("`{text}` is not a distribution"),
            "a `)` is missing or something stands behind it",
            "write for example `exp(2ms)` or `1ms + exp(2ms)`",
        ));
    }
    let call = Call::read(text, open, unit);
    families::build(&call, key)
}

/// A number in the distribution's unit: seconds or a count.
fn quantity(text: &str, key: &str, unit: DistributionUnit) -> Parsed<f64> {
    match unit {
        // Division rounds once, multiplication by the inexact 1e-9 would twice.
        DistributionUnit::Seconds => Ok(parse_duration(text, key)?.0 as f64 / 1e9),
        DistributionUnit::Count => count(text, key),
    }
}

fn count(text: &str, key: &str) -> Parsed<f64> {
    if let Some(number) = scaled_count(text) {
        return Ok(number);
    }
    if parse_duration(text, key).is_ok() {
        return Err(GrammarError::whole(
            "E202",
            text,
            format!("`{key}` is a count, not a time"),
            "a plain number is needed",
            leading_number(text)
                .map_or_else(String::new, |(number, _)| format!("write `{number}`")),
        ));
    }
    let negative = text.starts_with('-');
    Err(GrammarError::whole(
        if negative { "E203" } else { "E201" },
        text,
        if negative {
            format!("`{key}` is negative")
        } else {
            format!("`{}` is not a count", text.escape_debug())
        },
        "a count or a distribution of counts",
        "write for example `3` or `geometric(2.5)`",
    ))
}

/// A comma between arguments, which only reaches this far in quotes or block style.
fn refuse_comma(text: &str) -> Parsed<()> {
    let Some(offset) = text.find(',') else {
        return Ok(());
    };
    let corrected = text.replace(", ", " ").replace(',', " ");
    Err(GrammarError {
        code: "E204",
        offset,
        length: 1,
        sentence: "a comma inside a distribution ends the YAML value".to_owned(),
        label: "the value stops here".to_owned(),
        help: format!("arguments are separated by spaces: `{corrected}`"),
    })
}

/// Pieces between `separator`s that stand outside parentheses, with their offsets.
fn split_outside<'a>(text: &'a str, separator: &str) -> Vec<(usize, &'a str)> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut depth = 0usize;
    let mut index = 0;
    while index < text.len() {
        let rest = &text[index..];
        if depth == 0 && rest.starts_with(separator) {
            pieces.push((start, &text[start..index]));
            index += separator.len();
            start = index;
            continue;
        }
        let letter = rest.chars().next().expect("the index lies before the end");
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        index += letter.len_utf8();
    }
    pieces.push((start, &text[start..]));
    pieces
}
