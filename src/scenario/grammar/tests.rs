//! Every example and refusal of the language's table of quantities, and the diagnostics of the fixture.

use super::*;
use crate::model::ObjectiveKind;
use crate::units::{Bytes, Cpu, SimDuration, SimTime};
use jiff::tz::TimeZone;

/// Code and, joined by blanks, what the message says.
fn refusal<T: std::fmt::Debug>(parsed: Parsed<T>) -> (String, String) {
    let error = parsed.expect_err("this text is refused");
    let said = format!("{} {} {}", error.sentence, error.label, error.help);
    (error.code.to_owned(), said)
}

pub(super) fn refused<T: std::fmt::Debug>(parsed: Parsed<T>, code: &str, core: &str) {
    let (found, said) = refusal(parsed);
    assert_eq!(found, code, "{said}");
    assert!(said.contains(core), "`{core}` is not in: {said}");
}

/// The whole diagnostic: code, offset, length, sentence, label, help.
pub(super) fn row<T: std::fmt::Debug>(
    parsed: Parsed<T>,
    (code, offset, length): (&str, usize, usize),
    [sentence, label, help]: [&str; 3],
) {
    let error = parsed.expect_err("this text is refused");
    assert_eq!(
        (error.code, error.offset, error.length),
        (code, offset, length)
    );
    assert_eq!(
        [error.sentence, error.label, error.help],
        [sentence, label, help]
    );
}

fn milliseconds(count: u64) -> SimDuration {
    SimDuration::from_millis(count)
}

pub(super) fn stockholm() -> Clock {
    let zone = parse_timezone("Europe/Stockholm").unwrap();
    Clock {
        start: parse_date_time("2026-11-03T07:00", &zone).unwrap(),
        zone,
        horizon: SimDuration::from_secs(12 * 3_600),
    }
}

