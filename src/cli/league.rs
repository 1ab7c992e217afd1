//! `compare --strategies`: named strategies on the scenario's objective, on common random numbers.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::arguments::{Changes, Compare};
use crate::cli::exit::Exit;
use crate::cli::run::{Bar, apply, threads};
use crate::cli::{interrupt, scenario_file, terminal};
use crate::experiment::driver::{self, MemoryJournal, Options};
use crate::experiment::goal::{Entrant, GoalPart, Place, Told, league, parts};
use crate::experiment::result::StopReason;
use crate::model::Scenario;
use crate::plan::clockwork::Clockwork;
use crate::plan::goal::outlook;
use crate::plan::{KnownWorld, STRATEGIES, find};
use crate::report::charts::league::{League, Row, draw};
use crate::report::{number, screen};
use crate::stats::spearman;

/// A plan that was made, and how it did.
struct Played {
    name: String,
    searches: bool,
    waves: usize,
    /// The graph's estimate of the objective's first part.
    graph: Option<f64>,
    entrant: Entrant,
}

/// Compares strategies; the exit code is 1 when none has a plan.
///
/// # Errors
/// The scenario has no objective, a name is unknown, or a file cannot be written.
pub fn strategies(arguments: &Compare) -> Result<Exit, String> {
    let [path] = &arguments.scenarios[..] else {
        return Err("`--strategies` are of one scenario; several were given".to_owned());
    };
    let all = arguments.strategies.iter().any(|name| name == "all");
    let names: Vec<&str> = if all {
        crate::plan::names().collect()
    } else {
        arguments.strategies.iter().map(String::as_str).collect()
    };
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        return Err(format!(
            "`{unknown}` is no strategy: `cutover list strategies` names all {}",
            STRATEGIES.len()
        ));
    }
    let base = Changes {
        sets: arguments.sets.clone(),
        ..Changes::default()
    };
    if all && scenario_file::check(path, &base).is_none() {
        return Ok(Exit::WrongInput);
    }
    let mut played = Vec::new();
    let mut wanted: Option<(Scenario, Vec<GoalPart>)> = None;
    for name in names {
        let changes = Changes {
            sets: [
                arguments.sets.clone(),
                vec![format!("plan={{strategy: {name}}}")],
            ]
            .concat(),
            ..Changes::default()
        };
        let Some(mut scenario) = scenario_file::try_plan(path, &changes, all) else {
            if all {
                terminal::remark(&format!("{name}: has no plan here"));
                continue;
            }
            return Ok(Exit::WrongInput);
        };
        apply(&arguments.settings, &mut scenario);
        let goal = parts(&scenario);
        if goal.is_empty() {
            return Err(format!(
                "{} has no objective, and none is chosen for you: write for example `objective: {{minimise: \
                 [cross_calls, makespan]}}`",
                path.display()
            ));
        }
        match play(name, &scenario, &goal, arguments) {
            Ok(one) => played.push(one),
            Err(exit) => return Ok(exit),
        }
        wanted.get_or_insert((scenario, goal));
    }
    let Some((scenario, goal)) = wanted else {
        terminal::complain("no strategy has a plan that keeps all constraints");
        return Ok(Exit::No);
    };
    let entrants: Vec<Entrant> = played.iter().map(|one| one.entrant.clone()).collect();
    let places = league(&entrants, scenario.run.confidence);
    if let Some(out) = &arguments.out {
        write(out, &scenario, &goal, &played, &places)?;
    }
    if arguments.json {
        terminal::say(&format!("{:#}\n", as_json(&goal, &played, &places)));
    } else {
        terminal::say(&words(&scenario, &goal, &played, &places));
    }
    Ok(Exit::Fine)
}

