//! A recording played through a scaling policy: the load, and replicas wished for, ready, needed and recorded.

use crate::model::LocalClock;
use crate::model::scaling::replay::Sync;
use crate::report::charts::axis::local_time;
use crate::report::charts::lines::{Frame, Line, LineChart, Panel, draw};
use crate::report::charts::picture::{Ink, Picture};
use crate::report::charts::style;
use crate::report::number;

/// What was played.
#[derive(Clone, Copy, Debug)]
pub struct Played<'a> {
    /// All syncs, one after another at equal distances.
    pub syncs: &'a [Sync],
    /// Seconds between them.
    pub step: f64,
    /// Names of the metrics.
    pub metrics: &'a [String],
    /// Replicas that were recorded, by sync; empty when they were not.
    pub recorded: &'a [Option<f64>],
    /// Civil time.
    pub clock: &'a LocalClock,
    /// File names, for the line under the title.
    pub source: &'a str,
}

/// Totals of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Changes of the wish.
    pub changes: usize,
    /// Fewest and most replicas wished for.
    pub range: (u32, u32),
    /// Mean ready replicas.
    pub mean_ready: f64,
    /// Mean of what was needed, where it is known.
    pub mean_needed: Option<f64>,
    /// Seconds in which fewer were ready than needed.
    pub short_seconds: f64,
    /// Most replicas missing, and the sync of it.
    pub worst: Option<(u32, usize)>,
    /// Changes that undid another within five minutes.
    pub turns: usize,
}

/// Sums a replay up.
#[must_use]
pub fn totals(syncs: &[Sync], step: f64) -> Totals {
    let mut totals = Totals {
        range: (u32::MAX, 0),
        ..Totals::default()
    };
    let (mut needed, mut known) = (0.0, 0.0);
    let mut last: Option<(f64, bool)> = None;
    for (index, sync) in syncs.iter().enumerate() {
        let (least, most) = totals.range;
        totals.range = (least.min(sync.desired), most.max(sync.desired));
        totals.mean_ready += f64::from(sync.ready) / syncs.len() as f64;
        if let Some(wanted) = sync.needed {
            needed += f64::from(wanted);
            known += 1.0;
            let missing = wanted.saturating_sub(sync.ready);
            if missing > 0 {
                totals.short_seconds += step;
                if totals.worst.is_none_or(|(most, _)| missing > most) {
                    totals.worst = Some((missing, index));
                }
            }
        }
        if sync.desired != sync.before {
            totals.changes += 1;
            let (at, up) = (sync.at.seconds(), sync.desired > sync.before);
            if last.is_some_and(|(before, rose)| rose != up && at - before <= 300.0) {
                totals.turns += 1;
            }
            last = Some((at, up));
        }
    }
    totals.mean_needed = (known > 0.0).then(|| needed / known);
    totals
}

/// The finding in a sentence.
#[must_use]
pub fn sentence(played: &Played) -> String {
    let totals = totals(played.syncs, played.step);
    let horizon = played.syncs.last().map_or(0.0, |sync| sync.at.seconds());
    let mut words = if totals.changes == 0 {
        format!("{} replicas all the time", totals.range.0)
    } else {
        format!(
            "{} change{} between {} and {} replicas",
            totals.changes,
            if totals.changes == 1 { "" } else { "s" },
            totals.range.0,
            totals.range.1
        )
    };
    match totals.worst {
        Some((missing, index)) => {
            words += &format!(
                ": too few were ready for {} ({missing} short at {})",
                number::duration(totals.short_seconds),
                local_time(played.clock, played.syncs[index].at.seconds(), horizon)
            );
        }
        None if totals.mean_needed.is_some() => words += ": never fewer ready than needed",
        None => {}
    }
    if let Some(needed) = totals.mean_needed {
        words += &format!(
            "; on average {} ready where {} were needed",
            number::plain(totals.mean_ready),
            number::plain(needed)
        );
    }
    if totals.turns > 1 {
        words += &format!(
            "; it turned round within five minutes {} times",
            totals.turns
        );
    }
    words
}

/// The picture.
#[must_use]
pub fn picture(played: &Played) -> Picture {
    let replicas = |of: &dyn Fn(&Sync) -> Option<u32>| -> Vec<Option<f64>> {
        played
            .syncs
            .iter()
            .map(|sync| of(sync).map(f64::from))
            .collect()
    };
    let plain = |mean: Vec<Option<f64>>, ink: Ink, width: f64| Line {
        ink,
        width,
        mean,
        band: Vec::new(),
        filled: false,
    };
    let mut panels: Vec<Panel> = played
        .metrics
        .iter()
        .enumerate()
        .map(|(index, name)| Panel {
            label: format!("recorded: {name}"),
            unit: number::plain,
            lines: vec![Line {
                filled: true,
                ..plain(
                    played
                        .syncs
                        .iter()
                        .map(|sync| sync.values.get(index).copied().flatten())
                        .collect(),
                    style::MUTED,
                    1.6,
                )
            }],
            limits: Vec::new(),
            at_least: 0.0,
            at_most: f64::INFINITY,
        })
        .collect();
    let mut legend = vec![
        (
            style::BAD,
            "needed for the target with its tolerance".to_owned(),
        ),
        (style::SOURCE, "desired".to_owned()),
        (style::TARGET, "ready".to_owned()),
    ];
    let mut lines = vec![
        plain(replicas(&|sync| sync.needed), style::BAD, 1.4),
        plain(replicas(&|sync| Some(sync.desired)), style::SOURCE, 2.0),
        plain(replicas(&|sync| Some(sync.ready)), style::TARGET, 2.0),
    ];
    if played.recorded.iter().any(Option::is_some) {
        legend.push((style::GOOD, "recorded".to_owned()));
        lines.push(plain(played.recorded.to_vec(), style::GOOD, 1.4));
    }
    panels.push(Panel {
        label: "replicas".to_owned(),
        unit: number::plain,
        lines,
        limits: Vec::new(),
        at_least: 1.0,
        at_most: f64::INFINITY,
    });
    let chart = LineChart {
        title: sentence(played),
        legend,
        bin: played.step,
        panels,
    };
    let frame = Frame {
        clock: played.clock,
        horizon: played.step * played.syncs.len().max(1) as f64,
        waves: Vec::new(),
        source: played.source.to_owned(),
    };
    draw(&chart, &frame)
}
