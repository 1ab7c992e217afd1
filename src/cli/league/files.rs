//! The league as files: table, chart, and the plans that were compared.

use std::path::Path;

use super::League;
use super::words::sentence;
use crate::cli::terminal;
use crate::report::charts::league::{League as Chart, Row, draw};
use crate::report::number;
use crate::report::plan::{Planned, file};

/// Writes `league.csv`, `league.svg`, `league.png` and one plan file a strategy into `plans`.
pub(super) fn write(out: &Path, scenario: &Path, league: &League) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{} cannot be written: {error}", out.display());
    let plans = out.join("plans");
    std::fs::create_dir_all(&plans).map_err(told)?;
    std::fs::write(out.join("league.csv"), csv(league)).map_err(told)?;
    let picture = draw(&chart(league));
    std::fs::write(out.join("league.svg"), picture.svg()?).map_err(told)?;
    picture.write_png(&out.join("league.png"))?;
    for plan in &league.plans {
        let planned = Planned::new(
            league.known,
            format!("`{}`", plan.by),
            &plan.waves,
            Vec::new(),
        );
        let text = file::text(&planned, &scenario.display().to_string());
        std::fs::write(plans.join(format!("{}.yaml", plan.by)), text).map_err(told)?;
    }
    terminal::remark(&format!("league table, chart and plans: {}", out.display()));
    Ok(())
}

fn csv(league: &League) -> String {
    let mut csv = String::from(
        "strategy,waves,replications,metric,unit,mean,low,high,difference,difference_low,difference_high\n",
    );
    for standing in &league.found.standings {
        let place = &standing.place;
        let plan = &league.plans[place.entrant];
        for (part, facts) in league.goal.iter().enumerate() {
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
                "{},{},{},\"{}\",{},{}\n",
                plan.by,
                plan.waves.len(),
                standing.replications,
                facts.text,
                facts.unit,
                cells.join(",")
            );
        }
    }
    csv
}

fn chart(league: &League) -> Chart {
    let last = league
        .found
        .standings
        .first()
        .map_or(0, |standing| standing.replications);
    let replications = match league.found.screened {
        Some(first) => {
            format!("{last} replications of those that may be best, {first} of the others")
        }
        None => format!("{last} replications"),
    };
    Chart {
        title: sentence(league).trim_end_matches('.').to_owned(),
        source: format!(
            "{} · {replications}, on the same random numbers · {:.0} % intervals",
            league.scenario.title,
            league.scenario.run.confidence * 100.0
        ),
        axis: format!("{} ({})", league.goal[0].text, league.goal[0].unit),
        rows: league
            .found
            .standings
            .iter()
            .map(|standing| Row {
                name: league.name(standing).to_owned(),
                value: standing.place.parts[0],
                leads: League::is_among_best(standing),
                searches: league.strategies[standing.place.entrant].searches,
            })
            .collect(),
        label: number::plain,
    }
}
