//! What `search` says: the answer, what is guaranteed and what is not, and the same as JSON.

use serde_json::{Value, json};

use super::{Limit, Simulated};
use crate::cli::terminal;
use crate::experiment::goal::{GoalPart, Told};
use crate::model::Scenario;
use crate::plan::KnownWorld;
use crate::report::{number, screen};
use crate::search::Candidate;
use crate::search::climb::Climbed;

pub(super) fn words(
    scenario: &Scenario,
    goal: &[GoalPart],
    climbed: &Climbed,
    found: &Simulated,
    limit: &Limit,
) -> String {
    let currency = scenario.currency.as_deref();
    let shown = |value: f64, part: usize| {
        let (factor, unit) = number::shown_unit(&goal[part].unit, value, currency);
        format!("{} {unit}", number::plain(value * factor))
    };
    let chosen = &found.judged.standings[0].place;
    let best = &found.plans[chosen.entrant];
    let mut sentence = format!(
        "The plan of `{}` in {} waves is chosen from {} simulated plans ({}).",
        best.by,
        best.waves.len(),
        found.tried,
        effort(climbed)
    );
    if let Some(value) = chosen.parts[0] {
        sentence += &format!(
            " On fresh luck its `{}`: {} ({} to {}).",
            goal[0].text,
            shown(value.estimate, 0),
            shown(value.low, 0),
            shown(value.high, 0)
        );
    }
    let against = |position: usize| {
        let place = found
            .judged
            .standings
            .iter()
            .map(|standing| &standing.place)
            .find(|place| place.entrant == position)?;
        let pair = place.behind[0]?;
        Some((place.told, pair))
    };
    let rival = found.rival.filter(|rival| *rival != chosen.entrant);
    if let Some((rival, (told, pair))) = rival.and_then(|rival| Some((rival, against(rival)?))) {
        let word = if matches!(told, Told::Worse(_)) {
            "with confidence"
        } else {
            "not told apart"
        };
        sentence += &format!(
            " The best named strategy that does not search, `{}`, has {} more of it ({} to {}): {word}.",
            found.plans[rival].by,
            shown(pair.difference.estimate, 0),
            shown(pair.difference.low, 0),
            shown(pair.difference.high, 0)
        );
    }
    let mut text = format!("{}\n\n", screen::wrap(&sentence, terminal::width()));
    let rows: Vec<[String; 4]> = found
        .judged
        .standings
        .iter()
        .map(|standing| (&standing.place, standing))
        .map(|(place, standing)| {
            let plan = &found.plans[place.entrant];
            let value = place.parts[0].map_or_else(
                || "not reached".to_owned(),
                |value| {
                    format!(
                        "{} ± {}",
                        shown(value.estimate, 0),
                        shown((value.high - value.low) / 2.0, 0)
                    )
                },
            );
            let behind = match (place.told, place.behind[0]) {
                (Told::Leads, _) => "chosen".to_owned(),
                (Told::Same, _) => "same results".to_owned(),
                (Told::Untold, _) if standing.is_final => "not told apart".to_owned(),
                (Told::Untold, _) => "dropped: worse than another".to_owned(),
                (Told::Worse(_), Some(pair)) => format!(
                    "{}{} ({} to {})",
                    if pair.difference.estimate >= 0.0 {
                        "+"
                    } else {
                        ""
                    },
                    shown(pair.difference.estimate, 0),
                    shown(pair.difference.low, 0),
                    shown(pair.difference.high, 0)
                ),
                (Told::Worse(part), None) => format!("worse in {}", goal[part].text),
            };
            [plan.by.clone(), plan.waves.len().to_string(), value, behind]
        })
        .collect();
    text += &screen::table(
        &["plan", "waves", &goal[0].text, "to the chosen one"],
        &rows,
    );
    text + &statement(scenario, found, limit)
}

/// What the graph stage did.
fn effort(climbed: &Climbed) -> String {
    format!(
        "on the graph {} changes were costed and {} orders packed",
        number::plain(climbed.moves as f64),
        number::plain(climbed.packed as f64)
    )
}

