//! Ticks of the time axis (local clock) and of value axes (1, 2, 5 times a power of ten).

use crate::model::LocalClock;
use crate::units::{SimDuration, SimTime};

/// Steps between time ticks in seconds.
const STEPS: [f64; 20] = [
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_419_200.0,
];

/// Ticks at round local times: seconds since the start, and the label.
#[must_use]
pub fn time_ticks(clock: &LocalClock, horizon: f64, most: usize) -> Vec<(f64, String)> {
    let step = STEPS
        .into_iter()
        .find(|step| horizon / step <= most as f64)
        .unwrap_or(STEPS[STEPS.len() - 1]);
    let mut ticks = Vec::new();
    let first = clock.local_seconds(SimTime::ZERO);
    let mut local = (first / step).ceil() * step;
    while local - first <= horizon {
        // The offset at the tick may differ from the one at the start.
        let guess = local - first;
        let at = instant(guess);
        let shift = (clock.offset_seconds(at) - clock.offset_seconds(SimTime::ZERO)) as f64;
        let seconds = guess - shift;
        if (0.0..=horizon).contains(&seconds) {
            ticks.push((seconds, tick_label(local, step)));
        }
        local += step;
    }
    ticks
}

fn tick_label(local: f64, step: f64) -> String {
    let second = local.rem_euclid(86_400.0);
    if step >= 86_400.0 || (second == 0.0 && step >= 7_200.0) {
        return date(local);
    }
    let (hour, minute) = ((second / 3_600.0) as u32, (second / 60.0) as u32 % 60);
    if step < 60.0 {
        format!("{hour:02}:{minute:02}:{:02}", second as u32 % 60)
    } else {
        format!("{hour:02}:{minute:02}")
    }
}

/// `Mon 3 Mar` of a local time in seconds since 1970.
fn date(local: f64) -> String {
    jiff::Timestamp::from_second(local as i64).map_or_else(
        |_| String::new(),
        |instant| {
            instant
                .to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%a %-d %b")
                .to_string()
        },
    )
}

/// Local time of an instant, `13:05`; with the day when the run is longer than a day.
#[must_use]
pub fn local_time(clock: &LocalClock, seconds: f64, horizon: f64) -> String {
    let local = clock.local_seconds(instant(seconds));
    let second = local.rem_euclid(86_400.0);
    let time = format!(
        "{:02}:{:02}",
        (second / 3_600.0) as u32,
        (second / 60.0) as u32 % 60
    );
    let time = if horizon < 1_800.0 {
        format!("{time}:{:02}", second as u32 % 60)
    } else {
        time
    };
    if horizon > 86_400.0 {
        format!("{} {time}", date(local))
    } else {
        time
    }
}

/// Ticks from 0 to at least `top`.
#[must_use]
pub fn value_ticks(top: f64, most: usize) -> Vec<f64> {
    let wanted = (top / most as f64).max(1e-12);
    let power = libm::pow(10.0, libm::floor(libm::log10(wanted)));
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= wanted)
        .unwrap_or(10.0 * power);
    let count = (top / step).ceil() as usize;
    (0..=count.max(1))
        .map(|index| index as f64 * step)
        .collect()
}

fn instant(seconds: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_seconds(seconds.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> LocalClock {
        // 2025-03-03T09:10 in UTC+1.
        LocalClock {
            start_text: "2025-03-03T09:10:00+01:00".to_owned(),
            timezone: "Europe/Stockholm".to_owned(),
            start_unix_seconds: 1_740_989_400,
            offsets: vec![(SimTime::ZERO, 3_600)],
        }
    }

    #[test]
    fn time_ticks_stand_at_full_local_hours() {
        let ticks = time_ticks(&clock(), 6.0 * 3_600.0, 8);
        assert_eq!(ticks[0], (3_000.0, "10:00".to_owned()));
        assert_eq!(ticks.last().map(|tick| tick.1.as_str()), Some("15:00"));
    }

    #[test]
    fn value_ticks_are_round_and_cover_the_top() {
        assert_eq!(
            value_ticks(93.0, 5),
            vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
        );
        assert_eq!(value_ticks(0.0, 4).len(), 2);
    }

    #[test]
    fn a_local_time_names_its_day_only_when_the_run_is_longer_than_one() {
        assert_eq!(local_time(&clock(), 600.0, 40_000.0), "09:20");
        assert_eq!(local_time(&clock(), 600.0, 100_000.0), "Mon 3 Mar 09:20");
    }
}
