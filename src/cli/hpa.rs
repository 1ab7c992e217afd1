//! `hpa replay`: recorded metrics played through a scaling policy.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::arguments::HpaReplay;
use crate::cli::exit::Exit;
use crate::cli::terminal;
use crate::model::scaling::hpa::{MetricSource, Resource};
use crate::model::scaling::replay::{Columns, Recorded, Setting, Sync, replay, spec};
use crate::model::scaling::{HpaController, Quantity, ScalingRule};
use crate::report::charts::axis::local_time;
use crate::report::charts::replay::{Played, picture, sentence, totals};
use crate::report::{number, screen};
use crate::scenario::grammar::{self, Clock, GrammarError};
use crate::scenario::problem::Problems;
use crate::scenario::recorded::{self, Choice, Recording};
use crate::scenario::sources::Sources;
use crate::scenario::{lower, read, render};
use crate::units::{SimDuration, SimTime};

/// Decisions printed on the terminal; all are in the file.
const SHOWN: usize = 30;

/// Plays, prints, writes the tables and draws the chart.
///
/// # Errors
/// An option cannot be read, or a file cannot be written.
pub fn run(arguments: &HpaReplay) -> Result<Exit, String> {
    let setting = setting(arguments)?;
    let (mut sources, mut problems) = (Sources::default(), Problems::default());
    let tree = read::read_tree(&arguments.spec, &mut sources, &mut problems);
    let choices = arguments.series.iter().map(|text| Choice::parse(text));
    let choices: Vec<Choice> = choices
        .collect::<Result<_, _>>()
        .map_err(|wrong| format!("--series {wrong}"))?;
    let recording = recorded::read(&arguments.metrics, &choices, &mut sources, &mut problems);
    let found = match (tree, recording) {
        (Some(tree), Some(recording)) => {
            let clock = clock(&recording);
            let names = value_columns(&recording.recorded);
            let rule = lower::policy_file(&tree, &sources, &mut problems, &names, clock.clone());
            rule.map(|rule| (rule, recording, clock))
        }
        _ => None,
    };
    show(&problems, &sources);
    let Some((rule, recording, clock)) = found.filter(|_| !problems.has_errors()) else {
        return Ok(Exit::WrongInput);
    };
    let columns = columns(&rule, &recording, &arguments.metrics)?;
    let needs_request = spec(&rule).is_some_and(|spec| {
        spec.metrics
            .iter()
            .any(|metric| matches!(metric.source, MetricSource::Resource(Resource::Cpu)))
    });
    if needs_request && arguments.request.is_none() {
        terminal::remark("the CPU request of a pod is taken as 1 core: give `--request 500m`");
    }
    let recorded = &recording.recorded;
    let actual = recorded.column("replicas");
    let first = actual.and_then(|column| recorded.rows.first()?.1[column]);
    let (least, most) = rule.bounds();
    let written = arguments
        .initial
        .or(first.map(|first| first.round() as u32))
        .unwrap_or(least.max(1));
    let setting = Setting {
        initial: rule.initial(written).min(most),
        ..setting
    };
    let syncs = replay(&rule, recorded, &columns, &setting);
    if syncs.is_empty() {
        return Err(format!(
            "{} is shorter than one sync of {}",
            arguments.metrics.display(),
            number::duration(setting.sync.seconds())
        ));
    }
    let patience = recorded.patience(setting.sync);
    let before: Vec<Option<f64>> = syncs
        .iter()
        .map(|sync| recorded.value(actual?, sync.at, patience))
        .collect();
    let local = clock.local_clock();
    let names = metric_names(&rule, &columns, recorded);
    let source = format!(
        "{} played through {} · pods are ready {} after the wish · sync {}",
        file_name(&arguments.metrics),
        file_name(&arguments.spec),
        number::duration(setting.startup.seconds()),
        number::duration(setting.sync.seconds()),
    );
    let played = Played {
        syncs: &syncs,
        step: setting.sync.seconds(),
        metrics: &names,
        recorded: &before,
        clock: &local,
        source: &source,
    };
    let folder = arguments.out.clone().unwrap_or_else(|| {
        let stem = arguments.metrics.file_stem().unwrap_or_default();
        Path::new("outputs")
            .join("hpa-replay")
            .join(stem.to_string_lossy().as_ref())
    });
    write(&folder, &played, arguments.no_charts)?;
    tell(arguments, &played, &folder)?;
    Ok(Exit::Fine)
}

