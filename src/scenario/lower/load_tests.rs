//! Loads as they are read: arrivals, shapes, walks, recordings.

use crate::model::{Abandon, Arrivals, LoadKind, Scenario, Shape};
use crate::scenario;
use crate::units::{SimDuration, SimTime};

const HEAD: &str = "\
cutover: 1
horizon: 2h
services:
  web: {steps: [work: 1ms]}
journeys:
  browse: {call: web}
  buy: {call: web}
load:
";

/// The scenario, or the codes of its problems; `files` stand beside it.
fn read(load: &str, files: &[(&str, &str)]) -> Result<Scenario, Vec<&'static str>> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let path = folder.path().join("one.yaml");
    std::fs::write(&path, format!("{HEAD}{load}\n")).expect("written");
    let found = scenario::check(&path, None, &[], None);
    let codes: Vec<&str> = found
        .problems
        .list
        .iter()
        .map(|problem| problem.code)
        .collect();
    found.scenario.ok_or(codes)
}

fn seconds(seconds: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(seconds)
}

#[test]
fn every_arrival_process_is_read() {
    let arrivals = |text: &str| {
        let scenario = read(
            &format!("  users: {{rate: 5/s, journey: browse, arrivals: {text}}}"),
            &[],
        );
        match &scenario.expect(text).loads[0].kind {
            LoadKind::Open { rate, arrivals } => {
                assert_eq!(*rate, 5.0);
                arrivals.clone()
            }
            other => panic!("{other:?} is not open"),
        }
    };
    assert_eq!(arrivals("poisson"), Arrivals::Poisson);
    assert_eq!(arrivals("even"), Arrivals::Even);
    assert_eq!(arrivals("{renewal: {cv: 0.5}}"), Arrivals::renewal(0.5));
    let bursts = arrivals("{bursts: {factor: x5, for: exp(10s), every: exp(90s)}}");
    // 90 s at 1 and 10 s at 5 make 140 in 100 s.
    assert!((bursts.mean_factor() - 1.4).abs() < 1e-12);
}

#[test]
fn a_walk_has_the_expected_actions_of_a_session_as_its_mix() {
    let walk = "{start: browse, browse: {browse: 50%, buy: 25%, leave: 25%}, buy: {leave: 100%}}";
    let load = format!(
        "  users: {{sessions: 1/s, think: 5s, walk: {walk}, abandon: {{slowerThan: 3s, chance: 50%, afterFailures: 2}}}}"
    );
    let scenario = read(&load, &[]).expect("no problem");
    let load = &scenario.loads[0];
    // Two rounds of browsing on average, half a purchase.
    let visits: Vec<f64> = load.mix.iter().map(|(_, visits)| *visits).collect();
    assert!((visits[0] - 2.0).abs() < 1e-12 && (visits[1] - 0.5).abs() < 1e-12);
    assert!((load.mean_session() - 2.5).abs() < 1e-12);
    let abandon = Abandon {
        slower_than: Some(SimDuration::from_secs(3)),
        chance: 0.5,
        after_failures: Some(2),
    };
    assert_eq!(load.abandon, Some(abandon));
}

#[test]
fn a_population_is_so_many_users_who_may_come_one_after_the_other() {
    let scenario = read(
        "  users: {population: 299k, online: 4%, think: 9s, spawn: 100/s, journey: buy}",
        &[],
    );
    match &scenario.expect("no problem").loads[0].kind {
        LoadKind::Closed { users, spawn, .. } => {
            assert_eq!((*users, *spawn), (11_960, Some(100.0)))
        }
        other => panic!("{other:?} is not closed"),
    }
}

#[test]
fn recordings_are_levels_rates_or_single_arrivals() {
    let csv = "time,cpu,level\n2026-01-01T10:00:00Z,7,1\n2026-01-01T10:30:00Z,8,1.5\n2026-01-01T11:00:00Z,9,0.5\n";
    let load =
        "  users: {rate: 1/s, journey: buy, shape: [series: {file: day.csv, column: level}]}";
    let scenario = read(load, &[("day.csv", csv)]).expect("no problem");
    let level = |at: u64| scenario.loads[0].level(seconds(at), &scenario.clock);
    assert_eq!(
        [0, 1_799, 1_800, 3_600, 9_000].map(level),
        [1.0, 1.0, 1.5, 0.5, 0.5]
    );
    let range = r#"{"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": {"code": "200"}, "values": [[1700000000, "10"], [1700000060, "20"]]},
        {"metric": {"code": "500"}, "values": [[1700000000, "1"], [1700000060, "NaN"]]}]}}"#;
    let load = "  users: {journey: buy, replay: {file: range.json}}";
    let scenario = read(load, &[("range.json", range)]).expect("no problem");
    let level = |at: u64| scenario.loads[0].level(seconds(at), &scenario.clock);
    // Both series together; the last minute as long as the one before, then nothing.
    assert_eq!(
        [0, 59, 60, 119, 120].map(level),
        [11.0, 11.0, 20.0, 20.0, 0.0]
    );
    let load = "  users: {journey: buy, replay: {file: range.json, column: code=200}}";
    let scenario = read(load, &[("range.json", range)]).expect("no problem");
    assert_eq!(scenario.loads[0].level(seconds(0), &scenario.clock), 10.0);
    let load = "  users: {journey: buy, replay: {file: hits.csv}}";
    let scenario = read(load, &[("hits.csv", "at\n100.5\n101\n161\n")]).expect("no problem");
    match &scenario.loads[0].kind {
        LoadKind::Open {
            arrivals: Arrivals::Recorded(instants),
            ..
        } => {
            let found: Vec<u64> = instants.iter().map(|at| at.0 / 1_000_000).collect();
            assert_eq!(found, [0, 500, 60_500]);
        }
        other => panic!("{other:?} is not recorded"),
    }
    // Counted by the minute for those who need a rate.
    assert!(
        matches!(&scenario.loads[0].shape[0], Shape::Series(levels) if (levels[0].1 - 2.0 / 60.0).abs() < 1e-12)
    );
}

