//! What a plan says on the first screen, and as JSON.

use serde_json::{Value, json};

use crate::report::charts::axis::local_time;
use crate::report::plan::Planned;
use crate::report::{number, screen};

/// What crosses the link, in a sentence.
#[must_use]
pub fn crossing(plan: &Planned) -> String {
    let found = &plan.exposure;
    if plan.known.graph.unweighted {
        return "No load is known: calls are counted as one for each pair of services.".to_owned();
    }
    let mut text = format!(
        "Meanwhile {} calls and {} cross the link, at most {} calls/s at level 1",
        number::plain(found.calls),
        number::bytes(found.bytes),
        number::plain(found.peak_calls),
    );
    let journeys = &plan.known.scenario.journeys;
    let slowest = found
        .added_latency
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(_, added)| *added > 0.0);
    if let Some((journey, added)) = slowest {
        text += &format!(
            "; `{}` takes up to {} longer",
            journeys[journey].name,
            number::duration(added)
        );
    }
    text + "."
}

/// The answer of `cutover plan` as text.
#[must_use]
pub fn words(plan: &Planned, width: usize) -> String {
    let scenario = plan.known.scenario;
    let moved: usize = plan.waves.iter().map(|wave| wave.members.len()).sum();
    let horizon = scenario.horizon.seconds();
    let when = |seconds: f64| local_time(&scenario.clock, seconds, horizon.max(90_000.0));
    let sentence = format!(
        "{} moves {moved} services in {} waves, done by {} if nothing goes wrong. {}",
        plan.by,
        plan.waves.len(),
        when(plan.timetable.end().seconds()),
        crossing(plan)
    );
    let rows: Vec<[String; 5]> = plan
        .waves
        .iter()
        .zip(&plan.timetable.waves)
        .enumerate()
        .map(|(index, (wave, times))| {
            let names: Vec<&str> = wave
                .members
                .iter()
                .map(|member| scenario.service(member.service).name.as_str())
                .collect();
            [
                wave.name.clone(),
                when(times.start.seconds()),
                when(times.end.seconds()),
                format!(
                    "{} services: {}",
                    names.len(),
                    shortened(&names.join(", "), 60)
                ),
                plan.remarks
                    .get(index)
                    .map_or_else(String::new, |text| shortened(text, 60)),
            ]
        })
        .collect();
    let mut text = format!("{}\n\n", screen::wrap(&sentence, width));
    text += &screen::table(&["wave", "starts", "done", "what", "why so"], &rows);
    text + &split_table(plan)
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most - 3).collect();
    format!("{}...", head.trim_end_matches([',', ' ']))
}

/// The edges that stay split longest, weighted by their calls.
fn split_table(plan: &Planned) -> String {
    let mut edges: Vec<usize> = (0..plan.known.edges.len())
        .filter(|edge| plan.exposure.edges[*edge].calls > 0.0)
        .collect();
    edges.sort_by(|a, b| {
        let calls = |edge: usize| plan.exposure.edges[edge].calls;
        calls(*b).total_cmp(&calls(*a)).then(a.cmp(b))
    });
    if edges.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 4]> = edges
        .iter()
        .take(8)
        .map(|index| {
            let (edge, found) = (&plan.known.edges[*index], &plan.exposure.edges[*index]);
            [
                format!(
                    "{} -> {}",
                    plan.known.name(edge.caller),
                    plan.known.name(edge.callee)
                ),
                super::file::rate(edge.calls),
                number::duration(found.split_seconds),
                number::plain(found.calls),
            ]
        })
        .collect();
    let head = ["stays split", "calls", "for", "crossing calls"];
    format!("\n{}", screen::table(&head, &rows))
}

/// The same for programs.
#[must_use]
pub fn json(plan: &Planned) -> Value {
    let known = plan.known;
    let waves: Vec<Value> = plan
        .waves
        .iter()
        .zip(&plan.timetable.waves)
        .enumerate()
        .map(|(index, (wave, times))| {
            let names = wave.members.iter();
            json!({
                "name": wave.name,
                "move": names.map(|member| known.name(member.service.index())).collect::<Vec<_>>(),
                "earliest_s": wave.earliest.map(|at| at.seconds()),
                "start_s": times.start.seconds(),
                "end_s": times.end.seconds(),
                "remark": plan.remarks.get(index),
            })
        })
        .collect();
    let services: Vec<Value> = plan
        .timetable
        .moves
        .iter()
        .map(|one| {
            let reason = known.group_of[one.service]
                .and_then(|group| plan.reasons.iter().find(|reason| reason.group == group));
            json!({
                "service": known.name(one.service),
                "wave": plan.waves[one.wave].name,
                "prepare_s": one.prepare.seconds(),
                "shift_s": one.shift_start().seconds(),
                "shifted_s": one.shifted.seconds(),
                "done_s": one.done.seconds(),
                "why": reason.map(|reason| plan.why(reason)),
                "crossing_calls_in_other_waves": reason.map(|reason| &reason.elsewhere),
            })
        })
        .collect();
    let edges: Vec<Value> = known
        .edges
        .iter()
        .zip(&plan.exposure.edges)
        .map(|(edge, found)| {
            json!({
                "caller": known.name(edge.caller),
                "callee": known.name(edge.callee),
                "calls_per_s": edge.calls,
                "split_s": found.split_seconds,
                "crossing_calls": found.calls,
                "bytes_to_target": found.bytes_to_target,
                "bytes_to_source": found.bytes_to_source,
            })
        })
        .collect();
    json!({
        "by": plan.by,
        "waves": waves,
        "services": services,
        "edges": edges,
        "crossing_calls": plan.exposure.calls,
        "peak_crossing_calls_per_s": plan.exposure.peak_calls,
        "crossing_bytes": plan.exposure.bytes,
        "egress_cost": plan.exposure.egress_cost,
        "end_s": plan.timetable.end().seconds(),
    })
}
