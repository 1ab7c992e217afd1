//! The program as its users meet it: exit codes, the run folder, repeated and refused runs.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// The program, working in `folder`.
fn cutover(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("cutover").expect("the program is built");
    command.current_dir(folder).env("COLUMNS", "100");
    command
}

/// A scenario that runs in a moment: rates only, a quarter of an hour.
const SMALL: &str = "\
cutover: 1
name: small
horizon: 15m
run: {seed: 1, replications: 3, fidelity: flow}
services:
  web: {replicas: 2, steps: [work: exp(2ms)]}
journeys:
  browse: {call: web, slo: [99% under 200ms]}
load:
  users: {rate: 20/s, journey: browse}
";

fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("small.yaml"), text).expect("written");
    folder
}

#[test]
fn a_run_answers_and_repeats_from_its_manifest_to_the_byte() {
    let folder = folder_with(SMALL);
    let place = folder.path();
    cutover(place)
        .args(["run", "small.yaml", "--out", "first"])
        .assert()
        .code(0)
        .stdout(
            contains("Nothing moves")
                .and(contains("charts/traffic.png"))
                .and(contains("charts/failures.png").not()),
        )
        .stdout(contains("assumed"));
    cutover(place)
        .args([
            "run",
            "--from",
            "first/manifest.json",
            "--out",
            "second",
            "--threads",
            "1",
        ])
        .assert()
        .code(0);
    for name in [
        "summary.json",
        "summary.csv",
        "timeseries.csv",
        "scenario.yaml",
        "manifest.json",
    ] {
        let read = |run: &str| fs::read(place.join(run).join(name)).expect("written");
        assert_eq!(read("first"), read("second"), "{name}");
    }
    cutover(place)
        .args(["run", "small.yaml", "--out", "first"])
        .assert()
        .code(0)
        .stderr(contains("not played again"));
    cutover(place)
        .args(["run", "small.yaml", "--out", "first", "--seed", "2"])
        .assert()
        .code(2)
        .stderr(contains("holds another run"));
}

#[test]
fn what_a_plane_cannot_do_is_refused_also_when_the_plane_is_an_argument() {
    let text = SMALL.replace(", fidelity: flow", "").replace(
        "web: {replicas: 2,",
        "web: {replicas: 2, connections: {pool: 4},",
    );
    let folder = folder_with(&text);
    cutover(folder.path())
        .args(["run", "small.yaml", "--no-charts", "--fidelity", "flow"])
        .assert()
        .code(2)
        .stderr(contains("E110").and(contains("`connections` are not supported yet")));
}

#[test]
fn whoever_waits_for_a_node_is_named_with_the_reason() {
    // Two nodes of two pods each, ten wanted, the quota grants one node more: four of web wait for ever.
    let folder = folder_with(
        &SMALL
            .replace("{replicas: 2,", "{cluster: only, cpu: 2, replicas: 10,")
            .replace(
                "services:",
                "clusters:\n  only:\n    pools: {general: {cpu: 4, memory: 16Gi, nodes: 2..9}}\n    \
                 clusterAutoscaler: {quota: {nodes: 3}}\nservices:",
            ),
    );
    cutover(folder.path())
        .args(["run", "small.yaml", "--no-charts"])
        .assert()
        .code(0)
        .stdout(contains("web in only                6 "))
        .stdout(contains("0/2 nodes are available: 2 Insufficient cpu."))
        .stdout(contains(
            "only cannot grow: pool general: the quota of 3 nodes is used up (first at 00:0",
        ));
}

#[test]
fn what_fails_is_told_with_the_worst_time_and_what_is_behind_it() {
    // One core does 500 of 1,500 requests a second; a queue of four refuses the rest, for five minutes.
    let folder = folder_with(
        &SMALL
            .replace(
                "{replicas: 2,",
                "{replicas: 1, concurrency: 1, queue: {max: 4},",
            )
            .replace(
                "journey: browse}",
                "journey: browse, shape: [steps: [{at: +5m, level: x75}, {at: +10m, level: x1}]]}",
            ),
    );
    // Played, then shown again from its folder: with the same charts.
    for _ in 0..2 {
        cutover(folder.path())
            .args(["run", "small.yaml", "--fidelity", "request"])
            .assert()
            .code(0)
            .stdout(contains("fewest at 00:0").and(contains("web in default")))
            .stdout(contains("refuses 300,"))
            .stdout(contains("charts/failures.png"));
    }
}

#[test]
fn a_failed_assertion_is_exit_code_1() {
    let folder = folder_with(&format!("{SMALL}assert: [mean(journey.browse) < 1ns]\n"));
    cutover(folder.path())
        .args(["run", "small.yaml", "--no-charts"])
        .assert()
        .code(1)
        .stdout(contains("FAILS"));
}

