//! Decimal numbers as they are written, kept exact until a unit is known.

use crate::scenario::grammar::{GrammarError, Parsed};

/// A number at the start of a text: `mantissa / 10^places`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Decimal {
    pub mantissa: u128,
    pub places: u32,
    /// Bytes read.
    pub length: usize,
}

impl Decimal {
    /// This many of a unit, rounded to the nearest whole; `None` when too large for 64 bits.
    pub fn of(self, unit: u128) -> Option<u64> {
        let scale = 10u128.checked_pow(self.places)?;
        let product = self.mantissa.checked_mul(unit)?;
        let whole = (product.checked_add(scale / 2)?) / scale;
        u64::try_from(whole).ok()
    }

    /// Whether this many of a unit is a whole number.
    pub fn is_whole_of(self, unit: u128) -> bool {
        match (
            10u128.checked_pow(self.places),
            self.mantissa.checked_mul(unit),
        ) {
            (Some(scale), Some(product)) => product % scale == 0,
            _ => false,
        }
    }
}

/// The number at the start of `text`: digits with at most one point between them.
pub(super) fn leading_decimal(text: &str) -> Option<Decimal> {
    let bytes = text.as_bytes();
    let whole = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if whole == 0 {
        return None;
    }
    let mut length = whole;
    let mut places = 0;
    if bytes.get(whole) == Some(&b'.') {
        let fraction = bytes[whole + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if fraction > 0 {
            length += 1 + fraction;
            places = u32::try_from(fraction).ok()?;
        }
    }
    let digits: String = text[..length].chars().filter(|c| *c != '.').collect();
    Some(Decimal {
        mantissa: digits.parse().ok()?,
        places,
        length,
    })
}

/// The number at the start of `text` as the nearest `f64`, and the bytes read.
pub(super) fn leading_number(text: &str) -> Option<(f64, usize)> {
    let decimal = leading_decimal(text)?;
    Some((text[..decimal.length].parse().ok()?, decimal.length))
}

/// Refuses `1,200`, `1_200` and blanks inside a quantity.
pub(super) fn refuse_separators(text: &str) -> Parsed<()> {
    let bytes = text.as_bytes();
    for index in 1..bytes.len().saturating_sub(1) {
        let between_digits = bytes[index - 1].is_ascii_digit() && bytes[index + 1].is_ascii_digit();
        if between_digits && matches!(bytes[index], b',' | b'_') {
            let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_')).collect();
            return Err(GrammarError::whole(
                "E206",
                text,
                format!("`{text}` has a separator between its digits"),
                "no separators",
                separator_help(&plain),
            ));
        }
    }
    Ok(())
}

fn separator_help(plain: &str) -> String {
    match plain.parse::<f64>() {
        Ok(number) if number >= 1000.0 => format!("write `{plain}` or `{}k`", number / 1000.0),
        _ => format!("write `{plain}`"),
    }
}

/// Refuses a leading minus; `what` runs backwards: "time cannot run backwards".
pub(super) fn refuse_negative(text: &str, key: &str, label: &str) -> Parsed<()> {
    match text.strip_prefix('-') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => Err(GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is negative"),
            label,
            format!("write `{rest}`"),
        )),
        _ => Ok(()),
    }
}
