//! CPU, bytes and bandwidths.

use crate::scenario::grammar::number::{
    leading_decimal, leading_number, refuse_negative, refuse_separators,
};
use crate::scenario::grammar::quantity::{no_unit, not_a};
use crate::scenario::grammar::{GrammarError, Parsed};
use crate::units::{Bytes, Cpu};

/// CPU as in Kubernetes: cores, or an integer of millicores with `m`.
///
/// # Errors
/// Memory units (E202), other units (E201), finer than a millicore or negative (E203).
pub fn parse_cpu(text: &str, key: &str) -> Parsed<Cpu> {
    refuse_negative(text, key, "CPU cannot be negative")?;
    refuse_separators(text)?;
    let Some(number) = leading_decimal(text) else {
        return Err(not_a(
            text,
            "CPU quantity",
            "write for example `500m` or `2`",
        ));
    };
    let written = &text[..number.length];
    let milli = match &text[number.length..] {
        "" => 1_000,
        "m" => 1,
        "Ki" | "Mi" | "Gi" | "Ti" | "k" | "M" | "G" | "T" => {
            return Err(GrammarError::whole(
                "E202",
                text,
                format!("`{text}` is memory, not CPU"),
                "CPU is in cores or millicores",
                format!("write `{written}m` (millicores) or `{written}` (cores)"),
            ));
        }
        other => {
            return Err(GrammarError::whole(
                "E201",
                text,
                format!("`{}` is not a unit of CPU", other.trim()),
                "CPU is in cores or millicores",
                format!("write `{written}`"),
            ));
        }
    };
    if !number.is_whole_of(milli) {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is finer than a millicore"),
            "whole millicores only",
            "write for example `500m`",
        ));
    }
    number.of(milli).map(Cpu).ok_or_else(|| {
        GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is too large"),
            "too large",
            "",
        )
    })
}

/// Factor of a byte unit without its `B`.
fn byte_factor(unit: &str) -> Option<u128> {
    Some(match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "P" => 1_000_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        _ => return None,
    })
}

/// Bytes such as `64Mi` or `12kB`.
///
/// # Errors
/// No unit (E200), `mb` and the like (E201), `16m` (milli), negative (E203).
pub fn parse_bytes(text: &str, key: &str) -> Parsed<Bytes> {
    if text == "0" {
        return Ok(Bytes(0));
    }
    refuse_negative(text, key, "a size cannot be negative")?;
    refuse_separators(text)?;
    let Some(number) = leading_decimal(text) else {
        return Err(not_a(text, "size", "write for example `64Mi` or `12kB`"));
    };
    let (written, unit) = text.split_at(number.length);
    match unit {
        "" => {
            return Err(no_unit(
                text,
                key,
                format!("write `{written}B`, `{written}kB` or `{written}Mi`"),
            ));
        }
        "m" => {
            let value: f64 = written.parse().unwrap_or(0.0);
            return Err(GrammarError::whole(
                "E203",
                text,
                format!("`{key}: {text}` is {} bytes", value / 1000.0),
                "`m` means milli here",
                format!("did you mean `{written}Mi` (mebibytes)?"),
            ));
        }
        _ => {}
    }
    let factor = byte_factor(unit.strip_suffix('B').unwrap_or(unit)).ok_or_else(|| {
        let meant = match unit.trim().to_lowercase().trim_end_matches('b') {
            "k" => "kB",
            "m" => "MB",
            "g" => "GB",
            "t" => "TB",
            "ki" => "Ki",
            "mi" => "Mi",
            "gi" => "Gi",
            "ti" => "Ti",
            "" | "yte" | "ytes" => "B",
            _ => "Mi",
        };
        GrammarError::whole(
            "E201",
            text,
            format!("`{}` is not a unit of bytes", unit.trim()),
            "not a unit of bytes",
            format!("did you mean `{written}{meant}`?"),
        )
    })?;
    number.of(factor).map(Bytes).ok_or_else(|| {
        GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is too large"),
            "too large",
            "",
        )
    })
}

/// A bandwidth such as `10Gbit/s` or `100MB/s`, in bytes per second.
///
/// # Errors
/// `10Gbps` (E201), no unit (E200), zero or negative (E203).
pub fn parse_bandwidth(text: &str, key: &str) -> Parsed<f64> {
    refuse_negative(text, key, "a bandwidth cannot be negative")?;
    refuse_separators(text)?;
    let Some((number, length)) = leading_number(text) else {
        return Err(not_a(text, "bandwidth", "write for example `10Gbit/s`"));
    };
    let (written, unit) = text.split_at(length);
    if unit.is_empty() {
        return Err(no_unit(
            text,
            key,
            format!("write `{written}Mbit/s` or `{written}MB/s`"),
        ));
    }
    let factor = match unit.strip_suffix("bit/s") {
        Some(scale @ ("" | "k" | "M" | "G")) => {
            byte_factor(scale).map(|factor| factor as f64 / 8.0)
        }
        Some(_) => None,
        None => unit
            .strip_suffix("/s")
            .and_then(|size| byte_factor(size.strip_suffix('B').unwrap_or(size)))
            .map(|factor| factor as f64),
    };
    let Some(factor) = factor else {
        let scale: String = unit
            .trim()
            .chars()
            .take_while(|c| matches!(c, 'k' | 'K' | 'M' | 'G' | 'T'))
            .collect();
        return Err(GrammarError::whole(
            "E201",
            text,
            format!("`{}` is not a unit of bandwidth", unit.trim()),
            "bits or bytes?",
            format!("write `{written}{scale}bit/s` or `{written}{scale}B/s`"),
        ));
    };
    if number == 0.0 {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("`{key}` is zero"),
            "nothing would ever arrive",
            "leave it out for no limit",
        ));
    }
    Ok(number * factor)
}
