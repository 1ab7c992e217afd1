//! Civil time: dates, instants, spans and weekly windows, laid onto the simulated time axis.
//!
//! The zone data is that of the `jiff` crate's bundled database; no system clock and no system zone is read.

mod span;
mod weekly;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

use crate::model::LocalClock;
use crate::scenario::grammar::quantity::{not_a, parse_duration};
use crate::scenario::grammar::{GrammarError, Parsed, unsupported};
use crate::scenario::suggest::nearest;
use crate::units::{SimDuration, SimTime};

pub use span::{parse_span, parse_windows};
pub use weekly::{Weekly, join_intervals, parse_weekly};

/// The language's default start: a Monday, never "now".
const DEFAULT_START: &str = "2024-01-01T00:00";

/// Where simulated time lies in civil time.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Zone of every civil time without an offset.
    pub zone: TimeZone,
    /// Time zero.
    pub start: Timestamp,
    /// End of the run, after the start.
    pub horizon: SimDuration,
}

impl Clock {
    /// The clock of a scenario that writes neither zone nor start nor horizon.
    #[must_use]
    pub fn fallback() -> Self {
        let zone = TimeZone::UTC;
        let start =
            parse_date_time(DEFAULT_START, &zone).expect("the default start is a date-time");
        Self {
            zone,
            start,
            horizon: SimDuration::from_secs(86_400),
        }
    }

    /// Nanoseconds from time zero to `timestamp`; negative before it.
    #[must_use]
    pub fn nanoseconds_to(&self, timestamp: Timestamp) -> i128 {
        timestamp.as_nanosecond() - self.start.as_nanosecond()
    }

    /// The instant of `timestamp`, moved to the start or horizon when it lies outside the run.
    #[must_use]
    pub fn clipped(&self, timestamp: Timestamp) -> SimTime {
        let nanoseconds = self
            .nanoseconds_to(timestamp)
            .clamp(0, i128::from(self.horizon.0));
        SimTime(u64::try_from(nanoseconds).expect("clamped to the horizon"))
    }

    /// Local date-time at an instant.
    #[must_use]
    pub fn local(&self, at: SimTime) -> Zoned {
        let nanoseconds = self.start.as_nanosecond() + i128::from(at.0);
        let timestamp = Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MAX);
        timestamp.to_zoned(self.zone.clone())
    }

    /// The model's clock: offsets from UTC over the run, from the zone's transitions.
    #[must_use]
    pub fn local_clock(&self) -> LocalClock {
        let mut offsets = vec![(
            SimTime::ZERO,
            i64::from(self.zone.to_offset(self.start).seconds()),
        )];
        for transition in self.zone.following(self.start) {
            let nanoseconds = self.nanoseconds_to(transition.timestamp());
            let Ok(at) = u64::try_from(nanoseconds) else {
                continue;
            };
            if at > self.horizon.0 {
                break;
            }
            offsets.push((SimTime(at), i64::from(transition.offset().seconds())));
        }
        let local = self.start.to_zoned(self.zone.clone());
        LocalClock {
            start_text: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            timezone: self.zone.iana_name().unwrap_or("UTC").to_owned(),
            start_unix_seconds: self.start.as_second(),
            offsets,
        }
    }
}

/// An IANA time zone.
///
/// # Errors
/// E301 with the nearest name.
pub fn parse_timezone(text: &str) -> Parsed<TimeZone> {
    if text == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(text).map_err(|_| {
        let names: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        let near = nearest(text, names.iter().map(String::as_str));
        GrammarError::whole(
            "E301",
            text,
            format!("unknown time zone `{}`", text.escape_debug()),
            "not an IANA zone",
            near.map_or_else(
                || "write for example `Europe/Stockholm`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
        )
    })
}

/// A time of day `13:00`, in seconds after midnight.
///
/// # Errors
/// E205.
pub fn parse_time_of_day(text: &str) -> Parsed<u32> {
    let bytes = text.as_bytes();
    let digit = |index: usize| u32::from(bytes[index] - b'0');
    let shape = bytes.len() == 5
        && bytes[2] == b':'
        && [0, 1, 3, 4]
            .iter()
            .all(|index| bytes[*index].is_ascii_digit());
    if shape {
        let (hour, minute) = (digit(0) * 10 + digit(1), digit(3) * 10 + digit(4));
        if hour < 24 && minute < 60 {
            return Ok(hour * 3_600 + minute * 60);
        }
    }
    Err(GrammarError::whole(
        "E205",
        text,
        format!("`{}` is not a time of day", text.escape_debug()),
        "hours 00 to 23 and minutes 00 to 59",
        "write for example `13:00`",
    ))
}

/// A date `2026-11-03`.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let well_formed = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if well_formed { text.parse().ok() } else { None }
}