#[test]
fn what_is_wrong_with_a_load_has_a_code() {
    let csv = &[
        ("day.csv", "time,level\n5,1\n3,2\n"),
        ("bad.csv", "time,level\n0,many\n"),
    ][..];
    for (load, code) in [
        ("{rate: 1/s, journey: buy, spawn: 1/s}", "E303"),
        (
            "{rate: 1/s, journey: buy, abandon: {slowerThan: 1s}}",
            "E303",
        ),
        ("{users: 5, journey: buy, abandon: {chance: 5%}}", "E102"),
        ("{population: 5k, journey: buy}", "E102"),
        ("{users: 5, online: 5%, journey: buy}", "E303"),
        ("{rate: 1/s, journey: buy, from: {eu: 60%}}", "E203"),
        (
            "{sessions: 1/s, walk: {start: buy, buy: {buy: 60%}}}",
            "E203",
        ),
        (
            "{sessions: 1/s, walk: {start: buy, buy: {buy: 100%}}}",
            "E310",
        ),
        ("{sessions: 1/s, walk: {buy: {leave: 100%}}}", "E102"),
        ("{sessions: 1/s, walk: {start: sell}}", "E300"),
        (
            "{rate: 1/s, journey: buy, arrivals: {bursts: {factor: x5, for: 0, every: 5s}}}",
            "E203",
        ),
        ("{rate: 1/s, journey: buy, shape: [growth: 5%]}", "E200"),
        (
            "{rate: 1/s, journey: buy, shape: [hourly: {peak: x2, for: 2h}]}",
            "E203",
        ),
        (
            "{rate: 1/s, journey: buy, shape: [series: {file: none.csv, column: level}]}",
            "E001",
        ),
        (
            "{rate: 1/s, journey: buy, shape: [series: {file: ../day.csv, column: level}]}",
            "E009",
        ),
        (
            "{rate: 1/s, journey: buy, shape: [series: {file: day.csv, column: level}]}",
            "E203",
        ),
        (
            "{rate: 1/s, journey: buy, shape: [series: {file: bad.csv, column: level}]}",
            "E206",
        ),
        (
            "{rate: 1/s, journey: buy, shape: [series: {file: bad.csv, column: cpu}]}",
            "E206",
        ),
        (
            "{journey: buy, arrivals: even, replay: {file: day.csv}}",
            "E303",
        ),
    ] {
        let found = read(&format!("  users: {load}"), csv);
        let codes = found.map(|_| "nothing is wrong").expect_err(load);
        assert!(codes.contains(&code), "{load}: {codes:?}, not {code}");
    }
}

#[test]
fn users_are_at_places_with_links_of_their_own() {
    let links = "links:\n  users.eu <-> any: {oneWay: 5ms}\n  users <-> any: {oneWay: 40ms}";
    let load = "  all: {rate: 5/s, journey: browse, from: {eu: 75%, us: 25%}}\n";
    let scenario = read(&format!("{load}{links}"), &[]).expect("right");
    assert_eq!(scenario.links.places, ["eu", "us"]);
    assert_eq!(scenario.loads[0].from, [(0, 0.75), (1, 0.25)]);
    let one_way = |place: usize| {
        let (there, back) = scenario.links.of_place(place, 0);
        let mean = |hop: usize| scenario.links.table[hop].one_way.mean();
        (mean(there), mean(back))
    };
    assert_eq!((one_way(0), one_way(1)), ((5e-3, 5e-3), (40e-3, 40e-3)));
    // A place that no load names, shares that do not add to one, a list.
    let wrong = |load: &str, link: &str| {
        read(&format!("  all: {{rate: 5/s, journey: browse, {load}}}\nlinks:\n  {link} <-> any: {{oneWay: 5ms}}"), &[]).expect_err("wrong")
    };
    assert_eq!(wrong("from: {eu: 100%}", "users.us"), ["E300"]);
    assert_eq!(wrong("from: {eu: 50%, us: 40%}", "users.us"), ["E203"]);
    assert_eq!(wrong("from: [eu]", "users"), ["E104"]);
}
