//! Which users' actions fail, when, and against what objective.

use crate::experiment::result::ExperimentResult;
use crate::model::{Journey, ObjectiveKind, Scenario};
use crate::report::charts::axis::local_time;
use crate::report::charts::findings::{MOST_PANELS, line, peak, series};
use crate::report::charts::lines::{LineChart, Panel};
use crate::report::charts::style;
use crate::report::number;

/// A share of failures that nobody draws a chart for.
const FEW: f64 = 0.001;

/// The chart; `None` when hardly an action fails in any bin.
#[must_use]
pub fn chart(scenario: &Scenario, result: &ExperimentResult) -> Option<LineChart> {
    let mut shown: Vec<(f64, String, Panel)> = scenario
        .journeys
        .iter()
        .filter_map(|journey| {
            let (most, words) = worst(scenario, result, journey)?;
            (most >= FEW).then_some((most, words, panel(result, journey)?))
        })
        .collect();
    shown.sort_by(|left, right| right.0.total_cmp(&left.0));
    let rest = shown.len().saturating_sub(MOST_PANELS);
    shown.truncate(MOST_PANELS);
    let mut title = shown.first()?.1.clone();
    if rest > 0 {
        title += &format!(" ({rest} more journeys in journeys.csv)");
    }
    Some(LineChart {
        title,
        legend: vec![(style::TARGET, "share of the actions that end".to_owned())],
        bin: result.bin.seconds(),
        panels: shown.into_iter().map(|(_, _, panel)| panel).collect(),
    })
}

/// Share of a journey's actions that do not end ok, with the limit where an objective sets one.
#[must_use]
pub fn panel(result: &ExperimentResult, journey: &Journey) -> Option<Panel> {
    let row = series(result, ("journey", &journey.name, "", "error_ratio"))?;
    let limit = limit(journey);
    let mut shares = line(row, style::TARGET);
    for band in shares.band.iter_mut().flatten() {
        *band = (band.0.max(0.0), band.1.min(1.0));
    }
    Some(Panel {
        label: format!("{}: actions that fail", journey.name),
        unit: number::percent,
        lines: vec![shares],
        limits: limit
            .map(|most| (most, format!("SLO: {} at most", number::percent(most))))
            .into_iter()
            .collect(),
        at_least: limit.map_or(FEW, |most| 2.0 * most),
        at_most: 1.0,
    })
}

/// The share that may fail by the journey's objectives about success; `None` where it has none.
#[must_use]
pub fn limit(journey: &Journey) -> Option<f64> {
    let mut objectives = journey.slo.iter();
    objectives
        .find(|one| !matches!(one.kind, ObjectiveKind::Under(_)))
        .map(|one| 1.0 - one.target)
}

/// The worst bin of a journey, in words.
fn worst(
    scenario: &Scenario,
    result: &ExperimentResult,
    journey: &Journey,
) -> Option<(f64, String)> {
    let row = series(result, ("journey", &journey.name, "", "error_ratio"))?;
    let (at, most) = peak(&row.mean)?;
    let bin = result.bin.seconds();
    let horizon = scenario.horizon.seconds();
    let when = local_time(&scenario.clock, at as f64 * bin, horizon);
    let name = &journey.name;
    let mut words = format!(
        "{name}: {} of the actions fail at {when}",
        number::percent(most)
    );
    if let Some(limit) = limit(journey) {
        let above = row.mean.iter().flatten().filter(|value| **value > limit);
        let above = above.count() as f64 * bin;
        words += &if above > 0.0 {
            let within = number::duration(above);
            format!(
                ", more than the SLO's {} for {within}",
                number::percent(limit)
            )
        } else {
            format!(", within the SLO's {}", number::percent(limit))
        };
    }
    Some((most, words))
}
