//! Theory beside simulation: pairs the closed forms that hold with what the run found.

use crate::experiment::result::ExperimentResult;
use crate::model::Scenario;
use crate::report::screen::{Theory, TheoryRow};
use crate::world::theory as closed;

/// Closed forms of the scenario beside its results, or why there are none.
#[must_use]
pub fn theory(scenario: &Scenario, result: &ExperimentResult) -> Theory {
    match closed::theory(scenario) {
        closed::Theory::Unknown(reasons) => {
            let more = reasons.len().saturating_sub(1);
            let first = reasons.first().map_or("", String::as_str);
            let others = match more {
                0 => String::new(),
                1 => " (and 1 more reason)".to_owned(),
                more => format!(" (and {more} more reasons)"),
            };
            Theory::None(format!("no closed form to compare with: {first}{others}"))
        }
        closed::Theory::Known(journeys) => Theory::Rows(
            journeys
                .iter()
                .map(|known| {
                    let name = &scenario.journey(known.journey).name;
                    let row = result.metric("mean", &format!("journey.{name}"));
                    let simulated = row.and_then(|row| {
                        let mean = row.estimate.mean?;
                        Some((
                            mean,
                            row.estimate.low.unwrap_or(mean),
                            row.estimate.high.unwrap_or(mean),
                        ))
                    });
                    TheoryRow {
                        what: format!("mean of journey.{name}"),
                        theory: known.mean,
                        simulated,
                    }
                })
                .collect(),
        ),
    }
}
