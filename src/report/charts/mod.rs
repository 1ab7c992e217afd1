//! Charts of a run, each titled with what it shows.
//!
//! `findings` and `programme` choose what is drawn and say it in words, `lines` and `gantt` lay it out,
//! `picture` paints SVG and PNG. Nothing here measures: all numbers come from the experiment's result.

pub mod axis;
pub mod capacity;
pub mod failures;
pub mod findings;
pub mod gantt;
pub mod league;
pub mod lines;
pub mod picture;
pub mod programme;
pub mod replay;
pub mod scaling;
pub mod style;
pub mod windows;

use crate::experiment::result::ExperimentResult;
use crate::model::Scenario;
use crate::report::charts::lines::{Frame, WaveSpan};
use crate::report::charts::picture::Picture;

/// File names of all charts that a run may have (without their endings), in the order to be read.
pub const NAMES: [&str; 8] = [
    "traffic", "latency", "failures", "capacity", "scaling", "waves", "link", "windows",
];

/// The charts of a run by file name (without its ending), in the order to be read.
#[must_use]
pub fn all(scenario: &Scenario, result: &ExperimentResult) -> Vec<(&'static str, Picture)> {
    let frame = frame(scenario, result);
    let mut charts = Vec::new();
    let line_charts = [
        ("traffic", findings::traffic(scenario, result)),
        ("latency", findings::latency(scenario, result, &frame)),
        ("failures", failures::chart(scenario, result)),
        ("capacity", capacity::chart(scenario, result, &frame)),
        ("scaling", scaling::chart(scenario, result, &frame)),
    ];
    for (name, chart) in line_charts {
        if let Some(chart) = chart {
            charts.push((name, lines::draw(&chart, &frame)));
        }
    }
    if let Some(chart) = programme::gantt(scenario, result) {
        charts.push(("waves", gantt::draw(&chart, &frame)));
    }
    if let Some(chart) = findings::link(scenario, result, &frame) {
        charts.push(("link", lines::draw(&chart, &frame)));
    }
    if let Some(picture) = windows::chart(scenario, result) {
        charts.push(("windows", picture));
    }
    charts
}