/// A date-time with `T`: RFC 3339 with seconds and offset optional, or RFC 9557 with a zone in brackets.
///
/// # Errors
/// E205 for other forms, dates that do not exist, hours that daylight saving skips or repeats.
pub fn parse_date_time(text: &str, zone: &TimeZone) -> Parsed<Timestamp> {
    if !has_date_time_shape(text) {
        return Err(not_a_date_time(text, zone));
    }
    let beyond = &text[16..];
    if text.ends_with(']') {
        return match text.parse::<Zoned>() {
            Ok(zoned) => Ok(zoned.timestamp()),
            Err(_) => zoned_by_name(text, zone),
        };
    }
    if beyond.contains(['Z', 'z', '+', '-']) {
        return text
            .parse::<Timestamp>()
            .map_err(|_| not_a_date_time(text, zone));
    }
    let civil: DateTime = text.parse().map_err(|_| not_a_date_time(text, zone))?;
    in_zone(text, civil, zone)
}

/// `2026-11-03T07:00[Europe/Paris]`, with its own messages.
fn zoned_by_name(text: &str, fallback: &TimeZone) -> Parsed<Timestamp> {
    let failure = || not_a_date_time(text, fallback);
    let (civil, name) = text
        .strip_suffix(']')
        .and_then(|text| text.split_once('['))
        .ok_or_else(failure)?;
    let zone = parse_timezone(name).map_err(|error| error.shifted(civil.len() + 1))?;
    let civil: DateTime = civil.parse().map_err(|_| failure())?;
    in_zone(text, civil, &zone)
}

fn in_zone(text: &str, civil: DateTime, zone: &TimeZone) -> Parsed<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    let clock = civil.strftime("%H:%M");
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset
            .to_timestamp(civil)
            .map_err(|_| not_a_date_time(text, zone)),
        AmbiguousOffset::Gap { before, .. } => {
            // Reading the clock with the offset before the change lands after it, at the hour people mean.
            let later = before.to_timestamp(civil).map(|at| {
                at.to_zoned(zone.clone())
                    .strftime("%Y-%m-%dT%H:%M")
                    .to_string()
            });
            Err(GrammarError::whole(
                "E205",
                text,
                format!("{clock} does not exist on this day"),
                "daylight saving skips this hour",
                later.map_or_else(|_| String::new(), |later| format!("write `{later}`")),
            ))
        }
        AmbiguousOffset::Fold { before, after } => Err(GrammarError::whole(
            "E205",
            text,
            format!("{clock} comes twice on this day"),
            "daylight saving repeats this hour",
            format!("write the offset: `{text}{before}:00` or `{text}{after}:00`"),
        )),
    }
}

/// `dddd-dd-ddTdd:dd` and something behind.
fn has_date_time_shape(text: &str) -> bool {
    text.is_ascii()
        && text.len() >= 16
        && text
            .bytes()
            .take(16)
            .enumerate()
            .all(|(index, byte)| match index {
                4 | 7 => byte == b'-',
                10 => byte == b'T',
                13 => byte == b':',
                _ => byte.is_ascii_digit(),
            })
}

