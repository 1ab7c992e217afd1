//! Cron expressions of five fields: minute, hour, day of month, month, day of week.
//!
//! Lists, ranges, steps, names of months and days, `*` and `?`; Sunday is 0 and 7. As in Vixie's cron, where both
//! the day of the month and that of the week are restricted, either is enough. A local time that daylight saving
//! skips fires later by the length of the gap; one that comes twice fires the first time.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::scenario::grammar::{GrammarError, Parsed};

/// When something fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether the day of the month, and that of the week, are restricted.
    restricted: (bool, bool),
}

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        least: 0,
        most: 59,
        names: &[],
    },
    Field {
        name: "hour",
        least: 0,
        most: 23,
        names: &[],
    },
    Field {
        name: "day of the month",
        least: 1,
        most: 31,
        names: &[],
    },
    Field {
        name: "month",
        least: 1,
        most: 12,
        names: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
    },
    Field {
        name: "day of the week",
        least: 0,
        most: 7,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

/// Reads `0 7 * * MON-FRI`.
///
/// # Errors
/// Another number of fields (E206), a number out of its field's range (E203), a word that is none (E206), days
/// that never come (E203).
pub fn parse_cron(text: &str) -> Parsed<Cron> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let Ok(fields) = <[&str; 5]>::try_from(fields.as_slice()) else {
        return Err(GrammarError::whole(
            "E206",
            text,
            format!("`{text}` is not a cron expression"),
            "five fields: minute hour day month weekday",
            "write for example `0 7 * * MON-FRI`",
        ));
    };
    let mut sets = [0; 5];
    for ((set, written), field) in sets.iter_mut().zip(fields).zip(&FIELDS) {
        // The offset of a part of the text within it.
        let offset = written.as_ptr() as usize - text.as_ptr() as usize;
        *set = parse_field(written, field).map_err(|error| error.shifted(offset))?;
    }
    let [minutes, hours, days, months, mut weekdays] = sets;
    if weekdays & 1 << 7 != 0 {
        weekdays |= 1;
    }
    let is_open = |field: &str| field.starts_with(['*', '?']);
    let cron = Cron {
        minutes,
        hours,
        days,
        months,
        weekdays,
        restricted: (!is_open(fields[2]), !is_open(fields[4])),
    };
    let longest = |month: u32| [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
    let comes = cron.restricted.1
        || (1..=12).any(|month| {
            months & 1 << month != 0 && (1..=longest(month)).any(|day| days & 1 << day != 0)
        });
    if !comes {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("`{text}` never fires"),
            "no such day in these months",
            "",
        ));
    }
    Ok(cron)
}

fn parse_field(text: &str, field: &Field) -> Parsed<u64> {
    let mut set = 0;
    let mut offset = 0;
    for part in text.split(',') {
        set |= parse_part(part, field).map_err(|error| error.shifted(offset))?;
        offset += part.len() + 1;
    }
    Ok(set)
}

fn parse_part(text: &str, field: &Field) -> Parsed<u64> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => {
            let number = step.parse().ok().filter(|step| *step > 0);
            let wrong =
                || wrong(step, field, "a step is a number above 0").shifted(range.len() + 1);
            (range, number.ok_or_else(wrong)?)
        }
        None => (text, 1),
    };
    let (least, most) = if range == "*" || range == "?" {
        (field.least, field.most)
    } else if let Some((from, to)) = range.split_once('-') {
        let (from, to) = (value(from, field)?, value(to, field)?);
        if to < from {
            return Err(wrong(range, field, "a range goes upwards"));
        }
        (from, to)
    } else {
        let only = value(range, field)?;
        // `5/15` is from 5 on.
        (only, if step > 1 { field.most } else { only })
    };
    Ok((least..=most)
        .step_by(step as usize)
        .fold(0, |set, number| set | 1 << number))
}

fn value(text: &str, field: &Field) -> Parsed<u32> {
    let upper = text.to_ascii_uppercase();
    if let Some(position) = field.names.iter().position(|name| *name == upper) {
        return Ok(field.least + position as u32);
    }
    let number: u32 = text
        .parse()
        .map_err(|_| wrong(text, field, "neither a number nor a name"))?;
    if number < field.least || number > field.most {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("`{text}` is not a {}", field.name),
            format!("{} to {}", field.least, field.most),
            "",
        ));
    }
    Ok(number)
}

fn wrong(text: &str, field: &Field, label: &str) -> GrammarError {
    GrammarError::whole(
        "E206",
        text,
        format!("`{text}` is not a {}", field.name),
        label,
        "",
    )
}

