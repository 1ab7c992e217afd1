use super::*;
use crate::verify::Verdict;
use std::path::Path;

/// Actions of a case in a test: seconds, not minutes.
const FEW: f64 = 120_000.0;

fn file() -> CaseFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/queueing_exact.json");
    CaseFile::read(&path).expect("the shipped facts are well formed")
}

/// The shipped file's own confidence: 0.1 % over all its values.
fn results(file: &CaseFile, ids: &[&str]) -> Vec<CaseResult> {
    results_within(file, ids, &Allowance::FULL)
}

fn results_within(file: &CaseFile, ids: &[&str], allowance: &Allowance) -> Vec<CaseResult> {
    let confidence = 1.0 - FALSE_ALARM / expected_values(&file.root) as f64;
    ids.iter()
        .map(|id| {
            let case = file.cases.iter().find(|case| case.id == *id).expect(id);
            let mut judge = Judge::new(case, Grade::Must);
            one(case, confidence, FEW, &mut judge, allowance).expect("well formed");
            judge.finish()
        })
        .collect()
}

#[test]
fn one_case_of_each_group_holds() {
    // False-alarm rate: that of the whole table, 0.1 %, at a fixed seed.
    let ids = [
        "q.mmc.c1.r0.5",
        "q.mg1.erlang4.r0.6",
        "q.mg1ps.deterministic.r0.5",
        "q.erlb.c5.a3",
        "q.mmck.c2.k10.r0.9",
        "q.md1.r0.7",
        "q.jackson.mesh4",
        "q.closed.three.n3",
        "q.fj2.r0.5",
        "q.maxexp.k2",
        "q.retry.p0.5.m3",
        "q.retry.depth3",
        "q.mm1prio.0.2.0.4",
        "q.mm1pr.0.2.0.4",
        "q.erla.c10.r1.2.t1",
    ];
    for result in results(&file(), &ids) {
        assert_eq!(
            result.verdict,
            Verdict::Passed,
            "{}: {:?}",
            result.id,
            result.reasons
        );
    }
}

#[test]
fn a_system_that_had_no_time_to_fill_is_not_judged() {
    // At 99 % load the relaxation time is 1/(1 - sqrt(0.99))^2, some 40,000 services; the first round plays 3,200, so
    // that nobody waits as long as the 99th percentile and its interval has no width.
    let ended = Allowance::until(std::time::Instant::now());
    let result = &results_within(&file(), &["q.mmc.c1.r0.99"], &ended)[0];
    assert_eq!(result.verdict, Verdict::Passed, "{:?}", result.reasons);
    let note = result.note.as_deref().unwrap_or_default();
    assert!(note.contains("too early"), "{note}");
}

#[test]
fn a_wrong_reference_fails() {
    // Each value of an M/M/2 at half load moved by a fifth: far outside intervals of a few per cent.
    let text = r#"{"cases": [{"id": "a", "group": "mmc", "grade": "must",
        "input": {"arrival_rate": 1, "service_rate": 1, "servers": 2},
        "expected": {"p_wait": 0.4, "mean_wait": 0.4, "mean_response": 1.6, "mean_queue_length": 0.4,
                     "mean_in_system": 1.6, "utilization": 0.6, "response_p95": 4.5}}]}"#;
    let file = CaseFile::parse(Path::new("queueing_exact.json"), text).expect("well formed");
    let result = &results(&file, &["a"])[0];
    assert_eq!(
        (result.checks, result.failed_checks),
        (7, 7),
        "{:?}",
        result.reasons
    );
}

#[test]
fn every_value_of_the_table_counts_for_the_false_alarm_rate() {
    let text =
        r#"{"cases": [{"expected": {"a": 1, "b": [{"c": 2}, {"c": 3}]}}, {"expected": {"d": 4}}]}"#;
    let root: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(expected_values(&root), 4);
}