fn not_a_date_time(text: &str, zone: &TimeZone) -> GrammarError {
    let zone_name = zone.iana_name().unwrap_or("UTC");
    let joined = text.replacen(' ', "T", 1);
    let (label, help) = if joined != text && has_date_time_shape(&joined) {
        (
            "a date and a time are joined by `T`",
            format!("write `{joined}`; without an offset it is in `timezone` (here {zone_name})"),
        )
    } else if parse_date(text).is_some() {
        ("a date without a time", format!("write `{text}T00:00`"))
    } else if has_date_time_shape(text) {
        (
            "no such date or time",
            "write for example `2026-11-03T07:00`".to_owned(),
        )
    } else {
        (
            "year first, then month and day",
            "write for example `2026-11-03T07:00`".to_owned(),
        )
    };
    GrammarError::whole("E205", text, "not a date-time", label, help)
}

/// `start`: a date-time.
///
/// # Errors
/// As [`parse_date_time`].
pub fn parse_start(text: &str, zone: &TimeZone) -> Parsed<Timestamp> {
    parse_date_time(text, zone)
}

/// `horizon`: a duration, or the date or date-time at which the run ends.
///
/// # Errors
/// No unit (E200), those of durations and date-times, an end not after the start (E209).
pub fn parse_horizon(text: &str, zone: &TimeZone, start: Timestamp) -> Parsed<SimDuration> {
    let end = match parse_date(text) {
        Some(date) => Some(start_of(date, zone).ok_or_else(|| not_a_date_time(text, zone))?),
        None if text.contains('T') || text.contains(':') || text.contains('/') => {
            Some(parse_date_time(text, zone)?)
        }
        None => None,
    };
    let horizon = match end {
        Some(end) => {
            let nanoseconds = end.as_nanosecond() - start.as_nanosecond();
            u64::try_from(nanoseconds).map_or(SimDuration::ZERO, SimDuration)
        }
        None => parse_duration(text, "horizon").map_err(|mut error| {
            if error.code == "E200" {
                error.help =
                    format!("write `{text}h`, `{text}d` or an end date such as `2026-11-04`");
            }
            error
        })?,
    };
    if horizon == SimDuration::ZERO {
        return Err(GrammarError::whole(
            "E209",
            text,
            "the run ends before it starts",
            "not after `start`",
            "write a length such as `12h`, or a later date",
        ));
    }
    Ok(horizon)
}

/// Midnight at which a date starts.
pub(super) fn start_of(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    date.to_zoned(zone.clone())
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// An instant of the run: a date-time, or `+4h` after the start.
///
/// # Errors
/// Outside the run (E209); relative to a wave or service (E110); those of its parts.
pub fn parse_instant(text: &str, clock: &Clock) -> Parsed<SimTime> {
    if let Some(after) = text.strip_prefix('+') {
        let after = parse_duration(after, "instant").map_err(|error| error.shifted(1))?;
        return if after > clock.horizon {
            Err(outside(text, "after the horizon"))
        } else {
            Ok(SimTime(after.0))
        };
    }
    refuse_relative(text)?;
    if parse_duration(text, "").is_ok() {
        return Err(GrammarError::whole(
            "E205",
            text,
            format!("`{text}` is a duration, not an instant"),
            "since when?",
            format!("write `+{text}` for {text} after the start"),
        ));
    }
    let timestamp = parse_date_time(text, &clock.zone)?;
    let nanoseconds = clock.nanoseconds_to(timestamp);
    match u64::try_from(nanoseconds) {
        Err(_) => Err(outside(text, "before the start")),
        Ok(at) if at > clock.horizon.0 => Err(outside(text, "after the horizon")),
        Ok(at) => Ok(SimTime(at)),
    }
}

/// Refuses `wave.cart.start + 5m`, which the language has and this program does not.
pub(super) fn refuse_relative(text: &str) -> Parsed<()> {
    if text.starts_with("wave.") || text.starts_with("service.") {
        return Err(unsupported(
            text,
            "an instant relative to a wave or service",
        ));
    }
    Ok(())
}

pub(super) fn outside(text: &str, label: &str) -> GrammarError {
    GrammarError::whole(
        "E209",
        text,
        format!("{text} lies outside the run"),
        label,
        "the run is from `start` to `horizon`",
    )
}

pub(super) fn not_a_span(text: &str) -> GrammarError {
    not_a(
        text,
        "span",
        "write for example `2026-12-14..2027-01-07` or `+4h..+6h`",
    )
}
