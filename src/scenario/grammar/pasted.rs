//! Values inside pasted Kubernetes blocks: quantities, what a metric reads, percentile targets.

use crate::model::scaling::{Quantity, Reading};
use crate::scenario::grammar::number::leading_number;
use crate::scenario::grammar::quantity::parse_duration;
use crate::scenario::grammar::{GrammarError, Parsed};
use crate::scenario::suggest::nearest;
use crate::units::ServiceId;

const SUFFIXES: [(&str, f64); 16] = [
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("", 1.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
];

/// A Kubernetes quantity in thousandths, rounded up: `500m`, `1.5k`, `64Mi`, `2e3`.
///
/// # Errors
/// Another form (E201).
pub fn parse_kubernetes_quantity(text: &str, key: &str) -> Parsed<i64> {
    let wrong = || {
        GrammarError::whole(
            "E201",
            text,
            format!("`{key}: {text}` is not a Kubernetes quantity"),
            "a number with `m`, `k`, `M`, `G`, `Ki`, `Mi` or `Gi`",
            "write for example `500m`, `100` or `64Mi`",
        )
    };
    let (number, length) = leading_number(text).ok_or_else(wrong)?;
    let rest = &text[length..];
    let exponent = rest
        .strip_prefix(['e', 'E'])
        .filter(|digits| !digits.is_empty())
        .and_then(|digits| digits.parse::<i32>().ok());
    let factor = match exponent {
        Some(exponent) => libm::pow(10.0, f64::from(exponent)),
        None => SUFFIXES
            .iter()
            .find(|(suffix, _)| *suffix == rest)
            .map(|(_, factor)| *factor)
            .ok_or_else(wrong)?,
    };
    let milli = number * factor * 1000.0;
    if milli > 9.0e18 {
        return Err(wrong());
    }
    // The subtraction keeps 0.7 * 1000 from becoming 701 by the last bit.
    Ok((milli * (1.0 - 1e-12)).ceil() as i64)
}

/// What a metric reads: `queue_length(service.worker)`, or `requests` alone for the service that is scaled.
///
/// # Errors
/// Unknown quantity (E301), another subject than a service (E207), unknown service (E300).
pub fn parse_reading(text: &str, services: &[String]) -> Parsed<Reading> {
    let (name, subject) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')')),
        None => (text, Some("")),
    };
    let known = Quantity::ALL.iter().find(|(_, word)| *word == name);
    let Some((quantity, _)) = known else {
        let words = Quantity::ALL.iter().map(|(_, word)| *word);
        let near = nearest(name, words).map(|word| format!("did you mean `{word}`?"));
        let all: Vec<_> = Quantity::ALL
            .iter()
            .map(|(_, word)| format!("`{word}`"))
            .collect();
        return Err(GrammarError::whole(
            "E301",
            text,
            format!("nothing here is called `{name}`"),
            format!("a policy can read {}", all.join(", ")),
            near.unwrap_or_else(|| {
                "name what the metric is of, for example `queue_length(service.worker)`".to_owned()
            }),
        ));
    };
    let Some(subject) = subject else {
        return Err(GrammarError::whole(
            "E206",
            text,
            format!("`{text}` has no closing bracket"),
            "a `)` is missing",
            "",
        ));
    };
    if subject.is_empty() {
        return Ok(Reading {
            quantity: *quantity,
            service: None,
        });
    }
    let offset = name.len() + 1;
    let Some(service) = subject.strip_prefix("service.") else {
        return Err(GrammarError::whole(
            "E207",
            subject,
            format!("`{subject}` cannot be read by a policy"),
            "expected `service.NAME`",
            "",
        )
        .shifted(offset));
    };
    let Some(index) = services.iter().position(|known| known == service) else {
        let near = nearest(service, services.iter().map(String::as_str));
        return Err(GrammarError::whole(
            "E300",
            service,
            format!("unknown service `{service}`"),
            "no such service",
            near.map(|name| format!("did you mean `{name}`?"))
                .unwrap_or_default(),
        )
        .shifted(offset + "service.".len()));
    };
    Ok(Reading {
        quantity: *quantity,
        service: Some(ServiceId::from_index(index)),
    })
}

/// `p95 under 50ms`: the ratio and the time in seconds.
///
/// # Errors
/// Another form (E206), no percentile (E206), a wrong time (as of durations).
pub fn parse_percentile_target(text: &str) -> Parsed<(f64, f64)> {
    let wrong = || {
        GrammarError::whole(
            "E206",
            text,
            format!("`{text}` is not a target"),
            "a percentile under a time",
            "write for example `p95 under 50ms`",
        )
    };
    let (percentile, limit) = text.split_once(" under ").ok_or_else(wrong)?;
    let ratio = crate::model::metric::percentile(percentile.trim())
        .filter(|ratio| *ratio > 0.0 && *ratio < 1.0)
        .ok_or_else(wrong)?;
    let offset = text.len() - limit.len();
    let limit = parse_duration(limit.trim(), "under").map_err(|error| error.shifted(offset))?;
    if limit.0 == 0 {
        return Err(wrong());
    }
    Ok((ratio, limit.seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_thousandths_rounded_up() {
        for (text, milli) in [
            ("500m", 500),
            ("0.7", 700),
            ("100", 100_000),
            ("1.5k", 1_500_000),
            ("64Mi", 67_108_864_000),
            ("2e3", 2_000_000),
            ("1u", 1),
            ("15000m", 15_000),
        ] {
            assert_eq!(
                parse_kubernetes_quantity(text, "value"),
                Ok(milli),
                "{text}"
            );
        }
        for text in ["", "m", "5 m", "1mb", "-5", "1e"] {
            assert!(parse_kubernetes_quantity(text, "value").is_err(), "{text}");
        }
    }

    #[test]
    fn readings_name_a_service_or_nobody() {
        let services = ["cart".to_owned(), "worker".to_owned()];
        let found = parse_reading("queue_length(service.worker)", &services).unwrap();
        assert_eq!(found.service, Some(ServiceId::from_index(1)));
        assert_eq!(parse_reading("requests", &services).unwrap().service, None);
        let check = |text: &str, code: &str, offset: usize| {
            let error = parse_reading(text, &services).unwrap_err();
            assert_eq!((error.code, error.offset), (code, offset), "{text}");
        };
        check("http_requests", "E301", 0);
        check("requests(service.wroker)", "E300", 17);
        check("requests(journey.buy)", "E207", 9);
        check("requests(service.cart", "E206", 0);
    }

    #[test]
    fn targets_are_a_percentile_under_a_time() {
        assert_eq!(parse_percentile_target("p95 under 50ms"), Ok((0.95, 0.05)));
        assert!(parse_percentile_target("95 under 50ms").is_err());
        assert!(parse_percentile_target("p95 under 50").is_err());
    }
}
