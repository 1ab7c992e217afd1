//! Numbers for people: three significant digits, a unit, and an interval where one was estimated.
//!
//! Files for programs (CSV, JSON) get the full number in the metric's base unit instead.

use crate::experiment::result::{Estimate, EstimateKind};
pub use crate::units::text::{bytes, duration, percent, plain, shown_unit};

/// An estimate as `mean ± half-width` (or `mean (low to high)` when lopsided), and its unit.
#[must_use]
pub fn estimate(estimate: &Estimate, unit: &str, currency: Option<&str>) -> (String, String) {
    let Some(mean) = estimate.mean else {
        return ("n/a".to_owned(), shown_unit(unit, 1.0, currency).1);
    };
    let (factor, name) = shown_unit(unit, mean, currency);
    let show = |value: f64| {
        if unit == "ratio" {
            percent(value).trim_end_matches(" %").to_owned()
        } else {
            plain(value * factor)
        }
    };
    let text = match (estimate.kind, estimate.low, estimate.high) {
        (EstimateKind::ZeroHeavy, _, _) => match (estimate.probability, estimate.mean_given_any) {
            (Some((share, low, high)), Some(given)) => format!(
                "{} in the {} of runs that have any ({} to {})",
                show(given),
                percent(share),
                percent(low),
                percent(high)
            ),
            (Some((_, _, high)), None) => format!("0; at most {} of runs have any", percent(high)),
            _ => show(mean),
        },
        (_, Some(low), Some(high)) if high > low => {
            let half = (high - low) / 2.0;
            if ((high - mean) - half).abs() < 1e-6 * half.max(1e-12) {
                format!("{} ± {}", show(mean), plain(half * factor))
            } else {
                format!("{} ({} to {})", show(mean), show(low), show(high))
            }
        }
        _ => show(mean),
    };
    (text, name)
}