fn setting(arguments: &HpaReplay) -> Result<Setting, String> {
    let duration = |text: &Option<String>, option: &str, default: u64| match text {
        Some(text) => grammar::parse_duration(text, option).map_err(|error| told(option, &error)),
        None => Ok(SimDuration::from_secs(default)),
    };
    let sync = duration(&arguments.sync, "--sync", 15)?;
    if sync.0 == 0 {
        return Err("`--sync` is 0: some time is needed".to_owned());
    }
    let cpu_request = match &arguments.request {
        Some(text) => {
            let cpu = grammar::parse_cpu(text, "--request").map_err(|e| told("--request", &e))?;
            i64::try_from(cpu.0).unwrap_or(i64::MAX)
        }
        None => 1000,
    };
    let memory_request = match &arguments.memory_request {
        Some(text) => {
            let bytes = grammar::parse_bytes(text, "--memory-request")
                .map_err(|error| told("--memory-request", &error))?;
            i64::try_from(bytes.0).unwrap_or(i64::MAX)
        }
        None => 256 << 20,
    };
    let tolerance = match &arguments.tolerance {
        Some(text) => {
            grammar::parse_ratio(text, "--tolerance").map_err(|e| told("--tolerance", &e))?
        }
        None => 0.1,
    };
    Ok(Setting {
        controller: HpaController {
            tolerance,
            downscale_stabilization: duration(
                &arguments.downscale_stabilization,
                "--downscale-stabilization",
                300,
            )?,
            ..HpaController::default()
        },
        sync,
        resolution: duration(&arguments.resolution, "--resolution", 15)?,
        startup: duration(&arguments.start_up, "--start-up", 30)?,
        cpu_request,
        memory_request,
        initial: 1,
    })
}

fn told(option: &str, error: &GrammarError) -> String {
    let help = if error.help.is_empty() {
        &error.label
    } else {
        &error.help
    };
    format!("{option}: {}; {help}", error.sentence)
}

/// Civil time of the recording; counted from the language's default start when it has none.
fn clock(recording: &Recording) -> Clock {
    let end = recording.recorded.rows.last().map_or(0, |(at, _)| at.0);
    let fallback = Clock::fallback();
    Clock {
        start: recording.start.unwrap_or(fallback.start),
        horizon: SimDuration(end + 1),
        ..fallback
    }
}

/// Columns that a policy may read: `replicas` is what was there, not what to scale by.
fn value_columns(recorded: &Recorded) -> Vec<String> {
    let names = recorded.names.iter();
    names.filter(|name| *name != "replicas").cloned().collect()
}

/// Where each metric of the rule is recorded.
fn columns(rule: &ScalingRule, recording: &Recording, path: &Path) -> Result<Columns, String> {
    let recorded = &recording.recorded;
    let names = value_columns(recorded);
    // The answer to a query that aggregates has no name, and neither has a table that says `value`.
    let unnamed = match names.as_slice() {
        [only] if only == "value" => recorded.column(only),
        _ => None,
    };
    let named = |name: &str| {
        recorded.column(name).or(unnamed).ok_or_else(|| {
            format!(
                "{}: the policy reads `{name}`, and no column has that name: there are {}; name one with `--series \
                 {name}=COLUMN`",
                path.display(),
                names.join(", ")
            )
        })
    };
    let mut metrics = Vec::new();
    for metric in spec(rule).map_or(&[][..], |spec| &spec.metrics) {
        metrics.push(match &metric.source {
            MetricSource::Resource(resource) | MetricSource::ContainerResource(resource) => {
                Some(named(resource.name())?)
            }
            MetricSource::Pods(reading)
            | MetricSource::Object(reading)
            | MetricSource::External(reading) => {
                debug_assert_eq!(reading.quantity, Quantity::Requests);
                let name = reading.service.and_then(|index| names.get(index.index()));
                name.and_then(|name| recorded.column(name))
            }
            MetricSource::Unknown => None,
        });
    }
    let by_load = matches!(rule, ScalingRule::Predictive(_) | ScalingRule::Queueing(_));
    Ok(Columns {
        metrics,
        cpu: if by_load {
            Some(named("cpu")?)
        } else {
            recorded.column("cpu")
        },
        requests: if by_load {
            Some(named("requests")?)
        } else {
            recorded.column("requests")
        },
    })
}

fn metric_names(rule: &ScalingRule, columns: &Columns, recorded: &Recorded) -> Vec<String> {
    let metrics = spec(rule).map_or(&[][..], |spec| &spec.metrics);
    let metrics = metrics.iter().zip(&columns.metrics);
    metrics
        .map(|(metric, column)| {
            let name = column.map_or("", |column| &recorded.names[column]);
            match metric.source {
                MetricSource::Resource(Resource::Cpu)
                | MetricSource::ContainerResource(Resource::Cpu) => {
                    format!("{name} (cores, all pods)")
                }
                MetricSource::Resource(Resource::Memory)
                | MetricSource::ContainerResource(Resource::Memory) => {
                    format!("{name} (bytes, all pods)")
                }
                _ => name.to_owned(),
            }
        })
        .collect()
}