fn play(
    name: &str,
    scenario: &Scenario,
    goal: &[GoalPart],
    arguments: &Compare,
) -> Result<Played, Exit> {
    let bar = Bar::new(name);
    let result = driver::run(
        scenario,
        Options {
            threads: threads(&arguments.settings),
        },
        &mut MemoryJournal::default(),
        &bar,
        interrupt::asked(),
    );
    drop(bar);
    match &result.stop {
        StopReason::Cancelled => {
            terminal::remark("interrupted: nothing is compared");
            return Err(Exit::Interrupted);
        }
        StopReason::Failed(reason) => {
            terminal::complain(&format!("{name}: {reason}"));
            return Err(Exit::No);
        }
        _ => {}
    }
    let graph = KnownWorld::new(scenario).and_then(|known| {
        let timetable = Clockwork::of_plan(&known, &scenario.plan.waves);
        outlook(&known, &timetable).parts.first().copied()
    });
    Ok(Played {
        name: name.to_owned(),
        searches: find(name).is_some_and(|strategy| strategy.searches),
        waves: scenario.plan.waves.len(),
        graph,
        entrant: Entrant::new(name, goal, &result.replications),
    })
}

/// A value with its unit, as people read it.
fn shown(value: f64, unit: &str, currency: Option<&str>) -> String {
    let (factor, unit) = number::shown_unit(unit, value, currency);
    format!("{} {unit}", number::plain(value * factor))
}

fn words(scenario: &Scenario, goal: &[GoalPart], played: &[Played], places: &[Place]) -> String {
    let currency = scenario.currency.as_deref();
    let replications = played.first().map_or(0, |one| one.entrant.values[0].len());
    let mut text = format!(
        "{}\n\n",
        screen::wrap(&sentence(goal, played, places), terminal::width())
    );
    let rows: Vec<[String; 5]> = places
        .iter()
        .map(|place| {
            let one = &played[place.entrant];
            let value = |part: usize| match place.parts[part] {
                Some(found) => {
                    let half = (found.high - found.low) / 2.0;
                    format!(
                        "{} ± {}",
                        shown(found.estimate, &goal[part].unit, currency),
                        number::plain(
                            half * number::shown_unit(&goal[part].unit, found.estimate, currency).0
                        )
                    )
                }
                None => "not reached".to_owned(),
            };
            let rest: Vec<String> = (1..goal.len()).map(value).collect();
            let behind = match (place.told, &place.behind[0]) {
                (Told::Leads, _) => "leads".to_owned(),
                (Told::Same, _) => "same results".to_owned(),
                (Told::Untold, _) => "not told apart".to_owned(),
                (Told::Worse(0), Some(pair)) => {
                    let share = |value: f64| {
                        number::percent(value / pair.second.abs().max(f64::MIN_POSITIVE))
                    };
                    format!(
                        "+{} ({} to {})",
                        share(pair.difference.estimate),
                        share(pair.difference.low),
                        share(pair.difference.high)
                    )
                }
                (Told::Worse(part), _) => format!("worse in {}", goal[part].text),
            };
            [
                one.name.clone(),
                one.waves.to_string(),
                value(0),
                rest.join(", "),
                behind,
            ]
        })
        .collect();
    let second: Vec<&str> = goal.iter().skip(1).map(|part| part.text.as_str()).collect();
    text += &screen::table(
        &[
            "strategy",
            "waves",
            &goal[0].text,
            &second.join(", "),
            "to the leader",
        ],
        &rows,
    );
    text += &format!(
        "{replications} replications on the same random numbers, {:.0} % intervals; differences hold together at {:.0} %\n",
        scenario.run.confidence * 100.0,
        scenario.run.confidence * 100.0
    );
    if let Some(rank) = rank_correlation(played) {
        text += &format!(
            "the graph's estimate ranks these plans as the simulation does with Spearman {rank:.2}\n"
        );
    }
    text
}

/// Who leads, and by how much.
fn sentence(goal: &[GoalPart], played: &[Played], places: &[Place]) -> String {
    let name = |place: &Place| played[place.entrant].name.clone();
    let Some(first) = places.first() else {
        return String::new();
    };
    let level: Vec<String> = places[1..]
        .iter()
        .filter(|place| matches!(place.told, Told::Untold | Told::Same))
        .map(|place| format!("`{}`", name(place)))
        .collect();
    let mut text = format!("`{}` has the least {}", name(first), goal[0].text);
    if !level.is_empty() {
        text += &format!("; not told apart from it: {}", level.join(", "));
    }
    let next = places[1..]
        .iter()
        .find(|place| matches!(place.told, Told::Worse(0)) && place.behind[0].is_some());
    if let Some((next, pair)) = next.and_then(|next| Some((next, next.behind[0]?))) {
        let share = |value: f64| number::percent(value / pair.second.abs().max(f64::MIN_POSITIVE));
        text += &format!(
            "; the next, `{}`, has {} more ({} to {})",
            name(next),
            share(pair.difference.estimate),
            share(pair.difference.low),
            share(pair.difference.high)
        );
    }
    text + "."
}

