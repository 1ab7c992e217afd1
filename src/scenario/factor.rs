//! Multiplies what is written (`5ms`, `100m..200m`, `lognormal(5ms cv=1.5)`) by a plain number, as text: for
//! `--set load.*.users=x1.5` before any type is known.

/// Arguments of distributions that have no dimension and say the form, not the scale.
const FORM: [&str; 7] = ["cv", "k", "shape", "alpha", "column", "unit", "skew"];
/// Units of duration, in nanoseconds.
const DURATIONS: [(&str, f64); 8] = [
    ("w", 604_800e9),
    ("d", 86_400e9),
    ("h", 3_600e9),
    ("m", 60e9),
    ("s", 1e9),
    ("ms", 1e6),
    ("us", 1e3),
    ("ns", 1.0),
];

/// The number of a factor such as `x1.5`; `None` for anything else.
#[must_use]
pub fn factor(text: &str) -> Option<f64> {
    let number = text.strip_prefix('x')?;
    if !number.starts_with(|letter: char| letter.is_ascii_digit())
        || !number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    number.parse().ok()
}

/// `text` with each of its quantities multiplied; `whole` rounds plain numbers (a count of people or pods).
/// `None` when nothing in it can be multiplied: a word, a date, a time of day, a distribution from a file.
#[must_use]
pub fn multiplied(text: &str, by: f64, whole: bool) -> Option<String> {
    if let Some(old) = factor(text) {
        return Some(format!("x{}", shortest(old * by)));
    }
    if text.contains("empirical(") {
        return None;
    }
    let mut result = String::with_capacity(text.len() + 8);
    let (mut rest, mut depth, mut done, mut form) = (text, 0_usize, false, false);
    while let Some(letter) = rest.chars().next() {
        if letter.is_ascii_digit() {
            let (quantity, after) = rest.split_at(quantity_length(rest));
            if after.starts_with([':', '-']) {
                return None;
            }
            if form || (depth > 0 && after.starts_with('%')) {
                result.push_str(quantity);
            } else {
                result.push_str(&scaled(quantity, by, whole)?);
                done = true;
            }
            form = false;
            rest = after;
        } else if letter.is_alphabetic() {
            let (word, after) = rest.split_at(word_length(rest));
            form = after.starts_with('=') && FORM.contains(&word);
            result.push_str(word);
            rest = after;
        } else {
            match letter {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ' ' => form = false,
                _ => {}
            }
            result.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    done.then_some(result)
}

/// `1m30s`, `5ms`, `0.25`: digits, decimals and letters that stand together.
fn quantity_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let decimal = bytes[end] == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !bytes[end].is_ascii_alphanumeric() && !decimal {
            break;
        }
        end += 1;
    }
    end
}

/// A name, with points and hyphens inside: `p99.9`, `cart.get`, `web-2`.
fn word_length(text: &str) -> usize {
    let mut end = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((offset, letter)) = letters.next() {
        let joins = matches!(letter, '.' | '-' | '_')
            && letters
                .peek()
                .is_some_and(|(_, next)| next.is_alphanumeric());
        if !letter.is_alphanumeric() && !joins {
            break;
        }
        end = offset + letter.len_utf8();
    }
    end
}

fn scaled(quantity: &str, by: f64, whole: bool) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = quantity;
    while !rest.is_empty() {
        let number = rest.len()
            - rest
                .trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.')
                .len();
        let letters = rest[number..].len()
            - rest[number..]
                .trim_start_matches(|letter: char| letter.is_ascii_alphabetic())
                .len();
        parts.push((
            rest[..number].parse::<f64>().ok()?,
            &rest[number..number + letters],
        ));
        rest = &rest[number + letters..];
    }
    match parts.as_slice() {
        [(number, "")] if whole => Some(shortest((number * by).round())),
        [(number, unit)] => Some(format!("{}{unit}", shortest(number * by))),
        several => {
            let unit_of = |unit: &str| {
                DURATIONS
                    .iter()
                    .find(|(name, _)| *name == unit)
                    .map(|(_, nanoseconds)| *nanoseconds)
            };
            let (_, last) = several.last()?;
            let mut sum = 0.0;
            for (number, unit) in several {
                sum += number * unit_of(unit)?;
            }
            Some(format!("{}{last}", shortest(sum / unit_of(last)? * by)))
        }
    }
}

/// Twelve digits are more than anybody writes, and hide the rounding of binary fractions.
fn shortest(value: f64) -> String {
    let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_x_and_a_number() {
        assert_eq!(factor("x1.5"), Some(1.5));
        for text in ["1.5x", "x", "xy", "x-1", "x1.5.2", "x1e9"] {
            assert_eq!(factor(text), None, "{text}");
        }
    }

    #[test]
    fn quantities_ranges_and_distributions_are_scaled_and_their_form_is_not() {
        for (text, result) in [
            ("100", "150"),
            ("0.1", "0.15"),
            ("5ms", "7.5ms"),
            ("1m30s", "135s"),
            ("120/s", "180/s"),
            ("0.096 USD/h", "0.144 USD/h"),
            ("60%", "90%"),
            ("x1.2", "x1.8"),
            ("2..8", "3..12"),
            ("100m..200m", "150m..300m"),
            ("lognormal(5ms cv=1.5)", "lognormal(7.5ms cv=1.5)"),
            (
                "lognormal(p50=4ms p99.9=40ms)",
                "lognormal(p50=6ms p99.9=60ms)",
            ),
            ("1ms + exp(2ms max=1s)", "1.5ms + exp(3ms max=1.5s)"),
            (
                "mix(90% exp(2ms) | 10% exp(50ms))",
                "mix(90% exp(3ms) | 10% exp(75ms))",
            ),
            (
                "triangular(1ms..2ms..9ms)",
                "triangular(1.5ms..3ms..13.5ms)",
            ),
        ] {
            assert_eq!(
                multiplied(text, 1.5, false).as_deref(),
                Some(result),
                "{text}"
            );
        }
        assert_eq!(multiplied("25", 1.5, true).as_deref(), Some("38"));
    }

    #[test]
    fn words_dates_and_files_are_not_multiplied() {
        for text in [
            "auto",
            "cart.get",
            "web-2",
            "2026-11-03T07:00",
            "13:00",
            "empirical(a.csv column=ms unit=ms)",
            "",
            "1x2y",
            "Mon-Thu 09:00-15:00",
        ] {
            assert_eq!(multiplied(text, 2.0, false), None, "{text}");
        }
    }
}
