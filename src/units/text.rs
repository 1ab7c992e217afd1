//! Numbers for people: three significant digits and the unit that reads best.

/// A number with about three significant digits and thousands apart: `0.0123`, `16.4`, `12,300`.
#[must_use]
pub fn plain(value: f64) -> String {
    if !value.is_finite() {
        return "n/a".to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-4 {
        return format!("{value:.1e}");
    }
    let digits = (2 - libm::floor(libm::log10(size)) as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    thousands(&text)
}

fn thousands(text: &str) -> String {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, rest) = digits
        .split_once('.')
        .map_or((digits, String::new()), |(whole, part)| {
            (whole, format!(".{part}"))
        });
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

/// Seconds in the unit that reads best: `16.4 ms`, `2.4 s`, `14 min`, `7.5 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let (factor, unit) = time_unit(seconds);
    format!("{} {unit}", plain(seconds * factor))
}

fn time_unit(seconds: f64) -> (f64, &'static str) {
    let size = seconds.abs();
    if size == 0.0 || (1.0..120.0).contains(&size) {
        (1.0, "s")
    } else if size < 1e-3 {
        (1e6, "µs")
    } else if size < 1.0 {
        (1e3, "ms")
    } else if size < 7_200.0 {
        (1.0 / 60.0, "min")
    } else if size < 172_800.0 {
        (1.0 / 3_600.0, "h")
    } else {
        (1.0 / 86_400.0, "days")
    }
}

/// Bytes in the unit that reads best, powers of ten.
#[must_use]
pub fn bytes(value: f64) -> String {
    let (factor, unit) = bytes_unit(value);
    format!("{} {unit}", plain(value * factor))
}

fn bytes_unit(value: f64) -> (f64, &'static str) {
    let size = value.abs();
    if size < 1e3 {
        (1.0, "B")
    } else if size < 1e6 {
        (1e-3, "kB")
    } else if size < 1e9 {
        (1e-6, "MB")
    } else {
        (1e-9, "GB")
    }
}

/// A share as percent: enough nines to be told from 100 %.
#[must_use]
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    let missing = (100.0 - value).abs();
    if missing < 1.0 && missing > 0.0 {
        let digits = (1.0 - libm::floor(libm::log10(missing))).clamp(1.0, 6.0) as usize;
        return format!("{value:.digits$} %");
    }
    format!("{} %", plain(value))
}

/// Factor and name under which a metric of `unit` is shown when it is about as large as `value`.
/// `currency` names money.
#[must_use]
pub fn shown_unit(unit: &str, value: f64, currency: Option<&str>) -> (f64, String) {
    let (factor, name) = match unit {
        "s" => time_unit(value),
        "bytes" => bytes_unit(value),
        "ratio" | "probability" => (100.0, "%"),
        "money" => (1.0, currency.unwrap_or("")),
        other => (1.0, other),
    };
    (factor, name.to_owned())
}

/// A value of a metric of `unit` with the unit that reads best: `26.5 ms`, `0.12 %`, `1,234`.
#[must_use]
pub fn shown(value: f64, unit: &str, currency: Option<&str>) -> String {
    if unit == "ratio" {
        return percent(value);
    }
    let (factor, name) = shown_unit(unit, value, currency);
    format!("{} {name}", plain(value * factor))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_digits_and_thousands_apart() {
        let check = |value: f64, text: &str| assert_eq!(plain(value), text);
        check(0.0, "0");
        check(0.016_42, "0.0164");
        check(16.421, "16.4");
        check(1_234_567.0, "1,234,567");
        check(-999.6, "-1,000");
        check(2.0, "2");
    }

    #[test]
    fn durations_choose_the_unit_that_reads_best() {
        let check = |seconds: f64, text: &str| assert_eq!(duration(seconds), text);
        check(0.016_42, "16.4 ms");
        check(2.4, "2.4 s");
        check(840.0, "14 min");
        check(27_000.0, "7.5 h");
        check(0.0, "0 s");
    }

    #[test]
    fn a_share_close_to_one_keeps_its_nines() {
        assert_eq!(percent(0.999_43), "99.943 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.5), "50 %");
    }
}