/// Spearman's rank correlation of the graph's estimate with the simulated mean.
fn rank_correlation(played: &[Played]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = played
        .iter()
        .filter_map(|one| Some((one.graph?, one.entrant.mean(0))))
        .filter(|(_, mean)| mean.is_finite())
        .collect();
    let (graph, mean): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    spearman(&graph, &mean)
}

fn as_json(goal: &[GoalPart], played: &[Played], places: &[Place]) -> Value {
    let rows: Vec<Value> = places
        .iter()
        .map(|place| {
            let one = &played[place.entrant];
            let told = match place.told {
                Told::Leads => "leads",
                Told::Worse(_) => "worse",
                Told::Same => "same",
                Told::Untold => "not told apart",
            };
            json!({
                "strategy": one.name,
                "searches": one.searches,
                "waves": one.waves,
                "told": told,
                "graph_estimate": one.graph,
                "values": one.entrant.values,
                "mean": place.parts.iter().map(|part| part.map(|part| part.estimate)).collect::<Vec<_>>(),
                "low": place.parts.iter().map(|part| part.map(|part| part.low)).collect::<Vec<_>>(),
                "high": place.parts.iter().map(|part| part.map(|part| part.high)).collect::<Vec<_>>(),
                "behind": place.behind.iter().map(|pair| pair.map(|pair| [
                    pair.difference.low, pair.difference.estimate, pair.difference.high,
                ])).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "objective": goal.iter().map(|part| json!({"metric": part.text, "unit": part.unit})).collect::<Vec<_>>(),
        "spearman": rank_correlation(played),
        "league": rows,
    })
}

fn write(
    out: &Path,
    scenario: &Scenario,
    goal: &[GoalPart],
    played: &[Played],
    places: &[Place],
) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{} cannot be written: {error}", out.display());
    std::fs::create_dir_all(out).map_err(told)?;
    let mut csv = String::from(
        "strategy,waves,metric,unit,mean,low,high,difference,difference_low,difference_high\n",
    );
    for place in places {
        let one = &played[place.entrant];
        for (part, facts) in goal.iter().enumerate() {
            let number =
                |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
            let (value, pair) = (place.parts[part], place.behind[part]);
            let cells = [
                value.map(|value| value.estimate),
                value.map(|value| value.low),
                value.map(|value| value.high),
                pair.map(|pair| pair.difference.estimate),
                pair.map(|pair| pair.difference.low),
                pair.map(|pair| pair.difference.high),
            ];
            let cells: Vec<String> = cells.into_iter().map(number).collect();
            csv += &format!(
                "{},{},\"{}\",{},{}\n",
                one.name,
                one.waves,
                facts.text,
                facts.unit,
                cells.join(",")
            );
        }
    }
    std::fs::write(out.join("league.csv"), csv).map_err(told)?;
    let chart = League {
        title: sentence(goal, played, places)
            .trim_end_matches('.')
            .to_owned(),
        source: format!(
            "{} · {} replications on the same random numbers · {:.0} % intervals",
            scenario.title,
            played.first().map_or(0, |one| one.entrant.values[0].len()),
            scenario.run.confidence * 100.0
        ),
        axis: format!("{} ({})", goal[0].text, goal[0].unit),
        rows: places
            .iter()
            .map(|place| Row {
                name: played[place.entrant].name.clone(),
                value: place.parts[0],
                leads: !matches!(place.told, Told::Worse(_)),
                searches: played[place.entrant].searches,
            })
            .collect(),
        label: number::plain,
    };
    let picture = draw(&chart);
    std::fs::write(out.join("league.svg"), picture.svg()?).map_err(told)?;
    picture.write_png(&out.join("league.png"))?;
    terminal::remark(&format!("league table and chart: {}", out.display()));
    Ok(())
}
