//! `x1.5` of `--set`: multiplies what is written without knowing what it means.

use crate::scenario::grammar::number::leading_number;
use crate::scenario::grammar::{GrammarError, Parsed};

/// Parameters of distributions that have no unit of their own: scaling a variate leaves them alone.
const SHAPE_KEYS: [&str; 4] = ["cv=", "k=", "shape=", "alpha="];

/// Multiplies the number, quantity, range or distribution that stands in `text`. Shape parameters of a
/// distribution and the weights of a `mix` stay.
///
/// # Errors
/// E206 when no number stands there.
pub fn scale_text(text: &str, factor: f64) -> Parsed<String> {
    let in_call = text.contains('(');
    let mut scaled = String::with_capacity(text.len());
    let mut index = 0;
    let mut found = false;
    while index < text.len() {
        let rest = &text[index..];
        let starts_word = text[..index]
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let skipped = SHAPE_KEYS
            .iter()
            .find(|key| starts_word && rest.starts_with(**key));
        if let Some(key) = skipped {
            let length = key.len()
                + rest[key.len()..]
                    .find([' ', ')'])
                    .unwrap_or(rest.len() - key.len());
            scaled.push_str(&rest[..length]);
            index += length;
            continue;
        }
        let is_percentile_key = starts_word && rest.starts_with('p') && rest.contains('=');
        if is_percentile_key {
            let length = rest.find('=').map_or(1, |at| at + 1);
            let is_key = rest[1..length - 1]
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            if is_key {
                scaled.push_str(&rest[..length]);
                index += length;
                continue;
            }
        }
        match leading_number(rest) {
            Some((number, length)) if is_inside_quantity(text, index) => {
                let is_weight = in_call && rest[length..].starts_with('%');
                if is_weight {
                    scaled.push_str(&rest[..length]);
                } else {
                    scaled.push_str(&plain_number(number * factor));
                    found = true;
                }
                index += length;
            }
            _ => {
                let letter = rest.chars().next().map_or(1, char::len_utf8);
                scaled.push_str(&rest[..letter]);
                index += letter;
            }
        }
    }
    if found {
        Ok(scaled)
    } else {
        Err(GrammarError::whole(
            "E206",
            text,
            format!("`{}` cannot be multiplied", text.escape_debug()),
            "no number stands here",
            "give a value instead of a factor",
        ))
    }
}

/// Whether the word around `index` is a quantity: it starts with a digit, or with the `x` of a factor.
fn is_inside_quantity(text: &str, index: usize) -> bool {
    let before = &text[..index];
    let start = before
        .rfind([' ', '(', '=', '|', '+', '.'])
        .map_or(0, |at| at + 1);
    let word = &text[start..];
    word.strip_prefix('x')
        .unwrap_or(word)
        .starts_with(|c: char| c.is_ascii_digit())
}

/// A number without exponent and without the noise of binary fractions: 12 significant digits.
fn plain_number(number: f64) -> String {
    let rounded: f64 = format!("{number:.11e}").parse().unwrap_or(number);
    format!("{rounded}")
}
