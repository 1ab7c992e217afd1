//! What the league says: the finding, the table, what holds, and the same as JSON.

use serde_json::{Value, json};

use super::League;
use crate::cli::terminal;
use crate::experiment::goal::Told;
use crate::plan::NoPlan;
use crate::report::{number, screen};
use crate::search::stages::Standing;

/// Why a strategy made no plan.
pub(super) fn of(reason: &NoPlan) -> String {
    match reason {
        NoPlan::Strategy(reason) => reason.clone(),
        NoPlan::Stuck(stuck) => stuck.obstacles.first().map_or_else(
            || "its order cannot be cut into waves".to_owned(),
            |obstacle| format!("after wave {}: {}", stuck.waves, obstacle.reason),
        ),
    }
}

/// A value with its unit, as people read it.
fn shown(value: f64, unit: &str, currency: Option<&str>) -> String {
    let (factor, unit) = number::shown_unit(unit, value, currency);
    format!("{} {unit}", number::plain(value * factor))
}

pub(super) fn words(league: &League) -> String {
    let goal = &league.goal;
    let mut text = format!("{}\n\n", screen::wrap(&sentence(league), terminal::width()));
    let rows: Vec<[String; 6]> = league
        .found
        .standings
        .iter()
        .map(|standing| row(league, standing))
        .collect();
    let second: Vec<&str> = goal.iter().skip(1).map(|part| part.text.as_str()).collect();
    text += &screen::table(
        &[
            "strategy",
            "waves",
            "plays",
            &goal[0].text,
            &second.join(", "),
            "to the leader",
        ],
        &rows,
    );
    text + &statement(league)
}

fn row(league: &League, standing: &Standing) -> [String; 6] {
    let (goal, place) = (&league.goal, &standing.place);
    let currency = league.scenario.currency.as_deref();
    let plan = &league.plans[place.entrant];
    let value = |part: usize| match place.parts[part] {
        Some(found) => {
            let half = (found.high - found.low) / 2.0;
            let factor = number::shown_unit(&goal[part].unit, found.estimate, currency).0;
            let estimate = shown(found.estimate, &goal[part].unit, currency);
            // What does not vary but for rounding has no interval.
            if half <= 1e-9 * found.estimate.abs() {
                estimate
            } else {
                format!("{estimate} ± {}", number::plain(half * factor))
            }
        }
        None => "not reached".to_owned(),
    };
    let rest: Vec<String> = (1..goal.len()).map(value).collect();
    let behind = match (place.told, &place.behind[0]) {
        (Told::Leads, _) => "leads".to_owned(),
        (Told::Same, _) => "same results".to_owned(),
        (Told::Untold, _) if standing.is_final => "not told apart".to_owned(),
        (Told::Untold, _) => "dropped: worse than another".to_owned(),
        (Told::Worse(0), Some(pair)) => {
            let share =
                |value: f64| number::percent(value / pair.second.abs().max(f64::MIN_POSITIVE));
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
        plan.by.clone(),
        plan.waves.len().to_string(),
        standing.replications.to_string(),
        value(0),
        rest.join(", "),
        behind,
    ]
}

/// What holds, and what does not.
fn statement(league: &League) -> String {
    let level = league.scenario.run.confidence * 100.0;
    let last = league
        .found
        .standings
        .first()
        .map_or(0, |standing| standing.replications);
    let finals = league.found.standings.iter();
    let rest = match finals.filter(|standing| standing.is_final).count() {
        1 => "the leader alone was left and played".to_owned(),
        some => format!("the {some} left were compared"),
    };
    let mut lines = vec![match league.found.screened {
        Some(first) => format!(
            "{first} replications of each plan dropped those told apart from the leader; {rest} on {last} fresh \
             ones, on the same random numbers. All differences hold together at {level:.0} % (half of the error for each stage, \
             Bonferroni over all pairs); no dropped plan is better than the one that dropped it at the same {level:.0} %. \
             Intervals of single values: {level:.0} % each"
        ),
        None => format!(
            "{last} replications on the same random numbers; all differences hold together at {level:.0} % (Bonferroni over \
             all pairs). Intervals of single values: {level:.0} % each"
        ),
    }];
    let same = league.plans.len() - league.different;
    if same > 0 {
        lines.push(format!(
            "{same} of the {} plans are equal to another and were not played again",
            league.plans.len()
        ));
    }
    if let Some(rank) = league.rank_correlation() {
        lines.push(format!(
            "the graph's estimate ranks these plans as the simulation does with Spearman {rank:.2}{}",
            if rank < 0.5 { ": it is not informative here" } else { "" }
        ));
    }
    lines
        .iter()
        .map(|line| format!("{}\n", screen::wrap(line, terminal::width())))
        .collect()
}

/// Who leads, and by how much.
pub(super) fn sentence(league: &League) -> String {
    let standings = &league.found.standings;
    let Some(first) = standings.first() else {
        return String::new();
    };
    let level: Vec<String> = standings[1..]
        .iter()
        .filter(|standing| League::is_among_best(standing))
        .map(|standing| format!("`{}`", league.name(standing)))
        .collect();
    // Who has less by chance only, and is behind in what counts next.
    let less: Vec<String> = standings[1..]
        .iter()
        .filter(|standing| {
            let value = |standing: &Standing| standing.place.parts[0].map(|part| part.estimate);
            matches!(standing.place.told, Told::Worse(1..)) && value(standing) < value(first)
        })
        .map(|standing| format!("`{}`", league.name(standing)))
        .collect();
    let mut text = if less.is_empty() {
        format!(
            "`{}` has the least {}",
            league.name(first),
            league.goal[0].text
        )
    } else {
        format!(
            "`{}` leads: that {} has less {} is not sure, and `{}` is ahead in what counts next",
            league.name(first),
            less.join(", "),
            league.goal[0].text,
            league.name(first)
        )
    };
    if !level.is_empty() {
        text += &format!("; not told apart from it: {}", level.join(", "));
    }
    let next = standings[1..].iter().find_map(|standing| {
        let pair = standing.place.behind[0]?;
        matches!(standing.place.told, Told::Worse(0)).then_some((standing, pair))
    });
    if let Some((next, pair)) = next {
        let share = |value: f64| number::percent(value / pair.second.abs().max(f64::MIN_POSITIVE));
        text += &format!(
            "; the next, `{}`, has {} more ({} to {})",
            league.name(next),
            share(pair.difference.estimate),
            share(pair.difference.low),
            share(pair.difference.high)
        );
    }
    text + "."
}

pub(super) fn as_json(league: &League) -> Value {
    let rows: Vec<Value> = league
        .found
        .standings
        .iter()
        .map(|standing| {
            let place = &standing.place;
            let plan = &league.plans[place.entrant];
            let told = match place.told {
                Told::Leads => "leads",
                Told::Worse(_) => "worse",
                Told::Same => "same",
                Told::Untold if standing.is_final => "not told apart",
                Told::Untold => "dropped",
            };
            json!({
                "strategy": plan.by,
                "searches": league.strategies[place.entrant].searches,
                "waves": plan.waves.len(),
                "replications": standing.replications,
                "last_stage": standing.is_final,
                "told": told,
                "graph_estimate": plan.outlook.parts.first(),
                "values": league.found.entrants[place.entrant].values,
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
        "objective": league.goal.iter().map(|part| json!({"metric": part.text, "unit": part.unit})).collect::<Vec<_>>(),
        "screened_on": league.found.screened,
        "spearman": league.rank_correlation(),
        "league": rows,
    })
}