impl Cron {
    /// Firings from `from` (included) to `to` (excluded), in order.
    #[must_use]
    pub fn firings(&self, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut found = Vec::new();
        // A day early: what is skipped on the eve may fire after midnight.
        let mut day = before(from.to_zoned(zone.clone()).date(), 1);
        let last = to.to_zoned(zone.clone()).date();
        while day <= last {
            self.of_day(day, zone, &mut found);
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
        found.retain(|at| *at >= from && *at < to);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The last firing before `at`, within 366 days.
    #[must_use]
    pub fn last_before(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let today = at.to_zoned(zone.clone()).date();
        let mut found = Vec::new();
        for back in 0..366 {
            self.of_day(before(today, back), zone, &mut found);
            if let Some(last) = found.iter().filter(|firing| **firing < at).max() {
                return Some(*last);
            }
            found.clear();
        }
        None
    }

    fn of_day(&self, day: Date, zone: &TimeZone, found: &mut Vec<Timestamp>) {
        let number = |value: i8| u32::try_from(value).unwrap_or_default();
        let of_month = self.days & 1 << number(day.day()) != 0;
        let of_week = self.weekdays & 1 << number(day.weekday().to_sunday_zero_offset()) != 0;
        let fits = match self.restricted {
            (true, true) => of_month || of_week,
            _ => of_month && of_week,
        };
        if !fits || self.months & 1 << number(day.month()) == 0 {
            return;
        }
        for hour in (0..24_i8).filter(|hour| self.hours & 1 << hour != 0) {
            for minute in (0..60_i8).filter(|minute| self.minutes & 1 << minute != 0) {
                let time = Time::constant(hour, minute, 0, 0);
                let local = DateTime::from_parts(day, time);
                if let Ok(at) = zone.to_ambiguous_timestamp(local).compatible() {
                    found.push(at);
                }
            }
        }
    }
}

fn before(day: Date, days: i64) -> Date {
    day.checked_sub(Span::new().days(days)).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(text: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let at = |text: &str| text.parse().unwrap();
        let cron = parse_cron(text).unwrap();
        let firings = cron.firings(&zone, at(from), at(to));
        firings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_read_as_in_vixies_cron() {
        assert_eq!(
            fires(
                "30 7 * * MON-FRI",
                "UTC",
                "2026-11-06T00:00:00Z",
                "2026-11-10T00:00:00Z"
            ),
            ["2026-11-06T07:30:00Z", "2026-11-09T07:30:00Z"]
        );
        assert_eq!(
            fires(
                "*/20 5-6/1 * * *",
                "UTC",
                "2026-11-06T00:00:00Z",
                "2026-11-06T06:10:00Z"
            ),
            [
                "2026-11-06T05:00:00Z",
                "2026-11-06T05:20:00Z",
                "2026-11-06T05:40:00Z",
                "2026-11-06T06:00:00Z"
            ]
        );
        // The 13th or a Friday.
        assert_eq!(
            fires(
                "0 0 13 * 5",
                "UTC",
                "2026-11-10T00:00:00Z",
                "2026-11-21T00:00:00Z"
            ),
            ["2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"]
        );
        assert_eq!(
            fires(
                "0 0 * * 7",
                "UTC",
                "2026-11-06T00:00:00Z",
                "2026-11-09T00:00:00Z"
            ),
            ["2026-11-08T00:00:00Z"]
        );
    }

    #[test]
    fn the_zone_moves_firings_and_skipped_times_come_later() {
        // Stockholm is UTC+1 in winter, UTC+2 in summer; 2026-03-29 02:30 does not exist.
        assert_eq!(
            fires(
                "30 2 * * *",
                "Europe/Stockholm",
                "2026-03-28T00:00:00Z",
                "2026-03-31T00:00:00Z"
            ),
            [
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:30:00Z",
                "2026-03-30T00:30:00Z"
            ]
        );
        // 2026-10-25 02:30 comes twice.
        assert_eq!(
            fires(
                "30 2 * * *",
                "Europe/Stockholm",
                "2026-10-25T00:00:00Z",
                "2026-10-26T00:00:00Z"
            ),
            ["2026-10-25T00:30:00Z"]
        );
    }

    #[test]
    fn the_last_firing_is_found_far_back() {
        let cron = parse_cron("0 12 1 JAN *").unwrap();
        let at = "2026-11-06T00:00:00Z".parse().unwrap();
        let last = cron.last_before(&TimeZone::UTC, at).unwrap();
        assert_eq!(last.to_string(), "2026-01-01T12:00:00Z");
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        let check = |text: &str, code: &str, offset: usize| {
            let error = parse_cron(text).unwrap_err();
            assert_eq!(
                (error.code, error.offset),
                (code, offset),
                "{text}: {error:?}"
            );
        };
        check("0 7 * *", "E206", 0);
        check("0 24 * * *", "E203", 2);
        check("0 7 * * MON,FRY", "E206", 12);
        check("0 7 * * 5-2", "E206", 8);
        check("*/0 7 * * *", "E206", 2);
        check("0 0 30 FEB *", "E203", 0);
    }
}