#[test]
fn a_wrong_scenario_is_exit_code_2_and_nothing_is_written() {
    let folder = folder_with(&SMALL.replace("call: web", "call: wed"));
    cutover(folder.path())
        .args(["run", "small.yaml"])
        .assert()
        .code(2)
        .stderr(contains("small.yaml:").and(contains("nothing was run")));
    assert!(!folder.path().join("outputs").exists());
}

#[test]
fn the_starter_is_valid_and_never_written_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path();
    cutover(place).arg("init").assert().code(0);
    cutover(place)
        .args(["validate", "scenario.yaml"])
        .assert()
        .code(0)
        .stdout(contains("no problems"));
    cutover(place)
        .arg("init")
        .assert()
        .code(2)
        .stderr(contains("left alone"));
}

#[test]
fn what_the_program_knows_can_be_listed_and_explained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path();
    for what in [
        "metrics",
        "checks",
        "strategies",
        "distributions",
        "methods",
        "shapes",
    ] {
        cutover(place).args(["list", what]).assert().code(0);
    }
    cutover(place)
        .args(["explain", "E300"])
        .assert()
        .code(0)
        .stdout(contains("What to do"));
    cutover(place).args(["explain", "E3000"]).assert().code(2);
    cutover(place)
        .arg("schema")
        .assert()
        .code(0)
        .stdout(contains("$schema"));
    cutover(place).arg("dance").assert().code(2);
}

#[test]
fn every_problem_of_a_scenario_is_told_at_once() {
    let expected = include_str!("fixtures/shop.txt");
    cutover(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["validate", "tests/fixtures/shop.yaml"])
        .assert()
        .code(2)
        .stderr(expected);
}

#[test]
fn what_is_no_scenario_is_told_in_words() {
    let folder = folder_with(SMALL);
    let place = folder.path();
    fs::write(place.join("empty.yaml"), "").expect("written");
    fs::write(place.join("latin.yaml"), b"name: caf\xe9\n").expect("written");
    fs::create_dir(place.join("foreign")).expect("made");
    fs::write(place.join("foreign/letter.txt"), "hello").expect("written");
    let wrong: [(&[&str], &str); 8] = [
        (
            &["validate", "empty.yaml"],
            "`cutover init` writes a starter",
        ),
        (&["validate", "latin.yaml"], "not UTF-8"),
        (&["validate", "foreign"], "is a directory"),
        (&["validate", "none.yaml"], "does not exist"),
        (
            &["validate", "small.yaml", "--set", "servces.web.replicas=3"],
            "did you mean `services`?",
        ),
        (
            &["validate", "small.yaml", "--set", "x"],
            "no `=` in this setting",
        ),
        (
            &["validate", "small.yaml", "--variant", "nope"],
            "unknown variant `nope`",
        ),
        (&["run", "small.yaml", "--out", "foreign"], "holds no run"),
    ];
    for (arguments, words) in wrong {
        cutover(place)
            .args(arguments)
            .assert()
            .code(2)
            .stderr(contains(words));
    }
    let kept = fs::read_dir(place.join("foreign")).expect("there").count();
    assert_eq!(kept, 1);
}

#[test]
fn verify_names_what_is_wrong_with_case_files_and_fails_for_a_wrong_answer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path();
    cutover(place)
        .arg("verify")
        .assert()
        .code(2)
        .stderr(contains("tests/cases").and(contains("--cases")));
    let write = |text: &str| fs::write(place.join("queueing_exact.json"), text).expect("written");
    let verify = || {
        let mut command = cutover(place);
        command.args(["verify", "--cases", "."]);
        command
    };
    write(
        r#"{"cases": [{"id": "q.a", "group": "mmc", "input": {"service_rate": 1, "arrival_rate": "fast"}}]}"#,
    );
    verify().assert().code(2).stderr(contains(
        "queueing_exact.json: cases[0] (q.a): input.arrival_rate: found \"fast\", expected a number",
    ));
    verify()
        .args(["--only", "queues"])
        .assert()
        .code(2)
        .stderr(contains("`queues` is no kind of case").and(contains("queueing_exact")));
    // An M/M/1 queue at half load answers in 2 seconds on average, never in 3.
    let case = |response: u32| {
        format!(
            r#"{{"cases": [{{"id": "q.a", "group": "mmc", "grade": "must",
                "input": {{"arrival_rate": 0.5, "service_rate": 1.0, "servers": 1}},
                "expected": {{"mean_response": {response}, "mean_in_system": 1, "utilization": 0.5}}}}]}}"#
        )
    };
    write(&case(2));
    verify()
        .assert()
        .code(0)
        .stdout(contains("every case that must hold holds"));
    write(&case(3));
    verify()
        .arg("--json")
        .assert()
        .code(1)
        .stdout(contains("\"passed\": false").and(contains("mean_response: found ")));
}