/// What all charts of the run have in common.
fn frame<'a>(scenario: &'a Scenario, result: &ExperimentResult) -> Frame<'a> {
    let horizon = scenario.horizon.seconds();
    let waves = result.replications.first().map_or_else(Vec::new, |first| {
        let spans = first.waves.iter().filter_map(|wave| {
            let start = wave.start?.seconds();
            let end = wave.end.map_or(horizon, |end| end.seconds());
            Some(WaveSpan {
                name: wave.wave.clone(),
                start,
                end,
                rolled_back: wave.rollbacks > 0,
            })
        });
        spans.collect()
    });
    let count = result.replications.len();
    let source = format!(
        "{} · {count} replication{} · bands: {:.0} % interval of the mean{}",
        if scenario.title.is_empty() {
            &scenario.name
        } else {
            &scenario.title
        },
        if count == 1 { "" } else { "s" },
        result.confidence * 100.0,
        if waves.is_empty() {
            ""
        } else {
            " · waves as in replication 0"
        },
    );
    Frame {
        clock: &scenario.clock,
        horizon,
        waves,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LocalClock;
    use crate::report::charts::gantt::{Gantt, Row, Sign, Stage};
    use crate::report::charts::lines::{Line, LineChart, Panel};
    use crate::report::number;
    use crate::units::SimTime;

    fn clock() -> LocalClock {
        LocalClock {
            start_text: "2025-03-03T08:00:00+01:00".to_owned(),
            timezone: "Europe/Stockholm".to_owned(),
            start_unix_seconds: 1_740_985_200,
            offsets: vec![(SimTime::ZERO, 3_600)],
        }
    }

    fn test_frame(clock: &LocalClock) -> Frame<'_> {
        let wave = |name: &str, start: f64, end: f64, rolled_back| WaveSpan {
            name: name.to_owned(),
            start,
            end,
            rolled_back,
        };
        Frame {
            clock,
            horizon: 36_000.0,
            waves: vec![
                wave("leaves", 3_600.0, 9_000.0, false),
                wave("checkout", 10_800.0, 14_000.0, true),
                wave("front", 20_000.0, 27_000.0, false),
            ],
            source: "Shop · 10 replications · bands: 95 % interval of the mean".to_owned(),
        }
    }

    fn bump(scale: f64, centre: f64) -> Vec<Option<f64>> {
        (0..600)
            .map(|bin| {
                Some(scale * (0.2 + libm::exp(-libm::pow((f64::from(bin) - centre) / 90.0, 2.0))))
            })
            .collect()
    }

    fn line_chart(title: &str, panels: usize) -> LineChart {
        let line = |scale, centre, ink| {
            let mean = bump(scale, centre);
            let band = mean
                .iter()
                .map(|value| value.map(|value| (value * 0.85, value * 1.15)))
                .collect();
            Line {
                ink,
                width: 2.0,
                mean,
                band,
                filled: panels == 1,
            }
        };
        let panel = |index: usize| Panel {
            label: format!("journey-{index}: time from click to answer"),
            unit: number::duration,
            lines: vec![
                line(0.6, 200.0 + 60.0 * index as f64, style::SOURCE),
                line(0.4, 420.0, style::TARGET),
            ],
            limits: vec![(0.5, "SLO: 99 % within 500 ms".to_owned())],
            at_least: 0.0,
            at_most: f64::INFINITY,
        };
        LineChart {
            title: title.to_owned(),
            legend: vec![
                (style::SOURCE, "source".to_owned()),
                (style::TARGET, "target".to_owned()),
            ],
            bin: 60.0,
            panels: (0..panels).map(panel).collect(),
        }
    }

    fn gantt_chart() -> Gantt {
        let row = |wave: &str, service: &str, at: f64, failed: bool| Row {
            wave: wave.to_owned(),
            service: service.to_owned(),
            bars: vec![
                (Stage::Prepare, at, at + 600.0),
                (Stage::Shift, at + 600.0, at + 3_000.0),
                (
                    if failed { Stage::Rollback } else { Stage::Soak },
                    at + 3_000.0,
                    at + 4_800.0,
                ),
            ],
            holds: vec![(at + 1_200.0, at + 1_500.0)],
            signs: vec![
                (
                    if failed { Sign::Failed } else { Sign::Passed },
                    at + 2_700.0,
                ),
                (Sign::Done, at + 4_800.0),
            ],
        };
        Gantt {
            title: "2 of 3 waves are done at the end; wave checkout is rolled back (gate of checkout: p99 812 ms, limit 500 ms)".to_owned(),
            windows: Some(vec![(1_800.0, 30_000.0)]),
            freezes: vec![("lunch".to_owned(), 14_400.0, 18_000.0)],
            rows: vec![
                row("leaves", "currency", 3_600.0, false),
                row("leaves", "a-service-with-a-very-long-name", 4_200.0, false),
                row("checkout", "checkout", 10_000.0, true),
                row("front", "frontend", 20_000.0, false),
            ],
        }
    }

    #[test]
    fn every_chart_is_painted_to_the_same_bytes_each_time() {
        let clock = clock();
        let frame = test_frame(&clock);
        let folder = tempfile::tempdir().unwrap();
        let draw = || {
            [
                lines::draw(
                    &line_chart(
                        "checkout: p99 rises to 720 ms at 12:10 against an SLO of 500 ms",
                        3,
                    ),
                    &frame,
                ),
                lines::draw(&line_chart("Traffic stays off target", 1), &frame),
                gantt::draw(&gantt_chart(), &frame),
            ]
        };
        for (index, (first, second)) in draw().into_iter().zip(draw()).enumerate() {
            let svg = first.svg().unwrap();
            assert_eq!(svg, second.svg().unwrap());
            assert!(svg.contains("DejaVu Sans") && svg.ends_with("</svg>\n"));
            let paths = [
                folder.path().join(format!("{index}.png")),
                folder.path().join(format!("{index}-again.png")),
            ];
            first.write_png(&paths[0]).unwrap();
            second.write_png(&paths[1]).unwrap();
            assert_eq!(
                std::fs::read(&paths[0]).unwrap(),
                std::fs::read(&paths[1]).unwrap()
            );
        }
    }
}
