//! The plan file: YAML that `run --plan` takes and a person edits, with why everything is where it is.

use crate::model::WaveOrder;
use crate::report::charts::axis::local_time;
use crate::report::number;
use crate::report::plan::Planned;
use crate::units::SimTime;

/// The text of `plan.yaml`.
#[must_use]
pub fn text(plan: &Planned, scenario_file: &str) -> String {
    let known = plan.known;
    let scenario = known.scenario;
    let moved: usize = plan.waves.iter().map(|wave| wave.members.len()).sum();
    let when = |at: SimTime| {
        local_time(
            &scenario.clock,
            at.seconds(),
            scenario.horizon.seconds().max(90_000.0),
        )
    };
    let mut text = format!(
        "# A plan of {} by {}: {moved} services in {} waves, done by {} if nothing goes wrong.\n\
         # {}\n\
         # Edit it, then: cutover run {scenario_file} --plan THIS-FILE\n\
         cutover: 1\nplan:\n  waves:\n",
        scenario.name,
        plan.by,
        plan.waves.len(),
        when(plan.timetable.end()),
        super::answer::crossing(plan),
    );
    for (index, wave) in plan.waves.iter().enumerate() {
        if let Some(times) = plan.timetable.waves.get(index) {
            text += &format!("    # {} to {}", when(times.start), when(times.end));
            if let Some(remark) = plan.remarks.get(index).filter(|remark| !remark.is_empty()) {
                text += &format!("; {remark}");
            }
            text.push('\n');
        }
        text += &format!("    - name: {}\n", wave.name);
        if let Some(earliest) = wave.earliest {
            text += &format!("      earliest: {}\n", date_time(plan, earliest));
        }
        if wave.order == WaveOrder::Parallel {
            text += "      order: parallel\n";
        }
        text += "      move:\n";
        for member in &wave.members {
            let service = member.service.index();
            text += &format!("        - {}", known.name(service));
            let group = known.group_of[service];
            let reason = plan
                .reasons
                .iter()
                .find(|reason| Some(reason.group) == group);
            if let (Some(group), Some(reason)) = (group, reason) {
                if known.groups[group].services[0] == service {
                    text += &format!("    # {}", plan.why(reason));
                } else {
                    text += &format!("    # with `{}`", known.groups[group].name);
                }
            }
            text.push('\n');
        }
    }
    text
}

/// Local date and time with its offset: no hour exists twice.
fn date_time(plan: &Planned, at: SimTime) -> String {
    let clock = &plan.known.scenario.clock;
    let offset = clock.offset_seconds(at);
    let local = jiff::Timestamp::from_second(clock.local_seconds(at) as i64)
        .map(|local| {
            local
                .to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%Y-%m-%dT%H:%M")
                .to_string()
        })
        .unwrap_or_default();
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A rate for tables.
#[must_use]
pub fn rate(calls: f64) -> String {
    format!("{}/s", number::plain(calls))
}
