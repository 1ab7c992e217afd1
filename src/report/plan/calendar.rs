//! The plan as an iCalendar file (RFC 5545): one event a wave, in UTC, the same bytes each time.

use crate::report::plan::Planned;
use crate::units::SimTime;

/// Octets of a line before it is folded.
const LINE: usize = 73;

/// The text of `plan.ics`.
#[must_use]
pub fn text(plan: &Planned) -> String {
    let scenario = plan.known.scenario;
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//cutover//plan//EN".to_owned(),
        format!("X-WR-CALNAME:{}", escaped(&scenario.title)),
    ];
    for (wave, times) in plan.waves.iter().zip(&plan.timetable.waves) {
        if times.end == SimTime::NEVER {
            continue;
        }
        let names: Vec<&str> = wave
            .members
            .iter()
            .map(|member| scenario.service(member.service).name.as_str())
            .collect();
        let mut teams: Vec<&str> = wave
            .members
            .iter()
            .filter_map(|member| scenario.service(member.service).team)
            .map(|team| scenario.team(team).name.as_str())
            .collect();
        teams.sort_unstable();
        teams.dedup();
        let mut what = format!("{} services: {}", names.len(), names.join(", "));
        if !teams.is_empty() {
            what += &format!("\nTeams: {}", teams.join(", "));
        }
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{}.{}@cutover", scenario.name, wave.name),
            format!("DTSTAMP:{}", utc(plan, SimTime::ZERO)),
            format!("DTSTART:{}", utc(plan, times.start)),
            format!("DTEND:{}", utc(plan, times.end)),
            format!(
                "SUMMARY:{}",
                escaped(&format!("{}: {}", scenario.name, wave.name))
            ),
            format!("DESCRIPTION:{}", escaped(&what)),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

fn utc(plan: &Planned, at: SimTime) -> String {
    let start = plan.known.scenario.clock.start_unix_seconds;
    jiff::Timestamp::from_second(start + at.seconds() as i64)
        .map(|instant| {
            let zoned = instant.to_zoned(jiff::tz::TimeZone::UTC);
            zoned.strftime("%Y%m%dT%H%M%SZ").to_string()
        })
        .unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let mut found = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => found.extend(['\\', letter]),
            '\n' => found.push_str("\\n"),
            other if other.is_control() => {}
            other => found.push(other),
        }
    }
    found
}

/// A line in pieces of at most 75 octets, continued after a blank, with the ends that the standard asks for.
fn folded(line: &str) -> String {
    let mut found = String::new();
    let mut length = 0;
    for letter in line.chars() {
        if length + letter.len_utf8() > LINE {
            found.push_str("\r\n ");
            length = 1;
        }
        found.push(letter);
        length += letter.len_utf8();
    }
    found + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::{escaped, folded};

    #[test]
    fn lines_are_folded_and_text_is_escaped_as_the_standard_says() {
        assert_eq!(escaped("a, b; c\\d\ne"), "a\\, b\\; c\\\\d\\ne");
        let long = folded(&"ö".repeat(100));
        assert!(long.split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(long.replace("\r\n ", "").trim_end(), "ö".repeat(100));
    }
}
