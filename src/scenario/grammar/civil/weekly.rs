//! Weekly windows such as `Mon-Thu 09:00-15:00`.

use jiff::civil::Time;

use crate::scenario::grammar::civil::{Clock, parse_time_of_day};
use crate::scenario::grammar::{GrammarError, Parsed};
use crate::scenario::suggest::nearest;
use crate::units::{Interval, SimTime};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Some days of the week, from one time of day to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weekly {
    /// Monday first.
    pub days: [bool; 7],
    /// Seconds after midnight.
    pub from_second: u32,
    /// Seconds after midnight, above `from_second`; 86400 is the next midnight.
    pub to_second: u32,
}

/// A weekly window.
///
/// # Errors
/// Another form or unknown days (E206), times (E205), a window over midnight (E203).
pub fn parse_weekly(text: &str) -> Parsed<Weekly> {
    let other_form = || {
        GrammarError::whole(
            "E206",
            text,
            format!("`{}` is not a weekly window", text.escape_debug()),
            "days, a blank, and two times",
            "write for example `Mon-Fri 09:00-17:00`",
        )
    };
    let (day_part, hours) = text.split_once(' ').ok_or_else(other_form)?;
    let (from, to) = hours.split_once('-').ok_or_else(other_form)?;
    let days = parse_days(day_part)?;
    let from_offset = day_part.len() + 1;
    let from_second = parse_time_of_day(from).map_err(|error| error.shifted(from_offset))?;
    let to_second = match to {
        "24:00" => 86_400,
        _ => parse_time_of_day(to).map_err(|error| error.shifted(from_offset + from.len() + 1))?,
    };
    if to_second <= from_second {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("`{text}` crosses midnight"),
            format!("{to} is not after {from}"),
            format!(
                "crosses midnight: write two, `{day_part} {from}-24:00` and one from `00:00-{to}`"
            ),
        ));
    }
    Ok(Weekly {
        days,
        from_second,
        to_second,
    })
}

fn parse_days(text: &str) -> Parsed<[bool; 7]> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let position = |day: &str, offset: usize| {
        DAYS.iter().position(|name| *name == day).ok_or_else(|| {
            let capital: String = day
                .char_indices()
                .map(|(index, c)| {
                    if index == 0 {
                        c.to_ascii_uppercase()
                    } else {
                        c.to_ascii_lowercase()
                    }
                })
                .take(3)
                .collect();
            GrammarError::whole(
                "E206",
                day,
                format!("`{}` is not a day of the week", day.escape_debug()),
                "Mon, Tue, Wed, Thu, Fri, Sat or Sun",
                nearest(&capital, DAYS)
                    .map_or_else(String::new, |near| format!("did you mean `{near}`?")),
            )
            .shifted(offset)
        })
    };
    let (from, to) = (
        position(first, 0)?,
        position(last, text.len() - last.len())?,
    );
    if to < from {
        return Err(GrammarError::whole(
            "E203",
            text,
            format!("`{text}` crosses the end of the week"),
            "a week starts on Monday",
            format!("write two: `{first}-Sun` and `Mon-{last}`"),
        ));
    }
    Ok(std::array::from_fn(|day| from <= day && day <= to))
}

impl Weekly {
    /// Its intervals within the run, sorted and disjoint. A time that daylight saving skips moves by the
    /// length of the gap; of a repeated one the first is meant.
    #[must_use]
    pub fn intervals(&self, clock: &Clock) -> Vec<Interval> {
        let end = clock.local(SimTime(clock.horizon.0)).date();
        let mut date = clock.local(SimTime::ZERO).date();
        let mut intervals = Vec::new();
        while date <= end {
            let weekday = usize::try_from(date.weekday().to_monday_zero_offset())
                .expect("an offset from Monday is from 0 to 6");
            if self.days[weekday] {
                let at = |second: u32| instant_of(date, second, clock);
                if let (Some(start), Some(end)) = (at(self.from_second), at(self.to_second))
                    && start < end
                {
                    intervals.push(Interval { start, end });
                }
            }
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        join_intervals(intervals)
    }
}

fn instant_of(date: jiff::civil::Date, second: u32, clock: &Clock) -> Option<SimTime> {
    let (date, second) = if second == 86_400 {
        (date.tomorrow().ok()?, 0)
    } else {
        (date, second)
    };
    let part = |value: u32| i8::try_from(value).ok();
    let time = Time::new(part(second / 3_600)?, part(second / 60 % 60)?, 0, 0).ok()?;
    let zoned = date.to_datetime(time).to_zoned(clock.zone.clone()).ok()?;
    Some(clock.clipped(zoned.timestamp()))
}

/// Sorts intervals and joins those that touch or overlap.
#[must_use]
pub fn join_intervals(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_by_key(|interval| (interval.start, interval.end));
    let mut joined: Vec<Interval> = Vec::new();
    for interval in intervals {
        match joined.last_mut() {
            Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
            _ => joined.push(interval),
        }
    }
    joined
}