fn show(problems: &Problems, sources: &Sources) {
    if problems.list.is_empty() {
        return;
    }
    let width = terminal::width();
    let text = render::render(problems, sources, width, !terminal::is_watched());
    terminal::remark(text.trim_end());
}

fn write(folder: &Path, played: &Played, no_charts: bool) -> Result<(), String> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        format!("cannot write {}: {error}", path.display())
    };
    std::fs::create_dir_all(folder).map_err(|error| wrong(folder, &error))?;
    let path = folder.join("replay.csv");
    let mut table = csv::Writer::from_path(&path).map_err(|error| wrong(&path, &error))?;
    let mut head: Vec<String> = [
        "seconds", "time", "desired", "ready", "needed", "recorded", "why",
    ]
    .map(str::to_owned)
    .to_vec();
    head.extend(played.metrics.iter().cloned());
    table.write_record(&head).map_err(|e| wrong(&path, &e))?;
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for (index, sync) in played.syncs.iter().enumerate() {
        let mut row = vec![
            sync.at.seconds().to_string(),
            civil(played, sync.at),
            sync.desired.to_string(),
            sync.ready.to_string(),
            sync.needed
                .map_or_else(String::new, |needed| needed.to_string()),
            cell(played.recorded.get(index).copied().flatten()),
            sync.why.to_owned(),
        ];
        row.extend(sync.values.iter().map(|value| cell(*value)));
        table.write_record(&row).map_err(|e| wrong(&path, &e))?;
    }
    table.flush().map_err(|error| wrong(&path, &error))?;
    if !no_charts {
        let picture = picture(played);
        let svg: PathBuf = folder.join("replay.svg");
        std::fs::write(&svg, picture.svg()?).map_err(|error| wrong(&svg, &error))?;
        picture.write_png(&folder.join("replay.png"))?;
    }
    Ok(())
}

fn civil(played: &Played, at: SimTime) -> String {
    let horizon = played.syncs.last().map_or(0.0, |sync| sync.at.seconds());
    local_time(played.clock, at.seconds(), horizon.max(86_401.0))
}

fn tell(arguments: &HpaReplay, played: &Played, folder: &Path) -> Result<(), String> {
    let changes: Vec<&Sync> = played
        .syncs
        .iter()
        .filter(|sync| sync.desired != sync.before)
        .collect();
    if arguments.json {
        let totals = totals(played.syncs, played.step);
        let answer = json!({
            "changes": totals.changes,
            "least": totals.range.0,
            "most": totals.range.1,
            "mean_ready": totals.mean_ready,
            "mean_needed": totals.mean_needed,
            "short_seconds": totals.short_seconds,
            "turns_within_5m": totals.turns,
            "decisions": changes.iter().map(|sync| json!({
                "seconds": sync.at.seconds(),
                "from": sync.before,
                "to": sync.desired,
                "ready": sync.ready,
                "why": sync.why,
            })).collect::<Vec<_>>(),
            "folder": folder.display().to_string(),
        });
        terminal::say(&format!("{answer:#}\n"));
        return Ok(());
    }
    terminal::say(&format!(
        "{}\n\n",
        screen::wrap(&(sentence(played) + "."), terminal::width())
    ));
    let rows: Vec<[String; 5]> = changes
        .iter()
        .take(SHOWN)
        .map(|sync| {
            let values: Vec<_> = played
                .metrics
                .iter()
                .zip(&sync.values)
                .filter_map(|(name, value)| {
                    let short = name.split(" (").next().unwrap_or(name);
                    Some(format!("{short} {}", number::plain((*value)?)))
                })
                .collect();
            [
                civil(played, sync.at),
                format!("{} to {}", sync.before, sync.desired),
                sync.ready.to_string(),
                sync.why.to_owned(),
                values.join(", "),
            ]
        })
        .collect();
    if !rows.is_empty() {
        terminal::say(&screen::table(
            &["time", "replicas", "ready then", "why", "recorded"],
            &rows,
        ));
    }
    if changes.len() > SHOWN {
        terminal::say(&format!("… and {} more\n", changes.len() - SHOWN));
    }
    terminal::say(&format!("\nwritten to {}\n", folder.display()));
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