#[test]
fn durations_are_exact() {
    for (text, nanoseconds) in [
        ("0", 0),
        ("250ms", 250_000_000),
        ("1m30s", 90_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("2w", 14 * 86_400 * 1_000_000_000),
        ("0.1us", 100),
        ("3h15m", 11_700_000_000_000),
    ] {
        assert_eq!(
            parse_duration(text, "t"),
            Ok(SimDuration(nanoseconds)),
            "{text}"
        );
    }
}

#[test]
fn durations_that_are_none_are_refused() {
    let parse = |text| parse_duration(text, "soak");
    refused(parse("250"), "E200", "has no unit");
    refused(parse("1mo"), "E201", "a month has no fixed length");
    refused(parse("1mo"), "E201", "write a date or `4w`");
    refused(parse("10min"), "E201", "did you mean `10m`?");
    refused(parse("-2ms"), "E203", "write `2ms`");
    refused(parse("5M"), "E201", "did you mean `5m`?");
    refused(parse("30s1m"), "E206", "largest unit first");
    refused(parse("soon"), "E201", "not a duration");
    refused(parse(""), "E201", "not a duration");
    refused(parse("600w9999999999w"), "E206", "largest");
    refused(parse("99999999999w"), "E203", "too long");
}

#[test]
fn rates_and_counts_follow_the_table() {
    assert_eq!(parse_rate("120/s", "rate"), Ok(120.0));
    assert_eq!(parse_rate("10M/s", "rate"), Ok(1e7));
    assert_eq!(parse_rate("300/d", "rate"), Ok(300.0 / 86_400.0));
    refused(parse_rate("120 rps", "rate"), "E201", "write `120/s`");
    refused(parse_rate("120", "rate"), "E200", "has no unit");
    assert_eq!(parse_count("299M", "users"), Ok(299_000_000));
    assert_eq!(parse_count("1.2k", "users"), Ok(1_200));
    refused(parse_count("1,200", "users"), "E206", "no separators");
    refused(parse_count("1_200", "users"), "E206", "`1200` or `1.2k`");
    refused(parse_count("500m", "replicas"), "E203", "half a service?");
    refused(parse_count("-1", "replicas"), "E203", "negative");
}

#[test]
fn resources_follow_the_table() {
    assert_eq!(parse_cpu("500m", "cpu"), Ok(Cpu(500)));
    assert_eq!(parse_cpu("0.5", "cpu"), Ok(Cpu(500)));
    assert_eq!(parse_cpu("2", "cpu"), Ok(Cpu(2_000)));
    refused(parse_cpu("500Mi", "cpu"), "E202", "memory, not CPU");
    refused(parse_cpu("2 cores", "cpu"), "E201", "cores");
    assert_eq!(parse_bytes("64Mi", "memory"), Ok(Bytes(64 << 20)));
    assert_eq!(parse_bytes("12kB", "reply"), Ok(Bytes(12_000)));
    assert_eq!(parse_bytes("1.5GB", "size"), Ok(Bytes(1_500_000_000)));
    assert_eq!(parse_bytes("100B", "size"), Ok(Bytes(100)));
    refused(parse_bytes("16m", "memory"), "E203", "did you mean `16Mi`");
    refused(
        parse_bytes("64mb", "memory"),
        "E201",
        "did you mean `64MB`?",
    );
    refused(parse_bytes("100", "memory"), "E200", "has no unit");
    assert_eq!(parse_bandwidth("100MB/s", "bandwidth"), Ok(1e8));
    assert_eq!(parse_bandwidth("10Gbit/s", "bandwidth"), Ok(1.25e9));
    refused(
        parse_bandwidth("10Gbps", "bandwidth"),
        "E201",
        "bits or bytes?",
    );
    refused(
        parse_bandwidth("10Gbps", "bandwidth"),
        "E201",
        "`10Gbit/s` or `10GB/s`",
    );
}

#[test]
fn ratios_factors_money_and_effort_follow_the_table() {
    assert_eq!(parse_ratio("25%", "low"), Ok(0.25));
    assert_eq!(parse_ratio("0.25", "low"), Ok(0.25));
    refused(parse_ratio("99", "low"), "E202", "did you mean `99%`?");
    refused(parse_probability("120%", "chance"), "E203", "above 100%");
    assert_eq!(parse_factor("x1.5", "peak"), Ok(1.5));
    refused(parse_factor("1.5x", "peak"), "E206", "write `x1.5`");
    let price = parse_money("0.067 USD/h", "price").unwrap();
    assert_eq!(price.per_hour(), Some(0.067));
    let egress = parse_money("0.01 USD/GB", "egress").unwrap();
    assert_eq!(egress.per_byte(), Some(0.01 / 1e9));
    assert_eq!(
        parse_money("450k USD/w", "price").unwrap().amount,
        450_000.0
    );
    refused(parse_money("$5", "price"), "E206", "which dollar?");
    refused(parse_money("$5", "price"), "E206", "`5 USD`");
    let mut currency = None;
    require_currency("5 USD", &price, &mut currency).unwrap();
    let euro = parse_money("5 EUR", "price").unwrap();
    refused(
        require_currency("5 EUR", &euro, &mut currency),
        "E208",
        "two currencies",
    );
    assert_eq!(parse_effort("3pd", "effort"), Ok(3.0));
    assert_eq!(parse_effort("12ph", "effort"), Ok(1.5));
    refused(
        parse_effort("3d", "effort"),
        "E202",
        "3 d of calendar time? work is `3pd`",
    );
}

#[test]
fn ranges_follow_the_table() {
    assert_eq!(parse_count_range("2..8", "nodes"), Ok((Some(2), Some(8))));
    assert_eq!(parse_count_range("2..", "nodes"), Ok((Some(2), None)));
    assert_eq!(parse_count_range("..8", "nodes"), Ok((None, Some(8))));
    assert_eq!(parse_count_range("3", "nodes"), Ok((Some(3), Some(3))));
    refused(
        parse_count_range("8..2", "nodes"),
        "E203",
        "did you mean `2..8`?",
    );
    refused(
        parse_count_range("2-8", "nodes"),
        "E206",
        "a range is `2..8`",
    );
}

#[test]
fn the_values_of_the_fixture_are_answered_as_the_table_says() {
    let utc = TimeZone::UTC;
    row(
        parse_date_time("2026-11-03 07:00", &utc),
        ("E205", 0, 16),
        [
            "not a date-time",
            "a date and a time are joined by `T`",
            "write `2026-11-03T07:00`; without an offset it is in `timezone` (here UTC)",
        ],
    );
    let start = parse_date_time("2024-01-01T00:00", &utc).unwrap();
    row(
        parse_horizon("12", &utc, start),
        ("E200", 0, 2),
        [
            "`horizon` has no unit",
            "12 of what?",
            "write `12h`, `12d` or an end date such as `2026-11-04`",
        ],
    );
    row(
        parse_bytes("16m", "memory"),
        ("E203", 0, 3),
        [
            "`memory: 16m` is 0.016 bytes",
            "`m` means milli here",
            "did you mean `16Mi` (mebibytes)?",
        ],
    );
    row(
        parse_cpu_range("500m..250m", "cpu"),
        ("E203", 0, 10),
        [
            "the CPU limit is below the request",
            "limit 250m < request 500m",
            "a range reads request..limit: did you mean `250m..500m`?",
        ],
    );
    row(
        parse_distribution("lognormal(5ms sd=2)", DistributionUnit::Seconds, "work"),
        ("E200", 14, 4),
        [
            "`sd` of `lognormal` has no unit",
            "a time is needed, as the mean is a time",
            "write `sd=2ms`, or `cv=0.4` for a spread relative to the mean",
        ],
    );
    row(
        parse_distribution("-2ms", DistributionUnit::Seconds, "work"),
        ("E203", 0, 4),
        [
            "`work` is negative",
            "time cannot run backwards",
            "write `2ms`",
        ],
    );
    row(
        parse_duration("250", "timeout"),
        ("E200", 0, 3),
        ["`timeout` has no unit", "250 of what?", "write `250ms`"],
    );
    row(
        parse_word(
            "statefull",
            "kind",
            &["stateless", "stateful", "batch", "ephemeral"],
        ),
        ("E301", 0, 9),
        [
            "unknown kind `statefull`",
            "expected stateless, stateful, batch or ephemeral",
            "did you mean `stateful`?",
        ],
    );
    row(
        parse_objective("99 ok"),
        ("E202", 0, 2),
        [
            "99 is not a ratio",
            "between 0 and 1, or with %",
            "did you mean `99% ok`?",
        ],
    );
    row(
        parse_distribution("lognormal(5ms, cv=1.5)", DistributionUnit::Seconds, "work"),
        ("E204", 13, 1),
        [
            "a comma inside a distribution ends the YAML value",
            "the value stops here",
            "arguments are separated by spaces: `lognormal(5ms cv=1.5)`",
        ],
    );
}

#[test]
fn names_and_references_are_checked() {
    assert_eq!(parse_name("redis-cart"), Ok("redis-cart".to_owned()));
    refused(
        parse_name("Redis_Cart"),
        "E305",
        "did you mean `redis-cart`?",
    );
    refused(parse_name("a\u{7}b"), "E305", "`a\\u{7}b` is not a name");
    refused(
        parse_name(&"x".repeat(64)),
        "E305",
        &format!("`{}`", "x".repeat(63)),
    );
    refused(parse_name(""), "E305", "did you mean `name`?");
    let reference = parse_reference("cart.get").unwrap();
    assert_eq!(reference.service, "cart");
    assert_eq!(reference.endpoint, Some(("get".to_owned(), 5)));
}

#[test]
fn hours_that_daylight_saving_skips_or_repeats_are_refused() {
    let zone = parse_timezone("Europe/Stockholm").unwrap();
    refused(
        parse_date_time("2026-03-29T02:30", &zone),
        "E205",
        "02:30 does not exist on this day",
    );
    refused(
        parse_date_time("2026-10-25T02:30", &zone),
        "E205",
        "`2026-10-25T02:30+02:00` or `2026-10-25T02:30+01:00`",
    );
    let first = parse_date_time("2026-10-25T02:30+02:00", &zone).unwrap();
    let second = parse_date_time("2026-10-25T02:30+01:00", &zone).unwrap();
    assert_eq!(second.as_second() - first.as_second(), 3_600);
    let paris = parse_date_time("2026-11-03T07:00[Europe/Paris]", &TimeZone::UTC).unwrap();
    let utc = parse_date_time("2026-11-03T06:00Z", &zone).unwrap();
    assert_eq!(paris, utc);
    refused(parse_date_time("03/11/2026", &zone), "E205", "year first");
    refused(
        parse_date_time("2026-02-30T07:00", &zone),
        "E205",
        "no such date",
    );
    refused(
        parse_timezone("Europe/Stokholm"),
        "E301",
        "`Europe/Stockholm`",
    );
}

#[test]
fn instants_lie_within_the_run() {
    let clock = stockholm();
    let hours = |count: u64| SimTime(count * 3_600_000_000_000);
    assert_eq!(parse_instant("2026-11-03T09:00", &clock), Ok(hours(2)));
    assert_eq!(parse_instant("+4h", &clock), Ok(hours(4)));
    refused(parse_instant("+13h", &clock), "E209", "after the horizon");
    refused(
        parse_instant("2026-11-03T06:59", &clock),
        "E209",
        "before the start",
    );
    refused(
        parse_instant("wave.cart.start + 5m", &clock),
        "E110",
        "not supported yet",
    );
    let lunch = parse_span("2026-11-03T12:00..2026-11-03T14:00", &clock).unwrap();
    assert_eq!((lunch.start, lunch.end), (hours(5), hours(7)));
    let whole_day = parse_span("2026-11-03..2026-11-03", &clock).unwrap();
    assert_eq!((whole_day.start, whole_day.end), (hours(0), hours(12)));
    refused(
        parse_span("2027-01-07..2026-12-14", &clock),
        "E203",
        "before",
    );
    assert_eq!(
        parse_horizon("2026-11-04", &clock.zone, clock.start),
        Ok(SimDuration::from_secs(17 * 3_600))
    );
}

#[test]
fn weekly_windows_become_intervals_of_the_run() {
    let clock = stockholm();
    let windows = parse_windows("Mon-Fri 09:00-17:00", &clock).unwrap();
    let hours = |count: u64| SimTime(count * 3_600_000_000_000);
    assert_eq!(windows.len(), 1);
    assert_eq!((windows[0].start, windows[0].end), (hours(2), hours(10)));
    refused(
        parse_weekly("Mon-Thu 15:00-09:00"),
        "E203",
        "crosses midnight: write two",
    );
    refused(
        parse_weekly("Mo-Fri 09:00-17:00"),
        "E206",
        "day of the week",
    );
    // A night over the change to winter time has 25 hours: Sunday 25 October 2026.
    let zone = clock.zone.clone();
    let autumn = Clock {
        start: parse_date_time("2026-10-25T00:00", &zone).unwrap(),
        zone,
        horizon: SimDuration::from_secs(30 * 3_600),
    };
    let day = parse_weekly("Sun 00:00-24:00").unwrap().intervals(&autumn);
    assert_eq!((day[0].start, day[0].end), (hours(0), hours(25)));
    let local = autumn.local_clock();
    assert_eq!(local.offsets, [(hours(0), 7_200), (hours(3), 3_600)]);
}

#[test]
fn selectors_choose_by_attribute() {
    let service = Attributes {
        name: "legacy-search".to_owned(),
        team: Some("search".to_owned()),
        tier: 1,
        kind: "stateless".to_owned(),
        ..Attributes::default()
    };
    for (text, expected) in [
        ("all", true),
        ("team = search and kind = stateless", true),
        ("name like legacy-*", true),
        ("name like *-cart", false),
        ("tier <= 1", true),
        ("not (tier > 0 or team = cart)", false),
        ("cluster != helios", true),
        ("labels.zone = a", false),
    ] {
        let selector = parse_selector(text).unwrap();
        assert_eq!(selector.matches(&service), expected, "{text}");
    }
    refused(
        parse_selector("tream = search"),
        "E301",
        "did you mean `team`?",
    );
    refused(parse_selector("team search"), "E206", "expected one of");
    refused(parse_selector("(all"), "E206", "expected `)`");
}

#[test]
fn objectives_and_warm_ups_are_read() {
    let objective = parse_objective("99% under 50ms").unwrap();
    assert_eq!(objective.target, 0.99);
    assert_eq!(objective.kind, ObjectiveKind::Under(milliseconds(50)));
    assert_eq!(parse_objective("99.9% ok").unwrap().kind, ObjectiveKind::Ok);
    let tolerant = parse_objective("99% ok or degraded").unwrap().kind;
    assert_eq!(tolerant, ObjectiveKind::OkOrDegraded);
    refused(parse_objective("99% under 50"), "E200", "has no unit");
    refused(parse_objective("100% ok"), "E203", "nothing to measure");
    refused(
        parse_objective("99% okay"),
        "E206",
        "ok, ok or degraded, or under a time",
    );
    refused(parse_warmup_over("500"), "E200", "`500 requests`");
    assert!(parse_warmup_over("500 requests").is_ok());
}

#[test]
fn distributions_of_the_table_are_read_and_their_refusals_too() {
    let read = |text: &str| parse_distribution(text, DistributionUnit::Seconds, "work");
    for (text, mean) in [
        ("10ms", 0.010),
        ("exp(2ms)", 0.002),
        ("1ms + exp(2ms)", 0.003),
        ("uniform(1s..10s)", 5.5),
        ("triangular(1ms..2ms..9ms)", 0.004),
        ("lognormal(5ms cv=1.5)", 0.005),
        ("gamma(5ms cv=0.5)", 0.005),
        ("erlang(5ms k=4)", 0.005),
        ("hyperexp(5ms cv=3)", 0.005),
        ("weibull(5ms shape=0.7)", 0.005),
        ("pareto(5ms alpha=2.2)", 0.005),
        // 0.9 * 2 + 0.1 * 50 = 6.8
        ("mix(90% exp(2ms) | 10% exp(50ms))", 0.0068),
    ] {
        let found = read(text).unwrap().mean();
        assert!((found - mean).abs() < 1e-12, "{text}: {found}");
    }
    assert!(read("normal(3m30s sd=30s min=2m)").unwrap().mean() > 210.0);
    assert!(read("lognormal(p50=3ms p99=40ms)").is_ok());
    assert!(read("percentiles(p50=4ms p95=20ms p99=60ms max=1s)").is_ok());
    let count = |text: &str| parse_distribution(text, DistributionUnit::Count, "times");
    assert_eq!(count("9").unwrap().as_constant(), Some(9.0));
    assert_eq!(count("geometric(2.5)").unwrap().mean(), 2.5);
    refused(count("5ms"), "E202", "a count, not a time");
    refused(read("poisson(3)"), "E202", "a time is needed");
    refused(
        read("lognorml(5ms cv=1)"),
        "E301",
        "did you mean `lognormal`?",
    );
    refused(read("exp()"), "E203", "has no mean");
    refused(read("exp"), "E203", "has no mean");
    refused(read("exp(-2ms)"), "E203", "negative");
    refused(read("exp(0)"), "E203", "is zero");
    refused(read("lognormal(5ms cv=0)"), "E203", "must be above 0");
    refused(read("pareto(5ms alpha=1)"), "E203", "must be above 1");
    refused(read("uniform(1s..10)"), "E200", "has no unit");
    refused(read("percentiles(p50=9ms p99=4ms)"), "E203", "fall");
    refused(
        read("mix(90% exp(2ms) | 20% 5ms)"),
        "E203",
        "they add to 110%",
    );
    refused(
        read("empirical(a.csv column=ms unit=ms)"),
        "E110",
        "not supported yet",
    );
    refused(read("exp(2ms"), "E206", "`)` is missing");
}