#[test]
fn a_traced_run_writes_spans_and_a_critical_path_that_adds_up() {
    let folder = folder_with(&SMALL.replace("fidelity: flow", "fidelity: request"));
    let place = folder.path();
    cutover(place)
        .args([
            "run",
            "small.yaml",
            "--out",
            "traced",
            "--trace",
            "--no-charts",
        ])
        .assert()
        .code(0)
        .stdout(contains("on their critical path").and(contains("users -> web")));
    let text = fs::read_to_string(place.join("traced/traces.json")).expect("written");
    let traces: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        traces["resourceSpans"].as_array().expect("a list").len(),
        2,
        "users and web"
    );
    let path = fs::read_to_string(place.join("traced/critical_path.csv")).expect("written");
    let shares = path.lines().skip(1).map(|line| {
        let cell = line.split(',').nth(4).expect("a share");
        cell.parse::<f64>().expect("a number")
    });
    assert!((shares.sum::<f64>() - 1.0).abs() < 1e-9, "{path}");
    // Rates have no single requests to follow.
    fs::write(place.join("small.yaml"), SMALL).expect("written");
    cutover(place)
        .args(["run", "small.yaml", "--trace"])
        .assert()
        .code(2)
        .stderr(contains("fidelity: request"));
}

/// A policy by CPU, and two pods' cores as Prometheus answers: 1.5 cores in all for ten minutes, then 6.
fn recorded_cores(folder: &Path) {
    let values = |calm: &str, busy: &str| {
        let pairs: Vec<String> = (0..=80)
            .map(|index| {
                let value = if index < 40 { calm } else { busy };
                format!("[{},\"{value}\"]", 1_793_689_200 + 15 * index)
            })
            .collect();
        pairs.join(",")
    };
    let text = format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[
{{"metric":{{"__name__":"cores","pod":"web-a"}},"values":[{}]}},
{{"metric":{{"__name__":"cores","pod":"web-b"}},"values":[{}]}}]}}}}"#,
        values("1", "4"),
        values("0.5", "2"),
    );
    std::fs::write(folder.join("cores.json"), text).unwrap();
    let spec = "minReplicas: 2\nmaxReplicas: 20\nmetrics:\n  - {type: Resource, resource: {name: cpu, target: {type: \
                Utilization, averageUtilization: 50}}}\n";
    std::fs::write(folder.join("hpa.yaml"), spec).unwrap();
}

#[test]
fn recorded_series_are_chosen_by_name_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    recorded_cores(folder.path());
    let replay = |metrics: &str, more: &[&str]| {
        let plain = [
            "hpa",
            "replay",
            "--spec",
            "hpa.yaml",
            "--metrics",
            metrics,
            "--request",
            "1",
        ];
        let mut command = cutover(folder.path());
        command
            .args(plain)
            .args(["--json", "--no-charts"])
            .args(more);
        command.assert()
    };
    let most = |more: &[&str]| {
        let output = replay("cores.json", more)
            .success()
            .get_output()
            .stdout
            .clone();
        let answer: serde_json::Value = serde_json::from_slice(&output).unwrap();
        answer["most"].as_u64().unwrap()
    };
    // 6 cores at half of a core each: 12; of one pod 4 or 2 cores: 8 or 4.
    assert_eq!(most(&["--series", "cpu=cores"]), 12);
    assert_eq!(most(&["--series", "cpu=cores{pod=\"web-a\"}"]), 8);
    assert_eq!(most(&["--series", "cpu={pod=web-b}"]), 4);
    let told = |metrics: &str, more: &[&str], code: i32| {
        let output = replay(metrics, more).code(code).get_output().stderr.clone();
        String::from_utf8(output).unwrap()
    };
    let text = told("cores.json", &[], 2);
    assert!(
        text.contains("E300") && text.contains("cores.json:1:"),
        "{text}"
    );
    assert!(text.contains("2 series have the name `cores`"), "{text}");
    assert!(text.contains("pod=\"web-b\""), "{text}");
    // One column that the policy does not name is not taken for what it reads.
    std::fs::write(folder.path().join("load.csv"), "time,load\n0s,1\n60s,1\n").unwrap();
    let text = told("load.csv", &[], 2);
    assert!(
        text.contains("reads `cpu`") && text.contains("there are load"),
        "{text}"
    );
    std::fs::write(folder.path().join("load.csv"), "time,value\n0s,1\n60s,1\n").unwrap();
    replay("load.csv", &[]).success();
    let text = told("load.csv", &["--series", "up{"], 2);
    assert!(text.contains("`}` is missing"), "{text}");
}