/// What is said when only the graph judges.
pub(super) fn graph_only(
    goal: &[GoalPart],
    climbed: &Climbed,
    strategies: &[(Candidate, bool)],
) -> String {
    let mut sentence = format!(
        "The best plan of the graph is kept ({}); nothing was simulated.",
        effort(climbed)
    );
    if let Some(best) = climbed.best.first() {
        let value = |one: &Candidate| one.outlook.parts.first().copied().unwrap_or(0.0);
        let named = strategies
            .iter()
            .filter(|one| !one.1)
            .map(|one| value(&one.0));
        let least = named.fold(f64::INFINITY, f64::min);
        sentence += &format!(
            " By its timetable `{}` is {} {}; the best named strategy that does not search has {}.",
            goal[0].text,
            number::plain(value(best)),
            goal[0].unit,
            number::plain(least)
        );
        if !best.outlook.unseen.is_empty() {
            sentence += &format!(" The graph cannot see {}.", best.outlook.unseen.join(", "));
        }
    }
    format!("{}\n", screen::wrap(&sentence, terminal::width()))
}

/// What is guaranteed and what is not.
pub(super) fn statement(scenario: &Scenario, found: &Simulated, limit: &Limit) -> String {
    let level = scenario.run.confidence * 100.0;
    let all = "all differences hold together, whichever plan turned out best,";
    let mut lines = vec![match found.judged.screened {
        None => format!(
            "confirmed on {} fresh replications on the same random numbers; {all} at {level:.0} %",
            found.replications
        ),
        Some(first) => format!(
            "confirmed on fresh random numbers, the same for all: {first} replications dropped what is told apart from the \
             best, {} others compared the rest; {all} at {level:.0} % (half of the error for each stage)",
            found.replications
        ),
    }];
    lines.extend(gap_line(scenario, found));
    lines.push(match found.rank {
        Some(rank) => format!(
            "the graph ranks the {} simulated plans as the simulation does with Spearman {rank:.2}{}",
            found.tried,
            if found.widened { ": not informative here, more plans were simulated" } else { "" }
        ),
        None => "too few plans to say how well the graph ranks them".to_owned(),
    });
    lines.push(format!(
        "before that plans were halved by `{}`: {}",
        found.halved_by.0, found.halved_by.1
    ));
    lines.push(
        "nothing is guaranteed of plans that were not simulated: the graph stage is a heuristic"
            .to_owned(),
    );
    if matches!(limit, Limit::Time(_)) {
        lines.push(
            "a budget of time is not reproducible: give a number of evaluations for that"
                .to_owned(),
        );
    }
    lines
        .iter()
        .map(|line| format!("{}\n", screen::wrap(line, terminal::width())))
        .collect()
}

/// How far the chosen order can be from the best one on the graph, and which bound says so.
fn gap_line(scenario: &Scenario, found: &Simulated) -> Option<String> {
    let known = KnownWorld::new(scenario)?;
    let (bound, kind) = crate::plan::arranged::bound(&known)?;
    let chosen = &found.plans[found.judged.standings[0].place.entrant];
    let (total, _) = known.graph.cuts(&chosen.order);
    (total > 0.0).then(|| {
        format!(
            "on the graph, groups one a step, its order has a total of {} calls/s; no order has less than {} ({kind} \
             bound): at most {} above the best",
            number::plain(total),
            number::plain(bound),
            number::percent(total / bound.max(f64::MIN_POSITIVE) - 1.0)
        )
    })
}

pub(super) fn as_json(goal: &[GoalPart], climbed: &Climbed, found: &Simulated) -> Value {
    let rows: Vec<Value> = found
        .judged
        .standings
        .iter()
        .map(|standing| (&standing.place, standing))
        .map(|(place, standing)| {
            let plan = &found.plans[place.entrant];
            json!({
                "by": plan.by,
                "waves": plan.waves.len(),
                "graph": plan.outlook.parts,
                "values": found.judged.entrants[place.entrant].values,
                "mean": place.parts.iter().map(|part| part.map(|part| part.estimate)).collect::<Vec<_>>(),
                "behind": place.behind.iter().map(|pair| pair.map(|pair| [
                    pair.difference.low, pair.difference.estimate, pair.difference.high,
                ])).collect::<Vec<_>>(),
                "worse": matches!(place.told, Told::Worse(_)),
                "last_stage": standing.is_final,
            })
        })
        .collect();
    json!({
        "objective": goal.iter().map(|part| part.text.clone()).collect::<Vec<_>>(),
        "moves": climbed.moves,
        "packed": climbed.packed,
        "simulated": found.tried,
        "replications": found.replications,
        "spearman": found.rank,
        "plans": rows,
    })
}
