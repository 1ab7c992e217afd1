//! Money and effort.

use crate::scenario::grammar::number::{leading_number, refuse_negative, refuse_separators};
use crate::scenario::grammar::quantity::{not_a, parse_duration};
use crate::scenario::grammar::resource::parse_bytes;
use crate::scenario::grammar::{GrammarError, Parsed};

/// An amount of money, perhaps per something.
#[derive(Clone, PartialEq, Debug)]
pub struct Money {
    /// How much, in the currency's main unit.
    pub amount: f64,
    /// ISO 4217 code.
    pub currency: String,
    /// Per what.
    pub per: MoneyPer,
}

/// What a price is for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum MoneyPer {
    /// A sum, not a price.
    Once,
    /// This many seconds.
    Seconds(f64),
    /// This many bytes.
    Bytes(f64),
    /// A person-day.
    PersonDay,
}

impl Money {
    /// Price of an hour, when it is a price per time.
    #[must_use]
    pub fn per_hour(&self) -> Option<f64> {
        match self.per {
            MoneyPer::Seconds(seconds) => Some(self.amount / seconds * 3_600.0),
            _ => None,
        }
    }

    /// Price of a byte, when it is a price per bytes.
    #[must_use]
    pub fn per_byte(&self) -> Option<f64> {
        match self.per {
            MoneyPer::Bytes(bytes) => Some(self.amount / bytes),
            _ => None,
        }
    }
}

/// Money such as `0.096 USD/h`. `0` alone is no money: its currency is empty.
///
/// # Errors
/// `$5` and other spellings (E206), no currency (E200), negative (E203).
pub fn parse_money(text: &str, key: &str) -> Parsed<Money> {
    if text == "0" {
        return Ok(Money {
            amount: 0.0,
            currency: String::new(),
            per: MoneyPer::Once,
        });
    }
    refuse_negative(text, key, "money cannot be negative here")?;
    refuse_separators(text)?;
    if let Some(error) = refuse_symbol(text) {
        return Err(error);
    }
    let Some((number, length)) = leading_number(text) else {
        return Err(not_a(text, "price", "write for example `5 USD`"));
    };
    let mut rest = &text[length..];
    let mut factor = 1.0;
    for (letter, value) in [('k', 1e3), ('M', 1e6)] {
        if let Some(after) = rest.strip_prefix(letter).filter(|r| r.starts_with(' ')) {
            (rest, factor) = (after, value);
        }
    }
    let written = &text[..text.len() - rest.len()];
    let (code, per) = match rest.trim_start().split_once('/') {
        Some((code, per)) => (code, Some(per)),
        None => (rest.trim_start(), None),
    };
    if code.is_empty() {
        return Err(GrammarError::whole(
            "E200",
            text,
            format!("`{key}` has no currency"),
            format!("{written} of what?"),
            format!("write for example `{written} USD`"),
        ));
    }
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_code || !rest.starts_with(' ') {
        let code = if code.len() == 3 && code.is_ascii() {
            code.to_uppercase()
        } else {
            "USD".to_owned()
        };
        return Err(GrammarError::whole(
            "E206",
            text,
            format!("`{text}` is not money"),
            "an amount, a blank and a currency's code",
            format!("write for example `{written} {code}`"),
        ));
    }
    let per = match per {
        None => MoneyPer::Once,
        Some("pd") => MoneyPer::PersonDay,
        Some(unit) => parse_per(unit).ok_or_else(|| {
            GrammarError::whole(
                "E201",
                text,
                format!("`/{unit}` is not a unit of a price"),
                "per time, bytes or pd",
                format!("write for example `{written} {code}/h` or `{written} {code}/GB`"),
            )
            .at(text.len() - unit.len() - 1, unit.len() + 1)
        })?,
    };
    Ok(Money {
        amount: number * factor,
        currency: code.to_owned(),
        per,
    })
}

fn parse_per(unit: &str) -> Option<MoneyPer> {
    let one = format!("1{unit}");
    if let Ok(duration) = parse_duration(&one, "") {
        return Some(MoneyPer::Seconds(duration.0 as f64 / 1e9));
    }
    let bytes = parse_bytes(&one, "").ok()?;
    Some(MoneyPer::Bytes(bytes.0 as f64))
}

fn refuse_symbol(text: &str) -> Option<GrammarError> {
    let symbol = text.chars().find(|c| "$€£¥".contains(*c))?;
    let plain: String = text.chars().filter(|c| *c != symbol).collect();
    let plain = plain.trim();
    let (label, code) = match symbol {
        '$' => ("which dollar?", "USD"),
        '€' => ("not a currency's code", "EUR"),
        '£' => ("which pound?", "GBP"),
        _ => ("yen or yuan?", "JPY"),
    };
    let written = plain.split_once('/').map_or_else(
        || format!("{plain} {code}"),
        |(n, per)| format!("{n} {code}/{per}"),
    );
    Some(GrammarError::whole(
        "E206",
        text,
        format!("`{text}` names no currency"),
        label,
        format!("write `{written}`"),
    ))
}

/// Holds all money of a scenario to one currency: the first one met is `currency`.
///
/// # Errors
/// Another currency than the first (E208).
pub fn require_currency(text: &str, money: &Money, currency: &mut Option<String>) -> Parsed<()> {
    if money.currency.is_empty() {
        return Ok(());
    }
    match currency {
        Some(first) if *first != money.currency => Err(GrammarError::whole(
            "E208",
            text,
            format!(
                "two currencies in one scenario: {first} and {}",
                money.currency
            ),
            format!("{} everywhere else", first),
            format!("convert it to {first}: exchange rates are not simulated"),
        )),
        Some(_) => Ok(()),
        None => {
            *currency = Some(money.currency.clone());
            Ok(())
        }
    }
}

/// Effort such as `3pd` or `12ph`, in person-days of 8 person-hours.
///
/// # Errors
/// Calendar time (E202), no unit (E200), other units (E201), negative (E203).
pub fn parse_effort(text: &str, key: &str) -> Parsed<f64> {
    if text == "0" {
        return Ok(0.0);
    }
    refuse_negative(text, key, "effort cannot be negative")?;
    refuse_separators(text)?;
    let Some((number, length)) = leading_number(text) else {
        return Err(not_a(text, "effort", "write for example `3pd`"));
    };
    let (written, unit) = text.split_at(length);
    match unit {
        "pd" => Ok(number),
        "ph" => Ok(number / 8.0),
        "" => Err(GrammarError::whole(
            "E200",
            text,
            format!("`{key}` has no unit"),
            format!("{text} of what?"),
            format!("write `{written}pd` or `{written}ph`"),
        )),
        "d" | "h" => Err(GrammarError::whole(
            "E202",
            text,
            format!("`{key}` is work, not calendar time"),
            format!("{written} {unit} of calendar time?"),
            format!("work is `{written}p{unit}`"),
        )),
        _ => Err(GrammarError::whole(
            "E201",
            text,
            format!("`{}` is not a unit of effort", unit.trim()),
            "person-days or person-hours",
            format!("write `{written}pd` or `{written}ph`"),
        )),
    }
}
