//! Dimensions of sums, and quantities read into them.

use crate::model::metric::Dimension;
use crate::scenario::grammar::condition::tree::Word;
use crate::scenario::grammar::money::{MoneyPer, parse_money, require_currency};
use crate::scenario::grammar::quantity::{not_a, parse_duration, parse_ratio, scaled_count};
use crate::scenario::grammar::resource::parse_bytes;
use crate::scenario::grammar::{GrammarError, Parsed};

/// What a sum is: a plain number fits counts, and ratios as far as they go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Plain,
    Of(Dimension),
}

impl Kind {
    pub const RATIO: Self = Self::Of(Dimension::Ratio);

    /// "a time", for messages.
    pub fn described(self) -> &'static str {
        match self {
            Self::Plain => "a plain number",
            Self::Of(Dimension::Count) => "a count",
            Self::Of(Dimension::Ratio) => "a ratio",
            Self::Of(Dimension::Time) => "a time",
            Self::Of(Dimension::Money) => "an amount of money",
            Self::Of(Dimension::Bytes) => "a size",
        }
    }

    /// What both are, when they can be compared or added.
    pub fn joined(self, other: Self) -> Option<Self> {
        let is_number = |kind| matches!(kind, Self::Of(Dimension::Count | Dimension::Ratio));
        match (self, other) {
            (left, right) if left == right => Some(left),
            (Self::Plain, kind) | (kind, Self::Plain) if is_number(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether something is merely scaled by it.
    pub fn scales(self) -> bool {
        matches!(
            self,
            Self::Plain | Self::Of(Dimension::Ratio | Dimension::Count)
        )
    }
}

/// A quantity's value in its dimension's base unit: seconds, bytes, the currency's main unit.
pub(super) fn read_quantity(word: &Word, currency: Option<&str>) -> Parsed<(f64, Kind)> {
    let text = word.text.as_str();
    read(text, currency).map_err(|error| error.shifted(word.offset))
}

fn read(text: &str, currency: Option<&str>) -> Parsed<(f64, Kind)> {
    if let Some(number) = scaled_count(text) {
        return Ok((number, Kind::Plain));
    }
    if text.ends_with('%') {
        return Ok((parse_ratio(text, "value")?, Kind::RATIO));
    }
    if text.contains(' ') {
        let money = parse_money(text, "value")?;
        let mut first = currency.map(str::to_owned);
        require_currency(text, &money, &mut first)?;
        if money.per != MoneyPer::Once {
            return Err(GrammarError::whole(
                "E202",
                text,
                "a price stands where an amount is needed",
                "money per something",
                "write for example `5 USD`",
            ));
        }
        return Ok((money.amount, Kind::Of(Dimension::Money)));
    }
    let is_size = text.ends_with('B') || text.ends_with('i');
    if is_size {
        let bytes = parse_bytes(text, "value")?;
        return Ok((bytes.0 as f64, Kind::Of(Dimension::Bytes)));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(not_a(text, "value", "write for example `500ms`"));
    }
    let time = parse_duration(text, "value")?;
    Ok((time.0 as f64 / 1e9, Kind::Of(Dimension::Time)))
}

/// How a plain number would be written in that dimension.
pub(super) fn help_for(number: &str, kind: Kind, currency: Option<&str>) -> String {
    match kind {
        Kind::Of(Dimension::Time) => format!("write `{number}ms` or `{number}s`"),
        Kind::Of(Dimension::Money) => format!("write `{number} {}`", currency.unwrap_or("USD")),
        Kind::Of(Dimension::Bytes) => format!("write `{number}kB` or `{number}MB`"),
        Kind::Of(Dimension::Ratio) => format!("did you mean `{number}%`?"),
        _ => String::new(),
    }
}
